"""The settings of a run: the two folders, the output folder and the options.

`init` chooses them once for a process and its children; `resolve` returns them without choosing them. Folders
that the caller does not name are those in the file of the project (see `project_file`), or else the defaults.
A choice is a frozen `Settings`, and its `check` refuses folders whose comparison would be meaningless. This
is the only module with state: the attributes that notebooks read (``ORIG_IMAGE_DIRNAME`` and the others),
and the environment variable ``MYMODULES_SETTINGS``, from which child processes restore the choice. No
picture is opened here.
"""

import contextlib
import json
import operator
import os
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mymodules import remote, revisions, streams
from mymodules.errors import SettingsError
from mymodules.paths import (
    AnyPath,
    folder_identity,
    is_inside,
    is_new,
    is_same,
    local_path,
    masked,
    shown,
    tidied,
    working_directory,
)
from mymodules.project_file import FILE, is_elsewhere, named_in

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WebP", ".bmp": "BMP"}
FORMATS |= {".tif": "TIFF", ".tiff": "TIFF", ".apng": "PNG", ".dib": "BMP"}
FORMATS |= dict.fromkeys((".jfif", ".jfi", ".jpe"), "JPEG")
"""The endings of pictures' names, and the format that each ending stands for."""

SUFFIXES = tuple(FORMATS)
"""Endings of a picture's name, in lower case; names are compared in any case."""

MAX_PIXELS = 250_000_000
"""Default of the option ``max_pixels``: a picture with more pixels is not decoded."""

ENVIRONMENT = "MYMODULES_SETTINGS"
"""The environment variable that hands the choice to child processes, as JSON."""

PROJECT = "mymodules"
"""The project's name in its ``pyproject.toml``."""

DATA_SAVE_BASE_DIR: str
"""The output folder, ``img`` by default. Set by `init`, as are the three below; all absolute."""
ORIG_IMAGE_DIRNAME: str
"""The first folder, ``img/01.first`` by default."""
SECOND_IMAGE_DIRNAME: str
"""The second folder, ``img/02.second`` by default."""
DATA_OUT_DIRNAME_BASE: str
"""What the paths of folders with drawings begin with, ``img/03.diff`` by default."""

_OTHER = {"first": "second", "second": "first"}
_ATTRIBUTES = ("DATA_SAVE_BASE_DIR", "ORIG_IMAGE_DIRNAME", "SECOND_IMAGE_DIRNAME", "DATA_OUT_DIRNAME_BASE")


@dataclass(frozen=True)
class Settings:
    """One choice of folders and options.

    Attributes
    ----------
    root, first, second, out : Path
        Absolute; links are not resolved.
    max_pixels : int
        Width x height above which a picture is not decoded.
    files : (str, str) or None
        If two files are compared, their names in first and second.
    """

    root: Path
    first: Path
    second: Path
    out: Path
    max_pixels: int = MAX_PIXELS
    files: tuple[str, str] | None = None

    @property
    def options(self) -> dict[str, int]:
        """The options by name. Rows of two runs are comparable only if these are equal."""
        return {"max_pixels": self.max_pixels}

    @property
    def compared(self) -> tuple[Path, Path]:
        """The two folders, or the two files."""
        if self.files is None:
            return self.first, self.second
        return self.first / self.files[0], self.second / self.files[1]

    def fetch(self, *, again: bool = False, run: bool = False, absent: Container[str] = ()) -> None:
        """Bring what changed behind URLs into their copies, as `remote.fetch` does.

        What is cheap is checked first: a folder on this computer must have a picture, unless its role is in
        `absent` and it does not exist; and of two URLs, the second one must have a picture.
        """
        folders = {"first": self.first, "second": self.second}
        here = {role: folder for role, folder in folders.items() if remote.described(folder) is None}
        if len(here) == 1 and self.files is None:
            ((role, folder),) = here.items()
            if not (role in absent and not os.path.lexists(folder)):
                _check_folder(folder, role)
                _check_pictures(here)
        found = None
        if not here:
            if self.first == self.second:
                raise SettingsError(
                    f"first and second are both {remote.described(self.first)}: everything would be equal. "
                    "Name two different ones."
                )
            found = remote.reach(self.second, SUFFIXES)
        remote.fetch(self.first, SUFFIXES, again=again, run=run)
        remote.fetch(self.second, SUFFIXES, again=again, run=run, found=found)

    def check(self) -> None:
        """Raise `SettingsError` if these folders cannot be compared.

        The message names the folder and says what to do. In addition to what `check_folders` refuses, first
        and second must be readable and have a picture; the search ends at the first one.
        """
        self.check_folders()
        if self.files is None:
            _check_pictures({"first": self.first, "second": self.second})

    def check_folders(self) -> None:
        """Raise `SettingsError` if these folders cannot be compared, whatever they contain.

        That is the case if one of them is absent or a file, if first and second are the same or one is inside
        the other, or if the output folder is in one of them. Two files may be anywhere, but must be named
        like pictures.
        """
        for folder, role in ((self.first, "first"), (self.second, "second"), (self.out, "out")):
            _check_folder(folder, role)
        _check_apart(self)

    def check_outside(self, folder: Path, what: str) -> None:
        """Raise `SettingsError` if a folder that is written to is first or second, or inside one of them.

        If two files are compared, other files in their folders do not matter.
        """
        if self.files is not None:
            return
        for given, role in ((self.first, "first"), (self.second, "second")):
            if is_same(folder, given) or is_inside(folder, given) or remote.is_below(folder, given):
                inner, outer = (remote.described(each) or masked(each) for each in (folder, given))
                raise SettingsError(
                    f"The {what} folder {inner} is the {role} folder {outer} or inside it: "
                    f"pictures written there would be compared by the next run. Name a folder outside."
                )


def init(
    root: AnyPath | None = None,
    first: AnyPath | None = None,
    second: AnyPath | None = None,
    out: AnyPath | None = None,
    **options: int,
) -> Settings:
    """Choose the folders and options of this process and of the processes it starts.

    Parameters
    ----------
    root : path, optional
        The project's folder; by default the nearest one upwards from the working directory, or else the
        working directory itself.
    first, second, out : path, optional
        The folders to compare, or two files, and the folder for results; by default those that
        ``compare.toml`` in root names in its table ``[folders]``, else ``img/01.first``, ``img/02.second``
        and ``img`` below root. A default folder that is absent is created, and so is a named ``out`` if the
        folder above it exists; a printed sentence says so. If first and second are named, they must exist.
        Relative paths start at the working directory, in the file at root; ``~`` is home. First or second
        may be a revision of a Git repository, ``git:HEAD~1:plots``, or ``git:HEAD~1`` for the path of the
        other one (see `revisions`), or a URL, ``s3://bucket/plots`` (see `remote`); one that ends like a
        picture is a file. `out` may be a URL, too: its results are then in a folder of the user's cache, see
        `results.exchange`.
    **options
        ``max_pixels``: a whole number above 0.

    Raises
    ------
    SettingsError
        As in `Settings.check`, except that a folder created just now may be empty; also if an option is
        unknown or its value cannot be used, or if the file cannot be understood. An earlier choice then stays
        in force.
    """
    chosen, created = _prepared(root, first, second, out, **options)
    if chosen.files is None:
        folders = {"first": chosen.first, "second": chosen.second}
        _check_pictures({role: folder for role, folder in folders.items() if folder not in created})
    note_chosen(chosen)
    os.environ[ENVIRONMENT] = _to_json(chosen)
    _adopt(chosen)
    return chosen


def prepare(
    root: AnyPath | None = None,
    first: AnyPath | None = None,
    second: AnyPath | None = None,
    out: AnyPath | None = None,
    **options: int,
) -> Settings:
    """Create and check folders as `init` does, without making them this process's choice.

    Whether the folders have pictures is not checked, because a run lists them anyway.
    """
    chosen, _ = _prepared(root, first, second, out, **options)
    note_chosen(chosen)
    return chosen


def _prepared(
    root: AnyPath | None, first: AnyPath | None, second: AnyPath | None, out: AnyPath | None, **options: int
) -> tuple[Settings, list[Path]]:
    """Return the settings, and the folders that were created for them."""
    chosen, named = _resolved(root, first, second, out, **options)
    _check_folder(chosen.root, "root")
    if remote.is_out(chosen.out):
        _create(chosen.out)
    asked = any(path is None or is_elsewhere(path) for path in (first, second))
    chosen.fetch(again=asked, absent={"first", "second"} - named.keys())
    roles = {"first": chosen.first, "second": chosen.second, "out": chosen.out}
    for role in named:
        if not (role == "out" and is_new(roles[role])):
            _check_folder(roles[role], role)
    _check_apart(chosen)
    created = [
        folder
        for role, folder in roles.items()
        if (role not in named or folder == chosen.out) and _create(folder)
    ]
    if created:
        names = " and ".join(shown(folder) for folder in created)
        inputs = [folder for folder in created if folder in (chosen.first, chosen.second)]
        streams.say(f"Created {names}.{' Put the pictures to compare there.' if inputs else ''}")
    return chosen, created


def note_chosen(chosen: Settings) -> None:
    """Record that the caller has named these folders, for `is_chosen`."""
    _chosen_firsts.add(os.path.realpath(chosen.first))
    _chosen_seconds.add(os.path.realpath(chosen.second))


def is_chosen(first: Path, second: Path | None = None) -> bool:
    """Return whether this process, or the one that started it, has chosen a folder as first.

    If `second` is given, it must have been chosen as second as well. Pictures are replaced only in chosen
    folders and by pictures of chosen folders. Folders that are merely named in a results file do not count,
    because somebody else may have made it.
    """
    firsts, seconds = set(_chosen_firsts), set(_chosen_seconds)
    with contextlib.suppress(SettingsError):
        own = recorded() or resolve()
        firsts.add(os.path.realpath(own.first))
        seconds.add(os.path.realpath(own.second))
    return os.path.realpath(first) in firsts and (second is None or os.path.realpath(second) in seconds)


def resolve(
    root: AnyPath | None = None,
    first: AnyPath | None = None,
    second: AnyPath | None = None,
    out: AnyPath | None = None,
    **options: int,
) -> Settings:
    """Return the folders and options that `init` would choose; create, check and record nothing.

    Pictures of a revision are written, see `revisions`; no URL is asked.

    Raises
    ------
    SettingsError
        If an option is unknown or its value cannot be used, if something cannot be a path, or if the file of
        the project cannot be understood or names a folder that does not exist.
    """
    return _resolved(root, first, second, out, **options)[0]


def _resolved(
    root: AnyPath | None, first: AnyPath | None, second: AnyPath | None, out: AnyPath | None, **options: int
) -> tuple[Settings, dict[str, Path]]:
    """Return the settings, and those of their folders that the caller or the file has named."""
    max_pixels = _options(options)
    roles = {"first": first, "second": second, "out": out}
    given = {role: path for role, path in roles.items() if path is not None}
    asked = {role: str(path) for role, path in given.items() if is_elsewhere(path, role)}
    own = {role: _absolute(path, role) for role, path in given.items() if role not in asked}
    base = _root(own) if root is None else _absolute(root, "root")
    images = base / "img"
    defaults = {
        "first": _default(images, "01.first", "1.first"),
        "second": _default(images, "02.second", "2.second"),
        "out": images,
    }
    written, also_asked = named_in(base / FILE, given)
    places = defaults | written | own
    starts = dict.fromkeys(also_asked, base) | (dict.fromkeys(asked, working_directory()) if asked else {})
    for role, text in (also_asked | asked).items():
        if remote.is_remote(text):
            if role == "out":
                remote.check_out(text)
                own[role] = remote.place(text, starts[role], out=True)
                continue
            name = remote.picture_name(text, SUFFIXES)
            if name is None:
                remote.check_folder(text)
            own[role] = remote.place(text, starts[role]) / (name or "")
            continue
        other = _OTHER[role]
        beside = None if other in starts else places[other]
        own[role] = revisions.checked_out(text, starts[role], beside, SUFFIXES)
    files = _two_files(own)
    named = written | own
    chosen = Settings(base, **(defaults | named), max_pixels=max_pixels, files=files)
    if remote.is_out(chosen.out):
        chosen.check_outside(chosen.out, "output")  # before anything is fetched
    return chosen, named


def _two_files(given: dict[str, Path]) -> tuple[str, str] | None:
    """Return the names of two files that are to be compared, and replace their paths by their folders."""
    paths = [given[role] for role in ("first", "second") if role in given]
    files = [path for path in paths if remote.is_picture(path) or os.path.isfile(path)]
    if not files:
        return None
    other = next((path for path in paths if path not in files), None)
    named = remote.described(files[0]) or shown(files[0])
    if len(paths) < 2 or other is not None:
        to = "" if other is None else f", and {remote.described(other) or masked(other)} is not"
        raise SettingsError(f"{named} is a file{to}: name two folders or two files.")
    # Copies of equal pictures are links to one file.
    if files[0] == files[1] or (not any(map(remote.is_picture, files)) and is_same(*files)):
        raise SettingsError(f"{named} would be compared with itself: name two different files.")
    for path in files:
        if not path.name.lower().endswith(SUFFIXES):
            raise SettingsError(
                f"{shown(path)} is not named like a picture ({', '.join(SUFFIXES)}): rename it."
            )
    given |= {"first": files[0].parent, "second": files[1].parent}
    return files[0].name, files[1].name


def current() -> Settings:
    """Return this process's choice, else the one its parent recorded, else that of `init()`."""
    return recorded() or init()


def recorded() -> Settings | None:
    """Return this process's choice, else the one its parent recorded, else None."""
    text = os.environ.get(ENVIRONMENT)
    if _current is None and text is not None:
        _adopt(_from_json(text))
    return _current


# --- the state of this process ---------------------------------------------------------------------

_current: Settings | None = None
_chosen_firsts: set[str] = set()
_chosen_seconds: set[str] = set()


def _adopt(chosen: Settings) -> None:
    global _current, DATA_SAVE_BASE_DIR, ORIG_IMAGE_DIRNAME, SECOND_IMAGE_DIRNAME, DATA_OUT_DIRNAME_BASE
    DATA_SAVE_BASE_DIR = str(chosen.out)
    ORIG_IMAGE_DIRNAME = str(chosen.first)
    SECOND_IMAGE_DIRNAME = str(chosen.second)
    DATA_OUT_DIRNAME_BASE = str(chosen.out / "03.diff")
    _current = chosen


if not TYPE_CHECKING:  # a type checker would allow any name of this module

    def __getattr__(name: str) -> Any:
        if name in _ATTRIBUTES:
            raise AttributeError(f"settings.{name} is not known yet: call settings.init() first.")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _to_json(chosen: Settings) -> str:
    # ASCII only: undecodable bytes of a path become escapes, which every locale can hold.
    folders = {name: str(getattr(chosen, name)) for name in ("root", "first", "second", "out")}
    return json.dumps(folders | chosen.options | ({"files": chosen.files} if chosen.files else {}))


def _from_json(text: str) -> Settings:
    try:
        values = json.loads(text)
        root, first, second, out = (Path(values[name]) for name in ("root", "first", "second", "out"))
        files = tuple(values["files"]) if "files" in values else None
        return Settings(root, first, second, out, _options({"max_pixels": values["max_pixels"]}), files)
    except (ValueError, KeyError, TypeError, RecursionError, SettingsError) as error:
        raise SettingsError(
            f"The environment variable {ENVIRONMENT} does not hold what settings.init() writes there: "
            f"unset it, or call settings.init() in this process."
        ) from error


# --- working out folders and options ---------------------------------------------------------------


def _options(options: dict[str, Any]) -> int:
    unknown = sorted(set(options) - {"max_pixels"})
    if unknown:
        raise SettingsError(f"Unknown option {', '.join(unknown)}. The known option is max_pixels.")
    return pixel_limit(options.get("max_pixels", MAX_PIXELS))


def pixel_limit(value: Any) -> int:
    """Return the option ``max_pixels``; raise SettingsError unless it is a whole number above 0."""
    try:
        max_pixels = 0 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        max_pixels = 0
    if max_pixels < 1:
        raise SettingsError(f"max_pixels must be a whole number above 0, not {value!r}.")
    return max_pixels


def _root(named: dict[str, Path]) -> Path:
    """Return the project's folder. If all folders are named, the working directory may be gone."""
    try:
        return _project_root()
    except SettingsError:
        if len(named) < 3:
            raise
        return named["first"].parent


def _project_root() -> Path:
    """Return the nearest project folder upwards from the working directory, else the working directory."""
    start = working_directory()
    for folder in (start, *start.parents):
        if (folder / "img").is_dir() and (folder / "notebooks").is_dir():
            return folder
        if _is_named(folder / "pyproject.toml"):
            return folder
    return start


def _is_named(pyproject: Path) -> bool:
    try:
        text = pyproject.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
    import tomllib  # rarely needed

    try:
        project = tomllib.loads(text).get("project")
    except tomllib.TOMLDecodeError:
        return False
    return isinstance(project, dict) and project.get("name") == PROJECT


def _default(images: Path, name: str, short: str) -> Path:
    return images / (short if (images / short).is_dir() and not (images / name).exists() else name)


def _absolute(path: AnyPath, role: str) -> Path:
    return tidied(local_path(path, role))


def _create(folder: Path) -> bool:
    """Create a folder unless something is there; return whether it was created."""
    if os.path.lexists(folder):
        return False
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"The folder {masked(folder)} is absent and cannot be created ({error.strerror}): "
            "create it, or name other folders in settings.init()."
        ) from error
    return True


# --- checks ----------------------------------------------------------------------------------------


def _check_apart(chosen: Settings) -> None:
    first, second, out = chosen.first, chosen.second, chosen.out
    if chosen.files is not None:
        return
    if is_same(first, second):
        raise SettingsError(
            f"first ({masked(first)}) and second ({masked(second)}) are the same folder: "
            "everything would be equal. Name two different ones."
        )
    for inner, outer, roles in ((first, second, "first second"), (second, first, "second first")):
        if is_inside(inner, outer):
            one, other = roles.split()
            raise SettingsError(
                f"The {one} folder {masked(inner)} is inside the {other} folder {masked(outer)}: "
                "its pictures would belong to both. Move it out, or name another one."
            )
    chosen.check_outside(out, "output")


def _check_folder(folder: Path, role: str) -> None:
    if os.path.isdir(folder):
        return
    if os.path.lexists(folder):
        raise SettingsError(f"{shown(folder)} is not a folder: name one as {role}.")
    remedy = "correct its name" if role in ("first", "second") else "create it"
    raise SettingsError(f"The folder {masked(folder)} does not exist: {remedy}, or name another as {role}.")


def _check_pictures(folders: Mapping[str, Path]) -> None:
    empty = {}
    for role, folder in folders.items():
        try:
            if not (_has_picture(folder) or remote.unfetched(folder)):
                empty[role] = folder
        except OSError as error:
            raise SettingsError(
                f"The folder {shown(folder)} cannot be read ({error.strerror}): allow it, or name another "
                f"one as {role}."
            ) from error
    if empty:
        raise no_picture(empty)


def no_picture(folders: Mapping[str, Path]) -> SettingsError:
    """Return the error to raise for first, second or both without a picture; the folders by role."""
    where, roles = " or ".join(map(shown, folders.values())), " and ".join(folders)
    other = "another folder" if len(folders) == 1 else "other folders"
    return SettingsError(
        f"There is no picture in {where} ({', '.join(SUFFIXES)}): put the pictures there, or name {other} "
        f"as {roles}."
    )


def _has_picture(folder: Path) -> bool:
    """Return whether there is a picture at any depth. The search ends at the first one."""
    waiting = [str(folder)]
    seen: set[tuple[int, int] | str] = set()
    while waiting:
        path = waiting.pop()
        try:
            identity = folder_identity(path)
            if identity in seen:
                continue
            seen.add(identity)
            with os.scandir(path) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if _answers(entry.is_dir):
                        waiting.append(entry.path)
                    elif entry.name.lower().endswith(SUFFIXES) and _answers(entry.is_file):
                        return True
        except OSError:
            if path == str(folder):
                raise
    return False


def _answers(question: Callable[[], bool]) -> bool:
    try:
        return question()
    except OSError:  # a link to itself, or to a folder without permission
        return False
