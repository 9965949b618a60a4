"""Judging a gradient against the checkers that torch and JAX bring, on the same perceptrons."""

from __future__ import annotations

import importlib
import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.figure import Figure
from bench.pairs import Call, alternated, ratio, seconds
from harness.api import case_of
from harness.declare import data
from harness.graph.node import Graph
from harness.judge import Evidence, judge
from harness.measurement import Leaves, Task
from harness.run.lab import Inline

BATCH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A perceptron with two hidden layers, and how much of gradcheck's time its judgement may take."""

    widths: tuple[int, ...]
    bar: float
    pairs: int = 5
    """Of timings: more where each is short."""


SIZES = (
    Size(widths=(10, 16, 16, 3), bar=1 / 5, pairs=40),
    Size(widths=(32, 64, 40, 10), bar=1 / 10),
    Size(widths=(64, 128, 64, 10), bar=1 / 20),
)


def perceptron(xp: Any, w1: Any, b1: Any, w2: Any, b2: Any, w3: Any, b3: Any, x: Any, y: Any) -> Any:
    """Mean cross-entropy of a network with two tanh layers."""
    scores = xp.nn.log_softmax(xp.tanh(xp.tanh(x @ w1 + b1) @ w2 + b2) @ w3 + b3, axis=1)
    return -xp.mean(xp.take_along_axis(scores, y[:, None], axis=1))


def drawn(widths: tuple[int, ...]) -> dict[str, Any]:
    """Return seeded inputs of the usual scale: weights of variance one over their fan-in."""
    draw = np.random.default_rng(0)
    inputs: dict[str, Any] = {}
    for layer, (entry, out) in enumerate(itertools.pairwise(widths), start=1):
        inputs |= {f"w{layer}": draw.normal(size=(entry, out)) / math.sqrt(entry), f"b{layer}": draw.normal(size=out)}
    return inputs | {"x": data(draw.random((BATCH, widths[0]))), "y": data(draw.integers(0, widths[-1], BATCH))}


def judging(graph: Graph, inputs: Leaves) -> Call:
    """Return the call that takes the gradient by torch, its truth and tolerance, and judges it; it must pass.

    What depends on the function alone, its source and its derived graph, is made in the first call, as in a run.
    """
    task, lab = Task(graph=graph, inputs=inputs, dtype="float64", variant="eager"), Inline(guest=True)

    def call() -> None:
        measurement = lab.measure("torch", task).result()
        found = lab.establish(graph, inputs, "float64", exact=None).result()
        judgement = judge(
            Evidence(measurement=measurement, truth=found.truth, tolerance=found.tolerance, dtype="float64")
        )
        assert judgement.verdict.cls == "pass", judgement.reason

    return call


def measure() -> list[Figure]:
    """Return, for each size, the ratio to gradcheck's slow mode, and what the quicker checkers take and overlook."""
    torch, jax = importlib.import_module("torch"), importlib.import_module("jax")
    torch.set_num_threads(1)
    with jax.enable_x64(True):
        return [figure for size in SIZES for figure in _measured(torch, jax, size)]


def _measured(torch: Any, jax: Any, size: Size) -> list[Figure]:
    case = case_of(perceptron, drawn(size.widths))
    graph, inputs = case.graph(), case.numbers(case.points[0])
    count = sum(inputs[path].size for path in graph.params)
    ours = judging(graph, inputs)
    first = seconds(ours)
    mine, slow = alternated(ours, lambda: gradcheck(torch, graph, inputs, fault=1.0, fast=False), size.pairs)
    fast = seconds(lambda: gradcheck(torch, graph, inputs, fault=1.0, fast=True))
    peer = seconds(lambda: check_grads(jax, graph, inputs, fault=1.0))
    note = f"{np.median(mine):.4f} s against {np.median(slow):.3f} s, the function's first judgement {first:.3f} s"
    return [
        Figure(name=f"judging ÷ gradcheck, {count} parameters", measured=(ratio(mine, slow),), bar=size.bar, note=note),
        Figure(name="  gradcheck, fast mode", measured=(fast,), unit="s", note=overlooked(torch, jax, graph, inputs)),
        Figure(name="  check_grads, JAX", measured=(peer,), unit="s"),
    ]


FAULTS = (2.0, 1 + 1e-3, 1 + 1e-6)
"""Factors on the gradient of the first bias."""


def overlooked(torch: Any, jax: Any, graph: Graph, inputs: Leaves) -> str:
    """Return which faults the quicker checkers pass."""
    told = []
    for name, passes in (
        ("fast gradcheck", lambda fault: gradcheck(torch, graph, inputs, fault=fault, fast=True)),
        ("check_grads", lambda fault: check_grads(jax, graph, inputs, fault=fault)),
    ):
        missed = [f"×{fault:g}" if fault > 1.5 else f"×(1+{fault - 1:.0e})" for fault in FAULTS if passes(fault)]
        told.append(f"{name} overlooks {', '.join(missed) or 'none'}")
    return "; ".join(told)


def gradcheck(torch: Any, graph: Graph, inputs: Leaves, *, fault: float, fast: bool) -> bool:
    """Return whether torch's checker passes the network, whose first bias has its gradient multiplied by `fault`."""

    class Tampered(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, b: Any) -> Any:
            return b.clone()

        @staticmethod
        def backward(ctx: Any, cotangent: Any) -> Any:
            return cotangent * fault

    def cost(w1: Any, b1: Any, w2: Any, b2: Any, w3: Any, b3: Any) -> Any:
        first = torch.tanh(x @ w1 + (b1 if fault == 1 else Tampered.apply(b1)))
        return torch.nn.functional.cross_entropy(torch.tanh(first @ w2 + b2) @ w3 + b3, y)

    x, y = (torch.tensor(inputs[path]) for path in ("x", "y"))
    leaves = [torch.tensor(inputs[path], requires_grad=True) for path in graph.params]
    return bool(torch.autograd.gradcheck(cost, leaves, fast_mode=fast, raise_exception=False))


def check_grads(jax: Any, graph: Graph, inputs: Leaves, *, fault: float) -> bool:
    """Return whether JAX's checker passes the network, whose first bias has its gradient multiplied by `fault`."""
    numpy = jax.numpy
    tampered = jax.custom_vjp(lambda b: b)
    tampered.defvjp(lambda b: (b, None), lambda _, cotangent: (cotangent * fault,))

    def cost(w1: Any, b1: Any, w2: Any, b2: Any, w3: Any, b3: Any) -> Any:
        first = numpy.tanh(inputs["x"] @ w1 + (b1 if fault == 1 else tampered(b1)))
        scores = jax.nn.log_softmax(numpy.tanh(first @ w2 + b2) @ w3 + b3)
        return -numpy.mean(numpy.take_along_axis(scores, inputs["y"][:, None], axis=1))

    leaves = [numpy.asarray(inputs[path]) for path in graph.params]
    try:
        importlib.import_module("jax.test_util").check_grads(cost, leaves, order=1, modes=["rev"])
    except AssertionError:
        return False
    return True
