"""A first look at a run: the most important rows, one pair blended, a few rows recomputed.

Every function takes the frame of `results.load` or `Run.frame`, which knows its two folders. Nothing is
written. Names and messages come from the compared files, so they are only shown as plain text.
"""

import base64
import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import ipywidgets
import numpy as np
import pandas as pd
from IPython.display import HTML

from mymodules import faults, images, kinds
from mymodules.errors import ImageError, MymodulesError
from mymodules.pages import display, still
from mymodules.results import attention, exchange, runfiles
from mymodules.results.texts import TEXT
from mymodules.row import SIZES, TEXTS, VERDICTS_BY_ATTENTION
from mymodules.store import DiffStore

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

COLOURS = {
    "error": "#d32f2f",
    "missing": "#c2570c",
    "extra": "#c2570c",
    "changed": "#1565c0",
    "same": "#2e7d32",
}
COLUMNS = ["status", "image_filename", "ssim_score", "num_diff_pixels", "pixel_diff_percent", "messages"]
WIDTH = 1400
AREA = 8_000_000
BOX = (53, 57, 229)
GROUND = 255
PADDING = 208
THUMBNAIL = 180
KEPT_AREA = 600_000
"""The most pixels of the picture that a page without a kernel shows instead of the slider."""
MORE = (
    "The slider and the other pairs need a running kernel: open the notebook in JupyterLab and run this cell."
)


@dataclass(frozen=True)
class Sides:
    """Two pictures prepared for blending.

    Attributes
    ----------
    first, second : (height, width, 3) uint8 arrays
        BGR, opaque and equal in size: the smaller one is padded with gray on the right and below.
    boxes : tuple of (x, y, width, height)
        Where they differ, in pixels of these arrays.
    scale : float
        Pixels of these arrays per pixel of the files, at most 1.
    """

    first: np.ndarray
    second: np.ndarray
    boxes: tuple[tuple[int, ...], ...]
    scale: float


def ranked(frame: pd.DataFrame) -> pd.DataFrame:
    """Sort the rows by importance: changed (the largest first), errors, missing, extra, same."""
    runfiles.check_table(frame, "status", "combined", "num_diff_pixels", "image_filename")
    return frame.iloc[attention.places(frame)].reset_index(drop=True)


def table(frame: pd.DataFrame, rows: int = 100, *, each: int = 10) -> "Styler":
    """Return the most important rows and columns, styled for a notebook, and count the rows of each status.

    Parameters
    ----------
    frame : DataFrame
        As `ranked` returns it, or in any other order, which is kept.
    rows : int
        The most changed rows that are shown, and the most errors.
    each : int
        The most rows of each other status. Thousands of pictures may be on one side only, and they are not to
        hide what changed.
    """
    runfiles.check_table(frame, *COLUMNS[:2])
    left: dict[Any, int] = {"changed": rows, "error": rows}
    places = []
    for place, status in enumerate(frame["status"].tolist()):
        status = status if isinstance(status, str) else None  # no two NaNs are alike
        if left.setdefault(status, each) > 0:
            left[status] -= 1
            places.append(place)
    shown = frame.iloc[places]
    columns = [column for column in COLUMNS if column in frame.columns]
    styler = shown[columns].style.hide()
    styler.format(precision=6, thousands=",", na_rep="", escape="html")
    styler.map(
        lambda status: f"color: {COLOURS.get(status, 'inherit')}; font-weight: bold", subset=["status"]
    )
    wide = {"min-width": "13em", "overflow-wrap": "anywhere"}
    for column in columns:
        if column == "pixel_diff_percent":
            styler.format("{:.2f}", subset=[column], na_rep="")
        elif column in TEXTS:
            styler.set_properties(subset=[column], **{"text-align": "left"})
            place = columns.index(column)
            styler.set_table_styles(
                [{"selector": f"th.col{place}", "props": "text-align: left"}], overwrite=False
            )
        if column in ("image_filename", "messages"):
            styler.set_properties(subset=[column], **wide)
    styler.set_table_attributes('class="tex2jax_ignore mathjax_ignore"')  # a $ in a name starts no formula
    styler.set_caption(_counted(frame, shown))
    return styler


def _counted(frame: pd.DataFrame, shown: pd.DataFrame) -> str:
    """Return how many rows there are of each verdict, and how many of them are shown."""
    parts = []
    found = [attention.verdicts(each).value_counts() for each in (frame, shown)]
    for verdict in VERDICTS_BY_ATTENTION:
        count, there = (int(each.get(verdict, 0)) for each in found)
        if count:
            parts.append(f"{count:,} {verdict}" + (f" ({there:,} of them shown)" if there < count else ""))
    return f"{len(frame):,} {'row' if len(frame) == 1 else 'rows'}: {', '.join(parts)}"


def sides(first: np.ndarray, second: np.ndarray, regions: Any = ()) -> Sides:
    """Prepare two RGBA pictures for blending, at most `WIDTH` px wide and `AREA` px in all."""
    kinds.check("first", first, kinds.RGBA)
    kinds.check("second", second, kinds.RGBA)
    height, width = (max(first.shape[axis], second.shape[axis]) for axis in (0, 1))
    scale = min(1.0, WIDTH / width, (AREA / (width * height)) ** 0.5)
    boxes = tuple(tuple(round(value * scale) for value in region) for region in regions)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return Sides(_fit(first, width, height, size), _fit(second, width, height, size), boxes, scale)


def _fit(rgba: np.ndarray, width: int, height: int, size: tuple[int, int]) -> np.ndarray:
    bgr: np.ndarray = cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGR)
    if rgba[..., 3].min() < 255:
        alpha = rgba[..., 3:].astype(np.uint16)
        bgr = ((bgr * alpha + GROUND * (255 - alpha) + 127) // 255).astype(np.uint8)
    if size != (
        width,
        height,
    ):  # shrink before padding: two pictures may span far more together than each alone
        own = max(1, round(rgba.shape[1] * size[0] / width)), max(1, round(rgba.shape[0] * size[1] / height))
        bgr = cv2.resize(bgr, own, interpolation=cv2.INTER_AREA)
    below, right = size[1] - bgr.shape[0], size[0] - bgr.shape[1]
    if below or right:
        bgr = cv2.copyMakeBorder(bgr, 0, below, 0, right, cv2.BORDER_CONSTANT, value=(PADDING,) * 3)
    return bgr


def blended(pair: Sides, percent: float, *, boxes: bool = True) -> bytes:
    """Blend the pair and return it as a PNG: 0 % is the first picture, 100 % the second."""
    data: bytes = cv2.imencode(".png", _mixed(pair, percent, boxes=boxes), [cv2.IMWRITE_PNG_COMPRESSION, 1])[
        1
    ].tobytes()
    return data


def _mixed(pair: Sides, percent: float, *, boxes: bool) -> np.ndarray:
    picture: np.ndarray = cv2.addWeighted(pair.first, 1 - percent / 100, pair.second, percent / 100, 0)
    below, right = picture.shape[0] - 1, picture.shape[1] - 1
    for x, y, width, height in pair.boxes if boxes else ():
        end = (min(x + width + 3, right), min(y + height + 3, below))
        cv2.rectangle(picture, (max(x - 4, 0), max(y - 4, 0)), end, BOX, 2)
    return picture


def blend(frame: pd.DataFrame, *, run: runfiles.AnyRun | Mapping[str, Any] | None = None) -> still.Kept:
    """Return a widget that blends a changed pair from first to second, with boxes around the differences.

    If the frame does not know its folders, name them with `run`; see `runfiles.folders`.
    """
    changed = ranked(frame[frame["status"] == "changed"])
    if changed.empty:
        nothing = "No pair has changed: there is nothing to blend."
        return _framed(_text(nothing), keep=lambda: ("", nothing))
    folders = _folders(frame, run)
    names = [(f"{row + 1}. {name}", row) for row, name in enumerate(changed["image_filename"])]
    choice = ipywidgets.Dropdown(options=names, description="Pair", layout={"width": "540px"})
    percent = ipywidgets.IntSlider(
        50, 0, 100, step=5, readout=False, layout={"width": "340px", "margin": "2px 12px"}
    )
    boxes = ipywidgets.Checkbox(
        True, description="Boxes", indent=False, layout={"width": "90px", "margin": "2px 24px"}
    )
    picture = ipywidgets.Image(format="png", layout={"max_width": "100%", "height": "auto", "margin": "0"})
    facts = ipywidgets.HTML()
    shown: list[Sides] = []

    def load(_: object = None) -> None:
        row = changed.iloc[choice.value]
        shown.clear()
        try:
            shown.append(sides(*_read(folders, row), regions=row["regions"]))
            facts.value = _text(_facts(row, shown[0].scale)).value
        except Exception as problem:
            facts.value = _text(f"This pair cannot be shown any more: {_reason(problem)}").value
        draw()

    def draw(_: object = None) -> None:
        picture.layout.display = None if shown else "none"
        picture.value = blended(shown[0], percent.value, boxes=boxes.value) if shown else b""

    choice.observe(load, "value")
    percent.observe(draw, "value")
    boxes.observe(draw, "value")
    load()
    slider = ipywidgets.HBox([_text("first"), percent, _text("second"), boxes])
    page = ipywidgets.Box(
        [picture], layout={"max_height": "620px", "overflow": "auto", "align_items": "flex-start"}
    )

    def keep() -> tuple[str, str]:
        """Return the pair as it is shown, and a sentence, for pages without a kernel."""
        name = changed.iloc[choice.value]["image_filename"]
        if not shown:
            return facts.value, name
        words = f"{name}: {100 - percent.value} % first, {percent.value} % second. {MORE}"
        return _img(_mixed(shown[0], percent.value, boxes=boxes.value), name), words

    return _framed(choice, slider, facts, page, keep=keep)


def audit(
    frame: pd.DataFrame,
    rows: int = 5,
    seed: int = 0,
    *,
    run: runfiles.AnyRun | Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Recompute random rows with other libraries: gray by OpenCV, SSIM by scikit-image, pixels by numpy.

    Only pairs with a score and sides of at least 7 px, scikit-image's window, are sampled. Where sizes
    differ, the common area is compared, and everything outside it counts as different, as in the results. If
    the frame does not know its folders, name them with `run`; see `runfiles.folders`. Pictures that can no
    longer be read have no figures.
    """
    from skimage.metrics import structural_similarity  # takes half a second to import

    scored = frame[frame["ssim_score"].notna() & (frame[[*SIZES]].min(axis="columns") >= 7)]
    checks = []
    folders = _folders(frame, run)
    for _, row in scored.sample(min(rows, len(scored)), random_state=seed).iterrows():
        try:
            first, second = _read(folders, row)
        except (
            OSError,
            MemoryError,
            ImageError,
            display.Absent,
        ):  # it is gone, or no longer the file that was compared
            unknown = float("nan")
            checks.append((row["image_filename"], row["ssim_score"], unknown, unknown,
                           row["num_diff_pixels"], None))  # fmt: skip
            continue
        height, width = (min(first.shape[axis], second.shape[axis]) for axis in (0, 1))
        whole = max(first.shape[0], second.shape[0]) * max(first.shape[1], second.shape[1])
        first, second = first[:height, :width], second[:height, :width]
        grays = [cv2.cvtColor(side, cv2.COLOR_RGBA2GRAY) for side in (first, second)]
        ssim = structural_similarity(*grays)  # type: ignore[no-untyped-call]  # it has no annotations
        score = ssim * (height * width) / whole
        counted = int((first != second).any(axis=2).sum()) + whole - height * width
        checks.append((row["image_filename"], row["ssim_score"], score, abs(row["ssim_score"] - score),
                       row["num_diff_pixels"], counted))  # fmt: skip
    columns = ["image_filename", "ssim_score", "scikit_image", "difference", "num_diff_pixels", "recounted"]
    return pd.DataFrame(checks, columns=columns).astype({"image_filename": TEXT})


def closest(store: DiffStore, frame: pd.DataFrame, name: str | None = None, count: int = 5) -> HTML:
    """Show a page as it is now, and the first pictures nearest to it, whatever their names.

    Parameters
    ----------
    store : DiffStore
        The one of the run.
    frame : DataFrame
    name : str, optional
        An ``image_filename``; by default the changed pair that differs most.
    count : int
        How many.

    Returns
    -------
    HTML
        A grid of thumbnails of at most `THUMBNAIL` px: the page, then the nearest first.
    """
    changed = ranked(frame[frame["status"] == "changed"])
    rows = changed if name is None else frame[frame["image_filename"] == name]
    if rows.empty or pd.isna(rows.iloc[0]["second_digest"]):
        message = "No pair has changed" if name is None else f"There is no {name} in second"
        return _html(f"<p>{html.escape(message)}: there is nothing to look for.</p>")
    baselines = frame.dropna(subset=["first_digest"]).groupby("first_digest")["image_filename"].first()
    digest = rows.iloc[0]["second_digest"]
    nearest = [(digest, f"{baselines[digest]}: the same bytes")] if digest in baselines else []
    for match in store.ranked(digest, baselines.index):
        percent = f"{match.metrics.pixel_diff_percent:.3g} % of pixels"
        caption = f"{baselines[match.digest]}: distance {match.metrics.combined:.3g}, {percent}"
        nearest.append((match.digest, caption))
    page = digest, f"{rows.iloc[0]['image_filename']} in second"
    shown = [_figure(store, *each) for each in [page, *nearest[:count]]]
    style = f"display: grid; grid-template-columns: repeat(auto-fill, {THUMBNAIL + 8}px); gap: 12px"
    return _html(f'<div class="tex2jax_ignore mathjax_ignore" style="{style}">{"".join(shown)}</div>')


def failures(store: DiffStore, frame: pd.DataFrame) -> pd.DataFrame:
    """Return what a store could not read, oldest first: names in these results, digest, reason and time."""
    sides = [frame.set_index(column)["image_filename"] for column in ("first_digest", "second_digest")]
    names = pd.concat(sides)
    found = [
        (", ".join(sorted(set(names[names.index == digest]))), digest, failure.reason, failure.ts)
        for digest, failure in store.unavailable_digests().items()
    ]
    table = pd.DataFrame(found, columns=["image_filename", "digest", "reason", "when"])
    table = table.astype(dict.fromkeys(("image_filename", "digest", "reason"), TEXT))
    return table.assign(when=pd.to_datetime(table["when"], unit="ms", utc=True))


def _html(text: str) -> HTML:
    return HTML(text)  # type: ignore[no-untyped-call]  # it has no annotations


def _figure(store: DiffStore, digest: str, caption: str) -> str:
    """Return a thumbnail and its caption as HTML."""
    words = html.escape(caption)
    try:
        rgba = images.read_rgba(store.original(digest).result().data)
    except Exception as problem:
        picture = html.escape(f"It cannot be shown: {_reason(problem)}")
    else:
        height, width = rgba.shape[:2]
        scale = min(1.0, THUMBNAIL / max(width, height))
        small = _fit(rgba, width, height, (max(1, round(width * scale)), max(1, round(height * scale))))
        data = base64.b64encode(cv2.imencode(".png", small)[1].tobytes()).decode()
        edge = "border: 1px solid #888"
        picture = f'<img src="data:image/png;base64,{data}" alt="{words}" style="{edge}">'
    wrapped = f'<figcaption style="overflow-wrap: anywhere">{words}</figcaption>'
    return f'<figure style="margin: 0">{picture}{wrapped}</figure>'


def _folders(frame: pd.DataFrame, run: runfiles.AnyRun | Mapping[str, Any] | None) -> display.Folders:
    """Return where the pictures are, after those of a run of another computer have come."""
    folders = display.folders(frame, run)
    exchange.show_drawings(folders.out, runfiles.record(frame, run))
    return folders


def _read(folders: display.Folders, row: "pd.Series[Any]") -> tuple[np.ndarray, np.ndarray]:
    digests = (row.get(f"{side}_digest") for side in display.SIDES)
    first, second = (
        folders.path(row["image_filename"], side, None, digest=digest)
        for side, digest in zip(display.SIDES, digests, strict=True)
    )
    limit = folders.max_pixels
    return images.read_rgba(first, max_pixels=limit), images.read_rgba(second, max_pixels=limit)


def _reason(problem: Exception) -> str:
    """Return why a picture cannot be shown."""
    if isinstance(problem, MemoryError):
        return "there is not enough memory for it."
    known = isinstance(problem, OSError | MymodulesError | display.Absent)
    return str(problem) if known else faults.reported(problem)


def _facts(row: "pd.Series[Any]", scale: float) -> str:
    size = f" Shown at {scale:.0%} of its size." if scale < 1 else ""
    return f"SSIM {row['ssim_score']:.6f}. {row['messages']}{size}"


def _text(words: str) -> ipywidgets.HTML:
    return ipywidgets.HTML(html.escape(words))


def _img(picture: np.ndarray, words: str) -> str:
    """Return a picture as an HTML element, at most `KEPT_AREA` large."""
    height, width = picture.shape[:2]
    scale = min(1.0, (KEPT_AREA / (width * height)) ** 0.5)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    data = cv2.imencode(".png", cv2.resize(picture, size, interpolation=cv2.INTER_AREA))[1].tobytes()
    source = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    return f'<img src="{source}" alt="{html.escape(words)}" style="max-width: 100%">'


def _framed(*parts: ipywidgets.Widget, keep: Callable[[], tuple[str, str]]) -> still.Kept:
    widget = still.Kept(parts, keep)
    widget.add_class("mymodules-blend")
    return widget
