"""The ideal: exact fractions at the decimal text of a point, before any rounding to a dtype."""

from __future__ import annotations

from harness.declare import Case
from harness.graph.node import Graph
from harness.points import Point
from harness.truth import ideal

FEW = 24
"""Real numbers of a point up to which its ideal is worth reading."""


def ideals(case: Case, graph: Graph, point: Point, seed: int) -> tuple[dict[str, str], dict[str, str]]:
    """Return value and partials as fractions, and the point as it was written; empty where there is no such fraction."""
    sizes = [leaf for leaf in case.inputs.values() if leaf.kind == "real"]
    if sum(_size(leaf.shape) for leaf in sizes) > FEW or any(leaf.kind != "real" for leaf in case.inputs.values()):
        return {}, {}
    exact = case.exact(point, seed)
    found = ideal(graph, exact)
    if found is None:
        return {}, {}
    return found, {path: ", ".join(str(number) for number in numbers.flat) for path, numbers in exact.items()}


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for n in shape:
        size *= n
    return size
