"""Truth and certificate of a perceptron of 100 000 parameters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bench.figure import Figure
from bench.pairs import seconds
from harness.api import case_of
from harness.declare import data
from harness.graph.derive import gradient
from harness.graph.node import Graph
from harness.measurement import Leaves
from harness.truth import Truth, establish, tolerance

BAR, TIMES = 2.0, 5
LAYERS, BATCH = (784, 128, 10), 8


def perceptron(xp: Any, w1: Any, b1: Any, w2: Any, b2: Any, x: Any, y: Any) -> Any:
    """Mean cross-entropy of a network with a tanh layer."""
    z = xp.tanh(x @ w1 + b1) @ w2 + b2
    return -xp.mean(xp.take_along_axis(xp.nn.log_softmax(z, axis=1), y[:, None], axis=1))


def traced(layers: tuple[int, int, int] = LAYERS) -> tuple[Graph, Leaves]:
    """Return the graph and seeded inputs of the usual scale: weights of variance one over their fan-in."""
    entry, hidden, classes = layers
    draw = np.random.default_rng(0)
    case = case_of(
        perceptron,
        {
            "w1": draw.normal(size=(entry, hidden)) / math.sqrt(entry),
            "b1": np.zeros(hidden),
            "w2": draw.normal(size=(hidden, classes)) / math.sqrt(hidden),
            "b2": np.zeros(classes),
            "x": data(draw.random((BATCH, entry))),
            "y": data(draw.integers(0, classes, BATCH)),
        },
    )
    return case.graph(), case.numbers(case.points[0])


def measure() -> list[Figure]:
    """Return the time from the traced graph to its certified truth."""
    graph, inputs = traced()
    size = sum(inputs[path].size for path in graph.params)
    truths: list[Truth] = []
    taken = [seconds(lambda: truths.append(establish(gradient(graph), inputs, "float64"))) for _ in range(TIMES)]
    name = f"truth of {size} parameters, certified"
    refusals = [truth.refusal.sentence for truth in truths if truth.refusal is not None]
    if refusals or not all(truth.certificate.accepted for truth in truths):
        return [Figure(name=name, unit="s", bar=BAR, note=f"no truth: {', '.join(refusals[:1])}")]
    note = f"{truths[0].digits} digits, certificate to {truths[0].certificate.orders:.0f} orders"
    return [Figure(name=name, measured=tuple(taken), unit="s", bar=BAR, note=note)]


def judged(graph: Graph, inputs: Leaves, dtype: str) -> float:
    """Return the seconds from the traced graph to certified truth and tolerance."""

    def both() -> None:
        derivative = gradient(graph)
        truth = establish(derivative, inputs, dtype)
        assert truth.refusal is None, truth.refusal.sentence
        tolerance(derivative, inputs, dtype, truth)

    return seconds(both)
