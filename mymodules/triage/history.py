"""The steps that the lines of a file of decisions make up, and what holds by them.

==============================  ===================================================================
``accept, reject, ignore``      the decision about this row from here on
``clear``                       no decision from here on
``undo``                        takes back the step that its note names, if that is still in force
``redo``                        puts it in force again; after a new decision nothing can be redone
==============================  ===================================================================

The note of an undo or redo is ``accept of TIME``; without a note, the newest step is meant. Consecutive lines
with the same time and the same word are one step.

Each computer has a file of its own, and there may be several. Of what holds in each file about a row, the
newest decision holds, or at the same time the one of the higher ID. A decision that is made in view of
another one goes before it, however far ahead the clock of the other was: then the line has the other's time
in its column ``after``, and stands in this order right behind it. So clocks matter only between those who
did not know of each other.

Undo and redo are about the steps of one file. An undo takes back one step of this computer and nothing else:
then the newest of the others holds, as if the step had never been, also one that was decided in view of it. A
redo counts as a new decision. A step that two files have is one step, undone if it is undone in one of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from mymodules.triage.lines import Header, Line, Row, moment

Times = dict[tuple[Row, str, str], str]
"""When each row was last given each word and note, also if that is undone by now."""


@dataclass(frozen=True)
class Step:
    """What is decided, undone and redone together.

    Attributes
    ----------
    time : str
        ISO 8601 with the offset from UTC.
    decision : str
        One of `DECISIONS`, or ``clear``.
    note : str
    rows : tuple of Row
    """

    time: str
    decision: str
    note: str
    rows: tuple[Row, ...]

    @property
    def reference(self) -> str:
        """What the note of an undo or redo calls this step."""
        return f"{self.decision} of {self.time}"


@dataclass(eq=False)
class _Step:
    """A step whose lines are still being read."""

    time: str
    decision: str
    note: str
    rows: list[Row] = field(default_factory=list)
    at: int = 0  # its time, in µs
    since: tuple[int, int] = (0, 0)  # of the line that has moved it last: its place in order, and its time

    def frozen(self) -> Step:
        return Step(self.time, self.decision, self.note, tuple(self.rows))


class History:
    """The state of all decisions, from the lines of the file, which are added one after the other.

    Attributes
    ----------
    header : Header
    last : tuple of (str, str)
        Time and word of the latest line.
    """

    def __init__(self) -> None:
        # Ordered sets, as dicts: finding and removing a step takes no longer with thousands of steps.
        self._done: dict[_Step, None] = {}
        self._undone: dict[_Step, None] = {}
        self._in_force: dict[Row, tuple[str, str]] | None = {}  # None: has to be computed again
        self._latest: dict[Row, _Step] | None = None  # likewise, and until somebody asks
        self._highest: dict[Row, int] | None = None  # likewise
        self._gone: dict[tuple[str, str], tuple[int, int]] | None = None  # likewise
        self._timed: dict[tuple[Row, str, str], _Step] | None = None  # None until somebody asks
        self._touched: list[Row] | None = None  # None until somebody asks
        self._steps: dict[tuple[str, str], _Step] = {}  # what each time and word was about
        self.header = Header()
        self.last = ("", "")

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to undo."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to redo."""
        return bool(self._undone)

    @property
    def done(self) -> Step | None:
        """The newest step in force, the next one to undo."""
        step = _newest(self._done)
        return step.frozen() if step else None

    @property
    def undone(self) -> Step | None:
        """The step that was undone last, the next one to redo."""
        step = _newest(self._undone)
        return step.frozen() if step else None

    @property
    def in_force(self) -> dict[Row, tuple[str, str]]:
        """Decision and note of every row that has a decision; see `key`."""
        if self._in_force is None:
            self._in_force = {}
            for step in self._done:
                for row in step.rows:
                    _apply(self._in_force, row, step)
        return self._in_force

    def latest(self) -> dict[Row, "_Step"]:
        """Return the newest step in force about each row, also one that leaves no decision."""
        if self._latest is None:
            self._latest = {row: step for step in self._done for row in step.rows}
        return self._latest

    def touched(self) -> list[Row]:
        """Return the rows about which something was decided since this was asked last."""
        found, self._touched = self._touched, []
        return found or []

    def newest(self, about: Iterable[Row]) -> int:
        """Return the latest place in order of all steps in force about these rows, in µs; 0 if there is none.

        That may be one that another step covers, as the other step may be undone.
        """
        if self._highest is None:
            self._highest = {}
            for step in self._done:
                for row in step.rows:
                    self._highest[row] = max(self._highest.get(row, 0), step.since[0])
        return max((self._highest.get(row, 0) for row in about), default=0)

    def gone(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Return since when each step is undone that is, by time and word."""
        if self._gone is None:
            self._gone = {
                (step.time, step.decision): step.since
                for step in self._steps.values()
                if step not in self._done
            }
        return self._gone

    def has(self, time: str, word: str) -> bool:
        """Return whether there are lines of this time and word."""
        return (time, word) in self._steps or (time, word) == self.last

    def step(self, time: str, word: str) -> Step | None:
        """Return the step that the lines of this time and word were about."""
        step = self._steps.get((time, word))
        return step.frozen() if step else None

    def times(self) -> Times:
        """Return when each row was last given each word and note."""
        return {about: step.time for about, step in self.timed().items()}

    def timed(self) -> dict[tuple[Row, str, str], "_Step"]:
        """Return the last step that gave each row each word and note."""
        if self._timed is None:
            self._timed = {
                (row, step.decision, step.note): step
                for step in dict.fromkeys(self._steps.values())
                for row in step.rows
            }
        return self._timed

    def add(self, data: bytes) -> None:
        """Add one line; one that is no record (the header, a truncated line) is skipped."""
        line = self.header.read(data)
        if isinstance(line, Header):
            self.header = line
        if not isinstance(line, Line):
            return
        reference = line.time, line.word
        begins = reference != self.last
        self.last = reference
        if begins:
            now = moment(line.time)
            since = (max(now, moment(line.after) + 1), now) if line.after else (now, now)
        if line.word in ("undo", "redo"):
            if begins:
                self._move(line.word, line.note, since)
            return
        if begins:
            self._step = _Step(line.time, line.word, line.note, at=now, since=since)
            self._done[self._step] = None
            self._undone.clear()
            self._steps[reference] = self._step
        row = line.row
        self._step.rows.append(row)
        self._highest = None
        if self._in_force is not None:
            _apply(self._in_force, row, self._step)
        if self._latest is not None:
            self._latest[row] = self._step
        if self._timed is not None:
            self._timed[row, self._step.decision, self._step.note] = self._step
        if self._touched is not None:
            self._touched.append(row)

    def _move(self, word: str, note: str, since: tuple[int, int]) -> None:
        source, target = (self._done, self._undone) if word == "undo" else (self._undone, self._done)
        decision, _, time = note.partition(" of ")
        step = self._steps.get((time, decision)) or _newest(source)
        if step is None or step not in source:  # another process was faster: it has decided or moved it
            return
        if step is _newest(source):
            source.popitem()  # unlike del, this leaves no gap at the end to skip each time
        else:
            del source[step]
        target[step], step.since = None, since
        self._steps[self.last] = step
        self._in_force = self._latest = self._highest = self._gone = None
        if self._touched is not None:
            self._touched += step.rows


class Merged:
    """What holds by the files of several computers, in their order.

    Attributes
    ----------
    in_force : dict of Row to (str, str)
        As that of `History`.
    """

    def __init__(self, histories: Iterable[History]) -> None:
        self._histories = [*histories]
        self._times: Times | None = None
        self.in_force: dict[Row, tuple[str, str]] = {}
        self.update(row for history in self._histories for row in history.latest())

    def update(self, about: Iterable[Row]) -> None:
        """Look again at what holds for these rows: of many, a click concerns few."""
        self._times = None
        # A computer that has got a new ID has its earlier steps in two files, and takes them back in one.
        gone: dict[tuple[str, str], tuple[int, int]] = {}
        for each in self._histories:
            for undone, since in each.gone().items():
                gone[undone] = max(gone.get(undone, since), since)
        for row in about:
            latest = (each.latest().get(row) for each in self._histories)
            found = [(step, gone.get((step.time, step.decision))) for step in latest if step is not None]
            steps = [step for step, until in found if until is None or step.since > until]
            # Of the same time, the last one holds.
            newest = max(reversed(steps), key=lambda step: step.since, default=None)
            if newest is None or newest.decision == "clear":
                self.in_force.pop(row, None)
            else:
                self.in_force[row] = newest.decision, newest.note

    def times(self) -> Times:
        """Return when each row was last given each word and note."""
        if self._times is None:
            known: dict[tuple[Row, str, str], _Step] = {}
            for history in self._histories:
                for about, step in history.timed().items():
                    if about not in known or known[about].at <= step.at:
                        known[about] = step
            self._times = {about: step.time for about, step in known.items()}
        return self._times


def _newest(steps: dict[_Step, None]) -> _Step | None:
    return next(reversed(steps), None)


def _apply(in_force: dict[Row, tuple[str, str]], row: Row, step: _Step) -> None:
    if step.decision == "clear":
        in_force.pop(row, None)
    else:
        in_force[row] = step.decision, step.note
