"""A copy is known for what it is under whatever path, so that nothing is written into it."""

import os
from pathlib import Path

import pytest
from support.fetched import compared, fetched, picture, tree
from support.odd_system import OddSystem
from support.programs import Folders
from support.triaged import accept

from mymodules import remote, triage
from mymodules.errors import SettingsError
from mymodules.remote import copies

REFUSED = r"those of odd://top, where nothing is written.*upload them"


@pytest.fixture
def pictures(odd: type[OddSystem]) -> None:
    odd.files |= {"top/deep/a.png": picture(1), "other/deep/a.png": picture(2)}


def forms(at: Path) -> dict[str, str]:
    """Return what somebody may write into the environment variable."""
    (at / "real" / "below").mkdir(parents=True)
    (at / "link").symlink_to(at / "real" / "below", target_is_directory=True)
    return {
        "plain": str(at / "cache"),
        "relative": "cache",
        "dots": str(at / "real" / ".." / "cache"),
        "dots of nothing": str(at / "absent" / ".." / "cache"),
        "link": str(at / "link"),
        "dots after a link": str(at / "link" / ".." / "cache"),
    }


@pytest.mark.usefixtures("pictures")
@pytest.mark.parametrize(
    "form", ["plain", "relative", "dots", "dots of nothing", "link", "dots after a link"]
)
def test_accepted_pictures_are_uploaded_not_approved(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(copies.CACHE, forms(tmp_path)[form])
    frame = compared("odd://top", "odd://other", tmp_path / "out").frame()
    first, second = (Path(frame.attrs["run"][role]) for role in ("first", "second"))
    assert first == remote.place("odd://top", tmp_path)
    accept(Folders(first, second, tmp_path / "out"), frame, "deep/a.png")
    named = Path(os.environ[copies.CACHE]) / first.name
    (tmp_path / "own link").symlink_to(first, target_is_directory=True)
    for cache in (os.environ[copies.CACHE], str(tmp_path / "another")):
        monkeypatch.setenv(copies.CACHE, cache)
        for path in (None, first, named, tmp_path / "own link", first / "deep"):
            with pytest.raises(SettingsError, match=REFUSED):
                triage.approve(frame, first=path)
        monkeypatch.setattr(copies, "_urls", {})  # as in another process
    assert tree(first) == {"deep/a.png": picture(1)}


@pytest.mark.usefixtures("pictures")
def test_a_copy_is_compared_as_it_is_under_any_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = fetched("odd://top"), fetched("odd://other")
    monkeypatch.setattr(copies, "_urls", {})
    monkeypatch.delenv(copies.CACHE)
    (tmp_path / "link").symlink_to(folders[0].parent, target_is_directory=True)
    capsys.readouterr()
    compared(*(tmp_path / "link" / folder.name for folder in folders), tmp_path / "out")
    assert capsys.readouterr().out.count(" is compared as it was on ") == 2


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{}", b'{"url": "x", "problems": 5}', b"[" * 100_000, b'{"copy": "other"}']
)
def test_other_folders_may_have_such_a_file(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own.json").write_bytes(text)
    assert remote.described(tmp_path / "own") is None
    assert remote.unfetched(tmp_path / "own") == {}
    assert remote.described(Path(tmp_path.anchor)) is None
