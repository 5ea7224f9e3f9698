"""How often something can fail at most, after some trials: the exact bound, without an approximation."""

import math

CONFIDENCE = 0.95
"""How sure a bound is: it is too low in at most 5 of 100 calibrations."""

_STEPS = 60  # halvings, after which doubles do not get any nearer


def upper_bound(failures: int, trials: int, confidence: float = CONFIDENCE) -> float:
    """Return the upper Clopper-Pearson bound of a rate, 0..1.

    Parameters
    ----------
    failures, trials : int
        How many of how many independent trials failed; without a trial nothing is known, and it is 1.
    confidence : float
        Of the one-sided bound, 0..1.

    Notes
    -----
    The rate at which so few failures, or fewer, have a probability of 1 - confidence. For no failure that is
    1 - (1 - confidence)^(1/trials).

    References
    ----------
    Clopper and Pearson: The use of confidence or fiducial limits illustrated in the case of the binomial,
    1934, doi:10.1093/biomet/26.4.404.
    """
    if failures >= trials:
        return 1.0
    rest = 1 - confidence
    if not failures:
        return -math.expm1(math.log(rest) / trials)
    low, high = failures / trials, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(failures, trials, middle) > rest else (low, middle)
    return high


def trials_needed(rate: float, confidence: float = CONFIDENCE) -> int:
    """Return after how many trials without a failure `upper_bound` is at most this rate."""
    return math.ceil(math.log(1 - confidence) / math.log1p(-rate))


def _at_most(failures: int, trials: int, rate: float) -> float:
    """Return the probability of at most so many failures; the rate is between 0 and 1."""
    fails, passes = math.log(rate), math.log1p(-rate)
    return math.fsum(
        math.exp(
            math.lgamma(trials + 1)
            - math.lgamma(count + 1)
            - math.lgamma(trials - count + 1)
            + count * fails
            + (trials - count) * passes
        )
        for count in range(failures + 1)
    )
