"""The panel without a page: what its fields say becomes a run, and how a run ends becomes a sentence."""

import html
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.programs import (
    COUNTS,
    Folders,
    figures,
    folders,
    mixed,
    until,
    worker_pids,
)

from mymodules import batch, panel, processors, results, settings
from mymodules.batch.plan import PICTURES
from mymodules.errors import OutputError, SettingsError
from mymodules.panel import Panel
from mymodules.results import runfiles

COUNT = 16
WITHIN = 10.0  # s; a promise of moments
HOSTILE = "<img src=x onerror=alert(1)>&amp;$x^2$"


@pytest.fixture
def made() -> Panel:
    return panel.panel()


class Held:
    """Stands for `batch.run`: notes what it is asked for, and ends when it is told to."""

    def __init__(self, result: batch.Run | Exception) -> None:
        self.result = result
        self.asked: list[dict[str, Any]] = []
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(
        self,
        *,
        on_progress: Callable[[batch.Progress], object],
        cancelled: Callable[[], bool],
        **asked: Any,
    ) -> batch.Run:
        self.asked.append(asked)
        self.begun.set()
        while not self.go.wait(0.01):
            if cancelled():
                raise KeyboardInterrupt
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    """A run that fails as soon as it is let go; nothing is compared."""
    held = Held(SettingsError("There is no picture."))
    monkeypatch.setattr(batch, "run", held)
    return held


def name(made: Panel, given: Folders) -> None:
    """Fill in the folders."""
    for role, folder in given._asdict().items():
        made.inputs[role].value = str(folder)


def text(widget: Any) -> str:
    """What a widget shows; it holds no markup but the one element around."""
    value = str(widget.value)
    if value:
        assert value.startswith('<span class="mmp-')
        assert value.endswith("</span>")
    inner = value.partition(">")[2].removesuffix("</span>")
    assert "<" not in inner
    return html.unescape(inner)


def note(made: Panel, role: str) -> str:
    return text(made.notes[role])


def message(made: Panel) -> str:
    return text(made.message)


def can(made: Panel) -> set[str]:
    """The buttons that can be pressed."""
    return {name for name, button in made.buttons.items() if not button.disabled}


def press(made: Panel, button: str) -> None:
    made.buttons[button].click()


def ends(made: Panel) -> None:
    assert made.wait(60)


# --- fields ------------------------------------------------------------------------------------------


def test_folders_are_those_of_the_settings(given: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.ENVIRONMENT, "")  # put back afterwards
    settings.init(first=given.first, second=given.second, out=given.out)
    made = panel.panel()
    assert [made.inputs[role].value for role in ("first", "second", "out")] == [str(path) for path in given]
    assert [note(made, role) for role in ("first", "second", "out")] == ["", "", ""]


def test_without_a_choice_nothing_is_created(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = panel.panel()
    assert made.inputs["first"].value == str(tmp_path / "img" / "01.first")
    assert note(made, "first") == "There is no such folder."
    assert list(tmp_path.iterdir()) == []


def test_the_last_folders_are_there_the_next_time(made: Panel, given: Folders, held: Held) -> None:
    name(made, given)
    press(made, "run")
    held.go.set()
    ends(made)
    again = panel.panel()
    assert [again.inputs[role].value for role in ("first", "second", "out")] == [str(path) for path in given]


def test_without_a_kernel_its_folders_and_its_run_are_left(made: Panel, given: Folders) -> None:
    made.inputs["first"].value = "<b>none</b>"
    markup, sentence = made.kept()
    assert "&lt;b&gt;none&lt;/b&gt;" in markup
    assert "needs a running kernel" in sentence
    name(made, given)
    press(made, "run")
    ends(made)
    assert made.explorer is not None
    markup, _ = made.kept()
    assert "compared in" in markup
    assert made.explorer.kept()[0].count("<tr>") == markup.count("<tr>") - 3


def test_what_the_fields_say_is_what_is_run(made: Panel, given: Folders, held: Held) -> None:
    name(made, given)
    made.inputs["skip_until"].value = 3
    made.inputs["stop_at"].value = 9
    made.inputs["num_processors"].value = 1
    made.inputs["pictures"].value = "none"
    press(made, "run")
    held.begun.wait(WITHIN)
    folders = {role: str(folder) for role, folder in given._asdict().items()}
    options = {"skip_until": 3, "stop_at": 9, "num_processors": 1, "pictures": "none"}
    assert held.asked == [folders | options]


def test_untouched_they_are_what_a_plain_run_takes(made: Panel, held: Held) -> None:
    made.start()
    held.begun.wait(WITHIN)
    chosen = settings.resolve()
    assert held.asked == [
        {
            "first": chosen.first,
            "second": chosen.second,
            "out": chosen.out,
            "skip_until": 0,
            "stop_at": -1,
            "num_processors": processors.count(),
            "pictures": "changed",
        }
    ]


def test_drawings_are_those_that_a_run_knows(made: Panel) -> None:
    assert made.inputs["pictures"].options == PICTURES


@pytest.mark.parametrize(
    ("role", "typed", "expected"),
    [
        ("first", "", "Name a folder."),
        ("first", "{here}/nowhere", "There is no such folder."),
        ("second", "nowhere", "There is no such folder below {here}."),
        ("second", "{here}/first/broken.png", "This is not a folder."),
        ("first", "{here}/first", ""),
        ("first", "first", ""),
        ("first", ' "{here}/first"\n', ""),
        ("out", "{here}/new", "This folder will be created."),
        ("out", "{here}/new/newer", "There is no such folder."),
        ("out", "{here}/" + HOSTILE, "This folder will be created."),
        ("first", "\0", r"first must be the path of a folder, as text or Path, not '\x00'."),
        ("first", "x" * 5000, "There is no such folder below {here}."),
        ("first", "s3://bucket/x//a.png", ""),
    ],
)
def test_a_sentence_below_a_folder_as_it_is_typed(
    role: str, typed: str, expected: str, given: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = given.out.parent
    monkeypatch.chdir(here)
    made = panel.panel()
    made.inputs[role].value = typed.replace("{here}", str(here))
    assert note(made, role) == expected.replace("{here}", str(here))


def test_a_url_is_taken_and_nobody_is_asked_while_it_is_typed(
    made: Panel, given: Folders, held: Held, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYMODULES_CACHE", str(tmp_path / "cache"))
    name(made, given)
    made.inputs["first"].value = "s3://bucket/plots"
    assert note(made, "first") == ""
    assert not (tmp_path / "cache").exists()
    made.inputs["first"].value = "s3://bucket/x//a"
    assert "name the folder without them" in note(made, "first")
    made.inputs["out"].value = "s3://bucket/plots"
    assert note(made, "out") == ""
    made.inputs["out"].value = "https://host/plots"
    assert "can only be read" in note(made, "out")
    name(made, given)
    made.inputs["first"].value = "s3://key:hidden@bucket/plots?sig=hidden"
    assert "The notebook would keep what is secret" in note(made, "first")
    assert "hidden" not in "".join(made._left())
    made.inputs["first"].value = "s3://bucket/plots"
    press(made, "run")
    held.go.set()
    ends(made)
    assert held.asked[0]["first"] == "s3://bucket/plots"


def test_a_path_with_quotes_around_is_meant_without(made: Panel, given: Folders, held: Held) -> None:
    name(made, given)
    made.inputs["second"].value = f'"{given.second}" '
    made.start()
    held.begun.wait(WITHIN)
    assert held.asked[0]["second"] == str(given.second)


@pytest.mark.skipif(os.name == "nt", reason="Windows does not allow such names")
def test_quotes_that_are_in_the_name_stay(made: Panel, tmp_path: Path) -> None:
    odd = tmp_path / "'odd' "
    odd.mkdir()
    made.inputs["first"].value = str(odd)
    assert note(made, "first") == ""
    assert made._meant("first") == str(odd)


def test_folders_are_suggested_while_one_is_typed(made: Panel, tmp_path: Path) -> None:
    for folder in ("shots 1", "shots 2", "other", ".hidden", HOSTILE.replace("/", "")):
        (tmp_path / folder).mkdir()
    (tmp_path / "shots.txt").touch()
    box = made.inputs["first"]
    box.value = str(tmp_path / "sh")
    assert box.options == (str(tmp_path / "shots 1"), str(tmp_path / "shots 2"))
    box.value = str(tmp_path / ".h")
    assert box.options == (str(tmp_path / ".hidden"),)
    box.value = str(tmp_path) + os.sep
    assert set(box.options) == {str(path) for path in tmp_path.iterdir() if path.name[0] not in ".f"} - {
        str(tmp_path / "shots.txt")
    }
    box.value = str(tmp_path / "nowhere" / "x")
    assert box.options == ()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every name is text")
def test_a_folder_whose_name_is_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = mixed(Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")))
    monkeypatch.setenv(settings.ENVIRONMENT, "")  # put back afterwards
    settings.init(first=given.first, second=given.second, out=given.out)
    made = panel.panel()
    assert made.inputs["first"].value == f"{tmp_path}/caf\\udce9/first"
    made.start()
    ends(made)
    assert made.error is None
    assert made.run is not None
    assert made.run.counts == COUNTS
    assert str(made.message.value).isascii()


# --- a run -------------------------------------------------------------------------------------------


def test_nothing_runs_before_the_button_is_pressed(made: Panel, given: Folders, held: Held) -> None:
    name(made, given)
    assert (held.asked, made.run, made.explorer, made.error) == ([], None, None, None)
    assert can(made) == {"run"}
    assert not any(thread.name == "panel" for thread in threading.enumerate())


def test_a_run_is_shown_when_it_has_ended(made: Panel, given: Folders) -> None:
    name(made, given)
    press(made, "run")
    ends(made)
    assert made.error is None
    assert made.run is not None
    assert made.run.counts == COUNTS
    assert message(made) == (
        f"16 pictures compared in {batch.duration(made.run.seconds)}. The table is {made.run.csv_path}."
    )
    assert made.explorer is not None
    assert sorted(made.explorer.frame["image_filename"]) == sorted(made.run.frame()["image_filename"])
    assert made.children[-1] is made.explorer
    assert can(made) == {"run"}
    bar, *counts = str(made.progress.value).split(" · ")
    assert bar == '<progress max="16" value="16"></progress> <b>16</b> of 16'
    assert counts == ["same 1", "changed 12", "missing 1", "extra 1", "error 1"]


def test_a_folder_that_the_run_has_made_is_there(made: Panel, given: Folders) -> None:
    name(made, given._replace(out=given.out / "new"))
    assert note(made, "out") == "This folder will be created."
    made.start()
    ends(made)
    assert made.run is not None
    assert made.run.csv_path.parent == given.out / "new"
    assert note(made, "out") == ""


def test_a_second_run_says_what_it_took_over(made: Panel, given: Folders) -> None:
    name(made, given)
    made.start()
    ends(made)
    first = made.explorer
    made.start()
    ends(made)
    assert made.run is not None
    assert made.run.reused > 0
    assert f"{made.run.reused} of them reused from earlier runs" in message(made)
    assert first is not None
    assert made.explorer is not first
    assert made.children.count(made.explorer) == 1
    assert first not in made.children
    assert first.viewer.comm is None, "the explorer of the run before is closed, with the pictures it holds"


def test_no_second_run_beside_the_first(made: Panel, held: Held) -> None:
    press(made, "run")
    held.begun.wait(WITHIN)
    assert can(made) == {"cancel"}
    assert all(control.disabled for control in made.inputs.values())
    made.start()
    made.resume()
    assert len(held.asked) == 1
    held.go.set()
    ends(made)
    assert can(made) == {"run"}
    assert not any(control.disabled for control in made.inputs.values())


def test_a_cell_that_is_run_again_finds_its_run(made: Panel, held: Held) -> None:
    assert panel.panel() is not made
    made.start()
    held.begun.wait(WITHIN)
    assert panel.panel() is made
    made.cancel()
    ends(made)
    assert panel.panel() is not made


def test_what_is_wrong_is_a_sentence(made: Panel, given: Folders) -> None:
    name(made, given._replace(first=given.first / HOSTILE))
    made.start()
    ends(made)
    assert isinstance(made.error, SettingsError)
    assert message(made) == str(made.error)
    assert HOSTILE in message(made)
    assert "mmp-problem" in made.message.value
    assert (made.run, made.progress.value, can(made)) == (None, "", {"run"})
    name(made, given)
    made.start()
    ends(made)
    assert made.error is None
    assert "mmp-problem" not in made.message.value


def test_what_nobody_expected_is_a_sentence_too(
    made: Panel, held: Held, capsys: pytest.CaptureFixture[str]
) -> None:
    held.result = LookupError(HOSTILE)
    held.go.set()
    made.start()
    ends(made)
    assert made.error is held.result
    assert message(made) == f"This was not expected: LookupError: {HOSTILE}."
    assert capsys.readouterr() == ("", "")


def test_a_table_that_cannot_be_shown_is_still_named(
    made: Panel, given: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("no table")

    monkeypatch.setattr("mymodules.explore.explorer.explore", refuse)
    name(made, given)
    made.start()
    ends(made)
    assert made.run is not None
    assert str(made.run.csv_path) in message(made)
    assert message(made).endswith("This was not expected: ValueError: no table.")


def test_ten_thousand_pictures_are_not_ten_thousand_messages(
    made: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*, on_progress: Callable[[batch.Progress], object], **_: object) -> None:
        about = COUNTS, 1.0, 100.0, 7325.0, Path("none.partial.csv")
        for done in range(1, 10_001):
            on_progress(batch.Progress(done, 10_000, *about))
        on_progress(batch.Progress(9_999, 10_000, *about, "searching 9 pictures for renamed ones"))
        on_progress(batch.Progress(10_000, 10_000, *about))
        raise SettingsError("enough")

    monkeypatch.setattr(batch, "run", run)
    shown: list[str] = []
    made.progress.observe(lambda change: shown.append(change["new"]), "value")
    began = time.monotonic()
    made.start()
    ends(made)
    assert len(shown) <= 5 + (time.monotonic() - began) / panel.PAUSE
    assert any(text.endswith("searching 9 pictures for renamed ones") for text in shown)
    assert "<b>1</b> of 10,000" in shown[1], "the first one is told at once"
    assert shown[1].endswith("error 1 · 2 h 02 min left")
    assert "<b>10,000</b> of 10,000" in shown[-1]


def test_folders_without_pictures(made: Panel, tmp_path: Path) -> None:
    given = folders(tmp_path)
    name(made, given)
    made.start()
    ends(made)
    assert message(made).startswith(f"There is no picture in {given.first}")


# --- cancel and resume -------------------------------------------------------------------------------


def cancelled(made: Panel, given: Folders, rows: int = 3) -> Path:
    """A run that was cancelled when it had so many rows, and where they are."""
    name(made, given)
    made.inputs["num_processors"].value = min(2, processors.count())
    press(made, "run")
    until(lambda: made._last is not None and made._last.done >= rows, f"{rows} rows")
    press(made, "cancel")
    assert made.wait(WITHIN)
    partial = given.the("*.partial.csv")
    assert made.partial_path == partial
    return partial


def test_cancel_and_resume_find_what_a_plain_run_finds(made: Panel, noise: Folders, tmp_path: Path) -> None:
    clean = batch.run(*noise.elsewhere(tmp_path / "clean"), num_processors=1)
    given = noise.elsewhere(tmp_path / "out")
    partial = cancelled(made, given)
    kept = results.read(partial)
    assert 3 <= len(kept) < COUNT
    assert worker_pids() == set()
    told = f"{len(kept)} of {COUNT} pictures are done, their rows are in {partial}"
    assert message(made) == f"Cancelled: {told}. Resume continues from there."
    assert f"<b>{len(kept)}</b> of {COUNT} · " in made.progress.value
    assert (made.run, made.explorer, made.error) == (None, None, None)
    assert can(made) == {"run", "resume"}
    name(made, mixed(tmp_path / "others"))  # other fields do not count: it goes on where it was
    press(made, "resume")
    ends(made)
    assert made.error is None
    assert made.run is not None
    assert made.run.csv_path.parent == given.out
    assert figures(made.run.csv_path) == figures(clean.csv_path)
    assert set(kept) <= set(results.read(made.run.csv_path)), "they were not done again"
    assert made.explorer is not None
    assert not partial.exists()
    assert can(made) == {"run"}
    assert made.buttons["resume"].layout.display == "none"


def test_a_part_is_resumed_as_the_same_part(made: Panel, noise: Folders, tmp_path: Path) -> None:
    given = noise.elsewhere(tmp_path / "out")
    made.inputs["skip_until"].value, made.inputs["stop_at"].value = 1, COUNT - 1
    made.inputs["pictures"].value = "none"
    cancelled(made, given, rows=1)
    made.inputs["skip_until"].value, made.inputs["pictures"].value = 0, "all"
    made.resume()
    ends(made)
    assert made.run is not None
    assert sum(made.run.counts.values()) == COUNT - 2
    assert not made.run.pictures_dir.exists()


def test_a_new_run_instead_of_resume(made: Panel, noise: Folders, tmp_path: Path) -> None:
    given = noise.elsewhere(tmp_path / "out")
    partial = cancelled(made, given)
    made.start()
    ends(made)
    assert made.run is not None
    assert made.run.counts["changed"] == COUNT
    assert runfiles.stamp_of(made.run.csv_path) != runfiles.stamp_of(partial)
    assert can(made) == {"run"}


def test_rows_that_cannot_be_resumed(made: Panel, noise: Folders, tmp_path: Path) -> None:
    partial = cancelled(made, noise.elsewhere(tmp_path / "out"))
    runfiles.manifest_path(partial.parent, str(runfiles.stamp_of(partial))).write_text("{}")
    made.resume()
    ends(made)
    assert message(made).endswith("Begin a new run.")
    assert "run" in can(made)


def test_cancel_before_the_first_picture(made: Panel, held: Held) -> None:
    made.start()
    held.begun.wait(WITHIN)
    press(made, "cancel")
    assert made.wait(WITHIN)
    assert message(made) == "Cancelled before the first picture was compared."
    assert can(made) == {"run"}
    held.go.set()
    made.start()  # the request was for the run before
    ends(made)
    assert message(made) == "There is no picture."


def test_cancel_where_nothing_runs(made: Panel, held: Held) -> None:
    press(made, "cancel")
    made.cancel()
    assert (message(made), can(made), made.wait()) == ("", {"run"}, True)
    held.go.set()
    made.start()
    ends(made)
    assert len(held.asked) == 1
    assert message(made) == "There is no picture."


def test_what_was_done_when_a_run_goes_wrong_can_be_resumed(
    made: Panel, given: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = results.write

    def full(path: Path, rows: Any, *more: Any) -> None:
        if not path.name.endswith(".partial.csv"):
            raise OutputError(f"{path} cannot be written: No space left on device.", path)
        whole(path, rows, *more)

    monkeypatch.setattr(results, "write", full)
    name(made, given)
    made.start()
    ends(made)
    assert isinstance(made.error, OutputError)
    assert "No space left on device. It ended: 16 of 16 pictures are done, their rows are in" in message(made)
    assert can(made) == {"run", "resume"}
    monkeypatch.setattr(results, "write", whole)
    made.resume()
    ends(made)
    assert made.run is not None
    assert made.run.counts == COUNTS
