"""The textbook notebook that this project began with: its two cells run unchanged on the package.

A test of our own drives the same calls everywhere; where the shared data are present, the cells themselves
run as they stand.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager, KernelManager
from nbclient import NotebookClient
from support import pngs

from mymodules import images, pairs, results, settings, workers
from mymodules.comparison import drawings
from mymodules.workers import Job, PairResult

ROOT = Path(__file__).resolve().parent.parent
SEED = Path("seeds") / "000_c96011d29c806c64.txt"

START = {
    "default": "import runpy; runpy.run_path('seed.py', run_name='__main__')",
    "spawn": (
        "import multiprocessing, runpy; multiprocessing.set_start_method('spawn');"
        " runpy.run_path('seed.py', run_name='__main__')"
    ),
}

# The same calls with the same arguments as the notebook makes them.
SCRIPT = """
import multiprocessing as mp
from pathlib import Path

from mymodules import settings
from mymodules import workers

settings.init()

if __name__ == "__main__":
    paths = sorted(path for path in Path(settings.ORIG_IMAGE_DIRNAME).glob("**/*") if path.is_file())
    stamp = "20240229-121314"
    pool = mp.Pool(processes=2, initializer=workers.compimgdiff_init, initargs=[stamp])
    rows = pool.map(workers.compare_image_diff, paths)
    with open("results-" + stamp + ".csv", "a", encoding="utf-8_sig") as file:
        for ar in rows:
            file.write(f'{ar[0]},{ar[1]},"{ar[2]}"\\n')
    print(Path(settings.DATA_OUT_DIRNAME_BASE).name, Path(settings.DATA_SAVE_BASE_DIR).name)
    print(Path(settings.SECOND_IMAGE_DIRNAME).name, mp.get_start_method())
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project's top folder as far as the notebook needs it, in the state of a fresh clone."""
    top = tmp_path / "a project é"
    (top / "notebooks").mkdir(parents=True)
    for side in ("01.first", "02.second"):
        shutil.copytree(ROOT / "img" / side, top / "img" / side)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return top


def expected_rows(top: Path) -> list[PairResult]:
    """A row for each file of the first folder, in the order of the paths, compared here."""
    chosen = settings.resolve(top)
    listing = {pair.name: pair for pair in pairs.find(chosen.first, chosen.second).pairs}
    names = sorted(path.relative_to(chosen.first) for path in chosen.first.glob("**/*") if path.is_file())
    return [workers.compare(Job(listing[pairs.to_text(name.as_posix())])) for name in names]


def check_results(top: Path) -> None:
    """The CSV that stands in the project's folder, and the drawings of the same stamp."""
    (csv,) = top.glob("results-*.csv")
    stamp = re.fullmatch(r"results-(\d{8}-\d{6})\.csv", csv.name)
    assert stamp is not None
    assert csv.read_bytes().startswith(b"\xef\xbb\xbf")
    expected = expected_rows(top)
    assert len(expected) >= 10
    frame = results.load(csv)
    assert frame.image_filename.tolist() == [row.image_filename for row in expected]
    assert frame.messages.tolist() == [row.messages for row in expected]
    for found, row in zip(frame.ssim_score, expected, strict=True):
        assert found == row.ssim_score if row.ssim_score is not None else found != found
    assert frame.status.isna().all()
    folder = top / "img" / f"03.diff-{stamp[1]}"
    drawn = {path.relative_to(folder).as_posix() for path in folder.glob("**/*") if path.is_file()}
    changed = [row.image_filename for row in expected if row.status == "changed"]
    assert len(changed) >= 3
    assert drawn == {name + ending for name in changed for ending in drawings.ENDINGS}
    for name in drawn:
        assert images.read_rgba(folder / name).size
    assert [path.name for path in (top / "img").iterdir() if path.name.startswith("03.diff")] == [folder.name]


def run(top: Path, start: str) -> str:
    """What ``seed.py`` prints, run as a script from the project's folder."""
    done = subprocess.run(
        [sys.executable, "-c", START[start]],
        cwd=top,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("start", START)
def test_the_same_calls(project: Path, start: str) -> None:
    (project / "seed.py").write_text(SCRIPT, encoding="utf-8")
    printed = run(project, start).splitlines()
    assert printed[-2:][0] == "03.diff img"
    assert printed[-1].startswith("02.second")
    if start == "spawn":
        assert printed[-1].endswith("spawn")
    check_results(project)


def test_the_short_folder_names_of_its_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for side, shade in (("1.first", 1), ("2.second", 2)):
        (tmp_path / "img" / side).mkdir(parents=True)
        data = pngs.write([[shade] * 9] * 9, 0, 8)
        (tmp_path / "img" / side / "x.png").write_bytes(data)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "seed.py").write_text(SCRIPT, encoding="utf-8")
    assert run(tmp_path, "default").splitlines()[-1].startswith("2.second")
    frame = results.load(tmp_path / "results-20240229-121314.csv")
    assert frame.image_filename.tolist() == ["x.png"]
    assert cv2.imread(str(tmp_path / "img" / "03.diff-20240229-121314" / "x.png-1.orig.png")) is not None


# The cells themselves


def cells(text: str) -> list[str]:
    """The two code cells: what follows their prompts, up to the next text or the output."""
    first = re.search(r"^In \[1\]:\n(.*?)^### ", text, re.DOTALL | re.MULTILINE)
    second = re.search(r"^In \[2\]:\n(.*?)^image file in writer\(\) :", text, re.DOTALL | re.MULTILINE)
    assert first is not None
    assert second is not None
    return [first[1].strip("\n"), second[1].strip("\n")]


@pytest.fixture
def seed(shared_data: Path) -> list[str]:
    path = shared_data / SEED
    if not path.exists():
        pytest.skip(f"{SEED} is not among the shared data")
    found = cells(path.read_text(encoding="utf-8"))
    assert found[0].startswith("#####")
    assert found[0].endswith("settings.init()")
    assert found[1].startswith("if __name__ == '__main__':")
    assert found[1].endswith("pass")
    return found


@pytest.mark.parametrize("start", START)
def test_the_cells_as_a_script(project: Path, seed: list[str], start: str) -> None:
    (project / "seed.py").write_text("\n\n".join(seed) + "\n", encoding="utf-8")
    printed = run(project, start)
    assert "image file in writer() : 1 - " in printed
    assert printed.splitlines()[-1] == "Finished"
    check_results(project)


class ThisPython(KernelSpecManager):
    """Knows one kernel: the Python that runs the tests."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name=kernel_name, language="python")


class Client(NotebookClient):
    """Starts the kernel of `ThisPython`."""

    def create_kernel_manager(self) -> KernelManager:
        self.km = AsyncKernelManager(kernel_spec_manager=ThisPython())
        return self.km


def test_the_cells_as_a_notebook(project: Path, seed: list[str]) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in seed])
    Client(notebook, timeout=300, resources={"metadata": {"path": str(project)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.outputs]
    streams = [output for output in outputs if output.output_type == "stream"]
    assert {output.output_type for output in outputs} <= {"stream", "execute_result"}
    assert [output.text for output in streams if output.name == "stderr"] == []
    printed = "".join(output.text for output in streams)
    assert printed.splitlines()[-1] == "Finished"
    check_results(project)
