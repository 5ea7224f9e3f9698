// The list of rows beside the viewer: a bar that chooses how they are listed, and one view at a time below it.
//
// A view has `area`, an element; fill(rows, by, falls), which shows rows and what orders them; and mark(name), which
// marks the current row and scrolls to it. Only the view that is shown is filled.

import { button, element, remember, remembered } from "./elements.js";

const CHOSEN = "list";

export class List {
  // views: [key, label, view] each; the first is shown unless a person has chosen another.
  constructor(views) {
    this.views = new Map(views.map(([key, label, view]) => [key, { label, view }]));
    this.filled = [[], null, false];
    this.name = "";
    this.calls = [];
    const buttons = [...this.views].map(([key, { label }]) =>
      element("button", { type: "button", "data-view": key, text: label, call: () => this.choose(key) }),
    );
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

  focus() {
    const { area } = this.shown;
    (area.tabIndex === 0 ? area : area.querySelector("[tabindex]")).focus();
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
    this.shown.fill(...this.filled);
    this.shown.mark(this.name);
  }

  fill(rows, by, falls) {
    this.filled = [rows, by, falls];
    this.shown.fill(rows, by, falls);
  }

  mark(name) {
    this.name = name;
    this.shown.mark(name);
  }
}
