"""A snapshot behind a URL: a store is seeded from it and pushed to it, so that another machine has its rows.

Promises:

- What cannot be fetched, understood or sent raises `StoreError`, and leaves both sides as they were, except
  that a store keeps the sound records that it has taken in. No message has a user, password or query.
- Pushing sends what is there together with what this store has, as one file in one step. If another machine
  has pushed meanwhile, all of it is done again, a few times. Only where two send within the same moment may
  the last one win, and the records of the other be lost until it pushes again: parallel jobs of machines that
  are thrown away should push to a URL each.
- Pushing replaces only a snapshot: one of this version, or one that is older or damaged, which is then lost.
  Any other file stays, and so does a snapshot of a newer version.
- `LIMIT` ends all waiting for the server. What is done with a file on this computer takes 1 s or so for 3,000
  records, and no more than `snapshots.LARGEST` is taken.
"""

import filecmp
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from mymodules.errors import StoreError
from mymodules.remote import address, is_remote, sending
from mymodules.remote.listing import Stated
from mymodules.store import snapshots
from mymodules.store.diffstore import DiffStore
from mymodules.store.snapshots import Counts

LIMIT: Final = 600.0
"""s; how long seeding or pushing may take."""

_TRIES = 5

T = TypeVar("T")


def seed(store: DiffStore, url: str) -> Counts | None:
    """Take in the snapshot at a URL, such as ``s3://bucket/store.snapshot``.

    Returns
    -------
    Counts or None
        How many of its records are new here, known, or unsound and left out. None if there is no snapshot.

    Raises
    ------
    StoreError
        If it cannot be fetched, or is none that this version understands.
    """

    def taken_in(folder: sending.Folder, made: Path) -> Counts | None:
        if folder.read("", made, snapshots.LARGEST) is None:
            return None
        return snapshots.take_in(made, store.records)

    return _dealt(url, taken_in)


def push(store: DiffStore, url: str) -> int:
    """Send a snapshot of a store to a URL, with what is there.

    Returns
    -------
    int
        How many records that one lacked; if none, nothing is sent.

    Raises
    ------
    StoreError
        If it cannot be sent, or what is there is not to be replaced.
    """

    def sent(folder: sending.Folder, there: Path) -> int:
        made, lacking = there.with_name("made"), []
        said = folder.read("", there, snapshots.LARGEST)
        for _ in range(_TRIES):
            made.unlink(missing_ok=True)
            lacking.append(snapshots.write(store.records, made, None if said is None else there))
            if not lacking[-1]:
                return lacking[0]
            if _is_as_before(folder.stated(""), said):
                folder.write("", made)
            said = folder.read("", there, snapshots.LARGEST)
            if said is not None and filecmp.cmp(made, there, shallow=False):
                return lacking[0]
        raise StoreError("other machines push there at the same time: name another URL for each")

    return _dealt(url, sent)


def _is_as_before(now: Stated | None, before: Stated | None) -> bool:
    if now is None or before is None:
        return now is before
    return not now.contradicts(before)


def _dealt(url: str, task: Callable[[sending.Folder, Path], T]) -> T:
    """Return what a task does with the file behind a URL, given a path for a copy of it."""
    plain = address(url)
    if not is_remote(url):
        raise StoreError(f"{plain} is no URL: name one, such as s3://bucket/store.snapshot.")
    try:
        with (
            tempfile.TemporaryDirectory(prefix="mymodules-") as scratch,
            sending.Folder(url, LIMIT) as folder,
        ):
            return task(folder, Path(scratch, "there"))
    except StoreError as error:
        fault = str(error)
    except sending.FAULTS as error:
        fault = sending.why(url, error)
    # Here, so that it does not know the error of a library, which may quote a password.
    raise StoreError(f"{plain}: {fault.rstrip('.')}.")
