"""What is learnt from captures, what is said about those that nothing is learnt from, and what is written."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import pngs

from mymodules import rules
from mymodules.calibration import Calibration, calibrate
from mymodules.errors import PictureError, SettingsError
from mymodules.regions import Region
from mymodules.rules import Limits, Rule, Rules, keys

HEIGHT, WIDTH = 90, 120


def page() -> np.ndarray:
    """A white page with a line of rows that are all different, so that they are found where they moved."""
    made = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    made[20:70:2, 40:80] = np.arange(25, dtype=np.uint8)[:, None, None] * 5
    return made


def dot(x: int, y: int, *, levels: int = 200, size: int = 2) -> np.ndarray:
    made = page()
    made[y : y + size, x : x + size] -= np.uint8(levels)
    return made


def around(x: int, y: int) -> Region:
    """A dot of 2 x 2 px, the column right of it, which differs from its left neighbour, and 4 px around."""
    return Region(x - 4, y - 4, 4 + 2 + 1 + 4, 4 + 2 + 4)


Captures = Callable[..., list[Path]]


@pytest.fixture
def captures(tmp_path: Path) -> Captures:
    """Write each mapping of names to pictures, or to bytes, as a folder; return the folders."""

    def write(*contents: Mapping[str, np.ndarray | bytes]) -> list[Path]:
        folders = []
        for number, pictures in enumerate(contents):
            folders.append(tmp_path / f"capture {number}")
            folders[-1].mkdir()
            for name, picture in pictures.items():
                path = folders[-1] / name
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(picture if isinstance(picture, bytes) else pngs.write(picture, 2, 8))
        return folders

    return write


def masks(found: Calibration) -> dict[tuple[str, ...], tuple[Region, ...]]:
    """The boxes of the proposed rules by the pictures that they are for."""
    return {rule.pictures: rule.takes.mask for rule in found.rules if isinstance(rule.takes, Limits)}


def test_a_box_of_all_pages_is_one_rule_and_others_are_for_their_pages(captures: Captures) -> None:
    still = {name: page() for name in ("a.png", "b.png", "c*.png", "c1.png")}
    seen = [
        still,
        {**{name: dot(10, 10) for name in still}},
        still | {"a.png": dot(100, 80), "b.png": dot(100, 80), "c*.png": dot(10, 80)},
    ]
    found = calibrate(captures(*seen))
    assert masks(found) == {
        (): (around(10, 10),),
        ("a.png", "b.png"): (around(100, 80),),
        ("c[*].png",): (around(10, 80),),
    }
    assert [rule.name for rule in found.rules] == [
        "flicker in all pictures",
        "flicker in 2 pictures",
        "flicker in c*.png",
    ]
    assert [rule.name for rule in found.rules if rule.is_for("c1.png")] == ["flicker in all pictures"]
    assert rules.parse(found.text, Path("compare.toml")).rules == found.rules
    assert not found.again.failed
    assert "With these rules no capture that was learnt from differs." in found.sentences


def test_no_more_rules_are_proposed_than_a_file_holds(
    captures: Captures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "MOST_RULES", 4)
    still = {name: page() for name in ("a.png", "b.png", "c.png", "d.png")}
    moving = {"a.png": dot(10, 10), "b.png": dot(10, 10), "c.png": dot(30, 30), "d.png": dot(50, 50)}
    folders = captures(still, moving, still | {"d.png": dot(100, 80, levels=3)})
    own = Rules((Rule("own", Limits(mask=(Region(0, 0, 1, 1),))),))
    found = calibrate(folders, rules=own)
    assert [rule.name for rule in found.rules] == [
        "flicker in 2 pictures",
        "flicker in c.png",
        "faint noise in d.png",
    ]
    assert found.left_out == ("d.png",)
    assert found.again.pages == {"d.png": 1}
    (sentence,) = [each for each in found.sentences if each.startswith("A file holds 4 rules")]
    assert "d.png" in sentence
    full = Rules(tuple(Rule(str(number), own.rules[0].takes) for number in range(4)))
    assert calibrate(folders, rules=full).rules == ()


def test_boxes_that_overlap_are_merged_and_others_are_not(captures: Captures) -> None:
    places = [(10, 10), (17, 10), (24, 12), (100, 80)]
    found = calibrate(captures({"a.png": page()}, *({"a.png": dot(*place)} for place in places)))
    # Boxes from 6, 13 and 20 on, each 11 px wide, overlap in turn.
    assert masks(found) == {("a.png",): (Region(6, 6, 25, 12), around(100, 80))}


def test_faint_differences_become_a_limit_and_not_a_mask(captures: Captures) -> None:
    found = calibrate(
        captures(
            {"a.png": page(), "b.png": page()},
            {"a.png": dot(10, 10, levels=3), "b.png": page()},
            {"a.png": dot(100, 80, levels=8), "b.png": page()},
        )
    )
    assert found.rules == (Rule("faint noise in a.png", Limits(largest=8), ("a.png",)),)
    assert not found.again.failed


def test_a_faint_difference_within_a_mask_needs_no_limit(captures: Captures) -> None:
    found = calibrate(captures({"a.png": page()}, {"a.png": dot(10, 10)}, {"a.png": dot(10, 10, levels=3)}))
    assert masks(found) == {("a.png",): (around(10, 10),)}


def test_what_pushes_the_rest_of_a_page_down_is_masked_where_it_came(captures: Captures) -> None:
    """Rows that only moved are not masked, but as many as came: a change in the others still counts."""
    pushed = np.concatenate([page()[:10], np.full((6, WIDTH, 3), 90, np.uint8), page()[10:-6]])
    changed = pushed.copy()
    changed[36, 50:60] = (9, 9, 200)
    folders = captures(*({"a.png": picture} for picture in (page(), pushed, pushed, changed)))
    found = calibrate(folders, held_out=2)
    assert not found.again.failed
    assert found.later.failed == (folders[-1],)
    assert found.pages[0].boxes == (Region(0, 9, WIDTH, 6), Region(0, HEIGHT - 7, WIDTH, 7))


@pytest.mark.parametrize(
    ("capture", "words"),
    [
        ({"a.png": page()[:-1]}, "The size differs: 120 x 90 px in first, 120 x 89 px in second."),
        ({"a.png": b"no picture"}, "second"),
        ({}, "It is only in first."),
    ],
)
def test_nothing_is_learnt_from_another_size_a_damaged_file_or_none(
    captures: Captures, capture: dict[str, Any], words: str
) -> None:
    folders = captures({"a.png": page(), "b.png": page()}, {"b.png": page()} | capture)
    found = calibrate(folders)
    assert found.rules == ()
    assert found.again.failed == (folders[1],)
    assert found.again.pages == {"a.png": 1}
    said = "\n".join(found.sentences)
    assert f"a.png: nothing was learnt from {folders[1]}: " in said
    assert words in found.pages[0].remarks[0]
    assert "Still different with all rules, of 1 capture beside the first: a.png (in 1)." in said


def test_pictures_that_the_first_capture_lacks_are_named(captures: Captures) -> None:
    found = calibrate(captures({"a.png": page()}, {"a.png": page(), "new\x1b.png": page()}))
    assert [each.name for each in found.pages] == ["a.png"]
    assert "Not in the first folder, so nothing was learnt of them: new\\x1b.png." in found.sentences


def test_captures_that_were_held_out_are_tried_and_not_learnt_from(captures: Captures) -> None:
    pictures = [page(), dot(10, 10), page(), dot(100, 80), page()]
    folders = captures(*({"a.png": picture} for picture in pictures))
    found = calibrate(folders, held_out=3)
    assert masks(found) == {("a.png",): (around(10, 10),)}
    assert found.later.failed == (folders[3],)
    # 1 of 3: (1 - p)^3 + 3 p (1 - p)^2 = 0.05 at p = 0.8647
    assert found.later.bound == pytest.approx(0.8647, abs=1e-4)
    said = "\n".join(found.sentences)
    assert "Of 3 captures held out 1 failed: with 95 % confidence at most 86.5 % of such captures" in said
    assert "They failed because of a.png (in 1)." in said
    assert "59 for 5 % and 299 for 1 %" in said
    without = "\n".join(calibrate(folders).sentences)
    assert "None was held out, so nothing is known of how often later captures fail" in without


def test_held_out_captures_that_are_older_show_nothing_about_later_ones(captures: Captures) -> None:
    folders = captures(*[{"a.png": page()}] * 4)
    for number, folder in enumerate(folders):
        os.utime(folder / "a.png", (1_000_000 + 60 * number,) * 2)
    said = "\n".join(calibrate(folders, held_out=1).sentences)
    assert "Their files were written within 2 min 00 s" in said
    assert "older" not in said
    os.utime(folders[-1] / "a.png", (1_000_000,) * 2)
    assert "name the folders in the order in which they were taken" in repr(calibrate(folders, held_out=1))


def test_what_the_projects_rules_take_is_not_proposed_again(captures: Captures) -> None:
    folders = captures({"a.png": page()}, {"a.png": dot(10, 10)}, {"a.png": dot(100, 80)})
    own = Rules((Rule("flicker in a.png", Limits(mask=(Region(9, 9, 5, 5),))),))
    found = calibrate(folders, rules=own)
    assert found.rules == (Rule("flicker in a.png (2)", Limits(mask=(around(100, 80),)), ("a.png",)),)
    assert not found.again.failed


def test_the_proposal_is_written_where_it_is_asked_for_and_then_nothing_is_left(
    captures: Captures, tmp_path: Path
) -> None:
    folders = captures({"a.png": page()}, {"a.png": dot(10, 10)})
    file = tmp_path / "compare.toml"
    file.write_text("# ours\n")
    found = calibrate(folders)
    assert file.read_text() == "# ours\n"
    assert found.write(file).rules == found.rules
    assert file.read_text().startswith("# ours\n\n[[rule]]\n")
    assert calibrate(folders, rules=file).rules == ()


def test_masks_that_leave_little_to_compare_are_pointed_out(captures: Captures) -> None:
    folders = captures({"a.png": page()}, {"a.png": dot(4, 2, size=80)})
    # 80 x 80 px differ, with 4 px on the left and 5 on the right, 2 above and 4 below.
    said = "\n".join(calibrate(folders).sentences)
    assert "Masks leave little to compare of a.png (70.9 %)." in said
    assert 0.708 < 89 * 86 / (WIDTH * HEIGHT) <= 0.709  # rounded up


def test_a_picture_shows_what_flickers(captures: Captures, tmp_path: Path) -> None:
    folders = captures(
        {"sub/a.png": page(), "b.png": page()},
        {"sub/a.png": dot(10, 10), "b.png": page()},
        {"sub/a.png": dot(10, 10), "b.png": page()},
        {"sub/a.png": dot(100, 80), "b.png": page()},
    )
    found = calibrate(folders, held_out=1)
    pictures = dict(found.pictures())
    assert [*pictures] == ["sub/a.png"]
    picture = pictures["sub/a.png"]
    differs = (picture[:, :, 0] != picture[:, :, 1]) | (picture[:, :, 0] != picture[:, :, 2])
    expected = np.zeros((HEIGHT, WIDTH), bool)
    expected[10:12, 10:12] = True  # what differs, and a line around the mask
    expected[[5, 16], 5:18] = True
    expected[5:17, [5, 17]] = True
    assert np.array_equal(differs, expected)
    assert picture[10, 10].tolist() == [229, 57, 53, 255]  # in all captures that were learnt from

    written = found.save_pictures(tmp_path / "out")
    assert [path.relative_to(tmp_path / "out").as_posix() for path in written] == ["sub/a.png-flicker.png"]
    assert np.array_equal(pngs.read(written[0].read_bytes()).rgba, picture)
    with pytest.raises(SettingsError, match="is a folder of captures or inside one"):
        found.save_pictures(folders[1] / "out")
    with pytest.raises(PictureError, match=r"There is no picture c\.png"):
        found.picture("c.png")
    (folders[0] / "sub/a.png").unlink()
    with pytest.raises(PictureError, match=r"a\.png cannot be read"):
        found.picture("sub/a.png")


def test_a_notebook_shows_names_as_text(captures: Captures) -> None:
    name = "<b>&.png"
    shown = calibrate(captures({name: page()}, {name: dot(10, 10)}))._repr_html_()
    assert "<b>" not in shown
    assert shown.count("&lt;b&gt;&amp;.png") >= 3  # in the rule, below the picture, and instead of it
    assert "data:image/png;base64," in shown


@pytest.mark.parametrize(
    ("choose", "held_out", "words"),
    [
        (lambda folders: folders[:1], 0, "at least 2 captures to learn from, and there are 1:"),
        (lambda folders: folders, 2, "there are 1 without the 2 that are held out"),
        (lambda folders: folders, -1, "held_out must be a whole number from 0 on, not -1"),
        (lambda folders: folders, True, "held_out must be a whole number"),
        (lambda folders: folders, 0.5, "held_out must be a whole number"),
        (lambda folders: [*folders, folders[0]], 0, "are the same folder, or one is inside the other"),
        (lambda folders: [folders[0] / ".", folders[0].parent], 0, "one is inside the other"),
        (lambda folders: [folders[0].parent, folders[0]], 0, "one is inside the other"),
        (lambda folders: [folders[0], folders[1] / "nowhere"], 0, "There is no folder .*nowhere"),
        (lambda folders: folders[1:] + folders[:1], 0, "There is no picture in .*as the first capture"),
        (lambda folders: folders[:2], 0, "There is no picture in .*as a capture"),
        (lambda folders: [folders[0], 3], 0, "A folder of captures must be the path"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(
    captures: Captures, choose: Callable[[list[Path]], Sequence[Any]], held_out: Any, words: str
) -> None:
    folders = captures({"a.png": page()}, {}, {})
    with pytest.raises(SettingsError, match=words):
        calibrate(choose(folders), held_out=held_out)
