"""A whole run: two folders in, a CSV with one row per picture out.

Promises:

- Bad settings raise before the first pair is read. Bad pictures never raise: they become rows.
- Each row is written to disk as soon as it is finished. If an interrupt, a kill or a full disk ends a run
  early, the finished rows stay, and ``resume`` compares only the rest.
- If a worker is killed, no other pair loses its row; see `pool`.
- Only one process writes to a run. Another one that tries to resume it gets an error that names the first;
  see `locks`.
- Rows stay on disk and out of memory, whether they were compared, kept or taken from the store.
- It works from a notebook, a script with or without a guard, ``python -``, a REPL and a thread.
"""

import functools
import itertools
import os
import time
import warnings
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mymodules import remote, results
from mymodules.batch import pool, renames
from mymodules.batch.plan import Plan, counted, new_plan, resumed_plan
from mymodules.batch.progress import Progress
from mymodules.batch.request import Request
from mymodules.batch.warm import Processes
from mymodules.comparison import drawing_files
from mymodules.errors import OutputError
from mymodules.pairs import Pair, Pairs
from mymodules.paths import shown
from mymodules.results import exchange
from mymodules.row import ONE_SIDED, STATUSES, VERDICTS, PairResult
from mymodules.workers import Finished

if TYPE_CHECKING:
    import pandas as pd

    from mymodules.batch.reuse import Reuse, Taken


__all__ = ("STATUSES", "Run", "completed")


@dataclass(frozen=True)
class Run:
    """Describe a finished run.

    Attributes
    ----------
    csv_path : Path
        The sorted results.
    pictures_dir : Path
        The folder with its drawings.
    counts : dict of str to int
        Rows by status, all five of them.
    seconds : float
        The time it took.
    reused : int
        Rows that were taken from the store.
    reasons : dict of str to str
        Why each of the other pairs was compared, by name, see `reuse.REASONS`; empty without a store.
    tolerated : int
        Rows of which rules have taken all that is changed.
    unsent : str
        If the output folder is a URL to which this run could not be sent, a sentence; else an empty text.
    """

    csv_path: Path
    pictures_dir: Path
    counts: dict[str, int]
    seconds: float
    reused: int
    reasons: dict[str, str] = field(repr=False)
    tolerated: int
    _drawing_paths: dict[str, str] = field(repr=False)
    unsent: str = ""

    @property
    def recomputed(self) -> dict[str, int]:
        """How many rows were compared for each reason."""
        return counted(self.reasons)

    @property
    def verdicts(self) -> dict[str, int]:
        """Rows by what counts: as `counts`, but what rules tolerate is not ``changed``."""
        found = {**self.counts, "tolerated": self.tolerated}
        found["changed"] -= self.tolerated
        return {verdict: found[verdict] for verdict in VERDICTS}

    def pictures(self, name: str) -> tuple[Path, ...]:
        """Return the existing drawings of the row with this ``image_filename``."""
        path = self._drawing_paths.get(name, name)
        drawn = (self.pictures_dir / (path + ending) for ending in drawing_files.ENDINGS)
        return tuple(path for path in drawn if os.path.exists(path))  # noqa: PTH110 - Path may raise

    def frame(self) -> "pd.DataFrame":
        """Return the results as a table, see `results.load`."""
        return results.load(self.csv_path)

    def changes(self) -> "pd.DataFrame | None":
        """Return the changes as a table, see `results.load_changes`."""
        return results.load_changes(self.csv_path)


def completed(request: Request, started: float) -> Run:
    """Do what `batch.run` was asked for.

    Parameters
    ----------
    request : Request
    started : float
        When that was, as `time.monotonic` says it.
    """
    plan = new_plan(request) if request.resume is None else resumed_plan(request.resume, request)
    store_complete = True
    with plan.lock:
        found = plan.as_sent()
        seconds = time.monotonic() - started
        if found is None:
            course = _Course(plan, started)
            digests = _compare(course)
            store_complete = course.save_originals()
            found, seconds = (dict(course.counts), course.tolerated), time.monotonic() - started
            plan.finish(found[0], seconds, digests)
        _remove_partial(plan)
    unsent = _sent(plan)
    if not store_complete:
        raise KeyboardInterrupt(
            f"All {len(plan.pairs)} pictures are compared, see {plan.csv_path}. The store does not have all "
            "of them: the next run may compare more than it has to."
        )
    made = found[0], seconds, plan.reused, plan.reasons, found[1]
    return Run(plan.csv_path, plan.pictures_dir, *made, plan.drawing_paths, unsent)


def _sent(plan: Plan) -> str:
    """Send a run to the URL of its output folder, if that is one; return, and warn of, what is not there."""
    try:
        unsent = exchange.exchange(plan.settings.out, what="end", cancelled=plan.request.cancelled)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"All {len(plan.pairs)} pictures are compared, see {plan.csv_path}. "
            f"{remote.out_url(plan.settings.out)} may not have all of them: the next run or command with "
            "this output folder sends the rest."
        ) from None
    if unsent:
        warnings.warn(unsent, stacklevel=4)
    return "" if exchange.was_sent(plan.settings.out, plan.stamp) else unsent


class _Course:
    """Track how far a run has got: count every row, and keep only those with a file on one side only."""

    def __init__(self, plan: Plan, started: float) -> None:
        self.plan = plan
        self.total = len(plan.pairs)
        self.counts = Counter({status: 0 for status in STATUSES})
        self.tolerated = 0
        self.done = 0  # rows
        self.one_sided: dict[str, PairResult] = {}
        self._started = started
        self._not_compared = 0  # rows that were kept or reused
        self._last_is_due = False
        self._lone: set[str] = set()  # names in `one_sided` whose rows were taken from the store
        self.stage = ""  # what is done after all rows, if that takes long

    @functools.cached_property
    def memory(self) -> "Reuse | None":
        """What this run can take from its store."""
        return self.plan.memory()

    def kept(self) -> Iterator[PairResult]:
        """Yield the rows that a resumed run keeps."""
        for pair, row in self.plan.kept():
            yield row
            self._note(pair, Finished(row, b""))  # its line has been written
        self._not_compared = self.done

    def reused(self, kept: Collection[str]) -> "Iterator[Taken]":
        """Yield the rows that the store has for all pairs but those with these names."""
        if self.memory is None:
            return
        with closing(self.memory.take(self.plan.pairs.without(kept))) as batches:
            for taken in batches:
                yield taken
                self.done += len(taken.same)
                self.counts["same"] += len(taken.same)
                for pair, each in taken.rows:
                    self._note(pair, each, taken=True)
                self.plan.reused += len(taken.same) + len(taken.rows)
        self._not_compared += self.plan.reused
        self.plan.reasons = self.memory.reasons
        if self.plan.reused and self.done == self.total:
            self._report()

    def compared(self, pair: Pair, finished: Finished) -> None:
        """Count a row that a worker has made."""
        self._note(pair, finished)
        self._report()

    def enter(self, stage: str) -> None:
        """Report what is done now that all rows are made, in words."""
        self.stage = stage
        self._tell()

    def end(self) -> None:
        """Report the last row, now that it is known which files belong together."""
        begun, self.stage = bool(self.stage), ""
        if begun or self._last_is_due:
            self._tell()

    def known(self, pairs: Pairs) -> Iterator[tuple[Pair, Finished]]:
        """Yield those pairs of renamed files of which the store has the rows."""
        if self.memory is None:
            return
        with closing(self.memory.take(pairs)) as batches:
            by_name = {pair.name: pair for pair in pairs}
            for taken in batches:
                for name, line in zip(taken.same, taken.lines, strict=True):
                    if (row := results.parse_line(line, self.plan.request.metrics)) is not None:
                        yield by_name[name], Finished(row, line)
                yield from taken.rows

    def paired(self, pair: Pair, finished: Finished, row: PairResult, *, taken: bool) -> None:
        """Count the row of a file that was renamed and changed instead of that of the new file alone.

        Parameters
        ----------
        finished : Finished
            The comparison of both.
        row : PairResult
            The row that follows.
        taken : bool
            Whether it came from the store.
        """
        if row.status == "changed":
            self.counts[self.one_sided[pair.name].status] -= 1
            self.counts[row.status] += 1
        if not taken and pair.name in self._lone:  # no longer is all of it taken from the store
            self.plan.reused -= 1
        if self.memory is not None:
            self.memory.add(pair, finished, taken=taken)

    def save_originals(self) -> bool:
        """Save the rest into the store, copies of pictures included; return False after an interrupt.

        The results are complete by then, so an interrupt does not end the run before it is finished.
        """
        if self.memory is not None:
            try:
                self.memory.save(originals=True)
            except KeyboardInterrupt:
                return False
        return True

    def _note(self, pair: Pair, finished: Finished, *, taken: bool = False) -> None:
        row = finished.row
        self.done += 1
        self.counts[row.status] += 1
        self.tolerated += row.verdict == "tolerated"
        if row.status in ONE_SIDED:
            self.one_sided[pair.name] = row
            if taken:
                self._lone.add(pair.name)
        if self.memory is not None:
            self.memory.add(pair, finished, taken=taken)

    def _report(self) -> None:
        if self.done < self.total:
            self._tell()
        else:
            self._last_is_due = True

    def _tell(self) -> None:
        on_progress = self.plan.request.on_progress
        if on_progress is None:
            return
        seconds = time.monotonic() - self._started
        done = self.done
        rate = (done - self._not_compared) / seconds if seconds > 0 else 0.0
        remaining = (self.total - done) / rate if rate and not self.stage else None
        done -= bool(self.stage) and self._last_is_due
        counts, partial = dict(self.counts), self.plan.partial_path
        on_progress(Progress(done, self.total, counts, seconds, rate, remaining, partial, self.stage))


def _compare(course: _Course) -> dict[str, str]:
    """Produce all missing rows of a run and write its files; return their digests for the manifest."""
    plan = course.plan
    begun = False
    try:
        metrics = plan.request.metrics
        with results.PartialWriter(plan.partial_path, course.kept(), metrics) as writer:
            begun = True
            if plan.earlier is not None:
                plan.begin_resumed()
            if not plan.may_reuse:
                pool.warm_up(len(plan.pairs), plan.request)
            for taken in course.reused(writer.names):
                writer.extend(taken.same, taken.lines)
                _append(writer, taken.rows)
            left = plan.pairs.without(writer.names) if len(writer.names) < len(plan.pairs) else Pairs()
            with closing(pool.rows(left, plan.job, plan.request)) as coming:
                for found in coming:
                    # Whoever is told of every row may end the run after any of them.
                    for part in [found] if plan.request.on_progress is None else [[each] for each in found]:
                        _append(writer, part)
                        for pair, finished in part:
                            course.compared(pair, finished)
            belonging = _belonging(course)
            course.end()
            digests = {}
            if plan.request.moves:  # before the results, which say that a run is complete
                listed = writer.listed(plan.pairs.names(), belonging)
                digests["changes_digest"] = results.write_changes(plan.changes_path, listed)
            rows = writer.sorted(plan.pairs.names(), belonging)
            return digests | {"csv_digest": results.write(plan.csv_path, rows, metrics)}
    except BaseException as error:
        Processes.cool(plan.request)
        if course.memory is not None and not isinstance(error, OutputError):  # a full disk has no room for it
            with suppress(KeyboardInterrupt):  # a second one: the run ends at once
                course.memory.save()
        if not isinstance(error, KeyboardInterrupt):
            raise
        raise plan.stopped(course.done if begun else None) from None


def _belonging(course: _Course) -> dict[str, PairResult]:
    """Return the rows of files on one side only that belong to one of the other side, as they are now."""
    course.plan.manifest.pop("rename_search", None)  # of the run that is resumed
    if not course.plan.request.renames:
        return renames.alike(course.one_sided.values())
    found = renames.renamed(course.plan.pairs, course.plan.others, course.one_sided)
    if not course.plan.others:  # else a nearer one may be outside of this run
        found |= _changed_too(
            course, {name: row for name, row in course.one_sided.items() if name not in found}
        )
    return found | renames.alike(row for name, row in course.one_sided.items() if name not in found)


def _changed_too(course: _Course, rows: dict[str, PairResult]) -> dict[str, PairResult]:
    """Return the rows of files that were renamed and changed: search for them, and compare them."""
    if {row.status for row in rows.values()} != {*ONE_SIDED}:
        return {}
    from mymodules.batch.search import search  # few runs need it

    plan = course.plan
    paths = {pair.name: pair.first or pair.second or "" for pair in plan.pairs if pair.name in rows}
    most = plan.settings.max_pixels
    done = search(
        rows.values(), paths, max_pixels=most, request=plan.request, enter=course.enter, memory=course.memory
    )
    plan.manifest["rename_search"] = done.entry()
    if done.told:
        warnings.warn(done.told, stacklevel=6)
    by_name = {each.new: each for each in done.found}
    found: dict[str, PairResult] = {}
    for pair, finished, taken in _of_both(
        course, Pairs(Pair(new, paths[by_name[new].old], paths[new]) for new in by_name)
    ):
        old, new, score = by_name[pair.name]
        belonging = renames.changed(rows[old], rows[new], finished.row, score)
        found |= belonging
        course.paired(pair, finished, belonging.get(new, rows[new]), taken=taken)
    return found


def _of_both(course: _Course, pairs: Pairs) -> Iterator[tuple[Pair, Finished, bool]]:
    """Yield the rows of renamed files, compared or from the store, and whether they are from there."""
    left = {pair.name: pair for pair in pairs}
    for pair, finished in course.known(pairs):
        del left[pair.name]
        yield pair, finished, True
    plan = course.plan
    with closing(pool.rows([*left.values()], plan.job, plan.request)) as coming:
        for number, (pair, finished) in enumerate(itertools.chain.from_iterable(coming), 1):
            if course.stage:
                course.enter(f"comparing renamed pictures, {number:,} of {len(left):,}")
            yield pair, finished, False


def _append(writer: results.PartialWriter, found: Sequence[tuple[Pair, Finished]]) -> None:
    writer.extend([pair.name for pair, _ in found], [finished.line for _, finished in found])


def _remove_partial(plan: Plan) -> None:
    """Remove the partial CSV of a complete run; if that fails, a warning says what to do."""
    try:
        plan.partial_path.unlink(missing_ok=True)
    except OSError as error:
        warnings.warn(
            f"The run is complete, see {shown(plan.csv_path)}. Only {shown(plan.partial_path)} cannot be "
            f"removed ({error.strerror or error}): close the program that has it open, then delete it.",
            stacklevel=4,
        )
