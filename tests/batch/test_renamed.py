"""Pictures that were renamed and changed: which are paired, what their rows say, and what approves them."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from support.programs import Folders, folders, png
from support.triaged import accept, state

from mymodules import batch, report, results, triage
from mymodules.batch import Stopped, search
from mymodules.pages import display
from mymodules.pages.rows import ShownRows
from mymodules.row import PairResult
from mymodules.rules import Limits, Rule, Rules

Page = NDArray[np.uint8]

SIZE = 40, 60


def page(seed: int, changed: int = 0, at: int = 0) -> Page:
    """Black blocks on white, different for each seed, and so many white pixels in the row `at` inverted."""
    blocks = np.random.default_rng(seed).integers(0, 4, (10, 15)) == 0
    ink = np.kron(blocks, np.ones((4, 4), bool))
    ink[at, :changed] ^= True
    return np.repeat(np.where(ink, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


PAGES = {
    "first": {
        "same.png": page(0),
        "old.png": page(1),
        "gone.png": page(2),  # no picture of second is near
        "twin.png": page(3),  # two are
        "from/named.png": page(4),  # two are, and one has its name
        "flat.png": np.full((*SIZE, 3), 10, np.uint8),
    },
    "second": {
        "same.png": page(0),
        "below/new.png": page(1, changed=6),
        "fresh.png": page(12),
        "twin-1.png": page(3, changed=5),
        "twin-2.png": page(3, changed=5, at=9),
        "to/named.png": page(4, changed=5),
        "other.png": page(4, changed=5, at=9),
        "plain.png": np.full((*SIZE, 3), 11, np.uint8),
    },
}
PAIRED = {"below/new.png": "old.png", "to/named.png": "from/named.png"}
COUNTS = {"same": 1, "changed": 2, "missing": 5, "extra": 5, "error": 0}


@pytest.fixture
def made(tmp_path: Path) -> Folders:
    made = folders(tmp_path)
    for root, pages in zip(made, PAGES.values(), strict=False):
        for name, samples in pages.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_bytes(png(samples))
    return made


@pytest.fixture(scope="module")
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


Options = dict[str, Any]


@pytest.fixture
def options(executor: ThreadPoolExecutor) -> Options:
    return {"executor": executor, "num_processors": 1, "pictures": "none"}


def by_name(run: batch.Run) -> dict[str, PairResult]:
    return {row.image_filename: row for row in results.read(run.csv_path)}


def paired(run: batch.Run) -> dict[str, str | None]:
    return {name: row.renamed_from for name, row in by_name(run).items() if row.renamed_from}


def differing(one: Page, other: Page) -> int:
    return int((one != other).any(axis=2).sum())


def test_those_that_are_clearly_nearest_are_compared(made: Folders, options: Options) -> None:
    told: list[batch.Progress] = []
    run = batch.run(*made, **options, store=None, on_progress=told.append)
    rows = by_name(run)
    assert paired(run) == PAIRED
    assert [now.done for now in told] == list(range(1, 14))
    assert told[-1].counts == COUNTS  # the last one knows what belongs together
    assert run.counts == COUNTS
    new, old = rows["below/new.png"], rows["old.png"]
    assert (new.status, new.num_diff_pixels, new.changes) == ("changed", 6, 1)
    assert new.messages.endswith("It was renamed from old.png, and changed.")
    assert old.messages.endswith("It was renamed to below/new.png, and changed.")
    assert (old.status, old.rename_score) == ("missing", None)
    changes = run.changes()
    assert changes is not None
    assert changes["image_filename"].tolist() == ["below/new.png", "to/named.png"]
    # All differences are between black and white, so the distance is the root of the number of pixels.
    theirs = [differing(page(1), other) for name, other in PAGES["second"].items() if name != "below/new.png"]
    ours = [
        differing(page(1, changed=6), other) for name, other in PAGES["first"].items() if name != "old.png"
    ]
    ink = [differing(each, np.full_like(each, 255)) for each in (page(1), page(1, changed=6))]
    # The gray ones are nearer to white than black is: they are no candidates.
    black_and_white = [count for count in (*theirs, *ours, *ink) if count < SIZE[0] * SIZE[1]]
    assert new.rename_score == pytest.approx(1 - np.sqrt(6 / min(black_and_white)), abs=1e-6)
    assert rows["to/named.png"].rename_score == 0  # its rival is as near: only the name tells them apart


def test_a_long_search_says_what_it_does(
    made: Folders, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "TASK", 1000)  # what takes longer is reported
    for folder, name in ((made.first, "wide-old.png"), (made.second, "wide-new.png")):
        (folder / name).write_bytes(png(np.hstack([page(5)] * 8)))  # alike: a search of another size
    told: list[batch.Progress] = []
    batch.run(*made, **options, store=None, on_progress=told.append)
    rows = [now for now in told if not now.stage]
    assert [now.done for now in rows] == list(range(1, 16))
    assert [(now.done, now.stage) for now in told[14:-1]] == [
        (14, "searching 12 pictures for renamed ones"),
        (14, "comparing renamed pictures, 1 of 2"),
        (14, "comparing renamed pictures, 2 of 2"),
    ]
    assert (told[-1].stage, told[-1].counts["changed"]) == ("", 2)


def test_it_can_be_switched_off(made: Folders, options: Options) -> None:
    (made.second / "moved.png").write_bytes((made.first / "gone.png").read_bytes())
    run = batch.run(*made, **options, store=None, renames=False)
    assert (run.counts["changed"], paired(run)) == (0, {})
    assert not any("renamed" in row.messages for row in by_name(run).values())


def test_a_part_of_the_folders_is_not_searched(made: Folders, options: Options) -> None:
    """A nearer picture may be outside of it."""
    assert paired(batch.run(*made, **options, store=None, stop_at=12)) == {}


def test_no_rule_takes_a_rename(made: Folders, options: Options, tmp_path: Path) -> None:
    """That of two files of the same bytes is a difference, too."""
    rules = Rules((Rule("little", Limits(pixels_per_picture=6)),))
    run = batch.run(*made, **options, store=None, rules=rules)
    new = by_name(run)["below/new.png"]
    assert (new.status, new.verdict, new.px_tolerated) == ("changed", "changed", 6)
    assert new.messages.endswith("It was renamed from old.png, and rules tolerate what changed.")
    assert (run.tolerated, run.counts) == (0, COUNTS)
    text = report.markdown(run.frame(), tmp_path / "summary.md")
    # 13 rows, of which 1 is the same and 2 are old names.
    assert text.startswith("### 10 of 11 pictures differ\n")
    assert "\nRenamed, with the old names among the missing ones: 2 pictures.\n" in text


def test_equal_pixels_are_a_rename_only(made: Folders, options: Options) -> None:
    (made.second / "fresh.png").write_bytes(png(np.dstack([page(2), np.full(SIZE, 255, np.uint8)])))
    row = by_name(batch.run(*made, **options, store=None))["fresh.png"]
    assert (row.status, row.renamed_from, row.rename_score) == ("extra", "gone.png", 1)
    assert row.messages.endswith("It was renamed from gone.png, and its pixels are the same.")


@pytest.mark.parametrize("limit", ["COMPARED", "HELD"])
def test_a_search_that_is_too_large_is_left_out(
    made: Folders, options: Options, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, limit, 1000)
    with pytest.warns(UserWarning, match="12 pictures .* too much time or memory") as warned:
        run = batch.run(*made, **options, store=None)
    assert warned[0].filename == __file__  # the call, and not a place in the package
    assert paired(run) == {}
    manifest = json.loads(run.csv_path.with_suffix(".json").read_text())
    assert manifest["rename_search"].items() >= {"found": 0, "left_out": 12}.items()


def test_a_search_that_fails_ends_no_run(made: Folders, options: Options) -> None:
    class Failing(ThreadPoolExecutor):
        def submit(self, function: Any, /, *arguments: Any, **_: Any) -> Any:
            if function is search.clear:
                raise OSError("there is not enough memory for it")
            return super().submit(function, *arguments)

    with Failing(1) as failing, pytest.warns(UserWarning, match="12 pictures .* their comparison failed"):
        run = batch.run(*made, **options | {"executor": failing}, store=None)
    assert (paired(run), run.counts) == ({}, COUNTS | {"changed": 0, "extra": 7})


class Counting(ThreadPoolExecutor):
    """Has the names of the functions that it was given."""

    def __init__(self) -> None:
        super().__init__(1)
        self.given: list[str] = []

    def submit(self, function: Any, /, *arguments: Any, **_: Any) -> Any:
        self.given.append(function.__name__)
        return super().submit(function, *arguments)


def test_the_store_gives_the_same_rows(made: Folders, options: Options) -> None:
    """Neither is searched again, nor are the files that belong together compared again."""
    options |= {"pictures": "changed"}
    before = batch.run(*made, **options)
    with Counting() as counting:
        again = batch.run(*made, **options | {"executor": counting})
        assert counting.given == []
        assert (again.reused, again.recomputed, again.counts) == (13, {}, COUNTS)
        for one, other in zip(by_name(before).values(), by_name(again).values(), strict=True):
            assert one._replace(seconds=None) == other._replace(seconds=None)
        assert len(again.pictures("below/new.png")) == len(before.pictures("below/new.png")) == 5

        (made.first / "gone.png").unlink()  # a rival: without it, all has to be searched again
        third = batch.run(*made, **options | {"executor": counting})
        assert counting.given == ["clear"]
        assert (paired(third), third.reused, third.recomputed) == (PAIRED, 12, {})


def test_what_belongs_together_only_now_is_compared(made: Folders, options: Options) -> None:
    assert batch.run(*made, **options, renames=False).recomputed == {"new": 13}
    run = batch.run(*made, **options)
    assert (paired(run), run.reused, run.recomputed) == (PAIRED, 11, {"new": 2})
    assert batch.run(*made, **options).reused == 13


def test_a_file_that_changes_meanwhile_is_searched_again(made: Folders, options: Options) -> None:
    class Changing(Counting):
        def submit(self, function: Any, /, *arguments: Any, **more: Any) -> Any:
            if function is search.clear:  # its row has been made
                (made.second / "fresh.png").write_bytes(b"")
            return super().submit(function, *arguments, **more)

    with Changing() as changing:
        assert paired(batch.run(*made, **options | {"executor": changing})) == PAIRED
    (made.second / "fresh.png").write_bytes(png(PAGES["second"]["fresh.png"]))
    with Counting() as counting:
        assert paired(batch.run(*made, **options | {"executor": counting})) == PAIRED
        assert counting.given == ["clear"]


@pytest.mark.parametrize("when", ["during the search", "after it"])
def test_a_stopped_run_finds_them_again(made: Folders, options: Options, when: str) -> None:
    def has_all_rows() -> bool:
        return any(len(results.read(path)) == 13 for path in made.out.glob("*.partial.csv"))

    def stop(now: batch.Progress) -> None:
        assert when == "after it" or now.done < now.total
        if now.done == now.total:
            raise KeyboardInterrupt

    options["pictures"] = "changed"
    cancelled = has_all_rows if when == "during the search" else None
    with pytest.raises(Stopped, match="13 of 13 pictures") as stopped:
        batch.run(*made, **options, store=None, on_progress=stop, cancelled=cancelled)
    resumed = batch.run(*made, **options, store=None, resume=stopped.value.csv_path)
    assert (paired(resumed), resumed.counts) == (PAIRED, COUNTS)
    assert len(resumed.pictures("below/new.png")) == len(resumed.pictures("to/named.png")) == 5
    # What belonged together may no longer do so.
    (made.first / "old.png").write_bytes(png(page(20)))
    again = batch.run(*made, **options, store=None, resume=resumed.csv_path)
    assert paired(again) == {"to/named.png": "from/named.png"}
    assert again.counts == COUNTS | {"changed": 1, "extra": 6}
    assert (again.pictures("below/new.png"), len(again.pictures("to/named.png"))) == ((), 5)


@pytest.mark.parametrize(("columns", "belong"), [(1, True), (3, False)])
def test_what_is_mostly_ground_is_near_by_its_ink(
    tmp_path: Path, options: Options, columns: int, belong: bool
) -> None:
    """Almost all pixels of two drawings on white are equal, whatever they show."""
    made = folders(tmp_path)
    for root, rows in ((made.first, slice(0, 10)), (made.second, slice(1, 11))):
        drawn = np.full((*SIZE, 3), 255, np.uint8)
        drawn[:10, :10] = 0
        drawn[:11, :columns] = 255
        drawn[rows, :columns] = 0
        (root / f"{root.name}.png").write_bytes(png(drawn))
    # Each column has 2 pixels that differ, of 100 drawn ones. The distance is their root: of 2 it is less
    # than one fifth of the distance from an empty picture, and of 6 it is more.
    assert bool(paired(batch.run(*made, **options, store=None))) == belong


def test_drawings_and_pages_show_the_old_file(made: Folders, options: Options, tmp_path: Path) -> None:
    run = batch.run(*made, **options | {"pictures": "changed"}, store=None)
    assert len(run.pictures("below/new.png")) == 5
    frame = run.frame()
    shown = display.folders(frame, run)
    row = frame.set_index("image_filename", drop=False).loc["below/new.png"].to_dict()
    assert shown.of_row(row, "first") == made.first / "old.png"
    assert shown.of_row(row, "second") == made.second / "below" / "new.png"
    rows = ShownRows.of(frame, shown)
    assert rows.path("below/new.png", "first") == made.first / "old.png"
    assert rows.path("old.png", "first") == made.first / "old.png"
    with pytest.raises(display.Absent):
        rows.path("old.png", "second")
    written = report.write(frame, tmp_path / "report")
    kept = [path.read_bytes() for path in written.parent.rglob("*.png")]
    assert (made.first / "old.png").read_bytes() in kept
    assert (made.second / "below" / "new.png").read_bytes() in kept


def test_files_for_build_servers_name_the_old_file(made: Folders, options: Options, tmp_path: Path) -> None:
    frame = batch.run(*made, **options, store=None).frame()
    report.document(frame, tmp_path / "results.json")
    whole = json.loads((tmp_path / "results.json").read_text())
    jsonschema.validate(whole, json.loads(report.SCHEMA.read_text()))
    assert (whole["verdict"], whole["counts"]) == ("different", COUNTS | {"total": 13})
    rows = {row["image_filename"]: row for row in whole["rows"]}
    assert (rows["below/new.png"]["status"], rows["below/new.png"]["renamed_from"]) == ("changed", "old.png")
    assert 0 < rows["below/new.png"]["rename_score"] < 1
    assert (rows["old.png"]["status"], rows["old.png"]["rename_score"]) == ("missing", None)
    sentences = (
        "6 pixels differ (0.25 %) in 1 region. It was renamed from old.png, and changed.",
        "It is only in first. It was renamed to below/new.png, and changed.",
    )
    report.junit(frame, tmp_path / "junit.xml")
    suite = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("13", "2", "0")
    cases = {case.get("name"): case[0] for case in suite.iter("testcase") if len(case)}
    assert [(cases[name].tag, cases[name].get("message")) for name in ("below/new.png", "old.png")] == [
        ("failure", sentences[0]),
        ("skipped", sentences[1]),
    ]
    text = report.markdown(frame, tmp_path / "summary.md", rows=20)
    assert "| changed | 2 |" in text
    for name, sentence in zip(("below/new.png", "old.png"), sentences, strict=True):
        assert f"| <code>{name}</code> | {sentence} |" in text


def test_approving_replaces_the_old_file(made: Folders, options: Options) -> None:
    before = state(made.first)
    frame = batch.run(*made, **options, store=None).frame()
    accept(made, frame, "below/new.png", "to/named.png", "from/named.png")
    plan = triage.plan(frame)
    # The row of an old file that was accepted too is no other picture.
    assert plan.renamed == {old: str(Path(new)) for new, old in PAIRED.items()}
    assert (plan.replace, plan.adopt) == (("below/new.png", "to/named.png"), ())
    assert (plan.remove, plan.refused, plan.count) == ((), {}, 2)
    assert [*plan.effects.values()] == [tuple(f"{old} to {new}" for new, old in PAIRED.items())]
    done = triage.approve(frame, adopt=plan.adopt, remove="accepted")
    assert sorted(done.approved) == ["below/new.png", "from/named.png", "to/named.png"]
    new = state(made.second)
    expected = {name: data for name, data in before.items() if name not in ("old.png", "from/named.png")}
    assert state(made.first) == expected | {name: new[name] for name in PAIRED}
    again = triage.plan(frame)
    assert (sorted(again.already), again.count, again.refused) == (sorted(done.approved), 0, {})
    triage.restore(done)
    assert state(made.first) == before


@pytest.mark.parametrize("why", ["old file changed", "old file gone", "new name taken", "old name is back"])
def test_what_is_no_longer_a_rename_is_left_alone(made: Folders, options: Options, why: str) -> None:
    frame = batch.run(*made, **options, store=None).frame()
    accept(made, frame, "below/new.png")
    if why == "old file changed":
        (made.first / "old.png").write_bytes(png(page(30)))
    elif why == "old file gone":
        (made.first / "old.png").unlink()
    elif why == "new name taken":
        (made.first / "below").mkdir()
        (made.first / "below" / "new.png").write_bytes(png(page(30)))
    else:
        (made.second / "old.png").write_bytes(png(page(30)))
    before = state(made.first)
    done = triage.approve(frame)
    assert (done.approved, list(done.refused)) == ((), ["below/new.png"])
    assert state(made.first) == before


@pytest.mark.parametrize("why", ["second file changed", "wrong ending"])
def test_an_old_file_stays_if_the_new_one_is_refused(made: Folders, options: Options, why: str) -> None:
    """Otherwise first would have neither."""
    new = made.second / "to" / "named.png"
    if why == "wrong ending":
        Image.open(new).save(new, "WEBP", lossless=True)
    frame = batch.run(*made, **options, store=None).frame()
    accept(made, frame, "to/named.png", "from/named.png", "gone.png")
    if why == "second file changed":
        new.write_bytes(png(page(30)))
    before = state(made.first)
    done = triage.approve(frame, remove="accepted")
    assert (done.approved, sorted(done.refused)) == (("gone.png",), ["from/named.png", "to/named.png"])
    assert done.refused["from/named.png"] == "It was renamed to to/named.png, which is refused."
    assert state(made.first) == {name: data for name, data in before.items() if name != "gone.png"}
