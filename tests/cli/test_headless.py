"""The notebook without a browser: its parameters, its errors, an interrupt, and where it is saved."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

from mymodules import errors
from mymodules.cli import headless


def notebook_of(*sources: str) -> nbformat.NotebookNode:
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    if cells:
        cells[0].metadata["tags"] = ["parameters"]
    return nbformat.v4.new_notebook(cells=cells)


def text_of(cell: nbformat.NotebookNode) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


def test_parameters_are_injected_behind_their_cell() -> None:
    notebook = notebook_of("first = None", "print(first)")
    headless.inject(notebook, {"first": "a'b \udcff", "skipUntil": 3})
    injected = notebook.cells[1]
    assert injected.metadata.tags == ["injected-parameters"]
    values: dict[str, object] = {}
    exec(injected.source, values)
    assert (values["first"], values["skipUntil"]) == ("a'b \udcff", 3)
    assert [cell.source for cell in notebook.cells[::2]] == ["first = None", "print(first)"]


def test_nothing_is_injected_without_need() -> None:
    notebook = notebook_of("first = None")
    headless.inject(notebook, {})
    assert len(notebook.cells) == 1
    with pytest.raises(errors.SettingsError, match="parameters"):
        headless.inject(notebook_of(), {})


def test_executes_in_this_python_and_shows_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYMODULES_SETTINGS", "another run's")
    notebook = notebook_of(
        "import os, sys; from pathlib import Path; print(sys.executable)",
        "print(Path.cwd(), os.environ['MYMODULES_PROGRESS'], 'MYMODULES_SETTINGS' in os.environ)",
        "print('half of it', file=sys.stderr)",
    )
    headless.execute(notebook, tmp_path)
    assert text_of(notebook.cells[0]) == f"{sys.executable}\n"
    assert text_of(notebook.cells[1]) == f"{tmp_path} text False\n"
    assert capsys.readouterr() == ("", "half of it\n")


@pytest.mark.parametrize(
    ("expected", "source"),
    [
        ("nothing there", "from mymodules.errors import SettingsError; raise SettingsError('nothing there')"),
        ("ValueError: 'x'", "raise ValueError(\"'x'\")"),
    ],
)
def test_error_of_a_cell_is_a_sentence(expected: str, source: str, tmp_path: Path) -> None:
    notebook = notebook_of("before = 1", source, "print('not reached')")
    with pytest.raises(CellExecutionError) as raised:
        headless.execute(notebook, tmp_path)
    assert headless.sentence(raised.value) == expected
    assert notebook.cells[1].outputs[0].output_type == "error"
    assert notebook.cells[2].outputs == []
    saved = headless.save(notebook, tmp_path, "20260101-120000")
    assert saved.name == "01_compare-20260101-120000.ipynb"
    assert nbformat.read(saved, as_version=4) == notebook


def when(condition: Callable[[], bool], action: Callable[[], object]) -> threading.Thread:
    """Does something as soon as a condition holds, at the latest after a minute."""

    def wait() -> None:
        deadline = time.monotonic() + 60
        while not condition() and time.monotonic() < deadline:
            threading.Event().wait(0.05)
        action()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@pytest.mark.skipif(os.name == "nt", reason="signals to one process do not exist on Windows")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_reaches_the_cell_and_ends_the_kernel(number: signal.Signals, tmp_path: Path) -> None:
    notebook = notebook_of(
        "import os, time; from pathlib import Path",
        "try:\n    Path('kernel').write_text(str(os.getpid()))\n    time.sleep(100)\n"
        "finally:\n    Path('tidied').touch()",
        "Path('not reached').touch()",
    )
    marker = tmp_path / "kernel"
    thread = when(lambda: marker.exists() and marker.stat().st_size > 0, lambda: os.kill(os.getpid(), number))
    with pytest.raises(KeyboardInterrupt):
        headless.execute(notebook, tmp_path)
    thread.join()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kernel", "tidied"]
    with pytest.raises(ProcessLookupError):
        os.kill(int(marker.read_text()), 0)
