"""What to compare: the pictures of two folders, paired by name."""

from typing import TYPE_CHECKING

from mymodules.faces import lazily

if TYPE_CHECKING:
    from mymodules.pairs.listing import LEFT_OUT, NAMED, Listing, find
    from mymodules.pairs.names import MESSAGE_LIMIT, from_text, is_escaped, is_listed, sentence, to_text
    from mymodules.pairs.pair import Pair, Pairs, Waiting
    from mymodules.pairs.selection import MATCHES, Selection, exactly, matches

__all__ = [
    "LEFT_OUT",
    "MATCHES",
    "MESSAGE_LIMIT",
    "NAMED",
    "Listing",
    "Pair",
    "Pairs",
    "Selection",
    "Waiting",
    "exactly",
    "find",
    "from_text",
    "is_escaped",
    "is_listed",
    "matches",
    "sentence",
    "to_text",
]

__getattr__ = lazily(
    __name__,
    {
        "listing": ("LEFT_OUT", "NAMED", "Listing", "find"),
        "names": ("MESSAGE_LIMIT", "from_text", "is_escaped", "is_listed", "sentence", "to_text"),
        "pair": ("Pair", "Pairs", "Waiting"),
        "selection": ("MATCHES", "Selection", "exactly", "matches"),
    },
)
