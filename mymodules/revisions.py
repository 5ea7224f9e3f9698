"""Pictures as they were in a revision of a Git repository, as a folder to compare: ``git:REVISION:PATH``.

`checked_out` writes the pictures of a revision into the repository's own folder, ``.git/mymodules``, once for
each commit and path; nothing else of the repository is touched, neither its index nor its working tree. The
files are those that a checkout would give, also where pictures are kept with Git LFS. They stay, for the runs
that were compared with them; who needs the room removes the folder.
"""

import contextlib
import json
import os
import posixpath
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeGuard
from urllib.parse import quote

from mymodules import streams
from mymodules.errors import SettingsError
from mymodules.paths import masked, shown

PREFIX: Final = "git:"
"""What the name of a revision begins with."""

_FOLDER = "mymodules"  # in the repository's own folder
_LFS = b"version https://git-lfs.github.com/spec/"
_POINTER = 1024  # bytes; a pointer of Git LFS is smaller
_SHORT = 12  # digits of a commit


def is_revision(path: object) -> TypeGuard[str]:
    """Return whether this names a revision, and no folder or file that is there."""
    return isinstance(path, str) and path.startswith(PREFIX) and not os.path.lexists(path)


def checked_out(text: str, start: Path, other: Path | None, suffixes: Sequence[str]) -> Path:
    """Return the folder with the pictures of a revision, or the file; write them if they are not there yet.

    Parameters
    ----------
    text : str
        ``git:REVISION:PATH``, with a path from the top of the repository on, or ``git:REVISION`` for the
        path of `other`.
    start : Path
        In the repository, if `other` is in none.
    other : Path or None
        The folder or file that the revision is compared with, if it is no revision, too.
    suffixes : sequence of str
        The endings of pictures' names, lower case.

    Raises
    ------
    SettingsError
        If there is no such revision or path, no picture in it, or it cannot be written.
    """
    revision, colon, path = text.removeprefix(PREFIX).partition(":")
    if not revision or revision.startswith("-"):
        raise SettingsError(f"{shown(text)} names no revision: write git:REVISION:PATH, like git:HEAD:plots.")
    path = path.replace(os.sep, "/")
    if path.startswith(("./", "../")):
        raise SettingsError(f"{shown(text)}: name the path from the top of the repository on.")
    if not colon and other is not None and not other.exists():
        raise SettingsError(f"{shown(text)} means the path of {masked(other)}, which does not exist.")
    beside = [] if other is None or not other.exists() else [other.parent if other.is_file() else other]
    git = _Git(text, [*beside, start] if colon else beside or [start])
    if not colon and other is not None:
        path = f"{git.inside}{other.name if other.is_file() else ''}"
    commit = git.commit(revision)
    place, is_file = git.place(commit, revision, path)
    name = quote(place, safe="").replace("%2F", "+")
    folder = git.folder / f"{commit[:_SHORT]}{'-' if name else ''}{name}"
    if not folder.is_dir():
        _write(git, commit, place, folder, suffixes)
        about = git.ask("show", "-s", "--format=%cs, %s", commit).strip()
        said = f"{shown(text)} is commit {commit[:_SHORT]} ({shown(about)})"
        streams.say(f"{said}; its pictures are in {shown(folder)}.")
    return folder / posixpath.basename(place) if is_file else folder


def described(folder: Path) -> str | None:
    """Return which revision's pictures a folder has, as a user writes it; None if it is any other folder."""
    try:
        record = json.loads(_record(folder).read_bytes())
        return f"{PREFIX}{record['commit'][:_SHORT]}:{record['path']}"
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _record(folder: Path) -> Path:
    """Return the file that says which revision's pictures a folder has; beside it, as it is no picture."""
    return folder.with_name(f"{folder.name}.json")


class _Git:
    """Git in one repository."""

    def __init__(self, text: str, starts: Sequence[Path]) -> None:
        import shutil  # no worker needs it, nor what it loads

        self._text = text
        executable = shutil.which("git")
        if executable is None:
            raise SettingsError(f"{shown(text)} needs git, which is not on PATH: install it (git-scm.com).")
        self._executable = executable
        for self._start in starts:
            with contextlib.suppress(SettingsError):
                self.inside = self.ask("rev-parse", "--show-prefix").removesuffix("\n")
                break
        else:
            self.ask("rev-parse", fault=f"{shown(starts[0])} is in no Git repository")
        common = self.ask("rev-parse", "--git-common-dir").removesuffix("\n")
        self._own = self.ask("rev-parse", "--absolute-git-dir").removesuffix("\n")
        self.folder = Path(os.path.normpath(self._start / common)) / _FOLDER

    def ask(self, *arguments: str, fault: str = "git failed") -> str:
        """Return what git prints; raise SettingsError with `fault` and what git says of it."""
        return self._answer(arguments, fault, self._start, {})

    def ask_in(self, tree: Path, index: Path, *arguments: str, given: bytes = b"") -> str:
        """Return what git prints with a working tree and an index of its own."""
        places = {"GIT_DIR": self._own, "GIT_WORK_TREE": str(tree), "GIT_INDEX_FILE": str(index)}
        return self._answer(arguments, "git failed", tree, places, given)

    def _answer(
        self, arguments: Sequence[str], fault: str, start: Path, places: dict[str, str], given: bytes = b""
    ) -> str:
        import subprocess

        quiet = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
        try:
            done = subprocess.run(
                [self._executable, *arguments],
                cwd=start,
                env=os.environ | quiet | places,
                input=given,
                capture_output=True,
                check=False,
            )
        except OSError as error:
            raise SettingsError(f"{shown(self._text)}: git cannot be called ({error.strerror}).") from error
        if done.returncode:
            said = os.fsdecode(done.stderr).strip().splitlines()
            because = f" ({shown(said[0])})" if said else ""
            raise SettingsError(f"{shown(self._text)}: {fault}{because}.")
        return os.fsdecode(done.stdout)

    def commit(self, revision: str) -> str:
        """Return the commit that a revision means."""
        fault = f"there is no revision {shown(revision)} in the repository of {shown(self._start)}"
        try:
            return self.ask("rev-parse", "--quiet", "--verify", f"{revision}^{{commit}}", fault=fault).strip()
        except SettingsError:
            if self.ask("rev-parse", "--is-shallow-repository").strip() != "true":
                raise
            fault += ", which has only its newest commits: git fetch --unshallow"
            raise SettingsError(f"{shown(self._text)}: {fault}.") from None

    def place(self, commit: str, revision: str, path: str) -> tuple[str, bool]:
        """Return a path of a commit without needless parts, and whether it is a file."""
        place = posixpath.normpath(f"/{path}").strip("/")
        fault = (
            f"{shown(revision)} has no {shown(place)} below the top of the repository of {shown(self._start)}"
        )
        found = self.ask("rev-parse", "--quiet", "--verify", f"{commit}:{place}", fault=fault).strip()
        return place, self.ask("cat-file", "-t", found).strip() == "blob"


def _write(git: _Git, commit: str, place: str, folder: Path, suffixes: Sequence[str]) -> None:
    """Write the pictures of a commit into a folder, which is there only once it has all of them."""
    import tempfile

    try:
        folder.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".partial-") as temporary:
            tree, index = Path(temporary, "tree"), Path(temporary, "index")
            tree.mkdir()
            git.ask_in(tree, index, "read-tree", commit)
            listed = git.ask_in(tree, index, "ls-files", "-z", *([f":(literal){place}"] if place else []))
            names = [name for name in listed.split("\0") if name.lower().endswith(tuple(suffixes))]
            if not names:
                raise SettingsError(f"Commit {commit[:_SHORT]} has no picture in {shown(place or 'it')}.")
            asked = os.fsencode("\0".join(names))
            # A link, which may lead anywhere, becomes a file that is no picture: its row says so.
            without_links = ("-c", "core.symlinks=false", "checkout-index", "-z", "--stdin")
            git.ask_in(tree, index, *without_links, given=asked)
            _refuse_pointers([tree / name for name in names])
            top = tree / place
            whole = top.parent if top.is_file() else top
            _record(folder).write_text(json.dumps({"commit": commit, "path": place}), encoding="ascii")
            whole.rename(folder)
    except OSError as error:
        if not folder.is_dir():  # otherwise another process has written it
            raise SettingsError(f"{shown(folder)} cannot be written ({error.strerror}): allow it.") from error


def _refuse_pointers(files: Sequence[Path]) -> None:
    for path in files:
        if path.stat().st_size < _POINTER and path.read_bytes().startswith(_LFS):
            raise SettingsError(
                f"{shown(path.name)} is kept with Git LFS, which is not set up here: git lfs install."
            )
