// The line above the pictures that says why pixels differ: a bar, and the share of each cause.

import { element, number } from "../elements.js";
import { ledgerBar, ledgerOf, ledgerText, shareText } from "../ledger.js";

export function fillCauses({ record, parts }) {
  const { causes } = parts;
  const ledger = ledgerOf(record);
  causes.hidden = !ledger?.length;
  if (causes.hidden) return causes.replaceChildren();
  const whole = ledger.reduce((sum, [, pixels]) => sum + pixels, 0);
  const items = ledger.map(([cause, pixels]) =>
    element("span", { class: "mmv-cause", "data-cause": cause, text: `${shareText(pixels, whole)} ${cause}` }),
  );
  causes.title = ledgerText(record);
  causes.replaceChildren(ledgerBar(record), element("span", { text: `${number(whole)} px` }), ...items);
}
