"""A case at one point in one dtype: what is asked for, and what each of its cells is judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from harness.declare import Case, DeclarationError
from harness.domains.precision import round_to
from harness.graph.node import Graph
from harness.graph.ranges import index_problem
from harness.judge import Evidence, Scene, seconded
from harness.measurement import Failure, Leaves, Measurement, Task, Trouble
from harness.points import Point, PointError
from harness.run.ideals import exact_point
from harness.run.lab import Established, Exact, Lab, Pending
from harness.run.plan import Cell
from harness.run.recourse import Recourse
from harness.spelling import DEFINITION


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A case at one point in one dtype, under way."""

    case: Case
    graph: Graph
    cells: tuple[Cell, ...]
    inputs: Leaves
    exact: Exact | None
    established: Pending[Established]
    measured: tuple[Pending[Measurement], ...]


def start(lab: Lab, case: Case, graph: Graph, cells: tuple[Cell, ...], seed: int) -> Group | Failure:
    """Return the group with its work asked for, or why its point cannot be used."""
    first = cells[0]
    point = next(point for point in case.points if point.label == first.point)
    exact = _numbers(case, graph, point, seed)
    if isinstance(exact, Failure):
        return exact
    fractions = exact_point(case, point, seed)
    inputs = {path: round_to(x, first.dtype) if case.inputs[path].kind == "real" else x for path, x in exact.items()}
    return Group(
        case=case,
        graph=graph,
        cells=cells,
        inputs=inputs,
        exact=fractions,
        established=lab.establish(graph, inputs, first.dtype, fractions),
        measured=tuple(lab.measure(cell.backend, _task(case, graph, inputs, cell)) for cell in cells),
    )


def _task(case: Case, graph: Graph, inputs: Leaves, cell: Cell) -> Task:
    return Task(
        graph=graph,
        inputs=inputs,
        dtype=cell.dtype,
        variant=cell.variant,
        operator=cell.operator,
        native=case.spelt(cell.backend, cell.spelling),
    )


def _numbers(case: Case, graph: Graph, point: Point, seed: int) -> Leaves | Failure:
    """Return the point's numbers; a failure where they do not fit the case."""
    try:
        exact = case.numbers(point, seed)
    except (DeclarationError, PointError) as error:
        return Failure(trouble=Trouble.ERROR, sentence=str(error))
    problem = index_problem(graph, exact)
    return Failure(trouble=Trouble.ERROR, sentence=problem) if problem else exact


def of_definition(group: Group, measured: list[Measurement]) -> dict[str, Measurement]:
    """Return by backend what it said of the definition, its first variant."""
    found: dict[str, Measurement] = {}
    for cell, measurement in zip(group.cells, measured, strict=True):
        if cell.spelling == DEFINITION:
            found.setdefault(cell.backend, measurement)
    return found


def with_opinion(established: Established, by_backend: Mapping[str, Measurement]) -> Established:
    """Return the truth with what the independent derivation says of its value."""
    opinion = by_backend.get("sympy")
    return established if opinion is None else replace(established, truth=seconded(established.truth, opinion))


def evidences(group: Group, established: Established, measured: list[Measurement], lab: Lab) -> list[Evidence]:
    """Return what each cell of the group is judged by."""
    recourse = Recourse(
        lab=lab, graph=group.graph, inputs=group.inputs, dtype=group.cells[0].dtype, truth=established.truth
    )
    sizes = {n for leaf in group.inputs.values() for n in leaf.shape}
    return [
        Evidence(
            measurement=measurement,
            truth=established.truth,
            tolerance=established.tolerance,
            dtype=cell.dtype,
            sizes=tuple(sorted(sizes)),
            scene=None if cell.spelling == DEFINITION else _scene(group),
            backend=cell.backend,
            recourse=recourse,
        )
        for cell, measurement in zip(group.cells, measured, strict=True)
    ]


def _scene(group: Group) -> Scene:
    return Scene(graph=group.graph, inputs=group.inputs, definition=group.case.place)
