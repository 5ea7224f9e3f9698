// The report: the notebook's viewer beside a table of all rows, fed from files instead of by a kernel.
//
// File names and messages come from files that others made: they are set as text, never as markup.

import { clicked, columnsOf, compare } from "../columns.js";
import { between, button, element } from "../elements.js";
import { Gallery } from "../gallery.js";
import { List } from "../list.js";
import { makeSplitter } from "../splitter.js";
import { Table } from "../table.js";
import { createViewer } from "../viewer/main.js";
import { browserStorage, Decisions } from "./decisions.js";
import { Filters } from "./filters.js";
import { Handover } from "./handover.js";
import { filesBeside, filesInside, plainState, ReportSource } from "./source.js";
import { ReportThumbnails } from "./thumbnails.js";

const REST = 200; // ms without a change of row, after which the address follows
const JUMPS = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };

// The number of a row's regions; null if its pictures were not compared.
const countOf = (row) => (row.num_diff_pixels !== null || row.regions.length > 0 ? row.regions.length : null);

// A row's address: # and its name, percent-encoded where an address needs it.
const address = (name) => `#${encodeURIComponent(name).replaceAll("%2F", "/")}`;
function addressed() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return location.hash.slice(1); // typed by hand
  }
}

// The page follows the system's theme.
function followTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => {
    document.body.dataset.jpThemeLight = !dark.matches;
  };
  dark.addEventListener("change", theme);
  theme();
}

class Report {
  constructor(page, report, storage) {
    for (const row of report.rows) row.pictures ??= report.left_out;
    this.all = new Map();
    for (const row of report.rows) {
      row.count = countOf(row);
      row.status = row.verdict; // the page shows what counts
      if (!this.all.has(row.name)) this.all.set(row.name, row);
    }
    this.names = report.rows.map((row) => row.name); // in the order shown
    this.order = { by: null, falls: false };
    this.timer = 0;
    this.followed = ""; // an address that the page has set, until the browser reports it
    const files = report.embedded ? filesInside() : filesBeside();
    this.decisions = new Decisions(report, this.all, storage);
    const [order, shown] = [() => this.names, (name) => this.showDecided(name)];
    this.source = new ReportSource(this.all, files, order, this.decisions, shown);
    const wanted = addressed();
    const row = this.all.has(wanted) ? wanted : (this.names[0] ?? "");
    this.state = plainState({ row, mode: "side-by-side", region: -1 });
    this.fill(page, report);
    this.watch();
    this.refill();
    createViewer(this.root, this.source, this.state);
    this.root.focus({ preventScroll: true });
    if (wanted) this.visit();
    else if (row) location.replace(address(row));
  }

  fill(page, report) {
    const { columns, statuses, words } = report;
    this.filters = new Filters(report, () => this.apply());
    this.handover = new Handover(this.decisions);
    this.columns = columnsOf(columns, Object.keys(statuses), words.decisions);
    const choose = (name) => this.choose(name);
    const table = new Table(this.columns, choose, (key) => this.sort(key), this.names);
    const gallery = new Gallery(new ReportThumbnails(this.source.files), choose, this.names, words.decisions);
    this.list = new List([
      ["table", "Table", table],
      ["gallery", "Gallery", gallery],
    ]);
    this.noticeText = element("span");
    this.noticeButton = button(words.showAll, "", () => this.filters.showAll());
    const notice = { class: "mmr-notice", role: "status", hidden: "" };
    this.notice = element("p", notice, this.noticeText, this.noticeButton);
    this.root = element("div");
    const facts = report.facts.map(([label, text]) =>
      element("span", { class: "mmr-quiet" }, `${label} `, element("bdi", { text })),
    );
    const body = element("div", { class: "mmr-body" });
    const splitter = makeSplitter(body, this.list.area, this.list);
    body.append(this.list.area, splitter, element("div", { class: "mmr-viewer" }, this.root));
    const title = element("h1", { text: report.title });
    const head = element("div", { class: "mmr-head" }, title, ...facts, this.handover.area);
    page.replaceChildren(this.list.skip, head, this.filters.bar, this.notice, body);
  }

  watch() {
    addEventListener("hashchange", ({ newURL }) => {
      if (newURL === this.followed)
        this.followed = ""; // the page has set it: the person may already be at the next row
      else this.visit();
    });
    this.decisions.watch(() => {
      this.redecide();
      this.source.tellDecided();
    });
    this.state.on("row", () => {
      this.follow();
      this.remember();
    });
    document.addEventListener("keydown", (event) => this.press(event));
  }

  choose(name) {
    this.state.set({ row: name, region: -1 });
  }

  // --- decisions

  // Show a decision made here, and this row: it may be among those shown only before or after that.
  showDecided(name) {
    const go = () => this.names.includes(name) && name !== this.state.get("row") && this.choose(name);
    go();
    this.redecide();
    go();
    return this.state.get("row");
  }

  redecide() {
    this.handover.fill();
    this.filters.recount();
    this.apply();
  }

  // --- rows shown

  sort(key) {
    this.order = clicked(this.order, this.columns[key].heading);
    this.apply();
  }

  refill() {
    const shown = this.filters.passing();
    const { by, falls } = this.order;
    if (by) {
      const { value } = this.columns[by];
      shown.sort((one, other) => compare(value(one), value(other), falls ? -1 : 1));
    }
    this.names = shown.map((row) => row.name);
    this.list.fill(shown, by, falls);
    this.follow();
  }

  // After a change of filters the viewer never shows a row that is not in the table.
  apply() {
    this.refill();
    if (this.names.length && !this.names.includes(this.state.get("row"))) this.choose(this.names[0]);
    else this.source.changed();
  }

  follow() {
    const row = this.state.get("row");
    this.list.mark(row);
    const hidden = row && !this.names.includes(row);
    this.tell(hidden ? "The row in the viewer is one that the filters hide." : "", true);
  }

  tell(text, offer) {
    this.noticeText.textContent = text;
    this.noticeButton.hidden = !offer;
    this.notice.hidden = !text;
  }

  // --- the address of the row: it follows after a rest; back and forward lead to rows

  remember() {
    clearTimeout(this.timer);
    const before = location.hash;
    this.timer = setTimeout(() => {
      const row = this.state.get("row");
      if (location.hash !== before) return; // a person has chosen another address
      if (addressed() === row) return;
      location.hash = address(row);
      if (location.hash !== before) this.followed = location.href;
    }, REST);
  }

  visit() {
    const name = addressed();
    if (name === this.state.get("row"))
      this.follow(); // the row is shown already: the region stays
    else if (this.all.has(name)) this.choose(name);
    else if (name) this.tell(`This report has no row named ${name}.`, false);
  }

  // The viewer's keys work everywhere, except where they have another meaning.
  press(event) {
    const { target, key, shiftKey, ctrlKey, metaKey, repeat } = event;
    const command = ctrlKey || metaKey;
    if (event.defaultPrevented || event.altKey || key === "Tab" || (command && !/^[zy]$/i.test(key))) return;
    if (target.closest("input, select") || this.root.contains(target)) return;
    if (target.closest("button") && (key === "Enter" || key === " ")) return;
    if (key in JUMPS && this.list.area.contains(target)) {
      const place = this.names.indexOf(this.state.get("row"));
      const to = place < 0 && key !== "End" ? 0 : place + JUMPS[key]; // a row hidden by the filters has no place
      if (this.names.length) this.choose(this.names[between(0, to, this.names.length - 1)]);
      event.preventDefault();
    } else {
      const pressed = { key, shiftKey, ctrlKey, metaKey, repeat, cancelable: true };
      if (!this.root.dispatchEvent(new KeyboardEvent("keydown", pressed))) event.preventDefault();
    }
  }
}

followTheme();
const facts = JSON.parse(document.getElementById("mmr-report").textContent);
browserStorage().then((storage) => new Report(document.getElementById("mmr"), facts, storage));
