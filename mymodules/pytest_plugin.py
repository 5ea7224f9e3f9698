"""The pytest plugin: ``compare_image`` compares what a test draws with a picture that is kept, its baseline.

    def test_bars(compare_image):
        compare_image(draw_bars())           # a figure, array, PIL image, the bytes of a file or its path

A test fails if any value of any pixel differs and no rule takes it, or if there is no baseline yet.
``pytest --image-update`` writes the baselines that are absent or differ. The baseline of
``tests/test_plots.py::test_bars`` is ``tests/baseline/test_plots/test_bars.png``.

================================== ==========================================================================
option (or line of configuration)
================================== ==========================================================================
``--image-update``                 write baselines (pytest-mpl: ``--mpl-generate-path``,
                                   pytest-image-snapshot: ``--image-snapshot-update``)
``--image-baseline PATH``          the folder of all baselines; by default ``baseline`` beside each file of
(``image_baseline = PATH``)        tests (pytest-mpl: ``--mpl-baseline-path``)
``--image-results PATH``           what differs, with a report of it; by default ``image-results``
(``image_results = PATH``)         (pytest-mpl: ``--mpl-results-path``, ``--mpl-generate-summary``)
``--image-rules PATH``             which differences are tolerated, see `rules.Limits`; by default none
(``image_rules = PATH``)
``compare_image(..., pixels=N)``   how many pixels may differ (others: ``tolerance``, ``threshold``)
================================== ==========================================================================

Importing this module imports nothing but pytest: it is imported wherever the package is installed.
"""

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mymodules.baselines import Baselines

PROPERTY = "compare_image"
"""The property of a test's report that says what its comparisons found; pytest's JUnit files have it too."""

_KEY = pytest.StashKey["_Session"]()
_UNFIT = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')  # for a file name, on some system


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("images", "comparing pictures (mymodules)")
    group.addoption(
        "--image-update", action="store_true", help="write the baselines that are absent or differ"
    )
    for name, what in (
        ("baseline", "folder of all baselines; by default, baseline beside each file of tests"),
        ("results", "folder for pictures that differ, and a report; by default image-results"),
        ("rules", "TOML file that says which differences are tolerated; by default none are"),
    ):
        group.addoption(f"--image-{name}", metavar="PATH", help=what)
        parser.addini(f"image_{name}", what, default="")


def pytest_configure(config: pytest.Config) -> None:
    """Begin a session."""
    config.stash[_KEY] = session = _Session(config)
    config.pluginmanager.register(session, "mymodules-images")


@pytest.fixture
def compare_image(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Compare a picture with its baseline; the test fails if they differ.

    Call ``compare_image(picture, name=None, pixels=0)``. The picture is a path, the bytes of a file, a numpy
    array, a PIL image or a matplotlib figure, see `mymodules.compare`. ``name`` is that of the baseline, by
    default the test's; a second picture in one test needs one. ``pixels`` is how many pixels may differ;
    low bits of 16, which show in none, never may.
    """
    session = request.config.stash[_KEY]
    names: set[str] = set()

    def compare(picture: object, name: str | None = None, *, pixels: int = 0) -> None:
        __tracebackhide__ = True
        own = ".".join(request.node.nodeid.split("::")[1:])
        chosen = _fit(own) if name is None else name
        if not Path(chosen).name or "\0" in chosen:
            raise ValueError(f"{chosen!r} cannot be the name of a file: pass another name.")
        if chosen in names:
            raise ValueError(f"This test has compared {chosen!r} already: pass another name.")
        names.add(chosen)
        kind, sentence = session.compared(request.path, picture, chosen, pixels)
        request.node.user_properties.append((PROPERTY, f"{kind}: {chosen}"))
        if kind in ("changed", "new"):
            pytest.fail(sentence, pytrace=False)

    return compare


def _fit(own: str) -> str:
    """Return the name of a test as that of a file; the digest keeps names apart that become the same."""
    name = _UNFIT.sub("-", own)
    return name if name == own else f"{name}-{hashlib.sha256(own.encode()).hexdigest()[:8]}"


class _Session:
    """Compare for one session, and say at its end what was found."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._counts: dict[str, int] = {}
        self._baselines: Baselines | None = None
        self._is_worker = hasattr(config, "workerinput")  # of pytest-xdist
        self._cleared = self._is_worker  # the process that has started it does that

    def compared(self, test_file: Path, picture: object, name: str, pixels: int) -> tuple[str, str]:
        """Compare a picture with its baseline; return what was found, in one word and in a sentence."""
        folder = self._path("baseline")
        above = test_file.parent / "baseline" if folder is None else folder / self._relative(test_file).parent
        below = self._relative(test_file).with_suffix("") / name
        self._clear()
        return self._opened().compared(picture, above / test_file.stem / name, below, pixels)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Remove what an earlier session left, before workers of pytest-xdist add to it."""
        if getattr(self._config.option, "dist", "no") != "no" and not self._config.option.collectonly:
            self._clear()

    def _clear(self) -> None:
        """Remove once what an earlier session left; one that compares nothing keeps the last report."""
        if not self._cleared and self._results.exists():
            self._opened().clear()
        self._cleared = True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count what the comparisons of a test and its fixtures found, wherever it ran."""
        if report.when == "teardown":
            for name, value in report.user_properties:
                if name == PROPERTY:
                    kind = str(value).partition(":")[0]
                    self._counts[kind] = self._counts.get(kind, 0) + 1

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say what was found, and where the report is."""
        if self._is_worker or not self._counts:  # the process that has started the workers counts for all
            return
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(self._counts.items()))
        terminalreporter.section("pictures")
        terminalreporter.line(f"{sum(self._counts.values())} compared: {counts}")
        if {"changed", "new"} & self._counts.keys():
            terminalreporter.line(self._opened().report())
            terminalreporter.line("If this is as it should be, write the baselines: pytest --image-update")

    @property
    def _results(self) -> Path:
        return self._path("results") or self._config.rootpath / "image-results"

    def _opened(self) -> "Baselines":
        if self._baselines is None:
            from mymodules.baselines import Baselines
            from mymodules.rules import Rules, read

            file = self._path("rules")
            self._baselines = Baselines(
                self._results,
                update=self._config.getoption("--image-update"),
                rules=Rules() if file is None else read(file),
            )
        return self._baselines

    def _path(self, name: str) -> Path | None:
        """Return the path that an option names, else the one in the configuration."""
        option: str | None = self._config.getoption(f"--image-{name}")
        if option:
            return self._config.invocation_params.dir / option
        written: str = self._config.getini(f"image_{name}")
        return self._config.rootpath / written if written else None

    def _relative(self, test_file: Path) -> Path:
        """Return the path of a file of tests below the root of the project."""
        return Path(os.path.relpath(test_file, self._config.rootpath).replace(f"..{os.sep}", ""))
