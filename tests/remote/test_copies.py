"""A URL as first or second: the copy, what is fetched again, and what a run makes of it."""

import json
import os
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import pytest
from support.fetched import cells, compared, fetched, picture, tree
from support.odd_system import OddSystem
from support.programs import Folders, finished, mixed

from mymodules import batch, cli, remote, settings
from mymodules.errors import SettingsError
from mymodules.remote import copies, fetching


def upload(system: fsspec.AbstractFileSystem, folder: Path, top: str) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            system.pipe(f"{top}/{path.relative_to(folder).as_posix()}", path.read_bytes())


def zipped(folder: Path, to: Path) -> Path:
    with zipfile.ZipFile(to, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return to


def with_oddities(at: Path) -> Folders:
    given = mixed(at)
    for folder in given[:2]:
        (folder / "notes.txt").write_text("no picture")
        (folder / ".hidden").mkdir()
        (folder / ".hidden" / "a.png").write_bytes(picture(1))
        (folder / "like.png").mkdir()
        (folder / "like.png" / "inner.PNG").write_bytes(picture(2))
        (folder / "empty.png").write_bytes(b"")
        (folder / 'quoted " & <b> %41.png').write_bytes(picture(3))
    return given


@pytest.mark.parametrize("kind", ["memory", "zip"])
def test_a_run_on_urls_has_the_rows_of_a_run_on_folders(kind: str, tmp_path: Path) -> None:
    given = with_oddities(tmp_path)
    if kind == "memory":
        memory = fsspec.filesystem("memory")
        memory.store.clear()
        for folder in given[:2]:
            upload(memory, folder, f"/{folder.name}")
        urls = ["memory://first", "memory://second"]
    else:
        urls = [f"zip://{zipped(folder, tmp_path / f'{folder.name}.zip')}" for folder in given[:2]]
    local, far = compared(*given), compared(*urls, tmp_path / "far")
    assert cells(far) == cells(local)
    one, other = (run.frame().attrs["run"] for run in (local, far))
    assert one["left_out"] == other["left_out"]
    assert one["left_out_names"] == other["left_out_names"]


def test_one_side_may_be_a_folder(tmp_path: Path, odd: type[OddSystem]) -> None:
    given = mixed(tmp_path)
    for path in given.second.rglob("*.png"):
        odd.files[f"top/{path.relative_to(given.second).as_posix()}"] = path.read_bytes()
    assert compared(given.first, "odd://top", tmp_path / "far").counts == compared(*given).counts


# --- what is fetched again ---------------------------------------------------------------------------


def test_only_what_changed_is_fetched_and_what_is_gone_is_removed(
    odd: type[OddSystem], capsys: pytest.CaptureFixture[str]
) -> None:
    odd.files |= {
        f"top/{name}": picture(number) for number, name in enumerate(("a.png", "b/c.png", "d/e/f.png"))
    }
    folder = fetched("odd://top")
    assert sorted(odd.read) == ["a.png", "b/c.png", "d/e/f.png"]
    odd.read.clear()
    odd.files["top/a.png"] = picture(9)
    del odd.files["top/d/e/f.png"]
    assert fetched("odd://top/") == folder
    assert odd.read == ["a.png"]
    assert tree(folder) == {"a.png": picture(9), "b/c.png": picture(1)}
    assert sorted(path.name for path in folder.iterdir()) == ["a.png", "b"], "no empty folder stays"
    assert ": 1 of 2 pictures fetched, 1 as before, by etag or checksum;" in capsys.readouterr().out


def test_a_folder_and_a_picture_may_change_places(odd: type[OddSystem]) -> None:
    odd.files["top/a.png/b.png"] = picture(1)
    folder = fetched("odd://top")
    del odd.files["top/a.png/b.png"]
    odd.files["top/a.png"] = picture(2)
    assert tree(fetched("odd://top")) == {"a.png": picture(2)}
    del odd.files["top/a.png"]
    odd.files["top/a.png/b.png"] = picture(1)
    fetched("odd://top")
    assert tree(folder) == {"a.png/b.png": picture(1)}


def test_what_was_changed_here_is_fetched_again(odd: type[OddSystem]) -> None:
    odd.files |= {"top/a.png": picture(1), "top/b.png": picture(2)}
    folder = fetched("odd://top")
    (folder / "a.png").write_bytes(picture(7))
    (folder / "b.png").unlink()
    (folder / "own.png").symlink_to(folder / "a.png")
    assert tree(fetched("odd://top")) == {"a.png": picture(1), "b.png": picture(2)}


def test_without_checksum_and_time_all_is_fetched_and_that_is_said(
    odd: type[OddSystem], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(odd, "sums", False)
    odd.files["top/a.png"] = picture(1)
    fetched("odd://top")
    fetched("odd://top")
    assert odd.read == ["a.png", "a.png"]
    said = "all of them again the next time, as the server tells neither checksum nor a time that is past"
    assert said in capsys.readouterr().out


def test_an_archive_that_was_replaced_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for level in (1, 2):
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr("deep/a.png", picture(level))
        monkeypatch.chdir(tmp_path)
        assert tree(fetched("zip://a.zip")) == {"deep/a.png": picture(level)}
    assert tree(fetched(f"zip://deep::{tmp_path / 'a.zip'}")) == {"a.png": picture(2)}


def test_a_content_is_stored_once(odd: type[OddSystem], cache: Path) -> None:
    odd.files |= {"top/a.png": picture(1), "top/b.png": picture(1), "other/c.png": picture(1)}
    top, other = fetched("odd://top"), fetched("odd://other")
    numbers = {path.stat().st_ino for path in (top / "a.png", top / "b.png", other / "c.png")}
    assert len(numbers) == 1
    odd.files |= {"top/a.png": picture(2), "other/c.png": picture(2)}
    del odd.files["top/b.png"]
    fetched("odd://top"), fetched("odd://other")
    assert (top / "a.png").read_bytes() == (other / "c.png").read_bytes() == picture(2)
    assert [path.read_bytes() for path in (cache / "content").rglob("*") if path.is_file()] == [picture(2)]


def test_a_content_that_was_changed_here_is_not_taken(odd: type[OddSystem]) -> None:
    odd.files["top/a.png"] = picture(1)
    (fetched("odd://top") / "a.png").write_bytes(picture(7))
    odd.files["other/a.png"] = picture(1)
    assert tree(fetched("odd://other")) == {"a.png": picture(1)}


def test_without_links_each_file_is_its_own(odd: type[OddSystem], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    odd.files |= {"top/a.png": picture(1), "top/b.png": picture(1)}
    assert tree(fetched("odd://top")) == {"a.png": picture(1), "b.png": picture(1)}


# --- failures, time limits, other processes ----------------------------------------------------------


def test_after_a_failure_only_the_rest_is_fetched(
    odd: type[OddSystem], monkeypatch: pytest.MonkeyPatch
) -> None:
    odd.files |= {f"top/{number:02}.png": picture(number) for number in range(40)}
    down = {f"{number:02}.png" for number in range(10, 40)}

    def fail(name: str) -> None:
        if name in down:
            raise ConnectionResetError

    monkeypatch.setattr(odd, "on_read", fail)
    with pytest.raises(
        SettingsError, match=r"the server fails \(ConnectionResetError\).*what was fetched is kept"
    ):
        fetched("odd://top")
    down.clear()
    odd.read.clear()
    folder = fetched("odd://top")
    # A call of the first fetch may still end, and be noted twice; its answer goes nowhere.
    assert {*odd.read} == {f"{number:02}.png" for number in range(10, 40)}
    assert len(tree(folder)) == 40


def test_one_picture_that_the_server_cannot_give_is_a_row(
    odd: type[OddSystem], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd.files |= {f"{top}/{name}.png": picture(1) for top in ("top", "other") for name in "abc"}

    def fail(name: str) -> None:
        if name == "b.png":
            raise TimeoutError

    monkeypatch.setattr(odd, "on_read", fail)
    frame = compared("odd://top", "odd://other", tmp_path / "out").frame().set_index("image_filename")
    assert frame["code"].to_dict() == {"a.png": "bytes_equal", "b.png": "permission", "c.png": "bytes_equal"}
    assert "b.png in first was not fetched: the server fails (TimeoutError)." in frame["messages"]["b.png"]
    assert odd.read.count("b.png") == 5, "TRIES"


KILLED = """
import os, sys, threading, time
from pathlib import Path
from fsspec.implementations.zip import ZipFileSystem
from mymodules import remote
from mymodules.remote import asking
url, left = sys.argv[1], int(sys.argv[2])
asking.AT_ONCE = 1
get, lock = ZipFileSystem.get_file, threading.Lock()
def counted(*args, **named):
    global left
    with lock:
        left -= 1
        if left < 0:
            record = folder.with_name(folder.name + ".lines")
            while record.read_bytes().count(b"digest") < int(sys.argv[2]):
                time.sleep(0.01)
            os._exit(9)
        print(args[1], flush=True)
    return get(*args, **named)
ZipFileSystem.get_file = counted
folder = remote.place(url, Path.cwd())
remote.fetch(folder, (".png",))
"""


def archive_of(count: int, at: Path) -> str:
    with zipfile.ZipFile(at / "a.zip", "w") as archive:
        for number in range(count):
            archive.writestr(f"{number}.png", picture(number))
    return f"zip://{at / 'a.zip'}"


def test_a_killed_process_leaves_what_it_fetched(tmp_path: Path) -> None:
    url = archive_of(9, tmp_path)
    code, said, _ = finished(KILLED, [url, 6])
    assert code == 9
    assert [line for line in said.split() if line.endswith(".png")] == [
        f"{number}.png" for number in range(6)
    ]
    code, said, complained = finished(KILLED, [url, 99])
    assert code == 0, complained
    assert [line for line in said.split() if line.endswith(".png")] == [
        f"{number}.png" for number in (6, 7, 8)
    ]


def test_processes_wait_for_each_other(tmp_path: Path) -> None:
    url = archive_of(60, tmp_path)
    with ThreadPoolExecutor(3) as threads:
        ended = [*threads.map(lambda _: finished(KILLED, [url, 99]), range(3))]
    assert [(code, complained) for code, _, complained in ended] == [(0, "")] * 3
    read = [
        line for _, said, _ in ended for line in said.split() if line.endswith(".png") and line[0].isdigit()
    ]
    assert sorted(read) == sorted(f"{number}.png" for number in range(60))
    assert len(tree(remote.place(url, tmp_path))) == 60


@pytest.mark.parametrize("call", ["on_read", "on_list"])
def test_the_time_limit_ends_a_call_that_hangs(
    call: str, odd: type[OddSystem], monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()
    odd.files["top/a.png"] = picture(1)
    monkeypatch.setattr(odd, call, lambda _: over.wait(60))
    monkeypatch.setattr(fetching, "LIMIT", 0.2)
    began = time.monotonic()
    with pytest.raises(SettingsError, match=r"odd://top could not be fetched within 0\.2 s"):
        fetched("odd://top")
    assert time.monotonic() - began < 30
    over.set()


HANGS = """
import threading
from pathlib import Path
from fsspec.implementations.zip import ZipFileSystem
from mymodules import remote
from mymodules.remote import fetching
import sys
ZipFileSystem.get_file = lambda *_, **__: threading.Event().wait()
fetching.LIMIT = 0.2
try:
    remote.fetch(remote.place(sys.argv[1], Path.cwd()), (".png",))
except Exception as error:
    print(type(error).__name__)
"""


def test_a_call_that_hangs_keeps_no_process_from_ending(tmp_path: Path) -> None:
    code, said, complained = finished(HANGS, [archive_of(1, tmp_path)])
    assert (code, said, complained) == (0, "SettingsError\n", "")


def test_a_full_disk_is_said(odd: type[OddSystem], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: str) -> None:
        raise OSError(28, "No space left on device")

    odd.files["top/a.png"] = picture(1)
    monkeypatch.setattr(odd, "on_read", full)
    with pytest.raises(
        SettingsError, match=r"The copy of odd://top cannot be written \(No space left on device\)"
    ):
        fetched("odd://top")
    assert odd.read == ["a.png"], "the server is not to blame"


@pytest.mark.parametrize("times", [1, 99])
def test_a_picture_that_changes_meanwhile(
    times: int, odd: type[OddSystem], monkeypatch: pytest.MonkeyPatch
) -> None:
    odd.files["top/a.png"] = picture(0)

    def change(name: str) -> None:
        if len(odd.read) <= times:
            odd.files["top/a.png"] = picture(len(odd.read))

    monkeypatch.setattr(odd, "on_read", change)
    folder = fetched("odd://top")
    if times == 1:
        assert tree(folder) == {"a.png": picture(1)}
    else:
        assert tree(folder) == {}
        clause = "it changed again and again while it was fetched"
        assert remote.unfetched(folder) == {"a.png": ("changed_during_run", clause)}


def test_a_picture_that_vanishes_meanwhile_is_a_row(
    odd: type[OddSystem], monkeypatch: pytest.MonkeyPatch
) -> None:
    odd.files |= {"top/a.png": picture(1), "top/b.png": picture(1)}
    monkeypatch.setattr(
        odd, "on_read", lambda name: odd.files.pop(f"top/{name}") if name == "b.png" else None
    )
    folder = fetched("odd://top")
    assert tree(folder) == {"a.png": picture(1)}
    assert remote.unfetched(folder) == {"b.png": ("vanished", "there is no such file")}


@pytest.mark.parametrize("files", [{}, {"top/notes.txt": b"no picture"}])
def test_a_place_without_pictures_is_refused(files: dict[str, bytes], odd: type[OddSystem]) -> None:
    odd.files |= files
    with pytest.raises(SettingsError, match=r"odd://top cannot be fetched: there is no (such file|picture)"):
        fetched("odd://top")


# --- one asking for each run -------------------------------------------------------------------------


def test_a_run_asks_each_url_once(odd: type[OddSystem], tmp_path: Path) -> None:
    odd.files |= {"top/a.png": picture(1), "other/a.png": picture(1)}

    def run() -> batch.Run:
        with ThreadPoolExecutor(1) as threads:
            return batch.run(executor=threads)

    settings.init(first="odd://top", second="odd://other", out=tmp_path)
    settings.resolve(first="odd://top", second="odd://other")
    assert run().counts["same"] == 1
    once = ["other", "top"]  # second first, so that a mistyped one is noticed
    assert odd.listed == once, "the run takes what was just asked"
    odd.files["top/a.png"] = picture(2)
    assert run().counts["changed"] == 1, "the next one asks again"
    assert odd.listed == 2 * once
    odd.files["top/a.png"] = picture(1)
    settings.init(first="odd://top", second="odd://other", out=tmp_path)
    odd.files["top/a.png"] = picture(2)
    settings.init(first="odd://top", second="odd://other", out=tmp_path)
    assert run().counts["changed"] == 1, "what was chosen last counts"


def test_the_command_asks_each_url_once(
    odd: type[OddSystem], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd.files |= {"top/a.png": picture(1), "other/a.png": picture(2)}
    line = ["compare", "odd://top", "odd://other", "--out", str(tmp_path / "new"), "--processes", "1"]
    assert cli.main([*line, "--check"]) == 1
    assert odd.listed == ["other", "top"], "second first"
    said = capsys.readouterr().out
    assert "Comparing odd://top with odd://other ..." in said
    assert "1 picture: " in said
    assert cli.main([*line, "--watch"]) == 2
    assert "A URL cannot be watched" in capsys.readouterr().err


def test_the_file_of_a_project_takes_it(
    odd: type[OddSystem], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text('[project]\nname = "mymodules"\n')
    with zipfile.ZipFile(project / "a.zip", "w") as archive:
        archive.writestr("a.png", picture(1))
    text = "[folders]\nfirst = 'zip://a.zip'\nsecond = 'odd://top'\nout = '../out'\n"
    (project / "compare.toml").write_text(text)
    (project / "deep").mkdir()
    monkeypatch.chdir(project / "deep")
    odd.files["top/a.png"] = picture(1)
    settings.resolve()
    assert odd.listed == [], "nothing is compared"
    assert compared(None, None, tmp_path / "out").counts["same"] == 1


def test_a_copy_without_its_url_is_compared_as_it_is(
    odd: type[OddSystem], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    odd.files |= {"top/a.png": picture(1), "other/a.png": picture(1)}
    compared("odd://top", "odd://other", tmp_path / "out")
    copied = [remote.place(url, tmp_path) for url in ("odd://top", "odd://other")]
    monkeypatch.setattr(copies, "_urls", {})  # as in another process
    odd.files["top/a.png"] = picture(2)
    capsys.readouterr()
    assert compared(*copied, tmp_path / "out").counts["same"] == 1
    assert "odd://top is compared as it was on 2" in capsys.readouterr().out


def test_a_copy_that_was_not_finished_is_not_compared(
    odd: type[OddSystem], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd.files |= {"top/a.png": picture(1), "other/a.png": picture(1)}
    other, top = fetched("odd://other"), fetched("odd://top")
    odd.files["top/a.png"] = picture(2)
    monkeypatch.setattr(fetching, "MOST_FAILING", 1)
    monkeypatch.setattr(odd, "on_read", lambda name: (_ for _ in ()).throw(TimeoutError))
    with pytest.raises(SettingsError, match="the server fails"):
        fetched("odd://top")
    monkeypatch.setattr(copies, "_urls", {})  # as in another process
    with pytest.raises(
        SettingsError, match=f"odd://top was not fetched to its end: name the URL instead of {top}"
    ):
        compared(top, other, tmp_path / "out")


def test_a_late_answer_to_an_earlier_fetching_changes_nothing(
    odd: type[OddSystem], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has been waited for until the time limit, and comes when the next fetching has the file."""
    odd.files["top/a.png"] = picture(1)
    go, done = threading.Event(), threading.Event()
    get = odd.get_file

    def late(self: OddSystem, source: str, to: str, **named: object) -> None:
        if not go.is_set():
            go.wait(60)
            Path(to).parent.mkdir(exist_ok=True)
            Path(to).write_bytes(b"late")
            done.set()
        get(self, source, to, **named)
        if go.is_set():
            done.wait(60)

    monkeypatch.setattr(odd, "get_file", late)
    monkeypatch.setattr(fetching, "LIMIT", 0.5)
    with pytest.raises(SettingsError, match="within"):
        fetched("odd://top")
    monkeypatch.setattr(fetching, "LIMIT", 60)
    go.set()
    assert tree(fetched("odd://top")) == {"a.png": picture(1)}
    fetched("odd://top")
    assert [path for path in cache.iterdir() if path.name.startswith(".partial")] == []


def test_a_url_of_another_file_is_refused(odd: type[OddSystem], tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("deep/a.txt", "text")
    with pytest.raises(SettingsError, match="it is a file: name the folder it is in"):
        fetched(f"zip://deep/a.txt::{tmp_path / 'a.zip'}")


def test_a_damaged_record_is_no_record(odd: type[OddSystem]) -> None:
    odd.files |= {"top/a.png": picture(1), "top/b.png": picture(2)}
    folder = fetched("odd://top")
    record = folder.with_name(f"{folder.name}.lines")
    whole = record.read_bytes().splitlines(keepends=True)
    assert {json.loads(line)["name"] for line in whole} == {"a.png", "b.png"}
    odd.read.clear()
    record.write_bytes(whole[0] + b'[1]\n{"name": 5}\n' + whole[1][:-9])
    fetched("odd://top")
    assert odd.read == [json.loads(whole[1])["name"]]
