// The list of keys that ? shows.

import { button, element } from "../elements.js";
import { MODES } from "./modes.js";

const KEYS = [
  [`1 … ${MODES.length}`, MODES.map(([, label]) => label.toLowerCase()).join(", ")],
  [", .", "move the slider of the mode"],
  ["→ n, ← p", "next, previous picture"],
  ["] j, [ k", "next, previous change, the most pixels first"],
  ["f, w, 0", "fit the page, fit its width, 1:1"],
  ["+ −", "zoom in, zoom out"],
  ["↑ ↓, Page, Space", "scroll; with Shift the arrows move in all directions"],
  ["c", "crosshair: the arrows move it pixel by pixel, with Shift by ten"],
  ["o, g, d", "outlines of changes, grid, details: on or off"],
  ["e", "what belongs together side by side, or both pages as they are"],
  ["m", "maximise, and back"],
  ["Esc", "close this, crosshair off, no change"],
];
const DECIDING = [
  ["a, r, i", "accept, reject, ignore; then the next row without a decision (same ones are passed over)"],
  ["Backspace", "take the decision away"],
  ["u, Shift + u", "undo, redo, and show that row; also Ctrl + z, Ctrl + Shift + z"],
  ["t", "a note on the decision"],
];
const RULING = [["x", "tolerate: a rule for what is drawn with the mouse, or for changes like the chosen one"]];
const POINTER = [
  ["Point", "read the values of a pixel, above the pictures"],
  ["Drag", "move the picture, or the divider of swipe"],
  ["Wheel", "scroll, once the viewer has been clicked (before, the notebook scrolls)"],
  ["Ctrl + wheel", "zoom to the pointer; a double click too, with Shift out again"],
];

function table(rows) {
  const lines = rows.map(([keys, text]) =>
    element("tr", {}, element("th", { scope: "row", text: keys }), element("td", { text })),
  );
  return element("table", {}, ...lines);
}

// The keys of what the source can do.
function keysOf({ decide, tolerate }) {
  return [...(decide ? DECIDING : []), ...(tolerate ? RULING : []), ...KEYS];
}

export class Help {
  constructor(viewer) {
    this.viewer = viewer;
    this.closing = button("Close", "Esc", () => this.show(false));
    const card = element(
      "div",
      { class: "mmv-card" },
      element("h2", { text: "Keys" }),
      table(keysOf(viewer.source)),
      element("h2", { text: "Mouse and touch pad" }),
      table(POINTER),
      element("p", { text: "Keys work while the viewer has the focus: click it, or go to it with Tab." }),
      this.closing,
    );
    this.node = element("div", { class: "mmv-help", role: "dialog", "aria-label": "Keys and help", hidden: "" }, card);
  }

  get open() {
    return !this.node.hidden;
  }

  show(open) {
    this.node.hidden = !open;
    if (open) this.closing.focus();
    else this.viewer.focus();
  }

  press(event) {
    if (event.key === "Escape" || event.key === "?") this.show(false);
    else if (event.key === "Tab" || (event.key !== "Enter" && event.key !== " ")) event.preventDefault();
  }
}
