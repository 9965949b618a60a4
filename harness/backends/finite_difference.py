"""Finite differences: central differences of the function itself, and no derivative rule at all."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import time
import warnings
from collections.abc import Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.backends import ladder, numpy_book
from harness.backends.adapter import Adapter, bind, installed
from harness.backends.first_step import Found, search
from harness.backends.noise import Entry, Noise, elements
from harness.backends.still import Still, as_float64, still
from harness.graph.batch import batch
from harness.graph.emit import Script, emit
from harness.graph.literals import nested
from harness.graph.phrase import Call, Phrasebook
from harness.graph.program import input_lines, whole
from harness.measurement import Array, Measurement, Partial, Task

ALL, SAMPLE, SEED = 1000, 64, 0
"""Entries up to which all are differentiated; of more, so many, drawn with this seed."""
POINTS, STEPS = 25, 12
"""Points of one ladder, and its steps."""
NUMBERS = 10_000_000
"""Numbers held at once: 80 MB, and as much again for what is on the way."""
HELPERS = (ladder.derivatives, ladder.evaluated, ladder.around, ladder.ladder, ladder.grows, ladder.extrapolated)


def differentiate(call: Call, rows: int) -> str:
    """Return the ladder, and the lines that bind `gradient`."""
    params, arguments = ", ".join(call.params), ", ".join(call.arguments)
    more = "" if rows == POINTS else f", rows={rows}"
    helpers = "\n\n".join(inspect.getsource(helper) for helper in HELPERS)
    return f'''{helpers}

def gradient({arguments}, steps, noise):
    """Return the value, and for each of {params} the partials and their error bars."""
    return derivatives(lambda {params}: cost({arguments}), [{params}], steps, noise{more})
'''


def book(rows: int) -> Phrasebook:
    """Return NumPy's words, with a ladder that evaluates `rows` points at a time."""
    names = ("steps", "noise", *(helper.__name__ for helper in HELPERS))
    helpers = {**numpy_book.BOOK.helpers, **dict.fromkeys(names, "")}  # no leaf may have one of these names
    return dataclasses.replace(numpy_book.BOOK, differentiate=partial(differentiate, rows=rows), helpers=helpers)


class FiniteDifference(Adapter):
    """Central differences with Richardson's extrapolation, always in float64.

    The dtype names only the rounding of point and literals.
    """

    name, mechanism, package = "finite_difference", "central differences", "numpy"
    variants = ("richardson",)
    book = numpy_book.BOOK

    def __init__(self) -> None:
        importlib.import_module("scipy.special")

    def native(self, values: NDArray[np.generic], dtype: str) -> NDArray[np.generic]:
        return as_float64(values)

    def numpy(self, array: Any) -> tuple[NDArray[np.generic], str]:
        return np.asarray(array, dtype=np.float64), "float64"

    def versions(self) -> dict[str, str]:
        return {package: installed(package) for package in ("numpy", "scipy")}

    def script(self, task: Task) -> Script:
        """Return the source of the task: its cost takes many points, one a row of its params."""
        return _script(still(task))

    def _measured(self, task: Task, script: Script) -> Measurement:
        start = time.perf_counter()
        run = _Run(still(task), script)
        found = run.found
        seconds = time.perf_counter() - start
        if len(run.entries) < run.size:
            text = f"{len(run.entries)} of {run.size} entries were differentiated, drawn with seed {SEED}"
            warnings.warn(text, stacklevel=2)
        return Measurement(
            value=Partial(values=np.asarray(run.value), dtype="float64", bar=np.asarray(run.still.floor)),
            partials=run.partials(found),
            source=script.source,
            seconds=seconds,
            curve=run.curve(),
        )

    def reproduce(self, task: Task) -> str:
        """Return a program of NumPy and SciPy that prints the value and the partials, by the steps that were found."""
        calm = still(task)
        script = _script(calm)
        run = _Run(calm, script)
        given = dataclasses.replace(script, arguments=tuple(p for p in script.arguments if p not in calm.held))
        lines = [
            'np.seterr(all="ignore")',
            *input_lines(given, self.book, calm.inputs),
            *(f"{script.names[path]} = {_literal(calm.inputs[path])}" for path in calm.held if path in script.names),
            f"steps = [{', '.join(map(_literal, run.spread(run.found.steps)))}]",
            f"noise = [{', '.join(map(_literal, run.spread(run.found.noise)))}]",
            f"value, partials = gradient({', '.join(script.names.values())}, steps, noise)",
            "print(value, [estimates.tolist() for estimates, bars in partials])",
        ]
        return whole(script, self.book, "\n".join(lines) + "\n")


def _script(calm: Still) -> Script:
    return emit(batch(calm.graph, at_once(calm)), book(at_once(calm)), dtype="float64")


def at_once(calm: Still) -> int:
    """Return how many points are evaluated in one call: 25, or a divisor that memory allows."""
    return next(n for n in (POINTS, 5, 1) if n == 1 or n * elements(calm.graph) <= NUMBERS)


def _literal(values: NDArray[np.generic]) -> str:
    return f"np.asarray({nested(values.tolist())})"


class _Run:
    """One search over the entries of a cost, at its point."""

    def __init__(self, calm: Still, script: Script) -> None:
        self.still, self.script = calm, script
        self.leaves = [calm.inputs[path] for path in script.arguments]
        self.params = {path: np.asarray(calm.inputs[path], dtype=np.float64) for path in script.params}
        self.size = sum(x.size for x in self.params.values())
        self.entries = chosen(self.params)
        self.x = np.array([self.params[path][index] for path, index in self.entries])
        self.value = np.nan

    @cached_property
    def found(self) -> Found:
        noise = Noise(self.still.graph, NUMBERS)

        def beside(steps: Array) -> Array:
            bounds, asked = np.full(steps.shape, np.nan), ~np.isnan(steps)
            entries = [entry for entry, wanted in zip(self.entries, asked, strict=True) if wanted]
            bounds[asked] = noise.beside(self.still.inputs, entries, steps[asked])
            return bounds

        with np.errstate(all="ignore"):
            return search(self.x, self.measure, beside, self.still.floor)

    def measure(self, steps: Array, noise: Array) -> tuple[Array, Array]:
        """Return partials and error bars of the entries, NaN where the step is."""
        gradient = bind(self.script.source)
        self.value, answers = gradient(*self.leaves, self.spread(steps), self.spread(noise))
        return self._gathered([partials for partials, _ in answers]), self._gathered([bars for _, bars in answers])

    def spread(self, numbers: Array) -> list[Array]:
        """Return numbers of the entries as one array a param, NaN where none was chosen."""
        arrays = {path: np.full(x.shape, np.nan) for path, x in self.params.items()}
        for (path, index), number in zip(self.entries, numbers, strict=True):
            arrays[path][index] = number
        return list(arrays.values())

    def _gathered(self, arrays: Sequence[Array]) -> Array:
        by_path = dict(zip(self.params, arrays, strict=True))
        return np.array([by_path[path][index] for path, index in self.entries])

    def partials(self, found: Found) -> dict[str, Partial | None]:
        """Return what was found, by leaf path."""
        chosen = [np.isfinite(mask) for mask in self.spread(np.zeros(len(self.entries)))]
        arrays = zip(self.params, self.spread(found.partials), self.spread(found.bars), chosen, strict=True)
        return {
            path: Partial(values=values, dtype="float64", bar=bars, sampled=None if mask.all() else mask)
            for path, values, bars, mask in arrays
        }

    def _cost(self, *params: Array) -> Array:
        """Return the values at some points, from arrays in the order of the params."""
        leaves = self.still.inputs | dict(zip(self.params, params, strict=True))
        return np.asarray(bind(self.script.source, "cost")(*(leaves[path] for path in self.script.arguments)))

    def curve(self) -> tuple[tuple[float, float], ...]:
        """Return decimal steps and the change from each to the next of the plain difference along the first entry."""
        x, sizes = self.x[0], np.maximum(abs(self.x[0]), 1) * 10.0 ** -(np.arange(1, 3 * STEPS + 1) / 2)
        with np.errstate(all="ignore"):
            ladders = [np.concatenate([[x], x + steps, x - steps]) for steps in sizes.reshape(3, STEPS)]
            slopes = np.concatenate([self._slopes(xs) for xs in ladders])
            changes = abs(np.diff(slopes))
        pairs = zip(sizes.tolist(), changes.tolist(), strict=False)
        return tuple((step, change) for step, change in pairs if np.isfinite(change))

    def _slopes(self, xs: Array) -> Array:
        """Return the central differences between numbers that the first entry takes."""
        path, index = self.entries[0]
        points = {p: np.repeat(x[np.newaxis], POINTS, axis=0) for p, x in self.params.items()}
        points[path][:, *index] = xs
        values = ladder.evaluated(self._cost, list(points.values()), at_once(self.still))
        return (values[1:13] - values[13:]) / (xs[1:13] - xs[13:])


def chosen(params: dict[str, Array], most: int = ALL, sample: int = SAMPLE) -> list[Entry]:
    """Return the entries to be differentiated: all, or of more than `most` a sample from every leaf."""
    every = {path: list(np.ndindex(x.shape)) for path, x in params.items()}
    if sum(map(len, every.values())) > most:
        draw = np.random.default_rng(SEED)
        quotas = _quotas({path: len(indices) for path, indices in every.items()}, sample)
        picked = {path: np.sort(draw.choice(len(every[path]), quotas[path], replace=False)) for path in params}
        every = {path: [every[path][k] for k in ranks] for path, ranks in picked.items()}
    return [(path, index) for path, indices in every.items() for index in indices]


def _quotas(sizes: dict[str, int], sample: int = SAMPLE) -> dict[str, int]:
    """Return how many entries are drawn of each leaf: equally many, but that small leaves have fewer."""
    quotas: dict[str, int] = {}
    for path in sorted(sizes, key=lambda path: sizes[path]):
        left = sample - sum(quotas.values())
        quotas[path] = min(sizes[path], left // (len(sizes) - len(quotas)))
    return quotas
