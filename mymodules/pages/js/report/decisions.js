// Decisions made in a report: the browser keeps them, several tabs share them, and a file hands them over.
//
// A decision is about a row, {name, change: ""}; about a change wherever it stands, {name: "", change: SIGNATURE}; or
// about that change of one row, with both. What holds for the rows follows, see standing.js. Steps only add up, like
// the lines of triage.csv: {about, decision, note, time}; each part of `about` also has `before`, decision and note that
// the report was written with.

import { number } from "../elements.js";
import { howFar, standing } from "../standing.js";
import { NOTE } from "../viewer/modes.js";

const VERSION = 2;
const ANSWER = 1000; // ms, by which the browser has answered
const LOST = "This browser does not keep decisions for this page: download them before you leave it.";
const DAMAGED =
  "The decisions that this browser has kept for this page cannot be read; they are left as they are, and new ones " +
  "are not kept: download them before you leave the page.";

// Whether a row waits for a decision; see NOTHING_TO_DECIDE in row.py.
export const waits = (row) => !row.decision && row.status !== "same" && row.verdict !== "tolerated";

const isText = (value) => typeof value === "string";

// The browser's storage; null if it has none for this page, as in some private windows and frames.
//
// Chromium refuses the storage to a page whose commit it has not processed, without an error: the page gets a store of
// its own, which is lost. Answers of the lock manager come after the commit, so the storage is opened after one.
export async function browserStorage() {
  try {
    await Promise.race([navigator.locks?.query(), new Promise((resolve) => setTimeout(resolve, ANSWER))]);
  } catch {
    // a frame without an origin has no locks; it has no storage either
  }
  try {
    localStorage.setItem("mymodules test", "");
    localStorage.removeItem("mymodules test");
    return localStorage;
  } catch {
    return null;
  }
}

// A text that UTF-8 can hold, on one line.
function clean(note) {
  const line = note.replace(/[\0\r\n]+/g, " ");
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(new TextEncoder().encode(line));
}

const keyOf = ({ name, change }) => `${change}\n${name}`;

// A step as the first version kept it, which was about one row.
const upgraded = ({ name, before, ...step }) => ({ about: [{ name, change: "", before }], ...step });

export class Decisions {
  // rows: records by name. Their `listed` are the classes of a row's marks, as places in the report's signatures, -1
  // for what rules have taken; null if the row cannot be decided by its changes.
  constructor(report, rows, storage) {
    Object.assign(this, { rows, storage });
    this.run = report.run;
    this.words = Object.keys(report.words.decisions);
    this.key = `mymodules decisions ${report.identity}`;
    this.signatures = report.signatures;
    this.numbers = new Map(report.signatures.map((signature, place) => [signature, place]));
    this.members = new Map(report.signatures.map((signature) => [signature, []])); // names of rows, by signature
    this.written = new Map(); // what the report was written with: decision, note, and the date of one about a change
    this.fill(report.decided);
    this.closed = new Map(report.closed.map(([place, date]) => [this.signatures[place], date]));
    this.text = ""; // what was read or stored last
    this.done = [];
    this.undone = [];
    this.latest = new Map(); // the latest step about each thing, by key
    for (const name of rows.keys()) this.hold(name);
    this.problem = storage ? "" : LOST;
    this.read();
  }

  fill(decided) {
    for (const [name, { decision, note, listed }] of this.rows) {
      if (decision) this.written.set(keyOf({ name, change: "" }), [decision, note]);
      for (const place of new Set(listed ?? [])) if (place >= 0) this.members.get(this.signatures[place]).push(name);
    }
    for (const [name, place, ...found] of decided)
      this.written.set(keyOf({ name, change: this.signatures[place] }), found);
  }

  get canUndo() {
    return this.done.length > 0;
  }

  get canRedo() {
    return this.undone.length > 0;
  }

  // --- what is decided

  before(about) {
    const found = this.written.get(keyOf(about)) ?? ["", ""];
    return this.words.includes(found[0]) ? found.slice(0, 2) : ["", ""];
  }

  // Decision and note on a row, or a change, itself.
  own(about) {
    if (!this.latest.size && !this.written.size) return ["", ""]; // a new report asks for very many
    const key = keyOf(about);
    const step = this.latest.get(key);
    if (!step) return this.written.get(key) ?? ["", ""];
    return [step.decision === "clear" ? "" : step.decision, step.note];
  }

  // The decision about a row, or about a change of it; not that about the change wherever it stands.
  ownOf(name, change) {
    return this.own({ name, change: "" })[0] || this.own({ name, change })[0];
  }

  // The word that holds for a change of a row without a decision of its own.
  wordOf(name, change) {
    return this.own({ name, change })[0] || this.own({ name: "", change })[0];
  }

  // What to know of changes of a row that come again: the rule of triage.Decisions.remarks_on.
  remarksOn(name, places) {
    const counts = new Map();
    for (const change of this.own({ name, change: "" })[0] ? [] : places.map((place) => this.signatures[place])) {
      const own = this.own({ name, change });
      const [word, , date] = own[0] ? own : this.own({ name: "", change });
      const isClosed = !word && this.closed.has(change);
      const text = isClosed ? `accepted and approved on ${this.closed.get(change)}` : `rejected since ${date}`;
      if (isClosed || (word === "reject" && date)) counts.set(text, (counts.get(text) ?? 0) + 1);
    }
    return [...counts].map(([text, count]) => `${number(count)} ${count === 1 ? "change" : "changes"} ${text}`);
  }

  // Set what holds for a row.
  hold(name) {
    const row = this.rows.get(name);
    const open = (row.listed ?? []).filter((place) => place >= 0);
    const words = open.map((place) => this.wordOf(name, this.signatures[place]));
    const found = standing(this.own({ name, change: "" }), words, (row.listed?.length ?? 0) - open.length);
    const { decision, note, decided, changes } = found;
    Object.assign(row, { decision, note, standing: howFar(found), open_changes: changes ? changes - decided : null });
    row.remarks = this.remarksOn(name, open);
  }

  holdAll(about) {
    const names = about.flatMap(({ name, change }) => (name ? [name] : this.members.get(change)));
    for (const name of new Set(names)) this.hold(name);
  }

  // Decide about a row.
  decide(name, decision, note) {
    return this.decideAll([{ name, change: "" }], decision, note);
  }

  // Decide about several things in one step. A note of null keeps that of a single one, if the decision stays.
  decideAll(all, decision, note = null) {
    this.read();
    const [word, remark] = all.length === 1 ? this.own(all[0]) : ["", ""];
    const most = Math.max(NOTE, remark.length); // its own note may be longer, and stays whole
    const kept = note?.slice(0, most) ?? (word === decision ? remark : "");
    const about = all.map(({ name, change }) => ({ name, change, before: this.before({ name, change }) }));
    const time = new Date().toISOString();
    const step = { about, decision, note: decision === "clear" ? "" : clean(kept), time };
    this.done.push(step);
    this.undone = [];
    return this.finish(step);
  }

  // Take back the newest step, or repeat the one taken back last; return it, or null if there is none.
  undo() {
    return this.move("done", "undone");
  }

  redo() {
    return this.move("undone", "done");
  }

  move(from, to) {
    this.read();
    const step = this[from].pop();
    if (!step) return null;
    this[to].push(step);
    return this.finish(step);
  }

  finish(step) {
    this.index();
    this.holdAll(step.about);
    this.store();
    return step;
  }

  index() {
    this.latest = new Map(this.done.flatMap((step) => step.about.map((about) => [keyOf(about), step])));
  }

  // --- what is handed over

  // What was decided last about each thing, if the report's own decision about it is another.
  entries() {
    const all = this.done.flatMap((step) => step.about.map((about) => ({ about, step })));
    return all.filter(({ about, step }) => this.latest.get(keyOf(about)) === step && !this.isWritten(about, step));
  }

  isWritten(about, { decision, note }) {
    const [word, remark] = this.before(about);
    return word === (decision === "clear" ? "" : decision) && remark === note;
  }

  // The file: triage/handover.py says what it holds.
  file() {
    const decisions = this.entries().map(({ about: { name, change, before }, step: { decision, note, time } }) => {
      const { first_digest, second_digest } = this.rows.get(name) ?? { first_digest: "", second_digest: "" };
      const [decision_before, note_before] = before;
      return { name, first_digest, second_digest, change, decision, note, time, decision_before, note_before };
    });
    return JSON.stringify({ format: "mymodules decisions", version: VERSION, run: this.run, decisions }, null, 1);
  }

  fileName() {
    return `decisions-${this.run || new Date().toISOString().replace(/\D/g, "").slice(0, 14)}.json`;
  }

  // --- what the browser keeps

  get kept() {
    return !this.problem;
  }

  // Read what other tabs have decided since. If the browser has forgotten everything, this tab has not.
  read() {
    if (!this.kept) return;
    const text = this.stored();
    if (text === null || text === this.text) return;
    try {
      const { done, undone } = this.parsed(text);
      for (const step of [...done, ...undone]) this.check(step);
      const touched = [...this.done, ...done, ...undone].flatMap(({ about }) => about);
      Object.assign(this, { done, undone, text });
      this.index();
      this.settle();
      this.holdAll(touched);
    } catch {
      this.problem = DAMAGED; // any page from this disk may write there
    }
  }

  parsed(text) {
    const { version, done, undone } = JSON.parse(text);
    if (version === 1) return { done: done.map(upgraded), undone: undone.map(upgraded) };
    if (version !== VERSION) throw new Error("another version");
    return { done, undone };
  }

  stored() {
    try {
      return this.storage.getItem(this.key);
    } catch {
      this.problem = LOST;
      return null;
    }
  }

  check({ about, decision, note, time }) {
    const sound =
      about.length > 0 &&
      about.every((each) => this.isKnown(each)) &&
      [...this.words, "clear"].includes(decision) &&
      [note, time].every(isText) &&
      new Date(time).toISOString() === time;
    if (!sound) throw new Error("not a step");
  }

  isKnown({ name, change, before: [word, remark] }) {
    if (!["", ...this.words].includes(word) || !isText(remark)) return false;
    if (!change) return change === "" && this.rows.has(name);
    const place = this.numbers.get(change);
    return place !== undefined && (name === "" || Boolean(this.rows.get(name)?.listed?.includes(place)));
  }

  // A decision that is in triage.csv by now, as the report was written again, is no step any more.
  settle() {
    const settled = new Set();
    for (const step of this.done) {
      for (const about of step.about) {
        const key = keyOf(about);
        const [word, remark] = this.before(about);
        const isNew = word !== about.before[0] || remark !== about.before[1];
        if (this.latest.get(key) === step && this.isWritten(about, step) && isNew) settled.add(key);
      }
    }
    if (!settled.size) return;
    const open = (steps) =>
      steps
        .map((step) => ({ ...step, about: step.about.filter((about) => !settled.has(keyOf(about))) }))
        .filter(({ about }) => about.length);
    Object.assign(this, { done: open(this.done), undone: open(this.undone) });
    this.index();
  }

  store() {
    if (!this.kept) return;
    const { done, undone } = this;
    this.text = JSON.stringify({ version: VERSION, done, undone });
    try {
      this.storage.setItem(this.key, this.text);
    } catch {
      this.problem = LOST;
    }
  }

  // Follow other tabs: changed() is called after their steps.
  watch(changed) {
    addEventListener("storage", ({ key }) => {
      if (key !== this.key) return;
      this.read();
      changed();
    });
  }
}
