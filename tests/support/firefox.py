"""The machine's Firefox, driven over WebDriver BiDi for the tests: https://w3c.github.io/webdriver-bidi/

    with firefox.started(tmp_path) as browser:
        browser.open(path.as_uri(), 1400, 900)
        browser.press("n")

It has no window and a profile of its own, nothing is downloaded, and it is always killed at the end.
"""

import base64
import contextlib
import io
import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from support import lab

BROWSERS = ("firefox-esr", "firefox")
KEYS = {"Enter": "\ue007", "ArrowLeft": "\ue012", "ArrowRight": "\ue014", "ArrowDown": "\ue015"}
PREFERENCES = {
    "app.update.disabledForTesting": True,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}
GUARD = """
import os, signal, subprocess, sys, threading
firefox = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)

def end():
    sys.stdin.read()  # ends when the tests end, even if they are killed
    firefox.kill() if os.name == "nt" else os.killpg(firefox.pid, signal.SIGKILL)

threading.Thread(target=end, daemon=True).start()
sys.exit(firefox.wait())
"""
"""A program that starts Firefox, and kills it with all its processes when its standard input is closed."""

PATIENCE = lab.PATIENCE / 1000  # s


def executable() -> str:
    """Return the path of this machine's Firefox; without one, skip the test, or fail where it is required."""
    for name in (os.environ.get("MYMODULES_FIREFOX"), *BROWSERS):
        found = shutil.which(name) if name else None
        if found:
            return found
    found = lab.missing("no Firefox on PATH (or name it in MYMODULES_FIREFOX)")
    return str(found)


class Firefox:
    """A tab of Firefox."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.complaints: list[str] = []
        self.call("session.new", capabilities={})
        self.call("session.subscribe", events=["log.entryAdded"])
        (context,) = self.call("browsingContext.getTree")["contexts"]
        self._tab = {"context": context["context"]}

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = json.loads(self._socket.recv(timeout=deadline - time.monotonic()))
            if answer.get("method") == "log.entryAdded" and answer["params"]["level"] in ("error", "warn"):
                self.complaints.append(str(answer["params"]["text"]))
            if answer.get("id") == number:
                assert answer["type"] == "success", f"{method}: {answer.get('message')}"
                result: dict[str, Any] = answer["result"]
                return result

    def open(self, address: str, width: int, height: int) -> None:
        self.call("browsingContext.setViewport", **self._tab, viewport={"width": width, "height": height})
        self.call("browsingContext.navigate", **self._tab, url=address, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression of the page, which may be a promise."""
        done = self.call(
            "script.evaluate",
            expression=f"(async () => JSON.stringify((await ({expression})) ?? null))()",
            target=self._tab,
            awaitPromise=True,
        )
        assert done["type"] == "success", done["exceptionDetails"]["text"]
        return json.loads(done["result"]["value"])

    def until(self, expression: str) -> Any:
        """Wait until an expression is true, and return its value."""
        found = self.evaluate(
            f"""new Promise((resolve, reject) => {{
                const end = performance.now() + {lab.PATIENCE};
                const look = () => {{
                    const value = ({expression});
                    if (value) resolve(value);
                    else if (performance.now() > end) reject(new Error("it does not become true"));
                    else setTimeout(look, 20);
                }};
                look();
            }})"""
        )
        return found

    def click(self, selector: str) -> None:
        """Click into the middle of the element."""
        at = self.evaluate(
            f"""(() => {{
                const box = document.querySelector({json.dumps(selector)}).getBoundingClientRect();
                return [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)];
            }})()"""
        )
        down, up = ({"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp"))
        move = {"type": "pointerMove", "x": at[0], "y": at[1]}
        self._act({"type": "pointer", "id": "mouse", "actions": [move, down, up]})

    def press(self, *keys: str) -> None:
        """Press keys one after the other, by name or character, and wait until the page has drawn."""
        actions = [
            {"type": kind, "value": KEYS.get(key, key)} for key in keys for kind in ("keyDown", "keyUp")
        ]
        self._act({"type": "key", "id": "keyboard", "actions": actions})
        self.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def shot(self, selector: str) -> np.ndarray:
        """Return the RGB pixels where an element is."""
        box = self.evaluate(f"document.querySelector({json.dumps(selector)}).getBoundingClientRect()")
        clip = {"type": "box", **{side: box[side] for side in ("x", "y", "width", "height")}}
        data = self.call("browsingContext.captureScreenshot", **self._tab, clip=clip)["data"]
        with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
            return np.asarray(picture.convert("RGB"))

    def _act(self, source: dict[str, Any]) -> None:
        self.call("input.performActions", **self._tab, actions=[source])


@contextmanager
def started(profile: Path) -> Iterator[Firefox]:
    """Start Firefox with a new profile and connect to it; kill it and all its processes at the end."""
    program = executable()
    from websockets.sync.client import connect

    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items()]
    (profile / "user.js").write_text("\n".join(lines), encoding="utf-8")
    command = [
        program,
        "--headless",
        "--no-remote",
        "--profile",
        str(profile),
        "--remote-debugging-port",
        "0",
    ]
    environment = {**os.environ, "HOME": str(profile), "MOZ_HEADLESS": "1"}
    with (profile / "output.log").open("wb") as output:
        guard = subprocess.Popen(
            [sys.executable, "-c", GUARD, *command], env=environment, stdin=subprocess.PIPE, stdout=output,
            stderr=output, start_new_session=True,  # a signal to the tests' group must not end the guard
        )  # fmt: skip
    try:
        address = address_of(guard, profile)
        with connect(address, origin=None, max_size=None, open_timeout=PATIENCE) as socket:
            yield Firefox(socket)
    finally:
        guard.communicate()  # closes its standard input


def address_of(process: subprocess.Popen[bytes], profile: Path) -> str:
    """Wait until Firefox says where it listens."""
    deadline = time.monotonic() + PATIENCE
    file = profile / "WebDriverBiDiServer.json"
    while True:
        with contextlib.suppress(OSError, ValueError):
            found = json.loads(file.read_bytes())
            return f"ws://{found['ws_host']}:{found['ws_port']}/session"
        assert process.poll() is None, (profile / "output.log").read_text(errors="replace")
        assert time.monotonic() < deadline, "Firefox does not answer"
        time.sleep(0.05)
