"""Make accepted pictures the new first ones, and bring the old ones back.

`approve` does the former, `restore` the latter. At every moment each file is either the old one or the new
one, and the old one is kept before anything is changed. Nothing is ever written into second.
"""

import contextlib
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mymodules import files, pairs, settings
from mymodules.errors import MymodulesError, OutputError, ResultsError, SettingsError
from mymodules.pairs import Pair
from mymodules.paths import AnyPath, is_folder, local_path, shown
from mymodules.results import runfiles
from mymodules.triage.changes import (
    AGAIN,
    Change,
    Refused,
    carry_out,
    changes_of,
    keep,
    take_back,
)
from mymodules.triage.decisions import Decisions, rows
from mymodules.triage.history import Row

if TYPE_CHECKING:
    import pandas as pd

_MANIFEST = "approved.json"


@dataclass(frozen=True)
class Approval:
    """What `approve` has done.

    Attributes
    ----------
    folder : Path or None
        Where the old files are, for `restore`; None if nothing was changed.
    approved : tuple of str
        Names.
    refused : dict of str to str
        The reason for each picture that was refused, by name.
    """

    folder: Path | None
    approved: tuple[str, ...]
    refused: dict[str, str]

    def __str__(self) -> str:
        kept = f" The old files are in {shown(self.folder)}." if self.folder else ""
        return "\n".join([f"{_counted(self.approved)} approved.{kept}", *_reasons(self.refused)])


@dataclass(frozen=True)
class Restoration:
    """What `restore` has done.

    Attributes
    ----------
    restored : tuple of str
        Names.
    unchanged : tuple of str
        Names of files that already were the old ones.
    refused : dict of str to str
        The reason for each picture that was refused, by name.
    """

    restored: tuple[str, ...]
    unchanged: tuple[str, ...]
    refused: dict[str, str]

    def __str__(self) -> str:
        already = f" {_counted(self.unchanged)} had not been changed." if self.unchanged else ""
        return "\n".join([f"{_counted(self.restored)} restored.{already}", *_reasons(self.refused)])


def approve(
    frame: "pd.DataFrame",
    run: runfiles.AnyRun | Mapping[str, Any] | None = None,
    *,
    first: AnyPath | None = None,
    adopt: Iterable[str] = (),
    remove: Iterable[str] = (),
) -> Approval:
    """Make the accepted second pictures the new first ones.

    Parameters
    ----------
    frame : DataFrame
        What `results.load` returned, or a part of it: only its rows are approved.
    run : Run or mapping, optional
        What `batch.run` returned or a manifest; by default ``frame.attrs["run"]``.
    first : path, optional
        The folder whose pictures are replaced. It must be given for a run that comes from elsewhere: one
        whose first and second are neither those of the settings nor of a run that this process began.
    adopt : iterable of str
        Names of `extra` pictures to copy to first, whatever was decided.
    remove : iterable of str
        Names of `missing` pictures to remove from first, whatever was decided.

    Returns
    -------
    Approval
        A picture is refused, with the reason, if one of its files is no longer the one that was compared (it
        has other bytes, is gone, or is a link) or cannot be written. The other pictures are approved.

    Raises
    ------
    SettingsError
        If `frame` is not a table of rows; if the run does not say where first, second and the output folder
        are, or they cannot be listed; or if it comes from elsewhere and `first` is not given.
    OutputError
        If the old files cannot be kept. Nothing was changed.

    Notes
    -----
    Old files are copied to ``approved-<stamp>/first/`` in the output folder. Then ``approved.json`` is
    written there with what is about to happen. Then each file is replaced in one step. If this is
    interrupted, `restore` with that folder brings all old files back; if the folder has no ``approved.json``,
    no file was changed.

    Examples
    --------
    ::

        done = triage.approve(frame)
        print(done)  # what was approved, and what was refused and why
        triage.restore(done.folder)
    """
    root, second, out = _folders(frame, run, first)
    refused: dict[str, str] = {}
    wanted = _wanted(frame, Decisions(out), _names(adopt), _names(remove), refused)
    changes = _found(wanted, root, second, refused)
    if not changes:
        return Approval(None, (), refused)
    folder = _reserved(out)
    try:
        changes = [change for change in changes if keep(change, folder, refused)]
        manifest = {"first": str(root), "second": str(second), "complete": False}
        manifest |= {"changes": [change.entry() for change in changes]}
        if changes:
            _remove_stale(changes, out)
            for path, _, _ in os.walk(folder):
                files.sync_folder(Path(path))
            runfiles.write_manifest(folder / _MANIFEST, manifest)
            files.sync_folder(out)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    try:
        done = [change for change in changes if carry_out(change, folder, refused)]
    except KeyboardInterrupt:
        named = "" if settings.is_chosen(root) else f", first={shown(root)!r}"
        back = f"triage.restore({shown(folder)!r}{named})"
        raise KeyboardInterrupt(
            f"Stopped while files were replaced. Continue with approve, or go back with {back}."
        ) from None
    if not done:
        shutil.rmtree(folder, ignore_errors=True)
        return Approval(None, (), refused)
    # Refused pictures must not be restored. If this cannot be written, restore still sees it by the digests.
    with contextlib.suppress(OutputError):
        manifest |= {"changes": [change.entry() for change in done], "complete": True}
        runfiles.write_manifest(folder / _MANIFEST, manifest)
    return Approval(folder, tuple(change.name for change in done), refused)


def restore(folder: AnyPath | Approval, *, first: AnyPath | None = None) -> Restoration:
    """Bring back the first pictures that an approval replaced or removed, and remove the adopted ones.

    Parameters
    ----------
    folder : path or Approval
        ``approved-<stamp>``, or what `approve` returned. The folder is kept; restoring it again changes
        nothing. If the approval changed nothing, there is nothing to restore.
    first : path, optional
        The folder whose pictures are brought back. It must be given if the approval comes from elsewhere:
        if its first is neither that of the settings nor one that this process has compared.

    Returns
    -------
    Restoration
        A file that was changed after the approval is refused, by name; the others are restored.

    Raises
    ------
    ResultsError
        If `approve` did not make the folder, or ended before it changed anything.
    SettingsError
        If the approval comes from elsewhere and `first` is not given, or there is no such folder.
    """
    if isinstance(folder, Approval):
        if folder.folder is None:
            return Restoration((), (), {})
        folder = folder.folder
    folder = local_path(folder, "The folder of an approval")
    path = folder / _MANIFEST
    if not os.path.lexists(path):
        raise ResultsError(
            f"{shown(folder)} holds no {_MANIFEST}: approve did not make it, or ended before anything was "
            "changed."
        )
    manifest = runfiles.read_manifest(path)
    restored: list[str] = []
    unchanged: list[str] = []
    refused: dict[str, str] = {}
    try:
        root = _trusted(manifest["first"], None, first, f"triage.restore({shown(folder)!r}, first=...)")
        _check_not_second(root, manifest.get("second"))
        changes = [*changes_of(manifest, root, refused)]
    except (KeyError, TypeError, ValueError) as error:
        raise ResultsError(f"{shown(path)} does not say what was approved.") from error
    for change in changes:
        try:
            (restored if take_back(change, folder) else unchanged).append(change.name)
        except Refused as reason:
            refused[change.name] = str(reason)
        except OSError as error:
            refused[change.name] = f"{change.path} cannot be restored: {error.strerror or error}."
    return Restoration(tuple(restored), tuple(unchanged), refused)


def _trusted(stated: object, second: Path | None, named: AnyPath | None, call: str) -> Path:
    """Return the folder whose pictures may be changed: the one that the caller names, or a known first.

    A first or second folder that is named only in a file is not trusted: anybody may have written that file.
    """
    if named is None and not isinstance(stated, str | os.PathLike):
        raise ValueError("it names no folder")
    root = local_path(stated if named is None else named, "first")  # type: ignore[arg-type]
    if named is None and not settings.is_chosen(root, second):
        by = "" if second is None else f" with those in {shown(second)}"
        raise SettingsError(
            f"This comes from elsewhere: it would replace pictures in {shown(root)}{by}, but the settings "
            f"and the runs of this process name other folders. If that is intended, name the folder: {call}."
        )
    if not is_folder(root):
        raise SettingsError(f"There is no folder {shown(root)}. Name the one with the pictures: {call}.")
    return root


def _check_not_second(root: Path, second: object) -> None:
    """Raise SettingsError if the folder is second, because nothing is ever written into second."""
    with contextlib.suppress(OSError, ValueError):
        if isinstance(second, str | os.PathLike) and root.samefile(second):
            raise SettingsError(f"{shown(root)} is second: name the folder of the first pictures as first=.")


def _names(given: Iterable[str]) -> set[str]:
    return {given} if isinstance(given, str) else set(given)


def _folders(
    frame: "pd.DataFrame", run: runfiles.AnyRun | Mapping[str, Any] | None, named: AnyPath | None
) -> tuple[Path, Path, Path]:
    runfiles.check_table(frame, "status")
    first, second, out, _ = runfiles.folders(frame, run, needed=("first", "second", "out"))
    assert out is not None
    if not is_folder(out):
        raise SettingsError(f"There is no output folder {shown(out)} with decisions: pass run=.")
    root = _trusted(first, second, named, "triage.approve(frame, first=...)")
    _check_not_second(root, second)
    return root, second, out


def _wanted(
    frame: "pd.DataFrame", decided: Decisions, adopt: set[str], remove: set[str], refused: dict[str, str]
) -> list[tuple[Row, str]]:
    """Return the rows to approve, each with its status; add the others that were asked for to `refused`."""
    statuses = frame["status"].tolist()
    wanted = []
    about = rows(frame)
    each = zip(about, statuses, decided.state(frame).tolist(), strict=True)
    for row, status, decision in dict.fromkeys(each):  # a frame may hold a row twice
        name = row.name
        named = name in adopt or name in remove
        if not named and decision != "accept":
            continue
        if name in adopt and status != "extra":
            refused[name] = "It cannot be adopted: it is not only in second."
        elif name in remove and status != "missing":
            refused[name] = "It cannot be removed: it is not only in first."
        elif not named and status == "extra":
            refused[name] = f"It is only in second: to copy it to first, name it: adopt=[{name!r}]."
        elif not named and status == "missing":
            refused[name] = f"It is only in first: to remove it, name it: remove=[{name!r}]."
        elif status == "error":
            refused[name] = f"It could not be compared: replace the file, {AGAIN}."
        elif named or row.first_digest != row.second_digest:
            wanted.append((row, status))
    for name in sorted((adopt | remove) - {row.name for row in about}):
        refused[name] = "The frame has no row of this name."
    return wanted


def _found(wanted: list[tuple[Row, str]], first: Path, second: Path, refused: dict[str, str]) -> list[Change]:
    """Return the changes for these rows, with files from a listing of both folders.

    The listing knows every spelling of a name.
    """
    listing = {pair.name: pair for pair in pairs.find(first, second).pairs} if wanted else {}
    changes: list[Change] = []
    for row, status in wanted:
        try:
            changes.append(_change(len(changes), row, status, listing.get(row.name), first, second))
        except Refused as reason:
            refused[row.name] = str(reason)
    return changes


def _change(number: int, row: Row, status: str, pair: Pair | None, first: Path, second: Path) -> Change:
    if pair is None:
        raise Refused(f"It is gone: {AGAIN}.")
    if pair.problem is not None:
        raise Refused(f"{pair.problem[1]} Then {AGAIN}.")
    has = (pair.first is not None, pair.second is not None)
    if has != {"missing": (True, False), "extra": (False, True)}.get(status, (True, True)):
        sides = " and ".join(side for side, there in zip(("first", "second"), has, strict=True) if there)
        raise Refused(f"It is now in {sides}, which is not what was compared: {AGAIN}.")
    if pair.first is not None:
        below = str(Path(pair.first).relative_to(first))
    else:
        assert pair.second is not None
        below = str(Path(pair.second).relative_to(second))
    old, new = row.first_digest or None, row.second_digest or None
    if (old is None and status != "extra") or (new is None and status != "missing"):
        raise Refused(f"The run does not know its digests: {AGAIN}.")
    return Change(number, row.name, first, below, old, new, Path(pair.second) if pair.second else None)


def _reserved(out: Path) -> Path:
    stamp, number = datetime.now().strftime("%Y%m%d-%H%M%S"), 1
    while True:
        folder = out / (f"approved-{stamp}" if number == 1 else f"approved-{stamp}-{number}")
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            number += 1
        except OSError as error:
            raise files.not_written(folder, error) from error


def _remove_stale(changes: list[Change], out: Path) -> None:
    """Remove temporary files that killed calls have left beside these files."""
    targets = {change.target for change in changes}
    for path in out.glob(f"approved-*/{_MANIFEST}"):
        with contextlib.suppress(MymodulesError, OSError, KeyError, TypeError, ValueError):
            manifest = runfiles.read_manifest(path)
            for change in changes_of(manifest, local_path(manifest["first"], "first"), {}):
                if change.target in targets:
                    change.beside(path.parent).unlink(missing_ok=True)


def _counted(names: tuple[str, ...]) -> str:
    return f"{len(names)} {'picture' if len(names) == 1 else 'pictures'}"


def _reasons(refused: Mapping[str, str]) -> Iterable[str]:
    if refused:
        yield f"{_counted(tuple(refused))} refused:"
    for name, reason in refused.items():
        yield f"  {shown(name)}: {shown(reason)}"
