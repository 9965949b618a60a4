"""Functions that put entries into another order."""

from __future__ import annotations

import math
from typing import Any

from harness.graph import build as b
from harness.xp.array import Array, real, wrap
from harness.xp.reduce import Axis, axes_of
from harness.xp.refusal import refuse
from harness.xp.shape import moved, one_axis


def flip(x: Array, /, *, axis: Axis = None) -> Array:
    """Return x with its entries in reverse along the axes, all of them where none is named."""
    ref = moved(x, "xp.flip(x, axis=…)")
    return wrap(b.call("flip", ref, axes=axes_of(axis, ref.ndim, "xp.flip")) if ref.ndim else ref)


def roll(x: Array, /, shift: int | tuple[int, ...], *, axis: Axis = None) -> Array:
    """Return x with its entries moved round along the axes; without an axis, as one line of entries."""
    ref = moved(x, "xp.roll(x, shift, axis=…)")
    if axis is None:
        line = b.call("roll", b.reshape(ref, (math.prod(ref.shape),)), shift=_steps(shift, 1), axes=(0,))
        return wrap(b.reshape(line, ref.shape))
    axes = tuple(one_axis(k, ref.ndim, "xp.roll") for k in (axis if isinstance(axis, tuple) else (axis,)))
    return wrap(b.call("roll", ref, shift=_steps(shift, len(axes)), axes=axes))


def _steps(shift: Any, count: int) -> tuple[int, ...]:
    """Return a shift for each axis."""
    steps = shift if isinstance(shift, tuple) else (shift,) * count
    if len(steps) != count or any(type(step) is not int for step in steps):
        raise refuse(f"xp.roll with shift={shift!r} along {count} axes", "Give an integer, or one for each axis")
    return steps


def sort(x: Array, /, *, axis: int = -1, descending: bool = False) -> Array:
    """Return the entries of x in order along an axis."""
    ref = real(x, "xp.sort(x, axis=…)")
    position = one_axis(axis, ref.ndim, "xp.sort")
    if not ref.shape[position]:
        raise refuse("xp.sort of no entries", "Sort an axis that has entries")
    return wrap(b.call("sort", ref, axis=position, descending=bool(descending)))


def cumulative_sum(x: Array, /, *, axis: int | None = None) -> Array:
    """Return the sums of the entries up to each along an axis, which only a vector need not name."""
    ref = real(x, "xp.cumulative_sum(x, axis=…)")
    if axis is None and ref.ndim != 1:
        raise refuse(f"xp.cumulative_sum of {ref.ndim} dimensions without an axis", "Write axis=…")
    return wrap(b.call("cumulative_sum", ref, axis=one_axis(axis or 0, ref.ndim, "xp.cumulative_sum")))
