"""Remember pictures and comparisons by content."""

from typing import TYPE_CHECKING

from mymodules.faces import lazily

if TYPE_CHECKING:
    from mymodules.store.cache import BACKGROUND, IDLE, NOW
    from mymodules.store.copies import stored_path
    from mymodules.store.diffstore import FILE, DiffStore, Match
    from mymodules.store.memory import CacheCounts, cache_counts
    from mymodules.store.records import DigestFailure, diff_id, is_diff_id, is_digest, split_diff_id
    from mymodules.store.sharing import push, seed

__all__ = [
    "BACKGROUND",
    "FILE",
    "IDLE",
    "NOW",
    "CacheCounts",
    "DiffStore",
    "DigestFailure",
    "Match",
    "cache_counts",
    "diff_id",
    "is_diff_id",
    "is_digest",
    "push",
    "seed",
    "split_diff_id",
    "stored_path",
]

__getattr__ = lazily(
    __name__,
    {
        "cache": ("BACKGROUND", "IDLE", "NOW"),
        "copies": ("stored_path",),
        "diffstore": ("FILE", "DiffStore", "Match"),
        "memory": ("CacheCounts", "cache_counts"),
        "records": ("DigestFailure", "diff_id", "is_diff_id", "is_digest", "split_diff_id"),
        "sharing": ("push", "seed"),
    },
)
