"""Nothing is left half done: real processes are killed while they decide, approve and restore."""

import itertools
import json
import os
import re
import signal
from functools import partial
from pathlib import Path

import pytest
from support.programs import Folders, finished, noisy, program, until
from support.triaged import compared, picture

from mymodules import images, triage
from mymodules.triage import Decisions, Row

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")

# Forks, so that what takes long, the imports, is done once. Every call that can reach the disk is counted,
# and the process kills itself after the n-th: behind an open, the file is empty then.
KILLED = """
import io, itertools, json, os, shutil, signal, sys
from pathlib import Path
sys.modules["pyarrow"] = None  # it starts a thread, which a fork would lack
from mymodules import results, triage

home, mode = Path(sys.argv[1]), sys.argv[2]
os.fsync = lambda number: None  # slow, and a kill of a process loses nothing that it has written
frame = results.load(next((home / "out").glob("results-*[0-9].csv")))
frame.attrs["run"]["out"] = str(home / "out")

def state(folder):
    return {os.fsdecode(os.path.relpath(path, folder)): path.read_bytes().hex()
            for path in sorted(folder.rglob("*")) if path.is_file()}

def killed_at(number, work):
    left = itertools.count(1)
    def counted(call):
        def instead(*arguments, **options):
            done = call(*arguments, **options)
            if next(left) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return done
        return instead
    pid = os.fork()
    if not pid:
        for name in ("fsync", "replace", "unlink", "mkdir", "open", "chmod", "rmdir"):
            setattr(os, name, counted(getattr(os, name)))
        io.open = counted(io.open)
        work()
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])

def approve():
    done = triage.approve(frame, first=home / "first", adopt=["new.png"], remove=["gone.png"])
    assert len(done.approved) == 4, done.refused

def decide_about_changes():
    desk = triage.Decisions(home / "out")
    desk.decide([triage.Row.anywhere("a" * 24), triage.Row("a.png", "", "", "b" * 24)], "reject")

if mode == "decide":
    path = home / "out" / "triage.csv"
    before = path.read_bytes()
    for number in itertools.count(1):
        path.write_bytes(before)
        killed = killed_at(number, decide_about_changes)
        about = triage.Row.anywhere("a" * 24), triage.Row("a.png", "", "", "b" * 24)
        words = [word for word, _ in triage.Decisions(home / "out").each(about)]
        kept = triage.Decisions(home / "out").state(frame).tolist()
        print(json.dumps([killed, words, kept]), flush=True)
        if not killed:
            break
    sys.exit()

for number in itertools.count(1):
    if mode == "approve":
        killed = killed_at(number, approve)
    else:
        approve()
        (folder,) = (home / "out").glob("approved-*")
        killed = killed_at(number, lambda: triage.restore(folder, first=home / "first"))
    then = state(home / "first")
    refused = {}
    for folder in (home / "out").glob("approved-*"):
        if (folder / "approved.json").exists():  # else nothing was changed
            refused |= triage.restore(folder, first=home / "first").refused
        shutil.rmtree(folder)
    print(json.dumps([killed, then, state(home / "first"), refused]), flush=True)
    if not killed:
        break
"""


@pytest.mark.parametrize("mode", ["approve", "restore"])
def test_killed_at_every_step(mode: str, tmp_path: Path) -> None:
    for side, level in (("first", 10), ("second", 200)):
        (tmp_path / side).mkdir()
        for number, name in enumerate((b"a.png", b"b\n\xff.png")):
            (tmp_path / side / os.fsdecode(name)).write_bytes(picture(level + number))
    (tmp_path / "first" / "gone.png").write_bytes(picture(50))
    (tmp_path / "second" / "new.png").write_bytes(picture(60))
    (tmp_path / "out").mkdir()
    frame = compared(Folders(*(tmp_path / name for name in ("first", "second", "out"))))
    Decisions(tmp_path / "out").decide(frame[frame["status"] == "changed"], "accept")
    old = {path.name: path.read_bytes().hex() for path in (tmp_path / "first").iterdir()}
    new = {path.name: path.read_bytes().hex() for path in (tmp_path / "second").iterdir()}

    code, said, complained = finished(KILLED, [tmp_path, mode])

    assert (code, complained) == (0, "")
    rounds = [json.loads(line) for line in said.splitlines()]
    assert [killed for killed, *_ in rounds] == [True] * (len(rounds) - 1) + [False]
    seen = set()
    for _, then, after, refused in rounds:
        pictures = {name: data for name, data in then.items() if not name.startswith(".")}
        for name in old.keys() | new.keys():
            assert pictures.get(name) in (old.get(name), new.get(name))
        assert pictures.keys() <= old.keys() | new.keys()
        seen.add(json.dumps(pictures, sort_keys=True))
        assert (after, refused) == (old, {})  # nothing is left beside them, either
    assert len(seen) == 5  # none, one, two, three and all of them: every kind of half was there
    assert len(rounds) > 20


def test_killed_while_the_column_comes(tmp_path: Path) -> None:
    """The file is the old one or the new one: what was decided holds, and the step is in it or is not."""
    made = noisy(tmp_path, 2, 8)
    Decisions(made.out).decide(compared(made), "accept", "é")
    code, said, complained = finished(KILLED, [tmp_path, "decide"])
    assert (code, complained) == (0, "")
    rounds = [json.loads(line) for line in said.splitlines()]
    assert [killed for killed, *_ in rounds] == [True] * (len(rounds) - 1) + [False]
    assert len(rounds) > 5
    assert all(kept == ["accept", "accept"] for _, _, kept in rounds)
    found = [words for _, words, _ in rounds]
    assert found[0] == ["", ""]
    assert found[-1] == ["reject", "reject"]
    assert all(words in (["", ""], ["reject", "reject"]) for words in found)


def is_more(out: Path, pattern: str, before: set[Path]) -> bool:
    return bool(set(out.glob(pattern)) - before)


def test_killed_from_outside_and_approved_again(tmp_path: Path) -> None:
    """Large files, a process of its own from the start, and no restore in between."""
    made = noisy(tmp_path, 12, 400)
    frame = compared(made)
    Decisions(made.out).decide(frame, "accept")
    ends = {row.name: {row.first_digest, row.second_digest} for row in triage.rows(frame)}
    code = (
        "import sys\nfrom mymodules import results, triage\nframe = results.load(sys.argv[1])\n"
        "print('ready', flush=True)\ndone = triage.approve(frame, first=sys.argv[2])\n"
        "print(len(done.approved), flush=True)"
    )
    for pattern in ("approved-*/first/03.png", "approved-*/approved.json"):
        before = set(made.out.glob(pattern))
        with program(code, [made.the("results-*[0-9].csv"), made.first]) as running:
            assert running.line() == "ready"
            until(partial(is_more, made.out, pattern, before), pattern)
            running.process.kill()
            running.process.wait()
        for name, either in ends.items():
            assert images.digest(made.first / name) in either
    triage.approve(frame)
    for name in ends:
        assert (made.first / name).read_bytes() == (made.second / name).read_bytes()
    assert not list(made.first.glob(".*")), "what the killed ones left is removed"
    for manifest in sorted(made.out.glob("approved-*/approved.json"), reverse=True):
        assert triage.restore(manifest.parent).refused == {}
    assert compared(made)["first_digest"].tolist() == frame["first_digest"].tolist()
    assert len(list(made.first.iterdir())) == len(ends)


HALF_PLACED = """
import os, sys
from pathlib import Path
from mymodules import results, triage
frame = results.load(sys.argv[1])
replace = Path.replace
def killed(source, target):
    if source.name.startswith("."):
        os._exit(9)
    return replace(source, target)
Path.replace = killed
triage.approve(frame, first=sys.argv[2])
"""


def test_what_a_killed_approval_left_is_removed_by_the_next(tmp_path: Path) -> None:
    made = noisy(tmp_path, 1, 8)
    frame = compared(made)
    Decisions(made.out).decide(frame, "accept")
    (made.first / ".mine.tmp").write_bytes(b"of somebody else")
    assert finished(HALF_PLACED, [made.the("results-*[0-9].csv"), made.first])[0] == 9
    assert len(list(made.first.glob(".approved-*.tmp"))) == 1
    assert len(triage.approve(frame).approved) == 1
    assert [path.name for path in made.first.glob(".*")] == [".mine.tmp"]


DECIDING = """
import sys
from mymodules.triage import Decisions, Row
decided = Decisions(sys.argv[1])
print("ready", flush=True)
for number in range(int(sys.argv[3])):
    name = f"{sys.argv[2]} {number} " + "x" * 300
    signature = f"{number:024x}" if number >= 3 else ""
    about = [Row(name + part, "1" * 32, "2" * 32, signature) for part in "abc"]
    decided.decide(about, "accept", "é" * 200)
    print(number, flush=True)
"""  # the fourth step is the first about changes, with which the file gets a column


def about(name: str, number: int, part: str) -> Row:
    """What one of those steps was about."""
    signature = f"{number:024x}" if number >= 3 else ""
    return Row(f"{name} {number} {'x' * 300}{part}", "1" * 32, "2" * 32, signature)


def test_two_that_decide_at_once_tear_no_line(tmp_path: Path) -> None:
    count = 40
    with (
        program(DECIDING, [tmp_path, "one", count]) as one,
        program(DECIDING, [tmp_path, "two", count]) as two,
    ):
        for running in (one, two):
            assert running.line() == "ready"
        for _ in range(count):
            assert one.line()
            assert two.line()
        assert one.finish()[0] == two.finish()[0] == 0
    lines = (tmp_path / "triage.csv").read_bytes().splitlines()
    decisions_ = [line for line in lines if b",accept," in line]
    assert len(decisions_) == 2 * 3 * count == len(set(decisions_))
    assert all(re.search(rb"\xc3\xa9,([0-9a-f]{24})?$", line) for line in decisions_)
    decided = Decisions(tmp_path)
    for name, number, part in itertools.product(("one", "two"), range(count), "abc"):
        assert decided.of(about(name, number, part))[0] == "accept"
    steps = 0
    while step := decided.undo():
        assert len(step.rows) == 3
        steps += 1
    assert steps == 2 * count


def test_what_was_decided_survives_a_kill(tmp_path: Path) -> None:
    with program(DECIDING, [tmp_path, "one", 10_000]) as running:
        assert running.line() == "ready"
        running.until_done(5)
        os.kill(running.process.pid, signal.SIGKILL)
        running.process.wait()
    decided = Decisions(tmp_path)
    for number in range(6):
        assert decided.of(about("one", number, "c"))[0] == "accept"
    decided.decide(Row("next.png", "", ""), "reject")
    assert Decisions(tmp_path).of(Row("next.png", "", "")) == ("reject", "")
