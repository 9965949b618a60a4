"""How large the noise of one operation is in Monte-Carlo rounding: the amplitudes of the noise domain.

An elementwise operation gets half the charge of the bound domain where that has a safety factor (functions), else the
whole. Sums are not a random walk: frameworks add equal or one-signed terms one after the other, and then the errors
add up. The figures were measured on TensorFlow, torch and JAX on CPUs, for 10² to 10⁶ terms; 8 σ is the tolerance.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

from harness.domains.precision import Array, Precision
from harness.domains.structure import rows

FUNCTION = 0.5
"""Share of a function's charge: its worst measured error."""

DRIFT = 1 / 8
"""Share of (K − 1)·u·M by which a sum of K terms of one sign may drift. 8 σ = 8 DRIFT/√3 = 0.58; measured at most 0.24,
in theory at most 0.375 for equal terms added in a row."""

LANES = 1 / 6
"""Share of Σ|t| that counts as one-signed whatever the prefix sums say: vector lanes may see one sign of alternating
data. Measured 1/17, covered 1/10."""

BLOCKS = 16
"""Prefix sums are looked at so many places; inside a block the terms count as a random walk."""

COHERENT = 0.25
"""Share of the noise that equal signs and exponents have in common: 300 equal additions by hand drift like a sum."""


def walk(terms: int) -> float:
    """Return the growth of a random walk: √((K − 1)/3)."""
    return math.sqrt(max(terms - 1, 0) / 3)


def drift(terms: int | NDArray[np.intp]) -> Array:
    """Return the growth of errors that all have one sign: (K − 1)/8."""
    return np.asarray(np.maximum(np.asarray(terms) - 1, 0) * DRIFT)


def summation(terms: int, size: Array, extent: Array, precision: Precision) -> Array:
    """Return the amplitude of a sum of so many terms with Σ|t| = `size`, whose prefix sums reach `extent`."""
    growth = np.maximum(walk(terms) * extent, drift(terms) * np.maximum(extent, size * LANES))
    return np.asarray(precision.accumulation * growth + np.where(size > 0, terms * precision.least_sum, 0))


def product(terms: int, size: Array, extent: Array, squares: Array, precision: Precision) -> Array:
    """Return the amplitude of an inner product: every product is rounded too; `squares` is √Σt²."""
    return np.maximum(precision.accumulation * squares, summation(terms, size, extent, precision))


def scattering(counts: NDArray[np.intp], size: Array, precision: Precision) -> Array:
    """Return the amplitude of adding `counts` entries at a place, in the dtype itself."""
    growth = np.maximum(np.sqrt(np.maximum(counts - 1, 0) / 3), drift(counts))
    return np.asarray(precision.unit * growth * size + np.where(counts > 1, counts * precision.least_sum, 0))


def extent_of_sum(x: Array, axes: tuple[int, ...], size: Array, squares: Array) -> Array:
    """Return how far the prefix sums along `axes` reach: at block ends, plus √Σt² for inside, at most Σ|t|."""
    lines = rows(x, 0, axes)
    ends = _edges(lines.shape[-1])[:-1]
    sums = np.cumsum(np.add.reduceat(lines, ends, axis=-1), axis=-1)
    return np.asarray(np.minimum(size, abs(sums).max(axis=-1).reshape(size.shape) + squares))


def extent_of_product(a: Array, b: Array, size: Array, squares: Array) -> Array:
    """Return how far the prefix sums of a matrix product reach."""
    edges = _edges(a.shape[-1])
    total, most = np.zeros(size.shape), np.zeros(size.shape)
    for start, stop in itertools.pairwise(edges):
        total = total + a[..., start:stop] @ b[..., start:stop, :]
        most = np.maximum(most, abs(total))
    return np.minimum(size, most + squares)


def _edges(terms: int) -> NDArray[np.intp]:
    """Return where the blocks of a sum begin, and its end."""
    return np.linspace(0, terms, min(BLOCKS, terms) + 1).astype(np.intp)
