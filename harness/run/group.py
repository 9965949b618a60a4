"""An operator of a case at one point in one dtype: what is asked for, and what each cell is judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from harness.backends.conventions import choices
from harness.declare import Case, DeclarationError
from harness.domains.precision import round_to
from harness.graph.directions import drawn
from harness.graph.node import Graph
from harness.graph.ranges import index_problem
from harness.judge import Evidence, Scene, seconded
from harness.measurement import Failure, Leaves, Measurement, Task, Trouble
from harness.points import Point, PointError
from harness.run.ideals import exact_point
from harness.run.lab import Established, Exact, Lab, Pending
from harness.run.plan import Cell
from harness.run.records import Num
from harness.run.recourse import Recourse
from harness.spelling import DEFINITION


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """An operator of a case at one point in one dtype, under way."""

    case: Case
    graph: Graph
    cells: tuple[Cell, ...]
    inputs: Leaves
    """The point, and the directions of the operator."""
    seed: int
    """Of the points that are drawn."""
    exact: Exact | None
    established: Pending[Established]
    measured: tuple[Pending[Measurement], ...]


def start(lab: Lab, case: Case, graph: Graph, cells: tuple[Cell, ...], seed: int) -> Group | Failure:
    """Return the group with its work asked for, or why its point cannot be used."""
    first = cells[0]
    point = next(point for point in case.points if point.label == first.point)
    exact = numbers_at(case, graph, point, seed)
    if isinstance(exact, Failure):
        return exact
    try:
        fractions = exact_point(case, point, seed) if first.operator == "grad" else None
    except PointError as error:
        return Failure(trouble=Trouble.ERROR, sentence=str(error))
    inputs = _rounded(case, exact, first.dtype) | drawn(graph, first.operator, seed)
    return Group(
        case=case,
        graph=graph,
        cells=cells,
        inputs=inputs,
        seed=seed,
        exact=fractions,
        established=lab.establish(graph, inputs, first.dtype, fractions, first.operator),
        measured=tuple(lab.measure(cell.backend, task_at(case, graph, inputs, cell)) for cell in cells),
    )


def _rounded(case: Case, exact: Leaves, dtype: str) -> Leaves:
    return {path: round_to(x, dtype) if case.inputs[path].kind == "real" else x for path, x in exact.items()}


def _other_points(group: Group) -> list[Leaves]:
    """Return the inputs at the case's other points, in the group's dtype and along its directions."""
    first = group.cells[0]
    directions = drawn(group.graph, first.operator, group.seed)
    others = [point for point in group.case.points if point.label != first.point]
    found = (numbers_at(group.case, group.graph, point, group.seed) for point in others)
    return [_rounded(group.case, one, first.dtype) | directions for one in found if not isinstance(one, Failure)]


def task_at(case: Case, graph: Graph, inputs: Leaves, cell: Cell) -> Task:
    return Task(
        graph=graph,
        inputs=inputs,
        dtype=cell.dtype,
        variant=cell.variant,
        operator=cell.operator,
        native=case.spelt(cell.backend, cell.spelling),
    )


def numbers_at(case: Case, graph: Graph, point: Point, seed: int) -> Leaves | Failure:
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


def evidences(
    group: Group,
    established: Established,
    measured: list[Measurement],
    lab: Lab,
    conventions: Mapping[str, Mapping[str, tuple[Num, ...]]],
) -> list[Evidence]:
    """Return what each cell of the group is judged by; `conventions` are a run's header's."""
    first = group.cells[0]
    recourse = Recourse(
        lab=lab,
        graph=group.graph,
        inputs=group.inputs,
        dtype=first.dtype,
        truth=established.truth,
        operator=first.operator,
    )
    sizes = {n for leaf in group.inputs.values() for n in leaf.shape}
    return [
        Evidence(
            measurement=measurement,
            truth=established.truth,
            tolerance=established.tolerance,
            dtype=cell.dtype,
            sizes=tuple(sorted(sizes)),
            scene=None if cell.spelling == DEFINITION or cell.operator != "grad" else _scene(group),
            backend=cell.backend,
            operator=cell.operator,
            recourse=recourse,
            ops=_ops(group, cell),
            own=choices(conventions.get(cell.backend, {})),
            elsewhere=partial(_other_points, group),
        )
        for cell, measurement in zip(group.cells, measured, strict=True)
    ]


def _ops(group: Group, cell: Cell) -> frozenset[str]:
    return frozenset(node.op for node in group.graph.nodes) if cell.spelling == DEFINITION else frozenset()


def _scene(group: Group) -> Scene:
    return Scene(graph=group.graph, inputs=group.inputs, definition=group.case.place)
