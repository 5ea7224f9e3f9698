// The looks of a run, one screen at a time: before beside after, what was not shown yet. It is a view of list.js, and
// stands alone too. What a person decides is decided wherever the same change stands.
//
// A source has
//   overview()             {looks, sentence, notes, done, undo, redo, closed}: how many looks there are, what is said of
//                          them, for each whether all of it is decided, and why nothing can be decided
//   look(number)           a record, see pages/looks.py
//   state(number)          by class of that look: {word, by, apart, note, remark}; apart: [word, count, page] for each
//                          other decision that pages have; note: that of a decision about the class wherever it
//                          stands, null without one; remark: what to know of one that comes again
//   crop(page, side, box)  what is drawn at scale 1: an ImageBitmap, a canvas or an image of this box
//   occurrences(class)     [page, place, count, word, whole, note] of each page: its first change of the class, how
//                          many it has, what is decided there alone, whether that is about the whole page, its note
//   decide(word, classes, page, note)  in one step, on one page only if it is named; with a note of null, what has
//                          this decision already keeps its own. undo() and redo() return the number of the look of
//                          the step, or null
//   open(page, place)      shows a change in the viewer; absent where there is none
// All of them return promises. A place is what the source calls a change of a page.

import { button, element, lru, number } from "../elements.js";
import { DECIDED } from "../viewer/modes.js";
import { Crops } from "./crops.js";
import { drawLook, signaturesOf, wishes } from "./drawing.js";
import { actionsOf, help, press } from "./keys.js";
import { Noting } from "./noting.js";
import { placeOf, Strip, stateOfAll } from "./strip.js";

const WORDS = { accept: ["Accept", "a"], reject: ["Reject", "r"], ignore: ["Ignore", "i"] };
const MARKS = "Boxes";
const LATER = "What is chosen goes on, and is decided, on a later look.";
const WHOLE = "is decided as a whole, which goes before its changes: open it and take that decision away first.";
const NOTHING = "No look is left: no change is open.";
const TABLE = "The table lists all pictures.";

export class Looks {
  constructor(source) {
    this.source = source;
    this.hint = "Each distinct change once, before beside after (l)";
    this.crops = new Crops(source);
    this.records = lru(4);
    this.overview = { looks: 0, done: [], notes: [], sentence: "", closed: "", undo: false, redo: false };
    this.number = 0;
    this.record = null;
    this.state = {};
    this.chosen = null; // {index, signature, page}: a hunk, one of its classes, or this on a page; else the whole look
    this.turn = 0; // of what is shown
    this.age = 0; // of what is known of decisions
    this.drawn = 0;
    this.busy = false;
    this.deciding = null; // the last decision, until it is written
    this.build();
  }

  build() {
    this.back = button("Previous look", "p", () => this.step(-1), "‹");
    this.on = button("Next look", "n", () => this.step(1), "›");
    this.place = element("span", { class: "mmo-place", role: "status" });
    this.bar = element("progress", { class: "mmo-progress", "aria-label": "Looks decided", max: 1 });
    this.told = element("span", { class: "mmo-told" });
    this.sentence = element("span", { class: "mmo-sentence" });
    this.notes = element("p", { class: "mmo-notes" });
    this.waiting = element("p", { class: "mmo-problem", role: "status" });
    this.deciders = Object.entries(WORDS).map(([word, [label, key]]) => {
      const made = button(label, key, () => this.decide(word));
      made.dataset.decision = word;
      return made;
    });
    this.undoing = button("Undo", "u", () => this.stepBack("undo"), "↶");
    this.redoing = button("Redo", "Shift + u", () => this.stepBack("redo"), "↷");
    this.marks = button(MARKS, "o", () => this.toggleMarks());
    this.marks.setAttribute("aria-pressed", "true");
    const larger = button("Maximise", "m", () => this.maximise());
    const asking = button("Keys and help", "?", () => this.showHelp(true), "?");
    const group = (label, ...parts) =>
      element("span", { class: "mmo-group", role: "group", "aria-label": label }, ...parts);
    this.tools = element(
      "div",
      { class: "mmo-tools" },
      group("Looks", this.back, this.place, this.on),
      group("Decide", ...this.deciders, this.undoing, this.redoing),
      this.bar,
      this.told,
      this.sentence,
      group("Look", this.marks, larger, asking),
    );
    this.problem = element("p", { class: "mmo-problem", role: "alert", hidden: "" });
    this.stage = element("div", { class: "mmo-stage", role: "listbox", tabindex: "0", "aria-label": "What changed" });
    this.strip = new Strip(this);
    this.noting = new Noting(this);
    this.help = help(() => this.showHelp(false));
    const parts = [this.tools, this.notes, this.waiting, this.problem, this.stage];
    parts.push(this.noting.area, this.strip.area, this.help);
    this.area = element("div", { class: "mmo" }, ...parts);
    const actions = actionsOf(this);
    this.area.addEventListener("keydown", (event) => {
      if (event.target === this.noting.text) return this.noting.press(event);
      if (!press(this, actions, event)) return;
      event.preventDefault();
      event.stopPropagation();
    });
    this.stage.addEventListener("click", ({ target }) => this.click(target));
    this.stage.addEventListener("dblclick", () => this.open());
  }

  // --- what is shown

  async start() {
    await this.refresh();
    const first = this.overview.done.indexOf(0);
    await this.show(Math.max(first, 0));
  }

  async show(wanted) {
    this.noting.leave();
    this.turn += 1;
    const { turn } = this;
    this.number = Math.min(Math.max(wanted, 0), Math.max(this.overview.looks - 1, 0));
    this.chosen = null;
    this.strip.places.show("");
    this.tell("");
    if (!this.overview.looks) return this.update();
    try {
      const found = await Promise.all([this.recordOf(this.number), this.source.state(this.number)]);
      if (turn !== this.turn) return;
      [this.record, this.state] = found;
    } catch (error) {
      if (turn === this.turn) this.tell(error.message);
      return;
    }
    this.drawn += 1;
    const look = drawLook({ ...this.record, id: this.drawn });
    this.stage.replaceChildren(look);
    this.stage.scrollTo(0, 0);
    this.update();
    const now = wishes(this.record, look);
    this.crops.want(now);
    const next = this.number + 1 < this.overview.looks ? await this.recordOf(this.number + 1).catch(() => null) : null;
    if (next && turn === this.turn) this.crops.want([...this.crops.waiting, ...wishes(next)]);
  }

  recordOf(wanted) {
    const known = this.records.get(wanted);
    if (known) return known;
    const coming = this.source.look(wanted);
    coming.catch(() => this.records.delete(wanted));
    return this.records.set(wanted, coming);
  }

  // Show what is decided now.
  async refresh() {
    this.age += 1;
    const { age, turn } = this;
    try {
      const state = this.record ? this.source.state(this.number) : {};
      const found = await Promise.all([this.source.overview(), state]);
      if (age !== this.age) return;
      this.overview = found[0];
      if (turn === this.turn) this.state = found[1];
    } catch (error) {
      this.tell(error.message);
    }
    this.update();
  }

  update() {
    const { overview, record } = this;
    const { looks, done, closed } = overview;
    const count = done.filter(Boolean).length;
    this.area.classList.toggle("mmo-none", !looks);
    this.place.textContent = looks ? `Look ${number(this.number + 1)} of ${number(looks)}` : "No look";
    this.told.textContent = `${number(count)} of ${number(looks)} looks decided`;
    Object.assign(this.bar, { max: Math.max(looks, 1), value: count });
    this.sentence.textContent = this.sentence.title = overview.sentence;
    this.notes.textContent = [...overview.notes, closed].filter(Boolean).join(" ");
    this.markDeciders();
    this.back.disabled = this.number === 0;
    this.on.disabled = this.number + 1 >= looks;
    this.undoing.disabled = !overview.undo;
    this.redoing.disabled = !overview.redo;
    if (record && looks) this.markItems();
    const nothing = this.source.open ? `${NOTHING} ${TABLE}` : NOTHING; // a page of looks alone has no table
    if (!looks) this.stage.replaceChildren(element("p", { class: "mmo-nothing", text: nothing }));
    this.strip.fill(this);
  }

  markDeciders() {
    const { looks, closed } = this.overview;
    const here = this.strip.places.entry(this.chosen?.page)?.[3];
    const words = new Set(this.about().map((signature) => here || (this.state[signature]?.word ?? "")));
    for (const made of this.deciders) {
      made.setAttribute("aria-pressed", words.size === 1 && words.has(made.dataset.decision));
      made.disabled = Boolean(closed) || !looks;
    }
  }

  // Mark what is chosen and what is decided.
  markItems() {
    const { record, chosen } = this;
    this.stage.removeAttribute("aria-activedescendant");
    for (const made of this.stage.querySelectorAll(".mmo-item")) {
      const names = signaturesOf(record.items[made.dataset.index]);
      const states = names.map((name) => this.state[name] ?? {});
      const words = new Set(states.map(({ word }) => word ?? ""));
      const [word] = words.size === 1 ? words : [""];
      made.dataset.decision = word;
      made.querySelector(".mmo-badge").textContent = stateOfAll(states);
      const isChosen = Number(made.dataset.index) === chosen?.index;
      made.setAttribute("aria-selected", isChosen);
      if (isChosen) this.stage.setAttribute("aria-activedescendant", made.id);
      for (const box of made.querySelectorAll(".mmo-mark")) {
        box.toggleAttribute("data-chosen", isChosen && box.dataset.signature === chosen.signature);
      }
    }
  }

  tell(text) {
    this.problem.textContent = text;
    this.problem.hidden = !text;
  }

  // --- what a person does

  step(by) {
    const wanted = this.number + by;
    if (wanted >= 0 && wanted < this.overview.looks) this.show(wanted);
  }

  click(target) {
    const item = target.closest(".mmo-item");
    if (!item) return this.choose(null);
    const index = Number(item.dataset.index);
    const { signature = "" } = target.closest(".mmo-mark")?.dataset ?? {};
    this.choose({ index, signature });
  }

  choose(chosen) {
    this.noting.leave();
    if (chosen?.index !== this.chosen?.index) this.strip.places.show("");
    this.chosen = chosen;
    this.update();
    this.stage.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  // List the pages of the chosen class, to decide on one of them.
  list() {
    const index = this.chosen?.index ?? 0;
    const item = this.record?.items[index];
    if (!item) return;
    const signature = this.chosen?.signature || signaturesOf(item)[0];
    this.choose({ index, signature, page: "" });
    this.strip.places.show(signature, true);
    this.choose({ index, signature, page: item.page });
  }

  // Choose what is one level above: of a page the class, of a class or hunk the whole look.
  leave() {
    const { chosen } = this;
    if (!chosen?.page) return this.choose(null);
    if (this.strip.places.focused) this.stage.focus({ preventScroll: true });
    this.strip.places.show("");
    this.choose({ ...chosen, page: "" });
  }

  walk(by) {
    const { places } = this.strip;
    if (places.found.length) {
      const page = places.beside(this.chosen.page, by);
      return this.choose({ ...this.chosen, signature: places.signature, page });
    }
    const count = this.record?.items.length ?? 0;
    if (!count) return;
    const now = this.chosen?.index ?? (by > 0 ? -1 : count);
    this.choose({ index: Math.min(Math.max(now + by, 0), count - 1), signature: "" });
  }

  // What is decided now: the chosen change or hunk, else the look; without what is decided on a later one.
  about() {
    const { record, chosen } = this;
    if (!record) return [];
    if (!chosen) return record.signatures;
    const names = chosen.signature ? [chosen.signature] : signaturesOf(record.items[chosen.index]);
    return names.filter((name) => record.signatures.includes(name));
  }

  async decide(word) {
    const about = this.about();
    if (!about.length && !this.chosen) return this.step(1); // it goes on there
    if (this.busy || this.overview.closed) return;
    if (!about.length) return this.tell(LATER);
    const { page = "" } = this.chosen ?? {};
    if (this.strip.places.entry(page)?.[4]) return this.tell(`${page} ${WHOLE}`);
    const { turn } = this;
    const goesOn = !this.chosen && word in DECIDED;
    this.noting.leave();
    const done = await this.write(word, about, page);
    if (done && goesOn && turn === this.turn && !this.noting.isOpen) this.goOn();
  }

  // Write a decision with its note, or with the one that waits for it; return whether it was written.
  write(word, about, page, note = null) {
    this.deciding = this.written(word, about, page, note);
    return this.deciding;
  }

  async written(word, about, page, note) {
    const { noting, source } = this;
    this.busy = true;
    this.tell("");
    try {
      const kept = word in DECIDED ? (note ?? noting.draftOf(about, page) ?? null) : null;
      await source.decide(word, about, page, kept);
      if (kept !== null && noting.draftOf(about, page) === kept) noting.forget(about, page);
      if (word in DECIDED && note === null) {
        for (const part of noting.ofParts(about, page)) {
          await source.decide(word, part.about, page, part.text); // a step has one note: this is one of its own
          noting.forget(part.about, page);
        }
      }
      await this.refresh();
      return true;
    } catch (error) {
      this.tell(error.message);
      return false;
    } finally {
      this.busy = false;
    }
  }

  // Take a note on what is chosen.
  note() {
    const about = this.about();
    if (this.overview.closed || !this.record) return;
    if (!about.length) return this.tell(LATER);
    const { page = "", index } = this.chosen ?? {};
    if (this.strip.places.entry(page)?.[4]) return this.tell(`${page} ${WHOLE}`);
    const count = about.length === 1 ? "this change" : `these ${number(about.length)} changes`;
    const where = page ? ` on ${page} only` : "";
    this.noting.open(about, page, index === undefined ? `this look, ${count}` : `${count}${where}`);
  }

  // Show the next look with something to decide: after this one, else from the start.
  goOn() {
    const { done } = this.overview;
    const after = done.indexOf(0, this.number + 1);
    const wanted = after < 0 ? done.indexOf(0) : after;
    if (wanted >= 0 && wanted !== this.number) this.show(wanted);
  }

  async stepBack(kind) {
    if (this.busy || this.overview.closed) return;
    try {
      const there = await this.source[kind]();
      await this.refresh();
      if (there !== null && there !== this.number) await this.show(there);
    } catch (error) {
      this.tell(error.message);
    }
  }

  open(item = this.record?.items[this.chosen?.index]) {
    const [page, place] = this.strip.places.entry(this.chosen?.page) ?? [];
    if (page) this.openAt(page, place);
    else if (item) this.openAt(item.page, placeOf(item, this.chosen?.signature));
  }

  openAt(page, place) {
    this.source.open?.(page, place)?.then(
      () => this.opened?.(),
      (error) => this.tell(error.message),
    );
  }

  toggleMarks() {
    const off = this.area.classList.toggle("mmo-plain");
    this.marks.setAttribute("aria-pressed", !off);
  }

  maximise() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.area.requestFullscreen?.().catch(() => {});
  }

  showHelp(open) {
    this.help.hidden = !open;
    if (open) this.help.querySelector("button").focus();
    else this.stage.focus({ preventScroll: true });
  }

  // --- the interface of a view, see list.js: looks do not follow the rows that pass the filters

  fill() {}

  mark() {}

  // Files have changed.
  renew() {
    this.crops.renew();
    this.show(this.number);
  }
}
