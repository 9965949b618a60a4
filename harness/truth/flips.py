"""The gradient with a decision within rounding taken the other way, as an engine may have taken it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.domains import ties
from harness.domains.bound import Bound
from harness.domains.domain import Choice
from harness.domains.evaluate import Decisions, Evaluation, evaluate
from harness.domains.precision import PRECISIONS
from harness.graph.derive import Derivative
from harness.graph.node import Node
from harness.measurement import Leaves
from harness.truth.conventions import Candidate, Taken, decided, partials_of, tolerance_of, undisturbed
from harness.truth.kinks import Tie, within_rounding
from harness.truth.origins import origins
from harness.truth.truth import Truth

MOST = 8
"""Decisions that are flipped, the nearest to their thresholds first."""

Index = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Flipped:
    """The gradient with decisions taken the other way."""

    ties: tuple[Tie, ...]
    """The nodes that decided."""
    count: int
    """How many decisions were flipped."""
    candidate: Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class Flips:
    """Asks for the gradients with ambiguous decisions flipped, singly and together; ties go by the convention given."""

    own: Taken = ()

    def answer(self, derivative: Derivative, inputs: Leaves, dtype: str, truth: Truth) -> tuple[Flipped, ...] | None:
        """Return None for an operator whose results are no gradient."""
        if derivative.function is None:
            return None
        base = undisturbed(derivative, inputs, dtype, truth)
        start, precision, graph = decided(derivative, truth, base, self.own), PRECISIONS[dtype], derivative.graph
        bounds = evaluate(graph, graph.outputs, Bound(precision), inputs, precision=precision, decisions=dict(start))
        nearest = sorted(_ambiguous(base, bounds, truth), key=lambda one: one.margin)[:MOST]
        alone = [(one,) for one in nearest]
        together = [tuple(nearest[:k]) for k in range(len(nearest), 1, -1)]
        trial = _Trial(derivative, inputs, dtype, truth, base, start, self.own)
        return tuple(trial.flipped(flips, tied) for flips in (*alone, *together) for tied in (False, True))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flip:
    """One entry of a decision that could go the other way."""

    tie: Tie
    at: Index
    margin: float


def _ambiguous(base: Evaluation, bounds: Evaluation, truth: Truth) -> Iterator[_Flip]:
    for tie in truth.near:
        node, choice = base.graph.nodes[tie.node], base.choices[tie.node]
        flags = within_rounding(node, choice, bounds)
        if node.op == "max_weight":
            flags = flags & (choice.taken == 0)  # a flip lets a rival win
        for at in np.argwhere(flags):
            place = tuple(int(k) for k in at)
            yield _Flip(tie=tie, at=place, margin=float(choice.margin[place]))


class _Trial:
    """The gradient, to be run with some decisions changed."""

    def __init__(
        self,
        derivative: Derivative,
        inputs: Leaves,
        dtype: str,
        truth: Truth,
        base: Evaluation,
        start: Decisions,
        own: Taken,
    ) -> None:
        self.derivative, self.inputs, self.dtype, self.truth = derivative, inputs, dtype, truth
        self.base, self.start, self.own, self.names = base, start, dict(own), origins(derivative)

    def flipped(self, flips: tuple[_Flip, ...], tied: bool) -> Flipped:
        """Return the gradient with the decisions flipped, or taken as if they had come out as ties."""
        table = dict(self.start)
        for flip in flips:
            k = flip.tie.node
            node, choice = self.derivative.graph.nodes[k], self.base.choices[k]
            table[k] = self._as_tie(flip, table[k]) if tied else turned(node, table[k], choice, flip.at)
        partials = partials_of(self.derivative, self.inputs, self.base, table, ())
        allowed = tolerance_of(self.derivative, self.inputs, self.dtype, self.truth, partials, table)
        return Flipped(
            ties=tuple(dict.fromkeys(flip.tie for flip in flips)),
            count=len(flips),
            candidate=Candidate(taken=(), partials=partials, tolerance=allowed),
        )

    def _as_tie(self, flip: _Flip, taken: NDArray[Any]) -> NDArray[Any]:
        """Return the decision with one entry as a tie, by the convention of its call."""
        k = flip.tie.node
        node, choice = self.derivative.graph.nodes[k], self.base.choices[k]
        options = ties.OPTIONS[node.op]
        known = self.own.get(self.names[k], "")
        flags = np.zeros(choice.taken.shape, dtype=bool)
        flags[flip.at] = True
        if node.op == "max_weight":
            line = tuple(slice(None) if j in node.attrs["axes"] else n for j, n in enumerate(flip.at))
            flags[line] |= choice.taken[line] == 1
        if node.op == "argsort" or node.op in ties.COMPARISONS:
            return taken  # a tie of these is one of the two orders or branches
        assumed = Choice(taken=taken, margin=choice.margin, tie=flags, open=np.zeros_like(flags))
        return ties.taken(node, assumed, known if known in options else options[0], self.base.values[node.args[0]])


def turned(node: Node, taken: NDArray[Any], choice: Choice, at: Index) -> NDArray[Any]:
    """Return the decision with one entry taken the other way."""
    turned = taken.copy()
    if node.op == "max_weight":
        line = tuple(slice(None) if k in node.attrs["axes"] else n for k, n in enumerate(at))
        turned[line] = 0
        turned[at] = 1
    elif node.op == "argsort":
        other = _neighbour(choice, at, node.attrs["axis"])
        turned[at], turned[other] = taken[other], taken[at]
    else:
        turned[at] = -taken[at] if node.op == "sign_weight" else 1 - taken[at] if node.op == "step" else ~taken[at]
    return turned


def _neighbour(choice: Choice, at: Index, axis: int) -> Index:
    """Return the sorted position beside, to which the margin is less: both positions of a pair have its margin."""
    places = [(*at[:axis], at[axis] + step, *at[axis + 1 :]) for step in (1, -1)]
    inside = [place for place in places if 0 <= place[axis] < choice.margin.shape[axis]]
    return min(inside, key=lambda place: abs(float(choice.margin[place]) - float(choice.margin[at])))
