"""Decisions about changes: they hold wherever the change stands, and decide rows."""

import itertools
import threading
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.changed import Listed, signature, tables

from mymodules import looks
from mymodules.errors import OutputError, SettingsError
from mymodules.regions import Region
from mymodules.triage import Decisions, Row, rows

WORD, LOGO = signature("word"), signature("logo")
A, B = (Row(f"{letter}.png", "a" * 32, "b" * 32) for letter in "ab")
BOX = Region(0, 0, 100, 100)
COLUMNS = "time,name,first_digest,second_digest,decision,note"


def listed(page: str, *names: str) -> list[Listed]:
    return [Listed(page, name, BOX) for name in names]


def decisions(out: Path, frame: pd.DataFrame, changes: pd.DataFrame) -> list[tuple[str, str]]:
    """What holds for each row, and how far it is decided, as a process reads it that comes later."""
    return [(each.decision, str(each)) for each in Decisions(out).standings(frame, changes)]


def test_a_change_is_decided_wherever_it_stands(tmp_path: Path) -> None:
    run = tables([*listed("a.png", "word"), *listed("b.png", "word", "logo")])
    desk = Decisions(tmp_path)
    desk.decide(Row.anywhere(WORD), "accept", "as agreed")
    assert decisions(tmp_path, *run) == [("accept", "1 of 1"), ("", "1 of 2")]
    later = tables(listed("new.png", "word"))
    assert decisions(tmp_path, *later) == [("accept", "1 of 1")]
    desk.undo()
    assert decisions(tmp_path, *run) == [("", "0 of 1"), ("", "0 of 2")]
    desk.redo()
    desk.decide(Row.anywhere(LOGO), "ignore")
    assert decisions(tmp_path, *run) == [("accept", "1 of 1"), ("accept", "2 of 2")]


def test_the_row_goes_before_its_change_and_that_before_the_class(tmp_path: Path) -> None:
    run = tables([*listed("a.png", "word"), *listed("b.png", "word")])
    assert rows(run[0]) == [A, B]
    desk = Decisions(tmp_path)
    desk.decide(Row.anywhere(WORD), "accept")
    desk.decide(B._replace(change=WORD), "reject")
    assert [word for word, _ in decisions(tmp_path, *run)] == ["accept", "reject"]
    desk.decide(B, "ignore", "ours")
    assert Decisions(tmp_path).standings(*run)[1][:2] == ("ignore", "ours")
    assert [each.own for each in Decisions(tmp_path).standings(*run)] == [False, True]
    for row in (B, B._replace(change=WORD), Row.anywhere(WORD)):
        desk.decide(row, "clear")
    assert [word for word, _ in decisions(tmp_path, *run)] == ["", ""]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("accept accept", "accept"), ("accept ignore", "accept"), ("ignore ignore", "ignore"),
        ("accept reject", "reject"), ("reject", "reject"), ("accept", ""), ("ignore", ""), ("", ""),
    ],
)  # fmt: skip
def test_what_follows_for_a_row_of_two_changes(tmp_path: Path, words: str, expected: str) -> None:
    run = tables(listed("a.png", "word", "logo"))
    for word, change in zip(words.split(), (WORD, LOGO), strict=False):
        Decisions(tmp_path).decide(Row.anywhere(change), word)
    assert decisions(tmp_path, *run) == [(expected, f"{len(words.split())} of 2")]


def test_what_rules_have_taken_need_not_be_decided(tmp_path: Path) -> None:
    clock = Listed("a.png", "clock", BOX, rules='["clock"]')
    run = tables([*listed("a.png", "word"), clock])
    assert decisions(tmp_path, *run) == [("", "1 of 2")]
    Decisions(tmp_path).decide(Row.anywhere(WORD), "accept")
    assert decisions(tmp_path, *run) == [("accept", "2 of 2")]
    assert decisions(tmp_path, *tables([clock])) == [("", "1 of 1")]


def test_only_rows_whose_changes_are_all_listed_are_decided_by_them(tmp_path: Path) -> None:
    frame, changes = tables([*listed("a.png", "word", "logo"), *listed("b.png", "word")])
    frame.loc[1, "status"] = "error"
    for change in (WORD, LOGO):
        Decisions(tmp_path).decide(Row.anywhere(change), "accept")
    assert decisions(tmp_path, frame, changes) == [("accept", "2 of 2"), ("", "")]
    assert decisions(tmp_path, frame, changes.drop(index=1)) == [("", ""), ("", "")]


def test_a_second_run_shows_only_what_is_new(tmp_path: Path) -> None:
    frame, changes = tables([*listed("a.png", "word"), *listed("b.png", "logo")])
    desk = Decisions(tmp_path)
    assert desk.decided_changes(frame, changes) == set()
    desk.decide(Row.anywhere(WORD), "reject")
    desk.decide(B, "accept")
    assert looks.plan(frame, changes=changes, decided=desk.decided_changes(frame, changes)).looks == ()
    frame, changes = tables([*listed("c.png", "word"), *listed("d.png", "logo")])
    plan = looks.plan(frame, changes=changes, decided=desk.decided_changes(frame, changes))
    assert list(plan.classes) == [LOGO]


CLASSES = [signature(name) for name in "nopq"]
pages = st.dictionaries(st.sampled_from("abc"), st.sets(st.sampled_from("nopq"), min_size=1), min_size=1)
words = st.lists(st.sampled_from(["accept", "reject", "ignore", "clear"]), min_size=4, max_size=4)


@given(pages, words, st.permutations(range(4)))
def test_classes_decided_in_any_order_give_the_same_rows(
    tmp_path_factory: pytest.TempPathFactory, on: dict[str, set[str]], decided: list[str], order: list[int]
) -> None:
    run = tables(each for page, names in on.items() for each in listed(page, *sorted(names)))
    one, other = (tmp_path_factory.mktemp("out") for _ in range(2))
    Decisions(one).decide_each(
        ([Row.anywhere(each)], word, "") for each, word in zip(CLASSES, decided, strict=True)
    )
    for number in order:
        Decisions(other).decide(Row.anywhere(CLASSES[number]), decided[number])
    found = decisions(one, *run)
    assert found == decisions(other, *run)
    held = {name: "" if word == "clear" else word for name, word in zip("nopq", decided, strict=True)}
    for names, (decision, told) in zip(on.values(), found, strict=True):
        words = {held[name] for name in names}
        assert told == f"{sum(bool(held[name]) for name in names)} of {len(names)}"
        assert decision == (
            "reject"
            if "reject" in words
            else ""
            if "" in words
            else "accept"
            if "accept" in words
            else "ignore"
        )


# --- the file ----------------------------------------------------------------------------------------


def test_the_first_decision_about_a_change_gives_every_line_the_column(tmp_path: Path) -> None:
    desk = Decisions(tmp_path)
    desk.decide(A, "accept", 'as "agreed", yes')
    desk.undo()
    path = tmp_path / "triage.csv"
    assert path.read_text("utf-8-sig").splitlines()[0] == COLUMNS
    desk.decide([Row.anywhere(WORD), B._replace(change=WORD)], "reject")
    desk.decide(B, "ignore")
    table = pd.read_csv(path, encoding="utf-8-sig", keep_default_na=False, dtype=str)
    assert ",".join(table.columns) == f"{COLUMNS},change"
    assert table["name"].tolist() == ["a.png", "a.png", "", "b.png", "b.png"]
    assert table["change"].tolist() == ["", "", WORD, WORD, ""]
    assert table["note"].tolist()[0] == 'as "agreed", yes'
    assert {line.count(",") - line.count(", ") for line in path.read_text("utf-8-sig").splitlines()} == {6}
    for reader in (desk, Decisions(tmp_path)):
        assert [reader.of(row)[0] for row in (A, B, Row.anywhere(WORD))] == ["", "ignore", "reject"]
        assert reader.can_redo is False
    assert [each.name for each in tmp_path.iterdir()] == ["triage.csv"]


def test_what_holds_stays_when_the_column_comes(tmp_path: Path) -> None:
    """A file of any state: with other columns, stray lines, or a last line that was cut anywhere."""
    desk = Decisions(tmp_path)
    desk.decide(A, "accept", 'é "quoted, note')
    desk.decide(B, "reject", 'another, "quoted')
    path = tmp_path / "triage.csv"
    whole = path.read_bytes()
    states = [whole[:end] for end in range(whole.index(b"\n") - 3, len(whole), 5)]
    lines = whole.decode("utf-8-sig").splitlines()
    states.append(
        "\n".join([f"{lines[0]},by", f"{lines[1]},me", 'stray " quote', f"{lines[2]},you", ""]).encode()
    )
    for state in states:
        path.write_bytes(state)
        before = [Decisions(tmp_path).of(row) for row in (A, B)]
        Decisions(tmp_path).decide(Row.anywhere(WORD), "accept")
        assert [Decisions(tmp_path).of(row) for row in (A, B, Row.anywhere(WORD))] == [
            *before,
            ("accept", ""),
        ]
        Decisions(tmp_path).undo()
        assert [Decisions(tmp_path).of(row) for row in (A, B, Row.anywhere(WORD))] == [*before, ("", "")]


def test_a_line_that_was_cut_never_decides_more_than_it_said(tmp_path: Path) -> None:
    desk = Decisions(tmp_path)
    desk.decide(Row.anywhere(LOGO), "ignore")
    size = desk.path.stat().st_size
    desk.decide(A._replace(change=WORD), "accept", 'a "quoted", note')
    whole = desk.path.read_bytes()
    for end in range(size, len(whole)):
        desk.path.write_bytes(whole[:end])
        for _ in range(2):  # as it was left, and after another line
            for row in (A, Row("a.png", "a" * 32, ""), Row.anywhere(WORD), Row("", "", "")):
                assert Decisions(tmp_path).of(row) == ("", "")
            assert Decisions(tmp_path).of(Row.anywhere(LOGO))[0] == "ignore"
            Decisions(tmp_path).decide(B, "reject")
            assert Decisions(tmp_path).of(B)[0] == "reject"


def test_nothing_is_lost_when_the_column_comes_while_others_decide(tmp_path: Path) -> None:
    for number in range(5):
        out = tmp_path / str(number)
        out.mkdir()
        Decisions(out).decide(Row("old.png", "", ""), "accept")
        begin = threading.Barrier(4)

        def decide(name: str, out: Path = out, begin: threading.Barrier = begin) -> None:
            desk = Decisions(out)
            begin.wait(30)
            for place in range(5):
                desk.decide(Row(f"{name} {place}.png", "", "", WORD if place == 2 else ""), "accept")

        threads = [threading.Thread(target=decide, args=[name]) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        desk = Decisions(out)
        assert desk.of(Row("old.png", "", ""))[0] == "accept"
        for name, place in itertools.product("abcd", range(5)):
            assert desk.of(Row(f"{name} {place}.png", "", "", WORD if place == 2 else ""))[0] == "accept"


def test_what_cannot_be_replaced_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Decisions(tmp_path)
    desk.decide(A, "accept")
    data = desk.path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OutputError, match=r"triage\.csv.*No space left"):
            desk.decide(Row.anywhere(WORD), "accept")
    assert desk.path.read_bytes() == data
    assert [each.name for each in tmp_path.iterdir()] == ["triage.csv"]


def test_what_is_no_signature_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"'=1\+1' is not the signature of a change"):
        Decisions(tmp_path).decide(Row.anywhere("=1+1"), "accept")
    assert not (tmp_path / "triage.csv").exists()
