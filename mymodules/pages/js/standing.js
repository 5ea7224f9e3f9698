// What holds for a row that may be decided by its changes: the rule of triage/standing.py.

import { number } from "./elements.js";

// own: decision and note of the row itself. words: the decision about each of its changes that rules have not taken,
// "" if it is open. taken: how many changes rules have taken.
export function standing([decision, note], words, taken) {
  const changes = words.length + taken;
  if (decision) return { decision, note, decided: changes, changes, own: true };
  const decided = taken + words.filter(Boolean).length;
  return { decision: following(words, decided === changes), note: "", decided, changes, own: false };
}

function following(words, all) {
  if (words.includes("reject")) return "reject";
  if (!words.length || !all) return "";
  return words.includes("accept") ? "accept" : "ignore";
}

// How far a row is decided by its changes, such as "3 of 5"; "" if it is no question of them.
export const howFar = ({ decided, changes }) => (changes ? `${number(decided)} of ${number(changes)}` : "");

// The same of a row or a record, if only some of its changes are decided; else "".
export const partly = ({ standing: text, open_changes: open, changes }) => (open > 0 && open < changes ? text : "");
