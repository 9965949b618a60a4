"""The bound covers what NumPy rounds, in value and gradient, and is not so wide that it covers everything."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.domains import charges
from harness.domains.ball import FUNCTIONS as BALL_FUNCTIONS
from harness.domains.ball import Ball
from harness.domains.bound import FUNCTIONS as BOUND_FUNCTIONS
from harness.domains.bound import Bound, Bounded
from harness.domains.evaluate import evaluate
from harness.domains.measure_charges import BANDS
from harness.domains.precision import PRECISIONS
from harness.domains.propagate import carried
from harness.domains.rows import ROWS
from harness.graph import build as b
from harness.graph.build import Builder
from harness.graph.derive import gradient
from harness.graph.node import Graph
from harness.graph.registry import PRIMITIVES
from harness.measurement import Leaves
from harness.truth import establish, tolerance
from operations import OPERATIONS, point, scalar
from plain import Plain

Array = NDArray[np.float64]
GRAPHS = {name: scalar(operation) for name, operation in OPERATIONS.items()}
DTYPES = ("float64", "float32")


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


# --------------------------------------------------------------------------- how functions carry errors

CENTRES: dict[str, tuple[Array, ...]] = {
    **dict.fromkeys(
        "exp expm1 sin cos tan sinh cosh tanh atan erf erfc sigmoid softplus".split(), (np.linspace(-3.3, 3.1, 60),)
    ),
    "log": (np.linspace(0.05, 4.0, 60),),
    "log1p": (np.linspace(-0.9, 4.0, 60),),
    "sqrt": (np.linspace(0.05, 4.0, 60),),
    "asin": (np.linspace(-0.95, 0.95, 60),),
    "acos": (np.linspace(-0.95, 0.95, 60),),
    "atan2": (np.linspace(-2.0, 2.0, 60), np.linspace(1.5, -1.7, 60) ** 3),
    "logaddexp": (np.linspace(-3.0, 3.0, 60), np.linspace(2.0, -2.0, 60) ** 3),
    "power": (np.linspace(0.2, 3.0, 60), np.linspace(-2.5, 2.5, 60)),
}
EXPONENTS = (2, 3, 5, -1, -2, 0.5, 1.5, -0.5)


def moved(
    op: str, centres: tuple[Array, ...], attrs: dict[str, float], error: float, rng: np.random.Generator
) -> Array:
    """Return how far f moves when its arguments move by up to `error`, in balls."""
    ball = Ball(40)
    with ball.context():
        at = [ball.exact(x) for x in centres]
        there = [x + ball.exact(error * rng.choice([-1.0, 1.0, 0.3], 60)) for x in at]
        return np.array([float(abs(d)) for d in ball.function(op, there, attrs) - ball.function(op, at, attrs)])


@pytest.mark.parametrize("error", [1e-12, 1e-4, 1e-2, 0.04])
@pytest.mark.parametrize(
    ("op", "attrs"), [(op, {}) for op in CENTRES] + [("pow", {"exponent": p, "minus": 0}) for p in EXPONENTS]
)
def test_a_function_carries_no_more_than_its_bound(op: str, attrs: dict[str, float], error: float) -> None:
    centres = CENTRES.get(op, (np.linspace(0.05, 3.0, 60),))
    with np.errstate(all="ignore"):
        bound = carried(op, [(x, np.full(60, error)) for x in centres], attrs)
    rng = np.random.default_rng(3)
    for _ in range(6):
        assert not (~(moved(op, centres, attrs, error, rng) <= bound * (1 + 1e-9))).any()
    if error == 1e-12:
        assert not (
            ~(bound <= 3 * np.maximum(np.max([moved(op, centres, attrs, error, rng) for _ in range(9)], 0), 1e-13))
        ).any()


@pytest.mark.parametrize(
    ("op", "value", "error"),
    [("log", 1e-3, 2e-3), ("sqrt", 1e-9, 1e-8), ("asin", 0.999, 0.01), ("log1p", -0.99, 0.02), ("tan", 1.57, 0.01)],
)
def test_an_argument_that_may_leave_the_domain_has_no_bound(op: str, value: float, error: float) -> None:
    with np.errstate(all="ignore"):
        assert carried(op, [(np.array([value]), np.array([error]))], {}) == [np.inf]


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


def test_nothing_is_known_of_nan_and_of_an_overflow() -> None:
    assert bound_of("multiply", exactly(0.0), exactly(np.inf)).error == [np.inf]
    assert bound_of("multiply", exactly(1e200), exactly(1e200)).error == [np.inf]
    assert bound_of("function", "exp", [exactly(800.0)], {}).error == [np.inf]
    assert bound_of("function", "log", [exactly(-1.0)], {}).error == [np.inf]


def test_a_tiny_result_is_bounded_by_the_least_number_of_the_dtype() -> None:
    assert bound_of("multiply", exactly(1e-30), exactly(1e-30), dtype="float32").error >= [2.0**-126]
    assert bound_of("scale", exactly(2.0**-126), 0.5, dtype="float32").error >= [2.0**-126]
    assert bound_of("add", exactly(1e-7), exactly(2e-7), dtype="float16").error < [2.0**-24]


@pytest.mark.parametrize("terms", [2, 10, 1000])
def test_sums_are_charged_by_their_length(terms: int) -> None:
    u, x = 2.0**-24, Bounded(np.full(terms, 0.3), np.zeros(terms))
    total = bound_of("sum", x, (0,), False, dtype="float32").error
    assert np.isclose(total, (terms - 1) * u * 0.3 * terms)
    product = bound_of(
        "matmul", Bounded(x.value[None], x.error[None]), Bounded(x.value[:, None], x.error[:, None]), dtype="float32"
    )
    assert np.isclose(product.error, terms * u * 0.09 * terms)
    scattered = bound_of("scatter_add", x, np.zeros(terms, dtype=np.intp), (1,), dtype="float32").error
    assert np.isclose(scattered, (terms - 1) * u * 0.3 * terms)


def test_half_types_accumulate_in_float32_but_for_scatters() -> None:
    x = Bounded(np.full(100, 0.3), np.zeros(100))
    assert np.isclose(bound_of("sum", x, (0,), False, dtype="bfloat16").error, 99 * 2.0**-24 * 30 + 2.0**-8 * 30)
    assert np.isclose(
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
    tight = one_literal(lambda x: b.call("pow", x, exponent=0.5), 0.3, "float32").error
    loose = one_literal(lambda x: b.call("pow", x, exponent=0.1), 0.3, "float32").error
    assert loose > tight
    assert one_literal(lambda x: b.call("pow", x, exponent=0.1), 0.3, "float64").error < 8 * 2.0**-53


# --------------------------------------------------------------------------- charges are data


def test_every_function_has_a_charge() -> None:
    functions = {name for name in PRIMITIVES if name not in ROWS and not PRIMITIVES[name].decision} | {"pow"}
    functions -= {"arange"}
    assert set(charges.WORST) == functions == set(BALL_FUNCTIONS) == set(BOUND_FUNCTIONS)
    assert set(BANDS) == functions


def test_no_charge_is_capped() -> None:
    assert all(charges.SAFETY * worst <= charges.CAP for row in charges.WORST.values() for worst in row)


def test_tolerance_terms_add_up() -> None:
    graph = GRAPHS["softmax"]
    inputs = point("softmax", graph)
    derivative = gradient(graph)
    truth = establish(derivative, inputs, "float32")
    for part in (
        tolerance(derivative, inputs, "float32", truth).value,
        *tolerance(derivative, inputs, "float32", truth).partials.values(),
    ):
        assert set(part.parts) == {"operations", "result", "underflow"}
        assert (part.total == sum(part.parts.values())).all()
        assert (part.parts["underflow"] == 2.0**-126).all()
