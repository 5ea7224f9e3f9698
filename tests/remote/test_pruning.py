"""Copies that nobody uses any more are removed, and nothing else in the cache is."""

import json
import math
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.fetched import compared, fetched, picture, tree
from support.odd_system import OddSystem

from mymodules import remote, report, results
from mymodules.errors import SettingsError
from mymodules.locks import Lock
from mymodules.remote import copies, pruning
from mymodules.remote.copies import beside
from mymodules.settings import SUFFIXES

DAY = 86_400


def age(folder: Path, days: float, found: float = 2) -> None:
    """Make a copy one that was used so many days ago, and was found unused so many days ago."""
    beside(folder, "unused").touch()
    for path, ago in ((folder, days), (beside(folder, "json"), days), (beside(folder, "unused"), found)):
        if path.exists():
            moment = time.time() - ago * DAY
            os.utime(path, (moment, moment))


def names(cache: Path) -> set[str]:
    return {path.name for path in cache.iterdir()} - {"key", "content"}


def contents(cache: Path) -> int:
    return sum(path.is_file() for path in (cache / "content").rglob("*"))


@pytest.fixture
def old(odd: type[OddSystem], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy that an earlier process made, 31 days ago; one of its two pictures is also elsewhere."""
    odd.files |= {"old/a.png": picture(1), "old/deep/b.png": picture(2), "top/a.png": picture(1)}
    folder = fetched("odd://old")
    age(folder, 31)
    monkeypatch.setattr(copies, "_urls", {})
    monkeypatch.setattr(copies, "_asked", set())
    return folder


def test_a_copy_that_was_not_used_is_removed_with_all_that_only_it_has(
    old: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = fetched("odd://top")
    assert names(cache) == {folder.name, f"{folder.name}.json", f"{folder.name}.lines"}
    assert contents(cache) == 1
    assert tree(folder) == {"a.png": picture(1)}
    assert "The copy of odd://old was not used for 30 days, and is removed." in capsys.readouterr().out
    assert tree(fetched("odd://old")) == {"a.png": picture(1), "deep/b.png": picture(2)}


def test_a_copy_that_was_used_stays(old: Path) -> None:
    age(old, 29)
    fetched("odd://top")
    assert len(tree(old)) == 2


def test_a_clock_that_was_ahead_keeps_nothing_for_ever(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has no ``follow_symlinks`` there."""
    age(old, -400)
    utime = os.utime
    monkeypatch.setattr(os, "utime", lambda path, times=None: utime(path, times))
    fetched("odd://top")
    assert len(tree(old)) == 2
    assert old.stat().st_mtime <= time.time()
    assert beside(old, "json").stat().st_mtime <= time.time()


@pytest.mark.parametrize("found", [0.5, -400, 32], ids=["today", "ahead", "before its use"])
def test_a_clock_that_is_ahead_removes_nothing_at_once(found: float, old: Path, cache: Path) -> None:
    age(old, 31, found)
    fetched("odd://top")
    assert len(tree(old)) == 2
    mark = beside(old, "unused").stat().st_mtime
    assert time.time() - mark == pytest.approx(DAY / 2 if found == 0.5 else 0, abs=60)
    age(old, 31, 1.1)
    pruning.prune(cache, (), math.inf)
    assert not old.exists()


def test_a_use_ends_what_was_found_before_it(old: Path) -> None:
    """As if the clock were ahead once more."""
    remote.note_use(old)
    for path in (old, beside(old, "json")):
        os.utime(path, (time.time() - 31 * DAY,) * 2)
    fetched("odd://top")
    assert len(tree(old)) == 2


def test_the_least_recently_used_go_if_copies_have_too_many_bytes(
    odd: type[OddSystem], cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Contents count once: a and b are alike, so that the removal of one of them frees nothing."""
    alike, other = picture(1), picture(2)
    given = {"a": 12, "b": 11, "c": 10, "d": 9, "e": 8, "f": 6.5}
    odd.files |= {f"{name}/x.png": alike if name in "ab" else other + name.encode() for name in given}
    made = {name: fetched(f"odd://{name}") for name in given}
    for name, days in given.items():
        age(made[name], days)
    beside(made["e"], "unused").unlink()
    copies._urls.clear()
    odd.files["top/x.png"] = other + b"t"
    bytes_ = len(alike) + 5 * (len(other) + 1)
    monkeypatch.setenv(pruning.VARIABLE, repr(bytes_ / 1e9))
    fetched("odd://top")
    assert [name for name in given if made[name].exists()] == [*given]
    walked, contents_of = [], pruning._contents
    monkeypatch.setattr(pruning, "_contents", lambda folder: walked.append(folder) or contents_of(folder))
    monkeypatch.setenv(pruning.VARIABLE, repr((bytes_ - 1) / 1e9))
    fetched("odd://top")
    assert [name for name in given if made[name].exists()] == ["c", "d", "e", "f"]
    assert "The copy of odd://b is removed, as all copies have more than" in capsys.readouterr().out
    assert len(walked) == len(given) + 1, "each once"
    copies._urls.pop(made["d"], None)
    remote.place("odd://c", Path.cwd())
    monkeypatch.setenv(pruning.VARIABLE, "0")
    fetched("odd://top")
    assert [name for name in given if made[name].exists()] == ["c", "e", "f"], "in use, or perhaps"
    age(made["e"], 8, 1.1)
    fetched("odd://top")
    assert [name for name in given if made[name].exists()] == ["c", "f"]
    walked.clear()
    fetched("odd://top")
    assert not walked, "nothing may go"


def test_what_another_process_has_just_removed_makes_room_as_well(
    odd: type[OddSystem], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd.files |= {f"{name}/x.png": picture(1) + name.encode() for name in "ab"}
    made = [fetched(f"odd://{name}") for name in "ab"]
    for folder, days in zip(made, (12, 11), strict=True):
        age(folder, days)
    remove = pruning._remove
    monkeypatch.setattr(pruning, "_remove", lambda *given: (remove(*given), remove(*given))[1])
    pruning.prune(cache, (), len(picture(1)) + 1)
    assert [folder.exists() for folder in made] == [False, True]


def test_what_others_keep_there_counts_for_nothing_and_fails_nothing(
    old: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cache / "folder.json").mkdir()
    (cache / f"{'x' * 250}.json").write_text("{}")
    huge = old.with_name("huge")
    beside(huge, "json").write_text(json.dumps({"copy": "huge", "url": "odd://huge", "bytes": 10**400}))
    (cache / "theirs.json").write_text("{}")
    theirs = cache / "theirs"
    theirs.mkdir()
    (theirs / "x").write_bytes(bytes(1000))
    beside(old, "lines").write_text("[" * 100_000)
    for folder in (old, theirs):
        age(folder, 8)
    beside(theirs, "unused").unlink()
    os.utime(theirs, (time.time() + DAY,) * 2)
    monkeypatch.setenv(pruning.VARIABLE, repr((len(picture(1)) + len(picture(2))) / 1e9))
    fetched("odd://top")
    assert len(tree(old)) == 2
    assert theirs.stat().st_mtime > time.time()
    monkeypatch.setenv(pruning.VARIABLE, "0")
    fetched("odd://top")
    assert not old.exists()
    assert {name for name in names(cache) if name.startswith("theirs")} == {"theirs", "theirs.json"}


@pytest.mark.parametrize("given", ["many", "-1", "nan"])
def test_a_bound_that_is_none_is_named(
    given: str, odd: type[OddSystem], monkeypatch: pytest.MonkeyPatch
) -> None:
    odd.files["top/a.png"] = picture(1)
    monkeypatch.setenv(pruning.VARIABLE, given)
    with pytest.raises(SettingsError, match=f"MYMODULES_CACHE_GB is '{given}': it must be a number of GB"):
        fetched("odd://top")
    assert odd.read == []


def used_by_its_url(old: Path, tmp_path: Path) -> None:
    fetched("odd://old")


def used_as_a_folder(old: Path, tmp_path: Path) -> None:
    """As a process that resumes a run of another one does."""
    compared(old, tmp_path / "second", tmp_path / "out")


def used_by_who_looks(old: Path, tmp_path: Path) -> None:
    frame = results.load(compared(old, tmp_path / "second", tmp_path / "out").csv_path)
    age(old, 31)
    report.write(frame, tmp_path / "report")


@pytest.mark.parametrize("use", [used_by_its_url, used_as_a_folder, used_by_who_looks])
def test_a_run_or_a_look_is_a_use(use: Callable[[Path, Path], None], old: Path, tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "a.png").write_bytes(picture(1))
    use(old, tmp_path)
    moment = time.time() - 31 * DAY
    os.utime(beside(old, "json"), (moment, moment))
    copies._urls.clear()
    fetched("odd://top")
    assert len(tree(old)) == 2


def test_what_another_process_fetches_stays(old: Path) -> None:
    with Lock(beside(old, "lock"), old):
        fetched("odd://top")
        assert len(tree(old)) == 2
    remote.fetch(fetched("odd://top"), SUFFIXES, again=True)
    assert not old.exists()


def test_what_this_process_has_named_stays(old: Path) -> None:
    """Second may be fetched after first, and then what is left of it counts."""
    remote.place("odd://old", Path.cwd())
    fetched("odd://top")
    assert len(tree(old)) == 2


def not_ours(old: Path) -> None:
    beside(old, "json").write_text('{"copy": "another", "url": "odd://old"}')


def no_record(old: Path) -> None:
    beside(old, "json").unlink()


def damaged(old: Path) -> None:
    beside(old, "json").write_text("[" * 100_000)


def of_results(old: Path) -> None:
    """The variable names the folder ``out`` of the cache, where they may not have been sent yet."""
    beside(old, "json").write_text(json.dumps({"copy": old.name, "url": "odd://old", "out": True}))


def without_lines(old: Path) -> None:
    beside(old, "lines").unlink()


def linked(old: Path) -> None:
    elsewhere = old.rename(old.parents[1] / "elsewhere")
    old.symlink_to(elsewhere)


@pytest.mark.parametrize("how", [not_ours, no_record, damaged, of_results, without_lines, linked])
def test_what_is_not_certainly_a_copy_stays(how: Callable[[Path], None], old: Path) -> None:
    how(old)
    age(old, 31)
    fetched("odd://top")
    assert len(tree(Path(os.path.realpath(old)))) == 2


def test_lines_of_others_lead_to_no_file_outside(
    old: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cache may come from somewhere else, such as the one that a build server keeps."""
    theirs = tmp_path / "theirs"
    theirs.write_text("dear")
    line = {"name": "a.png", "size": 1, "facts": {}, "here": None}
    digests = [str(theirs), "../../../theirs", "..", 5]
    beside(old, "lines").write_text(
        "\n".join(json.dumps({**line, "name": str(digest), "digest": digest}) for digest in digests)
    )
    beside(old, "json").write_text(json.dumps({"copy": old.name, "url": "odd://\x1b[31m"}))
    age(old, 31)
    pruning.prune(cache, (), math.inf)
    assert not old.exists()
    assert theirs.read_text() == "dear"
    assert "\x1b" not in capsys.readouterr().out


def test_a_copy_that_another_process_has_removed_is_fetched_again(old: Path) -> None:
    """As in a notebook that is left open between `settings.init` and the run."""
    folder = fetched("odd://top")
    shutil.rmtree(folder)
    remote.fetch(folder, SUFFIXES, run=True)
    assert tree(folder) == {"a.png": picture(1)}


@pytest.mark.parametrize("left", [["json"], ["json", "lines"]])
def test_a_removal_that_ended_before_its_last_file_goes_on(left: list[str], old: Path, cache: Path) -> None:
    shutil.rmtree(old)
    for ending in {"json", "lines"} - set(left):
        beside(old, ending).unlink()
    pruning.prune(cache, (), math.inf)
    assert not [name for name in names(cache) if not name.endswith(".lock")]


def test_a_removal_that_was_interrupted_goes_on(
    old: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(pruning.shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            pruning.prune(cache, (), math.inf)
    assert not old.exists(), "nobody takes a part of it for the copy"
    fetched("odd://top")
    assert not [name for name in names(cache) if "old" in name]
    assert contents(cache) == 1
