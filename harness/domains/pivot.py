"""The order of rows in an elimination: a decision that no result depends on, and its sign."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def pivots(x: NDArray[Any]) -> NDArray[np.int64]:
    """Return the order of the rows by partial pivoting: at each step the row with the largest next entry.

    Entries are balls, fractions or floats; only what is certainly larger moves up, and NaN never does.
    """
    order = np.empty(x.shape[:-1], dtype=np.int64)
    for matrix in np.ndindex(x.shape[:-2]):
        order[matrix] = _order([list(row) for row in x[matrix]])
    return order


def _order(rows: list[list[Any]]) -> list[int]:
    order = list(range(len(rows)))
    for j in range(len(rows)):
        best = j
        for i in range(j + 1, len(rows)):
            if abs(rows[i][j]) > abs(rows[best][j]):
                best = i
        order[j], order[best], rows[j], rows[best] = order[best], order[j], rows[best], rows[j]
        for row in rows[j + 1 :]:
            factor = row[j] / rows[j][j]
            row[j + 1 :] = [x - factor * y for x, y in zip(row[j + 1 :], rows[j][j + 1 :], strict=True)]
    return order


def parity(order: NDArray[Any]) -> NDArray[np.float64]:
    """Return 1 for an even permutation in the last axis and -1 for an odd one: the determinant of its matrix."""
    return np.asarray(np.linalg.det(np.eye(order.shape[-1])[order]), dtype=np.float64)
