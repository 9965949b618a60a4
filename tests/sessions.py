"""Case files for sessions of pytest, and a lab whose backends may lie."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from harness.measurement import Measurement, Task
from harness.run.lab import Inline, Later

CASES = """
from harness import case, param, point

@case(w=param(), points=[point("three", w=3.0), point("two", w=2.0)])
def square(xp, w):
    return w**2

@case(w=param(shape=(2,)), points=[dict(w=[1.0, -2.0])])
def norm(xp, w):
    return xp.sum(w * w)
"""
KINK = """
@case(w=param(), points=[dict(w=0.0), dict(w=1.0)])
def kink(xp, w):
    return xp.sqrt(w)
"""
EXPECTED = '[[expect]]\ncell = "tiny.norm/sympy"\nverdict = "DISAGREE"\nreason = "known since 1.2"\n'
CALM = ("sympy", "finite_difference")
"""Backends whose import is quick."""

Session = Callable[..., pytest.RunResult]
Lie = Callable[[Measurement], Measurement]


class Lab(Inline):
    """The lab of this process; the backends in `lies` say something else than they measured."""

    lies: ClassVar[dict[str, Lie]] = {}
    ended: ClassVar[threading.Event] = threading.Event()
    """Set when the session is done with the lab."""

    def measure(self, backend: str, task: Task) -> Later[Measurement]:
        honest, lie = super().measure(backend, task), self.lies.get(backend, lambda said: said)
        return Later(lambda: lie(honest.result()))


def negated(honest: Measurement) -> Measurement:
    """Return the measurement with the last entry of every partial negated."""
    partials = {path: one and replace(one, values=_flipped(one.values)) for path, one in honest.partials.items()}
    return replace(honest, partials=partials)


def _flipped(values: Any) -> Any:
    told = values.copy()
    told.reshape(-1)[-1:] *= -1
    return told


def outcomes(result: pytest.RunResult) -> dict[str, str]:
    """Return the word of each item by its own name; subtests are left out."""
    return dict(re.findall(r"^\S+::(.+?\]) (PASSED|FAILED|SKIPPED|XFAIL)\b", result.stdout.str(), re.MULTILINE))


def said(result: pytest.RunResult) -> str:
    """Return what the session printed."""
    return result.stdout.str() + result.stderr.str()
