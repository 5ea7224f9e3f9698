"""What every file gets: exactly one row. Each line of the table of statuses and codes, on real files."""

import io
from pathlib import Path

import pytest
from PIL import Image
from support.cases import CASES
from support.samples import JPEG, LONG, NOISE, PLAIN, SHORT, with_rows
from support.sides import COMPARED, MANY_FILE_SYSTEMS_REFUSE, Folders, put, row, row_of, rows, untimed

from mymodules import images, settings, workers
from mymodules.formats import jpeg, png


def size_of(data: bytes | None) -> tuple[int | None, int | None]:
    """Width and height as Pillow or the header says, where the container is whole."""
    if not data:
        return None, None
    try:
        header = images.inspect(data)
    except Exception:
        return None, None
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.size == (header.width, header.height)
    return header.width, header.height


@pytest.mark.parametrize("name", CASES)
def test_each_line_of_the_table(folders: Folders, name: str) -> None:
    case = CASES[name]
    found = row_of(folders, case.first, case.second)
    assert (found.status, found.code) == (case.status, case.code), found.messages
    assert (found.verdict, found.rules) == (case.status, None)  # there are no rules
    for words in case.words:
        assert words in found.messages
    assert found.image_filename == "x.png"
    assert found.first_digest == (None if case.first is None else images.digest(case.first))
    assert found.second_digest == (None if case.second is None else images.digest(case.second))
    if case.code != "too_many_pixels":
        assert (found.width_first, found.height_first) == size_of(case.first)
        assert (found.width_second, found.height_second) == size_of(case.second)
    figures = {column: getattr(found, column) for column in COMPARED}
    if case.status in ("same", "changed"):
        assert None not in figures.values()
    else:
        assert set(figures.values()) == {None}
    if case.status == "same" or case.code == "low_bits_differ":
        assert found.ssim_score == 1.0
        assert [found.num_diff_pixels, found.regions, found.region_pixels] == [0, (), ()]
        assert found.combined == 0


SWAPPED_STATUS = {"missing": ("extra", "only_second"), "extra": ("missing", "only_first")}
SWAPPED_CAUSE = {"px_inserted": "px_removed", "px_removed": "px_inserted"}


@pytest.mark.parametrize("name", [name for name in CASES if "first's code" not in name])
def test_the_other_way_round_it_is_the_same_verdict(folders: Folders, name: str) -> None:
    case = CASES[name]
    one, other = (row_of(folders, case.first, case.second), row_of(folders, case.second, case.first))
    if case.first is None or case.second is None:
        assert (other.status, other.code) == SWAPPED_STATUS[case.status]
    else:
        assert (other.status, other.code) == (one.status, one.code)
    for column in COMPARED:
        assert getattr(other, SWAPPED_CAUSE.get(column, column)) == getattr(one, column), column


def test_the_pool_function_gives_the_same_rows_for_a_path_of_either_side(folders: Folders) -> None:
    for number, case in enumerate(CASES.values()):
        put(folders, case.first, case.second, f"{number // 10}/{number}.png")
    settings.init(None, *folders)
    expected = {found.image_filename: untimed(found) for found in rows(folders)}
    assert len(expected) == len(CASES)
    for folder in (folders.first, folders.second):
        for path in folder.glob("**/*.png"):
            found = workers.compare_image_diff(path)
            assert untimed(found) == expected[path.relative_to(folder).as_posix()]
            assert found[:3] == (found.ssim_score, found.image_filename, found.messages)


EVIL = "a \"q\" 'r'\n\r\u2028\x85 が 😀 =1"


@MANY_FILE_SYSTEMS_REFUSE
@pytest.mark.parametrize("name", CASES)
def test_messages_are_one_line_for_a_person(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    evil = Folders(*(tmp_path / EVIL / side for side in ("first", "second", "out")))
    for folder in evil:
        folder.mkdir(parents=True)
    put(evil, case.first, case.second, f"{EVIL}/{EVIL}.png")
    found = row(evil)
    assert found.status == case.status
    assert found.messages.endswith(".")
    assert '"' not in found.messages
    assert found.messages.splitlines() == [found.messages]
    assert len(found.messages) < 32_000
    if case.status == "error":
        assert "first cannot be compared" in found.messages or "second cannot be compared" in found.messages


# Same bytes: the container is walked, pixels are not decoded


def test_same_bytes_are_not_decoded(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    for module in (png, jpeg):
        for name in ("inspect", "decode"):
            whole = getattr(module, name)
            monkeypatch.setattr(
                module, name, lambda *a, _whole=whole, _name=name: (calls.append(_name), _whole(*a))[1]
            )
    monkeypatch.setattr(png, "unfilter", lambda *a: calls.append("unfilter"))
    for data in (PLAIN, JPEG):
        found = row_of(folders, data, data)
        assert (found.status, found.code) == ("same", "bytes_equal")
    assert calls == ["inspect"] * 2  # once for both sides


@pytest.mark.parametrize(
    "data",
    [SHORT, NOISE, with_rows(PLAIN, lambda rows: b"\x09" + rows[1:])],
)
def test_of_same_bytes_the_container_alone_is_walked(folders: Folders, data: bytes) -> None:
    assert row_of(folders, data, data).code == "bytes_equal"
    assert row_of(folders, data, PLAIN).code == "corrupt"
    checked = row_of(folders, data, data, check_pixels=True)
    assert (checked.status, checked.code) == ("error", "corrupt")
    for side in ("first", "second"):
        assert f"{side} cannot be compared" in checked.messages


@pytest.mark.parametrize("data", [PLAIN, JPEG])
def test_same_bytes_that_are_decoded_give_the_same_row(folders: Folders, data: bytes) -> None:
    rows = [
        row_of(folders, data, data, check_pixels=checked)._replace(seconds=None) for checked in (False, True)
    ]
    assert rows[0] == rows[1]


def test_what_decoding_finds_odd_in_same_bytes_is_named_for_both(folders: Folders) -> None:
    assert "surplus" not in row_of(folders, LONG, LONG).messages
    found = row_of(folders, LONG, LONG, check_pixels=True)
    assert found.code == "bytes_equal"
    assert found.messages.count("has surplus bytes") == 2
