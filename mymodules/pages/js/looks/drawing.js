// A look as elements: crops before beside after, lines about room, the cells of a small sheet. Everything that is named
// in a record comes from files that others made: it is set as text.

import { element, number } from "../elements.js";
import { parts } from "../names.js";
import { SIGNS } from "../viewer/boxes.js";

const SIDES = ["first", "second"];
const TINY = 18; // px: the height of the page's outline in a caption

export const markOf = ([signature, kind, cause, first, second, pixels, largest, place]) => ({
  ...{ signature, kind, cause, first, second, pixels, largest, place },
});

export const signaturesOf = (item) => [...new Set(item.marks.map(([signature]) => signature))];

export const pagesText = ({ pages, surroundings }) => {
  const beside = surroundings > 1 ? `, in ${number(surroundings)} surroundings` : "";
  return pages === 1 ? `on this page only${beside}` : `on ${number(pages)} pages${beside}`;
};

export const causeText = ({ kind, cause }) => `${SIGNS[cause]} ${kind === "space" ? "space " : ""}${cause}`;

// Where the item stands on its page, as an outline `high` px high.
export function outline(item, high) {
  const side = item.sizes.second[1] ? "second" : "first";
  const [width, height] = item.sizes[side];
  const scale = high / Math.max(height, 1);
  const made = element("span", { class: "mmo-outline", "aria-hidden": "true" });
  Object.assign(made.style, { width: `${Math.max(scale * width, 9)}px`, height: `${high}px` });
  for (const mark of item.marks.map(markOf)) {
    const [x, y, wide, tall] = mark[side];
    const box = element("i", { "data-cause": mark.cause });
    const share = (part, whole) => `${(100 * part) / Math.max(whole, 1)}%`;
    Object.assign(box.style, {
      left: share(x, width),
      top: share(y, height),
      width: share(wide, width),
      height: share(tall, height),
    });
    made.append(box);
  }
  return made;
}

function placed(node, x, y, width, height) {
  Object.assign(node.style, { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` });
  return node;
}

// One of the two pictures of an item, with its marks; `scale` times as large.
function sideOf(item, side, scale) {
  const [x, y, width, height] = item[side];
  const canvas = element("canvas", { width, height });
  Object.assign(canvas.style, { width: `${scale * width}px`, height: `${scale * height}px` });
  const made = element("div", { class: "mmo-side", "data-side": side, title: side }, canvas);
  for (const mark of item.marks.map(markOf)) {
    const [left, top, wide, high] = mark[side];
    const box = element("i", { class: "mmo-mark", "data-cause": mark.cause, "data-signature": mark.signature });
    made.append(placed(box, scale * (left - x), scale * (top - y), scale * wide, scale * high));
  }
  const [left, top] = item.at?.[side] ?? [0, 0];
  return placed(made, left, top, scale * width, scale * height);
}

// What a class that a page shows is nearly the same as, as text; empty if it is like no other.
export function nearText({ near }, shown) {
  if (!near) return "";
  const [page, x, y, look] = near;
  const there = page === shown ? "the one" : parts(page, "").base;
  return `nearly the same as ${there} at ${x}, ${y}${look === null ? "" : ` on look ${number(look + 1)}`}`;
}

// What a caption says of an item besides its page.
export function facts(item, classes) {
  const names = signaturesOf(item);
  const found = names.map((name) => classes[name]);
  const causes = [...new Set(found.map(causeText))].join(", ");
  const told = [names.length === 1 ? causes : `${number(names.length)} changes: ${causes}`];
  if (item.text) told.unshift(item.text);
  if (names.length === 1) told.push(pagesText(found[0]));
  else if (found.some(({ pages }) => pages > 1)) {
    told.push(`on up to ${number(Math.max(...found.map(({ pages }) => pages)))} pages`);
  }
  if (item.type === "cell") {
    const { pixels, largest } = markOf(item.marks[0]);
    told.push(`${number(pixels)} px, by ${largest} at most`, `×${item.scale}`);
    if (item.part) told.push("a part of it");
  } else if (item.part) told.push("a part of it");
  const near = found.map((each) => nearText(each, item.page)).filter(Boolean);
  if (near.length) told.push(names.length === 1 ? near[0] : `${number(near.length)} nearly the same as others`);
  if (item.folded) told.push(`then ${number(item.folded)} equal ${item.folded === 1 ? "row" : "rows"}`);
  return told;
}

function captionOf(item, classes) {
  const told = facts(item, classes).join(" · ");
  const { base, folder } = parts(item.page, ""); // the base comes first: there may be little room
  const name = element("bdi", { class: "mmo-page", text: base });
  const badge = element("b", { class: "mmo-badge" });
  const text = element("span", { text: told });
  const title = `${item.page} · ${told}`;
  const found = [outline(item, TINY), badge, name, text, element("bdi", { text: folder })];
  return element("div", { class: "mmo-caption", title }, ...found);
}

function drawItem(item, index, record) {
  const made = element("div", { class: `mmo-item mmo-${item.type}`, role: "option", id: `mmo-${record.id}-${index}` });
  made.dataset.index = index;
  made.setAttribute("aria-label", `${item.page}: ${facts(item, record.classes).join(", ")}`);
  if (item.type !== "cell") placed(made, item.x, item.y, item.width, item.height);
  made.append(captionOf(item, record.classes));
  if (item.type !== "line") {
    const pair = element("div", { class: "mmo-pair" });
    pair.append(...SIDES.map((side) => sideOf(item, side, item.scale ?? 1)));
    made.append(pair);
  }
  return made;
}

// Return the element of a look; `record.id` tells its items from those of others.
export function drawLook(record) {
  const items = record.items.map((item, index) => drawItem(item, index, record));
  const made = element("div", { class: "mmo-look", role: "presentation" }, ...items);
  made.classList.toggle("mmo-sheet", record.sheet);
  if (!record.sheet) Object.assign(made.style, { width: `${record.width}px`, height: `${record.height}px` });
  return made;
}

// What is to be loaded for a look; without its element, only ahead.
export function wishes(record, look = null) {
  const found = [];
  for (const [index, item] of record.items.entries()) {
    if (item.type === "line") continue;
    for (const side of SIDES) {
      const [, , width, height] = item[side];
      if (!width || !height) continue;
      const frame = look?.children[index].querySelector(`[data-side=${side}]`);
      const draw = (drawable) => {
        frame?.querySelector("canvas").getContext("2d").drawImage(drawable, 0, 0);
        frame?.setAttribute("data-drawn", "");
      };
      const refuse = (error) => frame?.append(element("span", { class: "mmo-refused", text: error.message }));
      found.push({ page: item.page, side, box: item[side], draw, refuse });
    }
  }
  return found;
}
