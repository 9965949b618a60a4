"""A second point near a first: an answer that stays the same there is looked at twice."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from harness.domains.precision import round_to
from harness.measurement import Leaves

SHRINK, ZERO = 0.875, 0.125
"""What the entries are multiplied by, so that they keep their signs and domains; and what a zero becomes."""


def beside(inputs: Leaves, params: Collection[str], dtype: str) -> Leaves:
    """Return the inputs with every entry of the params moved a little, rounded to the dtype; data stays."""
    return {path: _moved(x, dtype) if path in params else x for path, x in inputs.items()}


def mirrored(inputs: Leaves, params: Collection[str]) -> Leaves:
    """Return the inputs with every entry of the params negated."""
    return {path: -np.asarray(x, dtype=np.float64) if path in params else x for path, x in inputs.items()}


def _moved(x: NDArray[np.generic], dtype: str) -> NDArray[np.generic]:
    wide = np.asarray(x, dtype=np.float64)
    return round_to(np.where(wide == 0, ZERO, SHRINK * wide), dtype)
