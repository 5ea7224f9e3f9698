// The rows as thumbnails: of each row the largest region, or the whole picture, before and after. Only the tiles in
// sight are drawn, and pictures are loaded only for those that stay there, so that many rows cost no more than few.

import { watchClicks } from "./clicks.js";
import { element, remember, remembered } from "./elements.js";
import { moreText } from "./folds.js";
import { commonFolder } from "./names.js";
import { Loading } from "./thumbnails/loading.js";
import { show, tileOf } from "./thumbnails/tile.js";
import { corner, inSight, laidOut, revealed, stepped, total } from "./tiles.js";

const EXTENT = "thumbnails";
const EXTENTS = { region: "Largest region", whole: "Whole picture" };
const REST = 80; // ms without scrolling after which pictures are loaded
const SPARE = 2; // lines of tiles drawn above and below those in sight

export class Gallery {
  // source: see thumbnails/loading.js. choose(name) is called when a person chooses a row. names are those of all rows:
  // the folder that they share is not shown. labels are decisions and what they are called.
  constructor(source, choose, names, labels) {
    Object.assign(this, { choose, labels, common: commonFolder(names) });
    this.rows = []; // lines, see folds.js
    this.current = "";
    this.asked = []; // chosen by keys or clicks here, and not yet marked
    this.tiles = new Map(); // by place: those drawn
    this.layout = null;
    this.pending = 0;
    this.timer = 0;
    this.id = `mmg-${Math.random().toString(36).slice(2)}`;
    this.extent = remembered(EXTENT) in EXTENTS ? remembered(EXTENT) : "region";
    this.loading = new Loading(source, (key) => this.arrived(key));
    this.make();
    this.list.addEventListener("scroll", () => this.schedule());
    this.list.addEventListener("keydown", (event) => this.press(event));
    const named = (target) => this.rows[target.closest(".mmg-tile")?.dataset.place]?.name ?? "";
    watchClicks(this.list, named, (name) => this.go(name));
    new ResizeObserver(() => this.measure()).observe(this.list);
  }

  make() {
    const buttons = Object.entries(EXTENTS).map(([key, text]) =>
      element("button", { type: "button", "data-extent": key, text, call: () => this.turn(key) }),
    );
    const order = element("span", { class: "mmg-order", text: "first, second, difference" });
    this.bar = element("div", { class: "mmg-bar", role: "group", "aria-label": "Thumbnails" }, ...buttons, order);
    this.ground = element("div", { class: "mmg-ground", role: "presentation" });
    const label = "Pictures; the arrow keys choose one";
    this.list = element("div", { class: "mmg-list", role: "listbox", tabindex: "0", "aria-label": label }, this.ground);
    this.empty = element("p", { class: "mmg-empty" });
    this.area = element("div", { class: "mmg" }, this.bar, this.list, this.empty);
    this.mirror();
  }

  mirror() {
    for (const made of this.bar.querySelectorAll("button")) {
      made.setAttribute("aria-pressed", made.dataset.extent === this.extent);
    }
  }

  // Show the largest region, or the whole picture.
  turn(extent) {
    this.extent = extent;
    remember(EXTENT, extent);
    this.mirror();
    this.redraw();
  }

  // --- what is drawn

  schedule() {
    this.pending ||= requestAnimationFrame(() => this.draw());
  }

  measure() {
    const width = this.list.clientWidth;
    if (!width) return this.loading.want([]); // hidden
    const layout = laidOut(width);
    if (layout.width !== this.layout?.width || layout.columns !== this.layout.columns) {
      const first = this.layout ? inSight(this.list.scrollTop, 1, this.rows.length, this.layout)[0] : 0;
      const isMoved = this.layout !== null;
      this.layout = layout;
      this.redraw();
      if (isMoved) this.list.scrollTop = corner(first, layout)[1];
      else this.reveal();
    }
    this.schedule();
  }

  redraw() {
    for (const tile of this.tiles.values()) tile.remove();
    this.tiles.clear();
    if (!this.layout) return;
    this.ground.style.height = `${this.rows.length ? total(this.rows.length, this.layout) : 0}px`;
    this.draw();
  }

  draw() {
    this.pending = 0;
    const { list, rows, layout, tiles } = this;
    if (!layout || !list.clientHeight) return;
    const [from, to] = inSight(list.scrollTop, list.clientHeight, rows.length, layout, SPARE);
    for (const [place, tile] of tiles) {
      if (place >= from && place < to) continue;
      tile.remove();
      tiles.delete(place);
    }
    let after = this.ground.firstElementChild; // tiles stand in the order of their rows, as they are read out
    for (let place = from; place < to; place += 1) {
      let tile = tiles.get(place);
      if (!tile) {
        tile = this.tile(place);
        tiles.set(place, tile);
        this.ground.insertBefore(tile, after);
      }
      after = tile.nextElementSibling;
    }
    this.select();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.load(), REST);
  }

  tile(place) {
    const { layout, rows } = this;
    const row = rows[place];
    const tile = row.more ? this.moreTile(row) : tileOf(row, this.common, this.labels);
    Object.assign(tile, { id: `${this.id}-${place}` });
    Object.assign(tile.dataset, { place });
    tile.setAttribute("aria-setsize", rows.length);
    tile.setAttribute("aria-posinset", place + 1);
    const [x, y] = corner(place, layout);
    const size = { width: `${layout.width}px`, height: `${layout.height}px` };
    Object.assign(tile.style, { transform: `translate(${x}px, ${y}px)`, ...size });
    if (row.more) return tile;
    const pictures = tile.firstElementChild;
    pictures.style.height = `${layout.pictures}px`;
    pictures.style.setProperty("--mmg-wide", `${layout.room.width}px`);
    pictures.style.setProperty("--mmg-high", `${layout.room.height}px`);
    pictures.toggleAttribute("data-stacked", layout.isStacked);
    const found = this.loading.get(this.key(row));
    if (found) show(tile, found, layout.room);
    return tile;
  }

  moreTile(row) {
    const tile = element("div", { class: "mmg-tile mmg-more", role: "option", text: moreText(row) });
    tile.addEventListener("click", () => this.unfold(row.status));
    return tile;
  }

  // --- pictures

  key(row) {
    const { width, height } = this.layout.room;
    return `${this.extent} ${width} ${height} ${row.status} ${row.name}`;
  }

  load() {
    const { list, rows, layout } = this;
    if (!layout) return;
    const [from, to] = list.clientHeight ? inSight(list.scrollTop, list.clientHeight, rows.length, layout) : [0, 0];
    const room = { ...layout.room, ratio: devicePixelRatio };
    const isWhole = this.extent === "whole";
    const shown = rows.slice(from, to).filter((row) => !row.more);
    this.loading.want(shown.map((row) => ({ key: this.key(row), row, room, isWhole })));
  }

  arrived(key) {
    const found = this.loading.get(key);
    for (const [place, tile] of this.tiles) {
      if (this.key(this.rows[place]) === key) show(tile, found, this.layout.room);
    }
  }

  // --- the current row

  select() {
    let there = "";
    for (const [place, tile] of this.tiles) {
      const isCurrent = this.rows[place].name === this.current;
      tile.setAttribute("aria-selected", isCurrent);
      if (isCurrent) there = tile.id;
    }
    if (there) this.list.setAttribute("aria-activedescendant", there);
    else this.list.removeAttribute("aria-activedescendant");
  }

  get place() {
    return this.rows.findIndex((row) => row.name === this.current);
  }

  reveal() {
    const { list, layout, place } = this;
    if (!layout || place < 0) return;
    list.scrollTop = revealed(place, list.scrollTop, list.clientHeight, layout);
    this.draw();
  }

  press(event) {
    const { key, ctrlKey, metaKey, altKey } = event;
    if (ctrlKey || metaKey || altKey || !this.rows.length || !this.layout) return;
    const { place, layout, list } = this;
    const target = () => (key === "Enter" ? place : stepped(key, place, this.rows.length, layout, list.clientHeight));
    if (target() === null) return;
    event.preventDefault();
    while (this.rows[target()]?.more) this.unfold(this.rows[target()].status);
    if (target() >= 0) this.go(this.rows[target()].name);
  }

  go(name) {
    this.current = name;
    this.asked.push(name);
    this.reveal();
    this.select();
    this.choose(name);
  }

  // --- the interface of a view, see list.js

  fill(rows) {
    this.rows = rows;
    this.empty.hidden = rows.length > 0;
    this.empty.textContent = rows.length ? "" : "No row passes the filters.";
    this.list.hidden = !rows.length;
    this.redraw();
  }

  // The kernel marks every row that was chosen here, one after the other: only the last one matters.
  mark(name) {
    const at = this.asked.indexOf(name);
    this.asked = at < 0 ? [] : this.asked.slice(at + 1);
    if (this.asked.length) return;
    this.current = name;
    this.reveal();
    this.select();
  }

  // Files have changed.
  renew() {
    this.loading.renew();
    this.redraw();
  }

  close() {
    clearTimeout(this.timer);
    this.loading.close();
  }
}
