"""A Tornado server of a store's pictures, and a client that says exactly what it is told to."""

import asyncio
import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import tornado.httpserver
import tornado.netutil
import tornado.web

from mymodules.store import DiffStore

PATIENCE = 60.0  # s


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Served:
    """A running server, its prefix and what its requests carry."""

    port: int
    prefix: str
    token: str = ""

    def ask(self, target: str, method: str = "GET", **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request(method, self.prefix + target, headers=self.known() | headers)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())

    def raw(self, target: bytes, method: bytes = b"GET") -> bytes:
        """What comes back for a request line as it stands, up to the end."""
        head = b"%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" % (method, target)
        for name, value in self.known().items():
            head += f"{name}: {value}\r\n".encode()
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as link:
            link.sendall(head + b"\r\n")
            with link.makefile("rb") as coming:
                return coming.read()

    def known(self) -> dict[str, str]:
        return {"Authorization": f"token {self.token}"} if self.token else {}


@contextlib.contextmanager
def tornado_server(opened: DiffStore, prefix: str = "/img/") -> Iterator[Served]:
    (listening,) = tornado.netutil.bind_sockets(0, "127.0.0.1", backlog=2048)
    started, stop = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        server = tornado.httpserver.HTTPServer(tornado.web.Application(opened.image_handlers(prefix)))
        server.add_socket(listening)
        loops.append(asyncio.get_running_loop())
        started.set()
        await stop.wait()
        server.stop()
        await server.close_all_connections()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert started.wait(PATIENCE)
    try:
        yield Served(listening.getsockname()[1], prefix)
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join()
