"""Finding the case, point and task that a cell id stands for."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from harness.backends import BACKENDS, describe
from harness.declare import Case
from harness.domains.precision import PRECISIONS, round_to
from harness.graph.directions import drawn
from harness.measurement import Task
from harness.run.plan import OPERATORS, Cell, Selection, plan


class NoSuchCell(ValueError):
    """An id that no planned cell has; the text names the nearest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A cell with the task that measures it."""

    cell: Cell
    task: Task
    chosen: bool
    """The id was a prefix, and this is the first cell below it."""


def everything(seed: int = 0) -> Selection:
    """Return the selection that plans every cell that could be asked for."""
    known = [describe(name) for name in BACKENDS]
    own = [variants for one in known for variants in (one.variants, *one.routes.values())]
    variants = tuple(dict.fromkeys(variant for some in own for variant in some))
    return Selection(dtypes=tuple(PRECISIONS), variants=variants, operators=OPERATORS, seed=seed)


def find(identity: str, cases: Sequence[Case], seed: int = 0) -> Found:
    """Return the first cell whose id is `identity` or lies below it. Raises NoSuchCell, NotTraceable."""
    from dataclasses import replace

    selection = everything(seed)
    cells = plan(cases, replace(selection, prefix=identity))
    usual = {cell.id for cell in plan(cases, Selection(prefix=identity, seed=seed))}
    ordered = sorted(cells, key=lambda cell: cell.id not in usual)
    if not ordered:
        known = [cell.id for cell in plan(cases, selection)] + [case.id for case in cases]
        near = difflib.get_close_matches(identity, known, n=1, cutoff=0.4)
        raise NoSuchCell(
            f"there is no cell {identity!r}" + (f"; did you mean {near[0]}?" if near else "; see: gradharness list")
        )
    cell = ordered[0]
    return Found(cell=cell, task=task_of(cell, cases, seed), chosen=cell.id != identity)


def task_of(cell: Cell, cases: Sequence[Case], seed: int) -> Task:
    """Return the task of a planned cell."""
    case = next(case for case in cases if case.id == cell.case)
    point = next(point for point in case.points if point.label == cell.point)
    inputs = {
        path: round_to(x, cell.dtype) if case.inputs[path].kind == "real" else x
        for path, x in case.numbers(point, seed).items()
    }
    graph = case.graph()
    return Task(
        graph=graph,
        inputs=inputs | drawn(graph, cell.operator, seed),
        dtype=cell.dtype,
        variant=cell.variant,
        operator=cell.operator,
        native=case.spelt(cell.backend, cell.spelling),
    )
