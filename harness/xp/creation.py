"""Arrays that a case makes by itself: literals repeated to a shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.graph import build as b
from harness.graph.build import Builder
from harness.xp.array import REAL, Array, wrap
from harness.xp.banned import number
from harness.xp.refusal import line_here, refuse


class Creation:
    """The creation functions of one trace."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder

    def full(self, shape: int | Sequence[int], fill_value: float, *, dtype: Any = None) -> Array:
        """Return an array of `shape` filled with a Python number."""
        _only_real(dtype)
        self._builder.where = line_here()
        return wrap(b.broadcast_to(self._builder.constant(number(fill_value)), _shape(shape)))

    def zeros(self, shape: int | Sequence[int], *, dtype: Any = None) -> Array:
        """Return zeros of `shape`."""
        return self.full(shape, 0.0, dtype=dtype)

    def ones(self, shape: int | Sequence[int], *, dtype: Any = None) -> Array:
        """Return ones of `shape`."""
        return self.full(shape, 1.0, dtype=dtype)

    def eye(self, n_rows: int, *, dtype: Any = None) -> Array:
        """Return the identity matrix of `n_rows` rows."""
        _only_real(dtype)
        self._builder.where = line_here()
        return wrap(self._builder.append_primitive("eye", n=_shape(n_rows)[0]))

    def zeros_like(self, x: Array) -> Array:
        """Return zeros of x's shape."""
        return self.full(_shape_of(x), 0.0)

    def ones_like(self, x: Array) -> Array:
        """Return ones of x's shape."""
        return self.full(_shape_of(x), 1.0)

    def full_like(self, x: Array, fill_value: float) -> Array:
        """Return an array of x's shape filled with a Python number."""
        return self.full(_shape_of(x), fill_value)


def _only_real(dtype: Any) -> None:
    if dtype is not None and dtype is not REAL:
        raise refuse("a dtype of its own", "Leave dtype out: a case has one dtype, chosen by the cell")


def _shape_of(x: Any) -> tuple[int, ...]:
    if not isinstance(x, Array):
        raise refuse(f"a {type(x).__name__} has no shape", "Pass an array of the case")
    return x.shape


def _shape(shape: Any) -> tuple[int, ...]:
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    if any(type(n) is not int or n < 0 for n in sizes):
        raise refuse(f"the shape {shape!r}", "Shapes are static non-negative integers; take them from x.shape")
    return sizes
