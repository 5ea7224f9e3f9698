"""Settings that change how a picture is shown but not its pixels, as texts that can be compared.

Two files get the same text exactly when they have the same setting, whatever their formats.
"""

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction

    Number = int | Fraction

INCH = "inch"
METRE = "metre"


def profile(data: bytes) -> str:
    """Describe an embedded ICC profile: ``ICC`` and the BLAKE2b-128 of its bytes."""
    return f"ICC {hashlib.blake2b(data, digest_size=16).hexdigest()}"


def density(x: "Number", y: "Number", unit: str | None) -> str | None:
    """Describe the pixels per unit or, without a unit, the ratio of a pixel's height to its width.

    Parameters
    ----------
    x, y : int or Fraction
        Pixels per unit, across and down. If either is not positive, there is no density.
    unit : str or None
        ``INCH``, ``METRE``, or None if only the ratio of the two counts.

    Returns
    -------
    str or None
        ``72 x 72 per inch``, ``2835 x 2835 per metre``, ``2:1`` (two pixels across are as long as one
        down), or None if there is no density, or pixels are square and there is no unit.
    """
    if x <= 0 or y <= 0:
        return None
    if unit:
        return f"{x} x {y} per {unit}"
    from fractions import Fraction  # most pictures have a unit, or no density

    ratio = Fraction(x) / Fraction(y)
    return None if ratio == 1 else f"{ratio.numerator}:{ratio.denominator}"


def collect(
    *,
    orientation: int | None = None,
    profile: str | None = None,
    density: str | None = None,
    further: str | None = None,
) -> tuple[tuple[str, str], ...]:
    """Return `Header.metadata`, sorted by name; ``further`` is the digest of further pictures."""
    found = (
        ("colour profile", profile),
        ("density", density),
        ("further pictures", further),
        ("orientation", None if orientation is None else str(orientation)),
    )
    return tuple((name, text) for name, text in found if text is not None)
