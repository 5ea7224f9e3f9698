// The cells of the tables in explorer and report: a value to sort by, null if a row has none, and a text; of some
// columns also a text for a row that has no value yet.
//
// A row has name, status, decision, pixel_diff_percent, ssim_score, count, the number of its regions, open_changes and
// standing, how far it is decided by its changes, such as "3 of 5", and what ledger.js needs. A metric of the caller's own is a figure of the explorer's rows, and among the metrics of the
// report's, which are pairs of name and value.

import { number, score } from "./elements.js";
import { ledgerBar, ledgerText } from "./ledger.js";
import { partly } from "./standing.js";

export const SIGNS = { accept: "✓", reject: "✕", ignore: "–" };

const rank = (words, word) => (words.includes(word) ? words.indexOf(word) : word ? words.length : null);

export function percent(value) {
  if (value === 0 || value >= 0.001) return value.toFixed(value === 0 || value >= 100 ? 0 : value < 1 ? 3 : 1);
  return "<0.001";
}

function own(key) {
  const value = (row) => row[key] ?? row.metrics?.find(([name]) => `metric_${name}` === key)?.[1] ?? null;
  return { value, text: (row) => String(Number(value(row).toPrecision(4))) };
}

// Return the columns by key. `headings` are those of Python; `labels` are decisions and what they are called.
export function columnsOf(headings, statuses, labels) {
  const decisions = Object.keys(labels);
  const cells = {
    status: { value: (row) => rank(statuses, row.status), text: (row) => row.status ?? "" },
    image_filename: { value: (row) => row.name, text: (row) => row.name },
    decision: {
      value: (row) => rank(decisions, row.decision),
      text: (row) => SIGNS[row.decision] ?? row.decision ?? "",
      partly: (row) => partly(row).replace(" of ", "/"),
      title: (row) => labels[row.decision] ?? (partly(row) ? `${row.standing} changes decided` : ""),
      look: (row) => `mml-${row.decision || "partly"}`,
    },
    pixel_diff_percent: {
      value: (row) => row.pixel_diff_percent,
      text: (row) => percent(row.pixel_diff_percent),
      below: ledgerBar,
      title: ledgerText,
    },
    ssim_score: { value: (row) => row.ssim_score, text: (row) => score(row.ssim_score) },
    regions: { value: (row) => row.count, text: (row) => String(row.count) },
    px_changed: { value: (row) => row.px_changed, text: (row) => number(row.px_changed) },
    changes: { value: (row) => row.changes, text: (row) => number(row.changes) },
    open_changes: {
      value: (row) => row.open_changes ?? null,
      text: (row) => number(row.open_changes),
      title: (row) => (row.standing ? `${row.standing} changes decided` : ""),
    },
  };
  return Object.fromEntries(
    headings.map((heading) => [heading.key, { heading, ...(cells[heading.key] ?? own(heading.key)) }]),
  );
}

// The order {by, falls} after a click on a heading: by its column, or turned round if it was that already.
export const clicked = ({ by, falls }, heading) => ({
  by: heading.key,
  falls: by === heading.key ? !falls : heading.falls,
});

// Rows in the order of a value; those for which it is null come last in either direction.
export function sorted(rows, value, falls) {
  const sign = falls ? -1 : 1;
  const compare = ([one], [other]) => {
    if (one === null || other === null) return (one === null) - (other === null);
    return one < other ? -sign : one > other ? sign : 0;
  };
  const keyed = rows.map((row) => [value(row), row]); // asked for once: comparisons are many
  return keyed.sort(compare).map(([, row]) => row);
}
