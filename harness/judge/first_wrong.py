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
from harness.judge.edges import SPREADING, Fault, explain
from harness.judge.evidence import Evidence, Judgement, Scene
from harness.judge.step_messages import Step
from harness.judge.verdict import Class, Verdict
from harness.statements import Statement, statement

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
    return judgement if passed and not wrong else _named(judgement, wrong, graph, _faults(evidence, scene, graph))


def _faults(evidence: Evidence, scene: Scene, graph: Graph) -> Iterator[Fault]:
    """Return the single faults that explain what came back; a partial that did not counts as 0."""
    came = {**evidence.measurement.partials, **evidence.measurement.adjoints}
    shapes = {path: graph.nodes[graph.inputs[path]].shape for path in graph.params}
    got = {path: np.zeros(shape) if (one := came[path]) is None else one.values for path, shape in shapes.items()}
    if any(got[path].shape != shape for path, shape in shapes.items()):
        return iter(())
    return explain(graph, scene.inputs, decisions_of(evidence, graph), evidence.dtype, got)


def _named(judgement: Judgement, wrong: list[Comparison], graph: Graph, faults: Iterator[Fault]) -> Judgement:
    """Return the judgement with its first wrong node: the adjoint that came back, and the fault that explains all."""
    passed = judgement.verdict.cls is Class.PASS
    said, short = [] if passed else [judgement.reason], judgement.diagnosis
    if wrong:
        line = statement(graph.nodes[graph.inputs[wrong[0].path]].where)
        said.append(step_messages.wrong_adjoint(wrong[0], line))
        short = f"the adjoint of {wrong[0].path}"
    if fault := next(faults, None):
        step = _step(graph, fault)
        said.append(step_messages.fault(step, _elsewhere(graph, step, faults)))
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


def _elsewhere(graph: Graph, step: Step, faults: Iterator[Fault]) -> Step | None:
    """Return the step of another fault that explains the same: blame of one of several is no proof against it."""
    others = (_step(graph, fault) for fault in islice(faults, OTHERS))
    return next((other for other in others if _apart(step, other)), None)


def _apart(one: Step, other: Step) -> bool:
    """Return whether two steps are to be looked for at different places: in one line, at operands that have names."""
    if one.line is None or one.line != other.line:
        return other._replace(how=one.how) != one
    return one.operand != other.operand and all(step.operand.startswith("`") for step in (one, other))


def _step(graph: Graph, fault: Fault) -> Step:
    """Return a fault in the user's words."""
    position, *others = fault.nodes
    lines = [statement(graph.nodes[one].where) for one in fault.nodes]
    args, operation = graph.nodes[position].args, _operation(graph, position)
    if not others:
        operand = "" if fault.operand is None else _operand(graph, args[fault.operand], lines[0])
        return Step(operation=operation, operand=operand, line=lines[0], how=fault.change.words)
    operand = "" if fault.operand is None or len(args) == 1 else f"operand {fault.operand + 1}"
    numbers = tuple(sorted({line.line for line in lines if line is not None}))
    return Step(operation=operation, operand=operand, line=None, how=fault.change.words, lines=numbers)


def _operand(graph: Graph, position: int, line: Statement | None) -> str:
    """Return what the user calls a node that a statement reads: input, variable, or an operation of its own."""
    while graph.nodes[position].op in SPREADING:
        (position, *_) = graph.nodes[position].args
    node = graph.nodes[position]
    if node.op == "input":
        return f"`{node.attrs['path']}`"
    made = statement(node.where)
    return f"`{made.target}`" if made is not None and made.target and made != line else f"the {node.op}"


def _operation(graph: Graph, position: int) -> str:
    """Return the operation that a node belongs to: a broadcast is its user's."""
    users = (k for k in range(position, len(graph.nodes)) if position in graph.nodes[k].args)
    while graph.nodes[position].op in SPREADING and (user := next(users, None)) is not None:
        return _operation(graph, user)
    return graph.nodes[position].op
