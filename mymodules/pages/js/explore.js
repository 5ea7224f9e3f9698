// The explorer's part in the page. Python owns rows, filters and order. This module scrolls the table to the
// current row, shows decisions, and turns headings and keys into messages. Keys that decide are passed to the viewer
// as soon as it shows the row that is marked here.
//
//   {kind: "order", by}    a heading was clicked
//   {kind: "step", by}     a key in the table moves by so many rows; the answer is {kind: "stepped"}

import { keepKeys, whenAttached } from "./elements.js";

const SCALE = "Gray: all rows, blue: those shown. Square-root scale: twice as high means four times as many.";
const STEPS = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -1e9, End: 1e9 };
const DECIDING = ["a", "r", "i", "u", "t", "Backspace", "Delete"];

// Whether these are all rows, in the order in which the table was made.
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
    this.every = []; // all rows, in their first order
    this.shown = null; // the rows that the table shows, as Python sent them
    this.decided = null; // the decisions that the table shows, as Python sent them
  }

  get body() {
    return this.area.querySelector(".dt-scroll-body");
  }

  isAt(place) {
    return this.table?.rows({ selected: true }).indexes()[0] === place;
  }

  // DataTables may have drawn its table by now.
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

  // Show the filtered rows in their order. Sending them again would take three times as long.
  fill() {
    const { table, model, every } = this;
    const rows = model.get("rows");
    if (!table || this.shown === rows) return;
    this.shown = rows;
    this.decide();
    const places = new Int32Array(rows.buffer.slice(rows.byteOffset, rows.byteOffset + rows.byteLength));
    const container = table.table().container();
    container.isFilling = true; // selections made by this are not the user's
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
    // If the browser can scroll that far, a row's offset is its index times its height.
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
    this.body.style.maxHeight = `${this.area.clientHeight - head.offsetHeight}px`; // the scroller reads this
    this.table.scroller.measure();
    this.height = 0;
    this.reveal();
  }

  // Order by the heading that an event hit; return whether it hit one.
  order(event) {
    const heading = event.target.closest(".dt-scroll-head th");
    if (heading) this.model.send({ kind: "order", by: this.model.get("columns")[heading.cellIndex] });
    return Boolean(heading);
  }
}

// Keys pressed in the table, in their order: those that decide wait until the viewer shows the row.
class TableKeys {
  constructor(rows) {
    Object.assign(this, { rows, root: rows.root, model: rows.model });
    this.waiting = []; // keys that decide but came too early, and the steps after them
    this.steps = 0; // requested but not answered
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
        const viewed = this.root.querySelector(".mmv-place"); // empty until the viewer shows the row
        if (!this.isReady(viewed)) return this.coming.observe(viewed, { childList: true });
        this.root.querySelector(".mmv").dispatchEvent(new KeyboardEvent("keydown", waiting[0]));
        if (key.toLowerCase() === "t") waiting.length = 0; // the next keys belong to the note
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

// Show the question instead of the buttons, and move the focus if it was on one of them.
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
  let keys = null;

  function take(message) {
    if (message?.kind === "stepped") keys?.stepped();
  }
  model.on("msg:custom", take);
  whenAttached(el, ".mme", ending.signal, (root) => {
    const rows = new Rows(root, model);
    keys = new TableKeys(rows);
    start(root, model, ending.signal, rows, keys);
  });
  return () => {
    ending.abort();
    model.off("msg:custom", take);
  };
}
