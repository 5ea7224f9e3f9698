// The viewer: two pictures of one row under one view, kept across modes and rows. createViewer draws into an
// element; it knows neither Jupyter nor a kernel.
//
// source  record(name), picture(name, side), regions(name), tile(name, x, y): promises of what viewer.py describes;
//         only(name) drops what waits for other rows; on(event, call) tells "rows" and "trouble"; close().
//         Where rows can be decided: decide(name, decision, note, on), undo(), redo(), and on("decided", call).
//         Without them a record's decision is shown, and that is all.
// state   get(key), set(values), on(key, call) for "row", "mode" and "region".
//
// File names and messages come from files of others: they are set as text, never as markup.

const MODES = [
  ["side-by-side", "Side by side"],
  ["swipe", "Swipe"],
  ["onion-skin", "Onion skin"],
  ["blink", "Blink"],
  ["difference", "Difference"],
  ["delta", "Delta"],
];

// What the one slider of the tool bar does in each mode: key of the view, label, range, text.
const SLIDERS = {
  swipe: ["swipe", "Divider", 0, 100, 1, (value) => `${value} %`],
  "onion-skin": ["opacity", "Second", 0, 100, 1, (value) => `${value} %`],
  blink: ["interval", "Every", 200, 2000, 50, (value) => `${value} ms`],
  difference: ["boost", "Boost", 1, 16, 1, (value) => `× ${value}`],
  delta: ["context", "Picture", 0, 100, 5, (value) => `${value} %`],
};

const SIDES = ["first", "second"];
const TILE = 128; // px, as in viewer.py
const LARGEST = 64; // screen pixels per pixel
const GRID_FROM = 8;
const MARGIN = 12; // px around a page that fits
const ORANGE = ["#fdd0a2", "#fdae6b", "#fd8d3c", "#f16913", "#d94801", "#a63603", "#7f2704"];
const BLUE = ["#c6dbef", "#9ecae1", "#6baed6", "#4292c6", "#2171b5", "#08519c", "#08306b"];
const SUMS = ["1", "2–5", "6–15", "16–46", "47–140", "141–420", "421 and more"];

const KEYS = [
  ["1 … 6", "side by side, swipe, onion skin, blink, difference, delta"],
  [", .", "move the slider of the mode"],
  ["→ n, ← p", "next, previous picture"],
  ["] j, [ k", "next, previous region, the most differing pixels first"],
  ["f, w, 0", "fit the page, fit its width, 1:1"],
  ["+ −", "zoom in, zoom out"],
  ["↑ ↓, Page, Space", "scroll; with Shift the arrows move in all directions"],
  ["c", "crosshair: the arrows move it pixel by pixel, with Shift by ten"],
  ["o, g, d", "outlines of regions, grid, details: on or off"],
  ["m", "maximise, and back"],
  ["Esc", "close this, crosshair off, no region"],
];
const DECIDING = [
  ["a, r, i", "accept, reject, ignore; then the next row without a decision (same ones are passed over)"],
  ["Backspace", "take the decision away"],
  ["u, Shift + u", "undo, redo, and show that row; also Ctrl + z, Ctrl + Shift + z"],
  ["t", "a note on the decision"],
];
const POINTER = [
  ["Drag", "move the picture, or the divider of swipe"],
  ["Wheel", "scroll, once the viewer has been clicked (before, the notebook scrolls)"],
  ["Ctrl + wheel", "zoom to the pointer; a double click too, with Shift out again"],
];

const ICONS = {
  previous: "M10 3 5 8l5 5",
  next: "M6 3l5 5-5 5",
  out: "M3.5 8h9",
  in: "M3.5 8h9M8 3.5v9",
  large: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  details: "M2.5 3h11v10h-11zM10 3v10",
  accept: "M2.5 8.5 6 12l7.5-8",
  reject: "M4 4l8 8M12 4l-8 8",
  ignore: "M2.5 8a5.5 5.5 0 1 0 11 0a5.5 5.5 0 1 0-11 0M4.2 11.8l7.6-7.6",
  undo: "M5.5 3 2.5 6l3 3M2.5 6H9a4 4 0 0 1 0 8H6",
  redo: "M10.5 3l3 3-3 3M13.5 6H7a4 4 0 0 0 0 8h3",
};

const DECIDED = { accept: "accepted", reject: "rejected", ignore: "ignored" };

const size = (width, height) => (width && height ? `${number(width)} × ${number(height)} px` : "–");
const signed = (value) => (value > 0 ? `+${value}` : value < 0 ? `−${-value}` : "0");

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

function createViewer(root, source, state) {
  const ending = new AbortController();
  const listen = (target, type, call, options = {}) =>
    target.addEventListener(type, call, { signal: ending.signal, ...options });

  // The one view state. Its place is the centre, so that it means the same in panes of any size.
  const view = {
    fit: "width", // "page", "width" or null for a zoom of its own
    zoom: 1, // screen pixels per pixel
    x: 0,
    y: 0, // centre, px of the page
    swipe: 50,
    opacity: 50,
    interval: 600,
    boost: 1,
    context: 25,
    outlines: true,
    grid: true,
    cross: null,
  };
  let record = null;
  let pair = {}; // by side: a picture, or {error}
  let boxes = null; // regions with weights, the largest first
  let turn = 0; // counts rows shown, so that late answers are known
  let hover = null; // pixel under the pointer
  let blinkTimer = 0;
  let phase = "first";
  let deciding = { undo: false, redo: false, closed: "" };
  const underWay = new Map(); // decisions that are being written, by row: {word, done}
  let told = {}; // what came of the last one, and beside which row that is said
  let askedAt = 0; // the turn in which something was decided last
  let noting = null; // the record that the open note is about, which need not be the row shown
  const drafts = new Map(); // notes that no decision has taken along as yet, by row

  // --- parts ------------------------------------------------------------------------------------------

  const place = element("span", { class: "mmv-place" });
  const status = element("span", { class: "mmv-status" });
  const name = element("bdi", { class: "mmv-name" });
  const previousButton = button("Previous picture", "← or p", () => step("previous"), icon("previous"));
  const nextButton = button("Next picture", "→ or n", () => step("next"), icon("next"));
  const detailsButton = button("Details", "d", () => toggle("details"), icon("details"));
  const largeButton = button("Maximise", "m", maximise, icon("large"));
  const helpButton = button("Keys and help", "?", () => showHelp(true), "?");
  const decision = element("span", { class: "mmv-decision" });
  const decideButtons = [["accept", "Accept", "a"], ["reject", "Reject", "r"], ["ignore", "Ignore", "i"]].map(
    ([word, label, key]) => {
      const made = button(label, key, () => decide(word), element("span", { text: label }));
      made.prepend(icon(word));
      Object.assign(made.dataset, { decision: word, title: made.title });
      return made;
    },
  );
  const undoButton = button("Undo", "u", () => stepBack("undo"), icon("undo"));
  const redoButton = button("Redo", "Shift + u", () => stepBack("redo"), icon("redo"));
  const decideBox = element("div", { class: "mmv-group mmv-decide", role: "group", "aria-label": "Decision" }, ...decideButtons, undoButton, redoButton);
  decideBox.hidden = !source.decide;
  const head = element(
    "div",
    { class: "mmv-head" },
    element("div", { class: "mmv-group" }, previousButton, nextButton),
    place,
    status,
    decision,
    name,
    decideBox,
    element("div", { class: "mmv-group" }, detailsButton, largeButton, helpButton),
  );
  const problem = element("p", { class: "mmv-problem", role: "alert", hidden: "" });
  const noteText = element("input", { type: "text", "aria-label": "Note", placeholder: "Why? Enter keeps it, Esc does not" });
  const noteName = element("bdi");
  const noteBox = element("label", { class: "mmv-noting", hidden: "" }, element("span", {}, "Note on ", noteName), noteText);

  const modeButtons = MODES.map(([mode, label], index) => button(label, index + 1, () => choose({ mode })));
  const slider = element("input", { type: "range" });
  const sliderName = element("span");
  const sliderText = element("output");
  const sliderBox = element("label", { class: "mmv-slider" }, sliderName, slider, sliderText);
  const zoomText = element("output", { class: "mmv-zoom", "aria-label": "Zoom" });
  const fitButtons = {
    page: button("Fit the page", "f", () => fit("page"), "Fit"),
    width: button("Fit the width", "w", () => fit("width"), "Width"),
    one: button("One to one", "0", () => zoomTo(1), "1:1"),
  };
  const toggles = {
    outlines: button("Regions", "o", () => toggle("outlines"), "Regions"),
    grid: button("Pixel grid", "g", () => toggle("grid"), "Grid"),
  };
  const tools = element(
    "div",
    { class: "mmv-tools" },
    element("div", { class: "mmv-group mmv-modes", role: "group", "aria-label": "Mode" }, ...modeButtons),
    sliderBox,
    element("div", { class: "mmv-group mmv-end", role: "group", "aria-label": "Show" }, ...Object.values(toggles)),
    element(
      "div",
      { class: "mmv-group", role: "group", "aria-label": "Zoom" },
      button("Zoom out", "−", () => zoomBy(1 / 1.5), icon("out")),
      zoomText,
      button("Zoom in", "+", () => zoomBy(1.5), icon("in")),
      ...Object.values(fitButtons),
    ),
  );

  function makeSheet(side) {
    const picture = element("img", { alt: "", draggable: "false" });
    const ground = element("div", { class: "mmv-ground" });
    const hatch = element("div", { class: "mmv-hatch" });
    return { side, picture, ground, hatch, node: element("div", { class: "mmv-sheet", "data-side": side }, hatch, ground, picture) };
  }
  function makePane(title, ...sides) {
    const sheets = sides.map(makeSheet);
    const overlay = element("canvas", { class: "mmv-overlay", "aria-hidden": "true" });
    const chips = Object.fromEntries(SIDES.map((side) => [side, element("span", { class: "mmv-chip", "data-side": side })]));
    const notices = Object.fromEntries(
      SIDES.map((side) => [side, element("p", { class: "mmv-notice", "data-side": side, hidden: "" })]),
    );
    const stack = element("div", { class: "mmv-stack" }, ...sheets.map((sheet) => sheet.node));
    const node = element(
      "div",
      { class: "mmv-picture", role: "img" },
      stack,
      overlay,
      element("div", { class: "mmv-notices" }, ...Object.values(notices)),
    );
    const names = element("div", { class: "mmv-chips" }, ...Object.values(chips));
    const whole = element("div", { class: "mmv-pane", "data-pane": title }, names, node);
    return { whole, node, sheets, overlay, chips, notices, stack, width: 0, height: 0 };
  }
  const left = makePane("left", "first", "second", "delta");
  const right = makePane("right", "second");
  const panes = [left, right];
  const divider = element("div", { class: "mmv-divider", "aria-hidden": "true" }, element("span"));
  left.node.append(divider);
  const legend = element("div", { class: "mmv-legend" }, ...makeLegend());
  const news = element("p", { class: "mmv-news", "aria-hidden": "true", hidden: "" });
  const stage = element("div", { class: "mmv-stage" }, left.whole, right.whole, legend, news);

  const message = element("p", { class: "mmv-message" });
  const notes = element("div", { class: "mmv-notes" });
  const figures = element("div", { class: "mmv-figures" });
  const regionTitle = element("h3", { text: "Regions" });
  const map = element("div", { class: "mmv-map", role: "img", "aria-label": "The whole page with its regions" });
  const mapPicture = element("img", { alt: "", draggable: "false" });
  const mapCanvas = element("canvas", { "aria-hidden": "true" });
  map.append(mapPicture, mapCanvas);
  const list = element("ol", { class: "mmv-list", "aria-label": "Regions, the most differing pixels first" });
  const regionPart = element("div", { class: "mmv-regions" }, map, list);
  const previousRegion = button("Previous region", "[ or k", () => stepRegion(-1), icon("previous"));
  const nextRegion = button("Next region", "] or j", () => stepRegion(1), icon("next"));
  const details = element(
    "aside",
    { class: "mmv-details", "aria-label": "Details" },
    message,
    notes,
    figures,
    element(
      "div",
      { class: "mmv-title" },
      regionTitle,
      element("div", { class: "mmv-group mmv-end" }, previousRegion, nextRegion),
    ),
    regionPart,
  );

  const readout = element("div", { class: "mmv-readout" });
  const readoutPlace = element("span", { class: "mmv-at" });
  const readoutValues = Object.fromEntries(
    [...SIDES, "delta"].map((part) => [part, element("span", { class: "mmv-value", "data-side": part })]),
  );
  const swatches = Object.fromEntries(SIDES.map((side) => [side, element("i", { class: "mmv-swatch" }, element("b"))]));
  const trouble = element("span", { class: "mmv-trouble", role: "status" });
  readout.append(
    readoutPlace,
    ...SIDES.map((side) =>
      element("span", { class: "mmv-read" }, element("span", { class: "mmv-dim", text: side }), swatches[side], readoutValues[side]),
    ),
    element("span", { class: "mmv-read" }, element("span", { class: "mmv-dim", text: "second − first" }), readoutValues.delta),
    trouble,
  );

  const live = element("div", { class: "mmv-live", "aria-live": "polite" });
  const help = element("div", { class: "mmv-help", role: "dialog", "aria-label": "Keys and help", hidden: "" });
  const closeHelp = button("Close", "Esc", () => showHelp(false));
  help.append(
    element("div", { class: "mmv-card" },
      element("h3", { text: "Keys" }), makeTable(source.decide ? [...DECIDING, ...KEYS] : KEYS),
      element("h3", { text: "Mouse and touch pad" }), makeTable(POINTER),
      element("p", { text: "Keys work while the viewer has the focus: click it, or go to it with Tab." }),
      closeHelp),
  );

  root.classList.add("mmv");
  for (const [attribute, value] of Object.entries({
    tabindex: "0",
    role: "group",
    "aria-label": "Picture viewer; ? shows its keys",
    "data-details": "on",
    "data-has": "none",
  })) root.setAttribute(attribute, value);
  root.replaceChildren(head, problem, noteBox, tools, element("div", { class: "mmv-body" }, stage, details), readout, help, live);

  function makeTable(rows) {
    return element(
      "table",
      {},
      ...rows.map(([keys, text]) => element("tr", {}, element("th", { scope: "row", text: keys }), element("td", { text }))),
    );
  }

  function makeLegend() {
    const row = (label, colours) => {
      const shades = colours.map((colour, index) => {
        const shade = element("i", { title: `sum of differences ${SUMS[index]}` });
        shade.style.background = colour;
        return shade;
      });
      return element("div", {}, element("span", { text: label }), ...shades);
    };
    return [
      row("colour differs", ORANGE),
      row("only alpha differs", BLUE),
      element("div", { class: "mmv-dim" }, element("span", { text: "sum over R, G, B, A" }), element("span", { text: "1" }), element("span", { class: "mmv-end", text: "421+" })),
    ];
  }

  // --- rows -------------------------------------------------------------------------------------------

  const extent = (side) => {
    const shown = pair[side];
    if (shown?.width) return [shown.width, shown.height];
    return record && !shown?.error && record[side][0] ? record[side] : [0, 0];
  };
  const page = () => {
    const [first, second] = SIDES.map(extent);
    return { width: Math.max(first[0], second[0]), height: Math.max(first[1], second[1]) };
  };
  const has = (side) => Boolean(pair[side]?.url);
  const lacks = (side) => record && ((side === "first" && record.status === "extra") || (side === "second" && record.status === "missing"));

  async function showRow(wanted) {
    const mine = ++turn;
    record = boxes = null;
    pair = {};
    if (document.activeElement !== noteText) leaveNote(); // who is writing goes on, or letters would be keys
    problem.hidden = true;
    source.only(wanted);
    fill();
    if (!wanted) return;
    let found;
    try {
      found = await source.record(wanted);
    } catch (error) {
      if (mine === turn && !error.dropped) note(left.notices.first, error.message);
      return;
    }
    if (mine !== turn) return;
    record = found;
    fill();
    announceRow();
    const arriving = SIDES.map((side) => load(side, mine));
    if (state.get("mode") === "delta") arriving.push(load("delta", mine));
    await Promise.all(arriving);
    if (mine !== turn) return;
    await loadRegions(mine);
    if (mine === turn) lookAhead(mine);
  }

  // The rows around this one are others now; the row itself is as it was, unless the files are others, too.
  async function refresh(fresh) {
    if (fresh || !record) return showRow(state.get("row"));
    const mine = turn;
    try {
      const found = await source.record(record.name);
      if (mine !== turn) return;
      for (const key of ["place", "total", "previous", "next", "decision", "note"]) record[key] = found[key];
      fillHead();
      fillDetails();
    } catch {
      // another row is on its way
    }
  }

  async function load(side, mine) {
    let found;
    try {
      found = await source.picture(record.name, side);
    } catch (error) {
      if (error.dropped) return;
      found = { error: error.message };
    }
    if (mine !== turn) return;
    pair[side] = found;
    placePicture(side);
    if (side !== "delta") fillDetails();
    fillNotices();
    schedule();
  }

  async function loadRegions(mine) {
    if (!record.regions.length) {
      boxes = [];
    } else {
      try {
        boxes = await source.regions(record.name);
      } catch (error) {
        if (error.dropped || mine !== turn) return;
        boxes = record.regions.map((box) => [...box, null]); // in the order of the page, without weights
      }
    }
    if (mine !== turn) return;
    fillRegions();
    if (state.get("region") >= 0) goToRegion();
    schedule();
  }

  async function lookAhead(mine) {
    if (!record.next) return;
    try {
      const coming = await source.record(record.next);
      if (mine !== turn) return;
      for (const side of SIDES) await source.picture(coming.name, side, true);
    } catch {
      // it will be told when that row is shown
    }
  }

  function placePicture(side) {
    const shown = pair[side];
    for (const sheet of panes.flatMap((pane) => pane.sheets)) {
      if (sheet.side !== side) continue;
      if (shown?.url) {
        sheet.picture.src = shown.url;
        sheet.picture.style.width = `${shown.width}px`;
        sheet.picture.style.height = `${shown.height}px`;
      } else {
        sheet.picture.removeAttribute("src");
      }
      sheet.node.toggleAttribute("data-there", Boolean(shown?.url));
    }
    const there = SIDES.filter(has);
    root.dataset.has = there.length === 2 ? "both" : (there[0] ?? "none");
    const wanted = has("second") ? pair.second.url : has("first") ? pair.first.url : null;
    if (wanted) mapPicture.src = wanted;
    else mapPicture.removeAttribute("src");
  }

  function fill() {
    for (const side of [...SIDES, "delta"]) placePicture(side);
    fillHead();
    fillDetails();
    fillNotices();
    fillRegions();
    showPixel();
    schedule();
  }

  function fillHead() {
    root.toggleAttribute("data-empty", !state.get("row"));
    const wanted = state.get("row");
    name.textContent = wanted || "No rows to show";
    name.title = wanted;
    place.textContent = record ? `${number(record.place + 1)} / ${number(record.total)}` : "";
    status.textContent = record?.status ?? "";
    status.dataset.status = record?.status ?? "";
    status.hidden = !record?.status;
    fillDecision();
    if (!record && wanted) return; // a button that is pressed again and again keeps the focus
    able(previousButton, record?.previous);
    able(nextButton, record?.next);
  }

  // A button that is disabled would lose the focus, and the viewer with it.
  function able(made, can) {
    if (!can && made === document.activeElement) root.focus({ preventScroll: true });
    made.disabled = !can;
  }

  function fillDecision() {
    const coming = underWay.get(record?.name)?.word;
    root.toggleAttribute("data-deciding", Boolean(coming));
    decision.textContent = DECIDED[record?.decision] ?? "";
    decision.dataset.decision = record?.decision ?? "";
    decision.hidden = Boolean(source.decide) || !DECIDED[record?.decision];
    for (const made of decideButtons) {
      made.setAttribute("aria-pressed", made.dataset.decision === (coming ?? record?.decision));
      made.title = deciding.closed || made.dataset.title;
      able(made, state.get("row") && !deciding.closed);
    }
    able(undoButton, deciding.undo);
    able(redoButton, deciding.redo);
    news.textContent = told.row === state.get("row") ? (told.text ?? "") : "";
    news.hidden = !news.textContent;
  }

  let newsTimer = 0;
  function tell(row, text) {
    told = { row, text };
    clearTimeout(newsTimer);
    newsTimer = setTimeout(() => {
      told = {};
      fillDecision();
    }, 5000);
  }

  function fillDetails() {
    message.textContent = record?.messages ?? "";
    const rows = [];
    const add = (term, text) =>
      rows.push(element("div", {}, element("span", { class: "mmv-dim", text: term }), element("span", { text })));
    if (record) {
      if (record.ssim_score !== null) add("SSIM", record.ssim_score === 1 ? "1" : record.ssim_score.toFixed(6));
      if (record.num_diff_pixels !== null) {
        const percent = record.pixel_diff_percent;
        const share = percent === null ? "" : ` (${percent > 0 && percent < 0.001 ? "< 0.001" : Number(percent.toPrecision(3))} %)`;
        add("Differing pixels", number(record.num_diff_pixels) + share);
      }
      const most = ["r", "g", "b", "a"].map((channel) => record[`max_diff_${channel}`]);
      if (most[0] !== null) add("Largest, RGBA", most.join(" "));
      if (record.combined !== null) add("Combined, 0–10", record.combined.toFixed(3));
      const [one, other] = SIDES.map((side) => (lacks(side) ? "no file" : size(...extent(side))));
      if (one === other) add("Size", one);
      else SIDES.forEach((side, index) => add(`Size of ${side}`, [one, other][index]));
      if (record.code) add("Code", record.code);
    }
    figures.replaceChildren(...rows);
    const remarks = [];
    const noted = DECIDED[record?.decision] ? record.note : (drafts.get(record?.name) ?? record?.note);
    if (noted) remarks.push(element("p", { class: "mmv-noted", text: `Note: ${noted}` }));
    for (const side of SIDES) {
      if (pair[side]?.changed) remarks.push(element("p", { class: "mmv-warning", text: pair[side].changed }));
      if (pair[side]?.encoded) remarks.push(element("p", { text: `${side} is shown as compared: ${pair[side].encoded}.` }));
    }
    const [first, second] = SIDES.map(extent);
    if (SIDES.every(has)) {
      const missing = (mine, other, side) => {
        const parts = [];
        if (other[0] > mine[0]) parts.push(`${number(other[0] - mine[0])} px on the right`);
        if (other[1] > mine[1]) parts.push(`${number(other[1] - mine[1])} px at the bottom`);
        if (parts.length) remarks.push(element("p", { text: `${side} lacks ${parts.join(" and ")}: hatched.` }));
      };
      missing(first, second, "first");
      missing(second, first, "second");
    }
    notes.replaceChildren(...remarks);
    for (const pane of panes) {
      for (const side of SIDES) {
        const [width, height] = extent(side);
        pane.chips[side].replaceChildren(element("b", { text: side }), ` ${width ? size(width, height) : ""}`);
      }
    }
    left.node.setAttribute("aria-label", `${record?.name ?? "nothing"}, ${state.get("mode") === "side-by-side" ? "first" : state.get("mode")}`);
    right.node.setAttribute("aria-label", `${record?.name ?? "nothing"}, second`);
  }

  function note(node, text) {
    node.textContent = text;
    node.hidden = !text;
  }

  function fillNotices() {
    for (const pane of panes) for (const side of SIDES) note(pane.notices[side], pair[side]?.error ?? "");
    const mode = state.get("mode");
    const both = SIDES.every(has);
    if (mode === "delta" && both && pair.delta?.error) note(left.notices.first, pair.delta.error);
    root.toggleAttribute("data-loading", Boolean(record) && SIDES.some((side) => !pair[side]));
    if (!state.get("row")) note(left.notices.first, "No rows to show: the table of this viewer is empty.");
  }

  function fillRegions() {
    const count = boxes?.length ?? record?.regions.length ?? 0;
    regionTitle.textContent = count ? `Regions · ${number(count)}` : "Regions";
    previousRegion.disabled = nextRegion.disabled = !count;
    const most = boxes?.[0]?.[4] ?? 0;
    const chosen = state.get("region");
    if (list.contains(document.activeElement)) root.focus({ preventScroll: true }); // its button goes
    list.replaceChildren(
      ...(boxes ?? []).map(([x, y, width, height, pixels], index) => {
        const item = element("button", { type: "button", tabindex: index === Math.max(chosen, 0) ? "0" : "-1", call: () => choose({ region: index }) });
        item.setAttribute("aria-label", `Region ${index + 1}: ${pixels === null ? "" : `${number(pixels)} differing pixels, `}${number(width)} by ${number(height)} px at ${x}, ${y}`);
        item.append(
          element("span", { class: "mmv-rank", text: index + 1 }),
          element("span", { text: `${number(width)} × ${number(height)}` }),
          element("span", { class: "mmv-dim mmv-corner", text: `at ${x}, ${y}` }),
          element("span", { class: "mmv-pixels", text: pixels === null ? "" : `${number(pixels)} px` }),
        );
        item.style.setProperty("--share", most ? (pixels ?? 0) / most : 0);
        return element("li", {}, item);
      }),
    );
    if (!boxes && record?.regions.length) list.replaceChildren(element("li", { class: "mmv-dim", text: "Weighing the regions …" }));
    else if (record && !count) list.replaceChildren(element("li", { class: "mmv-dim", text: record.status === "same" ? "None: the pictures are equal." : "None." }));
    markRegion();
  }

  function markRegion() {
    const chosen = state.get("region");
    [...list.querySelectorAll("button")].forEach((item, index) => {
      const current = index === chosen;
      if (current) item.setAttribute("aria-current", "true");
      else item.removeAttribute("aria-current");
      item.tabIndex = index === Math.max(chosen, 0) ? 0 : -1;
      if (current) {
        const top = item.offsetTop - list.offsetTop;
        if (top < list.scrollTop) list.scrollTop = top;
        else if (top + item.offsetHeight > list.scrollTop + list.clientHeight) list.scrollTop = top + item.offsetHeight - list.clientHeight;
      }
    });
  }

  function announceRow() {
    const before = told.row === record.name && told.text ? `${told.text} ` : "";
    const decided = DECIDED[record.decision] ? `, ${DECIDED[record.decision]}` : "";
    live.textContent = `${before}${record.name}, ${record.place + 1} of ${record.total}, ${record.status ?? ""}${decided}. ${record.messages || ""}`;
  }

  // --- what a person does -----------------------------------------------------------------------------

  const choose = (values) => state.set(values);

  function step(direction) {
    const wanted = record?.[direction];
    if (wanted) choose({ row: wanted, region: -1 });
  }

  // Nothing is decided about a row that has not come, nor about one twice at a time.
  async function decide(word, note = null, about = record) {
    if (!source.decide || !about || underWay.has(about.name) || deciding.closed) return;
    if (document.activeElement !== noteText) leaveNote();
    const kept = note ?? (word === "clear" ? null : (drafts.get(about.name) ?? null));
    const entry = { word };
    underWay.set(about.name, entry);
    askedAt = turn;
    problem.hidden = true;
    entry.done = write(about, word, kept, note === null && word !== "clear");
    fillDecision();
    await entry.done;
  }

  // Returns what is decided then, also where it could not be written.
  async function write(about, word, kept, on) {
    try {
      Object.assign(about, await source.decide(about.name, word, kept, on));
      if (drafts.get(about.name) === kept) drafts.delete(about.name);
    } catch (error) {
      refuse(error, about);
    }
    underWay.delete(about.name);
    fillDecision();
    if (record?.name === about.name) fillDetails();
    return about.decision;
  }

  async function stepBack(kind) {
    if (!source.decide || deciding.closed) return;
    const about = record;
    askedAt = turn;
    problem.hidden = true;
    try {
      await source[kind]();
    } catch (error) {
      refuse(error, about);
    }
  }

  function refuse(error, about) {
    problem.textContent = about && about !== record ? `${about.name}: ${error.message}` : error.message;
    problem.hidden = false;
  }

  // Also of a row that is still to come: what is typed next must not be keys.
  function openNote() {
    if (!source.decide || !state.get("row") || deciding.closed) return;
    leaveNote();
    noting = record ?? { name: state.get("row") };
    noteName.textContent = noting.name;
    noteText.value = noteText.defaultValue = drafts.get(noting.name) ?? noting.note ?? "";
    noteBox.hidden = false;
    noteText.focus();
    noteText.select();
  }

  // What was typed stays a draft.
  function leaveNote() {
    if (!noting) return;
    if (noteText.value !== noteText.defaultValue) drafts.set(noting.name, noteText.value.trim());
    noting = null;
    noteBox.hidden = true;
  }

  // Kept, it goes with the decision: with the one that is there or being written, else when there is one.
  async function closeNote(keep) {
    const about = record?.name === noting.name ? record : noting;
    const text = noteText.value.trim();
    noting = null;
    noteBox.hidden = true;
    root.focus({ preventScroll: true });
    if (!keep) return;
    drafts.set(about.name, text);
    fillDetails();
    const word = (await underWay.get(about.name)?.done) ?? about.decision;
    if (DECIDED[word]) await decide(word, text, about);
  }

  function stepRegion(by) {
    if (!boxes?.length) return;
    const chosen = state.get("region");
    const next = chosen < 0 ? (by > 0 ? 0 : boxes.length - 1) : (chosen + by + boxes.length) % boxes.length;
    choose({ region: next });
  }

  function goToRegion() {
    const box = boxes?.[state.get("region")];
    markRegion();
    if (!box) return schedule();
    const [x, y, width, height, pixels] = box;
    const pane = left;
    if (pane.width && !still) {
      const ratio = devicePixelRatio;
      const wanted = Math.min((0.5 * pane.width * ratio) / width, (0.5 * pane.height * ratio) / height, GRID_FROM);
      view.zoom = between(smallest(), wanted, LARGEST);
      view.fit = null;
      view.x = x + width / 2;
      view.y = y + height / 2;
    }
    live.textContent = `Region ${state.get("region") + 1} of ${boxes.length}: ${pixels === null ? "" : `${number(pixels)} differing pixels, `}${width} by ${height} px at ${x}, ${y}`;
    schedule();
  }
  let still = false; // a region that was clicked in the picture needs no moving

  function toggle(what) {
    if (what === "details") {
      if (details.contains(document.activeElement)) root.focus({ preventScroll: true }); // keys need somebody
      root.dataset.details = root.dataset.details === "on" ? "off" : "on";
    } else view[what] = !view[what];
    schedule();
  }

  function maximise() {
    if (document.fullscreenElement) document.exitFullscreen();
    else root.requestFullscreen?.().catch(() => {});
  }

  function showHelp(open) {
    help.hidden = !open;
    if (open) closeHelp.focus();
    else root.focus({ preventScroll: true });
  }

  function fit(kind) {
    view.fit = kind;
    if (kind === "page") [view.x, view.y] = [page().width / 2, page().height / 2];
    else view.x = page().width / 2;
    schedule();
  }

  // --- geometry ---------------------------------------------------------------------------------------

  function fitZoom(kind, pane = left) {
    const { width, height } = page();
    if (!width || !pane.width) return 1;
    const across = ((pane.width - 2 * MARGIN) * devicePixelRatio) / width;
    const down = ((pane.height - 2 * MARGIN) * devicePixelRatio) / height;
    const wanted = kind === "width" ? across : Math.min(across, down);
    // Small pictures grow by whole numbers, and to where they still look like pictures.
    return wanted < 1 ? wanted : kind === "width" ? 1 : between(1, Math.floor(wanted), GRID_FROM);
  }

  const smallest = () => Math.min(fitZoom("page"), 1) / 2;

  // Between which corners a page of some length fills its room, or stays within it.
  const limits = (long, room) => [Math.min(MARGIN, room - long - MARGIN), Math.max(MARGIN, room - long - MARGIN)];

  // Where the page is: its zoom and its corner in the pane, in CSS px.
  function geometry() {
    const pane = left;
    const zoom = view.fit ? fitZoom(view.fit) : view.zoom;
    const scale = zoom / devicePixelRatio;
    const { width, height } = page();
    const corner = (length, room, centre) => {
      let at = room / 2 - between(0, centre, length) * scale;
      if (view.fit) {
        const [low, high] = limits(length * scale, room);
        at = low === high || length * scale + 2 * MARGIN <= room + 1 ? (low + high) / 2 : between(low, at, high);
      }
      return Math.round(at * devicePixelRatio) / devicePixelRatio;
    };
    return { zoom, scale, x: corner(width, pane.width, view.x), y: corner(height, pane.height, view.y) };
  }

  // From what is seen: a place that had been clamped does not jump when it is moved.
  function settle() {
    const { zoom, scale, x, y } = geometry();
    view.zoom = zoom;
    view.x = (left.width / 2 - x) / scale;
    view.y = (left.height / 2 - y) / scale;
    return { zoom, scale, x, y };
  }

  function panBy(dx, dy) {
    const before = settle();
    const { width, height } = page();
    // Not past its end, unless zooming to a pointer has brought it there.
    const moved = (at, by, long, room) => {
      const [low, high] = limits(long, room);
      return between(Math.min(low, at), at + by, Math.max(high, at)) - at;
    };
    view.x -= moved(before.x, dx, width * before.scale, left.width) / before.scale;
    view.y -= moved(before.y, dy, height * before.scale, left.height) / before.scale;
    schedule();
    const after = geometry();
    return after.x !== before.x || after.y !== before.y;
  }

  // The pixel below (atX, atY), CSS px of the pane, stays where it is.
  function zoomTo(zoom, atX = left.width / 2, atY = left.height / 2) {
    const { scale, x, y } = settle();
    const target = between(smallest(), zoom, LARGEST);
    const pixel = [(atX - x) / scale, (atY - y) / scale];
    const next = target / devicePixelRatio;
    view.fit = null;
    view.zoom = target;
    view.x = pixel[0] + (left.width / 2 - atX) / next;
    view.y = pixel[1] + (left.height / 2 - atY) / next;
    schedule();
  }

  const zoomBy = (factor, atX, atY) => zoomTo(nice(geometry().zoom, factor), atX, atY);

  // Steps of the buttons and keys stop at 1:1.
  function nice(zoom, factor) {
    const wanted = zoom * factor;
    return (zoom < 0.999 && wanted > 1) || (zoom > 1.001 && wanted < 1) ? 1 : wanted;
  }

  // --- drawing ----------------------------------------------------------------------------------------

  let pending = 0;
  function schedule() {
    pending ||= requestAnimationFrame(() => {
      pending = 0;
      draw();
    });
  }

  function measure() {
    for (const pane of panes) {
      pane.width = pane.node.clientWidth;
      pane.height = pane.node.clientHeight;
    }
    draw(); // at once: nobody sees a picture where it was before the panes changed
  }

  function draw() {
    const seen = geometry();
    const mode = state.get("mode");
    const whole = page();
    root.dataset.zoom = seen.zoom.toFixed(4);
    zoomText.textContent = seen.zoom >= 0.1 || !whole.width ? `${Math.round(seen.zoom * 100)} %` : `${(seen.zoom * 100).toFixed(1)} %`;
    for (const [kind, made] of Object.entries(fitButtons)) {
      made.setAttribute("aria-pressed", kind === "one" ? !view.fit && Math.abs(seen.zoom - 1) < 1e-3 : view.fit === kind);
    }
    for (const [key, made] of Object.entries(toggles)) made.setAttribute("aria-pressed", view[key]);
    detailsButton.setAttribute("aria-pressed", root.dataset.details === "on");
    drawMode();
    for (const pane of panes) {
      if (!pane.width) continue;
      for (const sheet of pane.sheets) drawSheet(sheet, pane, seen, whole);
      drawOverlay(pane, seen, whole, mode);
    }
    drawMap(seen, whole);
    moveHover();
    if (seen.zoom >= GRID_FROM) tilesInView();
  }

  // What belongs to the mode and its slider only: cheap, for a divider that is dragged.
  function drawMode() {
    const mode = state.get("mode");
    root.dataset.mode = mode;
    modeButtons.forEach((made, index) => made.setAttribute("aria-pressed", MODES[index][0] === mode));
    const kind = SLIDERS[mode];
    sliderBox.hidden = !kind;
    if (kind) {
      const [key, label, low, high, by, text] = kind;
      if (slider.dataset.key !== key) {
        Object.assign(slider, { min: low, max: high, step: by });
        slider.dataset.key = key;
        slider.setAttribute("aria-label", { swipe: "Place of the divider", opacity: "Opacity of the second picture", interval: "Blink interval", boost: "Brightness of the difference", context: "Strength of the picture below" }[key]);
        sliderName.textContent = label;
      }
      slider.value = view[key];
      sliderText.textContent = text(view[key]);
      slider.setAttribute("aria-valuetext", text(view[key]));
    }
    const at = (view.swipe / 100) * left.width;
    const both = SIDES.every(has); // with one side only, that one is shown as it is
    const second = left.sheets[1].node.style;
    second.clipPath = both && mode === "swipe" ? `inset(0 0 0 ${at}px)` : "";
    second.opacity = both && mode === "onion-skin" ? view.opacity / 100 : "";
    second.visibility = both && mode === "blink" && phase === "first" ? "hidden" : "";
    root.dataset.phase = phase;
    divider.style.transform = `translateX(${at}px)`;
    left.stack.style.filter = mode === "difference" && view.boost > 1 ? `brightness(${view.boost})` : "";
    left.sheets[0].picture.style.opacity = both && mode === "delta" ? view.context / 100 : "";
  }

  function drawSheet(sheet, pane, seen, whole) {
    const [width, height] = sheet.side === "delta" ? [whole.width, whole.height] : has(sheet.side) ? extent(sheet.side) : [0, 0];
    sheet.picture.style.transform = `translate(${seen.x}px, ${seen.y}px) scale(${seen.scale})`;
    sheet.picture.style.imageRendering = seen.zoom >= 1 ? "pixelated" : "auto";
    const cover = (node, wide, high) => {
      const fromX = Math.max(seen.x, 0);
      const fromY = Math.max(seen.y, 0);
      const toX = Math.min(seen.x + wide * seen.scale, pane.width);
      const toY = Math.min(seen.y + high * seen.scale, pane.height);
      node.hidden = toX <= fromX || toY <= fromY;
      if (node.hidden) return;
      Object.assign(node.style, { left: `${fromX}px`, top: `${fromY}px`, width: `${toX - fromX}px`, height: `${toY - fromY}px` });
      node.style.backgroundPosition = `${seen.x - fromX}px ${seen.y - fromY}px`;
    };
    cover(sheet.ground, width, height);
    cover(sheet.hatch, whole.width, whole.height);
    if (sheet.side === "delta" || (width === whole.width && height === whole.height)) sheet.hatch.hidden = true;
  }

  function canvasOf(canvas, width, height) {
    const ratio = devicePixelRatio;
    const wide = Math.round(width * ratio);
    const high = Math.round(height * ratio);
    if (canvas.width !== wide) canvas.width = wide;
    if (canvas.height !== high) canvas.height = high;
    const context = canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, wide, high);
    context.scale(ratio, ratio);
    return context;
  }

  function drawOverlay(pane, seen, whole, mode) {
    const context = canvasOf(pane.overlay, pane.width, pane.height);
    if (mode === "difference" && SIDES.every(has)) hatchOutside(context, pane, seen, whole);
    if (view.grid && seen.zoom >= GRID_FROM) drawGrid(context, pane, seen, whole);
    const all = boxes ?? record?.regions ?? [];
    const chosen = state.get("region");
    if (view.outlines) {
      const line = (colour, width, box) => {
        const [x, y, wide, high] = screenBox(box, seen);
        if (x > pane.width || y > pane.height || x + wide < 0 || y + high < 0) return;
        context.strokeStyle = colour;
        context.lineWidth = width;
        context.strokeRect(x, y, wide, high);
      };
      const colours = getComputedStyle(root);
      const [edge, mark, current] = ["--mmv-box-edge", "--mmv-box", "--mmv-box-current"].map((key) => colours.getPropertyValue(key));
      all.forEach((box) => line(edge, 3.5, box));
      all.forEach((box, index) => index !== chosen && line(mark, 1.5, box));
      if (boxes?.[chosen]) {
        line(edge, 5.5, boxes[chosen]);
        line(current, 3, boxes[chosen]);
      }
    }
    if (view.cross) {
      const x = seen.x + (view.cross.x + 0.5) * seen.scale;
      const y = seen.y + (view.cross.y + 0.5) * seen.scale;
      const half = Math.max(seen.scale / 2, 3);
      for (const [colour, width] of [["#fff", 3], ["#000", 1]]) {
        context.strokeStyle = colour;
        context.lineWidth = width;
        context.beginPath();
        for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
          context.moveTo(x + dx * half, y + dy * half);
          context.lineTo(x + dx * (half + 14), y + dy * (half + 14));
        }
        context.stroke();
        context.strokeRect(x - half, y - half, 2 * half, 2 * half);
      }
    }
  }

  // A region on the screen, a little outside of what it holds and never too small to be seen.
  function screenBox([x, y, width, height], seen) {
    const wide = Math.max(width * seen.scale, 3);
    const high = Math.max(height * seen.scale, 3);
    return [seen.x + (x + width / 2) * seen.scale - wide / 2 - 1.5, seen.y + (y + height / 2) * seen.scale - high / 2 - 1.5, wide + 3, high + 3];
  }

  function drawGrid(context, pane, seen, whole) {
    const { scale } = seen;
    const fromX = between(0, Math.floor(-seen.x / scale), whole.width);
    const toX = between(0, Math.ceil((pane.width - seen.x) / scale), whole.width);
    const fromY = between(0, Math.floor(-seen.y / scale), whole.height);
    const toY = between(0, Math.ceil((pane.height - seen.y) / scale), whole.height);
    const snap = (value) => (Math.round(value * devicePixelRatio) + 0.5) / devicePixelRatio;
    context.lineWidth = 1 / devicePixelRatio;
    context.strokeStyle = "rgba(128, 128, 128, 0.45)";
    context.beginPath();
    for (let x = fromX; x <= toX; x += 1) {
      context.moveTo(snap(seen.x + x * scale), seen.y + fromY * scale);
      context.lineTo(snap(seen.x + x * scale), seen.y + toY * scale);
    }
    for (let y = fromY; y <= toY; y += 1) {
      context.moveTo(seen.x + fromX * scale, snap(seen.y + y * scale));
      context.lineTo(seen.x + toX * scale, snap(seen.y + y * scale));
    }
    context.stroke();
  }

  // What only one side has is no difference of colours: hatched, as in the other modes.
  function hatchOutside(context, pane, seen, whole) {
    const [first, second] = SIDES.map(extent);
    const common = [Math.min(first[0], second[0]), Math.min(first[1], second[1])];
    const parts = [
      [common[0], 0, whole.width - common[0], whole.height],
      [0, common[1], common[0], whole.height - common[1]],
    ];
    for (const [x, y, width, height] of parts) {
      if (width <= 0 || height <= 0) continue;
      context.save();
      context.beginPath();
      context.rect(seen.x + x * seen.scale, seen.y + y * seen.scale, width * seen.scale, height * seen.scale);
      context.clip();
      const colours = getComputedStyle(root);
      context.fillStyle = colours.getPropertyValue("--mmv-hatch-a");
      context.fillRect(0, 0, pane.width, pane.height);
      context.strokeStyle = colours.getPropertyValue("--mmv-hatch-b");
      context.lineWidth = 3;
      context.beginPath();
      const shift = (((seen.x + seen.y) % 10) + 10) % 10;
      for (let at = shift - pane.height; at < pane.width + pane.height; at += 10) {
        context.moveTo(at + pane.height, 0);
        context.lineTo(at, pane.height);
      }
      context.stroke();
      context.restore();
    }
  }

  function drawMap(seen, whole) {
    const there = Boolean(whole.width) && SIDES.some(has);
    map.hidden = !there;
    if (!there) return;
    const tall = whole.height > 1.6 * whole.width;
    regionPart.dataset.tall = tall;
    const room = tall ? { width: 56, height: regionPart.clientHeight - 2 } : { width: regionPart.clientWidth - 2, height: 128 };
    const scale = Math.min(room.width / whole.width, room.height / whole.height);
    if (!(scale > 0)) return;
    const [width, height] = [Math.max(whole.width * scale, 12), whole.height * scale];
    Object.assign(map.style, { width: `${width}px`, height: `${height}px` });
    const [own, tallness] = extent(has("second") ? "second" : "first");
    Object.assign(mapPicture.style, { width: `${own * (width / whole.width)}px`, height: `${tallness * scale}px` });
    const context = canvasOf(mapCanvas, width, height);
    const colours = getComputedStyle(root);
    const across = width / whole.width;
    const mark = (box, colour, least) => {
      context.fillStyle = colour;
      const wide = Math.max(box[2] * across, least);
      const high = Math.max(box[3] * scale, least);
      context.fillRect((box[0] + box[2] / 2) * across - wide / 2, (box[1] + box[3] / 2) * scale - high / 2, wide, high);
    };
    const all = boxes ?? record?.regions ?? [];
    context.globalAlpha = 0.45;
    all.forEach((box) => mark(box, colours.getPropertyValue("--mmv-box"), 2.5));
    const chosen = boxes?.[state.get("region")];
    if (chosen) mark(chosen, colours.getPropertyValue("--mmv-box-current"), 4);
    context.globalAlpha = 1;
    const part = {
      x: between(0, -seen.x / seen.scale, whole.width),
      y: between(0, -seen.y / seen.scale, whole.height),
      toX: between(0, (left.width - seen.x) / seen.scale, whole.width),
      toY: between(0, (left.height - seen.y) / seen.scale, whole.height),
    };
    context.strokeStyle = colours.getPropertyValue("--mmv-accent");
    context.fillStyle = colours.getPropertyValue("--mmv-accent-soft");
    context.lineWidth = 1.5;
    map.dataset.seen = [part.x, part.y, part.toX, part.toY].map(Math.round).join(" ");
    if (part.x <= 0 && part.y <= 0 && part.toX >= whole.width && part.toY >= whole.height) return; // all of it
    const frame = [part.x * across + 0.75, part.y * scale + 0.75, Math.max((part.toX - part.x) * across - 1.5, 2), Math.max((part.toY - part.y) * scale - 1.5, 2)];
    context.fillRect(...frame);
    context.strokeRect(...frame);
  }

  // --- pixels -----------------------------------------------------------------------------------------

  const pixels = lru(200); // tiles that have come, by place
  const tileKey = (x, y) => `${turn} ${x} ${y}`;

  function tile(x, y, soon) {
    const key = tileKey(x, y);
    const known = pixels.get(key);
    if (known) return known;
    const wanted = { first: null, second: null };
    pixels.set(key, wanted);
    source
      .tile(record.name, x * TILE, y * TILE, soon)
      .then((found) => {
        Object.assign(wanted, found, { there: true });
        showPixel();
      })
      .catch(() => pixels.delete(key));
    return wanted;
  }

  let tileTimer = 0;
  function tilesInView() {
    clearTimeout(tileTimer);
    tileTimer = setTimeout(() => {
      if (!record || !SIDES.some(has)) return;
      const { scale, x, y } = geometry();
      const whole = page();
      const from = [Math.max(-x / scale, 0), Math.max(-y / scale, 0)].map((value) => Math.floor(value / TILE));
      const to = [Math.min((left.width - x) / scale, whole.width), Math.min((left.height - y) / scale, whole.height)].map((value) => Math.ceil(value / TILE));
      for (let column = from[0]; column < to[0]; column += 1) for (let row = from[1]; row < to[1]; row += 1) tile(column, row, true);
    }, 60);
  }

  function valueAt(side, x, y) {
    const [width, height] = has(side) ? extent(side) : [0, 0];
    if (x >= width || y >= height) return { text: has(side) ? "outside" : "no picture" };
    const found = tile(Math.floor(x / TILE), Math.floor(y / TILE));
    if (!found.there) return { text: "…" };
    const part = found[side];
    const [dx, dy] = [x % TILE, y % TILE];
    if (!part || dx >= part.width || dy >= part.height) return { text: "–" };
    const at = 4 * (dy * part.width + dx);
    const rgba = [...part.data.subarray(at, at + 4)];
    return { rgba, text: rgba.join(" ") };
  }

  let pixelTimer = 0;
  function showPixel() {
    const at = view.cross ?? hover;
    root.toggleAttribute("data-reading", Boolean(at && record));
    if (!at || !record) {
      readoutPlace.textContent = record && SIDES.some(has) ? "Point at a pixel to read it" : "";
      for (const part of Object.values(readoutValues)) part.textContent = "";
      return;
    }
    readoutPlace.textContent = `${at.x}, ${at.y}`;
    clearTimeout(pixelTimer);
    const known = pixels.get(tileKey(Math.floor(at.x / TILE), Math.floor(at.y / TILE)));
    if (known) readPixel();
    else {
      for (const part of Object.values(readoutValues)) part.textContent = "…";
      pixelTimer = setTimeout(readPixel, 50); // a pointer on its way asks for nothing
    }
  }

  function readPixel() {
    const at = view.cross ?? hover;
    if (!at || !record) return;
    const values = SIDES.map((side) => valueAt(side, at.x, at.y));
    SIDES.forEach((side, index) => {
      readoutValues[side].textContent = values[index].text;
      const rgba = values[index].rgba;
      swatches[side].hidden = !rgba;
      if (rgba) swatches[side].firstChild.style.background = `rgba(${rgba[0]}, ${rgba[1]}, ${rgba[2]}, ${rgba[3] / 255})`;
    });
    const [first, second] = values.map((value) => value.rgba);
    const delta = first && second ? first.map((value, channel) => second[channel] - value) : null;
    readoutValues.delta.textContent = delta ? (delta.some(Boolean) ? delta.map(signed).join(" ") : "equal") : "–";
    readoutValues.delta.toggleAttribute("data-equal", Boolean(delta && !delta.some(Boolean)));
    if (view.cross) live.textContent = `${at.x}, ${at.y}: first ${values[0].text}, second ${values[1].text}, difference ${readoutValues.delta.textContent}`;
  }

  let pointer = null; // CSS px in the pane
  function moveHover() {
    if (!pointer) hover = null;
    else {
      const { scale, x, y } = geometry();
      const whole = page();
      const at = { x: Math.floor((pointer.x - x) / scale), y: Math.floor((pointer.y - y) / scale) };
      hover = at.x >= 0 && at.y >= 0 && at.x < whole.width && at.y < whole.height ? at : null;
    }
    showPixel();
  }

  // --- events -----------------------------------------------------------------------------------------

  const inPane = (event, pane) => {
    const bounds = pane.node.getBoundingClientRect();
    return { x: event.clientX - bounds.left, y: event.clientY - bounds.top };
  };
  let drag = null;

  for (const pane of panes) {
    listen(pane.node, "pointerdown", (event) => {
      if (event.button > 1) return;
      event.preventDefault(); // no selecting, and JupyterLab does not begin to drag cells
      root.focus({ preventScroll: true });
      const at = inPane(event, pane);
      const onDivider = state.get("mode") === "swipe" && SIDES.every(has) && Math.abs(at.x - (view.swipe / 100) * left.width) < 14;
      drag = { x: event.clientX, y: event.clientY, kind: onDivider ? "divider" : "page", moved: false };
      pane.node.setPointerCapture(event.pointerId);
    });
    listen(pane.node, "pointermove", (event) => {
      const at = inPane(event, pane);
      pointer = at;
      if (!drag) return moveHover();
      const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
      if (!drag.moved && Math.hypot(dx, dy) < 3) return;
      drag.moved = true;
      if (drag.kind === "divider") {
        view.swipe = between(0, Math.round((1000 * at.x) / left.width) / 10, 100);
        scheduleMode();
      } else {
        root.toggleAttribute("data-dragging", true);
        panBy(dx, dy);
        [drag.x, drag.y] = [event.clientX, event.clientY];
      }
    });
    const release = (event) => {
      if (drag && !drag.moved && event.type === "pointerup" && view.outlines) pick(inPane(event, pane));
      drag = null;
      root.toggleAttribute("data-dragging", false);
    };
    listen(pane.node, "pointerup", release);
    listen(pane.node, "pointercancel", release);
    listen(pane.node, "pointerleave", () => {
      if (drag) return;
      pointer = null;
      moveHover();
    });
    listen(pane.node, "dblclick", (event) => {
      const at = inPane(event, pane);
      zoomTo(nice(geometry().zoom, event.shiftKey ? 1 / 2 : 2), at.x, at.y);
    });
    listen(
      pane.node,
      "wheel",
      (event) => {
        const unit = event.deltaMode === 1 ? 30 : event.deltaMode === 2 ? pane.height : 1;
        const [dx, dy] = [event.deltaX * unit, event.deltaY * unit];
        if (event.ctrlKey || event.metaKey) {
          event.preventDefault();
          event.stopPropagation();
          const at = inPane(event, pane);
          zoomTo(geometry().zoom * Math.exp(-between(-100, dy, 100) / 250), at.x, at.y);
        } else if (root.contains(document.activeElement) || document.fullscreenElement) {
          const sideways = event.shiftKey && !dx;
          // At its end the notebook scrolls on.
          if (panBy(sideways ? -dy : -dx, sideways ? 0 : -dy)) {
            event.preventDefault();
            event.stopPropagation();
          }
        }
      },
      { passive: false },
    );
  }

  // The smallest region at a place of the pane becomes the current one, where it is.
  function pick(at) {
    const seen = geometry();
    let best = -1;
    (boxes ?? []).forEach((box, index) => {
      const [x, y, width, height] = screenBox(box, seen);
      const inside = at.x >= x - 2 && at.x <= x + width + 2 && at.y >= y - 2 && at.y <= y + height + 2;
      if (inside && (best < 0 || width * height < area(boxes[best]))) best = index;
    });
    if (best < 0 || best === state.get("region")) return;
    still = true;
    choose({ region: best });
    still = false;
  }
  const area = (box) => screenBox(box, geometry()).slice(2).reduce((one, other) => one * other);

  const onMap = (event) => {
    if (!(event.buttons & 1)) return;
    const bounds = map.getBoundingClientRect();
    const whole = page();
    settle();
    if (view.fit === "page") view.fit = null;
    view.x = ((event.clientX - bounds.left) / bounds.width) * whole.width;
    view.y = ((event.clientY - bounds.top) / bounds.height) * whole.height;
    schedule();
  };
  listen(map, "pointerdown", (event) => {
    event.preventDefault();
    root.focus({ preventScroll: true });
    map.setPointerCapture(event.pointerId);
    onMap(event);
  });
  listen(map, "pointermove", onMap);

  let modePending = 0;
  function scheduleMode() {
    modePending ||= requestAnimationFrame(() => {
      modePending = 0;
      drawMode();
      moveHover();
    });
  }

  function slide(value) {
    const [key, , low, high, by] = SLIDERS[state.get("mode")];
    view[key] = between(low, Math.round(value / by) * by, high);
    if (key === "interval") blink();
    scheduleMode();
  }
  listen(slider, "input", () => slide(Number(slider.value)));

  function blink() {
    clearInterval(blinkTimer);
    phase = "first";
    if (state.get("mode") !== "blink") return;
    blinkTimer = setInterval(() => {
      phase = phase === "first" ? "second" : "first";
      drawMode();
    }, view.interval);
  }

  function nudge(by) {
    const kind = SLIDERS[state.get("mode")];
    if (kind) slide(view[kind[0]] + by * Math.max(kind[4], (kind[3] - kind[2]) / 20));
  }

  function moveCross(dx, dy) {
    const whole = page();
    view.cross = { x: between(0, view.cross.x + dx, whole.width - 1), y: between(0, view.cross.y + dy, whole.height - 1) };
    const { scale, x, y } = geometry();
    const at = [x + view.cross.x * scale, y + view.cross.y * scale];
    if (at[0] < 0 || at[0] > left.width - scale) panBy(left.width / 2 - at[0], 0);
    if (at[1] < 0 || at[1] > left.height - scale) panBy(0, left.height / 2 - at[1]);
    schedule();
  }

  function toggleCross() {
    const { scale, x, y } = geometry();
    const whole = page();
    view.cross = view.cross || !whole.width ? null : {
      x: between(0, Math.floor((left.width / 2 - x) / scale), whole.width - 1),
      y: between(0, Math.floor((left.height / 2 - y) / scale), whole.height - 1),
    };
    schedule();
  }

  const actions = {
    a: () => decide("accept"),
    r: () => decide("reject"),
    i: () => decide("ignore"),
    Backspace: () => decide("clear"),
    Delete: () => decide("clear"),
    u: (event) => stepBack(event.shiftKey ? "redo" : "undo"),
    t: openNote,
    n: () => step("next"),
    p: () => step("previous"),
    j: () => stepRegion(1),
    k: () => stepRegion(-1),
    "]": () => stepRegion(1),
    "[": () => stepRegion(-1),
    f: () => fit("page"),
    w: () => fit("width"),
    0: () => zoomTo(1),
    "+": () => zoomBy(1.5),
    "=": () => zoomBy(1.5),
    "-": () => zoomBy(1 / 1.5),
    ",": () => nudge(-1),
    ".": () => nudge(1),
    o: () => toggle("outlines"),
    g: () => toggle("grid"),
    d: () => toggle("details"),
    c: toggleCross,
    m: maximise,
    "?": () => showHelp(true),
    ArrowRight: () => step("next"),
    ArrowLeft: () => step("previous"),
    ArrowUp: () => panBy(0, 80),
    ArrowDown: () => panBy(0, -80),
    PageUp: () => panBy(0, 0.85 * left.height),
    PageDown: () => panBy(0, -0.85 * left.height),
    Home: () => panBy(0, 1e9),
    End: () => panBy(0, -1e9),
    " ": (event) => panBy(0, (event.shiftKey ? 0.85 : -0.85) * left.height),
    Escape: () => {
      if (view.cross) toggleCross();
      else if (state.get("region") >= 0) choose({ region: -1 });
    },
  };
  MODES.forEach(([mode], index) => (actions[index + 1] = () => choose({ mode })));
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  function press(event) {
    event.stopPropagation();
    if ((event.ctrlKey || event.metaKey) && event.key === "s") {
      event.preventDefault(); // saving the notebook is JupyterLab's, the browser would save the page
      root.parentElement?.dispatchEvent(new KeyboardEvent("keydown", event));
    }
    const target = event.target;
    if (target === noteText) {
      if (!event.isComposing && (event.key === "Enter" || event.key === "Escape")) {
        closeNote(event.key === "Enter");
        event.preventDefault();
      }
      return;
    }
    if ((event.ctrlKey || event.metaKey) && !event.altKey && help.hidden && source.decide) {
      const key = event.key.toLowerCase();
      if (key === "z" || key === "y") {
        event.preventDefault();
        if (!event.repeat) stepBack(key === "y" || event.shiftKey ? "redo" : "undo");
      }
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (!help.hidden) {
      if (event.key === "Escape" || event.key === "?") showHelp(false);
      else if (event.key === "Tab" || (event.key !== "Enter" && event.key !== " ")) event.preventDefault();
      return;
    }
    const arrow = ARROWS[event.key];
    if (target === slider && (arrow || ["Home", "End", "PageUp", "PageDown"].includes(event.key))) return;
    if (target.localName === "button" && (event.key === "Enter" || event.key === " ")) return;
    if (list.contains(target) && arrow && !arrow[0]) {
      stepRegion(arrow[1]);
      list.querySelector("[aria-current]")?.focus({ preventScroll: true });
    } else if (arrow && view.cross) {
      const by = event.shiftKey ? 10 : 1;
      moveCross(arrow[0] * by, arrow[1] * by);
    } else if (arrow && event.shiftKey) {
      panBy(-80 * arrow[0], -80 * arrow[1]);
    } else {
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      const action = actions[key];
      if (!action) return;
      if (event.repeat && "ariut".includes(key)) return event.preventDefault(); // a key held down decides once
      action(event);
    }
    event.preventDefault();
  }
  listen(root, "keydown", press);
  for (const type of ["keyup", "keypress"]) listen(root, type, (event) => event.stopPropagation());
  let ratio = devicePixelRatio;
  listen(window, "resize", () => {
    if (ratio !== devicePixelRatio) schedule(); // another screen; new sizes come by the observer
    ratio = devicePixelRatio;
  });
  const observer = new ResizeObserver(measure);
  for (const pane of panes) observer.observe(pane.node);
  observer.observe(regionPart);
  const themes = new MutationObserver(schedule); // canvases do not follow style sheets by themselves
  themes.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name"] });

  // --- the state that code can set --------------------------------------------------------------------

  const ends = [
    state.on("row", () => showRow(state.get("row"))),
    state.on("mode", () => {
      blink();
      fillDetails();
      if (state.get("mode") === "delta" && record && !pair.delta) load("delta", turn);
      schedule();
    }),
    state.on("region", goToRegion),
    source.on("rows", refresh),
    source.on("trouble", (text) => {
      trouble.textContent = text;
      trouble.title = text;
    }),
  ];
  if (source.decide) {
    ends.push(
      source.on("decided", (now) => {
        deciding = now;
        if (now.told !== undefined) tell(now.row, now.told);
        fillDecision();
        if (now.told && record?.name === now.row) {
          if (turn === askedAt) live.textContent = now.told;
          else announceRow(); // the next row was there first
        }
        if (now.told !== undefined && record) refresh(false);
      }),
    );
  }
  measure();
  blink();
  showRow(state.get("row"));

  return {
    view,
    close() {
      turn += 1;
      ending.abort();
      observer.disconnect();
      themes.disconnect();
      clearInterval(blinkTimer);
      clearTimeout(tileTimer);
      clearTimeout(pixelTimer);
      clearTimeout(newsTimer);
      cancelAnimationFrame(pending);
      cancelAnimationFrame(modePending);
      for (const end of ends) end();
      source.close();
    },
  };
}
