// The details of a row: its messages, remarks on how it is shown, and its figures.

import { element, number, score } from "../elements.js";
import { PANES, SIDES } from "./modes.js";

const size = (width, height) => (width && height ? `${number(width)} x ${number(height)} px` : "–");

function share(percent) {
  if (percent === null) return "";
  return ` (${percent > 0 && percent < 0.001 ? "< 0.001" : Number(percent.toPrecision(3))} %)`;
}

// What differs between the pictures, in a few words.
function summaryOf({ record }) {
  if (!record) return "";
  const found = [];
  const { num_diff_pixels: pixels, pixel_diff_percent: percent, ssim_score: ssim } = record;
  if (pixels === 0) found.push("no pixel differs");
  else if (pixels !== null) found.push(`${number(pixels)} px${share(percent)} differ`);
  const count = record.changes ?? record.regions.length;
  const noun = (record.changes ?? null) === null ? "region" : "change";
  if (count) found.push(`${number(count)} ${noun}${count === 1 ? "" : "s"}`);
  if (ssim !== null) found.push(`SSIM ${score(ssim)}`);
  return found.join(" · ");
}

// The values of the caller's own metrics, as pairs of a name and a text.
export const ownFigures = ({ metrics = [] }) =>
  metrics.map(([name, value]) => [name, String(Number(value.toPrecision(6)))]);

// Pairs of a term and its text.
function figuresOf(viewer) {
  const { record } = viewer;
  if (!record) return [];
  const found = [];
  const most = ["r", "g", "b", "a"].map((channel) => record[`max_diff_${channel}`]);
  if (record.ssim_score !== null) found.push(["SSIM", record.ssim_score === 1 ? "1" : record.ssim_score.toFixed(6)]);
  if (record.num_diff_pixels !== null) {
    found.push(["Differing pixels", number(record.num_diff_pixels) + share(record.pixel_diff_percent)]);
  }
  if (most[0] !== null) found.push(["Largest, RGBA", most.join(" ")]);
  if (record.combined !== null) found.push(["Combined, 0–10", record.combined.toFixed(3)]);
  found.push(...ownFigures(record));
  const known = (side) => (viewer.extent(side)[0] ? viewer.extent(side) : record[side]); // it may not be shown
  const [one, other] = SIDES.map((side) => (viewer.lacks(side) ? "no file" : size(...known(side))));
  if (one === other) found.push(["Size", one]);
  else found.push(["Size of first", one], ["Size of second", other]);
  if (record.code) found.push(["Code", record.code]);
  return found;
}

// How much smaller one side is than the other, in px.
function shortage(own, other) {
  const parts = [];
  if (other[0] > own[0]) parts.push(`${number(other[0] - own[0])} px on the right`);
  if (other[1] > own[1]) parts.push(`${number(other[1] - own[1])} px at the bottom`);
  return parts.join(" and ");
}

function remarksOf(viewer) {
  const { pair } = viewer;
  const found = [];
  const noted = viewer.deciding.noteOf(viewer.record);
  if (noted) found.push(element("p", { class: "mmv-noted", text: `Note: ${noted}` }));
  for (const text of viewer.record?.remarks ?? []) found.push(element("p", { class: "mmv-noted", text: `${text}.` }));
  for (const side of SIDES) {
    if (pair[side]?.changed) found.push(element("p", { class: "mmv-warning", text: pair[side].changed }));
    if (!pair[side]?.encoded) continue;
    found.push(element("p", { text: `${side} is shown as compared: ${pair[side].encoded}.` }));
  }
  if (!SIDES.every((side) => viewer.has(side))) return found;
  if (viewer.layout) {
    found.push(
      element("p", { text: "Aligned: what belongs together stands at one height; what one side lacks is hatched." }),
    );
    return found;
  }
  const [first, second] = SIDES.map((side) => viewer.extent(side));
  for (const [side, text] of [
    ["first", shortage(first, second)],
    ["second", shortage(second, first)],
  ]) {
    if (text) found.push(element("p", { text: `${side} lacks ${text}: hatched.` }));
  }
  return found;
}

export function fillDetails(viewer) {
  const { record, parts } = viewer;
  parts.message.textContent = record?.messages ?? "";
  const lines = figuresOf(viewer).map(([term, text]) =>
    element("div", {}, element("span", { class: "mmv-dim", text: term }), element("span", { text })),
  );
  parts.figures.replaceChildren(...lines);
  parts.notes.replaceChildren(...remarksOf(viewer));
  for (const side of SIDES) {
    const [width, height] = viewer.extent(side);
    parts.sizes[side].textContent = width ? size(width, height) : "";
  }
  parts.summary.textContent = summaryOf(viewer);
  parts.summary.title = parts.summary.textContent;
  const mode = viewer.state.get("mode");
  const name = record?.name ?? "nothing";
  parts.left.node.setAttribute("aria-label", `${name}, ${mode in PANES ? "first" : mode}`);
  parts.middle.node.setAttribute("aria-label", `${name}, difference`);
  parts.right.node.setAttribute("aria-label", `${name}, second`);
}
