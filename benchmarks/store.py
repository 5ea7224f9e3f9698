"""The store under load and under fire: figures, and whether anything was lost.

    python benchmarks/store.py [--rows 100000] [--requests 1000] [--kills 50] [--pictures FIRST SECOND]

First, a run over two folders (by default the screenshots below the folder in MYMODULES_DATA), and a second
run that finds nothing changed. Then, with `--rows` rows, their figures and their digested files: the time to
save them, the size on disk, the time for one pair from disk, and the time from the start of a process to its
first answer. Then `--requests` requests at once, over HTTP, for pictures and differences. Finally, a writer
that is killed `--kills` times, each time at a random moment while it writes: every step that it had reported
as saved must be there, and any other step completely or not at all. Nothing is left behind.
"""

import argparse
import asyncio
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support import store_writer, stores  # noqa: E402
from support.servers import tornado_server  # noqa: E402

from mymodules.metrics import DiffMetrics  # noqa: E402
from mymodules.regions import Region  # noqa: E402
from mymodules.row import PairResult  # noqa: E402
from mymodules.store import FILE, NOW, DiffStore  # noqa: E402
from mymodules.store.records import Records, diff_id, fingerprint  # noqa: E402
from mymodules.store.values import DigestedFile, StoredRow  # noqa: E402

CONDITIONS = fingerprint({"options": {"max_pixels": 1}, "versions": {"numpy": "2"}})
BATCH = 500  # rows saved together, as a run does

FIRST_ANSWER = """
import sys, time
began = time.perf_counter()
from mymodules.store import NOW, DiffStore
imported = time.perf_counter()
with DiffStore(sys.argv[1]) as store:
    opened = time.perf_counter()
    found = store.get(NOW, sys.argv[2], [sys.argv[3]])
    done = time.perf_counter()
assert len(found) == 1
print(imported - began, opened - imported, done - opened)
"""


RUN = """
import json, sys
from mymodules import batch, results
run = batch.run(*sys.argv[1:])
rows = [row._replace(seconds=None) for row in results.read(run.csv_path)]
print(json.dumps([run.seconds, run.reused, run.recomputed, rows]))
"""


def digests(number: int) -> tuple[str, str]:
    return stores.opaque(number, "first"), stores.opaque(number, "second")


def row(number: int) -> StoredRow:
    """Return a row like those of real pages: one in four changed, with eight regions."""
    first, second = digests(number)
    name = f"shop/en/page-{number:06}/desktop.png"
    if number % 4:
        result = PairResult(
            1.0, name, "Equal byte for byte.", "same", "bytes_equal", 0, 0.0, 0, 0, 0, 0, False
        )
        result = result._replace(regions=())
    else:
        message = "2810 pixels differ (0.31 %) in 8 regions."
        similarity = 0.987654321 - number * 1e-9
        result = PairResult(similarity, name, message, "changed", "pixels_differ", 2810, 0.3125)
        regions = tuple(Region(100 + n, 200 * n + number % 7, 180, 24) for n in range(8))
        result = result._replace(max_diff_r=200, max_diff_g=201, max_diff_b=202, max_diff_a=0)
        result = result._replace(dim_differ=False, combined=0.5, regions=regions)
    size = {"width_first": 1280, "height_first": 800, "width_second": 1280, "height_second": 800}
    result = result._replace(**size, first_digest=first, second_digest=second, seconds=0.0123)
    drawn = tuple((100_000 + number + n, 1_767_225_600_123_456_789 + n) for n in range(5))
    return StoredRow(result, "../03.diff-20260101-120000", name, drawn if result.status == "changed" else ())


def twice(work: Path, first_dir: Path, second_dir: Path, repeats: int = 3) -> None:
    """Time two runs, each in a process of its own, so that the first one starts its workers as well."""
    found = []
    for number in range(repeats):
        out = work / str(number)
        out.mkdir(parents=True)
        command = [sys.executable, "-c", RUN, str(first_dir), str(second_dir), str(out)]
        runs = []
        for _ in range(2):
            answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
            runs.append(json.loads(answer.stdout))
        (first, _, new, rows), (second, reused, why, same_rows) = runs
        assert rows == same_rows, "the second run found other rows"
        found.append((second / first, first, second))
    ratio, first, second = sorted(found)[repeats // 2]
    report(f"first run over {sum(new.values())} pairs", first, "s")
    report("second run, nothing changed", second, "s", f"   {reused} rows reused, compared: {why or 'none'}")
    report(
        "second to first", ratio, "", f"   of {repeats}: {', '.join(f'{r:.3f}' for r, *_ in sorted(found))}"
    )


def timed(what: str, act: Callable[[], object]) -> None:
    began = time.perf_counter()
    act()
    seconds = time.perf_counter() - began
    report(what, seconds, "s")


def report(what: str, figure: float, unit: str, more: str = "") -> None:
    print(f"{what:<50}{figure:10.3f} {unit}{more}")


def load(root: Path, count: int) -> None:
    """Time saving and finding so many rows, with their figures and their digested files."""
    with DiffStore(root):
        pass
    stat = Path(__file__).stat()
    later = max(stat.st_mtime_ns, stat.st_ctime_ns) + 3_000_000_000
    rows = [row(number) for number in range(count)]
    files = []
    for (result, *_), number in zip(rows, range(count), strict=True):
        for side, digest in zip(("01.first", "02.second"), digests(number), strict=True):
            files.append((f"/home/user/project/img/{side}/{result.image_filename}", digest))

    def save() -> None:
        with closing(Records(root / FILE)) as records:
            for start in range(0, count, BATCH):
                records.remember_rows(rows[start : start + BATCH], CONDITIONS)

    def save_figures() -> None:
        figures = DiffMetrics(2810, 0.3125, (200, 201, 202, 0), False)
        with closing(Records(root / FILE)) as records:
            records.remember_metrics({diff_id(*digests(number)): figures for number in range(count)})

    def save_files() -> None:
        with closing(Records(root / FILE)) as records:
            records.remember_files(DigestedFile(path, stat, digest, later) for path, digest in files)

    timed(f"save {count} rows, {BATCH} at a time", save)
    report("size on disk, rows only", size(root) / 1e6, "MB")
    timed(f"save the figures of {count} pairs at once", save_figures)
    timed(f"save {len(files)} digested files at once", save_files)
    report("size on disk", size(root) / 1e6, "MB")
    with closing(Records(root / FILE)) as records:
        keys = [digests(number) for number in range(count)]

        def ask_files() -> None:
            known = records.known_files((path, stat) for path, _ in files)
            assert sum(file.unchanged for file in known.values()) == len(files)

        def ask_rows() -> None:
            assert len(records.rows(keys, CONDITIONS)) == count

        timed(f"known_files of {len(files)}", ask_files)
        timed(f"rows of {count} pairs", ask_rows)


def answers(root: Path, count: int) -> None:
    """Time one pair from disk, and the first answer of a new process, in a store that `load` has made."""
    waits = []
    with DiffStore(root) as store:
        for number in random.Random(1).sample(range(count), min(2000, count)):
            main, right = digests(number)
            start = time.perf_counter()
            found = store.get(NOW, main, [right])
            waits.append(time.perf_counter() - start)
            assert len(found) == 1
    waits.sort()
    report("get of one pair from disk, median", statistics.median(waits) * 1e3, "ms")
    report("get of one pair from disk, 99 of 100 within", waits[-len(waits) // 100] * 1e3, "ms")
    starts = []
    for number in range(5):
        command = [sys.executable, "-c", FIRST_ANSWER, str(root), *digests(number)]
        answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
        starts.append([float(seconds) for seconds in answer])
    for what, seconds in zip(
        ("imports", "open the store", "first get"), zip(*starts, strict=True), strict=True
    ):
        report(f"warm start of a process: {what}", statistics.median(seconds) * 1e3, "ms")


def size(root: Path) -> int:
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


def requests_at_once(root: Path, count: int) -> None:
    """Send so many requests before the first answer is read: half for pictures, half for differences."""
    import logging
    from urllib.parse import urlsplit

    logging.getLogger("tornado.access").setLevel(logging.ERROR)
    pictures = {stores.opaque("page", n): stores.png(stores.samples(n, 400, 600)) for n in range(20)}
    asked = stores.Counted(pictures)
    names = list(pictures)
    targets = []
    for number in range(count):
        one, other = names[number % 20], names[(number // 20 + number) % 20]
        targets.append(f"images/{one}.png" if number % 2 else f"diffs/{diff_id(one, other)}.png")

    async def ask(url: str, target: str) -> tuple[float, bytes]:
        parts = urlsplit(url)
        assert parts.port is not None
        began = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", parts.port)
        writer.write(f"GET {parts.path}/{target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.1 200"), answer[:200]
        return time.perf_counter() - began, answer

    async def all_of_them(url: str) -> list[float]:
        found = await asyncio.gather(*(ask(url, target) for target in targets))
        for target, (_, answer) in zip(targets, found, strict=True):
            if target.startswith("images/"):
                assert answer.endswith(pictures[target[7:-4]])
        return [seconds for seconds, _ in found]

    with DiffStore(root, source=asked) as store, tornado_server(store) as served:
        url = f"http://127.0.0.1:{served.port}/img"
        for state in ("cold", "warm"):
            began = time.perf_counter()
            waits = sorted(asyncio.run(all_of_them(url)))
            seconds = time.perf_counter() - began
            report(f"{count} requests at once, {state}", seconds, "s", f"   {count / seconds:.0f} /s")
            report("    median wait", statistics.median(waits), "s", f"   longest {waits[-1]:.3f} s")
    assert set(asked.asked.values()) == {1}, "a picture was fetched twice"
    with (
        DiffStore(root.with_name("threads"), source=stores.Counted(pictures)) as store,
        ThreadPoolExecutor(200) as pool,
    ):

        def ask_all() -> None:
            list(pool.map(lambda number: store.get(NOW, names[number % 20], names), range(1000)))

        timed("1000 gets of 19 pairs each from 200 threads", ask_all)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    report("peak memory, client included", peak, "MB")


def kills(root: Path, count: int) -> None:
    rng, step, open_ones = random.Random(7), 0, 0
    began = time.perf_counter()
    with DiffStore(root) as reading:
        for _ in range(count):
            command = [sys.executable, store_writer.__file__, str(root), str(step)]
            environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as writer:
                assert writer.stdout is not None
                assert writer.stdout.readline() == "open\n"
                time.sleep(rng.random() * 0.3)
                writer.kill()
                saved_steps = writer.stdout.read().split()
            after = int(saved_steps[-1]) + 1 if saved_steps else step
            for saved in range(step, after):
                store_writer.check(reading, saved, saved=True)
            store_writer.check(reading, after, saved=False)
            store_writer.check_file(root)
            found = reading.records.rows([store_writer.digests(after, 0)], store_writer.CONDITIONS)
            open_ones += bool(found)
            step = after
    with DiffStore(root) as again:
        for saved in range(step):
            store_writer.check(again, saved, saved=True)
    store_writer.check_file(root)
    seconds = time.perf_counter() - began
    report(f"{count} kills of a writer", seconds, "s")
    print(f"{step} steps, each of {store_writer.ROWS} rows, their figures, a failure, a file and a copy,")
    print("were reported as saved: none is lost or incomplete.")
    print(f"Of the steps in progress, {open_ones} were there, all of them complete.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="The store under load and under fire.")
    for name, default in (("rows", 100_000), ("requests", 1000), ("kills", 50)):
        parser.add_argument(f"--{name}", type=int, default=default)
    data = os.environ.get("MYMODULES_DATA")
    default = [Path(data, "data", "screenshots", side) for side in ("first", "second")] if data else None
    parser.add_argument("--pictures", type=Path, nargs=2, default=default, metavar=("FIRST", "SECOND"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        if given.pictures is not None:
            twice(Path(work, "twice"), *given.pictures)
        load(Path(work, "load"), given.rows)
        answers(Path(work, "load"), given.rows)
        requests_at_once(Path(work, "requests"), given.requests)
        kills(Path(work, "kills"), given.kills)
