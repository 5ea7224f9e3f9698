"""The panel as a person meets it: in JupyterLab in Chromium, with real clicks and keys."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from support import lab
from support.programs import Folders, figures, is_worker, marked, mixed, noisy, until

from mymodules import batch, results

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK, COMPARE = "panel.ipynb", "notebooks/01_compare.ipynb"
CELLS = ("from mymodules.panel import panel\n\nmade = panel()\nmade", "print(6 * 7, made.run is None)")
COUNT = 40
WITHIN = 10.0  # s; a promise of moments
# A name that would run as a script wherever it is taken for HTML.
HOSTILE = "<img src=x onerror=document.title='owned'>$x^2$"
MESSAGE, PROGRESS = ".mmp-message", ".mmp-progress"


@pytest.fixture(scope="module")
def root(own_folder: Path) -> Path:
    """A notebook with a panel and another cell; a copy of the project is beside it."""
    lab.copy_notebooks(own_folder)
    for side in ("01.first", "02.second"):
        shutil.copytree(ROOT / "img" / side, own_folder / "img" / side)
    notebook = nbformat.read(own_folder / COMPARE, as_version=4)
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
    nbformat.write(notebook, own_folder / NOTEBOOK)
    return own_folder


@pytest.fixture(scope="module")
def opened(root: Path, tab: lab.Notebook) -> Iterator[lab.Notebook]:
    with lab.lent(tab, root) as opened:
        opened.open(NOTEBOOK)
        yield opened


@pytest.fixture
def page(opened: lab.Notebook) -> Iterator[Any]:
    """A new panel; what runs in it is cancelled afterwards."""
    opened.run_all()
    page = opened.page
    page.wait_for_function("() => document.querySelectorAll('.mmp .mmp-note[role=status]').length === 3")
    assert says(page, MESSAGE) == ""
    yield page
    button(page, "Cancel").evaluate("button => button.click()")  # nothing, where it is disabled
    page.wait_for_function("() => !document.querySelector('.mmp-actions button').disabled")


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """Pairs that take long enough to be cancelled."""
    return noisy(tmp_path_factory.mktemp("noise"), COUNT, 900)


def button(page: Any, label: str) -> Any:
    return page.locator(".mmp-actions").get_by_role("button", name=label, exact=True)


def says(page: Any, part: str) -> str:
    return str(page.locator(part).inner_text())


def name(page: Any, given: Folders) -> None:
    for label, folder in zip(("First", "Second", "Results"), given, strict=True):
        page.get_by_label(f"{label} folder").fill(str(folder))


def done(page: Any, rows: int = 1) -> None:
    """Wait until so many pictures are compared."""
    page.wait_for_function(
        "([part, rows]) => Number(document.querySelector(`${part} b`)?.textContent) >= rows",
        arg=[PROGRESS, rows],
    )


def told(page: Any, words: str) -> str:
    """Wait until the panel says so; all it says then."""
    page.locator(MESSAGE, has_text=words).wait_for()
    return says(page, MESSAGE)


def answer(page: Any) -> str:
    """What the second cell prints when it is run now."""
    printed: str = page.evaluate(
        """async () => {
            const notebook = jupyterapp.shell.currentWidget.content;
            notebook.activeCellIndex = 1;
            await jupyterapp.commands.execute('notebook:run-cell');
            return [...notebook.model.cells][1].outputs.toJSON()[0].text;
        }"""
    )
    return printed


def focused(page: Any) -> str:
    text: str = page.evaluate("() => document.activeElement.textContent")
    return text


def workers(server: lab.Server) -> list[psutil.Process]:
    """The worker processes of the server's kernels."""
    return [process for process in marked(server.token) if is_worker(process)]


def test_a_run_from_the_fields_to_the_table(opened: lab.Notebook, page: Any, tmp_path: Path) -> None:
    given = mixed(tmp_path)
    given = given._replace(out=tmp_path / "new")
    name(page, given)
    page.get_by_text("This folder will be created.").wait_for()
    button(page, "Run").click()
    assert str(given.out) in told(page, "16 pictures compared in")
    assert "16 of 16 · same 1 · changed 12 · missing 1 · extra 1 · error 1" in says(page, PROGRESS)
    rows = page.locator(".mmp .mml-row[data-row]")
    rows.first.wait_for()
    rows.filter(has_text="changed 07.png").click()
    page.wait_for_function("() => document.querySelector('.mmv-name').textContent === 'changed 07.png'")
    page.wait_for_function("() => document.querySelector('.mmv img[src]')?.complete")
    assert answer(page) == "42 False\n"
    # What a run prints stands below its panel, though its thread has no cell of its own.
    assert [out["text"] for out in opened.outputs() if out.get("name") == "stdout"] == [
        f"Created {given.out}.\n",
        "42 False\n",
    ]


def test_the_bar_moves_and_the_kernel_answers_meanwhile(page: Any, noise: Folders, tmp_path: Path) -> None:
    name(page, noise.elsewhere(tmp_path / "out"))
    button(page, "Run").click()
    done(page, 2)
    assert answer(page) == "42 True\n"
    value = "() => document.querySelector('.mmp-progress progress').value"
    before = page.evaluate(value)
    assert before < COUNT, "it is still under way"
    page.wait_for_function(f"before => ({value})() > before", arg=before)
    assert page.evaluate("() => document.querySelector('.mmp-progress progress').max") == COUNT
    assert button(page, "Run").is_disabled()
    assert page.get_by_label("First folder").is_disabled()


def test_cancel_leaves_no_process_and_resume_finds_the_rest(
    page: Any, noise: Folders, server: lab.Server, tmp_path: Path
) -> None:
    clean = batch.run(*noise.elsewhere(tmp_path / "clean"), num_processors=1, pictures="none", store=None)
    given = noise.elsewhere(tmp_path / "out")
    name(page, given)
    button(page, "Run").click()
    done(page, 3)
    assert workers(server)
    button(page, "Cancel").click()
    message = told(page, "Cancelled: ")
    until(lambda: not workers(server), "no worker is left", WITHIN)
    partial = given.the("*.partial.csv")
    kept = results.read(partial)
    assert 3 <= len(kept) < COUNT
    assert f"{len(kept)} of {COUNT} pictures are done" in message
    assert str(partial) in message
    assert answer(page) == "42 True\n"
    button(page, "Resume").click()
    told(page, f"{COUNT} pictures compared in")
    page.locator(".mmp .mml-row[data-row]").first.wait_for()
    csv = given.the("results-*[0-9].csv")
    assert figures(csv) == figures(clean.csv_path)
    assert set(kept) <= set(results.read(csv))
    assert not button(page, "Resume").is_visible()


def test_keys_alone_will_do(opened: lab.Notebook, page: Any, noise: Folders, tmp_path: Path) -> None:
    name(page, noise.elsewhere(tmp_path / "out"))
    cells = page.evaluate("() => jupyterapp.shell.currentWidget.content.model.cells.length")
    page.get_by_label("Results folder").focus()
    reached = []
    while focused(page) != "Run":
        page.keyboard.press("Tab")
        reached.append(page.evaluate("() => document.activeElement.labels?.[0]?.textContent"))
        assert len(reached) < 20, "the button is not reached"
    assert [label for label in reached if label] == ["Skip until", "Stop at", "Processors", "Drawings"]
    page.keyboard.press("Enter")
    done(page)
    assert focused(page) == "Cancel"
    for key in ("x", "d", "d", "b"):  # in JupyterLab's command mode they cut, delete and insert cells
        page.keyboard.press(key)
    page.keyboard.press("Space")
    told(page, "Cancelled: ")
    page.wait_for_function("() => document.activeElement.textContent === 'Resume'")
    page.keyboard.press("Enter")
    told(page, f"{COUNT} pictures compared in")
    page.wait_for_function("() => document.activeElement.textContent === 'Run'")
    assert page.evaluate("() => jupyterapp.shell.currentWidget.content.model.cells.length") == cells


def test_who_went_elsewhere_is_left_there(page: Any, noise: Folders, tmp_path: Path) -> None:
    name(page, noise.elsewhere(tmp_path / "out"))
    button(page, "Run").click()
    done(page)
    page.evaluate("() => jupyterapp.shell.currentWidget.content.widgets[1].editor.focus()")
    editor = "() => document.activeElement.closest('.jp-CodeCell') !== null"
    page.wait_for_function(editor)
    told(page, f"{COUNT} pictures compared in")
    page.wait_for_function("() => !document.querySelector('.mmp-actions button').disabled")
    assert page.evaluate("() => document.activeElement.closest('.mmp')") is None
    assert page.evaluate(editor)


def test_the_cell_run_again_finds_its_run(page: Any, noise: Folders, tmp_path: Path) -> None:
    given = noise.elsewhere(tmp_path / "out")
    name(page, given)
    button(page, "Run").click()
    done(page)
    page.evaluate(
        """async () => {
            jupyterapp.shell.currentWidget.content.activeCellIndex = 0;
            await jupyterapp.commands.execute('notebook:run-cell');
        }"""
    )
    done(page, 2)
    assert page.get_by_label("First folder").input_value() == str(given.first)
    button(page, "Cancel").click()
    told(page, "Cancelled: ")


def test_a_folder_that_is_not_there_is_told_as_it_is_typed(page: Any, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    box = page.get_by_label("First folder")
    box.fill("")
    note = page.locator(".mmp-folder", has=box).locator(".mmp-note")
    note.filter(has_text="Name a folder.").wait_for()
    box.press_sequentially(f"{tmp_path}{os.sep}pic")
    note.filter(has_text="There is no such folder.").wait_for()
    page.wait_for_function(
        "folder => document.querySelector('.mmp datalist option')?.value === folder",
        arg=str(tmp_path / "pictures"),
    )
    page.wait_for_function(  # the note is empty while the last letters are looked at
        "box => document.getElementById(box.getAttribute('aria-describedby')).innerText.trim()"
        " === 'There is no such folder.'",
        arg=box.element_handle(),
    )
    box.press_sequentially("tures")
    page.wait_for_function("() => !document.querySelector('.mmp-note').innerText.trim()")


@pytest.mark.skipif(os.name == "nt", reason="Windows does not allow such a name")
def test_a_name_is_text_and_never_markup(page: Any, tmp_path: Path) -> None:
    given = mixed(tmp_path / HOSTILE)
    name(page, given._replace(first=tmp_path / HOSTILE / "nowhere"))
    button(page, "Run").click()
    assert f"{HOSTILE}/nowhere does not exist" in told(page, "does not exist")
    name(page, given)
    button(page, "Run").click()
    assert f"{HOSTILE}/out/results-" in told(page, "16 pictures compared in")
    page.get_by_label("First folder").fill(str(tmp_path / "<im"))
    page.wait_for_function("() => document.querySelector('.mmp datalist option')?.value.includes('onerror')")
    assert page.locator("img[src=x]").count() == 0
    assert page.locator(".mmp mjx-container").count() == 0
    assert "owned" not in page.title()


def test_it_is_labelled(page: Any) -> None:
    bare = page.locator(".mmp").evaluate(
        """panel => [...panel.querySelectorAll('button, select, input')]
            .filter(node => !(node.labels?.[0] ?? node).textContent).map(node => node.outerHTML)"""
    )
    assert bare == []
    assert page.locator(MESSAGE).get_attribute("role") == "status"


@pytest.mark.parametrize("width", [1280, 700])
def test_nothing_is_cut_off(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.wait_for_timeout(300)
    cut = page.evaluate(
        """() => {
            const frame = document.querySelector('.mmp').getBoundingClientRect();
            return [...document.querySelectorAll('.mmp *')]
                .filter(node => node.getBoundingClientRect().right > frame.right + 1)
                .map(node => node.className);
        }"""
    )
    assert cut == []


def test_the_notebook_shows_it_and_begins_nothing(opened: lab.Notebook, root: Path) -> None:
    opened.open(COMPARE)
    opened.run_all()
    page = opened.page
    box = page.get_by_label("Second folder")
    box.wait_for()
    assert Path(box.input_value()).parts[-2:] == (HOSTILE, "second"), "the folders compared last in a panel"
    assert button(page, "Run").is_enabled()
    assert (says(page, MESSAGE), says(page, PROGRESS)) == ("", "")
    assert len(list((root / "img").glob("results-*.json"))) == 1, "that of the notebook itself"
    assert opened.failures() == []


def test_nothing_complains_and_nothing_leaves_the_machine(opened: lab.Notebook) -> None:
    """The last one, with the requests and complaints of all."""
    assert opened.complaints == []
    assert opened.strangers() == []
    assert len(opened.requests) > 10
