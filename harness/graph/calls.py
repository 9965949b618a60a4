"""Calls: what the differentiating lines take beside the cost's own arguments, and how it is all named."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from harness.graph.directions import cotangent, directions, tangents
from harness.graph.literals import identifiers
from harness.graph.node import Graph, Kind
from harness.graph.phrase import Call
from harness.graph.registry import PRIMITIVES

RESULTS = {"jvp": ("jvp",), "adjoint": ("by jvp", "by vjp")}
"""Operator → names of its results, where it has not one per leaf."""


def named(graph: Graph, operator: str, leaves: Iterable[str], reserved: Collection[str]) -> dict[str, str]:
    """Return a Python name for each leaf and each direction of the operator."""
    return identifiers([*leaves, *directions(graph, operator)], frozenset(reserved))


def call_of(
    graph: Graph, operator: str, variant: str, leaves: Iterable[str], names: Mapping[str, str], *, own: bool = False
) -> Call:
    """Return the call that an operator's lines stand around, in these names; of a user's `own` function its text."""
    along = directions(graph, operator)
    return Call(
        arguments=tuple(names[path] for path in leaves),
        params=tuple(names[path] for path in graph.params),
        variant=variant,
        operator=operator,
        tangents=tuple(names[v] for v in tangents(graph).values() if v in along),
        cotangent=names.get(cotangent(graph), "") if cotangent(graph) in along else "",
        loose=own or _loose(graph),
    )


def _loose(graph: Graph) -> bool:
    """Return whether no param is met going back from the output by way of operations that have a derivative."""
    left, seen = [*graph.outputs], set[int]()
    while left:
        position = left.pop()
        if position in seen:
            continue
        seen.add(position)
        node = graph.nodes[position]
        if node.op == "input" and node.attrs["path"] in graph.params:
            return False
        smooth = node.op not in PRIMITIVES or PRIMITIVES[node.op].vjp is not None
        if smooth and node.op != "stop_gradient":
            left += node.args
    return True


def bound_by(operator: str) -> str:
    """Return the name of an operator's function."""
    return "gradient" if operator == "grad" else operator


def kinds_of(graph: Graph, leaves: Iterable[str], operator: str) -> dict[str, Kind]:
    """Return the kinds of the leaves and of the directions, which are real."""
    own: dict[str, Kind] = {path: graph.nodes[graph.inputs[path]].kind for path in leaves}
    return own | dict.fromkeys(directions(graph, operator), "real")
