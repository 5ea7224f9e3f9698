"""What an approval would change, before anything is changed."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.programs import Folders, png
from support.triaged import accept, compared, state

from mymodules import errors, triage
from mymodules.rules import Limits, Rule, Rules


def everything(made: Folders, **options: Any) -> pd.DataFrame:
    """A run of which everything is accepted."""
    frame = compared(made, **options)
    accept(made, frame, *frame["image_filename"])
    return frame


def test_a_plan_names_what_is_replaced_adopted_and_removed(made: Folders) -> None:
    before = state(made.first)
    frame = everything(made)
    found = triage.plan(frame)
    assert (found.first, found.count) == (made.first, 5)
    assert found.replace == ("a.png", "b.png", "below/c.png")
    assert (found.adopt, found.remove) == (("new/new.png",), ("gone.png",))
    assert list(found.refused) == ["broken.png"]
    assert state(made.first) == before
    done = triage.approve(frame, remove="accepted")
    assert sorted(done.approved) == sorted([*found.replace, *found.adopt, *found.remove])
    assert done.refused == found.refused


def test_what_is_named_is_approved_whatever_was_decided(made: Folders) -> None:
    frame = compared(made)
    named = {"replace": ["a.png", "gone.png"], "adopt": "new/new.png", "remove": ["b.png"]}
    found = triage.plan(frame, **named)
    assert (found.replace, found.adopt, found.remove) == (("a.png",), ("new/new.png",), ())
    assert found.refused == {
        "gone.png": "It cannot be replaced: it is not a changed picture.",
        "b.png": "It cannot be removed: it is not only in first.",
    }
    done = triage.approve(frame, **named)
    assert (sorted(done.approved), done.refused) == (["a.png", "new/new.png"], found.refused)


def test_what_rules_tolerate_stays_unless_it_is_named(made: Folders) -> None:
    before, second = state(made.first), state(made.second)
    faint = Limits(largest=190)  # the levels of the three are 10 to 12, and 200 to 202
    frame = everything(made, rules=Rules((Rule("faint", faint, ("a.png", "below/*")),)))
    found = triage.plan(frame, replace="below/c.png", adopt=(), remove=())
    assert (found.replace, found.tolerated) == (("b.png", "below/c.png"), ("a.png",))
    assert "a.png" not in found.refused
    done = triage.approve(frame, adopt=())
    assert (done.approved, done.tolerated) == (("b.png",), ("a.png", "below/c.png"))
    assert "1 picture approved. 2 pictures that rules tolerate stayed." in str(done)
    assert state(made.first) == before | {"b.png": second["b.png"]}
    again = triage.approve(frame, adopt=())
    assert (again.approved, again.already, again.tolerated) == ((), ("b.png",), done.tolerated)
    assert triage.plan(frame, adopt=(), tolerated=True).replace == ("a.png", "below/c.png")
    assert triage.approve(frame, adopt=(), tolerated=True).tolerated == ()
    assert state(made.first)["a.png"] == second["a.png"]


def test_a_renamed_picture_gets_its_name_although_rules_tolerate_how_it_differs(made: Folders) -> None:
    drawn = np.random.default_rng(1).integers(0, 200, (80, 90, 3)).astype(np.uint8)
    (made.first / "old.png").write_bytes(png(drawn))
    drawn[9, 9] += 3
    (made.second / "newer.png").write_bytes(png(drawn))
    frame = everything(made, rules=Rules((Rule("faint", Limits(largest=3)),)))
    found = triage.plan(frame)
    assert (found.renamed, found.tolerated) == ({"old.png": "newer.png"}, ())


def test_a_plan_sees_files_that_came_and_went(made: Folders) -> None:
    frame = everything(made)
    (made.second / "a.png").unlink()
    (made.second / "gone.png").write_bytes(b"")
    found = triage.plan(frame)
    assert found.replace == ("b.png", "below/c.png")
    assert found.remove == ()
    assert "It is now in first" in found.refused["a.png"]
    assert "It is now in first and second" in found.refused["gone.png"]


def test_what_was_approved_before_needs_nothing(made: Folders) -> None:
    frame = everything(made)
    done = triage.approve(frame, remove="accepted")
    after = state(made.first)
    again = triage.plan(frame)
    assert (again.count, again.replace, again.adopt, again.remove) == (0, (), (), ())
    assert sorted(again.already) == sorted(done.approved)
    assert again.refused == done.refused
    repeated = triage.approve(frame, remove="accepted")
    assert (repeated.folder, repeated.approved, repeated.already) == (None, (), again.already)
    assert str(repeated).startswith("0 pictures approved. 5 pictures needed nothing.\n1 picture refused:")
    assert state(made.first) == after
    (made.first / "a.png").write_bytes(
        (made.second / "a.png").read_bytes()[::-1]
    )  # as large, and another one
    assert triage.plan(frame).replace == ("a.png",)


def test_nothing_accepted_is_nothing_to_do(made: Folders) -> None:
    found = triage.plan(compared(made))
    assert (found.count, found.replace, found.refused) == (0, (), {})


PARTIAL: dict[str, dict[str, Any]] = {
    "did not finish": {"complete": False},
    "left out pictures": {"skip_until": 2},
    "left out pictures (skip or stop)": {"stop_at": 5},
}


@pytest.mark.parametrize("reason", PARTIAL)
def test_a_run_that_did_not_see_everything_removes_nothing(made: Folders, reason: str) -> None:
    """Neither planned, nor named, nor accepted."""
    before = state(made.first)
    frame = everything(made)
    frame.attrs["run"] |= PARTIAL[reason]
    found = triage.plan(frame)
    assert found.remove == ()
    assert reason in found.refused["gone.png"]
    assert found.adopt == ("new/new.png",)
    for named in ((), ("gone.png",), "accepted"):
        done = triage.approve(frame.query("status == 'missing'"), remove=named)
        assert done.approved == ()
        assert reason in done.refused["gone.png"]
    assert state(made.first) == before


def test_a_plan_for_folders_from_elsewhere_needs_first_to_be_named(
    made: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = everything(made)
    monkeypatch.setattr("mymodules.settings._chosen_firsts", set())
    with pytest.raises(errors.SettingsError, match=r"triage.approve\(frame, first=...\)"):
        triage.plan(frame)
    assert triage.plan(frame, first=made.first).count == 5


def test_progress_counts_every_step(made: Folders) -> None:
    frame = everything(made)
    seen: list[tuple[int, int]] = []
    done = triage.approve(frame, adopt=(), on_progress=lambda *steps: seen.append(steps))
    assert done.approved == ("a.png", "b.png", "below/c.png")
    assert seen == [(number, 6) for number in range(1, 7)]  # kept, then replaced
    seen.clear()
    triage.restore(done, on_progress=lambda *steps: seen.append(steps))
    assert seen == [(number, 3) for number in range(1, 4)]
