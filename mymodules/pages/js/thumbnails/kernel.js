// A source of thumbnails for notebooks: the kernel answers messages, see explore/thumbnails.py.

import { lru } from "../elements.js";

const dropped = () => Object.assign(new Error("no longer wanted"), { dropped: true });

export class KernelThumbnails {
  constructor(model) {
    this.model = model;
    this.atOnce = 4;
    this.mine = Math.random().toString(36).slice(2);
    this.count = 0;
    this.asked = new Map();
    this.shapes = lru(2000);
    this.take = this.take.bind(this);
    model.on("msg:custom", this.take);
  }

  take(answer, buffers) {
    const entry = answer?.kind === "thumbnails" && this.asked.get(answer.id);
    if (!entry) return; // no longer wanted, or for another view
    this.asked.delete(answer.id);
    if (answer.error) entry.reject(new Error(answer.error));
    else entry.resolve([answer, buffers ?? []]);
  }

  ask(message, signal) {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(dropped());
      this.count += 1;
      const id = `${this.mine}-${this.count}`;
      this.asked.set(id, { resolve, reject });
      signal.addEventListener("abort", () => {
        if (!this.asked.delete(id)) return;
        reject(dropped());
        this.model.send({ kind: "drop", ids: [id] });
      });
      this.model.send({ id, ...message });
    });
  }

  async shape({ name }, signal) {
    const known = this.shapes.get(name);
    if (known) return known;
    const [answer] = await this.ask({ kind: "shape", name }, signal);
    return this.shapes.set(name, answer);
  }

  async pictures({ name }, sides, { box }, size, signal) {
    const asked = { kind: "thumbnails", name, sides, part: [...box, ...size] };
    const [{ pictures }, buffers] = await this.ask(asked, signal);
    const left = [...buffers];
    const drawn = async ([side, picture]) => [side, picture.error ? picture : await decoded(picture, left.shift())];
    return Object.fromEntries(await Promise.all(Object.entries(pictures).map(drawn)));
  }

  // Files have changed.
  renew() {
    this.shapes.clear();
  }

  close() {
    this.model.off("msg:custom", this.take);
  }
}

async function decoded(picture, data) {
  const asStored = { colorSpaceConversion: "none" };
  const file = new Blob([data], { type: "image/png" });
  return { ...picture, drawable: data.byteLength ? await createImageBitmap(file, asStored) : null };
}
