// Requests to a kernel, each answered by its number. Views share a connection: answers for others are left alone.

import { GONE } from "./waiting.js";

const dropped = () => Object.assign(new Error("no longer wanted"), { dropped: true });

export class Requests {
  // changed(number of those without an answer) is called when one is sent, and when one is answered.
  constructor(model, kind, changed = () => {}) {
    Object.assign(this, { model, kind, changed });
    this.mine = Math.random().toString(36).slice(2);
    this.count = 0;
    this.asked = new Map();
    this.take = this.take.bind(this);
    model.on("msg:custom", this.take);
  }

  take(answer, buffers) {
    const entry = answer?.kind === this.kind && this.asked.get(answer.id);
    if (!entry) return; // no longer wanted, or for another view
    this.asked.delete(answer.id);
    this.changed(this.asked.size);
    if (answer.error) entry.reject(new Error(answer.error));
    else entry.resolve([answer, buffers ?? []]);
  }

  // Resolve to the answer and its buffers; reject with what the kernel says, or once `signal` aborts.
  ask(message, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(dropped());
      this.count += 1;
      const id = `${this.mine}-${this.count}`;
      this.asked.set(id, { resolve, reject });
      signal?.addEventListener("abort", () => {
        if (!this.asked.delete(id)) return;
        reject(dropped());
        this.model.send({ kind: "drop", ids: [id] });
      });
      try {
        this.model.send({ id, ...message });
      } catch {
        this.asked.delete(id);
        reject(new Error(GONE)); // its kernel has been restarted or shut down
      }
      this.changed(this.asked.size);
    });
  }

  close() {
    this.model.off("msg:custom", this.take);
  }
}
