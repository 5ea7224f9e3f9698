// Why the pixels of a row differ: its ledger, as a list, a sentence and a bar. A row has px_CAUSE for each cause, all
// null if nobody found out.

import { element, number } from "./elements.js";

export const CAUSES = ["moved", "inserted", "removed", "changed", "tolerated", "masked"]; // as in row.py

// The causes of a row, and how many pixels have each; null if they are not known.
export function ledgerOf(row) {
  if ((row?.px_changed ?? null) === null) return null;
  return CAUSES.map((cause) => [cause, row[`px_${cause}`] ?? 0]).filter(([, pixels]) => pixels > 0);
}

// A part of a whole in percent; never rounded to nothing or to everything.
export function shareText(part, whole) {
  const percent = Math.round((100 * part) / whole);
  if (percent < 1) return "<1 %";
  return percent === 100 && part < whole ? ">99 %" : `${percent} %`;
}

const total = (ledger) => ledger.reduce((sum, [, pixels]) => sum + pixels, 0);

// "8,063 px: 71 % moved, 29 % changed"; empty if there is nothing to explain.
export function ledgerText(row) {
  const ledger = ledgerOf(row);
  if (!ledger?.length) return "";
  const whole = total(ledger);
  const parts = ledger.map(([cause, pixels]) => `${pixels === whole ? "all" : shareText(pixels, whole)} ${cause}`);
  return `${number(whole)} px: ${parts.join(", ")}`;
}

// The same as a bar, for eyes only; null if there is nothing to show.
export function ledgerBar(row) {
  const ledger = ledgerOf(row);
  if (!ledger?.length) return null;
  const parts = ledger.map(([cause, pixels]) => {
    const part = element("i", { "data-cause": cause });
    part.style.flexGrow = pixels / total(ledger);
    return part;
  });
  return element("span", { class: "mmk-bar", "aria-hidden": "true" }, ...parts);
}
