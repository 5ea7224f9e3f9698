"""The report as files: what is in it, what it replaces, and what it refuses."""

import base64
import hashlib
import html
import io
import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from support import pngs
from support.programs import folders

from mymodules import batch, errors, images, report, settings
from mymodules import cli as command
from mymodules.pages import display, linker
from mymodules.pages.rows import ShownRows
from mymodules.report import writing
from mymodules.row import BY_ATTENTION, HEADINGS, TABLE
from mymodules.triage import Decisions

NEIGHBOURS = {"place", "total", "previous", "next"}  # which the page knows by itself, by what it shows


def encoded(pixels: np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def pixels_of(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGBA"))


def noise(channels: int, seed: int = 1, height: int = 20, width: int = 30) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def compare(*made: Path) -> batch.Run:
    with ThreadPoolExecutor(1) as executor:
        return batch.run(*made, executor=executor, pictures="none", store=None)


CHANGED = noise(3)
CHANGED[2:5, 3:9] ^= 255  # 18 px
CHANGED[12:14, 20:24] ^= 3  # 8 px, far from these
FILES = {
    "a/changed.png": (encoded(noise(3)), encoded(CHANGED)),
    "b/same.png": (encoded(noise(3)), encoded(noise(3))),
    "glass.png": (encoded(noise(4, 2)), encoded(noise(4, 3))),
    "deep.png": (
        pngs.write(noise(4, 4).astype(np.int64) * 257, 6, 16),
        pngs.write(noise(4, 5).astype(np.int64) * 257, 6, 16),
    ),
    "woven.png": (pngs.write(noise(3, 6), 2, 8, interlace=True), encoded(noise(3, 6))),
    "photo.jpg": (encoded(noise(3, 7), "JPEG"), encoded(noise(3, 8), "JPEG")),
    "bitmap.bmp": (encoded(noise(3), "BMP"), encoded(CHANGED, "BMP")),
    "gone.png": (encoded(noise(3, 9)), encoded(noise(3, 10))),
    "missing.png": (encoded(noise(3)), None),
    "extra.png": (None, encoded(noise(3))),
    "broken.png": (encoded(noise(3, 11)), encoded(noise(3, 11))[:-30]),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> batch.Run:
    made = folders(tmp_path_factory.mktemp("project"))
    for name, sides in FILES.items():
        for folder, data in zip(made[:2], sides, strict=True):
            (folder / name).parent.mkdir(exist_ok=True)
            if data is not None:
                (folder / name).write_bytes(data)
    found = compare(*made)
    (made.first / "gone.png").unlink()
    (made.second / "gone.png").write_bytes(encoded(noise(3, 12)))
    return found


@pytest.fixture(scope="module")
def frame(run: batch.Run) -> pd.DataFrame:
    return run.frame()


@pytest.fixture(scope="module")
def page(frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report.write(frame, tmp_path_factory.mktemp("reports") / "report")


def content(page: Path) -> dict[str, Any]:
    """What the page's script reads."""
    text = page.read_text(encoding="utf-8")
    (found,) = re.findall(r'<script type="application/json" id="mmr-report">(.*?)</script>', text, re.DOTALL)
    read: dict[str, Any] = json.loads(found)
    return read


def row(page: Path, name: str) -> dict[str, Any]:
    (found,) = (each for each in content(page)["rows"] if each["name"] == name)
    return dict(found)


def picture(page: Path, told: dict[str, Any]) -> bytes:
    return (page.parent / "pictures" / told["file"]).read_bytes()


def values(page: Path, told: dict[str, Any]) -> bytes:
    text = (page.parent / "values" / f"{told['values']}.js").read_text(encoding="ascii")
    name, data = re.fullmatch(r'take\("([0-9a-z.]+)", "([0-9A-Za-z+/=]+)"\);\n', text).groups()  # type: ignore[union-attr]
    assert name == told["values"]
    return base64.b64decode(data)


def every_picture(page: Path) -> Iterator[tuple[str, int, dict[str, Any]]]:
    for each in content(page)["rows"]:
        for side, key in enumerate(("first", "second")):
            if "error" not in each["pictures"][key]:
                yield each["name"], side, each["pictures"][key]


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


# --- what is in it -----------------------------------------------------------------------------------


def test_it_is_a_folder_with_a_page(page: Path, frame: pd.DataFrame) -> None:
    assert page.name == "index.html"
    assert {path.name for path in page.parent.iterdir()} == {"index.html", "pictures", "values"}
    assert [each["name"] for each in content(page)["rows"]] == frame["image_filename"].tolist()


def test_rows_are_those_that_the_notebook_has(page: Path, frame: pd.DataFrame) -> None:
    rows = ShownRows.of(frame, display.folders(frame, None))
    for found in content(page)["rows"]:
        expected = {key: value for key, value in rows.record(found["name"]).items() if key not in NEIGHBOURS}
        found["regions"] = [box[:4] for box in found["regions"]]
        assert {key: found[key] for key in expected} == expected


def test_pictures_are_copied_as_they_are(page: Path) -> None:
    for name in ("a/changed.png", "b/same.png", "glass.png", "photo.jpg"):
        found = row(page, name)["pictures"]
        for side, data in zip(("first", "second"), FILES[name], strict=True):
            assert data is not None
            assert picture(page, found[side]) == data
            assert (found[side]["encoded"], found[side]["changed"]) == (None, None)
            assert found[side]["file"].endswith(name[-4:])


def test_what_browsers_show_otherwise_is_written_as_compared(page: Path, run: batch.Run) -> None:
    for name, reason in (("deep.png", "16 bits"), ("bitmap.bmp", "browsers do not show BMP")):
        found = row(page, name)["pictures"]
        for side, data in zip(("first", "second"), FILES[name], strict=True):
            assert reason in found[side]["encoded"]
            assert found[side]["file"].endswith(".png")
            expected = pngs.read(data).rgba if name == "deep.png" else pixels_of(data or b"")
            np.testing.assert_array_equal(pixels_of(picture(page, found[side])), expected)


def test_equal_files_are_there_once(page: Path) -> None:
    plain = hashlib.blake2b(encoded(noise(3)), digest_size=16).hexdigest()
    users = [name for name, _, told in every_picture(page) if told["file"] == f"{plain}.png"]
    assert users == ["a/changed.png", "b/same.png", "b/same.png", "extra.png", "missing.png"]
    digests = {told["file"] for _, _, told in every_picture(page)}
    deltas = {path for path in files(page.parent / "pictures") if path.endswith(".delta.png")}
    assert files(page.parent / "pictures") == digests | deltas


def test_names_of_files_suit_every_system(page: Path) -> None:
    for path in files(page.parent):
        assert re.fullmatch(r"index\.html|(pictures|values)/[0-9a-z.]{1,60}", path)


def test_values_are_those_compared(page: Path, run: batch.Run) -> None:
    kinds = set()
    for name, side, told in every_picture(page):
        data = values(page, told)
        if name == "gone.png":
            continue
        original = FILES[name][side]
        assert original is not None
        if "sha256" in told:
            assert data == original
            assert told["sha256"] == hashlib.sha256(pixels_of(original).tobytes()).hexdigest()
        else:
            kind = pngs.read(data)
            assert kind.bit_depth == 8
            assert not data[28], "interlaced"
            expected = pixels_of(original) if name != "deep.png" else pngs.read(original).rgba
            np.testing.assert_array_equal(kind.rgba, expected)
        kinds.add((told["values"].removeprefix(told["file"][:32]), "sha256" in told))
    assert kinds == {(".png", False), (".values.png", False), (".jpg", True)}


def test_regions_have_their_differing_pixels(page: Path, frame: pd.DataFrame) -> None:
    found = row(page, "a/changed.png")
    differs = (noise(3) != CHANGED).any(axis=2)
    weights = [
        int(differs[y : y + height, x : x + width].sum()) for x, y, width, height, _ in found["regions"]
    ]
    assert [box[4] for box in found["regions"]] == weights
    assert sum(weights) == found["num_diff_pixels"] == 26
    assert row(page, "b/same.png")["regions"] == []


@pytest.mark.parametrize("drawn", [True, False])
def test_regions_of_earlier_results_are_counted(
    page: Path, frame: pd.DataFrame, tmp_path: Path, drawn: bool
) -> None:
    earlier = frame.drop(columns="region_pixels")
    if not drawn:
        earlier.attrs["run"] = {side: frame.attrs["run"][side] for side in ("first", "second")}
    counted = report.write(earlier, tmp_path / "report")
    assert row(counted, "a/changed.png")["regions"] == row(page, "a/changed.png")["regions"]
    assert [box[4] for box in row(counted, "gone.png")["regions"]] == [None]


def test_deltas_are_written_where_pictures_differ(page: Path) -> None:
    told = row(page, "a/changed.png")["pictures"]["delta"]
    delta = pixels_of(picture(page, told))
    np.testing.assert_array_equal(delta[..., 3] > 0, (noise(3) != CHANGED).any(axis=2))
    assert (told["width"], told["height"]) == (30, 20)
    assert "file" not in row(page, "b/same.png")["pictures"]["delta"]
    for name in ("missing.png", "extra.png", "broken.png"):
        assert "no delta" in row(page, name)["pictures"]["delta"]["error"]


def test_what_cannot_be_shown_is_told(page: Path) -> None:
    assert row(page, "missing.png")["pictures"]["second"]["error"].startswith("Only in first")
    assert row(page, "extra.png")["pictures"]["first"]["error"].startswith("Only in second")
    assert row(page, "broken.png")["pictures"]["second"]["error"].startswith(
        "second cannot be shown: the file is cut off"
    )
    gone = row(page, "gone.png")["pictures"]
    assert gone["first"]["error"].startswith("first is gone")
    assert gone["second"]["changed"].startswith("second has changed since the run")
    regions = row(page, "gone.png")["regions"]
    assert sum(box[4] for box in regions) == row(page, "gone.png")["num_diff_pixels"]


def test_any_part_in_any_order(frame: pd.DataFrame, tmp_path: Path) -> None:
    part = frame.iloc[[5, 1, 8]]
    found = content(report.write(part, tmp_path / "report"))
    assert [each["name"] for each in found["rows"]] == part["image_filename"].tolist()
    assert found["title"] == "3 pictures compared"
    assert content(report.write(frame[:0], tmp_path / "none"))["rows"] == []


def test_the_run_says_where_pictures_are(run: batch.Run, page: Path, tmp_path: Path) -> None:
    bare = run.frame()
    bare.attrs = {}
    with pytest.raises(errors.SettingsError, match="where the pictures are"):
        report.write(bare, tmp_path / "report")
    assert not (tmp_path / "report").exists()
    found = content(report.write(bare, tmp_path / "report", run))
    assert found == content(page)
    first, second = (Path(text) for label, text in found["facts"] if label in ("first", "second"))
    names = bare[["image_filename"]]
    told = row(report.write(names, tmp_path / "names", {"first": first, "second": second}), "b/same.png")
    assert told["pictures"]["first"]["encoded"] is None
    assert told["status"] is None
    with pytest.raises(errors.SettingsError, match="image_filename"):
        report.write(bare[["status"]], tmp_path / "other", run)


def test_decisions_are_shown(run: batch.Run, frame: pd.DataFrame, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    where = {**frame.attrs["run"], "out": str(out)}
    path = tmp_path / "report"
    assert content(report.write(frame, path, where))["decisions"] is False
    desk = Decisions(out)
    desk.decide(frame[frame["image_filename"] == "glass.png"], "reject", "too dark")
    desk.decide(frame[frame["image_filename"] == "deep.png"], "accept")
    page = report.write(frame, path, where)
    assert content(page)["decisions"] is True
    told = {name: row(page, name) for name in ("glass.png", "deep.png", "b/same.png")}
    assert [each["decision"] for each in told.values()] == ["reject", "accept", ""]
    assert told["glass.png"]["note"] == "too dark"
    own = frame.assign(decision="ignore")
    assert {each["decision"] for each in content(report.write(own, path, where))["rows"]} == {"ignore"}


def test_decisions_are_read_at_once(
    frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many rows are decided; the page has them as they were at one moment, too."""
    desk = Decisions(tmp_path)
    desk.decide(frame, "accept")
    reads: list[Path] = []
    read_bytes = Path.read_bytes

    def read(self: Path) -> bytes:
        reads.extend([self] if self == desk.path else [])
        return read_bytes(self)

    monkeypatch.setattr(Path, "read_bytes", read)
    page = report.write(frame, tmp_path / "report", {**frame.attrs["run"], "out": str(tmp_path)})
    assert {each["decision"] for each in content(page)["rows"]} == {"accept"}
    assert len(reads) == 1


def test_large_pictures_have_no_values(
    frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "READ_PIXELS", 599)  # they have 600
    page = report.write(frame, tmp_path / "report")
    assert files(page.parent / "values") == set()
    assert "values" not in row(page, "glass.png")["pictures"]["first"]


# --- names -------------------------------------------------------------------------------------------

HOSTILE = [
    "x</script><script>alert(1)</script>.png",
    "<img src=x onerror=alert(1)>/a.png",
    "<!--<script>.png",
    "\u2028\u2029 & &lt; 'single' \"double\".png",
    "100%25 #1 ?q=1.png",
    "変更 e\u0301.png",
    "../../etc/passwd.png",
    "nul\0byte.png",
    "a" * 400 + ".png",
    "$files ${script} $$.png",
]


@pytest.mark.parametrize("embed", [False, True])
def test_names_are_text_wherever_they_stand(tmp_path: Path, embed: bool) -> None:
    """Names that no system here may allow: the rows know them, the files are not there."""
    made = folders(tmp_path)
    frame = pd.DataFrame({"image_filename": HOSTILE, "status": "changed", "messages": HOSTILE})
    where = {"first": str(made.first), "second": str(made.second)}
    page = report.write(frame, tmp_path / ("report.html" if embed else "report"), where, embed=embed)
    text = page.read_text(encoding="utf-8")
    found = content(page)
    assert [each["name"] for each in found["rows"]] == HOSTILE
    assert [each["messages"] for each in found["rows"]] == HOSTILE
    for each in found["rows"]:
        assert {"error"} == set(each["pictures"]["first"])
    (data,) = re.findall(r'id="mmr-report">(.*?)</script>', text, re.DOTALL)
    assert data.isascii()
    assert not set(data) & set("<>&\0")
    assert "alert(1)</" not in text
    assert "<img" not in text
    assert text.count("<script") == 2


# --- the scripts -------------------------------------------------------------------------------------


def test_scripts_can_stand_in_a_page() -> None:
    assert not re.search(r"</?script|<!--|\0", linker.script("report/main.js"))
    styles = linker.text(*linker.VIEWER_STYLES, "css/report.css")
    assert not re.search(r"</style|<!--|url\(|@import|\0", styles)


def test_the_page_never_makes_markup_of_text_and_asks_nobody() -> None:
    script = linker.script("report/main.js").replace("http://www.w3.org/2000/svg", "")
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "http:",
        "https:",
    ):
        assert word not in script


@pytest.mark.parametrize("embed", [False, True])
def test_the_policy_allows_its_own_files_only(frame: pd.DataFrame, tmp_path: Path, embed: bool) -> None:
    path = tmp_path / ("report.html" if embed else "report")
    text = report.write(frame[:1], path, embed=embed).read_text(encoding="utf-8")
    policy = html.unescape(re.findall(r'Content-Security-Policy" content="([^"]*)"', text)[0])
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert ("'self'" in rules["script-src"]) is not embed
    assert "http" not in policy
    for tag, rule in (("<script>(.*?)</script>", "script-src"), ("<style>(.*?)</style>", "style-src")):
        (inner,) = re.findall(tag, text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in rules[rule]
        assert "unsafe" not in rules[rule]


# --- where it is written -----------------------------------------------------------------------------


def test_a_report_is_replaced_as_a_whole(frame: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "report"
    path.mkdir()  # an empty folder is as good as none
    before = files(report.write(frame, path).parent)
    (path / ".DS_Store").write_bytes(b"left by looking at it")
    after = files(report.write(frame[frame["image_filename"] == "b/same.png"], path).parent)
    assert len(after) == 3
    assert after < before
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_a_link_to_a_report_stays_a_link(frame: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    try:
        (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    except OSError:
        pytest.skip("links are not allowed here")
    page = report.write(frame[:1], tmp_path / "link")
    assert page == tmp_path / "real" / "index.html"
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize(
    ("there", "named", "embed", "reason"),
    [
        ("report/notes.txt", "report", False, "is a folder of other things"),
        ("report/index.html", "report", False, "is a folder of other things"),
        ("report", "report", False, "is not a folder"),
        ("page.html", "page.html", True, "is not a report"),
        ("page.html/a.txt", "page.html", True, "is not a report"),
        ("other", "absent/report", False, "There is no folder"),
        ("other", "report.html", False, "or embed=True"),
        ("other", "report", True, "ends in .html"),
    ],
)
def test_other_things_are_never_replaced(
    frame: pd.DataFrame, tmp_path: Path, there: str, named: str, embed: bool, reason: str
) -> None:
    (tmp_path / there).parent.mkdir(exist_ok=True)
    (tmp_path / there).write_text("mine", encoding="utf-8")
    with pytest.raises(errors.SettingsError, match=re.escape(reason)) as caught:
        report.write(frame, tmp_path / named, embed=embed)
    assert str(tmp_path) in str(caught.value)
    assert files(tmp_path) == {there}
    assert (tmp_path / there).read_text(encoding="utf-8") == "mine"


def test_what_somebody_has_put_into_a_report_is_kept(frame: pd.DataFrame, tmp_path: Path) -> None:
    report.write(frame[:1], tmp_path / "report")
    (tmp_path / "report" / "my notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(errors.SettingsError, match=r"my notes\.txt"):
        report.write(frame[:1], tmp_path / "report")
    assert (tmp_path / "report" / "my notes.txt").exists()


@pytest.mark.parametrize(
    "name",
    [
        "pictures/my shot.png",
        "pictures/1.delta.png.bak",
        f"pictures/{'A' * 32}.png",
        f"values/{'a' * 32}.png",
        f"values/{'a' * 32}/mine.txt",
    ],
)
def test_what_somebody_has_put_among_its_pictures_is_kept(
    frame: pd.DataFrame, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "report" / name
    report.write(frame[:1], tmp_path / "report")
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine", encoding="utf-8")
    before = files(tmp_path)
    with pytest.raises(errors.SettingsError, match=re.escape("/".join(name.split("/")[:2]))):
        report.write(frame[:1], tmp_path / "report")
    assert files(tmp_path) == before
    assert path.read_text(encoding="utf-8") == "mine"


def test_every_report_can_be_replaced(page: Path) -> None:
    (page.parent / "pictures" / "Thumbs.db").write_bytes(b"left by looking at it")
    try:
        assert report.check(page.parent) == page.parent
    finally:
        (page.parent / "pictures" / "Thumbs.db").unlink()


def test_a_folder_that_may_not_be_written_to_is_told_before(
    start: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By what the system says: the one who runs the tests may be allowed everything."""
    locked = tmp_path / "locked"
    locked.mkdir()
    asks = os.access

    def access(path: Any, mode: int, **options: Any) -> bool:
        return asks(path, mode, **options) and not (Path(path) == locked and mode & os.W_OK)

    monkeypatch.setattr(os, "access", access)
    monkeypatch.setattr(command, "execute", lambda *_: pytest.fail("starts"))
    for name in ("report", "report.html"):
        assert start("--report", locked / name) == 2
        assert capsys.readouterr().err.startswith(f"{locked} is not writable")


def test_it_is_not_written_among_the_pictures(frame: pd.DataFrame) -> None:
    first = Path(frame.attrs["run"]["first"])
    for path in (first / "report", first / "a" / "report"):
        with pytest.raises(errors.SettingsError, match="compared next time"):
            report.write(frame, path)
        assert not path.exists()


@pytest.mark.parametrize("embed", [False, True])
def test_a_failure_leaves_what_was_there(
    frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, embed: bool
) -> None:
    path = tmp_path / ("report.html" if embed else "report")
    page = report.write(frame[:2], path, embed=embed)
    before = page.read_bytes(), files(tmp_path)

    opens = Path.open

    def full_at(ending: str) -> Callable[..., Any]:
        def opened(self: Path, mode: str = "r", *arguments: Any, **options: Any) -> Any:
            if mode[0] in "wx" and self.match(ending):
                raise OSError(28, "No space left on device")
            return opens(self, mode, *arguments, **options)

        return opened

    for ending in ("pictures/*.png", "values/*.js", "made-*", "new.html" if embed else "index.html"):
        with monkeypatch.context() as patch:
            patch.setattr(Path, "open", full_at(ending))
            with pytest.raises(errors.OutputError, match="No space left") as caught:
                report.write(frame, path, embed=embed)
        assert caught.value.path == path
        assert (page.read_bytes(), files(tmp_path)) == before


# --- one file ----------------------------------------------------------------------------------------


def test_one_file_has_everything_in_it(frame: pd.DataFrame, page: Path, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    assert report.write(frame, path, embed=True) == path
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
    found, folder = content(path), content(page)
    assert found["embedded"] is True
    assert found["rows"] == folder["rows"]
    inside = re.findall(r'<script type="text/plain" id="([^"]*)">([^<]*)</script>', path.read_text("utf-8"))
    names = [name for name, _ in inside]
    assert len(names) == len(set(names))
    wanted = {name for _, _, told in every_picture(page) for name in (told["file"], told["values"])}
    wanted |= {each["pictures"]["delta"].get("file") for each in folder["rows"]} - {None}
    assert set(names) == wanted
    for name, data in inside:
        if (page.parent / "pictures" / name).exists():
            assert base64.b64decode(data) == (page.parent / "pictures" / name).read_bytes()
    report.write(frame[:1], path, embed=True)
    assert len(content(path)["rows"]) == 1


def test_one_file_that_would_be_huge_is_refused_with_its_size(
    frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.html"
    size = report.write(frame, path, embed=True).stat().st_size
    monkeypatch.setattr(writing, "ONE_FILE_LIMIT", 100)
    with pytest.raises(errors.SettingsError, match=r"0 MB"):  # known before anything is read
        report.write(frame, path, embed=True)
    monkeypatch.setattr(writing, "ONE_FILE_LIMIT", size // 2)  # known only when it is written
    with pytest.raises(errors.SettingsError, match="write a folder"):
        report.write(frame, path, embed=True)
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]


# --- the command -------------------------------------------------------------------------------------


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call the command on a small pair of folders; the notebook is run by other tests."""
    made = folders(tmp_path)
    for name in ("a.png", "b.png"):
        (made.first / name).write_bytes(encoded(noise(3)))
        (made.second / name).write_bytes(encoded(noise(3) if name == "a.png" else CHANGED))

    def execute(*given_to: Any) -> None:
        monkeypatch.setenv(settings.CALLER, given_to[-1])
        compare(*made)

    monkeypatch.setattr(command, "execute", execute)

    def call(*options: object) -> int:
        return command.main(["compare", *map(str, (made.first, made.second, "--out", made.out, *options))])

    return call


@pytest.mark.parametrize("name", ["report", "report.html"])
def test_the_command_writes_one_and_says_where(
    start: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path = tmp_path / name
    assert start("--report", path) == 0
    page = path if name.endswith(".html") else path / "index.html"
    assert f"Report:    {page}\n" in capsys.readouterr().out
    assert [each["status"] for each in content(page)["rows"]] == ["same", "changed"]
    assert start("--report", path, "--check") == 1


def test_the_command_refuses_a_path_before_it_starts(
    start: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "execute", lambda *_: pytest.fail("starts"))
    for named in ("absent/report", "first/report", "first", "out/../first/a.png"):
        assert start("--report", tmp_path / named) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_a_report_that_fails_does_not_lose_the_run(
    start: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(report, "write", fails)
    assert start("--report", tmp_path / "report", "--junit", tmp_path / "junit.xml") == 2
    said = capsys.readouterr()
    assert said.err == "Report: not written. ZeroDivisionError: a defect\n"
    assert "Table:     " in said.out
    assert (tmp_path / "junit.xml").exists()
    assert len(list((tmp_path / "out").glob("results-*[0-9].csv"))) == 1


def test_junit_that_fails_does_not_lose_the_report(
    start: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise errors.OutputError("It is full.", tmp_path)

    monkeypatch.setattr(report, "junit", fails)
    assert start("--report", tmp_path / "report.html", "--junit", tmp_path / "junit.xml") == 2
    assert capsys.readouterr().err == "JUnit: not written. It is full.\n"
    assert (tmp_path / "report.html").exists()


@pytest.mark.skipif(os.name == "nt", reason="signals to one process do not exist on Windows")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("check", "code"), [((), 130), (("--check",), 2)])
def test_an_interrupt_while_the_report_is_written_leaves_the_rest(
    start: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: signal.Signals,
    check: tuple[str, ...],
    code: int,
) -> None:
    path, junit = tmp_path / "report", tmp_path / "junit.xml"
    assert start("--report", path) == 0
    before = files(path)
    page = (path / "index.html").read_bytes()
    capsys.readouterr()
    monkeypatch.setattr(report.page, "text", lambda *_, **__: os.kill(os.getpid(), number))
    assert start("--report", path, "--junit", junit, *check) == code
    said = capsys.readouterr()
    assert said.err == "Interrupted: the files named above are complete, and nothing else was written.\n"
    assert f"JUnit:     {junit}\n" in said.out
    assert "Report:" not in said.out
    assert junit.exists()
    assert {each.name for each in tmp_path.iterdir()} == {"first", "second", "out", "report", "junit.xml"}
    assert files(path) == before
    assert (path / "index.html").read_bytes() == page


def test_the_page_takes_statuses_and_columns_from_the_schema(page: Path) -> None:
    assert sorted(BY_ATTENTION) == sorted(batch.STATUSES)
    shown = content(page)
    assert shown["statuses"] == [*BY_ATTENTION]
    assert [column["key"] for column in shown["columns"]] == [*TABLE]
    for column in shown["columns"]:
        heading = HEADINGS[column["key"]]
        assert (column["label"], column["title"], column["falls"]) == heading


def test_browsers_are_asked_for_the_pixels_of_opaque_upright_pictures_only(tmp_path: Path) -> None:
    """Orientation and transparency are what a browser's own decoder would put into the values."""
    turned = Image.Exif()
    turned[0x0112] = 6
    made = folders(tmp_path)
    expected = {}
    for name, data, exactly in (
        ("a.jpg", encoded(noise(3), "JPEG"), True),
        ("b.jpg", encoded(noise(3), "JPEG", exif=turned), False),
        ("c.webp", encoded(noise(3), "WEBP"), True),
        ("d.webp", encoded(noise(4), "WEBP"), False),
        ("e.png", encoded(noise(3)), False),
    ):
        for folder in (made.first, made.second):
            (folder / name).write_bytes(data)
        expected[name] = exactly
    page = report.write(compare(*made).frame(), tmp_path / "report")
    assert {name: "sha256" in told for name, _, told in every_picture(page)} == expected


def test_a_fault_of_ours_on_one_picture_is_told_in_its_place(
    frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = images.decode

    def fails(data: bytes, header: Any) -> Any:
        if header.format == "BMP":
            raise ValueError("negative shift count")
        if header.format == "JPEG":
            raise MemoryError
        return decode(data, header)

    monkeypatch.setattr(images, "decode", fails)
    page = report.write(frame, tmp_path / "report")
    told = row(page, "bitmap.bmp")["pictures"]
    assert "negative shift count" in told["first"]["error"]
    assert "report it" in told["second"]["error"]
    assert "no delta" in told["delta"]["error"]
    assert "not enough memory" in row(page, "photo.jpg")["pictures"]["first"]["error"]
    assert "error" not in row(page, "glass.png")["pictures"]["first"]
