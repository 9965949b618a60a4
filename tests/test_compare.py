"""One array against its truth: NaN is never within, and a truth that may be zero has no relative resolution."""

from __future__ import annotations

import numpy as np

from harness.judge.blind import could_not_tell
from harness.judge.compare import compare, ulps
from harness.measurement import Partial
from harness.truth import Enclosure, Terms


def enclosure(values: list[float], radius: list[float]) -> Enclosure:
    nearest = np.array(values)
    return Enclosure(parts=(nearest, np.zeros_like(nearest), np.zeros_like(nearest)), radius=np.array(radius))


def allowed(size: float, count: int) -> Terms:
    return Terms(parts={"operations": np.full(count, size)})


def test_within_is_decided_entry_by_entry_and_nan_is_never_within() -> None:
    truth = enclosure([1.0, 1.0, 1.0, 1.0], [0.0] * 4)
    got = Partial(values=np.array([1.0, 1.0 + 1e-9, np.nan, np.inf]), dtype="float64")
    found = compare("w", got, truth, allowed(1e-12, 4))
    assert found.within.tolist() == [True, False, False, False]
    assert found.wrong.tolist() == [False, True, True, True]
    assert found.worst() in [(2,), (3,)]


def test_a_tolerance_of_nan_lets_nothing_pass() -> None:
    found = compare("w", Partial(values=np.ones(1), dtype="float64"), enclosure([1.0], [0.0]), allowed(np.nan, 1))
    assert found.wrong.all()


def test_resolution_is_relative_only_where_the_truth_is_not_zero() -> None:
    truth = enclosure([2.0, 0.0, 1e-52], [1e-52, 0.0, 1e-51])
    found = compare("w", Partial(values=np.array([2.0, 0.0, 0.0]), dtype="float64"), truth, allowed(1e-12, 3))
    assert found.resolution.tolist() == [5e-13, np.inf, np.inf]


def test_a_truth_that_may_be_zero_is_no_gradient_to_be_blind_for() -> None:
    """The entropy's gradient at equal logits is 0, which a ball of 1e-122 does not show."""
    zeros = Partial(values=np.zeros(2), dtype="float64")
    assert not could_not_tell(compare("w", zeros, enclosure([1e-122, 0.0], [1e-121, 0.0]), allowed(1e-16, 2)))
    assert could_not_tell(compare("w", zeros, enclosure([1e-122, 0.0], [1e-130, 0.0]), allowed(1e-16, 2)))


def test_entries_that_were_not_evaluated_are_not_wrong() -> None:
    sampled = np.array([True, False])
    partial = Partial(values=np.array([1.0, np.nan]), dtype="float64", bar=np.full(2, 1e-9), sampled=sampled)
    found = compare("w", partial, enclosure([1.0, 5.0], [0.0, 0.0]), allowed(0.0, 2))
    assert not found.wrong.any()
    assert set(found.terms.parts) == {"error estimate", "truth radius"}


def test_an_error_in_units_of_the_last_place() -> None:
    assert ulps(np.array([2.0**-52]), np.array([1.0]), "float64").tolist() == [1.0]
    assert ulps(np.array([2.0**-23]), np.array([1.5]), "float32").tolist() == [1.0]
