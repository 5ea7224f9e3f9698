"""Large pictures in a report: what is held of them at a time, and where their delta comes from."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.programs import finished, folders
from support.report_files import FILES, content, encoded, noise, picture, pixels_of, row

from mymodules import batch, report


def drawn_run(at: Path) -> batch.Run:
    made = folders(at)
    for name, sides in FILES.items():
        for folder, data in zip(made[:2], sides, strict=True):
            (folder / name).parent.mkdir(exist_ok=True)
            if data is not None:
                (folder / name).write_bytes(data)
    with ThreadPoolExecutor(1) as executor:
        return batch.run(*made, executor=executor, store=None)


def seen_in(page: Path) -> dict[str, Any]:
    """What the page has of each row, with the pixels of its delta instead of a name."""
    found = {}
    for each in content(page)["rows"]:
        delta = each["pictures"]["delta"]
        if "file" in delta:
            delta["pixels"] = pixels_of(picture(page, delta)).tobytes()
            del delta["file"]
        found[each["name"]] = each
    return found


def test_the_delta_is_that_of_the_run_where_it_is_whole(tmp_path: Path) -> None:
    """With and without the run's drawings the page shows the same; harmed ones are not believed."""
    run = drawn_run(tmp_path)
    frame = run.frame()
    page = report.write(frame, tmp_path / "drawn")
    expected = seen_in(page)
    drawing = run.pictures("a/changed.png")[-1]
    assert picture(page, row(page, "a/changed.png")["pictures"]["delta"]) == drawing.read_bytes()
    whole = drawing.read_bytes()
    other = run.pictures("photo.jpg")[-1].read_bytes()
    for harmed in (whole[:-40], other, b"", encoded(noise(4)), encoded(noise(3)), None):
        drawing.unlink()
        if harmed is not None:
            drawing.write_bytes(harmed)
        assert seen_in(report.write(frame, tmp_path / "harmed")) == expected
    drawing.write_bytes(whole)
    for path in (tmp_path / "out").rglob("*-5.delta.png"):
        path.unlink()
    assert seen_in(report.write(frame, tmp_path / "bare")) == expected
    name = "a/changed.png"
    (tmp_path / "second" / name).write_bytes(FILES[name][0] or b"")  # now it is equal, whatever was drawn
    later = report.write(frame, tmp_path / "later")
    found = row(later, name)
    assert "the figures and regions are those of the old file" in found["pictures"]["second"]["changed"]
    assert sum(box[4] for box in found["regions"]) == found["num_diff_pixels"] == 26
    assert not pixels_of(picture(later, found["pictures"]["delta"])).any()


# The peak of this program; that of `resource` begins with what the process had that started it.
MEASURED = r"""
import re, sys
from pathlib import Path
from mymodules import report, results

def peak():
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])

frame = results.load(Path(sys.argv[1]))
before = peak()
report.write(frame, sys.argv[2], embed=sys.argv[2].endswith(".html"))
print(peak() - before)
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> batch.Run:
    """Twelve pairs of 6 megapixels, 6 of which need both sides decoded for their delta."""
    made = folders(tmp_path_factory.mktemp("large"))
    samples = np.zeros((2000, 3000, 3), np.uint8)
    for number in range(12):
        ending, kind = (".png", "PNG") if number % 2 else (".jpg", "JPEG")
        samples[100:200, 100 + 9 * number : 200 + 9 * number] = 90
        (made.first / f"{number}{ending}").write_bytes(encoded(samples, kind))
        samples[300:400, :200] = number
        (made.second / f"{number}{ending}").write_bytes(encoded(samples, kind))
    with ThreadPoolExecutor(1) as executor:
        run = batch.run(*made, executor=executor, store=None)
    for path in run.pictures_dir.rglob("*.jpg-5.delta.png"):
        path.unlink()
    return run


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc/self/status")
@pytest.mark.parametrize("name", ["report", "report.html"])
def test_memory_does_not_grow_with_the_pairs(large: batch.Run, tmp_path: Path, name: str) -> None:
    """One such pair needs 2 x 18 MB for its samples and as much to decode.

    With the RGBA of both, 48 MB, and that of the delta, four threads would need more than 500 MB.
    """
    code, said, complained = finished(MEASURED, [large.csv_path, tmp_path / name])
    assert (code, complained) == (0, "")
    assert int(said) < 350 << 10  # KiB
