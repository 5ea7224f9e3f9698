// A source of thumbnails for notebooks: the kernel answers messages, see explore/thumbnails.py.

import { lru } from "../elements.js";
import { Requests } from "../requests.js";

export class KernelThumbnails {
  constructor(model) {
    this.requests = new Requests(model, "thumbnails");
    this.atOnce = 4;
    this.shapes = lru(2000);
  }

  async shape({ name }, signal) {
    const known = this.shapes.get(name);
    if (known) return known;
    const [answer] = await this.requests.ask({ kind: "shape", name }, signal);
    return this.shapes.set(name, answer);
  }

  async pictures({ name }, sides, { box }, size, signal) {
    const asked = { kind: "thumbnails", name, sides, part: [...box, ...size] };
    const [{ pictures }, buffers] = await this.requests.ask(asked, signal);
    const left = [...buffers];
    const drawn = async ([side, picture]) => [side, picture.error ? picture : await decoded(picture, left.shift())];
    return Object.fromEntries(await Promise.all(Object.entries(pictures).map(drawn)));
  }

  // Files have changed.
  renew() {
    this.shapes.clear();
  }

  close() {
    this.requests.close();
  }
}

async function decoded(picture, data) {
  const asStored = { colorSpaceConversion: "none" };
  const file = new Blob([data], { type: "image/png" });
  return { ...picture, drawable: data.byteLength ? await createImageBitmap(file, asStored) : null };
}
