"""Rows on disk: what is written is read back exactly, whatever the names and whenever the writer dies."""

import csv
import io
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import rows
from support.rows import CHANGED, MISSING, missing_as_none

from mymodules import files, results
from mymodules.errors import OutputError, ResultsError
from mymodules.results import COLUMNS, runfiles
from mymodules.workers import PairResult

HEADER = (
    "ssim_score,image_filename,messages,status,code,num_diff_pixels,pixel_diff_percent,max_diff_r,max_diff_g,"
    "max_diff_b,max_diff_a,dim_differ,combined,width_first,height_first,width_second,height_second,regions,"
    "first_digest,second_digest,seconds,renamed_from,region_pixels,"
    "px_changed,px_inserted,px_removed,px_moved,px_tolerated,px_masked,changes,second_filename,rename_score,"
    "rules,verdict"
)


def test_the_file_is_what_excel_opens(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    results.write(path, [CHANGED, MISSING._replace(image_filename='new\nline "q".png')])
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf" + HEADER.encode() + b"\r\n0.987654321012345,a/")
    assert b'\r\n,"new\nline ""q"".png",Only in first.,missing,' in data
    assert data.endswith(b"1e-05" + 13 * b"," + b"\r\n")
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert [row["seconds"] for row in csv.DictReader(file)] == ["0.03125", "1e-05"]


@settings(max_examples=50)
@given(st.lists(rows.rows, max_size=5))
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


@pytest.mark.parametrize("count", [22, 23])
def test_a_file_without_the_pixels_of_regions_or_the_causes(tmp_path: Path, count: int) -> None:
    cells = [results.format_row(row)[:count] for row in (CHANGED, MISSING)]
    path = rewritten(tmp_path / "r.csv", list(COLUMNS[:count]), cells)
    assert results.read(path) == [PairResult(*CHANGED[:count]), MISSING]
    frame = results.load(path)
    assert list(frame["regions"]) == [[[1, 2, 3, 4], [50, 6, 7, 8]], None]
    assert list(frame["region_pixels"]) == [None if count == 22 else [2, 1], None]
    assert missing_as_none(frame["changes"]) == [None, None]


def test_later_files_have_further_columns(tmp_path: Path) -> None:
    cells = [[*results.format_row(CHANGED), "NA"], [*results.format_row(MISSING), ""]]
    path = rewritten(tmp_path / "r.csv", [*COLUMNS, "later"], cells)
    assert results.read(path) == [CHANGED, MISSING]
    frame = results.load(path)
    assert list(frame.columns) == [*COLUMNS, "later"]
    assert list(frame["later"]) == ["NA", ""]
    assert frame["later"].dtype == "str"


def test_columns_go_by_their_names(tmp_path: Path) -> None:
    path = rewritten(tmp_path / "r.csv", [*COLUMNS[::-1]], [results.format_row(CHANGED)[::-1]])
    assert results.read(path) == [CHANGED]
    assert list(results.load(path).columns) == list(COLUMNS)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty|no column"),
        (b"a,b,c\n1,2,3\n", "no column ssim_score|line 1"),
        (HEADER.encode() + b"\r\n1,2\r\n", f"line 2: it has 2 cells, the header {len(COLUMNS)}"),
        (
            HEADER.encode() + b"\r\n" + b"x" + b"," * (len(COLUMNS) - 1) + b"\r\n",
            "line 2: ssim_score is 'x', which is not a figure",
        ),
        (HEADER.encode() + b'\r\n"torn', "line 2: unexpected end of data"),
        (HEADER.encode() + b",seconds\r\n", "two columns with the same name"),
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
    with pytest.raises(OutputError, match=r"No space left on device.*enough space"):
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
def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "r.partial.csv"
    with results.PartialWriter(path) as writer, Path("/dev/full").open("ab", buffering=0) as full:
        writer.append(CHANGED)
        monkeypatch.setattr(files, "write_all", lambda _, data: full.write(data))
        with pytest.raises(OutputError, match="No space left on device") as caught:
            writer.append(MISSING)
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


def test_rows_are_sorted_in_pieces(tmp_path: Path) -> None:
    """Ten rows of 30,000 bytes are more than is copied at once; one in ten was written out of order."""
    rows = [
        CHANGED._replace(image_filename=f"{number:02}.png", messages="x" * 30_000) for number in range(30)
    ]
    with results.PartialWriter(tmp_path / "r.partial.csv") as writer:
        for row in sorted(rows, key=lambda row: int(row.image_filename[:2]) % 10 == 3):
            writer.append(row)
        digest = results.write(tmp_path / "r.csv", writer.sorted([row.image_filename for row in rows], {}))
    assert digest == results.write(tmp_path / "direct.csv", rows)


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
