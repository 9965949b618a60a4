"""Defects that end the call: exceptions, exits, deaths, and what never ends."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

from harness.selftest.at_leaf import tampered
from harness.selftest.conduct import Behaviour, behaving, faulty
from harness.selftest.defects import BACKENDS, Defect, Definition


def _raising(f: Any, definition: Definition, leaves: dict[str, Any]) -> Any:
    raise ValueError("the weights have not been loaded")


def _raising_backward(f: Any, g: Any, x: Any) -> Any:
    """Raise as a rule does that its writer has put off."""
    raise NotImplementedError("backward is not written yet")


def _leaving(f: Any, definition: Definition, leaves: dict[str, Any]) -> Any:
    raise SystemExit(3)


def _exiting(f: Any, definition: Definition, leaves: dict[str, Any]) -> Any:
    os._exit(3)


def _aborting(f: Any, definition: Definition, leaves: dict[str, Any]) -> Any:
    os.abort()


def _hanging(f: Any, definition: Definition, leaves: dict[str, Any]) -> Any:
    while True:
        time.sleep(1)


def _eating(f: Any, definition: Definition, leaves: dict[str, Any]) -> Any:
    eaten = []
    while True:
        eaten.append(np.ones(2**24))


ENDINGS: dict[str, tuple[Behaviour, str]] = {
    "exiting": (_exiting, "CRASHED"),
    "aborting": (_aborting, "CRASHED"),
    "hanging": (_hanging, "TIMEOUT"),
    "eating_memory": (_eating, "OUT-OF-MEMORY"),
}
"""What takes the process down with it, or would for ever."""


def planted() -> list[Defect]:
    """Return every defect that ends its call."""
    found = []
    for b in BACKENDS:
        found += [
            faulty("raising", "wave", b, behaving(b, _raising), "ERROR"),
            faulty("raising_backward", "wave", b, tampered(b, "w", _raising_backward), "ERROR"),
            faulty("leaving", "wave", b, behaving(b, _leaving), "ERROR"),
        ]
        found += [_violent(kind, b, ends, verdict) for kind, (ends, verdict) in ENDINGS.items()]
    return found


def _violent(kind: str, backend: str, ends: Behaviour, verdict: str) -> Defect:
    return faulty(kind, "wave", backend, behaving(backend, ends), verdict, violent=True, dtypes=("float64",))
