"""The committed charges hold in the installed frameworks, and a function that is worse is found."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

import numpy as np
import pytest

from harness.domains import charges
from harness.domains.bound import FUNCTIONS
from harness.domains.measure_charges import BANDS, ENGINES, measure
from harness.domains.precision import Array


class NumPy:
    """An engine of NumPy functions, whose results can be spoilt."""

    name = "numpy"

    def __init__(self, spoil: float = 0.0) -> None:
        self.spoil = spoil
        self.functions = dict(FUNCTIONS)

    def apply(self, op: str, dtype: str, args: Sequence[Array], *literals: float) -> Array:
        narrow = [arg.astype(dtype) for arg in args]
        exact = np.power(*narrow, np.dtype(dtype).type(*literals)) if op == "pow" else FUNCTIONS[op](*narrow)
        return np.asarray(exact.astype(np.float64) * (1 + self.spoil))


@pytest.mark.parametrize("op", BANDS)
def test_numpy_is_inside_the_charges(op: str) -> None:
    assert [w.finding for w in measure(NumPy(), ops=[op], dtypes=["float64"], n=300) if w.finding] == []


@pytest.mark.parametrize("op", BANDS)
def test_a_function_that_is_worse_is_a_finding(op: str) -> None:
    (worst,) = measure(NumPy(1e-13), ops=[op], dtypes=["float64"], n=300)
    assert f"numpy {op} in float64 errs by" in worst.finding
    assert "u are charged" in worst.finding


def test_a_function_that_answers_nan_is_a_finding() -> None:
    (worst,) = measure(NumPy(np.nan), ops=["exp"], dtypes=["float64"], n=10)
    assert worst.finding


def test_the_known_findings_are_not_absorbed() -> None:
    assert {"log1p", "softplus", "erf"} <= set(charges.FINDINGS)
    assert max(charges.WORST["log1p"]) < 10


@pytest.mark.parametrize("name", ENGINES)
def test_an_installed_framework_is_inside_the_charges(name: str) -> None:
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    engine = ENGINES[name]()
    found = list(measure(engine, dtypes=["float64", "float32"], n=400))
    assert len(found) >= 2 * (len(BANDS) - 1)
    assert [worst.finding for worst in found if worst.finding] == []
