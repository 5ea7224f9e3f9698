"""Files that cannot be compared: broken, too large, unreadable, or written to meanwhile."""

import json
import os
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import pytest
from support import pngs
from support.samples import (
    ENORMOUS,
    INDEX,
    NOISE,
    PALETTE,
    PLAIN,
    RGB,
    SHORT,
    broken_crc,
    changed,
    png_of_size,
    rgb,
)
from support.sides import COMPARED, Folders, in_python, put, row, row_of, rows

from mymodules import batch, images, kernel, pairs, settings, workers
from mymodules.comparison import drawings
from mymodules.formats import png
from mymodules.images import bands
from mymodules.workers import Job, PairResult

# Broken files


CHUNKY = pngs.write(
    INDEX,
    3,
    4,
    palette=PALETTE,
    trns=[0, 128],
    idat_split=40,
    chunks_before=[pngs.gama(), pngs.phys()],
    chunks_after_idat=[pngs.text()],
)


def test_a_png_cut_at_every_byte(folders: Folders) -> None:
    assert row_of(folders, CHUNKY, CHUNKY).status == "same"
    for length in range(len(CHUNKY)):
        cut = CHUNKY[:length]
        codes = {"truncated", "corrupt"} if length else {"empty"}
        for first, second in ((cut, CHUNKY), (CHUNKY, cut), (cut, cut)):
            found = row_of(folders, first, second)
            assert found.status == "error", length
            assert found.code in codes, length
            assert ("first cannot" in found.messages) == (first is cut)
            assert ("second cannot" in found.messages) == (second is cut)


@pytest.mark.parametrize("number", range(len(pngs.chunks_of(CHUNKY))))
def test_every_checksum(folders: Folders, number: int) -> None:
    broken, kind = broken_crc(CHUNKY, number), pngs.chunks_of(CHUNKY)[number][0]
    needed = kind.isupper() or kind == b"tRNS"
    for first, second in ((broken, CHUNKY), (CHUNKY, broken), (broken, broken)):
        found = row_of(folders, first, second)
        if needed:
            assert (found.status, found.code) == ("error", "corrupt")
        else:
            assert found.status == "same"
            assert "checksum" in found.messages
        assert kind.decode() in found.messages


@pytest.mark.parametrize("broken", [SHORT, NOISE])
def test_wrong_inflated_length_has_known_sizes(folders: Folders, broken: bytes) -> None:
    for first, second in ((broken, PLAIN), (PLAIN, broken), (SHORT, NOISE)):
        found = row_of(folders, first, second)
        assert (found.status, found.code) == ("error", "corrupt")
        assert [found.width_first, found.height_first] == [17, 12]
        assert [found.width_second, found.height_second] == [17, 12]
        assert ("first cannot" in found.messages) == (first is not PLAIN)
        assert ("second cannot" in found.messages) == (second is not PLAIN)


@pytest.mark.parametrize("broken", [SHORT, NOISE])
@pytest.mark.parametrize("draw_same", [False, True])
def test_drawing_everything_survives_broken_files(folders: Folders, broken: bytes, draw_same: bool) -> None:
    drawn = {"pictures_dir": folders.out / "03.diff", "drawing_path": "x.png", "draw_same": draw_same}
    assert row_of(folders, broken, PLAIN, **drawn).code == "corrupt"
    found = row_of(folders, broken, broken, **drawn)
    assert found.code == "bytes_equal"
    assert ("could not be drawn" in found.messages) == draw_same


# Sizes above the limit


@pytest.mark.parametrize("kind", ENORMOUS)
def test_too_many_pixels_needs_no_memory(folders: Folders, kind: str) -> None:
    """The pair is compared by a process that may take 300 MB more than it has when it begins."""
    pytest.importorskip("resource", reason="no limits of memory on this system")
    if not Path("/proc/self/statm").exists():
        pytest.skip("this system does not tell a process its size")
    put(folders, ENORMOUS[kind], ENORMOUS[kind] + b"\0")
    code = (
        "import json, resource, sys\n"
        "from pathlib import Path\n"
        "from mymodules import pairs, workers\n"
        "workers.prepare_process()\n"
        "pages = int(Path('/proc/self/statm').read_text().split()[0])\n"
        "limit = pages * resource.getpagesize() + (300 << 20)\n"
        "resource.setrlimit(resource.RLIMIT_AS, (limit, limit))\n"
        "(pair,) = pairs.find(*map(Path, sys.argv[1:])).pairs\n"
        "print(json.dumps(workers.compare(workers.Job(pair))))\n"
    )
    answer = json.loads(in_python(code, str(folders.first), str(folders.second)))
    assert answer[3:5] == ["error", "too_many_pixels"]


def test_the_limit_is_inclusive_and_comes_from_settings(folders: Folders) -> None:
    put(folders, PLAIN, rgb(level=0))
    for limit, code in ((204, "pixels_equal"), (203, "too_many_pixels")):
        settings.init(None, *folders, max_pixels=limit)
        assert workers.compare_image_diff(folders.first / "x.png").code == code
        done = batch.run(executor=ThreadPoolExecutor(1))
        assert done.frame().code.tolist() == [code]


def test_the_default_limit_is_250_megapixels(folders: Folders) -> None:
    found = row_of(folders, png_of_size(250_000_001, 1), PLAIN)
    assert found.code == "too_many_pixels"
    found = row_of(folders, png_of_size(25_000, 10_000), PLAIN)
    assert found.code == "corrupt"


def test_the_size_that_is_too_large_is_known(folders: Folders) -> None:
    found = row_of(folders, ENORMOUS["png"], PLAIN)
    assert [found.width_first, found.height_first] == [60_000, 60_000]
    assert [found.width_second, found.height_second] == [17, 12]


def test_too_little_memory_is_a_row(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(bands, "scanlines", fails)
    found = row_of(folders, PLAIN, rgb(level=0))
    assert (found.status, found.code) == ("error", "too_many_pixels")
    assert "not enough memory" in found.messages
    assert "--processes N" in found.messages
    assert "--max-pixels" not in found.messages  # more pixels would need more memory


def test_too_little_memory_for_opencv_is_a_row(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        error = cv2.error("Insufficient memory")
        error.code = cv2.Error.StsNoMem
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(kernel, "loaded", lambda: None)  # which does without OpenCV
        patch.setattr(cv2, "absdiff", fails)
        found = row_of(folders, PLAIN, pngs.write(changed(RGB, 0), 2, 8))
        assert (found.status, found.code) == ("error", "too_many_pixels")
    monkeypatch.setattr(drawings, "canvas", fails)
    drawn = {"pictures_dir": folders.out / "03.diff", "drawing_path": "x.png"}
    found = row_of(folders, PLAIN, pngs.write(changed(RGB, 0), 2, 8), **drawn)
    assert (found.status, found.code) == ("changed", "pixels_differ")
    assert "not enough memory for its drawings" in found.messages


# Files that cannot be read


AS_NOBODY = """
import json, os, sys
from pathlib import Path
from mymodules import pairs, workers
workers.prepare_process()
listing = pairs.find(*map(Path, sys.argv[1:]))
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
print(json.dumps([workers.compare(workers.Job(pair)) for pair in listing.pairs]))
"""


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_unreadable() -> None:
    with tempfile.TemporaryDirectory() as folder:  # the folder of the test's own is closed to others
        Path(folder).chmod(0o755)
        place = Folders(*(Path(folder) / side for side in ("first", "second", "out")))
        for side in place:
            side.mkdir()
        for name in ("both", "first", "second", "none"):
            put(place, PLAIN, rgb(level=0), f"{name}.png")
        put(place, PLAIN, None, "only.png")
        for closed in ("first/both", "second/both", "first/first", "second/second", "first/only"):
            (Path(folder) / f"{closed}.png").chmod(0)
        answers = {
            answer[1]: PairResult(*answer)
            for answer in json.loads(in_python(AS_NOBODY, str(place.first), str(place.second)))
        }
    assert len(answers) == 5
    for name in ("both", "first", "second"):
        found = answers[f"{name}.png"]
        assert (found.status, found.code) == ("error", "permission")
        assert ("first cannot" in found.messages) == (name in ("first", "both"))
        assert ("second cannot" in found.messages) == (name in ("second", "both"))
        assert (found.first_digest is None) == (name in ("first", "both"))
        assert (found.second_digest is None) == (name in ("second", "both"))
        assert (found.width_second is None) == (name in ("second", "both"))
    assert answers["none.png"].code == "pixels_equal"
    assert answers["only.png"].code == "only_first"
    assert "cannot be read" in answers["only.png"].messages


def test_vanished(folders: Folders) -> None:
    put(folders, PLAIN, PLAIN)
    (pair,) = pairs.find(folders.first, folders.second).pairs
    (folders.second / "x.png").unlink()
    found = workers.compare(Job(pair))
    assert (found.status, found.code) == ("error", "vanished")
    assert "second cannot be compared" in found.messages
    assert found.first_digest == images.digest(PLAIN)
    assert (found.width_first, found.second_digest) == (17, None)


def test_the_whole_folder_vanished(folders: Folders) -> None:
    put(folders, PLAIN, PLAIN, "deep/x.png")
    (pair,) = pairs.find(folders.first, folders.second).pairs
    (folders.first / "deep" / "x.png").unlink()
    (folders.first / "deep").rmdir()
    (folders.first / "deep").write_bytes(b"")  # now a file stands where the folder was
    found = workers.compare(Job(pair))
    assert (found.status, found.code) == ("error", "vanished")


def test_a_folder_named_like_a_picture(folders: Folders) -> None:
    put(folders, None, PLAIN)
    (folders.first / "x.png").mkdir()
    put(folders, PLAIN, PLAIN, "x.png2/y.png")
    found = {found.image_filename: found for found in rows(folders)}
    assert set(found) == {"x.png", "x.png2/y.png"}
    assert (found["x.png"].status, found["x.png"].code) == ("error", "not_a_file")
    assert "in first is a folder" in found["x.png"].messages
    assert found["x.png"].first_digest is None
    assert found["x.png"].second_digest == images.digest(PLAIN)
    assert (found["x.png"].width_second, found["x.png"].height_second) == (17, 12)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe(folders: Folders) -> None:
    put(folders, PLAIN, None)
    os.mkfifo(folders.second / "x.png")
    found = row(folders)
    assert (found.status, found.code) == ("error", "not_a_file")
    assert "second" in found.messages


def test_a_file_that_became_a_pipe_or_a_folder(folders: Folders) -> None:
    put(folders, PLAIN, PLAIN)
    (pair,) = pairs.find(folders.first, folders.second).pairs
    makers = [Path.mkdir, os.mkfifo] if hasattr(os, "mkfifo") else [Path.mkdir]
    for make in makers:
        path = folders.second / "x.png"
        path.rmdir() if path.is_dir() else path.unlink()
        make(path)
        found = workers.compare(Job(pair))
        assert (found.status, found.code) == ("error", "not_a_file")
        assert "second cannot be compared" in found.messages


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_links(folders: Folders, tmp_path: Path) -> None:
    put(folders, PLAIN, PLAIN)
    for name, target in {
        "dangling.png": "nowhere.png",
        "itself.png": "itself.png",
        "good.png": "x.png",
        "loop": ".",
    }.items():
        (folders.first / name).symlink_to(target)
    for name in ("dangling.png", "itself.png", "good.png"):
        (folders.second / name).write_bytes(PLAIN)
    found = {found.image_filename: (found.status, found.code) for found in rows(folders)}
    assert found["x.png"] == found["good.png"] == ("same", "bytes_equal")
    assert found["dangling.png"] == ("error", "vanished")
    assert found["itself.png"][0] == "error"
    assert len(found) == 4


# Edited while it is read


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def rewrite(path: Path) -> None:
    """Other content of the same length."""
    status = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))


def replace(path: Path) -> None:
    other = path.with_name("new")
    other.write_bytes(rgb(level=0))
    os.utime(other, ns=(0, 0))
    other.replace(path)


def cut(path: Path) -> None:
    os.truncate(path, 20)


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be replaced on Windows")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        (append, "changed_during_run"),
        (rewrite, "changed_during_run"),
        (replace, "changed_during_run"),
        (cut, "changed_during_run"),
        (Path.unlink, "vanished"),
    ],
)
@pytest.mark.parametrize("side", ["first", "second"])
def test_edited_while_it_is_read(
    folders: Folders, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], code: str, side: str
) -> None:
    put(folders, PLAIN, PLAIN)
    target = getattr(folders, side) / "x.png"
    inode = target.stat().st_ino
    read = os.read
    waiting = [change]

    def change_and_read(number: int, size: int) -> bytes:
        if os.fstat(number).st_ino == inode and waiting:
            waiting.pop()(target)
        return read(number, size)

    (pair,) = pairs.find(folders.first, folders.second).pairs
    with monkeypatch.context() as patch:
        patch.setattr(os, "read", change_and_read)
        found = workers.compare(Job(pair))
    assert not waiting
    assert (found.status, found.code) == ("error", code)
    assert f"{side} cannot be compared" in found.messages
    assert [found.first_digest, found.second_digest].count(None) == 1
    assert {getattr(found, column) for column in COMPARED} == {None}


def test_too_little_memory_for_a_file_of_one_side_is_reported(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(png, "_passes", refuse)
    found = row_of(folders, PLAIN, None)
    assert (found.status, found.code) == ("missing", "only_first")
    assert "not enough memory" in found.messages
