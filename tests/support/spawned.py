"""What tests have processes of `multiprocessing` do; these import this module, and so nothing heavy."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mymodules import batch
from mymodules.errors import ResultsError
from mymodules.locks import Lock


def compare(*folders: Path) -> None:
    batch.run(*folders)


def count(path: Path, counter: Path, rounds: int, together: Callable[[], object]) -> None:
    """Add to the number in a file, in two threads; it is correct only if nobody else does so at that time."""

    def add() -> None:
        for _ in range(rounds):
            while True:
                try:
                    lock = Lock(path, counter)
                except ResultsError:
                    continue
                break
            with lock:
                counter.write_text(str(int(counter.read_text()) + 1))

    together()
    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(add) for _ in range(2)]:
            done.result()
