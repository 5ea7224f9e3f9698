"""What to compare: the pictures of two folders, paired by name."""

from mymodules.pairs.listing import Listing, Pair, find
from mymodules.pairs.names import MESSAGE_LIMIT, from_text, is_escaped, is_listed, sentence, to_text

__all__ = [
    "MESSAGE_LIMIT",
    "Listing",
    "Pair",
    "find",
    "from_text",
    "is_escaped",
    "is_listed",
    "sentence",
    "to_text",
]
