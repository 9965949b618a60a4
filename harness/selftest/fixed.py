"""A fixed tolerance, as people write it: allclose with a framework that one trusts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from harness.run.records import CellLine
from harness.selftest.peers import FLAGGED, PASSED
from harness.selftest.trial import numbers_of

RELATIVE, ABSOLUTE = 1e-3, 1e-5
ENDED = {"TIMEOUT": "hung", "CRASHED": "died", "OUT-OF-MEMORY": "ate all memory"}


def trusted(backend: str) -> str:
    """Return the framework whose gradient is trusted instead."""
    return "torch" if backend == "jax" else "jax"


def by_allclose(line: CellLine, honest: Mapping[tuple[str, str, str, str], CellLine]) -> str:
    """Return what allclose says of a gradient beside another framework's, at 1e-5 and 1e-3."""
    if line.verdict in ENDED:
        return ENDED[line.verdict]
    other = honest.get((line.case, trusted(line.backend), line.dtype, line.point))
    if other is None:
        return ""
    got, wanted = numbers_of(line), numbers_of(other)
    near = got.keys() == wanted.keys() and all(_near(line, other, path) for path in wanted)
    return PASSED if near else FLAGGED


def _near(line: CellLine, other: CellLine, path: str) -> bool:
    got, wanted = line.gradient[path], other.gradient[path]
    if got.shape != wanted.shape:
        return False
    return np.allclose(numbers_of(line)[path], numbers_of(other)[path], rtol=RELATIVE, atol=ABSOLUTE)
