"""How a worker's end is told, in one sentence that says what to do."""

from __future__ import annotations

import contextlib
import signal

from harness.backends import INSTALL
from harness.measurement import Failure, Trouble
from harness.workers.context import UNASKED


def late(name: str, seconds: float) -> Failure:
    """Return the failure of a job that went on for too long."""
    sentence = f"{name} gave no answer within {seconds:g} s. Make the case smaller, or allow more with --timeout."
    return Failure(trouble=Trouble.TIMEOUT, sentence=sentence)


def died(name: str, code: int | None) -> Failure:
    """Return the failure of a job that took its process with it."""
    sentence = f"{name}: the worker process died ({death(code)}). Run the case alone to see why."
    return Failure(trouble=Trouble.CRASHED, sentence=sentence)


def too_much_memory(name: str, megabytes: float) -> Failure:
    """Return the failure of a job that held more memory than it may."""
    sentence = f"{name} went beyond {megabytes:g} MB of memory. Make the case smaller, or allow more with --memory."
    return Failure(trouble=Trouble.OUT_OF_MEMORY, sentence=sentence)


def too_many_processes(name: str, processes: int) -> Failure:
    """Return the failure of a job that started more processes than it may."""
    sentence = (
        f"{name} started more than {processes} processes, and was ended with all of them. "
        "Take out of the case what starts them, or have it wait for those that it has."
    )
    return Failure(trouble=Trouble.CRASHED, sentence=sentence)


def unstarted(name: str, backend: str, how: str) -> Failure:
    """Return the failure of all jobs of a worker that cannot be started; `how` it ended is said of an import."""
    if not backend:
        sentence = (
            f"{name} cannot be started: starting its process {how}. See that the machine has room, and run again."
        )
        return Failure(trouble=Trouble.ERROR, sentence=sentence)
    package = INSTALL[backend][0]
    sentence = (
        f"{name} cannot be started: importing {package} {how}. Try python -c 'import {package}'; "
        "then reinstall it, or leave it out with --backend."
    )
    return Failure(trouble=Trouble.ERROR, sentence=sentence)


def death(code: int | None) -> str:
    """Return how a process ended, in words."""
    if code is None:
        return "no exit code"
    if code == UNASKED:
        return "it ended by itself with exit code 0"
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"
