"""Backends that lie: an honest measurement, changed in one way that must not pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from harness.domains.precision import round_to
from harness.measurement import Array, Measurement, Partial, Task

Measure = Callable[[Task], Measurement]


@dataclass(frozen=True, slots=True, kw_only=True)
class Liar:
    """A lie and the verdicts that it may get."""

    name: str
    lie: Callable[[Measure, Task], Measurement]
    verdicts: frozenset[str]
    dtypes: tuple[str, ...] = ("float64", "float32")


def _entries(change: Callable[[Array], Array]) -> Callable[[Measure, Task], Measurement]:
    """Return the lie that changes the numbers of every partial."""

    def lie(measure: Measure, task: Task) -> Measurement:
        honest = measure(task)
        changed: dict[str, Partial | None] = {}
        for path, partial in honest.partials.items():
            changed[path] = None if partial is None else replace(partial, values=change(partial.values.copy()))
        return replace(honest, partials=changed)

    return lie


def _one_sign(values: Array) -> Array:
    """Flip the entry of greatest size: the others stay."""
    if values.size:
        at = np.unravel_index(int(np.argmax(np.abs(values))), values.shape)
        values[at] = -values[at]
    return values


def _one_nan(values: Array) -> Array:
    values.flat[-1:] = np.nan
    return values


def _none(measure: Measure, task: Task) -> Measurement:
    honest = measure(task)
    return replace(honest, partials=dict.fromkeys(honest.partials))


def _float32_in_disguise(measure: Measure, task: Task) -> Measurement:
    inputs = {path: round_to(x, "float32") if x.dtype.kind == "f" else x for path, x in task.inputs.items()}
    narrow = measure(replace(task, dtype="float32", inputs=inputs))
    told = {path: None if one is None else replace(one, dtype="float64") for path, one in narrow.partials.items()}
    value = None if narrow.value is None else replace(narrow.value, dtype="float64")
    return replace(narrow, partials=told, value=value)


def _right_value_float32_gradient(measure: Measure, task: Task) -> Measurement:
    return replace(_float32_in_disguise(measure, task), value=measure(task).value)


LIARS: tuple[Liar, ...] = (
    Liar(name="one sign", lie=_entries(_one_sign), verdicts=frozenset({"DISAGREE"})),
    Liar(
        name="scaled by 1+1e-6",
        lie=_entries(lambda values: values * (1 + 1e-6)),
        verdicts=frozenset({"DISAGREE"}),
        dtypes=("float64",),
    ),
    Liar(name="zeros", lie=_entries(np.zeros_like), verdicts=frozenset({"DEAD-LEAF"})),
    Liar(name="nan", lie=_entries(_one_nan), verdicts=frozenset({"NONFINITE"})),
    Liar(name="none", lie=_none, verdicts=frozenset({"DISCONNECTED"})),
    Liar(
        name="wrong shape",
        lie=_entries(lambda values: values.reshape((1, *values.shape))),
        verdicts=frozenset({"SHAPE"}),
    ),
    Liar(name="transpose", lie=_entries(lambda values: values.T), verdicts=frozenset({"SHAPE", "DISAGREE"})),
    Liar(
        name="float32 in disguise",
        lie=_float32_in_disguise,
        verdicts=frozenset({"VALUE-MISMATCH", "DISAGREE"}),
        dtypes=("float64",),
    ),
    Liar(
        name="float32 gradient of a float64 value",
        lie=_right_value_float32_gradient,
        verdicts=frozenset({"DISAGREE"}),
        dtypes=("float64",),
    ),
)
