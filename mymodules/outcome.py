"""Two pictures in, one outcome: ``mymodules.compare``.

The pair goes the same way as a pair of files in a run (`comparison.pair`), so that its figures are those of a
run. Nothing is kept on disk, no process is started, and no setting is read. What cannot be compared raises:
an outcome is always an answer. A URL is asked each time, and its file is believed only if it came whole and
the server told no other etag, checksum or time afterwards.
"""

import functools
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mymodules import images, pairs
from mymodules.comparison import Job, drawings, pair, verdict
from mymodules.comparison.changes import Change
from mymodules.errors import ImageError, PictureError
from mymodules.images import Rgba, arrays
from mymodules.images.arrays import Handed
from mymodules.metrics.custom import Function, Metric
from mymodules.metrics.diff_metrics import DiffMetrics
from mymodules.pairs import Pair
from mymodules.paths import AnyPath, shown, usable_path
from mymodules.remote import address, filename, is_remote
from mymodules.row import COLUMNS, METRIC, PairResult, columns_of
from mymodules.rules import Rules
from mymodules.settings import MAX_PIXELS, pixel_limit

_OF_FILES = (verdict.BYTES_EQUAL, verdict.PIXELS_EQUAL)

_LARGEST = 1 << 30  # bytes of a file behind a URL

_FINER = "The values differ by less than 16 bits can hold: rounded to these, the pictures are equal."


class Pictures(NamedTuple):
    """Both pictures and Skia Gold's difference picture (`drawings.delta`), uint8 (height, width, 4)."""

    first: Rgba
    second: Rgba
    difference: Rgba


@dataclass(frozen=True, eq=False, repr=False)
class Outcome:
    """What comparing two pictures has found.

    Every column of a run's results is an attribute, such as ``ssim_score``, ``num_diff_pixels``, ``regions``
    or ``messages``; README lists them. A notebook shows the pictures, other places a sentence.

    Attributes
    ----------
    row : PairResult
        All columns.
    changes : tuple of Change
        What changed, in reading order of second; empty with ``moves=False``. What only moved along with what
        stands above it is not among them.
    """

    row: PairResult
    changes: tuple[Change, ...]
    _handed: tuple[Handed, Handed]
    _max_pixels: int

    @property
    def changed(self) -> bool:
        """Whether any value of any pixel differs, or the size."""
        return self.row.status == "changed"

    @functools.cached_property
    def pictures(self) -> Pictures:
        """The pictures as 8-bit RGBA, which ``PIL.Image.fromarray`` takes, and their difference.

        Raises
        ------
        PictureError
            If a file has changed since it was compared.
        """
        first, second = (self._picture(number) for number in (0, 1))
        return Pictures(first, second, drawings.delta(first, second))

    def _picture(self, number: int) -> Rgba:
        handed, compared = self._handed[number], (self.row.first_digest, self.row.second_digest)[number]
        try:
            data = Path(handed.name).read_bytes() if handed.data is None else handed.data
            if images.digest(data) == compared:
                return images.read_rgba(data, max_pixels=self._max_pixels)
        except (OSError, ImageError):
            pass  # a file that was compared could be read, so this is another one
        raise PictureError(f"{shown(handed.name)} has changed since it was compared.", "changed_during_run")

    @property
    def diff_metrics(self) -> DiffMetrics:
        """Skia Gold's record; a metric of one's own stands in its ``diffs``, too."""
        found = DiffMetrics.of_row(self.row)
        assert found is not None  # whatever has an outcome was compared
        return found

    def __getattr__(self, name: str) -> Any:
        if name in COLUMNS:
            return getattr(self.row, name)
        for metric, value in self.row.custom if name.startswith(METRIC) else ():
            if name == METRIC + metric:
                return value
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *columns_of(name for name, _ in self.row.custom)})

    def __bool__(self) -> bool:
        raise TypeError("An outcome is neither true nor false: ask for .changed.")

    def __repr__(self) -> str:
        return f"{self.row.status}: {self.row.messages}{_score(self.row)}"

    def _repr_html_(self) -> str:
        """Return the outcome as HTML that needs nothing else."""
        from mymodules.pages import sheet  # not needed by scripts

        try:
            return sheet.html_of(self.row, repr(self), self.pictures._asdict())
        except PictureError as error:
            return sheet.html_of(self.row, f"{self!r} {error}", {})


def compare(
    first: object,
    second: object,
    *,
    max_pixels: int = MAX_PIXELS,
    metric: Function | Metric | None = None,
    moves: bool = True,
    rules: AnyPath | Rules | None = None,
) -> Outcome:
    """Compare two pictures.

    Parameters
    ----------
    first, second : path, bytes, array, PIL image or matplotlib figure
        A path, a URL that fsspec knows, or the bytes of a file of any supported format; a numpy array, or
        what numpy takes as one, of type uint8, uint16, bool, or float from 0 to 1 (see `images.arrays`); a
        PIL image; a figure, which is drawn by its own ``savefig`` as PNG. An array gives the same figures as
        a file of the same pixels.
    max_pixels : int
        Largest width x height that is decoded.
    metric : callable or Metric, optional
        A function of two pictures, uint8 (height, width, 4), that returns a number: the outcome's attribute
        ``metric_NAME``, None if it fails, which ``messages`` then says.
    moves : bool
        Find out what moved and what changed: `Outcome.changes` and the columns ``px_...``.
    rules : path or Rules, optional
        Which differences are tolerated, see `rules.Limits`: ``outcome.verdict`` is ``tolerated`` if these are
        all. Of a file, the rules for a picture with the name of ``first``.

    Returns
    -------
    Outcome

    Raises
    ------
    PictureError
        If one of the two cannot be compared: it is not a picture of a known kind, or it is damaged. The
        message says which one, why and what to do; `PictureError.code` says it in one word.
    SettingsError
        If an option cannot be used.

    Examples
    --------
    >>> mymodules.compare("before.png", "after.png")
    changed: 12 pixels differ (0.3 %) in 2 regions. SSIM 0.998113.
    >>> assert not mymodules.compare(expected, array).changed
    """
    limit = pixel_limit(max_pixels)
    one, other = arrays.of_one_depth(_handed(first, "first"), _handed(second, "second"))
    name = pairs.to_text(filename(first) if is_remote(first) else Path(one.name).name or one.name)
    own = None if metric is None else Metric.of(metric)
    files = one.data, other.data
    chosen = _given(rules, moves=moves)
    about = Pair(name, one.name, other.name)
    exact = one.rounded, other.rounded
    own_rules = chosen.of(name)
    job = Job(about, max_pixels=limit, metric=own, data=files, moves=moves, rules=own_rules, exact=exact)
    row, changes, ruling = pair.compare(job)
    if row.status == "error":
        raise PictureError(row.messages, row.code)
    if not (one.is_file and other.is_file):
        for sentence in _OF_FILES:
            row = row._replace(messages=row.messages.replace(sentence, "The pixels are equal."))
    if row.status == "same" and arrays.finer_differ(one, other):
        failed = [row.messages] if any(value is None for _, value in row.custom) else []
        message = " ".join([_FINER, *failed])
        row = row._replace(status="changed", code="low_bits_differ", messages=message, verdict="changed")
    if job.rules:
        from mymodules.comparison import ruled

        row = ruled.entered(row, changes, ruling, job.rules)
    return Outcome(row, changes, (one, other), limit)


def _given(rules: AnyPath | Rules | None, *, moves: bool) -> Rules:
    if rules is None:
        return Rules()
    from mymodules.rules import given  # most calls have no rules

    return given(rules, moves=moves)


def _handed(picture: object, role: str) -> Handed:
    found = arrays.handed(picture, role)
    if found.data is not None:
        return found
    if is_remote(found.name):
        return Handed(address(found.name), _fetched(found.name, role), fetched=True)
    path = usable_path(found.name, role, "file")
    if not os.path.lexists(path):
        raise PictureError(f"There is no file {shown(path)}: name another one as {role}.", "vanished")
    return Handed(str(path))


def _fetched(url: str, role: str) -> bytes:
    """Return the file behind a URL; raise PictureError, which quotes no library and no password."""
    from mymodules.remote import sending  # few calls need it
    from mymodules.remote.addresses import missing
    from mymodules.remote.asking import SERVER, Failed

    plain = address(url)
    try:
        with tempfile.TemporaryDirectory(prefix="mymodules-") as scratch, sending.Folder(url) as folder:
            made = Path(scratch, "picture")
            if folder.read("", made, _LARGEST) is not None:
                return made.read_bytes()
            fault, code = f"There is no file {plain}: name another one as {role}.", "vanished"
    except ImportError as error:
        fault, code = str(missing(url, error)), "unsupported"
    except sending.FAULTS as error:
        code = error.code if isinstance(error, Failed) and error.code != SERVER else "permission"
        fault = f"{plain} cannot be fetched: {sending.why(url, error).rstrip('.')}."
        if code == "permission" and isinstance(error, Failed):
            fault += " Check the URL and your access."
    raise PictureError(fault, code)  # here, so that it does not know the error of a library


def _score(row: PairResult) -> str:
    return "" if row.ssim_score in (None, 1.0) else f" SSIM {row.ssim_score:.6f}."
