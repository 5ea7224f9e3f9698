// The keys of the viewer, which work while it has the focus.

import { DECISIONS, isCommand, keyOf, stepOf } from "../keys.js";
import { MODES } from "./modes.js";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const SLIDING = ["Home", "End", "PageUp", "PageDown"];
const ONCE = "ariut"; // a key held down decides once

function actionsOf(viewer) {
  const { deciding, marking, stage, readout } = viewer;
  const screen = () => 0.85 * viewer.parts.left.height;
  const actions = {
    ...Object.fromEntries(Object.entries(DECISIONS).map(([key, word]) => [key, () => deciding.decide(word)])),
    u: (event) => deciding.stepBack(event.shiftKey ? "redo" : "undo"),
    t: () => deciding.openNote(),
    x: () => viewer.tolerating.show(true),
    n: () => viewer.step("next"),
    p: () => viewer.step("previous"),
    j: () => marking.step(1),
    k: () => marking.step(-1),
    "]": () => marking.step(1),
    "[": () => marking.step(-1),
    f: () => stage.fit("page"),
    w: () => stage.fit("width"),
    0: () => stage.zoomTo(1),
    "+": () => stage.zoomBy(1.5),
    "=": () => stage.zoomBy(1.5),
    "-": () => stage.zoomBy(1 / 1.5),
    ",": () => stage.nudge(-1),
    ".": () => stage.nudge(1),
    o: () => viewer.toggle("outlines"),
    e: () => viewer.aligning.toggle(),
    g: () => viewer.toggle("grid"),
    d: () => viewer.toggle("details"),
    c: () => readout.toggleCross(),
    m: () => viewer.maximise(),
    "?": () => viewer.help.show(true),
    ArrowRight: () => viewer.step("next"),
    ArrowLeft: () => viewer.step("previous"),
    ArrowUp: () => stage.panBy(0, 80),
    ArrowDown: () => stage.panBy(0, -80),
    PageUp: () => stage.panBy(0, screen()),
    PageDown: () => stage.panBy(0, -screen()),
    Home: () => stage.panBy(0, 1e9),
    End: () => stage.panBy(0, -1e9),
    " ": (event) => stage.panBy(0, event.shiftKey ? screen() : -screen()),
    Escape: () => leave(viewer),
  };
  for (const [index, [mode]] of MODES.entries()) actions[index + 1] = () => viewer.choose({ mode });
  return actions;
}

function leave(viewer) {
  if (viewer.view.cross) viewer.readout.toggleCross();
  else if (viewer.tolerating.open) viewer.tolerating.show(false);
  else if (viewer.state.get("region") >= 0) viewer.choose({ region: -1 });
}

export class Keys {
  constructor(viewer) {
    this.viewer = viewer;
    this.actions = actionsOf(viewer);
    viewer.listen(viewer.root, "keydown", (event) => this.press(event));
    for (const type of ["keyup", "keypress"]) {
      viewer.listen(viewer.root, type, (event) => event.stopPropagation());
    }
  }

  press(event) {
    const { viewer } = this;
    const { target } = event;
    const command = isCommand(event);
    event.stopPropagation();
    if (command && event.key === "s") this.save(event);
    if (target === viewer.parts.noteText) return viewer.deciding.pressInNote(event);
    if (viewer.tolerating.node.contains(target)) return viewer.tolerating.press(event);
    if (!viewer.help.open) this.undo(event);
    if (command || event.altKey) return;
    if (viewer.help.open) return viewer.help.press(event);
    const arrow = ARROWS[event.key];
    if (target === viewer.parts.slider && (arrow || SLIDING.includes(event.key))) return;
    const pressed = target.localName === "button" || target.type === "checkbox";
    if (pressed && (event.key === "Enter" || event.key === " ")) return;
    if (arrow && this.arrow(event, arrow)) return event.preventDefault();
    const key = keyOf(event);
    const action = this.actions[key];
    if (!action) return;
    if (!event.repeat || !ONCE.includes(key)) action(event);
    event.preventDefault();
  }

  // JupyterLab saves the notebook; the browser would save the page.
  save(event) {
    event.preventDefault();
    this.viewer.root.parentElement?.dispatchEvent(new KeyboardEvent("keydown", event));
  }

  undo(event) {
    const step = stepOf(event);
    if (!this.viewer.source.decide || !step) return;
    event.preventDefault();
    if (!event.repeat) this.viewer.deciding.stepBack(step);
  }

  // Handle an arrow that does not have its usual action; return whether it was one.
  arrow(event, [dx, dy]) {
    const { list } = this.viewer.parts;
    if (list.contains(event.target) && !dx) {
      this.viewer.marking.step(dy);
      list.querySelector("[aria-current]")?.focus({ preventScroll: true });
    } else if (this.viewer.view.cross) {
      const by = event.shiftKey ? 10 : 1;
      this.viewer.readout.moveCross(dx * by, dy * by);
    } else if (event.shiftKey) {
      this.viewer.stage.panBy(-80 * dx, -80 * dy);
    } else return false;
    return true;
  }
}
