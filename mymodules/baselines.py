"""Baselines: pictures that are kept beside tests, what differs from them, and a report of it.

What differs is written into a folder of results: ``first`` has the baseline, ``second`` the new picture, each
under the path of its test. The folder is ours alone, which a file in it says; any other is refused.
"""

import contextlib
import shutil
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from mymodules import batch, files, images, outcome, report, settings
from mymodules.errors import ImageError, MymodulesError, OutputError, PictureError, SettingsError
from mymodules.images import arrays
from mymodules.paths import shown
from mymodules.rules import Rules

MARK: Final = b"# Results of comparing pictures: made by mymodules, and removed by the next session.\n*\n"
"""What the file ``.gitignore`` holds in a folder of results, so that nothing in it is committed."""

_ENDINGS = {"PNG": ".png", "JPEG": ".jpg", "WebP": ".webp", "BMP": ".bmp", "TIFF": ".tif"}


@dataclass(frozen=True)
class Baselines:
    """Compare pictures with their baselines, for one session of tests.

    Attributes
    ----------
    results : Path
        The folder of results; it is made when something differs.
    update : bool
        Whether baselines that are absent or differ are written.
    rules : Rules
        Which differences are tolerated; the name of a picture is its path in the folder of results.
    """

    results: Path
    update: bool
    rules: Rules = Rules()  # noqa: RUF009 - it is immutable

    def compared(self, picture: object, baseline: Path, below: Path, pixels: int = 0) -> tuple[str, str]:
        """Compare a picture with its baseline.

        Parameters
        ----------
        picture : path, bytes, array, PIL image or matplotlib figure
        baseline : Path
            Its ending follows from the format of the picture, unless it has that one already.
        below : Path
            Where the two are kept below `results` if they differ, also without that ending.
        pixels : int
            How many pixels may differ. What differs without a pixel that does, such as the low bits of 16,
            always counts.

        Returns
        -------
        (str, str)
            ``same``, ``changed``, ``new`` (there is no baseline), ``updated`` or ``added``; and a sentence.

        Raises
        ------
        PictureError
            If one of the two cannot be compared.
        OutputError
            If a file cannot be written.
        SettingsError
            If a name leads out of the folders, or the folder of results is not ours.
        """
        if ".." in below.parts or below.is_absolute():
            raise SettingsError(f"{shown(baseline)} leads out of the folder of baselines: name another one.")
        data, ending = _file(picture)
        path, kept = _with(baseline, ending), _with(below, ending)
        if not path.is_file():
            return self._new(data, path, kept)
        try:
            found = outcome.compare(path, data, rules=self._rules_for(kept))
        except PictureError:
            if not self.update:
                raise
            outcome.compare(data, data)  # raises if it is not the baseline that is damaged
            _write(path, data)
            return "updated", f"{shown(path)} was damaged, and was written again."
        if found.verdict != "changed" or (not found.dim_differ and 0 < found.num_diff_pixels <= pixels):
            return "same", repr(found)
        if self.update:
            _write(path, data)
            return "updated", f"{shown(path)} was written again."
        self._keep("first", kept, path.read_bytes())
        self._keep("second", kept, data)
        return "changed", f"{shown(path)} is another picture: {found.messages}"

    def _rules_for(self, below: Path) -> Rules:
        """Return the rules for a picture as those for any: two pictures have no folders in their names."""
        own = self.rules.of(below.as_posix())
        return Rules(tuple(replace(rule, pictures=()) for rule in own), self.rules.path)

    def _new(self, data: bytes, path: Path, kept: Path) -> tuple[str, str]:
        if self.update:
            _write(path, data)
            return "added", f"{shown(path)} was written."
        self._keep("second", kept, data)
        others = [_with(path.with_suffix(""), each) for each in settings.SUFFIXES]
        other = next((f", but {shown(each)}, of another format" for each in others if each.is_file()), "")
        look = shown(self.results / "second" / kept)
        return "new", f"There is no baseline {shown(path)}{other}: look at {look}."

    def _keep(self, side: str, below: Path, data: bytes) -> None:
        self._own()
        _write(self.results / side / below, data)

    def clear(self) -> None:
        """Remove what an earlier session left in the folder of results."""
        if self._is_own():
            for each in self.results.iterdir():
                if each.name != ".gitignore":
                    with contextlib.suppress(OSError):
                        shutil.rmtree(each) if each.is_dir() else each.unlink()

    def report(self) -> str:
        """Write a report of what differs; return a sentence that says where it is, or why there is none."""
        first, second = self.results / "first", self.results / "second"
        if not first.is_dir():
            return f"All of them are new, see {shown(second)}."
        try:
            out = self.results / "run"
            out.mkdir(exist_ok=True)
            with warnings.catch_warnings(), ThreadPoolExecutor(1) as executor:
                warnings.simplefilter("ignore")  # about a store, of which there is none
                run = batch.run(first, second, out, executor=executor, store=None, rules=self.rules)
                page = report.write(run.frame(), self.results / "report")
        except (MymodulesError, OSError) as error:
            return f"There is no report: {error}"
        return f"Look at what differs: {shown(page)}"

    def _is_own(self) -> bool:
        mark = self.results / ".gitignore"
        return mark.is_file() and mark.read_bytes() == MARK

    def _own(self) -> None:
        """Make the folder of results; raise SettingsError if it has something else in it."""
        if self._is_own():
            return
        # Another process may be about to make it: names with a dot are those of files that are being written.
        if self.results.exists() and not self.results.is_dir():
            raise SettingsError(f"{shown(self.results)} is a file: name a new folder with --image-results.")
        if self.results.exists() and any(not each.name.startswith(".") for each in self.results.iterdir()):
            raise SettingsError(
                f"{shown(self.results)} has other files in it: name a new folder with --image-results."
            )
        _write(self.results / ".gitignore", MARK)


def _with(path: Path, ending: str) -> Path:
    return path if path.suffix.lower() == ending.lower() else path.with_name(path.name + ending)


def _file(picture: object) -> tuple[bytes, str]:
    """Return a picture as the bytes of a file, and the ending that fits them."""
    handed = arrays.handed(picture, "The picture")
    try:
        data = Path(handed.name).read_bytes() if handed.data is None else handed.data
        form = images.inspect(data).format
    except OSError as error:
        reason = error.strerror or str(error)
        raise PictureError(f"{shown(handed.name)} cannot be read: {reason}.", "permission") from error
    except ImageError as error:
        message = f"The picture cannot be compared: {error.reason} ({shown(handed.name)})."
        raise PictureError(message, error.code) from error
    own = Path(handed.name).suffix
    return data, own if settings.FORMATS.get(own.lower()) == form else _ENDINGS[form]


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{shown(path.parent)} cannot be made ({error.strerror}).", path.parent) from error
    files.write(path, [data])
