"""A local HTTP server that answers as a test says, and fails as it says."""

import contextlib
import http.client
import http.server
import re
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import md5
from typing import Any, NamedTuple

Fault = int | str | Callable[[], object]
"""A status; ``cut``, ``short``, ``long``, ``endless`` or ``hang``; or what is done before the answer."""


class Asked(NamedTuple):
    """A request."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""


class Answer(NamedTuple):
    """What a server sends."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Server:
    """A running server; `faults` are those of the next requests, by the method and the end of the target."""

    answer: Callable[[Asked], Answer]
    faults: dict[tuple[str, str], Iterator[Fault]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    port: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fail(self, method: str, ending: str, faults: Iterable[Fault]) -> None:
        self.faults[method, ending] = iter(faults)

    def fault(self, asked: Asked) -> Fault | None:
        for (method, ending), faults in self.faults.items():
            if asked.method == method and asked.target.partition("?")[0].endswith(ending):
                return next(faults, None)
        return None

    def count(self, method: str, ending: str = "") -> int:
        """Return how many such requests came, and forget all requests."""
        found = [each for each in self.asked if each.method == method and each.target.endswith(ending)]
        self.asked.clear()
        return len(found)


@contextlib.contextmanager
def serving(answer: Callable[[Asked], Answer], *, behind: float = 0) -> Iterator[Server]:
    """Have a server, whose clock is so many s behind."""
    server = Server(answer)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            asked = Asked(self.command, self.path, dict(self.headers.items()), body)
            server.asked.append(asked)
            with contextlib.suppress(ConnectionError):
                self.send(asked, server.fault(asked))

        do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

        def send(self, asked: Asked, fault: Fault | None) -> None:
            if callable(fault):
                fault()
            if fault == "hang":
                server.over.wait()
            if isinstance(fault, int):
                status, headers, body = Answer(fault, {}, b"")
            else:
                status, headers, body = server.answer(asked)
            if fault == "short":
                body = body[: len(body) // 2]
            if fault == "long":
                body += bytes(1000)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if fault == "endless":
                self.close_connection = True
            elif "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if asked.method == "HEAD":
                return
            if fault == "cut":
                body, self.close_connection = body[: len(body) // 2], True
            self.wfile.write(body)
            while fault == "endless" and not server.over.is_set():
                self.wfile.write(bytes(1 << 16))

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string(time.time() - behind if timestamp is None else timestamp)

        def log_message(self, *_: Any) -> None:
            pass

    class Listening(http.server.ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

    with Listening(("127.0.0.1", 0), Handler) as listening:
        server.port = listening.server_address[1]
        thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            listening.shutdown()
            thread.join()


def pages_of(contents: Mapping[str, bytes], *, etags: bool = True) -> Callable[[Asked], Answer]:
    """Return the answers of a server of these files, by path, with index pages as servers write them."""

    def answer(asked: Asked) -> Answer:
        path = urllib.parse.unquote(asked.target.partition("?")[0])[1:]
        if path in contents:
            body = contents[path]
            tag = {"ETag": f'"{md5(body).hexdigest()}"'} if etags else {}
            headers = {"Content-Type": "application/octet-stream", **tag}
            if wanted := re.fullmatch(r"bytes=(\d+)-(\d+)", asked.headers.get("Range", "")):
                start, end = int(wanted[1]), min(int(wanted[2]) + 1, len(body))
                headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(body)}"
                return Answer(206, headers, body[start:end])
            return Answer(200, headers, body)
        above = f"{path.rstrip('/')}/"
        below = [name[len(above) :].split("/") for name in contents if name.startswith(above)]
        if not below:
            return Answer(404, {}, b"")
        names = sorted({urllib.parse.quote(name) + ("/" if rest else "") for name, *rest in below})
        rows = "".join(f'<a href="{name}">{name}</a>' for name in names)
        text = f'<a href="?C=N;O=D">Name</a> <a href="../">Parent</a> <a href="/style.css">-</a> {rows}'
        return Answer(200, {"Content-Type": "text/html"}, text.encode())

    return answer


def passed_on(port: int) -> Callable[[Asked], Answer]:
    """Return the answers of another server of this computer."""

    def answer(asked: Asked) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        with contextlib.closing(connection):
            connection.request(asked.method, asked.target, asked.body or None, asked.headers)
            found = connection.getresponse()
            dropped = {"connection", "transfer-encoding", "date", "server"}
            if asked.method != "HEAD":
                dropped.add("content-length")  # it is counted again, as a fault may take of it
            headers = {name: value for name, value in found.getheaders() if name.lower() not in dropped}
            return Answer(found.status, headers, found.read())

    return answer
