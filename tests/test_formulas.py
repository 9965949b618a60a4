"""A formula of a user's own may round a little otherwise than the definition; a wrong one fails all the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import harness
from harness.run.records import CellLine

Function = Callable[..., Any]
W = [0.3, 1.1, -0.7]


def leaky(slope: float) -> Function:
    return lambda xp, w: xp.sum(xp.where(w > 0, w, slope * w))


RIGHT: dict[str, tuple[Function, Function]] = {
    "slope": (leaky(0.1), lambda w: 0.55 + 0.45 * np.sign(w)),
    "cancelling": (leaky(0.01), lambda w: 0.505 + 0.495 * np.sign(w)),
    "sign": (lambda xp, w: 1.75 * xp.sum(xp.abs(w)), lambda w: 1.75 * w / np.sqrt(w * w)),
    "constant": (lambda xp, w: xp.sum(0.3 * w), lambda w: np.full_like(w, 0.1 * 3)),
}
WRONG: dict[str, tuple[Function, Function]] = {
    "slope": (leaky(0.1), lambda w: 0.56 + 0.44 * np.sign(w)),
    "a little": (leaky(0.1), lambda w: (0.55 + 0.45 * np.sign(w)) * (1 + 1e-14)),
    "one of them": (lambda xp, w: xp.sum(0.3 * w), lambda w: np.array([0.3, 0.3, 0.3 + 1e-15])),
    "small beside large": (lambda xp, w: xp.sum(w * w), lambda w: 2 * w + np.array([0, 0, 5e-15])),
}


def by_hand(definition: Function, backward: Function) -> CellLine:
    found = harness.check(definition, backward=backward, w=W)
    (cell,) = (cell for cell in found.cells if cell.backend == "numpy")
    return cell


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_formula_of_ones_own_passes_and_says_what_it_was_held_to(name: str) -> None:
    cell = by_hand(*RIGHT[name])
    assert (cell.verdict, cell.cls) == ("AGREE", "pass"), cell.reason
    assert "inside that of a formula of one's own" in cell.reason
    assert cell.worst is not None
    assert cell.terms.keys() >= {"spelling", "operations", "result"}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_formula_of_ones_own_fails(name: str) -> None:
    cell = by_hand(*WRONG[name])
    assert (cell.verdict, cell.cls) == ("DISAGREE", "fail"), cell.reason
    assert "spelling" not in cell.terms


def test_what_rounds_as_the_definition_does_is_held_to_that_alone() -> None:
    cell = by_hand(lambda xp, w: xp.sum(w * w), lambda w: 2 * w)
    assert cell.verdict == "EXACT"
    assert "spelling" not in cell.terms
    product = by_hand(lambda xp, w: xp.sum(xp.sin(w) ** 2), lambda w: 2 * np.sin(w) * np.cos(w))
    assert (product.cls, "spelling" in product.terms) == ("pass", False)


def test_proof_is_claimed_only_where_no_formula_could_round_so() -> None:
    close = by_hand(lambda xp, w: xp.sum(xp.exp(w)), lambda w: np.exp(w) * (1 + 1e-14))
    assert "proves it" not in close.reason
    assert "a formula of one's own would that loses digits" in close.reason
    far = by_hand(lambda xp, w: xp.sum(xp.exp(w)), lambda w: np.exp(w) * (1 + 1e-7))
    assert "The worst-case bound proves it" in far.reason


@pytest.mark.needs("torch")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_port_is_held_to_its_own_formula_and_the_definition_to_its_steps(dtype: str) -> None:
    def port(torch: Any, w: Any) -> Any:
        return torch.sum(0.55 * w + 0.45 * torch.abs(w))

    found = harness.check({"torch": port}, reference=leaky(0.1), w=W, dtypes=(dtype,))
    cells = {cell.spelling: cell for cell in found.cells if cell.backend == "torch"}
    assert {cell.cls for cell in cells.values()} == {"pass"}
    assert ["spelling" in cell.terms for cell in cells.values()] == [spelling == "port" for spelling in cells]


def test_of_one_leaf_among_several_the_diagnosis_names_it() -> None:
    def wrong(w: Any, b: Any) -> dict[str, Any]:
        return {"w": 2 * w, "b": -np.ones(3)}

    found = harness.check(lambda xp, w, b: xp.sum(w * w + b), backward=wrong, w=W, b=[1.0, 2.0, 3.0])
    (cell,) = (cell for cell in found.cells if cell.backend == "numpy")
    assert "What came back for b is negated." in cell.reason


def test_one_entry_that_is_off_is_no_precision_leak() -> None:
    one = by_hand(lambda xp, w: xp.sum(w), lambda w: np.array([1 + 1e-9, 1.0, 1.0]))
    assert (one.verdict, one.diagnosis) == ("DISAGREE", "")
    every = by_hand(lambda xp, w: xp.sum(w * w), lambda w: (2 * w).astype(np.float32).astype(float))
    assert every.diagnosis == "precision leak: only float32-accurate"
    inside = by_hand(lambda xp, w: xp.sum(xp.exp(w)), lambda w: np.exp(w.astype(np.float32)).astype(float) * 1.0)
    assert inside.diagnosis == "precision leak: only float32-accurate"
