"""The first operation of a failing cell that differs: each is run alone in the framework, at its own exact inputs.

A wrong value is searched forward; a wrong derivative backward, from the output.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace

import numpy as np

from harness.backends import BACKENDS, describe
from harness.graph.node import Graph
from harness.graph.surface import spoken
from harness.graph.unit import operations
from harness.judge import Evidence, Judgement, Verdict
from harness.measurement import Failure
from harness.run.alone import SEARCHED, STRANGE, Alone
from harness.run.first_op import OF_VALUE, Fault, record, sentence, speaks
from harness.run.group import Group
from harness.run.lab import Lab
from harness.run.plan import Cell
from harness.run.records import FirstOp
from harness.spelling import DEFINITION
from harness.told import told
from harness.truth.intermediates import Intermediates, Known

OPERATIONS, SECONDS = 60, 10.0
"""Most operations that are run alone for one case, backend, variant, operator and dtype, and the time for them."""

RUN_SECONDS = 120.0
"""Time for all searches of a run."""

LARGEST = 200_000
"""Numbers that a graph may hold: beyond, its exact intermediates cost more than they tell."""

Key = tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class _Purse:
    """What is left to one case on one backend."""

    operations: int = OPERATIONS
    seconds: float = SECONDS
    hint: int | None = None
    """The operation that an earlier point of the case blamed."""


@dataclass(slots=True, kw_only=True)
class Locator:
    """The searches of one run."""

    lab: Lab
    seconds: float = RUN_SECONDS
    purses: dict[Key, _Purse] = field(default_factory=dict)
    known: tuple[object, Known] | None = None
    """The intermediates that were asked for last, and whose they are."""

    def located(
        self, group: Group, cell: Cell, judgement: Judgement, evidence: Evidence
    ) -> tuple[Judgement, FirstOp | None]:
        """Return the judgement with the first differing operation in its reason, and that operation where one is found.

        Of a cell that does not fail, nothing is run; but where there is no derivative and what came back is no number,
        its sentence names the operation that gives none.
        """
        if not _to_search(judgement.verdict, evidence) or cell.spelling != DEFINITION or cell.backend not in BACKENDS:
            return judgement, None
        if not speaks(cell.backend):
            return judgement, None
        blamed = judgement.verdict in SEARCHED  # what is only named takes nothing from the purse of the others
        key = (cell.case, cell.backend, cell.variant, cell.operator, cell.dtype, "blamed" if blamed else "named")
        started, purse = time.perf_counter(), self.purses.setdefault(key, _Purse())
        try:
            said, found = _search(self, group, cell, judgement, evidence, purse)
        except Exception as error:  # a search that fails takes no verdict with it
            said, found = f"The first differing operation could not be searched: {told(error)}", None
        spent = time.perf_counter() - started
        self.seconds -= spent
        purse.seconds -= spent
        added = said if blamed or found is not None else ""
        return replace(judgement, reason=f"{judgement.reason} {added}".rstrip()), found if blamed else None


def _to_search(verdict: Verdict, evidence: Evidence) -> bool:
    """Return whether an operation can be to blame, or at least be named."""
    if verdict in SEARCHED:
        return True
    given = [partial for partial in evidence.measurement.partials.values() if partial is not None]
    return verdict in STRANGE and any(not np.isfinite(partial.values).all() for partial in given)


def _search(
    locator: Locator, group: Group, cell: Cell, judgement: Judgement, evidence: Evidence, purse: _Purse
) -> tuple[str, FirstOp | None]:
    graph = spoken(group.graph, describe(cell.backend).book)
    if sum(math.prod(graph.nodes[k].shape) for k in graph.needed()) > LARGEST:
        return "The graph is too large to run its operations one by one.", None
    known = _known(locator, group, graph, cell)
    if known is None:
        return "", None
    alone = Alone(
        lab=locator.lab,
        group=group,
        cell=cell,
        evidence=evidence,
        graph=graph,
        known=known,
        written=operations(graph, describe(cell.backend).book),
        verdict=judgement.verdict,
        forward=_of_value(judgement, evidence),
    )
    found = _first(alone, purse, min(purse.seconds, locator.seconds))
    if found.fault is None:
        return _nothing(found, len(alone.written)), None
    purse.hint = found.fault.unit.position
    fault = alone.smaller(found.fault)
    first = record(fault, cell.backend)
    return sentence(fault, first.words), first


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Found:
    """How a search ended."""

    fault: Fault | None
    looked: int
    """Operations that were run."""
    whole: bool
    """These were all."""


def _of_value(judgement: Judgement, evidence: Evidence) -> bool:
    """Return whether the value of the function is wrong already, or no number."""
    if judgement.value is not None:
        return bool(judgement.value.wrong.any())
    value = evidence.measurement.value
    return judgement.verdict in STRANGE and value is not None and not bool(np.isfinite(value.values).all())


def _first(alone: Alone, purse: _Purse, seconds: float) -> _Found:
    """Return the first fault; forward, the first whose value differs, else the one nearest to the output.

    An operator that gives no values has faults of its own kind alone.
    """
    started, looked, last = time.perf_counter(), 0, None
    ordered = sorted(alone.written, reverse=not alone.forward)
    for position in sorted(ordered, key=lambda k: k != purse.hint):
        one = alone.unit(position)
        if one is None:
            continue
        if purse.operations <= 0 or time.perf_counter() - started > seconds:
            return _Found(fault=last, looked=looked, whole=False)
        purse.operations, looked = purse.operations - 1, looked + 1
        fault = alone.fault(one)
        if fault is not None and _ends(fault, alone.forward):
            return _Found(fault=fault, looked=looked, whole=False)
        last = fault or last
    return _Found(fault=last, looked=looked, whole=True)


def _ends(fault: Fault, forward: bool) -> bool:
    """Return whether a search ends at a fault.

    Backward, a value that is no number may be one that nothing depends on: a derivative that is none is looked for.
    """
    if forward or fault.stray is not None:
        return fault.of_value == forward or fault.task.operator not in OF_VALUE
    return True


def _nothing(found: _Found, number: int) -> str:
    if found.whole:
        return f"Run alone at its own exact inputs, none of the {found.looked} operations differs."
    return f"Of {number} operations {found.looked} were run alone, and none differs: the search ends at its budget."


def _known(locator: Locator, group: Group, graph: Graph, cell: Cell) -> Known | None:
    """Return the exact intermediates of the graph, asked once for a group and backend."""
    owner = (id(group), cell.backend)
    if locator.known is None or locator.known[0] != owner:
        truth = group.established.result().truth
        answer = locator.lab.reconsider(graph, group.inputs, cell.dtype, truth, Intermediates()).result()
        if isinstance(answer, Failure):
            return None
        locator.known = owner, answer
    return locator.known[1]
