"""Ties, near ties and margins: what is one, and whether it matters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness.domains.ball import Ball
from harness.domains.evaluate import evaluate
from harness.domains.precision import PRECISIONS
from harness.graph.build import Builder, Ref
from harness.graph.derive import gradient
from harness.truth import establish
from harness.truth.kinks import least_margin
from test_truth import call, constant, graph_of, truth_of, where_positive


def huber(x: Ref) -> Ref:
    a = call("abs", x)
    return call("where", call("less_equal", a, constant(x, 1)), x * x * 0.5, a - 0.5)


def smallest(x: Ref) -> Ref:
    return call("take_along_axis", x, call("argsort", x, axis=0, descending=False), axis=0)[:1]


TIES: dict[str, tuple[Callable[[Ref], Ref], Any, str]] = {
    "relu": (lambda x: call("relu", x), [0.0, 1.0], "step"),
    "abs": (lambda x: call("abs", x), [0.0, 1.0], "sign_weight"),
    "sign": (lambda x: call("sign", x) * x, [0.0, 1.0], "sign_weight"),
    "max": (lambda x: call("max", x, axes=(0,), keepdims=False), [2.0, 1.0, 2.0], "max_weight"),
    "maximum": (lambda x: call("maximum", x, constant(x, 1)), [0.0, 1.0], "max_weight"),
    "clip": (lambda x: call("clip", x, constant(x, 0), constant(x, 1)), [0.5, 1.0], "max_weight"),
    "where": (lambda x: where_positive(x, x, x * 2), [0.0, 1.0], "greater"),
    "jump": (lambda x: where_positive(x, constant(x, 1), constant(x, 0)) + x, [0.0], "greater"),
    "huber": (huber, [0.0, 1.0], "less_equal"),
    "sort": (smallest, [1.0, 2.0, 1.0], "argsort"),
    "through logic": (
        lambda x: call("where", call("logical_not", call("greater", x, constant(x, 0))), x, x * 2),
        [0.0],
        "greater",
    ),
}


@pytest.mark.parametrize("name", TIES)
def test_a_tie_that_matters_is_found(name: str) -> None:
    function, x, op = TIES[name]
    truth = truth_of(function, x=np.array(x))
    assert [tie.op for tie in truth.ties] == [op]
    assert not truth.ties[0].presumed
    assert truth.near == ()


SMOOTH: dict[str, tuple[Callable[[Ref], Ref], Any]] = {
    **{name: (function, np.array(x) + 0.375 * np.arange(1, len(x) + 1)) for name, (function, x, _) in TIES.items()},
    "log_softmax of equal logits": (lambda x: call("log_softmax", x, axis=0)[0], [1.0, 1.0, 1.0]),
    "huber where abs is not used": (huber, [0.0, 0.5, 3.0]),
    "a branch that is not selected": (lambda x: where_positive(x, x, call("relu", x - x)), [1.0, 2.0]),
    "a product with zero": (lambda x: call("abs", x) * 0 + x, [0.0]),
    "branches that meet, with nothing flowing": (lambda x: where_positive(x, x, x * 2) * 0 + x, [0.0]),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_where_nothing_ties_or_nothing_depends_on_it_there_is_no_tie(name: str) -> None:
    function, x = SMOOTH[name]
    truth = truth_of(function, x=np.array(x))
    assert truth.ties == ()
    assert truth.refusal is None


def test_a_comparison_of_data_alone_is_no_tie() -> None:
    builder = Builder()
    x, data = builder.input("x", (2,), param=True), builder.input("data", (2,))
    picked = where_positive(data, x * x, x)
    graph = builder.freeze(call("sum", picked, axes=(0,), keepdims=False))
    truth = establish(gradient(graph), {"x": np.ones(2), "data": np.array([0.0, 1.0])}, "float64")
    assert (truth.ties, truth.near) == ((), ())


def test_a_sign_that_no_precision_settles_is_presumed_a_tie() -> None:
    truth = truth_of(lambda x: call("relu", call("sqrt", x) * call("sqrt", x) - 2), x=2.0)
    assert [(tie.op, tie.presumed) for tie in truth.ties] == [("step", True)]
    assert truth.digits > 600


def test_a_sign_that_more_digits_settle_is_decided() -> None:
    truth = truth_of(lambda x: call("relu", call("sqrt", x) * call("sqrt", x) - 2 + 2.0**-300), x=2.0)
    assert truth.ties == ()
    assert truth.partials["x"].nearest == 1
    assert 50 < truth.digits < 600


NEAR: dict[str, tuple[Callable[[Ref], Ref], Any, str]] = {
    "relu": (lambda x: call("relu", (x + 1) - 1), [1e-17], "step"),
    "abs": (lambda x: call("abs", (x + 1) - 1), [-1e-17], "sign_weight"),
    "max": (lambda x: call("max", x / 3, axes=(0,), keepdims=False), [2.0, 2.0 + 2.0**-51, 1.0], "max_weight"),
    "sort": (lambda x: smallest(x / 3), [2.0, 2.0 + 2.0**-51, 3.0], "argsort"),
    "where": (lambda x: where_positive((x + 1) - 1, x, x * 2), [1e-17], "greater"),
}


@pytest.mark.parametrize("name", NEAR)
def test_a_decision_within_rounding_is_near(name: str) -> None:
    function, x, op = NEAR[name]
    truth = truth_of(function, x=np.array(x))
    assert truth.ties == ()
    assert [tie.op for tie in truth.near] == [op]
    assert truth.refusal is None


@pytest.mark.parametrize("name", NEAR)
def test_a_decision_beyond_rounding_is_not_near(name: str) -> None:
    function, x, _ = NEAR[name]
    assert truth_of(function, x=np.array(x) + 0.125 * np.arange(1, len(x) + 1)).near == ()


def test_a_choice_that_nothing_flows_through_is_never_near() -> None:
    x = np.array([2.0, 2.0 + 2.0**-51, 1.0])
    assert truth_of(lambda x: call("log_softmax", x / 3, axis=0)[0], x=x).near == ()


def test_margins_are_the_least_distance_from_a_threshold() -> None:
    inputs = {"x": np.array([0.25, -3.0, 0.0])}
    graph = gradient(graph_of(lambda x: call("relu", x), inputs)).graph
    run = evaluate(graph, graph.outputs, Ball(50), inputs, precision=PRECISIONS["float64"], decisions={})
    assert least_margin(run) == 0.25
