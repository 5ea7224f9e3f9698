// The table of explorer and report. It draws only the visible rows, so that many rows cost no more than few.

import { watchClicks } from "./clicks.js";
import { between, element } from "./elements.js";
import { moreText } from "./folds.js";
import { commonFolder, parts } from "./names.js";

const HEIGHTS = { 1: 26, 2: 42 }; // px of a row with so many lines, as in list.css
const NARROW = 340; // px
const MIDDLE = 560; // px
const LINE = 640; // px from which folders stand on the line of their base names
const SPARE = 30; // rows drawn above and below the visible ones
const TURN = "click: order by it, each further click: the other way round";

function gap(height) {
  const made = element("div", { "aria-hidden": "true" });
  made.style.height = `${height}px`;
  return made;
}

// If one of the parts is too long, its end is shown: the style aligns it to the right.
function nameCell(name, common) {
  const { base, folder } = parts(name, common);
  const made = element("div", { class: "mml-name", role: "gridcell", "data-column": "image_filename", title: name });
  for (const [part, text] of Object.entries({ base, folder })) {
    made.append(element("span", { class: `mml-${part}` }, element("bdi", { dir: "ltr", text })));
  }
  return made;
}

export class Table {
  // columns: see columns.js. choose(name) and sort(key) are called when a person clicks a row or a heading. names are
  // those of all rows: the folder that they share is not shown.
  constructor(columns, choose, sort, names) {
    Object.assign(this, { columns, common: commonFolder(names) });
    this.folders = names.some((name) => parts(name, this.common).folder); // those have a line of their own
    this.lines = []; // see folds.js
    this.current = "";
    this.drawn = [0, -1];
    this.pending = 0;
    this.id = `mml-${Math.random().toString(36).slice(2)}`;
    this.headings = Object.fromEntries(Object.keys(columns).map((key) => [key, this.heading(key, sort)]));
    const head = element("div", { class: "mml-head", role: "row" }, ...Object.values(this.headings));
    this.head = element("div", { class: "mml-top", role: "rowgroup" }, head);
    this.body = element("div", { role: "rowgroup" });
    const label = "Rows; the arrow keys choose one";
    this.area = element("div", { class: "mml-table", role: "grid", tabindex: "0", "aria-label": label });
    this.area.append(this.head, this.body);
    this.area.addEventListener("scroll", () => this.schedule());
    new ResizeObserver(() => this.measure()).observe(this.area);
    const named = (target) => this.lines[target.closest("[data-row]")?.dataset.row]?.name ?? "";
    watchClicks(this.area, named, choose);
  }

  heading(key, sort) {
    const { label, title } = this.columns[key].heading;
    const made = element("div", { role: "columnheader", "data-column": key });
    const call = () => sort(key);
    made.append(element("button", { type: "button", title: `${title}; ${TURN}`, text: label, call }));
    return made;
  }

  // The width decides how many columns there are, and how high a row is.
  measure() {
    const { area } = this;
    const width = area.clientWidth;
    if (!width) return;
    const size = width < NARROW ? "narrow" : width < MIDDLE ? "middle" : "wide";
    const lines = width < (this.folders ? LINE : NARROW) ? "2" : "1";
    if (area.dataset.size !== size || area.dataset.lines !== lines) {
      Object.assign(area.dataset, { size, lines });
      this.drawn = [0, -1];
      this.reveal();
    }
    this.schedule();
  }

  get height() {
    return HEIGHTS[this.area.dataset.lines ?? 1];
  }

  line(row, place) {
    const made = element("div", { class: "mml-row", role: "row", "aria-rowindex": place + 2 });
    if (row.more) {
      const show = element("button", { type: "button", text: moreText(row), call: () => this.unfold(row.status) });
      made.append(element("div", { class: "mml-more", role: "gridcell" }, show));
      return made;
    }
    made.id = `${this.id}-${place}`;
    Object.assign(made.dataset, { row: place, name: row.name, decision: row.decision ?? "" });
    for (const key of Object.keys(this.columns)) {
      made.append(key === "image_filename" ? nameCell(row.name, this.common) : this.cell(key, row));
    }
    return made;
  }

  cell(key, row) {
    const { value, text, partly, title, look, below } = this.columns[key];
    const made = element("div", { role: "gridcell", "data-column": key });
    if (key === "status") made.dataset.status = row.status ?? "";
    if (value(row) === null && !partly?.(row)) return made;
    const shown = value(row) === null ? partly(row) : text(row);
    const hint = title?.(row) ? { title: title(row) } : {};
    made.append(element("span", { class: look?.(row) ?? "", text: shown, ...hint }));
    const more = below?.(row);
    if (more) made.append(more);
    return made;
  }

  schedule() {
    this.pending ||= requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.pending = 0;
    const { area, lines, drawn, height } = this;
    const edges = [area.scrollTop, area.scrollTop + area.clientHeight];
    const seen = edges.map((y) => between(0, Math.floor(y / height), lines.length));
    if (drawn[0] <= seen[0] && seen[1] <= drawn[1]) return;
    const [from, to] = [Math.max(seen[0] - SPARE, 0), Math.min(seen[1] + SPARE, lines.length)];
    this.drawn = [from, to];
    const made = lines.slice(from, to).map((row, index) => this.line(row, from + index));
    if (!lines.length) made.push(this.nothing());
    this.body.replaceChildren(gap(from * height), ...made, gap((lines.length - to) * height));
    this.select();
  }

  nothing() {
    const cell = element("div", { class: "mml-more", role: "gridcell", text: "No row passes the filters." });
    return element("div", { class: "mml-row", role: "row" }, cell);
  }

  select() {
    this.area.removeAttribute("aria-activedescendant");
    for (const made of this.body.querySelectorAll("[data-row]")) {
      const chosen = this.lines[made.dataset.row].name === this.current;
      made.setAttribute("aria-selected", chosen);
      if (chosen) this.area.setAttribute("aria-activedescendant", made.id);
    }
  }

  // --- the interface of a view, see list.js

  // The heading of the column that orders the lines is marked.
  fill(lines, by, falls) {
    this.lines = lines;
    for (const [key, heading] of Object.entries(this.headings)) {
      if (key === by) heading.setAttribute("aria-sort", falls ? "descending" : "ascending");
      else heading.removeAttribute("aria-sort");
    }
    this.drawn = [0, -1];
    this.area.setAttribute("aria-rowcount", lines.length + 1);
    this.draw();
  }

  mark(name) {
    this.current = name;
    this.reveal();
    this.draw();
    this.select();
  }

  reveal() {
    const { area, height } = this;
    const place = this.lines.findIndex((row) => row.name === this.current);
    if (place < 0 || !area.clientHeight) return;
    const room = area.clientHeight - this.head.offsetHeight;
    if (place * height < area.scrollTop) area.scrollTop = place * height;
    else if ((place + 1) * height > area.scrollTop + room) area.scrollTop = (place + 1) * height - room;
  }
}
