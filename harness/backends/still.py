"""A cost that plain differences may be taken of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from harness.backends.noise import bounded
from harness.backends.rounded import rounded
from harness.graph.derive import lower
from harness.graph.node import Graph, Node
from harness.measurement import Leaves, Task


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Still:
    """A cost whose every change is its derivative's."""

    graph: Graph
    """With literals rounded to the cell's dtype; what stop_gradient holds back is a leaf of data."""
    inputs: Leaves
    """The task's in float64, and the values that were held back."""
    held: tuple[str, ...]
    """Names of the leaves that were held back."""
    floor: float
    """Bound of the rounding error of the value at the point, in float64."""


def still(task: Task) -> Still:
    """Return the task's cost with every stop_gradient frozen at its value at the point."""
    graph = rounded(task.graph, task.dtype)
    inputs = {path: as_float64(values) for path, values in task.inputs.items()}
    stops = {k: f"stop_gradient.{n}" for n, k in enumerate(_stops(graph), 1)}
    low = lower(replace(graph, outputs=(*graph.outputs, *stops)))
    value, *frozen = bounded(low, low.outputs, inputs)
    nodes = tuple(_leaf(node, stops[k]) if k in stops else node for k, node in enumerate(graph.nodes))
    return Still(
        graph=replace(graph, nodes=nodes, inputs=graph.inputs | {path: k for k, path in stops.items()}),
        inputs=inputs | {path: stop.value for path, stop in zip(stops.values(), frozen, strict=True)},
        held=tuple(stops.values()),
        floor=float(value.error) if np.isfinite(value.value) else np.inf,
    )


def _stops(graph: Graph) -> list[int]:
    return [k for k in graph.needed() if graph.nodes[k].op == "stop_gradient"]


def _leaf(node: Node, path: str) -> Node:
    return replace(node, op="input", args=(), attrs={"path": path})


def as_float64(values: Any) -> NDArray[np.generic]:
    """Return real numbers as float64, and integers and booleans as they are."""
    array = np.asarray(values)
    return array.astype(np.float64) if array.dtype.kind == "f" else array
