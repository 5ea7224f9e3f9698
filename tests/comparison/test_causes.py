"""Rows say why pixels differ, whatever kind of file holds them, and drawings stay what they were."""

import io
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from support import planted
from support.sides import Folders, put, row_of

import mymodules
from mymodules import images, kernel, opencv
from mymodules.comparison import Job, alignment, pair
from mymodules.comparison.alignment import align
from mymodules.comparison.changes import changes
from mymodules.comparison.ledger import ledger
from mymodules.comparison.pieces import Piece
from mymodules.kernel import Kernel
from mymodules.pairs import Pair
from mymodules.regions import Region
from mymodules.workers import PairResult

SECTIONS = planted.sections(7, 8)
PAGE = planted.stacked(SECTIONS)
WIDTH, HEIGHT = planted.WIDTH, planted.HEIGHT


def grown() -> np.ndarray:
    """The page with one section more, and 9 x 6 px that changed below it."""
    last = planted.shaded(SECTIONS[7], 30, 12, 9, 6)
    return planted.stacked([*SECTIONS[:3], planted.section(5), *SECTIONS[3:7], last])


def dotted() -> np.ndarray:
    """The page with 9 x 6 px changed in one section: of few rows only these are read."""
    return planted.stacked([*SECTIONS[:4], planted.shaded(SECTIONS[4], 30, 12, 9, 6), *SECTIONS[5:]])


def exchanged() -> np.ndarray:
    """The page with two sections in another order."""
    return planted.stacked([*SECTIONS[:2], SECTIONS[3], SECTIONS[2], *SECTIONS[4:]])


def saved(rgba: np.ndarray, mode: str = "RGBA", ending: str = "png") -> bytes:
    file = io.BytesIO()
    Image.fromarray(rgba).convert(mode).save(file, ending, **({"lossless": True} if ending == "webp" else {}))
    return file.getvalue()


def deep(rgba: np.ndarray) -> bytes:
    """16 bits per channel, of which the high byte counts."""
    return cv2.imencode(".png", rgba[:, :, 2::-1].astype(np.uint16) << 8)[1].tobytes()


KINDS: dict[str, Callable[[np.ndarray], bytes]] = {
    "RGBA": saved,
    "RGB": lambda rgba: saved(rgba, "RGB"),
    "gray": lambda rgba: saved(rgba, "L"),
    "gray with alpha": lambda rgba: saved(rgba, "LA"),
    "16 bits": deep,
    "webp": lambda rgba: saved(rgba, "RGBA", "webp"),
    "bmp": lambda rgba: saved(rgba, "RGB", "bmp"),
}


def causes(row: PairResult) -> tuple[int | None, ...]:
    return row.px_changed, row.px_inserted, row.px_removed, row.px_moved


def explained(first: bytes, second: bytes) -> tuple[tuple[int, ...], int]:
    """Causes and number of changes by the functions themselves, from whole pictures."""
    one, other = images.read_rgba(first), images.read_rgba(second)
    pieces = align(one, other)
    found = ledger(one, other, pieces)
    return (found.changed, found.inserted, found.removed, found.moved), len(changes(one, other, pieces))


@pytest.mark.parametrize("make", [dotted, grown, exchanged])
@pytest.mark.parametrize("kinds", [*zip(KINDS, KINDS, strict=True), ("RGB", "RGBA"), ("bmp", "gray")])
def test_causes_are_those_of_the_pixels(
    folders: Folders, kinds: tuple[str, str], make: Callable[[], np.ndarray]
) -> None:
    first, second = KINDS[kinds[0]](PAGE), KINDS[kinds[1]](make())
    row = row_of(folders, first, second)
    assert (causes(row), row.changes) == explained(first, second)
    assert sum(part or 0 for part in causes(row)) == row.num_diff_pixels
    assert (row.px_tolerated, row.px_masked) == (0, 0)


def test_what_only_moved_is_not_changed(folders: Folders) -> None:
    row = row_of(folders, KINDS["RGB"](PAGE), KINDS["RGB"](grown()))
    changed, inserted, removed, moved = causes(row)
    assert row.changes == 2  # the section that came, and the box
    assert changed in range(9 * 6, 2 * 9 * 6 + 1)  # where it stands in second, and where it stood in first
    assert inserted in range(1, HEIGHT * WIDTH + 1)
    assert removed == 0
    assert moved == (row.num_diff_pixels or 0) - (changed or 0) - (inserted or 0)
    assert moved > HEIGHT * WIDTH


@pytest.mark.parametrize("kind", ["RGB", "RGBA", "gray"])
@pytest.mark.parametrize("make", [dotted, grown])
def test_drawings_show_the_same_pictures(folders: Folders, kind: str, make: Callable[[], np.ndarray]) -> None:
    put(folders, KINDS[kind](PAGE), KINDS[kind](make()))
    drawn = {}
    for moves in (False, True):
        job = Job(
            Pair("x.png", str(folders.first / "x.png"), str(folders.second / "x.png")),
            folders.out / str(moves),
            "x",
            moves=moves,
        )
        pair.compare(job)
        files = sorted((folders.out / str(moves)).iterdir())
        drawn[moves] = [cv2.imread(str(file), cv2.IMREAD_UNCHANGED) for file in files]
    assert len(drawn[True]) == 5
    assert all(
        one.shape == other.shape and np.array_equal(one, other)
        for one, other in zip(drawn[False], drawn[True], strict=True)
    )


@pytest.mark.parametrize(("width", "height"), [(1, 65), (2, 1), (1, 1), (3, 129), (300, 1)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_pictures_of_any_size_turn_into_rgba_in_place(
    folders: Folders, mode: str, width: int, height: int
) -> None:
    random = np.random.default_rng(width * height)
    one, other = (random.integers(0, 256, (height, width, 4), np.uint8) for _ in range(2))
    first, second = saved(one, mode), saved(other, mode)
    row = row_of(folders, first, second)
    assert row.px_changed == row.num_diff_pixels
    assert (causes(row), row.changes) == explained(first, second)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("make", [dotted, grown])
def test_files_of_pixels_are_explained_without_opencv(
    folders: Folders,
    mode: str,
    make: Callable[[], np.ndarray],
    kernels: list[Kernel],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It takes 16 MB of each process that has loaded it."""
    data = saved(PAGE, mode), saved(make(), mode)
    expected = explained(*data)

    def refused(name: str) -> None:
        raise AssertionError(f"cv2.{name} is used")

    monkeypatch.setattr(kernel, "loaded", lambda: kernels[-1])
    monkeypatch.setattr(opencv, "__getattr__", refused)
    row = row_of(folders, *data)
    assert (causes(row), row.changes) == expected
    assert row.px_changed


def test_pairs_without_differing_pixels_have_none(folders: Folders) -> None:
    data = saved(PAGE)
    low = cv2.imencode(".png", (PAGE[:, :, :3].astype(np.uint16) << 8) + 1)[1].tobytes()
    high = cv2.imencode(".png", PAGE[:, :, :3].astype(np.uint16) << 8)[1].tobytes()
    equal = row_of(folders, data, data)
    again = row_of(folders, data, saved(PAGE, "RGBA", "webp"))
    finer = row_of(folders, high, low)
    assert (equal.code, again.code, finer.code) == ("bytes_equal", "pixels_equal", "low_bits_differ")
    for row in (equal, again, finer):
        assert (*causes(row), row.px_tolerated, row.px_masked, row.changes) == (0,) * 7


def test_pairs_that_were_not_compared_have_no_causes(folders: Folders) -> None:
    for row in (row_of(folders, saved(PAGE), None), row_of(folders, saved(PAGE), b"no picture")):
        assert (*causes(row), row.px_tolerated, row.px_masked, row.changes) == (None,) * 7


def test_nothing_is_explained_without_moves(folders: Folders) -> None:
    data = saved(PAGE), saved(grown())
    without, known = row_of(folders, *data, moves=False), row_of(folders, *data)
    assert (*causes(without), without.px_tolerated, without.px_masked, without.changes) == (None,) * 7
    figures = {"seconds": None} | dict.fromkeys(PairResult._fields[23:30])
    assert without._replace(**figures) == known._replace(**figures)


def test_a_fault_in_them_costs_the_causes_only(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> tuple[Piece, ...]:
        raise RuntimeError("no luck")

    monkeypatch.setattr(alignment.moves, "found", broken)
    row = row_of(folders, saved(PAGE), saved(grown()))
    assert row.status == "changed"
    assert row.num_diff_pixels
    assert causes(row) == (None,) * 4
    assert "What moved is unknown: a fault in this program, RuntimeError: no luck in" in row.messages


def test_memory_that_runs_out_costs_the_causes_only(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> tuple[Piece, ...]:
        raise MemoryError

    monkeypatch.setattr(alignment.moves, "found", broken)
    row = row_of(folders, saved(PAGE), saved(grown()))
    assert (row.status, causes(row)) == ("changed", (None,) * 4)
    assert "There was not enough memory to find out what moved." in row.messages


def test_a_run_that_proves_its_pieces_refuses_wrong_ones(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of which two are called equal, although they are not."""
    monkeypatch.setenv("MYMODULES_PROVE", "1")
    first, second = saved(PAGE), saved(dotted())
    assert row_of(folders, first, second).status == "changed"
    whole = Region(0, 0, WIDTH, 8 * HEIGHT)
    monkeypatch.setattr(alignment, "_aligned", lambda *_: [Piece("same", whole, whole)])
    row = row_of(folders, first, second)
    assert (row.status, row.code) == ("error", "internal")
    assert "are not equal" in row.messages


def test_an_outcome_has_the_changes(tmp_path: Path) -> None:
    outcome = mymodules.compare(PAGE, grown())
    assert [change.kind for change in outcome.changes] == ["insert", "edit"]
    assert outcome.row.changes == 2
    edit = outcome.changes[1]
    assert (edit.second, edit.pixels) == (Region(30, 8 * HEIGHT + 12, 9, 6), 54)
    assert edit.first == Region(30, 7 * HEIGHT + 12, 9, 6)
    assert mymodules.compare(PAGE, grown(), moves=False).changes == ()
