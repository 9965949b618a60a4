"""Elimination: the order of its rows decides nothing, its sign is right, and a library's own rounding is charged."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations
from typing import Any

import numpy as np
import pytest
import scipy.linalg

from harness.domains import charges
from harness.domains.ball import Ball, lifted
from harness.domains.bound import Bound, Bounded
from harness.domains.decide import RULES
from harness.domains.noise import Noise
from harness.domains.pivot import parity, pivots
from harness.domains.precision import PRECISIONS
from harness.domains.rational import Rational
from harness.graph import build as b
from harness.graph.build import Builder
from harness.graph.derive import gradient
from harness.graph.node import Graph
from harness.truth import Truth, establish, ideal

FLOAT64 = PRECISIONS["float64"]
DRAWN = np.random.default_rng(0).integers(-4, 5, (40, 4, 4)).astype(np.float64)
REGULAR = DRAWN[abs(np.linalg.det(DRAWN)) > 0.5]


def graph_of(op: str, n: int) -> Graph:
    builder = Builder()
    result = b.call(op, builder.input("a", (n, n), param=True))
    return builder.freeze(b.total(result, range(result.ndim)))


def truth_of(op: str, a: Any) -> Truth:
    return establish(gradient(graph_of(op, len(a))), {"a": np.asarray(a, float)}, "float64")


def fractions(a: Any) -> Any:
    return np.vectorize(Fraction, otypes=[object])(np.asarray(a).astype(int))


@pytest.mark.parametrize("number", [lambda a: a, lifted, fractions], ids=["float", "ball", "fraction"])
def test_every_kind_of_number_gives_an_order_without_a_zero_pivot(number: Any) -> None:
    assert len(REGULAR) > 20
    for a, order in zip(REGULAR, pivots(number(REGULAR)), strict=True):
        assert sorted(order) == [0, 1, 2, 3]
        leading = [np.linalg.det(a[order][:k, :k]) for k in range(1, 5)]
        assert (abs(np.array(leading)) > 1e-9).all()


def test_the_order_is_that_of_a_library() -> None:
    a = np.random.default_rng(1).normal(size=(20, 5, 5))
    assert (pivots(a) == np.argsort(scipy.linalg.lu(a, p_indices=True)[0], axis=-1)).all()


def test_nan_moves_no_row() -> None:
    assert pivots(np.array([[1.0, 2.0], [np.nan, 1.0]])).tolist() == [0, 1]


def test_parity_is_the_sign_of_a_permutation() -> None:
    orders = np.array(list(permutations(range(4))))
    swaps = [sum(p[i] > p[j] for i in range(4) for j in range(i + 1, 4)) for p in orders.tolist()]
    assert parity(orders).tolist() == [(-1.0) ** count for count in swaps]


# --------------------------------------------------------------------------- truth


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_determinant_of_a_permutation_is_its_sign(order: tuple[int, ...]) -> None:
    matrix = np.eye(3)[list(order)]
    truth = truth_of("det", matrix)
    assert truth.refusal is None
    assert truth.value.nearest == np.linalg.det(matrix)
    assert (truth.partials["a"].nearest == np.linalg.det(matrix) * matrix).all()
    assert truth_of("signdet", matrix).value.nearest == np.linalg.det(matrix)


def test_equal_entries_are_no_tie_since_no_result_depends_on_the_order() -> None:
    for op in ("det", "inv", "logabsdet"):
        truth = truth_of(op, [[1, 1, 0], [1, -1, 1], [-1, 1, 1]])
        assert (truth.refusal, truth.undefined, truth.ties, truth.near) == (None, False, (), ())


def test_the_determinant_of_whole_numbers_is_a_fraction() -> None:
    a = fractions([[0, 2, 1], [3, 0, 1], [1, 1, 1]])
    assert ideal(graph_of("det", 3), {"a": a}) == {"value": "-1", "a": "[[-1, -2, 3], [-1, -1, 2], [2, 3, -6]]"}


def test_a_determinant_that_vanishes_has_its_gradient_while_one_pivot_does() -> None:
    truth = truth_of("det", [[1, 2], [2, 4]])
    assert truth.value.nearest == 0
    assert truth.partials["a"].nearest.tolist() == [[4, -2], [-2, 1]]
    assert truth_of("inv", [[1, 2], [2, 4]]).undefined
    assert truth_of("det", np.ones((3, 3))).undefined
    assert ideal(graph_of("det", 3), {"a": fractions(np.ones((3, 3)))}) is None


def test_cholesky_takes_the_symmetric_part() -> None:
    truth = truth_of("cholesky", [[2, 1], [0, 2]])
    exact = np.linalg.cholesky([[2, 0.5], [0.5, 2]])
    assert np.isclose(truth.value.nearest, exact.sum(), rtol=1e-15)
    assert truth.partials["a"].nearest[0, 1] == truth.partials["a"].nearest[1, 0]


# --------------------------------------------------------------------------- what a library may change


def test_a_backward_error_is_charged_by_the_largest_entry() -> None:
    a = np.array([[1.0, 0.5], [0.0, -8.0]])
    charged = Bound(FLOAT64).disturb(Bounded(a, np.zeros((2, 2))))
    assert (charged.value == a).all()
    assert (charged.error == charges.LIBRARY * 2 * FLOAT64.unit * 8).all()
    noisy = Noise(FLOAT64, samples=8, seed=0).disturb(a[None])
    assert (noisy != a).all()
    assert (Ball(30).disturb(lifted(a)) == lifted(a)).all()
    assert (Rational().disturb(fractions(a * 2)) == fractions(a * 2)).all()


def test_an_order_has_no_margin_that_could_be_lost() -> None:
    with Ball(30).context():
        choice = RULES["pivots"](lifted(np.ones((2, 2))))
    assert not choice.tie.any()
    assert not choice.open.any()
    assert np.isinf(choice.margin).all()
