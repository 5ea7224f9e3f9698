// The place of a page in a pane: pure functions of the view, the page's size in px, the pane's size in CSS px,
// and the screen pixels per CSS px.

import { between } from "../elements.js";

export const LARGEST = 64; // screen pixels per pixel
export const GRID_FROM = 8;
const MARGIN = 6; // CSS px around a page that fits
const SEEN = 8; // CSS px of its longer side that a region has at least
const ROOM = 0.9; // of the pane, for a region

// The initial view. It is given by its centre, which means the same in panes of any size.
export function firstView() {
  return {
    fit: "width", // "page", "width", or null for a zoom that was chosen
    zoom: 1, // screen pixels per pixel
    x: 0,
    y: 0, // centre, px of the page
    swipe: 50,
    opacity: 50,
    interval: 600,
    boost: 1,
    context: 25,
    align: true,
    outlines: true,
    grid: true,
    cross: null,
    off: new Set(["moved"]), // the causes of marks that are not shown: what only moved is not marked unless asked
  };
}

// The zoom at which a page fits.
function fitZoom(kind, page, pane, ratio) {
  if (!page.width || !page.height || !pane.width) return 1;
  const across = ((pane.width - 2 * MARGIN) * ratio) / page.width;
  const down = ((pane.height - 2 * MARGIN) * ratio) / page.height;
  const whole = Math.min(across, down);
  const wanted = kind === "width" ? across : whole;
  if (wanted < 1) return wanted;
  // Small pictures grow by whole factors, up to a size at which they still look like pictures.
  return between(1, Math.floor(whole), GRID_FROM);
}

export function smallest(page, pane, ratio) {
  return Math.min(fitZoom("page", page, pane, ratio), 1) / 2;
}

// The range of the corner in which a page of some length fills its room, or stays within it.
function limits(long, room) {
  return [Math.min(MARGIN, room - long - MARGIN), Math.max(MARGIN, room - long - MARGIN)];
}

// The corner nearest to `at` at which nothing beside the page is shown in vain: a page that fits is in the middle.
function held(at, long, room) {
  const [low, high] = limits(long, room);
  const fits = low === high || long + 2 * MARGIN <= room + 1;
  return fits ? (low + high) / 2 : between(low, at, high);
}

// Zoom, CSS px per px, and the page's corner in the pane, in CSS px.
export function placed(view, page, pane, ratio) {
  const zoom = view.fit ? fitZoom(view.fit, page, pane, ratio) : view.zoom;
  const scale = zoom / ratio;
  const corner = (length, room, centre) => {
    let at = room / 2 - between(0, centre, length) * scale;
    if (view.fit) at = held(at, length * scale, room);
    return Math.round(at * ratio) / ratio;
  };
  return { zoom, scale, x: corner(page.width, pane.width, view.x), y: corner(page.height, pane.height, view.y) };
}

// The centre of the visible part. A view that was clamped starts from there, and does not jump when moved.
export function centre(seen, pane) {
  return { x: (pane.width / 2 - seen.x) / seen.scale, y: (pane.height / 2 - seen.y) / seen.scale };
}

// The box in px of a page between two places in the pane, whole pixels.
export function boxBetween(one, other, seen) {
  const at = (key, round, value) => Math.max(0, round((value - seen[key]) / seen.scale));
  const [x, y] = ["x", "y"].map((key) => at(key, Math.floor, Math.min(one[key], other[key])));
  const [right, bottom] = ["x", "y"].map((key) => at(key, Math.ceil, Math.max(one[key], other[key])));
  return [x, y, right - x, bottom - y];
}

// How far a page moves, CSS px: not past its end, unless zooming to the pointer has already moved it there.
export function moved(at, by, long, room) {
  const [low, high] = limits(long, room);
  return between(Math.min(low, at), at + by, Math.max(high, at)) - at;
}

// The centre that keeps the pixel below `at`, CSS px of the pane, in place at another scale.
export function zoomedCentre(seen, pane, at, scale) {
  return {
    x: (at.x - seen.x) / seen.scale + (pane.width / 2 - at.x) / scale,
    y: (at.y - seen.y) / seen.scale + (pane.height / 2 - at.y) / scale,
  };
}

// Steps of the buttons and keys stop at 1:1.
export function nice(zoom, factor) {
  const wanted = zoom * factor;
  return (zoom < 0.999 && wanted > 1) || (zoom > 1.001 && wanted < 1) ? 1 : wanted;
}

// The pixel below a place in the pane; null outside of the page.
export function pixelAt(at, seen, page) {
  const found = { x: Math.floor((at.x - seen.x) / seen.scale), y: Math.floor((at.y - seen.y) / seen.scale) };
  const inside = found.x >= 0 && found.y >= 0 && found.x < page.width && found.y < page.height;
  return inside ? found : null;
}

// A region on the screen, slightly larger than its content and never too small to be seen.
export function screenBox([x, y, width, height], seen) {
  const wide = Math.max(width * seen.scale, 3);
  const high = Math.max(height * seen.scale, 3);
  const left = seen.x + (x + width / 2) * seen.scale - wide / 2 - 1.5;
  const top = seen.y + (y + height / 2) * seen.scale - high / 2 - 1.5;
  return [left, top, wide + 3, high + 3];
}

// The zoom for a region: the present one if the region fits and is readable, otherwise the nearest at which it does
// and is; never smaller than the page at fit width.
function regionZoom([, , width, height], zoom, page, pane, ratio) {
  const least = fitZoom("width", page, pane, ratio);
  const most = Math.max(least, ROOM * ratio * Math.min(pane.width / width, pane.height / height));
  const readable = between(1, (SEEN * ratio) / Math.max(width, height), GRID_FROM);
  const low = Math.max(least, Math.min(readable, most));
  if (zoom > most) return Math.max(low, most > 1 ? Math.floor(most) : most);
  return zoom < low ? Math.min(most, low > 1 ? Math.ceil(low) : low) : zoom;
}

// The view of a region at a zoom: it is in the middle, or its corner is shown if it is larger than the pane; nothing
// beside the page is.
function viewAt([x, y, width, height], zoom, page, pane, ratio) {
  const scale = zoom / ratio;
  const centreOf = (at, long, length, room) => {
    const shown = Math.min(long, (room - 2 * MARGIN) / scale);
    const corner = held(room / 2 - (at + shown / 2) * scale, length * scale, room);
    return (room / 2 - corner) / scale;
  };
  const fit = Math.abs(zoom - fitZoom("width", page, pane, ratio)) < 1e-9 ? "width" : null;
  const down = centreOf(y, height, page.height, pane.height);
  return { fit, zoom, x: centreOf(x, width, page.width, pane.width), y: down };
}

// The view that shows a region which was chosen.
export function regionView(box, seen, page, pane, ratio) {
  return viewAt(box, regionZoom(box, seen.zoom, page, pane, ratio), page, pane, ratio);
}

// Whether enough of a region is visible: half of it, or half of what the pane can show of it.
function inView([x, y, width, height], seen, pane) {
  const shows = (at, long, corner, room) => {
    const from = corner + at * seen.scale;
    const to = from + long * seen.scale;
    return Math.min(to, room) - Math.max(from, 0) >= Math.min(to - from, room) / 2;
  };
  return shows(x, width, seen.x, pane.width) && shows(y, height, seen.y, pane.height);
}

// The view of a page that has just come: null if one of its regions is visible where the last page stood, otherwise
// that of its largest region, at the same zoom.
export function arrivalView(boxes, seen, page, pane, ratio) {
  if (!boxes.length || boxes.some((box) => inView(box, seen, pane))) return null;
  const largest = boxes.reduce((one, other) => (other[2] * other[3] > one[2] * one[3] ? other : one));
  return viewAt(largest, seen.zoom, page, pane, ratio);
}
