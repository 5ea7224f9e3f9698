"""The files that a comparison writes on request, once its results are complete."""

import argparse
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mymodules import faults, report, results
from mymodules.cli.wording import Wording
from mymodules.errors import MymodulesError, SettingsError
from mymodules.paths import local_path, shown


@dataclass(frozen=True)
class Outputs:
    """Where the files that were asked for will be; None for what was not.

    Attributes
    ----------
    junit : Path or None
        A JUnit XML file.
    page : Path or None
        A report: a folder, or a file if its name ends in ``.html``.
    """

    junit: Path | None
    page: Path | None

    @classmethod
    def of(cls, options: argparse.Namespace, first: Path, second: Path) -> "Outputs":
        """Return what the options ask for; raise SettingsError if a file cannot be there."""
        page = options.report
        if page is not None:
            folders = [path for path in (first, second) if path.is_dir()]  # next to two files it may be
            page = report.check(page, embed=report.is_one_file(page), outside=folders)
        return cls(file_to_write(options.junit, "--junit"), page)

    def write(self, csv_path: Path, options: argparse.Namespace, words: Wording) -> Iterator[bool]:
        """Write them; yield for each whether it could be written."""
        paths = options.report_paths
        if self.junit is not None:
            junit = self.junit
            # --check counts one-sided files as differences, so they are failures in the JUnit file too.
            how = {"fail_missing": options.check, "fail_extra": options.check, "paths": paths}
            yield _written(words, "JUnit", junit, lambda: report.junit(results.load(csv_path), junit, **how))
        if self.page is not None:
            page, embed = self.page, report.is_one_file(self.page)
            how = {"embed": embed, "same": options.report_all, "paths": paths}
            index = page if embed else page / "index.html"
            yield _written(words, "Report", index, lambda: report.write(results.load(csv_path), page, **how))


def _written(words: Wording, label: str, path: Path, write: Callable[[], object]) -> bool:
    try:
        write()
    except Exception as error:
        known = isinstance(error, MymodulesError)
        words.complain(f"{label}: not written. {error if known else faults.named(error)}")
        return False
    words.say(f"{label + ':':<11}{path}")
    return True


def file_to_write(named: str | None, option: str) -> Path | None:
    """Return the path of a file that an option names; raise SettingsError if no file can be there."""
    if named is None:
        return None
    path = local_path(named, option, "file")
    if path.is_dir():
        raise SettingsError(f"{shown(path)} is a folder: name a file as {option}.")
    if not path.parent.is_dir():
        raise SettingsError(
            f"There is no folder {shown(path.parent)}: create it, or name another file as {option}."
        )
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise SettingsError(
            f"{shown(path)} is not writable: allow writing, or name another file as {option}."
        )
    return path
