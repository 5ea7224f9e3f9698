"""Classes that are nearly the same stand side by side; what a person tells apart does not."""

import io
import itertools
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pytest
from PIL import Image
from support.changed import Listed, signature, tables
from support.planted import SCHEMES, empty, write

from mymodules import looks
from mymodules.looks import ChangeClass, Crop, Plan
from mymodules.regions import Region

WORDS = (
    ("Save", "Sale"), ("Save", "Safe"), ("Cave", "Cale"), ("Have", "Hale"), ("10.00", "11.00"),
    ("110.00", "111.00"), ("1 of 10", "2 of 10"), ("on", "off"),
)  # fmt: skip
BOX = Region(20, 10, 100, 28)

Sides = tuple[np.ndarray, np.ndarray]


def classes(changes: Iterable[Listed]) -> list[ChangeClass]:
    frame, listed = tables(changes)
    return [*looks.plan(frame, changes=listed).classes.values()]


def reader(pictures: Mapping[str, Sides]) -> Callable[[str, str, Region], np.ndarray | None]:
    """What `near` reads crops with."""

    def crop(page: str, side: str, box: Region) -> np.ndarray | None:
        if page not in pictures:
            return None
        picture = pictures[page][side == "second"]
        (left, top), (right, bottom) = (max(0, box.x), max(0, box.y)), (box.x + box.width, box.y + box.height)
        return picture[top:bottom, left:right]

    return crop


def grouped(changes: list[Listed], pictures: Mapping[str, Sides]) -> dict[str, str]:
    """The representative of each change, by its name; its own if it has none."""
    near = looks.near(classes(changes), reader(pictures))
    return {each.name: near.get(each.signature, each.signature) for each in changes}


def jpeg(page: np.ndarray) -> np.ndarray:
    made = io.BytesIO()
    Image.fromarray(page[:, :, :3]).save(made, "JPEG", quality=90, subsampling=0)
    return np.asarray(Image.open(made).convert("RGBA"))


def chips(scheme: str, blur: Callable[[np.ndarray], np.ndarray]) -> tuple[list[Listed], dict[str, Sides]]:
    """Each word change at four places, which lie differently on JPEG's blocks."""
    changes, pictures = [], {}
    for number, (word, (x, y)) in enumerate(itertools.product(WORDS, itertools.product((0, 3), (0, 5)))):
        sides = []
        for text in word:
            page = empty(60, scheme=scheme)
            write(page, 24 + x, 14 + y, text, scheme=scheme)
            sides.append(blur(page))
        page_name = f"{number:02}.png"
        pictures[page_name] = sides[0], sides[1]
        changes.append(Listed(page_name, f"{number}", Region(BOX.x + x, BOX.y + y, BOX.width, BOX.height)))
    return changes, pictures


def noisy(page: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(int(page.sum())).integers(-1, 2, (*page.shape[:2], 3))
    return np.dstack([np.clip(page[:, :, :3] + noise, 0, 255).astype(np.uint8), page[:, :, 3:]])


@pytest.mark.parametrize("scheme", [scheme for scheme in SCHEMES if scheme != "faint"])
@pytest.mark.parametrize("blur", [jpeg, noisy])
def test_the_same_change_is_found_behind_jpeg_and_noise(
    blur: Callable[[np.ndarray], np.ndarray], scheme: str
) -> None:
    """Not a faint one, which JPEG alters as much as the change does."""
    changes, pictures = chips(scheme, blur)
    found = [*grouped(changes, pictures).values()]
    right = total = 0
    for one, other in itertools.combinations(range(len(found)), 2):
        same_word = one // 4 == other // 4
        assert same_word or found[one] != found[other]
        total += same_word
        right += same_word and found[one] == found[other]
    assert right >= 0.9 * total


def flat(level: int) -> np.ndarray:
    return np.full((60, 200, 4), (level, level, level, 255), np.uint8)


def test_small_steps_make_no_chain() -> None:
    """15 versions, each 5 levels further. Near the first, by 50, are 0.25 x 50 + 2 = 14.5."""
    pictures = {f"{step:02}.png": (flat(100), flat(150 + 5 * step)) for step in range(15)}
    changes = [Listed(page, page, BOX) for page in pictures]
    found = [*grouped(changes, pictures).values()]
    stars = [0] * 3 + [3] * 4 + [7] * 5 + [12] * 3  # 18.25 of the one by 65, 23.25 of 85, 29.5 of 110
    assert found == [signature(f"{star:02}.png") for star in stars]


def test_what_has_another_size_or_kind_or_cannot_be_read_is_alone() -> None:
    pictures = {name: (flat(100), flat(200)) for name in ("a", "b", "c", "d", "e")}
    larger = Region(BOX.x, BOX.y, BOX.width + 1, BOX.height)
    changes = [
        Listed("a", "a", BOX), Listed("b", "b", BOX), Listed("c", "larger", larger),
        Listed("gone", "gone", BOX), Listed("d", "swap", BOX, kind="swap"),
        Listed("e", "room", BOX, kind="space"),
    ]  # fmt: skip
    assert looks.near(classes(changes), reader(pictures)) == {signature("b"): signature("a")}


def test_what_is_nearly_the_same_stands_side_by_side_and_is_decided_by_itself() -> None:
    """Six classes of which two fill a look; the first and the last are nearly the same."""
    changes = [
        Listed(f"{number}.png", f"{number}", Region(0, 0, 400, 330), pixels=1000 - number)
        for number in range(6)
    ]
    frame, listed = tables(changes)
    near = {signature("5"): signature("0")}

    def together(plan: Plan) -> bool:
        (look,) = [look for look in plan.looks if signature("0") in look.signatures]
        assert all(isinstance(each, Crop) for each, _ in look.placed)
        return signature("5") in look.signatures

    plain = looks.plan(frame, changes=listed)
    assert not together(plain)
    plan = looks.plan(frame, changes=listed, near=near)
    assert together(plan)
    assert len(plan.looks) == len(plain.looks)
    assert plain.arranged(near) == plan
    assert plan.arranged({}) == plain
    left = looks.plan(frame, changes=listed, near=near, decided={("0.png", signature("0"))})
    assert signature("5") in left.classes


def test_small_ones_that_are_nearly_the_same_stand_on_one_sheet() -> None:
    changes = [Listed("a", f"{number:02}", Region(0, 20 * number, 9, 9), pixels=9) for number in range(80)]
    changes[79] = Listed("a", "79", Region(0, 20 * 79, 9, 9), pixels=5)
    frame, listed = tables(changes)
    near = {signature("79"): signature("00")}
    assert signature("79") in looks.plan(frame, changes=listed).looks[1].signatures
    first = looks.plan(frame, changes=listed, near=near).looks[0].signatures
    assert first.index(signature("79")) == first.index(signature("00")) + 1
