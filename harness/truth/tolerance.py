"""How far from the truth an answer may lie, per entry, with its reasons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.domains.precision import PRECISIONS, Array, Precision
from harness.graph.derive import Derivative
from harness.measurement import Leaves
from harness.truth.truth import Truth


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Terms:
    """A tolerance per entry as named terms that add up to it."""

    parts: dict[str, Array]
    """"operations": worst-case rounding of every operation on the way; "result": the last rounding, u|g|;
    "underflow": η, the least number that the frameworks keep."""

    @property
    def total(self) -> Array:
        """Return the sum of the terms."""
        return np.asarray(sum(self.parts.values()))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tolerance:
    """The tolerance of a value and of its partials by leaf path."""

    value: Terms
    partials: dict[str, Terms]


def tolerance(derivative: Derivative, inputs: Leaves, dtype: str, truth: Truth) -> Tolerance:
    """Return EV + u|g| + η for the value and every partial of `truth`, which was established for the same arguments."""
    precision = PRECISIONS[dtype]
    rounding = truth.rounding
    return Tolerance(
        value=terms(rounding.value, truth.value.nearest, precision),
        partials={
            path: terms(rounding.partials[path], exact.nearest, precision) for path, exact in truth.partials.items()
        },
    )


def terms(operations: Array, exact: Array, precision: Precision) -> Terms:
    """Return the terms of one leaf; an unbounded error is inf, never NaN."""
    bounded = np.where(np.isnan(operations), np.inf, operations)
    return Terms(
        parts={
            "operations": bounded,
            "result": np.asarray(precision.unit * abs(exact)),
            "underflow": np.full(exact.shape, precision.least),
        }
    )
