"""Files from others, continued: pipes, links and numbers instead of what is expected."""

import contextlib
import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support import pngs
from support.programs import Folders
from support.triaged import accept, approval, compared, entry, forget, picture, state

from mymodules import batch, images, look, notify, report, results, settings, triage, viewer
from mymodules.cli import summary
from mymodules.errors import OutputError, ResultsError, SettingsError
from mymodules.pages import display
from mymodules.paths import shown
from mymodules.results import runfiles
from mymodules.triage import Decisions, Row

# What is there instead of a file


def without_end(path: Path) -> None:
    """Put something there that is not a file: whoever reads it waits for ever."""
    path.unlink(missing_ok=True)
    os.mkfifo(path)


NO_PIPES = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")


@NO_PIPES
@pytest.mark.parametrize("name", ["results-20260101-000000.csv", "results-20260101-000000.partial.csv"])
def test_a_pipe_in_the_place_of_a_table_is_a_sentence(tmp_path: Path, name: str) -> None:
    without_end(tmp_path / name)
    for reader in (results.load, results.read, results.read_partial, runfiles.read_manifest):
        with pytest.raises(ResultsError, match="not a file"):
            reader(tmp_path / name)


@NO_PIPES
def test_a_pipe_in_the_place_of_decisions_is_a_sentence(tmp_path: Path) -> None:
    without_end(tmp_path / "triage.csv")
    with pytest.raises(ResultsError, match="not a file"):
        Decisions(tmp_path).of(Row("a.png", "", ""))
    with pytest.raises(ResultsError, match="not a file"):
        Decisions(tmp_path).decide(Row("a.png", "", ""), "accept")


@NO_PIPES
@pytest.mark.parametrize("where", ["target", "kept", "second", "manifest"])
def test_a_pipe_in_the_place_of_a_picture_is_refused(made: Folders, where: str) -> None:
    frame = compared(made)
    accept(made, frame, "a.png", "b.png")
    if where == "second":
        without_end(made.second / "a.png")
        done = triage.approve(frame)
        assert (done.approved, list(done.refused)) == (("b.png",), ["a.png"])
        return
    folder = triage.approve(frame).folder
    assert folder is not None
    without_end({"target": made.first, "kept": folder / "first", "manifest": folder}[where] / (
        "approved.json" if where == "manifest" else "a.png"
    ))  # fmt: skip
    if where == "manifest":
        with pytest.raises(ResultsError, match="not a file"):
            triage.restore(folder)
    else:
        back = triage.restore(folder)
        assert (back.restored, list(back.refused)) == (("b.png",), ["a.png"])
        assert "not a file" in back.refused["a.png"]


@NO_PIPES
def test_a_pipe_in_the_place_of_a_picture_is_shown_as_such(made: Folders, tmp_path: Path) -> None:
    frame = compared(made)
    without_end(made.first / "a.png")
    shown = viewer.Viewer(frame)
    sent: list[dict[str, Any]] = []
    shown.send = lambda message, buffers=None: sent.append(message)  # type: ignore[method-assign]
    for side in ("first", "delta"):
        shown._answer(None, {"id": 1, "name": "a.png", "kind": "picture", "side": side}, None)
        assert "not a file" in sent[-1]["error"]
    shown._answer(None, {"id": 1, "name": "a.png", "kind": "marks"}, None)
    box = [0, 0, 4, 4]
    assert sent[-1]["marks"] == [["edit", "changed", box, box, 16, []]]  # the run has them: no file is read
    look.blend(frame)
    for call in (images.digest, images.read_rgba):
        with pytest.raises(OSError, match="not a file"):
            call(made.first / "a.png")
    (tmp_path / "report").mkdir()
    without_end(tmp_path / "report" / "index.html")
    with pytest.raises(SettingsError, match="is not replaced"):
        report.write(frame, tmp_path / "report")


def test_a_report_takes_no_delta_from_elsewhere(made: Folders, tmp_path: Path) -> None:
    """Each is a picture of the right size with the right number of differing pixels: here all of them."""
    with ThreadPoolExecutor(1) as executor:
        run = batch.run(*made, executor=executor, store=None)
    frame = run.frame()
    drawn = run.pictures_dir / "a.png-5.delta.png"
    secret = tmp_path / "secret.png-5.delta.png"
    secret.write_bytes(
        drawn.read_bytes()[:-12] + pngs.chunk(b"tEXt", b"a\0secret") + drawn.read_bytes()[-12:]
    )
    assert images.read_rgba(secret).tobytes() == images.read_rgba(drawn).tobytes()
    drawn.unlink()
    drawn.symlink_to(secret)
    (made.out / "03.diff-..").mkdir()
    for folder in (made.out / "03.diff-..", made.out, made.out.parent):
        shutil.copyfile(secret, folder / "a.png-5.delta.png")
    for number, values in enumerate(({}, {"stamp": "../."}, {"stamp": "../.."}, {"stamp": "../../.."})):
        edited = frame.copy()
        edited.attrs = {**frame.attrs, "run": frame.attrs["run"] | values}
        page = report.write(edited, tmp_path / f"report{number}")
        found = b"".join(path.read_bytes() for path in page.parent.rglob("*.png"))
        assert b"IDAT" in found
        assert b"secret" not in found


@pytest.mark.parametrize("there", [False, True])
def test_decisions_are_written_through_no_link(tmp_path: Path, there: bool) -> None:
    """The victim could be a start-up file: a name such as $(id) in it would be executed."""
    victim, out = tmp_path / ".profile", tmp_path / "out"
    out.mkdir()
    if there:
        Decisions(tmp_path).decide(Row("mine.png", "", ""), "accept")
        (tmp_path / "triage.csv").rename(victim)
    before = victim.read_bytes() if there else None
    (out / "triage.csv").symlink_to(victim)
    decided = Decisions(out)
    calls: list[Callable[[], object]] = [lambda: decided.decide(Row("$(id).png", "", ""), "accept")]
    calls += [decided.undo] if there else []
    for call in calls:
        with pytest.raises(OutputError, match=r"triage\.csv cannot be written: it is a link"):
            call()
    assert (victim.read_bytes() if victim.exists() else None) == before


def test_files_are_written_through_no_link(tmp_path: Path) -> None:
    victim, path = tmp_path / ".profile", tmp_path / "results-20260101-000000.csv"
    path.with_name(f"{path.name}.{os.getpid()}.tmp").symlink_to(victim)
    results.write(path, [])
    assert not victim.exists()
    assert results.read(path) == []
    assert list(tmp_path.iterdir()) == [path]


# More of approvals from elsewhere


def put(folder: Path, name: str, data: bytes) -> None:
    (folder / "first").mkdir(exist_ok=True)
    (folder / "first" / name).write_bytes(data)


def test_the_folder_of_an_approval_may_be_moved_renamed_and_linked(
    made: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = compared(made)
    before = state(made.first)
    accept(made, frame, "a.png", "below/c.png")
    folder = triage.approve(frame).folder
    assert folder is not None
    folder.rename(tmp_path / "kept of May")
    made.first.rename(tmp_path / "baseline")
    (tmp_path / "link").symlink_to(tmp_path / "kept of May")
    monkeypatch.chdir(tmp_path / "kept of May")
    with pytest.raises(SettingsError, match=r"There is no folder .*first=\.\.\."):
        triage.restore(".")
    with pytest.raises(SettingsError, match="There is no folder"):
        triage.restore(".", first=tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    assert not made.first.exists()
    (tmp_path / "baseline" / ".approved-moved-0.tmp").write_bytes(b"of a killed restore")
    back = triage.restore("../link", first="../baseline")
    assert (back.restored, back.refused) == (("a.png", "below/c.png"), {})
    assert state(tmp_path / "baseline") == before


def test_restore_removes_no_hidden_file_of_another_name(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    mine = tmp_path / "first" / ".mine-7.tmp"
    mine.write_bytes(b"mine")
    folder = approval(tmp_path / "mine", tmp_path / "first", entry("a.png", None, "1" * 32, number=7))
    triage.restore(folder, first=tmp_path / "first")
    assert mine.read_bytes() == b"mine"


@pytest.mark.skipif(os.name != "posix", reason="rights as POSIX has them")
def test_an_old_file_of_others_gives_no_rights_to_act_as_me(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    old = picture(1)
    folder = approval(tmp_path / "approved-1", tmp_path / "first", entry("a.png", images.digest(old)))
    put(folder, "a.png", old)
    (folder / "first" / "a.png").chmod(0o6755)
    assert triage.restore(folder, first=tmp_path / "first").restored == ("a.png",)
    assert (tmp_path / "first" / "a.png").stat().st_mode & 0o7777 == 0o755


WRONG_DIGESTS = [(None, None), ("=cmd", None), ("0" * 31, "1" * 32), ("A" * 32, None), (None, "x" * 9999)]


@pytest.mark.parametrize(("old", "new"), WRONG_DIGESTS)
def test_an_entry_without_digests_is_refused_by_name(
    tmp_path: Path, old: str | None, new: str | None
) -> None:
    (tmp_path / "first").mkdir()
    good = picture(1)
    entries = entry("a.png", old, new), entry("b.png", images.digest(good), number=1, name="b.png")
    folder = approval(tmp_path / "approved-1", tmp_path / "first", *entries)
    put(folder, "a.png", good)
    put(folder, "b.png", good)
    done = triage.restore(folder, first=tmp_path / "first")
    assert (done.restored, list(done.refused)) == (("b.png",), ["a.png"])


def test_an_entry_is_called_what_it_is_and_counts_once(tmp_path: Path) -> None:
    """The first entry would remove the picture, the second one would replace it."""
    first, mine, evil = tmp_path / "first", picture(1), picture(2)
    first.mkdir()
    (first / "a.png").write_bytes(mine)
    lies = "\x1b[2Jharmless.png"
    entries = (
        entry("a.png", None, images.digest(mine), name=lies),
        entry("a.png", images.digest(evil), name=lies),
    )
    folder = approval(tmp_path / "approved-1", first, *entries)
    put(folder, "a.png", evil)
    done = triage.restore(folder, first=first)
    assert (done.restored, list(done.refused)) == (("a.png",), [lies])
    assert list(first.iterdir()) == []
    assert "\x1b" not in str(done)


@pytest.mark.parametrize("path", ["\ud800.png", "\udcff\ud800/a.png"])
def test_half_a_character_is_no_name(tmp_path: Path, path: str) -> None:
    (tmp_path / "first").mkdir()
    folder = approval(tmp_path / "approved-1", tmp_path / "first", entry(path, None, "1" * 32))
    assert list(triage.restore(folder, first=tmp_path / "first").refused) == ["a.png"]
    frame = pd.DataFrame({"image_filename": [r"\ud800.png"], "status": ["changed"], "regions": [[]]})
    frame.attrs["run"] = {"first": str(tmp_path / "first"), "second": str(tmp_path)}
    with pytest.raises(display.Absent, match="leads out of"):
        display.folders(frame).path(r"\ud800.png", "first", "changed")
    with pytest.raises(SettingsError, match="must be the path"):
        triage.restore(folder, first="\ud800")


def test_new_pictures_come_from_a_folder_that_was_chosen(
    made: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else's run names the first folder of the settings, and a second folder of its own."""
    frame = compared(made)
    accept(made, frame, "a.png")
    before = state(made.first)
    forget(monkeypatch)
    other = Path(shutil.copytree(made.second, tmp_path / "other"))
    settings.init(first=made.first, second=other, out=made.out)
    with pytest.raises(SettingsError, match="comes from elsewhere") as refused:
        triage.approve(frame)
    assert str(made.second) in str(refused.value)
    assert state(made.first) == before
    assert triage.approve(frame, first=made.first).approved == ("a.png",)


@pytest.mark.parametrize("named", [True, False])
def test_a_resumed_run_is_known_where_its_folders_were_named(
    made: Folders, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    """A file to resume names folders as well, but that does not choose them."""
    csv = next(made.out.glob("results-*[0-9].csv")) if compared(made) is not None else made.out
    forget(monkeypatch)
    with ThreadPoolExecutor(1) as executor:
        run = batch.run(*(made[:2] if named else ()), resume=csv, executor=executor)
    accept(made, run.frame(), "a.png")
    if named:
        assert triage.approve(run.frame(), run).approved == ("a.png",)
    else:
        with pytest.raises(SettingsError, match="comes from elsewhere"):
            triage.approve(run.frame(), run)


def test_second_is_never_first(made: Folders) -> None:
    frame = compared(made)
    accept(made, frame, "a.png")
    folder = triage.approve(frame).folder
    assert folder is not None
    before = state(made.second)
    with pytest.raises(SettingsError, match="is second"):
        triage.restore(folder, first=made.second)
    with pytest.raises(SettingsError, match="is second"):
        triage.approve(frame, first=made.second)
    assert state(made.second) == before


# More of runs from elsewhere


def edited(made: Folders, **values: Any) -> Path:
    """Return the CSV of a run whose manifest has these values instead."""
    compared(made)
    (csv,) = made.out.glob("results-*[0-9].csv")
    manifest = json.loads(csv.with_suffix(".json").read_text(encoding="utf-8")) | values
    csv.with_suffix(".json").write_text(json.dumps(manifest), encoding="utf-8")
    return csv


WRONG_VALUES: list[dict[str, Any]] = [
    {"options": {"root": 5}},
    {"options": {"first": "/x", "max_pixels": 9}},
    {"options": {"max_pixels": math.nan}},
    {"options": {"max_pixels": 1e300}},
    {"options": []},
    {"first": "\ud800"},
    {"second": 7},
    {"root": ""},
    {"root": "a\0"},
    {"skip_until": True},
    {"skip_until": -3},
    {"stop_at": "1"},
    {"pictures": "most"},
    {"versions": None},
    {"versions": {"numpy": [[]]}},
    {"options": {"max_pixels": 7}, "stamp": None},
    {"out": 5},
]


@pytest.mark.parametrize("values", WRONG_VALUES, ids=repr)
def test_a_run_of_nonsense_is_not_resumed(made: Folders, values: dict[str, Any]) -> None:
    csv = edited(made, **values)
    settings.init(first=made.first, second=made.second, out=made.out)
    before = state(made.out)
    named = made[:2] if "out" in values else ()
    with pytest.raises((SettingsError, ResultsError)), ThreadPoolExecutor(1) as executor:
        batch.run(*named, resume=csv, executor=executor, store=None)
    assert state(made.out) == before


def test_a_run_is_resumed_wherever_it_is(made: Folders) -> None:
    csv = edited(made)
    manifest = json.loads(csv.with_suffix(".json").read_text(encoding="utf-8"))
    del manifest["out"], manifest["stamp"]
    csv.with_suffix(".json").write_text(json.dumps(manifest), encoding="utf-8")
    with ThreadPoolExecutor(1) as executor:
        assert batch.run(*made[:2], resume=csv, executor=executor).counts["changed"] == 3


@pytest.mark.parametrize("text", ['{"a": NaN}', '{"a": -Infinity}', '{"a": [1e400]}'])
def test_a_manifest_holds_figures_only(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.json").write_text(text, encoding="utf-8")
    with pytest.raises(ResultsError, match="is not a figure"):
        runfiles.read_manifest(tmp_path / "m.json")


@pytest.mark.parametrize("below", ["", "below"])
def test_drawings_of_a_resumed_run_go_through_no_link(made: Folders, tmp_path: Path, below: str) -> None:
    compared(made)
    with ThreadPoolExecutor(1) as executor:
        run = batch.run(*made, executor=executor, store=None)
    victims = tmp_path / "victims"
    victims.mkdir()
    for name in ("a.png-1.orig.png", "c.png-1.orig.png"):
        (victims / name).write_bytes(b"mine")
    before = state(victims)
    shutil.rmtree(run.pictures_dir / below)
    (run.pictures_dir / below).symlink_to(victims)
    for name in ("a.png", "below/c.png"):
        (made.second / name).write_bytes(picture(77))
    with pytest.raises(SettingsError, match="is a link"), ThreadPoolExecutor(1) as executor:
        batch.run(*made[:2], resume=run.csv_path, executor=executor, store=None)
    assert state(victims) == before


def test_others_do_not_say_how_large_a_picture_may_be(made: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = results.load(edited(made, options={"max_pixels": 10**18}))
    assert runfiles.folders(frame).max_pixels == 10**18, "this process has chosen these folders"
    forget(monkeypatch)
    assert runfiles.folders(frame).max_pixels == settings.MAX_PIXELS
    assert runfiles.folders(frame, frame.attrs["run"]).max_pixels == 10**18, "the caller says so"
    settings.init(first=made.second, second=made.first, out=made.out, max_pixels=9)
    assert runfiles.folders(frame).max_pixels == 9


WRONG_OUTCOMES: list[dict[str, Any]] = [
    {"counts": {"same": math.inf}, "seconds": 1},
    {"counts": {"same": 1}, "seconds": math.inf},
    {"counts": {"same": 1}, "seconds": math.nan},
    {"counts": {"same": -1}, "seconds": 1},
    {"counts": {"same": 10**4000}, "seconds": 1},
    {"counts": [], "seconds": 1},
    {"counts": {"same": 1}, "seconds": 1, "out": "/a", "stamp": "../../x"},
    {"counts": {"same": 1}, "seconds": 1, "out": 5, "stamp": "20260101-000000"},
]


@pytest.mark.parametrize("run", WRONG_OUTCOMES, ids=lambda run: repr(run)[:60])
def test_no_message_is_made_of_nonsense(run: dict[str, Any]) -> None:
    with pytest.raises(ResultsError):
        notify.message(run)


def test_a_path_of_others_makes_no_line_of_a_message() -> None:
    run = {"counts": {"same": 1}, "seconds": 1, "out": "a\nReport: b", "stamp": "20260101-000000"}
    assert notify.message(run).count("\n") == 1


def test_a_stale_approval_of_others_does_not_keep_one_from_approving(made: Folders) -> None:
    frame = compared(made)
    accept(made, frame, "a.png")
    for number, first in enumerate((5, "", "a\0", "http://x/y", "\ud800", "x" * 9999, None)):
        approval(made.out / f"approved-20260101-00000{number}", made.first)
        manifest = json.dumps({"first": first, "changes": [entry("a.png", None, "0" * 32), {}, 5]})
        (made.out / f"approved-20260101-00000{number}" / "approved.json").write_text(manifest)
    assert triage.approve(frame).approved == ("a.png",)


@pytest.mark.parametrize("role", ["first", "second", "out"])
def test_a_path_that_is_too_long_is_a_sentence(made: Folders, tmp_path: Path, role: str) -> None:
    frame = compared(made)
    accept(made, frame, "a.png")
    run = frame.attrs["run"] | {role: "/" + "x" * 5000}
    shown = viewer.Viewer(frame, run=run)
    for side in display.SIDES:
        with (
            pytest.raises(display.Absent, match="File name too long")
            if side == role
            else contextlib.nullcontext()
        ):
            display.read(shown._rows.path("a.png", side), side, None)
    assert ("Nothing can be decided" in shown.closed) == (role == "out")
    with pytest.raises(ResultsError, match="too long") if role == "out" else contextlib.nullcontext():
        report.write(frame, tmp_path / "report", run=run)
    with pytest.raises(SettingsError):
        triage.approve(frame, run=run, first=run["first"])


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("a\x1b[2Jb.png", r"a\x1b[2Jb.png"),
        ("a\x9b31mb", r"a\x9b31mb"),
        ("a\nb\r\tc\x7f", r"a\nb\r\tc\x7f"),
        ("gnp.\u202ea.exe", r"gnp.\u202ea.exe"),
        ("\u2066a\u2069\u200f\u2028", r"\u2066a\u2069\u200f\u2028"),
        ("日本\u3000語 é 😀 '\\", "日本\u3000語 é 😀 '\\"),
    ],
)
def test_no_terminal_obeys_a_name(text: str, printed: str) -> None:
    assert shown(text) == printed
    row = results.PairResult(None, text, text, "error", "corrupt")
    changed = row._replace(status="changed", code="dimensions_differ")
    manifest = {"recomputed": {"new": 1}, "reused": 1, "reasons": {"new": [text]}}
    lines = [*summary.summary([row, changed]), *summary.notes(manifest)]
    assert [line.split("  0  ")[0].rstrip() for line in lines if printed in line] == [
        f"  {printed}",
        f"    {printed}",
        f"  {printed}: {printed}",
        f"1 picture: compared for the first time: {printed}",
    ]
    assert printed in str(triage.Approval(None, (), {text: "It is gone."}))
    assert "\x1b" not in "".join(lines)


# Tables and decisions that take long, or say odd things


TABLES = [
    "0.5," + ',"' * 200_000 + "x",
    "0.5," + ',"' * 200_000 + '"',
    '0.5,a,"' + '"\t' * 200_000 + "x\n",
    '0.5,a,"' + " " * 200_000 + "x\n",
    '0.5,"\n' * 100_000,
    "," * 400_000,
    '"' * 400_000,
]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The numbers of the tables that a process has loaded, one after the other, within a minute."""
    folder = tmp_path_factory.mktemp("tables")
    for number, text in enumerate(TABLES):
        (folder / str(number)).write_text(text, encoding="utf-8")
    code = (
        "import sys\nfrom pathlib import Path\nfrom mymodules import errors, results\n"
        "for number in sys.argv[1:]:\n"
        "    try:\n        results.load(Path(number))\n    except errors.ResultsError:\n        pass\n"
        "    print(number, flush=True)"
    )
    command = [sys.executable, "-c", code, *map(str, range(len(TABLES)))]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(60)
        process.kill()
        assert process.stdout is not None
        return process.stdout.read().split()


@pytest.mark.parametrize("number", range(len(TABLES)))
def test_a_table_of_the_first_notebook_takes_no_longer_than_its_size(loaded: list[str], number: int) -> None:
    """Each takes milliseconds; if every quote were tried against every other one, it would take minutes."""
    assert str(number) in loaded


def test_undoing_a_hundred_thousand_steps_takes_no_longer_than_their_number(tmp_path: Path) -> None:
    count = 100_000
    lines = [f"t{number},{number}.png,,,accept,\r\n" for number in range(count)]
    lines += [f"u{number},0.png,,,undo,\r\n" for number in range(count - 1)]
    (tmp_path / "triage.csv").write_text(",".join(runfiles.DECIDED) + "\r\n" + "".join(lines))
    code = (
        "import sys\nfrom mymodules.triage import Decisions, Row\ndecided = Decisions(sys.argv[1])\n"
        "print([decided.of(Row(f'{number}.png', '', ''))[0] for number in (0, 1)], decided.can_redo)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, tmp_path], timeout=60, check=False, capture_output=True, text=True
    )
    assert ended.stdout == "['accept', ''] True\n"


@pytest.mark.parametrize("time", ["yesterday", "", "02.01.2026 03:04", "0001-01-01T00:00:00+23:59"])
def test_a_step_of_any_time_is_undone(made: Folders, time: str) -> None:
    frame = compared(made)
    accept(made, frame, "a.png")
    path = made.out / "triage.csv"
    header, line = path.read_text(encoding="utf-8-sig").splitlines()
    path.write_text(f"{header}\n{time},{line.partition(',')[2]}\n", encoding="utf-8")
    shown = viewer.Viewer(frame)
    assert shown.undo() is not None
    assert shown.redo() is not None
    assert Decisions(made.out).state(frame[frame["image_filename"] == "a.png"]).tolist() == ["accept"]


def test_a_digest_of_others_makes_no_line_of_decisions(tmp_path: Path) -> None:
    """A line break in it would end the line, and begin a line that decides about another row."""
    victim = Row("victim.png", "1" * 32, "2" * 32)
    row = Row("a.png", f"x\r\n2026,{','.join(victim)},accept,\r\n", "\0\r=1")
    Decisions(tmp_path).decide(row, "ignore")
    decided = Decisions(tmp_path)
    assert decided.of(victim) == ("", "")
    assert decided.of(row) == ("ignore", "")
    assert (tmp_path / "triage.csv").read_bytes().count(b"\n") == 2


def test_a_decision_that_could_not_be_read_again_is_refused(tmp_path: Path) -> None:
    for row in (Row("x" * 140_000, "", ""), Row("\n" * 40_000, "", ""), Row("a.png", "", "x" * 140_000)):
        with pytest.raises(SettingsError, match="longer than any"):
            Decisions(tmp_path).decide(row, "accept")
    assert list(tmp_path.iterdir()) == []
