"""The checks of one file, and their result.

A `Verdict` has findings, which are faults of this package, and remarks, which a person has to read: for
example, a file was refused although all other programs show the same picture, or they show different ones.
"""

import os
import re
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from fuzzing import oracles
from fuzzing.files import Case

from mymodules import images, workers
from mymodules.errors import ImageError
from mymodules.formats import Header
from mymodules.pairs import Pair

CODES = {
    "empty", "truncated", "corrupt", "not_an_image", "animated", "unsupported", "too_many_pixels",
    "too_costly",
}  # fmt: skip
SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "WebP": ".webp", "BMP": ".bmp", "TIFF": ".tif"}
SECONDS, TIMES = 1.0, 10.0
"""The time limit of a file: so many seconds, plus so many times Pillow's time."""
SPARE_BYTES, BYTES_PER_PIXEL = 200_000_000, 16
"""The memory limit of a file: so many bytes, plus so many for each pixel."""

# Matches a warning that itself says that programs show the file differently.
_OTHERWISE = re.compile(r"differ|others as|disagree|otherwise")

Reading = tuple[Header, np.ndarray] | ImageError


@dataclass
class Verdict:
    """What became of a file.

    Attributes
    ----------
    outcome : str
        ``accepted``, the code of the refusal, or ``exception``, ``crash`` or ``hang``.
    findings, remarks : list of (str, str)
        Kind and detail.
    """

    outcome: str = "accepted"
    findings: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[tuple[str, str]] = field(default_factory=list)


class Judge:
    """Judges files of one format.

    Parameters
    ----------
    folder : Path
        Where pairs are written for comparison.
    stage : callable
        Called with ``ours`` or ``others``, depending on whose code runs next, and the verdict so far.
    printed : callable
        Returns what this process has printed since the last call.
    """

    def __init__(
        self,
        kind: str,
        folder: Path,
        stage: Callable[[str, Verdict], None] = lambda name, verdict: None,
        printed: Callable[[], str] = lambda: "",
    ) -> None:
        self._kind = kind
        self._folder = folder
        self._stage = stage
        self._printed = printed
        self._base: tuple[bytes, Reading, dict[str, np.ndarray | str]] | None = None

    def judge(self, case: Case) -> Verdict:
        """Try one file."""
        verdict = Verdict()
        self._stage("ours", verdict)
        self._printed()
        reading, seconds = self._read(case.data, verdict)
        if noise := self._printed():
            verdict.findings.append(("prints", f"while it is read: {noise[:200]!r}"))
        self._stage("others", verdict)
        start = time.process_time()
        answers = {"Pillow": oracles.ask(oracles.of(self._kind)["Pillow"], case.data)}
        theirs = time.process_time() - start
        for name, oracle in oracles.of(self._kind).items():
            if name not in answers:
                answers[name] = oracles.ask(oracle, case.data)
        self._stage("ours", verdict)
        if seconds > SECONDS + TIMES * theirs:
            again = min(_timed(lambda: _attempt(case.data)) for _ in range(2))
            if again > SECONDS + TIMES * theirs:
                detail = f"{again:.1f} s, Pillow {theirs:.2f} s, {len(case.data)} bytes"
                verdict.findings.append(("slow", detail))
        if isinstance(reading, ImageError):
            self._refused(case, reading, answers, verdict)
        elif reading is not None:
            self._accepted(case, reading[0], reading[1], answers, verdict)
        if reading is not None:
            if case.base is not None:
                self._of_base(case, verdict)
            self._printed()
            self._pairs(case, reading, answers, verdict)
            if noise := self._printed():
                verdict.findings.append(("prints", f"while it is compared: {noise[:200]!r}"))
        return verdict

    def _read(self, data: bytes, verdict: Verdict) -> tuple[Reading | None, float]:
        """Return our reading, or None after an exception, and the seconds it took."""
        resident = _reset_peak()
        start = time.process_time()
        try:
            reading = _attempt(data)
        except Exception as error:
            verdict.outcome = "exception"
            verdict.findings.append(("exception", _described(error)))
            return None, 0.0
        seconds = time.process_time() - start
        if isinstance(reading, ImageError):
            verdict.outcome = reading.code
            width, height = reading.size or (0, 0)
        else:
            width, height = reading[0].width, reading[0].height
        grown = _peak() - resident
        allowed = SPARE_BYTES + BYTES_PER_PIXEL * min(width * height, oracles.LARGEST)
        if grown > allowed:
            detail = f"{grown >> 20} MB, allowed {allowed >> 20} MB, {len(data)} bytes"
            verdict.findings.append(("memory", detail))
        return reading, seconds

    def _refused(self, case: Case, error: ImageError, answers: dict[str, Any], verdict: Verdict) -> None:
        if error.code not in CODES:
            verdict.findings.append(("unknown code", str(error)))
        if fault := _no_clause(error.reason):
            verdict.findings.append(("reason", f"{fault}: {error.reason!r}"))
        for code in self._differing_calls(case.data):
            if code != error.code:
                verdict.findings.append(("two reads differ", f"{error.code}, then {code}"))
        shown = [a for a in answers.values() if not isinstance(a, str)]
        if case.truth is not None and error.code != "animated":
            if all(np.array_equal(case.truth, a) for a in shown):
                verdict.findings.append(("sound file refused", str(error)))
            else:  # libtiff misreads some narrow faxes that it wrote itself
                verdict.remarks.append(("sound file refused, which others read wrongly", str(error)))
        alike = all(np.array_equal(shown[0], a) for a in shown[1:])
        refused = any(isinstance(a, str) and a == "refused" for a in answers.values())
        if len(shown) < 2 or refused or not alike or error.code == "too_many_pixels":
            return
        if error.code == "animated" and isinstance(answers["Pillow"], str):
            return  # it really has several frames
        sound = case.base is None or self._shows_base(case, answers, verdict)
        kind = "refused without need" if sound else "refused, shown by all in the same way"
        verdict.remarks.append((kind, str(error)))

    def _differing_calls(self, data: bytes) -> list[str]:
        try:
            images.read_rgba(data, max_pixels=oracles.LARGEST)
        except ImageError as error:
            return [error.code]
        return ["accepted"]

    def _shows_base(self, case: Case, answers: dict[str, Any], verdict: Verdict) -> bool:
        """Whether the others show the same as before the file was changed."""
        before = self._of_base(case, verdict)[1]
        both = [
            (answers[name], before[name])
            for name in answers
            if not isinstance(answers[name], str) and not isinstance(before[name], str)
        ]
        return bool(both) and all(np.array_equal(one, other) for one, other in both)

    def _accepted(
        self, case: Case, header: Header, samples: np.ndarray, answers: dict[str, Any], verdict: Verdict
    ) -> None:
        rgba = images.to_rgba(samples)
        if rgba.shape != (header.height, header.width, 4):
            verdict.findings.append(("size", f"{rgba.shape} for {header.width} x {header.height}"))
        try:
            again = images.read_rgba(case.data, max_pixels=oracles.LARGEST)
        except ImageError as error:
            verdict.findings.append(("two reads differ", f"accepted, then {error}"))
        else:
            if not np.array_equal(rgba, again):
                verdict.findings.append(("two reads differ", "other pixels"))
        for warning in header.warnings:
            if fault := _no_clause(warning):
                verdict.findings.append(("warning", f"{fault}: {warning!r}"))
        if case.truth is not None and not np.array_equal(rgba, case.truth):
            verdict.findings.append(
                ("pixels", f"not those that were written; {_difference(rgba, case.truth)}")
            )
        shown = {name: a for name, a in answers.items() if not isinstance(a, str)}
        wrong = [name for name, a in shown.items() if not np.array_equal(rgba, a)]
        if not wrong or case.truth is not None:
            return
        detail = ", ".join(f"{name} ({_difference(rgba, shown[name])})" for name in wrong)
        if len(wrong) < len(shown):
            right = ", ".join(name for name in shown if name not in wrong)
            kind = "readers disagree, named" if header.warnings else "readers disagree, not named"
            verdict.remarks.append((kind, f"with {right}, against {detail}"))
        elif any(_OTHERWISE.search(warning) for warning in header.warnings):
            verdict.remarks.append(("readers disagree, named", f"against {detail}; {header.warnings}"))
        else:
            verdict.findings.append(("pixels", f"against {detail}; warnings {header.warnings}"))

    # Pairs

    def _pairs(self, case: Case, reading: Reading, answers: dict[str, Any], verdict: Verdict) -> None:
        itself = self._compared(case.data, case.data, verdict)
        if isinstance(reading, ImageError):
            # If the bytes are equal, only the container is checked, so damaged pixels go unnoticed.
            if itself.status not in ("error", "same"):
                verdict.findings.append(("itself", f"{itself.status}, {itself.code}: {itself.messages}"))
        elif (itself.status, itself.code) != ("same", "bytes_equal"):
            verdict.findings.append(("itself", f"{itself.status}, {itself.code}: {itself.messages}"))
        if not isinstance(reading, ImageError) and reading[1].size < 200_000:
            rgba = images.to_rgba(reading[1])
            row = self._compared(case.data, imagecodecs.png_encode(rgba, level=1), verdict)
            if row.num_diff_pixels != 0:
                detail = f"{row.status}, {row.code}, {row.num_diff_pixels} pixels: {row.messages}"
                verdict.findings.append(("not equal to itself as PNG", detail))
        if case.base is None or case.base == case.data:
            return
        base, before = self._of_base(case, verdict)
        row = self._compared(case.base, case.data, verdict)
        refused = [r for r in (base, reading) if isinstance(r, ImageError)]
        detail = f"{row.status}, {row.code}, {row.num_diff_pixels} pixels: {row.messages}"
        if refused:
            if (row.status, row.code) != ("error", refused[0].code):
                verdict.findings.append(("row", f"{detail}, but reading says {refused[0].code}"))
            return
        assert not isinstance(base, ImageError)
        assert not isinstance(reading, ImageError)
        count = _count(images.to_rgba(base[1]), images.to_rgba(reading[1]))
        if row.num_diff_pixels != count or (row.status == "same" and count):
            verdict.findings.append(("row", f"{detail}, but {count} pixels differ"))
        for name, answer in answers.items():
            other = before[name]
            known = not isinstance(answer, str) and not isinstance(other, str)
            if row.status == "same" and known and not np.array_equal(answer, other):
                agrees = np.array_equal(images.to_rgba(base[1]), other)
                if agrees and not any("disagree" in kind for kind, _ in verdict.remarks):
                    verdict.findings.append(("called same", f"{name} shows another picture: {detail}"))

    def _of_base(self, case: Case, verdict: Verdict) -> tuple[Reading, dict[str, np.ndarray | str]]:
        """Return our reading and the others' of the file before it was changed."""
        assert case.base is not None
        if self._base is None or self._base[0] != case.base:
            self._stage("others", verdict)
            answers = {name: oracles.ask(o, case.base) for name, o in oracles.of(self._kind).items()}
            self._stage("ours", verdict)
            self._base = case.base, _attempt(case.base), answers
        return self._base[1], self._base[2]

    def _compared(self, first: bytes, second: bytes, verdict: Verdict) -> workers.PairResult:
        suffix = SUFFIXES[self._kind]
        paths = [self._folder / f"{side}{suffix}" for side in ("first", "second")]
        for path, data in zip(paths, (first, second), strict=True):
            path.write_bytes(data)
        pair = Pair(f"a{suffix}", str(paths[0]), str(paths[1]))
        row = workers.compare(workers.Job(pair, max_pixels=oracles.LARGEST))
        if row.code == "internal":
            verdict.findings.append(("exception", row.messages))
        if re.search(r'[\n\r"]', row.messages) or not row.messages.endswith("."):
            verdict.findings.append(("message", repr(row.messages)))
        return row


def _attempt(data: bytes) -> Reading:
    try:
        header = images.inspect(data, max_pixels=oracles.LARGEST)
        return header, images.decode(data, header)
    except ImageError as error:
        return error


def _timed(call: Callable[[], Any]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def _described(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}: {error} ({place})"


def _no_clause(text: str) -> str:
    """Return what makes a text unfit as a clause for a person; empty if nothing does."""
    text = re.sub(r" \(its decoder: [^\n\"]*\)$", "", text)
    if not text or len(text) > 250:
        return "empty or long"
    if re.search(r'[\x00-\x1f\x7f"]|\b(None|nan|array|dtype|NotImplemented)\b|<class|0x', text):
        return "not for a person"
    if text.endswith(".") or text != text.strip() or not text[0].islower():
        return "not a clause"
    return ""


def _count(first: np.ndarray, second: np.ndarray) -> int:
    """Count differing pixels, including those that only one of the two has."""
    height, width = (max(first.shape[n], second.shape[n]) for n in (0, 1))
    rows, columns = (min(first.shape[n], second.shape[n]) for n in (0, 1))
    common = (first[:rows, :columns] != second[:rows, :columns]).any(axis=2).sum()
    return int(common) + height * width - rows * columns


def _difference(ours: np.ndarray, theirs: np.ndarray) -> str:
    if ours.shape != theirs.shape:
        return f"{theirs.shape[1]} x {theirs.shape[0]} px"
    most = int(np.abs(ours.astype(int) - theirs).max())
    return f"{_count(ours, theirs)} of {ours.shape[0] * ours.shape[1]} pixels by up to {most}"


# Memory of this process; measured on Linux only


def _reset_peak() -> int:
    """Reset the peak of memory; return the bytes in use now."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
        return _status("VmRSS")
    except OSError:
        return 0


def _peak() -> int:
    try:
        return _status("VmHWM")
    except OSError:
        return 0


def _status(name: str) -> int:
    text = Path("/proc/self/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+) kB", text)[1]) * 1024  # type: ignore[index]


def scratch() -> Path:
    """Make a new folder, in memory if the system has a place for that."""
    shared = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="fuzz-", dir=shared if os.access(shared, os.W_OK) else None))
