"""Ports without a definition at one point in one dtype: no truth is established, they are compared with one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.backends import BY_HAND
from harness.backends.blackbox import Blackbox
from harness.declare import Case
from harness.domains.precision import round_to
from harness.graph.node import Graph
from harness.judge.evidence import Judgement
from harness.judge.held import second_sentence
from harness.judge.panel import Panel
from harness.judge.port import Port
from harness.measurement import Failure, Leaves, Measurement, Partial, Task, Trouble
from harness.run.group import Group, numbers_at, task_at
from harness.run.lab import Lab, Pending
from harness.run.plan import Cell
from harness.spelling import DEFINITION

STATUS = (
    "no definition, so no truth: the ports are compared with one another and with central differences of their own "
    "values, at error bars that are estimated"
)
"""What stands in the place of a truth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """An operator of ports at one point in one dtype, under way."""

    case: Case
    cells: tuple[Cell, ...]
    inputs: Leaves
    tasks: tuple[Task, ...]
    measured: tuple[Pending[Measurement], ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Heard:
    """Ports that have answered, each with its verdict."""

    measurements: list[Measurement]
    judgements: list[Judgement]
    panel: Panel

    def planted(self, at: int) -> Judgement:
        """Return the verdict on a port whose gradient is negated: what a panel is worth."""
        port = self.panel.ports[at]
        partials = {path: None if one is None else _negated(one) for path, one in port.measurement.partials.items()}
        wrong = replace(port, measurement=replace(port.measurement, partials=partials))
        ports = [wrong if k == at else other for k, other in enumerate(self.panel.ports)]
        return Panel(ports=ports, shapes=self.panel.shapes, dtype=self.panel.dtype).judgements()[at]


def _negated(partial: Partial) -> Partial:
    return replace(partial, values=-partial.values)


def start(lab: Lab, case: Case, graph: Graph, cells: tuple[Cell, ...], seed: int) -> Ports | Failure:
    """Return the ports with their work asked for, or why there is nothing to compare."""
    first = cells[0]
    if first.operator != "grad":
        return Failure(
            trouble=Trouble.UNSUPPORTED,
            sentence=f"{case.id} has ports and no definition: their gradients are compared, {first.operator} is not.",
        )
    point = next(point for point in case.points if point.label == first.point)
    exact = numbers_at(case, graph, point, seed)
    if isinstance(exact, Failure):
        return exact
    inputs = {path: round_to(x, first.dtype) if case.inputs[path].kind == "real" else x for path, x in exact.items()}
    tasks = tuple(task_at(case, graph, inputs, cell) for cell in cells)
    return Ports(
        case=case,
        cells=cells,
        inputs=inputs,
        tasks=tasks,
        measured=tuple(lab.measure(cell.backend, task) for cell, task in zip(cells, tasks, strict=True)),
    )


def heard(lab: Lab, ports: Ports) -> Heard:
    """Return what the ports said, and the verdict on each."""
    measurements = [pending.result() for pending in ports.measured]
    boxes = _probed(lab, ports, measurements)
    panel = Panel(
        ports=[
            Port(name=name, framework=cell.backend, measurement=measurement, box=box)
            for name, cell, measurement, box in zip(_names(ports.cells), ports.cells, measurements, boxes, strict=True)
        ],
        shapes={path: np.shape(ports.inputs[path]) for path in ports.case.params},
        dtype=ports.cells[0].dtype,
    )
    return Heard(measurements=measurements, judgements=panel.judgements(), panel=panel)


def _probed(lab: Lab, ports: Ports, measurements: Sequence[Measurement]) -> list[Blackbox | Failure]:
    """Return what could be found out of each port; one that gave no gradient is not asked again."""
    work = zip(ports.cells, ports.tasks, measurements, strict=True)
    pending = [one.failure or lab.probe(cell.backend, task) for cell, task, one in work]
    return [one if isinstance(one, Failure) else one.result() for one in pending]


def _names(cells: Sequence[Cell]) -> list[str]:
    """Return the shortest names that tell the ports apart: torch, torch/loss, torch/loss/func."""
    names = [cell.backend for cell in cells]
    for longer in ("spelling", "variant"):
        names = [
            f"{name}/{getattr(cell, longer)}" if names.count(name) > 1 else name
            for name, cell in zip(names, cells, strict=True)
        ]
    return names


def by_own_values(lab: Lab, group: Group, cell: Cell, judgement: Judgement, measurement: Measurement) -> Judgement:
    """Return the verdict on a native; a failing one with what central differences of its own values say of it."""
    if cell.spelling == DEFINITION or cell.operator != "grad" or cell.backend in BY_HAND:
        return judgement

    def ask() -> Blackbox | None:
        found = lab.probe(cell.backend, task_at(group.case, group.graph, group.inputs, cell)).result()
        return None if isinstance(found, Failure) else found

    return second_sentence(judgement, measurement, ask)
