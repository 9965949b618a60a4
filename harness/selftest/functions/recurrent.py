"""Recurrences, short and long."""

from __future__ import annotations

from typing import Any

from harness.declare import data, param
from harness.selftest.pointless import drawn

WEIGHTS = (-0.7, 0.7)


@drawn(
    w=param(shape=(2, 3), domain=WEIGHTS),
    u=param(shape=(3, 3), domain=WEIGHTS),
    b=param(shape=3, domain=WEIGHTS),
    x=data(shape=(25, 2)),
)
def elman(xp: Any, w: Any, u: Any, b: Any, x: Any) -> Any:
    """Mean square of a tanh recurrence's states over twenty-five steps."""
    h, loss = xp.zeros(3), 0.0
    for k in range(25):
        h = xp.tanh(x[k] @ w + h @ u + b)
        loss = loss + xp.mean(xp.square(h - 0.5))
    return loss / 25


@drawn(
    w=param(shape=(2, 6), domain=WEIGHTS),
    u=param(shape=(2, 6), domain=WEIGHTS),
    b=param(shape=6, domain=WEIGHTS),
    x=data(shape=(8, 2)),
)
def gru(xp: Any, w: Any, u: Any, b: Any, x: Any) -> Any:
    """Squares of the last state of gated recurrent units after eight steps."""
    h = xp.zeros(2)
    for k in range(8):
        z = x[k] @ w + b
        reset = xp.nn.sigmoid(z[:2] + h @ u[:, :2])
        update = xp.nn.sigmoid(z[2:4] + h @ u[:, 2:4])
        new = xp.tanh(z[4:] + (reset * h) @ u[:, 4:])
        h = update * h + (1 - update) * new
    return xp.sum(xp.square(h - 0.25))


@drawn(a=param(domain=(0.5, 0.99)), b=param(domain=(-1, 1)), x=data(shape=(200,)))
def leaky_integrator(xp: Any, a: Any, b: Any, x: Any) -> Any:
    """The last state of h ← a·h + b·x after two hundred steps."""
    h = 0.0 * a
    for k in range(200):
        h = a * h + b * x[k]
    return xp.square(h - 1)


@drawn(r=param(domain=(2.5, 3.4)), s=param(domain=(0.1, 0.9)))
def logistic_map(xp: Any, r: Any, s: Any) -> Any:
    """Twelve steps of s ← r·s·(1 − s)."""
    for _ in range(12):
        s = r * s * (1 - s)
    return s
