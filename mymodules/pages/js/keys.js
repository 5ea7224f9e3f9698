// What keys mean in every part of a page.

export const DECISIONS = { a: "accept", r: "reject", i: "ignore", Backspace: "clear", Delete: "clear" };

// The name of a key; a letter is lower case, with Shift or without.
export const keyOf = ({ key }) => (key.length === 1 ? key.toLowerCase() : key);

export const isCommand = ({ ctrlKey, metaKey }) => ctrlKey || metaKey;

// "undo" for Ctrl + z, "redo" for Ctrl + Shift + z and Ctrl + y; on a Mac with Command.
export function stepOf(event) {
  const key = keyOf(event);
  if (!isCommand(event) || event.altKey || (key !== "z" && key !== "y")) return "";
  return key === "y" || event.shiftKey ? "redo" : "undo";
}

// Let another part of the page have a key; what it takes, the browser does not.
export function passOn(event, node) {
  const { key, shiftKey, ctrlKey, metaKey, altKey, repeat } = event;
  const pressed = { key, shiftKey, ctrlKey, metaKey, altKey, repeat, cancelable: true };
  if (!node.dispatchEvent(new KeyboardEvent("keydown", pressed))) event.preventDefault();
}
