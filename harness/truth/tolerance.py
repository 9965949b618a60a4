"""How far from the truth an answer may lie, per entry, with its reasons.

    tolerance = min( EV + u|g| + η ,  8 σ + 4u|g| + η )

EV is the worst-case bound, σ the deviation of Monte-Carlo rounding, which is looked at where EV says too little.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from harness.domains.precision import PRECISIONS, Array, Precision
from harness.graph.derive import Derivative
from harness.measurement import Leaves
from harness.truth.enclosure import Enclosure
from harness.truth.sampling import SAMPLES, SEED, deviations
from harness.truth.truth import Truth

DEVIATIONS = 8.0
"""Deviations that count as rounding: in 1 235 gradients of 124 functions by five engines none erred by more."""

RESULTS = 4.0
"""Roundings of the result, u|g|, beside the deviations: where everything before is exact, σ is 0."""

SPELT = 4.0
"""Roundings of an entry that are laid at a formula of a user's own, beside one of the leaf's largest entry."""

COARSE = {"float64": 1e-9, "float32": 1e-3}
"""Median resolution of a leaf above which the worst case says too little; in half types it always does."""

BLIND = 0.5
"""Share of the gradient's norm above which a tolerance could not tell right from wrong."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Terms:
    """A tolerance per entry as named terms that add up to it."""

    parts: dict[str, Array]
    """"operations": worst-case rounding of every operation on the way; "noise": eight deviations in its place, where
    that is less; "result": roundings of the result; "underflow": η, the least number that the frameworks keep."""

    @cached_property
    def total(self) -> Array:
        """Return the sum of the terms."""
        return np.asarray(sum(self.parts.values()))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tolerance:
    """The tolerance of a value and of its partials by leaf path."""

    value: Terms
    partials: dict[str, Terms]


def tolerance(
    derivative: Derivative, inputs: Leaves, dtype: str, truth: Truth, *, samples: int = SAMPLES, seed: int = SEED
) -> Tolerance:
    """Return the tolerance of the value and every partial of `truth`, which was established for the same arguments."""
    precision, worst = PRECISIONS[dtype], worst_case(truth, PRECISIONS[dtype])
    if truth.refusal is not None or truth.undefined or not coarse(truth, worst, precision):
        return worst
    noise = deviations(derivative, inputs, dtype, truth, samples=samples, seed=seed)
    return Tolerance(
        value=tighter(worst.value, noise.value, truth.value, precision),
        partials={
            path: tighter(worst.partials[path], noise.partials[path], exact, precision)
            for path, exact in truth.partials.items()
        },
    )


def worst_case(truth: Truth, precision: Precision) -> Tolerance:
    """Return the tolerance EV + u|g| + η."""
    return Tolerance(
        value=terms(truth.rounding.value, truth.value.nearest, precision),
        partials={
            path: terms(truth.rounding.partials[path], exact.nearest, precision)
            for path, exact in truth.partials.items()
        },
    )


def terms(operations: Array, exact: Array, precision: Precision) -> Terms:
    """Return the terms of one leaf; where no error is bounded they are inf."""
    return Terms(
        parts={
            "operations": operations,
            "result": np.asarray(precision.unit * abs(exact)),
            "underflow": np.full(exact.shape, precision.least),
        }
    )


def spelt(tolerance: Tolerance, truth: Truth, precision: Precision) -> Tolerance:
    """Return the tolerance of a formula of a user's own, whose steps are not the definition's.

    Where those of the definition are exact, 1 or 0.1 for a slope, its bound leaves half a unit in the last place; a
    right formula may round a few times, 0.55 + 0.45 sign(w), or take an entry from ones as large as its neighbours.
    """
    return Tolerance(
        value=_spelt(tolerance.value, truth.value, precision),
        partials={path: _spelt(tolerance.partials[path], exact, precision) for path, exact in truth.partials.items()},
    )


def _spelt(before: Terms, exact: Enclosure, precision: Precision) -> Terms:
    size = abs(exact.nearest)
    largest = np.max(size, where=np.isfinite(size), initial=0.0)
    return Terms(parts=before.parts | {"spelling": precision.unit * (SPELT * size + largest)})


def coarse(truth: Truth, worst: Tolerance, precision: Precision) -> bool:
    """Return whether the worst case says too little of some leaf, so that noise is worth its time."""
    if precision.half:
        return True
    return any(
        _coarse(worst.partials[path].total, abs(exact.nearest), COARSE[precision.name])
        for path, exact in truth.partials.items()
    )


def _coarse(tolerance: Array, size: Array, limit: float) -> bool:
    """Return whether, over the entries that are not 0, the median resolution is above the limit or the norm blind."""
    alive = size > 0
    if not alive.any():
        return False
    with np.errstate(all="ignore"):
        resolution = tolerance[alive] / size[alive]
        fine = (resolution <= limit).all() or np.median(resolution) <= limit
        seeing = np.linalg.norm(tolerance[alive]) <= BLIND * np.linalg.norm(size[alive])
    return not (fine and seeing)


def tighter(worst: Terms, deviation: Array, exact: Enclosure, precision: Precision) -> Terms:
    """Return the terms of the smaller tolerance of the two, entry by entry."""
    noise, result = DEVIATIONS * deviation, RESULTS * precision.unit * abs(exact.nearest)
    less = noise + result + precision.least < worst.total
    if not less.any():
        return worst
    return Terms(
        parts={
            "operations": np.where(less, 0.0, worst.parts["operations"]),
            "noise": np.where(less, noise, 0.0),
            "result": np.where(less, result, worst.parts["result"]),
            "underflow": worst.parts["underflow"],
        }
    )
