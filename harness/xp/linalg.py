"""Linear algebra of the standard: products of arrays, and functions of the matrices in the last two axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from harness.graph import build as b
from harness.graph.build import Ref
from harness.xp.array import Array, real, wrap
from harness.xp.reduce import Axis, axes_of
from harness.xp.refusal import refuse
from harness.xp.shape import moved, one_axis


class Slogdet(NamedTuple):
    """Sign and logarithm of the absolute value of a determinant."""

    sign: Array
    logabsdet: Array


# --------------------------------------------------------------------------- products


def vecdot(x1: Array, x2: Array, /, *, axis: int = -1) -> Array:
    """Return the inner products of vectors along an axis that both have; the other axes broadcast."""
    x, y = real(x1, "xp.vecdot(x, y)"), real(x2, "xp.vecdot(x, y)")
    if type(axis) is not int or not -min(x.ndim, y.ndim) <= axis < 0:
        raise refuse(f"xp.vecdot with axis={axis!r} of shapes {x.shape} and {y.shape}", "Count the axis from the end")
    if x.shape[axis] != y.shape[axis]:
        raise refuse(f"xp.vecdot of shapes {x.shape} and {y.shape}", "Make them equal along the axis")
    shape = _common("xp.vecdot", x.shape, y.shape)
    return wrap(b.call("vecdot", b.broadcast_to(x, shape), b.broadcast_to(y, shape), axis=len(shape) + axis))


def tensordot(x1: Array, x2: Array, /, *, axes: int | tuple[Sequence[int], Sequence[int]] = 2) -> Array:
    """Return the sum over pairs of axes: the last of x1 with the first of x2, or those that are named."""
    x, y = real(x1, "xp.tensordot(x, y, axes=…)"), real(x2, "xp.tensordot(x, y, axes=…)")
    left, right = _pairs(axes, x, y)
    if [x.shape[k] for k in left] != [y.shape[k] for k in right]:
        raise refuse(f"xp.tensordot of shapes {x.shape} and {y.shape} over {axes}", "The paired sizes must be equal")
    return wrap(b.call("tensordot", x, y, left=left, right=right))


def _pairs(axes: Any, x: Ref, y: Ref) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if type(axes) is int and 0 <= axes <= min(x.ndim, y.ndim):
        return tuple(range(x.ndim - axes, x.ndim)), tuple(range(axes))
    if not isinstance(axes, Sequence) or len(axes) != 2 or len(axes[0]) != len(axes[1]):
        raise refuse(f"xp.tensordot with axes={axes!r}", "Give a number of axes, or two tuples of equal length")
    left, right = (
        tuple(one_axis(k, ref.ndim, "xp.tensordot") for k in names) for names, ref in zip(axes, (x, y), strict=True)
    )
    if len({*left}) != len(left) or len({*right}) != len(right):
        raise refuse(f"xp.tensordot with axes={axes!r}", "Name every axis once")
    return left, right


def vector_norm(x: Array, /, *, axis: Axis = None, keepdims: bool = False, ord: int = 2) -> Array:
    """Return the Euclidean norm over axes."""
    ref = real(x, "xp.linalg.vector_norm(x, axis=…)")
    if ord != 2:
        raise refuse(f"xp.linalg.vector_norm with ord={ord!r}", "Write xp.sum(xp.abs(x)) or xp.max(xp.abs(x))")
    axes = axes_of(axis, ref.ndim, "xp.linalg.vector_norm")
    return wrap(b.call("vector_norm", ref, axes=axes, keepdims=bool(keepdims)) if axes else b.call("abs", ref))


def _common(call: str, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise refuse(f"{call} of shapes {' and '.join(map(str, shapes))}", "Make them broadcast") from None


# --------------------------------------------------------------------------- matrices


def diagonal(x: Array, /, *, offset: int = 0) -> Array:
    """Return the diagonals of matrices, `offset` places to the right of the main one."""
    return wrap(b.call("diagonal", _matrix(moved(x, "xp.linalg.diagonal(x)"), "diagonal"), offset=_whole(offset)))


def trace(x: Array, /, *, offset: int = 0) -> Array:
    """Return the sums of diagonals of matrices."""
    return wrap(b.call("trace", _matrix(real(x, "xp.linalg.trace(x)"), "trace"), offset=_whole(offset)))


def cholesky(x: Array, /, *, upper: bool = False) -> Array:
    """Return the triangle L of L·Lᵀ = x, or its transpose; x is taken as (x + xᵀ)/2."""
    lower = b.call("cholesky", _square(x, "cholesky"))
    return wrap(b.transpose(lower) if upper else lower)


def inv(x: Array, /) -> Array:
    """Return the inverse matrices."""
    return wrap(b.call("inv", _square(x, "inv")))


def det(x: Array, /) -> Array:
    """Return the determinants of matrices."""
    return wrap(b.call("det", _square(x, "det")))


def slogdet(x: Array, /) -> Slogdet:
    """Return signs and logarithms of the absolute values of determinants."""
    ref = _square(x, "slogdet")
    return Slogdet(wrap(b.call("signdet", ref)), wrap(b.call("logabsdet", ref)))


def solve(x1: Array, x2: Array, /) -> Array:
    """Return the solution z of x1·z = x2, for a vector or for the columns of matrices."""
    a, c = _square(x1, "solve"), real(x2, "xp.linalg.solve(x, y)")
    right = b.reshape(c, (*c.shape, 1)) if c.ndim == 1 else c
    if right.ndim < 2 or right.shape[-2] != a.shape[-1]:
        raise refuse(f"xp.linalg.solve of shapes {a.shape} and {c.shape}", "Give a row of y for each row of x")
    batch = _common("xp.linalg.solve", a.shape[:-2], right.shape[:-2])
    z = b.call("solve", b.broadcast_to(a, batch + a.shape[-2:]), b.broadcast_to(right, batch + right.shape[-2:]))
    return wrap(b.reshape(z, z.shape[:-1]) if c.ndim == 1 else z)


def _square(x: Any, name: str) -> Ref:
    """Return the handle of square matrices."""
    ref = _matrix(real(x, f"xp.linalg.{name}(x)"), name)
    if ref.shape[-1] != ref.shape[-2] or not ref.shape[-1]:
        raise refuse(f"xp.linalg.{name} of shape {ref.shape}", "The matrices in the last two axes must be square")
    return ref


def _matrix(ref: Ref, name: str) -> Ref:
    if ref.ndim < 2:
        raise refuse(f"xp.linalg.{name} of {ref.ndim} dimensions", "It takes matrices in the last two axes")
    return ref


def _whole(offset: Any) -> int:
    if type(offset) is not int:
        raise refuse(f"offset={offset!r}", "Give an integer")
    return offset
