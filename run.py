"""Set everything up beside this file, once, and start it. This needs only Python 3.11 or newer.

    python run.py compare [FIRST SECOND]   compare the pictures of two folders, or two files
    python run.py look [RUN]               look at a run in the browser
    python run.py report PATH [RUN]        write a run as a page that any browser opens from disk
    python run.py approve [NAME ...]       make accepted pictures the new first ones, after a question
    python run.py restore                  bring back the pictures that approve replaced
    python run.py notebook [FIRST SECOND]  compare, and save an executed notebook
    python run.py calibrate DIR DIR ...    propose rules for what flickers on unchanged pages
    python run.py lab                      open the notebooks in JupyterLab
    python run.py app                      show the newest results as a page without code (Voila)
    python run.py test [ARGUMENTS]         run every check and every test; takes pytest's arguments

Without folders, compare takes img/01.first and img/02.second, or what compare.toml names. Its exit code is 0
if the comparison was completed; with --check 0 if all pictures are the same, 1 if there are differences, 2 if
a picture could not be compared or the comparison was not completed. Once everything is set up,
python run.py COMMAND --help explains the options of a command.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - older Pythons run this file too, only to read this sentence
    print("This needs Python 3.11 or newer, and this is {}.{}.".format(*sys.version_info), file=sys.stderr)
    sys.exit(2)

import contextlib
import hashlib
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
STAMP = "mymodules-stamp.json"
INSTALLED_FROM = (
    "pyproject.toml",
    "constraints.txt",
    "hatch_build.py",
    "mymodules/kernel/build.py",
    "mymodules/kernel/inflate.c",
    "mymodules/kernel/kernel.c",
    "mymodules/store/extension.json",
)
"""What an installation is made from; the modules themselves are used where they are."""
LOG = "setup.log"
TICK = 10.0  # seconds between two lines about how far the set-up is
PASSED_ON = ("compare", "look", "report", "approve", "restore", "notebook", "calibrate", "--version")
"""The commands of the package, which get all arguments after them."""
ASKING = ("compare", "look", "notebook", "lab", "app")
"""The commands that may ask a URL for pictures."""
PROGRAM = "MYMODULES_PROGRAM"
"""The environment variable from which the package knows what the user types before a command."""
FAILED = 2  # never 1, which `compare --check` keeps for "there are differences"
INTERRUPTED = 130
# Four processes, also on two cores, as tests often wait for a browser, a kernel or the disk; four browsers
# at a time are as many as a small machine has memory for. A file stays in one process, and files begin in
# the order of tests/conftest.py: those that take longest, in batch and browser, are not the last.
ALL_AT_ONCE = ("-n", "4", "--dist=loadfile", "--no-loadscope-reorder")
MEMORY = Path("/dev/shm")
"""Where Linux keeps files in memory."""
ROOM = 4 << 30  # bytes; all tests together leave less than one gigabyte


class SetupError(Exception):
    """The set-up cannot continue; the text says why and what to do."""


def main(arguments: Sequence[str]) -> int:
    """Run the command of the command line and return the exit code."""
    command, rest = (arguments[0], list(arguments[1:])) if arguments else ("--help", [])
    passes_on = command in PASSED_ON
    helps = "-h" in rest or "--help" in rest
    if command in ("help", "-h", "--help") or (helps and command in ("lab", "app")):
        say(__doc__.strip())
        return 0
    if helps and passes_on and not is_ready(ROOT):  # help installs nothing
        say(__doc__.strip())
        return 0
    if not passes_on and command not in ("lab", "app", "test"):
        named = re.sub(":.*", ":...", command, flags=re.DOTALL)  # a URL may have a password
        say(f"There is no command {named!r}.\n\n{__doc__.strip()}", error=True)
        return FAILED
    try:
        python = str(prepare(ROOT, extras_of(command, rest)))
        if passes_on:
            os.environ[PROGRAM] = "python " + shlex.quote(sys.argv[0])
            # -P: a folder named mymodules in the working directory must not be imported instead of ours.
            return hand_over([python, "-P", "-m", "mymodules", command, *rest])
        os.chdir(ROOT)
        if command == "lab":
            return hand_over([python, "-P", "-m", "jupyterlab", *lab_arguments(ROOT), *rest])
        if command == "app":
            return hand_over(
                [python, "-P", "-m", "voila", str(ROOT / "notebooks" / "02_explore.ipynb"), *rest]
            )
        # Otherwise every process of the tests would compile the project again, and its tests.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        with contextlib.nullcontext() if rest else files_in_memory():
            return run_checks(checks(python, rest))
    except SetupError as error:
        say(str(error), error=True)
        return FAILED
    except KeyboardInterrupt:
        say("\nInterrupted. Call this again to continue.", error=True)
        return INTERRUPTED


# ---- the set-up -------------------------------------------------------------------------------------


def extras_of(command: str, rest: Iterable[str]) -> set[str]:
    """Return the extras that a command needs."""
    words = list(rest) if command in PASSED_ON else []
    found = {command} & {"app", "test"}
    options = {word.partition("=")[0] for word in words}
    found |= {extra for extra in ("dask", "parquet") if f"--{extra}" in options}
    named = [word for before, word in zip(["", *words], words) if before != "--markdown-link"]  # noqa: B905
    if command in ASKING and any(is_web(word) for word in (*named, *folders_of_projects())):
        found.add("remote")
    return found


def folders_of_projects() -> Iterator[str]:
    """Yield what the files of the projects, here and in the working directory, name as folders."""
    import tomllib  # older Pythons have none

    for file in (ROOT / "compare.toml", Path("compare.toml")):
        with contextlib.suppress(OSError, ValueError, RecursionError):  # the package says what is wrong
            folders = tomllib.loads(file.read_text(encoding="utf-8-sig")).get("folders")
            yield from map(str, folders.values() if isinstance(folders, dict) else ())


def is_web(word: str) -> bool:
    """Return whether a word is the URL of pictures for which a library of their own is needed."""
    return (
        re.match(r"(?:[\w+.-]+://[^:]*::|[\w+.-]+::)*https?://", word, re.ASCII | re.IGNORECASE) is not None
    )


def prepare(
    root: Path,
    extras: Iterable[str] = (),
    *,
    uv: str | None = None,
    call: Callable[[Sequence[str], Path], None] | None = None,
) -> Path:
    """Make sure that ``.venv`` below `root` has the project and these `extras`; return its Python.

    `uv` is that program's path, by default the one on PATH if there is one. `call` runs one command of the
    set-up in a folder, by default `logged`. If everything is there already, nothing is called.
    """
    uv = uv or shutil.which("uv")
    venv = root / ".venv"
    python = venv_python(venv)
    if is_ready(root, extras):
        return python
    version = version_of(python)
    usable = version is not None and version == recorded_version(venv)
    _, stamped_extras = read_stamp(venv)
    if usable and not uv:
        usable = has_pip(python)
    if not usable and not uv and not can_make_venv():
        raise SetupError(ensurepip_sentence())
    log = root / LOG
    what = "Updating" if usable else "Setting up"
    say(f"{what} {venv}: once, a few minutes, about 1 GB. Details are in {log}")
    started = time.monotonic()
    (venv / STAMP).unlink(missing_ok=True)
    call = call or logged(log, pinned(root))
    if not usable:
        remove(venv)
        say("1 of 2: making an environment for Python {}.{} ...".format(*sys.version_info))
        call([uv, "venv", "--quiet", "--python", sys.executable, str(venv)] if uv
             else [sys.executable, "-m", "venv", str(venv)], root)  # fmt: skip
        version = version_of(python)
        if version is None:
            raise SetupError(f"{python} does not start: remove {venv} and call this again.")
    extras = stamped_extras.union(extras)
    say("2 of 2: downloading and installing the libraries ...")
    call(install_command(python, extras, uv), root)
    write_stamp(venv, fingerprint(root, version), extras)
    say(f"Ready after {time.monotonic() - started:.0f} s.")
    return python


def is_ready(root: Path, extras: Iterable[str] = ()) -> bool:
    """Return whether the project and these `extras` are installed as they are now."""
    venv = root / ".venv"
    version = version_of(venv_python(venv))
    if version is None or version != recorded_version(venv):
        return False
    stamped, stamped_extras = read_stamp(venv)
    return stamped == fingerprint(root, version) and stamped_extras.issuperset(extras)


def install_command(python: Path, extras: Iterable[str], uv: str | None) -> list[str]:
    """Return the command that installs the project in the working directory with pinned versions."""
    project = ".[{}]".format(",".join(sorted(extras))) if extras else "."
    if uv:
        return [
            uv,
            "pip",
            "install",
            "--python",
            str(python),
            "-c",
            "constraints.txt",
            "-e",
            project,
        ]
    options = ["--progress-bar", "off", "--disable-pip-version-check", "--no-input"]
    return [str(python), "-m", "pip", "install", *options, "-c", "constraints.txt", "-e", project]


def venv_python(venv: Path) -> Path:
    """Return the path of the Python of a virtual environment."""
    return venv / "Scripts" / "python.exe" if os.name == "nt" else venv / "bin" / "python"


def version_of(python: Path) -> str | None:
    """Return a Python's version, such as ``3.11``; None if it does not start."""
    try:
        answer = subprocess.run(
            [str(python), "-I", "-S", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.strip()


def recorded_version(venv: Path) -> str | None:
    """Return the version, such as ``3.11``, that made an environment, whatever its link leads to today."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        for line in (venv / "pyvenv.cfg").read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition("=")
            if key.strip() in ("version", "version_info"):
                return ".".join(value.strip().split(".")[:2])
    return None


def has_pip(python: Path) -> bool:
    """Return whether this Python has pip; environments of uv or of an interrupted set-up do not."""
    command = [str(python), "-m", "pip", "--version"]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


def can_make_venv() -> bool:
    """Return whether this Python has the modules that its own ``venv`` needs."""
    return all(importlib.util.find_spec(name) is not None for name in ("venv", "ensurepip"))


def ensurepip_sentence() -> str:
    """Return what to do about a Python whose distributor ships ``venv`` in a package of its own."""
    package = "python{}.{}-venv".format(*sys.version_info)
    return (
        f"This Python has no ensurepip, which .venv is made with: install the package {package} "
        f"(Debian, Ubuntu: sudo apt install {package}), then call this again."
    )


def fingerprint(root: Path, version: str | None) -> str:
    """Return a digest that changes if the project has to be installed again, also if its folder moves."""
    digest = hashlib.sha256()
    for part in (
        *((root / name).read_bytes() for name in INSTALLED_FROM),
        os.fsencode(root),
        str(version).encode(),
    ):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def read_stamp(venv: Path) -> tuple[str | None, frozenset[str]]:
    """Return the fingerprint and the extras of the last finished installation."""
    try:
        stamp = json.loads((venv / STAMP).read_text(encoding="utf-8"))
        return str(stamp["fingerprint"]), frozenset(map(str, stamp["extras"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None, frozenset()


def write_stamp(venv: Path, value: str, extras: Iterable[str]) -> None:
    """Record a finished installation, in one step."""
    new = venv / f"{STAMP}.new"
    new.write_text(json.dumps({"fingerprint": value, "extras": sorted(extras)}), encoding="utf-8")
    new.replace(venv / STAMP)


def remove(venv: Path) -> None:
    """Remove an environment that cannot be used any more."""
    try:
        if venv.is_symlink():
            venv.unlink()
        elif venv.exists():
            shutil.rmtree(venv)
    except OSError as error:
        raise SetupError(f"{venv} cannot be replaced ({error}): close what uses it and remove it.") from None


class Progress:
    """How far an installation is, read from what pip or uv print."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.names: list[str] = []
        self.installing = ""

    def take(self, line: str) -> None:
        """Note what a line says."""
        found = re.match(r"\s*(?:Collecting|Downloaded) ([\w.-]+)", line)
        if found and found.group(1) not in self.names:
            self.names.append(found.group(1))
        elif line.startswith(("Installing collected packages:", "Prepared ")):
            self.installing = ", installing them"

    def text(self, seconds: float) -> str:
        """Return a line for a person."""
        if not self.names:
            return f"  {seconds:.0f} s"
        last = "" if self.installing else f", the last one is {self.names[-1]}"
        return (
            f"  {seconds:.0f} s: {len(self.names)} of at most {self.most} libraries{self.installing or last}"
        )


def pinned(root: Path) -> int:
    """Return how many libraries are installed at most."""
    lines = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return sum("==" in line for line in lines if not line.startswith("#"))


def logged(log: Path, most: int, tick: float = TICK) -> Callable[[Sequence[str], Path], None]:
    """Return a function that runs one command of the set-up in a folder.

    What it prints goes to a new file, `log`. Every `tick` seconds a line says how far it is. If it fails, the
    error holds the last lines.
    """
    with contextlib.suppress(OSError):
        log.unlink()

    def call(command: Sequence[str], folder: Path) -> None:
        progress, last = Progress(most), deque[str](maxlen=12)
        with ticking(progress, tick):
            code = follow(command, folder, log, [progress.take, last.append])
        if code:
            said = "".join(last).strip() or f"exit code {code}"
            raise SetupError(
                f"{said}\n\nThe set-up failed; everything it printed is in {log}\n"
                "Check the network and that there is enough space, then call this again to continue."
            )

    return call


@contextlib.contextmanager
def ticking(progress: Progress, tick: float) -> Iterator[None]:
    """Print at every tick how far it is, also while nothing is printed otherwise."""
    started, over = time.monotonic(), threading.Event()

    def tell() -> None:
        while not over.wait(tick):
            say(progress.text(time.monotonic() - started))

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def follow(command: Sequence[str], folder: Path, log: Path, takers: Sequence[Callable[[str], object]]) -> int:
    """Run a command, append what it prints to a file, pass each line on, and return the exit code."""
    try:
        with log.open("a", encoding="utf-8") as file, subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, encoding="utf-8", errors="replace", env={**os.environ, "PYTHONUNBUFFERED": "1"},
        ) as process:  # fmt: skip
            file.write(f"$ {' '.join(command)}\n")
            try:
                for line in process.stdout or ():
                    file.write(line)
                    file.flush()
                    for take in takers:
                        take(line)
            except BaseException:
                process.kill()
                raise
    except OSError as error:
        raise SetupError(
            f"The set-up failed: {command[0]} does not start, or {log} cannot be written ({error})."
        ) from None
    return process.returncode


# ---- what is started --------------------------------------------------------------------------------


def hand_over(command: Sequence[str]) -> int:
    """Replace this program by another one, which gets its signals and gives the exit code."""
    lose_streams()
    if os.name != "nt":
        os.execv(command[0], list(command))
    return wait_for(command)[0]  # on Windows exec would return to the shell at once


def wait_for(command: Sequence[str]) -> tuple[int, bool]:
    """Run a program that gets Ctrl-C from the terminal itself; return its exit code, and whether it came."""
    lose_streams()
    interrupted = False
    with subprocess.Popen(command) as process:
        while True:
            try:
                return process.wait(), interrupted
            except KeyboardInterrupt:
                interrupted = True


def lab_arguments(root: Path) -> list[str]:
    """Return the arguments that open the main notebook in JupyterLab, with the whole project beside it."""
    notebook = root / "notebooks" / "01_compare.ipynb"
    return [f"--ServerApp.root_dir={root}", *([str(notebook)] if notebook.exists() else [])]


def checks(python: str, pytest_arguments: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Return every check by name, pytest last."""
    found = [
        ("ruff check", ["ruff", "check", "."]),
        ("ruff format", ["ruff", "format", "--check", "."]),
        ("mypy", ["mypy"]),
        ("pytest", ["pytest", *(pytest_arguments or ALL_AT_ONCE)]),
    ]
    return [(name, [python, "-m", *rest]) for name, rest in found]


@contextlib.contextmanager
def files_in_memory(memory: Path = MEMORY, room: int = ROOM) -> Iterator[None]:
    """Keep temporary files in memory until the end, if there is enough room there.

    On a disk, the tests would wait each time that the program makes sure that a file has reached it.
    """
    try:
        enough = shutil.disk_usage(memory).free >= room
        folder = tempfile.mkdtemp(prefix="mymodules-tests-", dir=memory) if enough else None
    except OSError:
        folder = None
    if folder is None:
        yield
        return
    before = {name: value for name, value in os.environ.items() if name == "TMPDIR"}
    try:
        os.chmod(folder, 0o711)  # noqa: PTH101 - as for /tmp, others may enter: a test is another user
        os.environ["TMPDIR"] = folder
        yield
    finally:
        os.environ.pop("TMPDIR", None)
        os.environ.update(before)
        shutil.rmtree(folder, ignore_errors=True)


def run_checks(steps: Sequence[tuple[str, Sequence[str]]]) -> int:
    """Run all checks, even after failures; return 0 only if none fails."""
    failed: list[str] = []
    code = 0
    for number, (name, command) in enumerate(steps, start=1):
        if number == len(steps) and failed:
            say(f"FAILED so far: {', '.join(failed)}")
        say(f"== {name}")
        code, interrupted = wait_for(command)
        if interrupted:
            raise KeyboardInterrupt
        if code:
            failed.append(name)
    return code or (1 if failed else 0)


def say(text: str, *, error: bool = False) -> None:
    """Print a text, if possible: a pipe may have lost its reader, and a service has no output."""
    stream = sys.stderr if error else sys.stdout
    if stream is not None:
        with contextlib.suppress(OSError, ValueError):
            print(text, file=stream, flush=True)


def secure_streams() -> None:
    """Open the null device for each closed standard stream: otherwise the next file would take its number."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # gets the lowest free: this one


def lose_streams() -> None:
    """Redirect streams that cannot be written to the null device: Python would complain at its end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


if __name__ == "__main__":
    secure_streams()
    try:
        exit_code = main(sys.argv[1:])
    finally:
        lose_streams()
    sys.exit(exit_code)
