"""A diagnosis is a simple hypothesis that explains the whole difference; one that does not is not told."""

from __future__ import annotations

import numpy as np
import pytest

from harness.judge.compare import Comparison
from harness.judge.diagnose import diagnose
from harness.truth import Terms

TRUTH = np.array([[1.0, 2.0, -3.0], [4.0, -5.0, 6.0], [7.0, 8.0, -9.0]])


def compared(got: np.ndarray, truth: np.ndarray = TRUTH) -> Comparison:
    return Comparison(
        path="w",
        got=got,
        truth=truth,
        error=np.abs(got - truth),
        radius=np.zeros(truth.shape),
        terms=Terms(parts={"operations": np.full(truth.shape, 1e-15)}),
        judged=np.ones(truth.shape, bool),
    )


def changed(**entries: float) -> np.ndarray:
    got = TRUTH.copy()
    for place, value in entries.items():
        got[int(place[1]), int(place[2])] = value
    return got


HYPOTHESES = {
    "negated": -TRUTH,
    "negated at [0, 1]": changed(e01=-2.0),
    "scaled by 2": 2 * TRUTH,
    "scaled by 1/150": TRUTH / 150,
    "scaled by 2/3": TRUTH * 2 / 3,
    "scaled by 1 + 1e-06": TRUTH * (1 + 1e-6),
    "zero at [1, 2]": changed(e12=0.0),
    "zero at [0, 0], [0, 1], [0, 2]": np.where(np.arange(3)[:, None] == 0, 0.0, TRUTH),
    "zero up to rounding at every entry": 1e-16 * TRUTH,
    "entries [0, 1] and [2, 0] swapped": changed(e01=7.0, e20=2.0),
    "transposed": TRUTH.T,
    "precision leak: only float32-accurate": (TRUTH * (1 + 3e-8 * np.sin(TRUTH))),
}


@pytest.mark.parametrize("told", HYPOTHESES)
def test_what_explains_the_whole_difference_is_told(told: str) -> None:
    assert diagnose([compared(HYPOTHESES[told])], [150], "float64") == told


def test_what_explains_a_part_only_is_not_told() -> None:
    assert diagnose([compared(-TRUTH + changed(e00=1.5) - TRUTH)], [3], "float64") == ""
    assert diagnose([compared(changed(e01=-2.0, e02=17.0))], [3], "float64") == ""


def test_a_few_lost_digits_are_not_a_precision_leak() -> None:
    assert diagnose([compared(TRUTH + 4e-15 * np.sin(TRUTH))], [3], "float64") == ""


def test_leaves_that_are_wrong_in_different_ways_are_told_apart() -> None:
    other = compared(np.zeros((3, 3)))
    assert diagnose([compared(-TRUTH), other], [3], "float64") == "w: negated; w: zero at every entry"
    assert diagnose([compared(-TRUTH), compared(changed(e01=17.0))], [3], "float64") == ""


def test_nan_explains_nothing() -> None:
    assert diagnose([compared(np.full((3, 3), np.nan))], [3], "float64") == ""
