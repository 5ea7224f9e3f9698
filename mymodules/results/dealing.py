"""One dealing with the URL of an output folder, as `exchange` promises it."""

import contextlib
import csv
import re
import shutil
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

from mymodules import files, images, remote, streams
from mymodules.comparison.drawing_files import ENDINGS
from mymodules.errors import ImageError, MymodulesError, ResultsError, SettingsError
from mymodules.paths import shown
from mymodules.remote import asking
from mymodules.remote.asking import SERVER, Asking, Failed, Over
from mymodules.remote.copies import beside, draft, drafts
from mymodules.remote.fetching import LARGEST, Lines, locked
from mymodules.remote.listing import Stated, why_not
from mymodules.remote.sending import FAULTS, Folder, why
from mymodules.results import abroad, csvfile, originals, runfiles
from mymodules.row import counted

RUNS: Final = 10
"""How many of a server's runs are brought, the newest ones."""

LIMIT: Final = 1800.0
"""s; how long it may take."""

SILENCE: Final = 30.0
"""s; how long the server may give no answer meanwhile."""

LARGEST_SMALL: Final = 256 << 20
"""bytes; no larger manifest, and no larger file of decisions, is sent or fetched: a million have 150 MB."""

What = Literal["look", "end", "decisions", "drawings"]
"""What is dealt with: all but drawings; what is here, at the end of a run; or one thing only."""

_CLAIM = re.compile(r"\.sending-(.+)-[0-9a-f]{32}")  # the stamp of its run
_DECISIONS = "the decisions"  # what they are called in a sentence
_PASSING: Final = frozenset({SERVER, "truncated", "changed_during_run"})
_AHEAD: Final = timedelta(days=1)  # how far ahead a clock may be
_RESOLUTION: Final = timedelta(seconds=2)  # of the times that servers tell
_QUIET = 2.0  # s; after which is said what takes so long


def reach(out: Path, url: str) -> None:
    """Raise SettingsError if a URL cannot be listed or written."""
    fault = ""
    try:
        with _said_if_slow(url), Folder(url, LIMIT, SILENCE) as folder:
            folder.files()
            folder.probe(beside(out, "json"))
    except FAULTS as error:
        fault = why(url, error)
    if fault:
        raise SettingsError(
            f"{url} cannot be used for results: {fault}. Check the URL and your access, or name another "
            "output folder."
        )


def dealt(
    out: Path, url: str, stamp: str | None, what: What, cancelled: Callable[[], bool] | None
) -> tuple[str, str]:
    """Do what `exchange.exchange` does; return sentences on what is not there, and on what did not come."""
    dealing = _Dealing(out, url)
    try:
        out.mkdir(parents=True, exist_ok=True)
        if what in ("look", "end"):
            dealing.keep_originals(cancelled or (lambda: False))
        waiting = Asking(LIMIT if what == "end" else SILENCE)  # for other processes; whoever looks has less
        with (
            _said_if_slow(url),
            waiting.heeding(cancelled),
            locked(out, waiting),
            Folder(url, LIMIT, SILENCE, waiting.over) as folder,
        ):
            dealing.all(folder, stamp, what)
    except (*FAULTS, MymodulesError) as error:
        dealing.give_up(error, what)
    return dealing.unsent, dealing.missed


def noted(out: Path, ending: str) -> dict[str, str]:
    """Return the stamps that are noted in ``begun`` or ``sent``, and the times that stand beside them."""
    with contextlib.suppress(OSError, ValueError):
        lines = beside(out, ending).read_text("ascii").splitlines()
        return {stamp: time for stamp, _, time in (line.partition(" ") for line in lines)}
    return {}


def sent_at(out: Path) -> dict[str, datetime]:
    """Return since when each run is there that is noted in ``sent``."""
    found = {}
    for stamp, time in noted(out, "sent").items():
        with contextlib.suppress(ValueError, OverflowError):  # a line that was cut off, or edited
            found[stamp] = datetime.fromisoformat(time).astimezone()
    return found


def _note(out: Path, ending: str, stamp: str, at: datetime | None = None) -> None:
    """Note a run with a time, or the present one."""
    with beside(out, ending).open("a", encoding="ascii") as file:
        file.write(f"{stamp} {(at or datetime.now(UTC)).isoformat()}\n")


def _since(here: datetime, server: float | None) -> datetime:
    """Return a time; or that of a server, in s, if it is later, but not far ahead of this computer's."""
    with contextlib.suppress(TypeError, OverflowError, ValueError, OSError):  # none, or no number
        there = datetime.fromtimestamp(server, UTC) + _RESOLUTION  # type: ignore[arg-type]
        if there < datetime.now(UTC) + _AHEAD:
            return max(here, there)
    return here


@contextlib.contextmanager
def _said_if_slow(url: str) -> Iterator[None]:
    told = threading.Timer(_QUIET, streams.say, [f"{url}: exchanging results with its server ..."])
    told.daemon = True
    told.start()
    try:
        yield
    finally:
        told.cancel()


class _Damaged(Failed):
    """What lies there is not what a run has sent."""

    def __init__(self) -> None:
        super().__init__("damaged", "it is damaged there, or another program has written it")


class _Stuck(Failed):
    """What no later exchange can send; the clause says what to do."""

    def __init__(self, clause: str) -> None:
        super().__init__("unsupported", clause)


class _Dealing:
    """One dealing with the URL of a folder."""

    def __init__(self, out: Path, url: str) -> None:
        self._out, self._url = out, url
        self._made = draft(out)  # where files are fetched to
        self._failures = 0  # of the server
        self._unsent: dict[str, str] = {}  # why each of these is not sent
        self._lost: dict[str, int] = {}  # how many pictures of each run nobody else will see
        self._stuck: set[str] = set()  # those among them that stay so
        self._missed: dict[str, str] = {}  # why each of these did not come
        self._fault = ""  # what has ended all

    def all(self, folder: Folder, stamp: str | None, what: What) -> None:
        """Send runs last: what is slow to send keeps nothing from being seen."""
        self._folder = folder
        there = {} if what == "drawings" else folder.files()
        for left in drafts(self._out):
            if not runfiles.is_stamp(left.name.removeprefix(draft(self._out, "").name)):  # else of drawings
                shutil.rmtree(left, ignore_errors=True)
        self._made.mkdir()
        try:
            if what == "drawings":
                assert stamp is not None
                with self._apart(f"the drawings of run {stamp}", self._missed):
                    self._bring_drawings(stamp)
                return
            with self._apart(_DECISIONS, self._unsent):
                self._send_decisions(there)
            self._bring_decisions(there)
            if what == "look":
                self._bring(there, stamp)
            if what == "decisions":
                return
            self._remove_claims(there)
            for each in self._waiting():
                with self._apart(f"run {each}", self._unsent):
                    self._send(each, there)
        finally:
            shutil.rmtree(self._made, ignore_errors=True)

    @contextlib.contextmanager
    def _apart(self, what: str, faults: dict[str, str]) -> Iterator[None]:
        """Note what goes wrong with one thing, so that it keeps no other; the second failing ends all."""
        try:
            yield
        except (Failed, MymodulesError, OSError) as error:
            faults[what] = self._clause(error)
            if isinstance(error, _Stuck):
                self._stuck.add(what)
            self._failures += isinstance(error, Failed) and error.code == SERVER
            if self._failures > 1:
                raise

    def give_up(self, error: Exception, what: What) -> None:
        """Note what has ended all, and what is not sent because of it."""
        self._fault = self._clause(error)
        owed = [f"run {stamp}" for stamp in self._waiting()] if what in ("look", "end") else []
        if what != "drawings" and self._owes_decisions():
            owed.insert(0, _DECISIONS)
        for each in owed:
            self._unsent.setdefault(each, self._fault)

    @property
    def unsent(self) -> str:
        """A sentence on what is not there; or an empty text."""
        if not self._unsent:
            return ""
        lost = f"{self._url} does not have {_listed(self._unsent, '')}."
        if self._stuck.issuperset(self._unsent):
            return f"{lost} All is in {shown(self._out)}."
        rest = "what it can" if self._stuck else "it"
        return (
            f"{lost} Nothing is lost: all is in {shown(self._out)}, and the next command or notebook with "
            f"this output folder sends {rest}."
        )

    @property
    def missed(self) -> str:
        """Sentences on what did not come; or an empty text."""
        told = [f"{self._url}: {_listed(self._missed, ' did not come')}."] if self._missed else []
        if self._fault and not self._unsent:
            here = f"What is here is used, {shown(self._out)}"
            told.append(f"{self._url} cannot be asked for results: {self._fault}. {here}.")
        return " ".join(told)

    def _clause(self, error: Exception) -> str:
        return str(error).rstrip(".") if isinstance(error, MymodulesError) else why(self._url, error)

    def _say(self, text: str) -> None:
        streams.say(f"{self._url}: {text}.")

    # --- decisions -----------------------------------------------------------------------------------

    def _owes_decisions(self) -> bool:
        """Return whether decisions were made here since they were sent."""
        with contextlib.suppress(OSError):
            data, known = self._decisions(), self._lines().known.get(self._own(), {})
            return bool(data) and known.get("digest") != images.digest(data)
        return False

    def _decisions(self) -> bytes:
        """Return the whole lines of the file of decisions; nothing if it is absent."""
        data = b""
        with contextlib.suppress(FileNotFoundError):
            data = files.contents(self._out / runfiles.DECISIONS)
        return data[: data.rfind(b"\n") + 1]

    def _own(self) -> str:
        """Return how this file is called there; an empty text if it never was there."""
        own = remote.own_id(self._out)
        return runfiles.decisions_of(own) if own else ""

    def _lines(self) -> Lines:
        return Lines(beside(self._out, "lines"))

    def _send_decisions(self, there: Mapping[str, Stated]) -> None:
        """Send them, in place of none that others have from here: if a line lacks here, under a new name."""
        data, own, lines = self._decisions(), self._own(), self._lines()
        if data and _decided(data.split(b"\n", 1)[:1]) is None:
            raise _Stuck(
                f"{runfiles.DECISIONS} is not understood: save it as CSV UTF-8 with commas, or move it away"
            )
        if own in there:
            known, size = lines.known.get(own, {}), there[own].size
            as_left = size == known.get("size") and images.digest(data[:size]) == known.get("digest")
            if as_left and size == len(data):
                return
            if not as_left and not self._contains(data, own):
                own = runfiles.decisions_of(remote.new_id(self._out))
        if not data:
            return
        if len(data) > LARGEST_SMALL:
            raise _too_large(runfiles.DECISIONS, LARGEST_SMALL)
        own = own or runfiles.decisions_of(remote.new_id(self._out))
        files.create(self._made / own, [data], durable=False)
        self._folder.write(own, self._made / own)
        with lines.open():
            lines.add(own, Stated(own, len(data), "", {}), None, images.digest(data))
        lines.write({*there, own})

    def _contains(self, data: bytes, name: str) -> bool:
        """Return whether all lines of a file there are in this one, also if a column was added since."""
        made = self._made / "before"
        if self._folder.read(name, made, LARGEST_SMALL) is None:
            return True
        with made.open("rb") as file:
            before = _decided(file)
        return before is not None and before <= (_decided(data.split(b"\n")) or set())

    def _bring_decisions(self, there: Mapping[str, Stated]) -> None:
        own, lines = self._own(), self._lines()
        asked = []
        for name, said in there.items():
            if not runfiles.is_decisions_of(name) or name == own:
                continue  # any other name may be one that no file here can have
            known = lines.known.get(name, {})
            if not ((self._out / name).is_file() and said.agrees(known.get("size"), known.get("facts"))):
                asked.append((name, self._made / name))
        if not asked:
            return
        with lines.open():
            for made, come in self._folder.read_each(asked, LARGEST_SMALL):
                with self._apart(f"the decisions in {made.name}", self._missed):
                    if isinstance(come, Failed):
                        raise come
                    if come is not None:
                        digest = images.digest(made)
                        files.place(made, self._out / made.name)
                        lines.add(made.name, come, None, digest)
        lines.write({*there, own})

    # --- from the server -----------------------------------------------------------------------------

    def _bring(self, there: Mapping[str, Stated], named: str | None) -> None:
        found = {runfiles.stamp_of(name) for name in there if name.endswith(".json")}
        dated = {stamp: begun for stamp in found if stamp is not None and (begun := runfiles.begun(stamp))}
        limit = datetime.now(UTC) + _AHEAD
        newest = sorted((stamp for stamp in dated if dated[stamp] < limit), key=runfiles.age, reverse=True)
        if ahead := [stamp for stamp in dated if dated[stamp] >= limit and stamp != named]:
            what = f"{counted(len(ahead), 'run')}, such as {ahead[0]},"
            self._missed[what] = "dated ahead: set the clock of that computer, or name a run to have it"
        for stamp in dict.fromkeys([*[each for each in dated if each == named], *newest[:RUNS]]):
            with self._apart(f"run {stamp}", self._missed):
                self._take(stamp)

    def _take(self, stamp: str) -> None:
        """Fetch a run that is not here, and put its files in their places."""
        place, csv_path = runfiles.manifest_path(self._out, stamp), runfiles.finished_path(self._out, stamp)
        if csv_path.exists() or (place.exists() and not runfiles.is_brought(runfiles.read_manifest(place))):
            return  # that one may be in progress, or was stopped
        made = self._made / place.name
        if (said := self._folder.read(place.name, made, LARGEST_SMALL)) is None:
            raise _Damaged
        try:
            manifest = runfiles.read_manifest(made)
        except ResultsError:
            raise _Damaged from None
        if manifest.get("stamp") != stamp or manifest.get("complete") is not True:
            raise _Damaged
        tables = _tables(self._out, stamp, manifest)
        for path, digest in tables.items():
            made = self._made / path.name
            if self._folder.read(path.name, made, LARGEST) is None or images.digest(made) != digest:
                raise _Damaged
            if path.exists() and images.digest(path) != digest:
                raise Failed("name_collision", f"{shown(path)} is in the way")
        for path in [*tables][:-1]:
            files.place(self._made / path.name, path)
        runfiles.write_manifest(place, abroad.manifest_of(manifest))
        files.place(self._made / csv_path.name, csv_path)
        now = datetime.now(UTC)  # by then it certainly is there
        _note(self._out, "sent", stamp, min(_since(abroad.ended(manifest) or now, said.time), now))
        self._say(f"fetched run {stamp}. Its pictures that are not the same come when shown")

    def _bring_drawings(self, stamp: str) -> None:
        """Fetch the drawings of a run; those that came are kept if it is interrupted."""
        place, kept = runfiles.pictures_path(self._out, stamp), draft(self._out, stamp)
        if place.exists():
            return
        for left in drafts(self._out):
            if left not in (kept, self._made):
                shutil.rmtree(left, ignore_errors=True)
        kept.mkdir(exist_ok=True)
        there = self._folder.files(place.name, deep=True)
        found = [name for name in there if _is_shown(name)]
        if not found and _has_drawings(runfiles.read_manifest(runfiles.manifest_path(self._out, stamp))):
            kept.rmdir()
            raise Failed("vanished", "they are not there any more")
        fitting = [name for name in found if why_not(name) is None]
        lacking = [name for name in fitting if not _has_size(kept / name, there[name].size)]
        names = {self._made / str(number): name for number, name in enumerate(lacking)}
        failed: dict[str, str] = {}
        asked = [(f"{place.name}/{name}", made) for made, name in names.items()]
        for made, come in self._folder.read_each(asked, LARGEST):
            try:
                if not isinstance(come, Stated):
                    raise come or _Damaged()
                if originals.is_one(names[made]) and images.digest(made) != Path(names[made]).stem:
                    raise _Damaged
                (kept / names[made]).parent.mkdir(parents=True, exist_ok=True)
                files.place(made, kept / names[made], durable=False)
            except (Failed, OSError) as error:
                if isinstance(error, Failed) and (error.code in _PASSING or len(failed) + 1 == len(fitting)):
                    raise  # it may come later
                failed[names[made]] = self._clause(error)
        kept.rename(place)
        if failed:
            name, clause = next(iter(failed.items()))
            self._missed[f"{counted(len(failed), 'picture')} of run {stamp}, such as {shown(name)}"] = clause
        if len(fitting) < len(found):
            left_out = counted(len(found) - len(fitting), "drawing")
            self._say(f"no file here can be called like {left_out} of run {stamp}")

    # --- to the server -------------------------------------------------------------------------------

    def keep_originals(self, cancelled: Callable[[], bool]) -> None:
        """Have the pictures of all runs that are to be sent, before anybody changes them."""
        for stamp in self._waiting():
            place = runfiles.pictures_path(self._out, stamp)
            with contextlib.suppress(OSError, ImageError, ResultsError):  # what cannot be read is said later
                manifest = runfiles.read_manifest(runfiles.manifest_path(self._out, stamp))
                table, digest = runfiles.finished_path(self._out, stamp), manifest.get("csv_digest")
                if digest is None or images.digest(table) != digest:
                    continue  # likewise
                rows = csvfile.read_as_written(table, digest)
                self._lost[stamp] = originals.keep(place, rows, manifest, cancelled)

    def _waiting(self) -> list[str]:
        """Return the stamps of the finished runs that were made here and not sent, the oldest first."""
        stamps = {runfiles.stamp_of(path) for path in self._out.glob("results-*.csv")}
        waiting = []
        for stamp in filter(None, stamps - noted(self._out, "sent").keys()):
            with contextlib.suppress(ResultsError):
                manifest = runfiles.read_manifest(runfiles.manifest_path(self._out, stamp))
                if manifest.get("complete") is True and not runfiles.is_brought(manifest):
                    waiting.append(stamp)
        return sorted(waiting, key=runfiles.age)

    def _remove_claims(self, there: Collection[str]) -> None:
        """Remove those of whole runs of this copy: who sent them was killed or cancelled at the end."""
        begun = noted(self._out, "begun")
        for name in there:
            claim = _CLAIM.fullmatch(name)
            is_over = claim is not None and claim[1] in begun and _manifest(claim[1]) in there
            if is_over and not self._folder.remove(name):
                break  # one may be asked for in vain each time, not one of each run

    def _send(self, stamp: str, before: Collection[str]) -> None:
        """Send a run, given what was there; not if a process is writing it: that one sends it."""
        try:
            lock = runfiles.lock(self._out, stamp)
        except ResultsError:
            return
        with lock:
            manifest = runfiles.read_manifest(runfiles.manifest_path(self._out, stamp))
            made = self._made / _manifest(stamp)
            runfiles.write_manifest(made, abroad.manifest_of(manifest))
            tables = _tables(self._out, stamp, manifest)
            for path, digest in tables.items():
                if not path.exists():
                    raise _Stuck(f"{path.name} was removed here: put it back")
                if images.digest(path) != digest:
                    raise _Stuck(f"{path.name} was edited or damaged here: put it back, or remove it")
            for path, most in (*((path, LARGEST) for path in tables), (made, LARGEST_SMALL)):
                if path.stat().st_size > most:
                    raise _too_large(path.name, most)
            digest = manifest["csv_digest"]
            if not self._is_there(made.name, digest):
                if stamp not in noted(self._out, "begun"):
                    _note(self._out, "begun", stamp)  # a claim is for these tables: they stay as they are
                claim = f".sending-{stamp}-{images.digest(repr([*tables.values()]).encode())}"
                with self._claimed(claim):
                    if not self._is_there(made.name, digest):
                        self._send_pictures(stamp, goes_on=claim in before)
                        for path in (*tables, made):
                            self._folder.write(path.name, path)
                        self._say(f"sent run {stamp}")
            said = None
            with contextlib.suppress(Failed, Over):  # it is there all the same
                said = self._folder.stated(made.name)
            _note(self._out, "sent", stamp, _since(datetime.now(UTC), said and said.time))

    @contextlib.contextmanager
    def _claimed(self, own: str) -> Iterator[None]:
        """Have the right to send a run; raise `Failed` if somebody sends one of this stamp with other tables.

        Whoever claims it later finds the earlier claim. Of several that find each other, the first by name
        waits a moment for the others to give way, which they do at once. A claim is named by the tables, so
        that who was interrupted can go on, and stays until all of the run is there.
        """
        files.create(self._made / own, [b"A computer sends this run."], durable=False)
        self._folder.write(own, self._made / own)
        claims = own.rpartition("-")[0]
        for attempt in range(asking.TRIES):
            if attempt:
                self._folder.asking.over.wait(asking.PAUSE * 2 ** (attempt - 1))
            others = [name for name in self._folder.files() if name.startswith(f"{claims}-") and name != own]
            if not others or min(others) < own:
                break
        if others:
            self._folder.remove(own)
            raise Failed(
                "name_collision",
                "another computer, with a copy of this cache, is sending it: let that one finish, or remove "
                f"{others[0]} there",
            )
        try:
            yield
        except _Stuck:  # that of another computer is there
            self._folder.remove(own)
            raise
        self._folder.remove(own)

    def _is_there(self, name: str, digest: object) -> bool:
        """Return whether this run is there; raise `Failed` if another one has its name."""
        made, found = self._made / "there", None
        if self._folder.read(name, made, LARGEST_SMALL) is None:
            return False
        with contextlib.suppress(ResultsError):
            found = runfiles.read_manifest(made).get("csv_digest")
        if found != digest:
            raise _Stuck(f"there is another {name}: remove the one here or there")
        return True

    def _send_pictures(self, stamp: str, *, goes_on: bool) -> None:
        """Send the drawings and pictures; if it goes on with a sending, those that are not there."""
        place = runfiles.pictures_path(self._out, stamp)
        there = self._folder.files(place.name, deep=True) if goes_on else {}
        if lost := self._lost.get(stamp):
            left = counted(lost, "picture")
            self._say(f"others cannot see {left} of run {stamp}: gone, or not as compared any more")
        all_of_it = {path.relative_to(place).as_posix(): path for path in place.rglob("*") if _is_own(path)}
        named = {name: path for name, path in all_of_it.items() if _is_shown(name)}
        fitting = {name: path for name, path in named.items() if _can_be_sent(name)}
        if len(fitting) < len(named):
            left = counted(len(named) - len(fitting), "drawing")
            self._say(f"no file there can be called like {left} of run {stamp}")
        lacking = [
            (f"{place.name}/{name}", path)
            for name, path in fitting.items()
            if name not in there or not _has_size(path, there[name].size)
        ]
        self._folder.write_each(lacking)


def _listed(faults: Mapping[str, str], verb: str) -> str:
    """Return what was not exchanged, and why, as a part of a sentence."""
    about: dict[str, list[str]] = {}
    for what, clause in faults.items():
        about.setdefault(clause, []).append(what)
    return "; ".join(
        f"{', '.join(whats[:3])}{f' and {len(whats) - 3:,} more' if len(whats) > 3 else ''}{verb}: {clause}"
        for clause, whats in about.items()
    )


def _decided(lines: Iterable[bytes]) -> set[tuple[str, ...]] | None:
    """Return the cells of all lines of a file of decisions, without empty last ones; None if it is none."""
    found: set[tuple[str, ...]] = set()
    for number, line in enumerate(lines):
        text = line.decode("utf-8-sig" if number == 0 else "utf-8", "backslashreplace").strip("\r\n")
        cells = []
        with contextlib.suppress(csv.Error):
            cells = next(csv.reader([text]), [])
        is_header = tuple(cells[: len(runfiles.DECIDED)]) == runfiles.DECIDED
        if number == 0 and not (is_header or ",".join(runfiles.DECIDED).startswith(text)):  # a truncated one
            return None
        is_whole = number > 0 and len(cells) >= len(runfiles.DECIDED)
        while cells and not cells[-1]:
            cells.pop()
        if is_whole:
            found.add(tuple(cells))
    return found


def _manifest(stamp: str) -> str:
    return runfiles.manifest_path(Path(), stamp).name


def _has_drawings(manifest: Mapping[str, Any]) -> bool:
    """Return whether a run has drawn something, as far as its manifest says so."""
    counts = manifest.get("counts")
    return manifest.get("pictures") != "none" and isinstance(counts, dict) and bool(counts.get("changed"))


def _is_shown(name: str) -> bool:
    """Return whether this is the path of a drawing or a picture of a run."""
    return name.endswith(ENDINGS) or originals.is_one(name)


def _is_own(path: Path) -> bool:
    """Return whether this is a file, and no link, which may lead anywhere."""
    return path.is_file() and not path.is_symlink()


def _tables(out: Path, stamp: str, manifest: Mapping[str, Any]) -> dict[Path, object]:
    """Return the CSVs of a finished run with the digests that its manifest records, the rows last."""
    found = {runfiles.changes_path(out, stamp): manifest.get("changes_digest")}
    return {path: digest for path, digest in found.items() if digest is not None} | {
        runfiles.finished_path(out, stamp): manifest.get("csv_digest")
    }


def _too_large(name: str, most: int) -> _Stuck:
    return _Stuck(f"{name} has more than {most:,} bytes, which others do not fetch")


def _has_size(path: Path, size: int | None) -> bool:
    return path.is_file() and path.stat().st_size == size


def _can_be_sent(name: str) -> bool:
    """Return whether every server takes a name: UTF-8, and nothing that a driver cuts off."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return "?versionId=" not in name
