"""Reductions of the standard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.graph import build as b
from harness.xp.array import Array, real, wrap
from harness.xp.refusal import refuse
from harness.xp.shape import one_axis

Axis = int | tuple[int, ...] | None


def axes_of(axis: Any, ndim: int, call: str) -> tuple[int, ...]:
    """Return the ascending axes that `axis` names, each once."""
    if axis is None:
        return tuple(range(ndim))
    named = [one_axis(k, ndim, call) for k in (axis if isinstance(axis, tuple) else (axis,))]
    if len(set(named)) != len(named):
        raise refuse(f"{call} with axis={axis!r}", "Name every axis once")
    return tuple(sorted(named))


def reduction(op: str, name: str = "") -> Callable[..., Array]:
    """Return the reduction `op` over axes; without axes x itself is returned."""
    call = f"xp.{name or op}"

    def function(x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
        ref = real(x, f"{call}(x, axis=…)")
        axes = axes_of(axis, ref.ndim, call)
        if op in ("max", "min", "mean", "prod") and 0 in (ref.shape[k] for k in axes):
            raise refuse(f"{call} of no entries", "Reduce an axis that has entries")
        return wrap(b.call(op, ref, axes=axes, keepdims=bool(keepdims)) if axes else ref)

    function.__name__ = function.__qualname__ = op
    return function


def spread(op: str) -> Callable[..., Array]:
    """Return var or std, whose correction has no default because engines disagree on it."""

    def function(x: Array, /, *, axis: Axis = None, correction: float, keepdims: bool = False) -> Array:
        ref = real(x, f"xp.{op}(x, axis=…, correction=…)")
        axes = axes_of(axis, ref.ndim, f"xp.{op}")
        return wrap(b.call(op, ref, axes=axes, keepdims=bool(keepdims), correction=correction))

    function.__name__ = function.__qualname__ = op
    return function
