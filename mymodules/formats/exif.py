"""The orientation in EXIF data, the only part of EXIF that matters here.

Reading is tolerant on purpose: cameras and editors write broken EXIF, and viewers then show the picture
as it is stored. So anything but a readable orientation of 2 to 8 means "none" and is never an error.
"""

import struct

_ORIENTATION = 0x0112
_SHORT = 3
_LONG = 4


def orientation(payload: bytes) -> int | None:
    """Return the orientation, if it changes how the picture is shown.

    Parameters
    ----------
    payload : bytes
        The TIFF structure, without the ``Exif\\0\\0`` that JPEG puts before it.

    Returns
    -------
    int or None
        2 to 8, or None if it is absent, unreadable, out of range or 1 (as stored).
    """
    if payload[:4] == b"II*\0":
        order = "<"
    elif payload[:4] == b"MM\0*":
        order = ">"
    else:
        return None
    try:
        (start,) = struct.unpack_from(order + "I", payload, 4)
        (count,) = struct.unpack_from(order + "H", payload, start)
        for position in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, values = struct.unpack_from(order + "HHI", payload, position)
            if tag == _ORIENTATION and values == 1 and kind in (_SHORT, _LONG):
                (value,) = struct.unpack_from(order + ("H" if kind == _SHORT else "I"), payload, position + 8)
                return value if 2 <= value <= 8 else None
    except struct.error:
        return None
    return None


def without_prefix(payload: bytes) -> bytes:
    """Return the TIFF structure of an EXIF block, which may or may not start with ``Exif\\0\\0``."""
    return payload[6:] if payload[:6] == b"Exif\0\0" else payload
