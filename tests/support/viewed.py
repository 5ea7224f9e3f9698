"""What the tests of the viewer's Python side share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

HOSTILE = "<img src=x onerror=alert(1)>.png"


Ask = Callable[..., tuple[dict[str, Any], list[bytes]]]


def random(*shape: int, seed: int = 0, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, shape, dtype)


def put(root: Path, name: str, first: bytes | None, second: bytes | None) -> None:
    for side, data in (("first", first), ("second", second)):
        if data is not None:
            (root / side).mkdir(exist_ok=True)
            (root / side / name).write_bytes(data)
