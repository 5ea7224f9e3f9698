"""Small PNG files for tests that break them, and the code with which a file is refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mymodules.errors import ImageError
from support import pngs

BROKEN = {"truncated", "corrupt"}


def refusal(call: Callable[..., Any], data: Any, **options: Any) -> str:
    """Return the code with which a call refuses the data."""
    with pytest.raises(ImageError) as caught:
        call(data, **options)
    assert caught.value.reason
    return caught.value.code


def picture(colour_type: int = 2, bit_depth: int = 8, *, seed: int = 0, **how: Any) -> pngs.Drawn:
    """Draw a picture; ``how`` is as in `pngs.draw`."""
    return pngs.draw(np.random.default_rng(seed), colour_type, bit_depth, **how)


def with_stream(drawn: pngs.Drawn, stream: bytes, *, interlace: bool = False) -> bytes:
    """Return the picture's file with ``stream`` as its whole IDAT."""
    chunks = pngs.chunks_of(drawn.png(interlace=interlace))
    return pngs.assemble([(kind, stream if kind == b"IDAT" else data) for kind, data in chunks])


def raw(drawn: pngs.Drawn, **how: Any) -> bytes:
    """Return the picture's filtered scan lines; ``how`` is as in `pngs.scanlines`."""
    return pngs.scanlines(drawn.samples, drawn.colour_type, drawn.bit_depth, **how)
