"""The ball domain: midpoint and rigorous radius at any precision, by Arb.

A value is an object array of `flint.arb`; a 0-d array stays an array. Exact 0 times a finite ball is exact 0,
0 times NaN or inf is NaN.
Source: Johansson, Arb: efficient arbitrary-precision midpoint-radius interval arithmetic, IEEE Trans. Comput. 66, 2017.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import flint
import numpy as np
from flint import arb
from numpy.typing import NDArray

from harness.domains import decide
from harness.domains.domain import Choice, Flags, Literal, Unevaluated
from harness.domains.structure import add_up, held
from harness.graph.node import Attrs

Balls = NDArray[Any]

NAMED: dict[str, Callable[[], Any]] = {
    "inf": lambda: arb("inf"),
    "-inf": lambda: arb("-inf"),
    "two_over_sqrt_pi": lambda: 2 / arb.pi().sqrt(),
    "sqrt_half": lambda: arb(0.5).sqrt(),
    "sqrt_two_over_pi": lambda: (2 / arb.pi()).sqrt(),
    "gelu_cubic": lambda: arb(44715) / 1_000_000,
}
"""`primitives.CONSTANTS`, computed at the current precision."""


def bits(digits: int) -> int:
    """Return the working precision in bits that holds so many decimal digits, with four to spare."""
    return math.ceil(digits * math.log2(10)) + 4


class Ball:
    """Ball arithmetic at a given number of decimal digits."""

    lead = 0

    def __init__(self, digits: int) -> None:
        self.digits = digits

    @contextmanager
    def context(self) -> Iterator[None]:
        """Set the precision, which Arb keeps in one global, and restore it."""
        before = flint.ctx.prec
        flint.ctx.prec = bits(self.digits)
        try:
            yield
        finally:
            flint.ctx.prec = before

    def parts(self, value: Balls) -> tuple[Balls, ...]:
        return (value,)

    def join(self, parts: Sequence[Any]) -> Balls:
        return held(parts[0])

    def exact(self, numbers: NDArray[Any]) -> Balls:
        return numbers if numbers.dtype == object else lifted(np.asarray(numbers, dtype=np.float64))

    def literal(self, literal: Literal) -> Balls:
        value = literal.rounded
        if isinstance(value, int):
            return held(arb(value))
        return held(NAMED[value]()) if isinstance(value, str) else lifted(np.asarray(value))

    def add(self, a: Balls, b: Balls) -> Balls:
        return held(a + b)

    def subtract(self, a: Balls, b: Balls) -> Balls:
        return held(a - b)

    def multiply(self, a: Balls, b: Balls) -> Balls:
        return held(a * b)

    def divide(self, a: Balls, b: Balls, *, roundings: float = 1) -> Balls:
        return held(a / b)

    def negative(self, a: Balls) -> Balls:
        return held(-a)

    def scale(self, a: Balls, factor: float) -> Balls:
        return held(a * arb(factor))

    def function(self, op: str, args: Sequence[Balls], attrs: Mapping[str, Any]) -> Balls:
        if op not in FUNCTIONS:
            raise Unevaluated(f"the ball domain has no {op}")
        one = FUNCTIONS[op]
        each = (lambda *entries: one(*entries, **attrs)) if attrs else one
        return held(np.frompyfunc(each, len(args), 1)(*args))

    def disturb(self, a: Balls) -> Balls:
        return a

    def sum(self, a: Balls, axes: tuple[int, ...], keepdims: bool) -> Balls:
        return add_up(a, axes, keepdims, arb(0))

    def matmul(self, a: Balls, b: Balls) -> Balls:
        out = np.empty(a.shape[:-1] + b.shape[-1:], dtype=object)
        for batch in np.ndindex(a.shape[:-2]):
            out[batch] = _product(a[batch], b[batch])
        return out

    def scatter_add(self, a: Balls, landing: NDArray[np.intp], shape: tuple[int, ...]) -> Balls:
        out = np.full(math.prod(shape), arb(0), dtype=object)
        if np.bincount(landing.ravel(), minlength=1).max() <= 1:
            out[landing.ravel()] = a.ravel()
        else:
            np.add.at(out, landing.ravel(), a.ravel())
        return out.reshape(shape)

    def dropped(self, a: Balls) -> Balls:
        return self.exact(np.zeros(()))

    def finite(self, a: Balls) -> Flags:
        return np.asarray(_finite(a), dtype=bool)

    def unknown(self, a: Balls) -> Flags:
        return np.asarray(_unknown(a), dtype=bool)

    def decide(self, op: str, args: Sequence[Balls], attrs: Attrs) -> Choice:
        return decide.RULES[op](*args, **attrs)


_lift = np.frompyfunc(arb, 1, 1)
_finite = np.frompyfunc(arb.is_finite, 1, 1)
_unknown = np.frompyfunc(arb.is_nan, 1, 1)


def lifted(numbers: NDArray[np.float64]) -> Balls:
    """Return exact balls."""
    return held(_lift(numbers))


def _product(a: Balls, b: Balls) -> Balls:
    """Return the product of two matrices: Arb's own is 20 times as fast as one of objects."""
    (n, k), m = a.shape, b.shape[1]
    product = flint.arb_mat(n, k, a.ravel().tolist()) * flint.arb_mat(k, m, b.ravel().tolist())
    out = np.empty(n * m, dtype=object)
    out[:] = product.entries()
    return out.reshape(n, m)


# --------------------------------------------------------------------------- functions of one entry


def pow_literal(x: Any, exponent: int | float, minus: int = 0, loose: bool = False) -> Any:
    """Return x^(exponent − minus), the difference taken exactly; how loosely frameworks round it is no matter here."""
    if float(exponent).is_integer():
        return whole_power(x, int(exponent) - minus)
    return power(x, arb(exponent) - minus)


def whole_power(x: Any, n: int) -> Any:
    """Return x^n by squaring: Arb's own power knows nothing of a ball around 0."""
    if n < 0:
        return 1 / whole_power(x, -n)
    if n < 2:
        return x if n else arb(1)
    half = whole_power(x, n // 2)
    return half * half * x if n % 2 else half * half


def power(x: Any, exponent: Any) -> Any:
    """Return x^exponent with 0^p = 0 for p > 0."""
    if x == 0 and exponent > 0:
        return arb(0)
    return arb(1) if exponent == 0 else x**exponent


def sigmoid(x: Any) -> Any:
    return 1 / (1 + (-x).exp())


def softplus(x: Any) -> Any:
    return x.exp().log1p()


def logaddexp(a: Any, b: Any) -> Any:
    """Return log(eᵃ + eᵇ) from the larger midpoint, which loses no digits; either order encloses it."""
    low, high = (a, b) if float(a) < float(b) else (b, a)
    return high + (low - high).exp().log1p()


ELEMENTARY = "exp expm1 log log1p sqrt sin cos tan sinh cosh tanh asin acos atan atan2 erf erfc"
"""Functions that Arb has under our names."""

FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(arb, name) for name in ELEMENTARY.split()},
    "pow": pow_literal,
    "power": power,
    "sigmoid": sigmoid,
    "softplus": softplus,
    "logaddexp": logaddexp,
}
