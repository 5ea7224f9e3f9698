// A source of thumbnails for the report: the browser decodes the report's own pictures, and parts of them are drawn.
// In a page from a disk the result may not be read, but it can be shown.

import { between } from "../elements.js";

export class ReportThumbnails {
  constructor(details) {
    Object.assign(this, { details, files: details.files });
    this.atOnce = 1; // it has a whole picture in memory while a part is drawn
  }

  async shape({ name }) {
    const { first, second, regions, messages } = await this.details.of(name);
    return { first, second, regions, message: messages ?? "" };
  }

  async pictures({ name }, sides, part, size, signal) {
    const { pictures } = await this.details.of(name);
    const found = {};
    for (const side of sides) {
      // Drawing decodes the picture, here and now: a person who scrolls comes in between.
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
      if (signal.aborted) throw new Error("no longer wanted");
      found[side] = await this.picture(side, pictures[side], part, size);
    }
    return found;
  }

  async picture(side, { file, error, changed }, { box }, size) {
    if (error || !file) return { error: error ?? "There is no difference." };
    const url = await this.files.url(file);
    try {
      return { ...cut(await loaded(url), box, size), changed: changed ?? null };
    } catch {
      return { error: `${side} cannot be shown: the browser refuses the file, or the report lacks it.` };
    } finally {
      this.files.done(url);
    }
  }
}

function loaded(url) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = reject;
    image.src = url;
  });
}

// Draw a part of a picture, which may end in it.
function cut(image, [x, y, wide, high], size) {
  const [width, height] = [between(0, image.naturalWidth - x, wide), between(0, image.naturalHeight - y, high)];
  if (!width || !height) return { drawable: null, width: 0, height: 0 };
  const made = {
    width: Math.max(Math.round((width * size[0]) / wide), 1),
    height: Math.max(Math.round((height * size[1]) / high), 1),
  };
  const canvas = new OffscreenCanvas(made.width, made.height);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.imageSmoothingEnabled = size[0] !== wide || size[1] !== high;
  context.drawImage(image, x, y, width, height, 0, 0, made.width, made.height);
  return { drawable: canvas.transferToImageBitmap(), ...made };
}
