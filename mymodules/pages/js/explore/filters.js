// What the page adds to the explorer's filters: they fold away, and their sliders announce values.

import { remember, remembered } from "../elements.js";

const FOLDED = "filters";
const WIDE = 1500; // px of the window from which the filters are open at first
const SCALE =
  "Gray: all rows that differ, blue: those shown. Square-root scale: twice as high means four times as many.";

// The button shows and hides the filters; what a person chooses holds for this browser.
export function fold(root, signal) {
  const button = root.querySelector("button.mme-fold");
  const show = (open) => {
    root.classList.toggle("mme-folded", !open);
    button.setAttribute("aria-expanded", open);
  };
  const kept = remembered(FOLDED);
  show(kept ? kept === "open" : innerWidth >= WIDE);
  const press = () => {
    const open = root.classList.contains("mme-folded");
    remember(FOLDED, open ? "open" : "folded");
    show(open);
  };
  button.addEventListener("click", press, { signal });
}

// noUiSlider announces the index of a step; a person needs its value.
function announce(handle, steps) {
  const text = steps[Math.round(Number(handle.getAttribute("aria-valuenow")))];
  if (text !== undefined && handle.getAttribute("aria-valuetext") !== text) {
    handle.setAttribute("aria-valuetext", text);
  }
}

// steps: of each slider, the texts of its steps. Returns what watches the handles.
export function nameRanges(root, steps) {
  const watcher = new MutationObserver((changes) => {
    for (const { target } of changes) announce(target, steps[target.closest(".mme-range").dataset.place]);
  });
  for (const [place, range] of root.querySelectorAll(".mme-range").entries()) {
    range.dataset.place = place;
    const title = range.querySelector(".widget-label").textContent;
    const bars = range.querySelector(".mme-histogram");
    bars.alt = `How many rows have which value: ${title}; square-root scale`;
    bars.title = SCALE;
    for (const [end, handle] of range.querySelectorAll(".noUi-handle").entries()) {
      handle.setAttribute("aria-label", `${title}, ${end ? "to" : "from"}`);
      announce(handle, steps[place]);
      watcher.observe(handle, { attributeFilter: ["aria-valuetext"] });
    }
  }
  return watcher;
}
