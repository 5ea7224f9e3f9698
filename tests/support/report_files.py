"""A small run with pictures of every kind, and what a report of it holds, read back from its files."""

import base64
import copy
import io
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mymodules import batch
from support import pngs
from support.containers import pillow as encoded


def pixels_of(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGBA"))


def noise(channels: int, seed: int = 1, height: int = 20, width: int = 30) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def compare(*made: Path) -> batch.Run:
    with ThreadPoolExecutor(1) as executor:
        return batch.run(*made, executor=executor, pictures="none", store=None)


CHANGED = noise(3)
CHANGED[2:5, 3:9] ^= 255  # 18 px
CHANGED[12:14, 20:24] ^= 3  # 8 px, far from these
FILES = {
    "a/changed.png": (encoded(noise(3)), encoded(CHANGED)),
    "b/same.png": (encoded(noise(3)), encoded(noise(3))),
    "glass.png": (encoded(noise(4, 2)), encoded(noise(4, 3))),
    "deep.png": (
        pngs.write(noise(4, 4).astype(np.int64) * 257, 6, 16),
        pngs.write(noise(4, 5).astype(np.int64) * 257, 6, 16),
    ),
    "woven.png": (pngs.write(noise(3, 6), 2, 8, interlace=True), encoded(noise(3, 6))),
    "photo.jpg": (encoded(noise(3, 7), "JPEG"), encoded(noise(3, 8), "JPEG")),
    "bitmap.bmp": (encoded(noise(3), "BMP"), encoded(CHANGED, "BMP")),
    "gone.png": (encoded(noise(3, 9)), encoded(noise(3, 10))),
    "missing.png": (encoded(noise(3)), None),
    "extra.png": (None, encoded(noise(3))),
    "broken.png": (encoded(noise(3, 11)), encoded(noise(3, 11))[:-30]),
}


def content(page: Path) -> dict[str, Any]:
    """What the page's scripts read, with whole rows; those without pictures have those of all left out."""
    text = page.read_text(encoding="utf-8")
    (found,) = re.findall(r'<script type="application/json" id="mmr-report">(.*?)</script>', text, re.DOTALL)
    read: dict[str, Any] = json.loads(found)
    scripts = (told(page, text, name) for name in read["shards"]["files"])
    details = [each for data in scripts for each in json.loads(data)]
    index = [
        dict(zip(read["index"], values, strict=True)) for values in zip(*read["index"].values(), strict=True)
    ]
    read["rows"] = [{**each, **more} for each, more in zip(index, details, strict=True)]
    for each in read["rows"]:
        each["pictures"] = each["pictures"] or copy.deepcopy(read["left_out"])
    return read


def told(page: Path, text: str, name: str) -> bytes:
    """The content of a file that the page of this text takes from a script."""
    script = page.parent / "values" / f"{name}.js"
    if script.exists():
        text, form = script.read_text(encoding="ascii"), rf'take\("{name}", "(.*)"\);\n'
    else:
        form = rf'<script type="text/plain" id="{name}">(.*?)</script>'
    (data,) = re.findall(form, text)
    return base64.b64decode(data)


def keep_rows(page: Path, name: str, rows: list[dict[str, Any]]) -> None:
    """Write a file of rows beside a page, or other rows into one."""
    data = base64.b64encode(json.dumps(rows).encode()).decode()
    (page.parent / "values" / f"{name}.js").write_text(f'take("{name}", "{data}");\n', encoding="ascii")


def row(page: Path, name: str) -> dict[str, Any]:
    (found,) = (each for each in content(page)["rows"] if each["name"] == name)
    return dict(found)


def picture(page: Path, told: dict[str, Any]) -> bytes:
    return (page.parent / "pictures" / told["file"]).read_bytes()


def values(page: Path, told: dict[str, Any]) -> bytes:
    text = (page.parent / "values" / f"{told['values']}.js").read_text(encoding="ascii")
    name, data = re.fullmatch(r'take\("([0-9a-z.]+)", "([0-9A-Za-z+/=]+)"\);\n', text).groups()  # type: ignore[union-attr]
    assert name == told["values"]
    return base64.b64decode(data)


def every_picture(page: Path) -> Iterator[tuple[str, int, dict[str, Any]]]:
    for each in content(page)["rows"]:
        for side, key in enumerate(("first", "second")):
            if "error" not in each["pictures"][key]:
                yield each["name"], side, each["pictures"][key]


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
