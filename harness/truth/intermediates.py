"""The exact values and adjoints of a function's operations: the inputs at which each can be asked alone."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from harness.domains.ball import Ball
from harness.domains.evaluate import evaluate
from harness.domains.precision import PRECISIONS, Array
from harness.graph.derive import Derivative, gradient
from harness.graph.node import Graph
from harness.measurement import Leaves
from harness.truth.enclose import nearest
from harness.truth.establish import DIGITS
from harness.truth.truth import Truth

Known = dict[int, tuple[Array, Array | None]]
"""Node → value and adjoint, each rounded to float64; no adjoint where the result does not depend on the node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intermediates:
    """What every real node of the function holds; the function is the one that was derived, composites kept."""

    def answer(self, derivative: Derivative, inputs: Leaves, dtype: str, truth: Truth) -> Known:
        assert derivative.function is not None, "asked of a gradient"
        return intermediates(derivative.function, inputs, dtype)


def intermediates(graph: Graph, inputs: Leaves, dtype: str) -> Known:
    """Return value and adjoint of each real node that the output needs."""
    names = {k: f"node {k}" for k in graph.needed() if graph.nodes[k].kind == "real"}
    watched = gradient(replace(graph, inputs={name: k for k, name in names.items()}, params=tuple(names.values())))
    low, ball = watched.graph, Ball(DIGITS)
    places = {k: (low.inputs[name], watched.partials[name]) for k, name in names.items()}
    wanted = [node for pair in places.values() for node in pair if node is not None]
    found = evaluate(low, wanted, ball, inputs, precision=PRECISIONS[dtype], decisions={})
    with ball.context():
        numbers = {node: nearest(found.values[node]) for node in dict.fromkeys(wanted)}
    return {
        k: (numbers[value], None if adjoint is None else numbers[adjoint]) for k, (value, adjoint) in places.items()
    }
