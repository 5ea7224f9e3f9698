"""Where two pictures differ, as boxes.

`from_pixels` finds the boxes that results, drawings and viewer use: every differing pixel lies in exactly
one of them. They are the smallest closure under one rule (boxes that are near each other become one), so
they do not depend on the order of the work. A `Gatherer` gets the bands of a picture one after the other,
with the same result.

`from_similarity` is the older method, by a threshold on the SSIM map; it may leave differences out.
"""

import operator

import numpy as np
from numpy.typing import NDArray

from mymodules import kinds
from mymodules import opencv as cv2
from mymodules.regions.region import Region

GAP_X, GAP_Y = 16, 8
"""Boxes with at most this many px between them, in x and in y, become one; the kernel has the same gaps."""

MOST = 500
"""The largest number of boxes: if there are more, the gaps double until there are not."""

_CELL_HEIGHT = 4
_LEAST = float(np.finfo(np.float32).eps)  # share of the values on either side of a threshold

Boxes = NDArray[np.int64]
"""(n, 5): left, top, right, bottom, differing pixels; right and bottom exclusive."""


class Gatherer:
    """Collect differing pixels band by band: boxes around them, and how many each box holds."""

    def __init__(self) -> None:
        self._boxes: list[Boxes] = []
        self._apart = False

    def add(self, top: int, mask: NDArray[np.bool_]) -> None:
        """Add the differing pixels of some rows: bool (rows, width), the first one at ``top``."""
        kinds.check("mask", mask, kinds.MASK)
        boxes = _cells(mask)
        if len(boxes):
            self._add(boxes + np.array([0, top, 0, top, 0]))

    def add_boxes(self, boxes: Boxes, *, apart: bool = False) -> None:
        """Add boxes of differing pixels, each of which the rule would merge to one.

        `apart` is whether no two of them are near each other, as the rule has it: then nothing looks for such
        pairs, unless more is added.
        """
        if len(boxes):
            self._add(boxes, apart=apart)

    def add_outside(self, larger: tuple[int, int], common: tuple[int, int]) -> None:
        """Add the area that two pictures of different sizes do not share: (height, width) of both areas."""
        (height, width), (common_height, common_width) = larger, common
        for left, top, right, bottom in (
            (common_width, 0, width, height),
            (0, common_height, common_width, height),
        ):
            pixels = (right - left) * (bottom - top)
            if pixels:
                self._add(np.array([[left, top, right, bottom, pixels]], np.int64))

    def _add(self, boxes: Boxes, *, apart: bool = False) -> None:
        self._apart = apart and not self._boxes
        self._boxes.append(boxes)

    def regions(self) -> tuple[Region, ...]:
        """Return at most `MOST` boxes around everything that was added, sorted by y, then x."""
        return self.counted()[0]

    def counted(self) -> tuple[tuple[Region, ...], tuple[int, ...]]:
        """Return `regions`, and how many differing pixels lie in each of them, in the same order."""
        if not self._boxes:
            return (), ()
        boxes = self._boxes[0] if len(self._boxes) == 1 else np.concatenate(self._boxes)
        if not self._apart:
            boxes = _merge(boxes, GAP_X, GAP_Y)
        factor = 1
        while len(boxes) > MOST:
            factor *= 2
            boxes = _merge(boxes, GAP_X * factor, GAP_Y * factor)
        found = sorted(boxes.tolist(), key=operator.itemgetter(1, 0))
        regions = [Region(x, y, right - x, bottom - y) for x, y, right, bottom, _ in found]
        return tuple(regions), tuple([box[4] for box in found])


def from_pixels(mask: NDArray[np.bool_]) -> tuple[Region, ...]:
    """Return boxes around the differing pixels.

    Parameters
    ----------
    mask : bool (height, width)
        True where the pictures differ.

    Returns
    -------
    tuple of Region
        Every True pixel lies in exactly one box, no box is without one, boxes do not overlap and are
        tight. Boxes whose gap is at most 16 px in x and 8 px in y are merged until none are left;
        above 500 boxes both gaps double until at most 500 are left. Sorted by y, then x.
    """
    gatherer = Gatherer()
    gatherer.add(0, mask)
    return gatherer.regions()


def boxes_of(mask: NDArray[np.bool_]) -> Boxes:
    """Return the boxes of `from_pixels`, however many they are, with their pixels, in any order."""
    kinds.check("mask", mask, kinds.MASK)
    return _merge(_cells(mask), GAP_X, GAP_Y)


def byte_map(similarity_map: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return an SSIM map (height, width) as bytes: floor(255 clip(S, 0, 1) + 1e-9), 255 where equal."""
    kinds.check("similarity_map", similarity_map, kinds.SIMILARITY)
    values = np.clip(similarity_map, 0, 1)
    values *= 255
    values += 1e-9
    return values.astype(np.uint8)  # truncates


def threshold(
    similarity_bytes: NDArray[np.uint8], levels: NDArray[np.int64] | None = None
) -> NDArray[np.bool_]:
    """Return where a byte map is at or below its Otsu threshold: bool (height, width).

    If the pictures are equal, all values are False.

    Parameters
    ----------
    similarity_bytes : uint8 (height, width)
        As `byte_map` returns it.
    levels : int64 (256,), optional
        How often each value is in the map, if that is known.

    References
    ----------
    Otsu: A threshold selection method from gray-level histograms, 1979, doi:10.1109/TSMC.1979.4310076.
    """
    kinds.check("similarity_bytes", similarity_bytes, kinds.GRAY)
    if levels is None:
        levels = np.bincount(similarity_bytes.reshape(-1), minlength=256)
    if levels[255] == similarity_bytes.size:
        return np.zeros(similarity_bytes.shape, np.bool_)
    return np.asarray(similarity_bytes <= _otsu(levels.tolist()))


def _otsu(levels: list[int]) -> int:
    """Return the value that best parts the values up to it from those above: the variance between is largest.

    The order of the operations is OpenCV's, so that ties are decided as there.
    """
    scale = 1 / sum(levels)
    mean = sum(value * float(count) for value, count in enumerate(levels)) * scale
    best, largest, share, below = 0, 0.0, 0.0, 0.0
    for value, count in enumerate(levels):
        part = count * scale
        below *= share
        share += part
        rest = 1 - share
        if min(share, rest) < _LEAST or max(share, rest) > 1 - _LEAST:
            continue
        below = (below + value * part) / share
        above = (mean - share * below) / rest
        variance = share * rest * (below - above) * (below - above)
        if variance > largest:
            best, largest = value, variance
    return best


def from_similarity(similarity_map: NDArray[np.float64]) -> tuple[Region, ...]:
    """Return boxes around the outer contours of the thresholded SSIM map, sorted by y, then x.

    Parameters
    ----------
    similarity_map : float64 (height, width)
        As `metrics.structural_similarity` returns it.

    Notes
    -----
    Otsu's threshold and contours, as in pyimagesearch.com, "Image Difference with OpenCV and Python"
    (2017). Contours may lie inside one another's boxes, and pixels above the threshold are left out.
    """
    import imutils  # slow to import, and workers do not need it

    below = threshold(byte_map(similarity_map)).astype(np.uint8)
    contours = imutils.grab_contours(cv2.findContours(below, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE))
    boxes = [Region(*cv2.boundingRect(contour)) for contour in contours]
    return tuple(sorted(boxes, key=lambda box: (box.y, box.x, box.height, box.width)))


def _cells(mask: NDArray[np.bool_]) -> Boxes:
    """Return boxes around connected groups of small cells, which `_merge` would merge in any case.

    Two pixels of neighbouring cells of 8 x 4 px have at most 14 columns and 6 rows between them. The 8
    columns of a cell are read as one number.
    """
    assert GAP_X >= 2 * 8 - 2
    assert GAP_Y >= 2 * _CELL_HEIGHT - 2
    rows = np.flatnonzero(mask.any(axis=1))
    if not len(rows):
        return np.empty((0, 5), np.int64)
    offset, height = int(rows[0]), int(rows[-1] + 1 - rows[0])
    high, wide = -(-height // _CELL_HEIGHT), -(-mask.shape[1] // 8)
    padded = np.zeros((high * _CELL_HEIGHT, wide * 8), np.bool_)
    padded[:height, : mask.shape[1]] = mask[offset : offset + height]
    words = padded.view(np.uint64).reshape(high, _CELL_HEIGHT, wide)
    filled = np.bitwise_or.reduce(words, axis=1)
    y, x = np.nonzero(filled)
    columns = filled[y, x].view(np.bool_).reshape(-1, 8)
    lines = words[y, :, x] != 0
    count, found = cv2.connectedComponents((filled != 0).view(np.uint8), connectivity=8)
    left, top = x * 8, y * _CELL_HEIGHT + offset
    return _bounds(
        np.asarray(found, np.int64)[y, x] - 1,
        count - 1,
        left + columns.argmax(axis=1),
        top + lines.argmax(axis=1),
        left + 8 - columns[:, ::-1].argmax(axis=1),
        top + _CELL_HEIGHT - lines[:, ::-1].argmax(axis=1),
        _sum_of_bytes(np.add.reduce(words, axis=1)[y, x]).astype(np.int64),
    )


def _sum_of_bytes(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the sum of the eight bytes of each number, below 256: the highest byte of the product."""
    return words * np.uint64(0x0101010101010101) >> np.uint64(56)


def _merge(boxes: Boxes, gap_x: int, gap_y: int) -> Boxes:
    """Merge boxes that are near each other until none are."""
    while len(boxes) > 1:
        along = int(np.ptp(boxes[:, 1]) > np.ptp(boxes[:, 0]))  # 0: they are spread more across than down
        boxes = boxes[np.argsort(boxes[:, along], kind="stable")]
        one, other = _near_pairs(boxes, along, (gap_x, gap_y))
        if not len(one):
            break
        groups, count = _connected(len(boxes), one, other)
        boxes = _bounds(groups, count, *boxes.T)
    return boxes


def _near_pairs(
    boxes: Boxes, along: int, gaps: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pairs of boxes with small gaps; boxes are sorted by their left (along 0) or top (1) edge."""
    begin, end = boxes[:, along], boxes[:, along + 2]
    low, high = boxes[:, 1 - along], boxes[:, 3 - along]
    side_gap = gaps[1 - along]
    stop = np.searchsorted(begin, end + gaps[along], side="right")  # past the last box that begins near
    ones, others = [np.empty(0, np.int64)], [np.empty(0, np.int64)]

    def keep_near(one: NDArray[np.int64], other: NDArray[np.int64]) -> None:
        near = (low[other] - high[one] <= side_gap) & (low[one] - high[other] <= side_gap)
        if near.any():
            ones.append(one[near])
            others.append(other[near])

    # Compare all boxes with the next one, then with the one after, and so on, while that takes fewer steps
    # than going through the remaining boxes one by one.
    one = np.arange(len(boxes))
    step = 1
    while len(one := one[one + step < stop[one]]) > (stop[one] - one - step).max(initial=0):
        keep_near(one, one + step)
        step += 1
    for long in one.tolist():
        other = np.arange(long + step, stop[long])
        keep_near(np.full(len(other), long), other)
    return np.concatenate(ones), np.concatenate(others)


def _connected(count: int, one: NDArray[np.int64], other: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Return the group of each of ``count`` boxes, given pairs of near ones, and the number of groups."""
    group = np.arange(count)
    while True:
        low = np.minimum(group[one], group[other])
        lower = group.copy()
        np.minimum.at(lower, group[one], low)
        np.minimum.at(lower, group[other], low)
        lower = lower[lower]
        if np.array_equal(lower, group):
            names, numbers = np.unique(group, return_inverse=True)
            return numbers, len(names)
        group = lower


def _bounds(
    groups: NDArray[np.int64],
    count: int,
    left: NDArray[np.int64],
    top: NDArray[np.int64],
    right: NDArray[np.int64],
    bottom: NDArray[np.int64],
    pixels: NDArray[np.int64],
) -> Boxes:
    """Return a box around each group, with the pixels of all its members."""
    far = np.iinfo(np.int64).max
    boxes = np.full((count, 5), (far, far, 0, 0, 0), np.int64)
    np.minimum.at(boxes[:, 0], groups, left)
    np.minimum.at(boxes[:, 1], groups, top)
    np.maximum.at(boxes[:, 2], groups, right)
    np.maximum.at(boxes[:, 3], groups, bottom)
    boxes[:, 4] = np.bincount(groups, pixels, count)  # exact, as no picture has 2^53 pixels
    return boxes
