"""Reductions: sums, spreads, products and norms of one or two axes."""

from __future__ import annotations

from typing import Any

from harness.declare import param
from harness.selftest.pointless import drawn


@drawn(x=param(shape=(8, 5), domain=(-1100, 1100)))
def squares(xp: Any, x: Any) -> Any:
    """Half the sum of squares."""
    return xp.sum(xp.square(x)) / 2


@drawn(x=param(shape=(40, 5), domain=(-1100, 1100)))
def column_means(xp: Any, x: Any) -> Any:
    """Squared means of the columns, pulled towards 1."""
    return xp.sum(xp.square(xp.mean(x, axis=0) - 1))


@drawn(x=param(shape=(30, 4), domain=(-3, 3)))
def variances(xp: Any, x: Any) -> Any:
    """The sum of the columns' variances."""
    return xp.sum(xp.var(x, axis=0, correction=0))


@drawn(x=param(shape=5, domain=(0.5, 3)))
def product(xp: Any, x: Any) -> Any:
    """The product of all entries."""
    return xp.prod(x)


@drawn(x=param(shape=(5, 7), domain=(-20, 20)))
def log_partition(xp: Any, x: Any) -> Any:
    """The sum of the rows' log-sum-exp."""
    return xp.sum(xp.nn.logsumexp(x, axis=1))


@drawn(x=param(shape=(4, 6), domain=(-5, 5)))
def entropy(xp: Any, x: Any) -> Any:
    """The entropy of the rows' softmax."""
    return -xp.sum(xp.nn.softmax(x, axis=1) * xp.nn.log_softmax(x, axis=1))


@drawn(x=param(shape=(6, 3), domain=(0.1, 1100)))
def lengths(xp: Any, x: Any) -> Any:
    """The sum of the rows' Euclidean norms."""
    return xp.sum(xp.linalg.vector_norm(x, axis=1))


@drawn(x=param(shape=24, domain=(-2, 2)))
def running_totals(xp: Any, x: Any) -> Any:
    """Squares of the running totals."""
    return xp.mean(xp.square(xp.cumulative_sum(x, axis=0) - 1))


@drawn(x=param(shape=(3, 50), domain=(-2, 2)))
def roughness(xp: Any, x: Any) -> Any:
    """Squared differences of neighbours."""
    return xp.sum(xp.square(x[:, 1:] - x[:, :-1])) + xp.mean(xp.square(x))


@drawn(x=param(shape=(5, 6), domain=(-3, 3)))
def row_maxima(xp: Any, x: Any) -> Any:
    """Squares of the rows' greatest entries."""
    return xp.sum(xp.square(xp.max(x, axis=1)))


@drawn(x=param(shape=9, domain=(-3, 3)))
def ranked(xp: Any, x: Any) -> Any:
    """The median and the extremes of nine numbers."""
    s = xp.sort(x, axis=0)
    return xp.square(s[4]) + s[8] * s[0]


@drawn(x=param(shape=(6, 4), domain=(-3, 3)))
def huber(xp: Any, x: Any) -> Any:
    """The Huber loss with its bend at 1."""
    a = xp.abs(x)
    return xp.mean(xp.where(a < 1, xp.square(x) / 2, a - 0.5))


@drawn(x=param(shape=(6, 4), domain=(-3, 3)))
def hinge(xp: Any, x: Any) -> Any:
    """The hinge loss of margins."""
    return xp.mean(xp.maximum(1 - x, 0.0))
