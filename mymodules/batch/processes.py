"""Worker processes as an executor: each has a pipe of its own, so the death of one costs only its own tasks.

A worker is ``python -c`` with the module search path of this process. It never imports ``__main__``, needs no
shared memory and no semaphore, and ends when its pipe is closed or this process is gone. It starts while this
process does other things: tasks wait in its pipe.
"""

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Any, Final

OWNER: Final = "MYMODULES_OWNER"
"""Environment variable of a worker: the process ID of its owner."""

_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1"}  # numpy would start threads that are not used
_SOON = 5  # s; a thread whose pipe is closed ends at once
# Until it serves, a worker makes no garbage that would be worth the time of collecting it.
_CODE = (
    "import gc, sys; gc.disable(); sys.path[:] = sys.argv[2:]; "
    "import mymodules.workers as w; w.serve(int(sys.argv[1]))"
)


class WorkerDied(BrokenExecutor):
    """A worker ended before it answered.

    Attributes
    ----------
    started : bool
        Whether it had begun to work: if not, the task has nothing to do with it.
    """

    def __init__(self, started: bool) -> None:
        super().__init__("a worker process ended before it answered")
        self.started = started


class Workers(Executor):
    """Run tasks in processes of our own. A task whose worker dies fails with `WorkerDied`; no other does.

    Parameters
    ----------
    count : int
        How many processes; `renew` starts them.

    Attributes
    ----------
    count : int
        It may grow.
    ever_started : bool
        Whether any worker has begun to work.

    Raises
    ------
    OSError
        In `renew`, if the system refuses a process.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._workers: list[_Worker] = []
        self._settled = threading.Event()  # set while no process is being started
        self._settled.set()
        self.ever_started = False

    def renew(self) -> int:
        """Start the processes that there are not; return how many had ended and not begun to work."""
        lost = [worker for worker in self._workers if worker.over.is_set()]
        self.ever_started |= any(worker.started for worker in self._workers)
        for worker in lost:
            self._workers.remove(worker)
            worker.end()
        if len(self._workers) < self.count:
            self._start()
        return sum(not worker.started for worker in lost)

    def _start(self) -> None:
        """Start what is missing, in a thread that blocks interrupts: processes and threads inherit that.

        Otherwise an interrupt before `workers.prepare_process` would print tracebacks, or leave a process
        half started.
        """
        failed: list[BaseException] = []

        def start() -> None:
            if hasattr(signal, "pthread_sigmask"):
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                while len(self._workers) < self.count:
                    self._workers.append(_Worker())
            except BaseException as error:
                failed.append(error)
            finally:
                self._settled.set()

        self._settled.clear()
        threading.Thread(target=start, daemon=True).start()
        self._settled.wait()
        if failed:
            raise failed[0]

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **_: Any) -> "Future[Any]":
        """Give a task to the process that has the fewest; BrokenExecutor if all have ended."""
        task = pickle.dumps((function, arguments), pickle.HIGHEST_PROTOCOL)
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()  # a task in a pipe cannot be taken back
        for worker in sorted(self._workers, key=lambda worker: len(worker.waiting)):
            if worker.give(task, future):
                return future
        raise WorkerDied(self.ever_started)

    def end(self) -> None:
        """Kill the processes, and wait until they are gone."""
        self.count = 0  # none is started any more
        self._settled.wait(_SOON)  # an interrupt may have come while they were started
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.end()
        self._workers.clear()


class _Worker:
    """One process, and two threads: one sends it tasks, the other receives its answers.

    Attributes
    ----------
    waiting : deque of Future
        The tasks that it has, in their order.
    started : bool
    over : threading.Event
        Set once it has ended.
    """

    def __init__(self) -> None:
        path = [entry for entry in sys.path if isinstance(entry, str)]
        self.process = subprocess.Popen(
            # -P: no module of the working directory is taken for one of ours.
            [sys.executable, "-X", f"utf8={sys.flags.utf8_mode}", "-P", "-c", _CODE, str(os.getpid()), *path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | _ENVIRONMENT | {OWNER: str(os.getpid())},
        )
        self.waiting: deque[Future[Any]] = deque()
        self.started, self.over = False, threading.Event()
        self._tasks: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=target, daemon=True) for target in (self._send, self._receive)
        ]
        for thread in self._threads:
            thread.start()

    def give(self, task: bytes, future: "Future[Any]") -> bool:
        """Send a task, now or later; return False if the process has ended."""
        with self._lock:
            if self.over.is_set():
                return False
            self.waiting.append(future)
        self._tasks.put(task)
        return True

    def end(self) -> None:
        """Kill the process and close its pipes."""
        self.process.kill()
        self.process.wait()
        self._tasks.put(None)
        for thread in self._threads:
            thread.join(_SOON)
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):  # what was left to send
                pipe.close()  # type: ignore[union-attr]  # both are pipes

    def _send(self) -> None:
        pipe = self.process.stdin
        assert pipe is not None
        with contextlib.suppress(OSError):  # it has ended: `_receive` notices
            while (task := self._tasks.get()) is not None:
                pipe.write(task)
                pipe.flush()

    def _receive(self) -> None:
        pipe = self.process.stdout
        assert pipe is not None
        try:
            self.started = pickle.load(pipe)
            while True:
                error, answer = pickle.load(pipe)
                future = self.waiting.popleft()
                if error is None:
                    future.set_result(answer)
                else:
                    future.set_exception(error)
        except Exception:  # the pipe is closed, perhaps in the middle of an answer
            self._lose()

    def _lose(self) -> None:
        with self._lock:
            self.over.set()
        self.process.kill()
        self.process.wait()
        for future in self.waiting:
            future.set_exception(WorkerDied(self.started))
