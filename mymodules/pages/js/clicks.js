// Clicks on rows. A click is about the row on which the pointer went down, even if the rows are in another order by its
// end.

const CLICK = 8; // px that the pointer may move during a click

// named(target) returns the name of the row that an element belongs to, or an empty text. choose(name) is called for
// every click on a row in `area`.
export function watchClicks(area, named, choose) {
  let held = null; // where the pointer went down, and on which row
  area.addEventListener("pointerdown", ({ button, clientX, clientY, target }) => {
    held = button ? null : { name: named(target), clientX, clientY };
  });
  area.addEventListener("pointerup", ({ clientX, clientY }) => {
    if (held?.name && Math.hypot(clientX - held.clientX, clientY - held.clientY) < CLICK) choose(held.name);
  });
  area.addEventListener("click", ({ target, detail }) => {
    const pointed = held && detail; // assistive technology clicks without a pointer
    const name = pointed ? "" : named(target);
    if (pointed) held = null;
    if (name) choose(name);
  });
  area.addEventListener("pointercancel", () => {
    held = null;
  });
}
