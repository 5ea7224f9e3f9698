// Marks, and where they stand. A mark has a kind, a cause (see ledger.js), a box on either side, one of them perhaps
// empty, its pixels, null if nobody counted them, and the names of the rules that took it: see pages/marks.py.

export const SIGNS = { moved: "↕", inserted: "+", removed: "−", changed: "≠", tolerated: "≈", masked: "▨" };

export const signOf = ({ kind, cause }) => (kind === "region" ? "" : SIGNS[cause]);

export const markOf = ([kind, cause, first, second, pixels, rules]) => ({ kind, cause, first, second, pixels, rules });

// The mark of a region that stands for itself: until marks have come, or if they cannot come.
export const ofRegion = (box) => markOf(["region", "changed", box, box, null, []]);

// Where a mark stands on a side, or on the page: in second, unless it is only in first.
export function boxOn(mark, side) {
  if (side !== "page") return mark[side];
  const [, , width, height] = mark.second;
  return width && height ? mark.second : mark.first;
}
