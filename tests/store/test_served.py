"""Pictures over HTTP: what is served, and attacks on it, in a Tornado server and a real Jupyter Server."""

import contextlib
import hashlib
import io
import json
import logging
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tornado.netutil
from support import pngs, stores
from support.programs import module
from support.servers import PATIENCE, Served, tornado_server

from mymodules import images, store
from mymodules.comparison import drawings
from mymodules.store import NOW, DiffStore

PUBLIC, PRIVATE = "public, max-age=43200", "private, max-age=43200"
NOT_KEPT = "no-cache, no-store, must-revalidate"
PICTURES = stores.some(6)
ONE, TWO, *_ = PICTURES
ABSENT = stores.opaque("absent")
OTHERS = ("jupyterlab", "jupyter_lsp", "jupyter_server_terminals", "notebook_shim", "voila.server_extension")
SECRET = stores.png(stores.samples(999))  # a whole picture: only where it stands keeps it from being served


@contextlib.contextmanager
def jupyter_server(top: Path, home: Path, *options: str) -> Iterator[tuple[Served, Path]]:
    """A real one with the extension as the package installs it; and its log.

    Without the others of this environment, such as JupyterLab, which take seconds to load.
    """
    token = secrets.token_hex(16)
    (listening,) = tornado.netutil.bind_sockets(0, "127.0.0.1")
    port = listening.getsockname()[1]
    listening.close()
    enabled = home / "jupyter_server_config.d"
    enabled.mkdir(parents=True)
    shipped = Path(store.__file__).with_name("extension.json")
    (enabled / "mymodules.json").write_bytes(shipped.read_bytes())
    others = dict.fromkeys(OTHERS, False)
    (enabled / "others.json").write_text(json.dumps({"ServerApp": {"jpserver_extensions": others}}))
    log = home / "server.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
    environment |= {f"JUPYTER_{name}_DIR": str(home) for name in ("CONFIG", "DATA", "RUNTIME")}
    environment |= {"IPYTHONDIR": str(home), "JUPYTER_NO_CONFIG": "", "JUPYTER_PREFER_ENV_PATH": "0"}
    command = [
        *(*module("jupyter_server"), "--no-browser", f"--ServerApp.root_dir={top}"),
        *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        *(f"--IdentityProvider.token={token}", *options),
        *(["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, cwd=top)
    served = Served(port, "/mymodules/", token)
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(OSError):
                served.ask("../api")
                break
            assert process.poll() is None, log.read_text(errors="replace")
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.05)
        yield served, log
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def top(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store in ``img/.store``, and around it what must not be served."""
    top = tmp_path_factory.mktemp("top")
    (top / "img").mkdir()
    with DiffStore(top / "img" / ".store", source=PICTURES.get, pause=0) as opened:
        opened.warm_digests(NOW, PICTURES, sync=True)
    copies = top / "img" / ".store" / "images"
    for place in (top, top / "img", copies.parent, copies, copies.with_name("images-secret")):
        place.mkdir(exist_ok=True)
        (place / "secret.png").write_bytes(SECRET)
        (place / f"{ABSENT}.png").write_bytes(SECRET)
    if os.name != "nt":
        link = copies / ABSENT[:2] / ABSENT[2:4] / f"{ABSENT}.png"
        link.parent.mkdir(parents=True)
        link.symlink_to(top / "secret.png")
        # A whole picture, but one that stands outside.
        outside = top / "outside.png"
        outside.write_bytes(PICTURES[ONE])
        linked = copies / "ee" / "ee" / f"{'e' * 32}.png"
        linked.parent.mkdir(parents=True)
        linked.symlink_to(outside)
    return top


@pytest.fixture(scope="module")
def opened(top: Path) -> Iterator[DiffStore]:
    with DiffStore(top / "img" / ".store", pause=0) as opened:
        yield opened


@pytest.fixture(scope="module")
def plain(opened: DiffStore) -> Iterator[Served]:
    with tornado_server(opened) as served:
        yield served


@pytest.fixture(scope="module")
def jupyter(top: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Path]]:
    with jupyter_server(top, tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture(params=["plain", "jupyter"])
def served(request: pytest.FixtureRequest) -> Served:
    found = request.getfixturevalue(request.param)
    return found if request.param == "plain" else found[0]


def caching(served: Served) -> str:
    return PRIVATE if served.token else PUBLIC


# --- what is served ----------------------------------------------------------------------------------


def test_originals_are_served_byte_for_byte(served: Served) -> None:
    for digest, data in PICTURES.items():
        answer = served.ask(f"images/{digest}.png")
        assert (answer.status, answer.body) == (200, data)
        assert answer.headers["Content-Type"] == "image/png"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == caching(served)


def test_differences_are_made_when_asked_for_in_both_orders(served: Served) -> None:
    expected = stores.figures(PICTURES, ONE, TWO)
    drawn = drawings.delta(*(images.read_rgba(PICTURES[digest]) for digest in (ONE, TWO)))
    assert np.count_nonzero(drawn[..., 3]) == expected.num_diff_pixels
    bodies = set()
    for name in (f"{ONE}-{TWO}", f"{TWO}-{ONE}"):
        answer = served.ask(f"diffs/{name}.png")
        assert (answer.status, answer.headers["Content-Type"]) == (200, "image/png")
        assert answer.headers["Cache-Control"] == caching(served)
        assert (images.read_rgba(answer.body) == drawn).all()
        bodies.add(answer.body)
    assert len(bodies) == 1


def test_head_is_get_without_a_body(served: Served) -> None:
    for target in (f"images/{ONE}.png", f"diffs/{ONE}-{TWO}.png", "images/foo.png"):
        got, head = served.ask(target), served.ask(target, "HEAD")
        assert (head.status, head.body) == (got.status, b"")
        for name in ("Content-Type", "Content-Length", "Cache-Control", "X-Content-Type-Options"):
            assert head.headers[name] == got.headers[name]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
def test_other_methods_are_not_allowed(served: Served, method: str) -> None:
    answer = served.ask(f"images/{ONE}.png", method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert answer.headers["Cache-Control"] == NOT_KEPT


@pytest.mark.parametrize(
    "target",
    [
        "",
        "images",
        "images/",
        "images/foo.png",
        f"images/{ABSENT}.png",
        f"images/{ONE}",
        f"images/{ONE}.PNG",
        f"images/{ONE}.png/",
        f"images/{ONE}.png.png",
        f"images/x/{ONE}.png",
        f"images//{ONE}.png",
        f"{ONE}.png",
        f"Images/{ONE}.png",
        f"other/{ONE}.png",
        f"images/{ONE[:-1]}.png",
        f"images/{ONE}a.png",
        f"images/{ONE}-{TWO}.png",
        f"diffs/{ONE}.png",
        f"diffs/{ONE}-{ABSENT}.png",
        f"diffs/{ABSENT}-{ONE}.png",
        f"diffs/{ONE}-{TWO}-{ONE}.png",
        f"diffs/{ONE}:{TWO}.png",
        f"diffs/{ONE}-.png",
        f"images/{'e' * 32}.png",
    ],
)
def test_all_else_is_404_and_not_kept(served: Served, target: str) -> None:
    if target == f"images/{'e' * 32}.png" and os.name == "nt":
        pytest.skip("links need rights there")
    answer = served.ask(target)
    assert (answer.status, answer.headers["Cache-Control"]) == (404, NOT_KEPT)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.body == b"404 Not Found\n"


# --- attacks -----------------------------------------------------------------------------------------

ATTACKS = [
    b"images/../secret.png",
    b"images/../../secret.png",
    b"../secret.png",
    b"images/%2e%2e%2fsecret.png",
    b"images/%2e%2e/%2e%2e/secret.png",
    b"images/..%2f..%2fsecret.png",
    b"images/..%5csecret.png",
    b"images/..%5c..%5csecret.png",
    b"images/..\\secret.png",
    b"images/%252e%252e%252fsecret.png",
    b"images/%c0%ae%c0%ae%c0%afsecret.png",
    b"images/secret.png%00.png",
    b"images/%s.png%%00" % ABSENT.encode(),
    b"images/%%00%s.png" % ABSENT.encode(),
    b"images//etc/passwd",
    b"images/%2fetc%2fpasswd",
    b"/etc/passwd",
    b"//etc/passwd",
    b"images/C:/secret.png",
    b"images/C:%5csecret.png",
    b"images/%5c%5chost%5cshare%5csecret.png",
    b"images/%s.png" % ABSENT.encode(),
    b"images-secret/%s.png" % ABSENT.encode(),
    b"images/../images-secret/%s.png" % ABSENT.encode(),
    b"images/store.sqlite3",
    b"images/../store.sqlite3",
    b"images/%s.png" % (b"a" * 5000),
    b"diffs/%s-%s.png" % (b"a" * 3000, b"b" * 3000),
    b"images/%s.png;%s" % (ONE.encode(), b"x"),
    b"images/\xff\xfe.png",
    b"images/\x9b31m.png",
    b"images/%1b%5b31mred.png",
    b"images/a%0d%0aSet-Cookie:%20x=1.png",
    "images/\uff10\uff10.png".encode(),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: ascii(attack[:40]))
def test_nothing_outside_is_served(served: Served, opened: DiffStore, attack: bytes) -> None:
    before = opened.unavailable_digests().keys()
    answer = served.raw(served.prefix.encode() + attack)
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert SECRET not in answer
    assert PICTURES[ONE] not in answer
    assert b"Set-Cookie: x" not in answer
    failed = opened.unavailable_digests()
    assert failed.keys() - before <= {ABSENT}  # nobody has looked for anything else
    assert all(failure.reason != "corrupted" for failure in failed.values())  # nor read what stands outside
    assert f"Cache-Control: {NOT_KEPT}".encode() in answer or not attack.startswith(b"images/")


@pytest.mark.parametrize("attack", [b"images/\x1b[31m.png", b"images/\0.png", b"images/\n.png", b"a b"])
def test_what_is_no_request_is_refused(served: Served, attack: bytes) -> None:
    answer = served.raw(served.prefix.encode() + attack)
    assert not answer.startswith(b"HTTP/1.1 2")
    assert SECRET not in answer


def controls(text: str) -> list[str]:
    """Lines with characters that a terminal obeys."""
    return [line for line in text.split("\n") if any(ord(c) < 32 or 127 <= ord(c) < 160 for c in line)]


@pytest.fixture
def access_log() -> Iterator[io.StringIO]:
    logged = io.StringIO()
    handler, logger = logging.StreamHandler(logged), logging.getLogger("tornado")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)  # who imports Dask in this process has silenced it
    yield logged
    logger.setLevel(level)
    logger.removeHandler(handler)


def test_log_lines_show_no_control_characters(plain: Served, access_log: io.StringIO) -> None:
    for attack in ATTACKS:
        plain.raw(b"/img/" + attack)
        plain.raw(b"/img/" + attack, b"POST")
    logged = access_log.getvalue()
    assert "/img/images/%C2%9B31m.png" in logged
    assert controls(logged) == []


def test_jupyters_log_lines_show_none_either(jupyter: tuple[Served, Path]) -> None:
    served, log = jupyter
    for attack in ATTACKS:
        served.raw(b"/mymodules/" + attack)
        served.raw(b"/mymodules/" + attack, b"DELETE")
    served.ask(f"images/{ABSENT}.png", Referer="http://x/\x9b31m", Origin="\x9b")
    logged = log.read_bytes().decode("utf-8")
    assert "%C2%9B31m.png" in logged
    assert controls(logged) == []
    assert served.token not in logged.partition("Use Control-C")[2].partition("Or copy and paste")[0]


# --- who may see it ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "target", [f"images/{ONE}.png", f"images/{ABSENT}.png", f"diffs/{ONE}-{TWO}.png", "x", "images/", ""]
)
def test_without_a_token_it_is_403_and_no_redirect(
    jupyter: tuple[Served, Path], target: str, method: str
) -> None:
    stranger = Served(jupyter[0].port, "/mymodules/")
    for headers in ({}, {"Authorization": "token wrong"}, {"Cookie": "username-127-0-0-1=x"}):
        answer = stranger.ask(target, method, **headers)
        assert answer.status == 403
        assert "Location" not in answer.headers
        assert answer.headers["Cache-Control"] == NOT_KEPT
        assert PICTURES[ONE] not in answer.body


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8888", "127.0.0.1.evil.example"])
def test_a_foreign_host_is_403(jupyter: tuple[Served, Path], host: str) -> None:
    answer = jupyter[0].ask(f"images/{ONE}.png", Host=host)
    assert (answer.status, answer.headers["Cache-Control"]) == (403, NOT_KEPT)
    assert PICTURES[ONE] not in answer.body


def test_the_token_may_stand_in_the_url(jupyter: tuple[Served, Path]) -> None:
    served = Served(jupyter[0].port, "/mymodules/")
    assert served.ask(f"images/{ONE}.png?token={jupyter[0].token}").body == PICTURES[ONE]


def test_the_package_installs_what_enables_it() -> None:
    project = (Path(store.__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert (
        '"mymodules/store/extension.json" = "etc/jupyter/jupyter_server_config.d/mymodules.json"' in project
    )
    shipped = json.loads(Path(store.__file__).with_name("extension.json").read_text(encoding="utf-8"))
    assert shipped == {"ServerApp": {"jpserver_extensions": {"mymodules.store.extension": True}}}
    installed = Path(sys.prefix, "etc", "jupyter", "jupyter_server_config.d", "mymodules.json")
    assert json.loads(installed.read_text(encoding="utf-8")) == shipped


def test_the_named_store_below_a_base_url_and_one_that_comes_later(tmp_path: Path) -> None:
    named = tmp_path / "elsewhere"
    options = (f"--MymodulesApp.store={named}", "--ServerApp.base_url=/user/a.b/")
    (tmp_path / "top").mkdir()
    with jupyter_server(tmp_path / "top", tmp_path / "home", *options) as (served, _):
        served = Served(served.port, "/user/a.b/mymodules/", served.token)
        assert served.ask(f"images/{ONE}.png").status == 404
        assert not named.exists()  # asking does not make a store
        with DiffStore(named, source=PICTURES.get) as opened:
            opened.warm_digests(NOW, [ONE], sync=True)
        assert served.ask(f"images/{ONE}.png").body == PICTURES[ONE]
        if os.name != "nt":
            shutil.rmtree(named)  # it may be, at any time
            assert served.ask(f"images/{ONE}.png").status == 404
            assert not named.exists()
            with DiffStore(named, source=PICTURES.get) as opened:
                opened.warm_digests(NOW, [TWO], sync=True)
            answers = [served.ask(f"images/{digest}.png").status for digest in (ONE, TWO)]
            assert answers == [404, 200]
    assert list((tmp_path / "top").iterdir()) == []


def test_a_folder_that_cannot_be_one_is_told_and_nothing_served(tmp_path: Path) -> None:
    (tmp_path / "top").mkdir()
    option = "--MymodulesApp.store=~nosuchuser/x"
    with jupyter_server(tmp_path / "top", tmp_path / "home", option) as (served, log):
        assert served.ask(f"images/{ONE}.png").status == 404
        logged = log.read_text(encoding="utf-8")
    assert (
        "no pictures are served. The store's folder is ~nosuchuser/x, and ~nosuchuser leads to no home"
        in logged
    )
    assert "Traceback" not in logged


# --- the acceptance cases over HTTP ------------------------------------------------------------------


def test_case_8_the_handler(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "vectors" / "skia"
    gold: dict[str, Any] = json.loads((folder / "expected.json").read_text(encoding="utf-8"))

    def text_image(name: str) -> np.ndarray:
        picture = gold["images"].get(name) or gold["diff_images"][name]
        return np.array(picture["rgba"], np.uint8).reshape(picture["height"], picture["width"], 4)

    one, two, deep = (stores.opaque(name) for name in ("one", "two", "deep"))
    sixteen = (folder / gold["sixteen_bit_original"]["file"]).read_bytes()
    assert hashlib.md5(sixteen).hexdigest() == gold["sixteen_bit_original"]["file_md5"]
    pictures = {one: pngs.write(text_image("one"), 6, 8), two: pngs.write(text_image("two"), 6, 8)}
    source = stores.folder(tmp_path / "source", pictures | {deep: sixteen})
    with DiffStore(tmp_path / "store", source=source, pause=0) as opened, tornado_server(opened) as served:
        assert (served.ask("images/foo.png").status, opened.unavailable_digests()) == (404, {})
        answer = served.ask(f"images/{ABSENT}.png")
        assert (answer.status, answer.headers["Cache-Control"]) == (404, NOT_KEPT)
        assert opened.unavailable_digests()[ABSENT].reason == "http_error"
        assert served.ask(f"diffs/{one}-{ABSENT}.png").status == 404
        assert opened.unavailable_digests()[ABSENT].reason == "http_error"  # "other" only if new
        answer = served.ask(f"images/{one}.png")
        assert (answer.status, answer.body, answer.headers["Cache-Control"]) == (200, pictures[one], PUBLIC)
        answer = served.ask(f"diffs/{one}-{two}.png")
        assert (answer.status, answer.headers["Cache-Control"]) == (200, PUBLIC)
        assert (images.read_rgba(answer.body) == text_image("one_two")).all()
        answer = served.ask(f"images/{deep}.png")
        assert (answer.status, answer.headers["Cache-Control"]) == (200, PUBLIC)
        assert hashlib.md5(answer.body).hexdigest() == "22ea2cb4e3eabd2bb3faba7a07e18b7a"


# Case 10, the same suite over such a server, is in test_store.


def test_a_picture_that_arrives_is_served(tmp_path: Path) -> None:
    """The answer that there is none is not given any longer than there is none on this computer."""
    digest, data = images.digest(PICTURES[ONE]), PICTURES[ONE]
    other = images.digest(PICTURES[TWO])
    with DiffStore(tmp_path / "store", pause=0) as opened, tornado_server(opened) as served:
        targets = (f"images/{digest}.png", f"diffs/{digest}-{other}.png")
        assert [served.ask(target).status for target in targets] == [404, 404]
        with DiffStore(tmp_path / "store") as writing:  # as a run in another process
            writing.keep_originals([(digest, data), (other, PICTURES[TWO])])
        assert [served.ask(target).status for target in targets] == [200, 200]
        assert served.ask(targets[0]).body == data
        assert opened.unavailable_digests() == {}


def test_a_difference_picture_that_is_too_large_is_not_served(tmp_path: Path) -> None:
    sizes = {"a" * 32: (2, 50), "b" * 32: (50, 2)}
    found = {digest: stores.png(stores.samples(5, *size)) for digest, size in sizes.items()}
    one, other = found
    with (
        DiffStore(tmp_path, source=found.get, max_pixels=100, pause=0) as small,
        tornado_server(small) as served,
    ):
        assert [served.ask(f"images/{digest}.png").status for digest in found] == [200, 200]
        assert served.ask(f"diffs/{one}-{other}.png").status == 404


def test_a_jpeg_has_its_own_type(tmp_path: Path) -> None:
    import cv2

    digest = stores.opaque("jpeg")
    data = bytes(cv2.imencode(".jpg", stores.samples(1, 32, 32)[:, :, :3])[1])
    with DiffStore(tmp_path / "store", source={digest: data}.get) as opened, tornado_server(opened) as served:
        answer = served.ask(f"images/{digest}.png")
    assert (answer.body, answer.headers["Content-Type"]) == (data, "image/jpeg")


def test_many_requests_while_a_source_is_slow(tmp_path: Path) -> None:
    """The event loop goes on: one picture is served while others are waited for, and each is fetched once."""
    let, asked = threading.Event(), stores.Counted(PICTURES)

    def slow(digest: str) -> bytes:
        if digest == TWO:
            assert let.wait(PATIENCE)
        return asked(digest)

    with (
        DiffStore(tmp_path / "store", source=slow) as opened,
        tornado_server(opened) as served,
        ThreadPoolExecutor(40) as pool,
    ):
        waiting = [pool.submit(served.ask, f"images/{TWO}.png") for _ in range(20)]
        drawing = [pool.submit(served.ask, f"diffs/{ONE}-{TWO}.png") for _ in range(19)]
        assert served.ask(f"images/{ONE}.png").body == PICTURES[ONE]
        let.set()
        assert {future.result(PATIENCE).body for future in waiting} == {PICTURES[TWO]}
        assert {future.result(PATIENCE).status for future in drawing} == {200}
    assert asked.asked == {ONE: 1, TWO: 1}
