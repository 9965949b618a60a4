"""What one operation may add to the error, in every framework at once: the charges of the bound domain.

The figures are committed data, measured with measure_charges.py on x86-64 with TensorFlow 2.21 (CPU), torch 2.13
(CPU) and JAX 0.10.2, 12 000 draws a band. No run changes them; a re-measurement reports an excess as a finding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.domains.domain import Literal
from harness.domains.precision import Array, Precision

WORST: dict[str, tuple[float, float, float, float]] = {
    #            float64 float32 bfloat16 float16
    "exp": (2.0, 2.0, 1.0, 1.0),
    "expm1": (5.2, 5.8, 1.0, 2.6),
    "log": (1.8, 3.4, 1.0, 1.0),
    "log1p": (3.4, 4.4, 1.0, 1.0),
    "sqrt": (1.2, 1.0, 1.0, 1.0),
    "sin": (1.0, 2.0, 1.0, 1.0),
    "cos": (1.0, 2.3, 1.0, 1.0),
    "tan": (1.0, 1.2, 1.0, 1.0),
    "sinh": (5.1, 5.7, 1.0, 1.0),
    "cosh": (2.0, 2.0, 1.0, 1.0),
    "tanh": (6.3, 4.8, 1.0, 1.0),
    "asin": (2.0, 6.6, 1.8, 1.8),
    "acos": (2.0, 4.2, 1.7, 1.8),
    "atan": (4.3, 3.7, 1.0, 1.0),
    "atan2": (4.9, 5.0, 1.0, 1.0),
    "erf": (3.4, 5.3, 1.1, 2.9),
    "erfc": (6.7, 4.9, 1.0, 1.0),
    "sigmoid": (2.9, 7.6, 2.2, 2.5),
    "softplus": (3.6, 7.6, 7.6, 1.8),
    "logaddexp": (2.1, 2.4, 2.2, 2.4),
    "pow": (2.7, 2.0, 1.5, 1.0),
    "power": (2.2, 2.0, 1.0, 1.0),
}
"""Worst error seen over the three frameworks, in units of u times `magnitude`."""

DTYPES = ("float64", "float32", "bfloat16", "float16")

SAFETY = 2.0
"""A charge is twice the worst error seen: the worst of 12 000 draws is not the worst of all."""

FLOOR = 2.0
"""No function is trusted to round better than this, on CPUs that were not measured."""

CAP = 16.0
"""An error beyond it is a finding about a framework, not rounding. It binds nowhere."""

FINDINGS: dict[str, str] = {
    "log1p": "JAX in float64 on (-0.5, -0.3): up to 239 u",
    "softplus": "torch is the identity above its threshold of 20: the gradient is off by up to 2e-9",
    "erf": "torch in bfloat16 and float16 near 0 is accurate absolutely (1e-7), not relatively",
}
"""Errors that were measured and are not absorbed: they shall be seen."""

LITERAL_DIVISION = 2.0
"""Roundings of a division by or of a literal: JAX and XLA multiply by 1/c; torch's c/x was seen at 1.65."""

COUNT_DIVISION = 2.0
"""Roundings of a mean's division by N: some multiply by 1/N."""


def division(above: Literal | None, below: Literal | None, precision: Precision) -> float:
    """Return with how many roundings a framework may divide; operands that are literals are given."""
    if below is not None and below.count:
        return COUNT_DIVISION + (1.0 if precision.half and not below.held else 0.0)
    return 1.0 if above is None and below is None else LITERAL_DIVISION


def literal(number: Literal, size: float, precision: Precision) -> float:
    """Return the error of a literal of absolute value `size`.

    The truth is taken at the rounded literal, which is what the frameworks use; in half types torch keeps the
    unrounded one. A named constant is exact in the truth and rounded everywhere else.
    """
    if number.held or number.count or not np.isfinite(size):
        return 0.0
    rounded = isinstance(number.rounded, str) or precision.half
    return precision.unit * size + precision.least if rounded else 0.0


def factor(op: str, precision: Precision, attrs: Mapping[str, Any]) -> float:
    """Return the charge of a function in units of u·`magnitude`."""
    measured = min(CAP, max(FLOOR, SAFETY * WORST[op][DTYPES.index(precision.name)]))
    return max(measured, multiplications(attrs)) if op == "pow" else measured


def multiplications(attrs: Mapping[str, Any]) -> float:
    """Return the roundings of x^n by repeated multiplication, which JAX chooses for integer n."""
    exponent = attrs["exponent"] - attrs["minus"]
    return abs(exponent) if float(exponent).is_integer() else 0.0


def magnitude(op: str, result: Array, args: Sequence[Array]) -> Array:
    """Return what the rounding error of a function is proportional to: mostly its result.

    XLA computes sinh and cosh by exp(x + log ½) and erfc by exp(−x²): the rounded argument costs |x| and x² more.
    logaddexp adds a logarithm to the larger argument, and may cancel there.
    """
    if op in ("sinh", "cosh"):
        return np.asarray(result * (1 + abs(args[0])))
    if op == "erfc":
        return np.asarray(result * (1 + np.maximum(args[0], 0) ** 2))
    if op == "logaddexp":
        return np.asarray(result + np.maximum(abs(args[0]), abs(args[1])))
    return np.asarray(result)


def looseness(result: Array, args: Sequence[Array], attrs: Mapping[str, Any]) -> Array:
    """Return what a literal exponent that frameworks round differently adds, in units of the function's charge."""
    if not attrs.get("loose"):
        return np.zeros(())
    size = abs(attrs["exponent"]) + attrs["minus"]
    return np.asarray(np.nan_to_num(size * abs(np.log(abs(args[0])) * result), nan=0.0, posinf=np.inf))


def summation(terms: int, size: Array, result: Array, precision: Precision) -> Array:
    """Return the charge of a sum of so many terms, whose absolute values add up to `size`.

    Any order of addition is covered: TensorFlow sums an outer axis one by one.
    """
    if terms < 2:
        return np.zeros(np.shape(result))
    charge = (terms - 1) * precision.addition * size + np.where(size > 0, terms * precision.least_sum, 0)
    return np.asarray(charge + (precision.unit * result if precision.half else 0))


def product(terms: int, size: Array, precision: Precision) -> Array:
    """Return the charge of an inner product of so many terms, whose absolute values add up to `size`."""
    relative = max(terms - 1, 0) * precision.accumulation + precision.unit
    return np.asarray(relative * size + np.where(size > 0, terms * precision.least, 0))


LIBRARY = 4.0
"""Backward error of a library's elimination, in units of n·u·max|a|: it is bounded by a norm alone, and estimated.

Twice what covers 1 000 gradients of cholesky, solve, inv, det and slogdet, n = 2 … 8, condition 1 and 1 000, in three
frameworks. A finding is left out: TensorFlow's gradient of det is det·inv, and loses digits by the condition.
"""


def elimination(size: Array, precision: Precision) -> Array:
    """Return what a library may change of every entry of matrices whose entries have absolute values `size`."""
    largest = np.max(size, axis=(-2, -1), keepdims=True)
    return np.broadcast_to(LIBRARY * size.shape[-1] * precision.unit * largest, size.shape)


def scattering(counts: NDArray[np.intp], size: Array, precision: Precision) -> Array:
    """Return the charge of adding `counts` entries at a place: half types accumulate in themselves here."""
    additions = np.maximum(counts - 1, 0)
    return np.asarray(additions * (precision.unit * size + precision.least_sum))
