// What is marked in the pictures: the changes of a row or, if nobody looked for them, its regions. The list of them,
// and the chosen one.

import { element, number } from "../elements.js";
import { boxOn, signOf } from "./boxes.js";

const NOUNS = { change: ["Changes", "Change"], region: ["Regions", "Region"] };
const counted = ({ kind, pixels }) => {
  if (pixels === null) return "";
  return `${number(pixels)} ${kind === "region" || kind === "edit" ? "differing pixels" : "px"}, `;
};
const placed = ([x, y, width, height]) => `${number(width)} by ${number(height)} px at ${x}, ${y}`;

// What a mark is, in a few words.
function named({ kind, cause, rules }) {
  if (kind === "region") return "";
  const what = kind === "space" ? `space ${cause}` : cause;
  return `, ${what}${rules.length ? ` by ${rules.join(", ")}` : ""}`;
}

export class Marks {
  constructor(viewer) {
    this.viewer = viewer;
    this.still = false; // what was clicked in the picture is not moved
  }

  // What the marks of the row are called, many and one.
  get nouns() {
    return (this.viewer.record?.changes ?? null) === null ? NOUNS.region : NOUNS.change;
  }

  isShown(mark) {
    return !this.viewer.view.off.has(mark.cause);
  }

  // The marks of a cause are shown, or no longer.
  toggle(cause, on) {
    const { view, state, marks, stage } = this.viewer;
    if (on) view.off.delete(cause);
    else view.off.add(cause);
    const chosen = marks?.[state.get("region")];
    if (chosen && !this.isShown(chosen)) this.viewer.choose({ region: -1 });
    this.fill();
    stage.schedule();
  }

  fill() {
    const { viewer } = this;
    const { list, markTitle } = viewer.parts;
    const { record, marks } = viewer;
    const count = marks?.length ?? record?.changes ?? record?.regions.length ?? 0;
    markTitle.textContent = count ? `${this.nouns[0]} · ${number(count)}` : this.nouns[0];
    if (list.contains(document.activeElement)) viewer.focus(); // its button is replaced
    const most = marks?.[0]?.pixels ?? 0;
    const shown = [...(marks ?? []).entries()].filter(([, mark]) => this.isShown(mark));
    let lines = shown.map(([index, mark]) => element("li", {}, this.item(mark, index, most)));
    if (!marks && count) lines = [this.remark("Weighing them …")];
    else if (count && !lines.length) lines = [this.remark("None of the kinds that are switched on.")];
    else if (record && !count) {
      lines = [this.remark(record.status === "same" ? "None: the pictures are equal." : "None.")];
    }
    list.replaceChildren(...lines);
    this.mark();
    viewer.tolerating.fill();
  }

  remark(text) {
    return element("li", { class: "mmv-dim", text });
  }

  item(mark, index, most) {
    const call = () => this.viewer.choose({ region: index });
    const made = element("button", {
      type: "button",
      tabindex: "-1",
      "data-mark": index,
      "data-cause": mark.cause,
      call,
    });
    const box = boxOn(mark, "page");
    const [x, y, width, height] = box;
    const { pixels } = mark;
    made.title = `${this.nouns[1]} ${index + 1}${named(mark)}: ${counted(mark)}${placed(box)}`;
    made.append(
      element("span", { class: "mmv-rank", text: index + 1 }),
      " ",
      element("span", { class: "mmv-sign", "aria-hidden": "true", text: signOf(mark) }),
      " ", // a screen reader reads the parts one by one
      element("span", { text: `${number(width)} x ${number(height)}` }),
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
    const { list, markCount, previousMark, nextMark } = viewer.parts;
    const chosen = viewer.state.get("region");
    const shown = this.shownPlaces();
    const place = shown.indexOf(chosen);
    markCount.textContent = place >= 0 ? `${place + 1} / ${number(shown.length)}` : number(shown.length);
    for (const made of [previousMark, nextMark]) viewer.able(made, shown.length);
    for (const [index, item] of [...list.querySelectorAll("button")].entries()) {
      item.tabIndex = index === Math.max(place, 0) ? 0 : -1;
      if (index !== place) {
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
    const shown = viewer.marks ? this.shownPlaces() : [];
    if (!shown.length) return;
    const place = shown.indexOf(viewer.state.get("region"));
    const first = by > 0 ? 0 : shown.length - 1;
    viewer.choose({ region: shown[place < 0 ? first : (place + by + shown.length) % shown.length] });
  }

  // The places of the marks that are switched on.
  shownPlaces() {
    return [...this.viewer.allMarks().entries()].filter(([, mark]) => this.isShown(mark)).map(([index]) => index);
  }

  chooseHere(region) {
    this.still = true;
    this.viewer.choose({ region });
    this.still = false;
  }

  // Show the chosen mark, even if its kind is switched off.
  go() {
    const { viewer } = this;
    const region = viewer.state.get("region");
    const mark = viewer.marks?.[region];
    this.mark();
    viewer.tolerating.draw(null);
    if (mark) {
      const box = boxOn(mark, "page");
      if (!this.still) viewer.stage.goTo(viewer.aligning.boxOf(mark, "page"));
      const place = `${this.nouns[1]} ${region + 1} of ${viewer.marks.length}${named(mark)}`;
      viewer.say(`${place}: ${counted(mark)}${placed(box)}`);
    }
    viewer.stage.schedule();
  }
}
