// The elements of the viewer, which the other modules fill. Each function makes one part.

import { button, element } from "../elements.js";
import { MODES, NOTE, SIDES } from "./modes.js";

const ORANGE = ["#fdd0a2", "#fdae6b", "#fd8d3c", "#f16913", "#d94801", "#a63603", "#7f2704"];
const BLUE = ["#c6dbef", "#9ecae1", "#6baed6", "#4292c6", "#2171b5", "#08519c", "#08306b"];
const SUMS = ["1", "2–5", "6–15", "16–46", "47–140", "141–420", "421 and more"];

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
  note: "M2.5 3h11v8H8l-3 2.5V11H2.5zM5 6h6M5 8.5h4",
  tolerate: "M2.5 4.5h11v7h-11zM5 11.5l7-7M2.5 9l4.5-4.5M9 11.5l4.5-4.5",
  outlines: "M2.5 4h7v6h-7zM11.5 6.5h2v6h-7v-1",
  align: "M2.5 3h4M9.5 3h4M2.5 8h4M9.5 8h4M2.5 13h4M9.5 13h4M8 2v12",
  grid: "M2.5 2.5h11v11h-11zM6.2 2.5v11M9.8 2.5v11M2.5 6.2h11M2.5 9.8h11",
};

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

function group(label, kind, ...children) {
  const labelled = label ? { role: "group", "aria-label": label } : {};
  return element("div", { class: `mmv-group${kind}`, ...labelled }, ...children);
}

function decideButton(viewer, word, label, key) {
  const made = button(label, key, () => viewer.deciding.decide(word), element("span", { text: label }));
  made.prepend(icon(word));
  Object.assign(made.dataset, { decision: word, title: made.title });
  return made;
}

// A button that shows its label where there is room.
function iconButton(label, key, call, name) {
  const made = button(label, key, call, icon(name));
  made.append(element("span", { text: label }));
  return made;
}

// The head: place, status, name and decision of the row.
export function makeHead(viewer) {
  const parts = {
    place: element("span", { class: "mmv-place" }),
    status: element("span", { class: "mmv-status" }),
    name: element("div", { class: "mmv-name" }),
    decision: element("span", { class: "mmv-decision" }),
    standing: element("span", { class: "mmv-standing" }),
    mark: element("button", { type: "button", class: "mmv-mark", call: () => viewer.deciding.showNote() }),
    previousButton: button("Previous picture", "← or p", () => viewer.step("previous"), icon("previous")),
    nextButton: button("Next picture", "→ or n", () => viewer.step("next"), icon("next")),
    detailsButton: button("Details", "d", () => viewer.toggle("details"), icon("details")),
    decideButtons: [
      decideButton(viewer, "accept", "Accept", "a"),
      decideButton(viewer, "reject", "Reject", "r"),
      decideButton(viewer, "ignore", "Ignore", "i"),
    ],
    undoButton: button("Undo", "u", () => viewer.deciding.stepBack("undo"), icon("undo")),
    redoButton: button("Redo", "Shift + u", () => viewer.deciding.stepBack("redo"), icon("redo")),
    problem: element("p", { class: "mmv-problem", role: "alert", hidden: "" }),
  };
  const deciding = group("Decision", " mmv-decide", ...parts.decideButtons, parts.undoButton, parts.redoButton);
  deciding.hidden = !viewer.source.decide;
  parts.mark.append(icon("note"));
  parts.head = element(
    "div",
    { class: "mmv-head" },
    group("", "", parts.previousButton, parts.nextButton),
    parts.place,
    parts.status,
    parts.name,
    group("", " mmv-end", parts.standing, parts.decision, parts.mark, deciding),
    group(
      "",
      "",
      parts.detailsButton,
      button("Maximise", "m", () => viewer.maximise(), icon("large")),
      button("Keys and help", "?", () => viewer.help.show(true), "?"),
    ),
  );
  return parts;
}

export function makeNote() {
  const noteText = element("input", {
    type: "text",
    maxlength: NOTE,
    "aria-label": "Note",
    placeholder: "Why? Enter keeps it, Esc does not",
  });
  const noteName = element("bdi");
  const label = element("span", {}, "Note on ", noteName);
  const noteBox = element("label", { class: "mmv-noting", hidden: "" }, label, noteText);
  return { noteText, noteName, noteBox };
}

// The tools: modes, the slider of the mode, what to show, and the zoom.
export function makeTools(viewer) {
  const parts = {
    modeButtons: MODES.map(([mode, label], index) => button(label, index + 1, () => viewer.choose({ mode }))),
    slider: element("input", { type: "range" }),
    sliderName: element("span"),
    sliderText: element("output"),
    zoomText: element("output", { class: "mmv-zoom", "aria-label": "Zoom" }),
    fitButtons: {
      page: button("Fit the page", "f", () => viewer.stage.fit("page"), "Fit"),
      width: button("Fit the width", "w", () => viewer.stage.fit("width"), "Width"),
      one: button("1:1, one to one", "0", () => viewer.stage.zoomTo(1), "1:1"),
    },
    toggles: {
      outlines: iconButton("Changes", "o", () => viewer.toggle("outlines"), "outlines"),
      align: iconButton("Align", "e", () => viewer.aligning.toggle(), "align"),
      grid: iconButton("Grid", "g", () => viewer.toggle("grid"), "grid"),
    },
    previousMark: button("Previous change", "[ or k", () => viewer.marking.step(-1), icon("previous")),
    markCount: element("span", { class: "mmv-count" }),
    nextMark: button("Next change", "] or j", () => viewer.marking.step(1), icon("next")),
  };
  const { outlines, align, grid } = parts.toggles;
  const tolerate = iconButton("Tolerate", "x", () => viewer.tolerating.show(true), "tolerate");
  tolerate.hidden = !viewer.tolerating.can;
  const sliderParts = [parts.sliderName, parts.slider, parts.sliderText];
  parts.sliderBox = element("label", { class: "mmv-slider" }, ...sliderParts);
  parts.tools = element(
    "div",
    { class: "mmv-tools" },
    group("Mode", " mmv-modes", ...parts.modeButtons),
    parts.sliderBox,
    group("Changes", " mmv-end", tolerate, align, outlines, parts.previousMark, parts.markCount, parts.nextMark),
    group(
      "Zoom",
      "",
      grid,
      button("Zoom out", "−", () => viewer.stage.zoomBy(1 / 1.5), icon("out")),
      parts.zoomText,
      button("Zoom in", "+", () => viewer.stage.zoomBy(1.5), icon("in")),
      ...Object.values(parts.fitButtons),
    ),
  );
  return parts;
}

// The line that says why pixels differ.
export function makeCauses() {
  return {
    causes: element("div", { class: "mmv-causes", role: "group", "aria-label": "Why pixels differ", hidden: "" }),
  };
}

function makeSheet(side) {
  const picture = element("img", { alt: "", draggable: "false" });
  const ground = element("div", { class: "mmv-ground" });
  const hatch = element("div", { class: "mmv-hatch" });
  const aligned = element("canvas", { class: "mmv-aligned", "aria-hidden": "true" });
  const node = element("div", { class: "mmv-sheet", "data-side": side }, hatch, ground, picture, aligned);
  return { side, picture, ground, hatch, aligned, node };
}

function makePane(title, ...sides) {
  const sheets = sides.map(makeSheet);
  const overlay = element("canvas", { class: "mmv-overlay", "aria-hidden": "true" });
  const notices = Object.fromEntries(
    SIDES.map((side) => [side, element("p", { class: "mmv-notice", "data-side": side, hidden: "" })]),
  );
  const stack = element("div", { class: "mmv-stack" }, ...sheets.map((sheet) => sheet.node));
  const noticeBox = element("div", { class: "mmv-notices" }, ...Object.values(notices));
  const node = element("div", { class: "mmv-picture", role: "img" }, stack, overlay, noticeBox);
  const whole = element("div", { class: "mmv-pane", "data-pane": title }, node);
  return { whole, node, sheets, overlay, notices, stack, width: 0, height: 0 };
}

function shadesOf(label, colours) {
  const shades = colours.map((colour, index) => {
    const shade = element("i", { title: `sum of differences ${SUMS[index]}` });
    shade.style.background = colour;
    return shade;
  });
  return element("div", {}, element("span", { text: label }), ...shades);
}

function makeLegend() {
  const scale = [
    element("span", { text: "sum over R, G, B, A" }),
    element("span", { text: "1" }),
    element("span", { class: "mmv-end", text: "421+" }),
  ];
  return element(
    "div",
    { class: "mmv-legend" },
    shadesOf("colour differs", ORANGE),
    shadesOf("only alpha differs", BLUE),
    element("div", { class: "mmv-dim" }, ...scale),
  );
}

// The panes: the left one has all three pictures, the others what stands beside the first one.
export function makeStage() {
  const left = makePane("left", "first", "second", "delta");
  const middle = makePane("middle", "first", "second");
  const right = makePane("right", "second");
  const divider = element("div", { class: "mmv-divider", "aria-hidden": "true" }, element("span"));
  left.node.append(divider);
  const news = element("p", { class: "mmv-news", "aria-hidden": "true", hidden: "" });
  const trouble = element("p", { class: "mmv-trouble", role: "status" });
  const panes = [left, middle, right];
  const wholes = panes.map((pane) => pane.whole);
  const stageBox = element("div", { class: "mmv-stage" }, ...wholes, makeLegend(), trouble, news);
  return { left, middle, right, panes, divider, news, trouble, stageBox };
}

export function makeDetails() {
  const parts = {
    message: element("p", { class: "mmv-message" }),
    notes: element("div", { class: "mmv-notes" }),
    figures: element("div", { class: "mmv-figures" }),
    markTitle: element("h2", { class: "mmv-title", text: "Changes" }),
    map: element("div", { class: "mmv-map", role: "img", "aria-label": "The whole page with its changes" }),
    mapPicture: element("img", { alt: "", draggable: "false" }),
    mapCanvas: element("canvas", { "aria-hidden": "true" }),
    list: element("ol", { class: "mmv-list", "aria-label": "Changes, the most pixels first" }),
  };
  parts.map.append(parts.mapPicture, parts.mapCanvas);
  parts.markPart = element("div", { class: "mmv-marks" }, parts.map, parts.list);
  parts.details = element(
    "aside",
    { class: "mmv-details", "aria-label": "Details" },
    parts.message,
    parts.notes,
    parts.figures,
    parts.markTitle,
    parts.markPart,
  );
  return parts;
}

// The line above the pictures: what each of them is, and the values of the pixel under the pointer. Between pixels
// the difference is that of the whole row.
export function makeReadout() {
  const values = Object.fromEntries(
    [...SIDES, "delta"].map((part) => [part, element("span", { class: "mmv-value", "data-side": part })]),
  );
  const swatches = Object.fromEntries(SIDES.map((side) => [side, element("i", { class: "mmv-swatch" }, element("b"))]));
  const sizes = Object.fromEntries(SIDES.map((side) => [side, element("span", { class: "mmv-size" })]));
  const at = element("span", { class: "mmv-at" });
  const summary = element("span", { class: "mmv-summary" });
  const part = (side, ...children) => element("div", { class: "mmv-part", "data-side": side }, ...children);
  const readoutBox = element(
    "div",
    { class: "mmv-readout" },
    ...SIDES.map((side) => part(side, element("b", { text: side }), sizes[side], swatches[side], values[side])),
    part("delta", summary, at, element("span", { class: "mmv-label", text: "second − first" }), values.delta),
  );
  return { at, values, swatches, sizes, summary, readoutBox };
}
