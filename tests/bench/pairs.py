"""Two calls timed against each other, in turns."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Call = Callable[[], Any]
Seconds = NDArray[np.float64]


def seconds(call: Call) -> float:
    """Return the wall time of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def alternated(ours: Call, theirs: Call, pairs: int) -> tuple[Seconds, Seconds]:
    """Return the seconds of every call of both, which take turns at going first: what slows the machine slows both."""
    measured = np.empty((pairs, 2))
    with uncollected():
        for k in range(pairs):
            for which in (0, 1) if k % 2 == 0 else (1, 0):
                measured[k, which] = seconds((ours, theirs)[which])
    return measured[:, 0], measured[:, 1]


def ratio(ours: Seconds, theirs: Seconds) -> float:
    """Return median over median; NaN in gives NaN out."""
    return float(np.median(ours) / np.median(theirs))


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Return a context in which no garbage is collected: a collection falls on whoever is being timed."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
