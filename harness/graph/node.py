"""The graph: a case as data that travels, hashes and can be written out as source.

A graph knows shapes and kinds, never a dtype and never a framework.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from typing import Any, Literal, cast

import msgspec

Kind = Literal["real", "int", "bool", "weight"]
Attrs = dict[str, Any]
Shape = tuple[int, ...]


class Node(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One operation applied to earlier nodes."""

    op: str
    """Name of a primitive or a composite (graph/registry.py)."""
    args: tuple[int, ...] = ()
    """Positions of the operands in `Graph.nodes`, all smaller than the node's own."""
    attrs: Attrs = {}
    """Static attributes: numbers, strings, booleans, None, and tuples of these."""
    shape: Shape = ()
    """Shape of the result."""
    kind: Kind = "real"
    """`weight` is a decision in {-1, 0, 1, 1/2}: how much of an adjoint passes."""
    where: tuple[str, int] | None = None
    """File and line of the user's call that made the node."""


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """Nodes in topological order, with named inputs and outputs."""

    nodes: tuple[Node, ...]
    inputs: dict[str, int]
    """Leaf path → node, in the order of the declaration."""
    params: tuple[str, ...]
    """Leaf paths that are differentiated; the other inputs are data."""
    outputs: tuple[int, ...]

    def __hash__(self) -> int:
        """Return a hash of the contents: what is made of a graph is kept for equal ones, wherever they came from."""
        return hash(encode(self))

    def __reduce__(self) -> tuple[Callable[[bytes], Graph], tuple[bytes]]:
        return decode, (encode(self),)

    def digest(self) -> str:
        """Return a hexadecimal SHA-256 of the graph that ignores where its lines stand."""
        bare = [msgspec.structs.replace(node, where=None) for node in self.nodes]
        text = msgspec.json.encode([bare, self.inputs, self.params, self.outputs], order="sorted")
        return hashlib.sha256(text).hexdigest()

    def needed(self, outputs: tuple[int, ...] | None = None) -> list[int]:
        """Return the ascending positions of the nodes that `outputs` depend on."""
        seen: set[int] = set()
        stack = list(self.outputs if outputs is None else outputs)
        while stack:
            position = stack.pop()
            if position not in seen:
                seen.add(position)
                stack += self.nodes[position].args
        return sorted(seen)


def encode(graph: Graph) -> bytes:
    """Return the graph as MessagePack bytes."""
    return msgspec.msgpack.encode(graph)


def decode(data: bytes) -> Graph:
    """Return the graph that `encode` wrote, which would write it alike again: a default is left out by identity."""
    graph = msgspec.msgpack.decode(data, type=Graph)
    return msgspec.structs.replace(graph, nodes=tuple(map(_own, graph.nodes)))


def _own(node: Node) -> Node:
    return msgspec.structs.replace(node, attrs=_tuples(node.attrs), kind=sys.intern(node.kind))


def _tuples(attrs: Attrs) -> Attrs:
    """Return the attributes with lists as tuples: MessagePack knows only one sequence."""
    return {key: _tuple(value) for key, value in attrs.items()}


def _tuple(value: Any) -> Any:
    return tuple(_tuple(item) for item in value) if isinstance(value, list) else value


def to_index(items: tuple[Any, ...]) -> tuple[int | slice | None, ...]:
    """Return the Python index that the attribute `index` of an `index` node stands for.

    An item is an integer, None (a new axis), or a triple (start, stop, step).
    """
    return tuple(slice(*item) if isinstance(item, tuple) else cast("int | None", item) for item in items)
