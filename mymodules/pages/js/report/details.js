// What the page shows of a single row: messages, marks, pictures. It comes from the report's own files, which have some
// rows each, when one of their rows is looked at. What a table needs of all rows is in the page itself.

import { lru } from "../elements.js";

const KEPT = 20; // files

// All rows, each ready to be listed; at is a row's place in the report.
export function rowsOf({ index }) {
  const columns = Object.entries(index);
  // All keys from the beginning: browsers are slow with objects that grow.
  const keys = ["at", "status", ...Object.keys(index), "standing", "open_changes", "remarks"];
  const empty = Object.fromEntries(keys.map((key) => [key, null]));
  return index.name.map((_, at) => {
    const row = { ...empty, at };
    for (const [key, values] of columns) row[key] = values[at];
    row.status = row.verdict; // the page shows what counts
    return row;
  });
}

// The same by name; a repeated name counts at its first place.
export function byName(rows) {
  const found = new Map();
  for (const row of rows) if (!found.has(row.name)) found.set(row.name, row);
  return found;
}

// What stands for a row whose file is not there: nothing is known, and instead of pictures it is said why.
function without(error) {
  const figures = ["combined", "seconds", ..."rgba"].map((key) => [key.length > 1 ? key : `max_diff_${key}`, null]);
  const pictures = Object.fromEntries(["first", "second", "delta"].map((side) => [side, { error }]));
  const empty = { messages: "", regions: [], marks: [], first: [null, null], second: [null, null] };
  return { ...Object.fromEntries(figures), ...empty, pictures };
}

export class Details {
  // rows: by name. files: see source.js.
  constructor({ shards, left_out }, rows, files) {
    Object.assign(this, { shards, leftOut: left_out, rows, files, kept: lru(KEPT) });
  }

  // The record of a row: what is listed, and all else.
  async of(name) {
    const row = this.rows.get(name);
    const file = this.shards.files[Math.floor(row.at / this.shards.rows)];
    try {
      const found = await (this.kept.get(file) ?? this.kept.set(file, this.load(file)));
      return { ...found[row.at % this.shards.rows], ...row };
    } catch {
      this.kept.delete(file); // the next time it is loaded again
      return { ...without(`The report lacks values/${file}.js: copy its whole folder.`), ...row };
    }
  }

  async load(file) {
    const rows = JSON.parse(new TextDecoder().decode(await this.files.bytes(file)));
    for (const row of rows) row.pictures ??= this.leftOut;
    return rows;
  }
}
