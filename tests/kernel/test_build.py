"""Building and choosing the kernel: what is wrong with a compiler or a library costs the kernel, no more."""

import _ctypes
import importlib.util
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mymodules import __version__, cli, kernel
from mymodules.kernel import Kernel, build


def compiler(tmp_path: Path, script: str) -> list[str]:
    """A command that takes a compiler's arguments; the script's ``output`` is where the library belongs."""
    program = tmp_path / "compiler.py"
    program.write_text(f"import sys\noutput = sys.argv[sys.argv.index('-o') + 1]\n{script}\n")
    return [sys.executable, str(program)]


def test_a_failing_compiler_is_reported_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "built"
    folder.mkdir()
    failing = compiler(tmp_path, "print('no such header', file=sys.stderr); sys.exit(3)")
    with pytest.raises(build.BuildError, match="no such header"):
        build.build(folder, compiler=failing)
    with pytest.raises(build.BuildError, match="failed"):
        build.build(
            folder, compiler=compiler(tmp_path, "pass")
        )  # it says that all is well, and wrote nothing
    with pytest.raises(build.BuildError, match="failed"):
        build.build(folder, compiler=[str(tmp_path / "missing")])
    assert list(folder.iterdir()) == []


def test_without_any_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(build.BuildError, match="no C compiler"):
        build.build(tmp_path)


def test_the_next_compiler_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = compiler(tmp_path, "sys.exit(1)")
    working = compiler(tmp_path, "open(output, 'wb').write(b'made')")
    monkeypatch.setattr(build, "compilers", lambda: iter([failing, working]))
    assert {path.read_bytes() for path in build.build(tmp_path)} == {b"made"}


def test_builds_at_the_same_time_leave_whole_libraries(tmp_path: Path, kernels: list[Kernel]) -> None:
    ready = compiler(tmp_path, f"import shutil; shutil.copy({str(kernels[0].path)!r}, output)")
    folder = tmp_path / "built"
    folder.mkdir()
    with ThreadPoolExecutor(3) as pool:
        built = list(pool.map(lambda _: build.build(folder, compiler=ready), range(3)))
    assert built[0] == built[1] == built[2]
    assert sorted(folder.iterdir()) == sorted(built[0])
    assert Kernel(built[0][0]).level == kernels[0].level


def test_a_library_of_another_source_is_refused(
    tmp_path: Path, kernels: list[Kernel], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = build.build(tmp_path, flags=["-O0"])[0]  # in a quarter of the time
    assert Kernel(path).level == kernels[0].level
    monkeypatch.setattr(build, "source_digest", lambda: "0" * 32)
    with pytest.raises(OSError, match="another version"):
        Kernel(path)


def test_what_is_no_kernel_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.so"
    text.write_text("not a library")
    with pytest.raises(OSError, match=r".+"):
        Kernel(text)
    with pytest.raises(OSError, match="not this package's kernel"):
        Kernel(Path(_ctypes.__file__))


@pytest.mark.parametrize(
    ("system", "machine", "names"),
    [
        ("linux", "x86_64", ["kernel-linux-x86_64-v2.so", "kernel-linux-x86_64-v3.so"]),
        ("win32", "AMD64", ["kernel-win32-x86_64-v2.dll", "kernel-win32-x86_64-v3.dll"]),
        ("darwin", "arm64", ["kernel-darwin-aarch64.dylib"]),
        ("linux", "riscv64", ["kernel-linux-riscv64.so"]),
    ],
)
def test_names_of_libraries(system: str, machine: str, names: list[str]) -> None:
    levels = build.levels(build.machine_name(machine))
    assert [build.library_name(level, system, machine) for level in levels] == names


@pytest.mark.parametrize(
    ("break_it", "expected"),
    [
        ("os.environ['MYMODULES_KERNEL'] = 'off'", "switched off"),
        ("build.SOURCES = copies", "not built"),
        ("build.SOURCES = copies; garbage()", f"kernel-{sys.platform}"),
        (
            "shutil.copy(ready, folder); copies[-1].write_bytes(b'int changed;'); build.SOURCES = copies",
            "another version",
        ),
    ],
)
def test_without_a_kernel_the_reason_is_given(
    tmp_path: Path, kernels: list[Kernel], break_it: str, expected: str
) -> None:
    program = f"""
import os, shutil
from pathlib import Path
from mymodules import __version__, cli, kernel
from mymodules.kernel import build
folder, ready = Path({str(tmp_path)!r}), Path({str(kernels[0].path)!r})
copies = [Path(shutil.copy(source, folder)) for source in build.SOURCES]
def garbage():
    for level in build.levels(build.machine_name()):
        (folder / build.library_name(level)).write_bytes(b"garbage")
{break_it}
print(kernel.loaded(), kernel.description())
"""
    root = str(Path(__file__).parents[2])
    environment = {name: value for name, value in os.environ.items() if name != kernel.SWITCH}
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True,
        env=environment | {"PYTHONPATH": root},
    )  # fmt: skip
    assert answer.stdout.startswith("None NumPy without the compiled kernel: ")
    assert expected in answer.stdout


def test_the_description_names_the_kernel_in_use() -> None:
    chosen = kernel.loaded()
    assert kernel.description().startswith("compiled kernel (kernel-" if chosen else "NumPy without")


def test_the_command_says_which_is_in_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert " ".join(capsys.readouterr().out.split()) == f"mymodules {__version__}, {kernel.description()}"
