"""Rules that Python hands over: they may be what a file could have, and nothing else."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mymodules import rules
from mymodules.errors import SettingsError
from mymodules.regions import Region
from mymodules.rules import GoldFuzzy, GoldSobel, Limits, Rule, Rules

BOX = Region(1, 2, 3, 4)
RULE = Rule("noise", Limits(largest=3))


def made(*takes: Any) -> Rules:
    """Rules with the names a, b, c ..."""
    return Rules(tuple(Rule("abc"[number], each) for number, each in enumerate(takes)))


@pytest.mark.parametrize(
    "takes",
    [
        Limits(),
        Limits(mask=(BOX,), side="second", largest=8, pixels=2, antialiased=True, threshold=0.1),
        Limits(kinds=("move", "space"), depth=True, pixels_per_picture=4, share_per_picture=0.5),
        GoldFuzzy(max_different_pixels=3, pixel_delta_threshold=4),
        GoldSobel(edge_threshold=0),
    ],
)
def test_rules_that_a_file_could_have_stay_as_they_are(takes: Any) -> None:
    given = Rules((Rule("clock, 12 h", takes, ("docs/**",)),), Path("compare.toml"))
    assert rules.given(given) == given


def test_what_means_the_same_becomes_the_same() -> None:
    boxes: Any = [[np.int64(1), 2, 3, 4]]
    loose: Any = made(Limits(mask=boxes), Limits(threshold=1), Limits(kinds=("space", "move")))
    strict = made(Limits(mask=(BOX,)), Limits(threshold=1.0), Limits(kinds=("move", "space")))
    given = rules.given(loose)
    assert given == strict
    assert rules.fingerprint(given.rules) == rules.fingerprint(strict.rules)


@pytest.mark.parametrize(
    ("takes", "message"),
    [
        ({"largest": 300}, "largest must be a whole number from 0 to 255, not 300."),
        ({"kinds": ("edit",)}, "kinds must be a list of kinds of changes, out of "),
        ({"metric": "rgb", "threshold": 0.1}, "metric must be one of yiq, oklab, in quotes, not 'rgb'."),
        ({"side": "both", "mask": (BOX,)}, "side must be one of first, second, in quotes, not 'both'."),
        ({"mask": (Region(0, 0, 0, 4),)}, "mask must be a list of boxes [x, y, width, height] in px"),
        ({"share_per_picture": float("nan")}, "share_per_picture must be a number from 0 to 1, not nan."),
    ],
)
def test_what_no_file_could_have_is_refused(takes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        rules.given(made(Limits(**takes)))
    assert str(caught.value).startswith(f"rules: rule 'a': {message}")


def test_names_and_patterns_are_checked_too() -> None:
    pattern: Any = "docs/*"
    nothing: Any = Limits
    given = Rules((
        Rule("a", Limits(pixels=1)), Rule("a", Limits(pixels=2)), Rule("", Limits(pixels=1)),
        Rule("b", Limits(pixels=1), pattern), Rule("c", nothing),
    ), Path("x.toml"))  # fmt: skip
    with pytest.raises(SettingsError) as caught:
        rules.given(given)
    twice, unnamed, of_letters, empty = str(caught.value).splitlines()
    assert twice == "x.toml: rule 'a': another rule has this name: give it another."
    assert unnamed.startswith("x.toml: rule '': name must be a text of 1 to 100 letters")
    assert of_letters.startswith("x.toml: rule 'b': pictures must be a list of patterns")
    assert empty.endswith("is not a rule.")


@pytest.mark.parametrize("loose", [[], [RULE], (RULE,), RULE])
def test_rules_outside_of_their_class_are_told_how_to_be_passed(loose: Any) -> None:
    with pytest.raises(SettingsError) as caught:
        rules.given(loose)
    assert str(caught.value) == (
        "rules must be the path of a file, or Rules((Rule(...), ...)), all in one tuple, not of the type "
        f"{type(loose).__name__}."
    )


def test_no_more_than_a_file_could_have() -> None:
    many = Rules(tuple(Rule(str(number), Limits(pixels=1)) for number in range(1001)))
    with pytest.raises(SettingsError, match=r"^rules: there are 1,001 rules, and 1,000 may be\.$"):
        rules.given(many)
