"""One operation run alone in its framework, at the exact inputs that it has in a failing cell, and judged."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from harness.backends import describe
from harness.domains.precision import round_to
from harness.graph.directions import drawn
from harness.graph.node import Graph, Node
from harness.graph.surface import spoken
from harness.graph.unit import Unit, operations, scalar, unit
from harness.judge import Evidence, Judgement, Verdict, judge
from harness.judge.messages import worst_of
from harness.measurement import Leaves, Measurement, Task
from harness.run.first_op import Fault, Stray
from harness.run.group import Group
from harness.run.lab import Lab
from harness.run.plan import Cell
from harness.run.records import FirstOp
from harness.run.recourse import Recourse
from harness.truth.intermediates import Known, intermediates

SEARCHED = frozenset(
    {
        Verdict.DISAGREE,
        Verdict.VALUE_MISMATCH,
        Verdict.NONFINITE,
        Verdict.DEAD_LEAF,
        Verdict.DISCONNECTED,
        Verdict.SHAPE,
        Verdict.DTYPE,
    }
)
"""The verdicts that an operation can be to blame for."""

STRANGE = frozenset({Verdict.NONFINITE, Verdict.UNDEFINED})
"""The verdicts on answers that an operation may have spoiled where nothing says what it should have given: a slope that
is infinite, which meets a 0 further on."""


def inputs_of(one: Unit, known: Known, point: Leaves, dtype: str) -> Leaves:
    """Return the exact inputs of an operation, rounded to the dtype; the cotangent is the operation's adjoint."""
    value, adjoint = known[one.position]
    real = {path: round_to(known[k][0], dtype) for path, k in one.sources.items() if k in known}
    data = {path: point[path] for path, k in one.sources.items() if k not in known}
    return real | data | {one.cotangent: round_to(np.ones(value.shape) if adjoint is None else adjoint, dtype)}


def inputs_again(task: Task, cell: Cell, first: FirstOp, seed: int) -> Leaves:
    """Return the inputs that the operation of a record had, whole."""
    book = describe(cell.backend).book
    graph = spoken(task.graph, book)
    one = unit(graph, first.node, operations(graph, book)[first.node])
    assert one is not None, "it was run alone before"
    known = intermediates(graph, task.inputs, task.dtype)
    return inputs_of(one, known, task.inputs, task.dtype) | drawn(one.graph, cell.operator, seed)


def task_of(one: Unit, inputs: Leaves, cell: Cell, seed: int) -> Task:
    """Return the task of an operation alone, by the cell's operator and variant."""
    return Task(
        graph=one.graph,
        inputs=inputs | drawn(one.graph, cell.operator, seed),
        dtype=cell.dtype,
        variant=cell.variant,
        operator=cell.operator,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Alone:
    """The operations of one failing cell, each to be run alone."""

    lab: Lab
    group: Group
    cell: Cell
    evidence: Evidence
    """Of the cell: what its operations are judged by beside truth and tolerance of their own."""
    graph: Graph
    """As the framework writes it."""
    known: Known
    written: dict[int, Node]
    verdict: Verdict
    """Of the cell."""
    forward: bool
    """A value is looked for; else a derivative."""

    def unit(self, position: int) -> Unit | None:
        """Return an operation as a unit; None where it has no real operands, or one that the truth does not know."""
        one = unit(self.graph, position, self.written[position])
        there = self.known.keys() | self.graph.inputs.values()
        return one if one is not None and there >= set(one.sources.values()) else None

    def fault(self, one: Unit) -> Fault | None:
        """Return how an operation is wrong; None where it is right, or where nothing can be told."""
        return self._fault(one, inputs_of(one, self.known, self.group.inputs, self.cell.dtype))

    def smaller(self, fault: Fault) -> Fault:
        """Return the fault of the worst entry alone, where it is one; else as it is."""
        one, at = scalar(fault.unit), fault.at
        if one is None or at is None or fault.part not in one.graph.params:
            return fault
        found = self._fault(one, {path: np.asarray(fault.task.inputs[path][at]) for path in one.graph.inputs})
        same = found is not None and (found.of_value, found.stray is None) == (fault.of_value, fault.stray is None)
        return replace(found, entry=at) if found is not None and same else fault

    def _fault(self, one: Unit, inputs: Leaves) -> Fault | None:
        if not all(np.isfinite(leaf).all() for leaf in inputs.values()):
            return None
        task = task_of(one, inputs, self.cell, self.group.seed)
        if self.verdict not in SEARCHED:
            return self._stray(one, task, self.lab.measure(self.cell.backend, task).result())
        evidence = self._evidence(task)
        judgement = judge(evidence)
        if judgement.verdict not in SEARCHED:
            return self._stray(one, task, evidence.measurement)
        wrong = [leaf for leaf in judgement.leaves if leaf.wrong.any()]
        values = [leaf for leaf in wrong if leaf.path == one.cotangent]
        comparison = worst_of(values or wrong) if wrong else None
        return Fault(unit=one, task=task, judgement=judgement, comparison=comparison)

    def _stray(self, one: Unit, task: Task, measurement: Measurement) -> Fault | None:
        """Return the fault of an operation that gives no number in a cell that holds none."""
        if self.verdict not in STRANGE:
            return None
        given = {path: partial.values for path, partial in measurement.partials.items() if partial is not None}
        for path, values in sorted(given.items(), key=lambda part: (part[0] == one.cotangent) != self.forward):
            for at in np.argwhere(~np.isfinite(values)).tolist():
                stray = Stray(path=path, index=tuple(at), got=float(values[tuple(at)]))
                judgement = Judgement(verdict=Verdict.NONFINITE, reason="")
                return Fault(unit=one, task=task, judgement=judgement, comparison=None, stray=stray)
        return None

    def _evidence(self, task: Task) -> Evidence:
        """Return what the operation is judged by: its partials; the sum that makes a number of it is ours."""
        pending = self.lab.measure(self.cell.backend, task)
        established = self.lab.establish(task.graph, task.inputs, task.dtype, None, task.operator).result()
        recourse = Recourse(
            lab=self.lab,
            graph=task.graph,
            inputs=task.inputs,
            dtype=task.dtype,
            truth=established.truth,
            operator=task.operator,
        )
        return replace(
            self.evidence,
            measurement=replace(pending.result(), claims_value=False),
            truth=established.truth,
            tolerance=established.tolerance,
            sizes=(),
            slopes=None,
            elsewhere=tuple,
            recourse=recourse,
        )
