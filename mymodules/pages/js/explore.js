// What the page does for the explorer. Rows, filters and the order are Python's; here the table is scrolled to
// the current row and shows what is decided, its headings and keys are turned into messages, and a kernel is
// asked for. Keys that decide go to the viewer, which knows what they mean, when it shows the row marked here.
//
//   {kind: "hello"}        asked once; the answer {kind: "awake"} hides the sentence for pages without a kernel
//   {kind: "order", by}    a heading was clicked
//   {kind: "step", by}     a key was pressed in the table: so many rows on; {kind: "stepped"} when that is done

import { keepKeys, whenAttached } from "./elements.js";

const SCALE = "Gray: all rows, blue: those shown. Square-root scale: twice as high means four times as many.";
const STEPS = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -1e9, End: 1e9 };
const DECIDING = ["a", "r", "i", "u", "t", "Backspace", "Delete"];

function hide(sentence, hidden) {
  // JupyterLab gives every output a frame and a margin of its own.
  const frame = sentence?.closest(".jp-OutputArea-child") ?? sentence;
  if (frame) frame.style.display = hidden ? "none" : "";
}

// Whether these are all rows in the order in which the table came.
function isWhole(rows, count) {
  if (rows.byteLength !== 4 * count) return false;
  for (let place = 0; place < count; place += 1) if (rows.getInt32(4 * place, true) !== place) return false;
  return true;
}

// The table of rows, which DataTables draws.
class Rows {
  constructor(root, model) {
    Object.assign(this, { root, model });
    this.area = root.querySelector(".mme-table");
    this.column = model.get("columns").indexOf("decision");
    this.table = null;
    this.height = 0;
    this.every = []; // all rows, as the table had them at first
    this.shown = null; // what Python said of them last, and the table has
    this.decided = null; // the same of what is decided
  }

  get body() {
    return this.area.querySelector(".dt-scroll-body");
  }

  isAt(place) {
    return this.table?.rows({ selected: true }).indexes()[0] === place;
  }

  // DataTables has drawn its table, perhaps.
  find() {
    const now = this.area.querySelector(".dt-container")?.dataTable ?? null;
    if (!now || now === this.table) return;
    this.table = now;
    this.every = now.rows().data().toArray();
    this.shown = null;
    this.body.tabIndex = 0;
    this.body.setAttribute("role", "region");
    this.body.setAttribute("aria-label", "Rows; the arrow keys choose one");
    this.mark();
    this.measure();
    this.decided = null;
    this.decide();
    if (!isWhole(this.model.get("rows"), this.every.length)) this.fill();
  }

  // The rows that pass the filters, in their order. Sending them anew takes three times as long.
  fill() {
    const { table, model, every } = this;
    const rows = model.get("rows");
    if (!table || this.shown === rows) return;
    this.shown = rows;
    this.decide();
    const places = new Int32Array(rows.buffer.slice(rows.byteOffset, rows.byteOffset + rows.byteLength));
    const container = table.table().container();
    container.isFilling = true; // what is chosen now is not what a person chose
    table.clear();
    table.rows.add(Array.from(places, (place) => every[place])).draw();
    if (model.get("place") >= 0) table.row(model.get("place")).select();
    container.isFilling = false;
    this.reveal();
  }

  decide() {
    const marks = this.model.get("decisions");
    if (!this.table || this.decided === marks || marks.byteLength !== this.every.length) return;
    this.decided = marks;
    const changed = new Set();
    for (const [place, row] of this.every.entries()) {
      if (row[this.column] === marks.getUint8(place)) continue;
      row[this.column] = marks.getUint8(place);
      changed.add(row);
    }
    this.table.rows((_, row) => changed.has(row)).invalidate();
  }

  reveal() {
    const place = this.model.get("place");
    if (!this.table || place < 0 || place >= this.table.rows().count()) return;
    const { body } = this;
    this.height ||= body.querySelector("tbody tr")?.getBoundingClientRect().height ?? 0;
    const [top, bottom] = [place * this.height, (place + 1) * this.height];
    // As long as the browser can scroll so far, a row's place is its number times its height.
    if (top < body.scrollTop) body.scrollTop = top;
    else if (bottom > body.scrollTop + body.clientHeight) body.scrollTop = bottom - body.clientHeight;
  }

  mark() {
    const [by, falls] = this.model.get("order");
    const columns = this.model.get("columns");
    for (const [index, heading] of this.area.querySelectorAll(".dt-scroll-head th").entries()) {
      heading.tabIndex = 0;
      heading.title = "Order by this column; once more turns the order round";
      if (columns[index] === by) heading.setAttribute("aria-sort", falls ? "descending" : "ascending");
      else heading.removeAttribute("aria-sort");
    }
  }

  measure() {
    if (!this.table || !this.area.clientHeight) return;
    const head = this.area.querySelector(".dt-scroll-head");
    this.body.style.maxHeight = `${this.area.clientHeight - head.offsetHeight}px`; // what the scroller goes by
    this.table.scroller.measure();
    this.height = 0;
    this.reveal();
  }

  // Order by the heading of an event; whether it has one.
  order(event) {
    const heading = event.target.closest(".dt-scroll-head th");
    if (heading) this.model.send({ kind: "order", by: this.model.get("columns")[heading.cellIndex] });
    return Boolean(heading);
  }
}

// Keys pressed in the table, one after the other: those that decide wait until the viewer has the row.
class TableKeys {
  constructor(rows) {
    Object.assign(this, { rows, root: rows.root, model: rows.model });
    this.waiting = []; // keys that decide and came too early, and the steps after them
    this.steps = 0; // asked for and not answered
    this.coming = new MutationObserver(() => this.pass());
  }

  press(event) {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const command = (event.ctrlKey || event.metaKey) && !event.altKey;
    const decides = command ? key === "z" || key === "y" : !event.altKey && DECIDING.includes(key);
    if (!decides) {
      if (command || event.altKey) return;
      if (["Enter", " "].includes(event.key) && this.rows.order(event)) event.preventDefault();
      if (!(event.key in STEPS) || event.target.closest(".dt-scroll-head")) return;
    }
    event.preventDefault();
    this.waiting.push(event);
    this.pass();
  }

  stepped() {
    this.steps -= 1;
    this.pass();
  }

  pass() {
    const { waiting, model } = this;
    while (waiting.length) {
      const { key } = waiting[0];
      if (key in STEPS) {
        this.steps += 1;
        model.send({ kind: "step", by: STEPS[key] });
      } else {
        const viewed = this.root.querySelector(".mmv-place"); // empty until the viewer has the row
        if (!this.isReady(viewed)) return this.coming.observe(viewed, { childList: true });
        this.root.querySelector(".mmv").dispatchEvent(new KeyboardEvent("keydown", waiting[0]));
        if (key.toLowerCase() === "t") waiting.length = 0; // what follows was meant for the note
      }
      waiting.shift();
    }
    this.coming.disconnect();
  }

  isReady(viewed) {
    const place = this.model.get("place");
    return place < 0 || (!this.steps && Boolean(viewed.textContent) && this.rows.isAt(place));
  }
}

// The question takes the place of the buttons, and the focus, if it was there.
function ask(root, model) {
  const asking = Boolean(model.get("asking"));
  const [before, after] = [".mme-all", ".mme-ask"].map((part) => root.querySelector(part));
  const inside = (asking ? before : after).contains(document.activeElement);
  root.classList.toggle("mme-asking", asking);
  if (inside) (asking ? after.querySelector("button:last-child") : root.querySelector(".dt-scroll-body")).focus();
}

function nameRanges(root, model) {
  for (const [index, range] of root.querySelectorAll(".mme-range").entries()) {
    const title = range.querySelector(".widget-label").textContent;
    const readout = range.querySelector(".widget-readout");
    readout.id = `mme-${model.get("key")}-${index}`;
    const bars = range.querySelector(".mme-histogram");
    bars.alt = `How many rows have which value: ${title}; square-root scale`;
    bars.title = SCALE;
    for (const [end, handle] of range.querySelectorAll(".noUi-handle").entries()) {
      handle.setAttribute("aria-label", `${title}, ${end ? "to" : "from"}`);
      handle.setAttribute("aria-describedby", readout.id);
    }
  }
}

function start(root, model, signal, rows, keys) {
  const seen = new MutationObserver(() => rows.find());
  seen.observe(rows.area, { childList: true, subtree: true });
  const sized = new ResizeObserver(() => rows.measure());
  sized.observe(rows.area);
  nameRanges(root, model);
  keepKeys(root, signal);
  rows.area.addEventListener("click", (event) => rows.order(event), { signal });
  rows.area.addEventListener("keydown", (event) => keys.press(event), { signal });
  const refuse = root.querySelector(".mme-ask");
  const leave = ({ key }) => key === "Escape" && refuse.querySelector("button:last-child").click();
  refuse.addEventListener("keydown", leave, { signal });
  const follow = {
    rows: () => rows.fill(),
    decisions: () => rows.decide(),
    place: () => rows.reveal(),
    order: () => rows.mark(),
    asking: () => ask(root, model),
  };
  for (const [trait, call] of Object.entries(follow)) model.on(`change:${trait}`, call);
  signal.addEventListener("abort", () => {
    for (const [trait, call] of Object.entries(follow)) model.off(`change:${trait}`, call);
    for (const watcher of [seen, sized, keys.coming]) watcher.disconnect();
  });
  rows.find();
}

export function render({ model, el }) {
  const ending = new AbortController();
  const sentence = () => document.getElementById(`mme-${model.get("key")}`);
  let keys = null;

  function take(message) {
    if (message?.kind === "stepped") keys?.stepped();
    if (message?.kind === "awake") hide(sentence(), true);
  }
  model.on("msg:custom", take);
  model.send({ kind: "hello" });
  whenAttached(el, ".mme", ending.signal, (root) => {
    const rows = new Rows(root, model);
    keys = new TableKeys(rows);
    start(root, model, ending.signal, rows, keys);
  });
  return () => {
    ending.abort();
    model.off("msg:custom", take);
    hide(sentence(), false);
  };
}
