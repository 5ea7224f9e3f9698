"""Small files that went wrong once, each for its kind: a row each has to be what `expected.json` says."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from mymodules import workers
from mymodules.pairs import Pair
from mymodules.workers import Job

PLAIN_SENTENCES = (
    "The pixels are equal, the files are not.",
    "The pixels are equal.",
    "Equal byte for byte.",
)


def expected() -> dict[str, dict[str, Any]]:
    """What is right for each name; empty where the data are absent, which the last test reports."""
    folder = os.environ.get("MYMODULES_DATA")
    if not folder:
        return {}
    found: dict[str, dict[str, Any]] = json.loads(
        (Path(folder) / "cases" / "expected.json").read_text(encoding="utf-8")
    )
    return found


@pytest.mark.parametrize("name", expected())
def test_each_case(shared_data: Path, name: str) -> None:
    case = expected()[name]
    first, second = (str(shared_data / "cases" / side / name) for side in ("first", "second"))
    row = workers.compare(Job(Pair(name, first, second)))
    assert row.status == case["status"], row.messages
    assert row.code == case.get("code", row.code), row.messages
    assert row.num_diff_pixels == case.get("num_diff_pixels"), row.messages
    if case.get("named"):
        assert row.messages not in PLAIN_SENTENCES
    for words in case.get("message_has", ()):
        assert words in row.messages


def test_every_file_has_a_case(shared_data: Path) -> None:
    folder = shared_data / "cases"
    for side in ("first", "second"):
        assert {path.name for path in (folder / side).iterdir()} == set(expected())
