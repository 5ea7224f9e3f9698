// The bar above the table: buttons for statuses, lists of codes and decisions, a name, the number of rows shown.

import { button, element, number } from "../elements.js";
import { nameTest } from "../table.js";

const HINT = "Name contains; * stands for anything, ? for one character";

const isLeft = ({ decision, status }) => !decision && status !== "same"; // equal pictures need no decision

export class Filters {
  // changed() is called when a person changes a filter.
  constructor(report, statuses, changed) {
    this.rows = report.rows;
    this.changed = changed;
    this.wanted = { statuses: new Set(), code: "", decision: "", text: "" };
    this.statusButtons = statuses.filter((status) => this.count("status", status)).map((each) => this.status(each));
    this.codes = this.list("code", "Code", [["", "every code"], ...this.options("code")]);
    this.words = report.decided;
    this.decisions = this.list("decision", "Decision", this.decided());
    const hints = { placeholder: "Name contains, or * ?", "aria-label": HINT, spellcheck: "false" };
    this.search = element("input", { type: "search", ...hints });
    this.search.addEventListener("input", () => this.choose("text", this.search.value));
    this.clear = button("Show all rows", "", () => this.showAll());
    this.summary = element("span", { role: "status" });
    const group = { class: "mmr-statuses", role: "group", "aria-label": "Status" };
    const parts = [this.codes, this.decisions, this.search, this.clear, this.summary];
    this.bar = element("div", { class: "mmr-bar" }, element("div", group, ...this.statusButtons), ...parts);
  }

  count(key, value) {
    return this.rows.filter((row) => (row[key] ?? "") === value).length;
  }

  options(key) {
    const found = [...new Set(this.rows.map((row) => row[key] ?? ""))].filter(Boolean).sort();
    return found.map((value) => [value, `${value} (${number(this.count(key, value))})`]);
  }

  // The choices of decisions.
  decided() {
    const left = this.rows.filter(isLeft).length;
    const words = [...new Set([...this.words, ...this.options("decision").map(([word]) => word)])];
    const others = words.map((word) => [word, `${word} (${number(this.count("decision", word))})`]);
    return [["", "every decision"], ["none", `${number(left)} to decide`], ...others];
  }

  // Count decisions again.
  recount() {
    const chosen = this.decisions.value;
    const options = this.decided().map(([value, text]) => element("option", { value, text }));
    this.decisions.replaceChildren(...options);
    this.decisions.value = chosen;
  }

  status(status) {
    const text = `${number(this.count("status", status))} ${status}`;
    const { statuses } = this.wanted;
    const call = () => {
      if (!statuses.delete(status)) statuses.add(status);
      this.changed();
    };
    return element("button", { type: "button", "data-status": status, text, call });
  }

  list(key, label, options) {
    const made = element(
      "select",
      { "aria-label": label },
      ...options.map(([value, text]) => element("option", { value, text })),
    );
    made.addEventListener("change", () => this.choose(key, made.value));
    return made;
  }

  choose(key, value) {
    this.wanted[key] = value;
    this.changed();
  }

  showAll() {
    Object.assign(this.wanted, { code: "", decision: "", text: "" });
    this.wanted.statuses.clear();
    this.codes.value = this.decisions.value = this.search.value = "";
    this.changed();
  }

  // Return the rows that pass, in their original order, and show how many they are.
  passing() {
    const { statuses, code, decision, text } = this.wanted;
    const named = nameTest(text);
    const found = this.rows.filter(
      (row) =>
        (!statuses.size || statuses.has(row.status)) &&
        (!code || row.code === code) &&
        (!decision || (decision === "none" ? isLeft(row) : row.decision === decision)) &&
        named(row.name),
    );
    this.summary.textContent = `${number(found.length)} of ${number(this.rows.length)} rows shown`;
    this.clear.hidden = found.length === this.rows.length;
    for (const made of this.statusButtons) made.setAttribute("aria-pressed", statuses.has(made.dataset.status));
    return found;
  }
}
