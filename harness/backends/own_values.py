"""Central differences of the values of a function that only its framework can run.

The ladder of the finite differences, by a call of the function for every point; nothing is known of its rounding but
an estimate.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from harness.backends import ladder
from harness.backends.adapter import KINDS, Adapter, bind
from harness.backends.finite_difference import ALL, SAMPLE, chosen
from harness.backends.first_step import search
from harness.backends.noise import Entry
from harness.backends.nudge import RUNS, SEED, nudged
from harness.backends.user_cost import user_cost
from harness.domains.precision import PRECISIONS
from harness.measurement import Array, Leaves, Partial, Task
from harness.told import RAISED

SECONDS = 4.0
"""What the calls may take; of a slow function fewer entries are differentiated."""
CALLS = 60
"""Calls for an entry, about: two ladders of 25 points, and the points beside."""
SCALES = tuple(2.0**-k for k in (44, 34, 27, 25, 23, 18, 12))
"""Relative distances of the points of a line: from float64's places to those of a half."""
STAIRS = 8.0
"""Deviations that a step of the stairs may be high."""
UNITS = 8 * PRECISIONS["float64"].unit
"""Rounding of a value, relative to it."""


def differences(backend: Adapter, task: Task) -> dict[str, Partial]:
    """Return partials with error bars by leaf path; empty where the function cannot be called for its values alone."""
    if backend.book.differentiate is None or task.native is None:
        return {}
    try:
        return _Values(backend, replace(task, dtype="float64")).partials()
    except RAISED:  # whatever a user's function raises beside its point: there are no differences then
        return {}


class _Values:
    """The values of one function beside its point."""

    def __init__(self, backend: Adapter, task: Task) -> None:
        user = user_cost(task, backend.book, backend.variant(task)[0])
        self.backend, self.kinds, self.inputs = backend, user.script.kinds, task.inputs
        self.cost = backend.forward(bind(user.runs, "cost", given=user.call.given))
        self.native = {path: self._native(path, task.inputs[path]) for path in task.graph.inputs}
        self.params = {path: np.asarray(task.inputs[path], np.float64) for path in task.graph.params}
        self.entries = chosen(self.params, *self._affordable())

    def _native(self, path: str, values: Any) -> Any:
        return self.backend.native(np.asarray(values).astype(KINDS[self.kinds[path]]), "float64")

    def _call(self, leaves: Mapping[str, Any]) -> float:
        return float(self.backend.numpy(self.backend.wait(self.cost(*leaves.values())))[0])

    def _affordable(self) -> tuple[int, int]:
        """Return up to how many entries all are differentiated, and how many of more, by the time of a second call."""
        self._call(self.native)
        start = time.perf_counter()
        self._call(self.native)
        most = max(1, int(SECONDS / CALLS / max(time.perf_counter() - start, 1e-6)))
        return min(ALL, most), max(len(self.params), min(SAMPLE, most))

    def at(self, entry: Entry, numbers: Iterable[float]) -> Array:
        """Return the values where one entry takes these numbers."""
        path, index = entry
        found = []
        for number in numbers:
            leaf = self.params[path].copy()
            leaf[index] = number
            found.append(self._call(self.native | {path: self._native(path, leaf)}))
        return np.array(found)

    def floor(self) -> float:
        """Return an estimate of the rounding error of the value: its spread, its stairs, and its own units."""
        draw, value = np.random.default_rng(SEED), self._call(self.native)
        spread = max(abs(self._at(nudged(self.inputs, draw, "float64")) - value) for _ in range(RUNS))
        return spread + max(self._stairs(scale, draw) for scale in SCALES) + UNITS * abs(value)

    def _at(self, point: Leaves) -> float:
        return self._call({path: self._native(path, point[path]) for path in self.native})

    def _stairs(self, scale: float, draw: np.random.Generator) -> float:
        """Return what is not smooth along a random line, by sixth differences: a narrower dtype inside makes stairs."""
        way = {path: scale * x * draw.uniform(-1, 1, x.shape) for path, x in self.params.items()}
        line = ({path: self.params[path] + k * step for path, step in way.items()} for k in range(7))
        values = [self._at(self.inputs | point) for point in line]
        left = abs(float(np.diff(values, 6)[0])) / math.sqrt(math.comb(12, 6))
        return STAIRS * left if math.isfinite(left) else 0.0

    def partials(self) -> dict[str, Partial]:
        floor = self.floor()
        x = np.array([self.params[path][index] for path, index in self.entries])

        def beside(steps: Array) -> Array:
            """Return the rounding of the values at x ± step, infinite where one is not finite."""
            noise = np.full(steps.shape, np.nan)
            for k in np.flatnonzero(~np.isnan(steps)):
                values = np.abs(self.at(self.entries[k], [x[k] + steps[k], x[k] - steps[k]]))
                noise[k] = floor + UNITS * float(np.max(values)) if np.isfinite(values).all() else np.inf
            return noise

        def measure(steps: Array, noise: Array) -> tuple[Array, Array]:
            slopes, bars = np.full(steps.shape, np.nan), np.full(steps.shape, np.nan)
            for k in np.flatnonzero(~np.isnan(steps)):
                numbers = ladder.around(x[k], steps[k])
                slopes[k], bars[k] = ladder.ladder(numbers, self.at(self.entries[k], numbers), noise[k])
            return slopes, bars

        found = search(x, measure, beside, floor)
        return self._by_path(found.partials, np.where(np.isnan(found.bars), np.inf, found.bars))

    def _by_path(self, slopes: Array, bars: Array) -> dict[str, Partial]:
        values = {path: np.full(x.shape, np.nan) for path, x in self.params.items()}
        errors = {path: np.full(x.shape, np.nan) for path, x in self.params.items()}
        for (path, index), slope, bar in zip(self.entries, slopes, bars, strict=True):
            values[path][index], errors[path][index] = slope, bar
        return {
            path: Partial(values=values[path], dtype="float64", bar=errors[path], sampled=~np.isnan(errors[path]))
            for path in self.params
        }
