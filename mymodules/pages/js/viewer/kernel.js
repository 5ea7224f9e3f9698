// The viewer in a notebook. Its source is the kernel, which answers messages.

import { lru, probed } from "../elements.js";
import { BUSY, GONE, PATIENCE } from "../waiting.js";
import { createViewer } from "./main.js";
import { SIDES } from "./modes.js";

const AT_ONCE = 2;
const ORDER = -1; // the rank of orders, which are sent at once

// One promise for all callers; a failure is not kept, so that the next caller tries again.
function once(cache, key, make) {
  const known = cache.get(key);
  if (known) return known;
  const promise = make();
  cache.set(key, promise);
  promise.catch(() => cache.get(key) === promise && cache.delete(key));
  return promise;
}

// Requests to a kernel, which answers one at a time: the most urgent is sent first, and a request that nobody
// waits for any more is not sent.
class Questions {
  constructor(model, trouble) {
    Object.assign(this, { model, trouble });
    this.mine = Math.random().toString(36).slice(2);
    this.under = new Map(); // sent and not answered
    this.waiting = [];
    this.count = 0;
    this.gone = false;
    this.timer = 0;
  }

  ask(rank, asked) {
    return new Promise((resolve, reject) => {
      if (this.gone) return reject(new Error(GONE));
      this.count += 1;
      this.waiting.push({ rank, asked, resolve, reject, number: this.count });
      this.send();
    });
  }

  // A decision does not wait for pictures, and is not dropped with its row.
  order(asked) {
    return this.ask(ORDER, asked).then(([answer]) => answer);
  }

  send() {
    const { waiting, under } = this;
    waiting.sort((one, other) => one.rank - other.rank || one.number - other.number);
    while (!this.gone && waiting.length && (under.size < AT_ONCE || waiting[0].rank === ORDER)) {
      const next = waiting.shift();
      under.set(`${this.mine}-${next.number}`, next);
      try {
        this.model.send({ id: `${this.mine}-${next.number}`, ...next.asked });
      } catch {
        this.end(); // its kernel has been restarted or shut down
      }
    }
    this.watch();
  }

  watch() {
    clearTimeout(this.timer);
    if (this.gone) return;
    this.trouble("");
    if (this.under.size) this.timer = setTimeout(() => this.doubt(), PATIENCE);
  }

  // A busy kernel answers later; nothing can be sent to one that has ended.
  doubt() {
    this.trouble(BUSY);
    try {
      this.model.send({ kind: "still there" });
      this.timer = setTimeout(() => this.doubt(), 2 * PATIENCE);
    } catch {
      this.end();
    }
  }

  take(answer, buffers) {
    const entry = this.under.get(answer.id);
    if (!entry) return; // the request of another view
    this.under.delete(answer.id);
    if (answer.error) entry.reject(new Error(answer.error));
    else entry.resolve([answer, buffers ?? []]);
    this.send();
  }

  hurry(name, side) {
    for (const entry of this.waiting) {
      if (entry.asked.name === name && entry.asked.side === side) entry.rank = 1;
    }
  }

  only(name) {
    const left = this.waiting.filter((entry) => entry.asked.name !== name);
    this.waiting = this.waiting.filter((entry) => entry.asked.name === name);
    for (const entry of left) entry.reject(Object.assign(new Error("no longer wanted"), { dropped: true }));
  }

  end() {
    this.gone = true;
    clearTimeout(this.timer);
    this.trouble(GONE);
    for (const entry of [...this.under.values(), ...this.waiting]) entry.reject(new Error(GONE));
    this.under.clear();
    this.waiting = [];
  }
}

// The source of pictures and pixels, see main.js.
class KernelSource {
  constructor(model) {
    this.model = model;
    this.calls = { rows: new Set(), trouble: new Set(), decided: new Set() };
    this.questions = new Questions(model, (text) => this.tell("trouble", text));
    this.records = lru(64);
    this.tiles = lru(200);
    this.shown = lru(4, (sides) => {
      for (const found of Object.values(sides)) {
        found.then(
          ({ url }) => URL.revokeObjectURL(url),
          () => {},
        );
      }
    });
    this.take = this.take.bind(this);
    model.on("msg:custom", this.take);
  }

  get gone() {
    return this.questions.gone;
  }

  on(event, call) {
    this.calls[event].add(call);
    return () => this.calls[event].delete(call);
  }

  tell(event, value) {
    for (const call of this.calls[event]) call(value);
  }

  take(answer, buffers) {
    if (answer.kind === "rows") {
      this.records.clear();
      if (answer.fresh) {
        this.shown.clear();
        this.tiles.clear();
      }
      return this.tell("rows", answer.fresh);
    }
    if (answer.kind !== "decided") return this.questions.take(answer, buffers);
    this.records.clear();
    this.tell("decided", answer);
  }

  record(name) {
    return once(this.records, name, async () => {
      const [answer] = await this.questions.ask(0, { kind: "record", name });
      this.tell("decided", answer.deciding);
      return answer.record;
    });
  }

  async decide(name, decision, note, on) {
    const done = await this.questions.order({ kind: "decide", name, decision, note, on });
    return { decision: done.decision, note: done.note };
  }

  tolerate(name, asked) {
    return this.questions.order({ kind: "tolerate", name, ...asked });
  }

  undo() {
    return this.questions.order({ kind: "undo" });
  }

  redo() {
    return this.questions.order({ kind: "redo" });
  }

  picture(name, side, ahead = false) {
    const sides = this.shown.get(name) ?? this.shown.set(name, {});
    if (sides[side] && !ahead) this.questions.hurry(name, side);
    if (!sides[side]) {
      sides[side] = this.fetchPicture(name, side, ahead);
      sides[side].catch(() => delete sides[side]);
    }
    return sides[side];
  }

  async fetchPicture(name, side, ahead, encode = false) {
    const rank = ahead ? 9 : SIDES.includes(side) ? 1 : 2;
    const [answer, [buffer]] = await this.questions.ask(rank, { kind: "picture", name, side, encode });
    const url = URL.createObjectURL(new Blob([buffer], { type: answer.type }));
    try {
      await probed(url);
    } catch {
      URL.revokeObjectURL(url);
      if (encode) throw new Error(`${side} cannot be shown: the browser refuses it, perhaps for its size.`);
      return this.fetchPicture(name, side, ahead, true);
    }
    const { width, height, encoded, changed } = answer;
    return { url, width, height, encoded, changed };
  }

  marks(name) {
    return this.questions.ask(3, { kind: "marks", name }).then(([answer]) => answer.marks);
  }

  layout(name) {
    return this.questions.ask(4, { kind: "layout", name }).then(([answer]) => answer.parts);
  }

  tile(name, x, y, ahead = false) {
    return once(this.tiles, `${x} ${y} ${name}`, async () => {
      const [answer, buffers] = await this.questions.ask(ahead ? 5 : 2, { kind: "tile", name, x, y });
      const part = (side, index) => {
        const [width, height] = answer[side];
        const { buffer, byteOffset, byteLength } = buffers[index];
        return { width, height, data: new Uint8Array(buffer, byteOffset, byteLength) };
      };
      return { first: part("first", 0), second: part("second", 1) };
    });
  }

  only(name) {
    this.questions.only(name);
  }

  end() {
    this.questions.end();
  }

  close() {
    this.model.off("msg:custom", this.take);
    this.only(null);
    clearTimeout(this.questions.timer);
    this.shown.clear();
  }
}

function widgetState(model, source) {
  return {
    get: (key) => model.get(key),
    set(values) {
      for (const [key, value] of Object.entries(values)) model.set(key, value);
      if (!source.gone) model.save_changes();
    },
    on(key, call) {
      model.on(`change:${key}`, call);
      return () => model.off(`change:${key}`, call);
    },
  };
}

export function render({ model, el }) {
  const source = new KernelSource(model);
  const root = document.createElement("div");
  el.append(root);
  // Keep keys from JupyterLab's command mode, where one could cut the cell. It asks the focused element first.
  root.addEventListener("focusin", ({ target }) => target.setAttribute("data-lm-suppress-shortcuts", "true"));
  const viewer = createViewer(root, source, widgetState(model, source));
  // JupyterLab marks a widget whose kernel has ended.
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
