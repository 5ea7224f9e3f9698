"""Names and messages as text that can be written everywhere.

`to_text` turns any file name into text, even one with bytes that are not UTF-8, and `from_text` turns it
back; `sentence` makes a message writable, without a way back.
"""

import os
import re
from typing import Final

from mymodules.paths import is_encodable
from mymodules.settings import SUFFIXES

MESSAGE_LIMIT: Final = 31_900
"""Characters of a message; Excel cuts cells at 32,767."""

_ESCAPE = re.compile(r"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4})")
_TOKEN = re.compile(r"\\(?:\\|x[0-9a-f]{2}|u[0-9a-f]{4})")
_TO_ESCAPE = re.compile("[\\\\\ud800-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LINE_BREAK = re.compile("\r\n|[\0\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")


def to_text(name: str) -> str:
    r"""Write a file name as text without surrogates; `from_text` is the exact inverse.

    Undecodable bytes become ``\xNN``, and the backslashes of such a name are doubled; so are those of a name
    that already looks escaped. All other names stay as they are. (A lone surrogate that does not stand for a
    byte, which Windows allows, becomes ``\uNNNN``.)
    """
    if name.isascii() and "\\" not in name:  # most names
        return name
    if _SURROGATE.search(name) is None and _ESCAPE.search(name) is None:
        return name
    return _TO_ESCAPE.sub(_escaped, name)


def from_text(text: str) -> str:
    """Return the file name that `to_text` wrote as this text."""
    return _TOKEN.sub(_unescaped, text) if is_escaped(text) else text


def is_escaped(text: str) -> bool:
    """Return whether `to_text` had to change the name that it wrote as this text."""
    return _ESCAPE.search(text) is not None


def sentence(text: str) -> str:
    """Return a message as the results hold it: one line, no double quotes, at most 31,900 characters.

    Double quotes become single ones, line breaks become spaces, and what UTF-8 cannot hold becomes an escape.
    """
    line = _LINE_BREAK.sub(" ", text).replace('"', "'")
    line = line.encode("utf-8", "backslashreplace").decode("utf-8")
    return line if len(line) <= MESSAGE_LIMIT else line[: MESSAGE_LIMIT - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if character == "\\":
        return "\\\\"
    if "\udc80" <= character <= "\udcff":  # os.fsdecode's stand-in for one byte
        return f"\\x{ord(character) - 0xDC00:02x}"
    return f"\\u{ord(character):04x}"


def _unescaped(match: re.Match[str]) -> str:
    token = match[0]
    if token == "\\\\":
        return "\\"
    number = int(token[2:], 16)
    return chr(number + 0xDC00 if token[1] == "x" else number)


def is_listed(name: str) -> bool:
    """Return whether `find` can have listed this name, a path below a folder with ``/``.

    Such a name stays inside the folder, ends like a picture's name, and no part of it begins with a dot.
    Check every name from a file that others may have written before opening or writing anything.
    """
    windows = os.name == "nt"
    parts = name.replace("\\", "/").split("/") if windows else name.split("/")
    inside = all(part and not part.startswith(".") for part in parts) and not os.path.isabs(name)
    # On Windows a colon leads to another drive or to an alternate stream of the file.
    possible = "\0" not in name and is_encodable(name) and not (windows and ":" in name)
    return inside and possible and is_picture(parts[-1])


def is_picture(name: str) -> bool:
    """Return whether a name ends like a picture's."""
    return name.endswith(SUFFIXES) or name.lower().endswith(SUFFIXES)
