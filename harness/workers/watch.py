"""The memory limit: resident sizes are looked at, since an address-space limit breaks the frameworks."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from harness.workers.process import resident_megabytes
from harness.workers.room import Room

PERIOD = 0.05
"""Seconds between two looks."""


class Watch:
    """A thread that kills workers which go beyond their memory limit."""

    def __init__(self, rooms: Sequence[Room]) -> None:
        self._rooms = rooms
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="memory watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        self._thread.join(timeout=10)

    def _look(self) -> None:
        while not self._ended.wait(PERIOD):
            for room in self._rooms:
                if room.pid and resident_megabytes(room.pid) > room.limits.megabytes:
                    room.over_memory = True
                    room.kill()
