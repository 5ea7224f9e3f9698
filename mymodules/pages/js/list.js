// The list of rows beside the viewer: a bar that chooses how they are listed, and one view at a time below it.
//
// A view has `area`, an element; fill(lines, by, falls), which shows lines (see folds.js) and what orders them; and
// mark(name), which marks the current row and scrolls to it. It calls its unfold(status), which it gets from here, to
// have a status listed in full; its hint, if it has one, is the tooltip of its button. Only the view that is shown is
// filled.

import { button, element, remember, remembered } from "./elements.js";
import { folded } from "./folds.js";

const CHOSEN = "list";

export class List {
  // views: [key, label, view] each; the first is shown unless a person has chosen another.
  constructor(views) {
    this.views = new Map(views.map(([key, label, view]) => [key, { label, view }]));
    this.filled = [[], null, false];
    this.lines = [];
    this.opened = []; // statuses that are listed in full
    this.name = "";
    this.calls = [];
    for (const [, , view] of views) view.unfold = (status) => this.unfold(status);
    const buttons = [...this.views].map(([key, { label, view }]) => {
      const hint = view.hint ? { title: view.hint } : {};
      return element("button", {
        type: "button",
        "data-view": key,
        text: label,
        call: () => this.choose(key),
        ...hint,
      });
    });
    const group = { class: "mml-bar", role: "group", "aria-label": "How the rows are listed" };
    this.bar = element("div", group, ...buttons);
    this.bar.hidden = buttons.length < 2;
    this.area = element("div", { class: "mml" }, this.bar, ...views.map(([, , view]) => view.area));
    // For the keyboard: a page puts it before its filters.
    this.skip = button("Skip to the rows", "", () => this.focus());
    this.skip.className = "mml-skip";
    this.show(this.views.has(remembered(CHOSEN)) ? remembered(CHOSEN) : views[0][0]);
  }

  // Call with the key of the view that is shown, now and whenever it changes.
  watch(call) {
    this.calls.push(call);
    call(this.key);
  }

  // Say something about the ways that are missing.
  note(text) {
    if (text) this.bar.append(element("span", { class: "mml-note", text }));
  }

  focus(options) {
    const { area } = this.shown;
    (area.tabIndex === 0 ? area : area.querySelector("[tabindex]")).focus(options);
  }

  choose(key) {
    remember(CHOSEN, key);
    this.show(key);
  }

  show(key) {
    this.key = key;
    this.shown = this.views.get(key).view;
    for (const { view } of this.views.values()) view.area.hidden = view !== this.shown;
    for (const made of this.bar.children) made.setAttribute("aria-pressed", made.dataset.view === key);
    for (const call of this.calls) call(key);
    this.refill();
    this.shown.mark(this.name);
  }

  fill(rows, by, falls) {
    this.filled = [rows, by, falls];
    this.refill();
  }

  refill() {
    const [rows, by, falls] = this.filled;
    this.lines = folded(rows, this.opened);
    this.shown.fill(this.lines, by, falls);
  }

  unfold(status) {
    this.opened.push(status);
    this.refill();
    this.focus({ preventScroll: true });
  }

  // Mark the row of this name; if its status is folded, it is unfolded.
  mark(name) {
    this.name = name;
    const isListed = this.lines.some((row) => row.name === name);
    const row = isListed ? null : this.filled[0].find((each) => each.name === name);
    if (row) {
      this.opened.push(row.status);
      this.refill();
    }
    this.shown.mark(name);
  }
}
