"""What searches for renamed pictures found, by what was searched.

A key stands for the contents and names of all candidates, and for how they were searched; whoever asks makes
it. What does not match its check value counts as absent.
"""

import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from mymodules.store.database import Change, Database
from mymodules.store.layouts import seal

Found = tuple[str, str, float]
"""The old and the new name of a picture, and how clear it is."""

INTO_SEARCHES: Final = "INTO searches VALUES (?, ?, ?)"
NO_SEARCHES: Final[Change] = "DELETE FROM searches", [()]
"""Drops everything, because nobody knows which pictures it is about."""


class Searches:
    """Keep what was found in one file, that of `Records`; its methods raise `StoreError` as those."""

    def __init__(self, file: Database) -> None:
        self._file = file

    def known(self, keys: Iterable[str]) -> dict[str, list[Found]]:
        """Return what was found under these keys; the others were never searched."""
        found = {}
        for key in keys:
            for text, check in self._file.read("SELECT found, seal FROM searches WHERE key = ?", (key,)):
                if check == seal(key, text):
                    with contextlib.suppress(ValueError, TypeError):
                        found[key] = [
                            (str(old), str(new), float(score)) for old, new, score in json.loads(text)
                        ]
        return found

    def remember(self, found: Mapping[str, Sequence[Found]]) -> None:
        """Keep what was found, all in one step."""
        texts = ((key, json.dumps(each)) for key, each in found.items())
        rows = [(key, text, seal(key, text)) for key, text in texts]
        self._file.write((f"INSERT OR REPLACE {INTO_SEARCHES}", rows))
