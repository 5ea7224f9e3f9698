"""Hypothesis strategies that several test modules share: names of files, as file systems have them.

Each text is made from one number: to choose character by character takes Hypothesis many times as long.
"""

from collections.abc import Callable
from random import Random

from hypothesis import strategies as st

# Pieces that have gone wrong somewhere: formulas, quotes, escapes, what reads as "missing", what looks alike.
AWKWARD = (
    "=1+1", "'=1", "''@x", "-1", "+1", "@a", "\t", "\r", "\n", "\r\n", '"', '""', "'", ",", ";", " ",
    "NA", "nan", "None", "null", "true", "", "0", "1e5", "CON", "\\", "\\\\", "\\x41", "\\xff", "\\xFF",
    "\\ud800", "\\u3042", "\ufeff", "\u2028", "\x85", "\x1c", "が", "か\u3099", "🏳️‍🌈",
    "é", "e\u0301", "😀", "日本語 ページ", "%20", "#", "?", "&amp;", "<b>", "～", ".",
)  # fmt: skip

# The last characters of ranges that are ever larger: ASCII, letters of Europe, those of two bytes, all.
LAST = (0x7E, 0x250, 0xFFFF, 0x10FFFF)


def _unicode(random: Random) -> str:
    """Up to 60 characters; no file system takes a NUL or a slash inside a name."""
    codes = [random.randint(1, random.choice(LAST)) for _ in range(random.choice((0, 1, 2, 5, 20, 60)))]
    return "".join(chr(code) for code in codes if code != ord("/") and not 0xD800 <= code < 0xE000)


def _undecodable(random: Random) -> str:
    """What os.fsdecode puts for one byte that is no UTF-8, or for several that are the same."""
    return chr(random.randint(0xDC80, 0xDCFF)) * random.choice((1, 2, 60))


def _awkward(random: Random) -> str:
    return random.choice(AWKWARD)


def _joined(*kinds: Callable[[Random], str]) -> st.SearchStrategy[str]:
    """Texts of up to five pieces, and often of one, so that two of them are alike."""

    def made(seed: int) -> str:
        random = Random(seed)
        return "".join(random.choice(kinds)(random) for _ in range(random.choice((0, 1, 1, 1, 2, 2, 3, 5))))

    return st.integers(0, 2**32 - 1).map(made)


parts = _joined(_awkward, _awkward, _unicode, _undecodable)
"""Names and parts of names as Python has them: undecodable bytes are lone surrogates."""

texts = _joined(_awkward, _awkward, _unicode)
"""Texts that UTF-8 can hold."""


def _on_disk(part: str) -> bytes:
    """A name as Linux keeps it, short enough and not hidden."""
    raw = part.encode("utf-8", "surrogateescape").replace(b"/", b"_").replace(b"\0", b"_")[:240]
    return raw.lstrip(b".")


picture_names = st.tuples(parts.map(_on_disk), st.sampled_from([b".png", b".PNG", b".jpg", b".tiff"])).map(
    lambda pair: (pair[0] or b"a") + pair[1]
)
"""Names of picture files as Linux keeps them, any bytes among them."""
