"""Captures, made in Chromium, of pages that flicker: what they show depends on a state only."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from support import lab

SIZE = 800, 600
"""Width and height of every capture, px."""

TEXTS = (
    "Free delivery from 30 on",
    "New: lamps made of paper",
    "Open on Sunday, too",
    "Ask us about chairs",
)

PAGE = """<!doctype html><meta charset="utf-8"><style>
body { margin: 0; font: 15px sans-serif; background: #fff; color: #222; position: relative; height: 600px }
body > * { position: absolute; margin: 0 }
#clock { left: 640px; top: 20px; font: 16px monospace }
#spinner { left: 40px; top: 150px; width: 28px; height: 28px; border: 4px solid #ccc; border-top-color: #06c;
  border-radius: 50% }
#text { left: 140px; top: 150px; width: 300px }
#banner { left: 100px; top: 470px; width: 600px; height: 60px; background: #063; color: #fff; display: none;
  line-height: 60px; text-align: center }
#noise { left: 500px; top: 240px; width: 40px; height: 40px }
#price { left: 40px; top: 240px }
#rows { left: 40px; top: 320px; width: 400px }
</style><h1 id="title" style="left: 40px; top: 12px"></h1>
<div id="clock"></div><div id="spinner"></div><div id="text"></div>
<p id="price"></p><div id="noise"></div>
<div id="rows">One shelf<br>One lamp<br>Two chairs</div><div id="banner">We use cookies. Agree?</div>
<script>
const two = (value) => String(value).padStart(2, "0");
function show(query) {
const given = new URLSearchParams(query);
const at = Number(given.get("second"));
document.getElementById("clock").textContent =
  [Math.floor(at / 3600), Math.floor(at / 60) % 60, at % 60].map(two).join(":");
document.getElementById("spinner").style.transform = `rotate(${given.get("angle")}deg)`;
document.getElementById("text").textContent = given.get("text");
document.getElementById("noise").style.background = `rgb(200, 200, ${200 + Number(given.get("noise"))})`;
document.getElementById("banner").style.display = given.get("banner") === "1" ? "block" : "none";
document.getElementById("price").textContent = given.get("price");
document.getElementById("title").textContent = given.get("title");
}
</script>"""


class State(NamedTuple):
    """What a page shows.

    Attributes
    ----------
    second : int
        Of the clock, since midnight.
    angle : int
        Of the spinner, degrees.
    text : str
    banner : bool
    noise : int
        Levels by which a patch is brighter in blue.
    price : str
        What no load changes: with another one the page is another page.
    """

    second: int = 36_000
    angle: int = 0
    text: str = TEXTS[0]
    banner: bool = False
    noise: int = 0
    price: str = "The total is 100.00 with delivery."


def loads(count: int) -> Iterator[State]:
    """Yield the states of loads one after the other, a second apart; one in 20 has a banner."""
    for number in range(count):
        text = TEXTS[number * 7 % 11 % len(TEXTS)]
        yield State(36_000 + number, number * 67 % 360, text, number % 20 == 19)


class Camera:
    """Takes captures of pages, which differ by their titles."""

    def __init__(self, page: Any) -> None:
        self._page = page
        page.set_content(PAGE)

    def take(self, path: Path, state: State, title: str = "Shop") -> None:
        """Write a capture of one page; the folder is created."""
        path.parent.mkdir(parents=True, exist_ok=True)
        given = state._asdict() | {"banner": int(state.banner), "title": title}
        self._page.evaluate("(query) => show(query)", urlencode(given))
        self._page.screenshot(path=path)

    def places(self) -> dict[str, tuple[float, float, float, float]]:
        """Return left, top, right and bottom of every part of the page, px, by its id."""
        found: dict[str, tuple[float, float, float, float]] = self._page.evaluate(
            """() => Object.fromEntries([...document.querySelectorAll("[id]")].map((part) => {
                const { left, top, right, bottom } = part.getBoundingClientRect();
                return [part.id, [left, top, right, bottom]];
            }))"""
        )
        return found

    def capture(self, folder: Path, states: Iterable[State], names: Iterable[str] = ("shop",)) -> list[Path]:
        """Write a folder for each state, with a picture of each page; return the folders in their order."""
        found = []
        for state in states:
            found.append(folder / f"{len(found):03}")
            for name in names:
                self.take(found[-1] / f"{name}.png", state, name)
        return found


@contextmanager
def camera() -> Iterator[Camera]:
    """Start Chromium; end it afterwards."""
    with lab.launched() as browser:
        yield Camera(browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]}))
