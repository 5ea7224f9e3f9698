"""Which folders a command is about, and which run."""

import argparse
import os
from dataclasses import replace
from pathlib import Path

from mymodules import recent, remote, settings
from mymodules.cli.wording import Wording
from mymodules.errors import OutputError, ResultsError, SettingsError
from mymodules.paths import local_path, masked, shown
from mymodules.results import exchange, runfiles
from mymodules.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
"""The project's folder, if the package is not installed elsewhere."""

LAST = "last"
"""The word for the newest run."""


def resolved(options: argparse.Namespace) -> Settings:
    """Return the folders and options that the command line chooses; create and check nothing.

    In a checkout the defaults are those of the project, wherever the command is called; otherwise they are
    below the working directory.
    """
    given = [getattr(options, role, None) for role in ("first", "second", "out")]
    limit = getattr(options, "max_pixels", None)
    return settings.resolve(_project(), *given, **({} if limit is None else {"max_pixels": limit}))


def chosen(options: argparse.Namespace) -> Settings:
    """Make what the command line chooses the settings of this process; create an absent output folder.

    Raises
    ------
    SettingsError
        If the folders cannot be compared; nothing was created.
    OutputError
        If the output folder cannot be created.
    """
    found = resolved(options)
    found.fetch(again=True)
    if options.first is None and not (found.first.is_dir() or found.second.is_dir()):
        raise SettingsError(
            "Name what to compare, two folders or two files: compare FIRST SECOND. Without names it would be "
            f"{shown(found.first)} and {shown(found.second)}, which do not exist."
        )
    if not os.path.lexists(found.out):
        found.check_outside(found.out, "output")
        above = next(folder for folder in found.out.parents if folder.exists())
        replace(found, out=above).check()
        try:
            found.out.mkdir(parents=True)
        except OSError as error:
            raise OutputError(
                f"The output folder {masked(found.out)} cannot be created ({error.strerror}): "
                "name another one with --out.",
                found.out,
            ) from error
    import tempfile  # it loads random and all compressors, at the cost of every command

    try:
        with tempfile.TemporaryFile(dir=found.out):
            pass
    except OSError as error:
        raise OutputError(
            f"The output folder {shown(found.out)} cannot be written to ({error.strerror}): "
            "allow it, or name another one with --out.",
            found.out,
        ) from error
    first, second = found.compared
    return settings.init(found.root, first, second, found.out, **found.options)


def note(first: Path, second: Path, out: Path) -> None:
    """Remember that these folders were compared, so that pictures of them may be approved later."""
    recent.note(settings.resolve(_project()), first, second, out)


def compared_last() -> tuple[Path, Path] | None:
    """Return the folders that were compared last."""
    found = recent.folders(settings.resolve(_project()))
    return None if found is None else found[:2]


def output_folder(options: argparse.Namespace, words: Wording) -> Path:
    """Return the output folder; if nobody has named it, messages name it from the working directory on."""
    out = resolved(options).out
    if options.out is None:
        words.note_default(out)
    return out


def find(named: str | None, out: Path, *, own: bool = False) -> Path:
    """Return the CSV of a finished run.

    Parameters
    ----------
    named : str or None
        A results file, a stamp, an output folder, or `LAST`; None as `LAST`.
    out : Path
        The output folder.
    own : bool
        Prefer the newest one that was made on this computer, where none is named.

    Raises
    ------
    ResultsError
        If there is no such run.
    """
    _refuse_url(named)
    stamp = None if named == LAST else named
    if stamp is not None and not runfiles.is_stamp(stamp):
        path = local_path(stamp, "The run", "file")
        stamp = None if path.is_dir() else runfiles.stamp_of(path)
        if stamp is None and not path.is_dir():
            raise ResultsError(f"{masked(path)} is not a results file of a run: name results-....csv.")
        out = path if stamp is None else path.parent
    exchange.show(out, stamp)
    if stamp is None:
        return runfiles.newest(out, own=own)
    path = runfiles.finished_path(out, stamp)
    if not path.is_file():
        url = remote.out_url(out)
        what = masked(path) if url is None else f"{stamp} in {url}"
        raise ResultsError(f"There is no finished run {what}.")
    return path


def names_a_run(text: str) -> bool:
    """Return whether a word of the command line can only mean a run, and no picture."""
    return text == LAST or runfiles.is_stamp(text) or runfiles.stamp_of(text) is not None


def to_resume(named: str, out: Path) -> Path:
    """Return the CSV from which a run continues: the named one, or with `LAST` the newest stopped run's.

    Raises
    ------
    ResultsError
        If no run is left to be resumed.
    """
    _refuse_url(named)
    if named != LAST:
        return (
            runfiles.partial_path(out, named)
            if runfiles.is_stamp(named)
            else local_path(named, "RUN", "file")
        )
    stopped = runfiles.unfinished(out)
    if stopped is None:
        where = runfiles.named(out)
        raise ResultsError(f"No run in {where} was stopped before its end: there is nothing to resume.")
    return stopped


def _refuse_url(named: str | None) -> None:
    if remote.is_remote(named):
        raise SettingsError(
            f"{remote.address(named)} is not on this computer: name the URL of its folder with --out, and of "
            "the run only the stamp, such as 20260131-120000."
        )


def _project() -> Path | None:
    return ROOT if (ROOT / "notebooks").is_dir() and (ROOT / "img").is_dir() else None
