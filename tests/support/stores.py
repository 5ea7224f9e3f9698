"""Sets of pictures under digests, and a local HTTP server of them that fails as often as a test wants."""

import contextlib
import hashlib
import itertools
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

from mymodules import images, metrics
from mymodules.store import DiffStore
from support import pngs

Pictures = dict[str, bytes]
PATIENCE = 60.0  # s; the end of waiting for what should take moments


def opaque(*words: object) -> str:
    """A name as Gold's are: it says nothing about the bytes."""
    return hashlib.md5(repr(words).encode(), usedforsecurity=False).hexdigest()


def samples(seed: int, height: int = 9, width: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 4), np.uint8)


def png(rgba: np.ndarray) -> bytes:
    return pngs.write(rgba, 6, 8)


def some(count: int, start: int = 0) -> Pictures:
    """Pictures under opaque names; every third has another size."""
    return {
        opaque("picture", seed): png(samples(seed, 9 + seed % 3 // 2)) for seed in range(start, start + count)
    }


FIRST, SECOND = some(20), some(8, start=100)
ABSENT = [opaque("absent", number) for number in range(2)]


def folder(at: Path, pictures: Pictures) -> Path:
    """A folder as a source has it: flat."""
    at.mkdir(parents=True, exist_ok=True)
    for digest, data in pictures.items():
        (at / f"{digest}.png").write_bytes(data)
    return at


def figures(pictures: Pictures, left: str, right: str) -> metrics.DiffMetrics:
    """What a pair must have, asked of the metrics themselves."""
    return metrics.pixel_diff(*(images.read_gold_rgba(pictures[digest]) for digest in (left, right)))


class Counted:
    """A source that counts what it is asked for."""

    def __init__(self, pictures: Pictures) -> None:
        self.pictures = pictures
        self.asked: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, digest: str) -> bytes:
        with self._lock:
            self.asked[digest] += 1
        return self.pictures[digest]


class Web:
    """What a server has, how often it fails before it answers, and what it was asked."""

    def __init__(self, pictures: Pictures) -> None:
        self.pictures = dict(pictures)
        self.failing: Counter[str] = Counter()
        self.how = "500"
        self.headers: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        self.authorized: list[str | None] = []
        self.url = ""
        self.ended = threading.Event()


@contextlib.contextmanager
def web(pictures: Pictures) -> Iterator[Web]:
    """Serve ``/base/<digest>.png``."""
    served = Web(pictures)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            digest = self.path.removeprefix("/base/").removesuffix(".png")
            served.asked.append(digest)
            served.authorized.append(self.headers.get("Authorization"))
            data = served.pictures.get(digest)
            if data is None:
                self.send_error(404)
                return
            fails = served.failing[digest] > 0
            served.failing[digest] -= 1
            if fails and served.how == "500":
                self.send_error(500, "it is\x9b31m ill")
                return
            self.send_response(200)
            if fails and served.how == "drip":
                self.end_headers()
                with contextlib.suppress(OSError):  # until the client has enough
                    while not served.ended.wait(0.01):
                        self.wfile.write(b"x")
                return
            self.send_header("Content-Length", str(len(data)))
            for name, value in served.headers.get(digest, {}).items():
                self.send_header(name, value)
            self.end_headers()
            if fails and served.how == "cut":
                self.wfile.write(data[:20])
                self.close_connection = True
            else:
                self.wfile.write(data[::-1] if fails else data)

        def do_DELETE(self) -> None:
            found = served.pictures.pop(self.path.removeprefix("/base/").removesuffix(".png"), None)
            self.send_response(204 if found else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_port}/base"
    try:
        yield served
    finally:
        served.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()


def copy_of(opened: DiffStore, digest: str) -> Path:
    return opened.root / "images" / digest[:2] / digest[2:4] / f"{digest}.png"


def pairs_of(digests: Any) -> list[tuple[str, str]]:
    return list(itertools.combinations(sorted(digests), 2))


class Held:
    """A function that goes on only when it is let."""

    def __init__(self, answer: Any) -> None:
        self.begun, self.let = threading.Event(), threading.Event()
        self._answer = answer

    def __call__(self, *arguments: Any) -> Any:
        self.begun.set()
        assert self.let.wait(PATIENCE)
        return self._answer(*arguments)
