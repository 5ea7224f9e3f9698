"""Messages to Slack, tried against real servers that behave or misbehave; the webhook stays secret."""

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.programs import folders, png

from mymodules import batch, notify

SECRET = "T0SECRET/B0SECRET/xyzsecret"
COUNTS = {"same": 3, "changed": 2, "missing": 1, "extra": 0, "error": 1}

RunIn = Callable[[Path], batch.Run]
Answer = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> batch.Run:
    made = folders(tmp_path_factory.mktemp("run"))
    for folder in (made.first, made.second):
        (folder / "a.png").write_bytes(png(np.zeros((4, 4, 3), np.uint8)))
    with ThreadPoolExecutor(1) as executor:
        return batch.run(*made, executor=executor, pictures="none")


@pytest.fixture
def run_in(finished: batch.Run) -> RunIn:
    """Make a run with its results in a folder."""

    def of(out: Path) -> batch.Run:
        return replace(finished, csv_path=out / "results-20260102-030405.csv", counts=COUNTS, seconds=4.25)

    return of


def plain(status: int, body: bytes, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


@contextmanager
def served(answer: Answer) -> Iterator[tuple[str, list[Any]]]:
    """Serve a webhook; yield its URL and the list of messages it receives."""
    received: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            received.append((self.path, self.headers["Content-Type"], json.loads(self.rfile.read(length))))
            answer(self)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/services/{SECRET}", received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def _nothing_says_the_secret(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    monkeypatch.delenv(notify.WEBHOOK, raising=False)
    caplog.set_level(logging.DEBUG)
    yield
    assert "secret" not in caplog.text.lower()


def failed(capsys: pytest.CaptureFixture[str], url: str | None, run: Any, **options: Any) -> str:
    """Return the sentence printed for a message that was not accepted."""
    assert notify.slack(url, run, **options) is False
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("The message to Slack failed: ")
    assert said.err.endswith(".\n")
    assert said.err.count("\n") == 1
    assert "secret" not in said.err.lower()
    return said.err


def test_one_message_says_it_all(tmp_path: Path, capsys: pytest.CaptureFixture[str], run_in: RunIn) -> None:
    out = tmp_path / "<!channel> & *all*"
    with served(plain(200, b"ok")) as (url, received):
        assert notify.slack(url, run_in(out), report=out / "report" / "index.html") is True
    ((path, kind, payload),) = received
    assert (path, kind) == (f"/services/{SECRET}", "application/json")
    escaped = tmp_path / "&lt;!channel&gt; &amp; *all*"
    assert payload["text"].splitlines() == [
        "7 pictures compared in 4.2 s: 3 same, 2 changed, 1 missing, 0 extra, 1 error.",
        f"Report: {escaped / 'report' / 'index.html'}",
        f"Table: {escaped / 'results-20260102-030405.csv'}",
    ]
    assert payload["mrkdwn"] is False
    assert capsys.readouterr() == ("", "")


def test_variable_and_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = {"counts": {"same": 1}, "seconds": 7325.0, "out": str(tmp_path), "stamp": "20260102-030405"}
    with served(plain(200, b"ok\n")) as (url, received):
        monkeypatch.setenv(notify.WEBHOOK, url)
        assert notify.slack(run=manifest)
    text = received[0][2]["text"]
    assert text.startswith("1 picture compared in 2 h 02 min: 1 same, 0 changed")
    assert text.endswith(f"Table: {tmp_path / 'results-20260102-030405.csv'}")


def test_name_with_undecodable_bytes(tmp_path: Path, run_in: RunIn) -> None:
    with served(plain(200, b"ok")) as (url, received):
        assert notify.slack(url, run_in(tmp_path / "\udcff"))
    assert "\\udcff" in received[0][2]["text"]


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        ("refused it (status 500)", plain(500, b"<html>oops")),
        ("refused it (status 404, no_service)", plain(404, b"no_service")),
        ("refused it (status 403)", plain(403, SECRET.encode())),
        ("refused it (status 403)", plain(403, b"xyzsecret")),
        ("leads to another address (status 302)", plain(302, b"", Location="/elsewhere")),
        ("leads to another address (status 308)", plain(308, b"", Location="/elsewhere")),
        ("not from Slack", plain(200, b"<html>Please log in</html>")),
        ("not from Slack", plain(200, b"")),
        ("cannot be read", plain(200, b"no gzip", **{"Content-Encoding": "gzip"})),
    ],
)
def test_refusal_is_a_sentence(
    expected: str, answer: Answer, tmp_path: Path, capsys: pytest.CaptureFixture[str], run_in: RunIn
) -> None:
    with served(answer) as (url, received):
        assert expected in failed(capsys, url, run_in(tmp_path))
    assert len(received) == 1


def test_server_that_is_slow_or_endless(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], run_in: RunIn
) -> None:
    released = threading.Event()

    def dripping(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.0 200 OK\r\nX-Long: ")
        while not released.wait(0.05):
            handler.wfile.write(b"x")

    for answer in (lambda _: released.wait(30), dripping):
        with served(answer) as (url, _):
            try:
                assert "within 0.5 s" in failed(capsys, url, run_in(tmp_path), timeout=0.5)
            finally:
                released.set()
        released.clear()


def test_garbage_and_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str], run_in: RunIn) -> None:
    with served(lambda handler: handler.wfile.write(b"\0\xff garbage\r\n\r\n") and None) as (url, _):
        assert "The message to Slack failed" in failed(capsys, url, run_in(tmp_path))
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/services/{SECRET}"
        assert "cannot be reached" in failed(capsys, url, run_in(tmp_path))


@pytest.mark.parametrize(
    "url",
    [
        f"hooks.slack.com/{SECRET}",
        f"ftp://x/{SECRET}",
        f"https://[{SECRET}",
        "https://",
        f"https://a\n{SECRET}",
    ],
)
def test_what_is_no_address(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], run_in: RunIn
) -> None:
    assert "The message to Slack failed" in failed(capsys, url, run_in(tmp_path), timeout=5)


def test_nothing_to_tell_or_nobody_to_tell_it_to(capsys: pytest.CaptureFixture[str]) -> None:
    assert notify.WEBHOOK in failed(capsys, None, {"counts": {}, "seconds": 1})
    assert "run=" in failed(capsys, f"http://127.0.0.1:9/{SECRET}", None)
    assert "not finished" in failed(capsys, f"http://127.0.0.1:9/{SECRET}", {"complete": False})


def test_what_is_no_path_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    url, run = f"http://127.0.0.1:9/{SECRET}", {"counts": {"same": 1}, "seconds": 1}
    assert "report is 5: it must be a path" in failed(capsys, url, run, report=5)
    assert "out=5, which is not a path" in failed(capsys, url, run | {"out": 5, "stamp": "20260102-030405"})


def test_logs_of_others_stay(tmp_path: Path, caplog: pytest.LogCaptureFixture, run_in: RunIn) -> None:
    """The request's own log records are dropped; those of other threads stay."""
    logger = logging.getLogger("urllib3.connectionpool")

    def logging_answer(handler: BaseHTTPRequestHandler) -> None:
        logger.info("the server's thread")
        plain(200, b"ok")(handler)

    with served(logging_answer) as (url, _):
        assert notify.slack(url, run_in(tmp_path))
    logger.info("later")
    logged = [record.message for record in caplog.records if record.name.startswith("urllib3")]
    assert logged == ["the server's thread", "later"]
