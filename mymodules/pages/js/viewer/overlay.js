// The drawing over a pane: outlines of changes, the pixel grid, the crosshair, and hatching where only one side
// has pixels.

import { between } from "../elements.js";
import { signOf } from "./boxes.js";
import { GRID_FROM, screenBox } from "./geometry.js";
import { SIDES, sideOf } from "./modes.js";

// Return a cleared context whose unit is one CSS px.
export function canvasOf(canvas, width, height) {
  const ratio = devicePixelRatio;
  const wide = Math.round(width * ratio);
  const high = Math.round(height * ratio);
  if (canvas.width !== wide) canvas.width = wide;
  if (canvas.height !== high) canvas.height = high;
  const context = canvas.getContext("2d");
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, wide, high);
  context.scale(ratio, ratio);
  return context;
}

export function drawOverlay(viewer, pane, seen, page) {
  const context = canvasOf(pane.overlay, pane.width, pane.height);
  const { view } = viewer;
  const differs = viewer.state.get("mode") === "difference" || pane === viewer.parts.middle;
  if (differs && SIDES.every((side) => viewer.has(side))) hatchOutside(viewer, context, pane, seen, page);
  if (view.grid && seen.zoom >= GRID_FROM) drawGrid(context, pane, seen, page);
  if (view.outlines) drawOutlines(viewer, context, pane, seen);
  if (view.cross) drawCross(context, view.cross, seen);
  drawMask(viewer, context, pane, seen);
}

// The box of the rule that is being made.
function drawMask(viewer, context, pane, seen) {
  const { box } = viewer.tolerating;
  const side = sideOf(viewer, pane);
  if (!box || (side !== "page" && side !== box.side)) return;
  const ground = getComputedStyle(viewer.root).getPropertyValue("--mmk-masked");
  const [x, y, wide, high] = screenBox(viewer.layout?.box(box.side, box.at) ?? box.at, seen);
  context.globalAlpha = 0.35;
  context.fillStyle = ground;
  context.fillRect(x, y, wide, high);
  context.globalAlpha = 1;
  context.strokeStyle = ground;
  context.lineWidth = 2;
  context.strokeRect(x, y, wide, high);
}

// Draw a side's picture as it is laid out; the rest of the page is hatched.
export function drawAligned(viewer, sheet, pane, seen, page) {
  const context = canvasOf(sheet.aligned, pane.width, pane.height);
  hatch(viewer, context, pane, seen, [0, 0, page.width, page.height]);
  viewer.layout.draw(context, sheet.picture, sheet.side, seen, pane);
}

// Each cause has its own line, so that nobody has to tell it by its colour: px drawn and left out.
const DASHES = { removed: [7, 4], moved: [2, 3], tolerated: [1, 3], masked: [1, 3] };
const NAMED = [64, 16]; // CSS px of a box that has room for a name
const SIGNED = 14; // for a sign

function drawOutlines(viewer, context, pane, seen) {
  const chosen = viewer.marks?.[viewer.state.get("region")];
  const side = sideOf(viewer, pane);
  const colours = getComputedStyle(viewer.root);
  const colour = (key) => colours.getPropertyValue(key);
  const inView = ([x, y, wide, high]) => x <= pane.width && y <= pane.height && x + wide >= 0 && y + high >= 0;
  const shown = viewer
    .allMarks()
    .filter((mark) => mark === chosen || viewer.marking.isShown(mark))
    .map((mark) => [mark, screenBox(viewer.aligning.boxOf(mark, side), seen)])
    .filter(([, box]) => inView(box));
  const line = (box, stroke, width, dash = []) => {
    context.strokeStyle = stroke;
    context.lineWidth = width;
    context.setLineDash(dash);
    context.strokeRect(...box);
  };
  for (const [mark, box] of shown) line(box, colour("--mmv-box-edge"), mark === chosen ? 5.5 : 3.5);
  for (const [mark, box] of shown) {
    const stroke = mark === chosen ? "--mmv-box-current" : `--mmk-${mark.cause}`;
    line(box, colour(stroke), mark === chosen ? 3 : 1.5, DASHES[mark.cause]);
  }
  context.setLineDash([]);
  for (const [mark, box] of shown) {
    const ground = mark === chosen ? "--mmv-box-current" : `--mmk-${mark.cause}`;
    drawTag(context, labelOf(mark, box, mark === chosen), box, colour(ground), colour("--mmk-ink"));
  }
}

// The name of a box, or its sign if there is little room; most boxes changed in place, which needs no word.
function labelOf(mark, [, , wide, high], chosen) {
  if (mark.kind === "region" || (mark.cause === "changed" && !chosen)) return "";
  if (chosen || (wide >= NAMED[0] && high >= NAMED[1])) return `${signOf(mark)} ${mark.cause}`;
  return wide >= SIGNED && high >= SIGNED ? signOf(mark) : "";
}

function drawTag(context, text, [x, y], ground, ink) {
  if (!text) return;
  context.font = "600 11px system-ui, sans-serif";
  context.textBaseline = "middle";
  const width = context.measureText(text).width + 8;
  const [left, top] = [Math.max(x - 1, 0), Math.max(y - 15, 0)];
  context.fillStyle = ground;
  context.fillRect(left, top, width, 15);
  context.fillStyle = ink;
  context.fillText(text, left + 4, top + 8);
}

function drawCross(context, cross, seen) {
  const x = seen.x + (cross.x + 0.5) * seen.scale;
  const y = seen.y + (cross.y + 0.5) * seen.scale;
  const half = Math.max(seen.scale / 2, 3);
  const ways = [
    [1, 0],
    [-1, 0],
    [0, 1],
    [0, -1],
  ];
  for (const [colour, width] of [
    ["#fff", 3],
    ["#000", 1],
  ]) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    for (const [dx, dy] of ways) {
      context.moveTo(x + dx * half, y + dy * half);
      context.lineTo(x + dx * (half + 14), y + dy * (half + 14));
    }
    context.stroke();
    context.strokeRect(x - half, y - half, 2 * half, 2 * half);
  }
}

function drawGrid(context, pane, seen, page) {
  const { scale } = seen;
  const fromX = between(0, Math.floor(-seen.x / scale), page.width);
  const toX = between(0, Math.ceil((pane.width - seen.x) / scale), page.width);
  const fromY = between(0, Math.floor(-seen.y / scale), page.height);
  const toY = between(0, Math.ceil((pane.height - seen.y) / scale), page.height);
  const snap = (value) => (Math.round(value * devicePixelRatio) + 0.5) / devicePixelRatio;
  context.lineWidth = 1 / devicePixelRatio;
  context.strokeStyle = "rgba(128, 128, 128, 0.45)";
  context.beginPath();
  for (let x = fromX; x <= toX; x += 1) {
    context.moveTo(snap(seen.x + x * scale), seen.y + fromY * scale);
    context.lineTo(snap(seen.x + x * scale), seen.y + toY * scale);
  }
  for (let y = fromY; y <= toY; y += 1) {
    context.moveTo(seen.x + fromX * scale, snap(seen.y + y * scale));
    context.lineTo(seen.x + toX * scale, snap(seen.y + y * scale));
  }
  context.stroke();
}

// Pixels that only one side has are hatched, as in the other modes: their colours cannot differ.
function hatchOutside(viewer, context, pane, seen, page) {
  if (viewer.layout) {
    for (const box of viewer.layout.alone()) hatch(viewer, context, pane, seen, box);
    return;
  }
  const [first, second] = SIDES.map((side) => viewer.extent(side));
  const common = [Math.min(first[0], second[0]), Math.min(first[1], second[1])];
  hatch(viewer, context, pane, seen, [common[0], 0, page.width - common[0], page.height]);
  hatch(viewer, context, pane, seen, [0, common[1], common[0], page.height - common[1]]);
}

function hatch(viewer, context, pane, seen, [x, y, width, height]) {
  if (width <= 0 || height <= 0) return;
  const { scale } = seen;
  const colours = getComputedStyle(viewer.root);
  context.save();
  context.beginPath();
  context.rect(seen.x + x * scale, seen.y + y * scale, width * scale, height * scale);
  context.clip();
  context.fillStyle = colours.getPropertyValue("--mmv-hatch-a");
  context.fillRect(0, 0, pane.width, pane.height);
  context.strokeStyle = colours.getPropertyValue("--mmv-hatch-b");
  context.lineWidth = 3;
  context.beginPath();
  const shift = (((seen.x + seen.y) % 10) + 10) % 10;
  for (let at = shift - pane.height; at < pane.width + pane.height; at += 10) {
    context.moveTo(at + pane.height, 0);
    context.lineTo(at, pane.height);
  }
  context.stroke();
  context.restore();
}
