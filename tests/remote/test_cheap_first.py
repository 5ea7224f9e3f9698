"""What is cheap is checked before the pictures of a URL are fetched, which may take minutes."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support.fetched import compared, picture
from support.odd_system import OddSystem

from mymodules import cli, settings
from mymodules.errors import SettingsError


@pytest.fixture
def given(tmp_path: Path, odd: type[OddSystem], monkeypatch: pytest.MonkeyPatch) -> type[OddSystem]:
    """A URL with pictures, and a working directory where ``out`` and ``empty`` are."""
    odd.files |= {f"top/{number}.png": picture(number) for number in range(3)}
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(settings.ENVIRONMENT, raising=False)
    monkeypatch.setattr(settings, "_current", None)
    for name in ("out", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "file.txt").write_text("no folder")
    return odd


MISTYPED = {
    "absent": "The folder .*absent does not exist: correct its name",
    "empty": "There is no picture in .*empty",
    "file.txt": "file.txt is a file, and odd://top is not",
    "odd://other": "odd://other cannot be fetched: there is no such file",
}


@pytest.mark.parametrize("other", MISTYPED)
@pytest.mark.parametrize("how", [settings.init, compared], ids=["init", "run"])
def test_nothing_is_fetched_if_the_other_side_is_mistyped(
    other: str, how: Callable[..., object], given: type[OddSystem]
) -> None:
    for first, second in (("odd://top", other), (other, "odd://top")):
        if second == "odd://top" and "://" in other:
            continue  # it is asked first anyway
        arguments = (first, second, Path("out"))
        with pytest.raises(SettingsError, match=MISTYPED[other]):
            how(None, *arguments) if how is settings.init else how(*arguments)
    assert given.read == []


@pytest.mark.parametrize("other", MISTYPED)
def test_neither_does_the_command(
    other: str, given: type[OddSystem], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["compare", "odd://top", other, "--out", "out"]) == 2
    assert given.read == []


@pytest.mark.parametrize("how", [settings.init, compared], ids=["init", "run"])
def test_one_url_twice_is_found_before_anything_is_asked(
    how: Callable[..., object], given: type[OddSystem], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(given, "ls", lambda _, path, **__: asked.append(path) or [])
    arguments = "odd://top", "odd://top/", Path("out")
    with pytest.raises(
        SettingsError, match="first and second are both odd://top/: everything would be equal"
    ):
        how(None, *arguments) if how is settings.init else how(*arguments)
    assert asked == given.read == []


def test_a_default_folder_that_is_absent_is_made_as_before(given: type[OddSystem], tmp_path: Path) -> None:
    chosen = settings.init(tmp_path, first="odd://top")
    assert chosen.second.is_dir()
    assert sorted(given.read) == ["0.png", "1.png", "2.png"]


def test_both_urls_are_fetched_once(given: type[OddSystem], tmp_path: Path) -> None:
    given.files["top2/0.png"] = picture(0)
    assert compared("odd://top", "odd://top2", tmp_path / "out").counts["same"] == 1
    assert len(given.read) == 4
