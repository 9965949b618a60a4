"""Which call of the user a node of the lowered graph comes from: conventions belong to calls, not to primitives."""

from __future__ import annotations

from harness.graph.build import Builder, Ref
from harness.graph.derive import Derivative
from harness.graph.node import Graph

DESCENDING = " descending"


def origins(derivative: Derivative) -> list[str]:
    """Return by node of the derivative's graph the call that made it, such as relu; of an adjoint, its own name."""
    nodes = derivative.graph.nodes
    made = [] if derivative.function is None else calls(derivative.function)
    names = made + [node.op for node in nodes[len(made) :]]
    return [
        name + DESCENDING if node.attrs.get("descending") else name for name, node in zip(names, nodes, strict=True)
    ]


def calls(function: Graph) -> list[str]:
    """Return by node of the lowered graph the operation that was written; the nodes are counted as `lower` does."""
    builder, names = Builder(keep=lambda op: False), list[str]()
    made: list[Ref] = []
    for node in function.nodes:
        leaf = node.op in ("input", "constant", "eye", "arange")
        operands = [made[k] for k in node.args]
        made.append(builder.append(node) if leaf else builder.call(node.op, *operands, **node.attrs))
        names += [node.op] * (len(builder.nodes) - len(names))
    return names
