// The strip below a look: what the next key decides, with its classes, and the pages on which one of them stands.

import { SIGNS } from "../columns.js";
import { element, number } from "../elements.js";
import { DECIDED } from "../viewer/modes.js";
import { causeText, markOf, outline, pagesText, signaturesOf } from "./drawing.js";

const HIGH = 64; // px of the page's outline
const HINT = "click one, or go there with j and k, to decide it alone";

// What is decided about a class, as text; empty if it is open and never was decided.
export const stateText = ({ word, by, note }) => (word ? `${SIGNS[word]} ${DECIDED[word]} ${by}` : note);

export class Strip {
  // choose({index, signature}) is called when a person clicks a class; open(page, number) shows a change elsewhere.
  constructor(source, choose) {
    Object.assign(this, { source, choose });
    this.listed = ""; // the class whose pages are listed
    this.area = element("div", { class: "mmo-strip" });
  }

  fill(looks) {
    const { record, chosen } = looks;
    if (!record) return this.area.replaceChildren();
    const item = record.items[chosen?.index];
    const found = item ? this.ofItem(looks, item, chosen) : [this.ofLook(record)];
    if (item && this.listed) found.push(this.pages(looks));
    this.area.replaceChildren(...found);
  }

  ofLook({ signatures, items }) {
    const count = signatures.length;
    const what = count === 1 ? "1 distinct change" : `${number(count)} distinct changes`;
    const more = items.length > 1 ? `; ${HINT}` : "";
    const text = count
      ? `${what} to decide on this look: a accepts, r rejects, i ignores${count > 1 ? " all of them" : ""}${more}. First stands left of second, or above it.`
      : "Nothing is decided here: what it shows goes on, and is decided, on a later look.";
    return element("p", { text });
  }

  ofItem(looks, item, chosen) {
    const head = element("p", {}, element("bdi", { class: "mmo-page", text: item.page }));
    const { open } = this.source;
    if (open) {
      const call = () => looks.open(item);
      head.append(" ", element("button", { type: "button", class: "mmo-open", text: "Open it (Enter)", call }));
    }
    const lines = signaturesOf(item).map((signature) => this.line(looks, signature, chosen));
    return [outline(item, HIGH), element("div", { class: "mmo-classes" }, head, ...lines)];
  }

  line(looks, signature, chosen) {
    const found = looks.record.classes[signature];
    const pressed = chosen.signature === signature;
    const text = `${causeText(found)}, ${number(found.pixels)} px`;
    const call = () => this.choose({ index: chosen.index, signature: pressed ? "" : signature });
    const name = element("button", { type: "button", class: "mmo-class", "data-cause": found.cause, text, call });
    name.setAttribute("aria-pressed", pressed);
    const list = () => {
      this.listed = this.listed === signature ? "" : signature;
      this.fill(looks);
    };
    const where = element("button", { type: "button", class: "mmo-where", text: pagesText(found), call: list });
    where.setAttribute("aria-expanded", this.listed === signature);
    const elsewhere = found.elsewhere === null ? "" : `decided on look ${number(found.elsewhere + 1)}`;
    const state = element("span", { text: stateText(looks.state[signature] ?? {}) || elsewhere });
    return element("div", { class: "mmo-line-of" }, name, where, state);
  }

  // The list comes later; it is of the class that was asked for.
  pages(looks) {
    const made = element("div", { class: "mmo-pages", role: "group", "aria-label": "Where it stands" });
    const { listed } = this;
    this.source.occurrences(listed).then(
      (found) => {
        const items = found.map(([page, place]) => {
          const text = element("bdi", { text: page });
          if (!this.source.open) return element("span", {}, text);
          return element("button", { type: "button", call: () => looks.openAt(page, place) }, text);
        });
        const left = looks.record?.classes[listed]?.occurrences - found.length;
        made.append(...items, left > 0 ? `and ${number(left)} more` : "");
      },
      (error) => made.append(error.message),
    );
    return made;
  }
}

// The change that is shown first when an item, or a class of it, is opened.
export function placeOf(item, signature) {
  const marks = item.marks.map(markOf);
  return (marks.find((mark) => mark.signature === signature) ?? marks[0]).place;
}
