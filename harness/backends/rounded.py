"""The literals of a graph as the cell's dtype holds them.

SymPy and finite differences compute in more digits than the dtype; to differentiate the same function
as the others they begin at the same numbers.
"""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace

from harness.domains.precision import round_to
from harness.graph.node import Graph, Node

LITERAL = {"constant": "value", "pow": "exponent", "leaky_relu": "negative_slope", "elu": "alpha", "layer_norm": "eps"}
"""Operation → its attribute that is a literal of the user's text."""


def rounded(graph: Graph, dtype: str) -> Graph:
    """Return the graph with its literals rounded to `dtype`; one that the dtype holds stays as it was typed."""
    return replace(graph, nodes=tuple(_rounded(node, dtype) for node in graph.nodes))


def _rounded(node: Node, dtype: str) -> Node:
    key = LITERAL.get(node.op, "")
    given = node.attrs.get(key)
    if given is None or isinstance(given, str) or node.attrs.get("exact"):
        return node
    nearest = round_to(np.asarray(float(given)), dtype).item()
    return node if nearest == given else replace(node, attrs=node.attrs | {key: nearest})
