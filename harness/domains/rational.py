"""The rational domain: exact fractions at exact decimal numbers, for graphs that need no more than that."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.domains.domain import Choice, Flags, Literal, Undecided, Unevaluated
from harness.domains.pivot import pivots
from harness.domains.structure import add_up, held
from harness.graph.node import Attrs

Fractions = NDArray[Any]
LONGEST = 4096
"""Bits of a fraction that nobody reads: a recurrence doubles its digits at every step, and 40 steps fill a machine."""


class Rational:
    """Object arrays of `Fraction`; a literal is the decimal number that was typed."""

    lead = 0

    def context(self) -> AbstractContextManager[Any]:
        return nullcontext()

    def parts(self, value: Fractions) -> tuple[Fractions, ...]:
        return (value,)

    def join(self, parts: Sequence[Any]) -> Fractions:
        return held(parts[0])

    def exact(self, numbers: NDArray[Any]) -> Fractions:
        return held(_fraction(numbers))

    def literal(self, literal: Literal) -> Fractions:
        if isinstance(literal.given, str):
            raise Unevaluated(f"{literal.given} is no fraction")
        return held(to_fraction(literal.given))

    def add(self, a: Fractions, b: Fractions) -> Fractions:
        return held(a + b)

    def subtract(self, a: Fractions, b: Fractions) -> Fractions:
        return held(a - b)

    def multiply(self, a: Fractions, b: Fractions) -> Fractions:
        return short(held(a * b))

    def divide(self, a: Fractions, b: Fractions, *, roundings: float) -> Fractions:
        return short(held(a / b))

    def negative(self, a: Fractions) -> Fractions:
        return held(-a)

    def scale(self, a: Fractions, factor: float) -> Fractions:
        return held(a * Fraction(factor))

    def function(self, op: str, args: Sequence[Fractions], attrs: Mapping[str, Any]) -> Fractions:
        """Return an integer power; nothing else keeps fractions fractions."""
        if op != "pow" or not float(attrs["exponent"]).is_integer():
            raise Unevaluated(f"{op} leaves the fractions")
        exponent = int(attrs["exponent"]) - attrs["minus"]
        short(args[0], LONGEST // max(1, abs(exponent)))
        return held(args[0] ** exponent)

    def disturb(self, a: Fractions) -> Fractions:
        return a

    def sum(self, a: Fractions, axes: tuple[int, ...], keepdims: bool) -> Fractions:
        return add_up(a, axes, keepdims, Fraction(0))

    def matmul(self, a: Fractions, b: Fractions) -> Fractions:
        return short(add_up(a[..., :, :, None] * b[..., None, :, :], (-2,), False, Fraction(0)))

    def scatter_add(self, a: Fractions, landing: NDArray[np.intp], shape: tuple[int, ...]) -> Fractions:
        out = np.full(math.prod(shape), Fraction(0), dtype=object)
        np.add.at(out, landing.ravel(), a.ravel())
        return out.reshape(shape)

    def dropped(self, a: Fractions) -> Fractions:
        return self.exact(np.zeros(()))

    def finite(self, a: Fractions) -> Flags:
        return np.ones(a.shape, bool)

    def unknown(self, a: Fractions) -> Flags:
        return np.zeros(a.shape, bool)

    def decide(self, op: str, args: Sequence[Fractions], attrs: Attrs) -> Choice:
        if op not in RULES:
            raise Undecided(f"the rational domain does not decide {op}")
        taken = RULES[op](*args)
        nowhere = np.zeros(taken.shape, bool)
        return Choice(taken=taken, margin=np.zeros(taken.shape), tie=nowhere, open=nowhere)


def short(numbers: Fractions, longest: int = LONGEST) -> Fractions:
    """Return the numbers; raise Unevaluated where one of them is longer than so many bits."""
    if any(max(one.numerator.bit_length(), one.denominator.bit_length()) > longest for one in numbers.flat):
        raise Unevaluated("the fractions are too long to be read")
    return numbers


def to_fraction(number: Any) -> Fraction:
    """Return the number as its shortest decimal text says it: 0.1 is 1/10."""
    if isinstance(number, Fraction | int):
        return Fraction(number)
    return Fraction(repr(float(number)))


_fraction = np.frompyfunc(to_fraction, 1, 1)


def _relation(holds: Callable[[Any, Any], bool]) -> Callable[..., NDArray[np.bool_]]:
    rule = np.frompyfunc(holds, 2, 1)
    return lambda a, b: np.asarray(rule(a, b), dtype=bool)


RULES: dict[str, Callable[..., NDArray[Any]]] = {
    "greater": _relation(lambda a, b: a > b),
    "greater_equal": _relation(lambda a, b: a >= b),
    "less": _relation(lambda a, b: a < b),
    "less_equal": _relation(lambda a, b: a <= b),
    "equal": _relation(lambda a, b: a == b),
    "not_equal": _relation(lambda a, b: a != b),
    "pivots": pivots,
    "step": lambda x: np.asarray(x > 0, dtype=np.float64),
    "sign_weight": lambda x: np.asarray(x > 0, dtype=np.float64) - np.asarray(x < 0, dtype=np.float64),
}
