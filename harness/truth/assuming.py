"""Questions about the tolerance: what it is under other assumptions than the usual.

Each answers with the tolerance and the worst case that it is the smaller part of; None where there is nothing else to
assume.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.domains.bound import Bound
from harness.domains.evaluate import evaluate
from harness.domains.precision import PRECISIONS, Precision
from harness.graph.derive import Derivative, lower
from harness.graph.node import Graph
from harness.graph.own_rules import operator_by
from harness.measurement import Leaves
from harness.truth.establish import rounding_of
from harness.truth.sampling import SEED
from harness.truth.tolerance import Tolerance, tolerance, worst_case
from harness.truth.truth import Truth

MORE_SAMPLES = 256
"""Samples of a second look: σ is then known to a twentieth."""

OTHER_SEED = SEED + 10**6
"""None of its samples is one of the first look's."""

Own = tuple[tuple[str, str], ...]
"""Operation and name of the reverse rule that one framework has (graph/own_rules.py)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Allowed:
    """A tolerance, and the worst case of which it is never more."""

    tolerance: Tolerance
    worst: Tolerance
    rules: Own = ()
    """The rules of one framework that it rests on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByRules:
    """What is allowed to a framework that goes backward by rules of its own."""

    rules: Own

    def answer(self, derivative: Derivative, inputs: Leaves, dtype: str, truth: Truth) -> Allowed | None:
        rules = applying(derivative, self.rules)
        return by_rules(derivative, inputs, dtype, truth, rules) if rules else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resampled:
    """What is allowed after more samples with another seed; `rules` as in ByRules, none: the neutral ones."""

    rules: Own = ()

    def answer(self, derivative: Derivative, inputs: Leaves, dtype: str, truth: Truth) -> Allowed:
        rules = applying(derivative, self.rules)
        return by_rules(derivative, inputs, dtype, truth, rules, samples=MORE_SAMPLES, seed=OTHER_SEED)


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfSums:
    """The worst case of sums that accumulate in the half dtype itself; None for a wider dtype."""

    def answer(self, derivative: Derivative, inputs: Leaves, dtype: str, truth: Truth) -> Tolerance | None:
        precision = PRECISIONS[dtype]
        if not precision.half:
            return None
        return worst_case(bounded(derivative, inputs, replace(precision, half_sums=True), truth), precision)


def applying(derivative: Derivative, rules: Own) -> Own:
    """Return the rules of operations that occur in the function."""
    _, function = _asked(derivative)
    ops = set() if function is None else {node.op for node in function.nodes}
    return tuple(rule for rule in rules if rule[0] in ops)


def by_rules(derivative: Derivative, inputs: Leaves, dtype: str, truth: Truth, rules: Own, **sampling: int) -> Allowed:
    """Return tolerance and worst case by these rules."""
    operator, function = _asked(derivative)
    if rules and function is not None:
        known = len(lower(function).nodes)
        derivative = operator_by(operator, function, dict(rules))
        taken = {node: choice for node, choice in truth.decisions.items() if node < known}
        truth = bounded(derivative, inputs, PRECISIONS[dtype], replace(truth, decisions=taken))
    found = tolerance(derivative, inputs, dtype, truth, **sampling)
    return Allowed(tolerance=found, worst=worst_case(truth, PRECISIONS[dtype]), rules=rules)


def _asked(derivative: Derivative) -> tuple[str, Graph | None]:
    """Return the operator, and the function as it was written."""
    return derivative.asked or ("grad", derivative.function)


def bounded(derivative: Derivative, inputs: Leaves, precision: Precision, truth: Truth) -> Truth:
    """Return the truth with the worst-case rounding of another derivation, or of another precision."""
    graph, decisions = derivative.graph, dict(truth.decisions)
    run = evaluate(graph, graph.outputs, Bound(precision), inputs, precision=precision, decisions=decisions)
    return replace(truth, rounding=rounding_of(derivative, run), decisions=decisions)
