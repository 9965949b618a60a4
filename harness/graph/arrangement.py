"""Composites along axes: entries in another order, running sums, products.

A definition of a smooth function contains no decision about real numbers.
"""

from __future__ import annotations

import math
from functools import reduce
from operator import mul

from harness.graph import build as b
from harness.graph.build import Ref
from harness.graph.registry import composite

Axes = tuple[int, ...]


@composite("flip")
def flip(x: Ref, axes: Axes) -> Ref:
    return x[tuple(slice(None, None, -1 if k in axes else None) for k in range(x.ndim))]


@composite("roll")
def roll(x: Ref, shift: tuple[int, ...], axes: Axes) -> Ref:
    """Entries that leave at the end come in again at the start, `shift` places further along each axis."""
    for step, axis in zip(shift, axes, strict=True):
        before = (slice(None),) * axis
        cut = x.shape[axis] - step % max(1, x.shape[axis])
        if cut < x.shape[axis]:
            x = b.concat([x[(*before, slice(cut, None))], x[(*before, slice(None, cut))]], axis)
    return x


@composite("sort")
def sort(x: Ref, axis: int, descending: bool) -> Ref:
    order = b.call("argsort", x, axis=axis, descending=descending)
    return b.call("take_along_axis", x, order, axis=axis)


@composite("cumulative_sum")
def cumulative_sum(x: Ref, axis: int) -> Ref:
    """A sum for every entry, over those up to it: so its rounding, and its adjoint's, covers any order of addition."""
    n = x.shape[axis]
    square = (*x.shape[:axis], n, *x.shape[axis:])
    place = x.builder.call("arange", n=n)
    after = (1,) * (x.ndim - axis - 1)
    upto = b.broadcast_to(b.reshape(place, (n, 1, *after)), square)
    entry = b.broadcast_to(b.reshape(place, (n, *after)), square)
    terms = b.elementwise("where", b.call("less_equal", entry, upto), b.expand(x, axis), 0)
    return b.total(terms, (axis + 1,))


@composite("prod")
def prod(x: Ref, axes: Axes, keepdims: bool) -> Ref:
    """One factor after the other, so that the derivative by one is the product of the others, at zeros too."""
    rest = [k for k in range(x.ndim) if k not in axes]
    count = math.prod(x.shape[k] for k in axes)
    lines = b.reshape(b.permute(x, (*rest, *axes)), (*(x.shape[k] for k in rest), count))
    return b.reshape(reduce(mul, (lines[..., k] for k in range(count))), b.reduced(x.shape, axes, keepdims))
