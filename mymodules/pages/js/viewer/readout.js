// The values of the pixel under the pointer or the crosshair, from tiles of both pictures.

import { between, lru } from "../elements.js";
import { pixelAt } from "./geometry.js";
import { SIDES, TILE } from "./modes.js";

const signed = (value) => (value > 0 ? `+${value}` : value < 0 ? `−${-value}` : "0");

export class Readout {
  constructor(viewer) {
    this.viewer = viewer;
    this.tiles = lru(200); // received tiles, by row shown and place
    this.pointer = null; // CSS px in the pane
    this.hover = null; // the pixel below it
    this.pixelTimer = 0;
    this.tileTimer = 0;
  }

  close() {
    clearTimeout(this.pixelTimer);
    clearTimeout(this.tileTimer);
  }

  get at() {
    return this.viewer.view.cross ?? this.hover;
  }

  // --- tiles

  key(column, row) {
    return `${this.viewer.turn} ${column} ${row}`;
  }

  tile(column, row, ahead) {
    const key = this.key(column, row);
    const known = this.tiles.get(key);
    if (known) return known;
    const wanted = { first: null, second: null };
    this.tiles.set(key, wanted);
    const { source, record } = this.viewer;
    source
      .tile(record.name, column * TILE, row * TILE, ahead)
      .then((found) => {
        Object.assign(wanted, found, { there: true });
        this.show();
      })
      .catch(() => this.tiles.delete(key));
    return wanted;
  }

  // If pixels are large enough to be read, all visible ones are fetched in advance.
  fetchInView() {
    clearTimeout(this.tileTimer);
    this.tileTimer = setTimeout(() => {
      const { viewer } = this;
      if (!viewer.record || viewer.layout || !SIDES.some((side) => viewer.has(side))) return;
      const { scale, x, y } = viewer.stage.geometry();
      const page = viewer.page();
      const { left } = viewer.parts;
      const from = [Math.max(-x / scale, 0), Math.max(-y / scale, 0)].map((value) => Math.floor(value / TILE));
      const ends = [Math.min((left.width - x) / scale, page.width), Math.min((left.height - y) / scale, page.height)];
      const to = ends.map((value) => Math.ceil(value / TILE));
      for (let column = from[0]; column < to[0]; column += 1) {
        for (let row = from[1]; row < to[1]; row += 1) this.tile(column, row, true);
      }
    }, 60);
  }

  valueAt(side, place) {
    const there = this.viewer.has(side);
    const at = this.viewer.aligning.pixel(side, place);
    const [width, height] = there ? this.viewer.extent(side) : [0, 0];
    if (there && !at) return { text: "nothing here" };
    const { x, y } = at ?? { x: 0, y: 0 };
    if (x >= width || y >= height) return { text: there ? "outside" : "no picture" };
    const found = this.tile(Math.floor(x / TILE), Math.floor(y / TILE));
    if (!found.there) return { text: "…" };
    const part = found[side];
    const [dx, dy] = [x % TILE, y % TILE];
    if (!part || dx >= part.width || dy >= part.height) return { text: "–" };
    const start = 4 * (dy * part.width + dx);
    const rgba = [...part.data.subarray(start, start + 4)];
    return { rgba, text: rgba.join(" ") };
  }

  // --- what is shown

  show() {
    const { record, root, parts } = this.viewer;
    const { at } = this;
    root.toggleAttribute("data-reading", Boolean(at && record));
    if (!at || !record) {
      parts.at.textContent = "";
      for (const part of Object.values(parts.values)) part.textContent = "";
      return;
    }
    parts.at.textContent = this.placeText();
    clearTimeout(this.pixelTimer);
    const pixels = SIDES.map((side) => this.viewer.aligning.pixel(side, at)).filter(Boolean);
    if (pixels.every(({ x, y }) => this.tiles.get(this.key(Math.floor(x / TILE), Math.floor(y / TILE))))) {
      return this.read();
    }
    for (const part of Object.values(parts.values)) part.textContent = "…";
    this.pixelTimer = setTimeout(() => this.read(), 50); // nothing is asked for while the pointer moves
  }

  // Where the pixel is; in first and in second, if that is not the same.
  placeText() {
    const [first, second] = SIDES.map((side) => this.viewer.aligning.pixel(side, this.at));
    const { x, y } = second ?? first ?? this.at;
    const from = (before, after) => (before === after ? String(after) : `${before} → ${after}`);
    return first && second ? `${from(first.x, x)}, ${from(first.y, y)}` : `${x}, ${y}`;
  }

  read() {
    const { record, view, parts } = this.viewer;
    const { at } = this;
    if (!at || !record) return;
    const found = SIDES.map((side) => this.valueAt(side, at));
    for (const [index, side] of SIDES.entries()) {
      const { text, rgba } = found[index];
      parts.values[side].textContent = text;
      parts.swatches[side].hidden = !rgba;
      if (!rgba) continue;
      const [red, green, blue, alpha] = rgba;
      parts.swatches[side].firstChild.style.background = `rgba(${red}, ${green}, ${blue}, ${alpha / 255})`;
    }
    const [first, second] = found.map((value) => value.rgba);
    const delta = first && second ? first.map((value, channel) => second[channel] - value) : null;
    const differs = Boolean(delta?.some(Boolean));
    const text = !delta ? "–" : differs ? delta.map(signed).join(" ") : "equal";
    parts.values.delta.textContent = text;
    parts.values.delta.toggleAttribute("data-equal", Boolean(delta) && !differs);
    if (!view.cross) return;
    this.viewer.say(`${this.placeText()}: first ${found[0].text}, second ${found[1].text}, difference ${text}`);
  }

  // --- where

  // The pointer is at a place in the pane, CSS px, or has left it.
  point(at) {
    this.pointer = at;
    this.moveHover();
  }

  moveHover() {
    const { viewer } = this;
    this.hover = this.pointer && pixelAt(this.pointer, viewer.stage.geometry(), viewer.page());
    this.show();
  }

  toggleCross() {
    const { view, parts, stage } = this.viewer;
    const { scale, x, y } = stage.geometry();
    const page = this.viewer.page();
    if (view.cross || !page.width) view.cross = null;
    else {
      view.cross = {
        x: between(0, Math.floor((parts.left.width / 2 - x) / scale), page.width - 1),
        y: between(0, Math.floor((parts.left.height / 2 - y) / scale), page.height - 1),
      };
    }
    stage.schedule();
  }

  moveCross(dx, dy) {
    const { view, parts, stage } = this.viewer;
    const page = this.viewer.page();
    view.cross = {
      x: between(0, view.cross.x + dx, page.width - 1),
      y: between(0, view.cross.y + dy, page.height - 1),
    };
    const { scale, x, y } = stage.geometry();
    const at = [x + view.cross.x * scale, y + view.cross.y * scale];
    if (at[0] < 0 || at[0] > parts.left.width - scale) stage.panBy(parts.left.width / 2 - at[0], 0);
    if (at[1] < 0 || at[1] > parts.left.height - scale) stage.panBy(0, parts.left.height / 2 - at[1]);
    stage.schedule();
  }
}
