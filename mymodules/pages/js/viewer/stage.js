// The panes: the place of the page in them, the parts that the mode shows, and the drawing loop.

import { between } from "../elements.js";
import {
  arrivalView,
  centre,
  GRID_FROM,
  LARGEST,
  moved,
  nice,
  placed,
  regionView,
  smallest,
  zoomedCentre,
} from "./geometry.js";
import { MODES, PANES, SIDES, SLIDERS } from "./modes.js";
import { drawAligned, drawOverlay } from "./overlay.js";

export class Stage {
  constructor(viewer) {
    this.viewer = viewer;
    this.phase = "first"; // of blinking: the side that is shown
    this.blinkTimer = 0;
    this.pending = 0;
    this.modePending = 0;
    const { slider } = viewer.parts;
    viewer.listen(slider, "input", () => this.slide(Number(slider.value)));
  }

  close() {
    clearInterval(this.blinkTimer);
    cancelAnimationFrame(this.pending);
    cancelAnimationFrame(this.modePending);
  }

  // --- geometry

  // The place of the page: its zoom and its corner in the pane, in CSS px.
  geometry() {
    const { viewer } = this;
    return placed(viewer.view, viewer.page(), viewer.parts.left, devicePixelRatio);
  }

  // Set the view to the visible part.
  settle() {
    const seen = this.geometry();
    Object.assign(this.viewer.view, { zoom: seen.zoom }, centre(seen, this.viewer.parts.left));
    return seen;
  }

  fit(kind) {
    const { view } = this.viewer;
    const page = this.viewer.page();
    view.fit = kind;
    view.x = page.width / 2;
    if (kind === "page") view.y = page.height / 2;
    this.schedule();
  }

  // Move the page by CSS px; return whether it has moved.
  panBy(dx, dy) {
    const { view, parts } = this.viewer;
    const before = this.settle();
    const { width, height } = this.viewer.page();
    view.x -= moved(before.x, dx, width * before.scale, parts.left.width) / before.scale;
    view.y -= moved(before.y, dy, height * before.scale, parts.left.height) / before.scale;
    this.schedule();
    const after = this.geometry();
    return after.x !== before.x || after.y !== before.y;
  }

  // Zoom so that the pixel below `at`, CSS px of the pane, stays in place.
  zoomTo(zoom, at = null) {
    const { view, parts } = this.viewer;
    const pane = parts.left;
    const seen = this.settle();
    const least = smallest(this.viewer.page(), pane, devicePixelRatio);
    const target = between(least, zoom, LARGEST);
    const place = at ?? { x: pane.width / 2, y: pane.height / 2 };
    Object.assign(view, { fit: null, zoom: target }, zoomedCentre(seen, pane, place, target / devicePixelRatio));
    this.schedule();
  }

  zoomBy(factor, at = null) {
    this.zoomTo(nice(this.geometry().zoom, factor), at);
  }

  // Show a region, large enough to be read.
  goTo(box) {
    const pane = this.viewer.parts.left;
    if (!pane.width) return;
    const wanted = regionView(box, this.geometry(), this.viewer.page(), pane, devicePixelRatio);
    Object.assign(this.viewer.view, wanted);
  }

  // Another row is shown: its place is that of the last one, unless nothing has changed there.
  arrive() {
    const { viewer } = this;
    const pane = viewer.parts.left;
    if (viewer.arrived || !viewer.record || !pane.width || !viewer.page().width) return;
    viewer.arrived = true;
    if (viewer.state.get("region") >= 0) return; // that one is shown
    const seen = this.geometry();
    const wanted = arrivalView(viewer.record.regions, seen, viewer.page(), pane, devicePixelRatio);
    Object.assign(viewer.view, wanted && { ...wanted, fit: viewer.view.fit });
  }

  // --- the mode

  setBlinking() {
    clearInterval(this.blinkTimer);
    this.phase = "first";
    if (this.viewer.state.get("mode") !== "blink") return;
    this.blinkTimer = setInterval(() => {
      this.phase = this.phase === "first" ? "second" : "first";
      this.drawMode();
    }, this.viewer.view.interval);
  }

  slide(value) {
    const { key, low, high, by } = SLIDERS[this.viewer.state.get("mode")];
    this.viewer.view[key] = between(low, Math.round(value / by) * by, high);
    if (key === "interval") this.setBlinking();
    this.scheduleMode();
  }

  nudge(by) {
    const kind = SLIDERS[this.viewer.state.get("mode")];
    if (kind) this.slide(this.viewer.view[kind.key] + by * Math.max(kind.by, (kind.high - kind.low) / 20));
  }

  // --- drawing

  schedule() {
    this.pending ||= requestAnimationFrame(() => {
      this.pending = 0;
      this.draw();
    });
  }

  scheduleMode() {
    this.modePending ||= requestAnimationFrame(() => {
      this.modePending = 0;
      this.drawMode();
      this.viewer.readout.moveHover();
    });
  }

  measure() {
    for (const pane of this.viewer.parts.panes) {
      pane.width = pane.node.clientWidth;
      pane.height = pane.node.clientHeight;
    }
    this.draw(); // at once, so that no frame shows a picture at its place before the panes changed
  }

  draw() {
    const { viewer } = this;
    this.arrive();
    const seen = this.geometry();
    const page = viewer.page();
    this.drawTools(seen, page);
    this.drawMode();
    for (const pane of viewer.parts.panes) {
      if (!pane.width) continue;
      for (const sheet of pane.sheets) this.drawSheet(sheet, pane, seen, page);
      drawOverlay(viewer, pane, seen, page);
    }
    viewer.minimap.draw(seen, page);
    viewer.readout.moveHover();
    if (seen.zoom >= GRID_FROM) viewer.readout.fetchInView();
  }

  drawTools(seen, page) {
    const { root, view, parts } = this.viewer;
    root.dataset.zoom = seen.zoom.toFixed(4);
    const digits = seen.zoom >= 0.1 || !page.width ? 0 : 1;
    parts.zoomText.textContent = `${digits ? (seen.zoom * 100).toFixed(1) : Math.round(seen.zoom * 100)} %`;
    for (const [kind, made] of Object.entries(parts.fitButtons)) {
      const isOne = kind === "one" && !view.fit && Math.abs(seen.zoom - 1) < 1e-3;
      made.setAttribute("aria-pressed", isOne || view.fit === kind);
    }
    for (const [key, made] of Object.entries(parts.toggles)) made.setAttribute("aria-pressed", view[key]);
    parts.toggles.align.hidden = !this.viewer.aligning.found;
    parts.detailsButton.setAttribute("aria-pressed", root.dataset.details === "on");
  }

  // Draw only the parts that depend on the mode and its slider: cheap enough for a dragged divider.
  drawMode() {
    const { viewer } = this;
    const { root, view, parts } = viewer;
    const mode = viewer.state.get("mode");
    root.dataset.mode = mode;
    root.dataset.panes = PANES[mode] ?? 1;
    for (const [index, made] of parts.modeButtons.entries()) {
      made.setAttribute("aria-pressed", MODES[index][0] === mode);
    }
    this.drawSlider(SLIDERS[mode]);
    const at = (view.swipe / 100) * parts.left.width;
    const both = SIDES.every((side) => viewer.has(side)); // a single side is shown as it is
    const second = parts.left.sheets[1].node.style;
    second.clipPath = both && mode === "swipe" ? `inset(0 0 0 ${at}px)` : "";
    second.opacity = both && mode === "onion-skin" ? view.opacity / 100 : "";
    second.visibility = both && mode === "blink" && this.phase === "first" ? "hidden" : "";
    root.dataset.phase = this.phase;
    parts.divider.style.transform = `translateX(${at}px)`;
    const boost = view.boost > 1 ? `brightness(${view.boost})` : "";
    parts.left.stack.style.filter = mode === "difference" ? boost : "";
    parts.middle.stack.style.filter = boost;
    parts.left.sheets[0].picture.style.opacity = both && mode === "delta" ? view.context / 100 : "";
  }

  drawSlider(kind) {
    const { slider, sliderBox, sliderName, sliderText } = this.viewer.parts;
    sliderBox.hidden = !kind;
    if (!kind) return;
    if (slider.dataset.key !== kind.key) {
      Object.assign(slider, { min: kind.low, max: kind.high, step: kind.by });
      slider.dataset.key = kind.key;
      slider.setAttribute("aria-label", kind.title);
      sliderName.textContent = kind.label;
    }
    const value = this.viewer.view[kind.key];
    slider.value = value;
    sliderText.textContent = kind.text(value);
    slider.setAttribute("aria-valuetext", kind.text(value));
  }

  drawSheet(sheet, pane, seen, page) {
    const { viewer } = this;
    let [width, height] = viewer.has(sheet.side) ? viewer.extent(sheet.side) : [0, 0];
    if (sheet.side === "delta") [width, height] = [page.width, page.height];
    sheet.picture.style.transform = `translate(${seen.x}px, ${seen.y}px) scale(${seen.scale})`;
    sheet.picture.style.imageRendering = seen.zoom >= 1 ? "pixelated" : "auto";
    const cover = (node, wide, high) => {
      const [fromX, fromY] = [Math.max(seen.x, 0), Math.max(seen.y, 0)];
      const toX = Math.min(seen.x + wide * seen.scale, pane.width);
      const toY = Math.min(seen.y + high * seen.scale, pane.height);
      node.hidden = toX <= fromX || toY <= fromY;
      if (node.hidden) return;
      const size = { width: `${toX - fromX}px`, height: `${toY - fromY}px` };
      Object.assign(node.style, { left: `${fromX}px`, top: `${fromY}px`, ...size });
      node.style.backgroundPosition = `${seen.x - fromX}px ${seen.y - fromY}px`;
    };
    const layout = sheet.side === "delta" ? null : viewer.layout;
    sheet.node.toggleAttribute("data-aligned", Boolean(layout));
    if (layout) {
      sheet.hatch.hidden = true;
      cover(sheet.ground, page.width, page.height);
      return drawAligned(viewer, sheet, pane, seen, page);
    }
    cover(sheet.ground, width, height);
    cover(sheet.hatch, page.width, page.height);
    if (sheet.side === "delta" || (width === page.width && height === page.height)) sheet.hatch.hidden = true;
  }
}
