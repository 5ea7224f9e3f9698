"""What changes how a picture is shown but not its pixels, as texts that can be compared.

Two files get the same text exactly when the setting is the same, whatever their formats are.
"""

import hashlib
from fractions import Fraction

Number = int | Fraction

INCH = "inch"
METRE = "metre"


def profile(data: bytes) -> str:
    """An embedded ICC profile: ``ICC`` and the BLAKE2b-128 of its bytes."""
    return f"ICC {hashlib.blake2b(data, digest_size=16).hexdigest()}"


def density(x: Number, y: Number, unit: str | None) -> str | None:
    """Pixels per unit, or how wide a pixel is shown against its height.

    Parameters
    ----------
    x, y : int or Fraction
        Pixels per unit, across and down. One that is not positive says nothing.
    unit : str or None
        ``INCH``, ``METRE``, or None where only the ratio of the two is meant.

    Returns
    -------
    str or None
        ``72 x 72 per inch``, ``2835 x 2835 per metre``, ``2:1`` (two pixels across in the length of
        one down), or None: nothing said, or square pixels without a unit.
    """
    if x <= 0 or y <= 0:
        return None
    if unit:
        return f"{x} x {y} per {unit}"
    ratio = Fraction(x) / Fraction(y)
    return None if ratio == 1 else f"{ratio.numerator}:{ratio.denominator}"


def collect(
    *,
    orientation: int | None = None,
    profile: str | None = None,
    density: str | None = None,
    further: str | None = None,
) -> tuple[tuple[str, str], ...]:
    """`Header.metadata` of what was found, sorted by name; ``further`` is the digest of further pictures."""
    found = (
        ("colour profile", profile),
        ("density", density),
        ("further pictures", further),
        ("orientation", None if orientation is None else str(orientation)),
    )
    return tuple((name, text) for name, text in found if text is not None)
