"""Text in tables is Python's, with and without pyarrow; tables with text of another kind do as well."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from support.rows import CHANGED, MISSING

from mymodules import look, results
from mymodules.explore import filters, order
from mymodules.results import runfiles
from mymodules.results.texts import TEXT, numbered
from mymodules.triage import Decisions

CHANGE = "edit 1 2 3 4 1 2 3 4 5 6 0 " + " ".join(["a" * 24, "b" * 24])
KINDS = {"ours": TEXT, "of pandas": "str", "nullable": "string", "objects": object}
"""Types that the text of a table may have; the second and third are Arrow's where pyarrow is installed."""

AWKWARD = [
    "I.png",
    "i.png",
    "ı.png",
    "İ.png",
    "ſ.png",
    "S.png",
    "ẞ.png",
    "ß.png",
    "ss.png",
    "Ü.png",
    "日.png",
]


def kinds(out: Path) -> dict[str, list[str]]:
    """The types of the columns of text in the tables of a run."""
    (path,) = out.glob("results-*.csv")
    frame, changes = results.load(path), results.load_changes(path)
    assert changes is not None
    tables = {
        "rows": frame,
        "changes": changes,
        "decisions": Decisions(out).state(frame).to_frame(),
        "audit": look.audit(frame.head(0), run={"first": out, "second": out}),
    }
    return {name: [repr(kind) for kind in each.dtypes] for name, each in tables.items()}


def test_the_types_are_the_same_with_and_without_pyarrow(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = runfiles.finished_path(tmp_path, "20260102-030405")
    results.write(path, [CHANGED, MISSING])
    changes = runfiles.changes_path(tmp_path, "20260102-030405")
    results.write_changes(changes, [(CHANGED.image_filename, CHANGE)])
    code = (
        "import sys; sys.modules['pyarrow'] = None; import json, pathlib, test_texts;"
        "print(json.dumps(test_texts.kinds(pathlib.Path(sys.argv[1]))))"
    )
    here = Path(__file__).parent
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, (here, here.parent, here.parents[1]))),
    }
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path], env=environment, check=True, capture_output=True
    )
    found = kinds(tmp_path)
    assert json.loads(done.stdout) == found
    assert repr(TEXT) in found["rows"]
    arrow = repr(pd.StringDtype("pyarrow", na_value=math.nan))
    assert not any(arrow in each for each in found.values())


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("typed", ["i", "I", "ı", "s", "ß", "SS", "ü", "日", "?.png", "i*", "*ß?png"])
def test_letters_are_found_as_python_folds_them(typed: str, kind: object) -> None:
    frame = pd.DataFrame({"image_filename": pd.Series(AWKWARD, dtype=kind)})  # type: ignore[call-overload]
    found = frame.query(filters.name_condition(typed), engine="python")["image_filename"].tolist()
    if {*typed} & {*"*?"}:
        without = pd.DataFrame({"image_filename": pd.Series(AWKWARD, dtype=object)})
        assert found == without.query(filters.name_condition(typed))["image_filename"].tolist() != []
    else:
        assert found == [name for name in AWKWARD if typed.upper() in name.upper()]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_rows_stand_in_the_same_order(kind: object) -> None:
    names = pd.Series(AWKWARD, dtype=kind)  # type: ignore[call-overload]
    frame = pd.DataFrame({"image_filename": names, "status": "changed"})
    assert look.ranked(frame.assign(combined=1.0, num_diff_pixels=1))["image_filename"].tolist() == sorted(
        AWKWARD
    )
    assert names.iloc[order.places(frame, "image_filename", False)].tolist() == sorted(AWKWARD)


@pytest.mark.parametrize("kind", [TEXT, object], ids=["ours", "objects"])
def test_half_a_character_is_ranked(kind: object) -> None:
    names = ["b.png", "\udcff.png", "a.png"]
    frame = pd.DataFrame({"image_filename": pd.Series(names, dtype=kind), "status": "changed"})  # type: ignore[call-overload]
    ranked = look.ranked(frame.assign(combined=1.0, num_diff_pixels=1))
    assert ranked["image_filename"].tolist() == sorted(names)


@pytest.mark.parametrize("kind", KINDS)
def test_texts_are_numbered_and_unknown_or_absent_ones_have_the_last_number(kind: str) -> None:
    texts = pd.Series(["changed", None, "odd", "same", "changed"], dtype=KINDS[kind])
    numbers = {"same": 0, "changed": 1}
    assert numbered(texts, numbers, 9).tolist() == [1, 9, 9, 0, 1]
    assert numbered(texts[:0], numbers, 9).tolist() == []
