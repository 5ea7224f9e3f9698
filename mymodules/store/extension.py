"""The Jupyter Server extension: a store's pictures below ``/mymodules/``, behind Jupyter's own checks.

A request without a token is answered with 403 and not redirected; so is a request for a Host that the server
does not accept. What is served, and how, is described in `served`. Answers are cached privately.

The store is the one that ``MymodulesApp.store`` names in a configuration file or on the command line;
otherwise that of the output folder that `settings` has recorded for this process; otherwise that of ``img/``
below the server's top folder. It is opened when a picture is first asked for, and never created: without a
store, every picture is answered with 404.

The package installs ``etc/jupyter/jupyter_server_config.d/mymodules.json``, which enables it.
"""

import asyncio
import logging
from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from tornado.web import HTTPError, authenticated
from traitlets import Unicode
from traitlets.config import Configurable

from mymodules import settings
from mymodules.errors import MymodulesError
from mymodules.paths import shown
from mymodules.store import served, sources
from mymodules.store.diffstore import FILE, DiffStore

_log = logging.getLogger(__name__)


class MymodulesApp(Configurable):
    """The settings of the extension."""

    store = Unicode("", help="The folder of the store to serve; by default that of the output folder.").tag(
        config=True
    )


class PrivateImages(served.Images, JupyterHandler):
    """Serve images to users who are logged in to the server."""

    auth_resource = "mymodules"
    caching = "private"

    def get_login_url(self) -> str:
        """Refuse users who are not logged in, instead of sending them to a login page."""
        raise HTTPError(403)

    @authenticated
    @authorized
    async def get(self) -> None:
        """Answer with an image."""
        await self.serve()

    @authenticated
    @authorized
    async def head(self) -> None:
        """Answer with an image's headers."""
        await self.serve()


class _Lazily:
    """Open a store when it is first needed, off the event loop, and close it when its file is removed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store: DiffStore | None = None
        self._opening = asyncio.Lock()

    async def __call__(self) -> DiffStore | None:
        async with self._opening:
            there = (self._folder / FILE).is_file()
            if self._store is not None and not there:
                await asyncio.to_thread(self._store.close)
                self._store = None
            if self._store is None and there:
                try:
                    self._store = await asyncio.to_thread(DiffStore, self._folder)
                except MymodulesError as error:
                    _log.warning("%s", error)
            return self._store


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": "mymodules.store.extension"}]


def _load_jupyter_server_extension(server: ServerApp) -> None:
    try:
        folder = _folder(server)
    except MymodulesError as error:
        server.log.error("mymodules: no pictures are served. %s", error)
        return
    prefix = url_path_join(server.web_app.settings["base_url"], "mymodules")
    rules = [served.rule(prefix, _Lazily(folder), PrivateImages)]
    server.web_app.add_handlers(".*", rules)  # type: ignore[no-untyped-call]  # it has no type
    server.log.info("mymodules: pictures of %s are served below %s/", shown(folder), prefix)


def _folder(server: ServerApp) -> Path:
    named = MymodulesApp(config=server.config).store
    if named:
        return sources.folder(named)
    try:
        chosen = settings.recorded()
    except MymodulesError as error:
        server.log.warning("mymodules: %s", error)
        chosen = None
    out = chosen.out if chosen else settings.resolve(server.root_dir).out
    return out / ".store"
