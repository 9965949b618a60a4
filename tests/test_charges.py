"""The committed charges hold in the installed frameworks, and a function that is worse is found."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from harness.cli import charges as charged
from harness.cli.exits import Exit
from harness.cli.look import doctor
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


def test_a_share_is_of_the_charge_and_nan_is_beyond_it() -> None:
    (worst,) = measure(NumPy(), ops=["exp"], dtypes=["float64"], n=300)
    assert 0 < worst.share == worst.error / 4 <= 1
    assert replace(worst, error=4.1).share > 1
    assert replace(worst, error=float("nan")).share == np.inf


@pytest.mark.parametrize("spoil", [0.0, 1e-13])
def test_the_command_reports_an_excess_and_changes_nothing(
    spoil: float, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(charged, "ENGINES", {"torch": lambda: NumPy(spoil), "jax": lambda: NumPy(1e-9)})
    monkeypatch.setattr(charged, "measure", lambda engine: measure(engine, ops=["exp"], dtypes=["float64"], n=100))
    monkeypatch.setattr(charged, "available", lambda name: None)
    before = dict(charges.WORST)
    assert doctor(charges=True, backend=["torch"]) == Exit.FINE
    told = capsys.readouterr().out
    assert "jax" not in told
    assert ("finding: numpy exp in float64 errs by" in told) == (spoil > 0)
    assert f"{'1 excess' if spoil else '0 excesses'} over the charges" in told
    assert before == charges.WORST


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
