"""The benchmark that compares this project with others starts, and prints its table."""

import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def test_peers_measures_the_small_set() -> None:
    command = [sys.executable, str(BENCHMARKS / "peers.py")]
    command += ["--sets", "small", "--only", "ours", "--repeats", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    row = next(line for line in done.stdout.splitlines() if line.startswith("| ours |"))
    assert row.endswith("| same 3, changed 7, missing 1, extra 1, error 1 |")  # 13 pairs in `img`
