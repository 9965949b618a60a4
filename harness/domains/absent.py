"""Masks of absent adjoints, and how they combine.

Where a branch was not selected no adjoint flows at all: the entry is absent, which is not the same as 0.
0·NaN is NaN, and an absorbing 0 would be wrong (y·y at y = √0 has a derivative of 1 from the right). An absent
entry holds an exact 0 that is never multiplied. None stands for "nothing is absent".
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_] | None


def noted(mask: Mask) -> Mask:
    """Return the mask; None where it marks nothing."""
    return mask if mask is not None and mask.any() else None


def either(a: Mask, b: Mask) -> Mask:
    """Return what is absent in a or in b: a product lacks what one factor lacks."""
    return b if a is None else a if b is None else a | b


def both(a: Mask, b: Mask) -> Mask:
    """Return what is absent in a and in b: a sum has what one term has."""
    return None if a is None or b is None else noted(a & b)


def full(mask: Mask, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return the mask as an array."""
    return np.zeros(shape, bool) if mask is None else mask


def landed(mask: Mask, landing: NDArray[np.intp], shape: tuple[int, ...]) -> Mask:
    """Return where nothing present lands when entries are added at the flat positions `landing`."""
    present = np.zeros(math.prod(shape), bool)
    present[landing[~full(mask, landing.shape)]] = True
    return noted(~present.reshape(shape))


def meets(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return where a matrix product pairs an entry marked in a with one marked in b."""
    return np.asarray(np.matmul(a.astype(np.float32), b.astype(np.float32)) > 0)
