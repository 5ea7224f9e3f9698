// The explorer's part in the page: the list of rows, beside a viewer and below filters that Python makes. Python owns
// rows, filters and order. Rows come once, as names and numbers; later only the places of those shown come. Clicks,
// headings and keys become messages. Keys that decide are passed to the viewer.
//
//   {kind: "order", by}           a heading was clicked
//   {kind: "choose", name, view}  a row was clicked; the answer is {kind: "moved", view}
//   {kind: "step", by, view}      a key in the list moves by so many rows; the answer is {kind: "moved", view}
//
// {kind: "fresh"} from Python tells every view that files have changed.

import { columnsOf } from "./columns.js";
import { keepKeys, whenAttached } from "./elements.js";
import { fold, nameRanges } from "./explore/filters.js";
import { ListKeys } from "./explore/keys.js";
import { Gallery } from "./gallery.js";
import { List } from "./list.js";
import { KernelLooks } from "./looks/kernel.js";
import { Looks } from "./looks/looks.js";
import { makeSplitter } from "./splitter.js";
import { howFar } from "./standing.js";
import { Table } from "./table.js";
import { KernelThumbnails } from "./thumbnails/kernel.js";

// Numbers that came as bytes; a copy only where they do not begin at a multiple of their size.
function numbers(Kind, { buffer, byteOffset, byteLength }) {
  const size = Kind.BYTES_PER_ELEMENT;
  if (byteOffset % size) return new Kind(buffer.slice(byteOffset, byteOffset + byteLength));
  return new Kind(buffer, byteOffset, byteLength / size);
}

// The figure of a row; null if it has none.
const figure = (value) => (Number.isNaN(value) ? null : value);

// The rows, which views list, and the decisions about them. What a row says is read when somebody asks for it: of very
// many rows only a few are ever drawn.
class Rows {
  constructor(model, names) {
    this.model = model;
    const [statuses, ranks] = [model.get("statuses"), numbers(Uint8Array, model.get("ranks"))];
    this.words = ["", ...Object.keys(model.get("decisions"))];
    const rows = this;
    class Row {
      constructor(name, place) {
        this.name = name;
        this.place = place;
      }
      get status() {
        return statuses[ranks[this.place]] ?? "";
      }
      get decision() {
        return rows.words[rows.marks[this.place]] ?? "";
      }
      get open_changes() {
        return figure(rows.left[this.place]);
      }
      get standing() {
        const { changes, open_changes: open } = this;
        return open === null ? "" : howFar({ decided: changes - open, changes });
      }
    }
    for (const [key, view] of Object.entries(model.get("figures"))) {
      const values = numbers(Float64Array, view);
      Object.defineProperty(Row.prototype, key, {
        get() {
          return figure(values[this.place]);
        },
      });
    }
    this.every = names.map((name, place) => new Row(name, place));
    this.decide();
  }

  // Take what holds for the rows.
  decide() {
    this.marks = numbers(Uint8Array, this.model.get("marks"));
    this.left = numbers(Float64Array, this.model.get("left"));
  }

  get shown() {
    return Array.from(numbers(Int32Array, this.model.get("rows")), (place) => this.every[place]);
  }
}

// Draw the list into `el`; it follows the model.
function makeList(el, model, keys) {
  const names = JSON.parse(new TextDecoder().decode(model.get("names")));
  const rows = new Rows(model, names);
  const columns = columnsOf(model.get("columns"), model.get("statuses"), model.get("decisions"));
  const choose = (name) => keys.move({ kind: "choose", name });
  const sort = (by) => model.send({ kind: "order", by });
  const table = new Table(columns, choose, sort, names);
  const source = new KernelThumbnails(model);
  const gallery = new Gallery(source, choose, names, model.get("decisions"));
  const { there, why } = model.get("looks");
  const kernel = new KernelLooks(model);
  const looks = there ? new Looks(kernel) : null;
  const list = new List([
    ...(looks ? [["looks", "Looks", looks]] : []),
    ["table", "Table", table],
    ["gallery", "Gallery", gallery],
  ]);
  list.note(why);
  if (looks) {
    kernel.trouble = (text) => {
      looks.waiting.textContent = text;
    };
    looks.opened = () => list.show("table");
  }
  let started = false; // planned when they are first shown, as that takes the kernel a while
  list.watch((view) => {
    if (view !== "looks" || started) return;
    started = true;
    looks.start();
  });
  let due = false;
  const show = () => {
    due = false;
    rows.decide();
    list.fill(rows.shown, ...model.get("order"));
    list.mark(model.get("row"));
  };
  const refill = () => {
    if (!due) queueMicrotask(show); // several traits change at once
    due = true;
  };
  el.classList.add("mme-list");
  el.replaceChildren(list.area);
  show();
  const follow = { rows: refill, order: refill, marks: refill, left: refill, row: () => list.mark(model.get("row")) };
  const renew = () => [source, gallery, started ? looks : null].map((part) => part?.renew());
  const decided = () => started && looks.refresh();
  return { list, looks, follow, renew, decided, end: () => [gallery, source, kernel].map((part) => part.close()) };
}

// Show the question instead of the buttons, and move the focus if it was on one of them.
function ask(root, model, list) {
  const asking = Boolean(model.get("asking"));
  const [before, after] = [".mme-all", ".mme-ask"].map((part) => root.querySelector(part));
  const inside = (asking ? before : after).contains(document.activeElement);
  root.classList.toggle("mme-asking", asking);
  if (inside) (asking ? after.querySelector("button:last-child") : list).focus();
}

// The key l goes to the looks from wherever the focus is, but not from where text is typed.
function goToLooks(event, list) {
  const { key, target, ctrlKey, metaKey, altKey } = event;
  if (key.toLowerCase() !== "l" || ctrlKey || metaKey || altKey || target.matches(":read-write")) return;
  list.choose("looks");
  list.focus({ preventScroll: true });
  event.preventDefault();
  event.stopPropagation();
}

function start(root, model, signal, { list, looks, follow, end }, keys) {
  const side = root.querySelector(".mme-list");
  const ranges = nameRanges(root, model.get("steps"));
  fold(root, signal);
  keepKeys(root, signal);
  root.prepend(list.skip);
  // A hint is no name: ipywidgets only sets the title.
  for (const control of root.querySelectorAll(".mme-bar :is(select, input[type=text])[title]")) {
    control.setAttribute("aria-label", control.placeholder || control.title.split(";")[0]);
  }
  side.append(makeSplitter(side.parentElement, side, list));
  list.area.addEventListener("keydown", (event) => keys.press(event), { signal });
  if (looks) root.addEventListener("keydown", (event) => goToLooks(event, list), { signal, capture: true });
  list.watch((view) => root.classList.toggle("mme-looking", view === "looks"));
  const refuse = root.querySelector(".mme-ask");
  const leave = ({ key }) => key === "Escape" && refuse.querySelector("button:last-child").click();
  refuse.addEventListener("keydown", leave, { signal });
  const calls = { ...follow, asking: () => ask(root, model, list) };
  for (const [trait, call] of Object.entries(calls)) model.on(`change:${trait}`, call);
  signal.addEventListener("abort", () => {
    for (const [trait, call] of Object.entries(calls)) model.off(`change:${trait}`, call);
    for (const watcher of [ranges, keys.coming]) watcher.disconnect();
    end();
  });
}

export function render({ model, el }) {
  const ending = new AbortController();
  let keys = null;
  let made = null;

  function take(message) {
    if (message?.kind === "moved") keys?.answered(message);
    if (message?.kind === "fresh") made?.renew();
    if (message?.kind === "looks decided") made?.decided();
  }
  model.on("msg:custom", take);
  whenAttached(el, ".mme", ending.signal, (root) => {
    keys = new ListKeys(
      root,
      (message) => model.send(message),
      () => !model.get("row"),
    );
    made = makeList(el, model, keys);
    start(root, model, ending.signal, made, keys);
  });
  return () => {
    ending.abort();
    model.off("msg:custom", take);
  };
}
