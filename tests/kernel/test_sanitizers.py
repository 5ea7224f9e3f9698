"""The kernel's tests once more, with a library that stops at bad accesses and undefined behaviour."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mymodules.kernel import build

HERE = Path(__file__).parent
SANITIZERS = "libasan.so", "libubsan.so"
HIGHER = re.compile(r"__(AVX|BMI|FMA|F16C|LZCNT|MOVBE)")
"""What a compiler defines for x86-64-v3 and not for v2."""


def preloaded() -> list[str]:
    """The runtime libraries of the sanitizers, which have to be loaded before Python."""
    try:
        call = [["cc", f"-print-file-name={name}"] for name in SANITIZERS]
        found = [
            subprocess.run(each, capture_output=True, text=True, check=True).stdout.strip() for each in call
        ]
    except (OSError, subprocess.CalledProcessError):
        return []
    return [path for path in found if Path(path).is_absolute()]


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    if sys.platform != "linux" or len(preloaded()) < len(SANITIZERS):
        pytest.skip("there is no gcc with sanitizers")
    # One level is enough: the source is the same for all, and code that is not optimised does what it says.
    assert not any(HIGHER.search(source.read_text(encoding="utf-8")) for source in build.SOURCES)
    levels = build.levels(build.machine_name())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "levels", lambda _: levels[:1])
        return build.build(tmp_path_factory.mktemp("kernel"), flags=build.SANITIZERS)


def sanitized(libraries: list[Path], *command: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "LD_PRELOAD": " ".join(preloaded()),
        "ASAN_OPTIONS": "detect_leaks=0",  # Python itself leaves memory to the system at its end
        "MYMODULES_TEST_KERNELS": str(libraries[0].parent),
    }
    return subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, check=False
    )


def test_all_of_it_again(libraries: list[Path]) -> None:
    names = "test_kernel.py", "test_inflate.py", "test_kernel_pixels.py"
    files = [str(HERE / name) for name in names]
    answer = sanitized(libraries, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "passed" in answer.stdout
    assert "skipped" not in answer.stdout


def test_the_sanitizers_are_awake(libraries: list[Path]) -> None:
    """One row fewer than the kernel is told of: it reads beyond the others, and is stopped."""
    program = f"""
import ctypes, sys
sys.path[:0] = {[str(HERE.parent.parent)]!r}
from pathlib import Path
import numpy as np
from mymodules.kernel import Kernel, library
each = Kernel(Path({str(libraries[0])!r}))
first, second = np.zeros(9 * 1501 + 16, np.uint8), np.zeros(8 * 1501 + 16, np.uint8)
lying = library._Pair(first.ctypes.data, second.ctypes.data, first.size, first.size, 500, 500, 9, 3)
each._compare(ctypes.byref(lying), ctypes.byref(library._Figures()))
"""
    answer = sanitized(libraries, "-c", program)
    assert answer.returncode != 0
    assert "heap-buffer-overflow" in answer.stderr
