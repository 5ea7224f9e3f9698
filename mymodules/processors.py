"""How many processors this process may use."""

import math
import os
from pathlib import Path

_LIMITS = Path("/sys/fs/cgroup")
"""Where Linux says how much time of processors a container gets."""


def count() -> int:
    """Return how many processors this process may use, at least 1.

    These are the ones that it may run on, or fewer if its container gets the time of fewer.
    """
    try:
        usable = len(os.sched_getaffinity(0))
    except AttributeError:  # only some systems can restrict a process
        usable = os.cpu_count() or 1
    share = _share()
    return usable if share >= usable else max(1, math.ceil(share))


def _share() -> float:
    """Return how many processors' time a container gets; infinity without a limit."""
    for version in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        try:
            quota, period = " ".join((_LIMITS / name).read_text() for name in version).split()
            if float(quota) > 0:  # it is -1, or the text "max", without a limit
                return float(quota) / float(period)
        except (OSError, ValueError, ZeroDivisionError):
            continue
    return math.inf
