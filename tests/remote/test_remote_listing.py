"""Names and facts of servers: what becomes a picture of the copy, what a row, and what is left out."""

import os
from pathlib import Path

import pytest
from support.fetched import compared, fetched, picture, tree
from support.odd_system import OddSystem

from mymodules import remote, report
from mymodules.errors import SettingsError
from mymodules.pairs import is_listed
from mymodules.remote import listing
from mymodules.remote.listing import safe

POSIX = pytest.mark.skipif(os.name == "nt", reason="names may have fewer letters there")

NO_FILE = {
    "../x.png": "it leads elsewhere",
    "a/../../x.png": "it leads elsewhere",
    "./x.png": "it leads elsewhere",
    "nul\0.png": "it has a character that names cannot have",
    "half \ud83d.png": "it has a character that names cannot have",
    "n" * 300 + ".png": "it is too long",
    "変" * 90 + ".png": "it is too long",  # 270 bytes
    "d/" * 90 + "n" * 250 + "/" + "m" * 250 + "/" + "x" * 250 + ".png": None,
}


def around(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if "cache" not in path.relative_to(folder).parts[:1]}


@POSIX
@pytest.mark.parametrize("name", NO_FILE, ids=lambda name: ascii(name)[:20])
def test_a_name_that_no_file_can_have_is_a_row(name: str, odd: type[OddSystem], tmp_path: Path) -> None:
    odd.files |= {f"{top}/{each}": picture(1) for top in ("top", "other") for each in ("a.png", name)}
    before = around(tmp_path)
    folder = fetched("odd://top")
    assert around(tmp_path) == before
    if NO_FILE[name] is None:
        assert set(tree(folder)) == {"a.png", name}
        return
    assert tree(folder) == {"a.png": picture(1)}
    assert odd.read == ["a.png"], "it is not even asked for"
    clause = f"no file here can have this name: {NO_FILE[name]}"
    assert remote.unfetched(folder) == {safe(name): ("unsupported", clause)}
    run = compared("odd://top", "odd://other", tmp_path / "out")
    frame = run.frame()
    assert dict(zip(frame["image_filename"], frame["code"], strict=True)) == {
        "a.png": "bytes_equal",
        safe(name): "unsupported",
    }
    assert report.write(frame, tmp_path / "report").is_file()


@pytest.mark.parametrize(
    "name", [*NO_FILE, "...png", "..\0.png", "~/.png", "%2E.png", "x" * 5000 + ".jpeg"], ids=ascii
)
def test_a_safe_name_is_that_of_a_picture_inside(name: str) -> None:
    assert is_listed(safe(name))
    assert all(len(part) <= 140 for part in safe(name).split("/"))


def test_safe_names_of_two_names_differ() -> None:
    names = [*NO_FILE, "../y.png", "a/../../y.png", "n" * 301 + ".png", "n" * 300 + ".PNG"]
    assert len(set(map(safe, names))) == len(names)


@POSIX
@pytest.mark.parametrize(
    "name",
    ["C:x.png", "a\\b.png", "con.png", "dot..png", "*?<>|.png", "bad \udcff.png", "\u202e.png", " x.png"],
    ids=ascii,
)
def test_other_names_are_files(name: str, odd: type[OddSystem]) -> None:
    odd.files[f"top/{name}"] = picture(1)
    assert tree(fetched("odd://top")) == {name: picture(1)}


@pytest.mark.parametrize("name", ["C:x.png", "con.png", "a\\b.png", "x./a.png", "\x01.png"])
def test_names_that_windows_does_not_take(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Windows:
        name = "nt"
        fsencode = staticmethod(os.fsencode)

    monkeypatch.setattr(listing, "os", Windows)
    assert listing.why_not(name) == "Windows does not allow it"
    assert listing.why_not("a b/ü.png") is None


def test_names_that_differ_in_case_only(odd: type[OddSystem], cache: Path) -> None:
    odd.files |= {f"top/{name}": picture(1) for name in ("A/b.png", "a/B.png", "c.png")}
    folder = fetched("odd://top")
    if not (cache / "KEY").exists():
        assert len(tree(folder)) == 3
        (cache / "KEY").write_bytes(b"")  # as where the case of names does not count
        fetched("odd://top")
    assert set(tree(folder)) == {"c.png"}
    found = remote.unfetched(folder)
    assert {name: code for name, (code, _) in found.items()} == dict.fromkeys(
        ("A/b.png", "a/B.png"), "name_collision"
    )
    assert found["A/b.png"][1] == "here it would be the same file as a/B.png: rename one of them"


@pytest.mark.parametrize(
    ("names", "alike"),
    [
        ("A/x.png a/y.png b/x.png", "A/x.png a/y.png"),
        ("p/A/x.png p/a/q/y.png P.png", "p/A/x.png p/a/q/y.png"),
        ("P/x.png p/A/x.png p/a/y.png", "P/x.png p/A/x.png p/a/y.png"),
        ("a.png A.PNG/x.png b.png/x.png", "a.png A.PNG/x.png"),
        ("\u00e9/x.png e\u0301/y.png e/z.png", "\u00e9/x.png e\u0301/y.png"),
        ("A/x.png A/y.png a.png", ""),
    ],
)
def test_folders_that_differ_in_case_only(names: str, alike: str, odd: type[OddSystem], cache: Path) -> None:
    odd.files |= {f"top/{name}": picture(1) for name in names.split()}
    odd.files["top/z.png"] = picture(1)
    cache.mkdir()
    (cache / "KEY").write_bytes(b"")
    folder = fetched("odd://top")
    found = remote.unfetched(folder)
    assert {name: code for name, (code, _) in found.items()} == dict.fromkeys(alike.split(), "name_collision")
    assert set(tree(folder)) == {*names.split(), "z.png"} - {*alike.split()}
    if names.startswith("A/x.png a/"):
        assert found["A/x.png"][1] == "here A would be the same as a: rename one of them"


def test_a_folder_without_pictures_and_a_file_that_differ_in_case_only(
    odd: type[OddSystem], cache: Path
) -> None:
    odd.files |= {"top/a.png": picture(1), "top/A.PNG/notes.txt": b"", "top/z.png": picture(1)}
    cache.mkdir()
    (cache / "KEY").write_bytes(b"")
    found = remote.unfetched(fetched("odd://top"))
    assert found == {
        "a.png": ("name_collision", "here it would be the same file as A.PNG: rename one of them")
    }


def test_a_file_that_is_also_a_folder(odd: type[OddSystem], tmp_path: Path) -> None:
    odd.files |= {"top/a.png": picture(1), "top/a.png/b.png": picture(2)}
    folder = fetched("odd://top")
    assert tree(folder) == {"a.png/b.png": picture(2)}
    assert remote.unfetched(folder) == {"a.png": ("not_a_file", "it is a file and also a folder there")}
    odd.files["other/a.png"] = picture(1)
    frame = compared("odd://top", "odd://other", tmp_path / "out").frame().set_index("image_filename")
    assert frame["code"].to_dict() == {"a.png": "not_a_file", "a.png/b.png": "only_first"}


def test_folders_that_are_named_like_pictures(odd: type[OddSystem]) -> None:
    odd.files |= {"top/a.png": picture(1), "top/deep/er/like.png/notes.txt": b"no picture"}
    folder = fetched("odd://top")
    assert (folder / "deep" / "er" / "like.png").is_dir()
    fetched("odd://top")
    assert (folder / "deep" / "er" / "like.png").is_dir()
    del odd.files["top/deep/er/like.png/notes.txt"]
    fetched("odd://top")
    assert [path.name for path in folder.iterdir()] == ["a.png"]


def test_a_listing_without_an_end_is_refused(odd: type[OddSystem], monkeypatch: pytest.MonkeyPatch) -> None:
    def entries(_: object, path: str, **__: object) -> list[dict[str, object]]:
        return [{"name": f"{path}/a", "size": 0, "type": "directory"}]

    monkeypatch.setattr(odd, "ls", entries)
    with pytest.raises(SettingsError, match="more than 100 folders within each other"):
        fetched("odd://top")


def test_links_on_a_server(odd: type[OddSystem], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd.files |= {"top/a.png": picture(1), "top/b.png": picture(2)}
    ls = odd.ls

    def entries(self: OddSystem, path: str, **named: object) -> list[dict[str, object]]:
        links = [{"name": f"{path}/{name}", "size": 7, "type": "link"} for name in ("b.png", "folder.png")]
        return [entry for entry in ls(self, path) if entry["name"] != "top/b.png"] + links

    def info(self: OddSystem, path: str, **_: object) -> dict[str, object]:
        return (
            {"name": path, "type": "directory", "size": 0} if path == "top/folder.png" else self._entry(path)
        )

    monkeypatch.setattr(odd, "ls", entries)
    monkeypatch.setattr(odd, "info", info)
    folder = fetched("odd://top")
    assert remote.left_out(folder) == [("links", "folder.png")]
    assert tree(folder) == {"a.png": picture(1), "b.png": picture(2)}
