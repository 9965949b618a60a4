"""What is established at a point: values, undefined points, ranges, refusals, tolerance."""

from __future__ import annotations

import sys
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from harness.domains.precision import PRECISIONS, round_to
from harness.graph import build as b
from harness.graph.build import Builder, Ref
from harness.graph.derive import gradient, hvp
from harness.graph.node import Graph
from harness.graph.registry import PRIMITIVES, Primitive
from harness.truth import Kind, Truth, establish, ideal, tolerance
from operations import OPERATIONS, point, scalar, tangents

ESTABLISH = sys.modules[establish.__module__]
"""The module: the package has a function of its name."""


def graph_of(function: Callable[..., Ref], inputs: dict[str, Any]) -> Graph:
    """Return the graph of the sum of a function's entries; integer inputs are data."""
    builder, refs = Builder(), []
    for path, value in inputs.items():
        real = np.asarray(value).dtype.kind == "f"
        refs.append(builder.input(path, np.shape(value), "real" if real else "int", param=real))
    result = function(*refs)
    return builder.freeze(b.total(result, range(result.ndim)))


def truth_of(function: Callable[..., Ref], dtype: str = "float64", **inputs: Any) -> Truth:
    """Return the truth of the sum of a function's entries."""
    arrays = {path: np.asarray(value) for path, value in inputs.items()}
    return establish(gradient(graph_of(function, arrays)), arrays, dtype)


def call(op: str, *args: Ref, **attrs: Any) -> Ref:
    return b.call(op, *args, **attrs)


def constant(x: Ref, value: float | str) -> Ref:
    return b.broadcast_to(x.builder.constant(value), x.shape)


def where_positive(x: Ref, a: Ref, c: Ref) -> Ref:
    return call("where", call("greater", x, constant(x, 0)), a, c)


# --------------------------------------------------------------------------- values


def test_a_square_is_exact() -> None:
    truth = truth_of(lambda w: (w * 3 + 2) * (w * 3 + 2), w=3.0)
    assert truth.refusal is None
    assert (truth.value.nearest, truth.partials["w"].nearest) == (121, 66)
    assert (truth.value.radius, truth.partials["w"].radius) == (0, 0)
    assert truth.certificate.how == "exact"
    assert truth.value_digits == "121"
    assert truth.digits == ESTABLISH.DIGITS
    assert not truth.undefined
    assert (truth.ties, truth.near, truth.beyond_range) == ((), (), "")


def test_the_point_and_the_literals_are_those_of_the_dtype() -> None:
    single = float(np.float32(0.1))
    assert truth_of(lambda x: x * 0.1, "float32", x=single).value.nearest == np.float64(single) ** 2
    assert truth_of(lambda x: x - 0.1, "float32", x=single).value.nearest == 0
    assert truth_of(lambda x: x - 0.1, "float64", x=single).value.nearest != 0


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("exponent", [0.1, 1 / 3, -0.7, 2.3])
def test_a_fractional_power_has_the_derivative_of_its_rounded_exponent(exponent: float, dtype: str) -> None:
    truth = truth_of(lambda x: call("pow", x, exponent=exponent), dtype, x=0.75)
    rounded = round_to(np.array(exponent), dtype).item()
    assert truth.refusal is None
    assert np.isclose(truth.partials["x"].nearest, rounded * 0.75 ** (rounded - 1), rtol=1e-14, atol=0)


@pytest.mark.parametrize("name", OPERATIONS)
def test_radii_are_a_small_share_of_the_tolerance(name: str) -> None:
    graph = scalar(OPERATIONS[name])
    derivative, inputs = gradient(graph), point(name, graph)
    truth = establish(derivative, inputs, "float64")
    allowed = tolerance(derivative, inputs, "float64", truth)
    assert truth.value.radius <= 1e-3 * allowed.value.total
    for path, exact in truth.partials.items():
        assert (exact.radius <= 1e-3 * allowed.partials[path].total).all()


def test_digits_are_doubled_until_the_radius_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    assert truth_of(lambda x: call("exp", x), x=1.0).digits == ESTABLISH.DIGITS
    monkeypatch.setattr(ESTABLISH, "DIGITS", 12)
    truth = truth_of(lambda x: call("exp", x), x=1.0)
    assert truth.digits == 24
    assert truth.refusal is None


def test_a_leaf_without_influence_is_not_connected() -> None:
    truth = truth_of(lambda x, y: x * x, x=3.0, y=np.ones(2))
    assert truth.connected == {"x": True, "y": False}
    assert truth.partials["y"].nearest.tolist() == [0, 0]
    assert truth.refusal is None


@pytest.mark.parametrize("name", ["softplus", "matmul", "max", "take"])
def test_a_hessian_times_a_vector_is_established_too(name: str) -> None:
    graph = scalar(OPERATIONS[name])
    inputs = tangents(graph, point(name, graph))
    truth = establish(hvp(graph), inputs, "float64")
    assert truth.refusal is None
    step = 1e-6
    for path in graph.params:
        ahead, behind = (
            establish(
                gradient(graph),
                {**inputs, **{p: inputs[p] + side * step * inputs[f"v.{p}"] for p in graph.params}},
                "float64",
            )
            for side in (1, -1)
        )
        difference = (ahead.partials[path].nearest - behind.partials[path].nearest) / (2 * step)
        assert np.allclose(truth.partials[path].nearest, difference, rtol=1e-6, atol=1e-8)


# --------------------------------------------------------------------------- masked and undefined


def test_an_unselected_branch_does_not_spoil_the_gradient() -> None:
    truth = truth_of(lambda x: where_positive(x, call("sqrt", x), constant(x, 0)), x=np.array([-1.0, 4.0]))
    assert truth.partials["x"].nearest.tolist() == [0, 0.25]
    assert (truth.undefined, truth.refusal, truth.ties) == (False, None, ())


def test_an_entry_that_is_not_selected_does_not_spoil_the_gradient() -> None:
    for select in (lambda y: y[1], lambda y: call("max", y, axes=(0,), keepdims=False)):
        truth = truth_of(lambda x, select=select: select(call("sqrt", x)), x=np.array([0.0, 4.0]))
        assert truth.partials["x"].nearest.tolist() == [0, 0.25]
        assert not truth.undefined


@pytest.mark.parametrize(
    "function",
    [
        lambda x: call("sqrt", x) * call("sqrt", x),
        lambda x: call("log", x),
        lambda x: 1 / x,
        lambda x: call("pow", x, exponent=1.5),
        lambda x: call("relu", x - 2) * call("sqrt", x - 1),
    ],
    ids=["sqrt times sqrt", "log", "reciprocal", "one side only", "zero times nan"],
)
def test_what_is_not_finite_or_not_real_around_the_point_is_undefined(function: Callable[[Ref], Ref]) -> None:
    truth = truth_of(function, x=0.0)
    assert truth.undefined
    assert not truth.certificate.accepted
    assert truth.refusal is None


def test_minus_infinity_masks() -> None:
    logits, keep = np.arange(6.0).reshape(2, 3) / 3, np.array([[0, 1, 1], [1, 1, 0]])

    def masked(op: str) -> Callable[[Ref, Ref], Ref]:
        def function(x: Ref, k: Ref) -> Ref:
            z = call("where", call("greater", k, constant(k, 0)), x, constant(x, "-inf"))
            return call(op, z, axis=1) * x if op == "softmax" else call(op, z, axes=(1,), keepdims=False)

        return function

    for op in ("softmax", "logsumexp"):
        truth = truth_of(masked(op), x=logits, k=keep)
        assert (truth.refusal, truth.undefined, truth.ties) == (None, False, ())
        assert np.isfinite(truth.rounding.partials["x"]).all()
        assert (truth.rounding.partials["x"] < 1e-13).all()
    weights = np.exp(logits) * keep
    assert np.allclose(truth.partials["x"].nearest, weights / weights.sum(1, keepdims=True))
    assert (truth.partials["x"].nearest[keep == 0] == 0).all()


def test_zero_logits_are_no_tie() -> None:
    truth = truth_of(lambda x: call("log_softmax", x, axis=1)[:, 0], x=np.zeros((2, 3)))
    assert (truth.refusal, truth.ties, truth.near) == (None, (), ())
    assert np.allclose(truth.partials["x"].nearest, np.array([2, -1, -1]) / 3)


# --------------------------------------------------------------------------- range


@pytest.mark.parametrize(
    ("function", "dtype", "x", "message"),
    [
        (lambda x: call("exp", x), "float32", 100.0, "intermediate exp is 2.69e+43; float32 ends at 3.4e+38"),
        (lambda x: call("exp", x), "float64", 1000.0, "intermediate exp is 1.97e+434; float64 ends at 1.8e+308"),
        (lambda x: x / (x * x), "float32", 2.0**-50, "adjoint divide is"),
        (lambda x: call("exp", x) + x, "float32", -100.0, "intermediate exp is 3.72e-44; float32 begins at 1.18e-38"),
        (
            lambda x: x / x.builder.constant(10**5, exact=True),
            "float16",
            1.0,
            "constant is 1e+5; float16 ends at 6.55e+04",
        ),
    ],
    ids=["overflow", "beyond float64", "adjoint only", "underflow", "count"],
)
def test_a_range_that_is_left_is_named(function: Callable[[Ref], Ref], dtype: str, x: float, message: str) -> None:
    assert message in truth_of(function, dtype, x=x).beyond_range


def test_a_range_that_is_kept_is_not_named() -> None:
    assert truth_of(lambda x: call("exp", x), "float64", x=100.0).beyond_range == ""
    masked = truth_of(lambda x: call("exp", where_positive(x, x, constant(x, "-inf"))), x=np.array([1.0, -1.0]))
    assert masked.beyond_range == ""


def test_the_place_of_a_left_range_is_named() -> None:
    builder = Builder()
    builder.where = ("/somewhere/case_big.py", 12)
    x = builder.input("x", (), param=True)
    graph = builder.freeze(call("exp", x))
    assert "exp at case_big.py:12 is" in establish(gradient(graph), {"x": np.array(100.0)}, "float32").beyond_range


# --------------------------------------------------------------------------- refusals


def test_a_primitive_without_an_exact_rule_is_unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Primitive(name="bessel", infer=PRIMITIVES["exp"].infer, vjp=lambda g, y, x: (g,))
    monkeypatch.setitem(PRIMITIVES, "bessel", row)
    truth = truth_of(lambda x: call("bessel", x), x=1.0)
    assert truth.refusal is not None
    assert truth.refusal.kind is Kind.UNSUPPORTED
    assert "no bessel" in truth.refusal.sentence
    assert not truth.partials["x"].finite
    assert truth.value.distance(np.array(1.0)) == np.inf
    graph = graph_of(lambda x: call("bessel", call("relu", x)), {"x": np.array(1.0)})
    refused = establish(gradient(graph), {"x": np.array(1.0)}, "bfloat16")
    assert not np.isfinite(tolerance(gradient(graph), {"x": np.array(1.0)}, "bfloat16", refused).value.total)


def test_a_radius_that_stays_wide_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ESTABLISH, "SHARE", 1e-60)
    monkeypatch.setattr(ESTABLISH, "MOST_DIGITS", 50)
    truth = truth_of(lambda x: call("exp", x), x=1.0)
    assert truth.refusal is not None
    assert truth.refusal.kind is Kind.PRECISION


# --------------------------------------------------------------------------- ideal


def fractions(*texts: str) -> Any:
    out = np.empty(len(texts), dtype=object)
    out[:] = [Fraction(text) for text in texts]
    return out


def test_ideal_numbers_are_fractions_at_the_decimal_point() -> None:
    graph = graph_of(lambda w: (2 + 3 * w) * (2 + 3 * w), {"w": np.array(3.1)})
    assert ideal(graph, {"w": fractions("3.1").reshape(())}) == {"value": "12769/100", "w": "339/5"}
    assert ideal(graph, {"w": fractions("3").reshape(())}) == {"value": "121", "w": "66"}


def test_ideal_numbers_of_arrays_and_decisions() -> None:
    graph = graph_of(lambda x, y: call("relu", x * 0.1) / 3, {"x": np.ones(2), "y": np.ones((1, 2))})
    found = ideal(graph, {"x": fractions("2", "-1"), "y": fractions("1", "1").reshape(1, 2)})
    assert found == {"value": "1/15", "x": "[1/30, 0]", "y": "[[0, 0]]"}


@pytest.mark.parametrize("function", [lambda x: call("exp", x), lambda x: 1 / x, lambda x: x * "sqrt_half"])
def test_what_is_no_fraction_has_no_ideal(function: Callable[[Ref], Ref]) -> None:
    assert ideal(graph_of(function, {"x": np.array(0.0)}), {"x": fractions("0").reshape(())}) is None
