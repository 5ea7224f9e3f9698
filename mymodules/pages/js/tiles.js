// Where the tiles of a gallery stand, and which one a key leads to: pure functions of sizes in CSS px.

import { between } from "./elements.js";

const GAP = 8; // between tiles, and around them
const PADDING = 6; // of a tile
const BETWEEN = 4; // between the pictures of a tile
const CAPTION = 42; // the lines below the pictures
const PICTURES = 3;
const NARROWEST = 168; // of a picture, where there is more than one column
const STACKED = 340; // width below which the pictures of a tile stand below each other
const FRAME = 2 * PADDING + (PICTURES - 1) * BETWEEN;
const LOWEST = 104;
const HIGHEST = 260;

// The columns that fit, and the sizes of a tile and of the room for each picture.
export function laidOut(width) {
  const isStacked = width < STACKED;
  const columns = Math.max(Math.floor((width - GAP) / (PICTURES * NARROWEST + FRAME + GAP)), 1);
  const tile = Math.max(Math.floor((width - GAP) / columns) - GAP, FRAME + PICTURES);
  const wide = isStacked ? tile - 2 * PADDING : Math.floor((tile - FRAME) / PICTURES);
  const high = isStacked ? Math.round(0.4 * wide) : between(LOWEST, Math.round(0.75 * wide), HIGHEST);
  const pictures = isStacked ? PICTURES * high + (PICTURES - 1) * BETWEEN : high;
  const height = pictures + 2 * PADDING + CAPTION;
  return { columns, isStacked, width: tile, height, line: height + GAP, pictures, room: { width: wide, height: high } };
}

// The height of so many tiles.
export function total(count, { columns, line }) {
  return Math.ceil(count / columns) * line + GAP;
}

// The corner of a tile.
export function corner(place, { columns, width, line }) {
  return [GAP + (place % columns) * (width + GAP), GAP + Math.floor(place / columns) * line];
}

// The tiles in sight, from and to, with so many lines more above and below.
export function inSight(top, height, count, { columns, line }, spare = 0) {
  const from = Math.floor((top - GAP) / line) - spare;
  const to = Math.ceil((top + height - GAP) / line) + spare;
  return [between(0, from * columns, count), between(0, to * columns, count)];
}

// The scroll position at which a tile is in sight; the present one if it is.
export function revealed(place, top, height, layout) {
  const start = corner(place, layout)[1] - GAP;
  const end = start + layout.line + GAP;
  return end - start > height || start < top ? start : Math.max(end - height, top);
}

// The tile that a key leads to; null if the key does not move. Up and down stay in their column.
export function stepped(key, place, count, { columns, line }, height) {
  const page = columns * Math.max(Math.floor(height / line), 1);
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, PageUp: -page, PageDown: page };
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  if (!(key in steps)) return null;
  if (place < 0) return 0;
  if (Math.abs(steps[key]) < columns || columns === 1) return between(0, place + steps[key], count - 1);
  const last = columns * Math.floor((count - 1) / columns);
  const column = place % columns;
  const start = between(0, place - column + steps[key], last);
  return Math.min(start + column, count - 1);
}
