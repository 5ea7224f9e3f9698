// The line above the pictures that says why pixels differ: a bar, and for each cause its share, how many changes have
// it, and a switch for their marks.

import { element, number } from "../elements.js";
import { CAUSES, ledgerBar, ledgerOf, ledgerText, shareText } from "../ledger.js";
import { SIGNS } from "./boxes.js";

export function fillCauses(viewer) {
  const { record } = viewer;
  const { causes } = viewer.parts;
  const ledger = new Map(ledgerOf(record) ?? []);
  const counts = new Map();
  const marks = (record?.changes ?? null) === null ? [] : viewer.allMarks();
  for (const { cause } of marks) counts.set(cause, (counts.get(cause) ?? 0) + 1);
  const key = JSON.stringify([record?.name, [...ledger], [...counts]]);
  if (causes.dataset.key === key) return; // a switch keeps the focus
  if (causes.contains(document.activeElement)) viewer.focus();
  causes.dataset.key = key;
  causes.hidden = !ledger.size && !counts.size;
  causes.title = ledgerText(record);
  const whole = [...ledger.values()].reduce((sum, pixels) => sum + pixels, 0);
  const found = CAUSES.filter((cause) => ledger.has(cause) || counts.has(cause));
  const items = found.map((cause) => {
    const share = ledger.has(cause) ? `${shareText(ledger.get(cause), whole)} ` : "";
    return item(viewer, cause, `${share}${cause}`, counts.get(cause) ?? 0);
  });
  const bar = ledgerBar(record);
  causes.replaceChildren(...(bar ? [bar, element("span", { text: `${number(whole)} px` })] : []), ...items);
}

function item(viewer, cause, text, count) {
  const sign = element("b", { "aria-hidden": "true", text: SIGNS[cause] });
  if (!count) return element("span", { class: "mmv-cause", "data-cause": cause }, sign, ` ${text}`);
  const box = element("input", { type: "checkbox" });
  box.checked = !viewer.view.off.has(cause);
  box.addEventListener("change", () => viewer.marking.toggle(cause, box.checked));
  const noun = count === 1 ? "change" : "changes";
  const title = `Mark what is ${cause}: ${number(count)} ${noun}`;
  return element("label", { class: "mmv-cause", "data-cause": cause, title }, box, sign, ` ${text} · ${number(count)}`);
}
