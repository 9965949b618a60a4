"""The first wrong node of a user's gradient, told in the user's own variables and lines."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
from msgspec.structs import replace

from harness.domains.ball import Ball
from harness.domains.bound import Bound
from harness.domains.evaluate import Decisions, evaluate
from harness.domains.precision import PRECISIONS
from harness.graph.derive import gradient, lower
from harness.graph.node import Graph
from harness.judge import messages
from harness.judge.compare import Comparison, compare
from harness.judge.edges import Fault, explain
from harness.judge.evidence import Evidence, Judgement, Scene
from harness.judge.messages import Step
from harness.judge.verdict import Class, Verdict
from harness.measurement import Partial
from harness.statements import Statement, statement, variables
from harness.truth.enclose import enclose
from harness.truth.enclosure import exact_zero
from harness.truth.tolerance import terms

GRADIENT = (Verdict.DISAGREE, Verdict.DEAD_LEAF, Verdict.DISCONNECTED)
"""The verdicts that say of a gradient that it is wrong, and not why."""
SPREADING = ("broadcast_to", "reshape")
"""Operations that a user does not write: they belong to the one that asked for them."""


def told(evidence: Evidence, judgement: Judgement) -> Judgement:
    """Return the judgement with the first wrong node of a user's gradient named, where there is one.

    Adjoints of variables that came back are judged as well: a wrong one fails.
    """
    scene = evidence.scene
    if scene is None or not (judgement.verdict in GRADIENT or judgement.verdict.cls is Class.PASS):
        return judgement
    try:
        watched = _watched(scene, evidence.measurement.adjoints)
        adjoints = _adjoints(evidence, scene, watched)
    except _NoSuch as why:
        return Judgement(verdict=why.verdict, reason=str(why))
    wrong = [one for one in adjoints if one.wrong.any()]
    if judgement.verdict.cls is Class.PASS and not wrong:
        return judgement
    return _named(judgement, wrong, watched, _fault(evidence, scene, watched))


class _NoSuch(Exception):
    """An adjoint that came back and cannot be compared; the message says why."""

    def __init__(self, verdict: Verdict, sentence: str) -> None:
        super().__init__(sentence)
        self.verdict = verdict


def _watched(scene: Scene, adjoints: Mapping[str, Partial]) -> Graph:
    """Return the lowered graph, whose params are also the variables that adjoints came back for, the last first."""
    low = lower(scene.graph)
    data = {path: k for path, k in low.inputs.items() if path not in low.params and low.nodes[k].kind == "real"}
    known = variables(low, scene.definition) | data
    for name in adjoints:
        if name not in known:
            raise _NoSuch(Verdict.ERROR, messages.no_such_variable(name, [*low.params, *known]))
    chosen = {name: known[name] for name in sorted(adjoints, key=lambda name: -known[name])}
    return replace(low, inputs=low.inputs | chosen, params=(*low.params, *chosen))


# --------------------------------------------------------------------------- adjoints that came back


def _adjoints(evidence: Evidence, scene: Scene, watched: Graph) -> list[Comparison]:
    """Return a comparison of each adjoint of a variable, from the output backward."""
    names = watched.params[len(scene.graph.params) :]
    derivative, precision = gradient(watched), PRECISIONS[evidence.dtype]
    nodes = {name: derivative.partials[name] for name in names}
    wanted = [node for node in nodes.values() if node is not None]
    ball, decisions = Ball(evidence.truth.digits), _decisions(evidence, watched)
    graph, inputs = derivative.graph, scene.inputs
    balls = evaluate(graph, wanted, ball, inputs, precision=precision, decisions=decisions)
    bounds = evaluate(graph, wanted, Bound(precision), inputs, precision=precision, decisions=decisions)
    found = []
    with ball.context():
        for name, node in nodes.items():
            given = evidence.measurement.adjoints[name]
            shape = watched.nodes[watched.inputs[name]].shape
            if given.values.shape != shape:
                raise _NoSuch(Verdict.SHAPE, messages.shape(f"the adjoint of {name}", given.values.shape, shape))
            truth = exact_zero(shape) if node is None else enclose(balls.values[node])
            error = np.zeros(shape) if node is None else bounds.values[node].error
            found.append(compare(name, given, truth, terms(error, truth.nearest, precision)))
    return found


def _decisions(evidence: Evidence, watched: Graph) -> Decisions:
    """Return the decisions that the truth took in the function; those of its derivative are counted otherwise."""
    return {node: taken for node, taken in evidence.truth.decisions.items() if node < len(watched.nodes)}


# --------------------------------------------------------------------------- the sentence


def _fault(evidence: Evidence, scene: Scene, watched: Graph) -> Fault | None:
    """Return the single fault that explains what came back; a partial that did not counts as 0."""
    measured = evidence.measurement
    came = {**measured.partials, **measured.adjoints}
    shapes = {path: watched.nodes[watched.inputs[path]].shape for path in watched.params}
    got = {path: np.zeros(shape) if (one := came[path]) is None else one.values for path, shape in shapes.items()}
    if any(got[path].shape != shape for path, shape in shapes.items()):
        return None
    return explain(watched, scene.inputs, _decisions(evidence, watched), evidence.dtype, got)


def _named(judgement: Judgement, wrong: list[Comparison], watched: Graph, fault: Fault | None) -> Judgement:
    """Return the judgement with its first wrong node: the adjoint that came back, and the fault that explains all."""
    passed = judgement.verdict.cls is Class.PASS
    said, short = [] if passed else [judgement.reason], judgement.diagnosis
    if wrong:
        line = statement(watched.nodes[watched.inputs[wrong[0].path]].where)
        said.append(messages.wrong_adjoint(wrong[0], line))
        short = f"the adjoint of {wrong[0].path}"
    if fault:
        step = _step(watched, fault)
        said.append(messages.fault(step))
        short = messages.short_fault(step)
    return dataclasses.replace(
        judgement,
        verdict=Verdict.DISAGREE if passed else judgement.verdict,
        reason=" ".join(said),
        diagnosis=short,
        leaves=(*judgement.leaves, *wrong),
    )


def _step(graph: Graph, fault: Fault) -> Step:
    """Return a fault in the user's words."""
    node = graph.nodes[fault.node]
    line = statement(node.where)
    operand = _operand(graph, node.args[fault.operand], line)
    return Step(operation=_operation(graph, fault.node), operand=operand, line=line, how=fault.change.words)


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
