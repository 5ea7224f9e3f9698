"""How many processors a run takes by default."""

import os
from pathlib import Path

import pytest

from mymodules import processors


@pytest.fixture
def limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A process that may run on 8 processors, and where its container's limits are."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(processors, "_LIMITS", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [("max 100000", 8), ("250000 100000", 3), ("1000 100000", 1), ("1600000 100000", 8), ("nonsense", 8)],
)
def test_a_container_gets_the_time_of_fewer(text: str, expected: int, limits: Path) -> None:
    (limits / "cpu.max").write_text(f"{text}\n")
    assert processors.count() == expected


@pytest.mark.parametrize(("quota", "expected"), [("-1", 8), ("150000", 2)])
def test_an_older_kind_of_container(quota: str, expected: int, limits: Path) -> None:
    (limits / "cpu").mkdir()
    (limits / "cpu" / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (limits / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert processors.count() == expected


def test_without_a_container(limits: Path) -> None:
    assert processors.count() == 8


def test_where_a_process_cannot_be_restricted(limits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert processors.count() == 5
