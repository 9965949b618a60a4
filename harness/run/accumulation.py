"""Whether the sums of a framework accumulate in a half dtype itself: probed before a run that has one.

A column of 0.3 is added up along the outer axis, as the adjoint of a broadcast, and as the adjoint of a gather. In
float32 the result is off by its own rounding alone; in a half dtype it drifts, and stalls. Ones would not show it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from harness.domains.precision import PRECISIONS, round_to
from harness.graph import build as b
from harness.graph.build import Builder
from harness.graph.node import Graph
from harness.measurement import Leaves, Measurement, Partial, Task
from harness.run.lab import Lab, Pending
from harness.run.plan import Cell

TERMS = (200, 10_000)
"""Lengths of the sums: one that drifts, and one that stalls."""

SUMMAND = 0.3

DRIFT = 0.25
"""Share of (K − 1)·u by which a sum of K equal terms drifts at worst, when it is added up one by one."""

Probe = tuple[Cell, int, Pending[Measurement], Pending[Measurement]]


def probed(lab: Lab, cells: Iterable[Cell]) -> dict[str, str]:
    """Return by `backend.dtype.sum` what each kind of sum accumulates in, of the half dtypes that are planned."""
    halves = {(cell.backend, cell.dtype): cell for cell in cells if PRECISIONS[cell.dtype].half}
    found: dict[str, str] = {}
    for cell, terms, summed, gathered in list(_probes(lab, halves.values())):
        first, second = summed.result(), gathered.result()
        answers = {
            "outer_sum": first.value,
            "adjoint_of_broadcast": first.partials.get("b"),
            "adjoint_of_gather": second.partials.get("t"),
        }
        for name, partial in answers.items():
            if partial is not None and partial.bar is None and not partial.tail:
                key = f"{cell.backend}.{cell.dtype}.{name}"
                found[key] = _drift(partial, terms, cell.dtype) or found.get(key, "float32")
    return found


def _probes(lab: Lab, cells: Iterable[Cell]) -> Iterator[Probe]:
    """Yield the measurements of each backend and dtype, asked for and not yet there."""
    for cell in cells:
        for terms in TERMS:
            column = round_to(np.full((terms, 2), SUMMAND), cell.dtype)
            summed = lab.measure(cell.backend, _task(cell, outer(terms), {"b": np.ones(2), "c": column}))
            given: Leaves = {"t": np.ones(2), "c": column[:, 0], "i": np.zeros(terms, np.int64)}
            yield cell, terms, summed, lab.measure(cell.backend, _task(cell, gather(terms), given))


def _task(cell: Cell, graph: Graph, inputs: Leaves) -> Task:
    return Task(graph=graph, inputs=inputs, dtype=cell.dtype, variant=cell.variant)


def outer(terms: int) -> Graph:
    """Return the first entry of the sum of rows c·b: its value is an outer sum, its gradient a broadcast's adjoint."""
    builder = Builder()
    weight, column = builder.input("b", (2,), param=True), builder.input("c", (terms, 2))
    return builder.freeze(b.total(column * b.broadcast_to(weight, (terms, 2)), (0,))[0])


def gather(terms: int) -> Graph:
    """Return the sum of c·t[i]: its gradient is the adjoint of a gather."""
    builder = Builder()
    table, column = builder.input("t", (2,), param=True), builder.input("c", (terms,))
    index = builder.input("i", (terms,), "int")
    return builder.freeze(b.total(column * b.call("take", table, index, axis=0), (0,)))


def _drift(partial: Partial, terms: int, dtype: str) -> str:
    """Return how far the first entry is from the sum; "" where float32, rounded once at the end, explains it."""
    precision, exact = PRECISIONS[dtype], terms * round_to(np.asarray(SUMMAND), dtype).item()
    off = abs(float(partial.values.flat[0]) - exact) / exact
    if off <= precision.unit + DRIFT * (terms - 1) * precision.accumulation:
        return ""
    return f"{dtype}, off by {off:.2g} over {terms} terms"
