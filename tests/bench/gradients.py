"""The differentiating call of the emitted source against the same gradient by hand, warm."""

from __future__ import annotations

import importlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from bench.figure import Figure, amount
from bench.pairs import Call, alternated, ratio, seconds
from harness.backends import available, load
from harness.backends.adapter import Adapter
from harness.collect import collect
from harness.declare import Case
from harness.measurement import Task
from harness.run.source import find

BAR = 1.10
CASES = (
    "lesson.square",
    "classics.rosenbrock_10",
    "losses.softmax_cross_entropy",
    "networks.logistic_regression",
    "networks.xor",
    "networks.iris_tanh",
    "networks.attention",
)
ROUNDS, PAIRS, WARM = 7, 150, 20
"""Rounds over all cases, pairs of calls of a case in a round, and calls of each before the first."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contest:
    """One case: the emitted function and the one by hand, ready to be called."""

    case: str
    ours: Call
    theirs: Call
    first: tuple[float, float]
    """Seconds of the first call of each. Ours includes emission, and, as it goes first, what the framework does once
    for an operation."""
    taken: list[tuple[float, float, float]] = field(default_factory=list)
    """Ratio and median seconds of each, by round."""

    def play(self) -> None:
        """Take one round."""
        ours, theirs = alternated(self.ours, self.theirs, PAIRS)
        self.taken.append((ratio(ours, theirs), float(np.median(ours)), float(np.median(theirs))))

    def figure(self) -> Figure:
        ratios, ours, theirs = (tuple(column) for column in zip(*self.taken, strict=True))
        calls = f"{np.median(ours) * 1e6:.0f} : {np.median(theirs) * 1e6:.0f} µs"
        firsts = " : ".join(amount(first * 1e3, "") for first in self.first)
        return Figure(name=f"  {self.case}", measured=ratios, note=f"{calls}, first call {firsts} ms")


def measure(name: str) -> list[Figure]:
    """Return the backend's figure, the median over the cases, and the rows of the cases."""
    bar = f"{name}: emitted ÷ by hand"
    missing = available(name)
    if missing is not None:
        return [Figure(name=bar, bar=BAR, note=missing.sentence)]
    contests = ready(name, collect())
    for _ in range(ROUNDS):
        for contest in contests:
            contest.play()
    rows = [contest.figure() for contest in contests]
    note = f"{len(rows)} cases, {ROUNDS * PAIRS} pairs of calls each; float64"
    return [Figure(name=bar, measured=tuple(row.median for row in rows), bar=BAR, note=note), *rows]


def ready(name: str, cases: Sequence[Case]) -> list[Contest]:
    """Return the contests, each of whose calls is warm."""
    adapter = adapter_of(name)
    adapter.measure(find(f"lesson.cube/{name}", cases).task)  # what a framework does only once in a process
    return [_ready(adapter, case, find(f"{case}/{name}", cases).task) for case in CASES]


def _ready(adapter: Adapter, case: str, task: Task) -> Contest:
    native, leaves, loop = adapter.to_native(task), held(adapter, task), loop_of(adapter, case)
    start = time.perf_counter()
    gradient = adapter.compile(task)
    emission = time.perf_counter() - start

    def ours() -> Any:
        return adapter.wait(gradient(*native))

    def theirs() -> Any:
        return adapter.wait(loop(*leaves))

    contest = Contest(case=case, ours=ours, theirs=theirs, first=(emission + seconds(ours), seconds(theirs)))
    alternated(ours, theirs, WARM)
    return contest


def adapter_of(name: str) -> Adapter:
    """Return the adapter; its framework is imported now."""
    adapter = load(name)
    assert isinstance(adapter, Adapter)
    return adapter


def loops(name: str) -> ModuleType:
    """Return the gradients by hand in a framework."""
    return importlib.import_module(f"bench.loops_{name}")


def loop_of(adapter: Adapter, case: str) -> Any:
    """Return the case's gradient by hand."""
    return getattr(loops(adapter.name), case.rpartition(".")[2])


def held(adapter: Adapter, task: Task) -> list[Any]:
    """Return the inputs as the loop by hand holds them."""
    script, leaf = adapter.script(task), loops(adapter.name).leaf
    native = zip(script.arguments, adapter.to_native(task), strict=True)
    return [leaf(x) if path in script.params else x for path, x in native]
