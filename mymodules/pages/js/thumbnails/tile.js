// A tile of the gallery: the pictures of a row side by side, and lines about it below them.

import { percent, SIGNS } from "../columns.js";
import { element } from "../elements.js";
import { parts } from "../names.js";

const LABELS = { first: "first", second: "second", delta: "difference" };
const SMALLEST = 3; // px of the outline of a region

// A tile without its pictures.
export function tileOf(row, common, labels) {
  const { base, folder } = parts(row.name, common);
  const name = element("div", { class: "mmg-name" });
  for (const [part, text] of Object.entries({ base, folder })) {
    name.append(element("span", { class: `mmg-${part}` }, element("bdi", { dir: "ltr", text })));
  }
  const facts = element("div", { class: "mmg-facts" });
  if (row.status) facts.append(element("span", { class: "mmg-status", "data-status": row.status, text: row.status }));
  if (row.pixel_diff_percent !== null) facts.append(element("span", { text: `${percent(row.pixel_diff_percent)} %` }));
  if (row.decision) {
    const text = `${SIGNS[row.decision] ?? ""} ${labels[row.decision] ?? row.decision}`.trim();
    facts.append(element("span", { class: "mmg-decision", "data-decision": row.decision, text }));
  }
  const shown = element("div", { class: "mmg-pictures", "aria-hidden": "true" });
  return element("div", { class: "mmg-tile", role: "option", title: row.name }, shown, name, facts);
}

// Put the pictures, or the sentence instead of them, into a tile.
export function show(tile, found, room) {
  const { pictures, message } = found;
  const place = tile.querySelector(".mmg-pictures");
  if (!pictures) {
    place.removeAttribute("aria-hidden");
    return place.replaceChildren(element("p", { class: "mmg-message", text: message, title: message }));
  }
  const made = Object.entries(pictures).map(([side, picture]) => {
    const text = picture.error ?? picture.changed ?? LABELS[side];
    const frame = element("div", { class: "mmg-frame", "data-side": side, title: text });
    if (picture.error) frame.append(element("p", { class: "mmg-message", text: picture.error }));
    else frame.append(sheet(picture, found, room, side === "delta"));
    return frame;
  });
  place.replaceChildren(...made);
  const changed = Object.values(pictures).find((picture) => picture.changed)?.changed;
  const note = tile.querySelector(".mmg-note");
  if (changed && !note) tile.querySelector(".mmg-facts").append(element("span", { class: "mmg-note", text: changed }));
}

// The part of a picture at its size on the screen; what lies beyond the picture is hatched.
function sheet({ drawable, width, height }, { part, size, regions }, room, isOutlined) {
  const made = element("div", { class: "mmg-sheet" });
  const [wide, high] = [part.box[2] * part.zoom, part.box[3] * part.zoom];
  // In the middle, at a whole number of px: otherwise pixels would not be where those of the screen are.
  const margins = [room.height - high, room.width - wide].map((left) => `${Math.max(Math.floor(left / 2), 0)}px`);
  Object.assign(made.style, { width: `${wide}px`, height: `${high}px`, margin: `${margins[0]} 0 0 ${margins[1]}` });
  if (drawable) {
    const canvas = element("canvas", { width, height });
    const shown = { width: `${(width / size[0]) * wide}px`, height: `${(height / size[1]) * high}px` };
    Object.assign(canvas.style, shown);
    canvas.getContext("2d").drawImage(drawable, 0, 0);
    made.append(canvas);
  }
  if (part.zoom < 1) made.dataset.reduced = "";
  if (isOutlined && part.zoom < 1) made.append(...regions.map((region) => outline(region, part)));
  return made;
}

// A reduced difference may be too faint to see: its regions are outlined.
function outline([x, y, width, height], { box, zoom }) {
  const made = element("div", { class: "mmg-region" });
  const [wide, high] = [width, height].map((length) => Math.max(length * zoom, SMALLEST));
  const left = (x - box[0] + width / 2) * zoom - wide / 2;
  const top = (y - box[1] + height / 2) * zoom - high / 2;
  Object.assign(made.style, { left: `${left}px`, top: `${top}px`, width: `${wide}px`, height: `${high}px` });
  return made;
}
