"""How different two colours look, by the two formulae that picture comparers use, and whether that is enough.

Both are pixelmatch's, exact to the last pixel of its own test pictures: `yiq` as in its releases up to 7.2,
which most other tools follow, `oklab` as in its later source. Transparent colours are blended over its
checkerboard, whose squares depend on the place of the pixel in its picture.

References
----------
https://github.com/mapbox/pixelmatch (ISC). Y. Kotsarenko and F. Ramos, "Measuring perceived color difference
using YIQ NTSC transmission color space in mobile applications", 2010. B. Ottosson, "A perceptual color space
for image processing", 2020, https://bottosson.github.io/posts/oklab/.
"""

import functools
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mymodules import kinds
from mymodules.images import Rgba

ColourMetric = Literal["yiq", "oklab"]

LUMA = 0.29889531, 0.58662247, 0.11448223
"""Weights of red, green and blue in the brightness Y of YIQ."""

_I = 0.59597799, -0.27417610, -0.32180189
_Q = 0.21147017, -0.52261711, 0.31114694
_LARGEST_YIQ = 35215  # the distance of the two colours that differ most
_STEPS = 4096  # of the table of cube roots

_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LIGHTNESS = np.array([0.2104542553, 0.7936177850, -0.0040720468])
_A = np.array([1.9779984951, -2.4285922050, 0.4505937099])
_B = np.array([0.0259040371, 0.7827717662, -0.8086757660])
_K1, _K2 = 0.206, 0.03
_K3 = (1 + _K1) / (1 + _K2)


def similar(
    first: Rgba, second: Rgba, places: NDArray[np.int64], *, threshold: float, metric: ColourMetric
) -> NDArray[np.bool_]:
    """Return which pixels look alike: at most a threshold apart.

    Identity: True, but at threshold 0 of `oklab`, which finds no two colours alike. Symmetric.

    Parameters
    ----------
    first, second : uint8 (height, width, 4)
        RGBA, not premultiplied, pixel by pixel; a list of n pixels has the shape (n, 1, 4).
    places : int64 (height, width)
        The number of each pixel in its picture: y x width of the picture + x.
    threshold : float
        0..1. Of `yiq` the square root of the share of the largest possible distance.
    metric : str
        ``yiq`` or ``oklab``.

    Returns
    -------
    bool (height, width)

    Raises
    ------
    PictureError
        If one of the pictures is anything else.
    """
    kinds.check("first", first, kinds.RGBA)
    kinds.check("second", second, kinds.RGBA)
    ground = checkerboard(places)
    if metric == "yiq":
        channels = blended_difference(first, second, ground)
        distance = sum(
            share * weighted(channels, weights) ** 2
            for share, weights in ((0.5053, LUMA), (0.299, _I), (0.1957, _Q))
        )
        return np.asarray(distance <= _LARGEST_YIQ * threshold**2)
    opaque = ((first[..., 3] == 255) & (second[..., 3] == 255))[..., None]
    one, other = (_cones(np.where(opaque, side[..., :3], _blended(side, ground))) for side in (first, second))
    lightness = np.abs(_toed(one @ _LIGHTNESS) - _toed(other @ _LIGHTNESS))
    apart = one - other
    chroma = (apart @ _A) ** 2 + (apart @ _B) ** 2
    return np.asarray((lightness < threshold) & (chroma <= (threshold - lightness) ** 2))


def checkerboard(places: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the colours behind transparent pixels: red, green, blue of each place."""
    byte = 4.0 * places
    odd = [np.floor(byte / divisor) % 2 for divisor in (1.618033988749895, 2.618033988749895)]
    return np.stack([np.full(places.shape, 48.0), *(48 + 159 * each for each in odd)], axis=-1)


def blended_difference(
    first: Rgba, second: Rgba, ground: NDArray[np.float64]
) -> tuple[NDArray[np.float64], ...]:
    """Return red, green and blue of first less those of second, blended over a ground where transparent."""
    alphas = first[..., 3].astype(np.float64), second[..., 3].astype(np.float64)
    opaque = (alphas[0] == 255) & (alphas[1] == 255)
    found = []
    for channel in range(3):
        one, other = (side[..., channel].astype(np.float64) for side in (first, second))
        over = (one * alphas[0] - other * alphas[1] - ground[..., channel] * (alphas[0] - alphas[1])) / 255
        found.append(np.where(opaque, one - other, over))
    return tuple(found)


def weighted(
    channels: tuple[NDArray[np.float64], ...], weights: tuple[float, float, float]
) -> NDArray[np.float64]:
    """Return the weighted sum of three channels, added in this order, for the last bit."""
    red, green, blue = channels
    return np.asarray(red * weights[0] + green * weights[1] + blue * weights[2])


def _blended(side: Rgba, ground: NDArray[np.float64]) -> NDArray[np.float64]:
    alpha = side[..., 3:].astype(np.float64)
    return np.asarray((side[..., :3] * alpha + ground * (255 - alpha)) / 255)


@functools.cache
def _light() -> NDArray[np.float64]:
    """Return the light of each byte, linear, and that of the last one once more."""
    share = np.arange(256) / 255
    light = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return np.append(light, light[-1])


@functools.cache
def _roots() -> NDArray[np.float64]:
    return np.cbrt(np.arange(_STEPS + 2) / _STEPS)


def _between(table: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Read a table at places between its entries."""
    below = values.astype(np.int64)
    return np.asarray(table[below] + (values - below) * (table[below + 1] - table[below]))


def _cones(colours: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return l, m, s of colours 0..255. The roots come from a table because pixelmatch's do."""
    light = _between(_light(), np.asarray(colours, np.float64)) @ _TO_CONES.T
    return _between(_roots(), np.clip(light, 0, 1) * _STEPS)


def _toed(lightness: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return lightness as a reference white makes it look."""
    x = _K3 * lightness - _K1
    return np.asarray((x + np.sqrt(x * x + 4 * _K2 * _K3 * lightness)) / 2)
