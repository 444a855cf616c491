// ONNX Runtime as a rival in the network benchmarks; requests and answers are those of runners.py.
//
// It calls the native binding itself: the package's own run() hands each call to the event loop first, which costs
// a small network a good part of its time and would not be ONNX Runtime's fault.
//
//     node onnxruntime_runner.js FOLDER_OF_NODE_MODULES
'use strict';
const fs = require('fs');
const path = require('path');
const readline = require('readline');

const folder = path.resolve(process.argv[2], 'onnxruntime-node');
const {binding, initOrt} = require(path.join(folder, 'dist', 'binding.js'));
const {Tensor} = require(require.resolve('onnxruntime-common', {paths: [folder]}));
const {version} = require(path.join(folder, 'package.json'));

let session = null; // What was loaded last: the binding's session, its feeds and its fetches.

const seconds = () => Number(process.hrtime.bigint()) * 1e-9;

function shape(metadata, batch) {
    return metadata.shape.map((size, i) => {
        if (size >= 0) return size;
        if (i > 0) throw new Error(`${metadata.name} has an unknown dimension besides the batch`);
        return batch;
    });
}

function empty(sizes) {
    return new Tensor('float32', new Float32Array(sizes.reduce((a, b) => a * b, 1)), sizes);
}

// Memory for the outputs, whose shapes only a run tells.
function outputs(native, feeds) {
    const names = native.outputMetadata.map(({name}) => name);
    const found = native.run(feeds, Object.fromEntries(names.map((name) => [name, null])), {});
    return Object.fromEntries(names.map((name) => [name, empty(found[name].dims)]));
}

function load(request) {
    if (session !== null) session.native.dispose();
    session = null;
    const native = new binding.InferenceSession();
    const start = seconds();
    native.loadModel(request.load, {
        executionProviders: ['cpu'],
        intraOpNumThreads: request.threads,
        interOpNumThreads: 1,
        graphOptimizationLevel: 'all',
        executionMode: 'sequential',
        logSeverityLevel: 3,
    });
    const loadSeconds = seconds() - start;
    const input = native.inputMetadata[0];
    const image = empty(request.shape || shape(input, request.batch));
    const feeds = {[input.name]: image};
    const fetches = outputs(native, feeds); // Written in place: no allocation in a run.
    session = {native, input: image, feeds, fetches};
    return {load_seconds: loadSeconds, version, variant: 'cpu', input_elements: session.input.data.length};
}

function loaded() {
    if (session === null) throw new Error('a load has to come first');
    return session;
}

function runOnce({native, feeds, fetches}) {
    const start = seconds();
    native.run(feeds, fetches, {});
    return seconds() - start;
}

function run(request) {
    const {input, fetches} = loaded();
    const bytes = fs.readFileSync(request.run);
    if (bytes.length !== input.data.byteLength) {
        throw new Error(`${request.run} does not hold ${input.data.length} floats`);
    }
    Buffer.from(input.data.buffer, input.data.byteOffset, input.data.byteLength).set(bytes);
    const took = runOnce(session);
    const results = Object.values(fetches).map(({data}) => Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    fs.writeFileSync(request.output, Buffer.concat(results));
    return {seconds: took};
}

function measure({repetitions = 1, min_seconds: minimum = 0}) {
    const times = [];
    const current = loaded();
    const start = seconds();
    while (times.length < repetitions || seconds() - start < minimum) times.push(runOnce(current));
    return {seconds: times};
}

function answer(request) {
    if ('load' in request) return load(request);
    if ('run' in request) return run(request);
    if ('time' in request) return measure(request.time);
    throw new Error('a request is {"load"...}, {"run"...}, {"time"...} or {"quit"...}');
}

initOrt();
const lines = readline.createInterface({input: process.stdin});
lines.on('line', (line) => {
    let reply;
    try {
        const request = JSON.parse(line);
        if ('quit' in request) process.exit(0);
        reply = {ok: true, ...answer(request)};
    } catch (error) {
        reply = {ok: false, error: String(error.message)};
    }
    process.stdout.write(JSON.stringify(reply) + '\n');
});
