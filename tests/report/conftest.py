"""One run and its report, which no test changes, for each file of tests."""

from pathlib import Path

import pandas as pd
import pytest
from support.programs import folders
from support.report_files import FILES, compare, encoded, noise

from mymodules import batch, report


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> batch.Run:
    made = folders(tmp_path_factory.mktemp("project"))
    for name, sides in FILES.items():
        for folder, data in zip(made[:2], sides, strict=True):
            (folder / name).parent.mkdir(exist_ok=True)
            if data is not None:
                (folder / name).write_bytes(data)
    found = compare(*made)
    (made.first / "gone.png").unlink()
    (made.second / "gone.png").write_bytes(encoded(noise(3, 12)))
    return found


@pytest.fixture(scope="module")
def frame(run: batch.Run) -> pd.DataFrame:
    return run.frame()


@pytest.fixture(scope="module")
def page(frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report.write(frame, tmp_path_factory.mktemp("reports") / "report", same=True)
