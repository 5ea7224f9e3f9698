// The source of looks in notebooks: the kernel answers messages, see explore/looking.py.

import { BUSY, GONE, PATIENCE } from "../waiting.js";

export class KernelLooks {
  constructor(model) {
    this.model = model;
    this.trouble = () => {}; // called with a sentence while the kernel does not answer, and with "" afterwards
    this.timer = 0;
    this.mine = Math.random().toString(36).slice(2);
    this.count = 0;
    this.asked = new Map();
    this.take = this.take.bind(this);
    model.on("msg:custom", this.take);
  }

  take(answer, buffers) {
    const entry = answer?.kind === "looks" && this.asked.get(answer.id);
    if (!entry) return; // for another view
    this.asked.delete(answer.id);
    this.watch();
    if (answer.error) entry.reject(new Error(answer.error));
    else entry.resolve([answer, buffers ?? []]);
  }

  ask(ask, more = {}) {
    return new Promise((resolve, reject) => {
      this.count += 1;
      const id = `${this.mine}-${this.count}`;
      this.asked.set(id, { resolve, reject });
      try {
        this.model.send({ kind: "looks", id, ask, ...more });
      } catch {
        this.asked.delete(id);
        reject(new Error(GONE)); // its kernel has been restarted or shut down
      }
      this.watch();
    });
  }

  watch() {
    clearTimeout(this.timer);
    this.trouble("");
    if (this.asked.size) this.timer = setTimeout(() => this.trouble(BUSY), PATIENCE);
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

  async decide(word, about) {
    await this.ask("decide", { word, about });
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
    this.model.off("msg:custom", this.take);
  }
}
