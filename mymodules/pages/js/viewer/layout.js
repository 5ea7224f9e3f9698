// One page for both pictures, on which what belongs together stands at one place: see comparison/layout.py. A part is
// [x, y, box of first, box of second]; a box is [x, y, width, height], px of its picture, and empty if only the other
// picture has something there.

import { SIDES } from "./modes.js";

const there = ([, , width, height]) => width > 0 && height > 0;
const snapped = (value) => Math.round(value * devicePixelRatio) / devicePixelRatio;
const within = (x, y, [left, top, width, height]) => x >= left && y >= top && x < left + width && y < top + height;

export class Layout {
  constructor(parts) {
    this.parts = parts.map(([x, y, first, second]) => ({ x, y, first, second }));
    const ends = (at, long) =>
      Math.max(...this.parts.flatMap((part) => SIDES.map((side) => part[at] + part[side][long])));
    this.page = { width: ends("x", 2), height: ends("y", 3) };
  }

  // The pixel of a side that stands at a place of the page; null if there is none.
  pixel(side, { x, y }) {
    for (const part of this.parts) {
      const [left, top, width, height] = part[side];
      if (within(x, y, [part.x, part.y, width, height])) return { x: left + x - part.x, y: top + y - part.y };
    }
    return null;
  }

  // The place of a side's pixel on the page.
  place(side, x, y) {
    const found = this.parts.find((part) => within(x, y, part[side]));
    return found ? { x: found.x + x - found[side][0], y: found.y + y - found[side][1] } : { x, y };
  }

  // The box on the page of a box of a side, which may reach over several parts.
  box(side, [x, y, width, height]) {
    const from = this.place(side, x, y);
    const to = this.place(side, x + width - 1, y + height - 1);
    const [left, top] = [Math.min(from.x, to.x), Math.min(from.y, to.y)];
    return [left, top, Math.max(from.x, to.x) + 1 - left, Math.max(from.y, to.y) + 1 - top];
  }

  // Where a mark stands on the page: around both of its sides, as far as they stand beside each other.
  boxOf(mark) {
    const side = there(mark.second) ? "second" : "first";
    return this.box(side, mark[side]);
  }

  // The boxes of the page where only one side has something.
  alone() {
    return this.parts
      .filter((part) => there(part.first) !== there(part.second))
      .map((part) => [part.x, part.y, ...(there(part.first) ? part.first : part.second).slice(2)]);
  }

  // Draw a side's picture; `seen` is the place of the page in the canvas.
  draw(context, picture, side, seen, room) {
    const { scale } = seen;
    context.imageSmoothingEnabled = seen.zoom < 1;
    context.imageSmoothingQuality = "high";
    for (const part of this.parts) {
      const [left, top, width, height] = part[side];
      // Parts begin and end at whole pixels of the screen, so that no seam shows between them.
      const [x, y] = [snapped(seen.x + part.x * scale), snapped(seen.y + part.y * scale)];
      const [toX, toY] = [snapped(seen.x + (part.x + width) * scale), snapped(seen.y + (part.y + height) * scale)];
      if (toX <= x || toY <= y || x > room.width || y > room.height || toX < 0 || toY < 0) continue;
      context.clearRect(x, y, toX - x, toY - y);
      context.drawImage(picture, left, top, width, height, x, y, toX - x, toY - y);
    }
  }
}
