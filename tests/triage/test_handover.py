"""Decisions that a report hands over as a file: taken, or refused by name. Nothing is believed."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import strategies
from support.programs import Folders
from support.report_decisions import decided
from support.report_files import content
from support.triaged import HOSTILE, accept, compared, state

from mymodules import errors, files, report, triage
from mymodules.triage import Decisions, handover

TIME = "2026-01-02T03:04:05.678Z"


def entry(frame: pd.DataFrame, name: str, decision: str = "accept", **more: Any) -> dict[str, Any]:
    """A decision about a row that was undecided."""
    (row,) = (each for each in triage.rows(frame) if each.name == name)
    about = dict(zip(("name", "first_digest", "second_digest"), row, strict=False))
    made = {**about, "decision": decision, "note": "", "time": TIME}
    return {**made, "decision_before": "", "note_before": "", **more}


def handed(folder: Path, *entries: Any, **more: Any) -> Path:
    """A file of decisions."""
    path = folder / "decisions-20260102-030405.json"
    content = {"format": "mymodules decisions", "version": 1, "run": "20260102-030405", "decisions": entries}
    path.write_text(json.dumps({**content, **more}), encoding="utf-8")
    return path


def held(made: Folders, frame: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """What triage.csv has decided."""
    each = zip(frame["image_filename"], Decisions(made.out).each(frame), strict=True)
    return {name: found for name, found in each if found[0]}


# --- taken -------------------------------------------------------------------------------------------


def test_decisions_are_taken_and_can_be_undone(made: Folders, tmp_path: Path) -> None:
    frame = compared(made)
    late, later = "2026-01-02T05:00:00+01:00", "2026-01-02T04:30:00Z"  # 04:00 and 04:30 in UTC
    path = handed(
        tmp_path,
        entry(frame, "b.png", "reject", note="too dark", time=later),
        entry(frame, "a.png"),
        entry(frame, "gone.png", time=late),
    )
    done = triage.merge(frame, path)
    assert (done.merged, done.unchanged, done.refused) == (("a.png", "b.png", "gone.png"), (), {})
    assert str(done) == "3 decisions taken."
    expected = {"a.png": ("accept", ""), "b.png": ("reject", "too dark"), "gone.png": ("accept", "")}
    assert held(made, frame) == expected
    again = triage.merge(frame, path)
    assert (again.merged, again.unchanged, again.refused) == ((), done.merged, {})
    assert str(again) == "0 decisions taken. 3 had been taken before."
    desk = Decisions(made.out)
    step = desk.undo()
    assert step is not None
    assert [row.name for row in step.rows] == ["b.png"]  # the latest one
    desk.undo()
    assert not desk.can_undo
    assert held(made, frame) == {}


def test_a_decision_is_taken_away(made: Folders, tmp_path: Path) -> None:
    frame = compared(made)
    accept(made, frame, "a.png")
    path = handed(tmp_path, entry(frame, "a.png", "clear", decision_before="accept"))
    assert triage.merge(frame, path).merged == ("a.png",)
    assert held(made, frame) == {}


def test_a_run_is_taken_as_run_and_manifest(made: Folders, tmp_path: Path) -> None:
    frame = compared(made)
    bare = frame.copy()
    bare.attrs = {}
    path = handed(tmp_path, entry(frame, "a.png"))
    with pytest.raises(errors.SettingsError, match="where the pictures are"):
        triage.merge(bare, path)
    assert triage.merge(bare, path, frame.attrs["run"]).merged == ("a.png",)
    away = {**frame.attrs["run"], "out": str(tmp_path / "nowhere")}
    with pytest.raises(errors.SettingsError, match=r"no output folder .*nowhere"):
        triage.merge(frame, path, away)


def test_a_report_of_a_table_with_decisions_has_their_notes(made: Folders, tmp_path: Path) -> None:
    """As the explorer's frame: otherwise its decisions would be refused as decided meanwhile."""
    frame = compared(made)
    desk = Decisions(made.out)
    desk.decide(frame, "accept", "too dark")
    frame["decision"] = desk.state(frame)
    frame.loc[frame["image_filename"] == "b.png", "decision"] = "ignore"  # another word than triage.csv has
    written = {
        each["name"]: (each["decision"], each["note"])
        for each in content(report.write(frame, tmp_path / "report"))["rows"]
    }
    assert (written["a.png"], written["b.png"]) == (("accept", "too dark"), ("ignore", ""))
    page = decided(frame, [("decide", "a.png", "reject", None)], written=written)
    done = triage.merge(frame, page.save(tmp_path))
    assert (done.merged, done.refused) == (("a.png",), {})
    noted = report.write(frame.assign(note="mine"), tmp_path / "noted")
    assert {each["note"] for each in content(noted)["rows"]} == {"mine"}


@pytest.mark.parametrize("words", [("reject", "ignore"), ("reject", "accept"), ("clear",)])
def test_approve_says_what_it_took_from_a_file(made: Folders, tmp_path: Path, words: tuple[str, ...]) -> None:
    frame = compared(made)
    names = ("a.png", "b.png")
    if words == ("clear",):
        accept(made, frame, "a.png")
    entries = [entry(frame, name, word) for name, word in zip(names, words, strict=False)]
    if words == ("clear",):
        entries[0]["decision_before"] = "accept"
    told = str(triage.approve(frame, decisions=handed(tmp_path, *entries)))
    if "accept" in words:
        assert told.startswith("1 picture approved. The old files are in ")
        assert told.endswith(". 2 decisions were taken from the file.")
    else:
        taken = "1 decision was" if len(words) == 1 else "2 decisions were"
        assert told == f"0 pictures approved. {taken} taken from the file, none to accept a picture."


def test_approve_takes_the_file_first(made: Folders, tmp_path: Path) -> None:
    """What the file refuses is not approved either, whatever was decided before."""
    before, second = state(made.first), state(made.second)
    frame = compared(made)
    accept(made, frame, "b.png")
    path = handed(tmp_path, entry(frame, "a.png"), entry(frame, "b.png", "reject"), entry(frame, "gone.png"))
    done = triage.approve(frame, decisions=path)
    assert done.approved == ("a.png",)
    assert "triage.csv has accepted" in done.refused["b.png"]
    assert 'remove="accepted"' in done.refused["gone.png"]
    assert state(made.first) == before | {"a.png": second["a.png"]}
    triage.restore(done)
    assert state(made.first) == before


def test_approve_takes_nothing_where_it_may_not_write(
    made: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = compared(made)
    path = handed(tmp_path, entry(frame, "a.png"))
    monkeypatch.setattr("mymodules.settings._chosen_firsts", set())
    with pytest.raises(errors.SettingsError, match="comes from elsewhere"):
        triage.approve(frame, decisions=path)
    assert held(made, frame) == {}


# --- refused by name ---------------------------------------------------------------------------------


def test_stale_and_unknown_rows_are_refused_by_name_and_the_others_taken(
    made: Folders, tmp_path: Path
) -> None:
    frame = compared(made)
    other = "f" * 32
    path = handed(
        tmp_path,
        entry(frame, "a.png"),
        entry(frame, "b.png", second_digest=other),
        entry(frame, "below/c.png", first_digest=other, second_digest=other),
        {**entry(frame, "same.png"), "name": "unknown.png"},
    )
    done = triage.merge(frame, path)
    assert done.merged == ("a.png",)
    assert list(done.refused) == ["b.png", "below/c.png", "unknown.png"]
    assert "since the report's run, second changed" in done.refused["b.png"]
    assert "first and second changed" in done.refused["below/c.png"]
    assert "no row of this name" in done.refused["unknown.png"]
    assert str(done).splitlines()[:2] == ["1 decision taken.", "3 refused:"]
    assert held(made, frame) == {"a.png": ("accept", "")}


MEANWHILE: dict[str, tuple[tuple[str, str], tuple[str, str], tuple[str, str], bool]] = {
    # what the report showed, what triage.csv has now, what the file says, whether that is refused
    "decided otherwise": (("", ""), ("reject", ""), ("accept", ""), True),
    "decided alike": (("", ""), ("accept", ""), ("accept", ""), False),
    "another note": (("", ""), ("accept", "seen"), ("accept", ""), True),
    "note changed meanwhile": (("accept", ""), ("accept", "seen"), ("reject", ""), True),
    "taken away meanwhile": (("accept", ""), ("", ""), ("reject", ""), True),
    "as the report showed it": (("accept", "seen"), ("accept", "seen"), ("reject", ""), False),
}


@pytest.mark.parametrize("case", MEANWHILE)
def test_what_was_decided_meanwhile_is_never_overwritten(made: Folders, tmp_path: Path, case: str) -> None:
    before, now, wanted, refused = MEANWHILE[case]
    frame = compared(made)
    row = frame[frame["image_filename"] == "a.png"]
    if now[0]:
        Decisions(made.out).decide(row, *now)
    more = {"note": wanted[1], "decision_before": before[0], "note_before": before[1]}
    done = triage.merge(frame, handed(tmp_path, entry(frame, "a.png", wanted[0], **more)))
    assert held(made, frame) == (
        {"a.png": now} if refused and now[0] else {} if refused else {"a.png": wanted}
    )
    assert list(done.refused) == (["a.png"] if refused else [])
    if refused:
        reason = done.refused["a.png"]
        labels = {"accept": "accepted", "reject": "rejected", "": "undecided"}
        assert f"triage.csv has {labels[now[0]]}" in reason
        assert f"the report showed {labels[before[0]]}" in reason
        assert f"the file says {labels[wanted[0]]}" in reason


@pytest.mark.parametrize("word", ["undo", "clear", "reject"])
def test_what_was_taken_back_is_not_taken_again(made: Folders, tmp_path: Path, word: str) -> None:
    frame = compared(made)
    path = handed(tmp_path, entry(frame, "a.png", note="seen"))
    triage.merge(frame, path)
    desk = Decisions(made.out)
    if word == "undo":
        desk.undo()
    else:
        desk.decide(frame[frame["image_filename"] == "a.png"], word)
    after = desk.path.read_bytes()
    done = triage.merge(frame, path)
    assert (done.merged, done.unchanged, list(done.refused)) == ((), (), ["a.png"])
    assert desk.path.read_bytes() == after
    if word != "reject":  # which is a conflict anyway
        assert "taken before and undone or cleared since" in done.refused["a.png"]
        assert "triage.csv has undecided, the file says accepted (seen)" in done.refused["a.png"]
    later = entry(frame, "a.png", note="seen", time=datetime.now(UTC).isoformat())
    later |= {"decision_before": "reject"} if word == "reject" else {}
    assert triage.merge(frame, handed(tmp_path, later)).merged == ("a.png",), "it was decided again"


def test_a_time_that_somebody_has_edited_refuses_nothing(made: Folders, tmp_path: Path) -> None:
    frame = compared(made)
    path = handed(tmp_path, entry(frame, "a.png"))
    triage.merge(frame, path)
    desk = Decisions(made.out)
    lines = desk.path.read_text(encoding="utf-8").splitlines()
    lines[1] = ",".join(["02.01.2026", *lines[1].split(",")[1:]])
    desk.path.write_text("\r\n".join([*lines, ""]), encoding="utf-8")
    desk.undo()
    assert triage.merge(frame, path).merged == ("a.png",)


# --- a file of another form --------------------------------------------------------------------------

Spoil = Callable[[dict[str, Any]], Any]
ENTRIES: dict[str, Spoil] = {
    "is not an object": lambda found: [found],
    "has no note": lambda found: found.pop("note"),
    "unknown key 'more'": lambda found: found.update(more="x"),
    "name is not a text": lambda found: found.update(name=5),
    "its name is empty": lambda found: found.update(name=""),
    "first_digest is not a digest": lambda found: found.update(first_digest="../../etc/passwd"),
    "second_digest is not a digest": lambda found: found.update(second_digest="F" * 32),
    "decision is 'delete'": lambda found: found.update(decision="delete"),
    "decision is 'undo'": lambda found: found.update(decision="undo"),
    "decision_before is 'clear'": lambda found: found.update(decision_before="clear"),
    "time is not ISO 8601": lambda found: found.update(time="yesterday"),
    "with the offset": lambda found: found.update(time="2026-01-02T03:04:05"),
    "note has 31,901 characters": lambda found: found.update(note="x" * 31_901),
    "name has 32,001 characters": lambda found: found.update(name="x" * 32_001),
    "note has a character": lambda found: found.update(note="two\nlines"),
    "name has a character": lambda found: found.update(name="\ud800"),
    "note without a decision": lambda found: found.update(note_before="x"),
    "earlier entry has the same name": lambda found: found.update(name="a.png"),
}


@pytest.mark.parametrize("wrong", ENTRIES)
def test_one_wrong_entry_refuses_the_file_by_name(made: Folders, tmp_path: Path, wrong: str) -> None:
    frame = compared(made)
    spoiled = entry(frame, "b.png")
    instead = ENTRIES[wrong](spoiled)
    spoiled = instead if isinstance(instead, list) else spoiled
    path = handed(tmp_path, entry(frame, "a.png"), spoiled)
    with pytest.raises(errors.ResultsError) as caught:
        triage.merge(frame, path)
    assert f"{path} is not a file of decisions: entry 2" in str(caught.value)
    assert wrong in str(caught.value)
    assert str(caught.value).endswith("Download it from the report again.")
    assert not (made.out / "triage.csv").exists(), "the sound entry is not taken either"


def deep(_: dict[str, Any]) -> str:
    return "[" * 100_000


WHOLE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "cannot be parsed": deep,
    "does not say format": lambda found: found.update(format="other"),
    "its version is not 1 or 2": lambda found: found.update(version=3),
    "its version": lambda found: found.update(version=True),
    "has no run": lambda found: found.pop("run"),
    "unknown key": lambda found: found.update(more=1),
    "not a stamp": lambda found: found.update(run="../20260102-030405"),
    "not a list": lambda found: found.update(decisions={}),
    "a key twice": lambda found: '{"format": "mymodules decisions", "format": "mymodules decisions"}',
    "NaN is not JSON": lambda found: '{"format": NaN}',
    "codec can't decode": lambda found: b"\xff\xfe",
    "it is empty. Download it": lambda found: b"",
}


@pytest.mark.parametrize("wrong", WHOLE)
def test_a_file_of_another_form_is_a_sentence(made: Folders, tmp_path: Path, wrong: str) -> None:
    frame = compared(made)
    path = handed(tmp_path, entry(frame, "a.png"))
    content = json.loads(path.read_text(encoding="utf-8"))
    instead = WHOLE[wrong](content)
    if isinstance(instead, bytes):
        path.write_bytes(instead)
    else:
        plain = instead if isinstance(instead, str) and wrong != "has no run" else json.dumps(content)
        path.write_text(plain, encoding="utf-8")
    with pytest.raises(errors.ResultsError, match="is not a file of decisions") as caught:
        triage.merge(frame, path)
    assert wrong in str(caught.value)
    assert not (made.out / "triage.csv").exists()


def test_a_file_that_is_too_large_or_absent_is_not_read(
    made: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = compared(made)
    path = handed(tmp_path, entry(frame, "a.png"))
    monkeypatch.setattr(handover, "SIZE_LIMIT", path.stat().st_size - 1)
    with pytest.raises(errors.ResultsError, match="is the most"):
        triage.merge(frame, path)
    with pytest.raises(errors.ResultsError) as caught:
        triage.merge(frame, tmp_path / "absent.json")
    advice = "name the file that the report downloaded, decisions-STAMP.json."
    assert str(caught.value) == f"{tmp_path / 'absent.json'} does not exist: {advice}"


def test_a_disk_that_refuses_takes_none(
    made: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even those whose lines were written."""
    frame = compared(made)
    accept(made, frame, "same.png")
    before = (made.out / "triage.csv").read_bytes()

    def half(file: Any, data: bytes) -> None:
        file.write(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    path = handed(tmp_path, entry(frame, "a.png"), entry(frame, "b.png", "reject"))
    monkeypatch.setattr(files, "write_all", half)
    with pytest.raises(errors.OutputError, match="No space left"):
        triage.merge(frame, path)
    assert (made.out / "triage.csv").read_bytes() == before


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = ["name", "first_digest", "second_digest", "decision", "note", "time", "decision_before", "note_before"]
NO_ROWS = pd.DataFrame({"image_filename": [], "first_digest": [], "second_digest": []}, dtype="str")


@settings(max_examples=200, deadline=None)
@given(
    content=st.binary(max_size=40)
    | json_values.map(lambda found: json.dumps(found).encode())
    | st.fixed_dictionaries(
        {
            "format": st.just("mymodules decisions"),
            "version": st.just(1) | json_values,
            "run": st.just("") | json_values,
        }
        | {
            "decisions": st.lists(st.fixed_dictionaries(dict.fromkeys(KEYS, json_values)), max_size=2)
            | json_values
        }
    ).map(lambda found: json.dumps(found).encode())
)
def test_whatever_a_file_holds_the_answer_is_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp()
    path = folder / "decisions.json"
    path.write_bytes(content)
    where = {side: str(folder) for side in ("first", "second", "out")}
    said = ""
    try:
        assert triage.merge(NO_ROWS, path, where).merged == ()
    except errors.ResultsError as error:
        said = str(error)
    assert not said or said.startswith(f"{path} is not a file of decisions: ")
    assert not (folder / "triage.csv").exists()


# --- what the page writes ----------------------------------------------------------------------------

notes = strategies.texts | st.just("") | st.text(max_size=30)
actions = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.sampled_from(["accept", "reject", "ignore", "clear", "undo", "redo"]),
        notes | st.none(),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(names=st.lists(strategies.texts.filter(bool), min_size=5, max_size=5, unique=True), moves=actions)
def test_what_the_page_has_is_what_triage_has_afterwards(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], moves: list[tuple[int, str, str | None]]
) -> None:
    """Round trip: any decisions about rows with any names, through the page's own file."""
    folder = tmp_path_factory.mktemp("handed")
    digests = [f"{place:032x}" for place in range(5)]
    frame = pd.DataFrame({"image_filename": names, "first_digest": digests, "second_digest": digests[::-1]})
    frame.attrs["run"] = {side: str(folder) for side in ("first", "second", "out")}
    done = [
        (word,) if word in ("undo", "redo") else ("decide", names[place], word, note)
        for place, word, note in moves
    ]
    page = decided(frame, done)
    merged = triage.merge(frame, page.save(folder))
    assert merged.refused == {}
    assert len(merged.merged) == page.count
    desk = Decisions(folder)
    assert dict(zip(names, desk.each(frame), strict=True)) == page.in_force
    again = triage.merge(frame, page.save(folder))
    assert (again.merged, again.refused) == ((), {})
    while desk.undo():
        pass
    assert set(desk.each(frame)) == {("", "")}


def test_names_of_every_kind(tmp_path: Path) -> None:
    frame = pd.DataFrame({"image_filename": HOSTILE, "first_digest": "0" * 32, "second_digest": "1" * 32})
    frame.attrs["run"] = {side: str(tmp_path) for side in ("first", "second", "out")}
    page = decided(frame, [("decide", name, "accept", None) for name in HOSTILE])
    assert triage.merge(frame, page.save(tmp_path)).merged == tuple(sorted(HOSTILE))
    assert set(Decisions(tmp_path).state(frame)) == {"accept"}
