// Notes on what is chosen on a look, as the viewer takes them: a note goes with the decision that is there, else it
// waits for the next one about the same.

import { element } from "../elements.js";
import { DECIDED, NOTE } from "../viewer/modes.js";

const keyOf = (about, page) => JSON.stringify([page, ...about]);

// The text that all of these share; empty if they differ.
const shared = (texts) => (new Set(texts).size === 1 ? (texts[0] ?? "") : "");

export class Noting {
  // looks: what it belongs to, see looks.js.
  constructor(looks) {
    this.looks = looks;
    this.about = null; // what the open field is about: {about, page}
    this.drafts = new Map(); // notes without a decision: {about, page, text} each
    const of = "Enter keeps it, Esc does not";
    this.text = element("input", { type: "text", maxlength: NOTE, "aria-label": "Note", title: of });
    this.name = element("bdi");
    const label = element("span", {}, "Note on ", this.name);
    this.area = element("label", { class: "mmo-noting", hidden: "" }, label, this.text);
  }

  get isOpen() {
    return Boolean(this.about);
  }

  // --- what is known of a note

  draftOf(about, page) {
    return this.drafts.get(keyOf(about, page))?.text;
  }

  // What waits for a decision, as text.
  waiting(about, page = "") {
    const text = this.draftOf(about, page);
    return text ? `note for the next decision: ${text}` : "";
  }

  // The drafts on parts of what is decided now, the largest part first; not the one on all of it.
  ofParts(about, page) {
    const all = keyOf(about, page);
    const isPart = (draft) => draft.page === page && draft.about.every((name) => about.includes(name));
    const found = [...this.drafts].filter(([key, draft]) => key !== all && isPart(draft)).map(([, draft]) => draft);
    return found.sort((one, other) => other.about.length - one.about.length);
  }

  forget(about, page) {
    this.drafts.delete(keyOf(about, page));
  }

  // [decision, note] of what has them itself; both empty if it is open, or decided in part.
  decided({ about, page }) {
    const { state, strip } = this.looks;
    if (page) {
      const [, , , word = "", whole = false, note = ""] = strip.places.entry(page) ?? [];
      return whole ? ["", ""] : [word, note];
    }
    const found = about.map((name) => state[name] ?? {});
    const word = shared(found.map(({ word, note }) => (typeof note === "string" ? word : "")));
    return [word, word && shared(found.map(({ note }) => note))];
  }

  // --- the field

  open(about, page, name) {
    this.leave();
    this.about = { about, page };
    this.name.textContent = name;
    const known = this.draftOf(about, page) ?? this.decided(this.about)[1];
    this.text.value = this.text.defaultValue = known;
    this.area.hidden = false;
    this.text.focus();
    this.text.select();
  }

  // Something else is shown or chosen: the text is kept as a draft.
  leave() {
    if (!this.isOpen) return;
    if (this.text.value !== this.text.defaultValue) this.keep(this.about, this.text.value.trim());
    this.shut();
  }

  keep({ about, page }, text) {
    this.drafts.set(keyOf(about, page), { about, page, text });
  }

  shut() {
    this.about = null;
    this.area.hidden = true;
  }

  async close(kept) {
    const { looks, about } = this;
    const text = this.text.value.trim();
    this.shut();
    looks.stage.focus({ preventScroll: true });
    if (!kept) return;
    this.keep(about, text);
    looks.update();
    await looks.deciding; // it may be about the same
    await looks.strip.places.coming;
    const [word] = this.decided(about);
    if (word in DECIDED) await looks.write(word, about.about, about.page, text);
    else if (!text) this.forget(about.about, about.page);
  }

  press(event) {
    event.stopPropagation();
    if (event.isComposing || (event.key !== "Enter" && event.key !== "Escape")) return;
    this.close(event.key === "Enter");
    event.preventDefault();
  }
}
