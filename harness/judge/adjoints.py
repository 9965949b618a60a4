"""Adjoints of a definition's variables: what a gradient written by hand may give beside its partials."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from msgspec.structs import replace

from harness.domains.ball import Ball
from harness.domains.bound import Bound
from harness.domains.evaluate import Decisions, evaluate
from harness.domains.precision import PRECISIONS
from harness.graph.derive import gradient, lower
from harness.graph.node import Graph
from harness.judge import messages, step_messages
from harness.judge.compare import Comparison, compare
from harness.judge.evidence import Evidence, Scene
from harness.judge.verdict import Verdict
from harness.measurement import Partial
from harness.statements import variables
from harness.truth.enclose import enclose
from harness.truth.enclosure import exact_zero
from harness.truth.tolerance import terms


class Incomparable(Exception):
    """An adjoint that came back and is none of the definition's; the message says why."""

    def __init__(self, verdict: Verdict, sentence: str) -> None:
        super().__init__(sentence)
        self.verdict = verdict


def watched(scene: Scene, adjoints: Mapping[str, Partial]) -> Graph:
    """Return the lowered graph, among whose params are also the variables of these names, the last computed first.

    Raises Incomparable.
    """
    low = lower(scene.graph)
    data = {path: k for path, k in low.inputs.items() if path not in low.params and low.nodes[k].kind == "real"}
    known = (variables(low, scene.definition) if adjoints else {}) | data
    for name, given in adjoints.items():
        if name not in known:
            raise Incomparable(Verdict.ERROR, step_messages.no_such_variable(name, [*low.params, *known]))
        if given.values.shape != (shape := low.nodes[known[name]].shape):
            raise Incomparable(Verdict.SHAPE, messages.shape(f"the adjoint of {name}", given.values.shape, shape))
    chosen = {name: known[name] for name in sorted(adjoints, key=lambda name: -known[name])}
    return replace(low, inputs=low.inputs | chosen, params=(*low.params, *chosen))


def decisions_of(evidence: Evidence, graph: Graph) -> Decisions:
    """Return the decisions that the truth took in the function; those of its derivative are counted otherwise here."""
    return {node: taken for node, taken in evidence.truth.decisions.items() if node < len(graph.nodes)}


def compared(evidence: Evidence, scene: Scene, graph: Graph) -> list[Comparison]:
    """Return a comparison of each watched variable's adjoint, from the output backward."""
    names = graph.params[len(scene.graph.params) :]
    derivative, precision = gradient(graph), PRECISIONS[evidence.dtype]
    nodes = {name: derivative.partials[name] for name in names}
    wanted = [node for node in nodes.values() if node is not None]
    low, ball, decisions = derivative.graph, Ball(evidence.truth.digits), decisions_of(evidence, graph)
    balls = evaluate(low, wanted, ball, scene.inputs, precision=precision, decisions=decisions)
    bounds = evaluate(low, wanted, Bound(precision), scene.inputs, precision=precision, decisions=decisions)
    found = []
    with ball.context():
        for name, node in nodes.items():
            given = evidence.measurement.adjoints[name]
            truth = exact_zero(given.values.shape) if node is None else enclose(balls.values[node])
            error = np.zeros(given.values.shape) if node is None else bounds.values[node].error
            found.append(compare(name, given, truth, terms(error, truth.nearest, precision)))
    return found
