"""What the drawings of a comparison show; `drawing_files` says where they are.

Nothing here reads a picture or decides what has changed.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mymodules import images, kinds, metrics, regions
from mymodules import opencv as cv2
from mymodules.comparison.drawing_files import ENDINGS, remove
from mymodules.formats import png
from mymodules.images import Rgba, bands
from mymodules.images.bands import Band, Scanlines
from mymodules.regions import Region

Canvas = Scanlines | NDArray[np.uint8]
"""A picture that drawing changes: scan lines that `bands.hold_pixels`, or RGB or RGBA, (height, width, 3 or
4)."""

BOX_COLOUR = np.array((229, 57, 53, 255), np.uint8)
_BOX_LINE = 2  # px

_ORANGE = "fdd0a2 fdae6b fd8d3c f16913 d94801 a63603 7f2704"
_BLUE = "c6dbef 9ecae1 6baed6 4292c6 2171b5 08519c 08306b"
_DELTA_COLOURS = np.zeros((15, 4), np.uint8)  # 0 equal, 1..7 orange, 8..14 blue
_DELTA_COLOURS[1:, :3] = [tuple(bytes.fromhex(colour)) for colour in f"{_ORANGE} {_BLUE}".split()]
_DELTA_COLOURS[1:, 3] = 255
# Sums of differences at which the next shade begins: n, 1..1024, has the shade ceil(ln n / ln 3 + 0.5) - 1.
_SHADE = np.searchsorted([2, 6, 16, 47, 141, 421], np.arange(1025), side="right").astype(np.uint8) + 1
_SHADE[0] = 0


def delta(first_rgba: Rgba, second_rgba: Rgba) -> Rgba:
    """Return Skia Gold's difference picture. Symmetric.

    Parameters
    ----------
    first_rgba, second_rgba : uint8 (height, width, 4)
        Not premultiplied; sizes may differ.

    Returns
    -------
    uint8 (larger height, larger width, 4)
        0,0,0,0 where equal; a shade of orange where red, green or blue differ, by the sum of all four
        differences; a shade of blue where only alpha differs; the darkest orange outside the common area.
        Source: the Skia buildbot repository, golden/go/diff.
    """
    kinds.check("first_rgba", first_rgba, kinds.RGBA)
    kinds.check("second_rgba", second_rgba, kinds.RGBA)
    return _DELTA_COLOURS[delta_shades(first_rgba, second_rgba)]


def delta_shades(first: png.Samples, second: png.Samples) -> NDArray[np.uint8]:
    """Return the shades of `delta`, uint8 (height, width): 0 equal, 1 to 7 orange, 8 to 14 blue.

    The pictures may be RGBA, or decoded samples of any kind, which are converted band by band.
    """
    kinds.check("first", first, kinds.SAMPLES)
    kinds.check("second", second, kinds.SAMPLES)
    larger, (height, width) = metrics.common_size(first.shape, second.shape)
    shades = np.full(larger, 7, np.uint8)
    shades[:height, :width] = 0
    for band in bands.of_samples(first, second):
        own = band.own
        shades[band.top : band.top + own.stop - own.start, :width] = _shades(
            band.first[own], band.second[own]
        )
    return shades


def delta_pieces(shades: NDArray[np.uint8]) -> Iterator[bytes]:
    """Yield the PNG file of a delta, given its `delta_shades`."""
    height, width = shades.shape
    return _indexed(png.unfiltered(_nibbles(shades)), (width, height))


def _indexed(stored: Iterable[NDArray[np.uint8]], size: tuple[int, int]) -> Iterator[bytes]:
    """Yield the PNG file of stored rows of shades, two to a byte; size is (width, height)."""
    palette, alpha = _DELTA_COLOURS[:, :3].tobytes(), _DELTA_COLOURS[:, 3].tobytes()
    kind = {"depth": 4, "colour_type": 3}
    return png.pieces(stored, size, **kind, palette=palette, transparency=alpha)


def _rows(height: int, size: int, value: int) -> NDArray[np.uint8]:
    """Return stored rows of so many bytes after the filter None, all of one value."""
    stored = np.full((height, 1 + size), value, np.uint8)
    stored[:, 0] = 0
    return stored


def _shades(first_rgba: Rgba, second_rgba: Rgba) -> NDArray[np.uint8]:
    """Return `delta_shades` of two pictures of one size."""
    red, green, blue, alpha = cv2.split(cv2.absdiff(first_rgba, second_rgba))
    colour = red.astype(np.uint16) + green + blue
    shades: NDArray[np.uint8] = _SHADE[colour + alpha]
    shades[(colour == 0) & (alpha > 0)] += 7
    return shades


class Drawing:
    """Drawings of one pair: add its bands, then write them. Sizes are (height, width)."""

    def __init__(self, first_size: tuple[int, int], second_size: tuple[int, int]) -> None:
        larger, (height, width) = metrics.common_size(first_size, second_size)
        self._size, self._common = larger, (height, width)
        self._map = _rows(larger[0], larger[1], 255)
        self._similarity = self._map[:, 1:]
        self._similarity[height:] = self._similarity[:, width:] = 0
        self._levels = np.zeros(256, np.int64)  # how often each value is in the map, as far as it was added
        self._coloured = _rows(larger[0], -(-larger[1] // 2), 0x77)
        self._shades = self._coloured[:, 1:]  # two to a byte
        self._shades[:height] = self._padded(np.zeros((1, width), np.uint8))

    @property
    def arrays(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The SSIM map and the shades, two to a byte, of equal pictures: to be filled in by the kernel.

        The kernel also says how often it has written each value, for `add_levels`.
        """
        return self._similarity, self._shades

    def add_levels(self, levels: NDArray[np.int64]) -> None:
        """Add how often each value, int64 (256,), was written to the SSIM map."""
        self._levels += levels

    def add(self, band: Band, patches: Iterable[tuple[int, int, NDArray[np.float64]]]) -> None:
        """Add a band, and the patches where SSIM is not 1, from `metrics.Similarity.add`."""
        found = _shades(band.first[band.own], band.second[band.own])
        self._shades[band.top : band.top + len(found)] = self._padded(found)
        for top, left, dissimilarity in patches:
            place = np.s_[top : top + dissimilarity.shape[0], left : left + dissimilarity.shape[1]]
            self._similarity[place] = regions.byte_map(1 - dissimilarity)
            self.add_levels(np.bincount(self._similarity[place].reshape(-1), minlength=256))

    def _padded(self, shades: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return shades of the common area as whole rows of the drawing, two to a byte."""
        beyond = self._size[1] - self._common[1]
        if beyond:
            shades = np.pad(shades, ((0, 0), (0, beyond)), constant_values=7)
        return _nibbles(shades)

    def _changed(self) -> NDArray[np.bool_]:
        """Return where the SSIM map is at or below its threshold."""
        (height, width), (common_height, common_width) = self._size, self._common
        common = common_height * common_width
        levels = self._levels.copy()
        levels[0] += height * width - common
        levels[255] += common - self._levels.sum()
        return regions.threshold(self._similarity, levels)

    def write(
        self,
        folder: Path,
        drawing_path: str,
        first: Callable[[], Canvas],
        second: Callable[[], Canvas],
        boxes: Iterable[Region],
    ) -> None:
        """Write all five files, one after the other.

        Parameters
        ----------
        folder : Path
            The run's pictures folder.
        drawing_path : str
            From `paths`; folders in it are created.
        first, second : callable
            Return the pictures; the boxes are drawn into them. `second` is called only after the first
            picture was written and its memory is free.
        boxes : iterable of Region
            Drawn on both pictures, just outside of the region.

        Raises
        ------
        OSError
            If a file cannot be written. After this or any other error, all drawings of the pair are removed.
        """
        boxes = list(boxes)
        height, width = self._size
        size = width, height
        remove(folder, drawing_path)  # an older one may be a link to the drawing of another run
        (folder / drawing_path).parent.mkdir(parents=True, exist_ok=True)
        files = [folder / (drawing_path + ending) for ending in ENDINGS]
        try:
            _write(files[0], _outlined(first(), boxes))
            _write(files[1], _outlined(second(), boxes))
            _write(files[2], png.pieces((self._map,), size, depth=8, colour_type=0))
            changed = png.unfiltered(np.packbits(self._changed(), axis=1))
            _write(files[3], png.pieces(changed, size, depth=1, colour_type=0))
            _write(files[4], _indexed((self._coloured,), size))
        except BaseException:
            remove(folder, drawing_path)
            raise


def canvas(picture: Scanlines | png.Samples) -> Canvas:
    """Return a picture to draw on: the same object if it holds RGB or RGBA bytes."""
    if isinstance(picture, Scanlines):
        if bands.hold_pixels(picture.header):
            return picture
        size = picture.header.height, picture.header.width
        parts = bands.samples(picture)
    elif picture.dtype == np.uint8 and picture.shape[2] in (3, 4):
        return np.require(picture, np.uint8, ["W"])
    else:
        size = picture.shape[0], picture.shape[1]
        parts = (picture[top : top + 128] for top in range(0, size[0], 128))
    rgba = np.empty((*size, 4), np.uint8)
    top = 0
    for part in parts:  # in parts, because 16-bit samples need several times the memory
        rgba[top : top + len(part)] = images.to_rgba(part)
        top += len(part)
    return rgba


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    with path.open("xb") as file:  # fails if the file exists, because it may be a link
        file.writelines(pieces)


def _outlined(canvas: Canvas, boxes: list[Region]) -> Iterator[bytes]:
    """Yield the PNG file of a picture with boxes around the regions.

    Only the scan lines that boxes touch are unfiltered, and the line below, whose filter may refer to them.
    """
    if isinstance(canvas, Scanlines):
        height, width = canvas.header.height, canvas.header.width
        touched = np.zeros(height, np.bool_)
        for _, y, _, tall in boxes:
            touched[max(0, y - _BOX_LINE) : y + tall + _BOX_LINE] = True
        touched[1:] |= touched[:-1]
        bands.unfilter_in_place(canvas, touched)
        pixels = canvas.stored[:, 1:].reshape(height, width, -1)
        stored: Iterable[png.Bytes] = (canvas.stored,)
    else:
        height, width = canvas.shape[:2]
        pixels = canvas
        stored = png.unfiltered(canvas)
    channels = pixels.shape[2]
    colour = BOX_COLOUR[:channels]
    for x, y, wide, tall in boxes:
        for line in range(1, _BOX_LINE + 1):
            outline(pixels, x - line, y - line, x + wide - 1 + line, y + tall - 1 + line, colour)
    return png.pieces(stored, (width, height), depth=8, colour_type=2 if channels == 3 else 6)


def outline(
    pixels: png.Samples, left: int, top: int, right: int, bottom: int, colour: NDArray[np.uint8]
) -> None:
    """Draw a line of 1 px through these columns and rows, as far as the picture reaches."""
    height, width = pixels.shape[:2]
    across, down = slice(max(left, 0), right + 1), slice(max(top, 0), bottom + 1)
    for row in (top, bottom):
        if 0 <= row < height:
            pixels[row, across] = colour
    for column in (left, right):
        if 0 <= column < width:
            pixels[down, column] = colour


def _nibbles(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pack values below 16, two to a byte."""
    if values.shape[1] % 2:
        values = np.pad(values, ((0, 0), (0, 1)))
    pairs = np.ascontiguousarray(values).view("<u2")
    return (pairs << 4 | pairs >> 8).astype(np.uint8)
