// The pages on which a class stands, in the strip below a look: each can be decided alone, and opened.

import { SIGNS } from "../columns.js";
import { element, number } from "../elements.js";
import { DECIDED } from "../viewer/modes.js";

const HINT = "Choose a page to decide the change there only.";
let made = 0; // lists: an id is of one in the whole page

export class Places {
  // choose(page) is called when a person clicks a page, open() when it is to be opened.
  constructor(source, choose, open) {
    Object.assign(this, { source, choose });
    this.signature = ""; // the class whose pages are listed
    this.found = []; // [page, place, count, word, whole, note] each, see looks.js
    this.age = -1; // of what is known of decisions, when they were found
    this.turn = 0;
    this.coming = null; // what is being found of them
    made += 1;
    this.id = `mmo-pages-${made}`;
    this.list = element("div", { class: "mmo-pages", role: "listbox", tabindex: "0", "aria-label": "Where it stands" });
    this.more = element("span");
    this.head = element("p", { class: "mmo-only" });
    this.area = element("div", { class: "mmo-places", hidden: "" }, this.head, this.list, this.more);
    this.list.addEventListener("click", ({ target }) => {
      const option = target.closest("[role=option]");
      if (option) choose(this.found[option.dataset.index][0]);
    });
    this.list.addEventListener("dblclick", open);
  }

  // List the pages of this class, of none if it is empty; the list gets the focus when it is there.
  show(signature, focus = false) {
    this.focus = focus;
    if (signature === this.signature) return this.focusList();
    Object.assign(this, { signature, found: [], age: -1 });
    this.turn += 1;
    this.area.hidden = true;
    this.list.replaceChildren();
  }

  entry(page) {
    return this.found.find(([name]) => name === page);
  }

  // The page after or before the chosen one.
  beside(page, by) {
    const now = this.found.findIndex(([name]) => name === page);
    const wanted = now < 0 && by < 0 ? this.found.length - 1 : now + by;
    return this.found[Math.min(Math.max(wanted, 0), this.found.length - 1)]?.[0] ?? "";
  }

  get focused() {
    return this.list.matches(":focus");
  }

  fill(looks) {
    this.mark(looks);
    if (this.signature && this.age !== looks.age) this.coming = this.find(looks);
  }

  async find(looks) {
    this.turn += 1;
    this.age = looks.age;
    const { turn } = this;
    try {
      const found = await this.source.occurrences(this.signature);
      if (turn !== this.turn) return;
      this.found = found;
      this.draw(looks.record?.classes[this.signature]?.pages ?? 0);
      this.mark(looks);
      looks.markDeciders();
    } catch (error) {
      if (turn === this.turn) looks.tell(error.message);
    }
  }

  draw(pages) {
    const items = this.found.map(([page, , count, word, whole, note], index) => {
      const option = element("span", { role: "option", id: `${this.id}-${index}`, "data-index": index });
      option.dataset.decision = word;
      option.append(element("bdi", { text: page }), count > 1 ? ` ×${number(count)}` : "");
      const sign = `${SIGNS[word]} ${DECIDED[word]}${whole ? " as a whole" : ""}${note ? ` · ${note}` : ""}`;
      if (word) option.append(" ", element("b", { class: "mmo-badge", text: sign }));
      return option;
    });
    this.list.replaceChildren(...items);
    this.more.textContent = pages > items.length ? `and ${number(pages - items.length)} more` : "";
    this.area.hidden = false;
    this.focusList();
  }

  focusList() {
    if (this.focus) this.list.focus({ preventScroll: true });
    this.focus = false;
  }

  mark({ chosen, record, noting }) {
    const isLater = typeof record?.classes[this.signature]?.elsewhere === "number";
    const noted = chosen?.page ? noting.waiting([this.signature], chosen.page) : "";
    const only = `What is decided now holds on ${chosen?.page} only${noted && `; ${noted}`}.`;
    const text = chosen?.page ? only : HINT;
    this.head.textContent = isLater ? "It is decided on a later look." : text;
    this.list.removeAttribute("aria-activedescendant");
    for (const option of this.list.children) {
      const isChosen = this.found[option.dataset.index][0] === chosen?.page;
      option.setAttribute("aria-selected", isChosen);
      if (!isChosen) continue;
      this.list.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
  }
}
