"""Where a framework is known to be inaccurate: expectations.toml says which, by how much and why."""

from __future__ import annotations

from typing import Any

from harness.declare import data, param
from harness.selftest.pointless import drawn

UNEVEN = (0.5, -1.25, 2.0, 0.1, 3.0, -0.7)


@drawn(x=param(shape=6, domain=(21, 24)), c=data(UNEVEN))
def softplus_far(xp: Any, x: Any, c: Any) -> Any:
    """Softplus above 20."""
    return xp.nn.softplus(x) @ c


@drawn(x=param(shape=6, domain=(-0.416, -0.412)), c=data(UNEVEN))
def log1p_left(xp: Any, x: Any, c: Any) -> Any:
    """log(1 + x) left of 0."""
    return xp.log1p(x) @ c


@drawn(x=param(shape=6, domain=(-3, 3)), c=data(UNEVEN))
def gelu(xp: Any, x: Any, c: Any) -> Any:
    """gelu by the frameworks' own word."""
    return xp.nn.gelu(x, approximate="none") @ c


@drawn(x=param(shape=6, domain=(-3, 3)), c=data(UNEVEN))
def leaky_relu(xp: Any, x: Any, c: Any) -> Any:
    """leaky relu by the frameworks' own word."""
    return xp.nn.leaky_relu(x, negative_slope=0.2) @ c


@drawn(x=param(shape=(4, 6), domain=(10000, 10004)), gamma=param(shape=6), beta=param(shape=6), y=data(shape=(4, 6)))
def layer_norm_offset(xp: Any, x: Any, gamma: Any, beta: Any, y: Any) -> Any:
    """The frameworks' own layer normalisation of inputs near 10 000."""
    return xp.mean(xp.square(xp.nn.layer_norm(x, gamma, beta, axis=1, eps=1e-5) - y))


@drawn(x=param(shape=6, domain=(1000, 1008)), c=data(UNEVEN[:1]))
def logsumexp_far(xp: Any, x: Any, c: Any) -> Any:
    """log-sum-exp of numbers near 1000."""
    return xp.nn.logsumexp(x, axis=0) * c[0]


@drawn(x=param(shape=6, domain=(2e-3, 6e-3)), c=data(UNEVEN))
def quotient_of_small(xp: Any, x: Any, c: Any) -> Any:
    """0 over small numbers, whose squares' reciprocals leave float16."""
    return ((x - x) / x) @ c


@drawn(x=param(shape=3, domain=(0, 0)))
def norm_at_0(xp: Any, x: Any) -> Any:
    """The Euclidean norm at 0."""
    return xp.linalg.vector_norm(x, axis=0)
