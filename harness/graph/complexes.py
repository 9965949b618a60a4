"""Composites of complex values: in a graph a complex value is a pair of reals, in a last axis of length 2.

The definitions are the textbook's, in real arithmetic, so that truth and tolerance are those of the two parts; a
framework writes them in its own complex numbers. A real literal, the one operand without axes, stands for itself.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.graph import build as b
from harness.graph.build import Ref
from harness.graph.node import Graph, Node
from harness.graph.registry import composite

Axes = tuple[int, ...]

PRODUCTS = ("matmul", "matvec", "vecmat", "dot")
COMPLEX = frozenset(
    [
        *"complex_of as_complex complex_add complex_subtract complex_multiply complex_divide complex_negative".split(),
        *"conj complex_exp complex_index complex_sum".split(),
        *(f"complex_{product}" for product in PRODUCTS),
    ]
)
"""The operations whose result is complex; that of `complex_abs`, `real` and `imag` is real."""


def is_complex(node: Node) -> bool:
    """Return whether the value of a node that is not written out is complex."""
    return node.op in COMPLEX


def pair_of(parts: Ref) -> Ref:
    """Return the complex value of a real array whose last axis holds the two parts."""
    return b.call("complex_of", parts[..., 0], parts[..., 1])


def paired(x: Ref) -> Ref:
    """Return the real array whose last axis holds the two parts of x, where x is complex; else x."""
    return _pair(b.call("real", x), b.call("imag", x)) if is_complex(x.node) else x


def imaginary_parts(graph: Graph) -> set[str]:
    """Return the leaf paths that are imaginary parts of complex values as they stand."""
    parts = {node.args[1] for node in graph.nodes if node.op == "complex_of"}
    return {path for path in graph.params if graph.inputs[path] in parts}


def _pair(re: Ref, im: Ref) -> Ref:
    return b.call("stack", re, im, axis=re.ndim)


def _parts(z: Ref) -> tuple[Ref, Ref]:
    """Return the two parts, those that a pair was just made of where it was."""
    args = [z.builder.at(k) for k in z.node.args]
    if z.node.op == "stack":
        return args[0], args[1]
    if z.node.op == "concat" and [part.node.op for part in args] == ["reshape", "reshape"]:
        re, im = (z.builder.at(part.node.args[0]) for part in args)
        return re, im
    return z[..., 0], z[..., 1]


def _literal(x: Ref) -> bool:
    return x.ndim == 0


@composite("complex_of")
def complex_of(re: Ref, im: Ref) -> Ref:
    """The complex value of two real parts of one shape."""
    return _pair(re, im)


@composite("as_complex")
def as_complex(x: Ref) -> Ref:
    return _pair(x, b.broadcast_to(x.builder.constant(0), x.shape))


@composite("real")
def real(z: Ref) -> Ref:
    return _parts(z)[0]


@composite("imag")
def imag(z: Ref) -> Ref:
    return _parts(z)[1]


def _added(z: Ref, w: Ref) -> Ref:
    if _literal(w):
        re, im = _parts(z)
        return _pair(re + w, im)
    if _literal(z):
        return _added(w, z)
    (p, q), (r, s) = _parts(z), _parts(w)
    return _pair(p + r, q + s)


composite("complex_add")(_added)


@composite("complex_negative")
def negative(z: Ref) -> Ref:
    re, im = _parts(z)
    return _pair(-re, -im)


@composite("complex_subtract")
def subtract(z: Ref, w: Ref) -> Ref:
    if _literal(w):
        re, im = _parts(z)
        return _pair(re - w, im)
    if _literal(z):
        re, im = _parts(w)
        return _pair(z - re, -im)
    (p, q), (r, s) = _parts(z), _parts(w)
    return _pair(p - r, q - s)


@composite("complex_multiply")
def multiply(z: Ref, w: Ref) -> Ref:
    if _literal(w):
        re, im = _parts(z)
        return _pair(re * w, im * w)
    if _literal(z):
        return multiply(w, z)
    (p, q), (r, s) = _parts(z), _parts(w)
    return _pair(p * r - q * s, p * s + q * r)


@composite("complex_divide")
def divide(z: Ref, w: Ref) -> Ref:
    """Frameworks scale before they divide (R. L. Smith, Algorithm 116, 1962), which rounds no more than this."""
    if _literal(w):
        re, im = _parts(z)
        return _pair(re / w, im / w)
    r, s = _parts(w)
    size = r * r + s * s
    if _literal(z):
        return _pair(z * r / size, -(z * s) / size)
    p, q = _parts(z)
    return _pair((p * r + q * s) / size, (q * r - p * s) / size)


@composite("conj")
def conj(z: Ref) -> Ref:
    re, im = _parts(z)
    return _pair(re, -im)


@composite("complex_abs")
def absolute(z: Ref) -> Ref:
    """The modulus, which has no derivative at 0."""
    return b.call("hypot", *_parts(z))


@composite("complex_exp")
def exp(z: Ref) -> Ref:
    re, im = _parts(z)
    size = b.call("exp", re)
    return _pair(size * b.call("cos", im), size * b.call("sin", im))


@composite("complex_index")
def index(z: Ref, index: tuple[object, ...]) -> Ref:
    re, im = (b.call("index", part, index=index) for part in _parts(z))
    return _pair(re, im)


@composite("complex_sum")
def total(z: Ref, axes: Axes, keepdims: bool) -> Ref:
    re, im = (b.total(part, axes, keepdims=keepdims) for part in _parts(z))
    return _pair(re, im)


def _product(op: str) -> Callable[[Ref, Ref], Ref]:
    """Return the definition of a product of the kind of `op`: four of the parts."""

    def each(x: Ref, y: Ref) -> Ref:
        return b.matmul(x, y) if op == "matmul" else b.call(op, x, y)

    def define(z: Ref, w: Ref) -> Ref:
        (p, q), (r, s) = _parts(z), _parts(w)
        return _pair(each(p, r) - each(q, s), each(p, s) + each(q, r))

    return define


for product in PRODUCTS:
    composite(f"complex_{product}")(_product(product))
