"""Partials that came back in each other's place are told, in any order, and only where nothing else is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import permutations
from typing import Any

import numpy as np
import pytest

import harness
from harness import case, param
from harness.judge.compare import Comparison
from harness.judge.diagnose import diagnose
from harness.judge.exchange import exchanges
from harness.run.records import CellLine
from harness.selftest.words import words
from harness.truth import Terms

FRAMEWORKS = [pytest.param(name, marks=pytest.mark.needs(name)) for name in ("tensorflow", "torch", "jax")]
TRUTHS = {"w": np.array([1.0, 2.0, -3.0]), "v": np.array([0.5, -7.0, 4.0]), "u": np.array([6.0, 0.25, 9.0])}


def compared(
    truths: Mapping[str, np.ndarray], given: Iterable[np.ndarray], allowed: float = 1e-15, judged: bool = True
) -> list[Comparison]:
    return [
        Comparison(
            path=path,
            got=got,
            truth=truth,
            error=np.abs(got - truth),
            radius=np.zeros(truth.shape),
            terms=Terms(parts={"operations": np.full(truth.shape, allowed)}),
            judged=np.full(truth.shape, judged),
        )
        for (path, truth), got in zip(truths.items(), given, strict=True)
    ]


def told(truths: Mapping[str, np.ndarray], *given: np.ndarray) -> str:
    return diagnose(compared(truths, given), [3], "float64")


W, V, U = TRUTHS.values()


def test_every_order_is_told() -> None:
    for order in permutations("wvu"):
        given = [TRUTHS[path] for path in order]
        moved = [path for path, other in zip(TRUTHS, order, strict=True) if path != other]
        said = told(TRUTHS, *given)
        assert said.endswith(" are exchanged") == bool(moved)
        assert all(path in said.split("are")[0].replace(",", "").split() for path in moved)
    assert told(TRUTHS, V, W, U) == "the partials of w and v are exchanged"
    assert told(TRUTHS, V, U, W) == "the partials of w, v and u are exchanged"
    four = {**TRUTHS, "b": np.array([8.0, 8.5, -1.0])}
    assert told(four, V, W, four["b"], U) == "the partials of w and v, and of u and b are exchanged"


def test_an_exchange_is_no_pair_of_factors() -> None:
    numbers = {"w": np.array(6.0), "b": np.array(3.0)}
    assert told(numbers, numbers["b"], numbers["w"]) == "the partials of w and b are exchanged"
    assert told(numbers, np.array(3.0), np.array(9.0)) == "w: scaled by 1/2; b: scaled by 3"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ((V, V, U), "the right partial of v is there, and that of w is nowhere"),
        ((V, W, 2 * U), "something else is wrong as well"),
        ((V * (1 + 1e-9), W, U), "it is not the other's within tolerance"),
        ((V, -W, U), "one is negated"),
        ((V, W[::-1], U), "the entries have another order"),
    ],
)
def test_what_is_no_exchange_is_not_told_as_one(given: tuple[np.ndarray, ...], why: str) -> None:
    assert "exchanged" not in told(TRUTHS, *given), why


def test_leaves_of_other_shapes_and_alike_ones_are_not_exchanged() -> None:
    shapes = {"w": np.ones((2, 2)) * 3, "v": np.arange(4.0)}
    assert exchanges(compared(shapes, [np.arange(4.0).reshape(2, 2), np.full(4, 3.0)])) == []
    negated = {"w": W, "v": -W}
    assert told(negated, -W, W) == "negated"
    assert exchanges(compared({"w": W, "v": W + 1e-16}, [W + 2e-15, W - 2e-15], allowed=1e-15)) == []
    twice = {"w": W, "v": V, "u": V}
    assert exchanges(compared(twice, [V, W, V])[:2]) == [["w", "v"]]
    assert exchanges(compared(twice, [V, W, W])) == [], "either of two may be meant"
    assert exchanges(compared(TRUTHS, [V, W, U], judged=False)[:2]) == [], "nothing was looked at"
    nan = np.full(3, np.nan)
    assert exchanges(compared(TRUTHS, [nan, W, U])[:2]) == []


# --------------------------------------------------------------------------- rules that are written by hand


def cost(xp: Any, w: Any, v: Any, u: Any) -> Any:
    """J(w, v, u) = Σ w² sin v exp u."""
    return xp.sum(w**2 * xp.sin(v) * xp.exp(u))


def partials(f: Any, g: Any, w: Any, v: Any, u: Any) -> list[Any]:
    e = g * f.exp(u)
    return [2 * e * w * f.sin(v), e * w * w * f.cos(v), e * w * w * f.sin(v)]


def judged(backend: str, order: tuple[int, ...], dtype: str) -> CellLine:
    point = dict(w=["0.3", "-1.2", "0.7"], v=["1.1", "0.4", "-0.6"], u=["0.2", "-0.5", "0.9"])
    made = case(w=param(shape=3), v=param(shape=3), u=param(shape=3), points=[point])(cost)

    @made.native(backend, spelling="ours")
    def ours(framework: Any, w: Any, v: Any, u: Any) -> Any:
        f = words(backend, framework)

        def backward(g: Any, y: Any, *xs: Any) -> tuple[Any, ...]:
            found = partials(f, g, *xs)
            return tuple(found[k] for k in order)

        return f.custom(lambda w, v, u: f.sum(w * w * f.sin(v) * f.exp(u)), backward)(w, v, u)

    cells = harness.check(made, backends=(backend,), dtypes=(dtype,)).cells
    (cell,) = (cell for cell in cells if cell.spelling == "ours" and cell.operator == "grad")
    return cell


@pytest.mark.parametrize("backend", FRAMEWORKS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_rule_that_returns_them_in_order_passes(backend: str, dtype: str) -> None:
    cell = judged(backend, (0, 1, 2), dtype)
    assert cell.cls == "pass", cell.reason


@pytest.mark.parametrize("backend", FRAMEWORKS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("order", "names"), [((1, 0, 2), "w and v"), ((1, 2, 0), "w, v and u")])
def test_a_rule_that_returns_them_in_another_order_is_told(
    backend: str, dtype: str, order: tuple[int, ...], names: str
) -> None:
    cell = judged(backend, order, dtype)
    assert (cell.verdict, cell.cls) == ("DISAGREE", "fail")
    assert cell.diagnosis == f"the partials of {names} are exchanged", cell.reason
    assert f"The partials of {names} are exchanged: return each in the place of its own input." in cell.reason
    assert "What came back is" not in cell.reason


Backward = Callable[..., Any]


def net(xp: Any, w: Any, b: Any) -> Any:
    return (w * 2.5 + b) ** 2 * w


def test_a_backpropagation_by_hand_that_exchanges_numbers_is_told() -> None:
    def right(w: float, b: float) -> tuple[float, float]:
        a = w * 2.5 + b
        return a**2 + 5 * a * w, 2 * a * w

    def wrong(w: float, b: float) -> tuple[float, float]:
        dw, db = right(w, b)
        return db, dw

    def cell(backward: Backward) -> CellLine:
        cells = harness.check(net, backward=backward, backends=("finite_difference",), w=1.5, b=-0.3).cells
        return next(cell for cell in cells if cell.backend == "numpy")

    assert cell(right).cls == "pass"
    assert cell(wrong).diagnosis == "the partials of w and b are exchanged"
