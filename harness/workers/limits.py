"""What one job in a worker may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one job may take."""

    seconds: float = 60.0
    start_seconds: float = 180.0
    """For importing the framework."""
    megabytes: float = 6000.0
    """Resident memory of the worker, the framework included."""
