// The separator between the list and the viewer: it is dragged, or moved by the arrow keys. The share of the list
// is remembered by the browser, for each of its views. The style sheet of the screen takes it from --mml-share, and sets
// it at first for the view that is named in data-view.

import { between, element, remember, remembered } from "./elements.js";

const SHARE = "list-share";
const [LEAST, MOST, STEP] = [10, 75, 2]; // percent of the width of list and viewer
const MOVES = { ArrowLeft: -STEP, ArrowRight: STEP, PageUp: -5 * STEP, PageDown: 5 * STEP, Home: -MOST, End: MOST };
const TITLE = "Drag, or use the arrow keys; double-click or Enter: as at first";

// Return the separator of `body`, in which `side` holds the list.
export function makeSplitter(body, side, list) {
  const node = element("div", { class: "mml-splitter", role: "separator", tabindex: "0", title: TITLE });
  const limits = { "aria-orientation": "vertical", "aria-valuemin": LEAST, "aria-valuemax": MOST };
  for (const [name, value] of Object.entries({ "aria-label": "Width of the list", ...limits })) {
    node.setAttribute(name, value);
  }
  const now = () => (side.getBoundingClientRect().width / (body.getBoundingClientRect().width || 1)) * 100;
  const announce = () => node.setAttribute("aria-valuenow", Math.round(between(LEAST, now(), MOST)));
  const apply = (share) => {
    if (share) body.style.setProperty("--mml-share", `${share}%`);
    else body.style.removeProperty("--mml-share");
  };
  const move = (share) => {
    const wanted = share && between(LEAST, share, MOST).toFixed(1);
    apply(wanted);
    remember(`${SHARE}-${list.key}`, wanted);
    announce();
  };
  list.watch((view) => {
    body.dataset.view = view;
    const kept = Number(remembered(`${SHARE}-${view}`));
    apply(kept >= LEAST && kept <= MOST ? kept : "");
  });
  new ResizeObserver(announce).observe(side);
  node.addEventListener("keydown", (event) => {
    if (event.key in MOVES) move(now() + MOVES[event.key]);
    else if (event.key === "Enter") move("");
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  node.addEventListener("dblclick", () => move(""));
  node.addEventListener("pointerdown", (event) => {
    node.setPointerCapture(event.pointerId);
    event.preventDefault(); // marks no text
    node.focus();
  });
  node.addEventListener("pointermove", ({ pointerId, clientX }) => {
    if (!node.hasPointerCapture(pointerId)) return;
    const { left, width } = body.getBoundingClientRect();
    move(((clientX - left) / width) * 100);
  });
  return node;
}
