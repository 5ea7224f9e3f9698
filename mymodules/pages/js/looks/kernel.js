// The source of looks in notebooks: the kernel answers messages, see explore/looking.py.

import { Requests } from "../requests.js";
import { BUSY, PATIENCE } from "../waiting.js";

export class KernelLooks {
  constructor(model) {
    this.trouble = () => {}; // called with a sentence while the kernel does not answer, and with "" afterwards
    this.timer = 0;
    this.requests = new Requests(model, "looks", (waiting) => this.watch(waiting));
  }

  ask(ask, more = {}) {
    return this.requests.ask({ kind: "looks", ask, ...more });
  }

  watch(waiting) {
    clearTimeout(this.timer);
    this.trouble("");
    if (waiting) this.timer = setTimeout(() => this.trouble(BUSY), PATIENCE);
  }

  // --- the interface of a source, see looks.js

  async overview() {
    return (await this.ask("overview"))[0];
  }

  async look(number) {
    return (await this.ask("look", { number }))[0].record;
  }

  async state(number) {
    return (await this.ask("state", { number }))[0].state;
  }

  async crop(name, side, box) {
    const [, [data]] = await this.ask("crop", { name, side, box });
    return createImageBitmap(new Blob([data], { type: "image/png" }), { colorSpaceConversion: "none" });
  }

  async occurrences(signature) {
    return (await this.ask("occurrences", { signature }))[0].found;
  }

  async decide(word, about, on, note) {
    await this.ask("decide", { word, about, on, note });
  }

  async undo() {
    return (await this.ask("undo"))[0].number;
  }

  async redo() {
    return (await this.ask("redo"))[0].number;
  }

  async open(name, number) {
    await this.ask("open", { name, number });
  }

  close() {
    clearTimeout(this.timer);
    this.requests.close();
  }
}
