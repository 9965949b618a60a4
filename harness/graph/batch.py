"""A graph that computes many points in one call: a leading axis on every node that depends on a param.

The explicit `broadcast_to` nodes of a graph align the ranks, so the pass only shifts axes; written
out in NumPy, every row is equal to the bit to the unbatched source.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from harness.graph import build as b
from harness.graph.build import Builder, Ref
from harness.graph.derive import rebuild
from harness.graph.node import Attrs, Graph, Node
from harness.graph.registry import COMPOSITES, PRIMITIVES

FULL = (None, None, None)


def batch(graph: Graph, rows: int) -> Graph:
    """Return the graph of `rows` points: params have shape (rows, …), data stay as they are, outputs are (rows, …).

    Raises ValueError for an operation that does not follow a leading axis (the reverse-only ones).
    """
    graph = _aligned(graph)
    builder = Builder()
    made: list[Ref] = []
    batched: set[int] = set()
    for position, node in enumerate(graph.nodes):
        builder.where = node.where
        operands = [made[k] for k in node.args]
        if node.op == "input" and node.attrs["path"] in graph.params:
            made.append(builder.append(replace(node, shape=(rows, *node.shape))))
        elif batched.isdisjoint(node.args):
            made.append(builder.append(replace(node, args=tuple(ref.id for ref in operands))))
            continue
        else:
            made.append(_row(node, operands, [k in batched for k in node.args], rows))
        batched.add(position)
    builder.inputs = {path: made[k].id for path, k in graph.inputs.items()}
    builder.params = list(graph.params)
    return builder.freeze(*(made[k] if k in batched else _spread(made[k], rows) for k in graph.outputs))


def _aligned(graph: Graph) -> Graph:
    """Return the graph with those composites written out that have no meaning one rank higher."""
    strange = {node.op for node in graph.nodes if node.op in COMPOSITES and not _follows(graph, node)}
    return _aligned(rebuild(graph, Builder(keep=lambda op: op not in strange))) if strange else graph


TRAILING = {"diagonal", "trace", "cholesky", "solve", "inv", "det", "logabsdet", "signdet"}
"""Composites of the last two axes, whatever stands before them."""
FIXED = {"tensordot", "conv2d", "avg_pool2d", "max_pool2d", "layer_norm"}
"""Composites whose operands have the axes that they have."""


def _follows(graph: Graph, node: Node) -> bool:
    """Return whether a composite keeps its meaning under a leading axis: it names its axes, or is elementwise."""
    shapes = {graph.nodes[k].shape for k in node.args} | {node.shape}
    named = "axis" in node.attrs or "axes" in node.attrs or node.op in TRAILING
    return node.op not in FIXED and (named or len(shapes) == 1)


def _row(node: Node, operands: list[Ref], batched: list[bool], rows: int) -> Ref:
    """Return the node one rank higher; at least one operand already is."""
    result = RULES.get(node.op, _every)(node, operands, batched, rows)
    reverse_only = node.op in PRIMITIVES and PRIMITIVES[node.op].adjoint_only
    if reverse_only or result.shape != (rows, *node.shape):
        raise ValueError(f"{node.op} of shape {node.shape} does not follow a leading axis; give batch a rule for it")
    return result


def _every(node: Node, operands: list[Ref], batched: list[bool], rows: int) -> Ref:
    """Return the operation on operands that all have the leading axis."""
    lifted = [ref if on else _spread(ref, rows) for ref, on in zip(operands, batched, strict=True)]
    return lifted[0].builder.call(node.op, *lifted, **_shifted(node.attrs, rows))


def _spread(x: Ref, rows: int) -> Ref:
    """Return x repeated along a new leading axis; a broadcast of a broadcast is one."""
    shape = (rows, *x.shape)
    while x.node.op == "broadcast_to":
        x = x.builder.at(x.node.args[0])
    return b.broadcast_to(x, shape)


def _shifted(attrs: Attrs, rows: int) -> Attrs:
    """Return the attributes with every axis one further right."""
    shift: dict[str, Callable[[Any], Any]] = {
        "axis": lambda axis: axis + 1,
        "axes": lambda axes: tuple(axis + 1 for axis in axes),
        "shape": lambda shape: (rows, *shape),
        "index": lambda index: (FULL, *index),
    }
    return {key: shift[key](value) if key in shift else value for key, value in attrs.items()}


def _permute(node: Node, operands: list[Ref], batched: list[bool], rows: int) -> Ref:
    return b.permute(operands[0], (0, *(axis + 1 for axis in node.attrs["axes"])))


def _broadcast(node: Node, operands: list[Ref], batched: list[bool], rows: int) -> Ref:
    """Return the broadcast after axes of length 1 were put between the leading axis and the others."""
    x = operands[0]
    ones = (1,) * (len(node.shape) - (x.ndim - 1))
    return b.broadcast_to(b.reshape(x, (rows, *ones, *x.shape[1:])), (rows, *node.shape))


def _take(node: Node, operands: list[Ref], batched: list[bool], rows: int) -> Ref:
    """Return the rows' takes; an index that differs from row to row becomes one along the axis."""
    x, index = operands
    axis = node.attrs["axis"] + 1
    if not batched[1]:
        return b.call("take", x, index, axis=axis)
    x = x if batched[0] else _spread(x, rows)
    count = math.prod(index.shape[1:])
    before, after = x.shape[1:axis], x.shape[axis + 1 :]
    index = b.reshape(index, (rows, *(1 for _ in before), count, *(1 for _ in after)))
    index = b.broadcast_to(index, (rows, *before, count, *after))
    return b.reshape(b.call("take_along_axis", x, index, axis=axis), (rows, *node.shape))


Rule = Callable[[Node, list[Ref], list[bool], int], Ref]
RULES: dict[str, Rule] = {"permute_dims": _permute, "broadcast_to": _broadcast, "take": _take}
"""The operations whose attributes or operands need more than a shift of axes."""
