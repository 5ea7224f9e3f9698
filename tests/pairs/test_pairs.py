"""What is compared with what: every file of two real folders, whatever its name, exactly once."""

import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support import strategies

from mymodules import pairs
from mymodules.errors import SettingsError
from mymodules.pairs import Listing, Pair, Pairs

linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
posix = pytest.mark.skipif(os.name != "posix", reason="such files do not exist there")

NFC, NFD = "\u304c.png", "\u304b\u3099.png"  # one Japanese letter in two spellings


class Two:
    """Two folders to fill."""

    def __init__(self, base: Path) -> None:
        self.first, self.second = base / "one", base / "two"
        self.first.mkdir()
        self.second.mkdir()

    def both(self, *names: str) -> None:
        for name in names:
            self.add(self.first, name)
            self.add(self.second, name)

    def add(self, side: Path, *names: str) -> None:
        for name in names:
            path = side / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"12345")

    def find(self) -> Listing:
        return pairs.find(self.first, self.second)

    def names(self) -> list[str]:
        return [pair.name for pair in self.find().pairs]


@pytest.fixture
def two(tmp_path: Path) -> Two:
    return Two(tmp_path)


def problem(listing: Listing, name: str) -> tuple[str, str]:
    (found,) = [pair.problem for pair in listing.pairs if pair.name == name]
    assert found is not None
    return found


# --- pairing ---------------------------------------------------------------------------------------


def test_the_same_path_is_a_pair(two: Two) -> None:
    two.both("a.png", "deep/er/b.jpg")
    two.add(two.first, "only first.bmp")
    two.add(two.second, "only second.webp")
    one, other = two.first, two.second
    assert two.find().pairs == (
        Pair("a.png", str(one / "a.png"), str(other / "a.png")),
        Pair("deep/er/b.jpg", str(one / "deep/er/b.jpg"), str(other / "deep/er/b.jpg")),
        Pair("only first.bmp", str(one / "only first.bmp"), None),
        Pair("only second.webp", None, str(other / "only second.webp")),
    )
    assert two.find().pictures == (3, 3)


def test_every_suffix_in_any_case(two: Two) -> None:
    suffixes = [
        "png",
        "jpg",
        "jpeg",
        "webp",
        "bmp",
        "tif",
        "tiff",
        "PNG",
        "Jpg",
        "JPEG",
        "WebP",
        "BMP",
        "tIf",
        "TIFF",
        *("jfif", "JFI", "jpe", "dib", "apng"),
    ]
    names = [f"{number:02}.{suffix}" for number, suffix in enumerate(suffixes)]
    two.both(*names)
    assert two.names() == names


def test_what_is_left_out_is_counted(two: Two) -> None:
    two.both("a.png", "notes.txt", "png", "b.gif", "c.png.bak", ".hidden.png", ".DS_Store", ".git/d.png")
    two.add(two.first, "deep/.e.png", "deep/Thumbs.db")
    listing = two.find()
    assert [pair.name for pair in listing.pairs] == ["a.png"]
    assert (listing.hidden, listing.other, listing.links) == (7, 9, 0)
    assert listing.named == {
        "hidden": (".DS_Store", ".git", ".hidden.png", "deep/.e.png"),
        "other": ("b.gif", "c.png.bak", "deep/Thumbs.db", "notes.txt", "png"),
    }


def test_case_and_suffix_make_different_names(two: Two) -> None:
    two.add(two.first, "a.png", "a.jpg")
    two.add(two.second, "A.png")
    if len(list(two.first.iterdir())) == 2:
        assert two.names() == ["A.png", "a.jpg", "a.png"]


def test_sorted_by_code_points_of_the_path(two: Two) -> None:
    names = ["10.png", "2.png", "B.png", "a b.png", "a.png", "a/z.png", "é.png", "日.png", "\U0001f600.png"]
    shuffled = random.Random(1).sample(names, len(names))
    two.both(*shuffled)
    assert two.names() == names


@linux
def test_sorted_by_nfc(two: Two) -> None:
    two.both("e\u0301.png", "f.png")  # as bytes the first would come before
    assert two.names() == ["f.png", "e\u0301.png"]


@linux
def test_two_spellings_across_the_sides_are_one_pair_in_first_spelling(two: Two) -> None:
    two.add(two.first, f"x/{NFD}")
    two.add(two.second, f"x/{NFC}")
    files = str(two.first / "x" / NFD), str(two.second / "x" / NFC)
    assert two.find().pairs == (Pair(f"x/{NFD}", *files),)


@linux
@pytest.mark.parametrize("folder", [False, True])
def test_two_spellings_on_one_side_collide(two: Two, folder: bool) -> None:
    nfc, nfd = (f"{NFC}/a.png", f"{NFD}/a.png") if folder else (NFC, NFD)
    two.add(two.first, nfc, nfd, "b.png")
    two.add(two.second, nfc, "b.png")
    listing = two.find()
    found = {pair.name: pair for pair in listing.pairs if "a.png" in pair.name or not folder}
    assert found["b.png"].problem is None if not folder else True
    assert found[nfc].first == str(two.first / nfc)
    assert found[nfc].second == str(two.second / nfc)
    assert found[nfd].first == str(two.first / nfd)
    assert found[nfd].second is None
    code, message = problem(listing, nfd)
    assert code == "name_collision"
    assert r"\u304b\u3099.png" in message.partition("is also spelled")[0]
    assert r"\u304c.png" in message.partition("is also spelled")[2]
    assert "in first and second" in message
    assert problem(listing, nfc)[0] == "name_collision"


@linux
def test_a_collision_on_the_second_side_takes_the_first_with_it(two: Two) -> None:
    two.add(two.first, NFC)
    two.add(two.second, NFC, NFD)
    listing = two.find()
    assert [(pair.name, pair.problem and pair.problem[0]) for pair in listing.pairs] == [
        (NFD, "name_collision"),
        (NFC, "name_collision"),
    ]


@linux
def test_three_spellings_three_rows(two: Two) -> None:
    names = ["\u1e69.png", "s\u0323\u0307.png", "s\u0307\u0323.png"]
    assert len({unicodedata.normalize("NFC", name) for name in names}) == 1
    two.add(two.first, names[0])
    two.add(two.second, *names[1:])
    assert sorted(two.names()) == sorted(names)
    assert {pair.problem and pair.problem[0] for pair in two.find().pairs} == {"name_collision"}


def test_empty_folders_give_an_empty_listing(two: Two) -> None:
    assert two.find() == Listing(Pairs())


@pytest.mark.parametrize("side", ["first", "second"])
def test_a_folder_that_cannot_be_listed_itself(two: Two, side: str) -> None:
    two.both("a.png")
    absent = two.first / "absent"
    folders = (absent, two.second) if side == "first" else (two.first, absent)
    with pytest.raises(SettingsError, match=rf"absent cannot be listed .* as {side}"):
        pairs.find(*folders)


# --- what is no file -------------------------------------------------------------------------------


@pytest.mark.parametrize("on_second", ["nothing", "file", "folder"])
def test_a_folder_named_like_a_picture(two: Two, on_second: str) -> None:
    two.add(two.first, "x.png/in.png")
    if on_second == "file":
        two.add(two.second, "x.png")
    elif on_second == "folder":
        two.add(two.second, "x.png/in.png")
    listing = two.find()
    assert [pair.name for pair in listing.pairs] == ["x.png", "x.png/in.png"]
    code, message = problem(listing, "x.png")
    assert code == "not_a_file"
    assert "x.png in first is a folder" in message
    assert ("x.png in second is a folder" in message) == (on_second == "folder")
    inside = listing.pairs[1]
    assert inside.problem is None
    assert (inside.second is not None) == (on_second == "folder")


def test_a_file_in_first_and_a_folder_in_second(two: Two) -> None:
    two.add(two.first, "x.png")
    two.add(two.second, "x.png/in.png")
    listing = two.find()
    assert problem(listing, "x.png")[0] == "not_a_file"
    assert listing.pairs[0].first == str(two.first / "x.png")
    assert listing.pairs[0].second == str(two.second / "x.png")


@posix
def test_fifo_and_socket_are_not_opened(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    two.both("b.png")
    os.mkfifo(two.first / "a.png")
    two.add(two.second, "a.png")
    monkeypatch.chdir(two.second)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind("c.png")
    listing = two.find()
    assert [pair.name for pair in listing.pairs] == ["a.png", "b.png", "c.png"]
    assert problem(listing, "a.png") == ("not_a_file", "a.png in first is neither a file nor a folder.")
    assert problem(listing, "c.png") == ("not_a_file", "c.png in second is neither a file nor a folder.")


@posix
def test_a_device_behind_a_link(two: Two) -> None:
    (two.first / "x.png").symlink_to("/dev/zero")
    assert problem(two.find(), "x.png")[0] == "not_a_file"


@posix
def test_links_to_files_nothing_and_themselves_are_ordinary(two: Two) -> None:
    two.both("real.png")
    (two.first / "a.png").symlink_to(two.first / "real.png")
    (two.first / "b.png").symlink_to(two.first / "nowhere")
    (two.first / "c.png").symlink_to(two.first / "c.png")
    listing = two.find()
    assert [(pair.name, pair.problem) for pair in listing.pairs] == [
        ("a.png", None),
        ("b.png", None),
        ("c.png", None),
        ("real.png", None),
    ]


# --- folder links ----------------------------------------------------------------------------------


@posix
def test_link_loops_end(two: Two) -> None:
    two.both("deep/a.png")
    (two.first / "deep/loop").symlink_to(two.first)
    (two.first / "deep/self").symlink_to("self")
    (two.second / "deep/up").symlink_to("..")
    listing = two.find()
    assert [pair.name for pair in listing.pairs] == ["deep/a.png"]
    assert listing.links == 2
    assert listing.other == 1  # the link that leads nowhere


@posix
def test_only_files_count_as_pictures(two: Two) -> None:
    two.both("a.png/b.png", "c.txt")
    two.add(two.first, "d.png")
    (two.second / "nowhere.png").symlink_to(two.second / "absent.png")
    (two.second / "self.png").symlink_to("self.png")
    os.mkfifo(two.second / "pipe.png")
    assert two.find().pictures == (2, 1)  # b.png and d.png; b.png


@posix
def test_folder_links_are_followed_once_after_real_folders_in_order(two: Two, tmp_path: Path) -> None:
    two.add(tmp_path / "elsewhere", "x.png", "more/y.png")
    two.add(two.first, "real/r.png")
    for name in ("c", "b"):
        (two.first / name).symlink_to(tmp_path / "elsewhere")
    (two.first / "a").symlink_to(two.first / "real")
    (two.first / "z").symlink_to(tmp_path / "elsewhere/more")
    listing = two.find()
    assert [pair.name for pair in listing.pairs] == ["b/more/y.png", "b/x.png", "real/r.png"]
    assert listing.links == 3


@posix
def test_links_inside_linked_folders_are_followed(two: Two, tmp_path: Path) -> None:
    two.add(tmp_path / "far", "y.png")
    (tmp_path / "near").mkdir()
    (tmp_path / "near/on").symlink_to(tmp_path / "far")
    (tmp_path / "far/back").symlink_to(tmp_path / "near")
    (two.first / "go").symlink_to(tmp_path / "near")
    listing = two.find()
    assert [pair.name for pair in listing.pairs] == ["go/on/y.png"]
    assert listing.links == 1


@posix
def test_a_link_on_one_side_pairs_with_a_folder_on_the_other(two: Two, tmp_path: Path) -> None:
    two.add(tmp_path / "elsewhere", "x.png")
    (two.first / "pages").symlink_to(tmp_path / "elsewhere")
    two.add(two.second, "pages/x.png")
    found = two.first / "pages/x.png", two.second / "pages/x.png"
    assert two.find().pairs == (Pair("pages/x.png", *map(str, found)),)


@posix
def test_a_folder_link_named_like_a_picture(two: Two, tmp_path: Path) -> None:
    two.add(tmp_path / "elsewhere", "in.png")
    (two.first / "x.png").symlink_to(tmp_path / "elsewhere")
    listing = two.find()
    assert [pair.name for pair in listing.pairs] == ["x.png", "x.png/in.png"]
    assert problem(listing, "x.png")[0] == "not_a_file"


# --- folders that cannot be listed -----------------------------------------------------------------


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, OSError], None]:
    """Lets the listing of one folder fail; taking its rights away would not hold for an administrator."""
    refused: dict[str, OSError] = {}
    scandir = os.scandir

    def listed(path: str) -> object:
        if str(path) in refused:
            raise refused[str(path)]
        return scandir(path)

    monkeypatch.setattr(os, "scandir", listed)
    return lambda path, error: refused.update({str(path): error})


def test_a_folder_that_cannot_be_listed_is_a_row(two: Two, refuse: Callable[[Path, OSError], None]) -> None:
    two.both("a.png", "closed/b.png", "closed/deep/c.png")
    refuse(two.first / "closed", PermissionError(13, "Permission denied"))
    listing = two.find()
    assert [pair.name for pair in listing.pairs] == ["a.png", "closed", "closed/b.png", "closed/deep/c.png"]
    assert listing.pairs[0].problem is None
    code, message = problem(listing, "closed")
    assert code == "permission"
    assert message == "The folder closed in first cannot be listed: what is in it was not compared."
    # Nobody knows whether first has these, so they are not "only in second".
    for name in ("closed/b.png", "closed/deep/c.png"):
        code, message = problem(listing, name)
        assert code == "permission"
        assert message == f"The folder closed in first cannot be listed: {name} may be there."


def test_both_sides_closed_is_one_row_that_names_both(
    two: Two, refuse: Callable[[Path, OSError], None]
) -> None:
    two.both("a.png", "closed/b.png")
    refuse(two.first / "closed", PermissionError(13, "Permission denied"))
    refuse(two.second / "closed", OSError(5, "Input/output error"))
    code, message = problem(two.find(), "closed")
    assert code == "permission"
    assert "in first" in message
    assert "in second" in message


def test_a_closed_folder_named_like_a_picture_is_one_row(
    two: Two, refuse: Callable[[Path, OSError], None]
) -> None:
    two.add(two.first, "x.png/in.png")
    refuse(two.first / "x.png", PermissionError(13, "Permission denied"))
    (pair,) = two.find().pairs
    assert pair.problem == ("not_a_file", "x.png in first is a folder, not a file, and cannot be listed.")


def test_a_folder_that_vanished(two: Two, refuse: Callable[[Path, OSError], None]) -> None:
    two.both("gone/a.png")
    refuse(two.first / "gone", FileNotFoundError(2, "No such file or directory"))
    listing = two.find()
    assert problem(listing, "gone") == ("vanished", "The folder gone in first vanished while it was listed.")
    assert listing.pairs[1].problem is None


@posix
def test_real_rights_are_respected(two: Two) -> None:
    two.both("closed/b.png")
    (two.first / "closed").chmod(0)
    code = "import sys; from pathlib import Path; from mymodules import pairs; "
    code += "print([pair.problem for pair in pairs.find(*map(Path, sys.argv[1:])).pairs])"
    command = [sys.executable, "-c", code, str(two.first), str(two.second)]
    if os.geteuid() == 0:  # an administrator may list every folder, unless that right is given up
        setpriv = shutil.which("setpriv")
        if not setpriv:
            pytest.skip("setpriv is not on this machine")
        command = [setpriv, "--bounding-set", "-dac_override,-dac_read_search", *command]
    try:
        found = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    finally:
        (two.first / "closed").chmod(0o700)
    assert found.startswith("[('permission',")


# --- names as text ---------------------------------------------------------------------------------

any_name = (
    strategies.parts | st.text(st.characters(), max_size=12) | st.text("\\xu0afd8\udc80\ud800", max_size=12)
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.png", "a.png"),
        ("が\n\"'.png", "が\n\"'.png"),
        ("back\\slash.png", "back\\slash.png"),
        ("\\xFF.png", "\\xFF.png"),
        ("\udcff.png", "\\xff.png"),
        ("\\\udcff.png", "\\\\\\xff.png"),
        ("\\xff.png", "\\\\xff.png"),
        ("\\a\\x41.png", "\\\\a\\\\x41.png"),
        ("\udce3\udc81.png", "\\xe3\\x81.png"),
        ("\ud83d.png", "\\ud83d.png"),
        ("\\ud83d.png", "\\\\ud83d.png"),
        ("\ud83d\udcff\\.png", "\\ud83d\\xff\\\\.png"),
    ],
)
def test_text_of_a_name(name: str, text: str) -> None:
    assert pairs.to_text(name) == text
    assert pairs.from_text(text) == name
    assert pairs.is_escaped(text) == (name != text)


@given(any_name)
@example("\\\\x41")
@example("\\\udc41")
@example("\\x4\udc80")
def test_names_survive_as_text(name: str) -> None:
    text = pairs.to_text(name)
    assert pairs.from_text(text) == name
    assert pairs.is_escaped(text) == (text != name)
    text.encode("utf-8")


@given(any_name, any_name)
def test_two_names_never_share_a_text(one: str, other: str) -> None:
    assert (pairs.to_text(one) == pairs.to_text(other)) == (one == other)


@given(strategies.texts | any_name.map(pairs.to_text))
def test_a_text_from_elsewhere_never_fails(text: str) -> None:
    pairs.from_text(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('He said "no".', "He said 'no'."),
        ("one\r\ntwo\nthree\rfour\u2028five\x85six\0seven", "one two three four five six seven"),
        ("\udcff.png", "\\udcff.png"),
        ("x" * 31_900, "x" * 31_900),
        ("x" * 31_901, "x" * 31_899 + "…"),
    ],
)
def test_sentence(text: str, expected: str) -> None:
    assert pairs.sentence(text) == expected


@given(any_name)
def test_a_sentence_is_one_line_without_quotes(text: str) -> None:
    line = pairs.sentence(text)
    assert '"' not in line
    assert line.splitlines() == ([line] if line else [])
    assert pairs.sentence(line) == line
    line.encode("utf-8")


# --- names on a real file system -------------------------------------------------------------------


@linux
@given(st.lists(strategies.picture_names, max_size=8, unique=True))
def test_n_files_n_rows_and_every_name_leads_back(raw: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as base:
        two = Two(Path(base))
        for name in raw:
            (two.first / os.fsdecode(name)).touch()
        listing = pairs.find(two.first, two.second)
        found = [pair.name for pair in listing.pairs]
        assert sorted(os.fsencode(pairs.from_text(name)) for name in found) == sorted(raw)
        for pair in listing.pairs:
            assert pair.first == str(two.first / pairs.from_text(pair.name))
            assert Path(pair.first).is_file()


@linux
def test_the_names_of_the_issue(two: Two) -> None:
    raw = [
        "a b.png", "日本語 ページ.png", "😀.png", "new\nline.png", 'quo"te.png', "it's.png", "=1+1.png",
        "'=1.png", "-1.png", "NA.png", "CON.png", "A.png", "a.png", "a.jpg", "x" * 251 + ".png",
        "あ" * 83 + ".jpeg",
    ]  # fmt: skip
    names = [os.fsencode(name) for name in raw] + [b"\xff\xfe.png", b"\x83e\x83X\x83g.png"]
    assert max(map(len, names)) >= 254
    for name in names:
        two.both(os.fsdecode(name))
    listing = two.find()
    assert len(listing.pairs) == len(names)
    assert {os.fsencode(pairs.from_text(pair.name)) for pair in listing.pairs} == set(names)
    assert all(pair.first and pair.second and pair.problem is None for pair in listing.pairs)
    assert r"\xff\xfe.png" in two.names()


@linux
def test_an_undecodable_folder(two: Two) -> None:
    two.both(os.fsdecode(b"\xff/a.png"))
    assert two.names() == [r"\xff/a.png"]


def test_a_deep_tree(two: Two) -> None:
    name = "/".join(["deep"] * 60) + "/a.png"
    two.both(name)
    assert two.names() == [name]


# --- a part of the list ----------------------------------------------------------------------------

TEN = Listing(Pairs(Pair(f"{number}.png", None, None) for number in range(10)))


@pytest.mark.parametrize(
    ("skip", "stop", "expected"),
    [
        (0, -1, range(10)),
        (1, -1, range(1, 10)),
        (9, -1, [9]),
        (0, 2, [0, 1]),
        (0, 10, range(10)),
        (0, 99, range(10)),
        (3, 5, [3, 4]),
        (9, 10, [9]),
    ],
)
def test_part(skip: int, stop: int, expected: list[int]) -> None:
    assert [pair.name for pair in TEN.part(skip, stop)] == [f"{number}.png" for number in expected]


@pytest.mark.parametrize(("skip", "stop"), [(10, -1), (99, -1), (5, 5), (5, 2)])
def test_a_part_with_nothing_in_it(skip: int, stop: int) -> None:
    with pytest.raises(SettingsError, match="of 10 pictures"):
        TEN.part(skip, stop)


def test_a_part_of_nothing() -> None:
    assert Listing(Pairs()).part(0, -1) == ()
    assert Listing(Pairs()).part(3, 5) == ()


@pytest.mark.parametrize(
    ("skip", "stop", "name"),
    [(-1, -1, "skip_until"), (0, 0, "stop_at"), (0, -2, "stop_at"), (1.0, -1, "skip_until"),
     (0, "2", "stop_at"), (True, -1, "skip_until"), (0, None, "stop_at")],
)  # fmt: skip
def test_a_part_takes_whole_numbers_only(skip: int, stop: int, name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        TEN.part(skip, stop)


@given(st.integers(0, 12), st.integers(1, 12) | st.just(-1))
def test_part_is_the_seeds_two_comments(skip: int, stop: int) -> None:
    expected = [p for n, p in enumerate(TEN.pairs, 1) if n > skip and (stop == -1 or n <= stop)]
    if expected:
        assert list(TEN.part(skip, stop)) == expected
    else:
        with pytest.raises(SettingsError):
            TEN.part(skip, stop)
