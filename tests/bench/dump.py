"""The work of a run as the bare script reads it: sources, and the inputs of each in the order of its call."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from bench.gradients import adapter_of
from harness.backends import BACKENDS, available
from harness.backends.adapter import Adapter
from harness.declare import Case
from harness.measurement import Task
from harness.run.plan import Cell
from harness.run.source import task_of

Work = dict[str, list[Any]]
"""Source → the inputs of its points."""


def dump(folder: Path, cases: Sequence[Case], cells: Sequence[Cell]) -> int:
    """Write a file a backend; return how many gradients there are in all of them."""
    work: dict[str, Work] = {name: {} for name in BACKENDS}
    emitted = [cell for cell in cells if cell.spelling == "xp" and available(cell.backend) is None]
    for name, task in tasks(cases, emitted):
        adapter = adapter_of(name)
        if not adapter.refusal(task):
            source = adapter.script(task).source
            work[name].setdefault(source, []).append(inputs_of(adapter, task))
    for name, sources in work.items():
        (folder / name).write_bytes(pickle.dumps(list(sources.items())))
    return sum(len(points) for sources in work.values() for points in sources.values())


def tasks(cases: Sequence[Case], cells: Sequence[Cell]) -> Iterator[tuple[str, Task]]:
    """Return backend and task of every cell; a case is traced once for a point and dtype."""
    for _, group in groupby(cells, key=lambda cell: cell.group):
        own = list(group)
        task = task_of(own[0], cases, seed=0)
        yield from ((cell.backend, replace(task, variant=cell.variant, operator=cell.operator)) for cell in own)


def inputs_of(adapter: Adapter, task: Task) -> list[Any]:
    """Return the inputs in the order of the call: arrays of the cell's dtype, of which SymPy takes the numbers."""
    if adapter.name == "finite_difference":
        return ladder_of(adapter, task)
    arrays = [task.inputs[path] for path in adapter.script(task).arguments]
    if adapter.name == "sympy":
        return [float(x) for array in arrays for x in array.ravel()]
    return [array.astype(task.dtype) if array.dtype.kind == "f" else array for array in arrays]


def ladder_of(adapter: Adapter, task: Task) -> list[Any]:
    """Return the inputs of the differences, and the steps that were found; the program of the cell binds them all."""
    script = adapter.script(task)
    wanted = [*(script.names[path] for path in script.arguments), "steps", "noise"]
    space: dict[str, Any] = {"np": np, "data": task.inputs}
    for line in adapter.reproduce(task).splitlines():
        if line.partition(" = ")[0] in wanted:
            exec(line, space)
    return [space[name] for name in wanted]
