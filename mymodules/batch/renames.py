"""Renamed files: a missing file and an extra one with the same bytes."""

from collections.abc import Iterable, Mapping

from mymodules import images, pairs
from mymodules.batch.reuse import content
from mymodules.pairs import Pair
from mymodules.row import PairResult

RENAMED = "It was renamed"
"""How the sentence begins that `renamed` adds."""

_NOTHING = images.digest(b"")  # all files without content are alike, and none is another one renamed


def renamed(
    part: Iterable[Pair], alone: Iterable[Pair], rows: Mapping[str, PairResult]
) -> dict[str, PairResult]:
    """Rows with a sentence, and `renamed_from`, where a missing file and an extra one have the same bytes.

    Two of a kind on either side are a tie, also where one is no part of this run: nothing is guessed.

    Parameters
    ----------
    part : iterable of Pair
        The pairs of the run.
    alone : iterable of Pair
        Pairs that are no part of it and of which one file is there.
    rows : mapping of str to PairResult
        All rows of one side only, by name.
    """
    missing: dict[str, list[str]] = {}
    extra: dict[str, list[str]] = {}
    for row in rows.values():
        digest = row.first_digest or row.second_digest
        if digest is not None and digest != _NOTHING:
            names = missing if row.status == "missing" else extra
            names.setdefault(digest, []).append(row.image_filename)
    moved = {name for digest in missing.keys() & extra.keys() for name in missing[digest]}
    sizes = {pair.size for pair in part if pair.name in moved}
    for pair in alone:
        path, there = (pair.first, missing) if pair.first else (pair.second, extra)
        if pair.size in sizes and path is not None and (digest := content(path)) in there:
            there[digest].append(pair.name)
    renamed = {}
    for digest, old in missing.items():
        new = extra.get(digest, [])
        if len(old) == len(new) == 1:
            before, after = rows[old[0]], rows[new[0]]
            gone = pairs.sentence(f"{before.messages} {RENAMED} to {after.image_filename}.")
            come = pairs.sentence(f"{after.messages} {RENAMED} from {before.image_filename}.")
            renamed[old[0]] = before._replace(messages=gone)
            renamed[new[0]] = after._replace(messages=come, renamed_from=before.image_filename)
    return renamed
