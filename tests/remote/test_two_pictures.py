"""Two pictures, of which at least one is behind a URL, compared by a run."""

import zipfile
from collections.abc import Callable
from itertools import repeat
from pathlib import Path

import pytest
from support.fetched import picture
from support.http_faults import pages_of, serving
from support.odd_system import OddSystem

from mymodules import batch, cli, results, settings
from mymodules.errors import SettingsError
from mymodules.remote import copies
from mymodules.results import runfiles
from mymodules.row import PairResult

Compared = Callable[..., list[PairResult]]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings, "_current", None)
    (tmp_path / "here.png").write_bytes(picture(1))
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "a.png").write_bytes(picture(1))
    return tmp_path


@pytest.fixture
def compared(folder: Path) -> Compared:
    def run(first: str, second: str, code: int = 0) -> list[PairResult]:
        assert cli.main(["compare", first, second, "--out", "out", "--store", "none"]) == code
        return results.Rows.read(runfiles.newest(folder / "out")).rows

    return run


def test_pictures_of_urls_and_of_this_computer(odd: type[OddSystem], compared: Compared) -> None:
    odd.files |= {"top/a.png": picture(1), "top/same.png": picture(1), "other/a.png": picture(2)}
    for first, second, status in (
        ("odd://top/a.png", "odd://other/a.png", "changed"),
        ("odd://top/a.png", "odd://top/same.png", "same"),  # of one content, which is stored once
        ("odd://other/a.png", "here.png", "changed"),
        ("here.png", "odd://top/a.png", "same"),
    ):
        (row,) = compared(first, second)
        name = first.rpartition("/")[2]
        assert (row.image_filename, row.status) == (name, status)
    assert odd.listed == []


def test_what_did_not_change_is_not_fetched_again(odd: type[OddSystem], compared: Compared) -> None:
    odd.files["top/a.png"] = picture(1)
    compared("odd://top/a.png", "here.png")
    compared("odd://top/a.png", "here.png")
    assert odd.read == ["a.png"]
    odd.files["top/a.png"] = picture(2)
    (row,) = compared("odd://top/a.png", "here.png")
    assert row.status == "changed"


def test_a_signed_url(compared: Compared, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    with serving(pages_of({"b.png": picture(2)})) as web:
        (row,) = compared("here.png", f"http://me:hidden-word@127.0.0.1:{web.port}/b.png?sig=hidden-secret")
        targets = {asked.target for asked in web.asked}
    assert row.status == "changed"
    assert targets == {"/b.png?sig=hidden-secret"}
    said = "".join(capsys.readouterr())
    assert f"Comparing here.png with http://127.0.0.1:{web.port}/b.png ..." in said
    written = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert not any(b"hidden-" in data for data in (said.encode(), *written))


def test_a_picture_in_an_archive(compared: Compared, folder: Path) -> None:
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr("deep/a.png", picture(2))
    (row,) = compared("zip://deep/a.png::a.zip", "here.png")
    assert row.status == "changed"


def test_another_process_resumes_a_stopped_run_without_asking(
    odd: type[OddSystem], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd.files["top/a.png"] = picture(1)
    settings.init(folder, "odd://top/a.png", folder / "here.png", folder)
    with pytest.raises(batch.Stopped) as stopped:
        batch.run(on_progress=interrupted, store=None)
    odd.files.clear()
    monkeypatch.setattr(copies, "_urls", {})
    (row,) = results.Rows.read(batch.run(resume=stopped.value.csv_path, store=None).csv_path).rows
    assert (row.image_filename, row.status) == ("a.png", "same")


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


REFUSED = {
    ("odd://top/a.png", "odd://top"): "odd://top/a.png is a file, and odd://top is not: name two folders or",
    ("pages", "odd://top/a.png"): "odd://top/a.png is a file, and pages is not: name two folders or",
    ("odd://top/a.png", "odd://top/a.png"): "odd://top/a.png would be compared with itself: name two",
    ("odd://top/a.png", "odd://top/absent.png"): "odd://top/absent.png cannot be fetched: there is no such",
    ("memory://plots.png", "here.png"): "memory://plots.png cannot be fetched: it is a folder: end its URL",
}


@pytest.mark.parametrize(("first", "second"), REFUSED)
def test_what_cannot_be_compared_is_named_before_anything_is_fetched(
    first: str, second: str, odd: type[OddSystem], capsys: pytest.CaptureFixture[str], in_memory: None
) -> None:
    odd.files["top/a.png"] = picture(1)
    assert cli.main(["compare", first, second, "--out", "out"]) == 2
    assert REFUSED[first, second] in capsys.readouterr().err
    assert odd.read == []


@pytest.fixture
def in_memory() -> None:
    import fsspec

    system = fsspec.filesystem("memory")
    system.pipe("/plots.png/a.png", picture(1))


def test_a_folder_that_is_called_like_a_picture(compared: Compared, in_memory: None) -> None:
    assert [row.status for row in compared("memory://plots.png/", "pages")] == ["same"]


def test_a_picture_that_the_server_refuses(folder: Path) -> None:
    with serving(pages_of({"b.png": picture(2)})) as web:
        for method in ("GET", "HEAD"):
            web.fail(method, "/b.png", repeat(403))
        with pytest.raises(
            SettingsError, match=r"/b.png cannot be fetched: the server refuses it \(status 403\)"
        ):
            settings.init(folder, folder / "here.png", f"{web.url}/b.png", folder)
