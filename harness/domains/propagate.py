"""How far a function carries an error of its argument: an upper bound of |f(x + δ) − f(x)| for |δ| ≤ e.

Each rule is the mean-value theorem with the derivative's largest size on the interval, or an exact difference.
Where x + δ may leave the domain of f the bound is inf: the computed value may be NaN.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from harness.domains.precision import Array

Bound = Callable[..., Array]


def rational_sech2(x: Array) -> Array:
    """Return 1/cosh(x)² without overflow."""
    z = np.exp(-2 * abs(x))
    return np.asarray(4 * z / (1 + z) ** 2)


def nearer(x: Array, e: Array) -> Array:
    """Return the least size that x can have: |x| − e, but not below 0."""
    return np.maximum(abs(x) - e, 0)


def logistic(x: Array) -> Array:
    """Return 1/(1 + e⁻ˣ) without overflow."""
    z = np.exp(-abs(x))
    return np.asarray(np.where(x >= 0, 1 / (1 + z), z / (1 + z)))


def inside(e: Array, distance: Any, bound: Any) -> Array:
    """Return `bound` where the error is smaller than the distance to the domain's edge, else inf."""
    return np.where(e < distance, bound, np.inf)


def _exp(x: Array, e: Array) -> Array:
    return np.asarray(np.exp(x) * np.expm1(e))


def _log_from(edge: float) -> Bound:
    """Return the bound of log(x − edge)."""
    return lambda x, e: inside(e, x - edge, -np.log1p(-e / (x - edge)))


def _sqrt(x: Array, e: Array) -> Array:
    return np.where(e <= x, e / (np.sqrt(x) + np.sqrt(np.maximum(x - e, 0))), np.inf)


def _sin(x: Array, e: Array) -> Array:
    return np.minimum(abs(np.cos(x)) * e + e * e / 2, 2)


def _cos(x: Array, e: Array) -> Array:
    return np.minimum(abs(np.sin(x)) * e + e * e / 2, 2)


def _tan(x: Array, e: Array) -> Array:
    """tan(x + δ) − tan x = sin δ / (cos x cos(x + δ))."""
    c = abs(np.cos(x))
    return inside(e, c, e / (c * (c - e)))


def _sinh(x: Array, e: Array) -> Array:
    return np.asarray(np.cosh(abs(x) + e) * e)


def _cosh(x: Array, e: Array) -> Array:
    return np.asarray(np.sinh(abs(x) + e) * e)


def _tanh(x: Array, e: Array) -> Array:
    return np.minimum(e * rational_sech2(nearer(x, e)), 2)


def _arc(x: Array, e: Array) -> Array:
    """Bound of asin and acos; the derivative 1/√(1 − x²) grows towards the edge."""
    far = abs(x) + e
    return inside(e, 1 - abs(x), e / np.sqrt((1 - far) * (1 + far)))


def _atan(x: Array, e: Array) -> Array:
    return np.minimum(e / (1 + nearer(x, e) ** 2), math.pi)


def _atan2(a: Array, e: Array, c: Array, d: Array) -> Array:
    """The point (c, a) moves by at most hypot(d, e); across the cut on the negative axis the angle jumps by 2π."""
    turn = inside(np.hypot(e, d), np.hypot(a, c), np.arcsin(np.minimum(np.hypot(e, d) / np.hypot(a, c), 1)))
    cut = (c <= d) & (abs(a) <= e)
    return np.where(cut, 2 * math.pi, np.minimum(turn, 2 * math.pi))


def _erf(x: Array, e: Array) -> Array:
    return np.minimum(e * 2 / math.sqrt(math.pi) * np.exp(-(nearer(x, e) ** 2)), 2)


def _sigmoid(x: Array, e: Array) -> Array:
    return np.minimum(e * rational_sech2(nearer(x, e) / 2) / 4, 1)


def _softplus(x: Array, e: Array) -> Array:
    return e * logistic(x + e)


def _logaddexp(a: Array, e: Array, c: Array, d: Array) -> Array:
    return e * logistic(a - c + e + d) + d * logistic(c - a + e + d)


def pow_literal(x: Array, e: Array, p: float) -> Array:
    """Bound of x^p: the derivative is largest at the end of the interval away from 0 for p ≥ 1, else at the other."""
    if p >= 1:
        bound = abs(p) * (abs(x) + e) ** (p - 1) * e
        return bound if float(p).is_integer() else np.where(e <= x, bound, np.inf)
    return inside(e, abs(x), abs(p) * nearer(x, e) ** (p - 1) * e)


def _power(x: Array, e: Array, p: Array, d: Array) -> Array:
    """|x^p| (exp |δ(p log x)| − 1); a negative base has no neighbours in p."""
    relative = -np.log1p(-e / abs(x))
    change = abs(p) * relative + np.where(d > 0, (abs(np.log(abs(x))) + relative) * d, 0)
    bound = inside(e, abs(x), abs(np.power(x, p)) * np.expm1(change))
    return np.where((x < 0) & (d > 0), np.inf, bound)


CARRY: dict[str, Bound] = {
    "exp": _exp,
    "expm1": _exp,
    "log": _log_from(0.0),
    "log1p": _log_from(-1.0),
    "sqrt": _sqrt,
    "sin": _sin,
    "cos": _cos,
    "tan": _tan,
    "sinh": _sinh,
    "cosh": _cosh,
    "tanh": _tanh,
    "asin": _arc,
    "acos": _arc,
    "atan": _atan,
    "atan2": _atan2,
    "erf": _erf,
    "erfc": _erf,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "logaddexp": _logaddexp,
    "power": _power,
}


def carried(op: str, pairs: list[tuple[Array, Array]], attrs: dict[str, Any]) -> Array:
    """Return the bound for function `op` of arguments given as (value, error); exactly 0 where all are exact."""
    if op == "pow":
        bound = pow_literal(*pairs[0], attrs["exponent"] - attrs["minus"])
    else:
        bound = CARRY[op](*(array for pair in pairs for array in pair))
    certain = functools.reduce(operator.and_, [e == 0 for _, e in pairs])
    return np.where(certain, 0.0, np.where(np.isnan(bound), np.inf, bound))
