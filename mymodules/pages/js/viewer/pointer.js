// The pointer in a pane: it can move the page or the divider, zoom, read pixels, choose a change.

import { between } from "../elements.js";
import { nice, screenBox } from "./geometry.js";
import { SIDES, sideOf } from "./modes.js";

const NEAR = 14; // CSS px from the divider within which it is dragged
const STILL = 3; // CSS px that a click may move

function placeIn(pane, event) {
  const bounds = pane.node.getBoundingClientRect();
  return { x: event.clientX - bounds.left, y: event.clientY - bounds.top };
}

export class Pointer {
  constructor(viewer) {
    this.viewer = viewer;
    this.drag = null;
    for (const pane of viewer.parts.panes) this.watch(pane);
  }

  watch(pane) {
    const { viewer } = this;
    viewer.listen(pane.node, "pointerdown", (event) => this.press(pane, event));
    viewer.listen(pane.node, "pointermove", (event) => this.move(pane, event));
    viewer.listen(pane.node, "pointerup", (event) => this.release(pane, event));
    viewer.listen(pane.node, "pointercancel", (event) => this.release(pane, event));
    viewer.listen(pane.node, "pointerleave", () => {
      if (!this.drag) viewer.readout.point(null);
    });
    viewer.listen(pane.node, "dblclick", (event) => {
      const zoom = nice(viewer.stage.geometry().zoom, event.shiftKey ? 1 / 2 : 2);
      viewer.stage.zoomTo(zoom, placeIn(pane, event));
    });
    viewer.listen(pane.node, "wheel", (event) => this.turn(pane, event), { passive: false });
  }

  press(pane, event) {
    if (event.button > 1) return;
    event.preventDefault(); // prevents selecting, and JupyterLab's dragging of cells
    const { viewer } = this;
    viewer.focus();
    const divider = (viewer.view.swipe / 100) * viewer.parts.left.width;
    const swiped = viewer.state.get("mode") === "swipe" && SIDES.every((side) => viewer.has(side));
    const onDivider = swiped && Math.abs(placeIn(pane, event).x - divider) < NEAR;
    const from = placeIn(pane, event);
    const kind = viewer.tolerating.open ? "mask" : onDivider ? "divider" : "page";
    this.drag = { x: event.clientX, y: event.clientY, from, kind, moved: false };
    pane.node.setPointerCapture(event.pointerId);
  }

  move(pane, event) {
    const { viewer, drag } = this;
    const at = placeIn(pane, event);
    if (!drag) return viewer.readout.point(at);
    viewer.readout.pointer = at;
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!drag.moved && Math.hypot(dx, dy) < STILL) return;
    drag.moved = true;
    if (drag.kind === "mask") {
      viewer.tolerating.drag(sideOf(viewer, pane) === "second" ? "second" : "first", drag.from, at);
    } else if (drag.kind === "divider") {
      viewer.view.swipe = between(0, Math.round((1000 * at.x) / viewer.parts.left.width) / 10, 100);
      viewer.stage.scheduleMode();
    } else {
      viewer.root.toggleAttribute("data-dragging", true);
      viewer.stage.panBy(dx, dy);
      [drag.x, drag.y] = [event.clientX, event.clientY];
    }
  }

  release(pane, event) {
    const { viewer, drag } = this;
    const clicked = drag && !drag.moved && event.type === "pointerup";
    if (clicked && viewer.view.outlines) this.pick(pane, placeIn(pane, event));
    if (drag?.kind === "mask") viewer.tolerating.focus();
    this.drag = null;
    viewer.root.toggleAttribute("data-dragging", false);
  }

  turn(pane, event) {
    const { viewer } = this;
    const unit = event.deltaMode === 1 ? 30 : event.deltaMode === 2 ? pane.height : 1;
    const [dx, dy] = [event.deltaX * unit, event.deltaY * unit];
    if (event.ctrlKey || event.metaKey) {
      const factor = Math.exp(-between(-100, dy, 100) / 250);
      viewer.stage.zoomTo(viewer.stage.geometry().zoom * factor, placeIn(pane, event));
    } else {
      if (!viewer.root.contains(document.activeElement) && !document.fullscreenElement) return;
      const sideways = event.shiftKey && !dx;
      // At the end of the page the notebook scrolls instead.
      if (!viewer.stage.panBy(sideways ? -dy : -dx, sideways ? 0 : -dy)) return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  // Choose the smallest mark at a place in the pane, without moving the page.
  pick(pane, at) {
    const { viewer } = this;
    const seen = viewer.stage.geometry();
    let [best, least] = [-1, Infinity];
    const side = sideOf(viewer, pane);
    for (const [index, mark] of (viewer.marks ?? []).entries()) {
      if (!viewer.marking.isShown(mark)) continue;
      const [x, y, width, height] = screenBox(viewer.aligning.boxOf(mark, side), seen);
      const inside = at.x >= x - 2 && at.x <= x + width + 2 && at.y >= y - 2 && at.y <= y + height + 2;
      if (inside && width * height < least) [best, least] = [index, width * height];
    }
    if (best >= 0) viewer.marking.chooseHere(best);
  }
}
