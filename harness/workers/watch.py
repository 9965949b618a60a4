"""The limits of memory and processes: both are looked at from outside.

A limit of the address space would break the frameworks, and one of processes counts those of the user's other programs.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from harness import offspring
from harness.workers.process import resident_megabytes
from harness.workers.room import Room

PERIOD = 0.05
"""Seconds between two looks."""


class Watch:
    """A thread that kills workers which hold more than they may."""

    def __init__(self, rooms: Sequence[Room]) -> None:
        self._rooms = rooms
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        self._thread.join(timeout=10)

    def _look(self) -> None:
        while not self._ended.wait(PERIOD):
            sizes = offspring.sizes()
            for room in self._rooms:
                if room.pid:
                    room.hold(resident_megabytes(room.pid), max(0, sizes[room.pid] - 1))
