"""The contenders: each runs in a fresh process that compares two folders and ends.

    python benchmarks/contenders.py NAME FIRST SECOND OUT

It prints what it found as one line of JSON, so that a contender that did nothing cannot win unnoticed. The
functions import what they need themselves, because a contender's time includes its own imports and no others.
"""

import functools
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent import futures  # which imports its executors when they are used
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")

Found = dict[str, int]


def ours(first: Path, second: Path, out: Path, pictures: str = "none", moves: bool = False) -> Found:
    """Run this project with its default processes; with moves it tells what moved, and what was renamed."""
    sys.path.insert(0, str(ROOT))
    from mymodules import batch

    return batch.run(first, second, out, pictures=pictures, moves=moves, renames=moves).counts


def stopped(first: Path, second: Path, out: Path) -> Found:
    """Run this project without a store until half of the rows are written."""
    sys.path.insert(0, str(ROOT))
    from mymodules import batch

    def stop(progress: batch.Progress) -> None:
        if 2 * progress.done > progress.total:
            raise KeyboardInterrupt

    try:
        batch.run(first, second, out, pictures="none", moves=False, store=None, on_progress=stop)
    except batch.Stopped:
        return {"stopped": 1}
    raise RuntimeError("the run was not stopped")


def resumed(first: Path, second: Path, out: Path) -> Found:
    """Resume the run that `stopped` has left."""
    sys.path.insert(0, str(ROOT))
    from mymodules import batch

    return batch.run(resume=next(out.glob("*.partial.csv")), store=None).counts


def table(first: Path, second: Path, out: Path) -> Found:
    """Load the results of a finished run as a table."""
    sys.path.insert(0, str(ROOT))
    from mymodules import results

    path = next(out.glob("results-*.csv"))
    store = sum(each.stat().st_size for each in (out / ".store").rglob("*") if each.is_file())
    sizes = {"CSV MB": path.stat().st_size // 1_000_000, "store MB": store // 1_000_000}
    return {"rows": len(results.load(path)), **sizes}


def textbook(first: Path, second: Path, out: Path) -> Found:
    """Run the textbook notebook with its four pictures."""
    import textbook

    return Counter(message or "same" for _, _, message in textbook.run(first, second, out))


def blazediff(first: Path, second: Path, out: Path, drawn: bool = False) -> Found:
    """Run blazediff in a thread pool on all cores."""
    with futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return _blazediff(pool, first, second, out if drawn else None)


def blazediff_best(first: Path, second: Path, out: Path, drawn: bool = False) -> Found:
    """Run blazediff as fast as possible: its own PNG codec, and processes, as it never releases the GIL."""
    os.environ["BLAZEDIFF_PNG_ENABLED"] = "1"
    with futures.ProcessPoolExecutor(os.cpu_count()) as pool:
        return _blazediff(pool, first, second, out if drawn else None)


def pixelmatch(first: Path, second: Path, out: Path) -> Found:
    """Run pixelmatch (pure Python) in a process pool, without pairs of different sizes, which it refuses."""
    with futures.ProcessPoolExecutor(os.cpu_count()) as pool:
        return Counter(pool.map(_pixelmatch_pair, *zip(*_common(first, second), strict=True)))


def floor(first: Path, second: Path, out: Path) -> Found:
    """Only read and decode every common file, with imagecodecs in a thread pool on all cores."""
    with futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return {"megapixels": sum(pool.map(_decoded, _files(first, second))) // 1_000_000}


def floor_wuffs(first: Path, second: Path, out: Path) -> Found:
    """Do the same as `floor` with wuffs; PNG only."""
    with futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return {"megapixels": sum(pool.map(_decoded_by_wuffs, _files(first, second))) // 1_000_000}


def listing(first: Path, second: Path, out: Path) -> Found:
    """Only list both folders and ask for the size and times of every file."""
    return {"files": sum(_listed(first)) + sum(_listed(second))}


CONTENDERS: dict[str, Callable[[Path, Path, Path], Found]] = {
    "ours": ours,
    "ours+pictures": functools.partial(ours, pictures="all"),
    "ours+causes": functools.partial(ours, moves=True),
    "ours+again": ours,
    "ours+stopped": stopped,
    "ours+resumed": resumed,
    "ours+table": table,
    "listing": listing,
    "textbook": textbook,
    "blazediff": blazediff,
    "blazediff+picture": functools.partial(blazediff, drawn=True),
    "blazediff-best": blazediff_best,
    "blazediff-best+picture": functools.partial(blazediff_best, drawn=True),
    "pixelmatch": pixelmatch,
    "floor": floor,
    "floor-wuffs": floor_wuffs,
}


def _listed(folder: Path) -> Iterator[int]:
    """Yield how many files there are in a folder and in each of the folders in it."""
    with os.scandir(folder) as entries:
        found = list(entries)
    yield sum(entry.stat().st_size >= 0 for entry in found if not entry.is_dir())
    for entry in found:
        if entry.is_dir():
            yield from _listed(Path(entry.path))


def _common(first: Path, second: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the files of the same name on both sides."""
    for path in sorted(first.rglob("*")):
        other = second / path.relative_to(first)
        if path.suffix.lower() in SUFFIXES and path.is_file() and other.is_file():
            yield path, other


def _files(first: Path, second: Path) -> Iterator[Path]:
    for pair in _common(first, second):
        yield from pair


def _blazediff(pool: futures.Executor, first: Path, second: Path, out: Path | None) -> Found:
    pairs = list(_common(first, second))
    pictures: list[Path | None] = []
    for path, _ in pairs:
        picture = out and out / path.relative_to(first)
        if picture:
            picture.parent.mkdir(parents=True, exist_ok=True)
        pictures.append(picture)
    ones, others = zip(*pairs, strict=True)
    chunk = max(1, len(pairs) // 64)
    return Counter(pool.map(_blazediff_pair, ones, others, pictures, chunksize=chunk))


def _blazediff_pair(first: Path, second: Path, picture: Path | None) -> str:
    from blazediff import compare

    try:
        result = compare(str(first), str(second), picture and str(picture))
    except ValueError:
        return "error"
    return "same" if result.match_result else str(result.reason)


def _pixelmatch_pair(first: Path, second: Path) -> str:
    from PIL import Image
    from pixelmatch.contrib.PIL import pixelmatch

    try:
        with Image.open(first) as one, Image.open(second) as other:
            if one.size != other.size:
                return "left out"
            return "changed" if pixelmatch(one, other) else "same"
    except OSError:
        return "error"


def _decoded(path: Path) -> int:
    import imagecodecs

    data = path.read_bytes()
    by_signature = {
        b"\x89PNG": imagecodecs.png_decode,
        b"\xff\xd8\xff": imagecodecs.jpeg_decode,
        b"RIFF": imagecodecs.webp_decode,
        b"BM": imagecodecs.bmp_decode,
    }
    decode = next(
        (by_signature[mark] for mark in by_signature if data.startswith(mark)), imagecodecs.tiff_decode
    )
    try:
        height, width = decode(data).shape[:2]
    except RuntimeError:  # all its errors are of this type
        return 0
    return int(height * width)


def _decoded_by_wuffs(path: Path) -> int:
    from pywuffs import ImageDecoderType, PixelFormat
    from pywuffs.aux import ImageDecoder, ImageDecoderConfig

    config = ImageDecoderConfig()
    config.enabled_decoders = [ImageDecoderType.PNG]
    config.pixel_format = PixelFormat.RGBA_NONPREMUL
    result = ImageDecoder(config).decode(path.read_bytes())
    if result.error_message:
        return 0
    height, width = result.pixbuf.shape[:2]
    return int(height * width)


if __name__ == "__main__":
    print(json.dumps(CONTENDERS[sys.argv[1]](*map(Path, sys.argv[2:5]))))
