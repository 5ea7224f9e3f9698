"""The three columns without a header that the first notebook wrote."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import strategies
from support.rows import CHANGED, missing_as_none, names

from mymodules import pairs, results
from mymodules.errors import ResultsError
from mymodules.results import COLUMNS

STAMP = "20240102-030405"


def seed(path: Path, rows: list[tuple[object, str, str]], ending: str = "\n") -> Path:
    """A CSV as the cells of the first notebook write it."""
    with path.open("a", encoding="utf-8_sig", newline=ending) as file:
        for row in rows:
            file.write(f'{row[0]},{row[1]},"{row[2]}"\n')
    return path


def test_they_are_found_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The cells write there and not into the output folder, so it is said which file was read."""
    (tmp_path / "img").mkdir()
    monkeypatch.chdir(tmp_path)
    for stamp, name in ((STAMP, "old.png"), ("20250102-030405", "new.png")):
        seed(tmp_path / f"results-{stamp}.csv", [(1.0, name, "")])
    assert results.load()["image_filename"].tolist() == ["new.png"]
    said = capsys.readouterr().out
    assert f"There are no results in {tmp_path / 'img'}" in said
    assert str(tmp_path / "results-20250102-030405.csv") in said
    # A finished run in the output folder comes first, and nothing needs to be said.
    results.write(tmp_path / "img" / f"results-{STAMP}.csv", [CHANGED])
    assert results.load()["image_filename"].tolist() == [CHANGED.image_filename]
    assert capsys.readouterr().out == ""


def test_another_run_in_the_working_directory_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "img").mkdir()
    monkeypatch.chdir(tmp_path)
    results.write(tmp_path / f"results-{STAMP}.csv", [CHANGED])
    with pytest.raises(ResultsError, match=r"There are no results in .*img"):
        results.load()


def test_the_form_that_an_error_names_is_the_one_that_is_read(tmp_path: Path) -> None:
    path = tmp_path / f"results-{STAMP}.csv"
    path.write_text("1.0,a.png,'Equal.'\n")
    with pytest.raises(ResultsError, match='score,name,"message"'):
        results.load(path)
    path.write_text('1.0,a.png,"Equal."\n')
    assert results.load(path)["messages"].tolist() == ["Equal."]


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
