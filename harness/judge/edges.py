"""Edges of a backward pass: the single one that, done wrong, explains a whole wrong gradient.

An edge is an operand of an operation, where an adjoint is multiplied by one local derivative. Each edge is given two
weights: of what it passes on (1), and of the adjoint passed on without a local derivative (0). One gradient of
⟨v, gradient⟩ with respect to all weights, at random v, tells what every change of an edge would do; what fits is then
computed in full.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import NamedTuple

import msgspec
import numpy as np

from harness.domains.bound import Bound, Bounded
from harness.domains.evaluate import Decisions, evaluate
from harness.domains.precision import PRECISIONS
from harness.graph import build as b
from harness.graph.build import Ref
from harness.graph.derive import Derivative, gradient
from harness.graph.node import Graph
from harness.graph.registry import PRIMITIVES, Primitive, Rule
from harness.measurement import Array, Leaves

LARGEST = 500
"""Nodes of a function up to which its edges are tried."""
TRIED = 100
"""Most changes that are computed in full: in a large dtype's noise many may seem to fit."""


class Change(NamedTuple):
    """A way to do an edge wrong: the weights of its contribution and of the bare adjoint."""

    part: float
    bare: float
    words: str


CHANGES = (
    Change(0, 0, "is missing"),
    Change(0, 1, "lacks its local derivative"),
    Change(-1, 0, "has the wrong sign"),
    Change(2, 0, "counts twice"),
    Change(0.5, 0, "counts half"),
)
"""The likeliest first: at one point several may explain the same difference."""


class Fault(NamedTuple):
    """One edge done wrong."""

    node: int
    """The operation, in the lowered graph."""
    operand: int
    """Which of its operands."""
    change: Change


def explain(graph: Graph, inputs: Leaves, decisions: Decisions, dtype: str, got: Mapping[str, Array]) -> Fault | None:
    """Return the likeliest fault, of those the first going backward, that gives what came back for every param.

    `graph` is lowered; None where no single fault explains the whole difference within rounding.
    """
    if len(graph.needed()) > LARGEST or not all(np.isfinite(array).all() for array in got.values()):
        return None
    trial = _Trial(graph=graph, inputs=inputs, decisions=decisions, dtype=dtype, got=got)
    if trial.explains(None):
        return None
    fitting = (fault for fault, _ in zip(trial.candidates(), range(TRIED), strict=False))
    return next((fault for fault in fitting if trial.explains(fault)), None)


# --------------------------------------------------------------------------- weights


def _weighed(rule: Rule) -> Rule:
    """Return the reverse rule with two weights on each of its edges, inputs named after the edge."""

    def vjp(g: Ref, y: Ref, *args: Ref, **attrs: object) -> tuple[Ref | None, ...]:
        parts = enumerate(rule(g, y, *args, **attrs))
        return tuple(None if part is None else _with_weights(part, g, y.id, k) for k, part in parts)

    return vjp


def _with_weights(part: Ref, g: Ref, node: int, operand: int) -> Ref:
    weighed = part * part.builder.input(_name(node, operand), ())
    return weighed if g.shape != part.shape else weighed + g * part.builder.input(_name(node, operand, "bare"), ())


def _name(node: int, operand: int, what: str = "part") -> str:
    return f"{what} of edge {node} {operand}"


RULES: dict[str, Primitive] = {
    op: row if row.vjp is None else replace(row, vjp=_weighed(row.vjp)) for op, row in PRIMITIVES.items()
}


# --------------------------------------------------------------------------- trials


@dataclass(kw_only=True, eq=False)
class _Trial:
    """A gradient whose edges carry weights, beside what came back."""

    graph: Graph
    inputs: Leaves
    decisions: Decisions
    dtype: str
    got: Mapping[str, Array]

    @cached_property
    def weighted(self) -> Derivative:
        return gradient(self.graph, RULES)

    @cached_property
    def weights(self) -> tuple[str, ...]:
        return tuple(path for path in self.weighted.graph.inputs if path not in self.graph.inputs)

    @cached_property
    def probes(self) -> dict[str, Array]:
        draw = np.random.default_rng(0)
        return {path: draw.uniform(0.5, 1, array.shape) for path, array in self.got.items()}

    def explains(self, fault: Fault | None) -> bool:
        """Return whether the gradient with this fault, or without one, is what came back."""
        found = self.partials(fault)
        return all(bool(np.all(abs(self.got[path] - one.value) <= self.allowed(one))) for path, one in found.items())

    def partials(self, fault: Fault | None = None) -> dict[str, Bounded]:
        """Return the gradient with a fault, with the bounds of its rounding errors."""
        nodes = {path: node for path, node in self.weighted.partials.items() if node is not None}
        values = self.evaluated(self.weighted.graph, list(nodes.values()), fault)
        nothing = {path: np.zeros(array.shape) for path, array in self.got.items()}
        found = {path: values[node] for path, node in nodes.items()}
        return {path: found.get(path, Bounded(zero, zero)) for path, zero in nothing.items()}

    def allowed(self, one: Bounded) -> Array:
        """Return how far a computed gradient may lie from one of these values: both have their rounding errors."""
        precision = PRECISIONS[self.dtype]
        return np.asarray(2 * one.error + precision.unit * abs(one.value) + precision.least)

    def evaluated(self, graph: Graph, nodes: list[int], fault: Fault | None = None) -> dict[int, Bounded]:
        weights = {path: np.asarray(float(path.startswith("part"))) for path in self.weights}
        if fault is not None:
            weights[_name(fault.node, fault.operand)] = np.asarray(fault.change.part)
            weights[_name(fault.node, fault.operand, "bare")] = np.asarray(fault.change.bare)
        probes = {f"probe of {path}": probe for path, probe in self.probes.items()}
        precision, decisions = PRECISIONS[self.dtype], dict(self.decisions)
        inputs = {**self.inputs, **weights, **probes}
        run = evaluate(graph, nodes, Bound(precision), inputs, precision=precision, decisions=decisions)
        return {node: run.values[node] for node in nodes}

    def slopes(self) -> dict[str, Bounded]:
        """Return the derivative of ⟨probe, gradient⟩ with respect to every weight."""
        builder, slope = b.thaw(self.weighted.graph, tidy=True), None
        for path, node in self.weighted.partials.items():
            if node is not None:
                probed = builder.input(f"probe of {path}", builder.nodes[node].shape) * builder.at(node)
                term = b.total(probed, range(probed.ndim))
                slope = term if slope is None else slope + term
        if slope is None:
            return {}
        projected = builder.freeze(slope)
        found = gradient(msgspec.structs.replace(projected, params=self.weights))
        nodes = {path: node for path, node in found.partials.items() if node is not None}
        values = self.evaluated(found.graph, list(nodes.values()))
        return {path: values[node] for path, node in nodes.items()}

    def candidates(self) -> Iterator[Fault]:
        """Yield the faults that would change ⟨probe, gradient⟩ as much as it is off."""
        right = self.partials()
        off = sum(float(np.sum(self.probes[path] * (self.got[path] - one.value))) for path, one in right.items())
        slack = sum(float(np.sum(self.probes[path] * self.allowed(one))) for path, one in right.items())
        slopes, nothing = self.slopes(), Bounded(np.asarray(0.0), np.asarray(0.0))
        for change, (node, operand) in product(CHANGES, self.edges()):
            part = slopes.get(_name(node, operand), nothing)
            bare = slopes.get(_name(node, operand, "bare"), nothing)
            with np.errstate(invalid="ignore"):  # what is not finite fits nothing
                moved = (change.part - 1) * part.value + change.bare * bare.value
                doubt = slack + abs(change.part - 1) * part.error + change.bare * bare.error
            if abs(moved - off) <= 2 * doubt:
                yield Fault(node, operand, change)

    def edges(self) -> Iterator[tuple[int, int]]:
        """Yield node and operand of every edge, from the output backward."""
        for node in reversed(range(len(self.graph.nodes))):
            for operand in range(len(self.graph.nodes[node].args)):
                if _name(node, operand) in self.weights:
                    yield node, operand
