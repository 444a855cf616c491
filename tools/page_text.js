/* Words: what each kind of layer is called and does, and numbers as people write them. */

/* ---- numbers ------------------------------------------------------------------------------- */

const minus = (text) => String(text).replace("-", "\u2212");

const superscripts = "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079";
const superscript = (text) => text.replace(/./g, (c) => c === "-" ? "\u207b" : superscripts[c]);

function number(value) {
    if (value === null || Number.isNaN(value)) return "not a number";
    if (value === 0) return "0";
    if (!Number.isFinite(value)) return value > 0 ? "infinity" : "\u2212infinity";
    const size = Math.abs(value);
    if (Number.isInteger(value) && size < 1e6) return minus(value);
    if (size < 1e5 && size >= 1e-3) return minus(Number(value.toPrecision(3)));
    const [mantissa, exponent] = value.toExponential(1).split("e");
    return `${minus(mantissa)} \u00b7 10${superscript(exponent.replace("+", ""))}`;
}

const whole = (value) => value.toLocaleString("en");

function percent(part) {
    const text = (100 * part).toFixed(2);
    if (text === "100.00" && part < 1) return "more than 99.99\u202f%";
    if (text === "0.00" && part > 0) return "less than 0.01\u202f%";
    return text + "\u202f%";
}

function duration(seconds) {
    if (seconds >= 1) return seconds.toFixed(2) + "\u00a0s";
    if (seconds >= 1e-3) return Number((seconds * 1e3).toPrecision(3)) + "\u00a0ms";
    return Number((seconds * 1e6).toPrecision(2)) + "\u00a0\u00b5s";
}

function count(n, one, many) {
    return whole(n) + " " + (n === 1 ? one : many || one + "s");
}

/* ---- shapes -------------------------------------------------------------------------------- */

/* A shape without its batch; pictures as height x width. */
function sizes(layer) {
    const dims = layer.shape.slice(1);
    return dims.length === 3 ? { maps: dims[0], height: dims[1], width: dims[2] } : null;
}

function shapeText(layer) {
    const of = sizes(layer);
    if (of && (of.height > 1 || of.width > 1)) {
        return `${count(of.maps, "map")} of ${area(of)}`;
    }
    const dims = layer.shape.slice(1).filter((size, i, all) => !of || i === 0 || all[i] > 1);
    if (dims.length === 0) return "one number";
    return dims.length === 1 ? count(dims[0], "number") : dims.join(" \u00d7 ");
}

const area = (of) => `${of.height}\u00a0\u00d7\u00a0${of.width}`;

/* "28 x 28 becomes 14 x 14.", or nothing. */
function becomes(before, after) {
    if (!before || !after || area(before) === area(after)) return "";
    return `${area(before)} becomes ${area(after)}.`;
}

/* ---- layers -------------------------------------------------------------------------------- */

const kinds = {
    Input: "Input", Pad: "Zero padding", Conv: "Convolution", Relu: "ReLU", Clip: "Clip",
    LeakyRelu: "Leaky ReLU", Sigmoid: "Sigmoid", Tanh: "Tanh", Softmax: "Softmax", MaxPool: "Max pooling",
    AveragePool: "Average pooling", GlobalAveragePool: "Global average pooling", Gemm: "Dense",
    MatMul: "Dense", Dropout: "Dropout", Flatten: "Flatten", Reshape: "Reshape", Transpose: "Transpose",
    BatchNormalization: "Batch normalisation", Add: "Addition", Mul: "Multiplication",
    Concat: "Concatenation", Identity: "Identity", Constant: "Constant", Resize: "Resize",
    PRelu: "PReLU", HardSigmoid: "Hard sigmoid",
};

const kindOf = (layer) => kinds[layer.op] || layer.op;

function zeroShare(layer) {
    const shares = (layer.statistics || []).map((of) => of[4]);
    if (shares.length === 0) return "";
    const share = shares.reduce((a, b) => a + b) / shares.length;
    return ` Here ${Math.round(100 * share)}\u202f% of the values are zero.`;
}

function explainConvolution(layer, before, after) {
    const filters = layer.filters;
    if (!filters || !before || !after) {
        return "Filters slide over the maps of the layer before; each makes one map.";
    }
    const size = area(filters);
    const shape = becomes(before, after);
    if (filters.height * filters.width === 1) {
        return `At every place, each of the ${filters.count} new maps is a weighted mixture of the ` +
            `${count(before.maps, "map")} before it. ${shape}`;
    }
    if (filters.depth === 1 && before.maps === filters.count && before.maps > 1) {
        return `Each map is searched by one small filter of its own, of ${size} weights. ${shape}`;
    }
    const over = before.maps === 1 ? "the picture" : `all ${before.maps} maps before it`;
    const slide = filters.count === 1 ? "slides" : "slide";
    return `${count(filters.count, "filter")} of ${size} ${slide} over ${over}. ` +
        "At each place a filter multiplies what it sees by its weights and adds it all up: " +
        `its map is bright where the filter finds its pattern. ${shape}`;
}

function explainFlatten(layer, before) {
    if (!before) return "Lays the numbers out in another shape. Nothing is computed.";
    const total = before.maps * before.height * before.width;
    return `Lays all maps out in one long row: ${before.maps}\u00a0\u00d7\u00a0${area(before)} = ` +
        `${whole(total)} numbers. Nothing is computed.`;
}

function explainDense(layer) {
    const parameters = layer.parameters > 0 ? `: ${count(layer.parameters, "parameter")} in all` : "";
    const outputs = count(layer.shape[layer.shape.length - 1], "output");
    return `Each of the ${outputs} is a weighted sum of all inputs${parameters}.`;
}

function explainInput(layer, before, after) {
    if (!after) return "What the network is given: numbers.";
    const numbers = after.maps === 1 ? "one number" : `${after.maps} numbers, one for each colour`;
    return `What the network is given: the picture as ${area(after)} pixels, and for each pixel ${numbers}.`;
}

/* op: (layer, shape of its first input, shape of its output) => sentences. */
const explanations = {
    Input: explainInput,
    Pad: (layer, before, after) => "Puts a border around each map, so that the filters that follow can " +
        `also be centred on its edge. ${becomes(before, after)}`,
    Conv: explainConvolution,
    Relu: (layer) => "Keeps what is positive and turns everything else into zero: only what was found " +
        `counts.${zeroShare(layer)}`,
    LeakyRelu: () => "Keeps what is positive and makes everything else much smaller.",
    PRelu: () => "Keeps what is positive and multiplies everything else by a number learned for each map.",
    Clip: () => "Cuts values that are too small or too large to fixed limits.",
    Sigmoid: () => "Squeezes every value between 0 and 1.",
    HardSigmoid: () => "Squeezes every value between 0 and 1, with straight lines.",
    Tanh: () => "Squeezes every value between \u22121 and 1.",
    Softmax: () => "Turns scores into probabilities: all positive, together 100\u202f%.",
    MaxPool: (layer, before, after) => "Looks at each map through a small window and keeps only the " +
        `largest value: what was found stays, exactly where matters less. ${becomes(before, after)}`,
    AveragePool: (layer, before, after) => "Looks at each map through a small window and keeps the " +
        `average. ${becomes(before, after)}`,
    GlobalAveragePool: () => "Averages each map to one number.",
    Gemm: explainDense,
    Dropout: () => "Works only in training: there it switches values off at random, so that the network " +
        "learns not to rely on single ones. For an answer everything passes unchanged.",
    Flatten: explainFlatten,
    Reshape: explainFlatten,
    Transpose: () => "Puts the numbers in another order. Nothing is computed.",
    BatchNormalization: () => "Shifts and scales each map with numbers learned in training.",
    Add: (layer) => layer.inputs.length > 1 ? "Adds its inputs place by place." : "Adds learned numbers.",
    Mul: (layer) => layer.inputs.length > 1 ? "Multiplies its inputs place by place."
        : "Multiplies by learned numbers.",
    Concat: () => "Puts the maps of its inputs side by side.",
    Identity: () => "Passes everything on unchanged.",
    Resize: (layer, before, after) => `Enlarges or shrinks each map. ${becomes(before, after)}`,
};
explanations.MatMul = explanations.Gemm;

function explain(layer) {
    const text = explanations[layer.op];
    const input = data.layers[layer.inputs[0]];
    return text ? text(layer, input ? sizes(input) : null, sizes(layer)).trim() : "";
}

const mapName = (layer, channel) => layer.vector ? "all numbers" : "map " + channel;
