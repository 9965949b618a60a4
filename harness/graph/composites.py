"""The composites: functions that frameworks have as one call, each with its definition.

A definition of a smooth function contains no decision. Axes and shapes are static attributes. Other
composites are called by name, so that a framework that has them keeps them.
"""

from __future__ import annotations

import math

from harness.graph import build as b
from harness.graph.build import Ref
from harness.graph.registry import composite

Axes = tuple[int, ...]


def _each(op: str, x: Ref) -> Ref:
    return b.call(op, x)


@composite("square")
def square(x: Ref) -> Ref:
    return x * x


@composite("abs")
def absolute(x: Ref) -> Ref:
    return b.call("pick", x, _each("sign_weight", x))


@composite("sign")
def sign(x: Ref) -> Ref:
    """The sign carries no gradient: a weight picked from ones."""
    return b.call("pick", b.broadcast_to(x.builder.constant(1), x.shape), _each("sign_weight", x))


@composite("hypot")
def hypot(x: Ref, y: Ref) -> Ref:
    return _each("sqrt", x * x + y * y)


@composite("logit")
def logit(x: Ref) -> Ref:
    return _each("log", x / (1 - x))


@composite("xlogy")
def xlogy(x: Ref, y: Ref) -> Ref:
    """An exact 0 times a finite logarithm is exactly 0; at (0, 0) the derivative by x has no limit."""
    return x * _each("log", y)


@composite("relu")
def relu(x: Ref) -> Ref:
    return b.call("pick", x, _each("step", x))


@composite("maximum")
def maximum(x: Ref, y: Ref) -> Ref:
    """Stacked, so that a tie between operands and a tie along an axis are one convention."""
    return b.call("max", b.call("stack", x, y, axis=0), axes=(0,), keepdims=False)


@composite("minimum")
def minimum(x: Ref, y: Ref) -> Ref:
    return -b.call("maximum", -x, -y)


@composite("clip")
def clip(x: Ref, low: Ref, high: Ref) -> Ref:
    return b.call("minimum", b.call("maximum", x, low), high)


@composite("max")
def largest(x: Ref, axes: Axes, keepdims: bool) -> Ref:
    return b.call("max_select", x, b.call("max_weight", x, axes=axes), axes=axes, keepdims=keepdims)


@composite("min")
def smallest(x: Ref, axes: Axes, keepdims: bool) -> Ref:
    return -b.call("max", -x, axes=axes, keepdims=keepdims)


@composite("mean")
def mean(x: Ref, axes: Axes, keepdims: bool) -> Ref:
    count = math.prod(x.shape[a] for a in axes)
    return b.total(x, axes, keepdims=keepdims) / x.builder.constant(count, exact=True)


@composite("var")
def var(x: Ref, axes: Axes, keepdims: bool, correction: int | float) -> Ref:
    """Two passes: the mean of squared deviations, with N - correction in the denominator."""
    deviation = x - b.call("mean", x, axes=axes, keepdims=True)
    count = math.prod(x.shape[a] for a in axes) - correction
    squares = b.total(deviation * deviation, axes, keepdims=keepdims)
    return squares / x.builder.constant(count, exact=True)


@composite("std")
def std(x: Ref, axes: Axes, keepdims: bool, correction: int | float) -> Ref:
    return _each("sqrt", b.call("var", x, axes=axes, keepdims=keepdims, correction=correction))


def _stacked(*xs: Ref, axis: int) -> Ref:
    return b.concat([b.expand(x, axis) for x in xs], axis)


composite("stack")(_stacked)


@composite("matvec")
def matvec(a: Ref, v: Ref) -> Ref:
    """Matrix times vector, `a` of shape (…, n, k), `v` of shape (k,)."""
    return b.reshape(b.matmul(a, b.reshape(v, (*v.shape, 1))), a.shape[:-1])


@composite("vecmat")
def vecmat(v: Ref, a: Ref) -> Ref:
    """Vector times matrix, `v` of shape (k,), `a` of shape (…, k, n)."""
    return b.reshape(b.matmul(b.reshape(v, (1, *v.shape)), a), a.shape[:-2] + a.shape[-1:])


@composite("dot")
def dot(u: Ref, v: Ref) -> Ref:
    """Inner product of two vectors."""
    return b.reshape(b.matmul(b.reshape(u, (1, *u.shape)), b.reshape(v, (*v.shape, 1))), ())


def _shifted(x: Ref, axes: Axes) -> tuple[Ref, Ref]:
    """Return x minus its largest entry along `axes`, and that entry, which carries no gradient."""
    top = _each("stop_gradient", b.call("max", x, axes=axes, keepdims=True))
    return x - top, top


@composite("softmax")
def softmax(x: Ref, axis: int) -> Ref:
    powers = _each("exp", _shifted(x, (axis,))[0])
    return powers / b.total(powers, (axis,), keepdims=True)


@composite("log_softmax")
def log_softmax(x: Ref, axis: int) -> Ref:
    z, _ = _shifted(x, (axis,))
    return z - _each("log", b.total(_each("exp", z), (axis,), keepdims=True))


@composite("logsumexp")
def logsumexp(x: Ref, axes: Axes, keepdims: bool) -> Ref:
    z, top = _shifted(x, axes)
    result = _each("log", b.total(_each("exp", z), axes, keepdims=True)) + top
    return result if keepdims else b.reshape(result, b.reduced(x.shape, axes, False))
