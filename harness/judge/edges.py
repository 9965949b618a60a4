"""Edges of a backward pass: the one that, done wrong, explains a whole wrong gradient, or the one rule.

An edge is an operand of an operation, where an adjoint is multiplied by one local derivative. Each edge is given three
weights: of what it passes on (1), of the adjoint passed on without a local derivative (0), and of the local derivative
passed on without the adjoint (0). One gradient of ⟨v, gradient⟩ with respect to all weights, at random v, tells what
every change of an edge would do; what fits is then computed in full. Where no edge explains it, a rule may be wrong
that is used at several places: what its changes would do together no slope tells, and each is computed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice, product
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


SPREADING = ("broadcast_to", "reshape")
"""Operations that a user does not write: they belong to the one that asked for them."""


PLAIN = ("add", "subtract", "negative")
"""Operations whose rules nobody writes by hand; what they forget is what the next one back would, the likelier one."""


EVERYWHERE = (*PLAIN, *SPREADING, "multiply", "divide", "sum", "index", "take", "concat", "permute_dims")
"""Operations that stand at many places and are nobody's rule: together they explain too much."""


class Change(NamedTuple):
    """A way to do an edge wrong: the weights of its contribution, of the bare adjoint and of the lone derivative."""

    part: float
    bare: float
    words: str
    alone: float = 0

    @property
    def weights(self) -> dict[str, float]:
        """Return the weights by their names."""
        return {"part": self.part, "bare": self.bare, "alone": self.alone}

    @property
    def needs(self) -> str:
        """Return the weight without which an edge cannot be changed so."""
        return "bare" if self.bare else "alone" if self.alone else "part"


CHANGES = (
    Change(0, 0, "is missing"),
    Change(0, 1, "lacks its local derivative"),
    Change(-1, 0, "has the wrong sign"),
    Change(2, 0, "counts twice"),
    Change(0.5, 0, "counts half"),
    Change(0, 0, "forgets the adjoint that it is given", alone=1),
)
"""The likeliest first: at one point several may explain the same difference.

A forgotten adjoint is last: where that is a simple number, as 1/n below a mean, it is a factor as well.
"""


class Fault(NamedTuple):
    """One edge done wrong, or all edges of one operation; by a rule that is used again, at each place."""

    nodes: tuple[int, ...]
    """The operation, in the lowered graph; of several alike the last first."""
    operand: int | None
    """Which of its operands; None: all, as where one rule answers for them."""
    change: Change


def explain(
    graph: Graph, inputs: Leaves, decisions: Decisions, dtype: str, got: Mapping[str, Array]
) -> Iterator[Fault]:
    """Yield the single faults that give what came back for every param: the likeliest first, then going backward.

    `graph` is lowered; there is none where no single fault explains the whole difference within rounding; then the
    faults of one rule at several places are looked at. Each is computed when it is asked for.
    """
    if len(graph.needed()) > LARGEST or not all(np.isfinite(array).all() for array in got.values()):
        return
    trial = _Trial(graph=graph, inputs=inputs, decisions=decisions, dtype=dtype, got=got).fit()
    if trial.explains(None):
        return
    found = False
    for fault in islice(trial.candidates(), TRIED):
        if trial.explains(fault):
            found = True
            yield fault
    if not found and any(array.any() for array in got.values()):  # zeros would be explained by any rule
        together = [*filter(trial.explains, islice(trial.faults(trial.alike()), TRIED))]
        if len({fault.nodes for fault in together}) == 1:
            yield from together


# --------------------------------------------------------------------------- weights


def _weighed(rule: Rule, kinds: Collection[str]) -> Rule:
    """Return the reverse rule with weights of these kinds on each of its edges, inputs named after the edge."""

    def vjp(g: Ref, y: Ref, *args: Ref, **attrs: object) -> tuple[Ref | None, ...]:
        parts = rule(g, y, *args, **attrs)
        forgettable = "alone" in kinds and _forgettable(g, y)
        lone = rule(_ones(g), y, *args, **attrs) if forgettable else (None,) * len(parts)
        found: list[Ref | None] = []
        for k, part in enumerate(parts):
            bare = g if "bare" in kinds and part is not None and g.shape == part.shape else None
            terms = {"part": part, "bare": bare, "alone": lone[k]}
            found.append(None if part is None else _sum_of(terms, y.id, k))
        return tuple(found)

    return vjp


def _forgettable(g: Ref, y: Ref) -> bool:
    """Return whether it changes anything to forget the adjoint, at an operation whose rule somebody may write."""
    return b.literal(g) != 1 and y.node.op not in SPREADING


def _ones(g: Ref) -> Ref:
    return b.broadcast_to(g.builder.constant(1), g.shape)


def _sum_of(terms: Mapping[str, Ref | None], node: int, operand: int) -> Ref:
    """Return the sum of what an edge may pass on, each with its weight."""
    first, *more = (x * x.builder.input(_name(node, operand, what), ()) for what, x in terms.items() if x is not None)
    return sum(more, first)


def _name(node: int, operand: int, what: str = "part") -> str:
    return f"{what} of edge {node} {operand}"


def _rules(*kinds: str) -> dict[str, Primitive]:
    weighed = {op: replace(row, vjp=_weighed(row.vjp, kinds)) for op, row in PRIMITIVES.items() if row.vjp}
    return PRIMITIVES | weighed


RULES, SAFE = _rules("part", "bare", "alone"), _rules("part")
"""The rules with all weights, and those that leave adjoints absent: none flows out of a branch that was not selected,
where a local derivative may be infinite, and the other weights would let one in."""


# --------------------------------------------------------------------------- trials


@dataclass(kw_only=True, eq=False)
class _Trial:
    """A gradient whose edges carry weights, beside what came back."""

    graph: Graph
    inputs: Leaves
    decisions: Decisions
    dtype: str
    got: Mapping[str, Array]
    rules: Mapping[str, Primitive] = field(default_factory=lambda: RULES)

    def fit(self) -> _Trial:
        """Return the trial with those weights at which its gradient is finite."""
        finite = all(np.isfinite(one.value).all() and np.isfinite(one.error).all() for one in self.right.values())
        return self if finite else replace(self, rules=SAFE)

    @cached_property
    def weighted(self) -> Derivative:
        return gradient(self.graph, dict(self.rules))

    @cached_property
    def weights(self) -> tuple[str, ...]:
        return tuple(path for path in self.weighted.graph.inputs if path not in self.graph.inputs)

    @cached_property
    def probes(self) -> dict[str, Array]:
        draw = np.random.default_rng(0)
        return {path: draw.uniform(0.5, 1, array.shape) for path, array in self.got.items()}

    def explains(self, fault: Fault | None) -> bool:
        """Return whether the gradient with this fault, or without one, is what came back."""
        found = self.right if fault is None else self.partials(fault)
        return all(bool(np.all(abs(self.got[path] - one.value) <= self.allowed(one))) for path, one in found.items())

    @cached_property
    def right(self) -> dict[str, Bounded]:
        return self.partials()

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
            for node, operand, what, weight in self.changed(fault):
                weights[_name(node, operand, what)] = np.asarray(weight)
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
        """Yield the faults of one operation that would change ⟨probe, gradient⟩ as much as it is off."""
        right = self.right.items()
        off = sum(float(np.sum(self.probes[path] * (self.got[path] - one.value))) for path, one in right)
        slack = sum(float(np.sum(self.probes[path] * self.allowed(one))) for path, one in right)
        slopes = self.slopes()
        for fault in self.faults((node,) for node in reversed(range(len(self.graph.nodes)))):
            moved, doubt = self.moved(fault, slopes)
            if abs(moved - off) <= 2 * (slack + doubt):
                yield fault

    def moved(self, fault: Fault, slopes: Mapping[str, Bounded]) -> tuple[float, float]:
        """Return what a fault changes, and how far that may be wrong: the edges of one operation lie side by side."""
        moved = doubt = 0.0
        for node, operand, what, weight in self.changed(fault):
            change, slope = weight - (what == "part"), slopes.get(_name(node, operand, what))
            if change and slope is not None:
                with np.errstate(invalid="ignore"):  # what is not finite fits nothing
                    moved += change * float(slope.value)
                    doubt += abs(change) * float(slope.error)
        return moved, doubt

    def alike(self) -> list[tuple[int, ...]]:
        """Return the operations that stand at several places, where one rule of a user's may answer for all."""
        places: dict[tuple[str, int], list[int]] = {}
        for position in reversed(range(len(self.graph.nodes))):
            node = self.graph.nodes[position]
            if node.op not in EVERYWHERE and any(self.has(position, k) for k in range(len(node.args))):
                places.setdefault((node.op, len(node.args)), []).append(position)
        return [tuple(nodes) for nodes in places.values() if len(nodes) > 1]

    def faults(self, places: Iterable[tuple[int, ...]]) -> Iterator[Fault]:
        """Yield every change of the edges that have its weights; an adjoint is forgotten by one edge, or by all."""
        going_back = [*places]
        plain_last = sorted(going_back, key=lambda nodes: self.graph.nodes[nodes[0]].op in PLAIN)
        tried = ((change, nodes) for change in CHANGES for nodes in (plain_last if change.alone else going_back))
        for change, nodes in tried:
            every = range(len(self.graph.nodes[nodes[0]].args))
            able = [k for k in every if all(self.has(node, k, change.needs) for node in nodes)]
            if change.alone and len(able) > 1:
                yield Fault(nodes, None, change)
            yield from (Fault(nodes, operand, change) for operand in able)

    def changed(self, fault: Fault) -> Iterator[tuple[int, int, str, float]]:
        """Yield node, operand, kind and number of each weight that a fault sets."""
        every = range(len(self.graph.nodes[fault.nodes[0]].args)) if fault.operand is None else (fault.operand,)
        for node, operand, (what, weight) in product(fault.nodes, every, fault.change.weights.items()):
            if self.has(node, operand, what):
                yield node, operand, what, weight

    def has(self, node: int, operand: int, what: str = "part") -> bool:
        """Return whether an edge has this weight."""
        return _name(node, operand, what) in self.weighted.graph.inputs
