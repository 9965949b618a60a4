"""Functions that stay in range where their arguments are 1e-30 or 1e30, and sums that cancel."""

from __future__ import annotations

from typing import Any

from harness.declare import data, param
from harness.selftest.pointless import drawn

UNEVEN = (0.5, -1.25, 2.0, 0.125, 3.0, -0.75)
ANY, POSITIVE = (-1e30, 1e30), (1e-30, 1e30)


@drawn(x=param(shape=6, domain=ANY), c=data(UNEVEN))
def linear(xp: Any, x: Any, c: Any) -> Any:
    """A weighted sum."""
    return x @ c


@drawn(x=param(shape=6, domain=ANY), y=param(shape=6, domain=ANY), c=data(UNEVEN))
def differences(xp: Any, x: Any, y: Any, c: Any) -> Any:
    """Sums whose terms cancel: (x + y) − x, twice."""
    return ((x + y) - x) @ c + xp.sum(x - x * 1.0)


@drawn(x=param(shape=6, domain=ANY), c=data(UNEVEN))
def saturated(xp: Any, x: Any, c: Any) -> Any:
    """tanh and the logistic function, flat far out."""
    return (xp.tanh(x) + xp.nn.sigmoid(x)) @ c


@drawn(x=param(shape=6, domain=ANY), c=data(UNEVEN))
def angles(xp: Any, x: Any, c: Any) -> Any:
    """The arc tangent."""
    return xp.atan(x) @ c


@drawn(x=param(shape=6, domain=POSITIVE), c=data(UNEVEN))
def logarithms(xp: Any, x: Any, c: Any) -> Any:
    """log x."""
    return xp.log(x) @ c


@drawn(x=param(shape=6, domain=POSITIVE), c=data(UNEVEN))
def roots(xp: Any, x: Any, c: Any) -> Any:
    """√x."""
    return xp.sqrt(x) @ c


@drawn(x=param(shape=6, domain=POSITIVE), c=data(UNEVEN))
def log1p(xp: Any, x: Any, c: Any) -> Any:
    """log(1 + x) of positive numbers."""
    return xp.log1p(x) @ c


@drawn(x=param(shape=(3, 4), domain=ANY))
def log_sum(xp: Any, x: Any) -> Any:
    """log-sum-exp of rows: the largest entry alone, or all alike."""
    return xp.sum(xp.nn.logsumexp(x, axis=1))


@drawn(x=param(shape=(3, 4), domain=ANY), c=data((UNEVEN[:4], UNEVEN[2:], UNEVEN[1:5])))
def shares(xp: Any, x: Any, c: Any) -> Any:
    """softmax of rows."""
    return xp.sum(xp.nn.softmax(x, axis=1) * c)


@drawn(x=param(shape=6, domain=ANY), c=data(UNEVEN))
def rectified(xp: Any, x: Any, c: Any) -> Any:
    """relu and |x|."""
    return (xp.nn.relu(x) + xp.abs(x)) @ c


@drawn(x=param(shape=6, domain=ANY))
def greatest(xp: Any, x: Any) -> Any:
    """The greatest entry and the least."""
    return xp.max(x, axis=0) - xp.min(x, axis=0)


@drawn(x=param(shape=6, domain=ANY), y=param(shape=6, domain=(0.5, 2)), c=data(UNEVEN))
def quotients(xp: Any, x: Any, y: Any, c: Any) -> Any:
    """x / y of an ordinary y."""
    return (x / y) @ c


@drawn(x=param(shape=400, domain=(-4, 4)))
def alternating(xp: Any, x: Any) -> Any:
    """A long sum of alternating signs."""
    return xp.sum(x[::2]) - xp.sum(x[1::2])


@drawn(x=param(shape=(20, 3), domain=(-4, 4)))
def telescope(xp: Any, x: Any) -> Any:
    """Squares of a sum of differences, most of which cancel."""
    return xp.sum(xp.square(xp.sum(x[1:] - x[:-1], axis=0)))


@drawn(x=param(shape=6, domain=(-4, 4)), c=data(UNEVEN))
def far_offset(xp: Any, x: Any, c: Any) -> Any:
    """(x + 2²⁰)² − 2⁴⁰ by its cancelling text."""
    return (xp.square(x + 2.0**20) - 2.0**40) @ c
