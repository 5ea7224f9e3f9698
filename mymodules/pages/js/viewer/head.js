// The head of the viewer: place, status and name of the row, and what can be done with it.

import { element, number } from "../elements.js";

export function fillHead(viewer) {
  const { record, parts } = viewer;
  const wanted = viewer.state.get("row");
  viewer.root.toggleAttribute("data-empty", !wanted);
  const base = wanted.lastIndexOf("/") + 1;
  const folder = element("span", { class: "mmv-folder", text: wanted.slice(0, base) });
  parts.name.replaceChildren(element("bdi", { dir: "ltr" }, folder, wanted.slice(base) || "No rows to show"));
  parts.name.title = wanted;
  parts.place.textContent = record ? `${number(record.place + 1)} / ${number(record.total)}` : "";
  const verdict = record?.verdict ?? "";
  parts.status.textContent = parts.status.dataset.status = verdict;
  parts.status.hidden = !verdict;
  viewer.deciding.fill();
  if (!record && wanted) return; // a button that is pressed repeatedly keeps the focus
  viewer.able(parts.previousButton, record?.previous);
  viewer.able(parts.nextButton, record?.next);
}
