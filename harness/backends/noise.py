"""The rounding noise of a function's values: what no choice of step can get below.

It comes from the running error bound, with the decisions that float64 itself takes: a measurement
knows nothing of the truth.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.domains.bound import Bound, Bounded
from harness.domains.domain import Choice
from harness.domains.evaluate import LOGIC, evaluate
from harness.domains.pivot import pivots
from harness.domains.precision import PRECISIONS
from harness.domains.structure import rows, unrows
from harness.graph.batch import batch
from harness.graph.derive import lower
from harness.graph.node import Attrs, Graph, Shape
from harness.measurement import Array, Leaves

FLOAT64 = PRECISIONS["float64"]


def max_weight(x: Array, axes: Shape) -> Array:
    """Return 1 at the first of the largest entries along `axes`, else 0."""
    lines = rows(x, 0, axes)
    first = np.arange(lines.shape[-1]) == np.argmax(lines, axis=-1)[..., None]
    return unrows(first.astype(np.float64), x.shape, axes)


def argsort(x: Array, axis: int, descending: bool) -> NDArray[np.intp]:
    """Return the stable order along `axis`."""
    return np.argsort(-x if descending else x, axis=axis, kind="stable")


DECIDE: dict[str, Callable[..., NDArray[Any]]] = LOGIC | {
    "step": lambda x: np.where(x > 0, 1.0, 0.0),
    "sign_weight": np.sign,
    "max_weight": max_weight,
    "argsort": argsort,
    "pivots": pivots,
}


class Float64(Bound):
    """Values and their error bounds in float64, which takes its decisions itself."""

    def __init__(self) -> None:
        super().__init__(FLOAT64)

    def decide(self, op: str, args: Any, attrs: Attrs) -> Choice:
        taken = np.asarray(DECIDE[op](*(arg.value for arg in args), **attrs))
        nothing = np.zeros(taken.shape)
        return Choice(taken=taken, margin=nothing, tie=nothing > 0, open=nothing > 0)


def bounded(graph: Graph, outputs: tuple[int, ...], inputs: Leaves) -> list[Bounded]:
    """Return the values of nodes of a graph of primitives, with their error bounds."""
    run = evaluate(graph, outputs, Float64(), inputs, precision=FLOAT64, decisions={})
    return [run.values[k] for k in outputs]


def elements(graph: Graph) -> int:
    """Return how many numbers an evaluation of the graph holds."""
    return sum(math.prod(graph.nodes[k].shape) for k in graph.needed())


Entry = tuple[str, tuple[Any, ...]]
"""Leaf path and index."""


class Noise:
    """Error bounds of one cost beside a point, many entries at a time."""

    def __init__(self, graph: Graph, largest: int) -> None:
        """Prepare the bounds of `graph`; at most `largest` numbers are held at once, a value and an error each."""
        low = lower(graph)
        self.rows = 2 * max(1, min(128, largest // (4 * elements(low))))
        self.graph, self.params = batch(low, self.rows), graph.params

    def beside(self, inputs: Leaves, entries: Sequence[Entry], steps: Array) -> Array:
        """Return the greater bound of the values at x ± step of each entry, inf where one is not finite."""
        parts = [np.zeros(0)]
        for start in range(0, len(entries), self.rows // 2):
            stop = start + self.rows // 2
            parts.append(self._some(inputs, entries[start:stop], steps[start:stop]))
        return np.concatenate(parts)

    def _some(self, inputs: Leaves, entries: Sequence[Entry], steps: Array) -> Array:
        points = dict(inputs) | {path: np.repeat(inputs[path][np.newaxis], self.rows, axis=0) for path in self.params}
        for k, ((path, index), step) in enumerate(zip(entries, steps, strict=True)):
            points[path][(2 * k, *index)] += step
            points[path][(2 * k + 1, *index)] -= step
        found = bounded(self.graph, self.graph.outputs, points)[0]
        error = np.where(np.isfinite(found.value), found.error, np.inf)
        return np.maximum(error[0::2], error[1::2])[: len(entries)]
