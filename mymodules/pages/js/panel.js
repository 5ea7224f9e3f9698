// What the page does for the panel. All it says and does is Python's; here notes are tied to their fields for
// screen readers, JupyterLab's own keys are kept away, and the keyboard does not lose its place.

let count = 0;

function render({ el }) {
  const ending = new AbortController();
  const watchers = [];

  function watch(node, what, call) {
    const watcher = new MutationObserver(call);
    watcher.observe(node, { subtree: true, ...what });
    watchers.push(watcher);
    return watcher;
  }

  function start(root) {
    // The parts of the panel come one by one.
    function label() {
      const folders = [...root.querySelectorAll(".mmp-folder")];
      const parts = folders.map((folder) => [folder.querySelector("input"), folder.querySelector(".mmp-note")]);
      const message = root.querySelector(".mmp-message");
      if (!message || parts.length < 3 || !parts.flat().every(Boolean)) return false;
      for (const [input, note] of parts) {
        note.id = `mmp-note-${(count += 1)}`;
        note.setAttribute("role", "status");
        input.setAttribute("aria-describedby", note.id);
        input.spellcheck = false;
      }
      message.setAttribute("role", "status");
      return true;
    }
    if (!label()) {
      const watcher = watch(root, { childList: true }, () => label() && watcher.disconnect());
    }

    // A button that is pressed is disabled thereafter: the one that can be pressed next takes the keyboard.
    let pressed = null;
    root.addEventListener("click", ({ target }) => (pressed = target.closest(".mmp-actions button")), {
      signal: ending.signal,
    });
    watch(root, { attributes: true, attributeFilter: ["disabled"] }, () => {
      const isLost = [pressed, document.body].includes(document.activeElement);
      const next = root.querySelector(".mmp-actions button:not(:disabled)");
      if (!pressed?.disabled || !isLost || !next) return;
      next.focus({ preventScroll: true });
      pressed = next;
    });

    // JupyterLab's command mode stays out, which asks the focused element first: a key would cut the cell.
    root.addEventListener(
      "focusin",
      ({ target }) => {
        if (target !== pressed) pressed = null;
        if (!target.matches(":read-write")) target.setAttribute("data-lm-suppress-shortcuts", "true");
      },
      { signal: ending.signal },
    );
  }

  whenAttached(el, ".mmp", ending.signal, start);

  return () => {
    ending.abort();
    watchers.forEach((watcher) => watcher.disconnect());
  };
}

export default { render };
