"""Functions of networks that every engine has as one call; what engines disagree on has no default."""

from __future__ import annotations

from collections.abc import Callable

from harness.graph import build as b
from harness.xp.array import Array, real, wrap
from harness.xp.shape import one_axis


def along_axis(op: str) -> Callable[..., Array]:
    """Return softmax or log_softmax along a named axis."""

    def function(x: Array, /, *, axis: int) -> Array:
        ref = real(x, f"xp.nn.{op}(x, axis=…)")
        return wrap(b.call(op, ref, axis=one_axis(axis, ref.ndim, f"xp.nn.{op}")))

    function.__name__ = function.__qualname__ = op
    return function
