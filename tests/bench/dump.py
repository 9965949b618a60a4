"""The work of a run as the bare script reads it: sources, and the inputs of each in the order of its call."""

from __future__ import annotations

import contextlib
import io
import pickle
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.backends import BACKENDS, available
from harness.backends.adapter import Adapter
from harness.collect import collect
from harness.measurement import Leaves, Task
from harness.run.plan import Cell, Selection, plan
from harness.run.source import task_of

from bench.gradients import adapter_of

Work = dict[str, list[Any]]
"""Source → the inputs of its points."""


def dump(folder: Path, selection: Selection) -> int:
    """Write a file a backend; return how many gradients there are in all of them."""
    cells = plan(collect(), selection)
    work = {name: work_of(name, [cell for cell in cells if cell.backend == name]) for name in BACKENDS}
    for name, sources in work.items():
        (folder / name).write_bytes(pickle.dumps(list(sources.items())))
    return sum(len(points) for sources in work.values() for points in sources.values())


def work_of(name: str, cells: Iterable[Cell]) -> Work:
    """Return the work of a backend; none where it is not installed."""
    if available(name) is not None:
        return {}
    adapter, work, cases = adapter_of(name), Work(), collect()
    for cell in cells:
        task = task_of(cell, cases, 0)
        if not adapter.refusal(task):
            work.setdefault(adapter.script(task).source, []).append(inputs_of(adapter, task))
    return work


def inputs_of(adapter: Adapter, task: Task) -> list[Any]:
    """Return the inputs in the order of the call, as NumPy arrays of the cell's dtype; SymPy takes single numbers."""
    paths = adapter.script(task).arguments
    if adapter.name == "finite_difference":
        return ladder_of(adapter, task)
    if adapter.name == "sympy":
        return [float(x) for path in paths for x in task.inputs[path].ravel()]
    return [x.astype(task.dtype) if x.dtype.kind == "f" else x for x in map(task.inputs.__getitem__, paths)]


def ladder_of(adapter: Adapter, task: Task) -> list[Any]:
    """Return the inputs of the differences and the steps that the search has found, which its program spells out."""
