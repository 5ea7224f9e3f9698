// A table that draws only the visible rows, so that many rows cost no more than few.
//
// columns  by key: {label, title, value(row), text(row), falls}; a first click on the heading of a column that falls
//          puts the largest values on top.

import { between, element } from "./elements.js";

const ROW = 26; // px, as in the style sheets
const SPARE = 30; // rows drawn above and below the visible ones
const TURN = "click: order by it, again: the other way round, then as given";

// Compare for sorting; null comes last.
export function compare(one, other, sign) {
  if (one === null || other === null) return (one === null) - (other === null);
  return one < other ? -sign : one > other ? sign : 0;
}

// Return a test for names: they contain the text, or match it if it has * or ?.
export function nameTest(text) {
  const wanted = text.trim().normalize("NFC").toLowerCase();
  const plain = (name) => name.normalize("NFC").toLowerCase();
  if (!/[*?]/.test(wanted)) return (name) => plain(name).includes(wanted);
  const escaped = wanted.replace(/[\\^$.+|()[\]{}/]/g, "\\$&");
  const pattern = new RegExp(`^${escaped.replaceAll("*", ".*").replaceAll("?", ".")}$`, "su");
  return (name) => pattern.test(plain(name));
}

// If a name is too long, its end is shown: the style aligns it to the right.
function path(name) {
  const end = name.lastIndexOf("/") + 1;
  const parts = [element("span", { class: "mmr-quiet", text: name.slice(0, end) }), name.slice(end)];
  return element("div", { class: "mmr-path", title: name }, element("bdi", { dir: "ltr" }, ...parts));
}

function gap(height) {
  const cell = element("td");
  cell.style.height = `${height}px`;
  return element("tr", { class: "mmr-gap", "aria-hidden": "true" }, cell);
}

export class Table {
  // choose(name) and sort(key) are called when a person clicks a row or a heading.
  constructor(columns, choose, sort) {
    this.columns = columns;
    this.rows = [];
    this.current = "";
    this.drawn = [0, -1];
    this.pending = 0;
    this.headings = Object.fromEntries(Object.keys(columns).map((key) => [key, this.heading(key, sort)]));
    this.body = element("tbody");
    this.grid = element("table", { role: "grid", "aria-label": "Rows; the arrow keys choose one" });
    this.grid.append(element("thead", {}, element("tr", {}, ...Object.values(this.headings))), this.body);
    this.empty = element("p", { class: "mmr-empty", text: "No row passes the filters.", hidden: "" });
    this.area = element("div", { class: "mmr-table", tabindex: "0" }, this.grid, this.empty);
    this.area.addEventListener("scroll", () => this.schedule());
    new ResizeObserver(() => this.schedule()).observe(this.area);
    this.body.addEventListener("click", (event) => {
      const found = event.target.closest("[data-row]");
      if (found) choose(this.rows[found.dataset.row].name);
    });
  }

  heading(key, sort) {
    const { label, title } = this.columns[key];
    const call = () => sort(key);
    const made = element("th", { scope: "col", "data-column": key });
    made.append(element("button", { type: "button", title: `${title}; ${TURN}`, text: label, call }));
    return made;
  }

  line(row, place) {
    const title = row.messages ?? "";
    const made = element("tr", { "data-row": place, "aria-rowindex": place + 2, title });
    for (const [key, { value, text }] of Object.entries(this.columns)) {
      const cell = element("td", { "data-column": key });
      if (key === "image_filename") cell.append(path(row.name));
      else if (value(row) !== null) cell.textContent = text(row);
      if (key === "status") cell.dataset.status = row.status ?? "";
      made.append(cell);
    }
    return made;
  }

  schedule() {
    this.pending ||= requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.pending = 0;
    const { area, rows, drawn } = this;
    const edges = [area.scrollTop, area.scrollTop + area.clientHeight];
    const seen = edges.map((y) => between(0, Math.floor(y / ROW), rows.length));
    if (drawn[0] <= seen[0] && seen[1] <= drawn[1]) return;
    const [from, to] = [Math.max(seen[0] - SPARE, 0), Math.min(seen[1] + SPARE, rows.length)];
    this.drawn = [from, to];
    const lines = rows.slice(from, to).map((row, index) => this.line(row, from + index));
    this.body.replaceChildren(gap(from * ROW), ...lines, gap((rows.length - to) * ROW));
    this.select();
  }

  select() {
    for (const made of this.body.querySelectorAll("[data-row]")) {
      made.setAttribute("aria-selected", this.rows[made.dataset.row].name === this.current);
    }
  }

  // Show these rows; the heading of the column that orders them is marked.
  fill(rows, by, falls) {
    this.rows = rows;
    this.drawn = [0, -1];
    this.grid.setAttribute("aria-rowcount", rows.length + 1);
    this.empty.hidden = rows.length > 0;
    for (const [key, heading] of Object.entries(this.headings)) {
      if (key === by) heading.setAttribute("aria-sort", falls ? "descending" : "ascending");
      else heading.removeAttribute("aria-sort");
    }
    this.draw();
  }

  // Mark the row of this name, and scroll to it.
  mark(name) {
    this.current = name;
    const { area } = this;
    const place = this.rows.findIndex((row) => row.name === name);
    if (place >= 0) {
      const room = area.clientHeight - area.querySelector("thead").offsetHeight;
      if (place * ROW < area.scrollTop) area.scrollTop = place * ROW;
      else if ((place + 1) * ROW > area.scrollTop + room) area.scrollTop = (place + 1) * ROW - room;
    }
    this.draw();
    this.select();
  }
}
