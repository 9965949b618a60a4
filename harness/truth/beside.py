"""What is true at another point, where an answer came back that is the first point's bit for bit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from harness.domains.beside import beside, mirrored
from harness.graph.derive import Derivative
from harness.measurement import Leaves
from harness.truth.establish import establish
from harness.truth.tolerance import Tolerance, tolerance
from harness.truth.truth import Truth

Where = Literal["there", "mirrored", "beside"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class There:
    """Truth and tolerance at the other point."""

    truth: Truth
    tolerance: Tolerance


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """Asks for the truth at the point beside."""

    def answer(self, derivative: Derivative, inputs: Leaves, dtype: str, truth: Truth) -> There:
        """Return truth and tolerance there."""
        return _there(derivative, beside(inputs, set(derivative.graph.params), dtype), dtype)


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """Asks for the truth at a point that is given, its mirror image, or beside it: a function is called there too."""

    leaves: tuple[tuple[str, str, tuple[int, ...], bytes], ...]
    """Path, dtype, shape and bytes of every input: they can be compared."""
    where: Where

    def answer(self, derivative: Derivative, inputs: Leaves, dtype: str, truth: Truth) -> There:
        """Return truth and tolerance there."""
        point = {path: np.frombuffer(data, kind).reshape(shape) for path, kind, shape, data in self.leaves}
        params = set(derivative.graph.params)
        points = {"there": point, "mirrored": mirrored(point, params), "beside": beside(point, params, dtype)}
        return _there(derivative, points[self.where], dtype)


def at(point: Leaves, where: Where) -> At:
    """Return the question for a point."""
    return At(leaves=tuple((p, x.dtype.str, x.shape, x.tobytes()) for p, x in point.items()), where=where)


def _there(derivative: Derivative, point: Leaves, dtype: str) -> There:
    there = establish(derivative, point, dtype)
    return There(truth=there, tolerance=tolerance(derivative, point, dtype, there))
