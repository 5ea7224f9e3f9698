"""The textbook notebook that most people write first, to measure against.

The pipeline of "Image Difference with OpenCV and Python" (pyimagesearch.com, 2017), spread over a process
pool: both files are read with OpenCV and made gray, scikit-image gives SSIM and its map, Otsu's threshold and
contours give boxes, and four pictures are written. Where the sizes differ nothing is measured or drawn.

It keeps its faults: SSIM decides, alpha is ignored, and a file that only the second folder has is not
noticed. It uses nothing of this project.

    python benchmarks/textbook.py FIRST SECOND OUT
"""

import json
import multiprocessing as mp
import sys
from collections import Counter
from pathlib import Path

import cv2
import imutils
from skimage.metrics import structural_similarity

Row = tuple[float | None, str, str]

_folders: tuple[Path, Path, Path]


def prepare(first: Path, second: Path, out: Path) -> None:
    """Tell a worker where the pictures are and where drawings go."""
    global _folders
    _folders = first, second, out


def compare(name: str) -> Row:
    """Return SSIM, name and message of one pair, and write four pictures."""
    first, second, out = _folders
    if not (second / name).exists():
        return None, name, "It is not in the second folder."
    original, modified = cv2.imread(str(first / name)), cv2.imread(str(second / name))
    if original is None or modified is None:
        return None, name, "It cannot be read."
    if original.shape != modified.shape:
        return None, name, "There are differences: the sizes differ."
    gray = [cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) for picture in (original, modified)]
    score, similarity_map = structural_similarity(*gray, full=True)
    difference = (similarity_map * 255).astype("uint8")
    threshold = cv2.threshold(difference, 0, 255, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)[1]
    contours = cv2.findContours(threshold.copy(), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    for contour in imutils.grab_contours(contours):
        x, y, width, height = cv2.boundingRect(contour)
        for picture in (original, modified):
            cv2.rectangle(picture, (x, y), (x + width, y + height), (0, 0, 255), 2)
    stem = out / name
    stem.parent.mkdir(parents=True, exist_ok=True)
    drawings = {"1.orig": original, "2.new": modified, "3.diff": difference, "4.thresh": threshold}
    for ending, picture in drawings.items():
        cv2.imwrite(f"{stem}-{ending}.png", picture)
    return float(score), name, "" if score == 1 else "There are differences."


def run(first: Path, second: Path, out: Path) -> list[Row]:
    """Compare two folders with one process per core, and write the table."""
    names = sorted(path.relative_to(first).as_posix() for path in first.rglob("*") if path.is_file())
    with mp.Pool(mp.cpu_count(), prepare, (first, second, out)) as pool:
        rows = pool.map(compare, names)
    with (out / "results.csv").open("w", encoding="utf-8-sig") as file:
        file.writelines(f'{score},{name},"{message}"\n' for score, name, message in rows)
    return rows


if __name__ == "__main__":
    found = run(*map(Path, sys.argv[1:4]))
    print(json.dumps(Counter(message or "same" for _, _, message in found)))
