"""Pictures that were renamed and changed: how many are found, is any wrong, and what the search costs.

    python benchmarks/renames.py [FIRST SECOND]

Those pictures of two folders (by default plots and screenshots below the folder in MYMODULES_DATA) that are
in both and differ are renamed in second, to names that say nothing. All of them are searched in a first run,
and again in a second run with the same store. The times are those of all processors together, interpreter
and imports included.
"""

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

RUN = """
import json, sys
from mymodules import batch, results
run = batch.run(*sys.argv[1:4], pictures="none", renames=sys.argv[4] == "True")
print(json.dumps([[row.image_filename, row.renamed_from, row.status] for row in results.read(run.csv_path)]))
"""

Rows = list[tuple[str, str | None, str]]


def prepared(first: Path, second: Path, to: Path) -> dict[str, str]:
    """Copy the pictures that differ, those of second under other names; return the old names by these."""
    names = {}
    for path in sorted(first.rglob("*.png")):
        name = path.relative_to(first).as_posix()
        other = second / name
        if other.is_file() and other.read_bytes() != path.read_bytes():
            new = hashlib.sha256(name.encode()).hexdigest()[:16] + ".png"
            names[new] = name
            for source, copy in ((path, to / "first" / name), (other, to / "second" / new)):
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, copy)
    return names


def run(work: Path, *, out: str, renames: bool = True) -> tuple[Rows, float]:
    """Return the rows of a run in a process of its own, and its processor time in seconds."""
    command = [
        sys.executable,
        "-c",
        RUN,
        *(str(work / part) for part in ("first", "second", out)),
        str(renames),
    ]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    answer = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return json.loads(answer.stdout), sum(after[:2]) - sum(before[:2])


def measure(first: Path, second: Path) -> Iterator[str]:
    """Yield lines about one set."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        names = prepared(first, second, work)
        yield f"{first}: {len(names)} pictures that differ, renamed"
        for new in ("without", "out"):
            (work / new).mkdir()
        _, without = run(work, out="without", renames=False)
        rows, once = run(work, out="out")
        again, twice = run(work, out="out")
        assert again == rows, "the second run found other rows"
        found = {new: old for new, old, _ in rows if old is not None}
        wrong = [(new, old) for new, old in found.items() if names[new] != old]
        yield f"  found {len(found)}, wrong {len(wrong)}"
        yield f"  processor s: {without:.2f} by names only, {once:.2f} with the search, {twice:.2f} again"


if __name__ == "__main__":
    if len(sys.argv) == 3:
        chosen = [(Path(sys.argv[1]), Path(sys.argv[2]))]
    else:
        data = Path(os.environ["MYMODULES_DATA"]) / "data"
        chosen = [(data / name / "first", data / name / "second") for name in ("plots", "screenshots")]
    for folders in chosen:
        for line in measure(*folders):
            print(line, flush=True)
