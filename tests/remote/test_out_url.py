"""Whole runs whose output folder is a URL: on S3, seen by others, and killed while they are sent."""

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.far_system import Far, computer
from support.fetched import picture, tree
from support.http_faults import Server
from support.programs import Folders, folders, png, program
from support.sent_runs import but_manifests

from mymodules import batch, images, look, remote, results, settings, triage
from mymodules.batch import plan, runner
from mymodules.batch.runner import _Course
from mymodules.cli import runs
from mymodules.cli.entry import main
from mymodules.errors import ResultsError, SettingsError
from mymodules.pages.display import Absent
from mymodules.pages.display import folders as folders_of
from mymodules.pages.rows import ShownRows
from mymodules.results import dealing, exchange, runfiles
from mymodules.viewer import Viewer

SENDING = """
import os, sys, time
import fsspec
from fsspec.implementations.local import LocalFileSystem

class Far(LocalFileSystem):
    protocol = "far"

    def put_file(self, *args, **options):
        super().put_file(*args, **options)
        if len(sys.argv) > 4 and args[0].endswith(sys.argv[4]):
            os.write(1, b"now\\n")
            time.sleep(600)

fsspec.register_implementation("far", Far)
from concurrent.futures import ThreadPoolExecutor
from mymodules import batch

with ThreadPoolExecutor(2) as threads:
    found = batch.run(*sys.argv[1:4], executor=threads, store=None)
print(found.csv_path)
"""


PICTURES = 1 + 3  # of `few`, those of pairs that are not the same: all of first are one


def few(at: Path) -> Folders:
    made = folders(at)
    for number in range(4):
        (made.first / f"{number}.png").write_bytes(picture(10))
        (made.second / f"{number}.png").write_bytes(png(np.full((4, 5, 3), 10 + number, np.uint8)))
    return made


def compared(given: Folders, url: str, **options: Any) -> batch.Run:
    with ThreadPoolExecutor(2) as threads:
        return batch.run(given.first, given.second, url, executor=threads, store=None, **options)


def keys(bucket: Any) -> dict[str, bytes]:
    return {each.key.removeprefix("run/"): each.get()["Body"].read() for each in bucket.objects.all()}


def refusing(kind: str, name: str) -> None:
    """Refuse what only results need."""
    if kind == "mv" and not name.startswith(".sending-"):
        raise PermissionError


def failing(kind: str, name: str) -> None:
    """Refuse everything."""
    raise PermissionError


def answering(kind: str, name: str) -> None:
    """Refuse nothing."""


@contextmanager
def tokyo() -> Iterator[None]:
    """Be there: its clocks are nine hours ahead of UTC."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


def test_a_run_on_s3(server: Server, bucket: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first time its CSV cannot be sent."""
    url, given = "s3://shots/run", few(tmp_path)
    server.fail("PUT", ".csv", repeat(503))
    with computer("one", url, tmp_path) as out:
        with pytest.warns(UserWarning, match=rf"{url} does not have run .*\(status 503\)") as warned:
            run = compared(given, url)
        assert str(warned[0].message) == run.unsent
        assert not Path(warned[0].filename).is_relative_to(Path(plan.__file__).parent)
        drawn = {name for name in tree(out) if name.endswith(".png")}
        assert len(drawn) == 3 * 5 + PICTURES
        assert {*but_manifests(keys(bucket))} == drawn
        server.faults.clear()
        server.asked.clear()
        assert exchange.exchange(out) == ""
        assert but_manifests(keys(bucket)) == but_manifests(tree(out))
        asked = [each.target for each in server.asked if each.method == "PUT"]
        put = [name.split(".")[-1] for name in asked if ".sending-" not in name]
        assert (put[-1], {*put}) == ("json", {"csv", "json"}), "drawings are there already"
    with computer("other", url, tmp_path) as other:
        exchange.show(other)
        exchange.show_drawings(other, runfiles.manifest_of(runfiles.newest(other)))
        assert tree(other) == keys(bucket)
        assert str(tmp_path).encode() not in keys(bucket)[run.csv_path.with_suffix(".json").name]
        assert [*results.load(runfiles.newest(other))["status"]] == ["same", "changed", "changed", "changed"]
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"hidden-secret" not in written + b"".join(keys(bucket).values())
    assert "hidden-secret" not in capsys.readouterr().out + run.unsent


@pytest.mark.parametrize("at", [".png", ".csv", ".json"])
def test_a_process_that_is_killed_while_it_sends(at: str, far: type[Far], url: str, tmp_path: Path) -> None:
    """Others see nothing of its run, and the next command completes it."""
    given = few(tmp_path)
    with computer("one", url, tmp_path) as out:
        with program(SENDING, [given.first, given.second, url, at]) as running:
            while (line := running.line()) != "now":
                assert line, running.finish()
            running.interrupt(signal.SIGKILL)
            running.process.wait()
        with computer("other", url, tmp_path) as other:
            exchange.exchange(other)
            assert tree(other) == {}
        exchange.show(out)
        there = but_manifests(tree(tmp_path / "there"))
        assert there == but_manifests(tree(out))
        with computer("other", url, tmp_path) as other:
            exchange.exchange(other)
            assert {*tree(other)} == {name for name in there if "/" not in name}


@pytest.mark.filterwarnings("default::UserWarning")
def test_the_command_says_what_is_not_sent_also_by_its_exit_code(
    far: type[Far], url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = few(tmp_path)
    line = ["compare", str(given.first), str(given.second), "--out", url, "--store", "none"]
    with computer("one", url, tmp_path) as out:
        far.on = refusing  # type: ignore[assignment]
        assert main(line) == 2
        told = capsys.readouterr()
        assert f"{url} does not have run" in told.err
        assert str(out) in told.err
        assert f"Look and decide: mymodules look --out {url}" in told.out
        far.on = answering  # type: ignore[assignment]
        assert main(["look", "20200101-000000", "--out", url]) == 2
        told = capsys.readouterr()
        assert f"{url}: sent run" in told.out
        assert f"There is no finished run 20200101-000000 in {url}." in told.err
        assert "did not come" not in told.out
        assert main(["look", f"{url}/x.csv", "--out", url]) == 2
        assert "of the run only the stamp" in capsys.readouterr().err
        assert main(["restore", "--out", url]) == 2
        assert f"no approval in {url} that was made on this computer" in capsys.readouterr().err
        assert but_manifests(tree(tmp_path / "there")) == but_manifests(tree(out))
        far.on = lambda kind, name: refusing("mv", name) if kind == "ls" else None  # type: ignore[assignment]
        assert main(line) == 2
        assert "cannot be used for results" in capsys.readouterr().err


def test_a_stopped_run_stays_here_until_it_is_finished(far: type[Far], url: str, tmp_path: Path) -> None:
    """The call that resumes it needs no URL."""
    given = few(tmp_path)

    def interrupt(at: batch.Progress) -> None:
        if at.done == 2:
            raise KeyboardInterrupt

    with computer("one", url, tmp_path) as out:
        with pytest.raises(batch.Stopped) as caught:
            compared(given, url, on_progress=interrupt)
        assert tree(tmp_path / "there") == {}
        (partial,) = out.glob("*.partial.csv")
        assert f"resume={str(partial)!r}" in str(caught.value)
        with pytest.raises(SettingsError, match="in its own folder"):
            compared(given, f"{url}2", resume=partial)
        with ThreadPoolExecutor(2) as threads:
            run = batch.run(resume=partial, executor=threads, store=None)
        assert (run.counts["changed"], run.unsent) == (3, "")
        assert but_manifests(tree(tmp_path / "there")) == but_manifests(tree(out))


def test_a_run_that_was_sent_stays_as_it_is(far: type[Far], url: str, tmp_path: Path) -> None:
    """To resume it, as a notebook does, gives the same run; if files have changed, it is refused."""
    given = few(tmp_path)
    (given.first / "old.png").write_bytes(picture(77))
    (given.second / "new.png").write_bytes(picture(77))
    with computer("one", url, tmp_path) as out:
        run = compared(given, url)
        before, there = tree(out), tree(tmp_path / "there")
        again = compared(given, url, resume=run.csv_path)
        assert (again.counts, again.tolerated, again.unsent) == (run.counts, 0, "")
        assert (again.csv_path, again.pictures_dir) == (run.csv_path, run.pictures_dir)
        assert tree(out) == before
        for name in ("1.png", "new.png", "another.png"):
            path = given.second / name
            kept = path.read_bytes() if path.exists() else None
            path.write_bytes(picture(200))
            with pytest.raises(
                SettingsError, match=rf"was sent to {url}, or a part of it, and files have changed"
            ):
                compared(given, url, resume=run.csv_path)
            path.unlink() if kept is None else path.write_bytes(kept)
        assert (tree(out), tree(tmp_path / "there")) == (before, there)


def test_a_run_of_another_computer_is_neither_resumed_nor_approved_here(
    far: type[Far], url: str, tmp_path: Path
) -> None:
    given = few(tmp_path)
    with computer("one", url, tmp_path):
        compared(given, url)
    with computer("other", url, tmp_path) as out:
        exchange.exchange(out)
        path = runfiles.newest(out)
        with pytest.raises(ResultsError, match="made on another computer"):
            compared(given, url, resume=path)
        with pytest.raises(SettingsError, match="made on another computer, which has its pictures"):
            triage.approve(results.load(path), first=given.first, replace=["1.png"])
    assert (given.first / "1.png").read_bytes() == picture(10)


@pytest.mark.parametrize("code", ["not_a_file", "worker_died"])
def test_a_run_that_was_sent_is_not_repaired(
    code: str, far: type[Far], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture could not be read, or a comparison failed by chance: a new run may do better."""
    given = few(tmp_path)
    (given.second / "1.png").unlink()
    os.mkfifo(given.second / "1.png")
    with computer("one", url, tmp_path):
        run = compared(given, url)
        assert "not_a_file" in {*run.frame()["code"]}
        assert compared(given, url, resume=run.csv_path).counts == run.counts, "it still is none"
        if code == "worker_died":
            monkeypatch.setattr(plan, "_TRANSIENT", {"pixels_differ"})
        else:
            (given.second / "1.png").unlink()
            (given.second / "1.png").write_bytes(picture(10))
        with pytest.raises(SettingsError, match=r"or could not be compared: begin a new run\."):
            compared(given, url, resume=run.csv_path)


def test_a_run_that_was_sent_before_it_had_ended_its_process_stays(
    far: type[Far], url: str, tmp_path: Path
) -> None:
    """Killed before it removed the partial file, which is what resuming begins from otherwise."""
    given = few(tmp_path)
    with computer("one", url, tmp_path) as out:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(runner, "_remove_partial", lambda _: interrupted())
            with pytest.raises(KeyboardInterrupt):
                compared(given, url)
        assert exchange.exchange(out) == ""
        (partial,) = out.glob("*.partial.csv")
        (given.second / "1.png").write_bytes(picture(10))
        with pytest.raises(SettingsError, match="was sent to"):
            compared(given, url, resume=partial)
        (given.second / "1.png").write_bytes(png(np.full((4, 5, 3), 11, np.uint8)))
        assert compared(given, url, resume=partial).counts["changed"] == 3
        assert not partial.exists()
        assert but_manifests(tree(tmp_path / "there")) == but_manifests(tree(out))


def test_what_is_named_elsewhere_asks_nobody(far: type[Far], url: str, tmp_path: Path) -> None:
    run = compared(few(tmp_path), str(tmp_path / "out"))
    with computer("one", url, tmp_path) as out:
        far.asked.clear()
        assert runs.find(str(run.csv_path), out) == run.csv_path
        assert runs.find(str(run.csv_path.parent), out) == run.csv_path
        assert far.asked == []


def test_approve_takes_the_newest_run_of_this_computer(
    far: type[Far], url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = few(tmp_path)
    with computer("one", url, tmp_path) as out:
        run = compared(given, url)
        triage.Decisions(out).decide(run.frame(), "accept")
    with computer("other", url, tmp_path):
        compared(given, url)
    with computer("one", url, tmp_path) as out:
        assert main(["approve", "--out", url, "--yes", "--first", str(given.first)]) == 0
        assert runfiles.newest(out) != run.csv_path
    assert (given.first / "1.png").read_bytes() == (given.second / "1.png").read_bytes()


def test_when_a_run_began_is_known_everywhere(far: type[Far], url: str, tmp_path: Path) -> None:
    with tokyo(), computer("one", url, tmp_path):
        run = compared(few(tmp_path), url)
        stamp = runfiles.stamp_of(run.csv_path)
        assert stamp is not None
        then = datetime.strptime(stamp[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
        assert abs(datetime.now(UTC) - then) < timedelta(minutes=10)
        assert runfiles.begun(stamp) == then
        assert runfiles.begun("20260101-000000-2") == datetime(2025, 12, 31, 15, tzinfo=UTC)
        assert [runfiles.begun(odd) for odd in ("20261301-000000", "x", None)] == [None] * 3


def test_a_finished_run_is_sent_though_its_store_is_not_complete(
    far: type[Far], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Course, "save_originals", lambda _: False)
    with computer("one", url, tmp_path) as out:
        with pytest.raises(KeyboardInterrupt, match="The store does not have all"):
            compared(few(tmp_path), url)
        assert but_manifests(tree(tmp_path / "there")) == but_manifests(tree(out)) != {}


def test_an_interrupt_while_it_is_sent(far: type[Far], url: str, tmp_path: Path) -> None:
    with computer("one", url, tmp_path) as out, pytest.MonkeyPatch.context() as patch:
        patch.setattr(dealing._Dealing, "_send", lambda *_, **__: interrupted())
        with pytest.raises(KeyboardInterrupt, match=rf"All 4 pictures are compared.*{url} may not have all"):
            compared(few(tmp_path), url)
        assert runfiles.newest(out).is_file()


@pytest.mark.parametrize("at", [".csv", ".json"])
def test_a_run_that_is_cancelled_while_it_is_sent(
    at: str, far: type[Far], url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the panel's button does, while the server does not answer."""
    given, sending, gate = few(tmp_path), threading.Event(), threading.Event()

    def wait(kind: str, name: str) -> None:
        if kind == "mv" and name.endswith(at):
            sending.set()
            gate.wait(60)
            raise PermissionError

    with computer("one", url, tmp_path) as out:
        far.on = wait  # type: ignore[assignment]
        with pytest.warns(UserWarning, match="it was cancelled"):
            run = compared(given, url, cancelled=sending.is_set)
        gate.set()
        assert f"{url} does not have run {runfiles.stamp_of(run.csv_path)}: it was cancelled." in run.unsent
        assert "the next command or notebook with this output folder sends it" in run.unsent
        with computer("other", url, tmp_path) as other:
            assert exchange.exchange(other) == ""
            assert tree(other) == {}
        far.on = answering  # type: ignore[assignment]
        exchange.show(out)
        assert but_manifests(tree(tmp_path / "there")) == but_manifests(tree(out))


def interrupted() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("first", "out"),
    [
        ("s3://bucket/run", "s3a://bucket/run/"),
        ("sftp://host/x/..//run", "sftp://host/run/y"),
    ],
)
def test_pictures_and_results_are_apart(first: str, out: str, tmp_path: Path) -> None:
    """That is seen before anybody is asked."""
    with pytest.raises(SettingsError, match=rf"output folder {out} is the first folder {first} or inside it"):
        settings.resolve(tmp_path, first, tmp_path / "b", out)
    settings.resolve(tmp_path, first, tmp_path / "b", f"{out.partition('/run')[0]}/runs")


@pytest.mark.parametrize(
    "path", ["bucket//a", "bucket/a//", "bucket//", "bucket/./a", "bucket/b/../a", "bucket/.."]
)
def test_a_url_that_may_mean_two_folders_is_refused(path: str, tmp_path: Path) -> None:
    """On S3 these are other names than ``bucket/a``, and s3fs lists one and reads the other."""
    refused = r"has //, \. or \.\. in its path.* without them"
    for url in (f"s3://{path}", f"az://{path}", f"simplecache::gs://{path}", f"s3://b#c/{path}"):
        with pytest.raises(SettingsError, match=refused):
            settings.resolve(tmp_path, first=url)
    with pytest.raises(SettingsError, match=refused):
        settings.resolve(tmp_path, out=f"s3://{path}")
    settings.resolve(tmp_path, out=f"sftp://{path}")


@pytest.mark.parametrize(
    "url",
    [
        *("s3://bucket", "s3://bucket/", "s3://bucket/a/", "s3://bucket/a..b/.c", "sftp://host//a/../b"),
        *("zip::s3://bucket//a.zip", "zip://in::gs://bucket//a.zip"),
    ],
)
def test_what_means_one_folder_is_not(url: str, tmp_path: Path) -> None:
    """The file of an archive is never listed."""
    settings.resolve(tmp_path, first=url)


def test_both_names_of_s3_are_one(tmp_path: Path) -> None:
    one, other = (remote.place(f"{scheme}://bucket/run", tmp_path, out=True) for scheme in ("s3", "s3a"))
    assert one == other


@pytest.mark.parametrize(
    "url", ["https://host/run", "s3://key:secret@bucket/run", "sftp://host/run?x=secret"]
)
def test_urls_that_cannot_be_those_of_results(url: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.resolve(tmp_path, out=url)
    assert "secret" not in str(caught.value)
    (tmp_path / "compare.toml").write_text(f"[folders]\nout = '{url}'\n")
    with pytest.raises(SettingsError, match=r"The key .*out"):
        settings.resolve(tmp_path)


def test_another_computer_looks_decides_and_reports(
    far: type[Far], url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is decided there is known where the pictures are, also after another run."""
    given = few(tmp_path)
    with computer("one", url, tmp_path):
        compared(given, url)
    moved = [folder.rename(tmp_path / f"moved-{folder.name}") for folder in (given.first, given.second)]
    with computer("other", url, tmp_path) as out:
        page = tmp_path / "page.html"
        assert main(["report", str(page), "--out", url]) == 0
        assert "1.png" in page.read_text("utf-8")
        drawn = {name: data for name, data in tree(out).items() if "03.diff-" in name}
        assert len(drawn) == 3 * 5 + PICTURES
        frame = results.load(runfiles.newest(out))
        shutil.rmtree(frame.attrs["run"]["pictures_dir"])
        Viewer(frame)
        assert drawn.items() <= tree(out).items()
        triage.Decisions(out).decide(frame[frame["image_filename"] == "1.png"], "accept")
        assert main(["approve", "--out", url, "--yes"]) == 2
        assert "made on another computer, which has its pictures" in capsys.readouterr().err
        exchange.finish()
    for folder, role in zip(moved, (given.first, given.second), strict=True):
        folder.rename(role)
    with computer("one", url, tmp_path):
        compared(given, url)
        assert main(["approve", "--out", url, "--yes", "--first", str(given.first)]) == 0
    assert (given.first / "1.png").read_bytes() == (given.second / "1.png").read_bytes()
    assert (given.first / "2.png").read_bytes() == picture(10)


def test_whoever_has_only_the_url_sees_what_is_not_the_same(far: type[Far], url: str, tmp_path: Path) -> None:
    """As it was compared: also a file on one side only, names in another case, and one that changed since."""
    given = few(tmp_path)
    (given.first / "gone.png").write_bytes(picture(99))
    (given.first / "Case.png").write_bytes(picture(98))
    (given.second / "case.PNG").write_bytes(picture(97))
    sides = {"first": given.first, "second": given.second}
    for folder in sides.values():
        (folder / "0.png").write_bytes(picture(96))
    (tmp_path / "secret").write_bytes(b"TOKEN=1")
    (given.first / "token.png").symlink_to(tmp_path / "secret")
    shown = {
        side: {path.name.lower(): path.read_bytes() for path in at.iterdir()} for side, at in sides.items()
    }
    with computer("one", url, tmp_path) as out:
        sent = runner._sent

        def while_nothing_is_answered(made: plan.Plan) -> str:
            far.on = failing  # type: ignore[assignment]
            return sent(made)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(runner, "_sent", while_nothing_is_answered)
            with pytest.warns(UserWarning, match="the server refuses it"):
                compared(given, url, match=("casefold",))
        far.on = answering  # type: ignore[assignment]
        (given.second / "3.png").write_bytes(picture(1))
        exchange.show(out)
        for folder in sides.values():
            shutil.rmtree(folder)
    with computer("other", url, tmp_path) as out:
        exchange.show(out)
        frame = results.load(runfiles.newest(out))
        Viewer(frame)
        rows, seen = ShownRows.of(frame, folders_of(frame)), 0
        for name, status in zip(frame["image_filename"], frame["status"], strict=True):
            for side in sides:
                if status == "same":
                    with pytest.raises(Absent, match="only pictures that are not the same come"):
                        rows.path(name, side)
                elif name == "token.png" and side == "first":
                    with pytest.raises(Absent, match="it did not come"):
                        rows.path(name, side)
                elif status == "changed" or side == "first":
                    assert rows.path(name, side).read_bytes() == shown[side][name.lower()]
                    seen += 1
        assert seen == 2 * 3 + 2 + 1
    assert b"TOKEN" not in b"".join(tree(tmp_path / "there").values()), "it is no picture"


def test_a_picture_that_is_another_one_there_does_not_come(
    far: type[Far], url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = few(tmp_path)
    with computer("one", url, tmp_path):
        run = compared(given, url)
    folder = tmp_path / "there" / run.pictures_dir.name / "originals"
    (folder / f"{images.digest(given.second / '3.png')}.png").write_bytes(picture(1))
    with computer("other", url, tmp_path) as out:
        exchange.show(out)
        frame = results.load(out / run.csv_path.name)
        look.blend(frame)  # asks for them
        rows = ShownRows.of(frame, folders_of(frame))
        assert rows.path("2.png", "second").read_bytes() == (given.second / "2.png").read_bytes()
        assert rows.path("3.png", "first").read_bytes() == picture(10)
        with pytest.raises(Absent, match="it did not come"):
            rows.path("3.png", "second")
        assert "1 picture of run" in capsys.readouterr().out


def test_a_picture_that_was_gone_before_it_could_be_sent_is_said(
    far: type[Far], url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = few(tmp_path)
    with computer("one", url, tmp_path) as out:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(runner, "_sent", lambda plan: "")
            run = compared(given, url)
        (given.second / "3.png").unlink()
        exchange.show(out)
        assert "others cannot see 1 picture of run" in capsys.readouterr().out
    with computer("other", url, tmp_path) as out:
        exchange.show(out)
        frame = results.load(out / run.csv_path.name)
        Viewer(frame)
        rows = ShownRows.of(frame, folders_of(frame))
        assert rows.path("3.png", "first").read_bytes() == picture(10)
        with pytest.raises(Absent, match="made on another computer, and it did not come"):
            rows.path("3.png", "second")


def test_an_older_run_that_cannot_be_sent_is_said_and_spoils_no_newer_one(
    far: type[Far], url: str, tmp_path: Path
) -> None:
    given = few(tmp_path)
    with computer("one", url, tmp_path) as out:
        far.on = refusing  # type: ignore[assignment]
        with pytest.warns(UserWarning, match="the server refuses it"):
            first = compared(given, url)
        first.csv_path.write_bytes(b"edited")
        far.on = answering  # type: ignore[assignment]
        with pytest.warns(UserWarning, match="was edited or damaged here"):
            assert compared(given, url).unsent == ""
        assert len([*out.glob("results-*.csv")]) == 2
        assert len([*(tmp_path / "there").glob("results-*.csv")]) == 1
