"""The Markdown summary, as a renderer shows it: what is counted, listed, linked, and what stays text."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import mistune
import pandas as pd
import pytest
from support.rows import CHANGED, MISSING

from mymodules import report, results
from mymodules.errors import SettingsError
from mymodules.results import runfiles
from mymodules.row import PairResult

STAMP = "20260102-030405"
SAME = PairResult(1.0, "same.png", "Equal byte for byte.", "same", "bytes_equal", 0, 0.0)
BROKEN = PairResult(None, "broken.png", "first cannot be compared.", "error", "truncated")
RENDER = mistune.create_markdown(escape=False, plugins=["table", "url", "strikethrough"])
HOSTILE = [
    "a|b.png", "**bold** _it_ `code`.png", "<b>x</b><script>.png", "[x](https://evil.example).png",
    "https://evil.example/x.png", "www.evil.example.png", "@team #12 !3.png", "&lt;b&gt; &#42;.png",
    "~~gone~~.png", "a\\|b\\.png", "line\nbreak.png", "変 💥.png", "$x^2$.png", "-->.png", "</code>.png",
    "![i](x.png)",
]  # fmt: skip


class Shown(HTMLParser):
    """What a page shows: its tags, the text of its cells, and the addresses of its pictures."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.inside = False
        self.tags: set[str] = set()
        self.cells: list[str] = []
        self.pictures: list[str] = []
        self.feed(str(RENDER(text)))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "td":
            self.inside = True
            self.cells.append("")
        if tag == "img":
            self.pictures.append(str(dict(attrs)["src"]))

    def handle_endtag(self, tag: str) -> None:
        self.inside &= tag != "td"

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.cells[-1] += data


def table(folder: Path, *rows: PairResult, **manifest: object) -> pd.DataFrame:
    path = folder / f"results-{STAMP}.csv"
    results.write(path, rows)
    known = {"stamp": STAMP, "first": "/shots/before", "second": "/shots/after", **manifest}
    runfiles.write_manifest(path.with_suffix(".json"), known)
    return results.load(path)


def named(name: str, combined: float = 1.0) -> PairResult:
    return CHANGED._replace(image_filename=name, combined=combined)


def written(frame: pd.DataFrame, folder: Path, **options: object) -> str:
    path = folder / "summary.md"
    text = report.markdown(frame, path, **options)  # type: ignore[arg-type]
    assert path.read_bytes() == text.encode()
    return text


def test_what_it_says(tmp_path: Path) -> None:
    rows = named("small.png", 0.5), named("large.png", 9.0), MISSING, BROKEN, SAME
    text = written(table(tmp_path, *rows), tmp_path)
    assert text.startswith("### 3 of 5 pictures differ, 1 cannot be compared\n\n<code>before</code> against ")
    shown = Shown(text)
    assert shown.cells[:8] == ["changed", "2", "error", "1", "missing", "1", "same", "1"]
    cells = [cell.strip() for cell in shown.cells[8:]]
    assert cells[0::2] == ["large.png", "small.png", "broken.png", "=1+1.png"]
    assert cells[1::2] == [
        "3 pixels differ.",
        "3 pixels differ.",
        "first cannot be compared.",
        "Only in first.",
    ]
    assert shown.pictures == []


def test_no_difference(tmp_path: Path) -> None:
    assert written(table(tmp_path, SAME), tmp_path).startswith("### No difference in 1 picture\n")
    assert written(table(tmp_path), tmp_path).startswith("### No difference in 0 pictures\n")


def test_one_picture(tmp_path: Path) -> None:
    assert written(table(tmp_path, MISSING), tmp_path).startswith("### 1 of 1 picture differs\n")
    title = "### No difference in 0 pictures, 1 cannot be compared\n"
    assert written(table(tmp_path, BROKEN), tmp_path).startswith(title)


def test_a_table_without_names_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="has no column image_filename"):
        report.markdown(table(tmp_path, SAME).drop(columns="image_filename"), tmp_path / "x.md")


def test_a_negative_number_of_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="rows is -1: pass a number from 0 up"):
        written(table(tmp_path, SAME), tmp_path, rows=-1)


def test_names_and_messages_stay_text(tmp_path: Path) -> None:
    rows = [named(name)._replace(messages=f"About {name}") for name in HOSTILE]
    shown = Shown(written(table(tmp_path, *rows), tmp_path, rows=99))
    assert shown.tags == {"h3", "h4", "p", "code", "table", "thead", "tbody", "tr", "th", "td"}
    cells = shown.cells[2:]
    assert sorted(cells[0::2]) == sorted(name.replace("\n", "\\n") for name in HOSTILE)
    for name, message in zip(cells[0::2], cells[1::2], strict=True):
        assert message.replace("\u2060", "") == f"About {name}"


def test_no_one_is_mentioned(tmp_path: Path) -> None:
    """Outside of code, GitHub looks in rendered text for @name and #1, GitLab also for !1, $1 and others."""
    row = named("x.png")._replace(messages="(@team, #12, !3, $4, &5, ~6)")
    message = Shown(written(table(tmp_path, row), tmp_path)).cells[3]
    assert message == "(@\u2060team, #\u206012, !\u20603, $\u20604, &\u20605, ~\u20606)"


def test_pictures_can_be_linked(tmp_path: Path) -> None:
    stems = {"con.png": "con-1234abcd"}
    rows = named("shop/a b?#%.png", 9), named("con.png", 8), MISSING
    frame = table(tmp_path, *rows, stems=stems, pictures="changed")
    shown = Shown(written(frame, tmp_path, link="https://ci.example/run/7/x=1|2&y='/"))
    above = f"https://ci.example/run/7/x=1%7C2&y='/03.diff-{STAMP}/"
    endings = ("-1.orig.png", "-2.new.png", "-5.delta.png")
    assert [unquote(url) for url in shown.pictures] == [
        unquote(above) + name + ending for name in ("shop/a b?#%.png", "con-1234abcd") for ending in endings
    ]
    assert all(url.startswith(above) and not set(url[len(above) :]) & set(" ?#<>") for url in shown.pictures)
    assert Shown(written(table(tmp_path, *rows, pictures="none"), tmp_path, link="https://x")).pictures == []


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "ftp://x",
        "x",
        'https://x" onload="',
        "https://a b",
        "https://x?a=1",
        "https://x#y",
    ],
)
def test_other_links_are_refused(tmp_path: Path, link: str) -> None:
    with pytest.raises(SettingsError, match="must be a URL"):
        written(table(tmp_path, SAME), tmp_path, link=link)


def test_it_has_a_limit(tmp_path: Path) -> None:
    frame = table(tmp_path, *(named(f"{number:03}{'#' * 200}.png") for number in range(300)))
    text = written(frame, tmp_path)
    assert "and 290 more" in text
    long = written(frame, tmp_path, rows=300)
    assert len(long) < 65_536
    assert "The rest is left out" in long
    assert Shown(long).cells[-2].startswith("0")
