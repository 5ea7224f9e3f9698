"""The notebooks as documents, 01 and 03 as programs too: run from a clean kernel on the samples."""

import copy
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pandas as pd
import pytest
from support.programs import Client

from mymodules import results

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
COMPARE = ROOT / "notebooks" / "01_compare.ipynb"
STORE = ROOT / "notebooks" / "03_store.ipynb"

# What tests/render_samples.py made of each page, in the order of the table in the notebook.
EXPECTED = [
    ("shop.png", "changed", "dimensions_differ"),
    ("badge.png", "changed", "pixels_differ"),
    ("dashboard.png", "changed", "pixels_differ"),
    ("form.png", "changed", "pixels_differ"),
    ("news/night train.png", "changed", "pixels_differ"),
    ("news/記事 日本語.png", "changed", "pixels_differ"),
    ("pricing.png", "changed", "pixels_differ"),
    ("account/invoice.png", "error", "truncated"),
    ("help.png", "missing", "only_first"),
    ("status.png", "extra", "only_second"),
    ("account/profile.png", "same", "metadata_differs"),
    ("calendar.png", "same", "pixels_equal"),
    ("login.png", "same", "bytes_equal"),
]


def given(path: Path, /, **parameters: object) -> nbformat.NotebookNode:
    """Return a notebook with a cell of `parameters` after the one tagged so."""
    notebook = nbformat.read(path, as_version=4)
    place = next(i for i, cell in enumerate(notebook.cells) if "parameters" in tags(cell))
    source = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    notebook.cells.insert(place + 1, nbformat.v4.new_code_cell(source))
    return notebook


ANEW = """
get_ipython().run_line_magic("reset", "-f")
import sys
for name in [name for name in sys.modules if name.partition(".")[0] == "mymodules"]:
    del sys.modules[name]
del name, sys
"""
"""A cell that leaves no name and nothing of this package: what follows begins as in a clean kernel."""


def execute(folder: Path, *notebooks: nbformat.NotebookNode) -> None:
    """Execute notebooks in `folder`, one after the other by one kernel, whose start takes long."""
    whole, parts = notebooks[0], [notebook.cells for notebook in notebooks]
    whole.cells = [cell for part in parts for cell in part]
    for number, cell in enumerate(whole.cells):
        cell.id = f"cell-{number}"  # those of two copies are the same
    Client(whole, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    for notebook, part in zip(notebooks, parts, strict=True):
        notebook.cells, notebook.metadata = part, whole.metadata


def tags(cell: nbformat.NotebookNode) -> list[str]:
    found: list[str] = cell.metadata.get("tags", [])
    return found


def outputs(notebook: nbformat.NotebookNode) -> list[Any]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def shown(notebook: nbformat.NotebookNode, kind: str) -> list[str]:
    """Return the data of all outputs that have this media type."""
    return [output.data[kind] for output in outputs(notebook) if kind in output.get("data", {})]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    for name in ("01.first", "02.second"):
        shutil.copytree(ROOT / "img" / name, folder / name)
    (folder / "out").mkdir()
    return folder


def folders(samples: Path, out: Path) -> dict[str, str]:
    return {"first": str(samples / "01.first"), "second": str(samples / "02.second"), "out": str(out)}


class Executed(NamedTuple):
    """What one kernel has executed, and the folder of the notebooks of pairs of which none changed."""

    compare: nbformat.NotebookNode
    several: list[nbformat.NotebookNode]
    store: nbformat.NotebookNode
    folder: Path


NOTHING_CHANGED = ("missing", "same", "error")


@pytest.fixture(scope="module")
def everything(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Executed:
    """The first notebook on the samples, a part of them and where nothing changed, then the store's."""
    folder = tmp_path_factory.mktemp("several")
    whole = given(COMPARE, **folders(samples, samples / "out"))
    (folder / "part").mkdir()
    part = folders(samples, folder / "part")
    several = [given(COMPARE, **part, skipUntil=1, stopAt=3, num_processors=1)]
    picture = (ROOT / "img" / "01.first" / "badge.png").read_bytes()
    for made in NOTHING_CHANGED:
        sides = first, second, out = [folder / made / name for name in ("first", "second", "out")]
        for side in sides:
            side.mkdir(parents=True)
        (first / "a.png").write_bytes(picture)
        name = "b.png" if made == "missing" else "a.png"
        (second / name).write_bytes(picture[: None if made != "error" else 99])
        several.append(given(COMPARE, first=str(first), second=str(second), out=str(out)))
    (folder / "store").mkdir()
    store = given(STORE, **folders(samples, folder / "store"), page="shop.png")
    anew = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(ANEW)])
    execute(samples, whole, *several, anew, store)
    return Executed(whole, several, store, folder)


@pytest.fixture(scope="module")
def executed(everything: Executed) -> nbformat.NotebookNode:
    return everything.compare


@pytest.fixture(scope="module")
def frame(executed: nbformat.NotebookNode, samples: Path) -> pd.DataFrame:
    (path,) = (samples / "out").glob("results-*.csv")
    return results.load(path)


def test_no_cell_fails_or_complains(executed: nbformat.NotebookNode) -> None:
    assert [output for output in outputs(executed) if output.output_type == "error"] == []
    said = [output.text for output in outputs(executed) if output.get("name") == "stderr"]
    assert [text for text in said if "Warning" in text or "Error" in text] == []


def test_every_sample_has_the_row_it_was_made_for(frame: pd.DataFrame) -> None:
    rows = frame[["image_filename", "status", "code"]].itertuples(index=False, name=None)
    assert sorted(rows) == sorted(EXPECTED)


def test_the_table_is_shown_in_reading_order(executed: nbformat.NotebookNode) -> None:
    (table,) = [text for text in shown(executed, "text/html") if "messages" in text]
    places = {name: table.index(name) for name, _, _ in EXPECTED}
    order = {"changed": 0, "error": 1, "missing": 2, "extra": 3, "same": 4}
    status = {name: order[status] for name, status, _ in EXPECTED}
    ranks = [status[name] for name in sorted(places, key=places.__getitem__)]
    assert ranks == sorted(ranks)
    assert places["shop.png"] < places["news/記事 日本語.png"]


def test_scores_are_plotted_and_a_pair_is_shown(executed: nbformat.NotebookNode) -> None:
    assert len(shown(executed, "image/png")) == 1
    views = shown(executed, "application/vnd.jupyter.widget-view+json")
    assert views


@pytest.mark.parametrize("state", ["with the state of widgets", "without"])
def test_static_html_has_a_picture_and_sentences(executed: nbformat.NotebookNode, state: str) -> None:
    """Notebooks that nbclient has run have that state, those that JupyterLab has saved do not."""
    from nbconvert import HTMLExporter  # slow, and needed here only

    notebook = copy.deepcopy(executed)
    if state == "without":
        del notebook.metadata["widgets"]
    page, _ = HTMLExporter().from_notebook_node(notebook)
    seen = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert seen.count('alt="shop.png"') == 1
    assert "The slider and the other pairs need a running kernel" in seen
    assert "A panel to compare two folders with. It needs a running kernel" in seen


def test_the_audit_agrees(executed: nbformat.NotebookNode) -> None:
    (line,) = [output.text for output in outputs(executed) if "largest difference" in output.get("text", "")]
    assert float(line.split(":")[1]) < 1e-9


def test_nothing_is_written_outside_the_output_folder(executed: nbformat.NotebookNode, samples: Path) -> None:
    for name in ("01.first", "02.second"):
        left = {path.relative_to(samples / name) for path in (samples / name).rglob("*")}
        assert left == {path.relative_to(ROOT / "img" / name) for path in (ROOT / "img" / name).rglob("*")}
    assert {path.name for path in samples.iterdir()} == {"01.first", "02.second", "out"}


def test_a_part_can_be_tried(everything: Executed) -> None:
    (path,) = everything.folder.glob("part/results-*.csv")
    names = ["account/profile.png", "badge.png"]
    assert results.load(path)["image_filename"].to_list() == names


@pytest.mark.parametrize("made", NOTHING_CHANGED)
def test_it_runs_where_nothing_changed(made: str, everything: Executed) -> None:
    for notebook in everything.several:
        assert [output for output in outputs(notebook) if output.output_type == "error"] == []
    (path,) = everything.folder.glob(f"{made}/out/results-*.csv")
    assert results.load(path)["status"].to_list() == ([made, "extra"] if made == "missing" else [made])


@pytest.fixture(scope="module")
def remembered(everything: Executed) -> nbformat.NotebookNode:
    return everything.store


def printed(notebook: nbformat.NotebookNode) -> str:
    return "".join(output.text for output in outputs(notebook) if output.get("name") == "stdout")


def test_the_store_is_shown_without_a_complaint(remembered: nbformat.NotebookNode) -> None:
    assert [output for output in outputs(remembered) if output.output_type == "error"] == []
    said = [output.text for output in outputs(remembered) if output.get("name") == "stderr"]
    assert [text for text in said if "Warning" in text or "Error" in text] == []


def test_what_was_reused_and_why_the_rest_was_not(remembered: nbformat.NotebookNode) -> None:
    lines = [line for line in printed(remembered).splitlines() if "reused" in line]
    assert [line.rpartition(",")[0] for line in lines] == [
        "0 rows reused, recomputed {'new': 13}",
        "12 rows reused, recomputed {'error': 1}",
        "12 rows reused, recomputed {'new': 1}",  # after the failure was purged
    ]


def test_nearest_pictures_are_thumbnails(remembered: nbformat.NotebookNode) -> None:
    (grid,) = [text for text in shown(remembered, "text/html") if "<figure" in text]
    assert grid.count('src="data:image/png;base64,') == 6
    captions = re.findall("<figcaption[^>]*>(.*?)</figcaption>", grid)
    assert captions[0] == "shop.png in second"
    assert captions[1].startswith("shop.png: distance ")


def test_failures_have_names_and_reasons_and_are_purged(remembered: nbformat.NotebookNode) -> None:
    (table,) = [text for text in shown(remembered, "text/html") if "reason" in text]
    assert table.count("account/invoice.png") == table.count("corrupted") == 1
    assert "\n0 failures left" in printed(remembered)


def git(folder: Path, *arguments: str) -> str:
    """Return what git says in a folder; skip the test where there is no git or `folder` is no checkout."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True,
            encoding="utf-8", check=True,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("git is not installed")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"git says: {error.stderr.strip()}")
    return done.stdout


def committed_with_outputs(folder: Path) -> list[str]:
    """Return the notebooks that are committed with outputs or execution counts."""
    found = []
    names = git(folder, "ls-tree", "-z", "--name-only", "HEAD", "notebooks/").split("\0")
    for name in names:
        if name.endswith(".ipynb"):
            notebook = nbformat.reads(git(folder, "show", f"HEAD:./{name}"), as_version=4)
            code = [cell for cell in notebook.cells if cell.cell_type == "code"]
            if any(cell.outputs or cell.execution_count is not None for cell in code):
                found.append(name)
    return found


def test_no_notebook_is_committed_with_outputs() -> None:
    """In a user's working copy they may stand: JupyterLab saves them."""
    assert committed_with_outputs(ROOT) == []


def test_outputs_count_once_they_are_committed(tmp_path: Path) -> None:
    path = tmp_path / "project" / "notebooks" / "01 é.ipynb"
    path.parent.mkdir(parents=True)

    def commit() -> None:
        name = ("-c", "user.name=nobody", "-c", "user.email=nobody@localhost")
        git(tmp_path, "add", ".")
        git(tmp_path, *name, "commit", "--quiet", "--no-verify", "--message", "a notebook")

    cell = nbformat.v4.new_code_cell("1 + 1")
    git(tmp_path, "init", "--quiet")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    commit()
    cell.execution_count = 1
    cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "2"}, execution_count=1)]
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    assert committed_with_outputs(path.parent.parent) == []
    commit()
    assert committed_with_outputs(path.parent.parent) == ["notebooks/01 é.ipynb"]


def test_the_cell_for_dask_compares_on_its_workers(samples: Path, tmp_path: Path) -> None:
    """Its lines are comments, so that nothing starts processes where the whole notebook is executed."""
    pytest.importorskip("distributed")
    notebook = nbformat.read(COMPARE, as_version=4)
    (cell,) = [cell for cell in notebook.cells if "LocalCluster" in cell.source]
    lines = cell.source.splitlines()
    assert all(line.startswith("#") for line in lines)
    source = "\n".join(line.removeprefix("#").removeprefix(" ") for line in lines)
    begun = f"from mymodules import batch, settings\nsettings.init(**{folders(samples, tmp_path)!r})"
    cells = [nbformat.v4.new_code_cell(source) for source in (begun, source)]
    alone = nbformat.v4.new_notebook(cells=cells)
    execute(tmp_path, alone)
    (said,) = [
        output.text for output in outputs(alone) if output.get("name") == "stdout" and "Dask" in output.text
    ]
    assert said == f"Compared on Dask: {dict(same=3, changed=7, missing=1, extra=1, error=1)}\n"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_a_document(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [
        cell.source for cell in notebook.cells if len(cell.source.splitlines()) > 10 and cell in code
    ] == []
    first, *others = [tag for cell in code for tag in tags(cell)]
    assert first == "parameters"
    assert set(others) <= {"interactive"}
    assert notebook.cells[0].cell_type == "markdown"
    words = ("def ", "class ", "lambda", "for ", "while ", "if ", "try:")
    lines = [line for cell in code for line in cell.source.splitlines()]
    assert [line for line in lines if line.lstrip().startswith(words)] == []
    kinds = "".join(cell.cell_type[0] for cell in notebook.cells)
    assert kinds.startswith("m")
    assert "ccc" not in kinds, "prose comes before code"
