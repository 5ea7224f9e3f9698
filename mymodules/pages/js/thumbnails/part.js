// Which part of a pair a thumbnail shows, and how large: pure functions of the pair's shape and the room for it.
//
// shape  {first, second: [width, height] in px or null, regions: [x, y, width, height, differing pixels or null]}
// room   {width, height, ratio}: CSS px, and screen pixels per CSS px
// part   {box: [x, y, width, height] in px, zoom: CSS px per px}

import { between } from "../elements.js";

const AROUND = 16; // px shown around a region, where there is room
const MOST = 8; // the largest factor
const FAR = 1 / 2; // the room is less than this share of a region, both ways
const SMALLEST = 1 / 4; // the zoom of a region
const SHARPEST = 2; // screen pixels per CSS px that reduced thumbnails are made for

const factor = (zoom) => (zoom < 1 ? zoom : between(1, Math.floor(zoom), MOST));

// The size that holds both pictures; null if neither is known.
export function larger({ first, second }) {
  const known = [first, second].filter((size) => size?.[0] && size[1]);
  return known.length ? [0, 1].map((axis) => Math.max(...known.map((size) => size[axis]))) : null;
}

// So many regions, those with the most differing pixels first, or the largest if they were not counted.
export function heaviest(regions, count) {
  const weight = ([, , width, height, pixels]) => pixels ?? width * height;
  return [...regions].sort((one, other) => weight(other) - weight(one)).slice(0, count);
}

// The whole pair: reduced to fit, or enlarged by a whole factor.
export function whole(shape, room) {
  const [width, height] = larger(shape);
  return { box: [0, 0, width, height], zoom: factor(Math.min(room.width / width, room.height / height)) };
}

// The zoom for a region with its surroundings. Small ones are enlarged by a whole factor. A region that fits neither
// way, and by far, is reduced, since a corner of it may be empty; of any other the beginning is shown at full size.
function regionZoom(lengths, rooms) {
  const ratios = lengths.map((length, axis) => rooms[axis] / length);
  if (Math.max(...ratios) < FAR) return Math.max(Math.min(...ratios), SMALLEST);
  return between(1, Math.floor(Math.min(...ratios)), MOST);
}

// The largest region with its surroundings.
export function cropped(shape, room) {
  const [region] = heaviest(shape.regions, 1);
  if (!region) return whole(shape, room);
  const sizes = larger(shape);
  const rooms = [room.width, room.height];
  const lengths = sizes.map((size, axis) => Math.min(region[2 + axis] + 2 * AROUND, size));
  const zoom = regionZoom(lengths, rooms);
  const seen = sizes.map((size, axis) => Math.min(Math.floor(rooms[axis] / zoom), size));
  const from = sizes.map((size, axis) => {
    const around = Math.max(Math.floor((seen[axis] - region[2 + axis]) / 2), Math.min(AROUND, seen[axis] >> 3));
    return between(0, region[axis] - around, size - seen[axis]);
  });
  return { box: [...from, ...seen], zoom };
}

// The size of a part in its thumbnail, px: its own, or reduced as the screen shows it.
export function stored({ box, zoom }, { ratio }) {
  const scale = Math.min(zoom * between(1, ratio, SHARPEST), 1);
  return [Math.max(Math.round(box[2] * scale), 1), Math.max(Math.round(box[3] * scale), 1)];
}
