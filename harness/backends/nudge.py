"""Points a unit in the last place away: what no rounding of the inputs could tell from the point itself."""

from __future__ import annotations

import numpy as np

from harness.domains.precision import PRECISIONS, round_to
from harness.measurement import Array, Leaves

RUNS, SEED = 16, 0
"""Points, and the seed by which each entry goes up or down."""


def nudged(inputs: Leaves, draw: np.random.Generator, dtype: str) -> Leaves:
    """Return the inputs with every real entry moved by ±1 unit in its last place; 0 has none that frameworks keep."""
    return {
        path: _beside(np.asarray(x, np.float64), draw, dtype) if x.dtype.kind == "f" else x
        for path, x in inputs.items()
    }


def _beside(x: Array, draw: np.random.Generator, dtype: str) -> Array:
    _, exponent = np.frexp(x)
    place = np.ldexp(2 * PRECISIONS[dtype].unit, exponent - 1)
    return np.asarray(round_to(np.where(x == 0, x, x + draw.choice([-1.0, 1.0], x.shape) * place), dtype))
