// The panel's part in the page. Python owns its content. This module ties notes to their fields for screen readers,
// keeps JupyterLab's keys away, and keeps the keyboard focus.

import { keepKeys, whenAttached } from "./elements.js";

// Tie each folder's note to its field; return whether all parts of the panel have arrived.
function label(root) {
  const folders = [...root.querySelectorAll(".mmp-folder")];
  const parts = folders.map((folder) => [folder.querySelector("input"), folder.querySelector(".mmp-note")]);
  const message = root.querySelector(".mmp-message");
  if (!message || parts.length < 3 || !parts.flat().every(Boolean)) return false;
  for (const [input, note] of parts) {
    note.id = `mmp-note-${crypto.getRandomValues(new Uint32Array(1))[0]}`;
    note.setAttribute("role", "status");
    input.setAttribute("aria-describedby", note.id);
    input.spellcheck = false;
  }
  message.setAttribute("role", "status");
  return true;
}

function watch(node, what, signal, call) {
  const watcher = new MutationObserver(() => call(watcher));
  watcher.observe(node, { subtree: true, ...what });
  signal.addEventListener("abort", () => watcher.disconnect());
}

// A pressed button becomes disabled; move the focus to the one that can be pressed next.
function keepPlace(root, signal) {
  let pressed = null;
  const press = ({ target }) => {
    pressed = target.closest(".mmp-actions button");
  };
  const leave = ({ target }) => {
    if (target !== pressed) pressed = null;
  };
  root.addEventListener("click", press, { signal });
  root.addEventListener("focusin", leave, { signal });
  watch(root, { attributes: true, attributeFilter: ["disabled"] }, signal, () => {
    const isLost = [pressed, document.body].includes(document.activeElement);
    const next = root.querySelector(".mmp-actions button:not(:disabled)");
    if (!pressed?.disabled || !isLost || !next) return;
    next.focus({ preventScroll: true });
    pressed = next;
  });
}

export function render({ el }) {
  const ending = new AbortController();
  const { signal } = ending;
  whenAttached(el, ".mmp", signal, (root) => {
    if (!label(root)) watch(root, { childList: true }, signal, (watcher) => label(root) && watcher.disconnect());
    keepPlace(root, signal);
    keepKeys(root, signal);
  });
  return () => ending.abort();
}
