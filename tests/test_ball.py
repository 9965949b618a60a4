"""Balls against mpmath, infinities and zeros, decisions, and the arrays that hold them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flint
import mpmath
import numpy as np
import pytest
from flint import arb

from harness.domains import decide
from harness.domains.ball import FUNCTIONS, NAMED, Ball, bits, lifted
from harness.domains.bound import Bound
from harness.domains.domain import Literal, Undecided, Unevaluated
from harness.domains.precision import PRECISIONS
from harness.graph.primitives import CONSTANTS

DIGITS = 50
POINTS = np.array([-1.9, -0.7, -0.01, 0.3, 0.9, 2.4])
POSITIVE = np.array([1e-6, 0.3, 0.9, 1.0, 2.4, 77.0])
UNIT = np.array([-0.999, -0.5, 0.0, 0.2, 0.7, 1.0])

REFERENCES: dict[str, tuple[Callable[..., Any], tuple[np.ndarray, ...]]] = {
    "exp": (mpmath.exp, (POINTS,)),
    "expm1": (mpmath.expm1, (POINTS,)),
    "log": (mpmath.log, (POSITIVE,)),
    "log1p": (mpmath.log1p, (POSITIVE - 0.9,)),
    "sqrt": (mpmath.sqrt, (POSITIVE,)),
    "sin": (mpmath.sin, (POINTS,)),
    "cos": (mpmath.cos, (POINTS,)),
    "tan": (mpmath.tan, (POINTS,)),
    "sinh": (mpmath.sinh, (POINTS,)),
    "cosh": (mpmath.cosh, (POINTS,)),
    "tanh": (mpmath.tanh, (POINTS,)),
    "asin": (mpmath.asin, (UNIT,)),
    "acos": (mpmath.acos, (UNIT,)),
    "atan": (mpmath.atan, (POINTS,)),
    "atan2": (mpmath.atan2, (POINTS, POINTS[::-1])),
    "erf": (mpmath.erf, (POINTS,)),
    "erfc": (mpmath.erfc, (POINTS,)),
    "sigmoid": (lambda x: 1 / (1 + mpmath.exp(-x)), (POINTS * 20,)),
    "softplus": (lambda x: mpmath.log1p(mpmath.exp(x)), (POINTS * 20,)),
    "logaddexp": (lambda a, b: mpmath.log(mpmath.exp(a) + mpmath.exp(b)), (POINTS, POINTS[::-1])),
    "power": (mpmath.power, (POSITIVE, POINTS)),
}


def close(ball: Any, number: Any) -> None:
    """Assert that the ball is narrow and holds mpmath's number up to mpmath's own rounding."""
    gap = abs(ball - arb(mpmath.nstr(number, DIGITS + 20)))
    assert float(gap.abs_upper()) <= 1e-45 * max(1.0, abs(float(number)))


@pytest.mark.parametrize("op", sorted(set(FUNCTIONS) - {"pow"}))
def test_functions_are_those_of_mpmath(op: str) -> None:
    reference, args = REFERENCES[op]
    ball = Ball(DIGITS)
    with ball.context(), mpmath.workdps(DIGITS + 30):
        values = ball.function(op, [lifted(arg) for arg in args], {})
        for k, value in enumerate(values):
            close(value, reference(*(mpmath.mpf(float(arg[k])) for arg in args)))


@pytest.mark.parametrize("exponent", [2, 3.0, -2, 0.5, 1.5, 0.1, -0.3])
@pytest.mark.parametrize("minus", [0, 1])
def test_a_literal_power_takes_the_difference_of_exponents_exactly(exponent: float, minus: int) -> None:
    ball = Ball(DIGITS)
    with ball.context(), mpmath.workdps(DIGITS + 30):
        for x, value in zip(
            POSITIVE, ball.function("pow", [lifted(POSITIVE)], {"exponent": exponent, "minus": minus}), strict=True
        ):
            close(value, mpmath.power(mpmath.mpf(float(x)), mpmath.mpf(exponent) - minus))


def test_a_wrong_number_is_not_close() -> None:
    with Ball(DIGITS).context(), pytest.raises(AssertionError):
        close(arb(2).sqrt(), mpmath.sqrt(2) * (1 + mpmath.mpf(10) ** -20))


@pytest.mark.parametrize("digits", [15, 50, 400])
def test_more_digits_make_narrower_balls(digits: int) -> None:
    with Ball(digits).context():
        assert flint.ctx.prec == bits(digits)
        assert float(arb(2).sqrt().rad()) <= 10.0 ** -(digits - 1)


def test_named_constants_are_those_of_the_table() -> None:
    assert set(NAMED) == set(CONSTANTS)
    with Ball(DIGITS).context():
        for name, nearest in CONSTANTS.items():
            value = Ball(DIGITS).literal(Literal(given=name, rounded=name, count=False, held=False)).item()
            assert float(value) == nearest


# --------------------------------------------------------------------------- zeros, infinities, shapes


def one(op: str, *numbers: float) -> Any:
    ball = Ball(DIGITS)
    with ball.context():
        return ball.function(op, [lifted(np.asarray(x)) for x in numbers], {}).item()


def test_infinities_and_zeros_are_exact() -> None:
    assert one("exp", -np.inf) == 0
    assert one("sigmoid", -np.inf) == 0
    assert one("tanh", np.inf) == 1
    assert one("sqrt", 0.0) == 0
    assert one("power", 0.0, 0.5) == 0
    assert one("power", 0.0, 0.0) == 1
    assert lifted(np.array([np.inf]))[0] > 10**300
    ball = Ball(DIGITS)
    with ball.context():
        third = ball.divide(lifted(np.array([1.0])), lifted(np.array([3.0])))
        assert ball.multiply(lifted(np.zeros(1)), third)[0] == 0
        assert ball.multiply(lifted(np.zeros(1)), lifted(np.array([np.nan])))[0].is_nan()


@pytest.mark.parametrize(("op", "x"), [("sqrt", -1.0), ("log", -1.0), ("log", 0.0), ("asin", 2.0)])
def test_outside_the_domain_there_is_no_number(op: str, x: float) -> None:
    assert not one(op, x).is_finite()


def test_zero_dimensions_stay_arrays() -> None:
    ball = Ball(DIGITS)
    with ball.context():
        x = ball.exact(np.asarray(2.0))
        results = [
            ball.add(x, x),
            ball.negative(x),
            ball.scale(x, 0.5),
            ball.function("exp", [x], {}),
            ball.sum(ball.exact(np.ones((2, 2))), (0, 1), False),
            ball.join([x]),
        ]
    assert all(isinstance(r, np.ndarray) and r.shape == () and isinstance(r.item(), arb) for r in results)


def test_an_unknown_function_is_named() -> None:
    with pytest.raises(Unevaluated, match="no bessel"):
        Ball(DIGITS).function("bessel", [], {})


@pytest.mark.parametrize("n", [3, 70])
def test_matrix_products_are_exact_where_the_numbers_are(n: int) -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-4, 5, (2, n, n)).astype(np.float64) for _ in range(2))
    a[1, 2] = 0
    ball = Ball(DIGITS)
    with ball.context():
        product = ball.matmul(lifted(a), lifted(b))
        assert (np.asarray(product, dtype=np.float64) == a @ b).all()
        assert all(entry.is_exact() for entry in product.ravel())
        inexact = ball.matmul(ball.divide(lifted(a), lifted(np.full(a.shape, 3.0))), lifted(b))
        assert all(entry == 0 for entry in inexact[1, 2])


def test_scattered_entries_add_up() -> None:
    ball = Ball(DIGITS)
    with ball.context():
        total = ball.scatter_add(lifted(np.array([1.0, 2.0, 4.0])), np.array([1, 1, 3]), (2, 2))
    assert np.asarray(total, dtype=np.float64).tolist() == [[0, 3], [0, 4]]


# --------------------------------------------------------------------------- decisions


def balls(*numbers: Any) -> Any:
    out = np.empty(len(numbers), dtype=object)
    out[:] = [x if isinstance(x, arb) else lifted(np.asarray(x)).item() for x in numbers]
    return out


def test_comparisons_are_certain_tied_or_open() -> None:
    with Ball(DIGITS).context():
        zero = arb(2).sqrt() ** 2 - 2
        codes = decide.compare(balls(1.0, 1.0, -np.inf, 2.0, zero, np.nan), balls(2.0, 1.0, -np.inf, -np.inf, 0.0, 0.0))
    assert codes.tolist() == [decide.LESS, decide.TIE, decide.TIE, decide.GREATER, decide.OPEN, decide.OPEN]


@pytest.mark.parametrize(
    ("op", "taken"),
    [
        ("greater", [False, False, True]),
        ("greater_equal", [False, True, True]),
        ("less", [True, False, False]),
        ("less_equal", [True, True, False]),
        ("equal", [False, True, False]),
        ("not_equal", [True, False, True]),
    ],
)
def test_relations(op: str, taken: list[bool]) -> None:
    choice = Ball(DIGITS).decide(op, [balls(1.0, 2.0, 3.5), balls(2.0, 2.0, 3.0)], {})
    assert choice.taken.tolist() == taken
    assert choice.tie.tolist() == [False, True, False]
    assert choice.margin.tolist() == [1, 0, 0.5]


def test_a_number_closer_to_zero_than_any_float_is_no_tie() -> None:
    with Ball(DIGITS).context():
        choice = Ball(DIGITS).decide("step", [balls(arb(10) ** -400, -(arb(10) ** -400), 0.0)], {})
    assert choice.taken.tolist() == [1, 0, 0]
    assert choice.tie.tolist() == [False, False, True]


def test_sign_weight() -> None:
    choice = Ball(DIGITS).decide("sign_weight", [balls(-3.0, 0.0, 2.0)], {})
    assert choice.taken.tolist() == [-1, 0, 1]


def test_the_first_of_the_largest_is_taken() -> None:
    x = balls(1.0, 3.0, 3.0, 2.0, 0.5, 1.0).reshape(2, 3)
    choice = Ball(DIGITS).decide("max_weight", [x], {"axes": (1,)})
    assert choice.taken.tolist() == [[0, 1, 0], [1, 0, 0]]
    assert choice.tie.tolist() == [[False, True, True], [False, False, False]]
    assert choice.margin.tolist() == [[2, 0, 0], [1, 1.5, 1]]
    columns = Ball(DIGITS).decide("max_weight", [x.T], {"axes": (0,)})
    assert columns.taken.tolist() == choice.taken.T.tolist()
    everywhere = Ball(DIGITS).decide("max_weight", [x], {"axes": (0, 1)})
    assert everywhere.taken.tolist() == [[0, 1, 0], [0, 0, 0]]


def test_nan_is_the_largest_and_open() -> None:
    choice = Ball(DIGITS).decide("max_weight", [balls(1.0, np.nan, 3.0)], {"axes": (0,)})
    assert choice.taken.tolist() == [0, 1, 0]
    assert choice.open.any()


def test_an_entry_of_minus_infinity_never_ties_with_the_largest() -> None:
    choice = Ball(DIGITS).decide("max_weight", [balls(-np.inf, 1.0, -np.inf)], {"axes": (0,)})
    assert choice.taken.tolist() == [0, 1, 0]
    assert not choice.tie.any()
    assert not choice.open.any()


@pytest.mark.parametrize("descending", [False, True])
def test_argsort_is_stable(descending: bool) -> None:
    numbers = np.array([2.0, 1.0, 2.0, 3.0, 1.0])
    choice = Ball(DIGITS).decide("argsort", [lifted(numbers)], {"axis": 0, "descending": descending})
    expected = np.argsort(-numbers if descending else numbers, kind="stable")
    assert choice.taken.tolist() == expected.tolist()
    ranked = numbers[expected]
    assert choice.tie.tolist() == [bool((ranked == x).sum() > 1) for x in ranked]


def test_what_is_only_replayed_cannot_be_decided() -> None:
    with pytest.raises(Undecided, match="ball domain first"):
        Bound(PRECISIONS["float64"]).decide("step", [], {})


@pytest.mark.parametrize("exponent", [1, 2, 3, 8, 0])
def test_a_whole_power_of_a_ball_around_zero_is_finite(exponent: int) -> None:
    ball = Ball(30)
    with ball.context():
        around = np.array([arb(0, 1e-3)], dtype=object)
        power = ball.function("pow", [around], {"exponent": exponent, "minus": 0})[0]
        assert power.is_finite()
        assert power.contains(arb(1e-4) ** exponent)
        assert float(power.abs_upper()) <= 1.01 * 1e-3**exponent


def test_a_negative_power_of_a_ball_around_zero_is_not() -> None:
    ball = Ball(30)
    with ball.context():
        around = np.array([arb(0, 1e-3)], dtype=object)
        assert not ball.function("pow", [around], {"exponent": -1, "minus": 0})[0].is_finite()
