"""Nothing ends a run: whatever a function on the way of a pair raises costs that pair's row, and only that.

Every function and method that runs for a pair is found by introspection and made to raise, one after the
other, always and on its n-th call only, and so is every call of another library.
"""

import functools
import gc
import inspect
import pkgutil
import sys
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

import pytest
from support.faulty import KINDS, Fault, Place, Unsendable, Unspeakable, kind_of, made, raising, replaced

import mymodules
from mymodules import batch, results, workers
from mymodules.batch import reuse
from mymodules.comparison import pair, verdict
from mymodules.errors import PoolError
from mymodules.images import pixels
from mymodules.pairs import Pair
from mymodules.workers import Job, PairResult

ALONE = {"missing": "only_first", "extra": "only_second"}


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> list[Job]:
    return made(tmp_path_factory.mktemp("pictures"))


# --- making them raise -------------------------------------------------------------------------------


# Rooms that a pair passes on its way from two files to a row.
ROOMS = ("formats", "images", "metrics", "regions", "comparison", "pairs", "workers")


def modules() -> list[ModuleType]:
    """Those that take part in comparing a pair."""
    found = []
    for room in ROOMS:
        face = import_module(f"mymodules.{room}")
        found.append(face)
        inner = pkgutil.iter_modules(getattr(face, "__path__", []))
        found += [import_module(f"{face.__name__}.{module.name}") for module in inner]
    return found


# These are what catches, or hold a row: beyond them is the pool, see below.
SPARED = {"compare", "compare_many", "fault", "died", "prepare_process", "compimgdiff_init", "_end_with"}
SPARED |= {"_finished", "serve", "answered"}
SPARING = workers, pair, verdict


def places() -> list[Place]:
    """Every function, method and property that is defined in one of the modules."""
    found = []
    for module in modules():
        for name, value in vars(module).items():
            if getattr(value, "__module__", None) != module.__name__:
                continue
            if inspect.isclass(value):
                if not issubclass(value, (Job, PairResult, Pair, Exception)):
                    found += [Place(value, inner) for inner, each in vars(value).items() if is_ours(each)]
            elif callable(value) and not (module in SPARING and name in SPARED):
                found.append(Place(module, name))
    return found


def is_ours(value: Any) -> bool:
    value = function_of(value)
    return inspect.isfunction(value) and value.__module__.startswith("mymodules")


def function_of(value: Any) -> Any:
    """What a part of a class calls; any other value itself."""
    if isinstance(value, (classmethod, staticmethod)):
        return value.__func__
    if isinstance(value, functools.cached_property):
        return value.func
    return value.fget if isinstance(value, property) else value


PLACES = places()
FAULT = Fault("of ours")


# --- what must hold ----------------------------------------------------------------------------------


def assert_is_a_row(job: Job, row: PairResult, error: BaseException) -> None:
    """A row for this pair that can be written, and that names the fault where it ended the comparison."""
    assert row.image_filename == job.pair.name
    assert row.status in batch.STATUSES
    assert "\n" not in row.messages
    assert '"' not in row.messages
    assert len(row.messages) < 32_000
    row.messages.encode()
    cells = results.format_row(row)
    assert results.format_row(results.parse_row(cells)) == cells
    alone = [status for status, path in (("missing", job.pair.second), ("extra", job.pair.first)) if not path]
    if alone:
        assert (row.status, row.code) == (alone[0], ALONE[alone[0]]), row
    if row.code == "internal" or kind_of(error) in row.messages:
        said = row.messages
        assert row.status == "error" or row.status in ALONE or "drawn" in said or "What moved" in said, row
        assert kind_of(error) in row.messages
        assert "eport it" in row.messages


def assert_is_no_other_verdict(row: PairResult, before: PairResult) -> None:
    """A row that names no fault did not need what raised; or the file was refused, as one that is damaged."""
    if "Fault" not in row.messages and "drawings" not in row.messages:
        assert untimed(row) == untimed(before) or row.code in ("corrupt", before.code)
        assert row.status in ("error", before.status)


@pytest.fixture(scope="module")
def usual(jobs: list[Job]) -> list[PairResult]:
    rows = compare_many(jobs)
    found = {(row.status, row.code) for row in rows}
    assert {status for status, _ in found} == set(batch.STATUSES)
    assert "internal" not in {code for _, code in found}
    return rows


def compare_many(jobs: list[Job]) -> list[PairResult]:
    return [workers.compare(job) for job in jobs]


def untimed(row: PairResult) -> PairResult:
    return row._replace(seconds=None)


Meeting = dict[int, Job]
"""Pairs by their place among all."""
Meets = Callable[[Place], Meeting]
Tried = Callable[[Place], dict[int, PairResult]]


@pytest.fixture(scope="module")
def meets(jobs: list[Job], usual: list[PairResult]) -> Meets:
    """Return the pairs that call a place: whatever it raises, nothing is different for the others."""
    called = calls(jobs)

    def found(place: Place) -> Meeting:
        sign = code_of(place) or place
        return {number: job for number, job in enumerate(jobs) if sign in called[number]}

    return found


def code_of(place: Place) -> CodeType | None:
    """By what a profiler knows a place: a call that a cache answers, or of a generator, it does not see."""
    function = function_of(inspect.getattr_static(place.owner, place.name))
    seen = inspect.isfunction(function) and not inspect.isgeneratorfunction(function)
    return function.__code__ if seen and not hasattr(function, "__wrapped__") else None


UNSEEN = [place for place in PLACES if code_of(place) is None]


def calls(jobs: list[Job]) -> list[set[CodeType | Place]]:
    """The functions that are called while each pair is compared; those of `UNSEEN` as places."""
    found: list[set[CodeType | Place]] = []
    with ExitStack() as all_at_once:
        for place in UNSEEN:
            all_at_once.enter_context(replaced(place, noting(place, found)))
        for job in jobs:
            found.append(set())
            profiled(job, lambda frame, event, _: found[-1].add(frame.f_code) if event == "call" else None)
    return found


def noting(place: Place, found: list[set[CodeType | Place]]) -> Callable[..., Any]:
    """What a place does, and notes that it was called for the last of the pairs."""
    original = inspect.getattr_static(place.owner, place.name)

    def note(*arguments: Any, **keywords: Any) -> Any:
        found[-1].add(place)
        return original(*arguments, **keywords)

    return note


@pytest.fixture(scope="module")
def faulty(meets: Meets) -> Tried:
    """Return the rows of the pairs that a place meets while it raises; each place is tried once."""

    @functools.cache
    def rows(place: Place) -> dict[int, PairResult]:
        met = meets(place)
        with raising(place, FAULT) as raised:
            found = {number: workers.compare(job) for number, job in met.items()}
        return found if raised else {}

    return rows


@pytest.mark.parametrize(
    "owner", dict.fromkeys(place.owner for place in PLACES), ids=lambda each: each.__name__
)
def test_a_function_that_always_raises(
    owner: Any, jobs: list[Job], usual: list[PairResult], faulty: Tried
) -> None:
    met = set()
    for place in PLACES:
        if place.owner is owner:
            print(place)  # if it fails, pytest shows where
            for number, row in faulty(place).items():
                assert_is_a_row(jobs[number], row, FAULT)
                assert_is_no_other_verdict(row, usual[number])
                met.add(number)
    for number in met:
        assert untimed(workers.compare(jobs[number])) == untimed(usual[number]), "one has left something"


def test_they_have_left_nothing_for_other_pairs(jobs: list[Job], usual: list[PairResult]) -> None:
    assert list(map(untimed, compare_many(jobs))) == list(map(untimed, usual))


def test_those_that_no_pair_meets_change_nothing(
    jobs: list[Job], usual: list[PairResult], meets: Meets
) -> None:
    unmet = [place for place in PLACES if not meets(place)]
    with ExitStack() as all_at_once:
        raised = [all_at_once.enter_context(raising(place, FAULT)) for place in unmet]
        rows = compare_many(jobs)
    assert [str(place) for place, errors in zip(unmet, raised, strict=True) if errors] == []
    assert list(map(untimed, rows)) == list(map(untimed, usual))
    assert len(unmet) < 0.6 * len(PLACES)


def test_they_are_found_and_most_of_them_matter(faulty: Tried) -> None:
    names = set(map(str, PLACES))
    assert {"mymodules.formats.png.inspect", "mymodules.images.digests.digest", "Similarity.add"} <= names
    assert {
        "mymodules.comparison.verdict.result_row",
        "mymodules.pairs.names.sentence",
        "Side.whole",
    } <= names
    ended = [place for place in PLACES if any("Fault" in row.messages for row in faulty(place).values())]
    assert len(ended) > 100


def test_what_is_known_stays_in_the_row(jobs: list[Job], usual: list[PairResult]) -> None:
    with raising(Place(pair, "_measured"), Fault("of ours")):
        rows = compare_many(jobs)
    faulty = [(row, before) for row, before in zip(rows, usual, strict=True) if row.code == "internal"]
    assert len(faulty) > 10
    for row, before in faulty:
        assert (row.first_digest, row.second_digest) == (before.first_digest, before.second_digest)
        assert (row.width_first, row.height_second) == (before.width_first, before.height_second)
        assert row.ssim_score is row.num_diff_pixels is row.regions is None
        assert "Fault: of ours in faulty.py, line " in row.messages


def test_one_that_is_not_of_ours_to_catch_ends_it(jobs: list[Job]) -> None:
    for error in (KeyboardInterrupt(), SystemExit(3)):
        with raising(Place(pixels, "inspect"), error), pytest.raises(type(error)):
            compare_many(jobs)


# Reading, checking, decoding, measuring, judging, drawing, and the row itself.
STEPS = [
    "mymodules.images.digests.digest",
    "mymodules.images.pixels.inspect",
    "mymodules.images.pixels.decode",
    "mymodules.formats.png.inspect",
    "mymodules.images.bands.scanlines",
    "mymodules.metrics.similarity.gray",
    "Gatherer.counted",
    "mymodules.comparison.verdict.verdict",
    "Drawing.write",
    "mymodules.comparison.verdict.result_row",
    "mymodules.comparison.side.inspected",
    "mymodules.pairs.names.sentence",
]


@pytest.mark.parametrize("error", KINDS, ids=kind_of)
@pytest.mark.parametrize("step", STEPS)
def test_whatever_it_raises(step: str, error: Exception, jobs: list[Job], meets: Meets) -> None:
    """Each of them on every fourth pair, as all pairs have met an error of ours."""
    place = next(place for place in PLACES if str(place) == step)
    met = dict([*meets(place).items()][::4])
    with raising(place, error):
        rows = {number: workers.compare(job) for number, job in met.items()}
    for number, row in rows.items():
        assert_is_a_row(jobs[number], row, error)
    assert any(kind_of(error) in row.messages for row in rows.values()) or isinstance(error, OSError)


# --- on one call only, and in other libraries --------------------------------------------------------

PACKAGE = str(Path(mymodules.__file__).parent)
Site = tuple[CodeType, int, str]  # a function, where it calls another or is entered, and which


def site(frame: FrameType, event: str, argument: Any) -> Site | None:
    """Where a call is made within the package, if that is where this is."""
    code = frame.f_code
    if event not in ("call", "c_call") or not code.co_filename.startswith(PACKAGE):
        return None
    if code.co_name in SPARED and code.co_filename in {module.__file__ for module in SPARING}:
        return None
    return code, frame.f_lasti, "" if event == "call" else argument.__name__


def profiled(job: Job, look: Callable[[FrameType, str, Any], None]) -> PairResult:
    sys.setprofile(look)
    try:
        return workers.compare(job)
    finally:
        sys.setprofile(None)


def sites(job: Job) -> list[Site]:
    """Every call that comparing a pair makes within the package, and every one that it makes to C."""
    found: dict[Site, None] = {}

    def note(frame: FrameType, event: str, argument: Any) -> None:
        at = site(frame, event, argument)
        if at is not None:
            found[at] = None

    profiled(job, note)
    return list(found)


def compared_with_one_fault(job: Job, wanted: Site, error: Exception) -> PairResult:
    """Compare a pair when that call raises the first time that it is made."""

    def refuse(frame: FrameType, event: str, argument: Any) -> None:
        if frame.f_code is wanted[0] and site(frame, event, argument) == wanted:
            raise error

    return profiled(job, refuse)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_every_single_call_within_a_comparison_may_raise(jobs: list[Job], usual: list[PairResult]) -> None:
    done: set[Site] = set()
    ended = 0
    for job, before in zip(jobs, usual, strict=True):
        workers.compare(job)  # what is done once only is done
        for wanted in sites(job):
            if wanted in done:
                continue
            done.add(wanted)
            row = compared_with_one_fault(job, wanted, Fault("of ours"))
            assert_is_a_row(job, row, Fault())
            ended += "Fault" in row.messages
            assert_is_no_other_verdict(row, before)
    gc.collect()  # a file whose closing raised complains here
    assert len(done) > 400
    assert ended > 0.8 * len(done)


# --- a whole run -------------------------------------------------------------------------------------


def run(folder: Path, executor: Executor) -> tuple[batch.Run, list[PairResult]]:
    out = folder / "out"
    out.mkdir(exist_ok=True)
    done = batch.run(folder / "first", folder / "second", out, executor=executor, renames=False)
    rows = results.read(done.csv_path)
    assert len(done.frame()) == len(rows)
    assert not list(out.glob("*.partial.csv"))
    return done, rows


@pytest.mark.parametrize(
    "step",
    ["mymodules.images.pixels.inspect", "mymodules.comparison.pair._row",
     "mymodules.comparison.verdict.verdict", "Drawing.write", "mymodules.images.digests.digest"],
)  # fmt: skip
@pytest.mark.parametrize("error", [Fault("of ours"), MemoryError(), Unspeakable(), Unsendable()], ids=kind_of)
def test_a_run_comes_to_its_end(step: str, error: Exception, tmp_path: Path) -> None:
    names = {job.pair.name for job in made(tmp_path)}
    place = next(place for place in PLACES if str(place) == step)
    with ThreadPoolExecutor(2) as threads, raising(place, error):
        done, rows = run(tmp_path, threads)
    assert {row.image_filename for row in rows} == names
    assert len(rows) == len(names)
    assert sum(done.counts.values()) == len(names)
    for row in rows:
        alone = {"gone.png": "missing", "come.jpg": "extra"}.get(row.image_filename)
        assert row.status == alone or alone is None
    codes = {row.code for row in rows}
    assert (
        "internal" in codes or "memory" in " ".join(row.messages for row in rows) or step == "Drawing.write"
    )


class Odd(Executor):
    """Does what it is given at once, unless that has one of these names."""

    def __init__(self, spoil: Callable[[Job], Any], *, submitting: bool = False) -> None:
        self._spoil, self._submitting = spoil, submitting

    def submit(self, call: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            spoilt = [answer for job in arguments[0] if (answer := self._spoil(job)) is not None]
            future.set_result(spoilt[0] if spoilt else call(*arguments, **options))
        except Exception as error:
            if self._submitting:
                raise
            future.set_exception(error)
        return future


def refusing(error: Exception, *names: str) -> Callable[[Job], Any]:
    def refuse(job: Job) -> None:
        if job.pair.name in names:
            raise error

    return refuse


FAILING = [(error, False) for error in KINDS] + [(error, True) for error in KINDS[::3]]


@pytest.mark.parametrize(
    ("error", "submitting"),
    FAILING,
    ids=[f"{kind_of(error)}-{('the task', 'handing it over')[late]}" for error, late in FAILING],
)
def test_a_task_that_fails_costs_its_own_pair(error: Exception, submitting: bool, tmp_path: Path) -> None:
    made(tmp_path)
    chosen = ("changed.png", "photo.jpg", "gone.png")
    done, rows = run(tmp_path, Odd(refusing(error, *chosen), submitting=submitting))
    faulty = {row.image_filename: row for row in rows if "a fault in this program" in row.messages}
    assert set(faulty) == set(chosen)
    assert faulty["changed.png"].code == faulty["photo.jpg"].code == "internal"
    assert (faulty["gone.png"].status, faulty["gone.png"].code) == ("missing", "only_first")
    assert done.counts["changed"] > 6
    again = batch.run(tmp_path / "first", tmp_path / "second", tmp_path / "out", resume=done.csv_path,
                      executor=Odd(lambda _: None))  # fmt: skip
    compared = {row.image_filename: row for row in results.read(again.csv_path)}
    assert compared["changed.png"].code == "pixels_differ"  # such a row is never kept


@pytest.mark.parametrize("answer", [[], [None], ["a row"], 5, [("changed.png", 1)]], ids=repr)
def test_an_answer_that_is_no_row(answer: Any, tmp_path: Path) -> None:
    made(tmp_path)
    _, rows = run(tmp_path, Odd(lambda job: answer if job.pair.name == "changed.png" else None))
    assert [row.image_filename for row in rows if row.code == "internal"] == ["changed.png"]


def test_a_task_that_was_cancelled_by_others(tmp_path: Path) -> None:
    made(tmp_path)

    class Cancelling(Odd):
        def submit(self, call: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
            if [job.pair.name for job in arguments[0]] != ["old.bmp"]:
                return super().submit(call, *arguments, **options)
            future: Future[Any] = Future()
            future.cancel()
            future.set_running_or_notify_cancel()
            return future

    done, rows = run(tmp_path, Cancelling(refusing(Fault(), "old.bmp")))
    assert [row.image_filename for row in rows if "CancelledError" in row.messages] == ["old.bmp"]
    assert done.counts["error"] == sum(row.status == "error" for row in rows)


def test_an_executor_that_does_nothing_at_all_is_no_row(tmp_path: Path) -> None:
    made(tmp_path)
    (tmp_path / "out").mkdir()
    closed = ThreadPoolExecutor(1)
    closed.shutdown()
    with pytest.raises(PoolError, match="cannot schedule new futures after shutdown") as caught:
        batch.run(tmp_path / "first", tmp_path / "second", tmp_path / "out", executor=closed)
    assert "resume" in str(caught.value)
    done = batch.run(resume=next((tmp_path / "out").glob("*.partial.csv")), executor=Odd(lambda _: None))
    assert "internal" not in {row.code for row in results.read(done.csv_path)}


@pytest.mark.parametrize("step", ["_as_found", "_drawings", "_takes", "_add", "_stored", "_draws", "_copy"])
def test_a_store_that_fails_costs_a_warning(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path)
    if step == "_takes":  # of what an earlier run found
        run(tmp_path, Odd(lambda _: None))

    def refuse(*_: Any, **__: Any) -> Any:
        raise Fault("of ours")

    monkeypatch.setattr(reuse.Reuse if hasattr(reuse.Reuse, step) else reuse, step, refuse)
    with pytest.warns(UserWarning, match=r"a fault in this program, Fault: of ours in .*eport it"):
        _, rows = run(tmp_path, Odd(lambda _: None))
    assert "internal" not in {row.code for row in rows}
