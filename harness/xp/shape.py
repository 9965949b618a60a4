"""Functions that move entries: shapes, joining, picking by index."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.graph import build as b
from harness.graph.build import Ref
from harness.xp.array import Array, at_line, wrap
from harness.xp.banned import COMPLEX_ONLY, Paramount
from harness.xp.refusal import refuse


def moved(x: Any, call: str) -> Ref:
    """Return the handle of an array of any kind but complex."""
    if isinstance(x, Paramount):
        raise refuse(f"{call} of a complex value", COMPLEX_ONLY)
    if not isinstance(x, Array):
        raise refuse(f"{call} takes an array, not a {type(x).__name__}", "Use xp.full(shape, value) for constants")
    return at_line(x)


def one_axis(axis: Any, ndim: int, call: str) -> int:
    """Return the non-negative axis."""
    if type(axis) is not int or not -ndim <= axis < ndim:
        raise refuse(f"{call} with axis={axis!r} on {ndim} dimensions", f"Give an integer from {-ndim} to {ndim - 1}")
    return axis % ndim


def reshape(x: Array, /, shape: Sequence[int]) -> Array:
    """Return x in another shape; one size may be -1."""
    ref = moved(x, "xp.reshape(x, shape)")
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    known = math.prod(n for n in sizes if n != -1)
    if sizes.count(-1) > 1 or (ref.size != known if -1 not in sizes else known == 0 or ref.size % known):
        raise refuse(f"xp.reshape of shape {ref.shape} to {sizes}", "The number of entries must stay the same")
    return wrap(b.reshape(ref, sizes))


def permute_dims(x: Array, /, axes: Sequence[int]) -> Array:
    """Return x with its axes in the given order."""
    ref = moved(x, "xp.permute_dims(x, axes)")
    order = [one_axis(axis, ref.ndim, "xp.permute_dims") for axis in axes]
    if sorted(order) != list(range(ref.ndim)):
        raise refuse(f"xp.permute_dims with axes {tuple(axes)} on {ref.ndim} dimensions", "Name every axis once")
    return wrap(b.permute(ref, order))


def matrix_transpose(x: Array, /) -> Array:
    """Return x with its last two axes exchanged."""
    return x.mT


def expand_dims(x: Array, /, *, axis: int) -> Array:
    """Return x with a new axis of length 1."""
    ref = moved(x, "xp.expand_dims(x, axis=…)")
    return wrap(b.expand(ref, one_axis(axis, ref.ndim + 1, "xp.expand_dims")))


def squeeze(x: Array, /, axis: int | tuple[int, ...]) -> Array:
    """Return x without the given axes of length 1."""
    ref = moved(x, "xp.squeeze(x, axis=…)")
    gone = {one_axis(k, ref.ndim, "xp.squeeze") for k in ((axis,) if isinstance(axis, int) else axis)}
    if any(ref.shape[k] != 1 for k in gone):
        raise refuse(f"xp.squeeze of shape {ref.shape} along {axis}", "Only axes of length 1 can go")
    return wrap(b.reshape(ref, [n for k, n in enumerate(ref.shape) if k not in gone]))


def broadcast_to(x: Array, /, shape: Sequence[int]) -> Array:
    """Return x repeated to `shape`."""
    ref = moved(x, "xp.broadcast_to(x, shape)")
    try:
        if np.broadcast_shapes(ref.shape, tuple(shape)) != tuple(shape):
            raise ValueError
    except ValueError:
        raise refuse(f"xp.broadcast_to of shape {ref.shape} to {tuple(shape)}", "The shapes do not broadcast") from None
    return wrap(b.broadcast_to(ref, shape))


def concat(arrays: Sequence[Array], /, *, axis: int = 0) -> Array:
    """Return the arrays joined along an existing axis."""
    refs = _alike(arrays, "xp.concat")
    position = one_axis(axis, refs[0].ndim, "xp.concat")
    rest = {ref.shape[:position] + ref.shape[position + 1 :] for ref in refs}
    if len(rest) > 1:
        raise refuse(
            f"xp.concat of shapes {', '.join(str(ref.shape) for ref in refs)}", "They may differ along the axis only"
        )
    return wrap(b.concat(refs, position))


def stack(arrays: Sequence[Array], /, *, axis: int = 0) -> Array:
    """Return the arrays joined along a new axis."""
    refs = _alike(arrays, "xp.stack")
    if len({ref.shape for ref in refs}) > 1:
        raise refuse(f"xp.stack of shapes {', '.join(str(ref.shape) for ref in refs)}", "They must be equal")
    return wrap(b.call("stack", *refs, axis=one_axis(axis, refs[0].ndim + 1, "xp.stack")))


def _alike(arrays: Any, call: str) -> list[Ref]:
    if isinstance(arrays, Array) or not arrays:
        raise refuse(f"{call} takes a list of arrays", f"Write {call}([a, b], axis=…)")
    refs = [moved(x, f"{call}([…])") for x in arrays]
    if len({ref.kind for ref in refs}) > 1 or len({ref.ndim for ref in refs}) > 1:
        raise refuse(f"{call} of arrays of different kinds or dimensions", "Make them alike first")
    return refs


def unstack(x: Array, /, *, axis: int = 0) -> tuple[Array, ...]:
    """Return the slices of x along an axis, as a tuple."""
    ref = moved(x, "xp.unstack(x, axis=…)")
    position = one_axis(axis, ref.ndim, "xp.unstack")
    return tuple(wrap(ref[(slice(None),) * position + (k,)]) for k in range(ref.shape[position]))


def indices(x: Any, call: str) -> Ref:
    """Return the handle of an integer array."""
    if not isinstance(x, Array) or x._ref.kind != "int":
        raise refuse(f"{call}: indices are an integer input", "Declare them: name=data([0, 2, 1])")
    return at_line(x)


def take(x: Array, indices_: Array, /, *, axis: int) -> Array:
    """Return the entries of x at `indices` along an axis."""
    ref = moved(x, "xp.take(x, indices, axis=…)")
    return wrap(b.call("take", ref, indices(indices_, "xp.take"), axis=one_axis(axis, ref.ndim, "xp.take")))


def take_along_axis(x: Array, indices_: Array, /, *, axis: int = -1) -> Array:
    """Return for each index the entry of x in the same row along an axis."""
    call = "xp.take_along_axis"
    ref, places = moved(x, f"{call}(x, indices, axis=…)"), indices(indices_, call)
    position = one_axis(axis, ref.ndim, call)
    if places.ndim != ref.ndim or any(
        n != m for k, (n, m) in enumerate(zip(ref.shape, places.shape, strict=True)) if k != position
    ):
        raise refuse(
            f"{call} of shapes {ref.shape} and {places.shape}",
            "They must be equal but along the axis: write y[:, None]",
        )
    return wrap(b.call("take_along_axis", ref, places, axis=position))
