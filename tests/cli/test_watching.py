"""``compare --watch``: what makes it compare again, and how it ends."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support.programs import Folders
from support.triaged import picture

from mymodules import cli
from mymodules.cli import progress, watching


def watched(monkeypatch: pytest.MonkeyPatch, *steps: Callable[[], object]) -> list[str]:
    """Do a step whenever the next look is due, and interrupt after the last one; return what is left."""
    left = [*steps]

    def pause() -> None:
        if not left:
            raise KeyboardInterrupt
        left.pop(0)()

    monkeypatch.setattr(watching, "pause", pause)
    return left


def nothing() -> None:
    """Let the files be."""


def compare(*options: str) -> int:
    return cli.main(["compare", *options, "--out", "out", "--processes", "1", "--watch", "--check"])


def test_a_change_is_compared_once_it_is_over(
    made: Folders, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Looks 1 and 2 find nothing new, 3 and 4 find a file that grows, 5 finds it as it was in 4."""
    new = made.second / "more.png"
    left = watched(
        monkeypatch,
        nothing,
        nothing,
        lambda: new.write_bytes(b"half"),
        lambda: new.write_bytes(picture(9)),
        nothing,
        nothing,
    )
    assert compare("first", "second") == 2  # the last run's: one picture is broken
    said = capsys.readouterr().out
    assert [line for line in said.splitlines() if " pictures: " in line and " same" in line] == [
        "7 pictures: 1 same, 3 changed, 1 missing, 1 extra, 1 error",
        "8 pictures: 1 same, 3 changed, 1 missing, 2 extra, 1 error",
    ]
    assert said.count("Watching: ") == 2
    assert left == []


def test_two_files_are_watched_and_no_others(
    made: Folders, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = made.first / "a.png", made.second / "b.png"
    watched(
        monkeypatch,
        lambda: (made.first / "b.png").unlink(),
        nothing,
        lambda: second.write_bytes(first.read_bytes()),
        nothing,
    )
    assert compare(str(first), str(second)) == 0
    assert capsys.readouterr().out.count("1 picture: ") == 2


def test_a_folder_that_is_gone_for_a_while_ends_nothing(
    made: Folders, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = made.second.with_name("elsewhere")
    watched(
        monkeypatch,
        lambda: made.second.rename(elsewhere),
        nothing,
        nothing,
        lambda: elsewhere.rename(made.second),
        lambda: (made.second / "a.png").write_bytes(picture(1)),
        nothing,
    )
    assert compare("first", "second") == 2
    said = capsys.readouterr()
    assert said.out.count("7 pictures: ") == 2
    assert said.err == ""


def test_the_page_that_was_opened_has_every_later_comparison(
    made: Folders, monkeypatch: pytest.MonkeyPatch, opened: list[str]
) -> None:
    page = made.out / watching.PAGE / "index.html"
    before: list[str] = []

    def change() -> None:
        before.append(page.read_text())
        (made.second / "more.png").write_bytes(picture(9))

    watched(monkeypatch, change, nothing)
    assert compare("first", "second", "--open") == 2
    assert opened == [page.as_uri()]
    assert "more.png" not in before[0]
    assert "more.png" in page.read_text()


def test_a_later_comparison_that_is_stopped_says_how_it_goes_on(
    made: Folders, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    def change() -> None:
        (made.second / "a.png").write_bytes(picture(1))
        monkeypatch.setattr(progress.Lines, "__call__", stop)

    watched(monkeypatch, change, nothing)
    assert compare("first", "second") == 2
    assert "To continue: mymodules compare --resume out/results-" in capsys.readouterr().err


@pytest.mark.usefixtures("made")
def test_what_cannot_be_watched(capsys: pytest.CaptureFixture[str]) -> None:
    assert compare("first", "absent") == 2
    assert "absent does not exist" in capsys.readouterr().err
    assert compare("--resume", "last") == 2
    assert "leave out --resume or --watch" in capsys.readouterr().err
    assert Path("first").is_dir()
