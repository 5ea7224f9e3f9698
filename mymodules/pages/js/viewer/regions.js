// The list of regions, and the chosen one.

import { element, number } from "../elements.js";

const counted = (pixels) => (pixels === null ? "" : `${number(pixels)} differing pixels, `);

export class Regions {
  constructor(viewer) {
    this.viewer = viewer;
    this.still = false; // a region that was clicked in the picture is not moved
  }

  fill() {
    const { viewer } = this;
    const { list, regionTitle } = viewer.parts;
    const { record, boxes } = viewer;
    const count = boxes?.length ?? record?.regions.length ?? 0;
    regionTitle.textContent = count ? `Regions · ${number(count)}` : "Regions";
    if (list.contains(document.activeElement)) viewer.focus(); // its button is replaced
    const most = boxes?.[0]?.[4] ?? 0;
    let lines = (boxes ?? []).map((box, index) => element("li", {}, this.item(box, index, most)));
    if (!boxes && record?.regions.length) lines = [this.remark("Weighing the regions …")];
    else if (record && !count) {
      lines = [this.remark(record.status === "same" ? "None: the pictures are equal." : "None.")];
    }
    list.replaceChildren(...lines);
    this.mark();
  }

  remark(text) {
    return element("li", { class: "mmv-dim", text });
  }

  item([x, y, width, height, pixels], index, most) {
    const call = () => this.viewer.choose({ region: index });
    const made = element("button", { type: "button", tabindex: "-1", call });
    const place = `${number(width)} by ${number(height)} px at ${x}, ${y}`;
    made.title = `Region ${index + 1}: ${counted(pixels)}${place}`;
    made.append(
      element("span", { class: "mmv-rank", text: index + 1 }),
      " ", // a screen reader reads the parts one by one
      element("span", { text: `${number(width)} × ${number(height)}` }),
      " ",
      element("span", { class: "mmv-dim mmv-corner", text: `at ${x}, ${y}` }),
      " ",
      element("span", { class: "mmv-pixels", text: pixels === null ? "" : `${number(pixels)} px` }),
    );
    made.style.setProperty("--share", most ? (pixels ?? 0) / most : 0);
    return made;
  }

  mark() {
    const { viewer } = this;
    const { list, regionCount, previousRegion, nextRegion } = viewer.parts;
    const chosen = viewer.state.get("region");
    const count = viewer.allRegions().length;
    regionCount.textContent = chosen >= 0 && viewer.boxes ? `${chosen + 1} / ${number(count)}` : number(count);
    for (const made of [previousRegion, nextRegion]) viewer.able(made, count);
    for (const [index, item] of [...list.querySelectorAll("button")].entries()) {
      item.tabIndex = index === Math.max(chosen, 0) ? 0 : -1;
      if (index !== chosen) {
        item.removeAttribute("aria-current");
        continue;
      }
      item.setAttribute("aria-current", "true");
      const top = item.offsetTop - list.offsetTop;
      const bottom = top + item.offsetHeight;
      if (top < list.scrollTop) list.scrollTop = top;
      else if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
    }
  }

  step(by) {
    const { viewer } = this;
    const count = viewer.boxes?.length;
    if (!count) return;
    const chosen = viewer.state.get("region");
    const first = by > 0 ? 0 : count - 1;
    viewer.choose({ region: chosen < 0 ? first : (chosen + by + count) % count });
  }

  chooseHere(region) {
    this.still = true;
    this.viewer.choose({ region });
    this.still = false;
  }

  // Show the chosen region.
  go() {
    const { viewer } = this;
    const region = viewer.state.get("region");
    const box = viewer.boxes?.[region];
    this.mark();
    if (box) {
      const [x, y, width, height, pixels] = box;
      if (!this.still) viewer.stage.goTo(box);
      const place = `${width} by ${height} px at ${x}, ${y}`;
      viewer.say(`Region ${region + 1} of ${viewer.boxes.length}: ${counted(pixels)}${place}`);
    }
    viewer.stage.schedule();
  }
}
