"""Distances from an enclosure are upper bounds, sharp to its 150 bits, and never small for what is not a number."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from flint import arb

from harness.domains.ball import Ball, lifted
from harness.truth.enclose import digits_of, enclose
from harness.truth.enclosure import Enclosure, distilled, exact_zero, unknown

ROOT = 160


def root_of_two() -> Enclosure:
    ball = Ball(ROOT)
    with ball.context():
        return enclose(ball.function("sqrt", [lifted(np.array([2.0]))], {}))


def split(number: Fraction, parts: int) -> list[np.ndarray]:
    """Return a fraction as a sum of floats."""
    out = []
    for _ in range(parts):
        out.append(np.array([float(number)]))
        number -= Fraction(float(number))
    return out


def test_three_parts_hold_150_bits() -> None:
    exact = root_of_two()
    assert exact.nearest == np.sqrt(2.0)
    assert 0 < exact.radius <= 2.0**-150


@pytest.mark.parametrize("error", [0.0, 1e-3, 1e-17, 1e-30, 1e-40])
@pytest.mark.parametrize("tails", [0, 1, 2])
def test_a_distance_is_a_sharp_upper_bound(error: float, tails: int) -> None:
    exact = root_of_two()
    number = sum(Fraction(part.item()) for part in exact.parts) + Fraction(error)
    values, *tail = split(number, tails + 1)
    true = abs(sum(Fraction(x.item()) for x in (values, *tail)) - sum(Fraction(part.item()) for part in exact.parts))
    found = exact.distance(values, tuple(tail)).item()
    assert Fraction(found) >= true
    assert found <= float(true) * (1 + 1e-14) + 2 * exact.radius.item()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_a_number_is_infinitely_far(value: float) -> None:
    exact = root_of_two()
    assert exact.distance(np.array([value])) == [np.inf]
    assert exact.distance(np.array([1.4]), (np.array([value]),)) == [np.inf]
    assert unknown((1,)).distance(np.array([1.4])) == [np.inf]


def test_a_distance_counts_the_radius() -> None:
    exact = Enclosure(parts=(np.array([1.0]),), radius=np.array([0.25]))
    assert exact.distance(np.array([1.0])) >= 0.25
    assert exact.distance(np.array([2.0])) >= 1.25


def test_exact_numbers_have_no_radius() -> None:
    ball = Ball(50)
    with ball.context():
        exact = enclose(lifted(np.array([[0.0, 0.1], [-3.0, 2.0**-1074]])))
    assert (exact.radius == 0).all()
    assert (exact.distance(exact.nearest) == 0).all()
    assert (exact_zero((2,)).distance(np.zeros(2)) == 0).all()
    assert root_of_two().distance(np.sqrt([2.0])) > 0


def test_numbers_beyond_float64_are_not_finite() -> None:
    with Ball(50).context():
        huge = np.array([arb(10) ** 400], dtype=object)
        assert not enclose(huge).finite
        assert enclose(huge).distance(np.array([1e308])) == [np.inf]
        tiny = enclose(np.array([arb(10) ** -400], dtype=object))
    assert tiny.nearest == 0
    assert tiny.radius > 0


def test_distilled_terms_keep_their_sum() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        terms = [np.asarray(rng.standard_normal() * 10.0 ** rng.integers(-20, 20)) for _ in range(6)]
        terms += [-term for term in terms[:3]]
        after = distilled(list(terms))
        assert sum(Fraction(t.item()) for t in after) == sum(Fraction(t.item()) for t in terms)
        assert abs(after[-1]) >= sum(abs(t) for t in after[:-1])


def test_digits_are_the_certain_ones() -> None:
    with Ball(50).context():
        two = arb(2).sqrt()
        assert digits_of(two) == "1.41421356237309504880168872421"
        assert digits_of(arb(9)) == "9"
        assert digits_of(arb(0.5)) == "0.5"
        assert digits_of(arb(0)) == "0"
        assert digits_of(two * two - 2) == "0"
        assert digits_of(arb(10) ** -60) == "1e-60"
        assert digits_of(arb(10) ** 20) == "100000000000000000000"
    with Ball(10).context():
        assert len(digits_of(arb(2).sqrt())) < 16
