"""The first wrong node of a user's gradient, told in the user's own variables and lines."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from itertools import islice

import numpy as np

from harness.graph.node import Graph
from harness.judge import messages, step_messages
from harness.judge.adjoints import Incomparable, compared, decisions_of, watched
from harness.judge.compare import Comparison
from harness.judge.edges import Fault, explain
from harness.judge.evidence import Evidence, Judgement, Scene
from harness.judge.names import Names
from harness.judge.step_messages import Step
from harness.judge.verdict import Class, Verdict
from harness.truth.origins import calls

GRADIENT = (Verdict.DISAGREE, Verdict.DEAD_LEAF, Verdict.DISCONNECTED)
"""The verdicts that say of a gradient that it is wrong, and not why."""
OTHERS = 10
"""Most faults that are looked at after the first, for one that lies elsewhere."""
ALIKE = re.compile("negated|scaled by .+")
"""The diagnoses that speak of every entry alike."""


def told(evidence: Evidence, judgement: Judgement) -> Judgement:
    """Return the judgement with the first wrong node of a user's gradient named, where there is one.

    Adjoints of variables that came back are judged as well: a wrong one fails.
    """
    scene = evidence.scene
    if scene is None or not (judgement.verdict in GRADIENT or judgement.verdict.cls is Class.PASS):
        return judgement
    passed, given = judgement.verdict.cls is Class.PASS, evidence.measurement.adjoints
    if passed and not given:
        return judgement
    try:
        graph = watched(scene, given)
    except Incomparable as why:
        return Judgement(verdict=why.verdict, reason=str(why))
    wrong = [one for one in compared(evidence, scene, graph) if one.wrong.any()]
    if passed and not wrong:
        return judgement
    names = Names(graph=graph, calls=tuple(calls(scene.graph)))
    return _named(judgement, wrong, names, _faults(evidence, scene, graph))


def _faults(evidence: Evidence, scene: Scene, graph: Graph) -> Iterator[Fault]:
    """Return the single faults that explain what came back; a partial that did not counts as 0."""
    came = {**evidence.measurement.partials, **evidence.measurement.adjoints}
    shapes = {path: graph.nodes[graph.inputs[path]].shape for path in graph.params}
    got = {path: np.zeros(shape) if (one := came[path]) is None else one.values for path, shape in shapes.items()}
    if any(got[path].shape != shape for path, shape in shapes.items()):
        return iter(())
    return explain(graph, scene.inputs, decisions_of(evidence, graph), evidence.dtype, got)


def _named(judgement: Judgement, wrong: list[Comparison], names: Names, faults: Iterator[Fault]) -> Judgement:
    """Return the judgement with its first wrong node: the adjoint that came back, and the fault that explains all."""
    passed = judgement.verdict.cls is Class.PASS
    said, short = [] if passed else [judgement.reason], judgement.diagnosis
    if wrong:
        line = names.line(names.graph.inputs[wrong[0].path])
        said.append(step_messages.wrong_adjoint(wrong[0], line))
        short = f"the adjoint of {wrong[0].path}"
    if fault := next(faults, None):
        step = _step(names, fault)
        said.append(step_messages.fault(step, _elsewhere(names, step, faults)))
        short = step_messages.short_fault(step)
    if _of_the_whole(judgement):
        short = judgement.diagnosis
    return dataclasses.replace(
        judgement,
        verdict=Verdict.DISAGREE if passed else judgement.verdict,
        reason=" ".join(said),
        diagnosis=short,
        leaves=(*judgement.leaves, *wrong),
    )


def _of_the_whole(judgement: Judgement) -> bool:
    """Return whether the whole gradient is negated, scaled, conjugated or exchanged: that says more than any node."""
    if judgement.diagnosis == messages.CONJUGATED or messages.is_exchange(judgement.diagnosis):
        return True
    alive = (leaf.wrong[leaf.judged & (leaf.truth != 0)] for leaf in judgement.leaves)
    return ALIKE.fullmatch(judgement.diagnosis) is not None and all(bool(wrong.all()) for wrong in alive)


def _elsewhere(names: Names, step: Step, faults: Iterator[Fault]) -> Step | None:
    """Return the step of another fault that explains the same: blame of one of several is no proof against it."""
    others = (_step(names, fault) for fault in islice(faults, OTHERS))
    return next((other for other in others if _apart(step, other)), None)


def _apart(one: Step, other: Step) -> bool:
    """Return whether two steps are to be looked for at different places: in one line, by names or in another way."""
    if one.line is None or one.line != other.line:
        return other._replace(how=one.how) != one
    if one.operation != other.operation and one.how != other.how:
        return True
    return one.operand != other.operand and all(step.operand.startswith("`") for step in (one, other))


def _step(names: Names, fault: Fault) -> Step:
    """Return a fault in the user's words."""
    position, *others = fault.nodes
    args = names.graph.nodes[position].args
    if not others:
        operand = "" if fault.operand is None else names.operand(position, args[fault.operand])
        operation, line = names.operation(position), names.line(position)
        return Step(operation=operation, operand=operand, line=line, how=fault.change.words)
    operand = "" if fault.operand is None or len(args) == 1 else f"operand {fault.operand + 1}"
    numbers = {line.line for node in fault.nodes if (line := names.line(node)) is not None}
    operation = names.shared(fault.nodes)
    return Step(operation=operation, operand=operand, line=None, how=fault.change.words, lines=tuple(sorted(numbers)))
