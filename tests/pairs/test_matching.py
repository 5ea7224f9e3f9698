"""Pairs of names that differ in ending or case: found where that is clear, and never guessed."""

from pathlib import Path

import pytest

from mymodules import pairs
from mymodules.errors import SettingsError
from mymodules.pairs import Selection


def listed(at: Path, first: str, second: str, *match: str, **others: tuple[str, ...]) -> dict[str, str]:
    """Return which file of second is compared with which of first, "-" for none, as a run would."""
    for side, names in (("first", first), ("second", second)):
        (at / side).mkdir(parents=True)
        for name in names.split():
            (at / side / name).parent.mkdir(exist_ok=True)
            (at / side / name).touch()
    found = pairs.find(at / "first", at / "second", Selection(match=match, **others)).pairs
    assert all(pair.problem is None for pair in found)
    for pair in found:
        assert pair.first is None or pair.first == str(at / "first" / pair.name)
        name = pair.second_name or pair.name
        assert pair.second is None or pair.second == str(at / "second" / name)
    return {
        pair.name if pair.first else "-": pair.second_name or pair.name if pair.second else "-"
        for pair in found
    }


@pytest.mark.parametrize(
    ("match", "first", "second", "expected"),
    [
        ((), "a.png", "a.webp", {"a.png": "-", "-": "a.webp"}),
        (("stem",), "a.png", "a.webp", {"a.png": "a.webp"}),
        (("stem",), "a.png", "a.PNG", {"a.png": "a.PNG"}),
        (("stem",), "x/a.png b.png", "x/a.webp b.png", {"b.png": "b.png", "x/a.png": "x/a.webp"}),
        (("stem",), "A.png", "a.webp", {"A.png": "-", "-": "a.webp"}),
        (("stem",), "x/a.png", "y/a.webp", {"x/a.png": "-", "-": "y/a.webp"}),
        (("stem",), "a.b.png", "a.b.bmp", {"a.b.png": "a.b.bmp"}),
        (("casefold",), "x/A.png", "x/a.PNG", {"x/A.png": "x/a.PNG"}),
        (("casefold",), "STRASSE.png", "straße.png", {"STRASSE.png": "straße.png"}),
        (("casefold",), "a.png", "a.webp", {"a.png": "-", "-": "a.webp"}),
        (("stem", "casefold"), "A.png", "a.webp", {"A.png": "a.webp"}),
        # Two on one side: none of them is taken for the other one's.
        (("stem",), "a.png a.bmp", "a.webp", {"a.bmp": "-", "a.png": "-", "-": "a.webp"}),
        # Equal names belong together, and what is left over stays alone.
        (("stem",), "a.png", "a.png a.webp", {"a.png": "a.png", "-": "a.webp"}),
        (("stem",), "a.png a.bmp", "a.png a.webp", {"a.bmp": "a.webp", "a.png": "a.png"}),
    ],
)
def test_pairs(
    match: tuple[str, ...], first: str, second: str, expected: dict[str, str], tmp_path: Path
) -> None:
    assert listed(tmp_path, first, second, *match) == expected


def test_a_pair_is_chosen_by_either_name_and_left_out_by_either(tmp_path: Path) -> None:
    given = "a.png b.png", "a.webp b.bmp"
    assert listed(tmp_path / "1", *given, "stem", include=("*.webp",)) == {"a.png": "a.webp"}
    assert listed(tmp_path / "2", *given, "stem", exclude=("*.webp",)) == {"b.png": "b.bmp"}


def test_a_file_that_cannot_be_read_may_be_the_other_one(tmp_path: Path) -> None:
    for folder in ("first/a.png", "second/a.bmp"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "second" / "a.webp").touch()
    found = pairs.find(tmp_path / "first", tmp_path / "second", Selection(match=("stem",))).pairs
    assert [(pair.name, pair.first is None or pair.second is None) for pair in found] == [
        ("a.bmp", True),
        ("a.png", True),
        ("a.webp", True),
    ]


def test_another_match_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"^match is 'name': it must be 'stem', 'casefold' or both"):
        Selection(match=("name",))
