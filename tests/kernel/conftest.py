"""Kernels to test: built here, so that the tests hold whether or not the package came with one."""

import os
from pathlib import Path

import pytest

from mymodules.kernel import Kernel, build

SANITIZED = "MYMODULES_TEST_SANITIZED"
"""Environment variable: build them with the address and undefined behaviour sanitizers."""


@pytest.fixture(scope="session")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> list[Kernel]:
    """A kernel for each level of instructions that this processor has, lowest first."""
    if not any(build.compilers()):
        pytest.skip("there is no C compiler")
    flags = build.SANITIZERS if os.environ.get(SANITIZED) else ()
    libraries: list[Path] = build.build(tmp_path_factory.mktemp("kernel"), flags=flags)
    lowest = Kernel(libraries[0])
    return [lowest, *(Kernel(path) for number, path in enumerate(libraries[1:], 3) if number <= lowest.level)]
