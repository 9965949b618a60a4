"""Finding the case, point and task that a cell id stands for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from harness.backends import BACKENDS, describe
from harness.declare import Case
from harness.domains.precision import PRECISIONS, round_to
from harness.graph.directions import drawn
from harness.graph.node import Graph
from harness.measurement import Failure, Task
from harness.run.hints import listing, nearest
from harness.run.lab import Lab
from harness.run.plan import OPERATORS, Cell, Selection, plan
from harness.xp import NotTraceable

Tracer = Callable[[Case], Graph]
"""Returns a case's graph. Raises NotTraceable."""


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


def traced_by(lab: Lab) -> Tracer:
    """Return what has a lab trace each case once: in a worker, whatever the function does costs its case alone."""

    @cache
    def asked(case: Case) -> Graph | Failure:
        return lab.trace(case).result()

    def traced(case: Case) -> Graph:
        graph = asked(case)
        if isinstance(graph, Failure):
            raise NotTraceable(graph.sentence)
        return graph

    return traced


def find(identity: str, cases: Sequence[Case], seed: int = 0, traced: Tracer = Case.graph) -> Found:
    """Return the first cell whose id is `identity` or lies below it. Raises NoSuchCell, NotTraceable."""
    selection = everything(seed)
    cells = plan(cases, replace(selection, prefix=identity))
    usual = {cell.id for cell in plan(cases, Selection(prefix=identity, seed=seed))}
    ordered = sorted(cells, key=lambda cell: cell.id not in usual)
    if not ordered:
        near = nearest(identity, (cell.id for cell in plan(cases, selection)))
        raise NoSuchCell(
            f"there is no cell {identity!r}; " + (f"did you mean {near}?" if near else f"see: {listing(cases)}")
        )
    cell = ordered[0]
    return Found(cell=cell, task=task_of(cell, cases, seed, traced), chosen=cell.id != identity)


def task_of(cell: Cell, cases: Sequence[Case], seed: int, traced: Tracer = Case.graph) -> Task:
    """Return the task of a planned cell. Raises NotTraceable."""
    case = next(case for case in cases if case.id == cell.case)
    point = next(point for point in case.points if point.label == cell.point)
    inputs = {
        path: round_to(x, cell.dtype) if case.inputs[path].kind == "real" else x
        for path, x in case.numbers(point, seed).items()
    }
    graph = traced(case)
    return Task(
        graph=graph,
        inputs=inputs | drawn(graph, cell.operator, seed),
        dtype=cell.dtype,
        variant=cell.variant,
        operator=cell.operator,
        native=case.spelt(cell.backend, cell.spelling),
    )
