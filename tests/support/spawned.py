"""What tests have processes of `multiprocessing` do; these import this module, and so nothing heavy."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mymodules import batch, rules
from mymodules.errors import OutputError, ResultsError
from mymodules.locks import Lock
from mymodules.rules import Limits, Rule


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


def add_twenty(file: Path, writer: str) -> None:
    """Add rules as one of two writers, each again as often as it is told to."""
    for number in range(20):
        rule = Rule(f"{writer}{number}", Limits(largest=1 + number))
        for _ in range(1000):
            try:
                rules.add(file, [rule])
            except OutputError as error:
                if not str(error).endswith("is being written by another process: try again."):
                    raise
                time.sleep(0.002)
            else:
                break
