/* The page: the answer, the column of layers, a section for each layer. */

const slowest = Math.max(...data.layers.map((layer) => layer.seconds), 1e-12);
const narrow = matchMedia("(max-width: 999px)");
const repaints = []; /* functions that draw again after the colours have changed */

/* A page with few pixels is drawn at once, so that it can also be printed; a large one as it is read. */
const pixelsOf = ({ maps }) => maps ? maps.shown * maps.width * maps.height : 0;
const atOnce = data.layers.reduce((sum, layer) => sum + pixelsOf(layer), 0) < 4e6;

const nearby = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) continue;
        nearby.unobserve(target);
        repaints.push(target.draw);
        target.draw();
    }
}, { rootMargin: "800px" });

function drawWhenNear(element, draw) {
    if (atOnce) {
        repaints.push(draw);
        draw();
    } else {
        element.draw = draw;
        nearby.observe(element);
    }
}

/* ---- the answer ---------------------------------------------------------------------------- */

function answerBars(most) {
    const list = make("ol", { className: "answers" });
    for (const { label, probability } of data.answers.slice(0, most)) {
        const bar = make("span", { className: "answer-bar" }, make("span"));
        bar.firstChild.style.width = `${100 * probability}%`;
        list.append(make("li", {}, make("span", { className: "answer-label" }, label), bar,
            make("span", { className: "answer-percent" }, percent(probability))));
    }
    return list;
}

function picture(canvasOrImage, caption) {
    return make("figure", { className: "picture" }, canvasOrImage, make("figcaption", {}, caption));
}

function buildHeadline() {
    const { width, height, png } = data.picture;
    const alt = "The picture that the network was asked about";
    const given = make("img", { src: pngUrl(png), width, height, alt });
    if (Math.max(width, height) < 200) given.className = "pixels";
    const [best, second] = data.answers;
    byId("headline").append(picture(given, `the picture, ${width} \u00d7 ${height} pixels`));
    if (!best) return;
    const way = make("p", { className: "way" },
        make("span", { className: "arrow", ariaHidden: "true" }, "\u2192"),
        count(data.layers.length - 1, "layer"), make("br"), count(data.parameters, "parameter"), make("br"),
        duration(data.seconds));
    const answer = make("div", { className: "answer" },
        make("p", { className: "answer-word" + (best.label.length > 4 ? " long" : "") }, best.label),
        make("p", { className: "answer-sure" }, percent(best.probability)));
    if (second) {
        const next = `next: ${second.label}, ${percent(second.probability)}`;
        answer.append(make("p", { className: "answer-next" }, next));
    }
    byId("headline").append(way, answer, answerBars(5));
}

function buildAnswer() {
    if (data.answers.length === 0) return;
    byId("layers").append(make("section", { id: "answer", className: "panel" },
        make("h2", {}, "The answer"),
        make("p", { className: "explain" }, "How sure the network is of each possible answer."),
        answerBars(10)));
}

function buildFacts() {
    byId("description").textContent = data.description;
    const size = `${count(data.layers.length - 1, "layer")}, ${count(data.parameters, "parameter")}`;
    const work = `${whole(data.macs)} multiplications in ${duration(data.seconds)}`;
    const means = `${count(data.threads, "thread")} with ${data.isa} kernels`;
    byId("facts").textContent = `${size}, ${work} on ${means}. Made by fmap.`;
}

/* ---- the column ---------------------------------------------------------------------------- */

function timeText(layer) {
    if (layer.seconds > 0) return duration(layer.seconds);
    return layer.fused_into > 0 ? `computed with ${layer.fused_into}` : "";
}

function columnEntry(layer, index) {
    const link = make("a", { href: `#layer-${index}` },
        make("span", { className: "number" }, String(index)),
        make("span", { className: "column-kind" }, kindOf(layer)),
        make("span", { className: "column-name" }, layer.name),
        make("span", { className: "column-shape" }, shapeText(layer)));
    if (index === 0) return make("li", {}, link);
    const facts = [layer.parameters > 0 ? count(layer.parameters, "parameter") : "", timeText(layer)];
    link.append(make("span", { className: "column-facts" }, facts.filter(Boolean).join(", ")));
    if (layer.seconds > 0) {
        const bar = make("span", { className: "time-bar", ariaHidden: "true" });
        bar.style.width = `${100 * layer.seconds / slowest}%`;
        link.append(bar);
    }
    return make("li", {}, link);
}

function buildColumn() {
    byId("column").append(...data.layers.map(columnEntry));
    byId("summary").textContent = count(data.layers.length - 1, "layer");
    const fold = () => { byId("overview").firstElementChild.open = !narrow.matches; };
    narrow.addEventListener("change", fold);
    fold();
}

/* The entry of the layer that is being looked at stands out. */
function followReader() {
    const links = new Map();
    for (const link of byId("column").querySelectorAll("a")) links.set(link.hash.slice(1), link);
    const list = byId("overview").firstElementChild;
    let current = null;
    const seen = new IntersectionObserver((entries) => {
        for (const { target, isIntersecting } of entries) {
            if (!isIntersecting) continue;
            if (current) current.classList.remove("current");
            current = links.get(target.id);
            current.classList.add("current");
            list.scrollTop = current.offsetTop - list.clientHeight / 2;
        }
    }, { rootMargin: "-30% 0px -69% 0px" }); /* a line in the upper third of the window */
    for (const section of document.querySelectorAll("main .layer")) seen.observe(section);
}

/* ---- maps of a layer ----------------------------------------------------------------------- */

/* Pixels that a map is wide on the page: few maps are larger than many. */
function mapWidth(maps) {
    const side = maps.shown <= 4 ? 176 : maps.shown <= 64 ? 104 : 80;
    return Math.max(24, Math.round(side * Math.min(1, maps.width / maps.height)));
}

function mapButton(layer, index, channel) {
    const canvas = make("canvas", { width: layer.maps.width, height: layer.maps.height });
    const [low, high] = layer.statistics[channel];
    const flat = low === high;
    const caption = flat ? `${channel}: all ${number(low)}` : layer.maps.total > 1 ? String(channel) : "";
    const button = make("button", { type: "button", className: flat ? "map flat" : "map" }, canvas,
        make("span", {}, caption));
    const values = `from ${number(low)} to ${number(high)}`;
    button.ariaLabel = `Layer ${index}, ${mapName(layer, channel)}, ${values}: enlarge`;
    button.addEventListener("click", () => openViewer(index, channel));
    drawWhenNear(button, () => paintMap(canvas, layer, channel));
    return button;
}

function mapGrid(layer, index) {
    const { shown } = layer.maps;
    const grid = make("div", { className: shown > 16 ? "maps many" : shown > 4 ? "maps several" : "maps" });
    grid.style.setProperty("--map", mapWidth(layer.maps) + "px");
    for (let channel = 0; channel < shown; channel++) grid.append(mapButton(layer, index, channel));
    return grid;
}

/* Labels below bars: the answers' names where there is one for each bar. */
function vectorBars(layer) {
    const { values, low, high } = layer.vector;
    const bottom = Math.min(low, 0), unit = 100 / (Math.max(high, 0) - bottom || 1);
    const chart = make("div", { className: "bars", role: "img" });
    chart.ariaLabel = values.map((value, i) => `${i}: ${number(value)}`).join(", ");
    values.forEach((value, i) => {
        const title = `${i}: ${number(value)}`;
        const bar = make("span", { className: value < 0 ? "bar negative" : "bar", title });
        bar.style.height = `${Math.abs(value) * unit}%`;
        bar.style.bottom = `${(Math.min(value, 0) - bottom) * unit}%`;
        const label = make("span", { className: "bar-label" }, values.length <= 32 ? String(i) : "");
        chart.append(make("span", { className: "bar-place" }, bar, label));
    });
    return chart;
}

function vectorCells(layer, index) {
    const canvas = make("canvas");
    const button = make("button", { type: "button", className: "map cells" }, canvas);
    button.ariaLabel = `Layer ${index}, ${shapeText(layer)}: enlarge`;
    button.addEventListener("click", () => openViewer(index, 0));
    const columns = narrow.matches ? 32 : layer.vector.shown > 2000 ? 112 : 64;
    drawWhenNear(button, () => paintVector(canvas, layer, columns));
    return button;
}

function notes(layer) {
    const shown = layer.maps || layer.vector;
    const texts = [];
    if (!shown) return ["Its maps were not asked for."];
    if (shown.shown < shown.total) {
        texts.push(`The first ${whole(shown.shown)} of ${whole(shown.total)}.`);
    }
    if (shown.shrink > 1) {
        texts.push(`Each pixel here is the average of ${shown.shrink} \u00d7 ${shown.shrink} values.`);
    }
    return texts;
}

function statisticsLine(layer) {
    const [low, high, mean, deviation, zeros] = layer.statistics[0];
    return `From ${number(low)} to ${number(high)}, mean ${number(mean)}, ` +
        `standard deviation ${number(deviation)}, ${percent(zeros)} zeros.`;
}

/* ---- a section for each layer -------------------------------------------------------------- */

function facts(layer, index) {
    const list = [shapeText(layer)];
    if (layer.parameters > 0) list.push(count(layer.parameters, "parameter"));
    if (layer.seconds > 0) list.push(duration(layer.seconds));
    else if (layer.fused_into > 0) list.push(`computed together with layer ${layer.fused_into}`);
    if (layer.kernel) list.push(layer.kernel);
    return index === 0 ? list.slice(0, 1) : list;
}

/* Where its input comes from, unless that is simply the layer before. */
function origin(layer, index) {
    if (index === 0 || layer.inputs.length === 0) return [];
    if (layer.inputs.length === 1 && layer.inputs[0] === index - 1) return [];
    const line = make("p", { className: "origin" }, "Reads ");
    layer.inputs.forEach((from, i) => {
        if (i > 0) line.append(", ");
        line.append(make("a", { href: `#layer-${from}` }, `${from} ${data.layers[from].name}`));
    });
    return [line];
}

function layerSection(layer, index) {
    const heading = make("h2", { id: `title-${index}` }, make("span", { className: "number" }, String(index)),
        kindOf(layer), " ", make("span", { className: "layer-name" }, layer.name));
    const section = make("section", { id: `layer-${index}`, className: "layer panel" }, heading,
        make("p", { className: "facts" }, facts(layer, index).join("  \u00b7  ")), ...origin(layer, index));
    section.setAttribute("aria-labelledby", heading.id);
    const text = explain(layer);
    if (text) section.append(make("p", { className: "explain" }, text));
    if (layer.maps) section.append(mapGrid(layer, index));
    if (layer.maps && layer.maps.total === 1) section.classList.add("single");
    if (layer.vector) {
        section.append(layer.vector.values ? vectorBars(layer) : vectorCells(layer, index));
        section.append(make("p", { className: "note" }, statisticsLine(layer)));
    }
    for (const note of notes(layer)) section.append(make("p", { className: "note" }, note));
    const shown = layer.maps || layer.vector;
    if (shown && shown.shown < shown.total) {
        const all = make("a", { href: layer.file + ".png" }, "All of them in one picture");
        section.lastChild.append(" ", all, ".");
    }
    return section;
}

/* ---- the toolbar --------------------------------------------------------------------------- */

function buildToolbar() {
    const gradient = () => paintGradient(byId("gradient"), tables[settings.colormap]);
    byId("colormap").append(...Object.keys(tables).map((name) => make("option", { value: name }, name)));
    for (const name of ["colormap", "normalize"]) {
        byId(name).value = settings[name];
        byId(name).addEventListener("change", () => {
            settings[name] = byId(name).value;
            for (const repaint of repaints) repaint();
        });
    }
    repaints.push(gradient);
    gradient();
    byId("toolbar").hidden = byId("columns").hidden = false;
}

buildHeadline();
buildFacts();
buildColumn();
byId("layers").append(...data.layers.map(layerSection));
buildAnswer();
buildToolbar();
followReader();
buildViewer();
