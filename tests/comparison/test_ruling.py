"""What rules take of a pair: the pixels and changes of each rule, what is left, and the verdict."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import planted
from support.planted import HEIGHT, WIDTH, empty, section, sections, shaded, stacked

from mymodules import images
from mymodules.comparison.alignment import align
from mymodules.comparison.changes import changes
from mymodules.comparison.foregone import foregone
from mymodules.comparison.ledger import Ledger, ledger
from mymodules.comparison.ruled import entered
from mymodules.comparison.ruling import Ruling, Taken, ruled, verdict
from mymodules.regions import Region
from mymodules.row import PairResult
from mymodules.rules import GoldFuzzy, GoldSampleArea, GoldSobel, Limits, Rule

CHANGED_ROW = PairResult(None, "a.png", "It changed.", "changed", "pixels_differ", verdict="changed")
EVERYWHERE = (Region(0, 0, 100_000, 100_000),)


def rules_of(*takes: Any) -> list[Rule]:
    """Rules with the names a, b, c ..."""
    return [Rule("abcdefgh"[number], each) for number, each in enumerate(takes)]


def result(first: np.ndarray, second: np.ndarray, *takes: Any) -> Ruling:
    """What rules make of a pair; what must hold of it is checked."""
    pieces = align(first, second)
    causes, found, rules = ledger(first, second, pieces), changes(first, second, pieces), rules_of(*takes)
    ruling = ruled(first, second, pieces, found, causes, rules)
    assert ruling.total == causes.total
    assert ruling.tolerated == sum(each.tolerated for each in ruling.rules)
    assert ruling.masked == sum(each.masked for each in ruling.rules)
    assert min(ruling.ledger.changed, ruling.ledger.inserted, ruling.ledger.removed, ruling.ledger.moved) >= 0
    if ruling.passes:
        assert ruling.ledger.total == ruling.ledger.moved
    (height, width), (other_height, other_width) = first.shape[:2], second.shape[:2]
    crossing = (height - other_height) * (width - other_width) < 0
    assert ruling.passes is (bool(found) and all(ruling.by) and not crossing)
    early = foregone(found, causes, (first.shape[:2], second.shape[:2]), rules)
    assert early in (None, ruling)
    return ruling


def verdict_of(ruling: Ruling, *takes: Any) -> str:
    return verdict("changed", "pixels_differ", ruling, rules_of(*takes))


# --- twelve pairs with known truth ---


def look(looks: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    first, second = (images.read_rgba(looks / f"{name}-{side}.png") for side in "ab")
    return first, second


NAMES = (
    "alpha", "dot", "group-1", "group-2", "group-3", "insert", "inside-moved", "line", "remove", "space",
    "swapped", "word",
)  # fmt: skip
PAGE = Region(0, 0, 640, 800)
SPOT, LOWER = Region(300, 380, 3, 3), Region(300, 480, 3, 3)  # of "inside-moved": in first, and in second
GREW = {"moved": 81905, "inserted": 8869}

# The pair, a rule, what it takes, what is left of the ledger, and whether all is taken.
CASES = [
    ("dot", Limits(largest=1), {"tolerated": 1}, {}, True),
    ("dot", Limits(pixels=1), {"tolerated": 1}, {}, True),
    ("dot", Limits(mask=(Region(444, 333, 1, 1),)), {"masked": 1}, {}, True),
    ("dot", Limits(mask=(Region(443, 333, 1, 1), Region(445, 332, 9, 9))), {}, {"changed": 1}, False),
    ("alpha", Limits(pixels=16), {"tolerated": 16}, {}, True),
    ("alpha", Limits(pixels=15), {}, {"changed": 16}, False),
    ("alpha", Limits(largest=1), {"tolerated": 16}, {}, True),
    ("alpha", Limits(mask=(Region(500, 100, 4, 1),), pixels=12), {"masked": 4, "tolerated": 12}, {}, True),
    ("alpha", Limits(mask=(Region(500, 100, 4, 1),), pixels=11), {"masked": 4}, {"changed": 12}, False),
    ("line", Limits(mask=(Region(200, 400, 400, 1),)), {"masked": 400}, {}, True),
    ("line", Limits(mask=(Region(0, 390, 300, 20),)), {"masked": 100}, {"changed": 300}, False),
    ("line", Limits(mask=(Region(0, 390, 300, 20),), side="second"), {"masked": 100}, {"changed": 300},
     False),
    ("word", Limits(mask=(PAGE,)), {"masked": 200}, {}, True),
    ("group-1", Limits(mask=(Region(420, 100, 110, 26), Region(420, 300, 110, 26))), {"masked": 228}, {},
     True),
    ("space", Limits(kinds=("space",)), {"tolerated": 88}, {"moved": 28670}, True),
    ("space", Limits(kinds=("insert", "move", "remove")), {}, {"moved": 28670, "inserted": 88}, False),
    ("insert", Limits(kinds=("insert",)), {"tolerated": 8869}, {"moved": 81905}, True),
    ("insert", Limits(mask=(PAGE,)), {"masked": 8869}, {"moved": 81905}, True),
    ("insert", Limits(mask=(PAGE,), side="second"), {"masked": 8869}, {"moved": 81905}, True),
    ("insert", Limits(pixels=10_000), {}, {"moved": 81905, "inserted": 8869}, False),
    ("remove", Limits(kinds=("remove",)), {"tolerated": 8869}, {"moved": 81905}, True),
    ("remove", Limits(mask=(PAGE,)), {"masked": 8869}, {"moved": 81905}, True),
    ("remove", Limits(mask=(PAGE,), side="second"), {"masked": 8869}, {"moved": 81905}, True),
    ("swapped", Limits(kinds=("move",)), {"tolerated": 12750}, {}, True),
    ("swapped", Limits(kinds=("space",)), {}, {"moved": 12750}, False),
    ("inside-moved", Limits(mask=(SPOT,)), {"masked": 9}, GREW, False),
    ("inside-moved", Limits(mask=(LOWER,)), {}, {**GREW, "changed": 9}, False),
    ("inside-moved", Limits(mask=(LOWER,), side="second"), {"masked": 9}, GREW, False),
    ("inside-moved", Limits(pixels=9, kinds=("insert",)), {"tolerated": 8878}, {"moved": 81905}, True),
]  # fmt: skip


def test_there_are_no_other_pairs(expected: dict[str, Any]) -> None:
    assert sorted(expected) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_without_a_rule_that_takes_something_nothing_is_taken(
    looks: Path, expected: dict[str, Any], name: str
) -> None:
    first, second = look(looks, name)
    for takes in ((), (Limits(mask=(Region(639, 0, 1, 1),)),)):
        ruling = result(first, second, *takes)
        assert ruling.ledger == Ledger(**expected[name]["ledger"])
        assert (ruling.tolerated, ruling.masked, ruling.passes) == (0, 0, False)
        assert verdict_of(ruling, *takes) == "changed"


@pytest.mark.parametrize(("name", "takes", "taken", "left", "passes"), CASES)
def test_rules_on_pairs_with_known_truth(
    looks: Path,
    expected: dict[str, Any],
    name: str,
    takes: Limits,
    taken: dict[str, int],
    left: dict[str, int],
    passes: bool,
) -> None:
    assert sum(taken.values()) + sum(left.values()) == expected[name]["num_diff_pixels"]
    ruling = result(*look(looks, name), takes)
    assert {"tolerated": ruling.tolerated, "masked": ruling.masked} == {"tolerated": 0, "masked": 0, **taken}
    assert ruling.ledger == Ledger(**left)
    assert verdict_of(ruling, takes) == ("tolerated" if passes else "changed")


# --- order, names, counts ---


def two_spots() -> tuple[np.ndarray, np.ndarray]:
    """A page with 5 x 4 px changed by 8 levels, and 6 x 5 px by 70, far from each other."""
    parts = sections(3, 6)
    other = [*parts]
    other[1] = shaded(parts[1], 40, 12, 5, 4, levels=8)
    other[4] = shaded(parts[4], 200, 12, 6, 5)
    return stacked(parts), stacked(other)


def test_the_first_rule_that_takes_a_pixel_names_it() -> None:
    first, second = two_spots()
    ruling = result(first, second, Limits(largest=8), Limits(mask=EVERYWHERE), Limits(pixels=1000))
    assert ruling.rules == (Taken("a", 20, 0, 1), Taken("b", 0, 30, 1), Taken("c"))
    assert ruling.by == (("a",), ("b",))
    assert (ruling.tolerated, ruling.masked, ruling.passes) == (20, 30, True)


def test_several_rules_may_take_one_change_together() -> None:
    first, second = two_spots()
    mask = Limits(mask=(Region(40, HEIGHT + 12, 2, 4),))
    ruling = result(first, second, mask, Limits(pixels=12))
    assert ruling.rules == (Taken("a", 0, 8, 1), Taken("b", 12, 0, 1))
    assert ruling.by == (("a", "b"), ())
    assert ruling.ledger == Ledger(changed=30)


def test_a_rule_counts_for_each_change_by_itself() -> None:
    first, second = two_spots()
    ruling = result(first, second, Limits(pixels=30))
    assert ruling.rules == (Taken("a", 50, 0, 2),)
    assert result(first, second, Limits(pixels=29)).ledger == Ledger(changed=30)


def test_what_is_left_of_a_change_is_taken_by_the_same_rule() -> None:
    """15 px, of which 12 differ by 8 levels: the sides of this page are decided without pixels too."""
    first = stacked(sections(2, 3))
    second = first.copy()
    second[50, 40:52, 0] ^= 8
    second[52, 40:43, 0] ^= 128
    assert result(first, second, Limits(largest=8, pixels=3)).rules == (Taken("a", 15, 0, 1),)
    assert result(first, second, Limits(largest=8, pixels=2)).rules == (Taken("a", 12, 0, 1),)


# --- masks ---


def test_a_mask_follows_its_content_down_a_page_that_grew() -> None:
    parts = sections(5, 5)
    other = [*parts[:1], section(99), *parts[1:3], shaded(parts[3], 60, 12, 9, 6), *parts[4:]]
    mask = (Region(60, 3 * HEIGHT + 12, 9, 6),)
    causes = result(stacked(parts), stacked(other)).ledger
    assert 54 <= causes.changed <= 2 * 54  # 9 x 6 px of either picture stand at two places
    ruling = result(stacked(parts), stacked(other), Limits(mask=mask))
    assert (ruling.masked, ruling.ledger.changed, ruling.by) == (causes.changed, 0, ((), ("a",)))
    there = (Region(60, 4 * HEIGHT + 12, 9, 6),)
    assert result(stacked(parts), stacked(other), Limits(mask=there, side="second")).by == ruling.by


@pytest.mark.parametrize(
    ("top", "height", "width", "inside"),
    [
        (HEIGHT, 2 * HEIGHT, WIDTH, True),
        (0, 3 * HEIGHT, WIDTH, True),
        (2 * HEIGHT - 1, HEIGHT, WIDTH, True),
        (2 * HEIGHT - 1, HEIGHT - 1, WIDTH, False),
        (HEIGHT + 1, HEIGHT, WIDTH, True),
        (HEIGHT + 2, HEIGHT - 1, WIDTH, False),
        (HEIGHT, HEIGHT, WIDTH, False),
        (2 * HEIGHT, HEIGHT, WIDTH, False),
        (HEIGHT, 2 * HEIGHT, WIDTH - 1, False),
    ],
)
@pytest.mark.parametrize("came", [True, False])
def test_what_came_between_rows_of_a_mask_is_taken(
    top: int, height: int, width: int, inside: bool, came: bool
) -> None:
    """A section came after the second one; exchanged, it went, and the mask belongs to second.

    It is taken by masks that are as high and lie on both sides of the place.
    """
    parts = [np.where(np.arange(HEIGHT)[:, None, None] == 0, number + 1, part) for number, part in
             enumerate(sections(6, 4))]  # fmt: skip
    parts = [part.astype(np.uint8) for part in parts]
    new = section(77).copy()
    new[0] = new[-1] = 200
    short, long = stacked(parts), stacked([*parts[:2], new, *parts[2:]])
    mask = (Region(0, top, width, height),)
    if came:
        ruling = result(short, long, Limits(mask=mask))
    else:
        ruling = result(long, short, Limits(mask=mask, side="second"))
    assert ruling.passes is inside
    assert bool(ruling.ledger.inserted + ruling.ledger.removed) is not inside


@pytest.mark.parametrize(
    ("boxes", "passes"),
    [
        ([(3 * HEIGHT, HEIGHT)], True),
        ([(3 * HEIGHT + 1, HEIGHT - 1)], False),
        ([(4 * HEIGHT - 1, HEIGHT)], True),  # beyond the picture
        ([(4 * HEIGHT - 1, HEIGHT - 1)], False),
        ([(4 * HEIGHT, HEIGHT)], False),
        ([(0, 4 * HEIGHT - 1)], False),
        ([(3 * HEIGHT, 30), (3 * HEIGHT + 30, HEIGHT - 30)], True),  # together as high
        ([(3 * HEIGHT, 30), (3 * HEIGHT + 31, HEIGHT - 31)], False),
    ],
)
@pytest.mark.parametrize("end", ["bottom", "right"])
def test_what_came_at_an_edge_is_no_higher_than_the_mask_that_takes_it(
    boxes: Sequence[tuple[int, int]], passes: bool, end: str
) -> None:
    parts = sections(8, 4)
    first, second = stacked(parts), stacked([*parts, section(70)])
    mask = [Region(0, y, WIDTH, height) for y, height in boxes]
    if end == "right":
        first, second = (np.ascontiguousarray(each.transpose(1, 0, 2)) for each in (first, second))
        mask = [Region(y, x, height, width) for x, y, width, height in mask]
    assert result(first, second, Limits(mask=tuple(mask))).passes is passes


def test_columns_that_came_lie_in_a_mask_as_rows_do() -> None:
    first, second = (stacked(sections(9, 4)) for _ in range(2))
    new = np.random.default_rng(3).integers(0, 255, (4 * HEIGHT, 7, 4), np.uint8)
    wide = np.concatenate([second[:, :100], new, second[:, 100:]], axis=1)
    for x, width, passes in ((90, 20, True), (96, 7, True), (97, 6, False), (90, 10, False)):
        mask = (Region(x, 0, width, 4 * HEIGHT),)
        assert result(first, wide, Limits(mask=mask)).passes is passes


def test_what_was_replaced_by_something_taller_is_taken_with_it() -> None:
    """Both sizes of the picture differ, so all of it is one `swap`; its frame is no one's."""
    first = np.random.default_rng(1).integers(0, 255, (20, 40, 4), np.uint8)
    second = np.random.default_rng(2).integers(0, 255, (30, 50, 4), np.uint8)
    assert result(first, second, Limits(mask=EVERYWHERE)).ledger == Ledger()
    ruling = result(first, second, Limits(mask=(Region(0, 0, 40, 10),)))
    # Ten rows of first and those of second; to the right of them too, because they are covered to the edge.
    assert (ruling.masked, ruling.ledger.changed) == (10 * 50, 20 * 50)
    # 22 columns more are not taken by 20, and 10 rows more are.
    ruling = result(first[:, :20], second[:, :42], Limits(mask=(Region(0, 0, 20, 20),)))
    assert (ruling.masked, ruling.ledger.changed) == (30 * 20, 30 * 22)
    crossing = result(first, second.transpose(1, 0, 2)[:, :15], Limits(mask=EVERYWHERE))
    assert not crossing.passes  # 50 x 15 against 20 x 40: 30 rows of 25 px lie in neither
    assert crossing.ledger == Ledger(changed=30 * 25)


# --- limits cannot hide words, but limits for whole pictures can ---

WORDS = (
    ("Save", "Sale"), ("Save", "Safe"), ("Cave", "Cale"), ("10.00", "11.00"), ("110.00", "111.00"),
    ("10.00", "10.01"), ("on", "off"), ("total 100", "total 900"), ("Mail", "Main"),
)  # fmt: skip


def worded(text: str, size: int, scheme: str) -> np.ndarray:
    made = empty(48, scheme=scheme)
    planted.write(made, 33, 8, text, size=size, scheme=scheme)
    before = sections(4, 6, scheme=scheme)
    return stacked([*before[:3], made, *before[3:]])


@pytest.mark.parametrize("scheme", ["dark", "light", "blue"])
@pytest.mark.parametrize("size", [12, 20])
def test_limits_for_each_change_hide_no_word(scheme: str, size: int) -> None:
    for one, other in WORDS:
        first, second = worded(one, size, scheme), worded(other, size, scheme)
        for takes in (Limits(largest=8, antialiased=True, pixels=4), Limits(antialiased=True, threshold=0.1)):
            assert not result(first, second, takes).passes, (one, other)


@pytest.mark.parametrize(
    ("first", "second", "scheme", "takes"),
    [
        ("Save", "Sale", "dark", Limits(pixels_per_picture=100)),
        ("10.00", "10.01", "light", Limits(share_per_picture=0.001)),
        ("total 100", "total 900", "dark", GoldFuzzy(max_different_pixels=100, pixel_delta_threshold=1020)),
    ],
)
def test_limits_for_a_whole_picture_hide_words_of_12_px_and_report_it(
    first: str, second: str, scheme: str, takes: Any
) -> None:
    pages = worded(first, 12, scheme), worded(second, 12, scheme)
    ruling = result(*pages, takes)
    assert ruling.passes
    assert (ruling.rules[0].hidden, ruling.rules[0].largest) == (1, 0)
    (change,) = changes(*pages, align(*pages))
    row = entered(CHANGED_ROW, [change], ruling, rules_of(takes))
    assert row.messages == (
        f"It changed. Rule 'a' tolerates {change.pixels:,} px of 1 change. "
        "Rule 'a' hides 1 change, because the whole picture differs by little: "
        f"look at x {change.second.x}, y {change.second.y}, where {change.pixels:,} px changed."
    )


def test_twenty_pixels_beside_anti_aliasing_hide_a_letter_of_12_px() -> None:
    """What `Limits` warns of: of most letters fewer pixels than that are no anti-aliasing."""
    pages = [worded(text, 12, "dark") for text in ("Mail", "Main")]
    assert result(*pages, Limits(antialiased=True, pixels=20)).passes
    assert not result(*pages, Limits(pixels=20)).passes


def test_a_threshold_hides_faint_text() -> None:
    """14 levels of contrast: pixelmatch's default takes a figure for another."""
    pages = [worded(text, 12, "faint") for text in ("total 100", "total 900")]
    assert result(*pages, Limits(threshold=0.1)).passes
    assert not result(*pages, Limits(pixels=4, antialiased=True)).passes


# --- limits and matchers of other tools ---


@pytest.mark.parametrize(
    ("takes", "passes"),
    [
        (Limits(pixels_per_picture=50), True),
        (Limits(pixels_per_picture=49), False),
        (Limits(share_per_picture=50 / (6 * HEIGHT * WIDTH)), True),
        (Limits(share_per_picture=49 / (6 * HEIGHT * WIDTH)), False),
        (Limits(largest=8, pixels_per_picture=30), True),
        (Limits(largest=8, pixels_per_picture=29), False),
        (GoldFuzzy(max_different_pixels=50, pixel_delta_threshold=210), True),
        (GoldFuzzy(max_different_pixels=50, pixel_delta_threshold=209), False),
        (GoldFuzzy(max_different_pixels=50, pixel_per_channel_delta_threshold=70), True),
        (GoldFuzzy(max_different_pixels=49, pixel_delta_threshold=210), False),
        (GoldSampleArea(width=6, max_different=30, delta=8), True),
        (GoldSampleArea(width=6, max_different=29, delta=8), False),
        (GoldSampleArea(width=5, max_different=25, delta=0), True),
        (GoldSobel(edge_threshold=0, max_different_pixels=50, pixel_delta_threshold=210), True),
        (GoldSobel(edge_threshold=255), False),
    ],
)
def test_limits_of_other_tools_count_for_the_whole_picture(takes: Any, passes: bool) -> None:
    ruling = result(*two_spots(), takes)
    assert ruling.passes is passes
    if passes:
        hidden = 1 if isinstance(takes, Limits) and takes.largest else 2
        assert (ruling.rules[0].hidden, ruling.rules[0].largest) == (hidden, 1)  # the larger one
    taken_before = result(
        *two_spots(), Limits(largest=8), GoldFuzzy(max_different_pixels=30, pixel_delta_threshold=210)
    )
    assert taken_before.rules[1] == Taken("b", 30, 0, 1, 1, 1)


def test_they_take_nothing_of_pictures_of_two_sizes() -> None:
    parts = sections(3, 3)
    for takes in (
        Limits(pixels_per_picture=10**6),
        GoldFuzzy(max_different_pixels=10**6, pixel_delta_threshold=1020),
    ):
        assert result(stacked(parts), stacked([*parts, section(1)]), takes).rules == (Taken("a"),)


@pytest.mark.parametrize("metric", ["yiq", "oklab"])
@pytest.mark.parametrize("name", ["1", "3", "6"])
def test_pixels_of_pixelmatch_in_place(shared_data: Path, name: str, metric: str) -> None:
    """Without moves a rule with its threshold and its anti-aliasing leaves as many pixels as it counts."""
    folder = shared_data / "vectors" / "pixelmatch"
    if not folder.is_dir():
        pytest.skip("vectors/pixelmatch is not among the shared data")
    cases = json.loads((folder / "expected.json").read_text(encoding="utf-8"))["cases"]
    (case,) = (case for case in cases if case["name"] == f"{name}diff")
    first, second = (images.read_rgba(folder / case[side]) for side in ("left", "right"))
    if {piece.kind for piece in align(first, second)} - {"same", "edit"}:
        pytest.fail("this pair is aligned, and does not show what it is here for")
    takes = Limits(threshold=case["options"]["threshold"], antialiased=True, metric=metric)
    assert result(first, second, takes).ledger == Ledger(changed=case[metric]["mismatched"])


def test_pixels_are_judged_the_same_where_content_has_moved() -> None:
    """A word that changed below a section that came: as many of its pixels are no anti-aliasing."""
    first, second = worded("Mail", 16, "light"), worded("Main", 16, "light")
    in_place = result(first, second, Limits(antialiased=True, threshold=0.1)).ledger.changed
    assert in_place > 5
    grown = stacked([section(88, scheme="light"), second])
    for pixels, passes in ((in_place, True), (in_place - 1, False)):
        takes = Limits(antialiased=True, threshold=0.1, pixels=pixels, kinds=("insert",))
        assert result(first, grown, takes).passes is passes


# --- rows whose pixels are equal ---


@pytest.mark.parametrize("code", ["low_bits_differ", "depth_differs"])
def test_differences_in_depth_are_tolerated_only_by_their_rule(code: str) -> None:
    assert verdict("changed", code, None, rules_of(Limits(depth=True))) == "tolerated"
    assert verdict("changed", code, None, rules_of(Limits(largest=255, mask=EVERYWHERE))) == "changed"
    assert verdict("changed", "pixels_differ", None, rules_of(Limits(depth=True))) == "changed"


@pytest.mark.parametrize(("depth", "expected"), [(False, "changed"), (True, "tolerated")])
def test_a_mask_does_not_hide_differences_in_depth_elsewhere(depth: bool, expected: str) -> None:
    ruling = Ruling(Ledger(), 0, 9, (), (("a",),), True)
    rules = rules_of(Limits(mask=EVERYWHERE), Limits(depth=depth, largest=1))
    assert verdict("changed", "pixels_differ", ruling, rules, deep_differ=True) == expected
    assert verdict("changed", "pixels_differ", ruling, rules) == "tolerated"


@pytest.mark.parametrize("status", ["same", "missing", "extra", "error"])
def test_other_statuses_are_their_verdict(status: str) -> None:
    assert verdict(status, "any", None, rules_of(Limits(depth=True, mask=EVERYWHERE))) == status


# --- whatever the pictures and the rules are ---

BOX = st.builds(Region, st.integers(0, 24), st.integers(0, 40), st.integers(1, 24), st.integers(1, 40))
LIMITS = st.builds(
    Limits,
    mask=st.lists(BOX, max_size=2).map(tuple),
    side=st.sampled_from(["first", "second"]),
    largest=st.sampled_from([0, 0, 3, 8, 100, 255]),
    pixels=st.sampled_from([0, 0, 1, 9, 60]),
    antialiased=st.booleans(),
    threshold=st.sampled_from([None, None, 0.1, 0.6]),
    metric=st.sampled_from(["yiq", "oklab"]),
    kinds=st.sets(st.sampled_from(["insert", "move", "remove", "space"])).map(tuple),
    pixels_per_picture=st.sampled_from([0, 0, 0, 40]),
)  # fmt: skip
TAKES = st.one_of(
    LIMITS, LIMITS, LIMITS,
    st.builds(GoldFuzzy, max_different_pixels=st.integers(0, 99), pixel_delta_threshold=st.integers(0, 1020)),
    st.builds(GoldSampleArea, width=st.integers(1, 3), max_different=st.integers(0, 1), delta=st.just(90)),
)  # fmt: skip


@st.composite
def pairs_of_pages(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Rows of which some came, went, moved or changed in places."""
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    first = random.choice(np.array([0, 40, 200, 255], np.uint8), (draw(st.integers(1, 40)), 24, 4))
    rows: list[np.ndarray] = list(first)
    for _ in range(draw(st.integers(0, 3))):
        at, count = draw(st.integers(0, len(rows))), draw(st.integers(1, 12))
        step = draw(st.sampled_from(["come", "go", "move", "blank", "change", "change"]))
        if step == "come":
            rows[at:at] = list(random.integers(0, 255, (count, 24, 4), np.uint8))
        elif step == "blank":
            rows[at:at] = [rows[max(0, at - 1)]] * count
        elif step == "go" and len(rows) > count:
            del rows[at : at + count]
        elif step == "move":
            block = rows[at : at + count]
            del rows[at : at + count]
            rows = [*block, *rows]
        elif step == "change":
            rows[at : at + count] = [
                np.where(random.random((24, 1)) < 0.2, row ^ np.uint8(draw(st.sampled_from([1, 8, 90]))), row)
                for row in rows[at : at + count]
            ]
    second = np.array(rows, np.uint8).reshape(-1, 24, 4)
    if draw(st.booleans()):
        return first.transpose(1, 0, 2), second.transpose(1, 0, 2)
    return first, second


@given(st.integers(0, 10**6), BOX, st.integers(1, 255), st.sampled_from(["first", "second"]))
def test_masks_and_largest_are_plain_counting_in_place(
    seed: int, box: Region, largest: int, side: str
) -> None:
    """Pictures of one size and less than 32 rows are compared in place."""
    random = np.random.default_rng(seed)
    first = random.integers(0, 256, (30, 24, 4), np.uint8)
    second = np.where(random.random((30, 24, 1)) < 0.1, random.integers(0, 256, first.shape), first)
    second = second.astype(np.uint8)
    levels = np.abs(first.astype(int) - second).max(axis=2)
    inside = np.zeros((30, 24), np.bool_)
    inside[box.y : box.y + box.height, box.x : box.x + box.width] = True
    ruling = result(first, second, Limits(mask=(box,), side=side, largest=largest))
    assert ruling.masked == np.count_nonzero((levels > 0) & inside)
    assert ruling.tolerated == np.count_nonzero((levels > 0) & (levels <= largest) & ~inside)
    assert ruling.ledger == Ledger(changed=np.count_nonzero((levels > largest) & ~inside))


@given(pairs_of_pages(), st.lists(TAKES, max_size=3))
def test_the_causes_always_add_up(pair: tuple[np.ndarray, np.ndarray], takes: Sequence[Any]) -> None:
    """`result` checks the sums, and that a decision without pixels is the same."""
    first, second = pair
    ruling = result(first, second, *takes)
    if takes:  # a rule more leaves no more
        assert result(first, second, *takes[:-1]).ledger.changed >= ruling.ledger.changed
    if not takes:
        assert not ruling.passes


def test_a_rule_that_takes_the_depth_is_named() -> None:
    row = CHANGED_ROW._replace(code="depth_differs", changes=0)
    other, deep = Rule("other", Limits(largest=8)), Rule("deep", Limits(depth=True))
    taken = entered(row, (), None, [other, deep, Rule("late", Limits(depth=True))])
    assert (taken.rules, taken.verdict) == ('{"deep":{"depth":1}}', "tolerated")
    assert taken.messages == "It changed. Rule 'deep' tolerates the difference in bits."
    left = entered(row, (), None, [other])
    assert (left.rules, left.verdict, left.messages) == ("{}", "changed", "It changed.")


@pytest.mark.parametrize("status", ["same", "missing", "extra", "error"])
def test_a_row_of_another_status_stays(status: str) -> None:
    row = CHANGED_ROW._replace(status=status, verdict=status)
    assert entered(row, (), None, rules_of(Limits(depth=True))) == row
