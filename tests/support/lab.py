"""JupyterLab in Chromium, driven for the tests.

    with lab.serve(root, tmp_path) as server, lab.browse(server, folder) as notebook:
        notebook.open("notebooks/01_compare.ipynb")
        notebook.run_all()

The server keeps its settings, data and kernels' files in the temporary folder and is always stopped at
the end; Chromium is the one of the machine, nothing is downloaded. Every request the page makes is noted.
"""

import base64
import json
import os
import secrets
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
import pytest

from support.programs import MARK, module

ROOT = Path(__file__).resolve().parents[2]
# A name that would run as a script wherever it is taken for HTML; Windows does not allow it.
HOSTILE = "<img src=x onerror=document.title='owned'>$x^2$.png"
REQUIRED = "MYMODULES_REQUIRE_BROWSER"
# Debian's; it draws pages as Chromium does, and having no windows takes a quarter less processor time.
SHELL = "chromium-headless-shell"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SETTINGS = {
    # no question about news, no look for updates
    "apputils-extension/notification": {
        "checkForUpdates": False,
        "fetchNews": "false",
        "doNotDisturbMode": True,
    },
    # every cell stands in the page, also those that are scrolled away
    "notebook-extension/tracker": {"windowingMode": "none"},
}
WIDGET = "application/vnd.jupyter.widget-view+json"
# Chromium draws by processor: the smaller, the cheaper. What depends on the size says its own.
VIEWPORT = {"width": 1100, "height": 700}
PATIENCE = 120_000  # ms: a machine with other work to do takes its time, and a sound page is not at fault
# Like the page, this opens the storage only after an answer of the lock manager: what a page stores that asks
# earlier may be lost. Frames may have no storage.
CHOSEN = """(async () => {
    await navigator.locks?.query();
    localStorage["mymodules-list"] ??= "%s";
})().catch(() => {});"""
# JupyterLab asks for optional files that need not be there; nothing of this project.
NOT_OURS = ("404 (Not Found)", "favicon")


def chromium(*, whole: bool = False) -> str:
    """Return the path of this machine's browser; without one, skip the test, or fail where it is required.

    With `whole` it is one that people use, not the headless shell, unless `MYMODULES_CHROMIUM` names that.
    """
    try:
        import playwright.sync_api  # noqa: F401  (only to see whether it is there)
    except ImportError:
        missing("playwright is not installed")
    for name in (os.environ.get("MYMODULES_CHROMIUM"), None if whole else SHELL, *BROWSERS):
        found = shutil.which(name) if name else None
        if found:
            return found
    return missing("no Chromium, Chrome or Edge on PATH (or name one in MYMODULES_CHROMIUM)")


def missing(reason: str) -> Any:
    """Skip, or fail where `REQUIRED` is set, as a machine meant to have a browser must not pass without."""
    if os.environ.get(REQUIRED):
        pytest.fail(f"{reason}, and {REQUIRED} is set")
    pytest.skip(reason)


def project(root: Path) -> Path:
    """Copy the notebooks and the sample pictures, so that tests do not write to the project."""
    copy_notebooks(root)
    for name in ("01.first", "02.second"):
        shutil.copytree(ROOT / "img" / name, root / "img" / name)
        if os.name != "nt":
            shutil.copy(root / "img" / name / "badge.png", root / "img" / name / HOSTILE)
    return root


def copy_notebooks(root: Path) -> None:
    """Copy the notebooks as they are committed, without the outputs that a user has saved."""
    (root / "notebooks").mkdir(parents=True)
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        notebook.metadata.pop("widgets", None)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        nbformat.write(notebook, root / "notebooks" / path.name)


def is_local(url: str) -> bool:
    """Say whether a request stays on this machine."""
    parts = urlsplit(url)
    return parts.scheme in {"data", "blob", "about"} or parts.hostname in {"127.0.0.1", "localhost"}


@dataclass(frozen=True)
class Server:
    """A running JupyterLab, or Voila; `home` is the folder of what it writes for itself.

    All processes that it starts have its `token` as their mark.
    """

    url: str
    token: str
    root: Path
    home: Path

    def forget(self) -> None:
        """Let the next page find settings, workspaces and remembered folders as on the first day."""
        folders = homes(self.home)
        shutil.rmtree(folders["data"] / "mymodules", ignore_errors=True)
        shutil.rmtree(folders["workspaces"], ignore_errors=True)
        shutil.rmtree(folders["settings"], ignore_errors=True)
        for name, values in SETTINGS.items():
            file = folders["settings"] / "@jupyterlab" / f"{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(values), encoding="utf-8")

    def end_kernels(self) -> None:
        """End all kernels, and wait for it."""
        for kernel in json.loads(self._ask("GET", "/api/kernels")):
            self._ask("DELETE", f"/api/kernels/{kernel['id']}")

    def _ask(self, method: str, path: str) -> bytes:
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(self.url + path, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return bytes(answer.read())


@contextmanager
def serve(root: Path, home: Path) -> Iterator[Server]:
    """Run a JupyterLab whose top folder is `root`; all that it writes for itself goes below `home`."""
    port, token = free_port(), secrets.token_hex(16)
    command = [
        *(*module("jupyterlab"), "--no-browser"),
        *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        *(f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={root}"),
        *("--LabApp.expose_app_in_browser=True", "--LabApp.extension_manager=readonly"),
        *(["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
    ]
    server = Server(f"http://127.0.0.1:{port}", token, root, home)
    with running(command, server, f"{server.url}/api/status?token={token}"):
        yield server


@contextmanager
def serve_voila(notebook: Path, home: Path) -> Iterator[Server]:
    """Run Voila, which shows one notebook as a page; all that it writes for itself goes below `home`."""
    port = free_port()
    command = [
        *(*module("voila"), str(notebook), "--no-browser"),
        *("--Voila.ip=127.0.0.1", f"--port={port}", "--port_retries=0"),
    ]
    server = Server(f"http://127.0.0.1:{port}", "", notebook.parent, home)
    with running(command, server, f"{server.url}/voila/static/voila.js"):
        yield server


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def homes(home: Path) -> dict[str, Path]:
    """Return where a server keeps what."""
    names = ("config", "data", "runtime", "settings", "workspaces", "ipython")
    return {name: home / "jupyter" / name for name in names}


@contextmanager
def running(command: list[str], server: Server, address: str) -> Iterator[None]:
    """Run a Jupyter server in its folder until the end; it is up when there is an answer at `address`."""
    folders = homes(server.home)
    for made in folders.values():
        made.mkdir(parents=True)
    server.forget()
    environment = {
        **os.environ,
        MARK: server.token,
        "JUPYTER_CONFIG_DIR": str(folders["config"]),
        "JUPYTER_DATA_DIR": str(folders["data"]),
        "JUPYTER_RUNTIME_DIR": str(folders["runtime"]),
        "JUPYTERLAB_SETTINGS_DIR": str(folders["settings"]),
        "JUPYTERLAB_WORKSPACES_DIR": str(folders["workspaces"]),
        "IPYTHONDIR": str(folders["ipython"]),
        "JUPYTER_NO_CONFIG": "1",
    }
    log = server.home / "jupyter" / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, cwd=server.root)
    try:
        deadline = time.monotonic() + PATIENCE / 1000
        while not answers(address):
            assert process.poll() is None, log.read_text(errors="replace")
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.1)
        yield
    finally:
        process.terminate()  # it ends its kernels, too
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answers(address: str) -> bool:
    """Say whether a server is up."""
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@dataclass
class Notebook:
    """A page of JupyterLab with one notebook in it.

    Attributes
    ----------
    folder : Path
        The folder, within the server's root, that paths of notebooks begin in.
    page : playwright.sync_api.Page
        For all that has no method here.
    requests : list of str
        Every URL the page asked for, web sockets included.
    complaints : list of str
        Errors in the browser's console, uncaught exceptions included, JupyterLab's own noise left out.
    """

    server: Server
    folder: Path
    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Open the notebook `path` (below `folder`) and wait until its kernel and widgets are ready.

        What is open in the page is closed, without saving it; JupyterLab is loaded if it is not there.

        The widget manager first asks a new kernel for the widgets that it already has, and reports no failure
        of that. To keep the two apart, no cell runs before it has finished.
        """
        path = (self.folder.relative_to(self.server.root) / path).as_posix()
        self.load()
        self.close()
        self.page.evaluate(
            "async path => { await jupyterapp.commands.execute('docmanager:open', { path }) }", path
        )
        self.page.wait_for_function(
            """path => {
                const context = jupyterapp.shell.currentWidget?.context;
                const session = context?.sessionContext;
                return context?.path === path && session?.isReady && session.session.kernel.status === 'idle';
            }""",
            arg=path,
        )
        self.page.wait_for_function(
            """async mimeType => {
                const renderer = jupyterapp.shell.currentWidget.content.rendermime.createRenderer(mimeType);
                const manager = await Promise.race([renderer._manager.promise, null]);
                renderer.dispose();
                return manager?.restoredStatus;
            }""",
            arg=WIDGET,
        )
        self.page.evaluate("() => jupyterapp.shell.collapseLeft()")

    def load(self, *, anew: bool = False) -> None:
        """Load JupyterLab, unless it is in the page and asks nothing, and always with `anew`."""
        there = "() => 'jupyterapp' in window && !document.querySelector('.jp-Dialog')"
        if not anew and self.page.evaluate(there):
            return
        address = f"{self.server.url}/lab/workspaces/test?token={self.server.token}&reset"
        self.page.goto(address, wait_until="domcontentloaded")
        self.page.wait_for_function("async () => 'jupyterapp' in window && (await jupyterapp.restored, true)")
        self.page.wait_for_selector("body[data-jp-theme-light]", state="attached")
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")

    def close(self) -> None:
        """Close all that is open in JupyterLab, without saving it."""
        self.page.evaluate(
            """() => {
                for (const each of [...jupyterapp.shell.widgets('main')]) {
                    if (each.context) each.context.model.dirty = false;
                    each.close();
                }
            }"""
        )
        self.page.wait_for_function("() => ![...jupyterapp.shell.widgets('main')].some(each => each.context)")

    def run_all(self) -> None:
        """Run all cells and wait until every one of them has ended and every widget is drawn."""
        self.page.evaluate("async () => { await jupyterapp.commands.execute('notebook:run-all-cells') }")
        self.page.wait_for_function(
            """() => {
                const cells = [...jupyterapp.shell.currentWidget.content.model.cells];
                const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                return kernel.status === 'idle' && cells.every(cell => cell.type !== 'code'
                    || (cell.executionCount !== null && cell.executionState !== 'running'));
            }"""
        )
        self.page.wait_for_function(
            """() => ![...document.querySelectorAll('.jp-OutputArea-output')]
                .some(output => output.textContent === 'Loading widget...')"""
        )

    def outputs(self) -> list[dict[str, Any]]:
        """Return the outputs of all code cells, top to bottom, as the notebook file would hold them."""
        found: list[dict[str, Any]] = self.page.evaluate(
            """() => [...jupyterapp.shell.currentWidget.content.model.cells]
                .filter(cell => cell.type === 'code').flatMap(cell => cell.outputs.toJSON())"""
        )
        return found

    def failures(self) -> list[str]:
        """Return the error outputs, "name: text" each."""
        return [f"{out['ename']}: {out['evalue']}" for out in self.outputs() if out["output_type"] == "error"]

    def python(self, code: str) -> str:
        """Run code in the kernel once it has had every change; return what it prints, errors included."""
        settles(self.page)
        text: str = self.page.evaluate(
            """async code => {
                const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                let text = '';
                const future = kernel.requestExecute({code});
                future.onIOPub = ({header, content}) => {
                    if (header.msg_type === 'stream') text += content.text;
                    if (header.msg_type === 'error') text += `${content.ename}: ${content.evalue}`;
                };
                await future.done;
                return text.trim();
            }""",
            code,
        )
        return text

    def theme(self, name: str) -> None:
        """Choose the theme, "Light" or "Dark", and wait until JupyterLab's splash screen has gone.

        If another change comes before that, JupyterLab removes the splash screen twice and raises an error.
        """
        self.page.evaluate(
            "async theme => { await jupyterapp.commands.execute('apputils:change-theme', { theme }) }",
            f"JupyterLab {name}",
        )
        light = str(name == "Light").lower()
        self.page.wait_for_selector(f"body[data-jp-theme-light={light}]", state="attached")
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")

    def picture(self, selector: str) -> bytes:
        """Return the bytes behind the ``img`` at `selector`."""
        address: str = self.page.eval_on_selector(
            selector,
            """async img => {
                const data = await (await fetch(img.src)).blob();
                return new Promise((done, failed) => {
                    const reader = new FileReader();
                    reader.onload = () => done(reader.result);
                    reader.onerror = failed;
                    reader.readAsDataURL(data);
                });
            }""",
        )
        return base64.b64decode(address.partition(",")[2])

    def strangers(self) -> list[str]:
        """Return the requests that left the machine."""
        return [url for url in self.requests if not is_local(url)]


def settles(page: Any) -> None:
    """Wait until the kernel has had every change: widgets hold back the last ones while it is busy."""
    page.evaluate(
        """async () => {
            const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            for (let turn = 0; turn < 3; turn += 1) await kernel.requestKernelInfo();
        }"""
    )


@contextmanager
def launched(*, whole: bool = False) -> Iterator[Any]:
    """Run Chromium until the end; see `chromium`."""
    executable = chromium(whole=whole)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def browse(server: Server, folder: Path, *, whole: bool = False) -> Iterator[Notebook]:
    """Open Chromium with an empty profile for the notebooks of a folder that `server` has; see `chromium`."""
    with launched(whole=whole) as browser, profile(browser, server, folder) as notebook:
        yield notebook


@contextmanager
def profile(browser: Any, server: Server, folder: Path) -> Iterator[Notebook]:
    """A page with an empty profile, whose user has chosen to have rows listed in a table."""
    with browser.new_context(viewport=VIEWPORT) as context:
        context.set_default_timeout(PATIENCE)
        context.add_init_script(CHOSEN % "table")
        page = context.new_page()
        notebook = Notebook(server, folder, page)
        page.context.on("request", lambda request: notebook.requests.append(request.url))
        page.on("websocket", lambda socket: notebook.requests.append(socket.url))
        # with where it happened: a console's error alone does not say whose it is
        page.on("pageerror", lambda error: notebook.complaints.append(str(error.stack)))
        page.on("console", lambda message: complain(notebook, message))
        yield notebook


@contextmanager
def lent(notebook: Notebook, folder: Path, listed: str = "table") -> Iterator[Notebook]:
    """Lend a page, which stays, for the notebooks of another folder: most tests are quicker than a load.

    Parameters
    ----------
    notebook : Notebook
    folder : Path
    listed : str
        How its user has chosen to have rows listed in the explorer; empty for one who has chosen nothing.
    """
    complained, page = bool(notebook.complaints), notebook.page
    notebook.folder, notebook.requests, notebook.complaints = folder, [], []
    page.set_viewport_size(VIEWPORT)
    page.mouse.move(0, 0)
    notebook.load(anew=complained)
    if not page.locator("body[data-jp-theme-light=true]").count():
        notebook.theme("Light")
    page.evaluate(
        """listed => {
            localStorage.clear();
            if (listed) localStorage["mymodules-list"] = listed;
        }""",
        listed,
    )
    yield notebook
    notebook.close()


@contextmanager
def ran(kept: Notebook, folder: Path, path: str, selector: str, listed: str = "table") -> Iterator[Notebook]:
    """A notebook below `folder`, all its cells run and `selector` there; see `lent`."""
    with lent(kept, folder, listed) as notebook:
        notebook.open(path)
        notebook.run_all()
        notebook.page.locator(selector).first.wait_for()
        yield notebook


def complain(notebook: Notebook, message: Any) -> None:
    """Note an error of the console unless JupyterLab is known for it."""
    if message.type == "error" and not any(words in message.text for words in NOT_OURS):
        notebook.complaints.append(f"{message.text} {message.location.get('url', '')}".strip())
