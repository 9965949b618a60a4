"""Exit codes, and which one a finished run deserves."""

from __future__ import annotations

from enum import IntEnum

from harness.backends import BY_HAND
from harness.run.records import Run


class Exit(IntEnum):
    """What the exit code of the command means."""

    FINE = 0
    """Nothing failed beyond what is expected."""
    FAILED = 1
    """Some cell failed that was not expected, or an expected failure has gone away, or its cell has."""
    USAGE = 2
    """A wrong option, or a file that cannot be read."""
    NOTHING = 3
    """Nothing ran, or a required backend is missing."""
    HARNESS = 4
    """The harness itself failed: a certificate that does not hold, a verdict that is missing."""
    INTERRUPTED = 130
    """Ended by Ctrl-C, as shells count it."""
    UNREAD = 141
    """Whoever read the output went away, as shells count it: `gradharness list | head -1`."""


def verdict_of(finished: Run, *, required: tuple[str, ...], strict: bool) -> Exit:
    """Return the exit code that a finished run deserves, the gravest first."""
    totals = finished.totals
    if totals is None or totals.planned != totals.judged or not totals.caught:
        return Exit.HARNESS
    if any(
        cell.verdict == "NO-TRUTH" and cell.diagnosis in ("certificate", "second opinion") for cell in finished.cells
    ):
        return Exit.HARNESS
    if finished.header.unread:
        return Exit.USAGE
    status = finished.header.backends
    ran = any(text == "ran" for text in status.values()) or any(cell.backend in BY_HAND for cell in finished.cells)
    if not ran or any(status.get(name) != "ran" for name in required):
        return Exit.NOTHING
    if any(cell.cls == "fail" and not cell.expected for cell in finished.cells):
        return Exit.FAILED
    if totals.stale or finished.header.unknown:
        return Exit.FAILED
    if strict and any(cell.cls == "inconclusive" and not cell.expected for cell in finished.cells):
        return Exit.FAILED
    return Exit.FINE
