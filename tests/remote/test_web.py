"""Index pages of a real HTTP server, its failures, and what it must not learn."""

import base64
import os
import time
import warnings
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import aiohttp
import fsspec
import pytest
from support.fetched import cells, compared, fetched, picture, tree
from support.http_faults import Answer, Asked, Fault, Server, pages_of, serving
from support.programs import mixed

from mymodules import remote
from mymodules.errors import SettingsError
from mymodules.remote import addresses, fetching
from mymodules.remote.asking import TRIES
from mymodules.remote.listing import safe

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # until aiohttp 4, users have such objects
    KNOWN = aiohttp.BasicAuth("known", "here")
NO_CHARACTER = "it has a character that names cannot have"


@pytest.fixture
def contents() -> dict[str, bytes]:
    return {f"top/{name}": picture(number) for number, name in enumerate(("a.png", "b.png", "deep/c d.png"))}


@pytest.fixture
def server(contents: dict[str, bytes]) -> Iterator[Server]:
    with serving(pages_of(contents)) as running:
        yield running


def test_a_run_has_the_rows_of_a_run_on_folders(tmp_path: Path) -> None:
    given = mixed(tmp_path)
    for folder in given[:2]:
        (folder / "a & b's % #1 変 +?.png").write_bytes(picture(1))
        (folder / "notes.txt").write_text("no picture")
    contents = {
        path.relative_to(tmp_path).as_posix(): path.read_bytes()
        for folder in given[:2]
        for path in folder.rglob("*")
        if path.is_file()
    }
    with serving(pages_of(contents)) as server:
        far = compared(f"{server.url}/first/", f"{server.url}/second", tmp_path / "far")
    local = compared(*given)
    assert far.frame().attrs["run"]["left_out_names"] == local.frame().attrs["run"]["left_out_names"]
    assert cells(far) == cells(local)
    assert far.frame().attrs["run"]["left_out"] == local.frame().attrs["run"]["left_out"]


def test_only_what_changed_is_fetched(server: Server, contents: dict[str, bytes]) -> None:
    folder = fetched(f"{server.url}/top")
    assert tree(folder) == {name.removeprefix("top/"): data for name, data in contents.items()}
    assert server.count("GET", ".png") == 3
    contents["top/a.png"] = picture(9)
    fetched(f"{server.url}/top")
    assert server.count("GET", ".png") == 1
    assert tree(folder)["a.png"] == picture(9)


def test_a_server_without_etags_is_asked_by_time(
    contents: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    plain = pages_of(contents, etags=False)

    def answer(asked: Asked) -> Answer:
        status, headers, body = plain(asked)
        return Answer(status, {**headers, "Last-Modified": "Wed, 01 Jan 2020 00:00:00 GMT"}, body)

    with serving(answer) as server:
        fetched(f"{server.url}/top")
        assert server.count("GET", ".png") == 3
        fetched(f"{server.url}/top")
        assert server.count("GET", ".png") == 0
    said = "0 of 3 pictures fetched, 3 as before, by size and time, as the server tells no checksum"
    assert said in capsys.readouterr().out


def test_links_of_other_servers_and_folders_are_no_pictures_of_this_one(contents: dict[str, bytes]) -> None:
    page = """
    <A HREF='a.png'>x</A><a class="x" href="./a.png">x</a>
    <a href="a.png?v=2">x</a><a href="/top/b.png#here">x</a>
    <a href="../secret.png">x</a><a href="deep/../../secret.png">x</a><a href="%2E%2E/secret.png">x</a>
    <a href="..%2Fsecret.png">x</a><a href="x%2Fsecret.png">x</a>
    <a href="/secret.png">x</a><a href="//other/secret.png">x</a>
    <a href="http://other.example/top/secret.png">x</a><a href="javascript:alert(1)//x.png/">x</a>
    <a href="amp&amp;er.png">x</a> http://other.example/secret.png
    """
    contents |= {"secret.png": picture(7), "top/amp&er.png": picture(8)}
    pages = pages_of(contents)

    def answer(asked: Asked) -> Answer:
        if asked.target == "/top/":
            return Answer(200, {"Content-Type": "text/html"}, page.encode())
        return pages(asked)

    with serving(answer) as server:
        folder = fetched(f"{server.url}/top")
        assert not [asked for asked in server.asked if "secret" in asked.target]
    assert tree(folder) == {"a.png": picture(0), "b.png": picture(1), "amp&er.png": picture(8)}
    # A slash that is quoted belongs to the name, which no file here can have.
    assert remote.unfetched(folder) == {
        safe("x\0secret.png"): ("unsupported", f"no file here can have this name: {NO_CHARACTER}")
    }
    assert remote.left_out(folder) == [("hidden", "..\0secret.png")]


@pytest.mark.parametrize("top", ["my plots é", "my%20plots%20%C3%A9", "my%20plots%20%c3%a9"])
def test_a_url_may_be_quoted_or_not(top: str) -> None:
    """Links on its page are quoted, here with the whole path."""
    pages = pages_of({"my plots é/a.png": picture(1)})

    def answer(asked: Asked) -> Answer:
        if asked.target.endswith("/"):
            link = b'<a href="/my%20plots%20%C3%A9/a.png">x</a>'
            return Answer(200, {"Content-Type": "text/html"}, link)
        return pages(asked)

    with serving(answer) as server:
        assert tree(fetched(f"{server.url}/{top}")) == {"a.png": picture(1)}


# --- failures ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [500, 502, 503, 504, 429, 408, "cut", "short", "long"])
@pytest.mark.parametrize("ending", ["/top/", "/a.png"])
def test_what_passes_is_asked_again(
    fault: Fault, ending: str, server: Server, contents: dict[str, bytes]
) -> None:
    if isinstance(fault, str) and (fault != "cut" or ending == "/top/"):
        server.fail("GET", "/a.png", [fault, fault])
    else:
        server.fail("GET", ending, [fault, fault])
    folder = fetched(f"{server.url}/top")
    assert tree(folder) == {name.removeprefix("top/"): data for name, data in contents.items()}


@pytest.mark.parametrize(
    ("fault", "code", "clause"),
    [
        (403, "permission", "the server refuses it (status 403)"),
        (404, "vanished", "there is no such file (status 404)"),
        (410, "vanished", "there is no such file (status 410)"),
        (451, "permission", "the server does not give it (status 451)"),
        (503, "permission", "the server fails (status 503)"),
        ("cut", "permission", "the server fails (ClientPayloadError)"),
        ("short", "truncated", None),
        ("long", "truncated", None),
        ("endless", "truncated", None),
    ],
)
def test_what_stays_is_a_row(
    fault: Fault, code: str, clause: str | None, server: Server, contents: dict[str, bytes]
) -> None:
    server.fail("GET", "/a.png", repeat(fault))
    folder = fetched(f"{server.url}/top")
    size = len(contents["top/a.png"])
    if fault == "short":
        clause = f"the server states {size} bytes, and sends {size // 2}"
    elif clause is None:
        clause = f"the server sends more than the {size} bytes that it states"
    found = remote.unfetched(folder)
    assert found["a.png"] in {
        (code, clause),
        (code, "there is no such file"),
        (code, "the server refuses it"),
    }
    assert set(tree(folder)) == {"b.png", "deep/c d.png"}
    assert server.count("GET", "/a.png") == (TRIES if code == "truncated" or fault in (503, "cut") else 1)
    server.faults.clear()
    assert set(tree(fetched(f"{server.url}/top"))) == {"a.png", "b.png", "deep/c d.png"}, "it is asked again"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (401, r"the server refuses it \(status 401\)"),
        (403, r"the server refuses it \(status 403\)"),
        (404, "there is no such file"),
        (500, r"the server fails \(status 500\)"),
    ],
)
def test_a_page_that_cannot_be_had_refuses_the_url(fault: Fault, said: str, server: Server) -> None:
    server.fail("GET", "/top/", repeat(fault))
    with pytest.raises(SettingsError, match=f"{server.url}/top cannot be fetched: {said}"):
        fetched(f"{server.url}/top")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_server_that_hangs_is_left_at_the_time_limit(
    method: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.fail(method, "/a.png", repeat("hang"))
    monkeypatch.setattr(fetching, "LIMIT", 3.0)
    began = time.monotonic()
    with pytest.raises(SettingsError, match=r"within 3 s: try again; what was fetched is kept"):
        fetched(f"{server.url}/top")
    assert time.monotonic() - began < 30
    server.faults.clear()
    server.asked.clear()
    monkeypatch.setattr(fetching, "LIMIT", 60)
    fetched(f"{server.url}/top")
    assert server.count("GET", "b.png") == 0


def test_a_page_without_an_end(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "LARGEST_PAGE", 1 << 20)
    server.fail("GET", "/top/", repeat("endless"))
    with pytest.raises(SettingsError, match=r"the server fails \(ClientPayloadError\)"):
        fetched(f"{server.url}/top")


def test_a_picture_that_is_too_large_is_not_asked_for(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "LARGEST", 10)
    folder = fetched(f"{server.url}/top")
    assert set(remote.unfetched(folder).values()) == {("unsupported", "it has more than 0 GiB")}
    assert server.count("GET", ".png") == 0


def test_no_server_at_all_is_said() -> None:
    with serving(pages_of({})) as server:
        url = server.url
    with pytest.raises(SettingsError, match=r"the server fails \(ClientConnectorError\)"):
        fetched(url)


def test_a_link_that_leads_to_a_folder(contents: dict[str, bytes]) -> None:
    pages = pages_of(contents)

    def answer(asked: Asked) -> Answer:
        if asked.target == "/top/":
            return Answer(
                200, {"Content-Type": "text/html"}, b'<a href="a.png">x</a><a href="like.png">x</a>'
            )
        if asked.target == "/top/like.png":
            return Answer(301, {"Location": "/top/like.png/"}, b"")
        if asked.target == "/top/like.png/":
            return Answer(200, {"Content-Type": "text/html"}, b"<p>Index</p>")
        return pages(asked)

    with serving(answer) as server:
        folder = fetched(f"{server.url}/top")
    assert remote.unfetched(folder) == {"like.png": ("not_a_file", "it is a folder")}


# --- what the user has set for fsspec ---------------------------------------------------------------


def basic(user: str) -> str:
    return f"Basic {base64.b64encode(user.encode()).decode()}"


def test_what_is_set_for_fsspec_holds(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    client = {"headers": {"X-Session": "of all", "Accept-Encoding": "br", "Authorization": "Bearer 5"}}
    given = {"headers": {"X-Token": "5", "accept-encoding": "gzip"}, "client_kwargs": client}
    monkeypatch.setitem(fsspec.config.conf, "http", given)
    fetched(f"{server.url}/top")
    names = ("X-Token", "X-Session", "Accept-Encoding", "Authorization")
    sent = {tuple(asked.headers.get(name) for name in names) for asked in server.asked}
    assert sent == {("5", "of all", "identity", "Bearer 5")}
    assert not any("accept-encoding" in asked.headers for asked in server.asked)


@pytest.mark.parametrize(
    "given",
    [
        {"client_kwargs": {"auth": KNOWN}},
        {"auth": KNOWN},
        {"headers": {"authorization": "Bearer 5"}},
        {"client_kwargs": {"headers": {"Authorization": "Bearer 5"}}},
        {"headers": None, "client_kwargs": None},
    ],
)
def test_a_password_in_a_url_comes_before_what_is_set(
    given: dict[str, Any], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(fsspec.config.conf, "http", given)
    fetched(server.url.replace("://", "://me:word@") + "/top")
    assert {asked.headers.get("Authorization") for asked in server.asked} == {basic("me:word")}


# --- what others must not learn ----------------------------------------------------------------------


def guarded(pages: object, target: str = "") -> object:
    """Return the answers of a server that wants a password, and sends to another place what is asked for."""

    def answer(asked: Asked) -> Answer:
        if asked.headers.get("Authorization") != basic("me:p/w ü"):
            return Answer(401, {}, b"")
        if target and asked.target.endswith("/a.png"):
            return Answer(302, {"Location": f"{target}{asked.target}"}, b"")
        return pages(asked)  # type: ignore[operator]

    return answer


def test_a_password_is_given_to_the_server_and_to_nobody_else(
    contents: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = pages_of(contents)
    with (
        serving(pages) as other,
        serving(guarded(pages, other.url.replace("127.0.0.1", "localhost"))) as server,
    ):  # type: ignore[arg-type]
        with pytest.raises(SettingsError, match=r"status 401"):
            fetched(f"{server.url}/top")
        place = server.url.removeprefix("http://")
        run = compared(
            f"http://me:p%2Fw%20%C3%BC@{place}/top/", tmp_path_with(tmp_path, contents), tmp_path / "out"
        )
        assert run.counts["same"] == 3
        assert other.asked
        assert not [asked for asked in other.asked if "Authorization" in asked.headers]
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    names = "".join(map(os.fspath, tmp_path.rglob("*")))
    for secret in ("p%2Fw", "p/w", "me:"):
        assert secret.encode() not in written
        assert secret not in names
        assert secret not in capsys.readouterr().out


def tmp_path_with(at: Path, contents: dict[str, bytes]) -> Path:
    for name, data in contents.items():
        (at / name).parent.mkdir(parents=True, exist_ok=True)
        (at / name).write_bytes(data)
    return at / "top"


@pytest.mark.parametrize("mark", "?#")
def test_a_query_is_refused(mark: str, server: Server) -> None:
    with pytest.raises(SettingsError, match=r"/top: the URL of an index page ends before \? and #") as caught:
        fetched(f"{server.url}/top{mark}token=hidden")
    assert "hidden" not in str(caught.value)


def test_an_archive_on_a_server(server: Server, contents: dict[str, bytes], tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("deep/a.png", picture(1))
    contents["a.zip"] = (tmp_path / "a.zip").read_bytes()
    assert tree(fetched(f"zip://deep::{server.url}/a.zip?signature=hidden")) == {"a.png": picture(1)}
