"""What can be found out of a function that only its framework can run: all of it is estimated.

An error bar of its gradient, from runs beside the point and in another precision, and central differences of its own
values.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from harness.backends.adapter import Adapter
from harness.backends.custody import kept
from harness.backends.nudge import RUNS, SEED, nudged
from harness.backends.own_values import differences
from harness.domains.precision import PRECISIONS
from harness.measurement import Array, Partial, Task
from harness.told import RAISED

RESULT = 8.0
"""Units of the dtype that a result is always allowed."""
SPREAD, NARROW, OWN = f"spread of {RUNS} runs", "float32 difference", "result"
"""The terms of an error bar."""

Answer = dict[str, Array]
"""Value, under "", and partials by leaf path; without those that did not come back."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Blackbox:
    """Estimates of how far off a gradient may be, and what its function's own values say of it."""

    terms: dict[str, dict[str, Array]]
    """Leaf path, or "" for the value → named terms of its error bar, which add up to it."""
    differences: dict[str, Partial] = field(default_factory=dict)
    """Central differences of the function's own values in float64, with error bars; none where it has no values."""


def probe(backend: Adapter, task: Task) -> Blackbox:
    """Return what can be found out of the task's function; raises what it raises at the point itself."""
    with _calm(backend):
        here = _answer(backend, task)
        terms = bars(here, _moved(backend, task), _pair(backend, task, here), task.dtype)
        return Blackbox(terms=terms, differences=differences(backend, task))


@contextmanager
def _calm(backend: Adapter) -> Iterator[None]:
    held = kept(backend.watched(closely=True))
    with backend.settings(), warnings.catch_warnings(), held, np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def _answer(backend: Adapter, task: Task) -> Answer:
    """Return value and partials of a task; a gradient by hand, which nothing differentiates, is called as it is."""
    if backend.book.differentiate is None:
        found = backend.measure(task)
        return {path: partial.values for path, partial in found.partials.items() if partial is not None}
    value, partials = backend.wait(backend.compile(task)(*backend.to_native(task)))
    native = {"": value, **dict(zip(task.graph.params, partials, strict=True))}
    return {path: backend.partial(array).values for path, array in native.items() if array is not None}


def _moved(backend: Adapter, task: Task) -> list[Answer]:
    """Return the answers at points a unit in the last place away; an empty one where there is none."""
    draw = np.random.default_rng(SEED)
    points = [nudged(task.inputs, draw, task.dtype) for _ in range(RUNS)]
    return [_tried(backend, replace(task, inputs=point)) or {} for point in points]


def _tried(backend: Adapter, task: Task) -> Answer | None:
    try:
        return _answer(backend, task)
    except RAISED:  # whatever a user's function raises beside its point: it tells that there is no answer
        return None


def _pair(backend: Adapter, task: Task, here: Answer) -> tuple[Answer, Answer] | None:
    """Return the answers in float64 and in float32; None where the function is bound to one dtype."""
    found = [
        here if dtype == task.dtype else _tried(backend, replace(task, dtype=dtype)) for dtype in ("float64", "float32")
    ]
    wide, narrow = found
    return None if wide is None or narrow is None else (wide, narrow)


def bars(
    here: Answer, moved: list[Answer], pair: tuple[Answer, Answer] | None, dtype: str
) -> dict[str, dict[str, Array]]:
    """Return the terms of the error bar of every output.

    Spread: the greatest change among the moved runs, infinite where one gave no number. The difference of float64 and
    float32 in units of the dtype. And units of the result itself, with the least number that the frameworks keep.
    """
    precision, float32 = PRECISIONS[dtype], PRECISIONS["float32"]
    found: dict[str, dict[str, Array]] = {}
    for path, values in here.items():
        terms = {SPREAD: _farthest(path, values, moved)}
        if pair is not None and all(path in one and one[path].shape == values.shape for one in pair):
            apart = np.abs(pair[0][path] - pair[1][path]) * (precision.unit / float32.unit)
            terms[NARROW] = np.where(np.isfinite(apart), apart, 0.0)
        terms[OWN] = RESULT * precision.unit * np.abs(values) + precision.least
        found[path] = terms
    return found


def _farthest(path: str, values: Array, moved: list[Answer]) -> Array:
    """Return the greatest distance of the moved answers from `values`."""
    farthest = np.zeros(values.shape)
    for answer in moved:
        other = answer.get(path)
        if other is None or other.shape != values.shape:
            return np.full(values.shape, np.inf)
        apart = np.abs(other - values)
        farthest = np.maximum(farthest, np.where(np.isnan(apart), np.inf, apart))
    return farthest
