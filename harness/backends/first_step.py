"""The search for a first step: from the size of the entry down, until the error bar is small.

It looks at values of the function and at its own error bars, never at a derivative from elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from harness.measurement import Array

ROUNDS, SHRINK = 5, 2.0**-8
"""How many first steps are tried, each 256 times smaller: the ladder below one spans 2048."""
GOOD, ZERO = 1e-6, 1e-4
"""Error bar at which the search ends, relative to the partial or to 1e-4 of the greatest partial."""

Measure = Callable[[Array, Array], tuple[Array, Array]]
"""First steps and noise per entry → partials and error bars; an entry whose step is NaN is left out."""
Beside = Callable[[Array], Array]
"""Steps per entry → bound of the rounding error of the values at x ± step, inf where one is not finite."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """An answer per entry, and what it was found with."""

    steps: Array
    noise: Array
    partials: Array
    bars: Array

    def or_better(self, other: Found) -> Found:
        """Return per entry the answer with the smaller error bar; any is better than none."""
        better = (other.bars < self.bars) | (np.isnan(self.bars) & ~np.isnan(other.bars))
        names = [field.name for field in fields(self)]
        return Found(**{name: np.where(better, getattr(other, name), getattr(self, name)) for name in names})

    @property
    def unsettled(self) -> NDArray[np.bool_]:
        """Return which entries a smaller first step might serve better."""
        greatest = np.nanmax(abs(self.partials), initial=0.0, where=np.isfinite(self.partials))
        return ~(self.bars <= GOOD * np.maximum(abs(self.partials), ZERO * greatest))


def search(x: Array, measure: Measure, beside: Beside, floor: float) -> Found:
    """Return for every entry of x the answer with the least error bar; `floor` is the noise of the value at x."""
    steps = np.exp2(np.ceil(np.log2(np.maximum(abs(x), 1)))) / 16
    best = Found(**{name: np.full(x.shape, np.nan) for name in ("steps", "noise", "partials", "bars")})
    for _ in range(ROUNDS):
        steps, noise = usable(x, steps, beside)
        noise = np.maximum(noise, floor)
        partials, bars = measure(steps, noise)
        best = best.or_better(Found(steps=steps, noise=noise, partials=partials, bars=bars))
        steps = np.where(best.unsettled, steps * SHRINK, np.nan)
        if np.isnan(steps).all():
            break
    return best


def usable(x: Array, steps: Array, beside: Beside) -> tuple[Array, Array]:
    """Return steps small enough for the function to be defined on both sides, with the noise there.

    An entry beside which it never is keeps its step, and noise inf. The most likely border is at 0.
    """
    least = np.where(x == 0, 2.0**-60, abs(x) * 2.0**-44)
    border = np.where(x == 0, np.inf, abs(x))
    noise, smaller = beside(steps), steps
    while True:
        wanted = np.isinf(noise) & (smaller > least)
        if not wanted.any():
            return steps, noise
        smaller = np.where(wanted, np.minimum(smaller, border) / 16, np.nan)
        again = beside(smaller)
        found = np.isfinite(again)
        steps, noise = np.where(found, smaller, steps), np.where(found, again, noise)
