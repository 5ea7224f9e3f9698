// Decisions made in a report: the browser keeps them, several tabs share them, and a file hands them over.
//
// A row's own decision and note are those in force; before() are those that the report was written with. Steps only
// add up, like the lines of triage.csv: {name, decision, note, time, before: [decision, note]}.

import { NOTE } from "../viewer/modes.js";

const VERSION = 1;
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

export class Decisions {
  // rows: records by name.
  constructor(report, rows, storage) {
    Object.assign(this, { rows, storage });
    this.run = report.run;
    this.words = Object.keys(report.words.decisions);
    this.key = `mymodules decisions ${report.identity}`;
    this.written = new Map(); // what the report was written with, of the rows that have a step
    this.text = ""; // what was read or stored last
    this.done = [];
    this.undone = [];
    this.problem = storage ? "" : LOST;
    this.read();
  }

  get canUndo() {
    return this.done.length > 0;
  }

  get canRedo() {
    return this.undone.length > 0;
  }

  // --- what is decided

  before(name) {
    const { decision, note } = this.rows.get(name);
    const found = this.written.get(name) ?? [decision, note];
    return this.words.includes(found[0]) ? found : ["", ""];
  }

  latest(name) {
    return this.done.findLast((step) => step.name === name);
  }

  // The latest step of each row.
  each() {
    return new Map(this.done.map((step) => [step.name, step]));
  }

  // Decide about a row. A note of null keeps the row's own, if the decision stays.
  decide(name, decision, note) {
    this.read();
    const row = this.rows.get(name);
    const most = Math.max(NOTE, row.note.length); // its own note may be longer, and stays whole
    const kept = note?.slice(0, most) ?? (row.decision === decision ? row.note : "");
    const time = new Date().toISOString();
    const step = { name, decision, note: decision === "clear" ? "" : clean(kept), time, before: this.before(name) };
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
    this.put(step.name, this.latest(step.name));
    this.store();
    return step;
  }

  // Set the decision in force of a row: that of its latest step.
  put(name, step) {
    const row = this.rows.get(name);
    if (!this.written.has(name)) this.written.set(name, [row.decision, row.note]);
    const [decision, note] = step ? [step.decision, step.note] : this.written.get(name);
    Object.assign(row, { decision: decision === "clear" ? "" : decision, note });
  }

  // --- what is handed over

  // The steps that the report's own decisions do not have, one for each row.
  entries() {
    return [...this.each().values()].filter((step) => !this.isWritten(step));
  }

  isWritten({ name, decision, note }) {
    const [word, remark] = this.before(name);
    return word === (decision === "clear" ? "" : decision) && remark === note;
  }

  // The file: triage/handover.py says what it holds.
  file() {
    const decisions = this.entries().map(({ name, decision, note, time, before }) => {
      const { first_digest, second_digest } = this.rows.get(name);
      const [decision_before, note_before] = before;
      return { name, first_digest, second_digest, decision, note, time, decision_before, note_before };
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
      const { version, done, undone } = JSON.parse(text);
      if (version !== VERSION) throw new Error("another version");
      const touched = new Set([...this.done, ...done, ...undone].map(({ name }) => name));
      for (const step of [...done, ...undone]) this.check(step);
      Object.assign(this, { done, undone, text });
      this.settle();
      const latest = this.each();
      for (const name of touched) this.put(name, latest.get(name));
    } catch {
      this.problem = DAMAGED; // any page from this disk may write there
    }
  }

  stored() {
    try {
      return this.storage.getItem(this.key);
    } catch {
      this.problem = LOST;
      return null;
    }
  }

  check({ name, decision, note, time, before }) {
    const [word, remark] = before;
    const sound =
      this.rows.has(name) &&
      [...this.words, "clear"].includes(decision) &&
      ["", ...this.words].includes(word) &&
      [note, time, remark].every(isText) &&
      new Date(time).toISOString() === time;
    if (!sound) throw new Error("not a step");
  }

  // A decision that is in triage.csv by now, as the report was written again, is no step any more.
  settle() {
    const settled = new Set();
    for (const step of this.each().values()) {
      const [word, remark] = this.before(step.name);
      const [then, noted] = step.before;
      if (this.isWritten(step) && (word !== then || remark !== noted)) settled.add(step.name);
    }
    const open = ({ name }) => !settled.has(name);
    Object.assign(this, { done: this.done.filter(open), undone: this.undone.filter(open) });
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
