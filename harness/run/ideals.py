"""The ideal: what is exact at the decimal text of a point, before any rounding to a dtype."""

from __future__ import annotations

import math

from harness.declare import Case
from harness.points import Point
from harness.run.lab import Exact

FEW = 24
"""Real numbers of a point up to which its ideal is worth reading."""


def exact_point(case: Case, point: Point, seed: int) -> Exact | None:
    """Return the point as fractions; None where it has integers or booleans, or too many numbers to read."""
    if any(leaf.kind != "real" for leaf in case.inputs.values()):
        return None
    if sum(math.prod(leaf.shape) for leaf in case.inputs.values()) > FEW:
        return None
    return case.exact(point, seed)


def written(exact: Exact) -> dict[str, str]:
    """Return the point's fractions as text, by leaf path."""
    return {path: ", ".join(str(number) for number in numbers.flat) for path, numbers in exact.items()}
