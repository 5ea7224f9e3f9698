"""A store whose writers are killed at any moment: nothing that was saved is lost, nothing is half there."""

import os
import random
import time
from pathlib import Path

import pytest
from support import store_writer, stores
from support.programs import program

from mymodules import files
from mymodules.store import NOW, DiffStore

KILLS = 5
TESTS = Path(__file__).parents[1]
WRITE = "import sys; from pathlib import Path; from support import store_writer\n"
WRITE += "store_writer.write(Path(sys.argv[1]), int(sys.argv[2]))"


def killed(root: Path, step: int, rng: random.Random) -> int:
    """Let a writer go on from a step, kill it at some moment; returns the step after the last saved one."""
    with program(WRITE, [root, step], python_path=TESTS) as writer:
        assert writer.line() == "open", writer.finish()
        for _ in range(rng.randrange(4)):
            assert writer.line() == str(step), writer.finish()
            step += 1
        time.sleep(rng.random() * 0.02)  # a moment that nothing in the writer decides
        writer.process.kill()
        reported = writer.finish()[1].split()
    return int(reported[-1]) + 1 if reported else step


def test_what_was_saved_survives_kills(tmp_path: Path) -> None:
    rng, step = random.Random(7), 0
    root = tmp_path / "store"
    with DiffStore(root) as reading:
        for _ in range(KILLS):
            after = killed(root, step, rng)
            for saved in range(after):
                store_writer.check(reading, saved, saved=True)
            store_writer.check(reading, after, saved=False)
            store_writer.check_file(root)
            step = after
    with DiffStore(root) as again:
        for saved in range(step):
            store_writer.check(again, saved, saved=True)


def test_a_killed_writer_holds_up_no_other_one(tmp_path: Path) -> None:
    root = tmp_path / "store"
    with (
        program(WRITE, [root, 0], python_path=TESTS) as one,
        program(WRITE, [root, 500], python_path=TESTS) as other,
    ):
        assert one.line() == other.line() == "open"
        one.line()
        one.process.kill()
        reported = [int(other.line()) for _ in range(5)]
        assert reported == list(range(500, 505))
        other.process.kill()
    with DiffStore(root) as opened:
        store_writer.check(opened, 0, saved=True)
        for step in reported:
            store_writer.check(opened, step, saved=True)
    store_writer.check_file(root)


FETCH = """
import sys
from mymodules.store import NOW, DiffStore
from support import stores
pictures = stores.some(20)
store = DiffStore(sys.argv[1], source=sys.argv[2])
print("open", flush=True)
store.warm_diffs(NOW, pictures, pictures)
store.wait()
print("done", flush=True)
"""


def test_two_processes_fetch_and_compare_into_one_store(tmp_path: Path) -> None:
    pictures = stores.some(20)
    source = stores.folder(tmp_path / "source", pictures)
    root = tmp_path / "store"
    with (
        program(FETCH, [root, source], python_path=TESTS) as one,
        program(FETCH, [root, source], python_path=TESTS) as other,
    ):
        for each in (one, other):
            code, said, complained = each.finish()
            assert (code, said.split(), complained) == (0, ["open", "done"], "")
    with DiffStore(root) as opened:  # without a source: all of it is here
        main, *rights = pictures
        assert opened.get(NOW, main, rights) == {
            right: stores.figures(pictures, main, right) for right in rights
        }
        assert opened.unavailable_digests() == {}
    store_writer.check_file(root)


def test_half_written_copies_are_swept_away(tmp_path: Path) -> None:
    with DiffStore(tmp_path) as opened:
        left = opened.root / "incoming" / f"{stores.opaque('left')}.123.456"
        left.write_bytes(b"half")
        fresh = opened.root / "incoming" / f"{stores.opaque('fresh')}.123.456"
        fresh.write_bytes(b"of a process that is writing it")
    os.utime(left, (1, 1))
    DiffStore(tmp_path).close()
    assert list(left.parent.iterdir()) == [fresh]


def test_files_of_the_user_are_never_swept_away(tmp_path: Path) -> None:
    digest = stores.opaque("mine")
    names = ["holiday.jpg", f"{digest}.png", digest, f"{digest}.1", f"{digest}.1.x", f"a{digest}.1.2"]
    (tmp_path / "incoming").mkdir()
    for name in names:
        (tmp_path / "incoming" / name).write_bytes(b"mine")
        os.utime(tmp_path / "incoming" / name, (1, 1))
    DiffStore(tmp_path).close()
    assert sorted(path.name for path in (tmp_path / "incoming").iterdir()) == sorted(names)


@pytest.mark.parametrize("what", ["records", "copies"])
def test_a_full_disk_costs_no_answer(
    tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pictures = stores.some(100)
    main, *rights = pictures
    with DiffStore(tmp_path / "store", source=pictures.get, pause=0) as opened:
        if what == "records":
            opened.records.file._writer.execute("PRAGMA max_page_count = 1")  # database or disk is full
        else:
            monkeypatch.setattr(files, "create", _full)
        assert len(opened.get(NOW, main, rights)) == len(rights)
    assert "full" in caplog.text or "No space" in caplog.text


def _full(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")
