"""Folders and options: which are chosen, which are refused, and what child processes are told."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from mymodules import project_file, settings
from mymodules.errors import SettingsError

PROJECT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No choice made yet, an empty working directory, and afterwards all as it was."""
    before = dict(vars(settings))
    for name in settings._ATTRIBUTES:
        vars(settings).pop(name, None)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    yield
    os.environ.pop(settings.ENVIRONMENT, None)
    vars(settings).clear()
    vars(settings).update(before)


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"never opened")
    return path


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path, Path]:
    """first, second and out, as they should be."""
    picture(tmp_path / "one" / "a.png")
    picture(tmp_path / "two" / "a.png")
    (tmp_path / "out").mkdir()
    return tmp_path / "one", tmp_path / "two", tmp_path / "out"


# --- where things are ------------------------------------------------------------------------------


def test_defaults_are_created_and_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    here = Path.cwd()
    chosen = settings.init()
    assert chosen == settings.Settings(here, here / "img/01.first", here / "img/02.second", here / "img")
    assert chosen.first.is_dir()
    assert chosen.second.is_dir()
    said = capsys.readouterr().out
    assert str(chosen.first) in said
    assert str(chosen.second) in said
    assert said.count("\n") == 1


def test_nothing_is_said_when_nothing_is_created(capsys: pytest.CaptureFixture[str]) -> None:
    picture(Path("img/01.first/a.png"))
    picture(Path("img/02.second/a.png"))
    settings.init()
    assert capsys.readouterr().out == ""


def test_module_attributes_are_absolute_texts() -> None:
    images = Path.cwd() / "img"
    settings.init()
    found = [getattr(settings, name) for name in settings._ATTRIBUTES]
    assert found == [str(images), *(str(images / name) for name in ("01.first", "02.second", "03.diff"))]
    assert not (images / "03.diff").exists()


@pytest.mark.parametrize("name", settings._ATTRIBUTES)
def test_attributes_before_init_say_what_to_do(name: str) -> None:
    with pytest.raises(AttributeError, match=r"settings\.init\(\)"):
        getattr(settings, name)


def test_other_attributes_are_ordinary_errors() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        settings.nothing  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        ([], "01.first"),
        (["1.first"], "1.first"),
        (["01.first"], "01.first"),
        (["1.first", "01.first"], "01.first"),
    ],
)
def test_the_short_form_only_where_it_stands_alone(present: list[str], expected: str) -> None:
    for name in present:
        Path("img", name).mkdir(parents=True)
    assert settings.resolve().first.name == expected


def test_each_side_has_its_own_form() -> None:
    Path("img/1.first").mkdir(parents=True)
    Path("img/02.second").mkdir(parents=True)
    chosen = settings.resolve()
    assert (chosen.first.name, chosen.second.name) == ("1.first", "02.second")


def test_root_is_found_from_below_by_its_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "img").mkdir()
    (tmp_path / "notebooks" / "deep").mkdir(parents=True)
    for below in (".", "notebooks", "notebooks/deep", "work"):
        monkeypatch.chdir(tmp_path / below)
        assert settings.resolve().root == tmp_path


def test_root_is_found_by_the_name_in_pyproject(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[project]\nname = '{settings.PROJECT}'\n", encoding="utf-8")
    assert settings.resolve().root == tmp_path


@pytest.mark.parametrize("content", [b"[project]\nname = 'other'", b"[broken", b"\xff\xfe", b"project = 1"])
def test_other_projects_are_not_the_root(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pyproject.toml").write_bytes(content)
    assert settings.resolve().root == Path.cwd()


def test_the_nearest_root_wins(tmp_path: Path) -> None:
    for folder in (tmp_path, Path.cwd()):
        (folder / "img").mkdir()
        (folder / "notebooks").mkdir()
    assert settings.resolve().root == Path.cwd()


def test_the_name_is_that_of_this_project() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == settings.PROJECT


def test_folders_are_taken_as_text_path_home_and_relative(
    two: tuple[Path, Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    chosen = settings.resolve(first="~/one", second=Path("../two"), out=str(two[2]))
    assert (chosen.first, chosen.second, chosen.out) == two


def test_dots_behind_a_link_lead_where_the_system_goes(tmp_path: Path) -> None:
    picture(tmp_path / "elsewhere/one/a.png")
    (tmp_path / "elsewhere/deep").mkdir()
    Path("link").symlink_to(tmp_path / "elsewhere/deep")
    assert settings.resolve(first="link/../one").first.samefile(tmp_path / "elsewhere/one")


def test_resolve_leaves_no_trace() -> None:
    settings.resolve(max_pixels=7)
    assert list(Path.cwd().iterdir()) == []
    assert settings.ENVIRONMENT not in os.environ
    assert settings.recorded() is None
    assert "ORIG_IMAGE_DIRNAME" not in vars(settings)


def test_prepare_makes_no_choice(two: tuple[Path, Path, Path]) -> None:
    chosen = settings.prepare(first=two[0], second=two[1])
    assert chosen.out.is_dir()
    assert settings.ENVIRONMENT not in os.environ
    assert settings.recorded() is None


@pytest.mark.parametrize("value", [3, b"bytes", "", "a\0b", ["list"]])
def test_what_cannot_be_a_folder(value: object) -> None:
    with pytest.raises(SettingsError, match="first must be the path of a folder"):
        settings.resolve(first=value)  # type: ignore[arg-type]


def test_settings_are_frozen() -> None:
    with pytest.raises(AttributeError):
        settings.resolve().max_pixels = 1  # type: ignore[misc]


# --- options ---------------------------------------------------------------------------------------


def test_options() -> None:
    assert settings.resolve().max_pixels == 250_000_000
    assert settings.resolve(max_pixels=1).options == {"max_pixels": 1}


@pytest.mark.parametrize("value", [0, -1, 2.0, "5", None, True])
def test_max_pixels_must_be_a_whole_number_above_0(value: object) -> None:
    with pytest.raises(SettingsError, match="max_pixels must be a whole number above 0"):
        settings.resolve(max_pixels=value)  # type: ignore[arg-type]


def test_unknown_options_are_named_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"threshold, tolerance.*max_pixels"):
        settings.resolve(tolerance=1, threshold=2)


# --- what cannot be compared -----------------------------------------------------------------------


def refused(first: Path | None = None, second: Path | None = None, out: Path | None = None) -> str:
    """The message that init and check both refuse these folders with."""
    with pytest.raises(SettingsError) as by_init:
        settings.init(first=first, second=second, out=out)
    with pytest.raises(SettingsError) as by_check:
        settings.resolve(first=first, second=second, out=out).check()
    assert str(by_init.value) == str(by_check.value)
    assert settings.recorded() is None
    return str(by_init.value)


def test_good_folders_pass(two: tuple[Path, Path, Path]) -> None:
    first, second, out = two
    chosen = settings.init(first=first, second=second, out=out)
    chosen.check()
    assert settings.current() is chosen


@pytest.mark.parametrize(("position", "name"), [(0, "absent"), (1, "absent"), (2, "absent/out")])
def test_named_folders_must_exist(two: tuple[Path, Path, Path], position: int, name: str) -> None:
    folders = list(two)
    folders[position] = two[position].parent / name
    message = refused(*folders)
    assert str(folders[position]) in message
    remedy = "create it" if position == 2 else "correct its name"
    assert f"does not exist: {remedy}" in message
    assert list(Path.cwd().iterdir()) == []


def test_a_named_output_folder_is_created_and_said(
    two: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    out = two[2].parent / "new"
    settings.init(first=two[0], second=two[1], out=out)
    assert out.is_dir()
    assert capsys.readouterr().out == f"Created {out}.\n"


def test_an_output_folder_that_would_be_compared_is_not_created(two: tuple[Path, Path, Path]) -> None:
    with pytest.raises(SettingsError, match="or inside it"):
        settings.init(first=two[0], second=two[1], out=two[0] / "new")
    assert not (two[0] / "new").exists()


def test_a_named_root_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="absent does not exist"):
        settings.init(root=tmp_path / "absent")
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize("position", [0, 1, 2])
def test_files_are_no_folders(two: tuple[Path, Path, Path], position: int) -> None:
    folders = list(two)
    folders[position] = two[0] / "a.png"
    assert ("is not a folder" if position == 2 else "is a file, and") in refused(*folders)


@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize("rest", [[], ["notes.txt"], [".hidden.png", ".hidden/a.png"], ["a.png/readme"]])
def test_either_side_without_a_picture(two: tuple[Path, Path, Path], position: int, rest: list[str]) -> None:
    (two[position] / "a.png").unlink()
    for name in rest:
        picture(two[position] / name)
    message = refused(*two)
    assert f"There is no picture in {two[position]}" in message
    assert "put the pictures there" in message


def test_both_sides_without_a_picture(two: tuple[Path, Path, Path]) -> None:
    for folder in two[:2]:
        (folder / "a.png").unlink()
    message = refused(*two)
    assert message.startswith(f"There is no picture in {two[0]} or {two[1]} (.png, ")
    assert message.endswith("put the pictures there, or name other folders as first and second.")


@pytest.mark.parametrize(
    "name", ["a.PNG", "deep/er/b.Jpeg", "日本 語.webp", "c.tif", "d.TIFF", "e.bmp", "f.jpg"]
)
def test_one_picture_is_enough(two: tuple[Path, Path, Path], name: str) -> None:
    (two[0] / "a.png").unlink()
    picture(two[0] / name)
    settings.init(first=two[0], second=two[1], out=two[2])


def test_created_folders_may_be_empty_once() -> None:
    settings.init()
    with pytest.raises(SettingsError, match=r"no picture in .*01\.first"):
        settings.init()


def test_an_empty_folder_beside_a_created_one_is_refused() -> None:
    Path("img/02.second").mkdir(parents=True)
    with pytest.raises(SettingsError, match=r"no picture in .*02\.second"):
        settings.init()


def test_a_loop_of_links_has_no_picture(two: tuple[Path, Path, Path]) -> None:
    (two[0] / "a.png").unlink()
    (two[0] / "loop").symlink_to(two[0])
    (two[0] / "self.png").symlink_to(two[0] / "self.png")
    (two[0] / "lost.png").symlink_to(two[0] / "nowhere.png")
    assert "There is no picture in" in refused(*two)


def test_the_search_ends_at_the_first_picture(
    two: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        picture(two[0] / f"{number}" / "b.png")
    listed = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(path) or scandir(path))
    settings.resolve(first=two[0], second=two[1], out=two[2]).check()
    assert len(listed) <= 4


def test_a_folder_that_cannot_be_read(two: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path == str(two[1]):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert f"{two[1]} cannot be read (Permission denied)" in refused(*two)


def test_the_same_folder(two: tuple[Path, Path, Path], tmp_path: Path) -> None:
    assert "are the same folder" in refused(two[0], two[0], two[2])
    (tmp_path / "link").symlink_to(two[0])
    assert "are the same folder" in refused(two[0], tmp_path / "link", two[2])


@pytest.mark.parametrize("inner", ["below", "below/deep"])
@pytest.mark.parametrize("linked", [False, True])
def test_one_inside_the_other(two: tuple[Path, Path, Path], tmp_path: Path, inner: str, linked: bool) -> None:
    folder = picture(two[0] / inner / "a.png").parent
    if linked:
        (tmp_path / "link").symlink_to(folder)
        folder = tmp_path / "link"
    assert f"The second folder {folder} is inside the first folder {two[0]}" in refused(
        two[0], folder, two[2]
    )
    assert f"The first folder {folder} is inside the second folder {two[0]}" in refused(
        folder, two[0], two[2]
    )


@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize("inner", ["", "below"])
def test_the_output_in_a_compared_folder(two: tuple[Path, Path, Path], position: int, inner: str) -> None:
    out = two[position] / inner
    out.mkdir(exist_ok=True)
    message = refused(two[0], two[1], out)
    assert f"The output folder {out} is the {('first', 'second')[position]} folder" in message


def test_the_output_may_hold_both() -> None:
    picture(Path("img/01.first/a.png"))
    picture(Path("img/02.second/a.png"))
    settings.init().check()


def test_neighbours_whose_names_begin_alike(tmp_path: Path) -> None:
    first, second = picture(tmp_path / "a/x.png").parent, picture(tmp_path / "ab/x.png").parent
    (tmp_path / "abc").mkdir()
    settings.init(first=first, second=second, out=tmp_path / "abc")


def test_a_default_folder_that_cannot_be_created() -> None:
    Path("img").write_text("a file", encoding="utf-8")
    with pytest.raises(SettingsError, match="cannot be created"):
        settings.init()


def test_a_refused_choice_leaves_the_earlier_one(two: tuple[Path, Path, Path]) -> None:
    chosen = settings.init(first=two[0], second=two[1], out=two[2])
    recorded = os.environ[settings.ENVIRONMENT]
    with pytest.raises(SettingsError):
        settings.init(first=two[0], second=two[0])
    assert settings.current() is chosen
    assert os.environ[settings.ENVIRONMENT] == recorded
    assert str(two[0]) == settings.ORIG_IMAGE_DIRNAME


# --- child processes -------------------------------------------------------------------------------


def test_current_is_this_process_choice_then_the_recorded_one_then_init(
    two: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = settings.init(first=two[0], second=two[1], out=two[2], max_pixels=9)
    monkeypatch.setattr(settings, "_current", None)
    assert settings.current() == chosen
    assert settings.current() is settings.current()
    monkeypatch.setattr(settings, "_current", None)
    del os.environ[settings.ENVIRONMENT]
    assert settings.current().first == Path.cwd() / "img/01.first"


@pytest.mark.parametrize("value", ["", "no json", "[]", "{}", "3", '{"root": 1}'])
def test_a_foreign_value_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(settings.ENVIRONMENT, value)
    with pytest.raises(SettingsError, match=settings.ENVIRONMENT):
        settings.current()


def test_the_recorded_choice_is_ascii_json(two: tuple[Path, Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "出 力"
    out.mkdir()
    settings.init(first=two[0], second=two[1], out=out)
    recorded = os.environ[settings.ENVIRONMENT]
    assert recorded.isascii()
    assert json.loads(recorded)["out"] == str(out)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_child_rebuilds_the_choice_with_undecodable_bytes(
    two: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe \xe3\x81\x82"))
    odd.mkdir()
    chosen = settings.init(first=two[0], second=two[1], out=odd, max_pixels=12)
    code = (
        "import os; from mymodules import settings; chosen = settings.current(); "
        "print(os.fsencode(chosen.out), chosen.max_pixels, settings.ORIG_IMAGE_DIRNAME, sep='|')"
    )
    child = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(PROJECT)}, cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    assert child.stdout.rstrip("\n") == f"{os.fsencode(odd)}|12|{two[0]}"
    assert chosen.out == odd


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_messages_about_odd_paths_can_be_printed(two: tuple[Path, Path, Path], tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    refused(odd, two[1], two[2]).encode("utf-8")


# --- the file of a project --------------------------------------------------------------------------


def write(text: str | bytes, folder: Path | None = None) -> Path:
    """Write the file of the project in the working directory."""
    path = (folder or Path.cwd()) / project_file.FILE
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_the_file_names_the_folders(two: tuple[Path, Path, Path]) -> None:
    one, other, out = two
    write(f"[folders]\nfirst = '{one}'\nsecond = '../two'\nout = '../out'\n")
    assert settings.init() == settings.Settings(Path.cwd(), one, other, out)
    assert settings.current().first == one, "children get it"


def test_the_file_of_the_root_counts_in_its_folders(
    two: tuple[Path, Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("img", "notebooks"):
        (tmp_path / name).mkdir()
    write("[folders]\nfirst = 'one'\nsecond = 'two'\n", tmp_path)
    monkeypatch.chdir(tmp_path / "notebooks")
    chosen = settings.resolve()
    assert (chosen.first, chosen.second, chosen.out) == (*two[:2], tmp_path / "img")


def test_arguments_win_over_the_file(two: tuple[Path, Path, Path]) -> None:
    one, other, out = two
    write("[folders]\nfirst = '../gone'\nout = '../out'\n")
    chosen = settings.resolve(first=one, second=other)
    assert (chosen.first, chosen.second, chosen.out) == (one, other, out)


def test_what_a_parent_has_chosen_wins_over_the_file(two: tuple[Path, Path, Path]) -> None:
    one, other, out = two
    settings.init(first=one, second=other, out=out)
    vars(settings)["_current"] = None
    write("[folders]\nfirst = '../two'\nsecond = '../one'\n")
    assert settings.current().first == one


def test_what_the_file_does_not_name_has_a_default(two: tuple[Path, Path, Path]) -> None:
    write("[folders]\nfirst = '../one'\n")
    chosen = settings.init()
    assert chosen.first == two[0]
    assert chosen.second == Path.cwd() / "img/02.second"
    write("")
    assert settings.resolve().first == Path.cwd() / "img/01.first"


def test_a_new_results_folder_of_the_file_is_created(
    two: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    write("[folders]\nfirst = '../one'\nsecond = '../two'\nout = '../new'\n")
    assert settings.init().out.is_dir()
    assert "Created " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[folders\n", "compare.toml, line 1: this is not TOML: "),
        ("[folders]\nfirst = 'a'\nsecond = ", "compare.toml, line 3: this is not TOML: "),
        ("a = " + "[" * 5000, "compare.toml is not a TOML file: "),
        (b"# a\n\xff\xfe", "compare.toml, line 2: this is not UTF-8"),
        ("folders = 1\n", "'folders'"),
        ("first = 'a'\n", "'first'"),
        ("[folder]\nfirst = 'a'\n", "'folder'"),
        ("[rules]\nname = 'a'\n", "'rules'"),
        ("[folders]\nfrist = 'a'\n", "unknown key 'frist' in [folders]"),
        ("[folders]\nfirst = 1\n", "'first' in [folders]"),
        ("[folders]\nfirst = ''\n", "'first' in [folders]"),
        ("[folders]\nout = 'https://a.example/b'\n", "'out' in [folders]"),
        ("[folders]\nfirst = '../gone'\n", "which is not a folder"),
        ("[folders]\nsecond = 'compare.toml'\n", "'second' in [folders]"),
        ("[folders]\nout = '../gone/deep'\n", "'out' in [folders]"),
    ],
)
def test_a_file_that_is_wrong_is_named_with_its_key(text: str | bytes, said: str) -> None:
    path = write(text)
    with pytest.raises(SettingsError) as raised:
        settings.init()
    assert said in str(raised.value)
    assert str(path) in str(raised.value)
    assert not Path("img").exists()


def test_the_file_is_not_a_file(two: tuple[Path, Path, Path]) -> None:
    Path(project_file.FILE).mkdir()
    with pytest.raises(SettingsError, match=r"compare\.toml is a folder, and only .*: rename it\.$"):
        settings.init()
