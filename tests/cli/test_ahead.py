"""Worker processes that a command starts before it has loaded what a run needs."""

from pathlib import Path

import pytest

from mymodules import processors
from mymodules.batch import warm
from mymodules.cli import ahead
from mymodules.cli.parser import parser


def started(monkeypatch: pytest.MonkeyPatch, *given: object) -> list[int]:
    """How many processes `compare` starts ahead."""
    found: list[int] = []
    monkeypatch.setattr(warm.Processes, "ahead", found.append)
    ahead.start(parser().parse_args(["compare", *map(str, given)]))
    return found


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("first", "second", "out"):
        (tmp_path / name).mkdir()
    (tmp_path / "first" / "a.png").touch()
    return tmp_path / "first", tmp_path / "second"


@pytest.mark.parametrize("processes", [1, 3, 40])
def test_few_start_however_many_there_may_be(
    processes: int, sides: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = started(monkeypatch, *sides, "--out", tmp_path / "out", "--processes", processes)
    assert found == [min(processes, warm.AHEAD)]


def test_the_machine_says_how_many_are_useful(
    sides: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processors, "count", lambda: 2)
    assert started(monkeypatch, *sides, "--out", tmp_path / "out") == [2]


def test_none_start_where_an_earlier_run_may_have_all_rows(
    sides: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    (out / ".store").mkdir()
    assert started(monkeypatch, *sides, "--out", out) == []
    assert started(monkeypatch, *sides, "--out", out, "--store", "other") != []
    assert started(monkeypatch, *sides, "--out", out, "--store", "none") != []
    assert started(monkeypatch, *sides, "--out", out, "--store", "none", "--resume", "last") == []
    assert started(monkeypatch, *sides, "--out", out, "--store", "other", "--store-from", "s3://b/s") == []


def test_none_start_for_what_may_be_refused_or_needs_but_one(
    sides: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = sides
    out = ("--out", tmp_path / "out")
    assert started(monkeypatch, first, second) == []  # which store that means is not known yet
    assert started(monkeypatch, *out) == []
    assert started(monkeypatch, first, tmp_path / "absent", *out) == []
    assert started(monkeypatch, first, second, "--out", "a" * 300) == [min(processors.count(), warm.AHEAD)]
    assert started(monkeypatch, "git:HEAD~1", second, *out) == []
    assert started(monkeypatch, first / "a.png", first / "a.png", *out) == []
    assert started(monkeypatch, first, second, *out, "--dask", "tcp://host:8786") == []
