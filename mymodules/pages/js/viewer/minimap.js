// A small map of the whole page with its marks and the visible part.

import { between } from "../elements.js";
import { SIDES } from "./modes.js";
import { canvasOf } from "./overlay.js";

export class Minimap {
  constructor(viewer) {
    this.viewer = viewer;
    const { map } = viewer.parts;
    viewer.listen(map, "pointerdown", (event) => {
      event.preventDefault();
      viewer.focus();
      map.setPointerCapture(event.pointerId);
      this.go(event);
    });
    viewer.listen(map, "pointermove", (event) => this.go(event));
  }

  // The pressed place becomes the centre.
  go(event) {
    if (!(event.buttons & 1)) return;
    const { viewer } = this;
    const { view } = viewer;
    const bounds = viewer.parts.map.getBoundingClientRect();
    const page = viewer.page();
    viewer.stage.settle();
    if (view.fit === "page") view.fit = null;
    view.x = ((event.clientX - bounds.left) / bounds.width) * page.width;
    view.y = ((event.clientY - bounds.top) / bounds.height) * page.height;
    viewer.stage.schedule();
  }

  draw(seen, page) {
    const { viewer } = this;
    const { map, mapPicture, mapCanvas, markPart } = viewer.parts;
    const there = Boolean(page.width) && SIDES.some((side) => viewer.has(side));
    map.hidden = !there;
    if (!there) return;
    const tall = page.height > 1.6 * page.width;
    markPart.dataset.tall = tall;
    const room = tall
      ? { width: 56, height: markPart.clientHeight - 2 }
      : { width: markPart.clientWidth - 2, height: 128 };
    const scale = Math.min(room.width / page.width, room.height / page.height);
    if (!(scale > 0)) return;
    const [width, height] = [Math.max(page.width * scale, 12), page.height * scale];
    const across = width / page.width;
    Object.assign(map.style, { width: `${width}px`, height: `${height}px` });
    const [wide, high] = viewer.extent(viewer.has("second") ? "second" : "first");
    Object.assign(mapPicture.style, { width: `${wide * across}px`, height: `${high * scale}px` });
    const context = canvasOf(mapCanvas, width, height);
    mapPicture.hidden = Boolean(viewer.layout);
    if (viewer.layout) this.drawAligned(context, across, scale);
    this.drawMarks(context, across, scale);
    this.drawSeen(context, across, scale, seen, page);
  }

  drawAligned(context, across, scale) {
    const { layout, parts } = this.viewer;
    context.save();
    context.scale(across / scale, 1);
    const room = { width: Infinity, height: Infinity };
    for (const { side, picture } of parts.left.sheets.slice(0, 2)) {
      layout.draw(context, picture, side, { x: 0, y: 0, scale, zoom: scale }, room);
    }
    context.restore();
  }

  drawMarks(context, across, scale) {
    const { viewer } = this;
    const colours = getComputedStyle(viewer.root);
    const mark = (box, colour, least) => {
      context.fillStyle = colour;
      const wide = Math.max(box[2] * across, least);
      const high = Math.max(box[3] * scale, least);
      const [x, y] = [(box[0] + box[2] / 2) * across, (box[1] + box[3] / 2) * scale];
      context.fillRect(x - wide / 2, y - high / 2, wide, high);
    };
    context.globalAlpha = 0.45;
    for (const each of viewer.allMarks().filter((one) => viewer.marking.isShown(one))) {
      mark(viewer.aligning.boxOf(each, "page"), colours.getPropertyValue(`--mmk-${each.cause}`), 2.5);
    }
    const chosen = viewer.marks?.[viewer.state.get("region")];
    if (chosen) mark(viewer.aligning.boxOf(chosen, "page"), colours.getPropertyValue("--mmv-box-current"), 4);
    context.globalAlpha = 1;
  }

  drawSeen(context, across, scale, seen, page) {
    const { map, left } = this.viewer.parts;
    const colours = getComputedStyle(this.viewer.root);
    const x = between(0, -seen.x / seen.scale, page.width);
    const y = between(0, -seen.y / seen.scale, page.height);
    const toX = between(0, (left.width - seen.x) / seen.scale, page.width);
    const toY = between(0, (left.height - seen.y) / seen.scale, page.height);
    map.dataset.seen = [x, y, toX, toY].map(Math.round).join(" ");
    if (x <= 0 && y <= 0 && toX >= page.width && toY >= page.height) return; // all of it is visible
    context.strokeStyle = colours.getPropertyValue("--mmv-accent");
    context.fillStyle = colours.getPropertyValue("--mmv-accent-soft");
    context.lineWidth = 1.5;
    const size = [Math.max((toX - x) * across - 1.5, 2), Math.max((toY - y) * scale - 1.5, 2)];
    const frame = [x * across + 0.75, y * scale + 0.75, ...size];
    context.fillRect(...frame);
    context.strokeRect(...frame);
  }
}
