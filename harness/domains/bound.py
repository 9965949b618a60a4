"""The bound domain: a float64 value with the worst-case rounding error that it can have in a dtype.

Every operation adds to the errors that it carries on what one correctly charged operation may add (charges.py).
For narrower dtypes the arithmetic is float64 all the same, with their unit roundoff.
Source: Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.3 (running error analysis).
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.domains import charges
from harness.domains.domain import Choice, Flags, Literal, Undecided, Unevaluated
from harness.domains.precision import Array, Precision
from harness.domains.propagate import carried, logistic
from harness.graph.node import Attrs
from harness.graph.primitives import CONSTANTS


@dataclass(frozen=True, slots=True, eq=False)
class Bounded:
    """Values and upper bounds of their absolute errors, two arrays of one shape."""

    value: Array
    error: Array

    @property
    def reach(self) -> Array:
        """Return the largest size that the computed value can have."""
        return np.asarray(abs(self.value) + self.error)

    @property
    def zero(self) -> Flags:
        """Return which entries are exactly 0 in every computation."""
        return np.asarray((self.value == 0) & (self.error == 0))


class Bound:
    """Running error bounds in one dtype."""

    lead = 0

    def __init__(self, precision: Precision) -> None:
        self.precision = precision
        self.unit, self.least, self.least_sum = precision.unit, precision.least, precision.least_sum

    def context(self) -> AbstractContextManager[Any]:
        return np.errstate(all="ignore")

    def parts(self, value: Bounded) -> tuple[Array, ...]:
        return value.value, value.error

    def join(self, parts: Sequence[Any]) -> Bounded:
        return Bounded(np.asarray(parts[0]), np.asarray(parts[1]))

    def exact(self, numbers: NDArray[Any] | Bounded) -> Bounded:
        if isinstance(numbers, Bounded):
            return numbers
        value = np.asarray(numbers, dtype=np.float64)
        return Bounded(value, np.where(np.isnan(value), np.inf, 0.0))

    def literal(self, literal: Literal) -> Bounded:
        number = literal.rounded
        value = np.asarray(CONSTANTS[number] if isinstance(number, str) else float(number))
        error = charges.literal(literal, abs(value).item(), self.precision)
        return Bounded(value, np.asarray(error))

    def add(self, a: Bounded, b: Bounded) -> Bounded:
        return self._sum_of_two(a, b, a.value + b.value)

    def subtract(self, a: Bounded, b: Bounded) -> Bounded:
        return self._sum_of_two(a, b, a.value - b.value)

    def _sum_of_two(self, a: Bounded, b: Bounded, value: Array) -> Bounded:
        """Adding an exact 0 rounds nothing, and equal exact numbers cancel exactly."""
        carried_on = a.error + b.error
        charge = np.maximum(self.unit * (abs(value) + carried_on), self.least_sum)
        free = a.zero | b.zero | ((value == 0) & (carried_on == 0))
        return settle(value, carried_on + np.where(free, 0, charge), a, b)

    def multiply(self, a: Bounded, b: Bounded) -> Bounded:
        value = a.value * b.value
        carried_on = abs(a.value) * b.error + a.error * b.reach
        charge = np.maximum(self.unit * (abs(value) + carried_on), self.least)
        nothing = (a.zero & np.isfinite(b.value)) | (b.zero & np.isfinite(a.value))
        return settle(value, np.where(nothing, 0, carried_on + charge), a, b)

    def divide(self, a: Bounded, b: Bounded, *, roundings: float) -> Bounded:
        value, left = a.value / b.value, abs(b.value) - b.error
        carried_on = np.where(left > 0, (a.error + abs(value) * b.error) / left, np.inf)
        charge = np.maximum(roundings * self.unit * (abs(value) + carried_on), self.least)
        return settle(value, np.where(a.zero & (left > 0), 0, carried_on + charge), a, b)

    def negative(self, a: Bounded) -> Bounded:
        return Bounded(-a.value, a.error)

    def scale(self, a: Bounded, factor: float) -> Bounded:
        """Exact but for underflow, gradual in float16: bits are lost from u⁻¹ times the least number on."""
        value, error = a.value * factor, a.error * abs(factor)
        small = (abs(value) < self.least / self.unit) & ~a.zero
        return settle(value, np.where(small, error + self.least, error), a)

    def function(self, op: str, args: Sequence[Bounded], attrs: Mapping[str, Any]) -> Bounded:
        if op not in FUNCTIONS:
            raise Unevaluated(f"the bound domain has no {op}")
        values = [arg.value for arg in args]
        value = np.asarray(FUNCTIONS[op](*values, **attrs))
        carried_on = carried(op, [(arg.value, arg.error) for arg in args], dict(attrs))
        factor = charges.factor(op, self.precision, attrs)
        size = charges.magnitude(op, abs(value) + carried_on, values) + charges.looseness(value, values, attrs)
        charge = np.maximum(factor * self.unit * size, self.least)
        return settle(value, np.where(_free(op, value, args), 0, carried_on + charge), *args)

    def disturb(self, a: Bounded) -> Bounded:
        return settle(a.value, a.error + charges.elimination(a.reach, self.precision), a)

    def sum(self, a: Bounded, axes: tuple[int, ...], keepdims: bool) -> Bounded:
        def total(x: Array) -> Array:
            return np.asarray(x.sum(axis=axes, keepdims=keepdims))

        value, size = total(a.value), total(a.reach)
        terms = math.prod(a.value.shape[axis] for axis in axes)
        charge = charges.summation(terms, size, abs(value), self.precision)
        return settle(value, total(a.error) + charge)

    def matmul(self, a: Bounded, b: Bounded) -> Bounded:
        value, size = a.value @ b.value, a.reach @ b.reach
        carried_on = abs(a.value) @ b.error + a.error @ b.reach
        return settle(value, carried_on + charges.product(a.value.shape[-1], size, self.precision))

    def scatter_add(self, a: Bounded, landing: NDArray[np.intp], shape: tuple[int, ...]) -> Bounded:
        size, flat = math.prod(shape), landing.ravel()

        def gather(x: Array) -> Array:
            return np.asarray(np.bincount(flat, x.ravel(), size), dtype=np.float64).reshape(shape)

        counts = np.bincount(flat, minlength=size).reshape(shape)
        charge = charges.scattering(counts, gather(a.reach), self.precision)
        return settle(gather(a.value), gather(a.error) + charge)

    def dropped(self, a: Bounded) -> Bounded:
        return Bounded(np.zeros(a.value.shape), np.maximum(a.error - abs(a.value), 0))

    def finite(self, a: Bounded) -> Flags:
        return np.isfinite(a.value) & np.isfinite(a.error)

    def unknown(self, a: Bounded) -> Flags:
        return np.isnan(a.value)

    def decide(self, op: str, args: Sequence[Bounded], attrs: Attrs) -> Choice:
        raise Undecided(f"{op}: decisions are taken by the ball domain first")


def settle(value: Array, error: Array, *sources: Bounded) -> Bounded:
    """Return the value with its error: 0 for an infinity that an exact one brought in, inf for one that overflowed.

    NaN has no bound.
    """
    if np.isfinite(value + error).all():
        return Bounded(value, np.asarray(error))
    infinite = np.isinf(value)
    if infinite.any():
        exact = np.any([np.isinf(source.value) & (source.error == 0) for source in sources], axis=0)
        error = np.where(infinite, np.where(exact, 0.0, np.inf), error)
    return Bounded(value, np.where(np.isnan(value) | np.isnan(error), np.inf, error))


def _free(op: str, value: Array, args: Sequence[Bounded]) -> Flags:
    """Return where a function rounds nothing: at exact ±inf, and where it maps an exact 0 to 0."""
    limits = functools.reduce(operator.and_, [np.isinf(arg.value) & (arg.error == 0) for arg in args])
    return np.asarray(limits | (args[0].zero & (value == 0)))


def _pow(x: Array, exponent: float, minus: int, loose: bool) -> Array:
    return np.asarray(np.power(x, exponent - minus))


def _erf(name: str) -> Callable[[Array], Array]:
    def evaluate(x: Array) -> Array:
        from scipy import special

        return np.asarray(getattr(special, name)(x))

    return evaluate


ELEMENTARY = "exp expm1 log log1p sqrt sin cos tan sinh cosh tanh logaddexp power"
"""Functions that NumPy has under our names."""

FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(np, name) for name in ELEMENTARY.split()},
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "erf": _erf("erf"),
    "erfc": _erf("erfc"),
    "sigmoid": logistic,
    "softplus": lambda x: np.logaddexp(0.0, x),
    "pow": _pow,
}
"""The values that errors are bounded for; NumPy's own errors are inside every charge."""
