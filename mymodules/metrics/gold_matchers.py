"""Skia Gold's inexact matchers: whether two whole pictures count as equal.

They judge pictures, not changes: what they let pass may hide a changed word. They exist for those who bring
their settings from Gold, and give what Gold's own tests expect.

References
----------
https://github.com/google/skia-buildbot, gold-client/go/imgmatching (BSD 3-clause).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mymodules import kinds
from mymodules import opencv as cv2
from mymodules.images import Rgba


class Match(NamedTuple):
    """What a matcher found.

    Attributes
    ----------
    matches : bool
    pixels : int
        Differing pixels that it counted.
    largest : int
        The largest difference of one pixel, in the unit of the threshold.
    """

    matches: bool
    pixels: int = 0
    largest: int = 0


def fuzzy(
    first: Rgba,
    second: Rgba,
    *,
    max_different_pixels: int = 0,
    pixel_delta_threshold: int = 0,
    pixel_per_channel_delta_threshold: int = 0,
    ignored_border: int = 0,
) -> Match:
    """Return whether few pixels differ, and each of them by little.

    Symmetric; pictures of two sizes never match.

    Parameters
    ----------
    first, second : uint8 (height, width, 4)
        RGBA, not premultiplied.
    max_different_pixels : int
        As many may differ.
    pixel_delta_threshold : int
        0..1020; each by as much, its four channels added.
    pixel_per_channel_delta_threshold : int
        0..255; if it is not 0, each by as much in any channel, instead of the sum.
    ignored_border : int
        px; as many rows and columns at each edge are not looked at.

    Raises
    ------
    PictureError
        If one of the pictures is anything else.
    """
    kinds.check("first", first, kinds.RGBA)
    kinds.check("second", second, kinds.RGBA)
    if first.shape != second.shape:
        return Match(False)
    height, width = first.shape[:2]
    inside = np.s_[ignored_border : height - ignored_border, ignored_border : width - ignored_border]
    if min(height, width) <= 2 * ignored_border:
        return Match(True)
    levels = cv2.absdiff(first[inside], second[inside])
    pixels = int(np.count_nonzero(levels.any(axis=2)))
    largest = int(
        levels.max() if pixel_per_channel_delta_threshold else levels.sum(axis=2, dtype=np.int32).max()
    )
    limit = pixel_per_channel_delta_threshold or pixel_delta_threshold
    return Match(pixels <= max_different_pixels and largest <= limit, pixels, largest)


def sobel(
    first: Rgba,
    second: Rgba,
    *,
    edge_threshold: int,
    max_different_pixels: int = 0,
    pixel_delta_threshold: int = 0,
    pixel_per_channel_delta_threshold: int = 0,
    ignored_border: int = 0,
) -> Match:
    """Return whether pictures match by `fuzzy` apart from first's edges.

    Parameters
    ----------
    first, second : uint8 (height, width, 4)
    edge_threshold : int
        0..255; what `edges` gives more to is not compared.
    max_different_pixels, pixel_delta_threshold, pixel_per_channel_delta_threshold, ignored_border : int
        As of `fuzzy`.

    Raises
    ------
    PictureError
        If one of the pictures is anything else.
    """
    kinds.check("first", first, kinds.RGBA)
    kinds.check("second", second, kinds.RGBA)
    if first.shape != second.shape:
        return Match(False)
    compared = second.copy()
    edge = edges(first) > edge_threshold
    compared[edge] = first[edge]
    return fuzzy(
        first,
        compared,
        max_different_pixels=max_different_pixels,
        pixel_delta_threshold=pixel_delta_threshold,
        pixel_per_channel_delta_threshold=pixel_per_channel_delta_threshold,
        ignored_border=ignored_border,
    )


def edges(rgba: Rgba) -> NDArray[np.uint8]:
    """Return how much of an edge each pixel is, by the Sobel operator: 0..255, 0 at the picture's border.

    Parameters
    ----------
    rgba : uint8 (height, width, 4)

    Returns
    -------
    uint8 (height, width)
        The length of the gradient, cut off to a whole number, at most 255.
    """
    kinds.check("rgba", rgba, kinds.RGBA)
    found = np.zeros(rgba.shape[:2], np.uint8)
    if min(found.shape) < 3:
        return found
    gray = _gray(rgba)
    across = gray[:-2] + 2 * gray[1:-1] + gray[2:]
    down = gray[:, :-2] + 2 * gray[:, 1:-1] + gray[:, 2:]
    x, y = across[:, 2:] - across[:, :-2], down[2:] - down[:-2]
    found[1:-1, 1:-1] = np.minimum(np.sqrt(x * x + y * y), 255)
    return found


def sample_area(first: Rgba, second: Rgba, *, width: int, max_different: int, delta: int) -> Match:
    """Return whether only few pixels differ in any square of the pictures.

    Symmetric; pictures of two sizes, and those smaller than the square, never match.

    Parameters
    ----------
    first, second : uint8 (height, width, 4)
    width : int
        px; of the square.
    max_different : int
        As many pixels of it may differ.
    delta : int
        0..255; a pixel differs if one of its channels does by more.

    Returns
    -------
    Match
        With the pixels of the fullest square.

    Raises
    ------
    PictureError
        If one of the pictures is anything else.
    """
    kinds.check("first", first, kinds.RGBA)
    kinds.check("second", second, kinds.RGBA)
    if first.shape != second.shape or width > min(first.shape[:2]):
        return Match(False)
    differs = (cv2.absdiff(first, second) > delta).any(axis=2)
    sums = np.zeros((differs.shape[0] + 1, differs.shape[1] + 1), np.int32)
    np.cumsum(differs, axis=0, out=sums[1:, 1:])
    np.cumsum(sums, axis=1, out=sums)
    squares = sums[width:, width:] - sums[:-width, width:] - sums[width:, :-width] + sums[:-width, :-width]
    fullest = int(squares.max())
    return Match(fullest <= max_different, fullest)


def _gray(rgba: Rgba) -> NDArray[np.int32]:
    """Return Go's gray: alpha is multiplied in, at 16 bits, and rounded at the end."""
    alpha = rgba[..., 3].astype(np.int64)
    red, green, blue = (rgba[..., channel].astype(np.int64) * 257 * alpha // 255 for channel in range(3))
    return np.asarray((19595 * red + 38470 * green + 7471 * blue + 32768) >> 24, np.int32)
