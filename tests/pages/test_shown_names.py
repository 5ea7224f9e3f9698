"""What a list shows of names, and what it folds: functions of the page that need no browser, run by Node."""

import json
from typing import Any

import pytest
from support import nodes


def called(module: str, function: str, *arguments: Any) -> Any:
    """What an exported function of a module returns."""
    return nodes.evaluate(module, f"{function}(...{json.dumps(arguments)})")


@pytest.mark.parametrize(
    ("names", "common"),
    [
        ([], ""),
        (["a.png"], ""),
        (["x/y/a.png"], "x/y/"),
        (["x/y/a.png", "x/y/b.png"], "x/y/"),
        (["x/y/a.png", "x/yes/b.png"], "x/"),
        (["x/a.png", "x/a.png/b.png"], "x/"),
        (["x/a.png", "b.png"], ""),
        (["xy/a.png", "x/a.png"], ""),
        (["日本/a/1.png", "日本/b/1.png"], "日本/"),
    ],
)
def test_the_folder_that_all_names_share(names: list[str], common: str) -> None:
    assert called("names.js", "commonFolder", names) == common


@pytest.mark.parametrize(
    ("name", "common", "base", "folder"),
    [
        ("x/y/a.png", "x/", "a.png", "y/"),
        ("x/a.png", "x/", "a.png", ""),
        ("a.png", "", "a.png", ""),
        ("x/y/a.png", "", "a.png", "x/y/"),
    ],
)
def test_the_base_name_and_the_rest_of_its_folder(name: str, common: str, base: str, folder: str) -> None:
    assert called("names.js", "parts", name, common) == {"base": base, "folder": folder}


# --- what is folded ----------------------------------------------------------------------------------


def rows(**counts: int) -> list[dict[str, str]]:
    """So many rows of each status."""
    return [{"status": status} for status, count in counts.items() for _ in range(count)]


def folded(given: list[dict[str, str]], opened: tuple[str, ...] = ()) -> list[str]:
    """Each line of the list: a status, or how many more there are of one."""
    lines = called("folds.js", "folded", given, opened)
    return [f"{line['more']} more {line['status']}" if "more" in line else line["status"] for line in lines]


def test_ten_of_each_one_sided_status_are_listed() -> None:
    found = folded(rows(changed=30, missing=1022, extra=11, same=40))
    listed = ["missing"] * 10 + ["1012 more missing"] + ["extra"] * 10 + ["1 more extra"]
    assert found == ["changed"] * 30 + listed + ["same"] * 40


def test_ten_and_fewer_are_not_folded() -> None:
    assert folded(rows(changed=1, missing=10)) == ["changed"] + ["missing"] * 10


def test_those_that_a_person_has_opened_are_listed_in_full() -> None:
    found = folded(rows(changed=1, missing=12, extra=12), ("missing",))
    assert found == ["changed"] + ["missing"] * 12 + ["extra"] * 10 + ["2 more extra"]


def test_a_list_of_nothing_else_is_listed_in_full() -> None:
    """As after a press on the statuses missing and extra."""
    assert folded(rows(missing=20, extra=15)) == ["missing"] * 20 + ["extra"] * 15


def test_rows_between_others_keep_their_order() -> None:
    """By name, say: the line stands after the last one that is listed."""
    found = folded(rows(missing=6, changed=1) + rows(missing=6, same=1))
    assert found == ["missing"] * 6 + ["changed"] + ["missing"] * 4 + ["2 more missing", "same"]
