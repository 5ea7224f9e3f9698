"""The store's HTTP server, killed while it serves pictures and takes others in.

`Serving.round` starts the server as a process, beside whatever else uses the store. Its source has half of
the new pictures, which are fetched when somebody asks for them; it is told to keep the other half. It is
killed at some moment, and started again without a source. Then

- every picture that it had served, or had said that it kept, is there, also those of earlier rounds;
- every answer has the picture's own bytes, or the delta that the two pictures alone give;
- what another process purges meanwhile is no longer served, and all else is.
"""

import contextlib
import random
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path

import cv2
import numpy as np
from support.programs import Program, png, program
from support.servers import Answer, Served

from mymodules import images
from mymodules.comparison import drawings
from mymodules.store import diff_id

NEW, KEPT = 12, 40
FOUND, ABSENT = 200, 404

SERVE = """
import asyncio, sys
from pathlib import Path
import tornado.httpserver, tornado.netutil, tornado.web
from mymodules.store import DiffStore

async def serve(store, coming):
    server = tornado.httpserver.HTTPServer(tornado.web.Application(store.image_handlers("/")))
    (listening,) = tornado.netutil.bind_sockets(0, "127.0.0.1")
    server.add_socket(listening)
    print(listening.getsockname()[1], flush=True)
    await asyncio.to_thread(take_in, store, coming)
    await asyncio.Event().wait()

def take_in(store, coming):
    for path in coming:
        print(path.stem if store.keep_originals([(path.stem, path)]) else "", flush=True)

root, source, *coming = sys.argv[1:]
with DiffStore(root, source=source or None, pause=0) as store:
    asyncio.run(serve(store, map(Path, coming)))
"""

PURGE = """
import sys
from mymodules.store import DiffStore
with DiffStore(sys.argv[1]) as store:
    store.purge_digests(sys.argv[2:])
"""

Pictures = dict[str, bytes]  # by digest


class Serving:
    """Rounds of a server, and the pictures that only its store has."""

    def __init__(self, store: Path, seed: int, counted: Counter[str]) -> None:
        self._store, self._counted = store, counted
        self._random = random.Random(seed)
        self._samples = np.random.default_rng(seed)
        self._saved: Pictures = {}

    def round(self) -> None:
        """Serve and take in, be killed, serve again, and purge."""
        fetched, taken = self._new(), self._new()
        with folder(fetched) as source, folder(taken) as coming:
            self._until_killed(source, fetched, sorted(coming.iterdir()), taken)
        with server(self._store) as (_, served):
            self._check(served)
            chosen = self._random.sample(sorted(self._saved), min(4, len(self._saved) // 3))
            gone = {*chosen, *list(self._saved)[:-KEPT]}
            purge(self._store, gone)
            self._counted["pictures purged"] += len(gone)
            for digest in gone:
                del self._saved[digest]
                answer = served.ask(f"images/{digest}.png")
                assert answer.status == ABSENT, f"{digest} was purged, and is served: {answer.status}"
            self._check(served)

    def _new(self) -> Pictures:
        made = (png(self._samples.integers(0, 255, (40, 60, 4), dtype=np.uint8)) for _ in range(NEW))
        return {images.digest(data): data for data in made}

    def _until_killed(self, source: Path, fetched: Pictures, coming: list[Path], taken: Pictures) -> None:
        known = self._saved | fetched
        asked = self._random.choices(sorted(known), k=4 * NEW)
        moment = self._random.randrange(len(asked))
        with server(self._store, source, coming) as (running, served), ThreadPoolExecutor(4) as threads:
            answers = [threads.submit(answer_of, served, f"images/{digest}.png") for digest in asked]
            kept = [running.line() for _ in range(self._random.randrange(NEW))]
            if self._random.random() < 0.5:
                answers[moment].result()
            running.process.kill()
            kept += running.finish()[1].split()
        self._counted["servers killed"] += 1
        kept = list(filter(None, kept))
        self._counted["pictures reported as kept"] += len(kept)
        for digest, waited in zip(asked, answers, strict=True):
            if answer := waited.result():
                self._is_picture(answer, digest, known[digest])
                self._saved[digest] = known[digest]
        self._saved |= {digest: taken[digest] for digest in kept}

    def _check(self, served: Served) -> None:
        """Ask for every saved picture, and for deltas of some."""
        for digest, data in self._saved.items():
            self._is_picture(served.ask(f"images/{digest}.png"), digest, data)
        chosen = self._random.sample(sorted(self._saved), min(6, len(self._saved)))
        for one, other in zip(chosen[::2], chosen[1::2], strict=False):
            answer = served.ask(f"diffs/{diff_id(one, other)}.png")
            assert answer.status == FOUND, f"no delta of {one} and {other}: {answer.status}"
            shown = cv2.imdecode(np.frombuffer(answer.body, np.uint8), cv2.IMREAD_UNCHANGED)
            right = drawings.delta(*(images.read_gold_rgba(self._saved[each]) for each in (one, other)))
            assert np.array_equal(cv2.cvtColor(shown, cv2.COLOR_BGRA2RGBA), right), f"{one}-{other}"
            self._counted["answers checked"] += 1

    def _is_picture(self, answer: Answer, digest: str, data: bytes) -> None:
        assert answer.status == FOUND, f"{digest} was saved, and the answer is {answer.status}"
        assert answer.body == data, f"{digest} is served with other bytes"
        self._counted["answers checked"] += 1


def purge(store: Path, digests: Iterable[str]) -> None:
    """Let another process purge digests from a store."""
    with program(PURGE, [store, *digests]) as running:
        code, _, complained = running.finish()
    assert code == 0, complained


@contextlib.contextmanager
def folder(pictures: Pictures) -> Iterator[Path]:
    """Write pictures into a folder, as a source has them, until the end of the body."""
    with tempfile.TemporaryDirectory() as path:
        for digest, data in pictures.items():
            Path(path, f"{digest}.png").write_bytes(data)
        yield Path(path)


@contextlib.contextmanager
def server(
    store: Path, source: Path | str = "", coming: Iterable[Path] = ()
) -> Iterator[tuple[Program, Served]]:
    """Start a server of a store, which keeps copies of the coming files meanwhile and names each then."""
    with program(SERVE, [store, source, *coming]) as running:
        port = running.line()
        assert port, running.finish()
        yield running, Served(int(port), "/")


def answer_of(served: Served, target: str) -> Answer | None:
    """Return an answer; None if the server ended before it was complete."""
    try:
        return served.ask(target)
    except (OSError, HTTPException):
        return None
