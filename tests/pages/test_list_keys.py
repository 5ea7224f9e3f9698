"""Keys of the explorer's list: those that decide wait for the moves of their own view."""

from typing import Any

from support import nodes

PAGE = """
globalThis.MutationObserver = class { observe() {} disconnect() {} };
globalThis.KeyboardEvent = class { constructor(type, { key }) { this.key = key; } };
const sent = [];
const view = () => {
  const decided = [];
  const place = { textContent: "2 of 9" };
  const viewer = { dispatchEvent: ({ key }) => decided.push(key) };
  const root = { querySelector: (selector) => (selector === ".mmv" ? viewer : place) };
  const keys = new ListKeys(root, (message) => sent.push(message), () => false);
  const press = (key) => keys.press({ key, preventDefault() {} });
  return { keys, decided, press };
};
const [one, other] = [view(), view()];
const answer = () => {
  const { view } = sent.shift();
  for (const { keys } of [one, other]) keys.answered({ kind: "moved", view });
};
"""


def told(steps: str) -> Any:
    return nodes.evaluate("explore/keys.js", f"(() => {{ {PAGE} {steps} }})()")


def test_a_view_waits_for_its_own_moves_only() -> None:
    steps = """
        other.press("ArrowDown");
        one.press("ArrowDown");
        one.press("a");
        answer(); // the other view's
        const early = [...one.decided];
        answer();
        return [early, one.decided];
    """
    assert told(steps) == [[], ["a"]]


def test_moves_of_another_view_leave_a_view_ready() -> None:
    steps = """
        other.press("ArrowDown");
        other.press("ArrowDown");
        answer();
        answer();
        one.press("r");
        return [one.decided, other.decided];
    """
    assert told(steps) == [["r"], []]
