"""The fuzz of benchmarks/: the first files of each format have no findings, and planted faults are found."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mymodules import images, workers
from mymodules.errors import ImageError
from mymodules.formats import Header

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "benchmarks"))

from fuzzing import files, hostile, mutations, sweeps  # noqa: E402 - where the fuzz lives
from fuzzing.judge import Judge  # noqa: E402

COUNT = 40


@pytest.fixture(scope="module")
def answers() -> dict[str, tuple[str, str]]:
    """Exit code and output of the fuzz for each format: of all in one process, which imports once."""
    code = f"""
import sys, fuzz
for kind in fuzz.files.FORMATS:
    sys.argv[1:] = [kind, "--count", "{COUNT}", "--seed", "5"]
    print("ended with", fuzz.main(), kind, flush=True)
"""
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, cwd=ROOT / "benchmarks", capture_output=True, text=True, timeout=300)
    found = re.findall(r"(.*?)^ended with (\d) (\w+)$", answer.stdout, re.DOTALL | re.MULTILINE)
    return {kind: (status, said + answer.stderr) for said, status, kind in found}


@pytest.mark.skipif(sys.platform != "linux", reason="the fuzz watches a forked process through /proc")
@pytest.mark.parametrize("kind", files.FORMATS)
def test_nothing_is_found_in_the_first_files(kind: str, answers: dict[str, tuple[str, str]]) -> None:
    status, said = answers[kind]
    assert status == "0", said
    tried, accepted = map(int, re.search(rf"{kind}: (\d+) files tried, (\d+) accepted", said).groups())
    assert tried == COUNT
    assert COUNT / 10 < accepted < COUNT  # it would prove little if every file were sound, or none


def found(kind: str, case: files.Case, folder: Path) -> set[str]:
    return {name for name, _ in Judge(kind, folder).judge(case).findings}


def sound(kind: str) -> files.Case:
    """The first file of the format that is not animated."""
    for number in range(100):
        case = files.draw(kind, np.random.default_rng([4, number]))
        try:
            images.read_rgba(case.data)
        except ImageError:
            continue
        return case
    raise AssertionError(kind)


@pytest.mark.parametrize("kind", files.FORMATS)
def test_a_sound_file_is_without_findings(kind: str, tmp_path: Path) -> None:
    assert found(kind, sound(kind), tmp_path) == set()


@pytest.mark.parametrize("kind", files.FORMATS)
def test_one_wrong_pixel_is_found(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decode = images.decode

    def wrong(data: bytes, header: Header) -> Any:
        samples = decode(data, header).copy()
        samples[0, 0] ^= 255  # all bits of an 8-bit value, the low byte of a 16-bit one
        samples[0, 0] ^= np.array(255 << 8 if samples.dtype == np.uint16 else 0, samples.dtype)
        return samples

    monkeypatch.setattr(images, "decode", wrong)
    assert "pixels" in found(kind, sound(kind), tmp_path)


@pytest.mark.parametrize("kind", files.FORMATS)
def test_an_exception_is_found(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = sound(kind)

    def broken(data: bytes, header: Header) -> Any:
        raise ValueError("negative shift count")

    monkeypatch.setattr(images, "decode", broken)
    assert found(kind, case, tmp_path) == {"exception"}


@pytest.mark.parametrize(
    ("error", "kinds"),
    [
        (ImageError("strange", "it is strange"), {"unknown code", "sound file refused"}),
        (ImageError("corrupt", "it is\nbroken"), {"reason", "sound file refused"}),
        (ImageError("corrupt", 'it says "no"'), {"reason", "sound file refused"}),
        (ImageError("corrupt", "Broken."), {"reason", "sound file refused"}),
    ],
)
def test_what_a_refusal_says_is_looked_at(
    error: ImageError, kinds: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    white = np.full((3, 5, 4), 255, np.uint8)
    case = files.Case("made for this", files.pngs.write(white[..., :3], 2, 8), truth=white)

    def refused(data: bytes, *, max_pixels: int) -> Header:
        raise error

    monkeypatch.setattr(images, "inspect", refused)
    assert kinds <= found("PNG", case, tmp_path)


def test_pairs_that_are_called_same_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (
        files.pngs.write(np.full((8, 8), value), 0, 8) for value in (10, 200)
    )  # 64 pixels, and all of them differ
    compare = workers.compare

    def same(job: workers.Job) -> workers.PairResult:
        return compare(job)._replace(status="same", code="pixels_equal", num_diff_pixels=0)

    case = files.Case("another picture", second, base=first)
    assert found("PNG", case, tmp_path) == set()
    monkeypatch.setattr(workers, "compare", same)
    assert {"row", "called same", "itself"} <= found("PNG", case, tmp_path)


def test_a_needless_refusal_is_a_remark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = files.pngs.write(np.full((8, 8), 10), 0, 8)
    case = files.Case("bytes after it", base + b"\0", base=base)
    inspect = images.inspect

    def strict(data: bytes, *, max_pixels: int) -> Header:
        if data != base:
            raise ImageError("corrupt", "it has bytes after its end")
        return inspect(data, max_pixels=max_pixels)

    assert Judge("PNG", tmp_path).judge(case).remarks == []
    monkeypatch.setattr(images, "inspect", strict)
    verdict = Judge("PNG", tmp_path).judge(case)
    assert verdict.remarks == [("refused without need", "corrupt: it has bytes after its end")]
    assert verdict.outcome == "corrupt"


@pytest.mark.parametrize("kind", files.FORMATS)
def test_a_number_gives_the_same_file_always(kind: str) -> None:
    once, again = (
        [mutations.mutate(kind, rng, files.draw(kind, rng)).data for _ in range(20)]
        for rng in (np.random.default_rng(1), np.random.default_rng(1))
    )
    assert once == again
    assert len(set(once)) > 15


@pytest.mark.parametrize("kind", files.FORMATS)
def test_sweeps_have_a_case_for_every_member(kind: str) -> None:
    cases = sweeps.of(kind)
    made = [case.data for _, case in zip(range(400), cases, strict=False)]
    assert len(made) == 400
    assert len(set(made)) > 250
    assert next(hostile.of(kind)).data
