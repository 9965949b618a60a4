"""Rounding to the dtypes, against exact arithmetic and NumPy."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from harness.domains.precision import PRECISIONS, round_to

RNG = np.random.default_rng(1)
NUMBERS = np.concatenate(
    [
        RNG.standard_normal(4000) * np.exp(RNG.uniform(-95, 88, 4000)),
        RNG.standard_normal(2000) * np.exp(RNG.uniform(-20, 11, 2000)),
        [0.0, 1.0, 0.1, 1 + 2.0**-8, 1 + 3 * 2.0**-8, 1 + 2.0**-8 + 2.0**-40, 1 + 2.0**-11, 2.0**-24, 65504.0, 3.4e38],
    ]
)
SIGNIFICANT = {"float64": 53, "float32": 24, "bfloat16": 8, "float16": 11}
LEAST_EXPONENT = {"float64": -1021, "float32": -125, "bfloat16": -125, "float16": -13}


def rounded(x: float, dtype: str) -> float:
    """Return x rounded to nearest, ties to even, in exact arithmetic."""
    if x == 0:
        return x
    exponent = max(int(np.frexp(x)[1]), LEAST_EXPONENT[dtype]) - SIGNIFICANT[dtype]
    quantum = Fraction(2) ** exponent
    result = float(round(Fraction(x) / quantum) * quantum)
    return result if abs(result) <= PRECISIONS[dtype].greatest else float(np.copysign(np.inf, x))


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_rounding_is_to_the_nearest_number_of_the_dtype(dtype: str) -> None:
    expected = np.array([rounded(float(x), dtype) for x in NUMBERS])
    assert (round_to(NUMBERS, dtype) == expected).all()


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_rounding_twice_changes_nothing_and_special_numbers_stay(dtype: str) -> None:
    once = round_to(NUMBERS, dtype)
    assert (round_to(once, dtype) == once).all()
    special = round_to(np.array([np.inf, -np.inf, np.nan, -0.0]), dtype)
    assert special[:2].tolist() == [np.inf, -np.inf]
    assert np.isnan(special[2])
    assert np.signbit(special[3])


@pytest.mark.parametrize(("dtype", "bits"), SIGNIFICANT.items())
def test_the_unit_roundoff_is_half_a_step_above_one(dtype: str, bits: int) -> None:
    precision = PRECISIONS[dtype]
    assert precision.unit == 2.0**-bits
    assert round_to(np.array(1 + precision.unit), dtype) == 1
    assert round_to(np.array(1 + 3 * precision.unit), dtype) == 1 + 4 * precision.unit
    assert round_to(np.array(precision.greatest), dtype) == precision.greatest
    assert round_to(np.array(precision.least), dtype) == precision.least


def test_half_types_accumulate_in_float32() -> None:
    assert {name: p.accumulation for name, p in PRECISIONS.items()} == {
        "float64": 2.0**-53,
        "float32": 2.0**-24,
        "bfloat16": 2.0**-24,
        "float16": 2.0**-24,
    }
    assert PRECISIONS["float16"].least_sum == 0
    assert PRECISIONS["bfloat16"].least_sum == 2.0**-126
