"""Points where kinks cancel: the gradient is one there, though every step on the way has several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import harness
from harness import Case, case, param, point
from harness.api import Agreement
from harness.run.execute import Order, execute
from harness.run.lab import Inline
from harness.run.plan import Selection
from harness.run.records import CellLine, Run

Function = Callable[..., Any]

CANCELLED: dict[str, tuple[Function, dict[str, float], tuple[float, ...]]] = {
    "relus": (lambda xp, w: xp.nn.relu(w) - xp.nn.relu(-w), {"w": 0.0}, (1.0,)),
    "extremes": (lambda xp, w: xp.maximum(w, 0.0) + xp.minimum(w, 0.0), {"w": 0.0}, (1.0,)),
    "two": (
        lambda xp, w, v: xp.maximum(w, v) + 3 * xp.minimum(w, v) - 2 * xp.minimum(v, w),
        {"w": 1.0, "v": 1.0},
        (1.0, 1.0),
    ),
    "scaled": (lambda xp, w: 3 * xp.abs(w) - 3 * xp.abs(-w) + 2 * w, {"w": 0.0}, (2.0,)),
}
SEVERAL: dict[str, tuple[Function, dict[str, float]]] = {
    "relu": (lambda xp, w: xp.nn.relu(w), {"w": 0.0}),
    "flat along the axes": (lambda xp, w, v: xp.abs(w + v) - xp.abs(w - v), {"w": 0.0, "v": 0.0}),
    "norm": (lambda xp, w, v: xp.abs(w) + xp.abs(v), {"w": 0.0, "v": 0.0}),
}


def judged(function: Function, backward: Function, **inputs: float) -> tuple[Agreement, CellLine]:
    found = harness.check(function, backward=backward, backends=("finite_difference",), **inputs)
    (cell,) = (cell for cell in found.cells if cell.backend == "numpy")
    return found, cell


@pytest.mark.parametrize("name", CANCELLED)
def test_the_one_gradient_passes_and_stands_as_the_truth(name: str) -> None:
    function, inputs, gradient = CANCELLED[name]
    found, cell = judged(function, lambda *_: gradient, **inputs)
    assert (cell.verdict, cell.cls) == ("AGREE", "pass"), cell.reason
    (group,) = found.run.groups
    assert group.single
    assert tuple(float(one.values[0]) for one in group.gradient.values()) == gradient
    assert "the kinks cancel" in str(found)
    assert {cell.cls for cell in found.cells} == {"pass"}


@pytest.mark.parametrize("name", CANCELLED)
@pytest.mark.parametrize("factor", [5.0, 1 + 1e-9, -1.0])
def test_another_gradient_there_does_not_pass(name: str, factor: float) -> None:
    function, inputs, gradient = CANCELLED[name]
    _, cell = judged(function, lambda *_: tuple(factor * partial for partial in gradient), **inputs)
    assert cell.cls != "pass", cell.reason
    if factor == 5.0:
        assert cell.verdict == "DISAGREE"


@pytest.mark.parametrize("name", SEVERAL)
def test_where_there_are_several_none_is_called_the_one(name: str) -> None:
    function, inputs = SEVERAL[name]
    found, cell = judged(function, lambda *given: tuple(0.0 for _ in given), **inputs)
    assert cell.verdict == "SUBGRADIENT"
    (group,) = found.run.groups
    assert not group.single
    assert "by a convention" in str(found)


def test_the_error_of_an_artefact_is_that_to_the_derivative() -> None:
    function, inputs, _ = CANCELLED["relus"]
    _, cell = judged(function, lambda w: 0.0, **inputs)
    assert cell.verdict == "KINK-ARTEFACT"
    assert float(cell.error) == pytest.approx(1.0)


def test_a_constant_gradient_is_not_stale_at_a_tie() -> None:
    @case(w=param(shape=2), points=[point("kink", w=[0, 2]), point("beside", w=[1, 2])])
    def identity(xp: Any, w: Any) -> Any:
        return xp.sum(xp.nn.relu(w) - xp.nn.relu(-w))

    @identity.backward
    def ones(w: Any) -> Any:
        return np.ones(2)

    assert {cell.verdict for cell in run_of(identity).cells} <= {"AGREE", "EXACT"}


def test_numbers_that_are_kept_beside_a_tie_are_stale_all_the_same() -> None:
    @case(w=param(), v=param(), points=[point("kink", w=0, v=3)])
    def cost(xp: Any, w: Any, v: Any) -> Any:
        return xp.nn.relu(w) + v**2

    @cost.backward
    def kept(w: Any, v: Any) -> Any:
        first.setdefault("v", 2 * float(v))
        return 0.0, first["v"]

    first: dict[str, float] = {}
    assert {cell.verdict for cell in run_of(cost).cells} == {"STALE"}


def run_of(found: Case) -> Run:
    return execute(Order(cases=(found,), selection=Selection(backends=("numpy",))), Inline())


def test_ties_are_called_by_what_was_called() -> None:
    def sharp(xp: Any, w: Any) -> Any:
        return xp.nn.relu(w) + xp.abs(w) + xp.max(xp.stack([w, -w])) + xp.sum(xp.sort(xp.stack([w, 2 * w]))[:1])

    found, cell = judged(sharp, lambda w: 0.0, w=0.0)
    assert "An exact tie at relu (" in found.run.groups[0].tie, cell.reason


def test_what_vanishes_in_the_definition_excuses_no_gradient_by_hand() -> None:
    def loss(xp: Any, z: Any) -> Any:
        return -xp.nn.log_softmax(z, axis=0)[0]

    found = harness.check(
        loss, backward=lambda z: np.array([np.nan, 1.0]), backends=("finite_difference",), z=[0.0, 2000.0]
    )
    (cell,) = (cell for cell in found.cells if cell.backend == "numpy")
    assert (cell.verdict, cell.cls) == ("NONFINITE", "fail"), cell.reason


def test_what_overflows_in_the_definition_excuses_it() -> None:
    found = harness.check(
        lambda xp, z: xp.log(xp.exp(z)), backward=lambda z: np.nan, backends=("finite_difference",), z=800.0
    )
    (cell,) = (cell for cell in found.cells if cell.backend == "numpy")
    assert (cell.verdict, cell.cls) == ("NONFINITE-RANGE", "inconclusive"), cell.reason
    assert "Out of range: the exact intermediate exp" in cell.reason


def test_no_tolerance_beyond_the_range_is_laid_to_the_range() -> None:
    def cost(xp: Any, w: Any) -> Any:
        return 2 * xp.linalg.vector_norm(w) + xp.sum(w)

    side = 2 / 2**0.5 + 1
    found = harness.check(
        cost, backward=lambda w: np.array([side, side, 1.0]), backends=("finite_difference",), w=[1e-200, 1e-200, 0.0]
    )
    (cell,) = (cell for cell in found.cells if cell.backend == "numpy")
    assert cell.verdict == "ILL-CONDITIONED", cell.reason
    assert "Out of range: the exact intermediate" in cell.reason
    assert "not differentiable" not in cell.reason
