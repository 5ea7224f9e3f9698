"""What another computer decided counts as made in view of a run only if that run was there by then."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.far_system import Far, computer, fresh
from support.sent_runs import LATER, put, run_of
from support.sent_runs import STAMP as RUN

from mymodules.remote.copies import beside
from mymodules.results import exchange
from mymodules.triage import Decisions
from mymodules.triage.accepted import unopened

SIGNATURE = "0" * 24
HEADER = "time,name,first_digest,second_digest,decision,note,change"
FRAME = pd.DataFrame(
    [["a.png", "1" * 32, "2" * 32, "changed", 1]],
    columns=["image_filename", "first_digest", "second_digest", "status", "changes"],
)
CHANGES = {"image_filename": ["a.png"], "signature": [SIGNATURE]}
STAMP = "20260101-100000-123456789"
BEGUN = datetime(2026, 1, 1, 10, tzinfo=UTC)
SENT = BEGUN + timedelta(minutes=5)
AHEAD = "20260301-000000-123456789"


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> type[Far]:
    monkeypatch.setattr(exchange, "show_decisions", lambda out: None)
    return fresh()


def unseen(out: Path, decided: datetime, name: str) -> bool:
    """Return whether nobody has seen the row, if its class was accepted at this time in this file."""
    out.mkdir(exist_ok=True)
    lines = HEADER, f"{decided.isoformat()},,,,accept,,{SIGNATURE}"
    csv = out / f"results-{STAMP}.csv"
    csv.touch()
    os.utime(csv, ((BEGUN + timedelta(seconds=30)).timestamp(),) * 2)  # where the run ended, or came
    (out / name).write_text("\ufeff" + "".join(f"{each}\r\n" for each in lines), "utf-8", newline="")
    desk = Decisions(out)
    found = desk.standings(FRAME, CHANGES)
    assert [each.decision for each in found] == ["accept"]
    return bool(unopened(desk, FRAME, CHANGES, found, STAMP))


@pytest.mark.parametrize(
    ("name", "minutes", "is_unseen"),
    [
        ("triage.csv", -1, True),
        ("triage.csv", 1, False),  # who ran it may look at it before it is sent
        ("triage.00000000000000aa.csv", 1, True),
        ("triage.00000000000000aa.csv", 6, False),
        ("triage.00000000000000aa.csv", 60 * 24 * 365 * 900, True),  # a time that goes before another one
    ],
)
def test_a_run_is_seen_elsewhere_from_its_sending_on(
    name: str, minutes: int, is_unseen: bool, far: type[Far], tmp_path: Path
) -> None:
    with computer("one", f"far://{tmp_path}/there", tmp_path) as out:
        beside(out, "sent").write_text(f"{STAMP} {SENT.isoformat()}\n", "ascii")
        assert unseen(out, BEGUN + timedelta(minutes=minutes), name) == is_unseen


@pytest.mark.parametrize("noted", ["", f"{STAMP}\n", f"{STAMP} 2026-0"])
def test_a_run_that_was_not_sent_is_seen_here_only(noted: str, far: type[Far], tmp_path: Path) -> None:
    with computer("one", f"far://{tmp_path}/there", tmp_path) as out:
        beside(out, "sent").write_text(noted, "ascii")
        later = SENT + timedelta(hours=1)
        assert unseen(out, later, "triage.00000000000000aa.csv")
        assert not unseen(out, later, "triage.csv")


def test_a_folder_without_a_url_has_its_runs_from_their_beginning_on(tmp_path: Path) -> None:
    assert not unseen(tmp_path, BEGUN + timedelta(minutes=1), "triage.00000000000000aa.csv")


@pytest.mark.parametrize("ahead", [3600.0, -3600.0, 4e8, -4e9])
def test_it_is_noted_when_a_run_was_there(ahead: float, far: type[Far], tmp_path: Path) -> None:
    """Of several clocks the latest counts, so that nothing counts as seen before it was there.

    One that is far ahead does not, nor any that is later than when a run came.
    """
    info = far.info

    def skewed(self: Far, path: Any, **options: Any) -> Any:
        found = info(self, path, **options)
        return found | {"mtime": found["mtime"] + ahead}

    far.info = skewed  # type: ignore[method-assign]
    url, before, server = f"far://{tmp_path}/there", datetime.now(UTC), timedelta(seconds=ahead)
    with computer("one", url, tmp_path) as out:
        put(out, run_of(seconds=90.5) | run_of(LATER, b"other") | run_of(AHEAD, b"more", seconds=9e8))
        assert exchange.exchange(out) == ""
        sent = exchange.sent_at(out) or {}
        assert {*sent} == {RUN, LATER, AHEAD}
        shift = server if ahead == 3600.0 else timedelta(0)
        slack = timedelta(seconds=3)  # that of the server's times is in whole seconds
        assert all(before <= each - shift <= datetime.now(UTC) + slack for each in sent.values())
    with computer("other", url, tmp_path) as out:
        exchange.exchange(out)
        come, ended = exchange.sent_at(out) or {}, datetime(2026, 1, 1, 0, 1, 30, 500_000, UTC)
        if abs(ahead) > 1e6:
            assert come[RUN] == ended
        else:
            earliest = before + min(server, timedelta(0))
            assert earliest <= come[RUN] <= datetime.now(UTC) + min(server, timedelta(0)) + slack
        for stamp in (LATER, AHEAD):  # one does not say how long it took, the other one ended years from now
            assert before <= come[stamp] <= datetime.now(UTC)
    assert exchange.sent_at(tmp_path) is None
