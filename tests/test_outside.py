"""Streams, folders and addresses that are not what a program expects."""

import errno
import importlib
import io
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.programs import Folders, mixed

from mymodules import (
    batch,
    explore,
    look,
    notify,
    panel,
    remote,
    report,
    results,
    settings,
    store,
    streams,
    triage,
    viewer,
)
from mymodules.batch import processes, warm
from mymodules.cli import outputs
from mymodules.errors import MymodulesError, PoolError, SettingsError, StoreError
from mymodules.triage import Decisions

POSIX = pytest.mark.skipif(os.name != "posix", reason="descriptors and folders behave otherwise on Windows")
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def given(tmp_path: Path) -> Folders:
    return mixed(tmp_path)


def compared(given: Folders, **options: Any) -> batch.Run:
    with ThreadPoolExecutor(2) as threads:
        return batch.run(*given, executor=threads, **options)


# --- nothing to print to -----------------------------------------------------------------------------


class Closed(io.StringIO):
    """Fail on every write, like a pipe without a reader."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def write(self, _: str) -> int:
        raise self.error

    def flush(self) -> None:
        raise self.error


STREAMS: dict[str, Callable[[], Any]] = {
    "none": lambda: None,
    "pipe": lambda: Closed(BrokenPipeError(errno.EPIPE, "Broken pipe")),
    "full": lambda: Closed(OSError(errno.ENOSPC, "No space left on device")),
    "closed": lambda: Closed(ValueError("I/O operation on closed file")),
    "odd": lambda: object(),
}


@pytest.mark.parametrize("kind", STREAMS)
def test_a_run_needs_no_streams(kind: str, given: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYMODULES_PROGRESS", "text")
    monkeypatch.setattr(sys, "stdout", STREAMS[kind]())
    monkeypatch.setattr(sys, "stderr", STREAMS[kind]())
    (given.out / "taken").write_bytes(b"")  # no store can be there, which is a warning
    run = compared(given, on_progress=batch.ProgressBar(), store="taken")
    assert sum(run.counts.values()) == len(run.frame())
    assert notify.slack("", run) is False
    chosen = settings.init(given.first.parent, given.first, given.second, given.out / "new")
    assert chosen.out.is_dir()


def test_warnings_may_be_errors(given: Folders) -> None:
    (given.out / "taken").write_bytes(b"")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = compared(given, store="taken")
    assert run.csv_path.is_file()


def test_text_that_a_terminal_does_not_know_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    data = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(data, "ascii", newline="\n"))
    streams.say("caf\u00e9 \u8a18\u4e8b")
    assert data.getvalue() == b"caf\\xe9 \\u8a18\\u4e8b\n"


SCRIPT = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
from mymodules import streams
{before}
streams.secure()
opened = os.open(os.devnull, os.O_RDONLY)
assert opened > 2, opened
streams.say("line")
streams.say("told", error=True)
"""


def script(before: str, shell: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    line = f'"$0" -c "$1" {shell}'
    return subprocess.run(
        ["sh", "-c", line, sys.executable, SCRIPT.format(before=before)],
        cwd=ROOT, capture_output=True, check=False, timeout=60, **options,
    )  # fmt: skip


@POSIX
@pytest.mark.parametrize("shell", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", "2>&- | true", ">/dev/full 2>&-"])
def test_closed_streams_are_no_files_of_ours(shell: str) -> None:
    done = script("", shell)
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


@POSIX
def test_a_reader_that_leaves_is_no_fault() -> None:
    more = "\nfor _ in range(20000):\n    streams.say('more and more and more')\nstreams.flush()"
    done = script(f"import mymodules{more}", "| head -n 1; exit 0")
    assert done.stdout == b"more and more and more\n"
    assert done.stderr in (b"", b"told\n")


@POSIX
def test_help_of_the_command_may_be_cut_off() -> None:
    done = subprocess.run(
        ["sh", "-c", '"$0" run.py --help | head -n 1', sys.executable],
        cwd=ROOT, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stdout.startswith(b"Set everything up")
    assert done.stderr == b""


@POSIX
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_what_a_full_disk_does_not_take_is_an_error_at_the_end(option: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"$0" -m mymodules {option} >/dev/full', sys.executable],
        cwd=ROOT, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == b"Not all that was printed could be written: No space left on device.\n"


# --- worker processes that do not start --------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.EMFILE, "ulimit -n"), (errno.EAGAIN, "num_processors"), (errno.ENOMEM, "num_processors")],
)
def test_processes_that_the_system_refuses(
    number: int, remedy: str, given: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(processes.subprocess, "Popen", refuse)
    monkeypatch.setattr(warm.Processes, "_known", [])
    with pytest.raises(PoolError) as caught:
        batch.run(*given)
    assert os.strerror(number) in str(caught.value)
    assert remedy in str(caught.value)
    assert "ThreadPoolExecutor()" in str(caught.value)
    assert sum(compared(given).counts.values()) > 0  # the suggested way works


# --- a working directory that is gone ----------------------------------------------------------------


@pytest.fixture
def gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Matplotlib asks modules for names that they lack, for which Python 3.13.0 needs the folder.
    for name in ("mymodules.explore.explorer", "matplotlib.figure"):
        importlib.import_module(name)
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    with pytest.raises(FileNotFoundError):
        Path.cwd()


@POSIX
@pytest.mark.usefixtures("gone")
def test_without_a_working_directory_absolute_paths_do(given: Folders, tmp_path: Path) -> None:
    run = compared(given)
    frame = results.load(run.csv_path)
    page = report.write(frame, tmp_path / "report")
    assert page.is_file()
    report.junit(frame, tmp_path / "junit.xml")
    assert viewer.Viewer(frame).row
    assert explore.explore(frame).selected is not None
    assert len(look.audit(frame)) >= 0
    assert settings.resolve(None, *given).first == given.first
    again = compared(Folders(given.first, given.second, None), resume=run.csv_path)  # type: ignore[arg-type]
    assert again.counts == run.counts


CALLS: dict[str, Callable[[Any, "Folders"], object]] = {
    "settings.init first": lambda path, given: settings.init(first=path, second=given.second, out=given.out),
    "settings.init second": lambda path, given: settings.init(first=given.first, second=path, out=given.out),
    "settings.init out": lambda path, given: settings.init(first=given.first, second=given.second, out=path),
    "settings.init root": lambda path, given: settings.init(path, *given),
    "settings.resolve": lambda path, given: settings.resolve(first=path),
    "batch.run first": lambda path, given: batch.run(path, given.second, given.out),
    "batch.run second": lambda path, given: batch.run(given.first, path, given.out),
    "batch.run out": lambda path, given: batch.run(given.first, given.second, path),
    "batch.run resume": lambda path, given: batch.run(resume=path),
    "results.load": lambda path, given: results.load(path),
    "explore": lambda path, given: explore.explore(path),
    "report.check": lambda path, given: report.check(path),
    "triage.restore": lambda path, given: triage.restore(path),
    "decisions": lambda path, given: Decisions(path),
    "store": lambda path, given: store.DiffStore(path),
    "viewer": lambda path, given: viewer.Viewer(
        pd.DataFrame({"image_filename": ["a.png"]}), run={"first": path, "second": given.second}
    ),
    "command": lambda path, given: outputs.file_to_write(str(path), "--junit", {}),
}


@POSIX
@pytest.mark.usefixtures("gone")
@pytest.mark.parametrize("call", CALLS)
def test_without_a_working_directory_a_relative_path_is_a_sentence(call: str, given: Folders) -> None:
    with pytest.raises(MymodulesError, match="working directory is gone"):
        CALLS[call]("some.csv", given)


@POSIX
@pytest.mark.usefixtures("gone")
def test_without_a_working_directory_defaults_are_a_sentence() -> None:
    for call in (settings.init, settings.resolve, batch.run, results.load, panel.panel, explore.load_or_run):
        with pytest.raises(SettingsError, match="working directory is gone"):
            call()


@POSIX
@pytest.mark.usefixtures("gone")
def test_processes_need_no_working_directory(given: Folders) -> None:
    warm.Processes.cool()  # processes that were started earlier have one
    expected = compared(given).counts
    assert batch.run(*given, store=None).counts == expected
    warm.Processes.cool()


# --- addresses, and what else is no path of this computer --------------------------------------------

URLS = [
    "s3://bucket/shots",
    "memory://first",
    "gs://bucket",
    "https://host/shots",
    "HTTP://host:8080/shots/",
    "file:///shots",
    "sftp://user@host/shots",
    "zip::s3://bucket/shots.zip",
    "github://org:repo@main/shots",
]


# The sides of a comparison may be elsewhere, and so may its results; nothing else may.
SIDES = (
    "settings.init first",
    "settings.init second",
    "settings.resolve",
    "batch.run first",
    "batch.run second",
)
OUT = ("settings.init out", "batch.run out")


REFUSED = [
    (call, url)
    for call in CALLS
    for url in (*URLS, Path("s3://bucket/shots"), Path("memory://first"))
    if not (call in (*SIDES, *OUT) and remote.is_remote(url))
]


@pytest.mark.parametrize(("call", "url"), REFUSED, ids=str)
def test_an_address_is_refused_as_one(call: str, url: Any, given: Folders) -> None:
    with pytest.raises(MymodulesError, match="is a URL") as caught:
        CALLS[call](url, given)
    assert isinstance(caught.value, StoreError if call == "store" else SettingsError)
    assert "on this computer" in str(caught.value)
    assert str(Path.cwd()) not in str(caught.value)
    if "@" not in str(url):
        assert str(url) in str(caught.value)


@pytest.mark.parametrize("url", [url for url in URLS if remote.is_remote(url)])
@pytest.mark.parametrize("call", SIDES)
def test_an_address_of_a_side_is_asked(
    call: str, url: str, given: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(asked: str, _: object) -> Any:
        raise PermissionError(asked)

    monkeypatch.setenv("MYMODULES_CACHE", str(given.out / "cache"))
    monkeypatch.setattr("mymodules.remote.fetching.opened", refuse)
    if call == "settings.resolve":  # nobody is asked before something is compared
        chosen: Any = CALLS[call](url, given)
        assert remote.described(chosen.first) == remote.address(url)
        return
    with pytest.raises(SettingsError, match="cannot be fetched: the server refuses it") as caught:
        CALLS[call](url, given)
    assert str(caught.value).startswith(remote.address(url))


def test_an_address_keeps_its_password(given: Folders) -> None:
    for role in ("out", "first"):
        url: Any = "s3://key:secret@bucket/x" if role == "out" else Path("s3://key:secret@bucket/x")
        with pytest.raises(SettingsError, match=r"s3://?bucket/x") as caught:
            settings.init(**{"second": given.second, "first": given.first, role: url})
        assert "secret" not in str(caught.value)


def test_an_address_of_a_file_says_how_to_name_it(given: Folders) -> None:
    with pytest.raises(SettingsError, match="leave out file://"):
        settings.init(first="file:///shots", second=given.second)


@pytest.mark.parametrize("url", URLS)
def test_a_store_is_a_folder_for_a_run(url: str, given: Folders) -> None:
    with pytest.raises(SettingsError, match="store is a URL"):
        batch.run(*given, store=url)
    assert list(given.out.iterdir()) == []


@POSIX
@pytest.mark.parametrize("name", ["C:", "a:b", "s3:", "12:30", "C:\\shots", "memory:"])
def test_a_folder_may_be_named_so(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = mixed(tmp_path)
    (tmp_path / name).mkdir()
    given.first.rename(tmp_path / name / "first")
    monkeypatch.chdir(tmp_path)
    chosen = settings.resolve(first=f"{name}/first", second=given.second, out=given.out)
    assert chosen.first == tmp_path / name / "first"
    assert sum(compared(Folders(Path(name, "first"), *given[1:])).counts.values()) > 0


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("wrong", ["~nosuchuser/x", "a\0b", ""], ids=ascii)
def test_what_is_no_path_is_a_sentence(call: str, wrong: str, given: Folders) -> None:
    with pytest.raises(MymodulesError, match=r"must be the path of a|leads to no home|does not name first"):
        CALLS[call](wrong, given)


@POSIX
def test_without_a_home_folder(given: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    import pwd

    def nobody(_: int) -> Any:
        raise KeyError

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    with pytest.raises(SettingsError, match="leads to no home folder"):
        settings.init(first="~/shots", second=given.second)
    assert compared(given).csv_path.is_file()


@pytest.mark.parametrize(
    "value", ["", "{", "[]", "null", "5", '{"root": 1}', "[" * 100_000, '{"first": "a"}', "\udcff"],
    ids=lambda value: value[:15],
)  # fmt: skip
def test_a_variable_with_anything_in_it(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.ENVIRONMENT, value)
    for call in (settings.current, batch.run, results.load, panel.panel):
        with pytest.raises(SettingsError, match="unset it"):
            call()


def test_pictures_of_any_size_are_said_to_be_allowed(given: Folders, tmp_path: Path) -> None:
    run = compared(given)
    assert "too_many_pixels" not in set(run.frame()["code"])
    settings.init(given.first.parent, *given, max_pixels=1)
    with ThreadPoolExecutor(2) as threads:
        frame = batch.run(executor=threads).frame()
    messages = frame[frame["code"] == "too_many_pixels"]["messages"]
    assert len(messages) > 0
    assert messages.str.contains("--max-pixels N", regex=False).all()
    assert np.all(messages.str.contains("settings.init(max_pixels=N)", regex=False))
