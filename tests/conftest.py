"""What all tests share."""

import gc
import itertools
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from mymodules.kernel import Kernel, build

settings.register_profile("project", derandomize=True, deadline=None)
settings.load_profile("project")

# With this package, importing jsonschema compiles a grammar, for formats that no notebook has: a second of
# processor time in each worker.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]

# What starts in the background may ignore interrupts, and so would all that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


HERE = Path(__file__).parent
WAITING = {"batch", "browser", "panel"}
"""Folders of tests that wait for other processes most of the time."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Where files stay whole, keep those that share a JupyterLab in one worker, one after another."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = str(super()._split_scope(nodeid))
            return "JupyterLab" if shares_jupyter(file) else file

    return Scheduling(config, log)


def shares_jupyter(file: str) -> bool:
    """Return whether the tests of a file, named from the project's folder, use the one JupyterLab."""
    parts = Path(file).parts
    return parts[:2] == ("tests", "browser") and "report" not in parts


def is_ignored(file: Path, config: pytest.Config) -> bool:
    """Return whether pytest would leave out a file, or a folder that it is in."""
    ignore, inside = config.hook.pytest_ignore_collect, file.relative_to(HERE)
    return any(ignore(collection_path=HERE / each, config=config) for each in (inside, *inside.parents))


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Collect without looking for garbage, and each worker from another file on.

    Where nothing is compiled yet, all workers would otherwise compile the same files at the same time.
    """
    gc.disable()
    config = session.config
    if hasattr(config, "workerinput") and [Path(name).resolve() for name in config.args] == [HERE]:
        files = sorted(str(path) for path in HERE.rglob("test_*.py") if not is_ignored(path, config))
        number = int(config.workerinput["workerid"].removeprefix("gw"))
        start = len(files) * number // config.workerinput["workercount"]
        config.args[:] = files[start:] + files[:start]


def pytest_collection_finish() -> None:
    """What is there now stays until the end: no search for garbage has to look at it again."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where workers share the tests, have two files that compute follow each file that waits.

    In the order of their names, all workers would first wait at the same time, and then want more processors
    than there are. Those that share a JupyterLab begin, as together they take longest.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return

    def waits(found: list[pytest.Item]) -> bool:
        return found[0].path.relative_to(HERE).parts[0] in WAITING

    items.sort(key=lambda item: item.path)  # each worker collected them in another order
    files = [list(found) for _, found in itertools.groupby(items, lambda item: item.path)]
    files.sort(key=lambda found: not shares_jupyter(found[0].nodeid.partition("::")[0]))
    waiting, computing = filter(waits, files), itertools.filterfalse(waits, files)
    order = [each for found in waiting for each in (found, *itertools.islice(computing, 2))]
    items[:] = itertools.chain.from_iterable([*order, *computing])


@pytest.fixture(autouse=True)
def _no_inherited_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the folders that another program, or another test, has chosen."""
    monkeypatch.setenv("MYMODULES_SETTINGS", "")  # so that what the test sets is removed after it
    monkeypatch.delenv("MYMODULES_SETTINGS")
    monkeypatch.setattr("mymodules.settings._current", None)
    monkeypatch.setattr("mymodules.settings._chosen_firsts", set())
    monkeypatch.setattr("mymodules.settings._chosen_seconds", set())


@pytest.fixture(autouse=True)
def _no_personal_data(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test reads or writes which folders the person who runs the tests has compared."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path_factory.getbasetemp() / "data"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of large and foreign test data."""
    folder = os.environ.get("MYMODULES_DATA")
    if not folder:
        pytest.skip("MYMODULES_DATA is not set")
    return Path(folder)


@pytest.fixture(scope="session")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> list[Kernel]:
    """A compiled kernel for each level of instructions that this processor has, lowest first.

    Those in the folder that MYMODULES_TEST_KERNELS names, or else those of the package, if it has them and
    they are of this source; otherwise they are built here. The folder may have that of the lowest level only.
    """
    given = os.environ.get("MYMODULES_TEST_KERNELS")
    names = [build.library_name(level) for level in build.levels(build.machine_name())]
    libraries = [(Path(given) if given else build.SOURCES[0].parent) / name for name in names]
    if not given and not all(map(is_current, libraries)):
        if not any(build.compilers()):
            pytest.skip("there is no C compiler")
        libraries = build.build(tmp_path_factory.mktemp("kernel"))
    elif given:
        libraries = [libraries[0], *filter(Path.exists, libraries[1:])]
    lowest = Kernel(libraries[0])
    return [lowest, *(Kernel(path) for number, path in enumerate(libraries[1:], 3) if number <= lowest.level)]


def is_current(library: Path) -> bool:
    """Say whether a library can be loaded and was built from the source as it is."""
    try:
        Kernel(library)
    except OSError:
        return False
    return True
