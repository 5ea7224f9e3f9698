"""Twelve small pairs of pages with known truth: what moved, what changed, and which changes are the same."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from support.changed import Listed, tables
from support.owners import hidden

from mymodules.comparison.alignment import align
from mymodules.comparison.changes import Change, changes
from mymodules.comparison.ledger import ledger
from mymodules.comparison.pieces import violations
from mymodules.looks import near, plan
from mymodules.regions import Region

ONES = ("word", "insert", "remove", "inside-moved", "space", "swapped", "line", "dot", "alpha")
NAMES = (*ONES, "group-1", "group-2", "group-3")


def pair(looks: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Both sides as RGBA, opaque where the file has no alpha."""
    sides = [imagecodecs.png_decode((looks / f"{name}-{side}.png").read_bytes()) for side in "ab"]
    first, second = (
        side if side.shape[2] == 4 else np.pad(side, ((0, 0), (0, 0), (0, 1)), constant_values=255)
        for side in sides
    )
    return first, second


def test_there_are_no_other_pairs(expected: dict[str, Any]) -> None:
    assert sorted(expected) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_pieces_causes_and_changes_are_the_known_ones(
    looks: Path, expected: dict[str, Any], name: str
) -> None:
    first, second = pair(looks, name)
    case = expected[name]
    pieces = align(first, second)
    assert violations(first, second, pieces) == []
    causes = ledger(first, second, pieces)
    assert asdict(causes) == case["ledger"]
    assert causes.total == case["num_diff_pixels"]
    found = changes(first, second, pieces)
    assert hidden(first, second, pieces, found) == ([], causes.moved)
    assert [change.kind for change in found] == [truth["kind"] for truth in case["changes"]]
    for change, truth in zip(found, case["changes"], strict=True):
        for key in ("first", "second", "pixels"):
            value = getattr(change, key)
            assert truth.get(key) in (None, value if key == "pixels" else list(value))


@pytest.mark.parametrize("name", ["insert", "inside-moved", "space", "swapped", "word"])
def test_exchanged_sides_give_mirrored_kinds(looks: Path, name: str) -> None:
    first, second = pair(looks, name)
    mirrored = {"insert": "remove", "remove": "insert"}
    one, other = (changes(a, b, align(a, b)) for a, b in ((first, second), (second, first)))
    assert sorted(mirrored.get(change.kind, change.kind) for change in one) == sorted(
        change.kind for change in other
    )
    totals = [ledger(a, b, align(a, b)) for a, b in ((first, second), (second, first))]
    assert totals[0].total == totals[1].total
    assert (totals[0].inserted, totals[0].moved) == (totals[1].removed, totals[1].moved)


def within(change: Change, box: list[int]) -> bool:
    x, y, width, height = box
    at = change.first
    return x <= at.x and y <= at.y and at.x + at.width <= x + width and at.y + at.height <= y + height


def identified(looks: Path, expected: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The identity and the signature of every change of the pairs of chips."""
    for name in ("group-1", "group-2", "group-3"):
        first, second = pair(looks, name)
        found = changes(first, second, align(first, second))
        for truth in expected[name]["changes"]:
            (change,) = (change for change in found if within(change, truth["within_first"]))
            yield truth["identity"], change.signature


def test_changes_of_one_identity_share_a_signature_and_no_others(
    looks: Path, expected: dict[str, Any]
) -> None:
    pairs = list(identified(looks, expected))
    assert len(pairs) == 7
    identities, signatures = zip(*pairs, strict=True)
    assert len(set(pairs)) == len(set(identities)) == len(set(signatures)) == 5


def test_behind_jpeg_changes_of_one_identity_are_near_and_no_others(
    looks: Path, expected: dict[str, Any]
) -> None:
    names, changes_, sides = [], [], {}
    for name in ("group-1", "group-2", "group-3"):
        sides[name] = tuple(
            imagecodecs.jpeg_decode(imagecodecs.jpeg_encode(side[:, :, :3].copy(), level=90))
            for side in pair(looks, name)
        )
        for truth in expected[name]["changes"]:
            x, y, width, height = truth["within_first"]
            box = Region(x + 4, y + 4, width - 8, height - 8)  # its crop is 4 px larger on each side
            changes_.append(Listed(name, f"{len(names)}", box))
            names.append(truth["identity"])
    frame, listed = tables(changes_, size=(640, 700))

    def crop(page: str, side: str, box: Region) -> np.ndarray:
        return sides[page][side == "second"][box.y : box.y + box.height, box.x : box.x + box.width]

    found = near(plan(frame, changes=listed).classes.values(), crop)
    stars = [found.get(each.signature, each.signature) for each in changes_]
    assert len(set(zip(names, stars, strict=True))) == len(set(names)) == len(set(stars)) == 5
