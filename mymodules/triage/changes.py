"""What an approval does to one file: keep the old one, replace it, and bring it back.

At every moment the file is either the old one or the new one. A change that cannot be made exactly as it was
compared is refused with the reason.
"""

import contextlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

from mymodules import files, images, pairs, settings
from mymodules.errors import ImageError
from mymodules.paths import shown

AGAIN = "compare again, then decide"
"""What to do about most refusals."""

_KEPT = "first"  # a folder of its own, so that no picture can have the manifest's path
_DATED = re.compile(r"approved-\d{8}-\d{6}(-\d+)?", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{32}", re.ASCII)


class Refused(Exception):
    """One picture cannot be approved or restored; the text gives the reason."""


@dataclass(frozen=True)
class Change:
    """One file of first that is to be replaced, created (`old` is None) or removed (`new` is None).

    Attributes
    ----------
    number : int
        Makes the names of the files that are written beside their targets unique.
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
        """The file."""
        return self.root / self.below

    @property
    def path(self) -> str:
        """The file's path, as messages show it."""
        return shown(self.target)

    @property
    def link(self) -> Path | None:
        """The topmost link on the way from the root to the file; None if there is no link."""
        parts = [self.target, *self.target.parents][: len(PurePath(self.below).parts)]
        return next((part for part in reversed(parts) if part.is_symlink()), None)

    def kept(self, folder: Path) -> Path:
        """Return where the old file is kept in the folder of an approval."""
        return folder / _KEPT / self.below

    def beside(self, folder: Path) -> Path:
        """Return where the new file is written before it replaces the old one.

        The name is hidden, so that no run takes the file for a picture.
        """
        # Leftovers of this name are removed, so it must be one that only approvals give.
        mark = folder.name if _DATED.fullmatch(folder.name) else "approved-moved"
        return self.target.with_name(f".{mark}-{self.number}.tmp")

    def entry(self) -> dict[str, Any]:
        """Return the change as an entry in the manifest of an approval."""
        return {
            "number": self.number,
            "name": self.name,
            "path": self.below,
            "first_digest": self.old,
            "second_digest": self.new,
        }

    @classmethod
    def of(cls, entry: Mapping[str, Any], root: Path) -> "Change":
        """Return the change of an entry; raise ValueError if `entry` cannot have written it."""
        below, name, number = entry["path"], entry["name"], entry["number"]
        digests = entry["first_digest"], entry["second_digest"]
        texts = (below, name, *(digest for digest in digests if digest is not None))
        if not all(isinstance(text, str) for text in texts) or type(number) is not int or number < 0:
            raise ValueError("it is not what approve writes")
        return cls(number, name, root, below, *digests)


def changes_of(manifest: Mapping[str, Any], root: Path, refused: dict[str, str]) -> Iterator[Change]:
    """Yield the changes of an approval; refuse those that `approve` cannot have made."""
    seen: set[str] = set()
    for entry in manifest["changes"]:
        change = Change.of(entry, root)
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


def keep(change: Change, folder: Path, refused: dict[str, str]) -> bool:
    """Copy the old file; return False, with the reason in `refused`, if the change must not be made."""
    try:
        _check_no_link(change)
        new = None if change.source is None else _new_data(change, change.source)
        data = None if change.old is None else _old_data(change)
        if new is not None:
            _check_ending(change, new, data)
        if data is None:
            return True
        kept = change.kept(folder)
        kept.parent.mkdir(parents=True, exist_ok=True)
        _write(kept, data, like=change.target)
    except Refused as reason:
        refused[change.name] = str(reason)
    except OSError as error:
        refused[change.name] = (
            f"It cannot be read, or the old file cannot be kept: {error.strerror or error}."
        )
    return change.name not in refused


def _check_no_link(change: Change) -> None:
    if change.link is not None:
        raise Refused(f"{shown(change.link)} is a link: approve where the file itself is.")


def _new_data(change: Change, source: Path) -> bytes:
    """Return the bytes of the new file; raise `Refused` unless they are those that were compared."""
    data = files.contents(source)
    if images.digest(data) != change.new:
        raise Refused(f"second is no longer the picture that was compared: {AGAIN}.")
    return data


def _check_ending(change: Change, new: bytes, old: bytes | None) -> None:
    """Raise `Refused` if a file would get an ending of another format, which the old one does not have."""
    ending = PurePath(change.below).suffix
    meant = settings.FORMATS.get(ending.lower())
    with contextlib.suppress(ImageError):  # what is not a picture fits any ending
        form = images.format_of(new)
        if form != meant and (old is None or images.format_of(old) != form):
            raise Refused(f"second is a {form} file with the ending {ending}: save it as {meant}, {AGAIN}.")


def _old_data(change: Change) -> bytes:
    """Return the bytes of the old file; raise `Refused` unless they are those that were compared."""
    _check_no_link(change)
    data = files.contents(change.target)
    digest = images.digest(data)
    if digest == change.new:
        raise Refused("first already is the accepted picture.")
    if digest != change.old:
        raise Refused(f"first is no longer the picture that was compared: {AGAIN}.")
    return data


def carry_out(change: Change, folder: Path, refused: dict[str, str]) -> bool:
    """Make a change; return False, with the reason in `refused`, if it could not be made."""
    try:
        if change.source is None:
            _old_data(change)
            change.target.unlink()
            files.sync_folder(change.target.parent)
            return True
        data = _new_data(change, change.source)
        _check_no_link(change)
        change.target.parent.mkdir(parents=True, exist_ok=True)
        with _placing(change, folder, data, like=change.target if change.old else change.source):
            if change.old is not None:
                _old_data(change)
            elif os.path.lexists(change.target):
                raise Refused(f"first has a file of this name now: {AGAIN}.")
        return True
    except Refused as reason:
        refused[change.name] = str(reason)
    except OSError as error:
        refused[change.name] = f"{change.path} cannot be written: {error.strerror or error}."
    with contextlib.suppress(OSError):
        change.kept(folder).unlink(missing_ok=True)
    return False


def folders_to_make(changes: Sequence[Change]) -> list[str]:
    """Return the folders, as paths below first, that have to be made for the new files."""
    return sorted(
        {
            str(above)
            for change in changes
            for above in PurePath(change.below).parents
            if change.new is not None and not os.path.lexists(change.root / above)
        }
    )


def remove_folders(made: Iterable[object], changes: Iterable[Change]) -> None:
    """Remove the folders that an approval has made, those that are empty, now that its files are gone."""
    named = {*map(str, made)}
    found = {
        change.root / above
        for change in changes
        for above in PurePath(change.below).parents
        if above.parts and change.old is None and change.link is None and str(above) in named
    }
    for folder in sorted(found, key=lambda each: len(each.parts), reverse=True):
        with contextlib.suppress(OSError):  # something else is in it
            folder.rmdir()


def take_back(change: Change, folder: Path) -> bool:
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
            raise Refused(f"Its old file in {shown(folder)} is a link.")
        data = files.contents(kept)
    except OSError as error:
        raise Refused(f"Its old file is not in {shown(folder)}: {error.strerror or error}.") from error
    if images.digest(data) != change.old:
        raise Refused(f"Its old file in {shown(folder)} was changed.")
    change.target.parent.mkdir(parents=True, exist_ok=True)
    with _placing(change, folder, data, like=change.kept(folder)):
        _check_as_approved(change)  # again, as late as possible
    return True


def _check_as_approved(change: Change) -> None:
    if _now(change) != change.new:
        raise Refused(f"{change.path} was changed after the approval: it is left as it is.")


def _now(change: Change) -> str | None:
    """Return the digest of the file in first now; None if there is no file."""
    if change.link is not None:
        raise Refused(f"{change.path} was changed after the approval: {shown(change.link)} is a link.")
    try:
        return images.digest(files.contents(change.target))
    except (FileNotFoundError, NotADirectoryError):
        return None


@contextlib.contextmanager
def _placing(change: Change, folder: Path, data: bytes, like: Path) -> Iterator[None]:
    """Write data beside the target, run the body for the last checks, and replace the target."""
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
