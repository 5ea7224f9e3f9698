"""One pair, or some pictures with a text, as HTML that needs nothing else: for notebooks and mails.

Everything that comes from files is text, never markup.
"""

import base64
import html
import itertools
from collections.abc import Iterable, Iterator, Mapping

from mymodules.comparison import drawings
from mymodules.images import Rgba
from mymodules.pages.display import to_png
from mymodules.pages.thumbnails import Part, cut, reduced
from mymodules.regions import Region
from mymodules.row import METRIC, PairResult

SHOWN = 320
"""The largest width and height of a picture, px."""

MOST = 6
"""The most pictures of several."""

_FIGURES = (
    *("ssim_score", "num_diff_pixels", "pixel_diff_percent", "combined"),
    *("max_diff_r", "max_diff_g", "max_diff_b", "max_diff_a"),
)


def html_of(row: PairResult, sentence: str, pictures: Mapping[str, Rgba]) -> str:
    """Return a pair as HTML.

    Parameters
    ----------
    row : PairResult
    sentence : str
        What to say about it, as plain text.
    pictures : mapping of str to uint8 (height, width, 4)
        ``first``, ``second`` and ``difference``; empty if they cannot be shown.
    """
    found = "".join(_rows_of_pictures(row, pictures)) if pictures else ""
    return (
        f'<div class="tex2jax_ignore mathjax_ignore"><p>{html.escape(sentence)}</p>{found}'
        f"<details><summary>Figures and regions</summary>{_table(row)}</details></div>"
    )


def of_pictures(sentences: Iterable[str], text: str, pictures: Iterable[tuple[str, Rgba]]) -> str:
    """Return sentences, a text as it is, and the first of some pictures, reduced, as HTML.

    Parameters
    ----------
    sentences : iterable of str
    text : str
        May be empty.
    pictures : iterable of (str, uint8 (height, width, 4))
        Each with its name; only the first `MOST` are asked for.
    """
    said = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in sentences)
    written = f"<pre>{html.escape(text)}</pre>" if text else ""
    shown = "".join(
        _row_of_pictures([(name, picture)], _whole(*picture.shape[:2]), ())
        for name, picture in itertools.islice(pictures, MOST)
    )
    return f'<div class="tex2jax_ignore mathjax_ignore">{said}{written}{shown}</div>'


def _rows_of_pictures(row: PairResult, pictures: Mapping[str, Rgba]) -> Iterator[str]:
    """Yield rows of pictures as HTML: the whole ones, and below reduced ones the largest region."""
    height, width = pictures["difference"].shape[:2]
    boxes = row.regions or ()
    names = [*pictures] if boxes else ["first", "second"]
    whole = _whole(height, width)
    yield _row_of_pictures([(name, pictures[name]) for name in names], whole, boxes)
    if (whole.wide, whole.high) != (width, height) and boxes:
        counts = row.region_pixels or ()
        x, y, wide, high = boxes[max(range(len(boxes)), key=lambda place: counts[place])]
        left, wide = _around(x, wide, width)
        top, high = _around(y, high, height)
        part = Part(left, top, wide, high, wide, high)
        found = [(name, cut(pictures[name], part)) for name in names]
        yield f"<p>The region with the most differing pixels, around x {x}, y {y}:</p>"
        yield _row_of_pictures(found, part, ())


def _whole(height: int, width: int) -> Part:
    """Return all of a picture, reduced if it is larger than `SHOWN`."""
    scale = min(1.0, SHOWN / max(width, height))
    return Part(0, 0, width, height, max(1, round(width * scale)), max(1, round(height * scale)))


def _around(start: int, size: int, most: int) -> tuple[int, int]:
    """Return where to begin, and how much to show, around a part of a side of a picture."""
    wanted = min(SHOWN, most)
    return max(0, min(start + size // 2 - wanted // 2, most - wanted)), wanted


def _row_of_pictures(found: list[tuple[str, Rgba]], part: Part, boxes: tuple[Region, ...]) -> str:
    figures = "".join(_figure(name, picture, part, boxes) for name, picture in found if picture.size)
    return f'<div style="display: flex; flex-wrap: wrap; gap: 12px">{figures}</div>'


def _figure(name: str, picture: Rgba, part: Part, boxes: tuple[Region, ...]) -> str:
    small = reduced(picture, part).copy()
    if name != "difference":
        for x, y, wide, high in boxes:
            _outline(small, x, y, wide, high, part.wide / part.width)
    data = base64.b64encode(to_png(small)).decode()
    style = "max-width: 100%; border: 1px solid #888; image-rendering: pixelated"
    caption = html.escape(name)
    return (
        f'<figure style="margin: 0"><img src="data:image/png;base64,{data}" alt="{caption}" style="{style}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _outline(picture: Rgba, x: int, y: int, wide: int, high: int, scale: float) -> None:
    """Draw a line of 1 px around a box, just outside of it, as far as the picture reaches."""
    left, top = int(x * scale) - 1, int(y * scale) - 1
    right, bottom = int(-(-(x + wide) * scale // 1)), int(-(-(y + high) * scale // 1))
    drawings.outline(picture, left, top, right, bottom, drawings.BOX_COLOUR)


def _table(row: PairResult) -> str:
    cells = {name: getattr(row, name) for name in _FIGURES}
    cells |= {METRIC + name: value for name, value in row.custom}
    cells["size first"] = f"{row.width_first} x {row.height_first} px"
    cells["size second"] = f"{row.width_second} x {row.height_second} px"
    for number, (box, count) in enumerate(zip(row.regions or (), row.region_pixels or (), strict=False), 1):
        cells[f"region {number}"] = f"x {box.x}, y {box.y}, {box.width} x {box.height} px: {count:,} differ"
    lines = (f"<tr><th>{name}</th><td>{html.escape(str(value))}</td></tr>" for name, value in cells.items())
    return f"<table>{''.join(lines)}</table>"
