"""Rows on disk: what is written is read back exactly, whatever the names and whenever the writer dies."""

import csv
import io
import json
import math
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support import strategies

from mymodules import files, pairs, results
from mymodules import settings as folders
from mymodules.errors import OutputError, ResultsError
from mymodules.regions import Region
from mymodules.results import COLUMNS, runfiles
from mymodules.workers import PairResult

HEADER = (
    "ssim_score,image_filename,messages,status,code,num_diff_pixels,pixel_diff_percent,max_diff_r,max_diff_g,"
    "max_diff_b,max_diff_a,dim_differ,combined,width_first,height_first,width_second,height_second,regions,"
    "first_digest,second_digest,seconds,renamed_from,region_pixels"
)

STAMP = "20240102-030405"

CHANGED = PairResult(
    0.987654321012345, "a/ページ 1.png", "3 pixels differ.", "changed", "pixels_differ", 3, 0.1, 255, 0, 1, 0,
    False, 1.25, 100, 30, 100, 30, (Region(1, 2, 3, 4), Region(50, 6, 7, 8)), "0" * 32, "f" * 32, 0.03125,
    None, (2, 1),
)  # fmt: skip
MISSING = PairResult(
    None, "=1+1.png", "Only in first.", "missing", "only_first", width_first=7, height_first=9,
    first_digest="ab" * 16, seconds=1e-05,
)  # fmt: skip

figures = st.floats(allow_nan=False, allow_infinity=False) | st.none()
counts = st.integers(0, 2**40) | st.none()
digests = st.text("0123456789abcdef", min_size=32, max_size=32) | st.none()
boxes = st.lists(st.builds(Region, *[st.integers(0, 2**31)] * 4), max_size=4).map(tuple) | st.none()
pixels = st.lists(st.integers(0, 2**53), max_size=4).map(tuple) | st.none()
names = strategies.parts.map(pairs.to_text)
rows = st.builds(
    PairResult, figures, names, strategies.texts, st.sampled_from(["same", "changed", "error", ""]),
    strategies.texts, counts, figures, counts, counts, counts, counts, st.booleans() | st.none(), figures,
    counts, counts, counts, counts, boxes, digests, digests, figures,
    names.filter(bool) | st.none(), pixels,
)  # fmt: skip


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The output folder of the settings."""
    chosen = folders.Settings(tmp_path, tmp_path / "first", tmp_path / "second", tmp_path)
    monkeypatch.setattr(folders, "recorded", lambda: chosen)
    return tmp_path


# --- cells -----------------------------------------------------------------------------------------


def test_columns_are_those_of_a_row() -> None:
    assert ",".join(COLUMNS) == HEADER


def test_cells_of_a_row() -> None:
    assert ",".join(results.format_row(CHANGED)[:17]) == (
        "0.987654321012345,a/ページ 1.png,3 pixels differ.,changed,pixels_differ,3,0.1,255,0,1,0,false,1.25,"
        "100,30,100,30"
    )
    assert results.format_row(CHANGED)[17:] == [
        "[[1,2,3,4],[50,6,7,8]]", "0" * 32, "f" * 32, "0.03125", "", "[2,1]",
    ]  # fmt: skip
    assert results.format_row(MISSING) == [
        "", "'=1+1.png", "Only in first.", "missing", "only_first", *[""] * 8, "7", "9", "", "", "",
        "ab" * 16, "", "1e-05", "", "",
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


@given(rows)
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


# --- files -----------------------------------------------------------------------------------------


def test_the_file_is_what_excel_opens(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    results.write(path, [CHANGED, MISSING._replace(image_filename='new\nline "q".png')])
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf" + HEADER.encode() + b"\r\n0.987654321012345,a/")
    assert b'\r\n,"new\nline ""q"".png",Only in first.,missing,' in data
    assert data.endswith(b"1e-05,,\r\n")
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert [row["seconds"] for row in csv.DictReader(file)] == ["0.03125", "1e-05"]


@given(st.lists(rows, max_size=5))
def test_files_read_back_exactly(written: list[PairResult]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        finished, partial = Path(folder, "r.csv"), Path(folder, "r.partial.csv")
        results.write(finished, iter(written))
        with results.PartialWriter(partial) as writer:
            for row in written:
                writer.append(row)
        assert results.read(finished) == written
        assert results.read_partial(partial) == written
        assert len(list(Path(folder).iterdir())) == 2


def missing_as_none(values: Any) -> list[Any]:
    return [
        None if value is pd.NA or (isinstance(value, float) and math.isnan(value)) else value
        for value in values
    ]


@settings(max_examples=60)
@given(st.lists(rows, max_size=5))
@example([MISSING._replace(image_filename="NA", messages="", code="nan", status="None")])
def test_a_table_holds_the_same(written: list[PairResult]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "r.csv")
        results.write(path, written)
        frame = results.load(path)
    assert list(frame.columns) == list(COLUMNS)
    for name in COLUMNS:
        expected = [getattr(row, name) for row in written]
        if name == "regions":
            expected = [None if value is None else [list(box) for box in value] for value in expected]
        elif name == "region_pixels":
            expected = [None if value is None else list(value) for value in expected]
        assert missing_as_none(frame[name]) == expected


def test_dtypes_of_a_table(tmp_path: Path) -> None:
    for written in ([CHANGED, MISSING], [MISSING], []):
        results.write(tmp_path / "r.csv", written)
        dtypes = results.load(tmp_path / "r.csv").dtypes
        texts = {
            "image_filename",
            "messages",
            "status",
            "code",
            "first_digest",
            "second_digest",
            "renamed_from",
        }
        for name, dtype in dtypes.items():
            if name in texts:
                assert dtype == "str"
            elif name in {"ssim_score", "pixel_diff_percent", "combined", "seconds"}:
                assert dtype == "float64"
            elif name in {"regions", "region_pixels"}:
                assert dtype == "object"
            else:
                assert dtype == ("boolean" if name == "dim_differ" else "Int64")


def test_a_file_that_pandas_saved_again(tmp_path: Path) -> None:
    """It writes whole numbers beside missing ones as 12.0."""
    path = tmp_path / "r.csv"
    results.write(path, [CHANGED, MISSING])
    pd.read_csv(path).to_csv(path, index=False)
    assert "3.0" in path.read_text("utf-8")
    assert results.load(path)["num_diff_pixels"].iloc[0] == 3
    path.write_text(path.read_text("utf-8").replace(",3.0,", ",3.5,"), "utf-8")
    with pytest.raises(ResultsError, match=r"num_diff_pixels is '3\.5', which is not a whole number"):
        results.load(path)


def test_looking_for_results_creates_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ResultsError):
        results.load()
    assert list(tmp_path.iterdir()) == []


def test_regions_are_lists(tmp_path: Path) -> None:
    results.write(tmp_path / "r.csv", [CHANGED, MISSING, CHANGED._replace(regions=())])
    assert list(results.load(tmp_path / "r.csv")["regions"]) == [[[1, 2, 3, 4], [50, 6, 7, 8]], None, []]


def test_a_table_goes_through_pandas_own_pickle(tmp_path: Path) -> None:
    results.write(tmp_path / "r.csv", [CHANGED])
    frame = results.load(tmp_path / "r.csv")
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(frame)), frame)


def rewritten(path: Path, header: list[str], lines: list[list[str]], ending: str = "\r\n") -> Path:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=ending).writerows([header, *lines])
    path.write_bytes(text.getvalue().encode("utf-8-sig"))
    return path


@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("tail", ["", "\n", "\r\n\r\n"])
def test_line_endings_and_empty_lines_of_editors(tmp_path: Path, ending: str, tail: str) -> None:
    path = rewritten(tmp_path / "r.csv", list(COLUMNS), [results.format_row(CHANGED)], ending)
    path.write_bytes(path.read_bytes() + tail.encode())
    assert results.read(path) == [CHANGED]
    assert list(results.load(path)["status"]) == ["changed"]


def test_earlier_files_lack_later_columns(tmp_path: Path) -> None:
    path = rewritten(tmp_path / "r.csv", list(COLUMNS[:9]), [results.format_row(CHANGED)[:9]])
    assert results.read(path) == [PairResult(*CHANGED[:9])]
    frame = results.load(path)
    assert list(frame.columns) == list(COLUMNS)
    assert frame["regions"][0] is None
    assert frame["combined"].isna().all()
    assert frame["dim_differ"].dtype == "boolean"


def test_a_file_without_the_pixels_of_regions(tmp_path: Path) -> None:
    cells = [results.format_row(row)[:22] for row in (CHANGED, MISSING)]
    path = rewritten(tmp_path / "r.csv", list(COLUMNS[:22]), cells)
    assert results.read(path) == [CHANGED._replace(region_pixels=None), MISSING]
    frame = results.load(path)
    assert list(frame["regions"]) == [[[1, 2, 3, 4], [50, 6, 7, 8]], None]
    assert list(frame["region_pixels"]) == [None, None]


def test_later_files_have_further_columns(tmp_path: Path) -> None:
    cells = [[*results.format_row(CHANGED), "NA"], [*results.format_row(MISSING), ""]]
    path = rewritten(tmp_path / "r.csv", [*COLUMNS, "verdict"], cells)
    assert results.read(path) == [CHANGED, MISSING]
    frame = results.load(path)
    assert list(frame.columns) == [*COLUMNS, "verdict"]
    assert list(frame["verdict"]) == ["NA", ""]
    assert frame["verdict"].dtype == "str"


def test_columns_go_by_their_names(tmp_path: Path) -> None:
    path = rewritten(tmp_path / "r.csv", [*COLUMNS[::-1]], [results.format_row(CHANGED)[::-1]])
    assert results.read(path) == [CHANGED]
    assert list(results.load(path).columns) == list(COLUMNS)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty|no column"),
        (b"a,b,c\n1,2,3\n", "no column ssim_score|line 1"),
        (HEADER.encode() + b"\r\n1,2\r\n", "line 2: it has 2 cells, the header 23"),
        (
            HEADER.encode() + b"\r\n" + b"x" + b"," * 22 + b"\r\n",
            "line 2: ssim_score is 'x', which is not a figure",
        ),
        (HEADER.encode() + b'\r\n"torn', "line 2: unexpected end of data"),
        (HEADER.encode() + b",seconds\r\n", "two columns of one name"),
        (HEADER.encode() + b"\r\n\xff\xff", "not UTF-8"),
    ],
)
def test_what_is_no_results_file(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(data)
    for reading in (results.read, results.load):
        with pytest.raises(ResultsError, match=said) as caught:
            reading(path)
        assert str(path) in str(caught.value)


def test_absent_files_and_folders(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.csv", tmp_path):
        for reading in (results.read, results.read_partial, results.load, runfiles.read_manifest):
            with pytest.raises(ResultsError, match="cannot be read"):
                reading(path)


# --- torn lines ------------------------------------------------------------------------------------

AWKWARD_ROWS = [
    CHANGED._replace(image_filename='日本\r\nnew "line"\n,=1.png', messages="=あ\r\n,😀"),
    MISSING._replace(image_filename="\r"),
    CHANGED._replace(image_filename='"'),
    MISSING._replace(image_filename="最後の\n行\r\n.png", messages='""\r\n'),
]


def test_a_kill_at_every_byte(tmp_path: Path) -> None:
    path = tmp_path / "r.partial.csv"
    ends = []
    with results.PartialWriter(path) as writer:
        for row in AWKWARD_ROWS:
            writer.append(row)
            ends.append(path.stat().st_size)
    data = path.read_bytes()
    for cut in range(len(data) + 1):
        path.write_bytes(data[:cut])
        # A row that has all but the last byte of its line break is whole, too.
        expected = AWKWARD_ROWS[: sum(end - 1 <= cut for end in ends)]
        assert results.read_partial(path) == expected, cut
        if cut and cut % 50 == 0:
            assert len(results.load(path)) == len(expected)


def test_a_partial_file_goes_on_after_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "r.partial.csv"
    results.write(path, AWKWARD_ROWS[:2])
    path.write_bytes(path.read_bytes() + '0.5,"日本\r\n'.encode()[:-3])
    kept = results.read_partial(path)
    assert kept == AWKWARD_ROWS[:2]
    with results.PartialWriter(path, kept) as writer:
        writer.append(AWKWARD_ROWS[2])
    assert results.read(path) == AWKWARD_ROWS[:3]


def test_a_broken_line_in_the_middle_is_not_torn(tmp_path: Path) -> None:
    path = tmp_path / "r.partial.csv"
    results.write(path, [CHANGED])
    path.write_bytes(path.read_bytes() + b"half,a line\r\n")
    with pytest.raises(ResultsError, match="line 3"):
        results.read_partial(path)


def test_another_file_is_no_torn_header(tmp_path: Path) -> None:
    path = tmp_path / "r.partial.csv"
    path.write_bytes(b"something else")
    with pytest.raises(ResultsError, match="no column"):
        results.read_partial(path)


def test_rows_outlive_a_killed_writer(tmp_path: Path) -> None:
    path = tmp_path / "r.partial.csv"
    code = (
        "import os, signal, sys; from pathlib import Path; from mymodules import results, workers\n"
        "writer = results.PartialWriter(Path(sys.argv[1]))\n"
        "for n in range(50): writer.append(workers.PairResult(1.0, f'{n}.png', '', 'same', 'bytes_equal'))\n"
        "os.kill(os.getpid(), signal.SIGTERM if os.name == 'nt' else signal.SIGKILL)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    ended = subprocess.run([sys.executable, "-c", code, str(path)], env=environment, check=False)
    assert os.name == "nt" or ended.returncode == -signal.SIGKILL
    assert [row.image_filename for row in results.read_partial(path)] == [f"{n}.png" for n in range(50)]


# --- what cannot be written ------------------------------------------------------------------------


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "absent" / "r.csv"
    for writing in (
        lambda: results.write(path, []),
        lambda: results.PartialWriter(path),
        lambda: runfiles.write_manifest(path, {}),
        lambda: runfiles.write_manifest(path, {}, exclusive=True),
    ):
        with pytest.raises(OutputError, match=r"r\.csv cannot be written") as caught:
            writing()
        assert caught.value.path == path
    with pytest.raises(OutputError):
        runfiles.reserve(tmp_path / "absent", "20240102-030405")


def test_a_failure_leaves_the_earlier_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.csv"
    results.write(path, [CHANGED])
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"No space left on device.*room"):
        results.write(path, [MISSING])
    with pytest.raises(OutputError):
        runfiles.write_manifest(path, {})
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["r.csv"]


def test_an_interrupt_leaves_nothing_beside(tmp_path: Path) -> None:
    def interrupted() -> Any:
        yield CHANGED
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        results.write(tmp_path / "r.csv", interrupted())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "r.partial.csv"
    with results.PartialWriter(path) as writer:
        writer.append(CHANGED)
        with Path("/dev/full").open("ab", buffering=0) as full:
            real, writer._file = writer._file, full
            with pytest.raises(OutputError, match="No space left on device") as caught:
                writer.append(MISSING)
        writer._file = real
    assert caught.value.path == path
    assert results.read(path) == [CHANGED]


def test_half_a_row_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "r.partial.csv"

    def half(file: io.FileIO, data: bytes) -> None:
        file.write(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    with results.PartialWriter(path) as writer:
        writer.append(CHANGED)
        with monkeypatch.context() as patched:
            patched.setattr(files, "write_all", half)
            with pytest.raises(OutputError):
                writer.append(MISSING)
        writer.append(MISSING)
    assert results.read(path) == [CHANGED, MISSING]


def test_rows_that_have_come_are_sorted(tmp_path: Path) -> None:
    rows = {row.image_filename: row for row in AWKWARD_ROWS}
    kept, coming = list(rows.values())[:2], list(rows.values())[2:]
    names = sorted(rows)
    instead = rows[names[1]]._replace(messages="In other words.")
    with results.PartialWriter(tmp_path / "r.partial.csv", kept) as writer:
        for row in coming:
            writer.append(row)
        results.write(tmp_path / "r.csv", writer.sorted(names, {names[1]: instead}))
        results.write(tmp_path / "part.csv", writer.sorted(names[3:4], {}))
    assert results.read(tmp_path / "r.csv") == [rows[names[0]], instead, *(rows[name] for name in names[2:])]
    assert results.read(tmp_path / "part.csv") == [rows[names[3]]]


@pytest.mark.parametrize("change", ["one byte", "one more", "one less"])
def test_a_partial_file_that_another_program_wrote_to(tmp_path: Path, change: str) -> None:
    path = tmp_path / "r.partial.csv"
    with results.PartialWriter(path, [CHANGED]) as writer:
        writer.append(MISSING)
        data = path.read_bytes()
        path.write_bytes(
            {"one byte": data.replace(b"0", b"1", 1), "one more": data + b"\n"}.get(change, data[:-1])
        )
        with pytest.raises(ResultsError, match=r"r\.partial\.csv was written to by another program"):
            results.write(tmp_path / "r.csv", writer.sorted([CHANGED.image_filename], {}))
    assert not (tmp_path / "r.csv").exists()


def test_a_partial_file_that_is_cut_while_it_is_sorted(tmp_path: Path) -> None:
    path = tmp_path / "r.partial.csv"

    def names() -> Iterator[str]:
        yield MISSING.image_filename
        os.truncate(path, path.stat().st_size - 1)
        yield CHANGED.image_filename

    with results.PartialWriter(path, [MISSING]) as writer:
        writer.append(CHANGED)
        with pytest.raises(ResultsError, match="was written to by another program"):
            results.write(tmp_path / "r.csv", writer.sorted(names(), {}))
    assert not (tmp_path / "r.csv").exists()


def test_errors_cross_processes(tmp_path: Path) -> None:
    with pytest.raises(OutputError) as caught:
        results.write(tmp_path / "absent" / "r.csv", [])
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.path) == (str(caught.value), caught.value.path)


# --- the newest run --------------------------------------------------------------------------------


def run_of(out: Path, stamp: str, name: str) -> None:
    results.write(runfiles.finished_path(out, stamp), [CHANGED._replace(image_filename=name)])


def test_the_newest_finished_run(out: Path) -> None:
    for stamp in ("20240102-030405", "20231231-235959", "20240102-030405-2"):
        run_of(out, stamp, stamp)
    results.write(runfiles.partial_path(out, "20250101-000000"), [])
    runfiles.write_manifest(runfiles.manifest_path(out, "20250101-000000"), {})
    (out / "results-99999999-999999.csv.tmp").touch()
    assert results.load()["image_filename"][0] == "20240102-030405-2"
    run_of(out, "20240102-030405-10", "tenth")
    assert results.load()["image_filename"][0] == "tenth"


def test_the_manifest_comes_with_the_table(out: Path) -> None:
    run_of(out, STAMP, "a.png")
    assert results.load().attrs["run"] == {}
    runfiles.write_manifest(runfiles.manifest_path(out, STAMP), {"first": "/a", "complete": True})
    assert results.load().attrs["run"] == {"first": "/a", "complete": True}
    assert results.load(str(runfiles.finished_path(out, STAMP))).attrs["run"]["complete"] is True
    results.write(runfiles.partial_path(out, STAMP), [CHANGED])
    assert results.load(runfiles.partial_path(out, STAMP)).attrs["run"]["first"] == "/a"


def test_only_unfinished_runs(out: Path) -> None:
    for stamp in (f"{STAMP}-10", f"{STAMP}-2"):
        results.write(runfiles.partial_path(out, stamp), [])
    with pytest.raises(ResultsError) as caught:
        results.load()
    said = str(caught.value)
    assert said.index(f"results-{STAMP}-2.partial.csv") < said.index(f"results-{STAMP}-10.partial.csv")
    assert f"batch.run(resume='{out}/results-{STAMP}-10.partial.csv')".replace("/", os.sep) in said


def test_no_runs_at_all(out: Path) -> None:
    with pytest.raises(ResultsError, match=f"no results in {out.as_posix()}"):
        results.load()


def test_no_output_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    chosen = folders.Settings(tmp_path, tmp_path, tmp_path, tmp_path / "absent")
    monkeypatch.setattr(folders, "recorded", lambda: chosen)
    with pytest.raises(ResultsError, match="absent cannot be read"):
        results.load()


# --- the seed's three columns ----------------------------------------------------------------------


def seed(path: Path, rows: list[tuple[object, str, str]], ending: str = "\n") -> Path:
    """A CSV as the cells of the first notebook write it."""
    with path.open("a", encoding="utf-8_sig", newline=ending) as file:
        for row in rows:
            file.write(f'{row[0]},{row[1]},"{row[2]}"\n')
    return path


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_the_seeds_three_columns(tmp_path: Path, ending: str) -> None:
    written: list[tuple[object, str, str]] = [
        (1.0, "1.png", ""),
        (0.25, "a, b,c.png", "Differs, much."),
        (None, "'=1.png", "Only in first."),
        ("nan", "NA", "NA"),
        ("", "日本 語.png", "x"),
        (-0.5, 'quo"te, "x".png', "y"),
        (1, "=1+1", "he said 'no'"),
    ]
    frame = results.load(seed(tmp_path / f"results-{STAMP}.csv", written, ending))
    assert list(frame.columns) == list(COLUMNS)
    assert missing_as_none(frame["ssim_score"]) == [1.0, 0.25, None, None, None, -0.5, 1.0]
    assert list(frame["image_filename"]) == [row[1] for row in written]
    assert list(frame["messages"]) == [row[2] for row in written]
    assert frame["status"].isna().all()
    assert frame["num_diff_pixels"].dtype == "Int64"
    assert frame["status"].dtype == "str"
    assert frame.attrs["run"] == {}


@pytest.mark.parametrize("score", ["inf", "-inf", "1e999", "high"])
def test_the_seeds_scores_are_figures(tmp_path: Path, score: str) -> None:
    path = seed(tmp_path / "r.csv", [(0.5, "a.png", "x"), (score, "b.png", "y")])
    with pytest.raises(ResultsError, match=f"line 2: ssim_score is '{score}', which is not a figure"):
        results.load(path)


def test_the_seed_appends_to_a_file_that_is_there(tmp_path: Path) -> None:
    path = seed(tmp_path / "r.csv", [(1.0, "a.png", "x")])
    seed(path, [(0.5, "b.png", "y")])
    assert list(results.load(path)["image_filename"]) == ["a.png", "b.png"]


def test_the_seed_does_not_mind_quotes_in_messages_and_line_breaks_in_names(tmp_path: Path) -> None:
    written: list[tuple[object, str, str]] = [
        (1.0, "a.png", 'says "same", twice'),
        (0.5, "new\nline, 2.png", "x"),
        (0.5, "b.png", ""),
    ]
    frame = results.load(seed(tmp_path / "r.csv", written))
    assert list(zip(frame["image_filename"], frame["messages"], strict=True)) == [row[1:] for row in written]


@given(
    st.lists(st.tuples(st.floats(-1, 1) | st.none(), names, strategies.texts.map(pairs.sentence)), max_size=5)
)
def test_the_seeds_file_with_our_rows(written: list[tuple[float | None, str, str]]) -> None:
    # Names that look like the end of a row cannot be told apart in this format.
    written = [(score, name.replace('"', "_"), text) for score, name, text in written] or [(1.0, "a", "")]
    with tempfile.TemporaryDirectory() as folder:
        frame = results.load(seed(Path(folder, "r.csv"), list(written)))
    found = zip(missing_as_none(frame["ssim_score"]), frame["image_filename"], frame["messages"], strict=True)
    assert list(found) == written


@pytest.mark.parametrize("line", ["1.0,a.png,open", 'much,a.png,"x"', "one line of prose", '1.0,"x"'])
def test_a_line_that_is_not_the_seeds(tmp_path: Path, line: str) -> None:
    path = tmp_path / "r.csv"
    path.write_text(f'1.0,a.png,"x"\n{line}\n', encoding="utf-8")
    with pytest.raises(ResultsError, match="line 2"):
        results.load(path)


# --- the cost of importing -------------------------------------------------------------------------


def test_pandas_is_only_imported_for_a_table() -> None:
    code = "import sys; from mymodules import results; sys.exit('pandas' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


def test_json_of_regions_is_compact() -> None:
    assert json.loads(results.format_row(CHANGED)[17]) == [[1, 2, 3, 4], [50, 6, 7, 8]]
    assert " " not in results.format_row(CHANGED)[17]
