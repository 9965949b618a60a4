"""One evaluator for all domains: moving data, absent adjoints, decisions, literals, frozen nodes."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.domains import structure
from harness.domains.ball import FUNCTIONS, Ball
from harness.domains.bound import Bound
from harness.domains.domain import Domain, Undecided, Unevaluated, literal_of
from harness.domains.evaluate import Evaluation, evaluate
from harness.domains.precision import PRECISIONS
from harness.domains.rational import Rational
from harness.domains.rows import ROWS
from harness.graph import build as b
from harness.graph.build import Builder
from harness.graph.derive import gradient, lower
from harness.graph.node import Graph, Node
from harness.graph.registry import PRIMITIVES
from operations import OPERATIONS, point, scalar
from plain import Plain

Array = NDArray[np.float64]
FLOAT64 = PRECISIONS["float64"]
DOMAINS: dict[str, Callable[[], Domain]] = {
    "ball": lambda: Ball(50),
    "bound": lambda: Bound(FLOAT64),
    "plain": lambda: Plain("float64"),
}


def numbers(run: Evaluation, position: int) -> Array:
    """Return the values of a node as float64."""
    return np.asarray(run.domain.parts(run.values[position])[0], dtype=np.float64)


def run_in(domain: Domain, graph: Graph, inputs: dict[str, Any], **options: Any) -> Evaluation:
    """Return the evaluation of a graph's outputs in a domain, with the decisions of a ball run."""
    decisions: dict[int, Any] = {}
    evaluate(graph, graph.outputs, Ball(50), inputs, precision=FLOAT64, decisions=decisions)
    return evaluate(graph, graph.outputs, domain, inputs, precision=FLOAT64, decisions=decisions, **options)


@pytest.mark.parametrize("name", OPERATIONS)
def test_all_domains_say_the_same(name: str) -> None:
    graph = gradient(scalar(OPERATIONS[name])).graph
    inputs = point(name, scalar(OPERATIONS[name]))
    runs = {domain: run_in(make(), graph, inputs) for domain, make in DOMAINS.items()}
    for output in graph.outputs:
        exact = numbers(runs["ball"], output)
        assert np.isfinite(exact).all()
        for run in runs.values():
            assert numbers(run, output).shape == graph.nodes[output].shape
            assert np.allclose(numbers(run, output), exact, rtol=1e-12, atol=1e-14)
            assert (run.absent[output] is None) == (runs["ball"].absent[output] is None)


def test_a_table_that_lacks_a_decision_is_an_error() -> None:
    graph = lower(scalar(OPERATIONS["relu"]))
    with pytest.raises(Undecided):
        evaluate(graph, graph.outputs, Bound(FLOAT64), point("relu", graph), precision=FLOAT64, decisions={})


def test_a_composite_must_be_lowered_first() -> None:
    graph = scalar(OPERATIONS["softmax"])
    with pytest.raises(Unevaluated, match="softmax is not a primitive"):
        evaluate(graph, graph.outputs, Ball(50), point("softmax", graph), precision=FLOAT64, decisions={})


def test_every_primitive_is_evaluated() -> None:
    rows = {name for name, row in PRIMITIVES.items() if not row.decision} - {"arange"}
    assert set(ROWS) | set(FUNCTIONS) == rows


# --------------------------------------------------------------------------- moving data

MOVES: dict[str, tuple[tuple[int, ...], tuple[Any, ...], dict[str, Any]]] = {
    "reshape": ((2, 3), (), {"shape": (3, 1, 2)}),
    "permute_dims": ((2, 3, 4), (), {"axes": (2, 0, 1)}),
    "broadcast_to": ((3, 1), (), {"shape": (2, 3, 4)}),
    "index": ((2, 3, 4), (), {"index": (None, 1, (2, 0, -1), None)}),
    "take": ((2, 3), (np.array([[2, 0], [1, 1]]),), {"axis": 1}),
    "take_along_axis": ((2, 3), (np.array([[2, 0, 0, 1], [1, 1, 2, 0]]),), {"axis": 1}),
    "max_select": ((2, 3, 4), (np.random.default_rng(0).random((2, 3, 4)),), {"axes": (0, 2), "keepdims": True}),
}
DIRECT: dict[str, Callable[..., Array]] = {
    "reshape": lambda x, shape: x.reshape(shape),
    "permute_dims": lambda x, axes: x.transpose(axes),
    "broadcast_to": lambda x, shape: np.broadcast_to(x, shape),
    "index": lambda x, index: x[None, 1, 2:0:-1, None],
    "take": lambda x, i, axis: np.take(x, i, axis),
    "take_along_axis": lambda x, i, axis: np.take_along_axis(x, i, axis),
    "max_select": lambda x, w, axes, keepdims: np.sum(
        np.where(w == w.max(axes, keepdims=True), x, 0), axes, keepdims=True
    ),
}


@pytest.mark.parametrize("op", MOVES)
def test_data_moves_as_in_numpy_with_and_without_samples(op: str) -> None:
    shape, others, attrs = MOVES[op]
    samples = np.random.default_rng(1).random((5, *shape))
    expected = np.stack([DIRECT[op](x, *others, **attrs) for x in samples])
    assert (structure.MOVES[op](samples, 1, *others, **attrs) == expected).all()
    assert (structure.MOVES[op](samples[0], 0, *others, **attrs) == expected[0]).all()


@pytest.mark.parametrize(("adjoint", "op"), structure.ADJOINTS.items())
def test_the_adjoint_of_a_selection_adds_where_it_came_from(adjoint: str, op: str) -> None:
    shape, others, attrs = MOVES[op]
    x = np.random.default_rng(2).random(shape)
    landing = structure.landing(adjoint, others, {**attrs, "shape": shape})
    assert (x.ravel()[landing] == structure.MOVES[op](x, 0, *others, **attrs)).all()


def test_joining_repeats_a_sample_that_stands_for_all() -> None:
    many, once = np.ones((4, 2, 3)), np.zeros((1, 2, 1))
    assert structure.concat([many, once], 1, 1).shape == (4, 2, 4)


# --------------------------------------------------------------------------- data, literals, frozen nodes


def test_integer_and_boolean_data_are_compared_and_joined_by_logic() -> None:
    builder = Builder()
    x, i, m = builder.input("x", (3,)), builder.input("i", (3,), "int"), builder.input("m", (3,), "bool")
    one = b.broadcast_to(builder.constant(1), (3,))
    condition = b.call("logical_and", b.call("greater", i, one), b.call("logical_not", m))
    order = b.call("less", builder.call("arange", n=3), i)
    graph = builder.freeze(b.call("where", b.call("logical_or", condition, order), x, x * 0))
    inputs = {"x": np.array([1.0, 2.0, 4.0]), "i": np.array([2, 5, 0]), "m": np.array([False, True, False])}
    run = evaluate(graph, graph.outputs, Ball(50), inputs, precision=FLOAT64, decisions=(decisions := {}))
    assert numbers(run, graph.outputs[0]).tolist() == [1, 2, 0]
    assert {graph.nodes[k].op for k in decisions} == {"greater", "less", "logical_and", "logical_or", "logical_not"}
    assert set(run.choices) == {k for k in decisions if graph.nodes[k].op == "greater"}


def test_another_decision_is_followed_through_logic() -> None:
    builder = Builder()
    x = builder.input("x", ())
    positive = b.call("greater", x, builder.constant(0))
    graph = builder.freeze(b.call("where", b.call("logical_not", positive), x, x * 3))
    decisions: dict[int, Any] = {}
    evaluate(graph, graph.outputs, Ball(50), {"x": np.array(1.0)}, precision=FLOAT64, decisions=decisions)
    decisions[positive.id] = np.array(False)
    run = evaluate(graph, graph.outputs, Ball(50), {"x": np.array(1.0)}, precision=FLOAT64, decisions=decisions)
    assert numbers(run, graph.outputs[0]) == 1


@pytest.mark.parametrize(
    ("dtype", "value", "rounded", "held"),
    [
        ("float64", 0.1, 0.1, True),
        ("float32", 0.1, float(np.float32(0.1)), False),
        ("float32", 3, 3, True),
        ("float32", 2**24 + 1, 2.0**24, False),
        ("bfloat16", 257, 256, False),
    ],
)
def test_literals_are_rounded_to_the_dtype(dtype: str, value: float, rounded: float, held: bool) -> None:
    literal = literal_of(Node(op="constant", attrs={"value": value}), PRECISIONS[dtype])
    assert (literal.rounded, literal.held) == (rounded, held)
    count = literal_of(Node(op="constant", attrs={"value": value, "exact": True}), PRECISIONS[dtype])
    assert (count.rounded, count.held) == (value, held)


@pytest.mark.parametrize(
    ("value", "power"), [(1, 1), (-2, -2), (0.125, 0.125), (3, None), (0, None), ("sqrt_half", None)]
)
def test_powers_of_two_are_known(value: float, power: float | None) -> None:
    assert literal_of(Node(op="constant", attrs={"value": value}), FLOAT64).power_of_two == power


def test_frozen_nodes_keep_their_value_and_nothing_below_is_evaluated() -> None:
    builder = Builder()
    x = builder.input("x", ())
    stopped = b.call("stop_gradient", x * x)
    graph = builder.freeze(stopped + x)
    ball = Ball(50)
    frozen = {stopped.id: ball.exact(np.array(100.0))}
    run = evaluate(graph, graph.outputs, ball, {"x": np.array(1.0)}, precision=FLOAT64, decisions={}, frozen=frozen)
    assert numbers(run, graph.outputs[0]) == 101
    assert stopped.node.args[0] not in run.values


# --------------------------------------------------------------------------- fractions


def test_fractions_stay_exact() -> None:
    builder = Builder()
    x = builder.input("x", (2,))
    y = b.call("pow", x * 0.1 - 1, exponent=-2)
    graph = builder.freeze(b.total(b.call("pick", y, b.call("step", x)), (0,)))
    inputs = {"x": np.array([Fraction("3.1"), Fraction(-1)], dtype=object)}
    run = evaluate(graph, graph.outputs, Rational(), inputs, precision=PRECISIONS["float32"], decisions={})
    assert run.values[graph.outputs[0]].item() == 1 / (Fraction(31, 100) - 1) ** 2


def test_fractions_that_nobody_could_read_are_given_up() -> None:
    """Each step of the logistic map doubles the digits: forty steps would fill a machine."""
    builder = Builder()
    s = builder.input("x", ())
    for _ in range(40):
        s = 3 * s * (1 - s)
    graph = builder.freeze(s)
    with pytest.raises(Unevaluated, match="too long"):
        evaluate(graph, graph.outputs, Rational(), {"x": np.array(Fraction(1, 3) + 1)}, precision=FLOAT64, decisions={})
    power = Builder()
    graph = power.freeze(b.call("pow", power.input("x", ()), exponent=10**9))
    with pytest.raises(Unevaluated, match="too long"):
        evaluate(graph, graph.outputs, Rational(), {"x": np.array(Fraction(3, 7))}, precision=FLOAT64, decisions={})
