"""A change of what rows say needs a higher `row.ALGORITHM`; otherwise older rows would be reused."""

import hashlib
import itertools
import json
from pathlib import Path

import numpy as np
from support import oracles, pngs

from mymodules import workers
from mymodules.pairs import Pair
from mymodules.row import ALGORITHM, COLUMNS
from mymodules.workers import Job, PairResult

RECORDED = {
    2: "0df1ead56f07d80b4ff34aec915c7553",
    3: "525190cb2b51efab8d380c1e19412541",
    4: "66b8c820471e2d0923a8914d89a00854",
    5: "933c18f8dab4b66b0d505784c950683a",
    6: "9aad10301f2cb713c8e61d01c751e959",
    7: "60cc9b8648003d123175af146ee320a1",
    8: "682521d9c62a1dbdd0e2f0c6cbc4db0e",
    9: "682521d9c62a1dbdd0e2f0c6cbc4db0e",  # other rows only where pictures of 16 bits have rules
    10: "682521d9c62a1dbdd0e2f0c6cbc4db0e",  # other rows only where something moved in pictures of 16 bits
}
"""Digest of the rows below for each algorithm. Entries are added, never edited."""

FOLDER = oracles.VECTORS / "synthetic"


def row(name: str, first: Path | None, second: Path | None) -> PairResult:
    compared = workers.compare(Job(Pair(name, first, second)))
    assert compared.status != "error", compared.messages
    return compared


def pages(folder: Path) -> list[tuple[Path, Path]]:
    """Make larger pictures by arithmetic: changed in two places, in 800, shorter and wider."""
    y, x, channel = np.mgrid[:400, :640, :3]
    page = ((x // 40 * 37 + y // 25 * 11 + channel * 60) % 256).astype(np.uint8)
    few, many = page.copy(), page.copy()
    few[30:50, 100:180] ^= 255
    few[300:302, 600:] += 1
    many[::20, ::16] ^= 64
    changed = {"few": few, "many": many, "lower": page[:399], "wider": np.pad(few, ((0, 0), (0, 9), (0, 0)))}
    for name, samples in {"page": page, **changed}.items():
        (folder / f"{name}.png").write_bytes(pngs.write(samples, 2, 8))
    return [(folder / "page.png", folder / f"{name}.png") for name in changed]


def rows(folder: Path) -> list[PairResult]:
    """Make jobs of the vectors' pairs, of every other picture with the next, of pages, of single pictures."""
    found = [
        row(name, FOLDER / f"{name}-a.png", FOLDER / f"{name}-b.png") for name in oracles.synthetic()["pairs"]
    ]
    alone = sorted(FOLDER / f"{name}.png" for name in oracles.synthetic()["decode"])
    found += [row(one.name, one, other) for one, other in itertools.pairwise(alone)]
    found += [row(other.name, one, other) for one, other in pages(folder)]
    found += [row(alone[0].name, alone[0], alone[0])]
    return [*found, row(alone[0].name, alone[0], None), row(alone[0].name, None, alone[0])]


def text_of(compared: PairResult) -> str:
    """Return all that a row says about its files, without the last digits, which depend on the processor."""
    score = None if compared.ssim_score is None else round(compared.ssim_score, 9)
    return json.dumps(compared._replace(ssim_score=score, seconds=None)[: len(COLUMNS)])


def test_rows_that_say_something_else_have_another_algorithm(tmp_path: Path) -> None:
    found = rows(tmp_path)
    # What is recorded is right, to begin with: of 16 bits the plain high byte, unlike Gold.
    for name, compared in zip(oracles.synthetic()["pairs"], found, strict=False):
        one, other = (pngs.read((FOLDER / f"{name}-{side}.png").read_bytes()).rgba for side in "ab")
        assert compared.num_diff_pixels == oracles.pixel_diff(one, other)["numDiffPixels"], name
    assert len({compared.code for compared in found}) >= 6
    digest = hashlib.blake2b("\n".join(map(text_of, found)).encode(), digest_size=16).hexdigest()
    assert RECORDED.get(ALGORITHM) == digest, (
        "Rows of the same files are not what they were. Where that is meant, see that row.ALGORITHM is "
        f"above {max(RECORDED)} and record {digest!r} for it. What is recorded for an earlier one stays: "
        "stores hold such rows."
    )
