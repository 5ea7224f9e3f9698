"""Where drawings stand and what they show."""

import io
import itertools
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image
from support import oracles, pngs, strategies

from mymodules import images, metrics, pairs, regions, workers
from mymodules.comparison import drawing_files, drawings
from mymodules.formats.png import PngHeader
from mymodules.images import bands
from mymodules.pairs import Pair
from mymodules.workers import Job, PairResult

RED = (229, 57, 53, 255)
LONGEST = 255


# Where


def drawn_names(names: list[str]) -> dict[str, list[str]]:
    """The paths of the five drawings of every name."""
    found = drawing_files.paths(names)
    assert set(found) <= set(names)
    assert not any(name == path for name, path in found.items())
    return {name: [found.get(name, name) + ending for ending in drawing_files.ENDINGS] for name in names}


def folded(path: str) -> str:
    """What two paths share when they are one on some file system."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def check(names: list[str]) -> None:
    """No two drawings meet, none stands where another one needs a folder, every part can be written."""
    paths = list(itertools.chain(*drawn_names(names).values()))
    files = {folded(path) for path in paths}
    assert len(files) == len(paths)
    above = {
        folded("/".join(path.split("/")[:end])) for path in paths for end in range(1, path.count("/") + 1)
    }
    assert not files & above
    for part in {part for path in paths for part in path.split("/")}:
        assert part not in ("", ".", "..")
        assert len(os.fsencode(part)) <= LONGEST
        assert not part.endswith((".", " "))
        assert part.split(".")[0].strip().lower() not in {"con", "prn", "aux", "nul", "com1", "lpt9", "com²"}


@pytest.mark.parametrize(
    "name",
    [
        "x.png",
        "shop/cart.png",
        "two words.JPG",
        "日本語/ページ 1.png",
        "a" * 200 + ".png",
        "console.png",
        "-1.png",
    ],
)
def test_most_names_stay_as_they_are(name: str) -> None:
    assert drawing_files.paths([name]) == {}
    assert drawn_names([name])[name][0] == f"{name}-1.orig.png"


@pytest.mark.parametrize(
    "name",
    [
        "a" * 251 + ".png",
        "あ" * 83 + "ab.png",
        "😀" * 62 + ".webp",
        "deep/" + "b" * 251 + ".png",
        r"\xff" * 240 + ".png",
        r"\xff" * 200 + "/x.png",
        "a" * 255 + "/x.png",
        "c" * 255,
        "CON.png",
        "con.tar.png",
        "lpt9.png",
        "com².png",
        "AUX .png",
        "nul/x.png",
        "dots../x.png",
        "space /x.png",
    ],
)
def test_names_that_do_not_fit_are_shortened(name: str) -> None:
    path = drawing_files.paths([name])[name]
    assert path != name
    assert path.count("/") == name.count("/")
    check([name, "x.png"])


def test_a_shortened_name_ends_in_digits_of_its_digest_and_begins_as_before() -> None:
    path = drawing_files.paths(["shop/" + "a" * 251 + ".png"]).popitem()[1]
    assert path.startswith("shop/aaaaaaaa")
    assert len(path.rpartition("-")[2]) == 8
    int(path.rpartition("-")[2], 16)
    assert drawing_files.paths(["CON.png"])["CON.png"].startswith("CON-")


@pytest.mark.parametrize(
    "names",
    [
        ["A.png", "a.png"],
        ["A.png", "a.png", "a.PNG", "A.pNg"],
        ["A/x.png", "a/x.png"],
        ["A/x.png", "a/y.png"],
        ["\u304c.png", "\u304b\u3099.png"],
        ["STRASSE.png", "straße.png"],
        ["\u212bngstrom.png", "\xe5ngstrom.png"],
        ["a.png", "a.jpg", "a.jpeg"],
        ["x.png", "x.png-1.orig.png/y.png"],
        ["x.png", "X.PNG-5.DELTA.PNG/deep/y.png"],
        ["x.png", "x.png-1.orig.png"],
        ["a" * 250 + "1.png", "a" * 250 + "2.png"],
        ["a" * 250 + ".png", "a" * 250 + ".jpg"],
        ["CON.png", "con.png", "Con.jpg"],
        ["con/x.png", "CON/x.png", "con /x.png"],
        ["é/x.png", "e\u0301/x.png"],
    ],
)
def test_names_that_meet_somewhere_are_kept_apart(names: list[str]) -> None:
    check(names)
    assert drawing_files.paths(names) == drawing_files.paths(list(reversed(names)))


@given(
    names=st.sets(
        st.lists(strategies.picture_names.map(os.fsdecode).map(pairs.to_text), min_size=1, max_size=3).map(
            "/".join
        ),
        max_size=12,
    )
)
@hypothesis_settings(max_examples=100)
def test_any_names_are_kept_apart(names: set[str]) -> None:
    check(sorted(names))


# What: the five drawings


def decoded(path: Path) -> np.ndarray:
    """The file as another decoder reads it, RGBA, not premultiplied."""
    with Image.open(io.BytesIO(path.read_bytes())) as picture:
        picture.load()
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGBA"))


def pair_of(first: np.ndarray, second: np.ndarray, folder: Path) -> Pair:
    paths = []
    for role, samples in (("first", first), ("second", second)):
        (folder / role).mkdir(parents=True, exist_ok=True)
        paths.append(folder / role / "x.png")
        paths[-1].write_bytes(pngs.write(samples, {1: 0, 3: 2, 4: 6}[samples.shape[2]], 8))
    return Pair("x.png", *paths)


def draw(folder: Path, first: np.ndarray, second: np.ndarray, **how: bool) -> tuple[PairResult, list[Path]]:
    """The row of two pictures and its drawings: written by the worker, as every run does."""
    job = Job(pair_of(first, second, folder), folder / "03.diff", "shop/x.png", **how)
    found = workers.compare(job)
    return found, [folder / "03.diff" / f"shop/x.png{ending}" for ending in drawing_files.ENDINGS]


rng = np.random.default_rng(20240302)
PAGE = np.kron(rng.integers(0, 256, (20, 15, 3)), np.ones((6, 8, 1), int))


def with_changes(*places: tuple[int, int, int, int]) -> np.ndarray:
    """The page with other colours in these boxes of x, y, width, height."""
    other = PAGE.copy()
    for x, y, width, height in places:
        other[y : y + height, x : x + width] = 255 - other[y : y + height, x : x + width]
    return other


SCENES = {
    "in the middle": (PAGE, with_changes((40, 50, 20, 10))),
    "two places": (PAGE, with_changes((10, 10, 6, 5), (80, 90, 13, 9))),
    "in the corners": (PAGE, with_changes((0, 0, 3, 3), (117, 117, 3, 3))),
    "everywhere": (PAGE, 255 - PAGE),
    "one pixel": (PAGE, with_changes((60, 60, 1, 1))),
    "grown": (PAGE, np.concatenate([PAGE, PAGE[:13]])),
    "grown and changed": (PAGE, np.concatenate([255 - PAGE[:20], PAGE])[:, :100]),
    "gray": (PAGE[..., :1], with_changes((30, 30, 5, 5))[..., :1]),
    "half transparent": (
        np.dstack([PAGE, np.full(PAGE.shape[:2], 100)]),
        np.dstack([with_changes((40, 40, 9, 9)), np.full(PAGE.shape[:2], 100)]),
    ),
    "alpha only": (
        np.dstack([PAGE, np.full(PAGE.shape[:2], 255)]),
        np.dstack([PAGE, np.tile(np.arange(PAGE.shape[1]) % 256, (PAGE.shape[0], 1))]),
    ),
    "tiny": (PAGE[:1, :1], 255 - PAGE[:1, :1]),
    "odd width": (PAGE[:33, :41], with_changes((12, 9, 4, 4))[:33, :41]),
}


def as_rgba(samples: np.ndarray) -> np.ndarray:
    return pngs.expected_rgba(samples, {1: 0, 3: 2, 4: 6}[samples.shape[2]], 8)


@pytest.mark.parametrize("name", SCENES)
def test_the_five_drawings(tmp_path: Path, name: str) -> None:
    first, second = SCENES[name]
    found, paths = draw(tmp_path, first, second)
    assert found.status == "changed"
    assert "could not" not in found.messages
    one, other = as_rgba(first), as_rgba(second)
    larger = max(one.shape[0], other.shape[0]), max(one.shape[1], other.shape[1])
    assert found.regions
    assert np.array_equal(decoded(paths[0]), boxed(one, found.regions))
    assert np.array_equal(decoded(paths[1]), boxed(other, found.regions))
    similarity = metrics.structural_similarity(metrics.gray(one), metrics.gray(other))[1]
    expected = oracles.byte_map(similarity)
    plain = oracles.byte_map(oracles.similarity(oracles.gray(one), oracles.gray(other))[1])
    assert np.abs(expected.astype(int) - plain).max() <= 1
    with Image.open(paths[2]) as picture:
        assert (picture.mode, picture.size) == ("L", larger[::-1])
        assert np.array_equal(np.asarray(picture), expected)
    with Image.open(paths[3]) as picture:
        assert (picture.mode, picture.size) == ("1", larger[::-1])
        assert np.array_equal(np.asarray(picture), threshold(expected))
    assert np.array_equal(decoded(paths[4]), drawings.delta(one, other))
    assert np.array_equal(decoded(paths[4]), oracles.delta(one, other))
    for path in paths:
        by_opencv = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
        assert by_opencv is not None
        assert images.read_rgba(path).shape == decoded(path).shape


def threshold(similarity_bytes: np.ndarray) -> np.ndarray:
    """Otsu's as OpenCV has it; nothing lies below it where all is equal."""
    if (similarity_bytes == 255).all():
        return np.zeros(similarity_bytes.shape, bool)
    flags = cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU
    return cv2.threshold(similarity_bytes, 0, 255, flags)[1] > 0


def boxed(rgba: np.ndarray, boxes: tuple[regions.Region, ...]) -> np.ndarray:
    """The picture with two lines around each box, cut at its edges: everything near it, then it again."""
    height, width = rgba.shape[:2]
    drawn = rgba.copy()
    for x, y, across, down in boxes:
        drawn[max(0, y - 2) : y + down + 2, max(0, x - 2) : x + across + 2] = RED
    for x, y, across, down in boxes:
        inside = np.s_[y : min(height, y + down), x : min(width, x + across)]
        drawn[inside] = rgba[inside]
    return drawn


@pytest.mark.parametrize("name", ["two places", "grown", "half transparent"])
def test_what_a_box_holds_is_left_as_it_is(tmp_path: Path, name: str) -> None:
    first, second = SCENES[name]
    found, paths = draw(tmp_path, first, second)
    assert found.regions is not None
    for path, rgba in zip(paths, (as_rgba(first), as_rgba(second)), strict=False):
        drawn = decoded(path)
        assert drawn.shape == rgba.shape
        for x, y, across, down in found.regions:
            inside = np.s_[y : y + down, x : x + across]
            assert np.array_equal(drawn[inside], rgba[inside])
            if y >= 2 and y <= rgba.shape[0]:
                columns = slice(max(0, x - 2), min(rgba.shape[1], x + across + 2))
                assert (drawn[y - 2 : y, columns] == RED).all()
        touched = (drawn != rgba).any(axis=2)
        assert touched.sum() <= sum((across + 4) * (down + 4) for _, _, across, down in found.regions)


def test_equal_pictures_are_drawn_on_request(tmp_path: Path) -> None:
    found, paths = draw(tmp_path, PAGE, PAGE)
    assert found.status == "same"
    assert not (tmp_path / "03.diff").exists()
    found, paths = draw(tmp_path, PAGE, PAGE, draw_same=True)
    assert found.code == "bytes_equal"
    assert np.array_equal(decoded(paths[0]), as_rgba(PAGE))
    assert np.array_equal(decoded(paths[1]), as_rgba(PAGE))
    assert (decoded(paths[2])[..., :3] == 255).all()
    assert (decoded(paths[3])[..., :3] == 0).all()
    assert not decoded(paths[4]).any()


@pytest.mark.parametrize("seed", range(40))
def test_random_changes_are_drawn_as_they_are(tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng([7, seed])
    height, width, more_rows, more_columns = (int(n) for n in random.integers(1, 60, 4))
    page = random.integers(0, 256, (height + more_rows, width + more_columns, 4))
    other = page.copy()
    for _ in range(int(random.integers(1, 6))):
        y, x = int(random.integers(height)), int(random.integers(width))
        other[y : y + int(random.integers(1, 9)), x : x + 3] = random.integers(0, 256, 4)
    first, second = page[:height], other[:, :width]
    found, paths = draw(tmp_path, first, second)
    assert found.regions is not None
    one, two = as_rgba(first), as_rgba(second)
    similarity = metrics.structural_similarity(metrics.gray(one), metrics.gray(two))[1]
    assert np.array_equal(decoded(paths[0]), boxed(one, found.regions))
    assert np.array_equal(decoded(paths[1]), boxed(two, found.regions))
    assert np.array_equal(decoded(paths[2])[..., 0], oracles.byte_map(similarity))
    assert np.array_equal(decoded(paths[3])[..., 0] > 0, threshold(oracles.byte_map(similarity)))
    assert np.array_equal(decoded(paths[4]), drawings.delta(one, two))


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("seed", range(30))
def test_boxes_are_drawn_into_rows_that_filters_tie_together(
    tmp_path: Path, seed: int, channels: int
) -> None:
    random = np.random.default_rng([8, seed, channels])
    height, width = int(random.integers(20, 500)), int(random.integers(3, 40))
    page = random.integers(0, 256, (height, width, channels))
    filters = random.integers(seed % 4, 5, height).tolist()
    data = pngs.write(page, {3: 2, 4: 6}[channels], 8, filters=filters)
    header = images.inspect(data)
    assert isinstance(header, PngHeader)
    boxes = []
    for y in range(int(random.integers(10)), height, int(random.integers(30, 200))):
        boxes.append(regions.Region(int(random.integers(width)), y, 4, int(random.integers(1, 25))))
    drawing = drawings.Drawing(page.shape[:2], page.shape[:2])
    one, other = bands.scanlines(data, header), bands.scanlines(data, header)
    drawing.write(tmp_path, "x.png", lambda: one, lambda: other, boxes)
    for ending in drawing_files.ENDINGS[:2]:
        assert np.array_equal(decoded(tmp_path / f"x.png{ending}"), boxed(as_rgba(page), tuple(boxes)))


def test_drawings_never_write_into_those_of_another_run(tmp_path: Path) -> None:
    _, paths = draw(tmp_path, *SCENES["two places"])
    before = [path.read_bytes() for path in paths]
    for path in paths:
        os.link(path, tmp_path / path.name)
    draw(tmp_path, *SCENES["everywhere"])
    assert [(tmp_path / path.name).read_bytes() for path in paths] == before
    assert paths[0].read_bytes() != before[0]


# What cannot be written


def folder_in_the_way(ending: str) -> Callable[[Path], Path]:
    def stand(folder: Path) -> Path:
        path = folder / "03.diff" / f"shop/x.png{ending}"
        path.mkdir(parents=True)
        return path

    return stand


def file_in_place_of_the_folder(folder: Path) -> Path:
    path = folder / "03.diff" / "shop"
    path.parent.mkdir()
    path.write_bytes(b"a file")
    return path


@pytest.mark.parametrize(
    "hinder",
    [*map(folder_in_the_way, drawing_files.ENDINGS), file_in_place_of_the_folder],
    ids=[*drawing_files.ENDINGS, "no folder"],
)
def test_what_was_begun_is_removed_and_the_row_says_so(
    tmp_path: Path, hinder: Callable[[Path], Path]
) -> None:
    first, second = SCENES["two places"]
    plain, _ = draw(tmp_path / "plain", first, second)
    obstacle = hinder(tmp_path)
    found, _ = draw(tmp_path, first, second)
    assert "drawings could not be written" in found.messages
    assert str(tmp_path / "03.diff") in found.messages
    assert found.messages.startswith(plain.messages)
    assert found._replace(messages="", seconds=0) == plain._replace(messages="", seconds=0)
    left = [path for path in (tmp_path / "03.diff").glob("**/*") if path.name != "shop"]
    assert left == ([obstacle] if obstacle.name != "shop" else [])


def test_a_path_that_is_too_long_is_said(tmp_path: Path) -> None:
    pair = pair_of(*SCENES["one pixel"], tmp_path)
    path = "/".join(["d" * 200] * 30)
    found = workers.compare(Job(pair, tmp_path / "03.diff", path))
    assert (found.status, found.code) == ("changed", "pixels_differ")
    assert "drawings could not be written" in found.messages
    drawing_files.remove(tmp_path / "03.diff", path)


def test_remove_takes_a_pairs_drawings_and_no_others(tmp_path: Path) -> None:
    _, paths = draw(tmp_path, *SCENES["one pixel"])
    other = paths[0].with_name("x.png-6.other.png")
    other.write_bytes(b"")
    paths[2].unlink()
    drawing_files.remove(tmp_path / "03.diff", "shop/x.png")
    assert [path for path in (tmp_path / "03.diff").glob("**/*") if path.is_file()] == [other]
    drawing_files.remove(tmp_path / "03.diff", "shop/x.png")
