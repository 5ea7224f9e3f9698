// A page of the looks alone, without table and viewer.

import { element } from "../elements.js";
import { passOn } from "../keys.js";
import { Looks } from "../looks/looks.js";
import { Handover } from "./handover.js";
import { headOf } from "./head.js";
import { ReportLooks } from "./looks.js";

export function showLooks(page, report, details, decisions) {
  const handover = new Handover(decisions);
  const looks = new Looks(new ReportLooks(report.looks.file, details, decisions, () => handover.fill(), null));
  page.replaceChildren(headOf(report, handover), element("div", { class: "mml mmr-alone" }, looks.area));
  decisions.watch(() => {
    handover.fill();
    looks.refresh();
  });
  document.addEventListener("keydown", (event) => pressOutside(looks, event));
  looks.stage.focus({ preventScroll: true });
  looks.start();
}

// The looks' keys work everywhere while these are shown, except where they have another meaning.
export function pressOutside({ area }, event) {
  const { target, key } = event;
  if (event.defaultPrevented || area.contains(target) || target.closest("input, select")) return;
  if (target.closest("button") && (key === "Enter" || key === " ")) return;
  passOn(event, area);
}
