"""Whole processes: their wall time, processor time and greatest resident size."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
PERIOD = 0.02
"""Seconds between two looks at the resident size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A process that has ended."""

    code: int
    wall: float
    """Seconds."""
    processor: float
    """Seconds of user and system time, its own children's included."""
    resident: float
    """Greatest resident size in MiB, without children."""
    output: str


def ended(*arguments: str, folder: Path = ROOT) -> Ended:
    """Return what became of `python *arguments`."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    with tempfile.TemporaryFile("w+") as said:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        watch = _Watch(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        resident = watch.stop()
        said.seek(0)
        processor = usage.ru_utime + usage.ru_stime
        return Ended(code=process.returncode, wall=wall, processor=processor, resident=resident, output=said.read())


class _Watch:
    """A thread that looks at the resident size of a process; of its children `wait4` would tell too, unasked."""

    def __init__(self, pid: int) -> None:
        self._pid, self._greatest, self._over = pid, 0.0, threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        try:
            process = psutil.Process(self._pid)
            while not self._over.wait(PERIOD):
                self._greatest = max(self._greatest, process.memory_info().rss / 2**20)
        except psutil.Error:
            return  # it is gone

    def stop(self) -> float:
        """Return the greatest size that was seen."""
        self._over.set()
        self._thread.join()
        return self._greatest


def processors(runs: Sequence[Ended]) -> str:
    """Return the median processor time in words: what a busy machine changes least."""
    times = sorted(run.processor for run in runs)
    return f"{times[len(times) // 2]:.2f} s of processor time"
