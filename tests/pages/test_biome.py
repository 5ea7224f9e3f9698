"""Scripts and styles of pages hold to one format and the rules of biome.jsonc, which biome checks."""

import subprocess
from pathlib import Path

from support import nodes

ROOT = Path(__file__).resolve().parents[2]


def test_biome_finds_nothing() -> None:
    biome = nodes.tool("biome")
    done = subprocess.run(
        [biome, "check", "--error-on-warnings", "--colors=off"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Checked " in done.stdout + done.stderr
