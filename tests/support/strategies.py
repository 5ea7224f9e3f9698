"""Hypothesis strategies that several test modules share: names of files, as file systems have them."""

from hypothesis import strategies as st

SURROGATE_BYTES = st.integers(0x80, 0xFF).map(lambda byte: chr(0xDC00 + byte))
"""What os.fsdecode puts for one byte that is no UTF-8."""

# Pieces that have gone wrong somewhere: formulas, quotes, escapes, what reads as "missing", what looks alike.
AWKWARD = st.sampled_from(
    [
        "=1+1", "'=1", "''@x", "-1", "+1", "@a", "\t", "\r", "\n", "\r\n", '"', '""', "'", ",", ";", " ",
        "NA", "nan", "None", "null", "true", "", "0", "1e5", "CON", "\\", "\\\\", "\\x41", "\\xff", "\\xFF",
        "\\ud800", "\\u3042", "\ufeff", "\u2028", "\x85", "\x1c", "が", "か\u3099", "🏳️‍🌈",
        "é", "e\u0301", "😀", "日本語 ページ", "%20", "#", "?", "&amp;", "<b>", "～", ".",
    ]
)  # fmt: skip

# No file system takes a NUL or a slash inside a name.
UNICODE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/"), max_size=20)

parts = st.lists(AWKWARD | UNICODE | SURROGATE_BYTES | SURROGATE_BYTES.map(lambda c: c + c), max_size=5).map(
    "".join
)
"""Names and parts of names as Python has them: undecodable bytes are lone surrogates."""

texts = st.lists(AWKWARD | UNICODE, max_size=5).map("".join)
"""Texts that UTF-8 can hold."""


def _on_disk(part: str) -> bytes:
    """A name as Linux keeps it, short enough and not hidden."""
    raw = part.encode("utf-8", "surrogateescape").replace(b"/", b"_").replace(b"\0", b"_")[:240]
    return raw.lstrip(b".")


picture_names = st.tuples(parts.map(_on_disk), st.sampled_from([b".png", b".PNG", b".jpg", b".tiff"])).map(
    lambda pair: (pair[0] or b"a") + pair[1]
)
"""Names of picture files as Linux keeps them, any bytes among them."""
