"""Catching what a case prints, C libraries included, so that it lands in the record and not on the terminal."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

KEPT = 4096
"""Bytes of output that are kept of a task; the rest is counted."""


@dataclass(slots=True)
class Output:
    """What was printed while a task ran."""

    text: str = ""


@contextlib.contextmanager
def captured() -> Iterator[Output]:
    """Redirect file descriptors 1 and 2 into a file for the time of the block; the text is there afterwards."""
    output = Output()
    _flush()
    saved = os.dup(1), os.dup(2)
    with tempfile.TemporaryFile() as sink:
        os.dup2(sink.fileno(), 1)
        os.dup2(sink.fileno(), 2)
        try:
            yield output
        finally:
            _flush()
            for descriptor, copy in enumerate(saved, start=1):
                os.dup2(copy, descriptor)
                os.close(copy)
            output.text = _kept(sink.fileno())


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


def _kept(descriptor: int) -> str:
    size = os.fstat(descriptor).st_size
    os.lseek(descriptor, 0, os.SEEK_SET)
    text = os.read(descriptor, KEPT).decode(errors="replace")
    return text if size <= KEPT else f"{text}… ({size - KEPT} more bytes)"
