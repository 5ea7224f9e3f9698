"""One picture behind a URL, given to `mymodules.compare`; `test_two_pictures` gives it to a run."""

import sys
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import pytest
from support.fetched import picture
from support.http_faults import Fault, Server, pages_of, serving

import mymodules
from mymodules import outcome, remote
from mymodules.errors import PictureError
from mymodules.rules import Limits, Rule, Rules


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


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://me:hidden@h/plots/a%20b%23.png?sig=hidden/x.png#y", "a b#.png"),
        ("memory://plots/a#1.png", "a#1.png"),
        ("s3://bucket/a%20b@2x.png?versionId=7", "a%20b@2x.png"),
        ("zip://d/a.png::https://me:hidden@h/x.zip", "a.png"),
        ("simplecache::s3://bucket/a.png", "a.png"),
        ("memory://a.png", "a.png"),
        ("sftp://me:hidden@h", "h"),
        ("sftp://me:hid/den@h", "..."),
    ],
)
def test_rules_go_by_the_name_of_the_file(url: str, name: str) -> None:
    assert remote.filename(url) == name


def test_rules_for_its_name_count(web: Server) -> None:
    rules = Rules((Rule("all", Limits(largest=255), ("a b.png",)),))
    found = mymodules.compare(f"{web.url}/plots/a%20b.png", picture(2), rules=rules)
    assert (found.status, found.verdict) == ("changed", "tolerated")


def test_a_query_that_ends_in_a_slash_is_sent_whole(web: Server) -> None:
    """As the signature of a URL may."""
    mymodules.compare(picture(2), f"{web.url}/b.png?sig=abc/")
    assert {asked.target for asked in web.asked} == {"/b.png?sig=abc/"}


def test_what_is_too_large_says_so(web: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcome, "_LARGEST", 10)
    with pytest.raises(PictureError, match=r"cannot be fetched: b.png has more than 10 bytes\.$") as caught:
        mymodules.compare(picture(2), f"{web.url}/b.png")
    assert caught.value.code == "unsupported"


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paramiko", None)
    with pytest.raises(PictureError, match=r"^sftp://h/a.png needs the package paramiko. Type: .*paramiko$"):
        mymodules.compare("sftp://h/a.png", picture(1))
