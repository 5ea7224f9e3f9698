// The report: the notebook's viewer beside a table of all rows, fed from files instead of by a kernel.
//
// It stands behind elements.js and viewer.js in one plain script, because browsers load neither modules nor data
// into a page that comes from a disk. What they do load are pictures and scripts:
//
//   pictures/NAME      what is shown, as an ordinary file
//   values/NAME.js     the pixels for the readout: take(NAME, TEXT), a picture file in base64
//
// In the form that is one file, either is the text of an element whose id is NAME, in base64.
//
// File names and messages come from files of others: they are set as text, never as markup.

const STATUSES = ["error", "missing", "extra", "changed", "same"]; // what needs a look first
const DECISIONS = ["accept", "reject", "ignore"];
const ROW = 26; // px, as in report.css
const SPARE = 30; // rows drawn above and below of what is seen
const REST = 200; // ms without another row, after which the address follows
const EMPTY = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";
const TYPES = { png: "image/png", jpg: "image/jpeg", webp: "image/webp" };
const JUMPS = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };

// --- files ------------------------------------------------------------------------------------------------

function bytesOf(text) {
  const binary = atob(text.trim());
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

// Both forms: url(name) of a picture, done(url) when it is no longer shown, bytes(name) for the readout.
function filesBeside() {
  const come = new Map();
  window.take = (name, text) => come.set(name, text);
  return {
    url: async (name) => `pictures/${name}`,
    done() {},
    bytes: (name) =>
      new Promise((resolve, reject) => {
        const script = element("script", { src: `values/${name}.js` });
        script.onload = script.onerror = () => {
          script.remove();
          const text = come.get(name);
          come.delete(name);
          if (text === undefined) reject(new Error("they are not in the report's folder"));
          else resolve(bytesOf(text));
        };
        document.head.append(script);
      }),
  };
}

function filesInside() {
  // The page is used while it is still being read: a file is whole when something follows it.
  async function bytes(name) {
    for (;;) {
      const found = document.getElementById(name);
      if (found?.nextSibling || (found && document.readyState !== "loading")) return bytesOf(found.textContent);
      if (document.readyState !== "loading") throw new Error("they are not in the report");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  return {
    url: async (name) => URL.createObjectURL(new Blob([await bytes(name)], { type: TYPES[name.split(".").pop()] })),
    done: (url) => URL.revokeObjectURL(url),
    bytes,
  };
}

// --- exact pixels -----------------------------------------------------------------------------------------

// Pixels of a file: samples row by row, each row with `lead` bytes in front. A canvas with a picture from a disk
// cannot be read, and any canvas holds colours multiplied by alpha. So PNG files are decoded here, those of 8 bits a
// channel that are not interlaced; report.py writes such ones of most other files. Opaque JPEG and WebP files, which
// would be ten times as large then, are decoded by the browser, and believed if it has done that as report.py has.
function readFile(bytes, { values, sha256 }) {
  return sha256 ? readDrawn(bytes, TYPES[values.split(".").pop()], sha256) : readPng(bytes);
}

async function readDrawn(bytes, type, sha256) {
  if (!crypto.subtle) throw new Error("browsers can check JPEG and WebP files only in a page from a disk or from https");
  const asStored = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
  const bitmap = await createImageBitmap(new Blob([bytes], { type }), asStored);
  const { width, height } = bitmap;
  const context = element("canvas", { width, height }).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const rows = context.getImageData(0, 0, width, height).data;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", rows));
  const found = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  if (found !== sha256) throw new Error("this browser decodes the file otherwise than the comparison did");
  return { width, height, channels: 4, lead: 0, rows };
}

async function readPng(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const packed = [];
  let [width, height, kind] = [0, 0, 0];
  let [palette, alpha] = [null, null];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const data = bytes.subarray(at + 8, at + 8 + length);
    if (name === "IHDR") [width, height, kind] = [view.getUint32(at + 8), view.getUint32(at + 12), data[9]];
    else if (name === "PLTE") palette = data;
    else if (name === "tRNS") alpha = data;
    else if (name === "IDAT") packed.push(data);
    else if (name === "IEND") break;
    at += length + 12;
  }
  const channels = [1, 0, 3, 1, 2, 0, 4][kind];
  const inflated = new Blob(packed).stream().pipeThrough(new DecompressionStream("deflate"));
  const unpacked = new Response(inflated).arrayBuffer().catch(() => {
    throw new Error("this browser cannot unpack the file's pixels"); // bytes behind the end are enough
  });
  const rows = new Uint8Array(await unpacked);
  unfilter(rows, height, 1 + width * channels, channels);
  return { width, height, channels, lead: 1, rows, colours: kind === 3 ? { palette, alpha } : null };
}

// In place; a row has its filter in front (PNG specification, chapter 9).
function unfilter(rows, height, stride, back) {
  for (let y = 0; y < height; y += 1) {
    const from = y * stride + 1;
    const to = from + stride - 1;
    const filter = rows[from - 1];
    const up = y ? stride : 0;
    if (filter === 1) {
      for (let at = from + back; at < to; at += 1) rows[at] += rows[at - back];
    } else if (filter === 2) {
      if (up) for (let at = from; at < to; at += 1) rows[at] += rows[at - up];
    } else if (filter === 3) {
      for (let at = from; at < to; at += 1) {
        rows[at] += ((at - back >= from ? rows[at - back] : 0) + (up ? rows[at - up] : 0)) >> 1;
      }
    } else if (filter === 4) {
      for (let at = from; at < to; at += 1) {
        const inside = at - back >= from;
        const left = inside ? rows[at - back] : 0;
        const above = up ? rows[at - up] : 0;
        const corner = inside && up ? rows[at - up - back] : 0;
        const [a, b, c] = [Math.abs(above - corner), Math.abs(left - corner), Math.abs(left + above - 2 * corner)];
        rows[at] += a <= b && a <= c ? left : b <= c ? above : corner;
      }
    }
  }
}

// RGBA of up to TILE x TILE px from (x, y) on.
function piece({ width, height, channels, lead, rows, colours }, x, y) {
  const wide = between(0, width - x, TILE);
  const high = between(0, height - y, TILE);
  const data = new Uint8Array(4 * wide * high);
  let to = 0;
  for (let row = y; row < y + high; row += 1) {
    let at = row * (lead + width * channels) + lead + x * channels;
    for (let column = 0; column < wide; column += 1, at += channels, to += 4) {
      const value = rows[at];
      if (colours) data.set([...colours.palette.subarray(3 * value, 3 * value + 3), colours.alpha?.[value] ?? 255], to);
      else if (channels < 3) data.set([value, value, value, channels === 2 ? rows[at + 1] : 255], to);
      else data.set([value, rows[at + 1], rows[at + 2], channels === 4 ? rows[at + 3] : 255], to);
    }
  }
  return { width: wide, height: high, data };
}

// --- what the viewer asks for -----------------------------------------------------------------------------

// rows: by name. order(): names in the order shown, for the neighbours.
function reportSource(rows, files, order) {
  const calls = { rows: new Set(), trouble: new Set() };
  const tell = (event, value) => calls[event].forEach((call) => call(value));
  const shown = lru(4, (sides) => {
    for (const found of Object.values(sides)) found.then(({ url }) => files.done(url), () => {});
  });
  const decoded = lru(2); // the two of one row

  async function fetchPicture(name, side) {
    const found = rows.get(name).pictures[side];
    if (found.error) throw new Error(found.error);
    if (!found.file) return { ...found, url: EMPTY }; // a delta of equal pictures
    const url = await files.url(found.file);
    try {
      return { ...found, url, probe: await probed(url) }; // as long as it is there, it need not be decoded again
    } catch {
      files.done(url);
      throw new Error(`${side} cannot be shown: the browser refuses the file, or the report lacks pictures/${found.file}.`);
    }
  }

  async function pixelsOf(name, side) {
    const found = rows.get(name).pictures[side];
    if (found.error) return null;
    if (!found.values) throw new Error("the picture is too large");
    const read = () => files.bytes(found.values).then((bytes) => readFile(bytes, found));
    return decoded.get(found.values) ?? decoded.set(found.values, read());
  }

  return {
    async record(name) {
      const row = rows.get(name);
      const names = order();
      const place = names.indexOf(name);
      return {
        ...row,
        place,
        total: names.length,
        previous: names[place - 1] ?? null,
        next: names[place + 1] ?? null, // the first one, from a row that the filters hide
        regions: row.regions.map((box) => box.slice(0, 4)),
      };
    },
    picture(name, side) {
      const sides = shown.get(name) ?? shown.set(name, {});
      if (!sides[side]) {
        sides[side] = fetchPicture(name, side);
        sides[side].catch(() => delete sides[side]);
      }
      return sides[side];
    },
    async regions(name) {
      const { regions } = rows.get(name);
      if (regions.some(([, , , , pixels]) => pixels === null)) throw new Error("their pixels were not counted");
      return [...regions].sort((one, other) => other[4] - one[4]);
    },
    async tile(name, x, y) {
      const found = {};
      const problems = [];
      for (const side of SIDES) {
        found[side] = { width: 0, height: 0, data: new Uint8Array(0) };
        try {
          const picture = await pixelsOf(name, side);
          if (picture) found[side] = piece(picture, x, y);
        } catch (error) {
          decoded.delete(rows.get(name).pictures[side].values);
          problems.push(`The values of ${side} cannot be read here: ${error.message}.`);
        }
      }
      tell("trouble", problems.join(" "));
      return found;
    },
    only: () => tell("trouble", ""),
    on(event, call) {
      calls[event].add(call);
      return () => calls[event].delete(call);
    },
    changed: () => tell("rows", false),
    close: () => shown.clear(),
  };
}

function plainState(values) {
  const calls = {};
  return {
    get: (key) => values[key],
    set(wanted) {
      const changed = Object.keys(wanted).filter((key) => values[key] !== wanted[key]);
      Object.assign(values, wanted);
      for (const key of changed) calls[key]?.forEach((call) => call());
    },
    on(key, call) {
      (calls[key] ??= new Set()).add(call);
      return () => calls[key].delete(call);
    },
  };
}

// --- the table --------------------------------------------------------------------------------------------

const compared = (row) => row.num_diff_pixels !== null || row.regions.length > 0;
const percent = (value) => (value === 0 ? "0" : value < 0.001 ? "<0.001" : value.toFixed(value < 1 ? 3 : value < 100 ? 1 : 0));
const score = (value) => (value === 1 ? "1" : Math.min(value, 0.9999).toFixed(4));
const rank = (words) => (word) => (words.includes(word) ? words.indexOf(word) : word ? words.length : null);

// heading, what it means, what it is sorted by, how it is written; the larger, the more there is to see: then
// a first click puts that on top.
const COLUMNS = {
  status: ["status", "Status", (row) => rank(STATUSES)(row.status), (row) => row.status ?? ""],
  name: ["name", "Name", (row) => row.name, (row) => row.name],
  percent: ["%", "Differing pixels, %", (row) => row.pixel_diff_percent, (row) => percent(row.pixel_diff_percent), true],
  ssim: ["SSIM", "Structural similarity", (row) => row.ssim_score, (row) => score(row.ssim_score)],
  regions: ["regions", "Regions", (row) => (compared(row) ? row.regions.length : null), (row) => row.regions.length, true],
  decision: ["decision", "Decision", (row) => rank(DECISIONS)(row.decision), (row) => row.decision],
};

function compare(one, other, sign) {
  if (one === null || other === null) return (one === null) - (other === null); // those without a value stand last
  return one < other ? -sign : one > other ? sign : 0;
}

// Which names pass: those that contain the text, or match it where it has * or ?.
function nameTest(text) {
  const wanted = text.trim().normalize("NFC").toLowerCase();
  const plain = (name) => name.normalize("NFC").toLowerCase();
  if (!/[*?]/.test(wanted)) return (name) => plain(name).includes(wanted);
  const escaped = wanted.replace(/[\\^$.+|()[\]{}/]/g, "\\$&");
  const pattern = new RegExp(`^${escaped.replaceAll("*", ".*").replaceAll("?", ".")}$`, "su");
  return (name) => pattern.test(plain(name));
}

// The rows that are seen, and a gap above and below: so many rows cost no more than few.
function makeTable(columns, choose, sort) {
  const body = element("tbody");
  const headings = Object.fromEntries(
    columns.map((key) => {
      const [label, title] = COLUMNS[key];
      const heading = element("th", { scope: "col", "data-column": key });
      const turn = "click: order by it, again: the other way round, then as given";
      heading.append(element("button", { type: "button", title: `${title}; ${turn}`, text: label, call: () => sort(key) }));
      return [key, heading];
    }),
  );
  const grid = element("table", { role: "grid", "aria-label": "Rows; the arrow keys choose one" });
  grid.append(element("thead", {}, element("tr", {}, ...Object.values(headings))), body);
  const empty = element("p", { class: "mmr-empty", text: "No row passes the filters.", hidden: "" });
  const area = element("div", { class: "mmr-table", tabindex: "0" }, grid, empty);
  let rows = [];
  let current = "";
  let drawn = [0, -1];
  let pending = 0;

  function gap(height) {
    const cell = element("td");
    cell.style.height = `${height}px`;
    return element("tr", { class: "mmr-gap", "aria-hidden": "true" }, cell);
  }

  // Where there is no room for all of a name, its end is shown: report.css lets it run from the right.
  function path(name) {
    const end = name.lastIndexOf("/") + 1;
    const parts = [element("span", { class: "mmr-quiet", text: name.slice(0, end) }), name.slice(end)];
    return element("div", { class: "mmr-path", title: name }, element("bdi", { dir: "ltr" }, ...parts));
  }

  function line(row, place) {
    const made = element("tr", { "data-row": place, "aria-rowindex": place + 2, title: row.messages ?? "" });
    for (const key of columns) {
      const [, , value, text] = COLUMNS[key];
      const cell = element("td", { "data-column": key });
      if (key === "name") cell.append(path(row.name));
      else if (value(row) !== null) cell.textContent = text(row);
      if (key === "status") cell.dataset.status = row.status ?? "";
      made.append(cell);
    }
    return made;
  }

  function draw() {
    pending = 0;
    const seen = [area.scrollTop, area.scrollTop + area.clientHeight].map((y) => between(0, Math.floor(y / ROW), rows.length));
    if (drawn[0] <= seen[0] && seen[1] <= drawn[1]) return;
    const [from, to] = (drawn = [Math.max(seen[0] - SPARE, 0), Math.min(seen[1] + SPARE, rows.length)]);
    const lines = rows.slice(from, to).map((row, index) => line(row, from + index));
    body.replaceChildren(gap(from * ROW), ...lines, gap((rows.length - to) * ROW));
    select();
  }
  function select() {
    for (const made of body.querySelectorAll("[data-row]")) made.setAttribute("aria-selected", rows[made.dataset.row].name === current);
  }
  const schedule = () => (pending ||= requestAnimationFrame(draw));
  area.addEventListener("scroll", schedule);
  new ResizeObserver(schedule).observe(area);
  body.addEventListener("click", (event) => {
    const found = event.target.closest("[data-row]");
    if (found) choose(rows[found.dataset.row].name);
  });

  return {
    area,
    fill(wanted, by, falls) {
      rows = wanted;
      drawn = [0, -1];
      grid.setAttribute("aria-rowcount", rows.length + 1);
      empty.hidden = rows.length > 0;
      for (const [key, heading] of Object.entries(headings)) {
        if (key === by) heading.setAttribute("aria-sort", falls ? "descending" : "ascending");
        else heading.removeAttribute("aria-sort");
      }
      draw();
    },
    mark(name) {
      current = name;
      const place = rows.findIndex((row) => row.name === name);
      if (place >= 0) {
        const room = area.clientHeight - area.querySelector("thead").offsetHeight;
        if (place * ROW < area.scrollTop) area.scrollTop = place * ROW;
        else if ((place + 1) * ROW > area.scrollTop + room) area.scrollTop = (place + 1) * ROW - room;
      }
      draw();
      select();
    },
  };
}

// --- the page ---------------------------------------------------------------------------------------------

// A row's address: its name behind #, with what an address cannot hold percent-encoded.
const address = (name) => `#${encodeURIComponent(name).replaceAll("%2F", "/")}`;
function addressed() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return location.hash.slice(1); // typed by hand
  }
}

function startReport(page, report) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => (document.body.dataset.jpThemeLight = !dark.matches);
  dark.addEventListener("change", theme);
  theme();

  const rows = new Map();
  for (const row of report.rows) if (!rows.has(row.name)) rows.set(row.name, row);
  const filters = { statuses: new Set(), code: "", decision: "", text: "" };
  const order = { by: null, falls: false };
  let shown = report.rows;
  let names = shown.map((row) => row.name);

  const files = report.embedded ? filesInside() : filesBeside();
  const source = reportSource(rows, files, () => names);
  const wanted = addressed();
  const state = plainState({ row: rows.has(wanted) ? wanted : (names[0] ?? ""), mode: "side-by-side", region: -1 });
  const choose = (name) => state.set({ row: name, region: -1 });

  // head and filters
  const count = (key, value) => report.rows.filter((row) => (row[key] ?? "") === value).length;
  const some = (key) => [...new Set(report.rows.map((row) => row[key] ?? ""))].filter(Boolean).sort();
  const summary = element("span", { role: "status" });
  const statusButtons = STATUSES.filter((status) => count("status", status)).map((status) => {
    const text = `${number(count("status", status))} ${status}`;
    const call = () => {
      if (!filters.statuses.delete(status)) filters.statuses.add(status);
      apply();
    };
    return element("button", { type: "button", "data-status": status, text, call });
  });
  function select(key, label, options) {
    const made = element("select", { "aria-label": label }, ...options.map(([value, text]) => element("option", { value, text })));
    made.addEventListener("change", () => {
      filters[key] = made.value;
      apply();
    });
    return made;
  }
  const codes = select("code", "Code", [["", "every code"], ...some("code").map((code) => [code, `${code} (${number(count("code", code))})`])]);
  const decisions = select("decision", "Decision", [
    ["", "every decision"],
    ["none", `undecided (${number(count("decision", ""))})`],
    ...some("decision").map((word) => [word, `${word} (${number(count("decision", word))})`]),
  ]);
  decisions.hidden = !report.decisions;
  const search = element("input", { type: "search", placeholder: "Name contains, or * ?", "aria-label": "Name contains; * stands for anything, ? for one character", spellcheck: "false" });
  search.addEventListener("input", () => {
    filters.text = search.value;
    apply();
  });
  const clear = button("Show all rows", "", showAll);
  const noticeText = element("span");
  const noticeButton = button("Show all rows", "", showAll);
  const notice = element("p", { class: "mmr-notice", role: "status", hidden: "" }, noticeText, noticeButton);
  const facts = report.facts.map(([label, text]) => element("span", { class: "mmr-quiet" }, `${label} `, element("bdi", { text })));
  const columns = Object.keys(COLUMNS).filter((key) => key !== "decision" || report.decisions);
  const table = makeTable(columns, choose, sort);
  const root = element("div");
  page.replaceChildren(
    element("div", { class: "mmr-head" }, element("h1", { text: report.title }), ...facts),
    element("div", { class: "mmr-bar" }, element("div", { class: "mmr-statuses", role: "group", "aria-label": "Status" }, ...statusButtons), codes, decisions, search, clear, summary),
    notice,
    element("div", { class: "mmr-body" }, table.area, element("div", { class: "mmr-viewer" }, root)),
  );

  function sort(key) {
    const first = Boolean(COLUMNS[key][4]);
    if (order.by !== key) Object.assign(order, { by: key, falls: first });
    else if (order.falls === first) order.falls = !first;
    else order.by = null;
    apply();
  }

  function showAll() {
    Object.assign(filters, { code: "", decision: "", text: "" });
    filters.statuses.clear();
    [codes.value, decisions.value, search.value] = ["", "", ""];
    apply();
  }

  function refill() {
    const named = nameTest(filters.text);
    shown = report.rows.filter(
      (row) =>
        (!filters.statuses.size || filters.statuses.has(row.status)) &&
        (!filters.code || row.code === filters.code) &&
        (!filters.decision || (row.decision || "none") === filters.decision) &&
        named(row.name),
    );
    if (order.by) {
      const value = COLUMNS[order.by][2];
      const sign = order.falls ? -1 : 1;
      shown.sort((one, other) => compare(value(one), value(other), sign));
    }
    names = shown.map((row) => row.name);
    summary.textContent = `${number(shown.length)} of ${number(report.rows.length)} rows shown`;
    clear.hidden = shown.length === report.rows.length;
    for (const made of statusButtons) made.setAttribute("aria-pressed", filters.statuses.has(made.dataset.status));
    table.fill(shown, order.by, order.falls);
    follow();
  }

  // Filters chosen by hand never leave a row on the screen that is not in the table.
  function apply() {
    refill();
    if (names.length && !names.includes(state.get("row"))) choose(names[0]);
    else source.changed();
  }

  function follow() {
    const row = state.get("row");
    table.mark(row);
    tell(row && !names.includes(row) ? "The row in the viewer is one that the filters hide." : "", true);
  }

  function tell(text, offer) {
    noticeText.textContent = text;
    noticeButton.hidden = !offer;
    notice.hidden = !text;
  }

  // The address and the row are one: the address follows when a person rests, back and forward lead to rows.
  let timer = 0;
  let followed = ""; // the address that has followed, until the browser tells of it
  function remember() {
    clearTimeout(timer);
    const before = location.hash;
    timer = setTimeout(() => {
      if (location.hash !== before) return; // a person has chosen another address
      if (addressed() === state.get("row")) return;
      location.hash = address(state.get("row"));
      if (location.hash !== before) followed = location.href;
    }, REST);
  }
  function visit() {
    const name = addressed();
    if (name === state.get("row")) follow(); // it is shown: the region stays
    else if (rows.has(name)) choose(name);
    else if (name) tell(`This report has no row named ${name}.`, false);
  }
  addEventListener("hashchange", ({ newURL }) => {
    if (newURL === followed) followed = ""; // it leads nowhere: a person may be at the next row already
    else visit();
  });

  state.on("row", () => {
    follow();
    remember();
  });

  // The viewer's keys serve everywhere but where they mean something else.
  document.addEventListener("keydown", (event) => {
    const { target, key, shiftKey } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || key === "Tab") return;
    if (target.closest("input, select") || root.contains(target)) return;
    if (target.closest("button") && (key === "Enter" || key === " ")) return;
    if (key in JUMPS && table.area.contains(target)) {
      const place = names.indexOf(state.get("row"));
      const to = place < 0 && key !== "End" ? 0 : place + JUMPS[key]; // a row that the filters hide has no place
      if (names.length) choose(names[between(0, to, names.length - 1)]);
      event.preventDefault();
    } else if (!root.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey, cancelable: true }))) {
      event.preventDefault();
    }
  });

  refill();
  createViewer(root, source, state);
  root.focus({ preventScroll: true });
  if (wanted) visit();
  else if (state.get("row")) location.replace(address(state.get("row")));
}

startReport(document.getElementById("mmr"), JSON.parse(document.getElementById("mmr-report").textContent));
