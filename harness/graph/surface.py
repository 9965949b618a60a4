"""The surface of a graph: the nodes that a source is written from.

Composites without words are written out; broadcasts are folded into the frameworks' implicit
broadcasting, since an explicit one costs time and hides the framework's own sum over a bias.
"""

from __future__ import annotations

import msgspec
import numpy as np

from harness.graph.build import Builder, Ref
from harness.graph.node import Graph, Node, Shape
from harness.graph.phrase import Phrasebook
from harness.graph.registry import COMPOSITES

COMPARISONS = {"greater", "greater_equal", "less", "less_equal", "equal", "not_equal", "logical_and", "logical_or"}
ARITHMETIC = {"add", "subtract", "multiply", "divide", "power"}
FUNCTIONS = {"atan2", "hypot", "logaddexp", "xlogy", "maximum", "minimum", "clip", "where"}
BROADCASTING = COMPARISONS | ARITHMETIC | FUNCTIONS
"""Elementwise operations of several operands, whose operands all have the shape of the result."""


def spoken(graph: Graph, book: Phrasebook) -> Graph:
    """Return the graph with every composite written out for which the book has no words."""
    if all(book.keeps(node) or node.op not in COMPOSITES for node in graph.nodes):
        return graph
    builder = Builder(keep=lambda op: op in book.phrases)
    made: list[Ref] = []
    for node in graph.nodes:
        builder.where = node.where
        made.append(_said(builder, node, made, book))
    builder.inputs = {path: made[k].id for path, k in graph.inputs.items()}
    builder.params = list(graph.params)
    return spoken(builder.freeze(*(made[k] for k in graph.outputs)), book)


def _said(builder: Builder, node: Node, made: list[Ref], book: Phrasebook) -> Ref:
    operands = [made[k] for k in node.args]
    if node.op in COMPOSITES and not book.keeps(node):
        return COMPOSITES[node.op].define(*operands, **node.attrs)
    return builder.append(msgspec.structs.replace(node, args=tuple(operand.id for operand in operands)))


def surface(graph: Graph, book: Phrasebook) -> dict[int, Node]:
    """Return the nodes to be written by position, ascending, with the operands that they read."""
    found: dict[int, Node] = {}
    stack = list(graph.outputs)
    while stack:
        position = stack.pop()
        if position not in found:
            found[position] = _rewritten(graph, graph.nodes[position], book)
            stack += found[position].args
    return dict(sorted(found.items()))


def _rewritten(graph: Graph, node: Node, book: Phrasebook) -> Node:
    """Return the node as it is written: its operands without the broadcasts that the framework does itself."""
    if node.op == "broadcast_to":
        return _broadcast(graph, node)
    if node.op == "matmul":
        return _matmul(graph, node, book)
    if node.op in BROADCASTING and book.row(node.op).broadcasts != "none":
        return msgspec.structs.replace(node, args=_folded(graph, node, first=book.row(node.op).broadcasts == "all"))
    return node


def _source(graph: Graph, position: int) -> int:
    """Return the node that broadcasts at `position` begin with."""
    while graph.nodes[position].op == "broadcast_to":
        position = graph.nodes[position].args[0]
    return position


def _broadcast(graph: Graph, node: Node) -> Node:
    source = _source(graph, node.args[0])
    if graph.nodes[source].op != "constant":
        return msgspec.structs.replace(node, args=(source,))
    attrs = {"shape": node.shape, "value": graph.nodes[source].attrs["value"]}
    return msgspec.structs.replace(node, op="full", args=(source,), attrs=attrs)


def _folded(graph: Graph, node: Node, *, first: bool) -> tuple[int, ...]:
    """Return the operands bare of broadcasts; one keeps its own where the result would lose its shape.

    The first keeps its own unless `first`.
    """
    bare = [_source(graph, k) if k != node.args[0] or first else k for k in node.args]
    if np.broadcast_shapes(*(graph.nodes[k].shape for k in bare)) != node.shape:
        arrays = (j for j, k in enumerate(bare) if graph.nodes[k].op != "constant")
        keeper = next(arrays, 0)
        bare[keeper] = node.args[keeper]
    return tuple(bare)


def _matmul(graph: Graph, node: Node, book: Phrasebook) -> Node:
    """Return the product with its batch axes folded, and transposed operands as flags where the book has them."""
    args = _folded_batch(graph, node)
    flags = [_transposed(graph.nodes[k]) for k in args]
    if "matmul_transposed" not in book.phrases or not any(flags):
        return msgspec.structs.replace(node, args=args)
    args = tuple(graph.nodes[k].args[0] if flag else k for k, flag in zip(args, flags, strict=True))
    attrs = {"transpose_a": flags[0], "transpose_b": flags[1]}
    return msgspec.structs.replace(node, op="matmul_transposed", args=args, attrs=attrs)


def _folded_batch(graph: Graph, node: Node) -> tuple[int, ...]:
    bare = tuple(_source(graph, k) for k in node.args)
    shapes: list[Shape] = [graph.nodes[k].shape for k in bare]
    cores = [graph.nodes[k].shape[-2:] for k in node.args]
    same = all(shape[-2:] == core for shape, core in zip(shapes, cores, strict=True))
    return bare if same and np.broadcast_shapes(*(s[:-2] for s in shapes)) == node.shape[:-2] else node.args


def _transposed(node: Node) -> bool:
    """Return whether the node exchanges the last two axes and no others."""
    n = len(node.shape)
    return node.op == "permute_dims" and node.attrs["axes"] == (*range(n - 2), n - 1, n - 2)
