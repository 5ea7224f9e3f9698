"""Looks: what stands on which screen, and that nothing is left out."""

import gc
import random
from collections import Counter
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.changed import SIZE, Listed, signature, tables

from mymodules import batch, looks, results
from mymodules.errors import ResultsError, SettingsError
from mymodules.looks import Crop, Line, Plan
from mymodules.regions import Region

WIDTH, ROWS = 1440, 900
FEW = settings(max_examples=40)
"""Of lists of up to a dozen changes: planning takes tables, which take their time."""


def planned(*changes: Listed, decided: frozenset[tuple[str, str]] = frozenset(), rows: int = ROWS) -> Plan:
    frame, listed = tables(changes)
    return looks.plan(frame, changes=listed, decided=decided, rows=rows)


def crops(plan: Plan) -> list[Crop]:
    return [each for look in plan.looks for each, _ in look.placed if isinstance(each, Crop)]


def lines(plan: Plan) -> list[Line]:
    return [each for look in plan.looks for each, _ in look.placed if isinstance(each, Line)]


def cells(plan: Plan) -> list[str]:
    return [each.signature for look in plan.looks for each in look.cells]


def holds(outer: Region, inner: Region) -> bool:
    return (
        outer.x <= inner.x
        and outer.y <= inner.y
        and inner.x + inner.width <= outer.x + outer.width
        and inner.y + inner.height <= outer.y + outer.height
    )


def space(page: str, name: str, y: int, height: int) -> Listed:
    """Rows of one colour that came, or went if the height is negative."""
    first, second = (0, height) if height > 0 else (-height, 0)
    boxes = Region(0, y, SIZE[0], second), Region(0, y, SIZE[0], first)
    return Listed(page, name, *boxes, "space", SIZE[0] * abs(height), None)


def test_the_same_change_on_many_pages_is_shown_once() -> None:
    plan = planned(*(Listed(f"{page}.png", "logo", Region(100, 50, 200, 40)) for page in "cab"))
    assert str(plan) == "3 pictures changed: 1 distinct change, 1 look."
    (crop,) = crops(plan)
    assert crop.hunk.page == "a.png"  # the first by name
    assert crop.second == Region(88, 38, 224, 64)  # 12 px of margin
    assert plan.pages == ("a.png",)
    assert plan.classes[signature("logo")].pages == ("a.png", "b.png", "c.png")
    assert plan.looks[0].signatures == (signature("logo"),)


def test_the_page_comes_first_whose_changes_stand_on_the_most_pages() -> None:
    box = Region(0, 0, 100, 100)
    alone = Listed("a.png", "alone", box)
    on_two = [Listed(page, "on two", box) for page in ("b.png", "c.png")]
    plan = planned(alone, *on_two, Listed("c.png", "more", Region(0, 500, 100, 100)))
    assert plan.pages == ("c.png", "a.png")  # c shows 2 + 1, b 2, a 1


def naive_cover(on: dict[str, set[str]]) -> list[str]:
    """The pages to open, found by counting everything again for each."""
    everywhere = Counter(name for names in on.values() for name in names)
    shown: set[str] = set()
    opened = []
    while any(names - shown for names in on.values()):
        best = max(sorted(on), key=lambda page: sum(everywhere[name] for name in on[page] - shown))
        shown |= on[best]
        opened.append(best)
    return opened


@FEW
@given(st.dictionaries(st.sampled_from("abcdefgh"), st.sets(st.sampled_from("stuvwxyz"))))
def test_pages_are_opened_greedily(on: dict[str, set[str]]) -> None:
    box = Region(0, 0, 100, 100)
    changes = [Listed(page, name, box) for page, names in on.items() for name in names]
    assert list(planned(*changes).pages) == naive_cover(on)


@pytest.mark.parametrize(("rows", "parts"), [(32, 1), (33, 2)])
def test_rows_between_hunks_are_left_out(rows: int, parts: int) -> None:
    plan = planned(
        Listed("a", "above", Region(0, 100, 50, 20)), Listed("a", "below", Region(0, 120 + rows, 50, 20))
    )
    assert len(crops(plan)) == parts


@pytest.mark.parametrize(("columns", "parts"), [(32, 1), (33, 2)])
def test_columns_between_hunks_are_left_out(columns: int, parts: int) -> None:
    plan = planned(
        Listed("a", "left", Region(100, 0, 50, 20)), Listed("a", "right", Region(150 + columns, 10, 50, 20))
    )
    assert len(crops(plan)) == parts


def test_what_moved_away_is_not_shown_with_all_that_lies_between() -> None:
    plan = planned(
        Listed("a", "moved", Region(0, 100, 200, 50), Region(0, 2000, 200, 50), "move", 10_000, None),
        Listed("a", "beside", Region(0, 160, 200, 50)),
    )
    assert sorted((crop.first.height, crop.second.height) for crop in crops(plan)) == [(74, 74), (74, 74)]


def test_a_crop_wider_than_half_has_before_above_after() -> None:
    narrow, wide = 714 - 24, 715 - 24  # 2 x 714 and 12 between them are 1440
    for width, stacked, size in ((narrow, False, (1440, 20 + 124)), (wide, True, (715, 20 + 124 + 12 + 124))):
        (crop,) = crops(planned(Listed("a", "x", Region(100, 100, width, 100))))
        assert (crop.stacked, crop.size) == (stacked, size)


def test_what_came_needs_no_room_for_a_before_of_the_same_height() -> None:
    came = Listed("a", "came", Region(20, 500, 1100, 300), Region(0, 480, 1200, 0), "insert", 360_000, None)
    (crop,) = crops(planned(came))
    assert (crop.first, crop.second) == (Region(8, 468, 1124, 24), Region(8, 488, 1124, 324))


def test_small_changes_stand_on_sheets_of_72() -> None:
    tiny = [Listed("a", f"tiny {number}", Region(0, 20 * number, 16, 16), pixels=16) for number in range(73)]
    assert [len(look.cells) for look in planned(*tiny).looks] == [72, 1]
    faint = Listed("a", "faint", Region(0, 0, 500, 500), pixels=9000, largest=8)
    assert cells(planned(faint)) == [faint.signature]


@pytest.mark.parametrize(
    "other",
    [
        Listed("b", "x", Region(0, 0, 16, 17), pixels=16),
        Listed("b", "x", Region(0, 0, 16, 16), pixels=17),
        Listed("b", "x", Region(0, 0, 40, 40), pixels=17, largest=9),
    ],
    ids=["box", "pixels", "levels"],
)
def test_a_class_is_small_only_if_all_of_it_is(other: Listed) -> None:
    small = Listed("a", "x", Region(0, 0, 16, 16), pixels=16)
    assert planned(small).looks[0].is_sheet
    assert not planned(small, other).looks[0].is_sheet


def test_a_small_change_in_what_is_shown_is_seen_there() -> None:
    large = Listed("a", "large", Region(100, 100, 200, 200))
    inside = Listed("a", "tiny", Region(150, 305, 5, 5), pixels=3)
    outside = Listed("a", "other", Region(150, 310, 5, 5), pixels=3)  # it ends below the margin
    plan = planned(large, inside, outside)
    assert plan.looks[0].signatures == (large.signature, inside.signature)
    assert cells(plan) == [outside.signature]


def test_room_is_a_line_of_text() -> None:
    plan = planned(space("a", "more", 210, 4), space("a", "less", 830, -18))
    assert [str(line) for line in lines(plan)] == ["+4 at 210, -18 at 830"]
    assert not crops(plan)
    nine = planned(*(space("a", str(number), 50 * number, 9) for number in range(9)))
    assert [len(line.occurrences) for line in lines(nine)] == [8, 1]


def test_room_within_what_is_shown_needs_no_line() -> None:
    plan = planned(Listed("a", "large", Region(100, 100, 50, 200)), space("a", "more", 250, 8))
    assert not lines(plan)
    assert plan.looks[0].signatures == (signature("large"), signature("more"))


def test_each_surrounding_is_shown_once_and_six_at_most() -> None:
    for number, expected in ((3, 3), (8, 6)):
        changes = [
            Listed(page, "switch", Region(0, 100 * place, 60, 30), around=f"beside {place}")
            for page in "ab"
            for place in range(number)
        ]
        plan = planned(*changes)
        assert len(crops(plan)) == expected
        assert plan.classes[signature("switch")].surroundings == number
        assert Counter(name for look in plan.looks for name in look.signatures) == {signature("switch"): 1}


def test_the_largest_look_comes_first() -> None:
    tall = [Listed("a", f"tall {number}", Region(0, 1000 * number, 400, 800)) for number in range(2)]
    often = [Listed(page, "tall 1", Region(0, 1000, 400, 800)) for page in "bc"]
    plan = planned(*tall, *often)  # each 2 x 424 + 12 px wide: one a look
    assert [signature("tall 1") in look.signatures for look in plan.looks] == [True, False]


def test_what_is_decided_or_taken_by_rules_is_not_shown() -> None:
    box = Region(0, 0, 100, 100)
    old, taken = Listed("a", "old", box), Listed("a", "clock", Region(0, 500, 100, 100), rules='["clock"]')
    plan = planned(old, taken, Listed("b", "old", box), decided=frozenset({("a", old.signature)}))
    assert [each.page for each in plan.classes[old.signature].occurrences] == ["b"]
    assert list(plan.classes) == [old.signature]
    assert str(plan) == (
        "2 pictures changed: 1 distinct change, 1 look. 1 change decided earlier. 1 change taken by rules."
    )
    nothing = planned(old, taken, decided=frozenset({("a", old.signature)}))
    assert nothing.looks == ()


def test_small_is_judged_before_rules() -> None:
    tiny = Listed("a", "x", Region(0, 0, 9, 9), pixels=9)
    large = Listed("b", "x", Region(0, 0, 90, 90), rules='["clock"]')
    assert not planned(tiny, large).looks[0].is_sheet


def test_boxes_that_lie_beyond_their_page_are_cut() -> None:
    plan = planned(Listed("a", "x", Region(1190, 2990, 500, 2**40)))
    assert crops(plan)[0].second == Region(1178, 2978, 22, 22)


def test_a_run_without_changes_has_nothing_to_look_at() -> None:
    frame, listed = tables([], pages=["a"])
    plan = looks.plan(frame, changes=listed)
    assert (plan.looks, str(plan)) == ((), "1 picture changed: 0 distinct changes, 0 looks.")


def test_a_run_without_a_list_of_changes_is_refused(tmp_path: Path) -> None:
    frame, _ = tables([Listed("a", "x", Region(0, 0, 9, 9))])
    with pytest.raises(SettingsError, match="does not name its run"):
        looks.plan(frame)
    frame.attrs["run"] = {"out": str(tmp_path), "stamp": "20240102-030405"}
    with pytest.raises(
        ResultsError, match=r"results-20240102-030405\.csv has no list of changes.*compare again"
    ):
        looks.plan(frame)


def test_a_look_that_is_too_small_is_refused() -> None:
    frame, listed = tables([])
    with pytest.raises(SettingsError, match="1440 x 199 px is too small: use at least 200 x 200"):
        looks.plan(frame, changes=listed, rows=199)


def test_one_small_change_among_300_pages_is_shown_wherever_it_is() -> None:
    some = random.Random(1)
    pages = [f"{number:03}.png" for number in range(300)]
    shared = [Listed(page, "header", Region(0, 0, 1200, 700), pixels=500_000) for page in pages]
    for _ in range(30):
        box = Region(some.randrange(1160), some.randrange(2988), 40, 12)
        word = Listed(some.choice(pages), "word", box, pixels=120)
        plan = planned(*shared, word)
        decided = [word.signature in look.signatures for look in plan.looks].index(True)
        before = [
            crop for look in plan.looks[: decided + 1] for crop, _ in look.placed if isinstance(crop, Crop)
        ]
        assert any(crop.hunk.page == word.page and holds(crop.second, box) for crop in before)


# Boxes on a page of 1200 x 3000 px; some are empty on a side, as what came or went is.
starts = st.integers(0, 1100), st.integers(0, 2900)
boxes = st.builds(Region, *starts, st.integers(1, 1200), st.integers(1, 1500))
moved = st.builds(Region, *starts, st.integers(0, 300), st.integers(0, 900))
listed_changes = st.lists(
    st.builds(
        Listed, st.sampled_from("abcd"), st.sampled_from("nopqrstuvw"), boxes, st.none() | moved,
        st.sampled_from(["edit", "edit", "insert", "move", "space"]), st.sampled_from([5, 5000]),
        st.sampled_from([3, 200]), st.sampled_from("xyz"), st.sampled_from(["", "", '["rule"]']),
    ),
    max_size=12,
)  # fmt: skip


@given(listed_changes, st.sampled_from([200, 333, 900]))
def test_every_open_change_has_one_look_that_shows_it(changes: list[Listed], rows: int) -> None:
    plan = planned(*changes, rows=rows)
    names = {each.signature for each in changes if not each.rules}
    assert Counter(name for look in plan.looks for name in look.signatures) == dict.fromkeys(names, 1)
    told = {each.signature for line in lines(plan) for each in line.occurrences} | {*cells(plan)}
    for name in names - told:
        shown = [
            crop
            for crop in crops(plan)
            for each in plan.classes[name].occurrences
            if each.page == crop.hunk.page
            and holds(crop.hunk.second, each.second if each.kind != "space" else crop.hunk.second)
        ]
        assert shown


@FEW
@given(listed_changes, st.sampled_from([200, 900]))
def test_crops_lie_on_their_look_and_do_not_overlap(changes: list[Listed], rows: int) -> None:
    for look in planned(*changes, rows=rows).looks:
        areas = []
        for each, (x, y) in look.placed:
            width, height = each.size if isinstance(each, Crop) else (708, 24)
            assert 0 <= x <= x + width <= WIDTH
            assert 0 <= y <= y + height <= rows
            areas.append((x, y, x + width, y + height))
        for one, other in combinations(areas, 2):
            assert one[0] >= other[2] or other[0] >= one[2] or one[1] >= other[3] or other[1] >= one[3]


@FEW
@given(listed_changes)
def test_the_crops_of_a_hunk_show_all_of_it(changes: list[Listed]) -> None:
    found: dict[int, list[Crop]] = {}
    for crop in crops(planned(*changes, rows=300)):
        found.setdefault(id(crop.hunk), []).append(crop)
    for parts in found.values():
        for side in ("first", "second"):
            whole, shown = getattr(parts[0].hunk, side), {getattr(part, side) for part in parts}
            assert all(holds(whole, part) for part in shown)
            for y in range(whole.y, whole.y + whole.height, 24):  # each line of text is whole in one of them
                line = Region(whole.x, y, whole.width, min(24, whole.y + whole.height - y))
                assert any(holds(part, line) for part in shown)


def test_a_hunk_wider_than_a_look_is_cut() -> None:
    frame, listed = tables([Listed("a", "x", Region(0, 0, 3000, 50))], size=(3000, 900))
    shown = crops(looks.plan(frame, changes=listed))
    assert [(crop.second.x, crop.second.width) for crop in shown] == [(0, 1440), (1416, 1440), (2832, 168)]
    assert all(crop.stacked for crop in shown)


@FEW
@given(listed_changes, st.randoms(use_true_random=False))
def test_the_order_of_the_lines_changes_nothing(changes: list[Listed], some: random.Random) -> None:
    frame, listed = tables(changes)
    mixed = listed.sample(frac=1, random_state=some.randrange(1000)), frame.sample(frac=1, random_state=1)
    assert looks.plan(mixed[1], changes=mixed[0]) == looks.plan(frame, changes=listed)


def test_a_run_is_planned_from_its_files(tmp_path: Path) -> None:

    run = batch.run(
        "img/01.first", "img/02.second", str(tmp_path), num_processors=1, pictures="none", store=None
    )
    plan = looks.plan(run)
    changes = results.load_changes(run.csv_path)
    assert changes is not None
    assert set(plan.classes) == set(changes["signature"])
    assert plan == looks.plan(run.frame(), changes=changes)


@pytest.mark.parametrize("wanted", [gc.enable, gc.disable])
def test_planning_leaves_the_collector_of_garbage_as_it_was(wanted: Callable[[], None]) -> None:
    before = gc.enable if gc.isenabled() else gc.disable
    try:
        wanted()
        planned(Listed("a", "x", Region(0, 0, 9, 9)))
        assert gc.isenabled() is (wanted is gc.enable)
    finally:
        before()
