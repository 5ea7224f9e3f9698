// Laying both pictures out so that what belongs together stands beside each other, if something came, went or moved.

import { boxOn } from "./boxes.js";
import { Layout } from "./layout.js";
import { SIDES } from "./modes.js";

const MOVING = ["px_moved", "px_inserted", "px_removed"];

export class Aligning {
  constructor(viewer) {
    this.viewer = viewer;
    this.found = null; // the layout of the row, whether it is used or not
  }

  // The layout that is used.
  get layout() {
    const { found, viewer } = this;
    return found && viewer.view.align && SIDES.every((side) => viewer.has(side)) ? found : null;
  }

  // The picture that is shown as the delta.
  get delta() {
    return this.layout ? "aligned" : "delta";
  }

  // The pixel of a side at a place of the page; null if there is none.
  pixel(side, at) {
    return this.layout ? this.layout.pixel(side, at) : at;
  }

  // Where a mark stands on the page, for a pane that shows this side, or both.
  boxOf(mark, side) {
    return this.layout ? this.layout.boxOf(mark) : boxOn(mark, side);
  }

  async load() {
    const { viewer } = this;
    const { turn, record } = viewer;
    if (!MOVING.some((column) => record[column] > 0)) return;
    let parts = [];
    try {
      parts = await viewer.source.layout(record.name);
    } catch {
      return; // then both stand as they are
    }
    if (turn !== viewer.turn || !parts.length) return;
    this.change(() => {
      this.found = new Layout(parts);
    });
  }

  toggle() {
    if (!this.found) return;
    this.change(() => {
      this.viewer.view.align = !this.viewer.view.align;
    });
  }

  // What is in the middle stays there.
  change(how) {
    const { viewer } = this;
    const { view, stage } = viewer;
    stage.settle();
    const at = { x: Math.floor(view.x), y: Math.floor(view.y) };
    const middle = this.layout ? this.layout.pixel("second", at) : at;
    how();
    if (middle) view.y = this.layout ? this.layout.place("second", middle.x, middle.y).y : middle.y;
    viewer.fillDetails();
    viewer.needDelta();
    stage.schedule();
  }
}
