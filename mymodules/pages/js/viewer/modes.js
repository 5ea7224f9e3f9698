// Names and sizes that the viewer's parts, the report and Python share.

export const SIDES = ["first", "second"];

export const TILE = 128; // px, as in viewer.py

export const NOTE = 15000; // code units of a note that is typed, half of what triage.csv takes

export const MODES = [
  ["side-by-side", "Side by side"],
  ["swipe", "Swipe"],
  ["onion-skin", "Onion skin"],
  ["blink", "Blink"],
  ["difference", "Difference"],
  ["delta", "Delta"],
  ["three-up", "Three-up"],
];

// The number of panes of the modes that have more than one: first and second at the sides, the difference between.
export const PANES = { "side-by-side": 2, "three-up": 3 };

// Whose marks a pane shows: a side's, or those of the page if both sides are in it.
export function sideOf(viewer, pane) {
  const { left, right } = viewer.parts;
  if (!(viewer.state.get("mode") in PANES)) return "page";
  return pane === left ? "first" : pane === right ? "second" : "page";
}

const percent = (value) => `${value} %`;

const BOOST = {
  key: "boost",
  label: "Boost",
  title: "Brightness of the difference",
  low: 1,
  high: 16,
  by: 1,
  text: (value) => `× ${value}`,
};

// The use of the tool bar's slider in each mode.
export const SLIDERS = {
  swipe: { key: "swipe", label: "Divider", title: "Place of the divider", low: 0, high: 100, by: 1, text: percent },
  "onion-skin": {
    key: "opacity",
    label: "Second",
    title: "Opacity of the second picture",
    low: 0,
    high: 100,
    by: 1,
    text: percent,
  },
  blink: {
    key: "interval",
    label: "Every",
    title: "Blink interval",
    low: 200,
    high: 2000,
    by: 50,
    text: (value) => `${value} ms`,
  },
  difference: BOOST,
  "three-up": BOOST,
  delta: {
    key: "context",
    label: "Picture",
    title: "Strength of the picture below",
    low: 0,
    high: 100,
    by: 5,
    text: percent,
  },
};

export const DECIDED = { accept: "accepted", reject: "rejected", ignore: "ignored" };
