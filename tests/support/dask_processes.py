"""A scheduler and workers of Dask as processes of their own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

PATIENCE = 60.0  # s; no bound that a test asserts
ALLOWED_FAILURES = 1
"""How often Dask repeats the task of a lost worker; 3 unless it is told otherwise."""


@contextmanager
def process(*arguments: str) -> Iterator[psutil.Process]:
    """Start a program of Dask, and end it and all that it has started afterwards."""
    settings = {
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": str(ALLOWED_FAILURES),
        # Workers that are started again are forked from a process that has imported Dask already.
        "DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD": "forkserver",
    }
    running = subprocess.Popen(
        [
            sys.executable,
            "-m",
            f"distributed.cli.{arguments[0]}",
            "--dashboard-address=127.0.0.1:0",
            *arguments[1:],
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | settings,
    )
    watched = psutil.Process(running.pid)
    try:
        yield watched
    finally:
        started = [watched, *watched.children(recursive=True)] if watched.is_running() else []
        for each in started:
            if each.is_running():
                each.kill()
        running.wait()


@contextmanager
def scheduler(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Start a scheduler at a free port; return its address, too."""
    path = folder / "scheduler.json"
    with process("dask_scheduler", "--host=127.0.0.1", "--port=0", f"--scheduler-file={path}") as running:
        deadline = time.monotonic() + PATIENCE
        while True:
            assert time.monotonic() < deadline
            assert running.is_running()
            try:
                yield json.loads(path.read_text())["address"], running
                return
            except (FileNotFoundError, json.JSONDecodeError):  # it has not started yet
                time.sleep(0.05)


@contextmanager
def worker(address: str, folder: Path, *arguments: str) -> Iterator[psutil.Process]:
    """Start workers of one thread, by default one, and a process that replaces those that are killed."""
    options = ("--nthreads=1", "--host=127.0.0.1", f"--local-directory={folder}", *arguments)
    with process("dask_worker", address, *options) as running:
        yield running


def serving(keeper: psutil.Process) -> list[psutil.Process]:
    """Return the workers themselves, which the process of `worker` replaces if they are killed."""
    return [
        process
        for process in keeper.children(recursive=True)
        if not process.children() and "multiprocessing.resource_tracker" not in " ".join(process.cmdline())
    ]
