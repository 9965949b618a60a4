"""Operations that only move data, on any array: numbers of every domain, masks, weights and indices.

`lead` is the number of axes that stand before those of the node (samples), 0 for plain arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.graph.node import Attrs, Shape, to_index

AnyArray = NDArray[Any]


def held(x: Any) -> AnyArray:
    """Return x as an array: NumPy hands out the bare element of a 0-d object array."""
    if isinstance(x, np.ndarray):
        return x
    if isinstance(x, np.generic | float | int | bool):
        return np.asarray(x)
    wrapped = np.empty((), dtype=object)
    wrapped[()] = x
    return wrapped


def reshape(x: AnyArray, lead: int, *, shape: Shape) -> AnyArray:
    return x.reshape(x.shape[:lead] + tuple(shape))


def permute_dims(x: AnyArray, lead: int, *, axes: Shape) -> AnyArray:
    return x.transpose(*range(lead), *(axis + lead for axis in axes))


def broadcast_to(x: AnyArray, lead: int, *, shape: Shape) -> AnyArray:
    before, own = x.shape[:lead], x.shape[lead:]
    aligned = x.reshape(before + (1,) * (len(shape) - len(own)) + own)
    return np.broadcast_to(aligned, before + tuple(shape))


def index(x: AnyArray, lead: int, *, index: tuple[Any, ...]) -> AnyArray:
    return held(x[(slice(None),) * lead + to_index(index)])


def take(x: AnyArray, lead: int, i: AnyArray, *, axis: int) -> AnyArray:
    return held(np.take(x, i, axis=axis + lead))


def take_along_axis(x: AnyArray, lead: int, i: AnyArray, *, axis: int) -> AnyArray:
    return np.take_along_axis(x, i[(None,) * lead], axis + lead)


def max_select(x: AnyArray, lead: int, weight: AnyArray, *, axes: Shape, keepdims: bool) -> AnyArray:
    """Return along `axes` the entry of x at the greatest weight."""
    best = np.argmax(rows(weight, 0, axes), axis=-1)[..., None]
    chosen = np.take_along_axis(rows(x, lead, axes), best[(None,) * lead], -1)[..., 0]
    kept = tuple(1 if k in axes else n for k, n in enumerate(weight.shape) if keepdims or k not in axes)
    return held(chosen).reshape(x.shape[:lead] + kept)


def add_up(x: AnyArray, axes: Shape, keepdims: bool, zero: Any) -> AnyArray:
    """Return the sum of objects over `axes`, which is `zero` where there are none."""
    add: Any = np.add
    return held(add.reduce(x, axis=axes, keepdims=keepdims, initial=zero))


def rows(x: AnyArray, lead: int, axes: Shape) -> AnyArray:
    """Return x with `axes` joined into one last axis."""
    rest = [k for k in range(x.ndim - lead) if k not in axes]
    moved = permute_dims(x, lead, axes=(*rest, *axes))
    count = math.prod(x.shape[lead + a] for a in axes)
    return moved.reshape(moved.shape[: lead + len(rest)] + (count,))


def unrows(x: AnyArray, shape: Shape, axes: Shape) -> AnyArray:
    """Return x, which came from `rows`, in the original shape."""
    order = [k for k in range(len(shape)) if k not in axes] + list(axes)
    return x.reshape([shape[k] for k in order]).transpose(np.argsort(order))


MOVES: dict[str, Callable[..., AnyArray]] = {
    "reshape": reshape,
    "permute_dims": permute_dims,
    "broadcast_to": broadcast_to,
    "index": index,
    "take": take,
    "take_along_axis": take_along_axis,
    "max_select": max_select,
    "stop_gradient": lambda x, lead: x,
}

ADJOINTS = {"index_adjoint": "index", "take_adjoint": "take", "take_along_axis_adjoint": "take_along_axis"}
"""Adjoint of a selection → the selection."""


def concat(xs: Sequence[AnyArray], lead: int, axis: int) -> AnyArray:
    """Return the arrays joined along the node's axis; samples that are all equal may be given once."""
    before = np.broadcast_shapes(*(x.shape[:lead] for x in xs))
    return np.concatenate([np.broadcast_to(x, before + x.shape[lead:]) for x in xs], axis=axis + lead)


def landing(op: str, indices: Sequence[AnyArray], attrs: Attrs) -> NDArray[np.intp]:
    """Return where each entry of a selection came from, as flat positions in the shape it was selected from.

    The adjoint of a selection adds its entries there.
    """
    shape = tuple(attrs["shape"])
    source = np.arange(math.prod(shape)).reshape(shape)
    static = {key: value for key, value in attrs.items() if key != "shape"}
    return MOVES[ADJOINTS[op]](source, 0, *indices, **static)
