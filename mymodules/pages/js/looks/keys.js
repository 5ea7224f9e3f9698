// The keys of the looks, which work while they have the focus.

import { element } from "../elements.js";
import { DECISIONS, isCommand, keyOf, stepOf } from "../keys.js";

const KEYS = [
  ["a, r, i", "accept, reject, ignore: the chosen hunk or change, else the whole look; then the next open look"],
  ["Backspace", "take the decision away"],
  ["t", "note on the same: Enter keeps it with the decision, or for the next one, Esc does not"],
  ["u, Shift + u", "undo, redo, and show that look; also Ctrl + z, Ctrl + Shift + z"],
  ["→ n, ← p", "next, previous look"],
  ["j, k", "choose the next, the previous hunk"],
  ["e", "list where the chosen change stands: j and k go through the pages, a, r, i decide it on one of them only"],
  ["Esc", "leave that list; choose the whole look again; close this"],
  ["Enter", "open the chosen hunk, or page, in the viewer"],
  ["↑ ↓, Page, Space, Home, End", "scroll; with Shift the arrows also to the sides"],
  ["o", "boxes around changes: on or off"],
  ["m", "maximise, and back"],
  ["l", "here, from table, gallery and viewer"],
];
const ONCE = "ariuemt?"; // a key held down does it once

export function help(close) {
  const lines = KEYS.map(([keys, text]) =>
    element("tr", {}, element("th", { scope: "row", text: keys }), element("td", { text })),
  );
  const closing = element("button", { type: "button", text: "Close (Esc)", call: close });
  const card = element("div", {}, element("h2", { text: "Keys" }), element("table", {}, ...lines), closing);
  return element("div", { class: "mmo-help", role: "dialog", "aria-label": "Keys", hidden: "" }, card);
}

export function actionsOf(looks) {
  const screen = () => 0.85 * looks.stage.clientHeight;
  const scroll = (x, y) => looks.stage.scrollBy({ left: x, top: y });
  return {
    ...Object.fromEntries(Object.entries(DECISIONS).map(([key, word]) => [key, () => looks.decide(word)])),
    u: (event) => looks.stepBack(event.shiftKey ? "redo" : "undo"),
    n: () => looks.step(1),
    p: () => looks.step(-1),
    ArrowRight: (event) => (event.shiftKey ? scroll(80, 0) : looks.step(1)),
    ArrowLeft: (event) => (event.shiftKey ? scroll(-80, 0) : looks.step(-1)),
    j: () => looks.walk(1),
    k: () => looks.walk(-1),
    e: () => looks.list(),
    Enter: () => looks.open(),
    o: () => looks.toggleMarks(),
    m: () => looks.maximise(),
    "?": () => looks.showHelp(true),
    Escape: () => looks.leave(),
    ArrowUp: () => (looks.strip.places.focused ? looks.walk(-1) : scroll(0, -80)),
    ArrowDown: () => (looks.strip.places.focused ? looks.walk(1) : scroll(0, 80)),
    PageUp: () => scroll(0, -screen()),
    PageDown: () => scroll(0, screen()),
    Home: () => scroll(0, -1e9),
    End: () => scroll(0, 1e9),
    " ": (event) => scroll(0, event.shiftKey ? -screen() : screen()),
    t: () => looks.note(),
  };
}

// Return whether the key was one of the looks'.
export function press(looks, actions, event) {
  const key = keyOf(event);
  const step = stepOf(event);
  const isOpen = !looks.help.hidden;
  if (isOpen && (key === "Escape" || key === "?")) {
    looks.showHelp(false);
    return true;
  }
  if (step) {
    if (!event.repeat) looks.stepBack(step);
    return true;
  }
  if (isCommand(event) || event.altKey || isOpen) return false;
  if (event.target.closest("button, label") && (key === "Enter" || key === " ")) return false;
  const action = actions[key];
  if (!action) return false;
  if (!event.repeat || !ONCE.includes(key)) action(event);
  return true;
}
