// The thumbnails of a gallery: those in sight are loaded, a few at a time; those that have scrolled away are dropped
// before they are made, and the latest are kept. What could not be loaded is asked for again when it comes into sight
// again.
//
// A source has
//   atOnce                          of how many rows it loads pictures at the same time
//   shape(row, signal)              the row's shape, see part.js, and `message`, a sentence for rows without pictures
//   pictures(row, sides, part, size, signal)
//                                   by side: {drawable, width, height, changed}, drawable an ImageBitmap, or null if
//                                   the picture ends before the part; or {error}. part and size are those of part.js

import { lru } from "../elements.js";
import { cropped, heaviest, larger, stored, whole } from "./part.js";

const KEPT = 160; // rows
const OUTLINED = 50; // regions

const release = ({ pictures }) => {
  for (const { drawable } of Object.values(pictures ?? {})) drawable?.close();
};

const isWrong = ({ pictures }) => Object.values(pictures ?? {}).some(({ error }) => error);

const ALL = ["first", "second", "delta"];
const SIDES = { changed: ALL, tolerated: ALL, missing: ["first"], extra: ["second"], same: ["first"] };

export class Loading {
  // arrived(key) is called when the thumbnails of a wish are there.
  constructor(source, arrived) {
    Object.assign(this, { source, arrived });
    this.kept = lru(KEPT, release);
    this.failed = new Map(); // by key: errors, while they are wanted
    this.age = 0; // how often files have changed
    this.under = new Map(); // by key: how to stop it
    this.wishes = [];
    this.waiting = [];
  }

  get(key) {
    return this.kept.get(key) ?? this.failed.get(key);
  }

  // Load these, each {key, row, room, isWhole}, in their order, and nothing else any more.
  want(wishes) {
    this.wishes = wishes;
    const keys = new Set(wishes.map(({ key }) => key));
    for (const [key, stopper] of this.under) if (!keys.has(key)) stopper.abort();
    for (const [key, found] of this.failed) {
      if (keys.has(key)) continue;
      release(found);
      this.failed.delete(key);
    }
    this.waiting = wishes.filter(({ key }) => !this.get(key) && !this.under.has(key));
    this.pass();
  }

  pass() {
    while (this.waiting.length && this.under.size < this.source.atOnce) {
      const wish = this.waiting.shift();
      if (!this.under.has(wish.key)) this.load(wish);
    }
  }

  async load(wish) {
    const stopper = new AbortController();
    const { age } = this;
    this.under.set(wish.key, stopper);
    try {
      const found = await this.made(wish, stopper.signal);
      if (age !== this.age) release(found);
      else (isWrong(found) ? this.failed : this.kept).set(wish.key, found);
    } catch (error) {
      if (!stopper.signal.aborted) this.failed.set(wish.key, { message: error.message });
    }
    this.under.delete(wish.key);
    if (this.get(wish.key)) this.arrived(wish.key);
    // What was stopped may be wanted again.
    if (stopper.signal.aborted) this.want(this.wishes);
    else this.pass();
  }

  async made({ row, room, isWhole }, signal) {
    const shape = await this.source.shape(row, signal);
    const sides = SIDES[row.status];
    if (!sides || !larger(shape)) return { message: shape.message || "There is nothing to show." };
    const part = (isWhole ? whole : cropped)(shape, room);
    const size = stored(part, room);
    const pictures = await this.source.pictures(row, sides, part, size, signal);
    return { pictures, part, size, regions: heaviest(shape.regions, OUTLINED) };
  }

  // Forget what was made of files that have changed; what is wanted is loaded again.
  renew() {
    const { wishes } = this;
    this.age += 1;
    this.want([]);
    this.kept.clear();
    this.want(wishes);
  }

  close() {
    this.want([]);
    this.kept.clear();
  }
}
