// What is above a report: what it is about, and the button that hands decisions over.

import { element } from "../elements.js";

export function headOf({ title, facts }, handover) {
  const found = facts.map(([label, text]) =>
    element("span", { class: "mmr-quiet" }, `${label} `, element("bdi", { text })),
  );
  return element("div", { class: "mmr-head" }, element("h1", { text: title }), ...found, handover.area);
}
