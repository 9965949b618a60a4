"""Odd shapes and kinds: scalars, axes of length 1 and 0, integers, many layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.declare import data, param
from harness.selftest.pointless import drawn

WEIGHTS = (-0.8, 0.8)


@drawn(x=param())
def scalar(xp: Any, x: Any) -> Any:
    """A function of one number."""
    return xp.sin(x) * xp.exp(-x * x / 4)


@drawn(a=param(shape=(1, 1, 3)), b=param(shape=(4, 1, 1)), c=param(shape=(1,)))
def axes_of_one(xp: Any, a: Any, b: Any, c: Any) -> Any:
    """Broadcasts along axes of length 1."""
    return xp.sum(xp.tanh(a * b + c) * xp.sum(a, axis=1, keepdims=True))


@drawn(a=param(shape=(1, 1)), b=param(shape=(1, 1)))
def matrices_of_one(xp: Any, a: Any, b: Any) -> Any:
    """Products, norms and extremes of 1 × 1."""
    return xp.sum(a @ b) + xp.sum(xp.max(a, axis=1)) + xp.sum(xp.nn.softmax(b, axis=1)) + xp.mean(a)


@drawn(a=param(shape=(0, 3)), b=param(shape=3))
def no_rows(xp: Any, a: Any, b: Any) -> Any:
    """A sum over no rows, and over some."""
    return xp.sum(a @ b) + xp.sum(xp.square(b))


@drawn(x=param(shape=5))
def empty_slice(xp: Any, x: Any) -> Any:
    """A slice without entries."""
    return xp.sum(x[3:3]) + xp.prod(x[:2]) + xp.sum(x[2:])


@drawn(x=param(shape=(4, 3)), n=data(np.array([[1], [2], [0], [-3]])), k=data(np.array([[2], [0], [0], [1]])))
def by_integers(xp: Any, x: Any, n: Any, k: Any) -> Any:
    """Integers that compare, and integers that pick."""
    return xp.sum(xp.where(n > 0, xp.square(x), 3 * x)) + xp.prod(xp.take_along_axis(x, k, axis=1))


@drawn(table=param(shape=(6, 1)), rows=data(np.array([5, 5, 0, 2, 5])))
def repeated_rows(xp: Any, table: Any, rows: Any) -> Any:
    """One row that is taken three times, and rows that are not."""
    return xp.sum(xp.square(xp.take(table, rows, axis=0)))


@drawn(w=param(shape=(12, 3, 3), domain=WEIGHTS), b=param(shape=(12, 3), domain=WEIGHTS), x=data(shape=(4, 3)))
def twelve_layers(xp: Any, w: Any, b: Any, x: Any) -> Any:
    """Mean square of a tanh network of twelve layers."""
    for k in range(12):
        x = xp.tanh(x @ w[k] + b[k])
    return xp.mean(xp.square(x - 0.5))


@drawn(w=param(shape=(20, 2, 2), domain=WEIGHTS), x=data(shape=(3, 2)))
def twenty_blocks(xp: Any, w: Any, x: Any) -> Any:
    """Mean square of twenty residual blocks."""
    for k in range(20):
        x = x + xp.nn.silu(x @ w[k]) / 4
    return xp.mean(xp.square(x))


@drawn(w=param(shape=(10, 3, 3), domain=WEIGHTS), x=data(shape=(4, 3)))
def ten_relu_layers(xp: Any, w: Any, x: Any) -> Any:
    """Mean of a relu network of ten layers, some of whose units are dead."""
    for k in range(10):
        x = xp.nn.relu(x @ w[k] + 0.125)
    return xp.mean(x)


@drawn(x=param(shape=(2, 1, 3, 1, 2)))
def five_axes(xp: Any, x: Any) -> Any:
    """Reductions over axes out of five."""
    return xp.sum(xp.square(xp.mean(x, axis=(1, 4)) - xp.sum(x, axis=(0, 3))[:, :, 0]))
