"""Sums over batches of a thousand to a hundred thousand rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.declare import Case, data, param
from harness.selftest.pointless import drawn

Cost = Callable[..., Any]
FEATURES = 4


def linear(xp: Any, w: Any, b: Any, x: Any, y: Any) -> Any:
    """Mean squared error of a linear regression."""
    return xp.mean(xp.square(x @ w + b - y))


def logistic(xp: Any, w: Any, b: Any, x: Any, y: Any) -> Any:
    """Mean logistic loss of scores below 20, where torch has another formula; y says which side a row is on."""
    return xp.mean(xp.nn.softplus(-y * (x @ w + b) / 2))


def poisson(xp: Any, w: Any, b: Any, x: Any, y: Any) -> Any:
    """Mean loss of a Poisson regression."""
    z = (x @ w + b) / 4
    return xp.mean(xp.exp(z) - y * z)


def summed(xp: Any, w: Any, b: Any, x: Any, y: Any) -> Any:
    """The sum, not the mean, of a bent linear score."""
    return xp.sum(xp.tanh(x @ w + b) * y)


def regression(cost: Cost, rows: int) -> Case:
    """Return the case of a cost over so many rows; each point gives the rows."""
    declare = drawn(
        w=param(shape=FEATURES),
        b=param(),
        x=data(shape=(rows, FEATURES)),
        y=data(shape=(rows,)),
        name=f"{cost.__name__}_{rows}",
    )
    return declare(cost)


linear_1000, logistic_1000, poisson_1000, summed_1000 = (
    regression(cost, 1000) for cost in (linear, logistic, poisson, summed)
)
linear_10000, logistic_10000 = regression(linear, 10_000), regression(logistic, 10_000)
linear_100000, logistic_100000 = regression(linear, 100_000), regression(logistic, 100_000)
