"""An array of exact numbers, each known to within a radius."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.domains.precision import Array

UNIT = 2.0**-53


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Enclosure:
    """Exact numbers as unevaluated sums of float64 arrays, with what is left over as radius."""

    parts: tuple[Array, ...]
    """Summands of descending size: three of them hold about 159 bits."""
    radius: Array
    """Upper bound of |sum of parts − exact number|, per entry."""

    @property
    def nearest(self) -> Array:
        """Return the exact numbers rounded to float64."""
        return self.parts[0]

    @property
    def finite(self) -> bool:
        """Return whether every entry is known: finite, with a finite radius."""
        return bool(np.isfinite(self.parts[0]).all() and np.isfinite(self.radius).all())

    def distance(self, values: Array, tail: tuple[Array, ...] = ()) -> Array:
        """Return an upper bound of |values + tail − exact number| per entry; inf where anything is not finite."""
        with np.errstate(all="ignore"):
            terms = [np.asarray(values, dtype=np.float64), *tail, *(-part for part in self.parts)]
            rest = _of_one(*terms) if len(terms) == 4 and not tail else distilled(terms)
            bound = (sum(map(np.abs, rest)) + self.radius) * (1 + 16 * UNIT)
        return np.where(np.isfinite(bound), bound, np.inf)


def exact_zero(shape: tuple[int, ...]) -> Enclosure:
    """Return an enclosure of exact zeros."""
    return Enclosure(parts=(np.zeros(shape),) * 3, radius=np.zeros(shape))


def unknown(shape: tuple[int, ...]) -> Enclosure:
    """Return an enclosure of numbers that nothing is known of."""
    return Enclosure(parts=(np.full(shape, np.nan),) * 3, radius=np.full(shape, np.inf))


def distilled(terms: list[Array]) -> list[Array]:
    """Return terms of the same exact sum that hardly overlap, so that cancellation between them has happened.

    Source: Ogita, Rump and Oishi, Accurate sum and dot product, SIAM J. Sci. Comput. 26 (2005), algorithm 4.1.
    """
    terms = list(terms)
    for _ in terms:
        for k in range(1, len(terms)):
            terms[k], terms[k - 1] = two_sum(terms[k], terms[k - 1])
    return terms


def _of_one(value: Array, high: Array, middle: Array, low: Array) -> list[Array]:
    """Return what is left of a float64 less three parts of descending size: the third is below any other error."""
    off, lost = two_sum(value, high)
    return [*two_sum(off, middle), lost, low]


def two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """Return the rounded sum of a and b and its exact error (Knuth, TAOCP 2, section 4.2.2)."""
    total = a + b
    shadow = total - a
    return total, (a - (total - shadow)) + (b - shadow)
