/* The viewer: one map, large, with its statistics and its filter. "#layer=3&map=5" opens it. */

const viewer = byId("viewer");
const looking = { index: -1, channel: 0, map: null };

/* ---- statistics ---------------------------------------------------------------------------- */

function fillStatistics(layer, channel) {
    const names = ["minimum", "maximum", "mean", "standard deviation", "zeros"];
    const values = layer.statistics[channel].map((value, i) => i === 4 ? percent(value) : number(value));
    byId("viewer-statistics").replaceChildren(...names.map((name, i) =>
        make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, values[i]))));
}

/* ---- filters ------------------------------------------------------------------------------- */

/* Layers after which map n is still made from map n of the layer before. */
const passing = new Set(["Relu", "LeakyRelu", "PRelu", "Clip", "Sigmoid", "HardSigmoid", "Tanh", "MaxPool",
    "AveragePool", "BatchNormalization", "Dropout", "Identity"]);

/* The convolution that made this layer's maps: itself, or one before it; -1: none. */
function convolutionBehind(index) {
    while (index > 0 && !data.layers[index].filters && passing.has(data.layers[index].op)) {
        index = data.layers[index].inputs[0];
    }
    return index > 0 && data.layers[index].filters ? index : -1;
}

function filterWeights(filters, channel) {
    if (!filters.floats) filters.floats = decodeFloats(filters.weights);
    const size = filters.slices * filters.height * filters.width;
    return filters.floats.subarray(channel * size, (channel + 1) * size);
}

/* A small filter as a table of numbers on their colours. */
function filterTable(filters, weights, most) {
    const table = make("table", { className: "weights" });
    for (let y = 0; y < filters.height; y++) {
        const row = make("tr");
        for (let x = 0; x < filters.width; x++) {
            const weight = weights[y * filters.width + x];
            const index = colorIndex(weight, -most, most);
            const cell = make("td", {}, minus(weight.toFixed(2)));
            cell.style.backgroundColor = `rgb(${weightTable.subarray(3 * index, 3 * index + 3).join()})`;
            cell.style.color = index < 72 || index > 196 ? "#fff" : "#15181b";
            row.append(cell);
        }
        table.append(row);
    }
    return table;
}

/* Many slices side by side; 1 x 1 slices become one picture in rows. */
function filterSlices(filters, weights, most) {
    const colorOf = (i) => colorIndex(weights[i], -most, most);
    const size = filters.height * filters.width;
    if (size === 1) {
        const width = Math.min(filters.slices, 16), height = Math.ceil(filters.slices / width);
        const canvas = make("canvas", { className: "mixture" });
        paint(canvas, width, height, weightTable, (i) => i < filters.slices ? colorOf(i) : 127);
        return canvas;
    }
    const slices = make("div", { className: "slices" });
    for (let slice = 0; slice < filters.slices; slice++) {
        const canvas = make("canvas", { title: `weights for map ${slice}` });
        paint(canvas, filters.width, filters.height, weightTable, (i) => colorOf(slice * size + i));
        slices.append(make("span", {}, canvas, String(slice)));
    }
    return slices;
}

function weightLegend(most) {
    const canvas = make("canvas", { ariaHidden: "true" });
    paintGradient(canvas, weightTable);
    return make("div", { className: "legend" }, number(-most), canvas, number(most));
}

function fillFilter(index, channel) {
    const place = byId("viewer-filter");
    place.replaceChildren();
    const from = convolutionBehind(index);
    if (from < 0 || channel >= data.layers[from].filters.shown) return;
    const { filters, name } = data.layers[from];
    const weights = filterWeights(filters, channel);
    const most = weights.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-12);
    const single = filters.depth === 1 && filters.height * filters.width <= 49 && filters.width <= 7;
    const where = from === index ? "" : ` of layer ${from}, ${name}`;
    const size = filters.height * filters.width === 1 ? "One weight" : `${area(filters)} weights`;
    const deep = filters.depth > 1 ? ` for each of the ${filters.depth} maps before it` : "";
    const bias = filters.bias ? `; bias ${number(filters.bias[channel])}` : "";
    const cut = filters.slices < filters.depth;
    const part = cut ? ` The first ${filters.slices} of ${filters.depth} are shown.` : "";
    place.append(make("h3", {}, `Filter ${channel}${where}`),
        make("p", {}, `${size}${deep}${bias}. Red adds, blue takes away.${part}`),
        single ? filterTable(filters, weights, most) : filterSlices(filters, weights, most),
        weightLegend(most));
}

/* ---- the map ------------------------------------------------------------------------------- */

async function fillMap(layer, channel) {
    const canvas = byId("viewer-map");
    const side = layer.vector ? Math.ceil(Math.sqrt(2 * layer.vector.shown)) : 0;
    looking.map = await (layer.vector ? paintVector(canvas, layer, side) : paintMap(canvas, layer, channel));
    canvas.style.setProperty("--proportion", looking.map.width / looking.map.height);
    canvas.ariaLabel = `${kindOf(layer)} ${layer.name}, ${mapName(layer, channel)}`;
    const [low, high] = rangeShown(layer, channel);
    byId("viewer-low").textContent = number(low);
    byId("viewer-high").textContent = number(high);
    paintGradient(byId("viewer-gradient"), tables[settings.colormap]);
    byId("viewer-readout").textContent = "Point at the map to read a value.";
}

function readOut(event) {
    const map = looking.map, box = byId("viewer-map").getBoundingClientRect();
    if (!map) return;
    const x = Math.floor((event.clientX - box.left) / box.width * map.width);
    const y = Math.floor((event.clientY - box.top) / box.height * map.height);
    if (x < 0 || y < 0 || x >= map.width || y >= map.height) return;
    const i = y * map.width + x;
    if (map.count !== undefined && i >= map.count) return;
    const where = map.count === undefined ? `row ${y}, column ${x}` : `number ${i}`;
    byId("viewer-readout").textContent = `${where}: about ${number(map.values[i])}`;
}

/* ---- opening and moving -------------------------------------------------------------------- */

const viewable = (index) => {
    const layer = data.layers[index];
    return Boolean(layer && (layer.maps || (layer.vector && !layer.vector.values)));
};
const mapsOf = (layer) => layer.maps ? layer.maps.shown : 1;

function openViewer(index, channel) {
    if (!viewable(index)) return;
    const layer = data.layers[index];
    channel = Math.max(0, Math.min(channel, mapsOf(layer) - 1));
    Object.assign(looking, { index, channel, map: null });
    byId("viewer-title").replaceChildren(`${kindOf(layer)}, ${mapName(layer, channel)}`,
        make("span", { className: "layer-name" }, `layer ${index}, ${layer.name}`));
    fillStatistics(layer, channel);
    fillFilter(index, channel);
    fillMap(layer, channel);
    byId("viewer-previous").disabled = channel === 0;
    byId("viewer-next").disabled = channel === mapsOf(layer) - 1;
    if (!viewer.open) viewer.showModal();
    history.replaceState(null, "", `#layer=${index}&map=${channel}`);
}

function otherLayer(step) {
    let index = looking.index + step;
    while (index >= 0 && index < data.layers.length && !viewable(index)) index += step;
    openViewer(index, looking.channel);
}

function onKey(event) {
    const moves = {
        ArrowLeft: () => openViewer(looking.index, looking.channel - 1),
        ArrowRight: () => openViewer(looking.index, looking.channel + 1),
        ArrowUp: () => otherLayer(-1),
        ArrowDown: () => otherLayer(1),
    };
    if (!moves[event.key]) return;
    event.preventDefault();
    moves[event.key]();
}

function openFromAddress() {
    const match = /^#layer=(\d+)&map=(\d+)$/.exec(location.hash);
    if (match) openViewer(Number(match[1]), Number(match[2]));
}

function buildViewer() {
    byId("viewer-close").addEventListener("click", () => viewer.close());
    byId("viewer-previous").addEventListener("click", () => openViewer(looking.index, looking.channel - 1));
    byId("viewer-next").addEventListener("click", () => openViewer(looking.index, looking.channel + 1));
    byId("viewer-map").addEventListener("pointermove", readOut);
    byId("viewer-map").addEventListener("pointerdown", readOut);
    viewer.addEventListener("keydown", onKey);
    viewer.addEventListener("click", (event) => { if (event.target === viewer) viewer.close(); });
    const plainAddress = location.pathname + location.search;
    viewer.addEventListener("close", () => history.replaceState(null, "", plainAddress));
    addEventListener("hashchange", openFromAddress);
    openFromAddress();
}
