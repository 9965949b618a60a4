"""The tolerance: the smaller of worst case and noise, with terms that add up, and sharp enough to see faults."""

from __future__ import annotations

import numpy as np
import pytest

from harness.domains.evaluate import evaluate
from harness.domains.precision import PRECISIONS, Array, round_to
from harness.graph import build as b
from harness.graph.build import Builder, Ref
from harness.graph.derive import Derivative, gradient
from harness.measurement import Leaves
from harness.truth import Tolerance, Truth, establish, tolerance
from harness.truth.sampling import deviations
from harness.truth.tolerance import coarse, worst_case
from operations import OPERATIONS, point, scalar
from plain import Plain
from test_truth import call, graph_of


def deep(layers: int, dtype: str) -> tuple[Derivative, Leaves]:
    """Return the gradient of a net of square tanh layers, and a seeded point."""
    builder, rng = Builder(), np.random.default_rng(0)
    h = builder.input("x", (4, 8))
    inputs: Leaves = {"x": rng.uniform(-1, 1, (4, 8))}
    for k in range(layers):
        h = call("tanh", b.matmul(h, builder.input(f"w{k}", (8, 8), param=True)))
        inputs[f"w{k}"] = rng.standard_normal((8, 8)) / np.sqrt(8)
    graph = builder.freeze(call("mean", h * h, axes=(0, 1), keepdims=False))
    return gradient(graph), {path: round_to(x, dtype) for path, x in inputs.items()}


def judged(derivative: Derivative, inputs: Leaves, dtype: str) -> tuple[Truth, Tolerance, Tolerance]:
    """Return the truth, its tolerance, and the worst case."""
    truth = establish(derivative, inputs, dtype)
    return truth, tolerance(derivative, inputs, dtype, truth), worst_case(truth, PRECISIONS[dtype])


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("layers", [1, 12])
def test_the_terms_add_up_and_are_never_above_the_worst_case(layers: int, dtype: str) -> None:
    truth, found, worst = judged(*deep(layers, dtype), dtype)
    leaves = [(found.value, worst.value, truth.value)]
    leaves += [(found.partials[p], worst.partials[p], exact) for p, exact in truth.partials.items()]
    for terms, limit, exact in leaves:
        assert set(terms.parts) - {"noise"} == {"operations", "result", "underflow"}
        assert (terms.total == sum(terms.parts.values())).all()
        assert (terms.total <= limit.total).all()
        assert (terms.parts["underflow"] == PRECISIONS[dtype].least).all()
        assert terms.total.shape == exact.nearest.shape


@pytest.mark.parametrize(("dtype", "share"), [("float64", 1e-6), ("float32", 1e-2)])
def test_noise_sees_what_a_vacuous_bound_does_not(dtype: str, share: float) -> None:
    truth, found, worst = judged(*deep(20, dtype), dtype)
    assert coarse(truth, worst, PRECISIONS[dtype])
    exact, seen, blind = truth.partials["w0"].nearest, found.partials["w0"].total, worst.partials["w0"].total
    assert np.median(seen / abs(exact)) < share
    assert (seen < 1e-2 * blind).all()


def plain_errors(derivative: Derivative, inputs: Leaves, dtype: str) -> tuple[Array, Array]:
    """Return NumPy's errors and the tolerances of all entries of the gradient."""
    truth, found, _ = judged(derivative, inputs, dtype)
    graph, precision = derivative.graph, PRECISIONS[dtype]
    run = evaluate(graph, graph.outputs, Plain(dtype), inputs, precision=precision, decisions=truth.decisions)
    errors, allowed = [], []
    for path, node in derivative.partials.items():
        assert node is not None
        errors.append(np.ravel(truth.partials[path].distance(run.values[node])))
        allowed.append(np.ravel(found.partials[path].total))
    return np.concatenate(errors), np.concatenate(allowed)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("layers", [12, 20])
def test_what_numpy_rounds_on_a_deep_net_is_inside(layers: int, dtype: str) -> None:
    errors, allowed = plain_errors(*deep(layers, dtype), dtype)
    assert not (~(errors <= allowed)).any()
    assert (errors / allowed).max() > 0.05


def by_hand(x: Ref) -> Ref:
    """Return x + 0.1 x + 0.1 x + …, three hundred equal additions."""
    total = x
    for _ in range(300):
        total = total + x * 0.1
    return total


def worst_by_hand() -> float:
    """Return the worst error over tolerance of three hundred additions in float32, at several points."""
    worst = 0.0
    for x in np.linspace(0.3, 0.9, 9):
        inputs = {"x": round_to(np.array(x), "float32")}
        derivative = gradient(graph_of(by_hand, inputs))
        truth = establish(derivative, inputs, "float32")
        low, value, precision = derivative.graph, derivative.value, PRECISIONS["float32"]
        run = evaluate(low, [value], Plain("float32"), inputs, precision=precision, decisions={})
        deviation = deviations(derivative, inputs, "float32", truth).value
        allowed = 8 * deviation + 4 * precision.unit * abs(truth.value.nearest)
        worst = max(worst, float(truth.value.distance(run.values[value]) / allowed))
    return worst


def test_equal_additions_by_hand_are_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0.05 < worst_by_hand() <= 0.6
    monkeypatch.setattr("harness.domains.amplitudes.COHERENT", 0.0)
    assert worst_by_hand() > 0.6


def test_where_the_worst_case_is_sharp_there_is_no_noise() -> None:
    for name in ("softmax", "matmul"):
        graph = scalar(OPERATIONS[name])
        truth, found, worst = judged(gradient(graph), point(name, graph), "float64")
        assert not coarse(truth, worst, PRECISIONS["float64"])
        assert set(found.partials["x0"].parts) == {"operations", "result", "underflow"}


def test_a_tolerance_that_is_blind_asks_for_noise() -> None:
    """Four entries of five are sharp, but the norm of the tolerance is that of the fifth, which is rounding alone."""

    def cancelled(x: Ref) -> Ref:
        rest = (x[4:] + 1e8) - 1e8
        return b.concat([x[:4] * x[:4], rest * rest], 0)

    inputs = {"x": np.ones(5)}
    truth, _, worst = judged(gradient(graph_of(cancelled, inputs)), inputs, "float32")
    resolution = worst.partials["x"].total / abs(truth.partials["x"].nearest)
    assert np.median(resolution) < 1e-6
    assert resolution[4] > 1
    assert coarse(truth, worst, PRECISIONS["float32"])


def test_half_types_always_look_at_noise() -> None:
    graph = scalar(OPERATIONS["softmax"])
    inputs = {path: round_to(x, "bfloat16") for path, x in point("softmax", graph).items()}
    truth, found, worst = judged(gradient(graph), inputs, "bfloat16")
    assert coarse(truth, worst, PRECISIONS["bfloat16"])
    assert "noise" in found.partials["x0"].parts


def test_a_gradient_of_zeros_has_an_absolute_tolerance() -> None:
    truth, found, _ = judged(gradient(graph_of(lambda w: w * w, {"w": np.array(0.0)})), {"w": np.array(0.0)}, "float64")
    assert truth.partials["w"].nearest == 0
    assert found.partials["w"].total == 2.0**-1022


def test_an_undefined_point_keeps_the_worst_case() -> None:
    inputs = {"x": np.array(0.0)}
    _, found, _ = judged(gradient(graph_of(lambda x: call("log", x), inputs)), inputs, "float32")
    assert found.value.total.shape == ()
    assert not np.isfinite(found.value.total)


def test_an_unbounded_error_is_an_infinite_worst_case() -> None:
    inputs = {"x": np.array(1e-20)}
    _, found, worst = judged(gradient(graph_of(lambda x: call("log", (x + 1) - 1), inputs)), inputs, "float64")
    assert worst.value.total == np.inf
    assert found.value.total == np.inf
