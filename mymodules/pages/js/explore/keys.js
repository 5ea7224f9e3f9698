// Keys pressed in the list of the explorer, in their order: those that move go to the kernel, and those that decide
// wait until the viewer shows the row that is marked.

import { DECISIONS, isCommand, keyOf, stepOf } from "../keys.js";

const STEPS = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -1e9, End: 1e9 };
const DECIDING = [...Object.keys(DECISIONS), "u", "t"];

export class ListKeys {
  // send(message) asks the kernel for a move, which it answers; a table without rows has no place.
  constructor(root, send, isEmpty) {
    Object.assign(this, { root, send, isEmpty });
    this.view = Math.random().toString(36).slice(2); // the kernel's answers reach every view of the list
    this.waiting = []; // keys that decide but came too early, and the moves after them
    this.asked = 0; // moves that the kernel has not answered
    this.coming = new MutationObserver(() => this.pass());
  }

  press(event) {
    if (event.defaultPrevented) return; // a view of the list has taken it
    const taken = isCommand(event) || event.altKey;
    const decides = taken ? stepOf(event) : DECIDING.includes(keyOf(event));
    if (!decides && (taken || !(event.key in STEPS))) return;
    event.preventDefault();
    this.waiting.push(event);
    this.pass();
  }

  // Ask the kernel to show another row.
  move(message) {
    this.asked += 1;
    this.send({ ...message, view: this.view });
  }

  answered({ view }) {
    if (view !== this.view) return;
    this.asked -= 1;
    this.pass();
  }

  pass() {
    const { waiting } = this;
    while (waiting.length) {
      const { key } = waiting[0];
      if (key in STEPS) this.move({ kind: "step", by: STEPS[key] });
      else {
        const viewed = this.root.querySelector(".mmv-place"); // empty until the viewer shows the row
        if (!this.isReady(viewed)) return this.coming.observe(viewed, { childList: true });
        this.root.querySelector(".mmv").dispatchEvent(new KeyboardEvent("keydown", waiting[0]));
        if (key.toLowerCase() === "t") waiting.length = 0; // the next keys belong to the note
      }
      waiting.shift();
    }
    this.coming.disconnect();
  }

  isReady(viewed) {
    return this.isEmpty() || (!this.asked && Boolean(viewed.textContent));
  }
}
