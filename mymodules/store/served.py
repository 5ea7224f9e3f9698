"""Images over HTTP, as Tornado handlers: ``images/<digest>.png`` and ``diffs/<digest>-<digest>.png``.

Only pictures that a store has for valid digests are served. A URL that does not have one of these two forms
is answered with 404, and no part of a URL is ever used as a path. A picture whose name is not a digest, see
`records.is_name`, has no URL. Methods other than GET and HEAD are answered with 405. The store's threads
fetch, decode and compare; the event loop only waits for them.

Answers may be cached for 12 hours, by anyone or, behind a token, by the browser that asked; failures are not
cached. Log lines contain no control characters, whatever the request was.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from http import HTTPStatus
from typing import Any, Final, Protocol, TypeVar

from tornado.httputil import HTTPServerRequest
from tornado.web import HTTPError, RequestHandler

from mymodules import faults
from mymodules.store.records import is_diff_id, is_digest
from mymodules.store.sources import Original, printable

KEPT: Final = "max-age=43200"
"""How long an image may be kept: 12 hours."""
NOT_KEPT: Final = "no-cache, no-store, must-revalidate"
"""The same for failures."""

_log = logging.getLogger(__name__)
_FORM = re.compile(r"(images|diffs)/([0-9A-Za-z-]+)\.png", re.ASCII)
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")
T = TypeVar("T")


class ImageStore(Protocol):
    """The part of a store that the handlers need."""

    def original(self, digest: str) -> "Future[Original]":
        """Return the picture of a digest."""
        ...

    def delta(self, one: str, other: str) -> "Future[bytes]":
        """Return the difference picture of two, as PNG."""
        ...


Rule = tuple[str, type[RequestHandler], dict[str, Any]]


def rules(url_prefix: str, store: ImageStore) -> list[Rule]:
    """Return rules for a Tornado application that serve a store below a prefix, to anyone."""

    async def known() -> ImageStore:
        return store

    return [rule(url_prefix, known, PublicImages)]


def rule(url_prefix: str, store: Callable[[], Awaitable[ImageStore | None]], handler: type["Images"]) -> Rule:
    """Return a rule for every path with a prefix; ``store`` is called for each image, None means 404."""
    prefix = f"/{url_prefix.strip('/')}/" if url_prefix.strip("/") else "/"
    return f"{re.escape(prefix)}.*", handler, {"prefix": prefix, "store": store}


class Images(RequestHandler):
    """Serve images; a subclass decides, in `get` and `head`, who may see them."""

    SUPPORTED_METHODS = ("GET", "HEAD")
    caching = "public"

    def initialize(self, prefix: str, store: Callable[[], Awaitable[ImageStore | None]]) -> None:
        """Take the rule's arguments."""
        self._prefix, self._asked_store = prefix, store
        make_printable(self.request)

    def set_default_headers(self) -> None:
        """Set the headers of every answer, errors included."""
        super().set_default_headers()
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", NOT_KEPT)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer an error with one line of text, which does not repeat any part of the request."""
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.set_header("Cache-Control", NOT_KEPT)
        if status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            self.set_header("Allow", "GET, HEAD")
        try:
            phrase = HTTPStatus(status_code).phrase
        except ValueError:
            phrase = "Error"
        self.finish(f"{status_code} {phrase}\n")

    def compute_etag(self) -> str | None:
        """Return None: computing a digest of every answer would block the event loop."""
        return None

    async def serve(self) -> None:
        """Answer with the image that the path names."""
        try:
            found = await self._found(self.request.path.removeprefix(self._prefix))
        except HTTPError:
            raise
        except Exception as error:  # a visitor can do nothing about it, so it is only logged
            _log.warning("%s is not served: %s", self.request.path, printable(faults.named(error)))
            found = None
        if found is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        self.set_header("Content-Type", found.media_type)
        self.set_header("Cache-Control", f"{self.caching}, {KEPT}")
        self.finish(found.data)

    async def _found(self, rest: str) -> Original | None:
        form = _FORM.fullmatch(rest)
        if form is None:
            return None
        directory, name = form.groups()
        if not (is_digest(name) if directory == "images" else is_diff_id(name)):
            return None
        store = await self._asked_store()
        if store is None:
            return None
        if directory == "images":
            return await _outcome(await asyncio.to_thread(store.original, name))
        delta = await _outcome(await asyncio.to_thread(store.delta, *name.split("-")))
        return None if delta is None else Original(delta, "image/png")


class PublicImages(Images):
    """Serve images to anyone who can reach the server."""

    async def get(self) -> None:
        """Answer with an image."""
        await self.serve()

    head = get


def make_printable(request: HTTPServerRequest) -> None:
    """Escape control characters in those parts of a request that log lines repeat.

    Tornado has already refused the C0 control characters, but not those above 127.
    """
    for attribute in ("uri", "path"):
        text = getattr(request, attribute)
        if text is not None:
            setattr(request, attribute, _UNPRINTABLE.sub(_escaped, text))
    for name in ("Referer", "User-Agent", "Host"):
        if name in request.headers:
            request.headers[name] = _UNPRINTABLE.sub(_escaped, request.headers[name])


def _escaped(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "replace"))


async def _outcome(future: "Future[T]") -> T | None:
    """Wait for a store's future and return its value; None if it failed.

    Others share this future, and awaiting it directly could cancel it: a callback watches it instead.
    """
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    future.add_done_callback(lambda _: loop.call_soon_threadsafe(_settle, done))
    await done
    return None if future.exception() else future.result()


def _settle(done: "asyncio.Future[None]") -> None:
    if not done.done():
        done.set_result(None)
