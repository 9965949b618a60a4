"""A job that does nothing, to a worker and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bench.figure import Figure
from bench.pairs import seconds
from harness.run.lab import Inline
from harness.workers.limits import Limits
from harness.workers.room import Room

BAR, TIMES, WARM = 1.0, 2000, 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """A job without work."""

    def run(self, lab: Inline) -> Any:
        return None


def measure() -> list[Figure]:
    """Return the time from the job's submission to its reply, in milliseconds."""
    room = Room("bench", "", Limits())
    try:
        answers = [room.submit(Nothing()).result() for _ in range(WARM)]
        taken = [seconds(lambda: room.submit(Nothing()).result()) for _ in range(TIMES)]
    finally:
        room.stop()
        room.join()
    name = "round trip of a job without work"
    failed = [answer for answer in answers if getattr(answer, "error", "not a reply")]
    if failed:
        return [Figure(name=name, unit="ms", bar=BAR, note=str(failed[0]))]
    return [Figure(name=name, measured=tuple(1e3 * time for time in taken), unit="ms", bar=BAR, note=f"{TIMES} trips")]
