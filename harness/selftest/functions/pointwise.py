"""Sums of smooth functions of single numbers, inside the domains where the frameworks' own formulas hold."""

from __future__ import annotations

from typing import Any

from harness.declare import data, param
from harness.selftest.pointless import drawn

ONES = (0.5, -1.25, 2.0, 0.1, 3.0, -0.7)
"""Uneven weights of the terms: equal ones would hide an exchange of entries."""


@drawn(x=param(shape=6, domain=(-3, 3)), c=data(ONES))
def waves(xp: Any, x: Any, c: Any) -> Any:
    """Sine times cosine."""
    return (xp.sin(x) * xp.cos(2 * x)) @ c


@drawn(x=param(shape=6, domain=(-3, 3)), c=data(ONES))
def tanh_twice(xp: Any, x: Any, c: Any) -> Any:
    """tanh of tanh."""
    return (xp.tanh(3 * xp.tanh(x))) @ c


@drawn(x=param(shape=6, domain=(-9, 9)), c=data(ONES))
def log_of_exp(xp: Any, x: Any, c: Any) -> Any:
    """log(1 + exp x) written out."""
    return (xp.log(1 + xp.exp(x))) @ c


@drawn(x=param(shape=6, domain=(-9, 9)), c=data(ONES))
def softplus(xp: Any, x: Any, c: Any) -> Any:
    """The frameworks' own softplus below the threshold of torch."""
    return (xp.nn.softplus(x)) @ c


@drawn(x=param(shape=6, domain=(0, 3)), c=data(ONES))
def log1p(xp: Any, x: Any, c: Any) -> Any:
    """log(1 + x) of non-negative numbers."""
    return (xp.log1p(x)) @ c


@drawn(x=param(shape=6, domain=(-3, 3)), c=data(ONES))
def expm1(xp: Any, x: Any, c: Any) -> Any:
    """exp(x) − 1."""
    return (xp.expm1(x)) @ c


@drawn(x=param(shape=6, domain=(0.01, 2000)), c=data(ONES))
def roots(xp: Any, x: Any, c: Any) -> Any:
    """Square roots."""
    return (xp.sqrt(x)) @ c


@drawn(x=param(shape=6, domain=(0.01, 2000)), c=data(ONES))
def logarithms(xp: Any, x: Any, c: Any) -> Any:
    """Logarithms."""
    return (xp.log(x)) @ c


@drawn(x=param(shape=6, domain=(-1200, 1200)), c=data(ONES))
def cubic(xp: Any, x: Any, c: Any) -> Any:
    """A polynomial of degree three."""
    return (x**3 - x**2 / 2 + 7 * x) @ c


@drawn(x=param(shape=6, domain=(0.1, 1200)), c=data(ONES))
def reciprocals(xp: Any, x: Any, c: Any) -> Any:
    """1/x and 1/x²."""
    return (1 / x + 3 / xp.square(x)) @ c


@drawn(x=param(shape=6, domain=(-4, 4)), c=data(ONES))
def gelu_by_erf(xp: Any, x: Any, c: Any) -> Any:
    """gelu written out by erf."""
    return (x * (1 + xp.special.erf(x / 2**0.5)) / 2) @ c


@drawn(x=param(shape=6, domain=(-6, 6)), c=data(ONES))
def silu(xp: Any, x: Any, c: Any) -> Any:
    """x·σ(x) by the frameworks' own word."""
    return (xp.nn.silu(x)) @ c


@drawn(x=param(shape=6, domain=(-6, 6)), c=data(ONES))
def sigmoids(xp: Any, x: Any, c: Any) -> Any:
    """σ(x) and its square."""
    s = xp.nn.sigmoid(x)
    return (s + xp.square(s)) @ c


@drawn(x=param(shape=6, domain=(-3, 3)), c=data(ONES))
def hyperbolic(xp: Any, x: Any, c: Any) -> Any:
    """sinh and cosh."""
    return (xp.sinh(x) / xp.cosh(x / 2)) @ c


@drawn(x=param(shape=6, domain=(-0.9, 0.9)), c=data(ONES))
def arcs(xp: Any, x: Any, c: Any) -> Any:
    """Arc functions."""
    return (xp.asin(x) + xp.atan(2 * x)) @ c


@drawn(x=param(shape=6, domain=(0.1, 1100)), y=param(shape=6, domain=(0.1, 1100)), c=data(ONES))
def polar(xp: Any, x: Any, y: Any, c: Any) -> Any:
    """Length and angle of plane vectors."""
    return (xp.hypot(x, y) / 100 + xp.atan2(y, x)) @ c


@drawn(x=param(shape=6, domain=(0.1, 5)), y=param(shape=6, domain=(0.1, 5)), c=data(ONES))
def divergence(xp: Any, x: Any, y: Any, c: Any) -> Any:
    """Generalised Kullback-Leibler divergence."""
    return (xp.special.xlogy(x, x / y) - x + y) @ c


@drawn(x=param(shape=6, domain=(-5, 5)), y=param(shape=6, domain=(-5, 5)), c=data(ONES))
def either(xp: Any, x: Any, y: Any, c: Any) -> Any:
    """log(eˣ + eʸ)."""
    return (xp.logaddexp(x, y)) @ c
