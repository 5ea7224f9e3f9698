"""A metric of one's own: its name, its version, and what can be one."""

import functools
import sys
import threading
from typing import Any

import numpy as np
import pytest
from skimage import metrics as skimage_metrics  # loads SciPy only in the process that calls it

import mymodules
from mymodules.errors import SettingsError
from mymodules.metrics import DiffMetrics, Metric

FIRST = np.random.default_rng(4).integers(0, 256, (12, 17, 4), np.uint8)
SECOND = FIRST ^ np.uint8(1)


def mean(first: np.ndarray, second: np.ndarray) -> Any:
    return np.abs(first.astype(int) - second).mean()


def test_a_function_is_a_metric() -> None:
    metric = Metric.of(mean)
    assert metric.name == "mean"
    assert metric.value(FIRST, SECOND) == 1.0  # every value differs by 1
    assert type(metric.value(FIRST, SECOND)) is float
    assert Metric.of(metric) is metric
    assert Metric.of(mean, name="m", version=3).identity == ["m", "3"]
    assert Metric.of(lambda first, second: first.shape == second.shape, name="shape").value(FIRST, FIRST) == 1


def test_its_version_follows_from_what_it_does() -> None:
    def by(weight: int) -> Any:
        def weighed(first: np.ndarray, second: np.ndarray) -> Any:
            return weight * mean(first, second)

        return weighed

    one, same, other = (Metric.of(by(weight)) for weight in (1, 1, 2))
    assert one == same
    assert one.version != other.version
    assert (one.value(FIRST, SECOND), other.value(FIRST, SECOND)) == (1.0, 2.0)


def test_functions_of_libraries() -> None:
    found = Metric.of(skimage_metrics.normalized_root_mse).value(FIRST, SECOND)
    assert found == pytest.approx(skimage_metrics.normalized_root_mse(FIRST, SECOND), rel=1e-12)


@pytest.mark.parametrize(
    ("wrong", "name", "words"),
    [
        (3, None, "metric is 3: pass a function of two pictures"),
        (lambda first, second: 1, None, "cannot be called '<lambda>'"),
        (mean, "a b", "cannot be called 'a b'"),
        (mean, "1", "cannot be called '1'"),
        (mean, "é", "cannot be called 'é'"),
        (mean, "", "cannot be without a name: name it"),
        (functools.partial(mean), None, "cannot be without a name: name it"),
        (mean, "x" * 61, "cannot be called 'xxx"),
    ],
)
def test_what_is_no_metric(wrong: Any, name: str | None, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        Metric.of(wrong, name=name)


def test_a_text_is_not_a_figure() -> None:
    with pytest.raises(ValueError, match="it returned '3', which is not a figure"):
        Metric.of(lambda first, second: "3", name="text").value(FIRST, SECOND)


def test_what_cannot_be_sent() -> None:
    lock = threading.Lock()

    def locked(first: np.ndarray, second: np.ndarray) -> float:
        with lock:
            return 1.0

    with pytest.raises(SettingsError, match=r"cannot be sent to other processes .*make it a function"):
        Metric.of(locked)


def test_an_outcome_has_it() -> None:
    outcome = mymodules.compare(FIRST, SECOND, metric=mean)
    assert outcome.metric_mean == 1.0
    assert "metric_mean" in dir(outcome)
    assert "<th>metric_mean</th><td>1.0</td>" in outcome._repr_html_()
    assert outcome.diff_metrics.to_json()["diffs"]["mean"] == 1.0
    assert DiffMetrics.from_json(outcome.diff_metrics.to_json()) == outcome.diff_metrics
    assert mymodules.compare(FIRST, FIRST, metric=mean).metric_mean == 0.0
    with pytest.raises(AttributeError, match="metric_mean"):
        _ = mymodules.compare(FIRST, SECOND).metric_mean


def test_a_metric_does_not_end_the_program() -> None:
    def leaves(first: np.ndarray, second: np.ndarray) -> float:
        sys.exit(3)

    outcome = mymodules.compare(FIRST, SECOND, metric=leaves)
    assert outcome.metric_leaves is None
    assert "The metric leaves has no value: ValueError: it called sys.exit." in outcome.messages


def test_an_outcome_says_that_it_failed() -> None:
    def fails(first: np.ndarray, second: np.ndarray) -> float:
        raise RuntimeError("out of ideas")

    outcome = mymodules.compare(FIRST, SECOND, metric=fails)
    assert outcome.metric_fails is None
    assert "The metric fails has no value: RuntimeError: out of ideas." in outcome.messages
    assert outcome.num_diff_pixels == 12 * 17
    assert "fails" not in outcome.diff_metrics.to_json()["diffs"]
