"""Infinite literals, as masks have them: judged where they are not taken, undefined where they are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

import harness
from harness import data

Function = Callable[..., Any]
MASK = data([[True, False, False], [True, True, False], [True, True, True]])
SCORES = [[1.0, 2.0, 3.0], [2.0, 1.0, 0.5], [0.0, 1.5, 2.0]]


def attention(xp: Any, s: Any, mask: Any) -> Any:
    weights = xp.nn.softmax(xp.where(mask, s, -xp.inf), axis=1)
    return xp.sum(weights**2)


def largest(xp: Any, s: Any, mask: Any) -> Any:
    return xp.sum(xp.max(xp.where(mask, s, -math.inf), axis=1)) + xp.sum(xp.clip(s, -math.inf, 2.5))


def smallest(xp: Any, s: Any, mask: Any) -> Any:
    return xp.sum(xp.min(xp.where(mask, s, xp.full((3, 3), xp.inf)), axis=0) ** 2)


def logarithm(xp: Any, s: Any, mask: Any) -> Any:
    return xp.sum(xp.nn.logsumexp(xp.where(mask, s, float("-inf")), axis=1))


FINITE: dict[str, Function] = {one.__name__: one for one in (attention, largest, smallest, logarithm)}
INFINITE: dict[str, Function] = {
    "sum": lambda xp, s, mask: xp.sum(s) + xp.inf,
    "mask": lambda xp, s, mask: xp.sum(xp.where(mask, s, -xp.inf)),
}


def verdicts(function: Function) -> dict[str, tuple[str, str]]:
    found = harness.check(function, s=SCORES, mask=MASK)
    return {cell.backend: (cell.verdict, cell.cls) for cell in found.cells if cell.verdict != "NOT-INSTALLED"}


@pytest.mark.parametrize("name", FINITE)
def test_an_infinity_that_is_not_taken_harms_no_engine(name: str) -> None:
    found = verdicts(FINITE[name])
    assert {"sympy", "finite_difference"} <= found.keys()
    assert {cls for _, cls in found.values()} == {"pass"}, found


@pytest.mark.parametrize("name", FINITE)
def test_a_wrong_gradient_beside_an_infinity_is_caught(name: str) -> None:
    def wrong(s: Any, mask: Any) -> Any:
        return {"s": [[0.125] * 3] * 3}

    found = harness.check(FINITE[name], backward=wrong, backends=("sympy",), s=SCORES, mask=MASK)
    assert [cell.verdict for cell in found.cells if cell.backend == "numpy"] == ["DISAGREE"]


@pytest.mark.parametrize("name", INFINITE)
def test_an_infinite_value_is_undefined_for_every_engine(name: str) -> None:
    found = verdicts(INFINITE[name])
    assert set(found.values()) == {("UNDEFINED", "inconclusive")}, found
