"""Files that may belong together: of the same bytes (renamed), clearly nearest, or almost of the same name.

Which ones are clearly nearest, `search` finds out; here is what their rows say.
"""

from collections.abc import Iterable, Mapping, Sequence

from mymodules import images, pairs
from mymodules.batch.contents import content, size
from mymodules.pairs import Pair, Selection
from mymodules.row import PairResult, verdict_of

_NOTICE = "It was renamed"
_ALIKE = "Only in ending or case its name differs from"
_REMEDY = "to compare them, save both in one format under one name"
_MATCHES = ("stem",), ("casefold",), ("stem", "casefold")
_MOST = 3  # names in a sentence
_EMPTY = images.digest(b"")  # all empty files are alike: that says nothing about a rename


def mentions_others(row: PairResult) -> bool:
    """Return whether `renamed`, `changed` or `alike` has added its sentence to this row."""
    return _NOTICE in row.messages or _ALIKE in row.messages


def alike(rows: Iterable[PairResult]) -> dict[str, PairResult]:
    """Return the rows of files whose name differs from one of the other side in ending or case only.

    It is not guessed that they belong together: both messages name the other one.

    Parameters
    ----------
    rows : iterable of PairResult
        Rows with a file on one side only.
    """
    groups: dict[str, tuple[list[PairResult], list[PairResult]]] = {}
    for row in rows:
        stem = row.image_filename.rpartition(".")[0].casefold()
        groups.setdefault(stem, ([], []))[row.status == "extra"].append(row)
    found = {}
    for missing, extra in groups.values():
        for ours, theirs, side in ((missing, extra, "second"), (extra, missing, "first")):
            names = ", ".join(row.image_filename for row in theirs[:_MOST])
            match = _match(ours, theirs)
            for row in ours if theirs else ():
                text = f"{row.messages} {_ALIKE} {names} in {side}: {_REMEDY}{match}."
                found[row.image_filename] = row._replace(messages=pairs.sentence(text))
    return found


def _match(ours: Sequence[PairResult], theirs: Sequence[PairResult]) -> str:
    """Return how a run would pair these, as the end of a sentence; it pairs no more than two."""
    names = {row.image_filename for row in (*ours, *theirs)}
    pairing = (each for each in _MATCHES if len({*map(Selection(match=each).matched, names)}) == 1)
    if len(names) > 2 or (kinds := next(pairing, None)) is None:
        return ""
    return f", or compare with match={kinds if len(kinds) > 1 else kinds[0]!r}"


def renamed(
    compared: Iterable[Pair], others: Iterable[Pair], rows: Mapping[str, PairResult]
) -> dict[str, PairResult]:
    """Return the rows of renamed files: both messages mention it, and the new file has `renamed_from`.

    A file counts as renamed if exactly one missing file and exactly one extra file have its bytes. If more
    files have them, even outside of this run, none of these counts as renamed.

    Parameters
    ----------
    compared : iterable of Pair
        The pairs of this run.
    others : iterable of Pair
        Pairs in the same folders that are not part of this run, and have a file on one side only.
    rows : mapping of str to PairResult
        All rows of this run with a file on one side only, by name.
    """
    missing: dict[str, list[str]] = {}
    extra: dict[str, list[str]] = {}
    for row in rows.values():
        digest = row.first_digest or row.second_digest
        if digest is not None and digest != _EMPTY:
            names = missing if row.status == "missing" else extra
            names.setdefault(digest, []).append(row.image_filename)
    candidates = {name for digest in missing.keys() & extra.keys() for name in missing[digest]}
    sizes = {size(pair) for pair in (compared if candidates else ()) if pair.name in candidates}
    for pair in others if sizes else ():
        path, known = (pair.first, missing) if pair.first else (pair.second, extra)
        if path is not None and size(pair) in sizes and (digest := content(path)) in known:
            known[digest].append(pair.name)
    found = {}
    for digest, old in missing.items():
        new = extra.get(digest, [])
        if len(old) == len(new) == 1:
            before, after = rows[old[0]], rows[new[0]]
            before_messages = pairs.sentence(f"{before.messages} {_NOTICE} to {after.image_filename}.")
            after_messages = pairs.sentence(f"{after.messages} {_NOTICE} from {before.image_filename}.")
            found[old[0]] = before._replace(messages=before_messages)
            found[new[0]] = after._replace(
                messages=after_messages, renamed_from=before.image_filename, rename_score=1.0
            )
    return found


def changed(
    before: PairResult, after: PairResult, compared: PairResult, score: float
) -> dict[str, PairResult]:
    """Return the rows of a file that was renamed and changed; none if it is no longer the one that was found.

    The missing file keeps its row. That of the extra one becomes the comparison of the two; if all pixels are
    equal, it stays as well, and only mentions the rename. Rules may take all that is changed: a rename is a
    difference nevertheless, as it is between files of the same bytes.

    Parameters
    ----------
    before, after : PairResult
        The rows of the missing and of the extra file.
    compared : PairResult
        The row of both, under the new name.
    score : float
        See `search.Renamed`.
    """
    digests = before.first_digest, after.second_digest
    if (compared.first_digest, compared.second_digest) != digests or compared.status == "error":
        return {}
    hows = {"same": ", and its pixels are the same.", "tolerated": ", and rules tolerate what changed."}
    how = hows.get(verdict_of(compared.status, compared.verdict), ", and changed.")
    row = after if compared.status == "same" else compared._replace(verdict=compared.status)
    rows = (before, "to", after), (row, "from", before)
    old, new = (
        each._replace(messages=pairs.sentence(f"{each.messages} {_NOTICE} {way} {other.image_filename}{how}"))
        for each, way, other in rows
    )
    new = new._replace(renamed_from=before.image_filename, rename_score=score)
    return {old.image_filename: old, new.image_filename: new}
