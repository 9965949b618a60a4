"""Every function of `xp` on every backend against the balls, value and gradient, and what is known to be wrong."""

from __future__ import annotations

from functools import cache

import pytest

from complex_uses import COMPLEX_USES
from harness.backends import describe, load
from harness.domains.precision import round_to
from harness.graph.derive import gradient
from harness.judge.judge import Evidence, Judgement, judge
from harness.judge.verdict import Class, Verdict
from harness.measurement import Measurement, Task, Trouble
from harness.truth import Tolerance, Truth, establish, tolerance
from vocabulary import USES, Use, point, public, traced, unused

BACKENDS = ("tensorflow", "torch", "jax", "sympy", "finite_difference")
COMPILED = (("tensorflow", "function"),)
"""Variants beside each backend's usual one, which is compiled for JAX."""

FLOAT32_INSIDE = "a constant of TensorFlow's own goes through float32"
FINDINGS: dict[tuple[str, str, str], tuple[Verdict, str]] = {
    ("nn.leaky_relu", "tensorflow", "float64"): (Verdict.VALUE_MISMATCH, FLOAT32_INSIDE),
    ("nn.gelu", "tensorflow", "float64"): (Verdict.VALUE_MISMATCH, FLOAT32_INSIDE),
    ("nn.gelu, tanh", "tensorflow", "float64"): (Verdict.VALUE_MISMATCH, FLOAT32_INSIDE),
    ("nn.softplus, above 20", "torch", "float64"): (Verdict.VALUE_MISMATCH, "torch is the identity above 20"),
    ("log1p, on (-0.5, -0.3)", "jax", "float64"): (Verdict.VALUE_MISMATCH, "JAX is up to 239 u off there"),
    ("nn.layer_norm, at an offset", "torch", "float64"): (Verdict.DISAGREE, "torch's backward pass cancels"),
    ("linalg.det, nearly singular", "tensorflow", "float64"): (Verdict.DISAGREE, "TensorFlow's gradient is det·inv"),
    ("linalg.det, nearly singular", "tensorflow", "float32"): (Verdict.DISAGREE, "TensorFlow's gradient is det·inv"),
}
"""Use, backend and dtype → the verdict that a fault of the framework has, and what it is. None of them is absorbed."""


@cache
def settled(name: str, dtype: str) -> tuple[Truth, Tolerance]:
    derivative, inputs = gradient(traced(name)), point(name)
    truth = establish(derivative, inputs, dtype)
    return truth, tolerance(derivative, inputs, dtype, truth)


def measured(name: str, backend: str, dtype: str, variant: str = "") -> Measurement:
    engine = load(backend)
    task = Task(graph=traced(name), inputs=point(name), dtype=dtype, variant=variant or engine.variants[0])
    return engine.measure(task)


def judged(name: str, measurement: Measurement, dtype: str) -> Judgement:
    truth, allowed = settled(name, dtype)
    return judge(Evidence(measurement=measurement, truth=truth, tolerance=allowed, dtype=dtype))


CELLS = [(name, backend, dtype) for name, use in USES.items() for backend in BACKENDS for dtype in use.dtypes]
identified = pytest.mark.parametrize(("name", "backend", "dtype"), CELLS, ids=["-".join(cell) for cell in CELLS])


def right(name: str, backend: str, dtype: str, variant: str = "") -> None:
    """Assert that a cell passes, or has exactly the verdict that is known."""
    measurement = measured(name, backend, dtype, variant)
    judgement = judged(name, measurement, dtype)
    if (name, backend, dtype) in FINDINGS:
        assert judgement.verdict is FINDINGS[name, backend, dtype][0], judgement.reason
    else:
        assert judgement.verdict.cls is Class.PASS, judgement.reason
        assert measurement.warnings == ()


@identified
def test_a_function_has_its_value_and_gradient(name: str, backend: str, dtype: str) -> None:
    right(name, backend, dtype)


@pytest.mark.parametrize(("backend", "variant"), COMPILED)
@pytest.mark.parametrize("name", USES)
def test_what_the_tracer_accepts_runs_compiled(name: str, backend: str, variant: str) -> None:
    right(name, backend, "float64", variant)


@pytest.mark.parametrize("name", USES)
def test_the_truth_of_a_use_is_clear(name: str) -> None:
    for dtype in USES[name].dtypes:
        truth, _ = settled(name, dtype)
        assert truth.refusal is None
        assert truth.certificate.accepted
        assert not truth.undefined
        assert (truth.ties, truth.near) == ((), ())
        assert any(truth.connected.values())


def test_every_public_function_is_used() -> None:
    assert len(public()) >= 100
    assert unused(USES) == set()


@pytest.mark.parametrize("name", ["cumulative_sum", "nn.silu", "linalg.det", "zeros"])
def test_a_function_without_a_use_is_missed(name: str) -> None:
    assert unused({key: use for key, use in USES.items() if key.partition(",")[0] != name}) == {name}


def test_every_use_is_of_a_function() -> None:
    assert {name.partition(",")[0] for name in USES} - public() == set()
    assert {cell[:2] for cell in FINDINGS} <= {(name, backend) for name in USES for backend in BACKENDS}


@pytest.mark.parametrize(("name", "other"), [("nn.silu", "nn.sigmoid"), ("flip", "roll"), ("nn.gelu", "nn.gelu, tanh")])
def test_another_function_is_caught(name: str, other: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the other function gives at the point of this one is not this one's value."""
    use = Use(USES[other].function, USES[name].leaves)
    monkeypatch.setitem(USES, name, use)
    traced.cache_clear()
    wrong = measured(name, "torch", "float64")
    monkeypatch.undo()
    traced.cache_clear()
    assert judged(name, wrong, "float64").verdict is Verdict.VALUE_MISMATCH


# --------------------------------------------------------------------------- what a framework does not have

HALF = ("float16", "bfloat16")
NO_KERNEL = ["linalg.cholesky", "linalg.solve", "linalg.inv", "linalg.slogdet"]


@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize("backend", ["tensorflow", "torch", "jax"])
def test_half_types_lack_elimination_and_complex_numbers_alone(backend: str, dtype: str) -> None:
    """What has no kernel reads UNSUPPORTED, with the framework's sentence; all else runs."""
    failures = {}
    for name in USES:
        inputs = {path: round_to(x, dtype) if x.dtype.kind == "f" else x for path, x in point(name).items()}
        task = Task(graph=traced(name), inputs=inputs, dtype=dtype, variant=describe(backend).variants[0])
        failure = load(backend).measure(task).failure
        if failure is not None:
            failures[name] = failure
    assert COMPLEX_USES.keys() <= failures.keys()
    assert all(f"no complex numbers of {dtype} in " in failures.pop(name).sentence for name in COMPLEX_USES)
    linear = {name.partition(",")[0] for name in failures}
    assert linear <= {*NO_KERNEL, "linalg.det"}
    if backend != "tensorflow" or dtype == "bfloat16":
        assert linear >= set(NO_KERNEL)
    assert {failure.trouble for failure in failures.values()} == {Trouble.UNSUPPORTED}
    assert all(failure.sentence.startswith(f"{backend} raised ") for failure in failures.values())
