"""Rows on disk that a fault or a person has changed: noticed, left out, and compared again."""

import csv
import hashlib
import io
import itertools
import random
import tracemalloc
import warnings
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.programs import Folders, figures, mixed

from mymodules import batch, files, results
from mymodules.errors import ResultsError
from mymodules.regions import Region
from mymodules.results import COLUMNS, PartialWriter, checked_line, runfiles
from mymodules.workers import PairResult

ROWS = [
    PairResult(
        0.5, "a/ページ 1.png", "3 pixels differ.", "changed", "pixels_differ", 3, 0.25, 255, 0, 1, 0, False,
        1.5, 100, 30, 100, 30, (Region(1, 2, 3, 4),), "0" * 32, "f" * 32, 0.25,
    ),
    PairResult(None, 'new\nline, "q"\r\n.png', "Only in first.", "missing", "only_first", width_first=7),
    PairResult(1.0, "=1+1.png", "The files are equal.", "same", "bytes_equal", 0, 0.0),
]  # fmt: skip


def written(path: Path, rows: Sequence[PairResult] = ROWS) -> bytes:
    with PartialWriter(path, rows[:1]) as writer:
        writer.extend([row.image_filename for row in rows[1:]], [checked_line(row) for row in rows[1:]])
    return path.read_bytes()


def believed(path: Path, data: bytes) -> tuple[list[PairResult], list[str]]:
    """The rows that are taken from such a file, and what is said of it."""
    path.write_bytes(data)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        rows = results.read_partial(path)
    return rows, [str(warning.message) for warning in caught]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results-20240102-030405.partial.csv"


# --- the format --------------------------------------------------------------------------------------


def test_every_row_ends_with_its_check_value(path: Path) -> None:
    text = written(path).decode("utf-8-sig")
    header, *lines = csv.reader(io.StringIO(text, newline=""))
    assert header == [*COLUMNS, "listed", "check"]
    for row, (*cells, check) in zip(ROWS, lines, strict=True):
        assert cells == [*results.format_row(row), row.listed]
        both = io.StringIO(newline="")
        csv.writer(both).writerows([[*COLUMNS, "listed"], cells])
        assert check == hashlib.blake2b(both.getvalue().encode(), digest_size=8).hexdigest()
        assert results.check_value(cells) == check


def test_the_finished_file_has_none(path: Path) -> None:
    finished = path.with_name("results-20240102-030405.csv")
    written(path)
    with PartialWriter(path, ROWS) as writer:
        digest = results.write(finished, writer.sorted([row.image_filename for row in ROWS[::-1]], {}))
    assert results.read(finished) == ROWS[::-1]
    assert finished.read_bytes().startswith(b"\xef\xbb\xbf" + ",".join(COLUMNS).encode() + b"\r\n")
    assert digest == hashlib.blake2b(finished.read_bytes(), digest_size=16).hexdigest()
    assert list(results.load(finished).columns) == list(COLUMNS)


def test_a_table_does_not_show_it(path: Path) -> None:
    written(path)
    frame = results.load(path)
    assert list(frame.columns) == list(COLUMNS)
    assert list(frame["image_filename"]) == [row.image_filename for row in ROWS]
    assert "edited" not in frame.attrs
    assert list(results.load(emptied(path))["status"]) == []


def emptied(path: Path) -> Path:
    with PartialWriter(path):
        pass
    return path


# --- damage ------------------------------------------------------------------------------------------


def test_every_single_flipped_bit(path: Path) -> None:
    """No wrong row; of the others at most the next one is lost, and a warning says so. So is a table."""
    data = written(path)
    ends = [path_end(path, number) for number in range(len(ROWS) + 1)]
    for bit in range(8 * len(data)):
        at = bit // 8
        damaged = bytearray(data)
        damaged[at] ^= 1 << bit % 8
        rows, said = believed(path, bytes(damaged))
        hit = sum(at >= end for end in ends)  # 0: the header, else the row of this number
        lost = [row for row in ROWS if row not in rows]
        assert [row for row in rows if row not in ROWS] == [], bit
        # What damages a line break may cost the row on either side of it.
        assert len(lost) <= 2, bit
        assert set(lost) <= set(ROWS[max(hit - 2, 0) : hit + 1]), bit
        if lost and hit < len(ROWS):
            assert len(said) == 1, bit
            assert str(path) in said[0]
            assert "resumed run compares these pictures again" in said[0]
        if bit % 97 == 0:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                names = list(results.load(path)["image_filename"])
            assert names == [row.image_filename for row in rows]


def path_end(path: Path, number: int) -> int:
    """Where the line of a row ends in the file that `written` makes; of none: the header."""
    beside = path.with_name("beside.partial.csv")
    with PartialWriter(beside, ROWS[:number]):
        pass
    return beside.stat().st_size


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), count=st.integers(1, 12))
def test_any_other_damage(path: Path, seed: int, count: int) -> None:
    """Bytes changed, cut out, put in, moved and doubled."""
    chance = random.Random(seed)
    data = bytearray(written(path))
    for _ in range(count):
        one, other = sorted(chance.randrange(len(data) + 1) for _ in range(2))
        part = bytes(data[one : one + chance.randrange(1, 40)])
        match chance.randrange(5):
            case 0 if one < len(data):
                data[one] = chance.randrange(256)
            case 1:
                del data[one : one + len(part)]
            case 2:
                data[other:other] = part
            case 3:
                data[one:other] = chance.choice([b'"', b",", b"\r\n", b"\n", b"\0", b""])
            case _:
                data[other : other + len(part)] = part
    try:
        rows, _ = believed(path, bytes(data))
    except ResultsError:
        return  # there is no header any more
    assert set(rows) <= set(ROWS)


def test_cells_of_two_rows_exchanged(path: Path) -> None:
    """Each cell is a good one, but of another row."""
    written(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *lines = csv.reader(file)
    for column in range(len(header)):
        changed = [list(line) for line in lines]
        changed[0][column], changed[2][column] = changed[2][column], changed[0][column]
        text = io.StringIO(newline="")
        csv.writer(text).writerows([header, *changed])
        rows, said = believed(path, text.getvalue().encode("utf-8-sig"))
        if changed == lines:
            assert rows == ROWS
        else:
            assert rows == [ROWS[1]]
            assert "2 of its lines do not fit" in said[0]


def test_columns_exchanged_or_renamed(path: Path) -> None:
    data = written(path)
    for old, new in (
        (b"max_diff_r,max_diff_g", b"max_diff_g,max_diff_r"),
        (b"first_digest", b"third_digest"),
        (b",check\r\n", b",chick\r\n"),
    ):
        # Whatever the header says, the rows themselves show that they are whole.
        assert believed(path, data.replace(old, new, 1))[0] == ROWS
    count = len(COLUMNS)
    with pytest.raises(ResultsError, match=f"line 2: it has {count + 2} cells, the header {count}"):
        believed(path, data.replace(b",listed,check\r\n", b"\r\n", 1))


def test_one_and_several_lines_are_counted(path: Path) -> None:
    data = written(path)
    assert "one of its lines does not fit" in believed(path, data.replace(b",3,0.25", b",4,0.25"))[1][0]
    both = data.replace(b",3,0.25", b",4,0.25").replace(b"bytes_equal,0", b"bytes_equal,1")
    rows, said = believed(path, both)
    assert rows == [ROWS[1]]
    assert "2 of its lines do not fit" in said[0]


def test_a_last_line_that_was_cut_off_is_no_damage(path: Path) -> None:
    data = written(path)
    for cut in range(path_end(path, 1), len(data)):
        _, said = believed(path, data[:cut])
        assert said == [], cut


def test_other_line_breaks_and_quotes_are_no_damage(path: Path) -> None:
    """What an editor changes without changing a cell."""
    rows = [ROWS[0], ROWS[2]]
    data = written(path, rows)
    assert believed(path, data.replace(b"\r\n", b"\n")) == (rows, [])
    assert believed(path, data.replace(b"\r\n", b"\r")) == (rows, [])
    assert believed(path, data + b"\r\n\n") == (rows, [])
    assert believed(path, data.removeprefix(results.BOM)) == (rows, [])
    text = io.StringIO(newline="")
    lines = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(lines)
    assert believed(path, text.getvalue().encode("utf-8-sig")) == (rows, [])


# --- other versions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 2, 3, 7, 50])
def test_where_a_file_is_divided_for_reading_makes_no_difference(
    path: Path, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = written(path)
    begin = data.index(b"\n") + 2
    for other in (
        data,
        data[:-3],
        data[:-1],
        data.replace(b"Only in", b"Onl", 1),
        data.replace(b"\r\n", b"\r"),
    ):
        whole = believed(path, other)
        places = range(begin, len(other), length)
        with monkeypatch.context() as context:
            blocks = [other[:begin], *(other[at : at + length] for at in places)]
            context.setattr(files, "blocks", lambda _, blocks=blocks: iter(blocks))
            assert believed(path, other) == whole


def test_a_large_file_is_not_kept_in_memory(path: Path) -> None:
    """A resumed run of a million pairs would have all of their lines twice."""
    written(path, [ROWS[0]] * 3)
    header, line, *_ = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(header + line * 60_000)
    size = path.stat().st_size
    assert size > 12 << 20
    tracemalloc.start()
    try:
        rows = itertools.islice(results.partial_rows(path), 6_000)
        assert sum(1 for _ in rows) == 6_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < size // 2


@pytest.mark.parametrize("count", [len(COLUMNS), 12, 5])
def test_a_file_of_an_earlier_version_has_none(path: Path, count: int) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([COLUMNS[:count], *(results.format_row(row)[:count] for row in ROWS)])
    rows, said = believed(path, text.getvalue().encode("utf-8-sig"))
    assert rows == [PairResult(*row[:count]) for row in ROWS]
    assert said == []
    assert list(results.load(path)["image_filename"]) == [row.image_filename for row in ROWS]


def test_a_file_of_a_later_version_has_more_columns(path: Path) -> None:
    columns = [*COLUMNS, "later"]
    lines = [[*results.format_row(row), "fine"] for row in ROWS]
    text = io.StringIO(newline="")
    checked = [[*line, results.check_value(line, columns)] for line in lines]
    csv.writer(text).writerows([[*columns, "check"], *checked])
    data = text.getvalue().encode("utf-8-sig")
    assert believed(path, data) == (ROWS, [])
    frame = results.load(path)
    assert list(frame.columns) == columns
    assert list(frame["later"]) == ["fine"] * 3
    assert len(believed(path, data.replace(b"fine", b"fime", 1))[0]) == 2
    assert believed(path, data.replace(b",later,", b",lader,", 1))[0] == []


# --- cells that no run writes ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("regions", "[" * 100_000 + "]" * 100_000),
        ("regions", "[[1,2,3,4e0]]"),
        ("regions", f"[[1,2,3,{10**30}]]"),
        ("regions", "[[1,2,3," + "9" * 5000 + "]]"),
        ("num_diff_pixels", "1e300"),
        ("num_diff_pixels", "inf"),
        ("num_diff_pixels", "nan"),
        ("width_first", "9" * 400),
        ("max_diff_r", "-1e19"),
        ("dim_differ", "x" * 100_000),
    ],
)
def test_nonsense_in_a_cell_is_named_with_its_line(tmp_path: Path, column: str, cell: str) -> None:
    path = tmp_path / "r.csv"
    cells = results.format_row(ROWS[0])
    cells[COLUMNS.index(column)] = cell
    text = io.StringIO(newline="")
    csv.writer(text).writerows([COLUMNS, results.format_row(ROWS[2]), cells])
    path.write_text(text.getvalue(), encoding="utf-8-sig")
    for reading in (results.read, results.load):
        with pytest.raises(ResultsError, match=r"at line 3: ") as caught:
            reading(path)
        assert len(str(caught.value)) < 500


# --- runs --------------------------------------------------------------------------------------------


def stopped(given: Folders, after: int = 13) -> Path:
    def stop(progress: batch.Progress) -> None:
        if progress.done == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch.run(*given, num_processors=1, on_progress=stop)
    return given.the("*.partial.csv")


@pytest.mark.parametrize("store", [None, ".store"])
def test_a_damaged_row_is_compared_again_by_a_resumed_run(tmp_path: Path, store: str | None) -> None:
    made = mixed(tmp_path)
    clean = batch.run(*made.elsewhere(tmp_path / "clean"), num_processors=1)
    partial = stopped(made)
    data = partial.read_bytes()
    chance = random.Random(7)
    for _ in range(4):
        bit = chance.randrange(8 * 300, 8 * len(data))
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        partial.write_bytes(damaged)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run = batch.run(resume=partial, num_processors=1, store=store)
        assert figures(run.csv_path) == figures(clean.csv_path), bit
        assert run.counts == clean.counts
        manifest = runfiles.read_manifest(run.csv_path.with_suffix(".json"))
        assert (
            manifest["csv_digest"] == hashlib.blake2b(run.csv_path.read_bytes(), digest_size=16).hexdigest()
        )
        later = batch.run(*made, num_processors=1, store=store)  # nor does the store hand on a wrong row
        assert figures(later.csv_path) == figures(clean.csv_path), bit


def test_how_many_are_compared_again_is_told(tmp_path: Path) -> None:
    made = mixed(tmp_path)
    partial = stopped(made)
    partial.write_bytes(
        partial.read_bytes().replace(b",changed,pixels_differ,", b",changed,pixels_differ,1", 2)
    )
    told: list[batch.Progress] = []
    with pytest.warns(
        UserWarning, match=r"2 of its lines do not fit.*A resumed run compares these pictures again"
    ):
        batch.run(resume=partial, store=None, num_processors=1, on_progress=told.append)
    assert [progress.done for progress in told] == list(range(12, 17))


@pytest.mark.parametrize("how", ["a bit", "a spreadsheet", "a row less", "its structure"])
def test_a_finished_file_that_was_changed_is_compared_again(tmp_path: Path, how: str) -> None:
    made = mixed(tmp_path)
    run = batch.run(*made, num_processors=1)
    assert results.load(run.csv_path).attrs["edited"] is False
    expected = figures(run.csv_path)
    data = run.csv_path.read_bytes()
    if how == "a bit":
        at = data.index(b"pixels_differ,") + len(b"pixels_differ,")
        run.csv_path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    elif how == "a spreadsheet":
        pd.read_csv(run.csv_path).to_csv(run.csv_path, index=False)
    elif how == "a row less":
        run.csv_path.write_bytes(data[: data.rindex(b"\r\n", 0, -2) + 2])
    else:
        run.csv_path.write_bytes(data.replace(b",changed,", b',"changed,', 1))
    if how != "its structure":
        frame = results.load(run.csv_path)  # people edit what they have, and look at it
        assert frame.attrs["edited"] is True
        assert frame.attrs["run"]["complete"] is True
    with pytest.warns(UserWarning, match=r"was edited or damaged.*all its pictures are compared again"):
        again = batch.run(resume=run.csv_path, num_processors=1)
    assert (again.csv_path, figures(again.csv_path)) == (run.csv_path, expected)
    assert again.counts == run.counts
    assert results.load(again.csv_path).attrs["edited"] is False
    for name in ("changed 03.png", "changed 11.png"):
        assert len(again.pictures(name)) == 5


def test_a_finished_file_of_an_earlier_version_is_believed(tmp_path: Path) -> None:
    made = mixed(tmp_path)
    run = batch.run(*made, num_processors=1)
    path = run.csv_path.with_suffix(".json")
    manifest = runfiles.read_manifest(path)
    del manifest["csv_digest"]
    runfiles.write_manifest(path, manifest)
    assert "edited" not in results.load(run.csv_path).attrs
    before = run.csv_path.read_bytes()
    assert batch.run(resume=run.csv_path, on_progress=pytest.fail).csv_path.read_bytes() == before


def test_a_partial_file_of_an_earlier_version_is_resumed(tmp_path: Path) -> None:
    made = mixed(tmp_path)
    clean = batch.run(*made.elsewhere(tmp_path / "clean"), num_processors=1)
    partial = stopped(made)
    results.write(partial, results.read_partial(partial))
    told: list[batch.Progress] = []
    run = batch.run(resume=partial, store=None, num_processors=1, on_progress=told.append)
    # The files of its 11 changed rows are compared again for their changes, which that version did not find.
    assert told[0].done == 2 + 1
    assert figures(run.csv_path) == figures(clean.csv_path)
