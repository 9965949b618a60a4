"""What is known to be wrong in a framework, as a whole run tells it; and hard right gradients that pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import harness
from harness.backends import load
from harness.domains.precision import round_to
from harness.graph import build as b
from harness.graph.derive import gradient
from harness.graph.node import Graph
from harness.judge import Class, Evidence, Verdict, judge
from harness.measurement import Leaves, Measurement, Task
from harness.truth import establish, tolerance
from test_truth import call, graph_of

ENGINES = ("tensorflow", "torch", "jax")
Function = Callable[[Any, Any], Any]
RIGHT = "Its gradient is right."
LEAK = "Its gradient: DISAGREE{precision leak: only float32-accurate}, error "
WRONG = "Its gradient: DISAGREE, error "

LEAKY: Function = lambda xp, x: xp.sum(xp.nn.leaky_relu(x, negative_slope=0.2))  # noqa: E731 - definitions to be traced
GELU: Function = lambda xp, x: xp.sum(xp.nn.gelu(x, approximate="none"))  # noqa: E731
TANH_GELU: Function = lambda xp, x: xp.sum(xp.nn.gelu(x, approximate="tanh"))  # noqa: E731
SOFTPLUS: Function = lambda xp, x: xp.sum(xp.nn.softplus(x))  # noqa: E731
LOG1P: Function = lambda xp, x: xp.sum(xp.log1p(x))  # noqa: E731

SIGNED = [-0.5, 1.25, -2.0]
FINDINGS = {
    "leaky_relu": (LEAKY, "tensorflow", SIGNED, "precision leak", 7.45e-9, LEAK),
    "gelu": (GELU, "tensorflow", SIGNED, "precision leak", 2e-8, LEAK),
    "gelu, tanh": (TANH_GELU, "tensorflow", SIGNED, "precision leak", 1.48e-9, LEAK),
    "softplus": (SOFTPLUS, "torch", [25.0], "inaccurate", 1.39e-11, WRONG),
    "log1p": (LOG1P, "jax", [-0.41411036252975464], "inaccurate", 1.42e-14, RIGHT),
}
"""Function, framework, point, the value's diagnosis, the size of its error, and what is said of its gradient."""


@pytest.mark.needs("tensorflow", "torch", "jax")
@pytest.mark.parametrize("name", FINDINGS)
def test_a_wrong_value_is_told_with_its_size_and_its_gradient(name: str) -> None:
    function, backend, x, diagnosis, size, second = FINDINGS[name]
    (cell,) = harness.check(function, backends=(backend,), x=np.array(x)).cells
    assert (cell.verdict, cell.diagnosis) == ("VALUE-MISMATCH", diagnosis)
    assert cell.worst is not None
    assert 0.3 * size < float(cell.worst.error) < 3 * size
    assert f", error {float(cell.worst.error):.3g}, tolerance " in cell.reason
    assert f". {second}" in cell.reason


@pytest.mark.needs("tensorflow", "torch", "jax")
@pytest.mark.parametrize("name", FINDINGS)
def test_the_others_are_right_there(name: str) -> None:
    function, backend, x, *_ = FINDINGS[name]
    others = tuple(engine for engine in ENGINES if engine != backend)
    for cell in harness.check(function, backends=others, x=np.array(x)).cells:
        assert cell.cls == "pass", cell.reason


# --------------------------------------------------------------------------- zero


@pytest.mark.needs("backend")
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize("backend", ENGINES)
def test_a_square_at_zero_passes(backend: str, dtype: str) -> None:
    (cell,) = harness.check(lambda xp, w: w**2, backends=(backend,), dtypes=(dtype,), w=0.0).cells
    assert (cell.verdict, cell.cls) in (("EXACT", "pass"), ("AGREE", "pass"))
    assert np.isfinite(float(cell.resolution))


@pytest.mark.parametrize("off", [1e-300, np.nan, 1.0])
def test_anything_else_at_zero_fails(off: float) -> None:
    inputs: Leaves = {"w": np.array(0.0)}
    graph = graph_of(lambda w: w * w, inputs)
    measurement = load("torch").measure(Task(graph=graph, inputs=inputs, dtype="float64", variant="eager"))
    assert judged(graph, inputs, "float64", measurement).cls is Class.PASS
    partial = measurement.partials["w"]
    assert partial is not None
    wrong = replace(measurement, partials={"w": replace(partial, values=np.asarray(off))})
    assert judged(graph, inputs, "float64", wrong).cls is Class.FAIL


def judged(graph: Graph, inputs: Leaves, dtype: str, measurement: Measurement) -> Verdict:
    derivative = gradient(graph)
    truth = establish(derivative, inputs, dtype)
    allowed = tolerance(derivative, inputs, dtype, truth)
    return judge(Evidence(measurement=measurement, truth=truth, tolerance=allowed, dtype=dtype)).verdict


# --------------------------------------------------------------------------- 10⁵ rows at zero weights


def logistic(rows: int) -> tuple[Graph, Leaves]:
    """Return logistic regression at zero weights, where the errors of equal rows add up, and its data."""
    rng = np.random.default_rng(0)
    x = np.column_stack([np.full(rows, 0.3), rng.standard_normal((rows, 2))])
    inputs: Leaves = {"w": np.zeros(3), "x": round_to(x, "float32"), "y": (x @ [0.1, 1, -2] > 0) * 1.0}

    def cost(w: b.Ref, x: b.Ref, y: b.Ref) -> b.Ref:
        z = call("matvec", x, w)
        return call("mean", call("softplus", z) - y * z, axes=(0,), keepdims=False)

    return graph_of(cost, inputs), inputs


@pytest.mark.parametrize(("dtype", "fault"), [("float64", 1 + 1e-6), ("float32", 1.1)])
def test_many_rows_pass_and_a_small_fault_does_not(dtype: str, fault: float) -> None:
    graph, inputs = logistic(100_000)
    derivative = gradient(graph)
    truth = establish(derivative, inputs, dtype)
    allowed = tolerance(derivative, inputs, dtype, truth)
    for name in ENGINES:
        task = Task(graph=graph, inputs=inputs, dtype=dtype, variant="eager")
        measurement = load(name).measure(task)
        evidence = Evidence(measurement=measurement, truth=truth, tolerance=allowed, dtype=dtype)
        assert judge(evidence).verdict.cls is Class.PASS
        partial = measurement.partials["w"]
        assert partial is not None
        wrong = replace(
            measurement, partials={**measurement.partials, "w": replace(partial, values=partial.values * fault)}
        )
        assert judge(replace(evidence, measurement=wrong)).verdict is Verdict.DISAGREE
