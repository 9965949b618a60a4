"""What can be known of a process from outside."""

from __future__ import annotations

import contextlib

import psutil


def resident_megabytes(pid: int) -> float:
    """Return the resident size of a process in MB; 0 where it is gone, or ended and not yet buried."""
    with contextlib.suppress(psutil.Error):
        return float(psutil.Process(pid).memory_info().rss) / 1e6
    return 0.0
