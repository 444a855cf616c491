/* Colours and canvases: from bytes to something to look at. */

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);

/* make("p", {className: "note"}, "text", node, ...): a new element. */
function make(tag, properties, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
}

/* ---- colours ------------------------------------------------------------------------------- */

/* 256 colours as bytes r, g, b, r, ... on straight lines through evenly spaced anchors. */
function tableThrough(anchors) {
    const table = new Uint8ClampedArray(256 * 3);
    for (let i = 0; i < 256; i++) {
        const position = i / 255 * (anchors.length - 1);
        const from = Math.min(Math.floor(position), anchors.length - 2);
        for (let k = 0; k < 3; k++) {
            const low = anchors[from][k], high = anchors[from + 1][k];
            table[i * 3 + k] = low + (high - low) * (position - from);
        }
    }
    return table;
}

const settings = { colormap: data.colormap, normalize: data.normalize };
const tables = {};
for (const name of Object.keys(data.colormaps)) tables[name] = tableThrough(data.colormaps[name]);

/* Weights: blue takes away, white does nothing, red adds. */
const weightTable = tableThrough([
    [20, 66, 130], [70, 140, 200], [250, 250, 248], [224, 110, 76], [140, 24, 30],
]);

/* Paints width x height pixels, the colour of each by colorOf(i), an index into the table. */
function paint(canvas, width, height, table, colorOf) {
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d");
    const image = context.createImageData(width, height);
    for (let i = 0; i < width * height; i++) {
        const at = 3 * colorOf(i);
        image.data[4 * i] = table[at];
        image.data[4 * i + 1] = table[at + 1];
        image.data[4 * i + 2] = table[at + 2];
        image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
}

function paintGradient(canvas, table) {
    paint(canvas, 256, 1, table, (i) => i);
}

/* ---- bytes --------------------------------------------------------------------------------- */

const pngUrl = (base64) => "data:image/png;base64," + base64;

/* The grey values of a PNG, as {width, bytes}; decoded once. */
function decode(holder) {
    if (!holder.decoded) {
        holder.decoded = new Promise((resolve, reject) => {
            const image = new Image();
            image.onload = () => {
                const canvas = make("canvas", { width: image.width, height: image.height });
                const context = canvas.getContext("2d", { willReadFrequently: true });
                context.drawImage(image, 0, 0);
                const pixels = context.getImageData(0, 0, image.width, image.height).data;
                const bytes = new Uint8Array(image.width * image.height);
                for (let i = 0; i < bytes.length; i++) bytes[i] = pixels[4 * i];
                resolve({ width: image.width, bytes });
            };
            image.onerror = reject;
            image.src = pngUrl(holder.png);
        });
    }
    return holder.decoded;
}

/* Little-endian float32 numbers in base64. */
function decodeFloats(base64) {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

/* ---- maps ---------------------------------------------------------------------------------- */

/* The lowest and the highest value that the colours of map `channel` stand for. */
function rangeShown(layer, channel) {
    const maps = layer.maps || layer.vector;
    if (layer.vector || settings.normalize === "layer") return [maps.low, maps.high];
    return [maps.ranges[2 * channel], maps.ranges[2 * channel + 1]];
}

/* One map's values, rounded to 1/255 of its range: {width, height, values}. */
async function mapValues(layer, channel) {
    const maps = layer.maps;
    const atlas = await decode(maps);
    const left = channel % maps.columns * maps.width;
    const top = Math.floor(channel / maps.columns) * maps.height;
    const low = maps.ranges[2 * channel], high = maps.ranges[2 * channel + 1];
    const values = new Float64Array(maps.width * maps.height);
    for (let y = 0; y < maps.height; y++) {
        const row = (top + y) * atlas.width + left;
        for (let x = 0; x < maps.width; x++) {
            values[y * maps.width + x] = low + (high - low) * atlas.bytes[row + x] / 255;
        }
    }
    return { width: maps.width, height: maps.height, values };
}

/* A vector's values, in rows of so many: {width, height, values, count}. */
async function vectorValues(layer, columns) {
    const vector = layer.vector;
    let values = vector.values;
    if (!values) {
        const { bytes } = await decode(vector);
        const unit = (vector.high - vector.low) / 255;
        values = Float64Array.from({ length: vector.shown }, (_, i) => vector.low + unit * bytes[i]);
    }
    const width = Math.min(columns, vector.shown);
    return { width, height: Math.ceil(vector.shown / width), values, count: vector.shown };
}

function colorIndex(value, low, high) {
    if (!(high > low) || !(value > low)) return 0;
    return Math.min(255, Math.round(255 * (value - low) / (high - low)));
}

async function paintMap(canvas, layer, channel) {
    const map = await mapValues(layer, channel);
    const [low, high] = rangeShown(layer, channel);
    paint(canvas, map.width, map.height, tables[settings.colormap],
        (i) => colorIndex(map.values[i], low, high));
    return map;
}

async function paintVector(canvas, layer, columns) {
    const map = await vectorValues(layer, columns);
    const { low, high } = layer.vector;
    paint(canvas, map.width, map.height, tables[settings.colormap],
        (i) => colorIndex(map.values[i], low, high));
    const unused = map.width * map.height - map.count;
    if (unused > 0) canvas.getContext("2d").clearRect(map.width - unused, map.height - 1, unused, 1);
    return map;
}
