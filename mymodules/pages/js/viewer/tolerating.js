// Making a rule: what is drawn with the mouse, or changes like the chosen one, are tolerated from the next run on.
// With a source that has no tolerate(), there are no rules to make.

import { between, button, element } from "../elements.js";
import { boxBetween } from "./geometry.js";

const HINT = "Drag a box over what may differ, or choose a change.";
const PAUSE = 150; // ms without a key before the effect is looked up

export class Tolerating {
  constructor(viewer) {
    this.viewer = viewer;
    this.box = null; // what was drawn: {row, side, at: [x, y, width, height]}, px
    this.count = 0; // of questions, so that late answers are recognised
    this.timer = 0;
    const { parts } = this;
    this.node = element(
      "div",
      { class: "mmv-ruling", role: "group", "aria-label": "New rule", hidden: "" },
      parts.what,
      parts.name,
      element("label", {}, parts.everywhere, "in all pictures"),
      parts.add,
      button("Close", "Esc", () => this.show(false)),
      parts.effect,
    );
    viewer.listen(parts.name, "input", () => this.ask());
    viewer.listen(parts.everywhere, "change", () => this.ask());
  }

  parts = {
    what: element("span", { class: "mmv-wish" }),
    name: element("input", {
      type: "text",
      maxlength: 100,
      "aria-label": "Name of the rule",
      placeholder: "Name of the rule, such as clock",
    }),
    everywhere: element("input", { type: "checkbox" }),
    add: button("Add the rule", "Enter", () => this.write()),
    // It can be scrolled.
    effect: element("output", { class: "mmv-effect", "aria-label": "Effect of the rule", tabindex: "0" }),
  };

  get can() {
    return Boolean(this.viewer.source.tolerate);
  }

  get open() {
    return !this.node.hidden;
  }

  show(open) {
    const { viewer } = this;
    if (open && this.open) return this.focus();
    if (open === this.open || (open && !(this.can && viewer.record))) return;
    this.node.hidden = !open;
    this.parts.everywhere.checked = false; // who means all pictures says so for each rule
    this.parts.name.value = this.parts.effect.textContent = "";
    this.draw(null);
    if (open) this.focus();
    else viewer.focus();
  }

  // What is typed next is the name.
  focus() {
    this.parts.name.focus();
  }

  // Take the box between two places in a pane that shows a side, as far as that side has pixels there.
  drag(side, one, other) {
    const { viewer } = this;
    const [x, y, width, height] = boxBetween(one, other, viewer.stage.geometry());
    const from = viewer.aligning.pixel(side, { x, y });
    const to = viewer.aligning.pixel(side, { x: x + width - 1, y: y + height - 1 });
    const [wide, high] = viewer.has(side) ? viewer.extent(side) : [0, 0];
    if (!from || !to || from.x >= wide || from.y >= high || to.x < from.x || to.y < from.y) return;
    const [right, bottom] = [between(1, to.x + 1, wide), between(1, to.y + 1, high)];
    this.draw({ row: viewer.state.get("row"), side, at: [from.x, from.y, right - from.x, bottom - from.y] });
  }

  // Take a box that was drawn, or none.
  draw(box) {
    this.box = box;
    this.fill();
    this.viewer.stage.schedule();
  }

  // What the rule is to take; null if nothing was drawn or chosen.
  get wish() {
    const { state, marks } = this.viewer;
    const mark = state.get("region");
    if (this.box) return { mask: this.box.at, side: this.box.side };
    return marks?.[mark] && marks[mark].kind !== "region" ? { mark } : null;
  }

  // Say what the rule takes, and what it would do.
  fill() {
    if (this.box && this.box.row !== this.viewer.state.get("row")) this.box = null;
    if (!this.open) return;
    const { wish, parts } = this;
    if (wish?.mask) {
      const [x, y, width, height] = wish.mask;
      parts.what.textContent = `Mask of ${width} x ${height} px at ${x}, ${y} of ${wish.side}`;
    } else parts.what.textContent = wish ? `Changes like change ${wish.mark + 1}` : HINT;
    this.ask();
  }

  ask() {
    clearTimeout(this.timer);
    this.fillAdd();
    this.timer = setTimeout(() => this.send(false), PAUSE);
  }

  fillAdd() {
    this.viewer.able(this.parts.add, Boolean(this.wish && this.parts.name.value.trim()));
  }

  // Returns whether it was understood.
  async send(write) {
    clearTimeout(this.timer);
    const { viewer, wish, parts } = this;
    this.count += 1;
    const mine = this.count;
    if (!this.open || !viewer.record || !wish) {
      parts.effect.textContent = "";
      return false;
    }
    const asked = { ...wish, called: parts.name.value, everywhere: parts.everywhere.checked, write };
    let [text, done] = ["", true];
    try {
      text = (await viewer.source.tolerate(viewer.record.name, asked)).sentence;
    } catch (error) {
      [text, done] = [error.message, false];
    }
    if (mine === this.count) parts.effect.textContent = text;
    return done && mine === this.count;
  }

  async write() {
    const { add, name } = this.parts;
    if (add.disabled) return;
    this.viewer.able(add, false); // a second press would try to add it again
    if (await this.send(true)) name.value = "";
    this.fillAdd();
  }

  press(event) {
    if (event.isComposing) return;
    if (event.key === "Escape") this.show(false);
    else if (event.key === "Enter" && event.target === this.parts.name) this.write();
    else return;
    event.preventDefault();
  }
}
