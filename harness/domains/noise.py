"""The noise domain: Monte-Carlo rounding, all samples side by side on a leading axis.

Every operation adds a uniform random number as large as its rounding may be. The number is a hash of the result, so
that equal rows round equally, as they do in a framework, and their errors add up as there.
Source: Parker, Monte Carlo arithmetic, UCLA report CSD-970002, 1997 (random rounding).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.domains import amplitudes, charges
from harness.domains.bound import FUNCTIONS
from harness.domains.domain import Choice, Flags, Literal, Undecided, Unevaluated
from harness.domains.precision import Array, Precision
from harness.graph.node import Attrs
from harness.graph.primitives import CONSTANTS

Bits = NDArray[np.uint64]

SAMPLING_UNIT = 2.0**-30
"""Float64 is sampled as if it rounded at this unit, so that float64 arithmetic is exact beside the noise."""

MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9))
"""Odd multipliers of the hash (Steele, Lea and Flood, Fast splittable pseudorandom number generators, 2014)."""

LITERAL, SUM, PRODUCT, QUOTIENT, FUNCTION, REDUCTION, LAST, SCATTER = KINDS = range(8)
"""Kinds of operation: one result rounds differently in each."""


def sampled(precision: Precision, unit: float = SAMPLING_UNIT) -> tuple[Precision, float]:
    """Return the precision that samples round at, and the factor that brings their deviations back to the dtype's.

    Only float64 is sampled at another unit than its own.
    """
    stretch = precision.unit / unit if precision.name == "float64" else 1.0
    return replace(precision, unit=precision.unit / stretch, least=precision.least / stretch), stretch


class Noise:
    """Arrays of `samples` results; a leading axis of length 1 stands for all where none was rounded yet."""

    lead = 1

    def __init__(self, precision: Precision, *, samples: int, seed: int, unit: float = SAMPLING_UNIT) -> None:
        self.precision, self.stretch = sampled(precision, unit)
        self.samples = samples
        self.keys = np.random.default_rng(seed).integers(1, 2**63, (len(KINDS), samples), dtype=np.uint64)

    def context(self) -> AbstractContextManager[Any]:
        return np.errstate(all="ignore")

    def parts(self, value: Array) -> tuple[Array, ...]:
        return (value,)

    def join(self, parts: Sequence[Any]) -> Array:
        return np.asarray(parts[0])

    def exact(self, numbers: NDArray[Any]) -> Array:
        return np.asarray(numbers, dtype=np.float64)[None]

    def literal(self, literal: Literal) -> Array:
        number = literal.rounded
        value = np.asarray([CONSTANTS[number] if isinstance(number, str) else float(number)])
        return self._rounded(value, np.asarray(charges.literal(literal, abs(value).item(), self.precision)), LITERAL)

    def add(self, a: Array, b: Array) -> Array:
        return self._sum_of_two(a, b, a + b)

    def subtract(self, a: Array, b: Array) -> Array:
        return self._sum_of_two(a, b, a - b)

    def _sum_of_two(self, a: Array, b: Array, value: Array) -> Array:
        amplitude = np.maximum(self.precision.unit * abs(value), self.precision.least_sum)
        return self._rounded(value, np.where((a == 0) | (b == 0) | (value == 0), 0, amplitude), SUM)

    def multiply(self, a: Array, b: Array) -> Array:
        value = a * b
        amplitude = np.maximum(self.precision.unit * abs(value), self.precision.least)
        return self._rounded(value, np.where((a == 0) | (b == 0), 0, amplitude), PRODUCT)

    def divide(self, a: Array, b: Array, *, roundings: float) -> Array:
        value = a / b
        amplitude = np.maximum(roundings * self.precision.unit * abs(value), self.precision.least)
        return self._rounded(value, np.where(a == 0, 0, amplitude), QUOTIENT)

    def negative(self, a: Array) -> Array:
        return -a

    def scale(self, a: Array, factor: float) -> Array:
        value = a * factor
        small = (abs(value) < self.precision.least / self.precision.unit) & (a != 0)
        return self._rounded(value, np.where(small, self.precision.least, 0), PRODUCT)

    def function(self, op: str, args: Sequence[Array], attrs: Mapping[str, Any]) -> Array:
        if op not in FUNCTIONS:
            raise Unevaluated(f"the noise domain has no {op}")
        value = np.asarray(FUNCTIONS[op](*args, **attrs))
        size = charges.magnitude(op, abs(value), args) + charges.looseness(value, args, attrs)
        share = amplitudes.FUNCTION * charges.factor(op, self.precision, attrs) * self.precision.unit
        free = np.all([np.isinf(arg) for arg in np.broadcast_arrays(*args)], axis=0) | ((args[0] == 0) & (value == 0))
        return self._rounded(value, np.where(free, 0, np.maximum(share * size, self.precision.least)), FUNCTION)

    def disturb(self, a: Array) -> Array:
        return self._rounded(a, amplitudes.FUNCTION * charges.elimination(abs(a), self.precision), FUNCTION)

    def sum(self, a: Array, axes: tuple[int, ...], keepdims: bool) -> Array:
        value = np.asarray(np.sum(a, axis=tuple(axis + 1 for axis in axes), keepdims=keepdims))
        terms = math.prod(a.shape[axis + 1] for axis in axes)
        if terms < 2:
            return value
        size, squares = (np.asarray(np.sum(t, axis=axes, keepdims=keepdims)) for t in (abs(a[0]), a[0] * a[0]))
        extent = amplitudes.extent_of_sum(a[0], axes, size, np.sqrt(squares))
        rounded = self._rounded(value, amplitudes.summation(terms, size, extent, self.precision), REDUCTION)
        return self._last(rounded, value) if self.precision.half else rounded

    def matmul(self, a: Array, b: Array) -> Array:
        value, terms = a @ b, a.shape[-1]
        if not terms:
            return value
        size, squares = abs(a[0]) @ abs(b[0]), np.sqrt((a[0] * a[0]) @ (b[0] * b[0]))
        extent = amplitudes.extent_of_product(a[0], b[0], size, squares)
        amplitude = amplitudes.product(terms, size, extent, squares, self.precision)
        return self._last(self._rounded(value, amplitude, REDUCTION), value)

    def scatter_add(self, a: Array, landing: NDArray[np.intp], shape: tuple[int, ...]) -> Array:
        size, flat = math.prod(shape), landing.ravel()

        def gather(x: Array) -> Array:
            return np.asarray(np.bincount(flat, x.ravel(), size), dtype=np.float64).reshape(shape)

        counts = np.bincount(flat, minlength=size).reshape(shape)
        value = np.stack([gather(sample) for sample in a])
        return self._rounded(value, amplitudes.scattering(counts, gather(abs(a[0])), self.precision), SCATTER)

    def dropped(self, a: Array) -> Array:
        return self.exact(np.zeros(()))

    def finite(self, a: Array) -> Flags:
        return np.asarray(np.isfinite(a).all(axis=0))

    def unknown(self, a: Array) -> Flags:
        return np.asarray(np.isnan(a).any(axis=0))

    def decide(self, op: str, args: Sequence[Array], attrs: Attrs) -> Choice:
        raise Undecided(f"{op}: decisions are taken by the ball domain first")

    # ----------------------------------------------------------------------- noise

    def _last(self, rounded: Array, value: Array) -> Array:
        """Return the sum with the rounding of its result to the dtype."""
        return self._rounded(rounded, self.precision.unit * abs(value), LAST)

    def _rounded(self, value: Array, amplitude: Array, kind: int) -> Array:
        """Return the value with noise of that amplitude; infinities and what has no amplitude stay."""
        if not np.any(amplitude):
            return value
        noise = np.where(np.isinf(value), 0, amplitude) * self._uniform(value, kind)
        return np.asarray(value + noise)

    def _uniform(self, value: Array, kind: int) -> Array:
        """Return a number of about ±1 for each sample and entry, by its bits, and a share of it by its exponent."""
        bits = np.ascontiguousarray(value).view(np.uint64)
        keys = self.keys[kind].reshape((-1,) + (1,) * (value.ndim - 1))
        return hashed(bits, keys) + amplitudes.COHERENT * hashed(bits >> np.uint64(52), keys + MIX[0])


def hashed(bits: Bits, keys: Bits) -> Array:
    """Return uniform numbers in [−1, 1) that depend on bits and key alone."""
    mixed = (bits ^ keys) * MIX[0]
    mixed ^= mixed >> np.uint64(29)
    mixed *= MIX[1]
    mixed ^= mixed >> np.uint64(32)
    mixed *= MIX[0]
    return np.asarray((mixed >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1.0)
