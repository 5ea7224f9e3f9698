"""The explorer's thumbnails: messages of a page and their answers, without a page."""

import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.containers import as_pillow_reads
from support.containers import pillow as encoded

from mymodules import batch
from mymodules.explore.thumbnails import Thumbnails

PATIENCE = 60.0  # s
PICTURE = np.random.default_rng(7).integers(0, 256, (40, 50, 3), np.uint8)
SECOND = PICTURE.copy()
SECOND[10:14, 20:30] ^= 0x33  # 40 pixels
NAMES = [f"{letter}.png" for letter in "abcdef"]
PART = [15, 5, 20, 16, 20, 16]


@pytest.fixture(scope="module")
def frame(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    root = tmp_path_factory.mktemp("thumbnails")
    for side, picture in (("first", PICTURE), ("second", SECOND)):
        (root / side).mkdir()
        for name in NAMES:
            (root / side / name).write_bytes(encoded(picture))
    (root / "first" / "missing.png").write_bytes(encoded(PICTURE))
    (root / "out").mkdir()
    run = batch.run(
        root / "first", root / "second", root / "out", num_processors=1, pictures="none", store=None
    )
    return run.frame()


class Page:
    """A page that asks, and takes the answers of any thread."""

    def __init__(self, frame: pd.DataFrame, run: batch.Run | None = None) -> None:
        self.answers: queue.Queue[tuple[dict[str, Any], list[bytes]]] = queue.Queue()
        self.free = threading.Event()
        self.free.set()
        self.thumbnails = Thumbnails(frame, run, self.take)

    def take(self, message: dict[str, Any], buffers: list[bytes]) -> None:
        self.answers.put((message, buffers))
        assert self.free.wait(PATIENCE)

    def send(self, message: object) -> None:
        self.thumbnails.received(None, message, [])

    def ask(self, number: str, name: str, sides: tuple[str, ...] = ("first", "second", "delta")) -> None:
        self.send({"kind": "thumbnails", "id": number, "name": name, "sides": [*sides], "part": PART})

    def answer(self) -> tuple[dict[str, Any], list[bytes]]:
        return self.answers.get(timeout=PATIENCE)


@pytest.fixture
def page(frame: pd.DataFrame) -> Iterator[Page]:
    page = Page(frame)
    yield page
    page.free.set()


def test_the_shape_of_a_row_is_answered_without_a_file(page: Page, frame: pd.DataFrame) -> None:
    page.send({"kind": "shape", "id": "1", "name": "a.png"})
    answer, buffers = page.answers.get_nowait()
    assert answer == {
        "kind": "thumbnails",
        "id": "1",
        "first": [50, 40],
        "second": [50, 40],
        "regions": [[20, 10, 10, 4, 40]],
        "message": frame["messages"][0],
    }
    assert buffers == []


def test_a_side_without_a_file_has_no_size(page: Page) -> None:
    page.send({"kind": "shape", "id": "1", "name": "missing.png"})
    answer, _ = page.answer()
    assert (answer["first"], answer["second"], answer["regions"]) == ([50, 40], [None, None], [])


def test_regions_that_were_not_counted_have_null(frame: pd.DataFrame) -> None:
    page = Page(frame.drop(columns="region_pixels"))
    page.send({"kind": "shape", "id": "1", "name": "a.png"})
    assert page.answer()[0]["regions"] == [[20, 10, 10, 4, None]]


def test_pictures_come_in_the_order_of_their_sides(page: Page) -> None:
    page.ask("7", "a.png")
    answer, buffers = page.answer()
    size = {"width": 20, "height": 16, "changed": None}
    assert answer == {
        "kind": "thumbnails",
        "id": "7",
        "pictures": {"first": size, "second": size, "delta": size},
    }
    assert np.array_equal(as_pillow_reads(buffers[0]), PICTURE[5:21, 15:35])
    assert np.array_equal(as_pillow_reads(buffers[1]), SECOND[5:21, 15:35])
    assert np.count_nonzero(as_pillow_reads(buffers[2], "RGBA")[:, :, 3]) == 40


def test_a_side_that_cannot_be_shown_has_a_sentence_and_no_buffer(page: Page) -> None:
    page.ask("1", "missing.png", ("first", "second"))
    answer, buffers = page.answer()
    assert answer["pictures"]["second"] == {"error": "Only in first: second has no file of this name."}
    assert np.array_equal(as_pillow_reads(buffers[0]), PICTURE[5:21, 15:35])
    assert len(buffers) == 1


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    for side in ("first", "second"):
        (tmp_path / side).mkdir()
        (tmp_path / side / "a.png").write_bytes(encoded(PICTURE))
    (tmp_path / "out").mkdir()
    run = batch.run(
        tmp_path / "first",
        tmp_path / "second",
        tmp_path / "out",
        num_processors=1,
        pictures="none",
        store=None,
    )
    page = Page(run.frame().assign(messages=""), run)
    page.ask("1", "a.png", ("first",))
    page.answer()
    (tmp_path / "first" / "a.png").write_bytes(encoded(255 - PICTURE) + b" ")
    page.ask("2", "a.png", ("first",))
    answer, (data,) = page.answer()
    assert np.array_equal(as_pillow_reads(data), 255 - PICTURE[5:21, 15:35])
    assert "has changed since the run" in answer["pictures"]["first"]["changed"]


def test_answers_that_are_no_longer_wanted_do_not_come(page: Page) -> None:
    page.free.clear()  # both threads wait in their first answer
    page.ask("1", "a.png")
    page.ask("2", "b.png")
    first = {page.answer()[0]["id"] for _ in range(2)}
    for number, name in zip("3456", NAMES[2:], strict=True):
        page.ask(number, name)
    page.send({"kind": "drop", "ids": ["3", "5", "absent"]})
    page.free.set()
    assert first == {"1", "2"}
    assert {page.answer()[0]["id"] for _ in range(2)} == {"4", "6"}
    page.ask("7", "a.png")
    assert page.answer()[0]["id"] == "7"


def test_what_was_dropped_can_be_asked_for_again(page: Page) -> None:
    page.free.clear()
    page.ask("1", "a.png")
    page.ask("2", "b.png")
    assert {page.answer()[0]["id"] for _ in range(2)} == {"1", "2"}
    page.ask("3", "c.png")
    page.send({"kind": "drop", "ids": ["3"]})
    page.ask("4", "c.png")
    page.free.set()
    answer, buffers = page.answer()
    assert (answer["id"], len(buffers)) == ("4", 3)


def test_a_row_that_is_not_there_is_reported(page: Page) -> None:
    for kind in ("shape", "thumbnails"):
        page.send({"kind": kind, "id": "1", "name": "absent.png", "sides": ["first"], "part": PART})
        answer, _ = page.answer()
        assert answer["error"] == "This row is no longer among those of the table."


@pytest.mark.parametrize("wrong", [{"part": [0, 0, 5]}, {"part": None}, {"sides": None}, {"name": ["a.png"]}])
def test_a_request_that_makes_no_sense_is_answered_with_a_sentence(page: Page, wrong: dict[str, Any]) -> None:
    message = {"kind": "thumbnails", "id": "1", "name": "a.png", "sides": ["first"], "part": PART}
    page.send(message | wrong)
    answer, _ = page.answer()
    assert answer["id"] == "1"
    assert answer["error"].startswith("This cannot be shown: ")


@pytest.mark.parametrize("message", [None, "text", {}, {"kind": "hello"}, {"kind": "step", "by": 1}])
def test_messages_of_other_parts_of_the_page_are_ignored(page: Page, message: object) -> None:
    page.send(message)
    page.send({"kind": "shape", "id": "1", "name": "a.png"})
    assert page.answers.get_nowait()[0]["id"] == "1"
