// The place of a page in a pane: pure functions of the view, the page's size in px, the pane's size in CSS px,
// and the screen pixels per CSS px.

import { between } from "../elements.js";

export const LARGEST = 64; // screen pixels per pixel
export const GRID_FROM = 8;
const MARGIN = 12; // CSS px around a page that fits

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
    outlines: true,
    grid: true,
    cross: null,
  };
}

// The zoom at which a page fits.
function fitZoom(kind, page, pane, ratio) {
  if (!page.width || !page.height || !pane.width) return 1;
  const across = ((pane.width - 2 * MARGIN) * ratio) / page.width;
  const down = ((pane.height - 2 * MARGIN) * ratio) / page.height;
  const wanted = kind === "width" ? across : Math.min(across, down);
  if (wanted < 1) return wanted;
  // Small pictures grow by whole factors, up to a size at which they still look like pictures.
  return kind === "width" ? 1 : between(1, Math.floor(wanted), GRID_FROM);
}

export function smallest(page, pane, ratio) {
  return Math.min(fitZoom("page", page, pane, ratio), 1) / 2;
}

// The range of the corner in which a page of some length fills its room, or stays within it.
function limits(long, room) {
  return [Math.min(MARGIN, room - long - MARGIN), Math.max(MARGIN, room - long - MARGIN)];
}

// Zoom, CSS px per px, and the page's corner in the pane, in CSS px.
export function placed(view, page, pane, ratio) {
  const zoom = view.fit ? fitZoom(view.fit, page, pane, ratio) : view.zoom;
  const scale = zoom / ratio;
  const corner = (length, room, centre) => {
    let at = room / 2 - between(0, centre, length) * scale;
    if (view.fit) {
      const [low, high] = limits(length * scale, room);
      const fits = low === high || length * scale + 2 * MARGIN <= room + 1;
      at = fits ? (low + high) / 2 : between(low, at, high);
    }
    return Math.round(at * ratio) / ratio;
  };
  return { zoom, scale, x: corner(page.width, pane.width, view.x), y: corner(page.height, pane.height, view.y) };
}

// The centre of the visible part. A view that was clamped starts from there, and does not jump when moved.
export function centre(seen, pane) {
  return { x: (pane.width / 2 - seen.x) / seen.scale, y: (pane.height / 2 - seen.y) / seen.scale };
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

// The zoom for a region: it takes up to half of the pane.
export function regionZoom([, , width, height], page, pane, ratio) {
  const wanted = Math.min((0.5 * pane.width * ratio) / width, (0.5 * pane.height * ratio) / height, GRID_FROM);
  return between(smallest(page, pane, ratio), wanted, LARGEST);
}
