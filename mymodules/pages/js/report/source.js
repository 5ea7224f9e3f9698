// A source for the viewer that takes pictures and pixels from the report's own files: see viewer/main.js.
//
//   pictures/NAME      what is shown, as an ordinary file
//   values/NAME.js     the pixels for the readout: take(NAME, TEXT), a picture file in base64
//
// Into a page from a disk, browsers load pictures and scripts, but neither modules nor data. In a report in one file,
// each is the text of an element whose id is NAME, in base64.

import { element, lru, number, probed } from "../elements.js";
import { DECIDED, SIDES } from "../viewer/modes.js";
import { waits } from "./decisions.js";
import { piece, readFile, TYPES } from "./png.js";

const EMPTY = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

function bytesOf(text) {
  const binary = atob(text.trim());
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

// Both kinds of files have url(name) of a picture, done(url) when it is no longer shown, and bytes(name) for the
// readout.
export function filesBeside() {
  const come = new Map();
  window.take = (name, text) => come.set(name, text);
  return {
    url: async (name) => `pictures/${name}`,
    done() {},
    bytes: (name) =>
      new Promise((resolve, reject) => {
        const script = element("script", { src: `values/${name}.js` });
        script.onload = script.onerror = () => {
          script.remove();
          const text = come.get(name);
          come.delete(name);
          if (text === undefined) reject(new Error("they are not in the report's folder"));
          else resolve(bytesOf(text));
        };
        document.head.append(script);
      }),
  };
}

export function filesInside() {
  // The page can be used while it is loading: a file is complete when something follows it.
  async function bytes(name) {
    for (;;) {
      const found = document.getElementById(name);
      if (found?.nextSibling || (found && document.readyState !== "loading")) return bytesOf(found.textContent);
      if (document.readyState !== "loading") throw new Error("they are not in the report");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  return {
    url: async (name) => URL.createObjectURL(new Blob([await bytes(name)], { type: TYPES[name.split(".").pop()] })),
    done: (url) => URL.revokeObjectURL(url),
    bytes,
  };
}

function described({ about, decision }) {
  const [{ name, change }] = about;
  const distinct = about.length === 1 ? "1 distinct change" : `${number(about.length)} distinct changes`;
  return `${change ? distinct : name} ${DECIDED[decision] ?? "no longer decided"}.`;
}

// rows: by name. details: see details.js. order(): names in the order shown, for the neighbours. decisions: see
// decisions.js.
// shown(name) is called after a decision: the page shows it, and that row, and returns the name of the row it shows.
export class ReportSource {
  constructor(rows, details, order, decisions, shown) {
    const { files } = details;
    Object.assign(this, { rows, details, files, order, decisions });
    this.showDecided = shown;
    this.calls = { rows: new Set(), trouble: new Set(), decided: new Set() };
    this.shown = lru(4, (sides) => {
      for (const found of Object.values(sides)) {
        found.then(
          ({ url }) => files.done(url),
          () => {},
        );
      }
    });
    this.decoded = lru(2); // both pictures of one row
  }

  on(event, call) {
    this.calls[event].add(call);
    return () => this.calls[event].delete(call);
  }

  tell(event, value) {
    for (const call of this.calls[event]) call(value);
  }

  async record(name) {
    const row = await this.details.of(name);
    const names = this.order();
    this.tellDecided();
    const place = names.indexOf(name);
    return {
      ...row,
      place,
      total: names.length,
      previous: names[place - 1] ?? null,
      next: names[place + 1] ?? null, // the first row, if the filters hide this one
      regions: row.regions.map((box) => box.slice(0, 4)),
    };
  }

  // --- decisions

  tellDecided(news = {}) {
    const { canUndo, canRedo } = this.decisions;
    this.tell("decided", { undo: canUndo, redo: canRedo, closed: "", ...news });
  }

  async decide(name, decision, note, on) {
    const following = on ? this.following(name) : name;
    const step = this.decisions.decide(name, decision, note);
    const more = following === null ? " No row without a decision follows." : "";
    const row = this.rows.get(name);
    const held = decision === "clear" && DECIDED[row.decision];
    const told = held ? `${name} is decided by its changes again: ${held}.` : described(step);
    this.show(following ?? name, `${told}${more}`);
    return { decision: row.decision, note: row.note };
  }

  // What holds for the row of a step that is taken back, by an earlier step or by its changes; "" if nothing does.
  left({ about: [{ name }], decision }) {
    const held = this.rows.get(name)?.decision;
    return held ? ` It ${held === decision ? "stays" : "is"} ${DECIDED[held]}.` : "";
  }

  async undo() {
    const step = this.decisions.undo();
    if (step) this.show(step.about[0].name, `Undone: ${described(step)}${this.left(step)}`);
    else this.show(undefined, "There is nothing to undo.");
  }

  async redo() {
    const step = this.decisions.redo();
    this.show(step?.about[0].name, step ? `Done again: ${described(step)}` : "There is nothing to redo.");
  }

  // The next row that is shown and waits for a decision.
  following(name) {
    const names = this.order();
    return names.slice(names.indexOf(name) + 1).find((each) => waits(this.rows.get(each))) ?? null;
  }

  show(name, message) {
    this.tellDecided({ message, row: this.showDecided(name) });
  }

  // --- pictures

  picture(name, side) {
    const sides = this.shown.get(name) ?? this.shown.set(name, {});
    if (!sides[side]) {
      sides[side] = this.fetchPicture(name, side);
      sides[side].catch(() => delete sides[side]);
    }
    return sides[side];
  }

  async fetchPicture(name, side) {
    const found = (await this.details.of(name)).pictures[side];
    if (found.error) throw new Error(found.error);
    if (!found.file) return { ...found, url: EMPTY }; // a delta of equal pictures
    const url = await this.files.url(found.file);
    try {
      return { ...found, url, probe: await probed(url) }; // keeps the browser from decoding the picture again
    } catch {
      this.files.done(url);
      const lacks = `the browser refuses the file, or the report lacks pictures/${found.file}`;
      throw new Error(`${side} cannot be shown: ${lacks}.`);
    }
  }

  async marks(name) {
    return (await this.details.of(name)).marks;
  }

  async layout(name) {
    return (await this.details.of(name)).layout ?? [];
  }

  async pixelsOf(found) {
    if (found.error) return null;
    if (!found.values) throw new Error("the picture is too large");
    const read = () => this.files.bytes(found.values).then((bytes) => readFile(bytes, found));
    return this.decoded.get(found.values) ?? this.decoded.set(found.values, read());
  }

  async tile(name, x, y) {
    const found = {};
    const problems = [];
    const { pictures } = await this.details.of(name);
    for (const side of SIDES) {
      found[side] = { width: 0, height: 0, data: new Uint8Array(0) };
      try {
        const picture = await this.pixelsOf(pictures[side]);
        if (picture) found[side] = piece(picture, x, y);
      } catch (error) {
        this.decoded.delete(pictures[side].values);
        problems.push(`The values of ${side} cannot be read here: ${error.message}.`);
      }
    }
    this.tell("trouble", problems.join(" "));
    return found;
  }

  only() {
    this.tell("trouble", "");
  }

  changed() {
    this.tell("rows", false);
  }

  close() {
    this.shown.clear();
  }
}

// A state of the page alone, see viewer/main.js.
export function plainState(values) {
  const calls = {};
  return {
    get: (key) => values[key],
    set(wanted) {
      const changed = Object.keys(wanted).filter((key) => values[key] !== wanted[key]);
      Object.assign(values, wanted);
      for (const key of changed) for (const call of calls[key] ?? []) call();
    },
    on(key, call) {
      calls[key] ??= new Set();
      calls[key].add(call);
      return () => calls[key].delete(call);
    },
  };
}
