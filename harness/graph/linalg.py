"""Composites of matrices in the last two axes; the axes before them are a batch.

The definitions are textbook algorithms, column by column (Golub and Van Loan, Matrix Computations, 2013, chapters 3
and 4). The order of the rows in an elimination is a decision of its own, which no result depends on; `backward_error`
is the identity, with what a library may change of a matrix.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.graph import build as b
from harness.graph.build import Ref
from harness.graph.registry import composite

Axes = tuple[int, ...]


@composite("diagonal")
def diagonal(x: Ref, offset: int) -> Ref:
    """The entries (k, k + offset), picked by one stride from the matrix written as a line."""
    *batch, height, width = x.shape
    count = max(0, min(height, width - offset) if offset >= 0 else min(height + offset, width))
    start = offset if offset >= 0 else -offset * width
    stop = start + (count - 1) * (width + 1) + 1 if count else start
    return b.reshape(x, (*batch, height * width))[..., start : stop : width + 1]


@composite("trace")
def trace(x: Ref, offset: int) -> Ref:
    return b.total(b.call("diagonal", x, offset=offset), (x.ndim - 2,))


@composite("vecdot")
def vecdot(x: Ref, y: Ref, axis: int) -> Ref:
    return b.total(x * y, (axis,))


@composite("tensordot")
def tensordot(x: Ref, y: Ref, left: Axes, right: Axes) -> Ref:
    """Sum over pairs of axes, `left` of x with `right` of y."""
    outer = [k for k in range(x.ndim) if k not in left]
    inner = [k for k in range(y.ndim) if k not in right]
    shape = [x.shape[k] for k in outer] + [y.shape[k] for k in inner]
    a, c = b.permute(x, (*outer, *left)), b.permute(y, (*right, *inner))
    count = _count(x, left)
    return b.reshape(b.matmul(b.reshape(a, (_count(x, outer), count)), b.reshape(c, (count, _count(y, inner)))), shape)


def _count(x: Ref, axes: Sequence[int]) -> int:
    return math.prod(x.shape[axis] for axis in axes)


@composite("vector_norm")
def vector_norm(x: Ref, axes: Axes, keepdims: bool) -> Ref:
    """The Euclidean norm."""
    return b.call("sqrt", b.total(x * x, axes, keepdims=keepdims))


@composite("cholesky")
def cholesky(x: Ref) -> Ref:
    """Lower triangle of the symmetric part: engines read one triangle or both, and all symmetrise the gradient."""
    columns = _columns(_taken((x + b.transpose(x)) * 0.5))
    return b.concat([_below_zeros(column, x.shape[-1]) for column in columns], x.ndim - 1)


def _columns(rest: Ref) -> list[Ref]:
    """Return the columns of the triangle, each from the diagonal on."""
    corner = b.call("sqrt", rest[..., :1, :1])
    if rest.shape[-1] == 1:
        return [corner]
    below = rest[..., 1:, :1] / corner
    smaller = rest[..., 1:, 1:] - b.matmul(below, b.transpose(below))
    return [b.concat([corner, below], rest.ndim - 2), *_columns(smaller)]


def _below_zeros(column: Ref, n: int) -> Ref:
    *batch, length, width = column.shape
    if length == n:
        return column
    zeros = b.broadcast_to(column.builder.constant(0), (*batch, n - length, width))
    return b.concat([zeros, column], column.ndim - 2)


# --------------------------------------------------------------------------- elimination


def _taken(x: Ref) -> Ref:
    """Return the matrices as libraries take them: another order of operations is another matrix nearby."""
    return b.call("backward_error", x)


def _in_order(x: Ref, order: Ref) -> Ref:
    """Return the rows of x in the order of the pivots."""
    index = b.broadcast_to(b.expand(order, order.ndim), x.shape)
    return b.call("take_along_axis", x, index, axis=x.ndim - 2)


def _eliminated(x: Ref) -> list[Ref]:
    """Return the rows of the upper triangle, each from its pivot on; columns beyond the square go along."""
    top = x[..., :1, :]
    if x.shape[-2] == 1:
        return [top]
    factors = x[..., 1:, :1] / top[..., :, :1]
    return [top, *_eliminated(x[..., 1:, 1:] - b.matmul(factors, top[..., :, 1:]))]


@composite("solve")
def solve(a: Ref, c: Ref) -> Ref:
    """The x of a x = c: elimination beside c, then substitution from the last row up."""
    order = b.call("pivots", a)
    found: list[Ref] = []
    for row in reversed(_eliminated(b.concat([_in_order(_taken(a), order), _in_order(c, order)], a.ndim - 1))):
        known = len(found)
        right = row[..., :, 1 + known :]
        if found:
            right = right - b.matmul(row[..., :, 1 : 1 + known], b.concat(found, a.ndim - 2))
        found.insert(0, right / row[..., :, :1])
    return b.concat(found, a.ndim - 2)


@composite("inv")
def inv(x: Ref) -> Ref:
    return b.call("solve", x, b.broadcast_to(x.builder.append_primitive("eye", n=x.shape[-1]), x.shape))


def _pivots(x: Ref) -> tuple[Ref, Ref]:
    """Return the diagonal of the upper triangle, of shape (…, n), and the sign of the order of the rows."""
    order = b.call("pivots", x)
    rows = _eliminated(_in_order(_taken(x), order))
    return b.concat([row[..., 0, :1] for row in rows], x.ndim - 2), b.call("parity", order)


@composite("det")
def det(x: Ref) -> Ref:
    """The product of the pivots; with one pivot of 0 the gradient is right as well, with more it is undefined here."""
    diagonal, sign = _pivots(x)
    return b.call("pick", b.call("prod", diagonal, axes=(x.ndim - 2,), keepdims=False), sign)


@composite("logabsdet")
def logabsdet(x: Ref) -> Ref:
    """The logarithm of |det x|, without the kink of an absolute value: a pivot that is 0 has no logarithm anyway."""
    diagonal, _ = _pivots(x)
    return b.total(b.call("log", diagonal * diagonal) * 0.5, (x.ndim - 2,))


@composite("signdet")
def signdet(x: Ref) -> Ref:
    """The sign of det x, which carries no gradient."""
    diagonal, sign = _pivots(x)
    signs = b.call("prod", b.call("sign", diagonal), axes=(x.ndim - 2,), keepdims=False)
    return b.call("pick", signs, sign)
