// The viewer: both pictures of a row in one view, which stays for all modes and rows. createViewer draws into an
// element; it knows neither Jupyter nor a kernel.
//
// source  record(name), picture(name, side), marks(name), layout(name), tile(name, x, y): promises of what viewer.py describes;
//         only(name) drops requests that wait for other rows; on(event, call) reports "rows" and "trouble"; close().
//         If rows can be decided: decide(name, decision, note, on), undo(), redo(), and on("decided", call).
//         Without them a record's decision is only shown. If rules can be made: tolerate(name, asked).
// state   get(key), set(values), on(key, call) for "row", "mode" and "region".
//
// File names and messages come from files that others made: they are set as text, never as markup.

import { element, remember, remembered } from "../elements.js";
import { Aligning } from "./aligning.js";
import { markOf, ofRegion } from "./boxes.js";
import { fillCauses } from "./causes.js";
import { Deciding } from "./deciding.js";
import { fillDetails } from "./details.js";
import { firstView } from "./geometry.js";
import { fillHead } from "./head.js";
import { Help } from "./help.js";
import { Keys } from "./keys.js";
import { Marks } from "./marks.js";
import { Minimap } from "./minimap.js";
import { DECIDED, SIDES } from "./modes.js";
import { makeCauses, makeDetails, makeHead, makeNote, makeReadout, makeStage, makeTools } from "./parts.js";
import { Pointer } from "./pointer.js";
import { Readout } from "./readout.js";
import { Stage } from "./stage.js";
import { Tolerating } from "./tolerating.js";

const ATTRIBUTES = {
  tabindex: "0",
  role: "group",
  "aria-label": "Picture viewer; ? shows its keys",
  "data-has": "none",
};
const WIDE = "(min-width: 1500px)"; // windows with room for details
const OF_THE_TABLE = ["place", "total", "previous", "next", "decision", "note"]; // change when other rows do

// The state that all parts of the viewer share, and the row that is shown.
class Viewer {
  constructor(root, source, state) {
    Object.assign(this, { root, source, state });
    this.ending = new AbortController();
    this.view = firstView(); // the one view of both pictures
    this.record = null;
    this.pair = {}; // by side: a picture, or {error}
    this.marks = null; // changes or regions, those with the most pixels first
    this.arrived = true; // whether the place of the row that is shown has been chosen
    this.turn = 0; // counts rows shown, so that late answers are recognised
    this.aligning = new Aligning(this);
    this.makeParts();
    this.deciding = new Deciding(this);
    this.marking = new Marks(this);
    this.stage = new Stage(this);
    this.minimap = new Minimap(this);
    this.readout = new Readout(this);
    this.pointer = new Pointer(this);
    this.keys = new Keys(this);
    this.watch();
    this.stage.measure();
    this.stage.setBlinking();
    this.showRow(state.get("row"));
  }

  makeParts() {
    this.help = new Help(this);
    this.tolerating = new Tolerating(this);
    this.live = element("div", { class: "mmv-live", "aria-live": "polite" });
    const makers = [makeHead, makeNote, makeTools, makeCauses, makeStage, makeDetails, makeReadout];
    this.parts = Object.assign({ ruling: this.tolerating.node }, ...makers.map((make) => make(this)));
    const { head, problem, noteBox, ruling, tools, causes, stageBox, details, readoutBox } = this.parts;
    const pictures = element("div", { class: "mmv-pictures" }, readoutBox, stageBox);
    const body = element("div", { class: "mmv-body" }, pictures, details);
    this.root.classList.add("mmv");
    for (const [name, value] of Object.entries(ATTRIBUTES)) this.root.setAttribute(name, value);
    this.root.replaceChildren(head, problem, noteBox, ruling, tools, causes, body, this.help.node, this.live);
    this.foldDetails();
  }

  // Details are folded away in small windows, unless a person has chosen otherwise.
  foldDetails() {
    const wide = matchMedia(WIDE);
    const fold = () => {
      this.root.dataset.details = remembered("details") || (wide.matches ? "on" : "off");
      this.stage?.schedule();
    };
    this.listen(wide, "change", fold);
    fold();
  }

  listen(target, type, call, options = {}) {
    target.addEventListener(type, call, { signal: this.ending.signal, ...options });
  }

  // Follow sizes, themes, the shared state and the source.
  watch() {
    const { stage, state, source, parts } = this;
    let ratio = devicePixelRatio;
    this.listen(window, "resize", () => {
      if (ratio !== devicePixelRatio) stage.schedule(); // another screen; the observer reports new sizes
      ratio = devicePixelRatio;
    });
    const sizes = new ResizeObserver(() => stage.measure());
    for (const pane of parts.panes) {
      sizes.observe(pane.node);
      for (const { picture } of pane.sheets) this.listen(picture, "load", () => stage.schedule());
    }
    sizes.observe(parts.markPart);
    const themes = new MutationObserver(() => stage.schedule()); // canvases do not follow style sheets
    themes.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name"] });
    this.ends = [
      () => sizes.disconnect(),
      () => themes.disconnect(),
      state.on("row", () => this.showRow(state.get("row"))),
      state.on("mode", () => this.changeMode()),
      state.on("region", () => this.marking.go()),
      source.on("rows", (fresh) => this.refresh(fresh)),
      source.on("trouble", (text) => Object.assign(parts.trouble, { textContent: text, title: text })),
    ];
    if (source.decide) this.ends.push(source.on("decided", (now) => this.deciding.take(now)));
  }

  close() {
    this.turn += 1;
    this.ending.abort();
    this.stage.close();
    this.readout.close();
    this.deciding.close();
    for (const end of this.ends) end();
    this.source.close();
  }

  // --- the pair

  extent(side) {
    const shown = this.pair[side];
    if (shown?.width) return [shown.width, shown.height];
    return this.record && !shown?.error && this.record[side][0] ? this.record[side] : [0, 0];
  }

  // How both pictures are laid out; null if they stand as they are.
  get layout() {
    return this.aligning.layout;
  }

  page() {
    if (this.layout) return this.layout.page;
    const [first, second] = SIDES.map((side) => this.extent(side));
    return { width: Math.max(first[0], second[0]), height: Math.max(first[1], second[1]) };
  }

  has(side) {
    return Boolean(this.pair[side]?.url);
  }

  lacks(side) {
    const { status } = this.record;
    return (side === "first" && status === "extra") || (side === "second" && status === "missing");
  }

  // The marks once they have come; before, the regions of a row without changes.
  allMarks() {
    if (this.marks || (this.record?.changes ?? null) !== null) return this.marks ?? [];
    return (this.record?.regions ?? []).map(ofRegion);
  }

  // --- rows

  async showRow(wanted) {
    const mine = ++this.turn;
    if (wanted !== this.record?.name) this.arrived = false;
    this.record = this.marks = this.aligning.found = null;
    this.pair = {};
    // An open note stays open, otherwise letters would be keys.
    if (document.activeElement !== this.parts.noteText) this.deciding.leaveNote();
    this.parts.problem.hidden = true;
    this.source.only(wanted);
    this.fill();
    if (!wanted) return;
    let found;
    try {
      found = await this.source.record(wanted);
    } catch (error) {
      if (mine === this.turn && !error.dropped) this.notice(this.parts.left, "first", error.message);
      return;
    }
    if (mine !== this.turn) return;
    this.record = found;
    this.fill();
    this.announce();
    await Promise.all([...SIDES.map((side) => this.load(side)), this.needDelta()]);
    if (mine === this.turn) await this.loadMarks();
    if (mine === this.turn) await this.aligning.load();
    if (mine === this.turn) this.lookAhead();
  }

  // The rows around this one have changed; the row itself has not, unless `fresh` says that the files have.
  async refresh(fresh) {
    if (fresh || !this.record) return this.showRow(this.state.get("row"));
    const mine = this.turn;
    try {
      const found = await this.source.record(this.record.name);
      if (mine !== this.turn) return;
      for (const key of OF_THE_TABLE) this.record[key] = found[key];
      this.fillHead();
      this.fillDetails();
    } catch {
      // another row is on its way
    }
  }

  async load(side) {
    const mine = this.turn;
    let found;
    try {
      found = await this.source.picture(this.record.name, side);
    } catch (error) {
      if (error.dropped) return;
      found = { error: error.message };
    }
    if (mine !== this.turn) return;
    this.pair[side] = found;
    this.placePicture(SIDES.includes(side) ? side : "delta");
    if (SIDES.includes(side)) this.fillDetails();
    this.fillNotices();
    this.stage.schedule();
  }

  // In mode delta its picture is shown, and fetched once.
  async needDelta() {
    if (this.state.get("mode") !== "delta" || !this.record) return;
    const { delta } = this.aligning;
    this.placePicture("delta");
    if (!this.pair[delta]) await this.load(delta);
  }

  async loadMarks() {
    const mine = this.turn;
    const { record } = this;
    let found = [];
    try {
      if (record.changes ?? record.regions.length) found = (await this.source.marks(record.name)).map(markOf);
    } catch (error) {
      if (error.dropped) return;
      found = record.regions.map(ofRegion);
    }
    if (mine !== this.turn) return;
    this.marks = found;
    fillCauses(this);
    this.marking.fill();
    if (this.state.get("region") >= 0) this.marking.go();
    this.stage.schedule();
  }

  async lookAhead() {
    const mine = this.turn;
    if (!this.record.next) return;
    try {
      const coming = await this.source.record(this.record.next);
      if (mine !== this.turn) return;
      for (const side of SIDES) await this.source.picture(coming.name, side, true);
    } catch {
      // showing that row reports it
    }
  }

  // --- what is shown of a row

  fill() {
    for (const side of [...SIDES, "delta"]) this.placePicture(side);
    this.fillHead();
    this.fillDetails();
    this.fillNotices();
    this.marking.fill();
    this.readout.show();
    this.stage.schedule();
  }

  fillDetails() {
    fillCauses(this);
    fillDetails(this);
  }

  placePicture(side) {
    const shown = this.pair[side === "delta" ? this.aligning.delta : side];
    for (const sheet of this.parts.panes.flatMap((pane) => pane.sheets)) {
      if (sheet.side !== side) continue;
      if (shown?.url) {
        sheet.picture.src = shown.url;
        Object.assign(sheet.picture.style, { width: `${shown.width}px`, height: `${shown.height}px` });
      } else {
        sheet.picture.removeAttribute("src");
      }
      sheet.node.toggleAttribute("data-there", Boolean(shown?.url));
    }
    const there = SIDES.filter((each) => this.has(each));
    this.root.dataset.has = there.length === 2 ? "both" : (there[0] ?? "none");
    const { mapPicture } = this.parts;
    const wanted = this.pair[there.at(-1)]?.url; // the second, if there is one
    if (wanted) mapPicture.src = wanted;
    else mapPicture.removeAttribute("src");
  }

  fillHead() {
    fillHead(this);
  }

  // A disabled button would lose the focus for the whole viewer.
  able(made, can) {
    if (!can && made === document.activeElement) this.focus();
    made.disabled = !can;
  }

  notice(pane, side, text) {
    pane.notices[side].textContent = text;
    pane.notices[side].hidden = !text;
  }

  // Why a side is not shown; a reason that both sides have is given once.
  reason(side) {
    const { first, second } = this.pair;
    return side === "second" && second?.error === first?.error ? "" : (this.pair[side]?.error ?? "");
  }

  fillNotices() {
    const { pair, parts, record } = this;
    for (const pane of parts.panes) {
      for (const side of SIDES) this.notice(pane, side, this.reason(side));
    }
    const both = SIDES.every((side) => this.has(side));
    const delta = pair[this.aligning.delta];
    if (this.state.get("mode") === "delta" && both && delta?.error) {
      this.notice(parts.left, "first", delta.error);
    }
    this.root.toggleAttribute("data-loading", Boolean(record) && SIDES.some((side) => !pair[side]));
    if (!this.state.get("row")) {
      this.notice(parts.left, "first", "No rows to show: the table of this viewer is empty.");
    }
  }

  say(text) {
    this.live.textContent = text;
  }

  announce() {
    const { record } = this;
    const { news } = this.deciding;
    const before = news.row === record.name && news.text ? `${news.text} ` : "";
    const decided = DECIDED[record.decision] ? `, ${DECIDED[record.decision]}` : "";
    const place = `${record.place + 1} of ${record.total}, ${record.verdict ?? ""}${decided}`;
    this.say(`${before}${record.name}, ${place}. ${record.messages || ""}`);
  }

  // --- what a person does

  focus() {
    this.root.focus({ preventScroll: true });
  }

  choose(values) {
    if ("region" in values) this.tolerating.draw(null); // also if that one is chosen already
    this.state.set(values);
  }

  step(direction) {
    const wanted = this.record?.[direction];
    if (wanted) this.choose({ row: wanted, region: -1 });
  }

  changeMode() {
    this.stage.setBlinking();
    this.fillDetails();
    this.needDelta();
    this.stage.schedule();
  }

  toggle(what) {
    if (what === "details") {
      if (this.parts.details.contains(document.activeElement)) this.focus(); // otherwise keys would go nowhere
      this.root.dataset.details = this.root.dataset.details === "on" ? "off" : "on";
      remember("details", this.root.dataset.details);
    } else this.view[what] = !this.view[what];
    this.stage.schedule();
  }

  maximise() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.root.requestFullscreen?.().catch(() => {});
  }
}

export function createViewer(root, source, state) {
  const viewer = new Viewer(root, source, state);
  return { view: viewer.view, close: () => viewer.close() };
}
