"""Accepted pictures become the first ones, and the old ones can be brought back."""

import io
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image
from support.programs import Folders, folders
from support.triaged import HOSTILE, accept, compared, picture, state

from mymodules import batch, errors, images, triage
from mymodules.results import runfiles
from mymodules.triage import Decisions, Row


def test_accepted_pictures_become_the_first_ones(made: Folders) -> None:
    before, second = state(made.first), state(made.second)
    frame = compared(made)
    accept(made, frame, "a.png", "below/c.png", "same.png")
    Decisions(made.out).decide(frame[frame["image_filename"] == "b.png"], "reject")
    (made.first / "a.png").chmod(0o640)

    done = triage.approve(frame)

    assert (done.approved, done.refused) == (("a.png", "below/c.png"), {})
    assert done.folder is not None
    assert state(made.first) == before | {name: second[name] for name in done.approved}
    assert state(made.second) == second
    assert state(done.folder / "first") == {name: before[name] for name in done.approved}
    assert (made.first / "a.png").stat().st_mode & 0o777 == 0o640
    assert str(done) == f"2 pictures approved. The old files are in {done.folder}."
    later = compared(made).set_index("image_filename")
    assert later.loc[list(done.approved), "status"].tolist() == ["same", "same"]
    assert set(Decisions(made.out).state(later.reset_index())) == {"", "reject"} | {"accept"}  # same.png

    back = triage.restore(done.folder)
    assert (back.restored, back.unchanged, back.refused) == (done.approved, (), {})
    assert state(made.first) == before
    assert (made.first / "a.png").stat().st_mode & 0o777 == 0o640
    assert triage.restore(done.folder).unchanged == done.approved


def test_what_approve_returned_can_be_restored(made: Folders) -> None:
    before = state(made.first)
    frame = compared(made)
    accept(made, frame, "a.png")
    done = triage.approve(frame)
    assert state(made.first) != before
    assert triage.restore(done).restored == ("a.png",)
    assert state(made.first) == before
    nothing = triage.approve(frame.iloc[:0])
    assert nothing.folder is None
    assert triage.restore(nothing) == triage.Restoration((), (), {})


def test_one_side_only_when_asked_for(made: Folders) -> None:
    before = state(made.first)
    frame = compared(made)
    accept(made, frame, "gone.png", "new/new.png", "broken.png")
    done = triage.approve(frame, adopt=())
    assert (done.folder, done.approved, set(done.refused)) == (
        None,
        (),
        {"gone.png", "new/new.png", "broken.png"},
    )
    assert "adopt=['new/new.png']" in done.refused["new/new.png"]
    assert 'remove="accepted"' in done.refused["gone.png"]
    assert state(made.first) == before
    assert not list(made.out.glob("approved-*"))

    done = triage.approve(frame, adopt=["new/new.png", "a.png", "x.png"], remove="gone.png")
    assert done.approved == ("gone.png", "new/new.png")
    assert set(done.refused) == {"a.png", "x.png", "broken.png"}
    after = state(made.first)
    assert after.pop("new/new.png") == picture(40)
    assert after == {name: data for name, data in before.items() if name != "gone.png"}
    assert done.folder is not None
    assert triage.restore(done.folder).restored == done.approved
    assert state(made.first) == before


CHANGES: dict[str, Callable[[Folders], Any]] = {
    "first is no longer": lambda made: (made.first / "a.png").write_bytes(picture(77)),
    "second is no longer": lambda made: (made.second / "a.png").write_bytes(picture(77)),
    "It is now in second": lambda made: (made.first / "a.png").unlink(),
    "It is now in first": lambda made: (made.second / "a.png").unlink(),
    "It is gone": lambda made: [(folder / "a.png").unlink() for folder in made[:2]],
    "is a link": lambda made: (
        (made.first / "a.png").rename(made.out / "a.png"),
        (made.first / "a.png").symlink_to(made.out / "a.png"),
    ),
}


@pytest.mark.parametrize("reason", CHANGES)
def test_what_was_not_compared_is_refused_and_the_others_go_on(made: Folders, reason: str) -> None:
    frame = compared(made)
    accept(made, frame, "a.png", "b.png")
    CHANGES[reason](made)
    before = state(made.first)
    done = triage.approve(frame)
    assert done.approved == ("b.png",)
    assert list(done.refused) == ["a.png"]
    assert reason in done.refused["a.png"]
    assert state(made.first) == before | {"b.png": picture(201)}
    assert done.folder is not None
    assert state(done.folder / "first") == {"b.png": picture(11)}
    triage.restore(done.folder)
    assert state(made.first) == before


@pytest.mark.skipif(os.name != "posix", reason="links as POSIX has them")
@pytest.mark.parametrize("when", ["before", "between"])
def test_folder_link_is_refused_as_a_file_link_is(
    made: Folders, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link() -> None:
        for folder in ("below", "new"):
            elsewhere = made.out.parent / f"elsewhere-{folder}"
            if (made.first / folder).exists():
                (made.first / folder).rename(elsewhere)
            else:
                elsewhere.mkdir()
            (made.first / folder).symlink_to(elsewhere)

    write = runfiles.write_manifest

    def and_then(path: Path, manifest: Any) -> None:
        write(path, manifest)
        if not manifest["complete"]:
            link()

    if when == "before":
        link()
    frame = compared(made)
    accept(made, frame, "a.png", "below/c.png")
    if when == "between":
        monkeypatch.setattr(runfiles, "write_manifest", and_then)
    done = triage.approve(frame, adopt=["new/new.png"])
    assert done.approved == ("a.png",)
    assert done.refused == {
        f"{folder}/{name}": f"{made.first / folder} is a link: approve where the file itself is."
        for folder, name in (("below", "c.png"), ("new", "new.png"))
    }
    assert (made.out.parent / "elsewhere-below" / "c.png").read_bytes() == picture(12)
    assert not list((made.out.parent / "elsewhere-new").iterdir())


def test_relative_folders_hold_in_another_working_folder(
    made: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = compared(made)
    accept(made, frame, "a.png")
    before = state(made.first)
    monkeypatch.chdir(made.out.parent)
    run = {role: folder.name for role, folder in made._asdict().items()}
    done = triage.approve(frame, run)
    assert done.approved == ("a.png",)
    assert done.folder is not None
    (tmp_path / "another").mkdir()
    monkeypatch.chdir(tmp_path / "another")
    assert triage.restore(done.folder).restored == ("a.png",)
    assert state(made.first) == before


def written_as(form: str, level: int) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (4, 4), (level, 0, 0)).save(data, form, lossless=True)
    return data.getvalue()


@pytest.mark.parametrize(
    ("first", "second", "name", "refused"),
    [
        ("PNG", "WEBP", "x.png", "second is a WebP file with the ending .png: save it as PNG, compare again"),
        (None, "WEBP", "x.PNG", "second is a WebP file with the ending .PNG: save it as PNG, compare again"),
        ("PNG", "PNG", "x.jpg", None),  # first had that ending already
        ("WEBP", "PNG", "x.webp", "second is a PNG file with the ending .webp: save it as WebP"),
        ("PNG", "PNG", "x.apng", None),
    ],
)
def test_no_file_gets_the_ending_of_another_format(
    made: Folders, first: str | None, second: str, name: str, refused: str | None
) -> None:
    if first is not None:
        (made.first / name).write_bytes(written_as(first, 10))
    (made.second / name).write_bytes(written_as(second, 200))
    frame, before = compared(made), state(made.first)
    accept(made, frame, name)
    done = triage.approve(frame)
    if refused is None:
        assert (done.approved, done.refused) == ((name,), {})
        assert (made.first / name).read_bytes() == written_as(second, 200)
    else:
        assert [*done.refused] == [name]
        assert done.refused[name].startswith(refused)
        assert state(made.first) == before


def test_row_that_the_frame_holds_twice_is_approved_once(made: Folders) -> None:
    frame = compared(made)
    accept(made, frame, "a.png", "b.png")
    twice = pd.concat([frame, frame])
    twice.attrs = frame.attrs
    done = triage.approve(twice)
    assert (done.approved, done.refused) == (("a.png", "b.png"), {})


@pytest.mark.parametrize("side", ["first", "second"])
def test_change_at_the_last_moment_is_refused(
    made: Folders, side: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the manifest and the replacing: the plan is then larger than what was done."""
    frame = compared(made)
    accept(made, frame, "a.png", "b.png")
    write = runfiles.write_manifest

    def and_then(path: Path, manifest: Any) -> None:
        write(path, manifest)
        if not manifest["complete"]:
            (getattr(made, side) / "a.png").write_bytes(picture(77))

    monkeypatch.setattr(runfiles, "write_manifest", and_then)
    done = triage.approve(frame)
    assert (done.approved, list(done.refused)) == (("b.png",), ["a.png"])
    after = state(made.first)
    assert after["a.png"] == picture(77 if side == "first" else 10)
    assert not [name for name in after if ".tmp" in name]
    assert done.folder is not None
    assert triage.restore(done.folder).restored == ("b.png",)
    assert (made.first / "a.png").read_bytes() == after["a.png"]


def test_restore_refuses_what_was_changed_since(made: Folders) -> None:
    frame = compared(made)
    accept(made, frame, "a.png", "b.png", "below/c.png")
    done = triage.approve(frame, adopt=["new/new.png"], remove=["gone.png"])
    assert done.folder is not None
    (made.first / "a.png").write_bytes(b"later work")
    (made.first / "gone.png").write_bytes(b"later work")
    (made.first / "new" / "new.png").write_bytes(b"later work")
    (done.folder / "first" / "b.png").write_bytes(b"damaged")
    back = triage.restore(done.folder)
    assert back.restored == ("below/c.png",)
    assert list(back.refused) == ["a.png", "b.png", "gone.png", "new/new.png"]
    assert "was changed" in back.refused["b.png"]
    assert [(made.first / name).read_bytes() for name in ("a.png", "gone.png", "new/new.png")] == [
        b"later work"
    ] * 3
    assert "4 pictures refused:\n  a.png: " in str(back)


def test_approvals_of_one_second_have_folders_of_their_own(made: Folders) -> None:
    frame = compared(made)
    folders_ = set()
    for name in ("a.png", "b.png", "below/c.png"):
        accept(made, frame, name)
        folders_.add(triage.approve(frame[frame["image_filename"] == name]).folder)
    assert len(folders_) == 3
    assert None not in folders_


@pytest.mark.skipif(os.name != "posix", reason="names as POSIX has them")
def test_names_of_every_kind(tmp_path: Path) -> None:
    made = folders(tmp_path)
    names = [
        *(name for name in HOSTILE if "/" not in name and "\0" not in name),
        os.fsdecode(b"\xff\n\\.png"),
    ]
    for number, name in enumerate(names):
        (made.first / name).write_bytes(picture(number))
        (made.second / name).write_bytes(picture(100 + number))
    (made.first / "e\u0301.png").write_bytes(picture(50))
    (made.second / "\u00e9.png").write_bytes(picture(150))
    before = state(made.first)
    frame = compared(made)
    assert (frame["status"] == "changed").all()
    Decisions(made.out).decide(frame, "accept")
    assert set(Decisions(made.out).state(frame)) == {"accept"}
    done = triage.approve(frame)
    assert (set(done.approved), done.refused) == (set(frame["image_filename"]), {})
    assert set(state(made.first)) == set(before)
    assert (made.first / "e\u0301.png").read_bytes() == picture(150)
    assert done.folder is not None
    assert triage.restore(done.folder).refused == {}
    assert state(made.first) == before


def test_all_is_on_the_disk_before_it_counts(made: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = compared(made)
    calls: list[str] = []
    fsync, replace = os.fsync, os.replace

    def synced(number: int) -> None:
        calls.append(f"fsync {Path(f'/proc/self/fd/{number}').readlink().name}")
        fsync(number)

    def replaced(source: Any, target: Any) -> None:
        calls.append(f"replace {Path(source).name} {Path(target).name}")
        replace(source, target)

    if not Path("/proc/self/fd").exists():
        pytest.skip("open files have no names here")
    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    accept(made, frame, "a.png")
    assert calls == ["fsync triage.csv", "fsync out"]
    calls.clear()
    done = triage.approve(frame)
    assert done.folder is not None
    manifest, beside = f"approved.json.{os.getpid()}.tmp", f".{done.folder.name}-0.tmp"
    begin = ["fsync a.png", f"fsync {done.folder.name}", "fsync first"]
    assert calls[:3] == begin
    assert calls[3:] == [
        f"fsync {manifest}",
        f"replace {manifest} approved.json",
        f"fsync {done.folder.name}",
        "fsync out",
        f"fsync {beside}",
        f"replace {beside} a.png",
        "fsync first",
        f"fsync {manifest}",
        f"replace {manifest} approved.json",
        f"fsync {done.folder.name}",
    ]


def test_interrupt_says_how_to_go_back(made: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = compared(made)
    before = state(made.first)
    accept(made, frame, "a.png", "b.png")
    replace = Path.replace

    def interrupt(source: Path, target: Path) -> Path:
        if target.name == "b.png":
            raise KeyboardInterrupt
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt) as stop:
        triage.approve(frame)
    monkeypatch.undo()
    (folder,) = made.out.glob("approved-*")
    assert f"triage.restore({str(folder)!r})" in str(stop.value)
    assert state(made.first) == before | {"a.png": picture(200)}
    assert triage.restore(folder, first=made.first) == triage.Restoration(("a.png",), ("b.png",), {})
    assert state(made.first) == before


def test_disk_that_refuses_leaves_all_as_it_was(made: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = compared(made)
    accept(made, frame, "a.png")
    before = state(made.first)
    path = made.out / "triage.csv"

    def full(*_: object, **__: object) -> None:
        raise errors.OutputError("full", path)

    monkeypatch.setattr(runfiles, "write_manifest", full)
    with pytest.raises(errors.OutputError):
        triage.approve(frame)
    assert state(made.first) == before
    assert not list(made.out.glob("approved-*"))


def test_runs_are_taken_as_run_and_manifest(made: Folders) -> None:
    with ThreadPoolExecutor(1) as executor:
        run = batch.run(*made, executor=executor, pictures="none")
    frame = run.frame()
    accept(made, frame, "a.png", "b.png")
    manifest = frame.attrs.pop("run")
    with pytest.raises(errors.SettingsError, match="first and second and out"):
        triage.approve(frame)
    with pytest.raises(errors.SettingsError, match="absent"):
        triage.approve(frame, run=manifest | {"out": str(made.out / "absent")})
    with pytest.raises(errors.SettingsError, match="status"):
        triage.approve(frame[["image_filename"]], run=manifest)
    assert triage.approve(frame[frame["image_filename"] == "a.png"], run).approved == ("a.png",)
    assert triage.approve(frame[frame["image_filename"] == "b.png"], run=manifest).approved == ("b.png",)


def test_folder_that_is_no_approval(tmp_path: Path) -> None:
    with pytest.raises(errors.ResultsError):
        triage.restore(tmp_path)
    folder = tmp_path / "approved-20260102-030405"
    folder.mkdir()
    with pytest.raises(errors.ResultsError, match=r"approved-20260102-030405 holds no approved\.json"):
        triage.restore(folder)
    entry = {"number": 0, "name": "x", "path": "../x.png", "first_digest": None, "second_digest": "0" * 32}
    runfiles.write_manifest(folder / "approved.json", {"first": str(tmp_path), "changes": [entry]})
    with pytest.raises(errors.SettingsError, match="comes from elsewhere"):
        triage.restore(folder)
    done = triage.restore(folder, first=tmp_path)
    assert "not the name of a picture" in done.refused["x"]
    runfiles.write_manifest(folder / "approved.json", {"first": str(tmp_path), "changes": [{"number": 0}]})
    with pytest.raises(errors.ResultsError, match="does not say"):
        triage.restore(folder, first=tmp_path)


def test_digests_are_those_of_the_run(made: Folders) -> None:
    (row,) = (row for row in triage.rows(compared(made)) if row.name == "gone.png")
    assert row == Row("gone.png", images.digest(made.first / "gone.png"), "")


def test_large_counts_have_commas() -> None:
    names = tuple(f"{number}.png" for number in range(1404))
    assert str(triage.Approval(None, names, {})) == "1,404 pictures approved."
    assert str(triage.Restoration(names, names, {})) == (
        "1,404 files restored. 1,404 files are the old ones already."
    )
