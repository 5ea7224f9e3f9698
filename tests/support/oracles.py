"""The package's figures computed the plain, slow way, and the vectors that these ways are held to.

Nothing here uses the package. numpy for the pixel figures and the delta picture, scikit-image for SSIM,
OpenCV and imutils for the contours, nested loops for the boxes.
"""

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import imutils
import numpy as np
from skimage import metrics as skimage_metrics

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
C1 = (0.01 * 255) ** 2

ORANGE = (
    (253, 208, 162, 255),
    (253, 174, 107, 255),
    (253, 141, 60, 255),
    (241, 105, 19, 255),
    (217, 72, 1, 255),
    (166, 54, 3, 255),
    (127, 39, 4, 255),
)
BLUE = (
    (198, 219, 239, 255),
    (158, 202, 225, 255),
    (107, 174, 214, 255),
    (66, 146, 198, 255),
    (33, 113, 181, 255),
    (8, 81, 156, 255),
    (8, 48, 107, 255),
)

Box = tuple[int, int, int, int]


@cache
def synthetic() -> dict[str, Any]:
    """Our own vectors: ``decode`` (34 kinds of PNG) and ``pairs`` (20)."""
    return json.loads((VECTORS / "synthetic.json").read_text(encoding="utf-8"))


def as_rgba(image: dict[str, Any], key: str = "rgba") -> np.ndarray:
    """The (height, width, 4) array of a picture in the vectors' JSON."""
    return np.array(image[key], np.uint8).reshape(image["height"], image["width"], 4)


# Pixel figures


def split(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    """The common area of both and the (height, width) of the result."""
    height, width = min(first.shape[0], second.shape[0]), min(first.shape[1], second.shape[1])
    result = max(first.shape[0], second.shape[0]), max(first.shape[1], second.shape[1])
    return first[:height, :width], second[:height, :width], result


def pixel_diff(first: np.ndarray, second: np.ndarray) -> dict[str, Any]:
    """Skia Gold's figures as `DiffMetrics.to_json` gives them."""
    a, b, (height, width) = split(first, second)
    deltas = abs(a.astype(np.int16) - b)
    outside = height * width - a.shape[0] * a.shape[1]
    differing = np.logical_or.reduce([deltas[..., channel] for channel in range(4)])  # the last axis is short
    count = int(differing.sum()) + outside
    total = np.float32(height * width)
    percent = float(np.float32(count) * np.float32(100) / total) if total else 0.0
    highest = [int(deltas[..., channel].max(initial=0)) for channel in range(4)]
    return {
        "numDiffPixels": count,
        "pixelDiffPercent": percent,
        "maxRGBADiffs": highest,
        "dimDiffer": first.shape != second.shape,
        "diffs": {
            "combined": combined(highest, percent),
            "percent": percent,
            "pixel": float(np.float32(count)),
        },
    }


def combined(highest: list[int], percent: float) -> float:
    spread = math.sqrt(sum(value**2 for value in highest) / 4)
    return float(np.float32(math.sqrt(percent * spread / 255)))


def gradient_index(difference: int) -> int:
    """Place in the gradient of a sum of differences of 1..1024."""
    return math.ceil(math.log(difference) / math.log(3) + 0.5) - 1


GRADIENT = np.array([-1, *map(gradient_index, range(1, 4 * 255 + 1))])
"""`gradient_index` of each sum; the first is for none."""


def delta(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Gold's diff image."""
    a, b, (height, width) = split(first, second)
    differences = abs(a.astype(np.int64) - b)
    out = np.empty((height, width, 4), np.uint8)
    out[:] = ORANGE[-1]
    inside = out[: a.shape[0], : a.shape[1]]
    inside[:] = 0
    in_alpha = differences[..., 3] > 0
    inside[in_alpha] = np.array(BLUE, np.uint8)[GRADIENT[differences[..., 3][in_alpha]]]
    in_colour = differences[..., :3].sum(axis=2) > 0
    inside[in_colour] = np.array(ORANGE, np.uint8)[GRADIENT[differences.sum(axis=2)[in_colour]]]
    return out


def gray(rgba: np.ndarray) -> np.ndarray:
    red, green, blue = (rgba[..., channel].astype(np.int32) for channel in range(3))
    return ((9798 * red + 19235 * green + 3735 * blue + 16384) >> 15).astype(np.uint8)


# SSIM


def window(height: int, width: int) -> int:
    """Side of the SSIM window for a picture of this size."""
    side = min(height, width)
    return 7 if side >= 7 else 5 if side >= 5 else 3 if side >= 3 else 1


def similarity_same_size(
    first: np.ndarray, second: np.ndarray, side: int | None = None
) -> tuple[float, np.ndarray]:
    side = side or window(*first.shape)
    if side > 1:
        mean, full = skimage_metrics.structural_similarity(first, second, win_size=side, full=True)
        return float(mean), full
    a, b = first.astype(np.float64), second.astype(np.float64)
    full = (2 * a * b + C1) / (a * a + b * b + C1)
    return float(full.mean()), full


def similarity(first: np.ndarray, second: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean SSIM and its map of two gray pictures of any sizes."""
    a, b, result = split(first, second)
    mean, inner = similarity_same_size(a, b)
    full = np.zeros(result)
    full[: a.shape[0], : a.shape[1]] = inner
    return mean * a.size / (result[0] * result[1]), full


def mean_similarity(first: np.ndarray, second: np.ndarray) -> float:
    """Mean SSIM of two RGBA pictures of any sizes, in strips: a page as a whole takes eight times as long.

    scikit-image's mean leaves out as many rows and columns on each side as a window reaches beyond its
    middle, so that strips that overlap by these add up to the whole. Windows that are equal are 1: a strip
    ends beside what differs in it.
    """
    a, b, (height, width) = split(first, second)
    side = window(*a.shape[:2])
    beyond, strip = side - 1, 32
    rows, columns = len(a) - beyond, a.shape[1] - beyond
    total = float(rows * columns)
    for top in range(0, rows, strip):
        one, other = (gray(picture[top : top + strip + beyond]) for picture in (a, b))
        differing = np.flatnonzero((one != other).any(axis=0))
        if differing.size:
            part = np.s_[:, max(0, differing[0] - beyond) : differing[-1] + side]
            score, _ = similarity_same_size(one[part], other[part], side=side)
            total -= (1 - score) * (len(one) - beyond) * (one[part].shape[1] - beyond)
    return total / (rows * columns) * (a.shape[0] * a.shape[1]) / (height * width)


def windows_equal(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Where the SSIM window around a pixel holds the same values in both (same size)."""
    side = window(*first.shape)
    differs = (first != second).astype(np.uint8)
    return cv2.dilate(differs, np.ones((side, side), np.uint8)) == 0


# Boxes


def near(a: Box, b: Box, gap_x: int, gap_y: int) -> bool:
    """Whether at most so many columns and rows lie between the boxes."""
    columns = max(a[0], b[0]) - min(a[0] + a[2], b[0] + b[2])
    rows = max(a[1], b[1]) - min(a[1] + a[3], b[1] + b[3])
    return columns <= gap_x and rows <= gap_y


def merged(boxes: list[Box], gap_x: int, gap_y: int) -> list[Box]:
    """Boxes joined, two by two, until none are `near`."""
    done: list[Box] = []  # left, top, right, bottom
    for x, y, width, height in boxes:
        left, top, right, bottom = x, y, x + width, y + height
        while found := next(
            (
                other
                for other in done
                if other[0] - gap_x <= right
                and left - gap_x <= other[2]
                and other[1] - gap_y <= bottom
                and top - gap_y <= other[3]
            ),
            None,
        ):
            done.remove(found)
            left, top = min(left, found[0]), min(top, found[1])
            right, bottom = max(right, found[2]), max(bottom, found[3])
        done.append((left, top, right, bottom))
    return [(left, top, right - left, bottom - top) for left, top, right, bottom in done]


def boxes(mask: np.ndarray, most: int = 500) -> list[Box]:
    """The boxes of a mask, from single pixels, sorted by (y, x)."""
    gap_x, gap_y = 16, 8
    found = merged([(int(x), int(y), 1, 1) for y, x in np.argwhere(mask)], gap_x, gap_y)
    while len(found) > most:
        gap_x, gap_y = 2 * gap_x, 2 * gap_y
        found = merged(found, gap_x, gap_y)
    return sorted(found, key=lambda box: (box[1], box[0]))


def byte_map(similarity_map: np.ndarray) -> np.ndarray:
    return np.floor(255 * np.clip(similarity_map, 0, 1) + 1e-9).astype(np.uint8)


def similarity_boxes(similarity_map: np.ndarray) -> list[Box]:
    """The textbook way: Otsu's threshold of the whole map, outer contours, their bounding boxes."""
    _, threshold = cv2.threshold(byte_map(similarity_map), 0, 255, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    contours = cv2.findContours(threshold.copy(), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    found = [tuple(cv2.boundingRect(contour)) for contour in imutils.grab_contours(contours)]
    return sorted(found, key=lambda box: (box[1], box[0], box[2], box[3]))
