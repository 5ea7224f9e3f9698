"""Folders below that of a URL that their server does not list: rows, as closed folders here are."""

from itertools import repeat
from pathlib import Path

import pytest
from support.fetched import compared, fetched, picture, tree
from support.http_faults import pages_of, serving
from support.odd_system import OddSystem

from mymodules import remote
from mymodules.errors import SettingsError


def failing(odd: type[OddSystem], monkeypatch: pytest.MonkeyPatch, folder: str, error: Exception) -> None:
    def fail(asked: str) -> None:
        if asked == folder:
            raise error

    monkeypatch.setattr(odd, "on_list", fail)


@pytest.mark.parametrize(
    ("error", "rows"),
    [
        (
            PermissionError("secret"),
            {
                "a.png": ("bytes_equal", None),
                "deep/er": (
                    "permission",
                    "The folder deep/er in first cannot be listed: what is in it was not compared.",
                ),
                "deep/er/b.png": (
                    "permission",
                    "The folder deep/er in first cannot be listed: deep/er/b.png may be there.",
                ),
            },
        ),
        (
            FileNotFoundError("secret"),
            {
                "a.png": ("bytes_equal", None),
                "deep/er": ("vanished", "The folder deep/er in first vanished while it was listed."),
                "deep/er/b.png": ("only_second", None),
            },
        ),
    ],
)
def test_a_folder_that_cannot_be_listed_is_a_row(
    error: Exception,
    rows: dict[str, tuple[str, str | None]],
    odd: type[OddSystem],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    odd.files |= {
        f"{top}/{name}": picture(1) for top in ("top", "other") for name in ("a.png", "deep/er/b.png")
    }
    before = fetched("odd://top")
    failing(odd, monkeypatch, "top/deep/er", error)
    frame = compared("odd://top", "odd://other", tmp_path / "out").frame().set_index("image_filename")
    assert frame["code"].to_dict() == {name: code for name, (code, _) in rows.items()}
    for name, (_, sentence) in rows.items():
        assert sentence is None or sentence in frame["messages"][name]
    said = capsys.readouterr().out
    assert ", 1 folder cannot be listed;" in said
    assert "secret" not in said
    failing(odd, monkeypatch, "", error)
    assert set(tree(fetched("odd://top"))) == {"a.png", "deep/er/b.png"}
    assert remote.closed(before) == {}


@pytest.mark.parametrize(
    ("folder", "error", "said"),
    [
        ("top", PermissionError(), "the server refuses it"),
        ("top", FileNotFoundError(), "there is no such file"),
        ("top/deep", TimeoutError(), "the server fails"),  # that may pass, and all of it may be missing
    ],
)
def test_the_folder_itself_and_a_server_that_fails_end_it(
    folder: str, error: Exception, said: str, odd: type[OddSystem], monkeypatch: pytest.MonkeyPatch
) -> None:
    odd.files |= {"top/a.png": picture(1), "top/deep/b.png": picture(2)}
    copy = fetched("odd://top")
    failing(odd, monkeypatch, folder, error)
    with pytest.raises(SettingsError, match=f"odd://top cannot be fetched: {said}"):
        fetched("odd://top")
    assert set(tree(copy)) == {"a.png", "deep/b.png"}


def test_if_nothing_else_is_there_it_ends(odd: type[OddSystem], monkeypatch: pytest.MonkeyPatch) -> None:
    odd.files["top/deep/b.png"] = picture(2)
    failing(odd, monkeypatch, "top/deep", PermissionError())
    with pytest.raises(SettingsError, match="odd://top cannot be fetched: the server refuses it"):
        fetched("odd://top")


def test_a_link_that_leads_nowhere_is_a_row(odd: type[OddSystem], monkeypatch: pytest.MonkeyPatch) -> None:
    odd.files |= {"top/a.png": picture(1), "top/deep/b.png": picture(2)}
    ls = odd.ls

    def entries(self: OddSystem, path: str, **named: object) -> list[dict[str, object]]:
        return [*ls(self, path, **named), {"name": f"{path}/broken.png", "size": 7, "type": "link"}]

    monkeypatch.setattr(odd, "ls", entries)
    gone = ("vanished", "there is no such file")
    folder = fetched("odd://top")
    assert set(tree(folder)) == {"a.png", "deep/b.png"}
    assert remote.unfetched(folder) == {"broken.png": gone, "deep/broken.png": gone}


@pytest.mark.parametrize(("status", "code"), [(403, "permission"), (404, "vanished")])
def test_a_page_that_cannot_be_had(status: int, code: str) -> None:
    contents = {"top/a.png": picture(1), "top/deep/b.png": picture(2)}
    with serving(pages_of(contents)) as server:
        server.fail("GET", "/deep/", repeat(status))
        folder = fetched(f"{server.url}/top")
    assert set(tree(folder)) == {"a.png"}
    assert remote.closed(folder) == {"deep": code}
