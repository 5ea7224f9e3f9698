"""A report under its name at every moment: real processes are killed while they write one."""

import hashlib
import json
import os
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.programs import finished, folders, program, until
from support.report_files import FILES, content, files

from mymodules import batch, errors, report, results
from mymodules.report import page

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")

# Forks where all is ready to be written, so that what takes long, imports and what the page says, is done
# once. Every call that can reach the disk is counted, and each half of what is written, and the process kills
# itself after the n-th. Of an old report and a new one, that which is not in place is written.
KILLED = """
import gc, hashlib, io, itertools, json, os, signal, sys, tempfile, traceback
from pathlib import Path
sys.modules["pyarrow"] = None  # it starts a thread, which a fork would lack
from mymodules import report, results
from mymodules.report import place

os.fsync = lambda number: None  # slow, and a kill of a process loses nothing that it has written
home, kind, target, before = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4]
frame = results.load(next((home / "out").glob("results-*[0-9].csv")))
old, new = frame[:2], frame[1:3]

def write(rows, target):
    report.write(rows, target, embed=target.suffix == ".html")

def shown(target):
    page = target if target.suffix == ".html" else target / "index.html"
    return page.read_bytes()

with tempfile.TemporaryDirectory() as elsewhere:
    write(new, Path(elsewhere) / target.name)
    new_page = shown(Path(elsewhere) / target.name)
if before == "old":
    write(old, target)

def state(folder):
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file()}

left = itertools.count(1)
number = 0

def step():
    if next(left) == number:
        os.kill(os.getpid(), signal.SIGKILL)

def counted(call):
    def instead(*arguments, **options):
        done = call(*arguments, **options)
        step()
        return done
    return instead

class Writer(io.BufferedWriter):
    def write(self, data):
        half = len(data) // 2
        super().write(data[:half])
        self.flush()
        step()
        return half + super().write(data[half:])

whole = io.open
def opened(path, mode="r", *arguments, **options):
    if mode != "wb":
        return whole(path, mode, *arguments, **options)
    step()
    return Writer(io.FileIO(path, "w"))

staging = place.Staging

def staged(target):
    report.check(target, embed=target.suffix == ".html")  # as at its begin: what a killed one left is there
    return staging(target)

class WriteOld(BaseException):
    pass

def old_is_ready(target):
    place.Staging = new_is_ready
    try:
        write(new, target)
    except WriteOld:
        return staged(target)
    os._exit(0)

def new_is_ready(target):
    global number
    gc.disable()
    gc.freeze()
    for number in itertools.count(1):
        pid = os.fork()
        if not pid:
            for name in ("replace", "rename", "unlink", "mkdir", "open", "rmdir"):
                setattr(os, name, counted(getattr(os, name)))
            io.open = opened
            if before == "old" and shown(target) == new_page:
                raise WriteOld
            return staged(target)
        killed = os.WIFSIGNALED(os.waitpid(pid, 0)[1])
        print(json.dumps([killed, state(target.parent)]), flush=True)
        if not killed:
            os._exit(0)

place.Staging = old_is_ready if before == "old" else new_is_ready
try:
    write(old if before == "old" else new, target)
except BaseException:
    traceback.print_exc()
sys.stderr.flush()
os._exit(0)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("project")
    made = folders(home)
    for name, sides in FILES.items():
        for folder, data in zip(made[:2], sides, strict=True):
            (folder / name).parent.mkdir(exist_ok=True)
            if data is not None:
                (folder / name).write_bytes(data)
    with ThreadPoolExecutor(1) as executor:
        batch.run(*made, executor=executor, store=None)
    return home


def loaded(home: Path) -> "results.pd.DataFrame":
    return results.load(next((home / "out").glob("results-*[0-9].csv")))


def state(folder: Path) -> dict[str, str]:
    """What is in each file of a folder, as a digest."""
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files(folder)}


@pytest.mark.parametrize(
    ("name", "before"),
    [
        ("report", "old"),
        ("report", "none"),
        ("report", "empty"),
        ("report.html", "old"),
        ("report.html", "none"),
    ],
)
def test_killed_at_every_step(home: Path, tmp_path: Path, name: str, before: str) -> None:
    frame = loaded(home)
    pristine = tmp_path / "pristine"
    whole = []
    for part in (frame[:2], frame[1:3]):
        pristine.mkdir()
        report.write(part, pristine / name, embed=name.endswith(".html"))
        whole.append(state(pristine))
        shutil.rmtree(pristine)
    old, new = whole
    there = tmp_path / "there"
    there.mkdir()
    if before == "empty":
        (there / name).mkdir()

    code, said, complained = finished(KILLED, [home, name, there / name, before])

    assert (code, complained) == (0, "")
    rounds = [json.loads(line) for line in said.splitlines()]
    assert [killed for killed, _ in rounds] == [True] * (len(rounds) - 1) + [False]
    page = name if name.endswith(".html") else f"{name}/index.html"
    pages = []
    for _, found in rounds:
        shown = found.get(page)
        pages.append(shown)
        if shown is None:
            assert before != "old"
            continue
        expected = old if shown == old[page] else new
        assert expected.items() <= found.items()  # all that it names is there, and whole
    assert set(pages) == {old[page] if before == "old" else None, new[page]}
    # The last one is whole, and nothing else is there: what the killed ones have left is gone.
    assert rounds[-1][1] == (old if before == "old" and pages[-2] == new[page] else new)
    assert len(rounds) > 50


HELD = """
import sys, time
from pathlib import Path
from mymodules import report, results
from mymodules.report import page
frame, target, go = results.load(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
text = page.text

def waits(*arguments, **options):
    print("made", flush=True)
    while not go.exists():
        time.sleep(0.01)
    return text(*arguments, **options)

page.text = waits
report.write(frame[:2], target, embed=target.suffix == ".html")
print("written", flush=True)
"""


def left_beside(target: Path) -> set[str]:
    return {path.name for path in target.parent.iterdir()} - {target.name}


@pytest.mark.parametrize("name", ["report", "report.html"])
def test_what_a_living_process_makes_is_left_alone_and_that_of_a_dead_one_removed(
    home: Path, tmp_path: Path, name: str
) -> None:
    target, go = tmp_path / "there" / name, tmp_path / "go"
    target.parent.mkdir()
    frame, embed = loaded(home), name.endswith(".html")
    csv = next((home / "out").glob("results-*[0-9].csv"))
    with program(HELD, [csv, target, go]) as living, program(HELD, [csv, target, go]) as dying:
        assert (living.line(), dying.line()) == ("made", "made")
        assert len(left_beside(target)) == 2
        os.kill(dying.process.pid, signal.SIGKILL)
        dying.process.wait()
        page = report.write(frame[2:6], target, embed=embed)
        assert len(left_beside(target)) == 1
        assert len(content(page)["rows"]) == 4
        go.touch()
        assert (living.line(), living.finish()[0]) == ("written", 0)
    assert len(content(page)["rows"]) == 2  # the last one wins
    assert left_beside(target) == set()
    whole = tmp_path / "other" / name
    whole.parent.mkdir()
    report.write(frame[:2], whole, embed=embed)
    assert state(target.parent) == state(whole.parent)


AGAIN = """
import sys
from mymodules import report, results
frame = results.load(sys.argv[1])
print("ready", flush=True)
for number in range(8):
    report.write(frame[int(sys.argv[3]) :][:4], sys.argv[2])
"""


def test_of_several_writers_the_last_one_wins_and_is_whole(home: Path, tmp_path: Path) -> None:
    target, frame = tmp_path / "there" / "report", loaded(home)
    target.parent.mkdir()
    csv = next((home / "out").glob("results-*[0-9].csv"))
    with program(AGAIN, [csv, target, 0]) as one, program(AGAIN, [csv, target, 4]) as other:
        assert one.line() == other.line() == "ready"
        with ThreadPoolExecutor(3) as threads:  # and three of this process
            for found in [threads.submit(report.write, frame[2:7], target) for _ in range(9)]:
                found.result()
        for running in (one, other):
            code, _, complained = running.finish()
            assert (code, complained) == (0, "")
    wholes = []
    for number, part in enumerate((frame[0:4], frame[4:8], frame[2:7])):
        (tmp_path / str(number)).mkdir()
        report.write(part, tmp_path / str(number) / "report")
        wholes.append(state(tmp_path / str(number)))
    assert state(target.parent) in wholes


def test_an_interrupt_at_any_step_of_putting_it_in_place_leaves_one_report(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, frame = tmp_path / "report", loaded(home)
    report.write(frame[3:8], path)
    new = state(tmp_path)
    report.write(frame[:5], path)
    old = state(tmp_path)
    replace, seen, number = Path.replace, [], 0
    while new not in seen:
        calls = iter(range(10_000))

        def interrupted(self: Path, target: Path, calls: "object" = calls, at: int = number) -> Path:
            moved = replace(self, target)
            if "report" in target.parts and next(calls) == at:  # type: ignore[call-overload]
                raise KeyboardInterrupt
            return moved

        report.write(frame[:5], path)
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", interrupted)
            with pytest.raises(KeyboardInterrupt):
                report.write(frame[3:8], path)
        found = state(tmp_path)
        page = "report/index.html"
        assert found[page] in (old[page], new[page])
        if found[page] == old[page]:
            assert found == old  # nothing of the new one is left
        else:
            assert new.items() <= found.items()
            break
        number += 1
    assert number > 3
    report.write(frame[3:8], path)
    assert state(tmp_path) == new


def test_what_earlier_versions_have_left_is_removed(home: Path, tmp_path: Path) -> None:
    """Killed ones left folders named by their process; what else is named so is somebody's."""
    path, frame = tmp_path / "report", loaded(home)
    report.write(frame[:2], path)
    dead = 2**22 + 1  # no process has this number
    for left in (f"report.{dead}.old", f"report.{os.getpid()}.tmp"):
        shutil.copytree(path, tmp_path / left)
    (tmp_path / f"report.{os.getpid()}.tmp" / "index.html").unlink()
    for kept in (f"report.{os.getppid()}.tmp", f"other.{dead}.old"):
        shutil.copytree(path, tmp_path / kept)
    mine = tmp_path / f"report.{dead}.tmp"
    mine.mkdir()
    (mine / "notes.txt").write_text("mine", encoding="utf-8")
    report.write(frame[:1], path)
    assert {each.name for each in tmp_path.iterdir()} == {
        *("report", mine.name, f"report.{os.getppid()}.tmp", f"other.{dead}.old")
    }


def test_a_report_of_an_earlier_version_is_replaced(home: Path, tmp_path: Path) -> None:
    """Its deltas were named by the places of their rows."""
    path, frame = tmp_path / "report", loaded(home)
    report.write(frame[:3], path)
    new = state(tmp_path)
    (path / "pictures" / "0.delta.png").write_bytes(b"a delta")
    report.write(frame[:3], path)
    assert state(tmp_path) == new


@pytest.mark.parametrize("part", ["pictures", "values"])
@pytest.mark.parametrize("what", ["file", "link"])
def test_a_part_that_is_no_folder_is_somebody_elses(home: Path, tmp_path: Path, part: str, what: str) -> None:
    path, frame = tmp_path / "report", loaded(home)
    report.write(frame[:2], path)
    shutil.move(path / part, tmp_path / "mine")
    if what == "link":
        (path / part).symlink_to(tmp_path / "mine", target_is_directory=True)
    else:
        (path / part).write_bytes(b"mine")
    before = state(tmp_path)
    with pytest.raises(errors.SettingsError, match=f"{part} in it is not part of a report"):
        report.write(frame[:1], path)
    assert state(tmp_path) == before


def test_what_comes_while_it_is_made_is_not_replaced(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, frame, text = tmp_path / "report", loaded(home), page.text

    def meanwhile(*arguments: object, **options: object) -> str:
        path.mkdir()
        (path / "notes.txt").write_text("mine", encoding="utf-8")
        return text(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(page, "text", meanwhile)
    with pytest.raises(errors.SettingsError, match="a folder of other things"):
        report.write(frame[:1], path)
    assert files(tmp_path) == {"report/notes.txt"}


def test_a_long_name_is_no_obstacle(home: Path, tmp_path: Path) -> None:
    """What stands beside the report meanwhile has a short name of its own."""
    path = tmp_path / ("r" * 250)
    page = report.write(loaded(home)[:1], path)
    assert page.exists()
    until(lambda: [each.name for each in tmp_path.iterdir()] == [path.name], "nothing else is left")
