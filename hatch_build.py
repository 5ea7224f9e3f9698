"""Build hook: compile the kernel where a compiler is, and give the wheel the tag of what is in it.

The wheel also gets the notebook that the command line executes; an editable installation reads it where it
is.

A build that fails never fails the installation: the package does without the kernel, more slowly.
MYMODULES_TARGET, with a name as zig has it, builds the wheel of another system.
"""

import importlib.util
import os
import platform
import sys
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NOTEBOOK = "notebooks/01_compare.ipynb"

ZIG = "ziglang>=0.13"
HAS_ZIG = {"linux": ("x86_64", "aarch64"), "darwin": ("x86_64", "aarch64"), "win32": ("x86_64", "aarch64")}
"""Where there are wheels of ziglang."""

TAGS = {
    "x86_64-linux-gnu.2.17": "manylinux_2_17_x86_64",
    "aarch64-linux-gnu.2.17": "manylinux_2_17_aarch64",
    "x86_64-macos.11.0": "macosx_11_0_x86_64",
    "aarch64-macos.11.0": "macosx_11_0_arm64",
    "x86_64-windows": "win_amd64",
    "aarch64-windows": "win_arm64",
}
"""Platform tags of wheels for other systems, by zig's names of these."""


class KernelHook(BuildHookInterface[Any]):
    """Puts the kernel's libraries into the wheel."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Ask for ziglang where no compiler works."""
        build = self._build()
        if self.target_name != "wheel" or build.machine_name() not in HAS_ZIG.get(sys.platform, ()):
            return []
        try:
            if not os.environ.get("MYMODULES_TARGET"):
                build.build()
                return []
        except build.BuildError:
            pass
        return [ZIG]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and name what is in the wheel."""
        build, target = self._build(), os.environ.get("MYMODULES_TARGET", "")
        if version == "standard":
            build_data["force_include"][str(Path(self.root, NOTEBOOK))] = f"mymodules/{NOTEBOOK}"
        try:
            libraries = build.build(target=target)
        except build.BuildError as error:
            if target:
                raise
            self.app.display_warning(f"The compiled kernel was not built, NumPy does its work: {error}.")
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{TAGS[target] if target else platform_tag()}"
        if version == "standard":
            for path in libraries:
                build_data["force_include"][str(path)] = f"mymodules/kernel/{path.name}"

    def _build(self) -> ModuleType:
        """The module that compiles; the package itself cannot be imported before it is installed."""
        path = Path(self.root, "mymodules", "kernel", "build.py")
        spec = importlib.util.spec_from_file_location("kernel_build", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


def platform_tag() -> str:
    """The platform tag of this machine; on macOS of its own processor only, as the library is."""
    if sys.platform == "darwin":
        return f"macosx_11_0_{platform.machine()}"
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")
