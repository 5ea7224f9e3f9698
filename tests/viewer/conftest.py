"""A run with pictures of every kind, and questions about it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.containers import deep
from support.containers import pillow as encoded
from support.viewed import HOSTILE, put, random

from mymodules import batch, viewer


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("viewer")
    glass = random(150, 200, 4, seed=1)
    cracked = glass.copy()
    cracked[10:20, 10:40] ^= 1  # 300 pixels
    cracked[80:140, 100:190, 3] ^= 64  # 5400 pixels
    put(root, "glass.png", encoded(glass), encoded(cracked))
    deeper = random(40, 50, 4, seed=2, dtype=np.uint16)
    put(root, "deep.png", deep(deeper), deep(deeper ^ np.uint16(513)))
    put(root, "size.png", encoded(random(30, 40, 3)), encoded(random(50, 45, 3)))
    put(root, "only-first.png", encoded(random(9, 9, 3)), None)
    put(root, "only-second.png", None, encoded(random(9, 9, 3)))
    put(root, "broken.png", encoded(random(9, 9, 3)), encoded(random(9, 9, 3))[:-20])
    put(root, "same.png", encoded(glass), encoded(glass))
    put(root, "plain.bmp", encoded(random(9, 9, 3), "BMP"), encoded(random(9, 9, 3, seed=1), "BMP"))
    if not hasattr(__import__("os"), "startfile"):  # Windows does not allow such a name
        put(root, HOSTILE, encoded(random(9, 9, 3)), encoded(random(9, 9, 3, seed=1)))
    return root


@pytest.fixture(scope="session")
def run(root: Path) -> batch.Run:
    (root / "out").mkdir()
    return batch.run(root / "first", root / "second", root / "out", num_processors=1, pictures="none")


@pytest.fixture(scope="session")
def loaded(run: batch.Run) -> pd.DataFrame:
    return run.frame()


@pytest.fixture
def frame(loaded: pd.DataFrame) -> pd.DataFrame:
    return loaded.copy()


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[dict[str, Any], list[bytes]]]:
    """Send a message as the page does and return the answer; what is not asked for stands in `ask.told`."""
    sent: list[tuple[dict[str, Any], list[bytes]]] = []
    monkeypatch.setattr(
        viewer.Viewer, "send", lambda self, content, buffers=None: sent.append((content, buffers or []))
    )

    def ask(widget: viewer.Viewer, **asked: Any) -> tuple[dict[str, Any], list[bytes]]:
        sent.clear()
        widget._handle_custom_msg({"id": "page-1", **asked}, [])
        ((answer, buffers),) = sent
        json.dumps(answer, allow_nan=False)
        assert answer.pop("id") == "page-1"
        return answer, [bytes(buffer) for buffer in buffers]

    ask.told = sent  # type: ignore[attr-defined]
    return ask
