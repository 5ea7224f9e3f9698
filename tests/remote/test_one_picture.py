"""One picture behind a URL, given to `mymodules.compare`."""

from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import pytest
from support.fetched import picture
from support.http_faults import Fault, Server, pages_of, serving
from support.odd_system import OddSystem

import mymodules
from mymodules import cli
from mymodules.errors import PictureError


@pytest.fixture
def web() -> Iterator[Server]:
    contents = {"plots/a b.png": picture(1), "b.png": picture(2), "text.png": b"no picture"}
    with serving(pages_of(contents)) as server:
        yield server


def test_it_is_compared_as_a_file_is(web: Server, tmp_path: Path) -> None:
    same, other = tmp_path / "same.png", tmp_path / "other.png"
    same.write_bytes(picture(1))
    other.write_bytes(picture(2))
    found = mymodules.compare(f"{web.url}/plots/a%20b.png", same)
    assert (found.changed, found.messages) == (False, mymodules.compare(same, same).messages)
    far = mymodules.compare(f"{web.url}/plots/a%20b.png", f"{web.url}/b.png?sig=hidden-secret")
    local = mymodules.compare(same, other)
    assert (far.num_diff_pixels, far.messages) == (local.num_diff_pixels, local.messages)
    assert far.pictures.first[0, 0].tolist() == [1, 1, 1, 255]
    assert "hidden-secret" not in repr(far) + str(far.row)


@pytest.mark.parametrize("fault", [503, "cut", "short"])
def test_what_passes_is_asked_again(fault: Fault, web: Server, tmp_path: Path) -> None:
    web.fail("GET", "/b.png", [fault])
    assert not mymodules.compare(picture(2), f"{web.url}/b.png").changed


@pytest.mark.parametrize(
    ("name", "fault", "code", "message"),
    [
        (
            "absent.png",
            None,
            "vanished",
            r"There is no file http://127.0.0.1:\d+/absent.png: name another one",
        ),
        ("b.png", 403, "permission", r"/b.png cannot be fetched: the server refuses it \(status 403\)"),
        ("text.png", None, "not_an_image", "/text.png"),
    ],
)
def test_what_stays_is_an_error(name: str, fault: Fault, code: str, message: str, web: Server) -> None:
    if fault is not None:
        for method in ("GET", "HEAD"):
            web.fail(method, f"/{name}", repeat(fault))
    with pytest.raises(PictureError, match=message) as caught:
        mymodules.compare(picture(2), f"http://me:hidden-secret@127.0.0.1:{web.port}/{name}")
    assert caught.value.code == code
    assert "hidden-secret" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_the_command_says_what_to_do(
    odd: type[OddSystem], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd.files["top/a.png"] = picture(1)
    (tmp_path / "b.png").write_bytes(picture(1))
    assert cli.main(["compare", "odd://top/a.png", str(tmp_path / "b.png"), "--out", str(tmp_path)]) == 2
    assert "name the URL of a folder, or in Python compare(URL, PATH)" in capsys.readouterr().err
    assert odd.read == []
