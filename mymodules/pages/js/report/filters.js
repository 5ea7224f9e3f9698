// The bar above the table: buttons for statuses, lists of codes, causes and decisions, a name, the number of rows shown.

import { button, element, number } from "../elements.js";
import { CAUSES } from "../ledger.js";
import { nameTest } from "../names.js";
import { waits } from "./decisions.js";

// Whether a row passes the filter by decision.
function isDecided(row, wanted) {
  if (wanted === "none") return waits(row);
  return wanted === "any" ? Boolean(row.decision) : row.decision === wanted;
}

// Whether a row passes the filter by cause.
function hasCause(row, wanted) {
  if (CAUSES.includes(wanted)) return row[`px_${wanted}`] > 0;
  return row.px_moved > 0 && row.px_moved === row.num_diff_pixels;
}

export class Filters {
  // changed() is called when a person changes a filter.
  constructor(rows, { statuses, words }, changed) {
    Object.assign(this, { rows, words, changed });
    this.wanted = { statuses: new Set(), code: "", cause: "", decision: "", text: "" };
    this.statusButtons = Object.entries(statuses).map(([status, title]) => this.status(status, title));
    this.codes = this.list("code", "Code", [["", words.allCodes], ...this.options("code")]);
    this.causes = this.list("cause", "Cause", [["", words.allCauses], ...this.occurring()]);
    this.causes.disabled = this.causes.options.length === 1;
    this.decisions = this.list("decision", "Decision", this.decided());
    const hints = { placeholder: words.name, title: words.nameHint, "aria-label": words.name, spellcheck: "false" };
    this.search = element("input", { type: "search", ...hints });
    this.search.addEventListener("input", () => this.choose("text", this.search.value));
    this.clear = button(words.showAll, "", () => this.showAll());
    this.summary = element("span", { role: "status" });
    const group = { class: "mmr-statuses", role: "group", "aria-label": "Status" };
    const parts = [this.codes, this.causes, this.decisions, this.search, this.summary, this.clear];
    this.bar = element("div", { class: "mmr-bar" }, element("div", group, ...this.statusButtons), ...parts);
  }

  count(key, value) {
    return this.rows.filter((row) => (row[key] ?? "") === value).length;
  }

  options(key) {
    const found = [...new Set(this.rows.map((row) => row[key] ?? ""))].filter(Boolean).sort();
    return found.map((value) => [value, `${value} (${number(this.count(key, value))})`]);
  }

  // The choices of causes: those that occur.
  occurring() {
    const counted = [...CAUSES, this.words.onlyMoved].map((cause) => [
      cause,
      this.rows.filter((row) => hasCause(row, cause)).length,
    ]);
    return counted.filter(([, count]) => count).map(([cause, count]) => [cause, `${cause} (${number(count)})`]);
  }

  // The choices of decisions.
  decided() {
    const { rows, words } = this;
    const others = this.options("decision").map(([word]) => [word, word]);
    const labels = { none: words.waiting, any: words.decided, ...Object.fromEntries(others), ...words.decisions };
    const counted = Object.entries(labels).map(([value, label]) => {
      const count = rows.filter((row) => isDecided(row, value)).length;
      return [value, `${label} (${number(count)})`];
    });
    return [["", words.allDecisions], ...counted];
  }

  // Count decisions again.
  recount() {
    const chosen = this.decisions.value;
    const options = this.decided().map(([value, text]) => element("option", { value, text }));
    this.decisions.replaceChildren(...options);
    this.decisions.value = chosen;
  }

  status(status, title) {
    const count = this.count("status", status);
    const text = `${status} ${number(count)}`;
    const { statuses } = this.wanted;
    const call = () => {
      if (!statuses.delete(status)) statuses.add(status);
      this.changed();
    };
    const made = element("button", { type: "button", "data-status": status, title, text, call });
    made.disabled = !count;
    return made;
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
    Object.assign(this.wanted, { code: "", cause: "", decision: "", text: "" });
    this.wanted.statuses.clear();
    this.codes.value = this.causes.value = this.decisions.value = this.search.value = "";
    this.changed();
  }

  // Show how many rows there are, how many of them wait, and how many are decided.
  summarize(found) {
    const { rows, words } = this;
    const all = found.length === rows.length ? "" : ` of ${number(rows.length)}`;
    const noun = rows.length === 1 ? "row" : "rows";
    const counts = [`${number(found.length)}${all} ${noun}`, `${number(found.filter(waits).length)} ${words.waiting}`];
    for (const [word, label] of Object.entries(words.decisions)) {
      const count = found.filter((row) => row.decision === word).length;
      if (count) counts.push(`${label} ${number(count)}`);
    }
    this.summary.textContent = counts.join(" · ");
  }

  // Return those of all rows that pass, in the order given, and show how many they are.
  passing(rows) {
    const { statuses, code, cause, decision, text } = this.wanted;
    const named = nameTest(text);
    const found = rows.filter(
      (row) =>
        (!statuses.size || statuses.has(row.status)) &&
        (!code || row.code === code) &&
        (!cause || hasCause(row, cause)) &&
        (!decision || isDecided(row, decision)) &&
        named(row.name),
    );
    this.summarize(found);
    this.clear.hidden = found.length === rows.length;
    for (const made of this.statusButtons) made.setAttribute("aria-pressed", statuses.has(made.dataset.status));
    return found;
  }
}
