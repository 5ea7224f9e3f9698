"""The changes of rows: as a text that goes with the row until a run is complete, and as a file."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.rows import CHANGED, MISSING, missing_as_none

from mymodules import results
from mymodules.comparison.changes import Change, listed
from mymodules.errors import ResultsError
from mymodules.regions import Region
from mymodules.results import CHANGE_COLUMNS, runfiles

EDIT = Change("edit", Region(1, 2, 3, 4), Region(1, 9, 3, 4), 12, 255, 5, "0" * 24, "f" * 24)
SPACE = Change("space", Region(0, 7, 50, 0), Region(0, 7, 50, 8), 400, None, 0, "1" * 24, "e" * 24)
TEXT = (
    "edit 1 2 3 4 1 9 3 4 12 255 5 000000000000000000000000 ffffffffffffffffffffffff"
    "|space 0 7 50 0 0 7 50 8 400 - 0 111111111111111111111111 eeeeeeeeeeeeeeeeeeeeeeee"
)
HEADER = (
    "image_filename,number,kind,x_first,y_first,width_first,height_first,x_second,y_second,width_second,"
    "height_second,pixels,largest,faint,signature,surroundings,rules"
)
STAMP = "20240102-030405"


def table(path: Path) -> list[list[object]]:
    frame = results.load_changes(path)
    assert frame is not None
    return [list(line) for line in zip(*(missing_as_none(frame[name]) for name in frame), strict=True)]


def test_changes_are_one_text() -> None:
    assert listed([EDIT, SPACE]) == TEXT
    assert listed([]) == ""
    assert results.number_of(TEXT) == 2
    assert results.number_of("") == 0


@pytest.mark.parametrize(
    "text",
    ["|", f"{TEXT}|", f"|{TEXT}", "edit", TEXT.replace("edit", "gone"), TEXT.replace(" 12 ", " -12 "),
     TEXT.replace(" 12 ", " 1,2 "), TEXT.replace("000 ", "00g "), f'{TEXT}"', f"{TEXT}\n", "=1+1"],
)  # fmt: skip
def test_any_other_text_is_none(text: str) -> None:
    assert results.number_of(text) is None


def test_the_file_has_a_line_for_each_change(tmp_path: Path) -> None:
    path = runfiles.changes_path(tmp_path, STAMP)
    digest = results.write_changes(path, [("a.png", TEXT), ('=b,"c".png', TEXT)])
    data = path.read_bytes()
    assert data.startswith(
        b"\xef\xbb\xbf" + HEADER.encode() + b"\r\na.png,1,edit,1,2,3,4,1,9,3,4,12,255,5,000"
    )
    assert b'"\'=b,""c"".png",2,space,0,7,50,0,0,7,50,8,400,,0,111' in data
    assert len(list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))) == 1 + 4
    assert table(path.with_name(f"results-{STAMP}.csv")) == [
        ["a.png", 1, "edit", 1, 2, 3, 4, 1, 9, 3, 4, 12, 255, 5, "0" * 24, "f" * 24, ""],
        ["a.png", 2, "space", 0, 7, 50, 0, 0, 7, 50, 8, 400, None, 0, "1" * 24, "e" * 24, ""],
        ['=b,"c".png', 1, "edit", 1, 2, 3, 4, 1, 9, 3, 4, 12, 255, 5, "0" * 24, "f" * 24, ""],
        ['=b,"c".png', 2, "space", 0, 7, 50, 0, 0, 7, 50, 8, 400, None, 0, "1" * 24, "e" * 24, ""],
    ]
    assert results.read_changes(path, digest) == {"a.png": TEXT, '=b,"c".png': TEXT}


def test_only_the_file_that_a_run_wrote_is_trusted(tmp_path: Path) -> None:
    path = runfiles.changes_path(tmp_path, STAMP)
    digest = results.write_changes(path, [("a.png", TEXT)])
    assert results.read_changes(path, None) == {}  # a run that listed none
    path.write_bytes(path.read_bytes().replace(b",12,", b",13,"))
    with pytest.warns(UserWarning, match="edited or damaged"):
        assert results.read_changes(path, digest) == {}
    path.unlink()
    assert results.read_changes(path, digest) == {}
    assert results.load_changes(tmp_path / f"results-{STAMP}.csv") is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b",12,", b",x,", "pixels is 'x'"),
        (b"number", b"count", "columns"),
        (b",12,", b",", "it has 16 cells"),
    ],
)
def test_a_file_that_is_not_understood_is_named(tmp_path: Path, old: bytes, new: bytes, said: str) -> None:
    path = runfiles.changes_path(tmp_path, STAMP)
    results.write_changes(path, [("a.png", TEXT)])
    path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(ResultsError, match=said) as caught:
        results.load_changes(tmp_path / f"results-{STAMP}.csv")
    assert path.name in str(caught.value)


@given(st.integers(0, 4000))
def test_a_row_in_a_partial_file_is_never_without_its_changes(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    """Wherever a killed process has left off; a list is longer than a cell of the csv module may be."""
    path = runfiles.partial_path(tmp_path_factory.getbasetemp(), STAMP)
    many = "|".join([TEXT] * 1000)
    second = CHANGED._replace(image_filename="b.png", listed=many, changes=2000)
    rows = [CHANGED._replace(listed=TEXT), second, MISSING]
    with results.PartialWriter(path, rows) as writer:
        assert [*writer.listed([row.image_filename for row in rows], {})] == [
            (rows[0].image_filename, TEXT), ("b.png", many),
        ]  # fmt: skip
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - cut * 50])
    kept = results.read_partial(path)
    assert kept == rows[: len(kept)]
    assert len(table(path)) == sum(row.changes or 0 for row in kept)
    assert list(results.load(path).columns) == list(results.COLUMNS)


def test_the_finished_file_has_no_list(tmp_path: Path) -> None:
    rows = [CHANGED._replace(listed=TEXT), MISSING]
    names = [row.image_filename for row in rows]
    with results.PartialWriter(runfiles.partial_path(tmp_path, STAMP), rows) as writer:
        results.write(tmp_path / "r.csv", writer.sorted(names, {}))
    results.write(tmp_path / "plain.csv", [CHANGED, MISSING])
    assert (tmp_path / "r.csv").read_bytes() == (tmp_path / "plain.csv").read_bytes()


def test_the_columns_are_those_of_a_change() -> None:
    assert ",".join(CHANGE_COLUMNS) == HEADER
