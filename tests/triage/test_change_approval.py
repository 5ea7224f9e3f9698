"""Pictures are approved whose changes were accepted."""

from argparse import Namespace
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from support.programs import Folders, png
from support.triaged import begun_later, compared, picture, state

from mymodules import results, triage
from mymodules.cli import main
from mymodules.cli.wording import Wording
from mymodules.triage import Decisions, Row


def change(made: Folders, name: str) -> Row:
    """The one change of a page, wherever it stands, from the only run."""
    changes = results.load_changes(made.the("results-*.csv"))
    assert changes is not None
    (signature,) = changes["signature"][changes["image_filename"] == name]
    return Row.anywhere(signature)


def accepted(made: Folders) -> pd.DataFrame:
    """The rows of a run, whose first two pages were accepted by their change."""
    frame = compared(made)
    assert change(made, "a.png") == change(made, "b.png") != change(made, "c.png")
    Decisions(made.out).decide(change(made, "a.png"), "accept")
    return frame


def test_pages_are_approved_whose_change_was_accepted(same_twice: Folders) -> None:
    frame = accepted(same_twice)
    assert triage.plan(frame).replace == ("a.png", "b.png")
    done = triage.approve(frame)
    assert (done.approved, done.refused) == (("a.png", "b.png"), {})
    first, second = state(same_twice.first), state(same_twice.second)
    assert [first[name] == second[name] for name in ("a.png", "b.png", "c.png")] == [True, True, False]


def test_a_page_is_not_approved_that_was_rejected_itself(same_twice: Folders) -> None:
    frame = accepted(same_twice)
    Decisions(same_twice.out).decide(frame.iloc[[1]], "reject")
    assert triage.approve(frame).approved == ("a.png",)


def test_a_change_is_open_again_once_it_is_approved(same_twice: Folders) -> None:
    frame = accepted(same_twice)
    about = change(same_twice, "a.png")
    desk = Decisions(same_twice.out)
    triage.approve(frame.iloc[[0]])
    assert desk.of(about)[0] == "accept"  # b.png still needs it
    assert desk.closed() == {}
    triage.approve(frame)
    assert desk.of(about) == ("", "")
    assert desk.closed() == {about.change: f"{datetime.now():%Y-%m-%d}"}
    for name in ("a.png", "b.png"):  # it comes again
        (same_twice.first / name).write_bytes(picture(10))
    assert triage.approve(compared(same_twice)).approved == ()
    desk.decide(about, "accept")
    assert desk.closed() == {}


def test_a_page_that_nobody_has_seen_is_approved_only_when_asked_for(same_twice: Folders) -> None:
    (same_twice.first / "b.png").unlink()
    compared(same_twice)
    about = change(same_twice, "a.png")
    Decisions(same_twice.out).decide(about, "accept")
    (same_twice.first / "b.png").write_bytes(picture(10))
    later = begun_later(same_twice, compared(same_twice))
    plan = triage.plan(later)
    assert plan.replace == ("a.png",)  # the run in which it was decided had it
    assert [*plan.refused] == ["b.png"]
    assert "Nobody has looked at it" in plan.refused["b.png"]
    assert Wording(Namespace()).typed(plan.refused["b.png"]).endswith("or add --unseen.")
    assert triage.plan(later, unseen=True).replace == ("a.png", "b.png")
    desk = Decisions(same_twice.out)
    desk.decide(triage.rows(later)[1]._replace(change=about.change), "accept")
    assert triage.plan(later).replace == ("a.png", "b.png")
    desk.undo()
    assert triage.approve(later, unseen=True).approved == ("a.png", "b.png")


def test_all_leaves_out_a_page_whose_change_was_rejected(
    same_twice: Folders, capsys: pytest.CaptureFixture[str]
) -> None:
    compared(same_twice)
    Decisions(same_twice.out).decide(change(same_twice, "a.png"), "reject")
    given = ["approve", "--all", "--yes", "--out", str(same_twice.out)]
    assert main(given) == 0
    assert "Left out, 2 pictures rejected or ignored" in capsys.readouterr().out
    assert state(same_twice.first)["a.png"] == picture(10)
    assert state(same_twice.first)["c.png"] == picture(190)


def two_changes(made: Folders, name: str) -> None:
    """A page of two changes, far from each other, one of which a.png may have too."""
    pixels = np.zeros((4, 80, 3), np.uint8)
    (made.first / name).write_bytes(png(pixels))
    pixels[:, :4], pixels[:, 76:] = 100, 200
    (made.second / name).write_bytes(png(pixels))


def test_what_is_not_accepted_says_how_far_it_is(
    same_twice: Folders, capsys: pytest.CaptureFixture[str]
) -> None:
    two_changes(same_twice, "d.png")
    frame = compared(same_twice)
    changes = results.load_changes(same_twice.the("results-*.csv"))
    assert changes is not None
    one, _ = changes["signature"][changes["image_filename"] == "d.png"]
    desk = Decisions(same_twice.out)
    assert triage.plan(frame).standings == {}
    desk.decide(Row.anywhere(one), "accept")
    desk.decide(change(same_twice, "a.png"), "reject")
    desk.decide(change(same_twice, "c.png"), "clear", "approved on 2026-01-02")
    since = f"{datetime.now():%Y-%m-%d}"
    assert triage.plan(frame).standings == {
        "a.png": f"1 of 1, rejected since {since}", "b.png": f"1 of 1, rejected since {since}",
        "c.png": "0 of 1, accepted and approved on 2026-01-02", "d.png": "1 of 2",
    }  # fmt: skip
    desk.decide(triage.rows(frame)[2]._replace(change=change(same_twice, "c.png").change), "reject")
    assert triage.plan(frame).standings["c.png"] == f"1 of 1, rejected since {since}", "on this page only"
    desk.decide(triage.rows(frame)[1]._replace(change=change(same_twice, "a.png").change), "ignore")
    assert triage.plan(frame).standings["b.png"] == "1 of 1", "ignored here, rejected elsewhere"
    desk.decide(frame.iloc[[1, 2]], "ignore")
    assert main(["approve", "--yes", "--out", str(same_twice.out)]) == 0
    line = f"2 pictures not accepted; changes decided: a.png (1 of 1, rejected since {since}), d.png (1 of 2)"
    assert line in capsys.readouterr().out.splitlines()


def test_unseen_is_an_option_of_the_command(
    same_twice: Folders, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(same_twice.out.parent)
    frame = accepted(same_twice)
    begun_later(same_twice, frame)
    given = ["approve", "--yes", "--first", str(same_twice.first), "--out", str(same_twice.out)]
    assert main(given) == 2
    assert "Look at it and accept it, or add --unseen." in capsys.readouterr().out
    assert main([*given, "--unseen"]) == 0
    assert state(same_twice.first)["a.png"] == picture(110)
