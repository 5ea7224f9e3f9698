// Small parts that the other modules share.

const FORMAT = new Intl.NumberFormat("en"); // made once: making it takes longer than using it
export const number = (value) => FORMAT.format(value);
// SSIM with four digits; 1 only for equal pictures.
export const score = (value) => (value === 1 ? "1" : Math.min(value, 0.9999).toFixed(4));
export const between = (low, value, high) => Math.min(Math.max(value, low), high);

export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "text") made.textContent = value;
    else if (name === "call") made.addEventListener("click", value);
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

export function button(label, key, call, content = label) {
  const made = element("button", { type: "button", title: key ? `${label} (${key})` : label, call });
  if (content !== label) made.setAttribute("aria-label", label);
  made.append(content);
  return made;
}

// What a person has chosen on this page, as the browser keeps it; "" if it keeps nothing, as private windows may.
export function remembered(key) {
  try {
    return localStorage.getItem(`mymodules-${key}`) ?? "";
  } catch {
    return "";
  }
}

export function remember(key, value) {
  try {
    localStorage.setItem(`mymodules-${key}`, value);
  } catch {
    // then it is the same as at first the next time
  }
}

// A cache of the `limit` entries used last.
export function lru(limit, dropped = () => {}) {
  const kept = new Map();
  return {
    get(key) {
      const value = kept.get(key);
      if (value !== undefined) {
        kept.delete(key);
        kept.set(key, value);
      }
      return value;
    },
    set(key, value) {
      kept.set(key, value);
      while (kept.size > limit) this.delete(kept.keys().next().value);
      return value;
    },
    delete(key) {
      const value = kept.get(key);
      kept.delete(key);
      if (value !== undefined) dropped(value);
    },
    clear() {
      for (const key of [...kept.keys()]) this.delete(key);
    },
  };
}

// Resolves to the picture when the browser has decoded it; rejects if it cannot.
export async function probed(url) {
  const picture = new Image();
  picture.src = url;
  await picture.decode();
  return picture;
}

// Call `start` with the element around `el` that matches the selector, once `el` is in the page.
export function whenAttached(el, selector, signal, start) {
  const root = el.closest(selector);
  if (signal.aborted) return;
  if (root?.isConnected) start(root);
  else requestAnimationFrame(() => whenAttached(el, selector, signal, start));
}

// Keep keys from JupyterLab's command mode, where one could cut the cell. It asks the focused element first.
export function keepKeys(root, signal) {
  const suppress = ({ target }) => {
    if (!target.matches(":read-write")) target.setAttribute("data-lm-suppress-shortcuts", "true");
  };
  root.addEventListener("focusin", suppress, { signal });
}
