// What the page does for the explorer. Rows, filters and the order are Python's; here the table is scrolled to
// the current row and shows what is decided, its headings and keys are turned into messages, and a kernel is
// asked for. Keys that decide go to the viewer, which knows what they mean, when it shows the row marked here.
//
//   {kind: "hello"}        asked once; the answer {kind: "awake"} hides the sentence for pages without a kernel
//   {kind: "order", by}    a heading was clicked
//   {kind: "step", by}     a key was pressed in the table: so many rows on; {kind: "stepped"} when that is done

const SCALE = "Gray: all rows, blue: those shown. Square-root scale: twice as high means four times as many.";
const STEPS = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -1e9, End: 1e9 };
const DECIDING = ["a", "r", "i", "u", "t", "Backspace", "Delete"];

function hide(sentence, hidden) {
  // JupyterLab gives every output a frame and a margin of its own.
  const frame = sentence?.closest(".jp-OutputArea-child") ?? sentence;
  if (frame) frame.style.display = hidden ? "none" : "";
}

// Whether these are all rows in the order in which the table came.
function isWhole(rows, count) {
  if (rows.byteLength !== 4 * count) return false;
  for (let place = 0; place < count; place += 1) if (rows.getInt32(4 * place, true) !== place) return false;
  return true;
}

function render({ model, el }) {
  const ending = new AbortController();
  const watchers = [];
  let stepped = () => {};

  function awake(message) {
    if (message?.kind === "stepped") stepped();
    if (message?.kind === "awake") hide(document.getElementById(`mme-${model.get("key")}`), true);
  }
  model.on("msg:custom", awake);
  model.send({ kind: "hello" });

  function start(root) {
    const area = root.querySelector(".mme-table");
    const column = model.get("columns").indexOf("decision");
    let table = null;
    let height = 0;
    let every = []; // all rows, as the table had them at first
    let shown = null; // what Python said of them last, and the table has
    let decided = null; // the same of what is decided

    // The rows that pass the filters, in their order. Sending them anew takes three times as long.
    function fill() {
      const rows = model.get("rows");
      if (!table || shown === rows) return;
      shown = rows;
      decide();
      const places = new Int32Array(rows.buffer.slice(rows.byteOffset, rows.byteOffset + rows.byteLength));
      const container = table.table().container();
      container.isFilling = true; // what is chosen now is not what a person chose
      table.clear();
      table.rows.add(Array.from(places, (place) => every[place])).draw();
      if (model.get("place") >= 0) table.row(model.get("place")).select();
      container.isFilling = false;
      reveal();
    }

    function decide() {
      const marks = model.get("decisions");
      if (!table || decided === marks || marks.byteLength !== every.length) return;
      decided = marks;
      const changed = new Set();
      every.forEach((row, place) => {
        if (row[column] === marks.getUint8(place)) return;
        row[column] = marks.getUint8(place);
        changed.add(row);
      });
      table.rows((_, row) => changed.has(row)).invalidate();
    }

    // The question takes the place of the buttons, and the focus, if it was there.
    function ask() {
      const asking = Boolean(model.get("asking"));
      const [before, after] = [".mme-all", ".mme-ask"].map((part) => root.querySelector(part));
      const inside = (asking ? before : after).contains(document.activeElement);
      root.classList.toggle("mme-asking", asking);
      if (inside) (asking ? after.querySelector("button:last-child") : area.querySelector(".dt-scroll-body")).focus();
    }

    function reveal() {
      const place = model.get("place");
      if (!table || place < 0 || place >= table.rows().count()) return;
      const body = area.querySelector(".dt-scroll-body");
      height ||= body.querySelector("tbody tr")?.getBoundingClientRect().height ?? 0;
      const [top, bottom] = [place * height, (place + 1) * height];
      // As long as the browser can scroll so far, a row's place is its number times its height.
      if (top < body.scrollTop) body.scrollTop = top;
      else if (bottom > body.scrollTop + body.clientHeight) body.scrollTop = bottom - body.clientHeight;
    }

    const waiting = []; // keys that decide and came too early, and the steps after them
    let steps = 0; // asked for and not answered
    const coming = new MutationObserver(pass);
    watchers.push(coming);

    function pass() {
      while (waiting.length) {
        const { key } = waiting[0];
        if (key in STEPS) {
          steps += 1;
          model.send({ kind: "step", by: STEPS[key] });
        } else {
          const place = model.get("place");
          const viewed = root.querySelector(".mmv-place"); // empty until the viewer has the row
          if (place >= 0 && (steps || !viewed.textContent || table?.rows({ selected: true }).indexes()[0] !== place)) {
            coming.observe(viewed, { childList: true });
            return;
          }
          root.querySelector(".mmv").dispatchEvent(new KeyboardEvent("keydown", waiting[0]));
          if (key.toLowerCase() === "t") waiting.length = 0; // what follows was meant for the note
        }
        waiting.shift();
      }
      coming.disconnect();
    }
    stepped = () => {
      steps -= 1;
      pass();
    };

    function mark() {
      const [by, falls] = model.get("order");
      area.querySelectorAll(".dt-scroll-head th").forEach((heading, index) => {
        const column = model.get("columns")[index];
        heading.tabIndex = 0;
        heading.title = "Order by this column; once more turns the order round";
        if (column === by) heading.setAttribute("aria-sort", falls ? "descending" : "ascending");
        else heading.removeAttribute("aria-sort");
      });
    }

    function measure() {
      if (!table || !area.clientHeight) return;
      const [head, body] = [".dt-scroll-head", ".dt-scroll-body"].map((part) => area.querySelector(part));
      body.style.maxHeight = `${area.clientHeight - head.offsetHeight}px`; // what the scroller goes by
      table.scroller.measure();
      height = 0;
      reveal();
    }

    function found() {
      const now = area.querySelector(".dt-container")?.dataTable ?? null;
      if (!now || now === table) return;
      table = now;
      every = table.rows().data().toArray();
      shown = null;
      const body = area.querySelector(".dt-scroll-body");
      body.tabIndex = 0;
      body.setAttribute("role", "region");
      body.setAttribute("aria-label", "Rows; the arrow keys choose one");
      mark();
      measure();
      decided = null;
      decide();
      if (!isWhole(model.get("rows"), every.length)) fill();
    }

    const seen = new MutationObserver(found);
    seen.observe(area, { childList: true, subtree: true });
    const sized = new ResizeObserver(measure);
    sized.observe(area);
    watchers.push(seen, sized);

    function order(event) {
      const heading = event.target.closest(".dt-scroll-head th");
      if (heading) model.send({ kind: "order", by: model.get("columns")[heading.cellIndex] });
      return Boolean(heading);
    }
    root.querySelectorAll(".mme-range").forEach((range, index) => {
      const title = range.querySelector(".widget-label").textContent;
      const readout = range.querySelector(".widget-readout");
      readout.id = `mme-${model.get("key")}-${index}`;
      const bars = range.querySelector(".mme-histogram");
      bars.alt = `How many rows have which value: ${title}; square-root scale`;
      bars.title = SCALE;
      range.querySelectorAll(".noUi-handle").forEach((handle, end) => {
        handle.setAttribute("aria-label", `${title}, ${end ? "to" : "from"}`);
        handle.setAttribute("aria-describedby", readout.id);
      });
    });
    // JupyterLab's command mode stays out, which asks the focused element first: a key would cut the cell.
    root.addEventListener(
      "focusin",
      ({ target }) => {
        if (!target.matches(":read-write")) target.setAttribute("data-lm-suppress-shortcuts", "true");
      },
      { signal: ending.signal },
    );
    area.addEventListener("click", order, { signal: ending.signal });
    area.addEventListener(
      "keydown",
      (event) => {
        const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
        const command = (event.ctrlKey || event.metaKey) && !event.altKey;
        if (command ? key === "z" || key === "y" : !event.altKey && DECIDING.includes(key)) {
          event.preventDefault();
          waiting.push(event);
          return pass();
        }
        if (command || event.altKey) return;
        if (["Enter", " "].includes(event.key) && order(event)) event.preventDefault();
        if (!(event.key in STEPS) || event.target.closest(".dt-scroll-head")) return;
        event.preventDefault();
        waiting.push(event);
        pass();
      },
      { signal: ending.signal },
    );
    root.querySelector(".mme-ask").addEventListener(
      "keydown",
      (event) => event.key === "Escape" && event.currentTarget.querySelector("button:last-child").click(),
      { signal: ending.signal },
    );
    const follow = { rows: fill, decisions: decide, place: reveal, order: mark, asking: ask };
    for (const [trait, call] of Object.entries(follow)) model.on(`change:${trait}`, call);
    ending.signal.addEventListener("abort", () => {
      for (const [trait, call] of Object.entries(follow)) model.off(`change:${trait}`, call);
    });
    found();
  }

  whenAttached(el, ".mme", ending.signal, start);

  return () => {
    ending.abort();
    watchers.forEach((watcher) => watcher.disconnect());
    model.off("msg:custom", awake);
    hide(document.getElementById(`mme-${model.get("key")}`), false);
  };
}

export default { render };
