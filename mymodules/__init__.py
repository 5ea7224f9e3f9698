"""Compares the pictures of two folders: one row per picture, and a first look at what changed.

Importing the package imports none of its rooms, so that a worker process loads only what it needs. `compare`
and `Outcome` are imported when they are first used.
"""

from typing import TYPE_CHECKING

from mymodules.faces import lazily

if TYPE_CHECKING:
    from mymodules.outcome import Outcome, compare

__all__ = ["Outcome", "compare"]

__version__ = "0.1.0"

__getattr__ = lazily(__name__, {"outcome": ("Outcome", "compare")})
