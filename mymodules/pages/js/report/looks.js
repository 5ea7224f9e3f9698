// A source of looks for the report: see looks/looks.js. Their records are a file of the report, which is loaded when
// they are first asked for, and their pictures are the report's own.

import { element, lru, probed } from "../elements.js";

const PICTURES = 4; // that stay decoded

// Part of a picture as a canvas. In a page from a disk it may not be read, but it can be shown.
function cut(image, [x, y, width, height]) {
  const canvas = element("canvas", { width, height });
  canvas.getContext("2d").drawImage(image, x, y, width, height, 0, 0, width, height);
  return canvas;
}

export class ReportLooks {
  // file: the name of their records. details and decisions: see details.js and decisions.js. changed() is called after
  // a decision; open(name, place) shows a row, and its mark at that place; null if there are no rows.
  constructor(file, details, decisions, changed, open) {
    Object.assign(this, { file, details, files: details.files, decisions, changed });
    if (open) this.open = async (name, place) => open(name, place);
    this.images = lru(PICTURES, (found) => found.then(({ url }) => files.done(url)).catch(() => {}));
  }

  content() {
    this.coming ??= this.files.bytes(this.file).then((bytes) => JSON.parse(new TextDecoder().decode(bytes)));
    this.coming.catch(() => {
      this.coming = null; // asked for again, it is loaded again
    });
    return this.coming;
  }

  async overview() {
    const { sentence, notes, about } = await this.content();
    const { canUndo: undo, canRedo: redo } = this.decisions;
    const done = about.map((names) => Number(names.every((name) => this.held(name).word)));
    return { looks: about.length, sentence, notes, closed: "", done, undo, redo };
  }

  async look(number) {
    return (await this.content()).looks[number];
  }

  async state(number) {
    const { looks, remarks, by } = await this.content();
    const found = Object.keys(looks[number].classes).map((name) => {
      const { word, everywhere, own } = this.held(name);
      const found = { word, by: by[everywhere ? 0 : 1], apart: this.apart(word, own()) };
      const note = everywhere ? this.decisions.own({ name: "", change: name })[1] : null;
      return [name, { ...found, note, remark: (!word && remarks[name]) || "" }];
    });
    return Object.fromEntries(found);
  }

  // The decision about a class, and whether it is one wherever it stands, or follows from those on all of its pages;
  // own() returns these.
  held(change) {
    const { decisions } = this;
    const own = () => this.openOn(change).map((name) => [name, decisions.ownOf(name, change)]);
    const [word] = decisions.own({ name: "", change });
    if (word) return { word, everywhere: true, own };
    const words = own().map(([, each]) => each);
    return { word: words.length && words.every(Boolean) ? words[0] : "", everywhere: false, own };
  }

  // Each other decision that pages have, on how many of them, and the first.
  apart(word, own) {
    return this.decisions.words.flatMap((other) => {
      const names = own.filter(([, each]) => each === other && each !== word).map(([name]) => name);
      return names.length ? [[other, names.length, names[0]]] : [];
    });
  }

  // The rows with a class that were open when the report was written.
  openOn(change) {
    const { decisions } = this;
    const about = (name) =>
      [
        { name, change },
        { name, change: "" },
      ].some((each) => decisions.before(each)[0]);
    return (decisions.members.get(change) ?? []).filter((name) => !about(name));
  }

  async crop(name, side, box) {
    const { file, error, changed } = (await this.details.of(name)).pictures[side];
    if (error || changed) throw new Error(error ?? changed);
    const { image } = await (this.images.get(file) ?? this.images.set(file, this.decoded(file)));
    return cut(image, box);
  }

  async decoded(file) {
    const url = await this.files.url(file);
    try {
      return { image: await probed(url), url };
    } catch {
      this.images.delete(file);
      throw new Error("It cannot be shown: the browser refuses the file, or the report lacks it.");
    }
  }

  async occurrences(change) {
    const { decisions } = this;
    const place = decisions.numbers.get(change);
    return this.openOn(change).map((name) => {
      const { listed } = decisions.rows.get(name);
      const count = listed.filter((each) => each === place).length;
      const [whole, remark] = decisions.own({ name, change: "" });
      const [word, note] = whole ? [whole, remark] : decisions.own({ name, change });
      return [name, listed.indexOf(place), count, word, Boolean(whole), note];
    });
  }

  // --- decisions

  async decide(word, changes, name, note) {
    const all = changes.map((change) => ({ name, change }));
    const about = all.filter((each) => note !== null || this.decisions.own(each)[0] !== word);
    if (about.length) this.decisions.decideAll(about, word, note);
    this.changed();
  }

  async undo() {
    return this.where(this.decisions.undo());
  }

  async redo() {
    return this.where(this.decisions.redo());
  }

  // The look that a step was about, or null.
  async where(step) {
    this.changed();
    const about = new Set(step?.about.map(({ change }) => change).filter(Boolean));
    const found = (await this.content()).about.findIndex((names) => names.some((name) => about.has(name)));
    return found < 0 ? null : found;
  }
}
