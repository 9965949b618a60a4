"""Asking a differentiating function more than once: here, beside, and here again.

What is kept of one point, drawn at random or left changed does not show in a first answer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from harness.backends.custody import Custody
from harness.conduct import Change, Conduct, Difference, Foreign
from harness.domains.beside import beside
from harness.measurement import Array, Leaves, Partial, Task
from harness.told import RAISED, told

PATIENCE, QUICK = 5.0, 0.05
"""Seconds that a first call of a user's function, and of an emitted source, may take to be asked again."""
DRAWS = 16
"""Calls more of a function that draws random numbers and answers the same: a few coins may fall alike once."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answer:
    """What one call gave, and what it left of its inputs."""

    value: Partial | None = None
    partials: dict[str, Partial | None]
    adjoints: dict[str, Partial] = field(default_factory=dict)
    foreign: tuple[Foreign, ...] = ()
    inputs: tuple[Change, ...] = ()
    """Inputs that are not what they were."""
    seconds: float

    @property
    def outputs(self) -> dict[str, Partial | None]:
        """Value and partials; "" is the value."""
        return {"": self.value, **self.partials}


Ask = Callable[[Leaves], Answer]


def interview(
    task: Task, ask: Ask, custody: Custody, *, again: bool = True, beside_first: bool = False
) -> tuple[Answer, Conduct]:
    """Return the first answer, and what further calls tell of it, if any are to be made; only the first one raises.

    What is kept of the point beside is wrong at the point itself, where numbers that were written out are right.
    """
    other = _elsewhere(task, ask) if beside_first else None
    first = ask(task.inputs)
    custody.inspect()
    found = Conduct(foreign=first.foreign, inputs=first.inputs)
    if not again or first.foreign or first.seconds > (QUICK if task.native is None else PATIENCE):
        return first, found
    if task.native is not None and not beside_first:
        other = _elsewhere(task, ask)
    custody.inspect()
    return first, replace(found, difference=_again(task, ask, first, custody), alike=_alike(first, other))


def _elsewhere(task: Task, ask: Ask) -> Answer | None:
    """Return the answer at the point beside; None where there is none, for it may lie outside of the domain."""
    with contextlib.suppress(*RAISED):
        return ask(beside(task.inputs, task.graph.params, task.dtype))
    return None


def _again(task: Task, ask: Ask, first: Answer, custody: Custody) -> Difference | None:
    """Return how another call differs; where random numbers were drawn, how the first does that differs."""
    for _ in range(1 + min(DRAWS, int(PATIENCE / max(first.seconds, 1e-3)))):
        try:
            difference = differing(first.outputs, ask(task.inputs).outputs)
        except RAISED as error:
            return Difference(path="", first="an answer", second=told(error))
        custody.inspect()
        if difference is not None or not custody.moved:
            return difference
    return None


def differing(first: Mapping[str, Partial | None], second: Mapping[str, Partial | None]) -> Difference | None:
    """Return the first entry that is not the same number; a NaN is the same as a NaN."""
    for path, one in first.items():
        other = second.get(path)
        if one is None or other is None or one.values.shape != other.values.shape:
            if one is None and other is None:
                continue
            return Difference(path=path, first=_form(one), second=_form(other))
        places = np.argwhere(~_same(one.values, other.values))
        if len(places):
            at = tuple(int(k) for k in places[0])
            return Difference(path=path, index=at, first=_number(one.values, at), second=_number(other.values, at))
    return None


def changed(inputs: Mapping[str, Array], before: Leaves) -> tuple[Change, ...]:
    """Return the first changed entry of every input that is not what it was."""
    found = []
    for path, now in inputs.items():
        old = np.asarray(before[path], dtype=np.float64)
        if now.shape != old.shape:
            found.append(Change(what=path, before=f"shape {old.shape}", after=f"shape {now.shape}"))
            continue
        for place in np.argwhere(~_same(old, now))[:1]:
            at = tuple(int(k) for k in place)
            what = f"{path}[{', '.join(map(str, at))}]" if at else path
            found.append(Change(what=what, before=_number(old, at), after=_number(now, at)))
    return tuple(found)


def _alike(first: Answer, other: Answer | None) -> tuple[str, ...]:
    """Return the outputs that are the same at both points, bit for bit; zeros and NaN tell nothing."""
    if other is None:
        return ()
    pairs = {path: (one, other.outputs.get(path)) for path, one in first.outputs.items()}
    return tuple(path for path, (one, two) in pairs.items() if one is not None and two is not None and _kept(one, two))


def _kept(one: Partial, two: Partial) -> bool:
    if one.values.shape != two.values.shape or not np.isfinite(one.values).all():
        return False
    return bool(one.values.any() and np.array_equal(one.values, two.values))


def _same(one: Array, two: Array) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    return np.asarray((one == two) | (np.isnan(one) & np.isnan(two)))


def _form(partial: Partial | None) -> str:
    return "nothing" if partial is None else f"shape {partial.values.shape}"


def _number(values: Array, at: tuple[int, ...]) -> str:
    return repr(float(values[at]))
