"""What an approval would change, found from the decisions and a listing of both folders.

`plan` writes nothing. It reads a picture of first only if it is as large as the second one, and so may be
that already. `approval` carries the same changes out, and looks at the files themselves.
"""

import contextlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mymodules import files, images, pairs, remote, revisions, settings
from mymodules.errors import SettingsError
from mymodules.pairs import Pair
from mymodules.paths import AnyPath, is_folder, local_path, shown
from mymodules.results import runfiles
from mymodules.row import CANNOT
from mymodules.triage.accepted import accepted, standings_of
from mymodules.triage.changes import AGAIN, Change, Refused
from mymodules.triage.decisions import rows
from mymodules.triage.lines import Row

if TYPE_CHECKING:
    import pandas as pd


ACCEPTED: Final = "accepted"
"""Stands for all names of a kind that were accepted."""

_CANNOT = {
    "changed": "It cannot be replaced: it is not a changed picture.",
    "extra": "It cannot be adopted: it is not only in second.",
    "missing": "It cannot be removed: it is not only in first.",
}


@dataclass(frozen=True)
class Plan:
    """What approving a table would do now.

    Attributes
    ----------
    first : Path
        The folder whose pictures would change.
    replace : tuple of str
        Names of accepted pictures whose first file would become the second one.
    renamed : dict of str to str
        Those files of them that would get another name or ending: their paths in first, and the new ones.
    adopt : tuple of str
        Names of accepted `extra` pictures, which would be copied to first; see `approve`.
    remove : tuple of str
        Names of accepted `missing` pictures, which would be removed from first; see `approve`. Old files of
        those that would be renamed are not among them.
    refused : dict of str to str
        The reason for each accepted picture that would be refused, by name.
    already : tuple of str
        Names of accepted pictures of which first is already as it would become.
    tolerated : tuple of str
        Names of accepted pictures that would stay, because rules tolerate all that changed.
    standings : dict of str to str
        How far pictures that are not accepted are decided by their changes, by name, such as ``3 of 5``, and
        what to know of those that come again; see `Decisions.remarks_on`.
    """

    first: Path
    replace: tuple[str, ...]
    renamed: dict[str, str]
    adopt: tuple[str, ...]
    remove: tuple[str, ...]
    refused: dict[str, str]
    already: tuple[str, ...] = ()
    tolerated: tuple[str, ...] = ()
    standings: dict[str, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many pictures of first would change."""
        return len(self.replace) + len(self.adopt) + len(self.remove)

    @property
    def effects(self) -> dict[str, tuple[str, ...]]:
        """What would happen to which pictures, each named once, by the end of a sentence about them."""
        paths = {pairs.to_text(PurePath(path).as_posix()) for pair in self.renamed.items() for path in pair}
        found = {
            "replaced in first by the second picture": tuple(
                name for name in self.replace if name not in paths
            ),
            "replaced in first by the second picture, and renamed as that": tuple(
                f"{old} to {new}" for old, new in self.renamed.items()
            ),
            "copied to first, because only second has it": self.adopt,
            "removed from first, because second has none": self.remove,
        }
        return {effect: names for effect, names in found.items() if names}


def plan(
    frame: "pd.DataFrame",
    run: runfiles.AnyRun | Mapping[str, Any] | None = None,
    *,
    first: AnyPath | None = None,
    replace: Iterable[str] = (),
    adopt: Iterable[str] = ACCEPTED,
    remove: Iterable[str] = ACCEPTED,
    unseen: bool = False,
    tolerated: bool = False,
) -> Plan:
    """Return what `approve` would change with the same arguments, and by default with ``remove="accepted"``.

    Parameters and errors are those of `approve`, which may still refuse a picture whose file is no longer the
    one that was compared.
    """
    found = places(frame, run, first)
    refused: dict[str, str] = {}
    already: list[str] = []
    staying: list[str] = []
    asked = Wanted.of(replace, adopt, remove, unseen, tolerated)
    wanted = rows_to_approve(frame, found, asked, refused, staying)
    changes = changes_for(wanted, found, refused, already)
    kinds = {row.name: status for row, status in wanted if row.name not in {*refused, *already}}
    created = {change.name: change.below for change in changes if change.old is None}
    removed = {change.name: change.below for change in changes if change.new is None}
    taken = {old for old, new in found.new_names.items() if new in kinds}
    renamed = {path: created.get(found.new_names.get(name, name)) for name, path in removed.items()}
    return Plan(
        first=found.first,
        replace=tuple(name for name, status in kinds.items() if status not in ("extra", "missing")),
        renamed={old: new for old, new in renamed.items() if new is not None},
        adopt=tuple(name for name, status in kinds.items() if status == "extra"),
        remove=tuple(name for name, status in kinds.items() if status == "missing" and name not in taken),
        refused=refused,
        already=tuple(already),
        tolerated=tuple(staying),
        standings=standings_of(frame, found.out, found.stamp),
    )


class Wanted(NamedTuple):
    """What is approved besides the `changed` pictures that were accepted.

    Attributes
    ----------
    names : dict of str to set of str
        Names that are approved whatever was decided, by the status that they must have.
    accepted : set of str
        The statuses of which accepted pictures are approved without being named.
    unseen : bool
        Whether also pictures that nobody has looked at, see `accepted.Accepted`.
    tolerated : bool
        Whether also pictures of which rules tolerate all that changed.
    """

    names: dict[str, set[str]]
    accepted: set[str]
    unseen: bool
    tolerated: bool

    @classmethod
    def of(
        cls,
        replace: Iterable[str],
        adopt: Iterable[str],
        remove: Iterable[str],
        unseen: bool,
        tolerated: bool,
    ) -> "Wanted":
        """Return what these arguments of `approve` ask for."""
        given = {"changed": replace, "extra": adopt, "missing": remove}
        accepted = {status for status, names in given.items() if names == ACCEPTED}
        return cls(
            {status: set() if status in accepted else _names(names) for status, names in given.items()},
            accepted | {"changed", "same"},
            unseen,
            tolerated,
        )


def _names(given: Iterable[str]) -> set[str]:
    return {given} if isinstance(given, str) else set(given)


@dataclass(frozen=True)
class Places:
    """The folders of an approval.

    Attributes
    ----------
    first, second, out : Path
    stamp : str
        That of the run; empty if it is not known.
    partial : str
        Why the run does not know everything in the folders, as a clause; empty if it does.
    match : tuple of str
        Which names the run paired; see `pairs.Selection`.
    renamed : dict of str to str
        The old names of files that were renamed and changed, by their new ones.
    seconds : dict of str to str
        The names of second's files that were paired with other ones of first, by these.
    """

    first: Path
    second: Path
    out: Path
    stamp: str
    partial: str
    match: tuple[str, ...]
    renamed: dict[str, str]
    seconds: dict[str, str]

    @cached_property
    def new_names(self) -> dict[str, str]:
        """`renamed`, the other way round."""
        return {old: new for new, old in self.renamed.items()}


def places(
    frame: "pd.DataFrame", run: runfiles.AnyRun | Mapping[str, Any] | None, named: AnyPath | None
) -> Places:
    """Return the folders of a table's run; `named` is the first folder that the caller names.

    Raises
    ------
    SettingsError
        If they are unknown, or first may not be changed without being named.
    """
    runfiles.check_table(frame, "status")
    if runfiles.is_brought(runfiles.record(frame, run)):
        raise SettingsError(
            "This run was made on another computer, which has its pictures: approve there, or compare the "
            "same pictures here and approve that run. What is decided holds for both."
        )
    first, second, out, _, selection, _ = runfiles.folders(frame, run, needed=("first", "second", "out"))
    assert out is not None
    if selection.files is not None:
        raise SettingsError(
            f"Two files were compared, {shown(first / selection.files[0])} and "
            f"{shown(second / selection.files[1])}: approving is for folders, so copy the file yourself."
        )
    if not is_folder(out):
        raise SettingsError(f"There is no output folder {shown(out)} with decisions: pass run=.")
    root = trusted(first, second, named, "triage.approve(frame, first=...)")
    check_not_second(root, second)
    manifest = runfiles.record(frame, run)
    stamp = manifest["stamp"] if runfiles.is_stamp(manifest.get("stamp")) else ""
    renamed, seconds = _other_names(frame, "renamed_from"), _other_names(frame, "second_filename")
    return Places(root, second, out, stamp, _partial(manifest), selection.match, renamed, seconds)


def _other_names(frame: "pd.DataFrame", column: str) -> dict[str, str]:
    """Return the other names that changed pictures have in this column."""
    if column not in frame.columns:
        return {}
    about = frame[(frame["status"] == "changed") & frame[column].notna()]
    return dict(zip(about["image_filename"], about[column], strict=True))


def _partial(manifest: Mapping[str, Any]) -> str:
    if manifest.get("complete") is False:
        return "did not finish"
    if (manifest.get("skip_until", 0), manifest.get("stop_at", -1)) != (0, -1):
        return "left out pictures (skip or stop)"
    return ""


def trusted(stated: object, second: Path | None, named: AnyPath | None, call: str) -> Path:
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
    if (revision := revisions.described(root)) is not None:
        raise SettingsError(
            f"The first pictures are those of {shown(revision)}, which stays as it is: to approve the second "
            "ones, commit them."
        )
    real = Path(os.path.realpath(root))
    if url := next(filter(None, map(remote.described, (real, *real.parents))), None):
        raise SettingsError(
            f"The first pictures are those of {url}, where nothing is written: to approve the second ones, "
            "upload them yourself."
        )
    if not is_folder(root):
        raise SettingsError(f"There is no folder {shown(root)}. Name the one with the pictures: {call}.")
    return root


def check_not_second(root: Path, second: object) -> None:
    """Raise SettingsError if the folder is second, because nothing is ever written into second."""
    with contextlib.suppress(OSError, ValueError):
        if isinstance(second, str | os.PathLike) and root.samefile(second):
            raise SettingsError(f"{shown(root)} is second: name the folder of the first pictures as first=.")


def left_alone(frame: "pd.DataFrame") -> "pd.Series[bool]":
    """Return which rows of a table are to stay if nobody names them: rules tolerate all that changed."""
    from mymodules.results.attention import verdicts  # it loads pandas, which frames have loaded

    return verdicts(frame) == "tolerated"


def rows_to_approve(
    frame: "pd.DataFrame",
    found: Places,
    asked: Wanted,
    refused: dict[str, str],
    staying: list[str],
) -> list[tuple[Row, str]]:
    """Return the rows to approve, each with its status; add the others that were asked for to `refused`.

    Rows that are refused already stay so. The names of accepted ones that are `left_alone` are added to
    `staying`.
    """
    statuses = frame["status"].tolist()
    passing = {*frame["image_filename"][left_alone(frame)]}
    wanted = []
    unusable = _unusable(frame)
    about = rows(frame)
    decided, unseen = accepted(frame, found.out, found.stamp)
    for row, status, decision in dict.fromkeys(zip(about, statuses, decided, strict=True)):
        name = row.name  # a frame may hold a row twice
        named = [kind for kind, names in asked.names.items() if name in names]
        if name in refused or (not named and decision != "accept"):
            continue
        if name in passing and not (named or asked.tolerated):
            staying.append(name)
            continue
        wrong = next((kind for kind in named if kind != status), None)
        if wrong is not None:
            refused[name] = _CANNOT[wrong]
        elif status == "missing" and found.partial:
            refused[name] = (
                f"It is only in first, but the run {found.partial}, so it is not removed: compare all "
                "pictures, then decide."
            )
        elif not named and name in unseen and not asked.unseen:
            refused[name] = (
                "Nobody has looked at it: all of its changes were accepted before it was compared, on other "
                "pictures. Look at it and accept it, or pass unseen=True."
            )
        elif status == "error" or (status == "extra" and name in unusable):
            refused[name] = f"It could not be compared: replace the file, {AGAIN}."
        elif not named and status == "extra" and status not in asked.accepted:
            refused[name] = f"It is only in second: to copy it to first, name it: adopt=[{name!r}]."
        elif not named and status == "missing" and status not in asked.accepted:
            refused[name] = 'It is only in first: to remove what is accepted, pass remove="accepted".'
        elif named or row.first_digest != row.second_digest:
            wanted.append((row, status))
    for name in sorted(set().union(*asked.names.values()) - {row.name for row in about}):
        refused[name] = "The frame has no row of this name."
    return wanted


def _unusable(frame: "pd.DataFrame") -> set[str]:
    """Return the names of rows with a file that cannot be decoded."""
    if "messages" not in frame.columns:
        return set()
    return {*frame["image_filename"][frame["messages"].str.contains(CANNOT, regex=False)]}


def changes_for(
    wanted: list[tuple[Row, str]], found: Places, refused: dict[str, str], already: list[str]
) -> list[Change]:
    """Return the changes for these rows, with files from a listing of both folders.

    The listing knows every spelling of a name. Rows of which first is already as it should become are added
    to `already`. Old files of renamed ones are removed last, see `is_held`.
    """
    selection = pairs.Selection(match=found.match)
    listed = pairs.find(found.first, found.second, selection).pairs if wanted else ()
    listing = {pair.name: pair for pair in listed}
    changes: list[Change] = []
    removed = {row.name for row, status in wanted if status == "missing"}
    for row, status in wanted:
        if _is_done(row, status, found, listing):
            already.append(row.name)
            continue
        try:
            pair, old = listing.get(row.name), found.renamed.get(row.name)
            if old is not None:
                pair = _of_both(pair, listing.get(old))
            change = _change(len(changes), row, status, pair, found.first, found.second)
            if old is not None and change.source is not None:
                both = _elsewhere(change, str(change.source.relative_to(found.second)))
                changes += both[:1] if old in removed else both  # its own row removes it
            else:
                changes += _with_ending(change, pair)
        except Refused as reason:
            refused[row.name] = str(reason)
    changes.sort(key=lambda change: change.new is None and change.name in found.new_names)
    return [change for change in changes if not is_held(change, found, refused)]


def is_held(change: Change, found: Places, refused: dict[str, str]) -> bool:
    """Return whether an old file has to stay because the new one is refused; if so, it is refused as well."""
    new = found.new_names.get(change.name)
    if change.new is not None or new not in refused:
        return False
    refused[change.name] = f"It was renamed to {new}, which is refused."
    return True


def _is_done(row: Row, status: str, found: Places, listing: Mapping[str, Pair]) -> bool:
    """Return whether first is already as approving this row would make it."""
    if status == "missing":
        return row.name not in listing
    name, old = found.seconds.get(row.name, row.name), found.renamed.get(row.name, row.name)
    spellings = name, row.name, str(PurePath(row.name).with_suffix(PurePath(name).suffix))
    pair = next((listing[each] for each in spellings if each in listing), None)
    before = listing.get(old)
    if pair is None or pair.first is None or pair.second is None:
        return False
    if PurePath(pair.first).suffix.lower() != PurePath(pair.second).suffix.lower():
        return False
    if name != old and before is not None and before.first is not None and before.first != pair.first:
        return False
    with contextlib.suppress(OSError):
        first, second = Path(pair.first), Path(pair.second)
        as_large = first.stat().st_size == second.stat().st_size
        return as_large and images.digest(files.contents(first)) == row.second_digest
    return False


def _with_ending(change: Change, pair: Pair | None) -> list[Change]:
    """Return the changes that give the file second's ending too, or the one if it is first's.

    The bytes of one format never stand under the ending of another one: the new file stands beside the old
    one before that is removed.
    """
    ending = "" if pair is None or pair.second_name is None else PurePath(pair.second_name).suffix
    if not ending or ending.lower() == PurePath(change.below).suffix.lower():
        return [change]
    return _elsewhere(change, str(PurePath(change.below).with_suffix(ending)))


def _elsewhere(change: Change, below: str) -> list[Change]:
    """Return the two changes that put the new file there, and then remove the old one."""
    new = replace(change, below=below, old=None)
    return [new, replace(change, number=change.number + 1, new=None, source=None)]


def _of_both(new: Pair | None, old: Pair | None) -> Pair | None:
    """Return the pair of a file that was renamed and changed; None if a file is gone.

    Raises
    ------
    Refused
        If first has the new name by now, or second the old one.
    """
    if new is None or old is None:
        return None
    if new.first is not None or old.second is not None:
        there = f"first has {new.name}" if new.first is not None else f"second has {old.name}"
        raise Refused(f"It was renamed, but now {there}: {AGAIN}.")
    return new._replace(first=old.first, problem=new.problem or old.problem)


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
