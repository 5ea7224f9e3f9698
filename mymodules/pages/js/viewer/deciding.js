// Decisions about rows, and notes on them. With a source that has no decide(), decisions are only shown.

import { partly } from "../standing.js";
import { DECIDED } from "./modes.js";

const NEWS = 5000; // ms for which the result of the last decision is shown

export class Deciding {
  constructor(viewer) {
    this.viewer = viewer;
    this.can = { undo: false, redo: false, closed: "" };
    this.underWay = new Map(); // decisions that are being written, by row: {word, done}
    this.news = {}; // the result of the last decision, and the row it is shown with
    this.askedAt = 0; // the turn of the last decision
    this.noting = null; // the record of the open note; another row may be shown
    this.drafts = new Map(); // notes without a decision, by row
    this.timer = 0;
  }

  get open() {
    return Boolean(this.viewer.source.decide) && !this.can.closed;
  }

  close() {
    clearTimeout(this.timer);
  }

  // --- what is shown

  fill() {
    const { viewer } = this;
    const { root, parts, record, state } = viewer;
    const coming = this.underWay.get(record?.name)?.word;
    const word = DECIDED[record?.decision];
    root.toggleAttribute("data-deciding", Boolean(coming));
    const some = record ? partly(record) : "";
    parts.standing.textContent = some;
    parts.standing.title = some && `${some} changes decided`;
    parts.decision.textContent = word ?? "";
    parts.decision.dataset.decision = record?.decision ?? "";
    parts.decision.hidden = Boolean(viewer.source.decide) || !word;
    for (const made of parts.decideButtons) {
      made.setAttribute("aria-pressed", made.dataset.decision === (coming ?? record?.decision));
      made.title = this.can.closed || made.dataset.title;
      viewer.able(made, state.get("row") && !this.can.closed);
    }
    this.fillMark();
    viewer.able(parts.undoButton, this.can.undo);
    viewer.able(parts.redoButton, this.can.redo);
    parts.news.textContent = this.news.row === state.get("row") ? (this.news.text ?? "") : "";
    parts.news.hidden = !parts.news.textContent;
  }

  // A note is seen beside the decision, also while details are folded away.
  fillMark() {
    const { mark } = this.viewer.parts;
    const note = this.noteOf(this.viewer.record);
    if (!note && mark === document.activeElement) this.viewer.focus();
    mark.hidden = !note;
    mark.title = `Note: ${note}`;
    mark.setAttribute("aria-label", mark.title);
  }

  noteOf(record) {
    return DECIDED[record?.decision] ? record.note : (this.drafts.get(record?.name) ?? record?.note);
  }

  tell(row, text) {
    this.news = { row, text };
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.news = {};
      this.fill();
    }, NEWS);
  }

  // Take the source's news of a decision, made here or elsewhere.
  take(now) {
    const { viewer } = this;
    this.can = now;
    if (now.message !== undefined) this.tell(now.row, now.message);
    this.fill();
    if (now.message && viewer.record?.name === now.row) {
      if (viewer.turn === this.askedAt) viewer.say(now.message);
      else viewer.announce(); // the next row has come before the news
    }
    if (now.message !== undefined && viewer.record) viewer.refresh(false);
  }

  refuse(error, about) {
    const { problem } = this.viewer.parts;
    problem.textContent = about && about !== this.viewer.record ? `${about.name}: ${error.message}` : error.message;
    problem.hidden = false;
  }

  // --- deciding

  // A row can be decided when it has come, and when no other decision about it is being written.
  async decide(word, note = null, about = this.viewer.record) {
    if (!this.open || !about || this.underWay.has(about.name)) return;
    const { viewer } = this;
    if (document.activeElement !== viewer.parts.noteText) this.leaveNote();
    const kept = note ?? (word === "clear" ? null : (this.drafts.get(about.name) ?? null));
    const entry = { word };
    this.underWay.set(about.name, entry);
    this.askedAt = viewer.turn;
    viewer.parts.problem.hidden = true;
    entry.done = this.write(about, word, kept, note === null && word !== "clear");
    this.fill();
    await entry.done;
  }

  // Returns the decision after this, even if writing has failed.
  async write(about, word, kept, on) {
    const { viewer } = this;
    try {
      Object.assign(about, await viewer.source.decide(about.name, word, kept, on));
      if (this.drafts.get(about.name) === kept) this.drafts.delete(about.name);
    } catch (error) {
      this.refuse(error, about);
    }
    this.underWay.delete(about.name);
    this.fill();
    if (viewer.record?.name === about.name) viewer.fillDetails();
    return about.decision;
  }

  async stepBack(kind) {
    if (!this.open) return;
    const { viewer } = this;
    const about = viewer.record;
    this.askedAt = viewer.turn;
    viewer.parts.problem.hidden = true;
    try {
      await viewer.source[kind]();
    } catch (error) {
      this.refuse(error, about);
    }
  }

  // --- notes

  // Works for a row that has not come, too: otherwise the next letters would be keys.
  openNote() {
    const { record, state, parts } = this.viewer;
    if (!this.open || !state.get("row")) return;
    this.leaveNote();
    this.noting = record ?? { name: state.get("row") };
    const { name, note } = this.noting;
    parts.noteName.textContent = name;
    parts.noteText.value = parts.noteText.defaultValue = this.drafts.get(name) ?? note ?? "";
    parts.noteBox.hidden = false;
    parts.noteText.focus();
    parts.noteText.select();
  }

  // Where nothing can be decided, a note can only be read.
  showNote() {
    if (this.open) this.openNote();
    else this.viewer.toggle("details");
  }

  // The text is kept as a draft.
  leaveNote() {
    const { noteText, noteBox } = this.viewer.parts;
    if (!this.noting) return;
    if (noteText.value !== noteText.defaultValue) this.drafts.set(this.noting.name, noteText.value.trim());
    this.noting = null;
    noteBox.hidden = true;
  }

  // A note that is kept goes with the decision: the present one, the one being written, or the next one.
  async closeNote(keep) {
    const { viewer } = this;
    const { noteText, noteBox } = viewer.parts;
    const about = viewer.record?.name === this.noting.name ? viewer.record : this.noting;
    const text = noteText.value.trim();
    this.noting = null;
    noteBox.hidden = true;
    viewer.focus();
    if (!keep) return;
    this.drafts.set(about.name, text);
    this.fill();
    viewer.fillDetails();
    const word = (await this.underWay.get(about.name)?.done) ?? about.decision;
    if (DECIDED[word]) await this.decide(word, text, about);
  }

  pressInNote(event) {
    if (event.isComposing || (event.key !== "Enter" && event.key !== "Escape")) return;
    this.closeNote(event.key === "Enter");
    event.preventDefault();
  }
}
