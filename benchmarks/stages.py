"""Measure where the time of a pair goes: every stage separately, in one thread.

    python benchmarks/stages.py                   pages of MYMODULES_DATA, as dense and as sparse pair
    python benchmarks/stages.py FIRST SECOND      any two PNG files of one kind, as they are

Prints a table in Markdown, of processor time. Stages call the same functions as a run; after them come whole
pairs, and the time that other programs take for a comparable step. `dense` is a real page at two times,
shifted, so that nearly every row differs. `sparse` is that page with 200 x 26 px mirrored, written by the
same encoder.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

import cv2  # noqa: E402 - the checkout that this file belongs to is measured, installed or not
import imagecodecs  # noqa: E402
import numpy as np  # noqa: E402
from sets import mirrored  # noqa: E402

from mymodules import images, kernel, metrics, pairs, regions, workers  # noqa: E402
from mymodules.comparison import alignment, changes, drawings, ledger  # noqa: E402
from mymodules.formats import png  # noqa: E402
from mymodules.images import bands  # noqa: E402

PAGE = "docs-core-native.png"

Stage = tuple[str, Callable[[], Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, metavar="FIRST SECOND", help="two PNG files")
    parser.add_argument("--repeats", type=int, default=7, help="runs of each stage (7)")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        print("| pair | stage | ms | ns per pixel |\n| --- | --- | --: | --: |")
        for kind, first, second in _pairs(arguments.files, Path(folder)):
            pixels = images.inspect(first.read_bytes()).width * images.inspect(first.read_bytes()).height
            for name, stage in stages(first, second, Path(folder) / "drawn", arguments.repeats):
                _, *runs = timed(stage, arguments.repeats + 1)  # the first one warms up
                seconds = median(runs)
                row = (kind, name, f"{seconds * 1e3:.2f}", f"{seconds / pixels * 1e9:.2f}")
                print(f"| {' | '.join(row)} |", flush=True)


def stages(first: Path, second: Path, drawn: Path, repeats: int) -> Iterator[Stage]:
    """Yield name and call of every stage of a pair of PNG files that are `bands.alike`.

    A stage is called once more than ``repeats``.
    """
    one, other = first.read_bytes(), second.read_bytes()
    header, other_header = images.inspect(one), images.inspect(other)
    assert isinstance(header, png.PngHeader)
    assert isinstance(other_header, png.PngHeader)
    assert bands.alike(header, other_header)
    yield "read and digest, both", lambda: [images.digest(path.read_bytes()) for path in (first, second)]
    yield "check chunks and CRCs, both", lambda: [images.inspect(data) for data in (one, other)]
    yield "inflate, both", lambda: (png.inflate(one, header), png.inflate(other, other_header))

    rows, other_rows = bands.scanlines(one, header), bands.scanlines(other, other_header)
    equal = bands.scanlines(one, header)
    yield "compare equal rows", lambda: list(bands.of_scanlines(rows, equal))
    yield from _by_kernel((rows, other_rows), repeats)
    yield "unfilter all rows of one", lambda: png.unfilter(rows.stored, header.pixel_size)
    yield "compare rows, unfilter what differs", lambda: list(bands.of_scanlines(rows, other_rows))

    found = list(bands.of_scanlines(rows, other_rows))
    sizes = (header.height, header.width), (other_header.height, other_header.width)
    grays = [(band, metrics.gray(band.first), metrics.gray(band.second)) for band in found]

    def tally() -> list[Any]:
        counter = metrics.Tally(*sizes)
        return [counter.add(band) for band in found]

    def similarity() -> float:
        similar = metrics.Similarity(*sizes)
        for band, gray, other_gray in grays:
            similar.add(band.top, band.above, band.below, gray, other_gray)
        return similar.score()

    masks = tally()

    def boxes() -> tuple[regions.Region, ...]:
        gatherer = regions.Gatherer()
        for band, mask in zip(found, masks, strict=True):
            gatherer.add(band.top, mask)
        gatherer.add_outside(*metrics.common_size(*sizes))
        return gatherer.regions()

    yield "pixel metrics", tally
    yield "gray", lambda: [(metrics.gray(band.first), metrics.gray(band.second)) for band in found]
    yield "SSIM", similarity
    yield "regions", boxes

    yield from explaining(one, other)
    yield from _drawing((one, other), found, boxes(), drawn, repeats)
    yield from _whole_pairs(first, second, drawn)


def _by_kernel(both: tuple[bands.Scanlines, bands.Scanlines], repeats: int) -> Iterator[Stage]:
    """Yield what the compiled kernel does instead of all stages from comparing rows to regions."""
    compiled = kernel.loaded()
    if compiled is None:
        return
    height = min(rows.header.height for rows in both)
    widths = both[0].header.width, both[1].header.width
    # It unfilters rows in place, so each run gets new ones.
    fresh = [tuple(rows.flat.copy() for rows in both) for _ in range(repeats + 1)]

    def compare() -> kernel.Figures:
        return compiled.compare(*fresh.pop(), height, widths, both[0].header.pixel_size)

    yield "**compiled kernel: all figures**", compare


def explaining(*files: bytes) -> Iterator[Stage]:
    """Yield what tells what moved from what changed, with the pixels in memory."""
    first, second = map(images.read_rgba, files)
    rows = (first != second).any(axis=(1, 2)) if first.shape == second.shape else None
    pieces = alignment.align(first, second, rows_differ=rows)
    differing = ledger.ledger(first, second, pieces).total
    yield "align", lambda: alignment.align(first, second, rows_differ=rows)
    yield "changes and signatures", lambda: changes.changes(first, second, pieces)
    yield "ledger", lambda: ledger.ledger(first, second, pieces, differing=differing)


def _drawing(
    files: tuple[bytes, bytes],
    found: list[bands.Band],
    boxes: tuple[regions.Region, ...],
    drawn: Path,
    repeats: int,
) -> Iterator[Stage]:
    """Yield the stages that draw and write pictures of the bands of a pair."""
    headers = [images.inspect(data) for data in files]
    first, second = ((header.height, header.width) for header in headers)
    similar = metrics.Similarity(first, second)
    patches = [
        similar.add(band.top, band.above, band.below, metrics.gray(band.first), metrics.gray(band.second))
        for band in found
    ]

    def draw() -> drawings.Drawing:
        drawing = drawings.Drawing(first, second)
        for band, patch in zip(found, patches, strict=True):
            drawing.add(band, patch)
        return drawing

    drawing = draw()
    yield "draw map and delta", draw

    # Writing draws on the scan lines, so each run gets new ones, in the state after a comparison.
    fresh = [tuple(map(bands.scanlines, files, headers)) for _ in range(repeats + 1)]
    for one, other in fresh:
        list(bands.of_scanlines(one, other, keep=True))

    def write() -> None:
        canvas, other_canvas = fresh.pop()
        drawing.write(drawn, "pair", lambda: canvas, lambda: other_canvas, boxes)

    yield "write five pictures", write


def _whole_pairs(first: Path, second: Path, drawn: Path) -> Iterator[Stage]:
    """Yield whole pairs, and what other programs do for a comparable step."""
    files = first.read_bytes(), second.read_bytes()
    pair = pairs.Pair(first.name, first, second)
    plain = workers.Job(pair, moves=False)
    yield "**whole pair**", lambda: workers.compare(plain)
    yield "**whole pair with causes**", lambda: workers.compare(workers.Job(pair))
    with_pictures = workers.Job(pair, drawn, "whole", draw_same=True, moves=False)
    yield "**whole pair with pictures**", lambda: workers.compare(with_pictures)

    one, other = (metrics.gray(images.read_rgba(data)) for data in files)
    yield "SSIM and its map, whole: ours", lambda: metrics.structural_similarity(one, other)
    yield "decode both: imagecodecs", lambda: [imagecodecs.png_decode(data) for data in files]
    arrays = [np.frombuffer(data, np.uint8) for data in files]
    yield from by_wuffs(files)
    yield "decode both: OpenCV", lambda: [cv2.imdecode(data, cv2.IMREAD_UNCHANGED) for data in arrays]
    if one.shape == other.shape:
        from skimage.metrics import structural_similarity

        yield "SSIM and its map, whole: scikit-image", lambda: structural_similarity(one, other, full=True)
    try:
        from blazediff import compare
    except ImportError:
        return
    yield "whole pair: blazediff", lambda: compare(str(first), str(second))


def by_wuffs(files: tuple[bytes, bytes]) -> Iterator[Stage]:
    """Yield the floor that most figures are compared with, if the package is installed."""
    try:
        from pywuffs import ImageDecoderType, PixelFormat
        from pywuffs.aux import ImageDecoder, ImageDecoderConfig
    except ImportError:
        return
    config = ImageDecoderConfig()
    config.enabled_decoders = [ImageDecoderType.PNG]
    config.pixel_format = PixelFormat.RGBA_NONPREMUL
    yield "decode both: wuffs", lambda: [ImageDecoder(config).decode(data).pixbuf for data in files]


def _pairs(files: list[Path], folder: Path) -> Iterator[tuple[str, Path, Path]]:
    """Yield kind and files of the pairs to measure."""
    if files:
        first, second = files
        yield "given", first, second
        return
    if "MYMODULES_DATA" not in os.environ:
        raise SystemExit("Name two files, or set MYMODULES_DATA to the folder that holds data/screenshots.")
    data = Path(os.environ["MYMODULES_DATA"], "data/screenshots")
    first, second = data / "first" / PAGE, data / "second" / PAGE
    page, changed = (imagecodecs.png_decode(path.read_bytes()) for path in (first, second))
    height = min(len(page), len(changed))
    patched = mirrored(page[:height], np.random.default_rng(3))
    made = {"first": page[:height], "second": changed[:height], "patched": patched}
    for name, picture in made.items():
        (folder / f"{name}.png").write_bytes(imagecodecs.png_encode(picture))
    yield "dense", folder / "first.png", folder / "second.png"
    yield "sparse", folder / "first.png", folder / "patched.png"


def timed(stage: Callable[[], Any], repeats: int) -> list[float]:
    """Return the seconds of processor time of some runs."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        stage()
        seconds.append(time.process_time() - start)
    return seconds


if __name__ == "__main__":
    main()
