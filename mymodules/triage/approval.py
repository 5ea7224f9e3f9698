"""Make accepted pictures the new first ones, and bring the old ones back.

`approve` does the former, `restore` the latter. At every moment each file is either the old one or the new
one, and the old one is kept before anything is changed. Nothing is ever written into second.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mymodules import files, settings
from mymodules.errors import MymodulesError, OutputError, ResultsError
from mymodules.paths import AnyPath, local_path, shown
from mymodules.results import runfiles
from mymodules.row import counted
from mymodules.triage.accepted import close
from mymodules.triage.changes import (
    Change,
    Refused,
    carry_out,
    changes_of,
    folders_to_make,
    keep,
    remove_folders,
    take_back,
)
from mymodules.triage.handover import Merge, merge
from mymodules.triage.plans import (
    ACCEPTED,
    Wanted,
    changes_for,
    check_not_second,
    is_held,
    places,
    rows_to_approve,
    trusted,
)

if TYPE_CHECKING:
    import pandas as pd

MANIFEST = "approved.json"

Progress = Callable[[int, int], object]
"""Is called with the number of steps that are done and that of all steps."""


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
    merge : Merge or None
        What `merge` has done with the file of decisions; None if none was given.
    already : tuple of str
        Names of accepted pictures of which first was already as it would have become.
    tolerated : tuple of str
        Names of accepted pictures that stayed, because rules tolerate all that changed.
    """

    folder: Path | None
    approved: tuple[str, ...]
    refused: dict[str, str]
    merge: Merge | None = None
    already: tuple[str, ...] = ()
    tolerated: tuple[str, ...] = ()

    def __str__(self) -> str:
        kept = f" The old files are in {shown(self.folder)}." if self.folder else ""
        done = f" {counted(len(self.already))} needed nothing." if self.already else ""
        done += f" {counted(len(self.tolerated))} that rules tolerate stayed." if self.tolerated else ""
        told = f"{counted(len(self.approved))} approved.{done}{kept}{self._taken()}"
        return "\n".join([told, *_reasons(self.refused)])

    def _taken(self) -> str:
        """Return a sentence on the file of decisions; it may hold none that approves anything."""
        if self.merge is None:
            return ""
        count = len(self.merge.merged) + len(self.merge.unchanged)
        were = "decision was" if count == 1 else "decisions were"
        none = ", none to accept a picture" if count and not self.merge.accepted else ""
        return f" {count:,} {were} taken from the file{none}."


@dataclass(frozen=True)
class Restoration:
    """What `restore` has done.

    Attributes
    ----------
    restored : tuple of str
        Names of files: a picture that was renamed has two.
    unchanged : tuple of str
        Names of files that already were the old ones.
    refused : dict of str to str
        The reason for each picture that was refused, by name.
    """

    restored: tuple[str, ...]
    unchanged: tuple[str, ...]
    refused: dict[str, str]

    def __str__(self) -> str:
        return "\n".join(
            [f"{counted(len(self.restored), 'file')} restored.{self.kept}", *_reasons(self.refused)]
        )

    @property
    def kept(self) -> str:
        """A sentence about what had to be done to no file; empty if there is none."""
        number = len(self.unchanged)
        are = "is the old one" if number == 1 else "are the old ones"
        return f" {counted(number, 'file')} {are} already." if number else ""


def approve(
    frame: "pd.DataFrame",
    run: runfiles.AnyRun | Mapping[str, Any] | None = None,
    *,
    first: AnyPath | None = None,
    replace: Iterable[str] = (),
    adopt: Iterable[str] = ACCEPTED,
    remove: Iterable[str] = (),
    unseen: bool = False,
    tolerated: bool = False,
    decisions: AnyPath | None = None,
    on_progress: Progress | None = None,
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
    replace : iterable of str
        Names of `changed` pictures to replace, whatever was decided; those that were accepted always are.
    adopt : "accepted" or iterable of str
        The `extra` pictures to copy to first: by default those that were accepted, or these names whatever
        was decided.
    remove : "accepted" or iterable of str
        The `missing` pictures to remove from first: those that were accepted, or these names whatever was
        decided; by default none. They are refused if the run did not finish, or left out pictures.
    unseen : bool
        Also take pictures that are accepted only because all of their changes were before this run.
    tolerated : bool
        Also take accepted pictures of which rules tolerate all that changed. They pass as they are, and
        approving them would replace one noise by another.
    decisions : path, optional
        The file of decisions that a report has handed over: `merge` takes it first, and what that refuses is
        refused here.
    on_progress : callable, optional
        Called with the number of steps that are done and that of all steps, two for each file.

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
    ResultsError
        If the file of decisions is not one. Nothing was changed.
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
    found = places(frame, run, first)
    root, out = found.first, found.out
    merged = None if decisions is None else merge(frame, decisions, run)
    refused = {} if merged is None else dict(merged.refused)
    already: list[str] = []
    staying: list[str] = []
    asked = Wanted.of(replace, adopt, remove, unseen, tolerated)
    wanted = rows_to_approve(frame, found, asked, refused, staying)
    changes = changes_for(wanted, found, refused, already)
    if not changes:
        close(frame, out, found.stamp, already)
        return Approval(None, (), refused, merged, tuple(already), tuple(staying))
    folder, steps = _reserved(out), _Steps(on_progress, 2 * len(changes))
    try:
        kept = [change for change in steps.after(changes) if keep(change, folder, refused)]
        changes = [  # a name may have two changes
            change for change in kept if change.name not in refused and not is_held(change, found, refused)
        ]
        steps.total = steps.done + len(changes)
        manifest = {"first": str(root), "second": str(found.second), "complete": False}
        manifest |= {"folders": folders_to_make(changes)}
        manifest |= {"changes": [change.entry() for change in changes]}
        if changes:
            _remove_stale(changes, out)
            for path, _, _ in os.walk(folder):
                files.sync_folder(Path(path))
            runfiles.write_manifest(folder / MANIFEST, manifest)
            files.sync_folder(out)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    try:
        done = [
            change
            for change in steps.after(changes)
            if change.name not in refused
            and not is_held(change, found, refused)
            and carry_out(change, folder, refused)
        ]
    except KeyboardInterrupt:
        named = "" if settings.is_chosen(root) else f", first={str(root)!r}"
        back = f"triage.restore({str(folder)!r}{named})"
        raise KeyboardInterrupt(
            f"Stopped while files were replaced. Continue with approve, or go back with {back}."
        ) from None
    if not done:
        shutil.rmtree(folder, ignore_errors=True)
        return Approval(None, (), refused, merged, tuple(already), tuple(staying))
    # Refused pictures must not be restored. If this cannot be written, restore still sees it by the digests.
    with contextlib.suppress(OutputError):
        manifest |= {"changes": [change.entry() for change in done], "complete": True}
        runfiles.write_manifest(folder / MANIFEST, manifest)
    approved = dict.fromkeys(change.name for change in done if change.name not in refused)
    close(frame, out, found.stamp, {*approved, *already})
    return Approval(folder, tuple(approved), refused, merged, tuple(already), tuple(staying))


def restore(
    folder: AnyPath | Approval, *, first: AnyPath | None = None, on_progress: Progress | None = None
) -> Restoration:
    """Bring back the first pictures that an approval replaced or removed, and remove the adopted ones.

    Parameters
    ----------
    folder : path or Approval
        ``approved-<stamp>``, or what `approve` returned. The folder is kept; restoring it again changes
        nothing. If the approval changed nothing, there is nothing to restore.
    first : path, optional
        The folder whose pictures are brought back. It must be given if the approval comes from elsewhere:
        if its first is neither that of the settings nor one that this process has compared.
    on_progress : callable, optional
        Called with the number of pictures that are done and that of all pictures.

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
    path = folder / MANIFEST
    if not os.path.lexists(path):
        raise ResultsError(
            f"{shown(folder)} holds no {MANIFEST}: approve did not make it, or ended before anything was "
            "changed."
        )
    manifest = runfiles.read_manifest(path)
    restored: list[str] = []
    unchanged: list[str] = []
    refused: dict[str, str] = {}
    try:
        root = trusted(manifest["first"], None, first, f"triage.restore({str(folder)!r}, first=...)")
        check_not_second(root, manifest.get("second"))
        changes = [*changes_of(manifest, root, refused)]
    except (KeyError, TypeError, ValueError) as error:
        raise ResultsError(f"{shown(path)} does not say what was approved.") from error
    for change in _Steps(on_progress, len(changes)).after(changes):
        try:
            (restored if take_back(change, folder) else unchanged).append(change.name)
        except Refused as reason:
            refused[change.name] = str(reason)
        except OSError as error:
            refused[change.name] = f"{change.path} cannot be restored: {error.strerror or error}."
    made = manifest.get("folders")
    remove_folders(made if isinstance(made, list) else (), changes)
    return Restoration(tuple(restored), tuple(unchanged), refused)


class _Steps:
    """Report how many of the steps are done."""

    def __init__(self, report: Progress | None, total: int) -> None:
        self._report, self.done, self.total = report, 0, total

    def after(self, changes: Iterable[Change]) -> Iterator[Change]:
        """Yield the changes, and report each when the next one is asked for."""
        for change in changes:
            yield change
            self.done += 1
            if self._report is not None:
                self._report(self.done, self.total)


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
    for path in out.glob(f"approved-*/{MANIFEST}"):
        with contextlib.suppress(MymodulesError, OSError, KeyError, TypeError, ValueError):
            manifest = runfiles.read_manifest(path)
            for change in changes_of(manifest, local_path(manifest["first"], "first"), {}):
                if change.target in targets:
                    change.beside(path.parent).unlink(missing_ok=True)


def _reasons(refused: Mapping[str, str]) -> Iterable[str]:
    if refused:
        yield f"{counted(len(refused))} refused:"
    for name, reason in refused.items():
        yield f"  {shown(name)}: {shown(reason)}"
