"""Building graphs: a builder, a handle on one of its nodes, and functions on handles.

Definitions of composites and reverse rules are written with these functions, so that a
derivative is again a graph. Nothing here is meant for users: `harness.xp` checks what they write.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np

from harness.graph.node import Attrs, Graph, Kind, Node, Shape
from harness.graph.registry import COMPOSITES, PRIMITIVES, Signature, infer_primitive

Number = int | float | str


class Builder:
    """A graph that is still growing."""

    def __init__(self, *, keep: Callable[[str], bool] = lambda op: True, tidy: bool = False) -> None:
        self.nodes: list[Node] = []
        self.inputs: dict[str, int] = {}
        self.params: list[str] = []
        self.keep = keep
        """Which composites stay nodes; the others are written out by their definition."""
        self.tidy = tidy
        """Leave out multiplications by the literal 1 (the seed of a derivation)."""
        self.where: tuple[str, int] | None = None

    def call(self, op: str, *args: Ref, **attrs: Any) -> Ref:
        """Return a handle on a new node, or on the definition of a composite that is not kept."""
        if op in COMPOSITES and not self.keep(op):
            return COMPOSITES[op].define(*args, **attrs)
        nodes = tuple(arg.node for arg in args)
        shape, kind = infer_primitive(op, nodes, attrs) if op in PRIMITIVES else infer_composite(op, nodes, attrs)
        return self.append(Node(op=op, args=tuple(arg.id for arg in args), attrs=attrs, shape=shape, kind=kind))

    def append_primitive(self, op: str, **attrs: Any) -> Ref:
        """Return a handle on a leaf that has attributes but no operands."""
        shape, kind = infer_primitive(op, (), attrs)
        return self.append(Node(op=op, attrs=attrs, shape=shape, kind=kind))

    def append(self, node: Node) -> Ref:
        """Return a handle on `node`, stamped with the current place in the user's file."""
        self.nodes.append(msgspec.structs.replace(node, where=node.where or self.where))
        return Ref(self, len(self.nodes) - 1)

    def input(self, path: str, shape: Shape, kind: Kind = "real", *, param: bool = False) -> Ref:
        """Return a handle on a new input leaf."""
        ref = self.append(Node(op="input", attrs={"path": path}, shape=tuple(shape), kind=kind))
        self.inputs[path] = ref.id
        if param:
            self.params.append(path)
        return ref

    def constant(self, value: Number, *, exact: bool = False) -> Ref:
        """Return a 0-d literal; a string names an exact constant, and `exact` marks a count that is never rounded.

        An infinity gets its name: it is exact in every dtype.
        """
        if isinstance(value, float) and math.isinf(value):
            value = str(value)
        attrs: Attrs = {"value": value} | ({"exact": True} if exact else {})
        return self.append(Node(op="constant", attrs=attrs))

    def at(self, position: int) -> Ref:
        """Return a handle on the node at `position`."""
        return Ref(self, position)

    def freeze(self, *outputs: Ref) -> Graph:
        """Return the finished graph."""
        return Graph(
            nodes=tuple(self.nodes),
            inputs=dict(self.inputs),
            params=tuple(self.params),
            outputs=tuple(output.id for output in outputs),
        )


def thaw(graph: Graph, *, tidy: bool = False) -> Builder:
    """Return a builder that goes on where `graph` ends; composites are written out from here on."""
    builder = Builder(keep=lambda op: False, tidy=tidy)
    builder.nodes, builder.inputs, builder.params = list(graph.nodes), dict(graph.inputs), list(graph.params)
    return builder


def infer_composite(op: str, args: tuple[Node, ...], attrs: Attrs) -> Signature:
    """Return the shape and kind of a composite: those of its definition."""
    signature = tuple((node.shape, node.kind) for node in args)
    return _infer_composite(op, signature, tuple(sorted(attrs.items())))


@lru_cache(maxsize=4096)
def _infer_composite(op: str, signature: tuple[Signature, ...], attrs: tuple[tuple[str, Any], ...]) -> Signature:
    scratch = Builder(keep=lambda op: False)
    leaves = [scratch.input(f"a{k}", shape, kind) for k, (shape, kind) in enumerate(signature)]
    result = COMPOSITES[op].define(*leaves, **dict(attrs))
    return result.shape, result.kind


class Ref:
    """A handle on one node of a growing graph, with arithmetic."""

    __slots__ = ("builder", "id")

    def __init__(self, builder: Builder, position: int) -> None:
        self.builder, self.id = builder, position

    @property
    def node(self) -> Node:
        return self.builder.nodes[self.id]

    @property
    def shape(self) -> Shape:
        return self.node.shape

    @property
    def ndim(self) -> int:
        return len(self.node.shape)

    @property
    def size(self) -> int:
        return math.prod(self.node.shape)

    @property
    def kind(self) -> Kind:
        return self.node.kind

    def __add__(self, other: Ref | Number) -> Ref:
        return elementwise("add", self, other)

    def __radd__(self, other: Number) -> Ref:
        return elementwise("add", other, self)

    def __sub__(self, other: Ref | Number) -> Ref:
        return elementwise("subtract", self, other)

    def __rsub__(self, other: Number) -> Ref:
        return elementwise("subtract", other, self)

    def __mul__(self, other: Ref | Number) -> Ref:
        return multiply(self, other)

    def __rmul__(self, other: Number) -> Ref:
        return multiply(other, self)

    def __truediv__(self, other: Ref | Number) -> Ref:
        return elementwise("divide", self, other)

    def __rtruediv__(self, other: Number) -> Ref:
        return elementwise("divide", other, self)

    def __neg__(self) -> Ref:
        return self.builder.call("negative", self)

    def __getitem__(self, items: Any) -> Ref:
        return index(self, items)


def builder_of(operands: Iterable[Ref | Number]) -> Builder:
    """Return the builder of the first handle among `operands`."""
    return next(operand.builder for operand in operands if isinstance(operand, Ref))


def lift(builder: Builder, operand: Ref | Number) -> Ref:
    """Return the operand as a handle; a number becomes a literal."""
    return operand if isinstance(operand, Ref) else builder.constant(operand)


def call(op: str, *args: Ref, **attrs: Any) -> Ref:
    """Return operation `op` on handles of one builder."""
    return args[0].builder.call(op, *args, **attrs)


def broadcast_to(x: Ref, shape: Sequence[int]) -> Ref:
    """Return x broadcast to `shape`; x itself where it has that shape."""
    shape = tuple(int(n) for n in shape)
    return x if x.shape == shape else call("broadcast_to", x, shape=shape)


def elementwise(op: str, *operands: Ref | Number, **attrs: Any) -> Ref:
    """Return `op` on operands that are first broadcast to their common shape."""
    builder = builder_of(operands)
    refs = [lift(builder, operand) for operand in operands]
    shape = np.broadcast_shapes(*(ref.shape for ref in refs))
    return builder.call(op, *(broadcast_to(ref, shape) for ref in refs), **attrs)


def multiply(a: Ref | Number, b: Ref | Number) -> Ref:
    """Return a·b; in a derivation a factor that is the literal 1 costs nothing."""
    builder = builder_of((a, b))
    if builder.tidy:
        for one, other in ((a, b), (b, a)):
            if isinstance(other, Ref) and isinstance(one, Ref) and literal(one) == 1:
                return broadcast_to(other, np.broadcast_shapes(one.shape, other.shape))
    return elementwise("multiply", a, b)


def literal(x: Ref) -> int | float | None:
    """Return the number that x holds everywhere, where it is a literal, reshaped or broadcast; else None."""
    node = x.node
    while node.op in ("broadcast_to", "reshape"):
        node = x.builder.nodes[node.args[0]]
    value = node.attrs.get("value") if node.op == "constant" else None
    return value if isinstance(value, int | float) else None


def reshape(x: Ref, shape: Sequence[int]) -> Ref:
    """Return x in another shape; one axis may be -1."""
    known = math.prod(n for n in shape if n != -1)
    full = tuple(int(x.size // known if n == -1 else n) for n in shape)
    return x if full == x.shape else call("reshape", x, shape=full)


def permute(x: Ref, axes: Sequence[int]) -> Ref:
    """Return x with its axes in the given order."""
    axes = tuple(int(a) for a in axes)
    return x if axes == tuple(range(x.ndim)) else call("permute_dims", x, axes=axes)


def transpose(x: Ref) -> Ref:
    """Return x with its last two axes exchanged."""
    n = x.ndim
    return permute(x, (*range(n - 2), n - 1, n - 2))


def expand(x: Ref, axis: int) -> Ref:
    """Return x with an axis of length 1 at `axis` of the result."""
    shape = list(x.shape)
    shape.insert(axis % (x.ndim + 1), 1)
    return reshape(x, shape)


def index(x: Ref, items: Any) -> Ref:
    """Return basic indexing x[items] with integers, slices, None and Ellipsis."""
    given = items if isinstance(items, tuple) else (items,)
    return call("index", x, index=normal_index(given, x.ndim))


def normal_index(items: tuple[Any, ...], ndim: int) -> tuple[Any, ...]:
    """Return the index as data: Ellipsis written out, slices as triples, trailing full slices dropped."""
    full = (None, None, None)
    used = sum(1 for item in items if item is not None and item is not Ellipsis)
    out: list[Any] = []
    for item in items:
        if item is Ellipsis:
            out += [full] * (ndim - used)
        elif isinstance(item, slice):
            out.append((item.start, item.stop, item.step))
        else:
            out.append(item if item is None else int(item))
    while out and out[-1] == full:
        out.pop()
    return tuple(out)


def normal_axes(axis: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    """Return the ascending non-negative axes that a reduction's `axis` names."""
    if axis is None:
        return tuple(range(ndim))
    return tuple(sorted(int(a) % ndim for a in ([axis] if isinstance(axis, int) else axis)))


def total(x: Ref, axes: Collection[int], *, keepdims: bool = False) -> Ref:
    """Return the sum of x over `axes`; x itself where there are none."""
    return call("sum", x, axes=tuple(axes), keepdims=keepdims) if axes else x


def matmul(a: Ref, b: Ref) -> Ref:
    """Return the matrix product of arrays of two or more dimensions, batch axes broadcast."""
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return call("matmul", broadcast_to(a, batch + a.shape[-2:]), broadcast_to(b, batch + b.shape[-2:]))


def concat(xs: Sequence[Ref], axis: int) -> Ref:
    """Return the arrays joined along `axis`."""
    return xs[0] if len(xs) == 1 else call("concat", *xs, axis=axis)


def gate(g: Ref, weight: Ref) -> Ref:
    """Return the adjoint g where `weight` lets it pass; entries of weight 0 are absent."""
    return call("gate", g, broadcast_to(weight, g.shape))


def reduced(shape: Shape, axes: Collection[int], keepdims: bool) -> Shape:
    """Return `shape` after a reduction over `axes`."""
    return tuple(1 if k in axes else n for k, n in enumerate(shape) if keepdims or k not in axes)
