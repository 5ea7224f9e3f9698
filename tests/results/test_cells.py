"""A row and its cells, back and forth."""

import json

import pytest
from hypothesis import given
from support import rows, strategies
from support.rows import CHANGED, MISSING

from mymodules import pairs, results
from mymodules.regions import Region
from mymodules.results import COLUMNS
from mymodules.workers import PairResult

HEADER = (
    "ssim_score,image_filename,messages,status,code,num_diff_pixels,pixel_diff_percent,max_diff_r,max_diff_g,"
    "max_diff_b,max_diff_a,dim_differ,combined,width_first,height_first,width_second,height_second,regions,"
    "first_digest,second_digest,seconds,renamed_from,region_pixels,"
    "px_changed,px_inserted,px_removed,px_moved,px_tolerated,px_masked,changes,second_filename,rename_score,"
    "rules,verdict"
)


def test_columns_are_those_of_a_row() -> None:
    assert ",".join(COLUMNS) == HEADER


def test_cells_of_a_row() -> None:
    assert ",".join(results.format_row(CHANGED)[:17]) == (
        "0.987654321012345,a/ページ 1.png,3 pixels differ.,changed,pixels_differ,3,0.1,255,0,1,0,false,1.25,"
        "100,30,100,30"
    )
    assert results.format_row(CHANGED)[17:] == [
        "[[1,2,3,4],[50,6,7,8]]", "0" * 32, "f" * 32, "0.03125", "", "[2,1]",
        "1", "2", "0", "0", "0", "0", "2", *[""] * 4,
    ]  # fmt: skip
    assert results.format_row(MISSING) == [
        "", "'=1+1.png", "Only in first.", "missing", "only_first", *[""] * 8, "7", "9", "", "", "",
        "ab" * 16, "", "1e-05", *[""] * 13,
    ]  # fmt: skip


def test_numbers_of_numpy_are_plain_numbers() -> None:
    import numpy as np

    row = CHANGED._replace(
        ssim_score=np.float64(0.5), num_diff_pixels=np.int64(3), dim_differ=np.bool_(True),
        regions=(tuple(np.array([1, 2, 3, 4])),), seconds=np.float32(0.5),
        region_pixels=tuple(np.array([5])),
    )  # fmt: skip
    cells = results.format_row(row)
    assert (cells[0], cells[5], cells[11], cells[17], cells[20]) == ("0.5", "3", "true", "[[1,2,3,4]]", "0.5")
    assert cells[22] == "[5]"


@pytest.mark.parametrize("figure", [1.0, 0.1 + 0.2, -1.0, 5e-324, 1 - 2**-53, 100.0])
def test_numbers_are_exact_and_never_guarded(figure: float) -> None:
    cells = results.format_row(CHANGED._replace(ssim_score=figure))
    assert cells[0] == repr(figure)
    assert results.parse_row(cells).ssim_score == figure


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("a.png", "a.png"),
        ("=1+1", "'=1+1"),
        ("'=1", "''=1"),
        ("''=1", "'''=1"),
        ("-1", "'-1"),
        ("+1", "'+1"),
        ("@a", "'@a"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("\nx", "'\nx"),
        ("'", "'"),
        ("'a", "'a"),
        ("a=1", "a=1"),
        (" =1", " =1"),
        ("", ""),
        ("NA", "NA"),
    ],
)
def test_texts_that_a_spreadsheet_takes_for_formulas(text: str, cell: str) -> None:
    cells = results.format_row(CHANGED._replace(image_filename=text))
    assert cells[1] == cell
    assert results.parse_row(cells).image_filename == text


def test_values_of_ones_own_metrics_follow_the_columns() -> None:
    row = CHANGED._replace(custom=(("luma", 1 / 3), ("edges", None)))
    cells = results.format_row(row)
    assert cells == [*results.format_row(CHANGED), repr(1 / 3), ""]
    assert results.parse_row(cells, ["luma", "edges"]) == row
    for names in ([], ["luma"], ["luma", "edges", "more"]):
        with pytest.raises(ValueError, match=r"shorter|longer"):
            results.parse_row(cells, names)
    with pytest.raises(ValueError, match="metric_luma is 'much', which is not a figure"):
        results.parse_row([*results.format_row(CHANGED), "much"], ["luma"])


@given(rows.rows)
def test_a_row_and_its_cells_are_exact_inverses(row: PairResult) -> None:
    cells = results.format_row(row)
    assert all(type(cell) is str for cell in cells)
    assert results.parse_row(cells) == row


@given(strategies.texts, strategies.texts)
def test_two_texts_never_share_a_cell(one: str, other: str) -> None:
    cells = [results.format_row(CHANGED._replace(messages=text))[2] for text in (one, other)]
    assert (cells[0] == cells[1]) == (one == other)
    assert not cells[0].startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("ssim_score", "much"),
        ("num_diff_pixels", "1.5"),
        ("dim_differ", "yes"),
        ("regions", "[1,2,3,4]"),
        ("regions", "[[1,2,3]]"),
        ("regions", "[[1,2,3,true]]"),
        ("regions", "{}"),
        ("regions", "[["),
        ("region_pixels", "3"),
        ("region_pixels", "[1.5]"),
        ("region_pixels", "[true]"),
        ("region_pixels", "[-1]"),
        ("region_pixels", "[[1]]"),
        ("region_pixels", f"[{2**53 + 1}]"),
        ("region_pixels", "[1"),
    ],
)
def test_a_cell_of_another_type_is_refused(column: str, cell: str) -> None:
    cells = results.format_row(CHANGED)
    cells[COLUMNS.index(column)] = cell
    with pytest.raises(ValueError, match=r"."):
        results.parse_row(cells)


def test_a_row_of_another_length_is_refused() -> None:
    for cells in (results.format_row(CHANGED)[:-1], [*results.format_row(CHANGED), ""]):
        with pytest.raises(ValueError, match="zip"):
            results.parse_row(cells)


def test_the_longest_cells_stay_below_a_spreadsheets_limit() -> None:
    regions = tuple(Region(123456, 123456, 123456, 123456) for _ in range(500))
    name = pairs.to_text("\udcff" * 4096)
    row = CHANGED._replace(messages=pairs.sentence("=" * 100_000), image_filename=name, regions=regions)
    row = row._replace(region_pixels=(2**53,) * 500)
    assert max(map(len, results.format_row(row))) < 32_000


def test_json_of_regions_is_compact() -> None:
    assert json.loads(results.format_row(CHANGED)[17]) == [[1, 2, 3, 4], [50, 6, 7, 8]]
    assert " " not in results.format_row(CHANGED)[17]


SAME = PairResult(
    1.0, "a b/ページ.png", "Equal byte for byte.", "same", "bytes_equal", 0, 0.0, 0, 0, 0, 0, False, 0.0,
    100, 30, 100, 30, (), "0" * 32, "0" * 32, 0.000104, None, (),
)  # fmt: skip


def test_a_row_same_is_seen_without_parsing() -> None:
    assert results.name_if_same(results.checked_line(SAME).decode()) == SAME.image_filename
    line = results.checked_line(SAME._replace(seconds=8.8e-05, ssim_score=None, regions=None)).decode()
    assert results.name_if_same(line) == SAME.image_filename


@pytest.mark.parametrize(
    ("cell", "other"),
    [
        ("same", "changed"), ("a b", "'=a"), ("a b", '"a'), ("Equal", "'=Equal"), ("1.0", "1e999"),
        ("1.0", "=1"), ("1.0", "nan"), ("1.0,", ""), ("false", "no"), ("30,[]", "30,[1]"), (",[]", ",[],[]"),
        (",0,0.0", ",1.5,0.0"), ("bytes_equal,0", "bytes_equal,x"), ("100,30", "1000000000000000000,30"),
        ("\r\n", "\n"), ("\r\n", "\r\n1.0,b.png\r\n"), ("Equal", "\ud800"),
    ],
)  # fmt: skip
def test_any_other_line_has_to_be_parsed(cell: str, other: str) -> None:
    line = results.checked_line(SAME).decode()
    assert cell in line
    assert results.name_if_same(line) == SAME.image_filename  # it is not taken for one like this
    assert results.name_if_same(line.replace(cell, other)) is None


@given(rows.rows)
def test_what_is_seen_without_parsing_is_true(row: PairResult) -> None:
    line = results.checked_line(row._replace(status="same", custom=()))
    seen = results.name_if_same(line.decode())
    parsed = results.parse_line(line)
    assert seen is None or (parsed is not None and (parsed.image_filename, parsed.status) == (seen, "same"))
