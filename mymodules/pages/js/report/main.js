// The report: the notebook's viewer beside a table of all rows, fed from files instead of by a kernel.
//
// File names and messages come from files that others made: they are set as text, never as markup.

import { clicked, columnsOf, sorted } from "../columns.js";
import { between, button, element } from "../elements.js";
import { Gallery } from "../gallery.js";
import { isCommand, passOn, stepOf } from "../keys.js";
import { List } from "../list.js";
import { Looks } from "../looks/looks.js";
import { makeSplitter } from "../splitter.js";
import { Table } from "../table.js";
import { createViewer } from "../viewer/main.js";
import { pressOutside, showLooks } from "./alone.js";
import { browserStorage, Decisions } from "./decisions.js";
import { byName, Details, rowsOf } from "./details.js";
import { Filters } from "./filters.js";
import { Handover } from "./handover.js";
import { headOf } from "./head.js";
import { ReportLooks } from "./looks.js";
import { filesBeside, filesInside, plainState, ReportSource } from "./source.js";
import { ReportThumbnails } from "./thumbnails.js";

const REST = 200; // ms without a change of row, after which the address follows
const JUMPS = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };

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
  constructor(page, report, listed, details, decisions) {
    const { rows } = details;
    Object.assign(this, { listed, all: rows, details, decisions });
    this.names = listed.map(({ name }) => name); // in the order shown
    this.order = { by: null, falls: false };
    this.ordered = this.inOrder(); // all rows
    this.timer = 0;
    this.followed = ""; // an address that the page has set, until the browser reports it
    const [order, shown] = [() => this.names, (name) => this.showDecided(name)];
    this.source = new ReportSource(rows, details, order, decisions, shown);
    const wanted = addressed();
    const row = rows.has(wanted) ? wanted : (this.names[0] ?? "");
    this.state = plainState({ row, mode: "side-by-side", region: -1 });
    this.looks = report.looks.file ? this.looksOf(report.looks.file) : null;
    this.fill(page, report);
    this.watch();
    this.refill();
    createViewer(this.root, this.source, this.state);
    if (wanted) this.visit();
    else if (row && !this.looking) location.replace(address(row));
    if (this.looking) this.list.focus({ preventScroll: true });
    else this.root.focus({ preventScroll: true });
  }

  looksOf(file) {
    const { details, decisions, source } = this;
    const changed = () => {
      this.redecide();
      source.tellDecided();
    };
    const open = (name, place) => {
      if (!this.names.includes(name)) this.filters.showAll();
      this.choose(name);
      this.state.set({ region: place });
    };
    const looks = new Looks(new ReportLooks(file, details, decisions, changed, open));
    looks.opened = () => {
      this.list.show("table");
      this.root.focus({ preventScroll: true });
    };
    return looks;
  }

  get looking() {
    return this.list.key === "looks";
  }

  fill(page, report) {
    const { columns, statuses, words } = report;
    this.filters = new Filters(this.listed, report, () => this.apply());
    this.handover = new Handover(this.decisions);
    this.columns = columnsOf(columns, Object.keys(statuses), words.decisions);
    const choose = (name) => this.choose(name);
    const table = new Table(this.columns, choose, (key) => this.sort(key), this.names);
    table.body.addEventListener("pointerover", ({ target }) => this.hint(target.closest("[data-row]")));
    const gallery = new Gallery(new ReportThumbnails(this.details), choose, this.names, words.decisions);
    this.list = new List([
      ...(this.looks ? [["looks", "Looks", this.looks]] : []),
      ["table", "Table", table],
      ["gallery", "Gallery", gallery],
    ]);
    this.list.note(report.looks.why);
    this.noticeText = element("span");
    this.noticeButton = button(words.showAll, "", () => this.filters.showAll());
    const notice = { class: "mmr-notice", role: "status", hidden: "" };
    this.notice = element("p", notice, this.noticeText, this.noticeButton);
    this.root = element("div");
    const body = element("div", { class: "mmr-body" });
    const splitter = makeSplitter(body, this.list.area, this.list);
    body.append(this.list.area, splitter, element("div", { class: "mmr-viewer" }, this.root));
    page.replaceChildren(this.list.skip, headOf(report, this.handover), this.filters.bar, this.notice, body);
    let started = false;
    this.list.watch((view) => {
      page.dataset.view = view;
      if (view !== "looks" || started) return;
      started = true;
      this.looks.start();
    });
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
      this.looks?.refresh();
    });
    this.state.on("row", () => {
      this.follow();
      this.remember();
    });
    document.addEventListener("keydown", (event) => this.press(event));
    if (this.looks) document.addEventListener("keydown", (event) => this.goToLooks(event), { capture: true });
  }

  choose(name) {
    this.state.set({ row: name, region: -1 });
  }

  // The tooltip of a row in the table: what was found.
  async hint(line) {
    if (line && !line.title) line.title = (await this.details.of(line.dataset.name)).messages;
  }

  // --- decisions

  // Show a decision made here, and this row: it may be among those shown only before or after that.
  showDecided(name) {
    const go = () => this.names.includes(name) && name !== this.state.get("row") && this.choose(name);
    go();
    this.redecide();
    this.looks?.refresh();
    go();
    return this.state.get("row");
  }

  redecide() {
    this.handover.fill();
    this.filters.recount();
    if (["decision", "open_changes"].includes(this.order.by)) this.ordered = this.inOrder();
    this.apply();
  }

  // --- rows shown

  sort(key) {
    this.order = clicked(this.order, this.columns[key].heading);
    this.ordered = this.inOrder();
    this.apply();
  }

  inOrder() {
    const { by, falls } = this.order;
    return by ? sorted(this.listed, this.columns[by].value, falls) : this.listed;
  }

  refill() {
    const { by, falls } = this.order;
    const shown = this.filters.passing(this.ordered);
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
      if (location.hash !== before || this.looking) return; // a person has chosen another address, or is elsewhere
      if (addressed() === row) return;
      location.hash = address(row);
      if (location.hash !== before) this.followed = location.href;
    }, REST);
  }

  visit() {
    const name = addressed();
    if (this.looking && this.all.has(name)) this.list.show("table");
    if (name === this.state.get("row"))
      this.follow(); // the row is shown already: the region stays
    else if (this.all.has(name)) this.choose(name);
    else if (name) this.tell(`This report has no row named ${name}.`, false);
  }

  // The key l leads to the looks from everywhere, but from where text is typed.
  goToLooks(event) {
    const { key, target, ctrlKey, metaKey, altKey } = event;
    if (key.toLowerCase() !== "l" || ctrlKey || metaKey || altKey || target.matches("select, :read-write")) return;
    this.list.choose("looks");
    this.list.focus({ preventScroll: true });
    event.preventDefault();
    event.stopPropagation();
  }

  // The viewer's keys work everywhere, except where they have another meaning.
  press(event) {
    const { target, key } = event;
    if (event.defaultPrevented || event.altKey || key === "Tab" || (isCommand(event) && !stepOf(event))) return;
    if (target.closest("input, select")) return;
    if (this.looking) return pressOutside(this.looks, event);
    if (this.root.contains(target)) return;
    if (target.closest("button") && (key === "Enter" || key === " ")) return;
    if (key in JUMPS && this.list.area.contains(target)) {
      const place = this.names.indexOf(this.state.get("row"));
      const to = place < 0 && key !== "End" ? 0 : place + JUMPS[key]; // a row hidden by the filters has no place
      if (this.names.length) this.choose(this.names[between(0, to, this.names.length - 1)]);
      event.preventDefault();
    } else passOn(event, this.root);
  }
}

function start(storage) {
  const report = JSON.parse(document.getElementById("mmr-report").textContent);
  const page = document.getElementById("mmr");
  const listed = rowsOf(report);
  const rows = byName(listed);
  const files = report.embedded ? filesInside() : filesBeside();
  const details = new Details(report, rows, files);
  const decisions = new Decisions(report, rows, storage);
  if (report.alone) showLooks(page, report, details, decisions);
  else new Report(page, report, listed, details, decisions);
}

followTheme();
browserStorage().then(start);
