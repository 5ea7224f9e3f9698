// Names of rows: what part of them a table shows, and which pass a filter.

// Return the folder that all of these names share, with the / at its end; empty if they share none.
export function commonFolder(names) {
  if (!names.length) return "";
  let common = names[0].slice(0, names[0].lastIndexOf("/") + 1);
  for (const name of names) {
    while (!name.startsWith(common)) common = common.slice(0, common.lastIndexOf("/", common.length - 2) + 1);
    if (!common) break;
  }
  return common;
}

// Return the last part of a name, and its folder without what all names share.
export function parts(name, common) {
  const end = name.lastIndexOf("/") + 1;
  return { base: name.slice(end), folder: name.slice(name.startsWith(common) ? common.length : 0, end) };
}

// Return a test for names: they contain the text, or match it if it has * or ?.
export function nameTest(text) {
  const wanted = text.trim().normalize("NFC").toLowerCase();
  if (!wanted) return () => true;
  const plain = (name) => name.normalize("NFC").toLowerCase();
  if (!/[*?]/.test(wanted)) return (name) => plain(name).includes(wanted);
  const escaped = wanted.replace(/[\\^$.+|()[\]{}/]/g, "\\$&");
  const pattern = new RegExp(`^${escaped.replaceAll("*", ".*").replaceAll("?", ".")}$`, "su");
  return (name) => pattern.test(plain(name));
}
