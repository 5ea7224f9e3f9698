"""Compile the kernel with the compiler that is there.

The build hook runs this before anything is installed, so it needs the standard library only::

    python mymodules/kernel/build.py                         for this machine, beside the source
    python mymodules/kernel/build.py --target aarch64-macos  for another one, with the package ziglang

A library carries the digest of what it was compiled from. It is written under another name and renamed
when it is whole, so builds at the same time do not disturb one another, or a process that has loaded it.
"""

import hashlib
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

SOURCES = tuple(Path(__file__).with_name(name) for name in ("kernel.c", "inflate.c"))
FLAGS = ("-std=c11", "-O3", "-ffp-contract=off", "-fvisibility=hidden", "-shared", "-fPIC")
# Not optimised: compiled in a third of the time, and no access that should be checked is optimised away.
SANITIZERS = ("-O0", "-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined")

_SUFFIXES = {"linux": ".so", "darwin": ".dylib", "win32": ".dll"}
_SYSTEMS = {"linux": "linux", "macos": "darwin", "windows": "win32"}  # as zig calls them
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_TIMEOUT = 300  # s


class BuildError(Exception):
    """No library was built; the text says why."""


def machine_name(machine: str = "") -> str:
    """Return ``x86_64`` or ``aarch64`` for any usual name of these, by default for this machine."""
    lower = (machine or platform.machine()).lower()
    return _MACHINES.get(lower, lower)


def levels(machine: str) -> tuple[str, ...]:
    """Return the levels of a machine's instructions to build for, lowest first; ``""`` where it has one."""
    return ("v2", "v3") if machine == "x86_64" else ("",)


def library_name(level: str, system: str = sys.platform, machine: str = "") -> str:
    """Return the file name of the library for a level, a system as `sys.platform` and a machine."""
    parts = ("kernel", system, machine_name(machine), level)
    return "-".join(part for part in parts if part) + _SUFFIXES.get(system, ".so")


def source_digest() -> str:
    """Return what a library built from the source with these flags says of itself."""
    source = b"".join(path.read_bytes() for path in SOURCES)
    return hashlib.sha256(source + " ".join(FLAGS).encode()).hexdigest()[:32]


def build(
    folder: Path = SOURCES[0].parent,
    *,
    target: str = "",
    compiler: Sequence[str] = (),
    flags: Sequence[str] = (),
) -> list[Path]:
    """Compile the libraries of this machine, or of another one.

    Parameters
    ----------
    folder : Path
        Where they are written; one that is there is replaced.
    target : str
        Machine and system as zig names them, such as ``aarch64-macos`` or ``x86_64-linux-gnu.2.17``;
        needs the package ziglang. By default this machine.
    compiler : sequence of str
        The command to use. By default ``$CC``, cc, gcc, clang and ziglang are tried in turn.
    flags : sequence of str
        Further flags, such as `SANITIZERS`.

    Raises
    ------
    BuildError
        No compiler works.
    """
    machine, system = machine_name(), sys.platform
    if target:
        machine, system = machine_name(target.split("-")[0]), _SYSTEMS[target.split("-")[1].split(".")[0]]
    if compiler:
        candidates: Iterator[list[str]] = iter([list(compiler)])
    elif target:
        candidates = iter([[*zig(), "-target", target]])
    else:
        candidates = compilers()
    complaint = "there is no C compiler (cc, gcc, clang, or the package ziglang)"
    for command in candidates:
        try:
            return [
                _compiled(command, folder / library_name(level, system, machine), level, flags)
                for level in levels(machine)
            ]
        except BuildError as error:
            complaint = str(error)
    raise BuildError(complaint)


def compilers() -> Iterator[list[str]]:
    """Yield the commands of the compilers that are there, in the order in which to try them."""
    import importlib.util  # here and below: processes that only load the library do without these
    import shlex
    import shutil

    for name in (os.environ.get("CC", ""), "cc", "gcc", "clang"):
        command = shlex.split(name, posix=os.name == "posix")
        if command and shutil.which(command[0]):
            yield command
    if importlib.util.find_spec("ziglang") is not None:
        yield zig()


def zig() -> list[str]:
    """Return the command of the C compiler in the package ziglang."""
    return [sys.executable, "-m", "ziglang", "cc"]


def _compiled(command: list[str], library: Path, level: str, flags: Sequence[str]) -> Path:
    """Compile one library."""
    import shlex
    import subprocess
    import tempfile

    architecture = "x86_64_" if "ziglang" in command else "x86-64-"
    march = [f"-march={architecture}{level}"] if level else []
    defined = f'-DKERNEL_SOURCE="{source_digest()}"'
    try:
        with tempfile.TemporaryDirectory(prefix=".kernel-", dir=library.parent) as folder:
            made = Path(folder, library.name)
            call = [*command, *FLAGS, *march, *flags, defined, "-o", str(made), *map(str, SOURCES)]
            subprocess.run(
                call, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=_TIMEOUT
            )
            made.replace(library)
    except subprocess.CalledProcessError as error:
        first = next(iter(error.stderr.strip().splitlines()), f"exit code {error.returncode}")
        raise BuildError(f"{shlex.join(command)} failed: {first}") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"{shlex.join(command)} failed: {error}") from None
    return library


def main() -> int:
    """Build from the command line; returns the exit code."""
    import argparse

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", default="", help="machine and system as zig names them")
    arguments = parser.parse_args()
    try:
        for path in build(target=arguments.target):
            print(path)
    except BuildError as error:
        print(f"The kernel was not built: {error}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
