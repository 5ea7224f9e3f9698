"""Make accepted pictures the new first ones, and bring the old ones back.

`approve` does it, `restore` takes it back. At every moment each file is either the old one or the new one,
and the old one is kept before anything is changed. Nothing in second is ever written.
"""

import contextlib
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from mymodules import files, images, pairs, settings
from mymodules.errors import MymodulesError, OutputError, ResultsError, SettingsError
from mymodules.pairs import Pair
from mymodules.paths import AnyPath, is_folder, local_path, shown
from mymodules.results import runfiles
from mymodules.triage.decisions import Decisions, rows
from mymodules.triage.history import Row

if TYPE_CHECKING:
    import pandas as pd

_MANIFEST = "approved.json"
_KEPT = "first"  # below the dated folder, so that no picture meets the manifest
_DATED = re.compile(r"approved-\d{8}-\d{6}(-\d+)?", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{32}", re.ASCII)

_AGAIN = "compare again, then decide"


@dataclass(frozen=True)
class Approval:
    """What `approve` has done.

    Attributes
    ----------
    folder : Path or None
        Where the old files are, for `restore`; None when nothing was changed.
    approved : tuple of str
        Names.
    refused : dict of str to str
        Why, by name.
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
        Names of files that were the old ones already.
    refused : dict of str to str
        Why, by name.
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
        A picture is refused, with the reason, when what was compared is no longer there: a file has other
        bytes now, is gone, is a link, or cannot be written. The others go on.

    Raises
    ------
    SettingsError
        When `frame` is not a table of rows; when the run does not say where first, second and the output
        folder are, or they cannot be listed; when it comes from elsewhere and `first` is not given.
    OutputError
        When the old files cannot be kept; nothing has been changed then.

    Notes
    -----
    Old files are copied to ``approved-<stamp>/first/`` in the output folder. Then ``approved.json`` is
    written there with what is about to happen. Then each file is replaced in one step. If this is
    interrupted, `restore` with that folder brings all old files back; without an ``approved.json`` none was
    changed.

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
        changes = [change for change in changes if _is_kept(change, folder, refused)]
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
        done = [change for change in changes if _is_carried_out(change, folder, refused)]
    except KeyboardInterrupt:
        named = "" if settings.is_chosen(root) else f", first={shown(root)!r}"
        back = f"triage.restore({shown(folder)!r}{named})"
        raise KeyboardInterrupt(
            f"Stopped while files were replaced. Continue with approve, or go back with {back}."
        ) from None
    if not done:
        shutil.rmtree(folder, ignore_errors=True)
        return Approval(None, (), refused)
    # What was refused must not be restored. If this cannot be written, the digests still tell.
    with contextlib.suppress(OutputError):
        manifest |= {"changes": [change.entry() for change in done], "complete": True}
        runfiles.write_manifest(folder / _MANIFEST, manifest)
    return Approval(folder, tuple(change.name for change in done), refused)


def restore(folder: AnyPath, *, first: AnyPath | None = None) -> Restoration:
    """Bring back the first pictures that an approval replaced or removed, and remove the adopted ones.

    Parameters
    ----------
    folder : path
        ``approved-<stamp>``; it is kept, and restoring again changes nothing more.
    first : path, optional
        The folder whose pictures are brought back. It must be given when the approval comes from elsewhere:
        when its first is neither that of the settings nor one that this process has compared.

    Returns
    -------
    Restoration
        A file that was changed after the approval is refused by name; the others go on.

    Raises
    ------
    ResultsError
        When `approve` did not make the folder, or ended before it changed anything.
    SettingsError
        When the approval comes from elsewhere and `first` is not given, or there is no such folder.
    """
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
        changes = [*_changes(manifest, root, refused)]
    except (KeyError, TypeError, ValueError) as error:
        raise ResultsError(f"{shown(path)} does not say what was approved.") from error
    for change in changes:
        try:
            (restored if _is_taken_back(change, folder) else unchanged).append(change.name)
        except _Refused as reason:
            refused[change.name] = str(reason)
        except OSError as error:
            refused[change.name] = f"{change.path} cannot be restored: {error.strerror or error}."
    return Restoration(tuple(restored), tuple(unchanged), refused)


class _Refused(Exception):
    """One picture is not approved or restored, for the reason in the text."""


@dataclass(frozen=True)
class _Change:
    """One file of first that is to be replaced, to appear (`old` is None) or to be removed (`new` is None).

    Attributes
    ----------
    number : int
        Tells apart the files that are written beside their targets.
    name : str
        ``image_filename``.
    root : Path
        The first folder.
    below : str
        The file's path in `root`.
    old, new : str or None
        Digests.
    source : Path or None
        The second picture.
    """

    number: int
    name: str
    root: Path
    below: str
    old: str | None
    new: str | None
    source: Path | None = None

    @property
    def target(self) -> Path:
        return self.root / self.below

    @property
    def path(self) -> str:
        return shown(self.target)

    @property
    def link(self) -> Path | None:
        """The file or folder below the root that is a link; None where there is none."""
        parts = [self.target, *self.target.parents][: len(PurePath(self.below).parts)]
        return next((part for part in reversed(parts) if part.is_symlink()), None)

    def kept(self, folder: Path) -> Path:
        """Return where the old file is kept in the folder of an approval."""
        return folder / _KEPT / self.below

    def beside(self, folder: Path) -> Path:
        """Return where the new file is written before it replaces the old one.

        The name is hidden, so that no run takes the file for a picture.
        """
        # Only what has the name of an approval is ever removed.
        mark = folder.name if _DATED.fullmatch(folder.name) else "approved-moved"
        return self.target.with_name(f".{mark}-{self.number}.tmp")

    def entry(self) -> dict[str, Any]:
        """Return the change as the manifest of an approval has it."""
        return {
            "number": self.number,
            "name": self.name,
            "path": self.below,
            "first_digest": self.old,
            "second_digest": self.new,
        }

    @classmethod
    def of(cls, entry: Mapping[str, Any], root: Path) -> "_Change":
        """Return the change of an entry; raise ValueError if `entry` cannot have written it."""
        below, name, number = entry["path"], entry["name"], entry["number"]
        digests = entry["first_digest"], entry["second_digest"]
        texts = (below, name, *(digest for digest in digests if digest is not None))
        if not all(isinstance(text, str) for text in texts) or type(number) is not int or number < 0:
            raise ValueError("it is not what approve writes")
        return cls(number, name, root, below, *digests)


def _changes(manifest: Mapping[str, Any], root: Path, refused: dict[str, str]) -> Iterator[_Change]:
    """Yield the changes of an approval; refuse those that `approve` cannot have made."""
    seen: set[str] = set()
    for entry in manifest["changes"]:
        change = _Change.of(entry, root)
        below = change.below.replace(os.sep, "/")
        digests = [digest for digest in (change.old, change.new) if digest is not None]
        if not pairs.is_listed(below):
            reason = f"{below!r} is not the name of a picture below {shown(root)}"
        elif not digests or not all(map(_DIGEST.fullmatch, digests)):
            reason = "the approval does not say which pictures were there before and after"
        elif below in seen:
            reason = "it is in the approval twice"
        else:
            seen.add(below)
            yield replace(change, name=pairs.to_text(below))  # not the name that the entry states
            continue
        refused[change.name] = f"{reason[0].upper()}{reason[1:]}: it is left as it is."


def _trusted(stated: object, second: Path | None, named: AnyPath | None, call: str) -> Path:
    """Return the folder whose pictures may be changed: the one that the caller names, or a known first.

    A folder that only a file names is not trusted, and neither is a second folder that only a file names:
    anybody may have written that file.
    """
    if named is None and not isinstance(stated, str | os.PathLike):
        raise ValueError("it names no folder")
    root = local_path(stated if named is None else named, "first")  # type: ignore[arg-type]
    if named is None and not settings.is_chosen(root, second):
        by = "" if second is None else f" by those in {shown(second)}"
        raise SettingsError(
            f"This comes from elsewhere: it would change pictures in {shown(root)}{by}, which are not the "
            "folders of the settings or of a run that this process began. If that is intended, name the "
            f"folder: {call}."
        )
    if not is_folder(root):
        raise SettingsError(f"There is no folder {shown(root)}. Name the one with the pictures: {call}.")
    return root


def _check_not_second(root: Path, second: object) -> None:
    """Raise SettingsError if the folder is second, where nothing is ever written."""
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
            refused[name] = f"It could not be compared: replace the file, {_AGAIN}."
        elif named or row.first_digest != row.second_digest:
            wanted.append((row, status))
    for name in sorted((adopt | remove) - {row.name for row in about}):
        refused[name] = "The frame has no row of this name."
    return wanted


def _found(
    wanted: list[tuple[Row, str]], first: Path, second: Path, refused: dict[str, str]
) -> list[_Change]:
    """Return the changes for these rows, with files from a listing of both folders.

    The listing knows every spelling of a name.
    """
    listing = {pair.name: pair for pair in pairs.find(first, second).pairs} if wanted else {}
    changes: list[_Change] = []
    for row, status in wanted:
        try:
            changes.append(_change(len(changes), row, status, listing.get(row.name), first, second))
        except _Refused as reason:
            refused[row.name] = str(reason)
    return changes


def _change(number: int, row: Row, status: str, pair: Pair | None, first: Path, second: Path) -> _Change:
    if pair is None:
        raise _Refused(f"It is gone: {_AGAIN}.")
    if pair.problem is not None:
        raise _Refused(f"{pair.problem[1]} Then {_AGAIN}.")
    has = (pair.first is not None, pair.second is not None)
    if has != {"missing": (True, False), "extra": (False, True)}.get(status, (True, True)):
        sides = " and ".join(side for side, there in zip(("first", "second"), has, strict=True) if there)
        raise _Refused(f"It is now in {sides}, which is not what was compared: {_AGAIN}.")
    if pair.first is not None:
        below = str(Path(pair.first).relative_to(first))
    else:
        assert pair.second is not None
        below = str(Path(pair.second).relative_to(second))
    old, new = row.first_digest or None, row.second_digest or None
    if (old is None and status != "extra") or (new is None and status != "missing"):
        raise _Refused(f"The run does not know its digests: {_AGAIN}.")
    return _Change(number, row.name, first, below, old, new, Path(pair.second) if pair.second else None)


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


def _remove_stale(changes: list[_Change], out: Path) -> None:
    """Remove what calls that were killed have left beside these files."""
    targets = {change.target for change in changes}
    for path in out.glob(f"approved-*/{_MANIFEST}"):
        with contextlib.suppress(MymodulesError, OSError, KeyError, TypeError, ValueError):
            manifest = runfiles.read_manifest(path)
            for change in _changes(manifest, local_path(manifest["first"], "first"), {}):
                if change.target in targets:
                    change.beside(path.parent).unlink(missing_ok=True)


def _is_kept(change: _Change, folder: Path, refused: dict[str, str]) -> bool:
    """Copy the old file; return False, with the reason in `refused`, if the change must not be made."""
    try:
        _check_no_link(change)
        if change.source is not None and images.digest(files.contents(change.source)) != change.new:
            raise _Refused(f"second is no longer the picture that was compared: {_AGAIN}.")
        if change.old is None:
            return True
        data = _old_data(change)
        kept = change.kept(folder)
        kept.parent.mkdir(parents=True, exist_ok=True)
        _write(kept, data, like=change.target)
    except _Refused as reason:
        refused[change.name] = str(reason)
    except OSError as error:
        refused[change.name] = (
            f"It cannot be read, or the old file cannot be kept: {error.strerror or error}."
        )
    return change.name not in refused


def _check_no_link(change: _Change) -> None:
    if change.link is not None:
        raise _Refused(f"{shown(change.link)} is a link: approve where the file itself is.")


def _old_data(change: _Change) -> bytes:
    _check_no_link(change)
    data = files.contents(change.target)
    digest = images.digest(data)
    if digest == change.new:
        raise _Refused("first already is the accepted picture.")
    if digest != change.old:
        raise _Refused(f"first is no longer the picture that was compared: {_AGAIN}.")
    return data


def _is_carried_out(change: _Change, folder: Path, refused: dict[str, str]) -> bool:
    try:
        if change.source is None:
            _old_data(change)
            change.target.unlink()
            files.sync_folder(change.target.parent)
            return True
        data = files.contents(change.source)
        if images.digest(data) != change.new:
            raise _Refused(f"second is no longer the picture that was compared: {_AGAIN}.")
        _check_no_link(change)
        change.target.parent.mkdir(parents=True, exist_ok=True)
        with _placing(change, folder, data, like=change.target if change.old else change.source):
            if change.old is not None:
                _old_data(change)
            elif os.path.lexists(change.target):
                raise _Refused(f"first has a file of this name now: {_AGAIN}.")
        return True
    except _Refused as reason:
        refused[change.name] = str(reason)
    except OSError as error:
        refused[change.name] = f"{change.path} cannot be written: {error.strerror or error}."
    with contextlib.suppress(OSError):
        change.kept(folder).unlink(missing_ok=True)
    return False


def _is_taken_back(change: _Change, folder: Path) -> bool:
    """Bring the old file back; return False if it is already there."""
    change.beside(folder).unlink(missing_ok=True)  # left by a process that was killed
    if _now(change) == change.old:
        return False
    _check_as_approved(change)
    if change.old is None:
        change.target.unlink()
        files.sync_folder(change.target.parent)
        return True
    kept = change.kept(folder)
    try:
        inside = (part for part in (kept, *kept.parents) if folder in part.parents)
        if any(part.is_symlink() for part in inside):
            raise _Refused(f"Its old file in {shown(folder)} is a link.")
        data = files.contents(kept)
    except OSError as error:
        raise _Refused(f"Its old file is not in {shown(folder)}: {error.strerror or error}.") from error
    if images.digest(data) != change.old:
        raise _Refused(f"Its old file in {shown(folder)} was changed.")
    change.target.parent.mkdir(parents=True, exist_ok=True)
    with _placing(change, folder, data, like=change.kept(folder)):
        _check_as_approved(change)  # again, as late as possible
    return True


def _check_as_approved(change: _Change) -> None:
    if _now(change) != change.new:
        raise _Refused(f"{change.path} was changed after the approval: it is left as it is.")


def _now(change: _Change) -> str | None:
    """Return the digest of what is in first now; None where there is nothing."""
    if change.link is not None:
        raise _Refused(f"{change.path} was changed after the approval: {shown(change.link)} is a link.")
    try:
        return images.digest(files.contents(change.target))
    except (FileNotFoundError, NotADirectoryError):
        return None


@contextlib.contextmanager
def _placing(change: _Change, folder: Path, data: bytes, like: Path) -> Iterator[None]:
    """Write data beside the target, run the body, which makes the last checks, and replace the target."""
    beside = change.beside(folder)
    try:
        _write(beside, data, like)
        yield
        files.place(beside, change.target)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def _write(path: Path, data: bytes, like: Path) -> None:
    """Write a new file to the disk, with the read, write and execute permissions of another one.

    The set-user-ID and set-group-ID bits are left out: the other file may belong to somebody else.
    """
    try:
        mode = stat.S_IMODE(like.stat().st_mode) & 0o777
    except OSError:
        mode = None
    files.create(path, [data], mode=mode)


def _counted(names: tuple[str, ...]) -> str:
    return f"{len(names)} {'picture' if len(names) == 1 else 'pictures'}"


def _reasons(refused: Mapping[str, str]) -> Iterable[str]:
    if refused:
        yield f"{_counted(tuple(refused))} refused:"
    for name, reason in refused.items():
        yield f"  {shown(name)}: {shown(reason)}"
