// The crops of the look that is shown and of the next one: loaded a few at a time, in their order; the latest are kept.

import { lru } from "../elements.js";

const KEPT = 400; // crops
const AT_ONCE = 2;

export class Crops {
  constructor(source) {
    this.source = source;
    this.kept = lru(KEPT, (drawable) => drawable.close?.());
    this.waiting = [];
    this.under = 0;
    this.age = 0; // how often files have changed
  }

  // Load these, each {page, side, box, draw(drawable), refuse(error)}, and nothing else any more.
  want(wishes) {
    this.waiting = [...wishes];
    this.pass();
  }

  pass() {
    while (this.waiting.length && this.under < AT_ONCE) this.load(this.waiting.shift());
  }

  async load({ page, side, box, draw, refuse }) {
    const key = JSON.stringify([page, side, box]);
    const known = this.kept.get(key);
    if (known) return draw(known);
    const { age } = this;
    this.under += 1;
    try {
      const drawable = await this.source.crop(page, side, box);
      if (age === this.age) draw(this.kept.set(key, drawable));
    } catch (error) {
      refuse(error);
    }
    this.under -= 1;
    this.pass();
  }

  // Files have changed.
  renew() {
    this.age += 1;
    this.waiting = [];
    this.kept.clear();
  }
}
