// Pictures that only one folder has are listed briefly among others: the first few of each status, then how many
// more there are.

import { number } from "./elements.js";

export const CAP = 10; // rows of a status that are listed while it is folded
const ONE_SIDED = ["missing", "extra"];

// What stands after them, as a text to click.
export const moreText = ({ more, status }) => `and ${number(more)} more ${status}: show`;

// Return the lines of a list: rows, and {more, status} after the last row listed of a status that is folded. Nothing
// is folded if there is nothing else to see. `opened` has the statuses that a person has unfolded.
export function folded(rows, opened) {
  const counts = Object.fromEntries(ONE_SIDED.map((status) => [status, 0]));
  for (const { status } of rows) if (status in counts) counts[status] += 1;
  const alone = ONE_SIDED.reduce((sum, status) => sum + counts[status], 0) === rows.length;
  const folds = ONE_SIDED.filter((status) => !opened.includes(status) && counts[status] > CAP);
  if (alone || !folds.length) return rows;
  const left = Object.fromEntries(folds.map((status) => [status, CAP]));
  const lines = [];
  for (const row of rows) {
    if (!(row.status in left)) lines.push(row);
    else if (left[row.status] > 0) {
      lines.push(row);
      left[row.status] -= 1;
      if (!left[row.status]) lines.push({ more: counts[row.status] - CAP, status: row.status });
    }
  }
  return lines;
}
