"""The pytest plugin, in sessions of its own."""

import hashlib
import subprocess
import sys
import tomllib
from pathlib import Path

import matplotlib.figure
import numpy as np
import pytest
from PIL import Image
from support.report_files import content

from mymodules import baselines

assert matplotlib.figure  # loaded here, see `loaded`
pytest_plugins = ["pytester"]

PLUGIN = "mymodules.pytest_plugin"
DRAW = """
import numpy as np

def drawn(shade=0, *, width=20):
    picture = np.zeros((12, width), np.uint8)
    picture[3:5, 4:9] = shade
    return picture
"""
ONE = DRAW + "def test_it(compare_image):\n    compare_image(drawn({shade}))\n"


def session(pytester: pytest.Pytester, *options: str, **files: str) -> pytest.RunResult:
    if files:
        pytester.makepyfile(**files)
    return pytester.runpytest_inprocess("-p", PLUGIN, "-p", "no:randomly", "-p", "no:cacheprovider", *options)


@pytest.fixture(scope="module", autouse=True)
def loaded(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Load what a report needs: a session in this process would unload it again, and leave parts behind."""
    folder = tmp_path_factory.mktemp("loaded")
    Image.new("L", (2, 2)).save(folder / "x.png")
    made = baselines.Baselines(folder / "results", update=False)
    assert made.compared(np.ones((2, 2), np.uint8), folder / "x", Path("x"))[0] == "changed"
    assert made.report().startswith("Look at what differs: ")


@pytest.fixture
def kept(pytester: pytest.Pytester) -> Path:
    """The baseline of `ONE` in black."""
    session(pytester, "--image-update", test_one=ONE.format(shade=0)).assert_outcomes(passed=1)
    return pytester.path / "baseline" / "test_one" / "test_it.png"


def test_a_baseline_is_written_on_request_only(pytester: pytest.Pytester) -> None:
    result = session(pytester, test_one=ONE.format(shade=0))
    result.assert_outcomes(failed=1)
    path = pytester.path / "baseline" / "test_one" / "test_it.png"
    assert not path.exists()
    new = pytester.path / "image-results" / "second" / "test_one" / "test_it.png"
    result.stdout.fnmatch_lines(
        [f"There is no baseline {path}: look at {new}.", "*= pictures =*", "1 compared: 1 new"]
    )
    result.stdout.fnmatch_lines(["*pytest --image-update"])
    assert np.array_equal(np.asarray(Image.open(new)), np.zeros((12, 20)))
    result = session(pytester, "--image-update")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["1 compared: 1 added"])
    assert np.array_equal(np.asarray(Image.open(path)), np.zeros((12, 20)))
    assert not new.exists()


def test_equal_pictures_pass_and_leave_nothing(pytester: pytest.Pytester, kept: Path) -> None:
    before = kept.stat().st_mtime_ns
    result = session(pytester)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["1 compared: 1 same"])
    session(pytester, "--image-update").assert_outcomes(passed=1)
    assert kept.stat().st_mtime_ns == before
    assert not (pytester.path / "image-results").exists()


def test_a_difference_fails_and_is_reported(pytester: pytest.Pytester, kept: Path) -> None:
    old = kept.read_bytes()
    result = session(pytester, test_one=ONE.format(shade=200))
    result.assert_outcomes(failed=1)
    # 2 x 5 of 12 x 20 pixels: 4.17 %.
    page = pytester.path / "image-results" / "report" / "index.html"
    result.stdout.fnmatch_lines(
        [
            f"{kept} is another picture: 10 pixels differ (4.17 %) in 1 region.",
            "1 compared: 1 changed",
            f"Look at what differs: {page}",
        ]
    )
    (row,) = content(page)["rows"]
    assert row["name"] == "test_one/test_it.png"
    assert "10 pixels differ" in row["messages"]
    assert kept.read_bytes() == old
    assert (pytester.path / "image-results" / ".gitignore").read_bytes() == baselines.MARK
    result = session(pytester, "--image-update")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["1 compared: 1 updated"])
    assert kept.read_bytes() != old
    assert not page.exists()  # what an earlier session left is gone
    session(pytester).assert_outcomes(passed=1)


def test_so_many_pixels_may_differ_but_not_the_size(pytester: pytest.Pytester, kept: Path) -> None:
    code = DRAW + "def test_it(compare_image):\n    compare_image(drawn({what}), pixels={pixels})\n"
    session(pytester, test_one=code.format(what=200, pixels=10)).assert_outcomes(passed=1)
    session(pytester, test_one=code.format(what=200, pixels=9)).assert_outcomes(failed=1)
    session(pytester, test_one=code.format(what="width=21", pixels=999)).assert_outcomes(failed=1)


def test_names(pytester: pytest.Pytester) -> None:
    code = DRAW + (
        "import pytest\n"
        "@pytest.mark.parametrize('word', ['a/b', 'a:b', 'c'])\n"
        "def test_words(compare_image, word):\n    compare_image(drawn(9))\n"
        "class TestThis:\n    def test_it(self, compare_image):\n        compare_image(drawn(1))\n"
        "class TestThat:\n"
        "    def test_it(self, compare_image):\n"
        "        compare_image(drawn(2))\n        compare_image(drawn(3), name='more/second.png')\n"
    )
    session(pytester, "--image-update", test_one=code).assert_outcomes(passed=5)
    folder = pytester.path / "baseline" / "test_one"
    digests = [hashlib.sha256(f"test_words[{word}]".encode()).hexdigest()[:8] for word in ("a/b", "a:b")]
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png")) == [
        "TestThat.test_it.png", "TestThis.test_it.png", "more/second.png",
        *sorted(f"test_words[a-b]-{digest}.png" for digest in digests), "test_words[c].png",
    ]  # fmt: skip
    session(pytester).assert_outcomes(passed=5)


def test_a_damaged_baseline_is_written_again_on_request(pytester: pytest.Pytester, kept: Path) -> None:
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-20])
    session(pytester).assert_outcomes(failed=1)
    session(pytester, "--image-update").assert_outcomes(passed=1)
    assert kept.read_bytes() == whole


def test_a_file_is_not_a_folder_of_results(pytester: pytest.Pytester, kept: Path) -> None:
    kept.unlink()
    (pytester.path / "image-results").write_bytes(b"mine")
    result = session(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*image-results is a file: name a new folder with --image-results.*"])
    assert (pytester.path / "image-results").read_bytes() == b"mine"


def test_what_a_fixture_compares_is_counted(pytester: pytest.Pytester, kept: Path) -> None:
    code = DRAW + (
        "import pytest\n"
        "@pytest.fixture\n"
        "def drawing(compare_image):\n    compare_image(drawn(200))\n"
        "def test_it(drawing):\n    pass\n"
    )
    result = session(pytester, test_one=code)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["1 compared: 1 changed", "Look at what differs: *index.html"])
    assert kept.is_file()


def test_a_baseline_of_another_format_is_named(pytester: pytest.Pytester, kept: Path) -> None:
    Image.open(kept).save(kept.with_suffix(".bmp"))
    kept.unlink()
    result = session(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"There is no baseline {kept}, but {kept.with_suffix('.bmp')}, of another*"])


def test_a_mere_list_of_tests_keeps_what_differed(pytester: pytest.Pytester, kept: Path) -> None:
    session(pytester, test_one=ONE.format(shade=200)).assert_outcomes(failed=1)
    session(pytester, "--collect-only")
    session(pytester, "-k", "nothing")
    assert (pytester.path / "image-results" / "report" / "index.html").is_file()
    assert kept.is_file()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("compare_image(drawn()); compare_image(drawn())", "*has compared 'test_it' already*"),
        ("compare_image(drawn(), name='../out')", "*leads out of the folder of baselines*"),
        ("compare_image(drawn(), name='')", "*'' cannot be the name of a file: pass another name.*"),
        ("compare_image(drawn(), name='a\\0b')", "*cannot be the name of a file: pass another name.*"),
        ("compare_image(drawn(), name='/out')", "*leads out of the folder of baselines*"),
        ("compare_image(drawn() + 1.5)", "*The picture is float64 (12, 20): its values go from 1.5*"),
        ("compare_image(b'GIF89a' + bytes(20))", "*The picture cannot be compared:*GIF*"),
        ("compare_image('gone.png')", "*gone.png cannot be read: No such file or directory.*"),
    ],
)
def test_what_cannot_be_compared(pytester: pytest.Pytester, call: str, words: str) -> None:
    code = DRAW + f"def test_it(compare_image):\n    {call}\n"
    result = session(pytester, "--image-update", test_one=code)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([words])
    assert not (pytester.path.parent / "out.png").exists()


def test_kinds_of_pictures(pytester: pytest.Pytester) -> None:
    code = """
import io
import matplotlib.figure
import numpy as np
from PIL import Image

def test_figure(compare_image):
    figure = matplotlib.figure.Figure(figsize=(1, 1), dpi=30)
    figure.add_axes((0, 0, 1, 1)).plot([1, 3, 2])
    compare_image(figure)

def test_photo(compare_image, tmp_path):
    Image.new("RGB", (9, 7), (200, 90, 10)).save(tmp_path / "x.jpeg")
    compare_image(tmp_path / "x.jpeg")
    compare_image((tmp_path / "x.jpeg").read_bytes(), name="bytes")

def test_floats(compare_image):
    compare_image(np.linspace(0, 1, 99).reshape(9, 11))
"""
    session(pytester, "--image-update", test_one=code).assert_outcomes(passed=3)
    folder = pytester.path / "baseline" / "test_one"
    names = ["bytes.jpg", "test_figure.png", "test_floats.png", "test_photo.jpeg"]
    assert sorted(path.name for path in folder.iterdir()) == names
    session(pytester).assert_outcomes(passed=3)


@pytest.mark.parametrize("how", ["options", "configuration"])
def test_other_folders(pytester: pytest.Pytester, how: str) -> None:
    if how == "configuration":
        pytester.makeini("[pytest]\nimage_baseline = kept\nimage_results = found/here\n")
    options = ["--image-baseline", "kept", "--image-results", "found/here"] if how == "options" else []
    pytester.mkpydir("inner")
    (pytester.path / "inner" / "test_one.py").write_text(ONE.format(shade=0), encoding="utf-8")
    session(pytester, "--image-update", *options).assert_outcomes(passed=1)
    assert (pytester.path / "kept" / "inner" / "test_one" / "test_it.png").is_file()
    (pytester.path / "inner" / "test_one.py").write_text(ONE.format(shade=255), encoding="utf-8")
    session(pytester, *options).assert_outcomes(failed=1)
    assert (pytester.path / "found" / "here" / "report" / "index.html").is_file()


def test_a_folder_of_others_is_left_alone(pytester: pytest.Pytester, kept: Path) -> None:
    (pytester.path / "image-results").mkdir()
    (pytester.path / "image-results" / "thesis.txt").write_text("mine", encoding="utf-8")
    result = session(pytester, test_one=ONE.format(shade=200))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*has other files in it: name a new folder with --image-results.*"])
    assert [path.name for path in (pytester.path / "image-results").iterdir()] == ["thesis.txt"]


def test_what_another_process_found_is_in_the_report(pytester: pytest.Pytester) -> None:
    code = DRAW + (
        "import pytest\n"
        "@pytest.mark.parametrize('shade', [1, 2, 3, 4])\n"
        "def test_it(compare_image, shade, request):\n"
        "    update = request.config.getoption('--image-update')\n"
        "    compare_image(drawn(shade if update or shade == 4 else 255))\n"
    )
    session(pytester, "--image-update", test_one=code).assert_outcomes(passed=4)
    result = session(pytester, "-p", "xdist", "-n", "1")
    result.assert_outcomes(passed=1, failed=3)
    result.stdout.fnmatch_lines(["4 compared: 3 changed, 1 same", "Look at what differs: *index.html"])
    text = (pytester.path / "image-results" / "report" / "index.html").read_text(encoding="utf-8")
    assert [number for number in range(1, 5) if f"test_it[{number}]" in text] == [
        1,
        2,
        3,
    ]
    runs = [*(pytester.path / "image-results" / "run").glob("results-*[0-9].csv")]
    assert len(runs) == 1  # the workers have not written it, too


def test_the_plugin_is_an_entry_point() -> None:
    text = (Path(baselines.__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text)["project"]["entry-points"]["pytest11"] == {PLUGIN: PLUGIN}


def test_it_imports_nothing_until_it_is_used() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); import mymodules.pytest_plugin; "
        "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before} - sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["mymodules"]


@pytest.mark.usefixtures("kept")
def test_rules_tolerate_differences_of_the_pictures_that_they_are_for(pytester: pytest.Pytester) -> None:
    rules = '[[rule]]\nname = "faint"\npictures = ["{}"]\nlargest = 8\n'
    file = pytester.path / "own.toml"
    for pattern, shade, outcome in (
        ("test_one/*", 5, "passed"),
        ("other/*", 5, "failed"),
        ("**", 9, "failed"),
    ):
        file.write_text(rules.format(pattern))
        result = session(pytester, "--image-rules", "own.toml", test_one=ONE.format(shade=shade))
        result.assert_outcomes(**{outcome: 1})
    pytester.makeini("[pytest]\nimage_rules = own.toml\n")
    session(pytester, test_one=ONE.format(shade=8)).assert_outcomes(passed=1)
    file.write_text(rules.replace("largest", "lrgest"))
    result = session(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*own.toml, line 4: rule 'faint': there is no key 'lrgest'*"])
