// The strip below a look: what the next key decides, with its classes, and the pages on which one of them stands.

import { SIGNS } from "../columns.js";
import { element, number } from "../elements.js";
import { parts } from "../names.js";
import { DECIDED } from "../viewer/modes.js";
import { causeText, markOf, nearText, outline, pagesText, signaturesOf } from "./drawing.js";
import { Places } from "./places.js";

const HIGH = 64; // px of the page's outline
const HINT = "click one, or go there with j and k, to decide it alone";

const said = (word) => `${SIGNS[word]} ${DECIDED[word]}`;
const apartText = ([word, count, page]) =>
  `${said(word)} on ${count === 1 ? parts(page, "").base : `${number(count)} pages`}`;

// What is decided about a class, as text; empty if it is open and never was decided.
export function stateText({ word, by, apart = [], note, remark }) {
  const others = apart.map(apartText).join(", ");
  if (!word) return others ? `${others}, open elsewhere` : remark;
  return `${said(word)} ${by}${others && `, but ${others}`}${note ? ` · ${note}` : ""}`;
}

// The note that all of these have.
const shared = (states) => (states.every(({ note }) => note === states[0].note) ? states[0].note : "");

// The same of several classes.
export function stateOfAll(states) {
  if (states.length === 1) return stateText(states[0]);
  const words = new Set(states.map(({ word }) => word ?? ""));
  const decided = states.filter(({ word }) => word);
  const places = states.flatMap(({ apart = [] }) => apart).reduce((sum, [, count]) => sum + count, 0);
  const told = [];
  if (words.size === 1 && decided.length) told.push(stateText({ ...states[0], apart: [], note: shared(states) }));
  else if (decided.length) told.push(`${decided.length} of ${states.length} decided`);
  else told.push(states.find(({ remark }) => remark)?.remark);
  if (places) told.push(`${number(places)} ${places === 1 ? "place differs" : "places differ"}`);
  return told.filter(Boolean).join(", ");
}

export class Strip {
  // looks: what it belongs to, see looks.js.
  constructor(looks) {
    Object.assign(this, { looks, source: looks.source });
    const choose = (page) => {
      const { index } = looks.chosen;
      looks.choose({ index, signature: this.places.signature, page });
    };
    this.places = new Places(looks.source, choose, () => looks.open());
    this.now = element("div", { class: "mmo-now" });
    this.area = element("div", { class: "mmo-strip" }, this.now, this.places.area);
  }

  fill(looks) {
    const { record, chosen } = looks;
    const item = record?.items[chosen?.index];
    const found = item ? this.ofItem(looks, item) : record ? [this.ofLook(looks, record)] : [];
    this.replace(found);
    this.places.fill(looks);
  }

  // The part that had the focus, made again, gets it again; else the look does, whose keys go on to work.
  replace(found) {
    const focused = this.now.querySelector(":focus");
    this.now.replaceChildren(...found);
    if (!focused) return;
    const again = [...this.now.querySelectorAll("button")].find(({ dataset }) => dataset.part === focused.dataset.part);
    (again ?? this.looks.stage).focus({ preventScroll: true });
  }

  ofLook(looks, { signatures, items }) {
    const count = signatures.length;
    const what = count === 1 ? "1 distinct change" : `${number(count)} distinct changes`;
    const more = items.length > 1 ? `; ${HINT}` : "";
    const text = count
      ? `${what} to decide on this look: a accepts, r rejects, i ignores${count > 1 ? " all of them" : ""}${more}. First stands left of second, or above it.`
      : "Nothing is decided here: what it shows goes on, and is decided, on a later look.";
    const [, note] = looks.noting.decided({ about: signatures, page: "" });
    const noted = looks.noting.waiting(signatures) || (note && `note: ${note}`);
    return element("p", { text: noted ? `${text} · ${noted}` : text });
  }

  ofItem(looks, item) {
    const head = element("p", {}, element("bdi", { class: "mmo-page", text: item.page }));
    const { open } = this.source;
    if (open) {
      const call = () => looks.open(item);
      const made = element("button", { type: "button", class: "mmo-open", text: "Open it (Enter)", call });
      made.dataset.part = "open";
      head.append(" ", made);
    }
    const about = looks.about();
    if (!looks.chosen.page && about.length > 1) head.append(" ", looks.noting.waiting(about));
    const lines = signaturesOf(item).map((signature) => this.line(looks, item, signature));
    return [outline(item, HIGH), element("div", { class: "mmo-classes" }, head, ...lines)];
  }

  line(looks, item, signature) {
    const { chosen } = looks;
    const found = looks.record.classes[signature];
    const pressed = chosen.signature === signature;
    const text = `${causeText(found)}, ${number(found.pixels)} px`;
    const call = () => looks.choose({ index: chosen.index, signature: pressed ? "" : signature });
    const name = element("button", { type: "button", class: "mmo-class", "data-cause": found.cause, text, call });
    name.setAttribute("aria-pressed", pressed);
    name.dataset.part = signature;
    const isListed = this.places.signature === signature;
    const list = () => {
      this.places.show(isListed ? "" : signature);
      looks.choose({ ...looks.chosen, page: "" });
    };
    const where = element("button", { type: "button", class: "mmo-where", text: pagesText(found), call: list });
    where.setAttribute("aria-expanded", isListed);
    where.dataset.part = `${signature} where`;
    const elsewhere = found.elsewhere === null ? "" : `decided on look ${number(found.elsewhere + 1)}`;
    const known = [stateText(looks.state[signature] ?? {}) || elsewhere, nearText(found, item.page)];
    known.push(looks.noting.waiting([signature]));
    const told = known.filter(Boolean).join(" · ");
    const state = element("span", { text: told, title: told });
    return element("div", { class: "mmo-line-of" }, name, where, state);
  }
}

// The change that is shown first when an item, or a class of it, is opened.
export function placeOf(item, signature) {
  const marks = item.marks.map(markOf);
  return (marks.find((mark) => mark.signature === signature) ?? marks[0]).place;
}
