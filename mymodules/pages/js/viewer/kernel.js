// The viewer in a notebook.
//
//   kernelSource(model)   where pictures and pixels come from: the kernel, by messages
//   render                what anywidget calls: this and createViewer put together

// Pictures and pixels by messages from the kernel, which answers one at a time: what matters first is asked first,
// and what nobody waits for any more is not asked at all.
function kernelSource(model) {
  const AT_ONCE = 2;
  const ORDER = -1; // the rank of what is sent at once
  const PATIENCE = 2500; // ms
  const mine = Math.random().toString(36).slice(2);
  const calls = { rows: new Set(), trouble: new Set(), decided: new Set() };
  const under = new Map(); // asked and not answered
  let waiting = [];
  let count = 0;
  let gone = false;
  let timer = 0;
  const tell = (event, value) => calls[event].forEach((call) => call(value));
  const dropped = () => Object.assign(new Error("no longer wanted"), { dropped: true });

  const records = lru(64);
  const tiles = lru(200);
  const shown = lru(4, (sides) => {
    for (const found of Object.values(sides)) found.then(({ url }) => URL.revokeObjectURL(url), () => {});
  });

  function watch() {
    clearTimeout(timer);
    if (gone) return;
    tell("trouble", "");
    if (!under.size) return;
    timer = setTimeout(doubt, PATIENCE);
  }

  // A kernel that is busy answers later; to one that has gone, nothing can be sent.
  function doubt() {
    tell("trouble", "Waiting for the kernel: it is busy, or there is none. Then run the cell again.");
    try {
      model.send({ kind: "still there" });
      timer = setTimeout(doubt, 2 * PATIENCE);
    } catch {
      end();
    }
  }

  function send() {
    waiting.sort((one, other) => one.rank - other.rank || one.number - other.number);
    while (!gone && waiting.length && (under.size < AT_ONCE || waiting[0].rank === ORDER)) {
      const next = waiting.shift();
      under.set(`${mine}-${next.number}`, next);
      try {
        model.send({ id: `${mine}-${next.number}`, ...next.asked });
      } catch {
        end(); // its kernel has been restarted or shut down
      }
    }
    watch();
  }

  function ask(rank, asked) {
    return new Promise((resolve, reject) => {
      if (gone) return reject(new Error(GONE));
      count += 1;
      waiting.push({ rank, asked, resolve, reject, number: count });
      send();
    });
  }

  // What a person has decided waits for no picture, and is not dropped with its row.
  const order = (asked) => ask(ORDER, asked).then(([answer]) => answer);

  function take(answer, buffers) {
    if (answer.kind === "rows") {
      records.clear();
      if (answer.fresh) {
        shown.clear();
        tiles.clear();
      }
      return tell("rows", answer.fresh);
    }
    if (answer.kind === "decided") {
      records.clear();
      return tell("decided", answer);
    }
    const entry = under.get(answer.id);
    if (!entry) return; // of another view
    under.delete(answer.id);
    if (answer.error) entry.reject(new Error(answer.error));
    else entry.resolve([answer, buffers ?? []]);
    send();
  }
  model.on("msg:custom", take);

  const GONE = "The kernel has ended: run the cell again.";
  function end() {
    gone = true;
    clearTimeout(timer);
    tell("trouble", GONE);
    for (const entry of [...under.values(), ...waiting]) entry.reject(new Error(GONE));
    under.clear();
    waiting = [];
  }

  // One promise for all who ask; a failure is forgotten, so that the next one tries again.
  function once(cache, key, make) {
    const known = cache.get(key);
    if (known) return known;
    const promise = make();
    cache.set(key, promise);
    promise.catch(() => cache.get(key) === promise && cache.delete(key));
    return promise;
  }

  async function fetchPicture(name, side, ahead, encode = false) {
    const rank = ahead ? 9 : side === "delta" ? 2 : 1;
    const [answer, [buffer]] = await ask(rank, { kind: "picture", name, side, encode });
    const url = URL.createObjectURL(new Blob([buffer], { type: answer.type }));
    try {
      await probed(url);
    } catch {
      URL.revokeObjectURL(url);
      if (encode) throw new Error(`${side} cannot be shown: the browser refuses it, perhaps for its size.`);
      return fetchPicture(name, side, ahead, true);
    }
    const { width, height, encoded, changed } = answer;
    return { url, width, height, encoded, changed };
  }

  return {
    record: (name) =>
      once(records, name, async () => {
        const [answer] = await ask(0, { kind: "record", name });
        tell("decided", answer.deciding);
        return answer.record;
      }),
    async decide(name, decision, note, on) {
      const done = await order({ kind: "decide", name, decision, note, on });
      return { decision: done.decision, note: done.note };
    },
    undo: () => order({ kind: "undo" }),
    redo: () => order({ kind: "redo" }),
    picture(name, side, ahead = false) {
      const sides = shown.get(name) ?? shown.set(name, {});
      if (sides[side] && !ahead) hurry(name, side);
      if (!sides[side]) {
        sides[side] = fetchPicture(name, side, ahead);
        sides[side].catch(() => delete sides[side]);
      }
      return sides[side];
    },
    regions: (name) => ask(3, { kind: "regions", name }).then(([answer]) => answer.regions),
    tile: (name, x, y, ahead = false) =>
      once(tiles, `${x} ${y} ${name}`, () =>
        ask(ahead ? 5 : 2, { kind: "tile", name, x, y }).then(([answer, buffers]) => {
          const part = (side, index) => {
            const [width, height] = answer[side];
            const { buffer, byteOffset, byteLength } = buffers[index];
            return { width, height, data: new Uint8Array(buffer, byteOffset, byteLength) };
          };
          return { first: part("first", 0), second: part("second", 1) };
        }),
      ),
    only(name) {
      const [kept, left] = [[], []];
      for (const entry of waiting) (entry.asked.name === name ? kept : left).push(entry);
      waiting = kept;
      for (const entry of left) entry.reject(dropped());
    },
    on(event, call) {
      calls[event].add(call);
      return () => calls[event].delete(call);
    },
    end,
    gone: () => gone,
    close() {
      model.off("msg:custom", take);
      this.only(null);
      clearTimeout(timer);
      shown.clear();
    },
  };

  function hurry(name, side) {
    for (const entry of waiting) if (entry.asked.name === name && entry.asked.side === side) entry.rank = 1;
  }
}

function render({ model, el }) {
  const source = kernelSource(model);
  const state = {
    get: (key) => model.get(key),
    set(values) {
      for (const [key, value] of Object.entries(values)) model.set(key, value);
      if (!source.gone()) model.save_changes();
    },
    on(key, call) {
      model.on(`change:${key}`, call);
      return () => model.off(`change:${key}`, call);
    },
  };
  const root = document.createElement("div");
  el.append(root);
  // JupyterLab's command mode stays out, which asks the focused element first: a key would cut the cell.
  root.addEventListener("focusin", ({ target }) => target.setAttribute("data-lm-suppress-shortcuts", "true"));
  const viewer = createViewer(root, source, state);
  // JupyterLab marks a widget whose kernel has gone.
  const marked = () => el.closest(".jupyter-widgets-disconnected") && source.end();
  const observer = new MutationObserver(marked);
  observer.observe(el, { attributes: true, attributeFilter: ["class"] });
  if (el.parentElement) observer.observe(el.parentElement, { attributes: true, attributeFilter: ["class"] });
  marked();
  return () => {
    observer.disconnect();
    viewer.close();
  };
}

export default { render };
