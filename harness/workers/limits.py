"""What one job in a worker may take."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

from harness.run.plan import SelectionError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one job may take."""

    seconds: float = 60.0
    start_seconds: float = 180.0
    """For importing the framework."""
    megabytes: float = 6000.0
    """Resident memory of the worker, the framework included."""
    processes: int = 256 + (os.cpu_count() or 1)
    """Beside the worker, those included that ended and were never asked after: a pool has one for every core."""


def positive(option: str, given: float, unit: str) -> float:
    """Return the number given for an option. Raises SelectionError where it limits nothing."""
    if not 0 < given < math.inf:
        raise SelectionError(f"{option} {given:g} is no limit; write {unit} above 0")
    return given
