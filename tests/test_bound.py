"""The bound covers what NumPy rounds, in value and gradient, and is not so wide that it covers everything."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from harness.domains import charges
from harness.domains.ball import FUNCTIONS as BALL_FUNCTIONS
from harness.domains.bound import FUNCTIONS as BOUND_FUNCTIONS
from harness.domains.bound import Bound, Bounded
from harness.domains.evaluate import evaluate
from harness.domains.measure_charges import BANDS
from harness.domains.precision import PRECISIONS
from harness.domains.rows import ROWS
from harness.graph import build as b
from harness.graph.build import Builder
from harness.graph.derive import gradient
from harness.graph.node import Graph
from harness.graph.registry import PRIMITIVES
from harness.measurement import Leaves
from harness.truth import establish
from operations import OPERATIONS, point, scalar
from plain import Plain

Array = NDArray[np.float64]
GRAPHS = {name: scalar(operation) for name, operation in OPERATIONS.items()}
DTYPES = ("float64", "float32")


def near(found: ArrayLike, expected: ArrayLike, rtol: float = 1e-6) -> bool:
    """Return whether all numbers are relatively close: `isclose` would add 1e-8, which is more than they are."""
    return bool(np.allclose(found, expected, rtol=rtol, atol=0))


def errors_and_bounds(graph: Graph, inputs: Leaves, dtype: str) -> tuple[Array, Array]:
    """Return the errors of NumPy's value and partials, and their bounds, as flat arrays."""
    derivative, precision = gradient(graph), PRECISIONS[dtype]
    truth = establish(derivative, inputs, dtype)
    assert truth.refusal is None
    low, outputs = derivative.graph, derivative.graph.outputs
    plain = evaluate(low, outputs, Plain(dtype), inputs, precision=precision, decisions=truth.decisions)
    errors, bounds = [truth.value.distance(plain.values[derivative.value])], [truth.rounding.value]
    for path, node in derivative.partials.items():
        if node is not None:
            errors.append(truth.partials[path].distance(plain.values[node]))
            bounds.append(truth.rounding.partials[path])
    return np.concatenate([np.ravel(e) for e in errors]), np.concatenate([np.ravel(e) for e in bounds])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPERATIONS)
def test_the_bound_covers_the_error(name: str, dtype: str) -> None:
    for draw in range(8):
        errors, bounds = errors_and_bounds(GRAPHS[name], point(name, GRAPHS[name], draw=draw), dtype)
        assert not (~(errors <= bounds)).any(), (draw, errors, bounds)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_bound_is_not_vacuous(dtype: str) -> None:
    """A thousandth of the bound is exceeded for nearly every operation, and the median bound is near the error."""
    exceeded, ratios = 0, []
    for name, graph in GRAPHS.items():
        errors, bounds = errors_and_bounds(graph, point(name, graph), dtype)
        exceeded += bool((errors > 1e-3 * bounds).any())
        ratios += list(bounds[errors > 0] / errors[errors > 0])
    assert exceeded >= len(GRAPHS) - 3
    assert 1 <= np.median(ratios) <= 50


# --------------------------------------------------------------------------- what costs nothing, and what costs more


def bound_of(function: object, *args: Bounded, dtype: str = "float64", **attrs: object) -> Bounded:
    domain = Bound(PRECISIONS[dtype])
    with domain.context():
        result = getattr(domain, str(function))(*args, **attrs)
    assert isinstance(result, Bounded)
    return result


def exactly(*numbers: float) -> Bounded:
    return Bounded(np.array(numbers), np.zeros(len(numbers)))


def test_exact_numbers_cost_nothing() -> None:
    zero, x, infinite = exactly(0.0), exactly(0.3), exactly(-np.inf)
    assert bound_of("multiply", zero, x).error == [0]
    assert bound_of("add", zero, x).error == [0]
    assert bound_of("subtract", x, x).error == [0]
    assert bound_of("divide", zero, x, roundings=1).error == [0]
    assert bound_of("scale", x, 0.5).error == [0]
    assert bound_of("function", "exp", [infinite], {}).error == [0]
    assert bound_of("add", infinite, x).error == [0]
    assert bound_of("function", "tanh", [zero], {}).error == [0]


def test_inexact_numbers_are_charged() -> None:
    u, x, y = 2.0**-53, exactly(0.3), exactly(0.7)
    assert bound_of("add", x, y).error == [u * (0.3 + 0.7)]
    assert bound_of("multiply", x, y).error == [u * (0.3 * 0.7)]
    assert bound_of("divide", x, y, roundings=2).error == [2 * u * (0.3 / 0.7)]
    assert bound_of("function", "exp", [x], {}).error == [
        charges.factor("exp", PRECISIONS["float64"], {}) * u * np.exp(0.3)
    ]


def corners(x: Bounded) -> list[Array]:
    """Return the values that lie at the ends of the bounds, in several patterns."""
    rng = np.random.default_rng(0)
    signs = [np.ones(x.value.shape), -np.ones(x.value.shape), *rng.choice([-1.0, 1.0], (40, *x.value.shape))]
    return [x.value + sign * x.error for sign in signs]


@pytest.mark.parametrize("op", ["add", "subtract", "multiply", "divide", "matmul"])
def test_errors_of_both_operands_are_carried(op: str) -> None:
    """The errors are large, so that the charges do not hide one that is forgotten."""
    rng = np.random.default_rng(1)
    a, c = (Bounded(rng.uniform(1, 2, (3, 3)), rng.uniform(0.1, 0.2, (3, 3))) for _ in range(2))
    direct = {"add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide, "matmul": np.matmul}
    bound = bound_of(op, a, c, **({"roundings": 1} if op == "divide" else {}))
    worst = np.max([abs(direct[op](x, y) - bound.value) for x in corners(a) for y in corners(c)], axis=0)
    assert not (~(worst <= bound.error * (1 + 1e-12))).any()
    assert not (~(bound.error <= 1.5 * worst)).any()


@pytest.mark.parametrize("error", [0.1, np.inf])
def test_errors_are_carried_through_sums(error: float) -> None:
    x = Bounded(np.full(3, 1.0), np.array([0.0, 0.0, error]))
    assert near(bound_of("sum", x, (0,), False).error, error)
    assert near(bound_of("scatter_add", x, np.array([0, 0, 1]), (3,)).error, [2.0**-52, error, 0], rtol=1e-9)


def test_nothing_is_known_of_nan_and_of_an_overflow() -> None:
    assert bound_of("multiply", exactly(0.0), exactly(np.inf)).error == [np.inf]
    assert bound_of("multiply", exactly(1e200), exactly(1e200)).error == [np.inf]
    assert bound_of("function", "exp", [exactly(800.0)], {}).error == [np.inf]
    assert bound_of("function", "log", [exactly(-1.0)], {}).error == [np.inf]


def test_a_tiny_result_is_bounded_by_the_least_number_of_the_dtype() -> None:
    assert bound_of("multiply", exactly(1e-30), exactly(1e-30), dtype="float32").error >= [2.0**-126]
    assert bound_of("function", "exp", [exactly(-100.0)], {}, dtype="float32").error >= [2.0**-126]
    assert bound_of("scale", exactly(2.0**-126), 0.5, dtype="float32").error >= [2.0**-126]
    assert bound_of("add", exactly(1e-7), exactly(2e-7), dtype="float16").error < [2.0**-24]


@pytest.mark.parametrize("terms", [2, 10, 1000])
def test_sums_are_charged_by_their_length(terms: int) -> None:
    u, x = 2.0**-24, Bounded(np.full(terms, 0.3), np.zeros(terms))
    total = bound_of("sum", x, (0,), False, dtype="float32").error
    assert near(total, (terms - 1) * u * 0.3 * terms)
    product = bound_of(
        "matmul", Bounded(x.value[None], x.error[None]), Bounded(x.value[:, None], x.error[:, None]), dtype="float32"
    )
    assert near(product.error, terms * u * 0.09 * terms)
    scattered = bound_of("scatter_add", x, np.zeros(terms, dtype=np.intp), (1,), dtype="float32").error
    assert near(scattered, (terms - 1) * u * 0.3 * terms)


def test_half_types_accumulate_in_float32_but_for_scatters() -> None:
    x = Bounded(np.full(100, 0.3), np.zeros(100))
    assert near(bound_of("sum", x, (0,), False, dtype="bfloat16").error, 99 * 2.0**-24 * 30 + 2.0**-8 * 30)
    assert near(
        bound_of("scatter_add", x, np.zeros(100, dtype=np.intp), (1,), dtype="bfloat16").error, 99 * 2.0**-8 * 30
    )


def one_literal(function: object, value: float, dtype: str) -> Bounded:
    """Return the bound of a function of x = 0.75 that holds literals."""
    builder = Builder()
    x = builder.input("x", (), param=True)
    assert callable(function)
    graph = builder.freeze(function(x))
    run = evaluate(
        graph,
        graph.outputs,
        Bound(PRECISIONS[dtype]),
        {"x": np.array(value)},
        precision=PRECISIONS[dtype],
        decisions={},
    )
    bounded = run.values[graph.outputs[0]]
    assert isinstance(bounded, Bounded)
    return bounded


def mean_by(count: int) -> object:
    return lambda x: x / x.builder.constant(count, exact=True)


def test_division_by_a_literal_is_two_roundings_and_by_a_power_of_two_none() -> None:
    u, x = 2.0**-53, 0.75
    assert one_literal(lambda x: x / 3, x, "float64").error == 2 * u * (x / 3)
    assert one_literal(lambda x: 3 / x, x, "float64").error == 2 * u * (3 / x)
    assert one_literal(lambda x: x / 8, x, "float64").error == 0
    assert one_literal(lambda x: x * 0.25, x, "float64").error == 0
    assert one_literal(lambda x: x / (x + 0.25), x, "float64").error < 3 * u * x
    assert one_literal(mean_by(3), x, "float64").error == 2 * u * (x / 3)
    assert one_literal(mean_by(4), x, "float64").error == 0
    assert one_literal(mean_by(257), x, "bfloat16").error == 3 * 2.0**-8 * (x / 257)


def test_a_literal_is_rounded_first_and_charged_in_half_types_only() -> None:
    exact = one_literal(lambda x: x * 0 + 0.1, 0.75, "float32")
    assert (exact.value, exact.error) == (np.float32(0.1).item(), 0)
    assert one_literal(lambda x: x * 0 + 0.1, 0.75, "bfloat16").error > 2.0**-8 * 0.1 * 0.99
    assert one_literal(lambda x: x * 0 + "sqrt_half", 0.75, "float64").error > 2.0**-53 * 0.7


def test_an_exponent_that_the_dtype_does_not_hold_is_loose() -> None:
    def relative(exponent: float, dtype: str) -> float:
        bounded = one_literal(lambda x: b.call("pow", x, exponent=exponent), 1e-6, dtype)
        return float(bounded.error / abs(bounded.value)) / PRECISIONS[dtype].unit

    assert relative(0.125, "float32") == relative(0.5, "float32")
    assert relative(0.1, "float32") >= relative(0.5, "float32") + 0.1 * abs(np.log(1e-6))
    assert relative(0.1, "float64") == relative(0.5, "float64")


# --------------------------------------------------------------------------- charges are data


def test_every_function_has_a_charge() -> None:
    functions = {name for name in PRIMITIVES if name not in ROWS and not PRIMITIVES[name].decision} | {"pow"}
    functions -= {"arange"}
    assert set(charges.WORST) == functions == set(BALL_FUNCTIONS) == set(BOUND_FUNCTIONS)
    assert set(BANDS) == functions


@pytest.mark.parametrize(
    ("op", "attrs", "charged"),
    [
        ("exp", {}, 4.0),
        ("cos", {}, 2.0),
        ("pow", {"exponent": 0.5, "minus": 0}, 5.4),
        ("pow", {"exponent": 10, "minus": 0}, 10.0),
        ("pow", {"exponent": -9, "minus": 0}, 9.0),
    ],
)
def test_a_charge_is_twice_the_worst_seen_and_at_least_two(op: str, attrs: dict[str, float], charged: float) -> None:
    assert charges.factor(op, PRECISIONS["float64"], attrs) == charged


@pytest.mark.parametrize(("worst", "charged"), [(0.1, 2.0), (3.0, 6.0), (9.0, 16.0)])
def test_a_charge_has_a_floor_and_a_cap(worst: float, charged: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(charges.WORST, "exp", (worst,) * 4)
    assert charges.factor("exp", PRECISIONS["float32"], {}) == charged


def test_no_charge_is_capped() -> None:
    assert all(charges.SAFETY * worst <= charges.CAP for row in charges.WORST.values() for worst in row)
