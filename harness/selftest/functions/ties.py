"""Functions with kinks, to be drawn on them: at a tie each framework has a convention, and none of them is a fault."""

from __future__ import annotations

from typing import Any

from harness.declare import data, param
from harness.selftest.pointless import drawn

UNEVEN = (0.5, -1.25, 2.0, 0.125, 3.0, -0.75)
"""Weights of the terms; some are negative, so that a kink is met from above and from below."""


@drawn(x=param(shape=6), c=data(UNEVEN))
def rectified(xp: Any, x: Any, c: Any) -> Any:
    """relu at 0."""
    return xp.nn.relu(x) @ c


@drawn(x=param(shape=6), c=data(UNEVEN))
def absolute(xp: Any, x: Any, c: Any) -> Any:
    """|x| at 0 and ||x| − 1| at ±1."""
    return (xp.abs(x) + xp.abs(xp.abs(x) - 1)) @ c


@drawn(x=param(shape=6), y=param(shape=6), c=data(UNEVEN))
def greater_of_two(xp: Any, x: Any, y: Any, c: Any) -> Any:
    """maximum of two equal numbers, minimum of others."""
    return (xp.maximum(x, y) + xp.minimum(x, 2 * y)) @ c


@drawn(x=param(shape=(5, 6)))
def extremes_of_rows(xp: Any, x: Any) -> Any:
    """max and min with equal entries."""
    return xp.sum(xp.square(xp.max(x, axis=1) - 0.25)) + xp.sum(xp.min(x, axis=1))


@drawn(x=param(shape=(4, 6)))
def spans(xp: Any, x: Any) -> Any:
    """max − min of rows: 0 where all entries are equal."""
    return xp.sum(xp.max(x, axis=1) - xp.min(x, axis=1))


@drawn(x=param(shape=6), c=data(UNEVEN))
def clipped(xp: Any, x: Any, c: Any) -> Any:
    """clip at its bounds."""
    return xp.clip(x, -1, 1) @ c


@drawn(x=param(shape=6), c=data(UNEVEN))
def sorted_entries(xp: Any, x: Any, c: Any) -> Any:
    """Order statistics of equal entries, the greater ones with greater weights: a convex function."""
    return xp.sort(x, axis=0) @ xp.sort(c, axis=0)


@drawn(x=param(shape=6), c=data(UNEVEN))
def by_cases(xp: Any, x: Any, c: Any) -> Any:
    """where at its edge: a kink at 0, a smooth joint at 1, and a jump nowhere."""
    return xp.where(x > 0, xp.where(x < 1, xp.square(x) / 2, x - 0.5), 3 * x) @ c


@drawn(x=param(shape=(4, 3)))
def guarded_lengths(xp: Any, x: Any) -> Any:
    """Euclidean norms of rows, at 0 a cone, written so that no root is taken of 0."""
    squares = xp.sum(xp.square(x), axis=1)
    return xp.sum(xp.where(squares > 0, xp.sqrt(xp.where(squares > 0, squares, 1.0)), 0.0))


@drawn(x=param(shape=6), c=data(UNEVEN))
def leaky_units(xp: Any, x: Any, c: Any) -> Any:
    """leaky relu of a slope that float32 holds."""
    return xp.nn.leaky_relu(x, negative_slope=0.25) @ c


@drawn(x=param(shape=6), c=data(UNEVEN))
def exponential_units(xp: Any, x: Any, c: Any) -> Any:
    """elu with another slope on each side of 0."""
    return xp.nn.elu(x, alpha=2) @ c


@drawn(w=param(shape=(3, 4)), b=param(shape=4), v=param(shape=4), x=data(shape=(8, 3)), y=data(shape=8))
def relu_net(xp: Any, w: Any, b: Any, v: Any, x: Any, y: Any) -> Any:
    """Mean squared error of a relu layer, at zero weights too."""
    return xp.mean(xp.square(xp.nn.relu(x @ w + b) @ v - y))


@drawn(w=param(shape=4), x=data(shape=(8, 4)), y=data(shape=8))
def hinge_loss(xp: Any, w: Any, x: Any, y: Any) -> Any:
    """Mean hinge loss: margins of exactly 1."""
    return xp.mean(xp.maximum(1 - y * (x @ w), 0.0))


@drawn(w=param(shape=4), x=data(shape=(8, 4)), y=data(shape=8))
def lasso(xp: Any, w: Any, x: Any, y: Any) -> Any:
    """Mean squared error with an L1 penalty, at zero weights."""
    return xp.mean(xp.square(x @ w - y)) + xp.sum(xp.abs(w)) / 4


@drawn(x=param(shape=(1, 4, 4, 2)))
def pooled(xp: Any, x: Any) -> Any:
    """Squares of window maxima with equal entries."""
    return xp.sum(xp.square(xp.nn.max_pool2d(x, window=2, strides=2) - 0.5))


@drawn(p=param(shape=6), t=data(UNEVEN))
def pinball(xp: Any, p: Any, t: Any) -> Any:
    """Quantile loss at residuals of 0."""
    r = p - t
    return xp.mean(xp.maximum(0.75 * r, -0.25 * r))


@drawn(a=param(shape=(3, 4)), b=param(shape=(3, 4)))
def nearest_of_rows(xp: Any, a: Any, b: Any) -> Any:
    """The sum over rows of the least distance to another set's rows: equal distances, and distances of 0."""
    return xp.sum(xp.min(xp.sum(xp.square(a[:, None, :] - b[None, :, :]), axis=2), axis=1))
