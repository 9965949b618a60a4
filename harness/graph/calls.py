"""Calls: what the differentiating lines take beside the cost's own arguments, and how it is all named."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from harness.graph.directions import cotangent, directions, tangents
from harness.graph.literals import identifiers
from harness.graph.node import Graph, Kind
from harness.graph.phrase import Call

RESULTS = {"jvp": ("jvp",), "adjoint": ("by jvp", "by vjp")}
"""Operator → names of its results, where it has not one per leaf."""


def named(graph: Graph, operator: str, leaves: Iterable[str], reserved: Collection[str]) -> dict[str, str]:
    """Return a Python name for each leaf and each direction of the operator."""
    return identifiers([*leaves, *directions(graph, operator)], frozenset(reserved))


def call_of(graph: Graph, operator: str, variant: str, leaves: Iterable[str], names: Mapping[str, str]) -> Call:
    """Return the call that an operator's lines stand around, in these names."""
    along = directions(graph, operator)
    return Call(
        arguments=tuple(names[path] for path in leaves),
        params=tuple(names[path] for path in graph.params),
        variant=variant,
        operator=operator,
        tangents=tuple(names[v] for v in tangents(graph).values() if v in along),
        cotangent=names.get(cotangent(graph), "") if cotangent(graph) in along else "",
    )


def bound_by(operator: str) -> str:
    """Return the name of an operator's function."""
    return "gradient" if operator == "grad" else operator


def kinds_of(graph: Graph, leaves: Iterable[str], operator: str) -> dict[str, Kind]:
    """Return the kinds of the leaves and of the directions, which are real."""
    own: dict[str, Kind] = {path: graph.nodes[graph.inputs[path]].kind for path in leaves}
    return own | dict.fromkeys(directions(graph, operator), "real")
