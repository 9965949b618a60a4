"""Jobs that misbehave in every way that other people's code can."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


def sleeps() -> Any:
    time.sleep(3600)


def loops() -> Any:
    while True:
        pass


def loops_in_c() -> Any:
    """Backtrack in C for ages, without ever looking at signals between bytecodes."""
    return re.match(r"(a+)+$", "a" * 60 + "b")


def exits() -> Any:
    os._exit(3)


def ends_as_if_all_were_well() -> Any:
    os._exit(0)


def kills_itself() -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def segfaults() -> Any:
    ctypes.string_at(0)


def eats_memory() -> Any:
    held = []
    while True:
        held.append(bytearray(50_000_000))
        time.sleep(0.01)


def raises_system_exit() -> Any:
    sys.exit(7)


def raises_keyboard_interrupt() -> Any:
    raise KeyboardInterrupt


def raises() -> Any:
    raise ValueError("no such\nluck")


def prints_megabytes() -> Any:
    for _ in range(100):
        print("x" * 100_000)
    os.write(2, b"from below\n")
    return "printed"


def forks() -> Any:
    """Let the child come back as well, as a careless case would."""
    os.fork()
    return "forked"


def _start(number: int, seconds: float) -> None:
    """Fork so many children, which end by themselves after a while: a bomb that is bounded."""
    for _ in range(number):
        if os.fork() == 0:
            time.sleep(seconds)
            os._exit(0)


def starts_processes() -> Any:
    _start(60, 20)
    time.sleep(20)


def starts_processes_that_end() -> Any:
    """Start what ends at once, and never ask after it."""
    _start(60, 0)
    time.sleep(20)


def leaves_processes_behind() -> Any:
    _start(7, 0)
    time.sleep(0.2)
    return "left"


def returns_what_cannot_travel() -> Any:
    return lambda: None


def answers() -> Any:
    return 42


@dataclass(frozen=True, slots=True)
class Bad:
    """A job that calls a function of this module."""

    function: Callable[[], Any]

    def run(self, lab: Any) -> Any:
        return self.function()


def changes_its_process() -> Any:
    from harness.conduct import Conduct
    from harness.measurement import Measurement

    return Measurement(conduct=Conduct(lasting=True))
