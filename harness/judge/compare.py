"""Comparing one array with its truth, entry by entry."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from harness.domains.precision import PRECISIONS
from harness.measurement import Array, Partial
from harness.truth import Enclosure, Terms

CLOSE = 2.0**-50
"""The relative rounding of a one-sided derivative as a float64."""

SECOND_OPINION = 1e-40
"""Tolerance of a 50-digit derivation, relative to the largest entry: ten digits are left to its own rounding."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """One leaf: what came back, what is true, and how far apart they may be."""

    path: str
    """Leaf path; "" for the value."""
    got: Array
    truth: Array
    error: Array
    """Upper bound of |got - truth|; infinite where got is not finite."""
    radius: Array
    """Radius of the truth; the error contains it."""
    terms: Terms
    judged: NDArray[np.bool_]
    """Entries that the backend evaluated."""
    sides: tuple[Array, Array] | None = None
    """The lower and upper one-sided derivatives, NaN where none was looked at; None away from kinks."""

    @property
    def tolerance(self) -> Array:
        return self.terms.total

    @cached_property
    def within(self) -> NDArray[np.bool_]:
        """Entries whose error is at most the tolerance; a NaN on either side is never within."""
        return np.asarray((self.error <= self.tolerance) & np.isfinite(self.got))

    @cached_property
    def wrong(self) -> NDArray[np.bool_]:
        return np.asarray(self.judged & ~self.within)

    @cached_property
    def resolution(self) -> Array:
        """Tolerance over |truth|; infinite where the truth may be zero, where the tolerance is absolute."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return np.where(np.abs(self.truth) > self.radius, self.tolerance / np.abs(self.truth), np.inf)

    @cached_property
    def excess(self) -> Array:
        """Error over tolerance; an error of 0 has excess 0."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            ratio = np.where(self.error == 0, 0.0, self.error / self.tolerance)
        return np.where(np.isnan(ratio), np.inf, ratio)

    def sided(self, at: tuple[int, ...]) -> tuple[float, float] | None:
        """Return the one-sided derivatives of an entry where they tell another story than its truth."""
        if self.sides is None:
            return None
        lower, upper = (float(side[at]) for side in self.sides)
        near = self.tolerance[at] + self.radius[at] + CLOSE * abs(self.truth[at])
        told = max(abs(lower - self.truth[at]), abs(upper - self.truth[at])) > near
        return (lower, upper) if told else None

    def worst(self) -> tuple[int, ...]:
        """Return the index of the judged entry with the greatest excess. Raises ValueError where there is no entry."""
        if not self.judged.size:
            raise ValueError(f"{self.path or 'the value'} has no entry, and none is the worst")
        ranked = np.where(self.judged, self.excess, -1.0)
        return tuple(int(k) for k in np.unravel_index(int(np.argmax(ranked)), ranked.shape))


def compare(path: str, partial: Partial, truth: Enclosure, rounding: Terms) -> Comparison:
    """Return the comparison of arrays of equal shape.

    `rounding` is the tolerance of an engine that computes in the cell's dtype. A measurement with an
    error bar of its own is held to that bar, and one with more digits than a float64 to its digits.
    """
    judged = np.ones(truth.nearest.shape, bool) if partial.sampled is None else partial.sampled
    return Comparison(
        path=path,
        got=partial.values,
        truth=truth.nearest,
        error=truth.distance(partial.values, partial.tail),
        radius=truth.radius,
        terms=_allowed(partial, truth, rounding),
        judged=judged,
    )


def _allowed(partial: Partial, truth: Enclosure, rounding: Terms) -> Terms:
    if partial.bar is not None:
        return Terms(parts={"error estimate": partial.bar, "truth radius": truth.radius})
    if partial.tail:
        scale = np.max(np.abs(truth.nearest), initial=0.0)
        digits = np.full(truth.nearest.shape, SECOND_OPINION * scale)
        return Terms(parts={"50 digits": digits, "truth radius": truth.radius})
    return rounding


def ulps(error: Array, truth: Array, dtype: str) -> Array:
    """Return the error in units of the last place of the truth in `dtype`."""
    precision = PRECISIONS[dtype]
    _, exponent = np.frexp(np.maximum(np.abs(truth), precision.least))
    with np.errstate(over="ignore"):
        return np.asarray(error / np.ldexp(2 * precision.unit, exponent - 1))
