"""The exact bound of a rate, against scipy and against arithmetic."""

import pytest

from mymodules.calibration import trials_needed, upper_bound


@pytest.mark.parametrize("trials", [1, 2, 29, 60, 299, 2995])
def test_without_a_failure_it_is_the_rate_at_which_that_has_a_chance_of_1_in_20(trials: int) -> None:
    assert upper_bound(0, trials) == pytest.approx(1 - 0.05 ** (1 / trials), rel=1e-9)
    assert (1 - upper_bound(0, trials)) ** trials == pytest.approx(0.05)


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
@pytest.mark.parametrize(
    ("failures", "trials"), [(0, 30), (1, 2), (1, 30), (25, 30), (29, 30), (3, 2995), (600, 2000)]
)
def test_it_is_the_quantile_of_the_beta_distribution(failures: int, trials: int, confidence: float) -> None:
    from scipy import stats  # takes longer than all of these tests

    expected = stats.beta.ppf(confidence, failures + 1, trials - failures)
    assert upper_bound(failures, trials, confidence) == pytest.approx(expected, rel=1e-9)


def test_nothing_is_known_without_trials_or_if_all_fail() -> None:
    assert [upper_bound(0, 0), upper_bound(1, 1), upper_bound(30, 30)] == [1, 1, 1]


@pytest.mark.parametrize(("rate", "trials"), [(0.1, 29), (0.05, 59), (0.01, 299), (0.001, 2995)])
def test_so_many_trials_and_no_fewer_show_a_rate(rate: float, trials: int) -> None:
    assert trials_needed(rate) == trials
    assert upper_bound(0, trials) <= rate < upper_bound(0, trials - 1)
