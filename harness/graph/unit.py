"""Units: one operation of a graph alone, as the framework calls it, with operands of its own.

A unit's function is Σ f(operands)·cotangent. Its partial by the cotangent is the operation's value, entry by entry, and
its partials by the operands are their adjoints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from harness.graph import build as b
from harness.graph.build import Builder, Ref
from harness.graph.complexes import is_complex, pair_of, paired
from harness.graph.node import Graph, Node
from harness.graph.phrase import Phrasebook
from harness.graph.surface import surface

LETTERS = ("x", "y", "z")
"""What operands are called that no leaf of the graph names."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Unit:
    """One operation alone."""

    position: int
    """Of the operation in the graph that it stands in."""
    node: Node
    """The operation in `alone`."""
    graph: Graph
    """Its params are the real operands and the cotangent."""
    alone: Graph
    """The same without the cotangent: its output is the operation."""
    sources: Mapping[str, int]
    """Leaf path → the node of the graph whose value it has; the cotangent is not among them."""
    cotangent: str
    """Leaf path of the cotangent."""


def operations(spoken: Graph, book: Phrasebook) -> dict[int, Node]:
    """Return the operations on real numbers that the book's framework calls, in order, as they are written."""
    written = surface(spoken, book)
    return {k: node for k, node in written.items() if spoken.nodes[k].args and spoken.nodes[k].kind == "real"}


def unit(graph: Graph, position: int, written: Node) -> Unit | None:
    """Return the unit of an operation; None where it is no function of real numbers that the point brings."""
    if _literal(graph, position):
        return None
    copy = _Copy(graph, set(written.args), position)
    result = copy.of(position)
    if not copy.builder.params:
        return None
    return _weighed(position, copy.builder, result, copy.sources)


def _weighed(position: int, builder: Builder, result: Ref, sources: Mapping[str, int]) -> Unit:
    """Return the unit of an operation that stands in `builder`."""
    alone = builder.freeze(result)
    cotangent = next(name for name in map("cotangent{}".format, ["", *range(1, 99)]) if name not in sources)
    weighed = paired(result) * builder.input(cotangent, result.shape, param=True)
    return Unit(
        position=position,
        node=result.node,
        graph=builder.freeze(b.total(weighed, tuple(range(weighed.ndim)))),
        alone=alone,
        sources=sources,
        cotangent=cotangent,
    )


def _literal(graph: Graph, position: int) -> bool:
    """Return whether a node repeats a literal."""
    while graph.nodes[position].op in ("broadcast_to", "reshape"):
        (position,) = graph.nodes[position].args
    return graph.nodes[position].op in ("constant", "eye")


class _Copy:
    """The operation with what belongs to it: literals, decisions, and broadcasts that the framework makes itself."""

    def __init__(self, graph: Graph, leaves: set[int], root: int) -> None:
        self.graph, self.leaves, self.root = graph, leaves, root
        self.builder = Builder()
        self.made: dict[int, Ref] = {}
        self.sources: dict[str, int] = {}
        self.taken = {node.attrs["path"] for node in graph.nodes if node.op == "input"}

    def of(self, position: int, *, inside: bool = True) -> Ref:
        """Return the copy of a node; `inside`: what reads it is real, so that it may belong to the operation."""
        if position not in self.made:
            node = self.graph.nodes[position]
            self.made[position] = self.leaf(position) if self.is_leaf(position, inside) else self.copied(node)
        return self.made[position]

    def copied(self, node: Node) -> Ref:
        args = tuple(self.of(k, inside=node.kind == "real").id for k in node.args)
        return self.builder.append(msgspec.structs.replace(node, args=args))

    def is_leaf(self, position: int, inside: bool) -> bool:
        """Return whether the operation takes the node as an input."""
        node = self.graph.nodes[position]
        if node.op == "input" or node.kind != "real" or position == self.root or _literal(self.graph, position):
            return node.op == "input"
        return not (inside and node.op in ("broadcast_to", "permute_dims") and position not in self.leaves)

    def leaf(self, position: int) -> Ref:
        node = self.graph.nodes[position]
        path = node.attrs["path"] if node.op == "input" else self.letter()
        self.sources[path] = position
        made = self.builder.input(path, node.shape, node.kind, param=node.kind == "real")
        return pair_of(made) if is_complex(self.graph.nodes[position]) else made

    def letter(self) -> str:
        names = (*LETTERS, *map("x{}".format, range(1, len(self.graph.nodes))))
        return next(name for name in names if name not in self.taken | self.sources.keys())


def scalar(one: Unit) -> Unit | None:
    """Return the unit of a single entry, where the operation is elementwise and all operands have its shape."""
    leaves = {path: one.alone.nodes[k] for path, k in one.alone.inputs.items()}
    direct = len(one.alone.nodes) == len(leaves) + 1 and all(leaf.shape == one.node.shape for leaf in leaves.values())
    if not one.node.shape or not direct or not _elementwise(one.node):
        return None
    builder = Builder()
    builder.where = one.node.where
    made = {
        k: builder.input(path, (), leaves[path].kind, param=path in one.alone.params)
        for path, k in one.alone.inputs.items()
    }
    result = builder.call(one.node.op, *(made[k] for k in one.node.args), **one.node.attrs)
    return _weighed(one.position, builder, result, one.sources)


def _elementwise(node: Node) -> bool:
    """Return whether the operation makes each entry of the entries at its place: it has no axis and takes numbers."""
    if {"axis", "axes", "shape"} & node.attrs.keys():
        return False
    builder = Builder()
    try:
        return builder.call(node.op, *(builder.input(str(k), ()) for k in node.args), **node.attrs).shape == ()
    except (IndexError, ValueError, TypeError):
        return False
