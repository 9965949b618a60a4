"""What a gradient, or an operator's result, could be at an exact tie, where each entry that ties may go its own way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import NDArray

from harness.domains.ball import lifted
from harness.domains.evaluate import Evaluation, evaluate
from harness.domains.precision import Array
from harness.domains.ties import COMPARISONS, OTHER, taken
from harness.graph.derive import Derivative
from harness.measurement import Leaves
from harness.truth.conventions import forward, partials_of, shape_of, undisturbed
from harness.truth.kinks import consumers, uses
from harness.truth.truth import Truth

_lower = np.frompyfunc(lambda ball: float(ball.lower()), 1, 1)
_upper = np.frompyfunc(lambda ball: float(ball.upper()), 1, 1)


CLOSE = 2.0**-40
"""By how much of the largest entry the ends of a range may differ that is a single number."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Range:
    """Bounds of each partial over all choices."""

    lower: dict[str, Array]
    upper: dict[str, Array]

    @property
    def steady(self) -> bool:
        """Whether every choice gives the same, but for the radii of the balls."""
        least, most = (np.concatenate([side[path].ravel() for path in self.lower]) for side in (self.lower, self.upper))
        return bool(np.all(most - least <= CLOSE * np.max(abs(least), initial=0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Asks for the range of the gradient over every choice at every tie: weights are balls over 0 … 1 or −1 … 1."""

    def answer(self, derivative: Derivative, inputs: Leaves, dtype: str, truth: Truth) -> Range | None:
        """Return None where a tie orders entries: an order is no number."""
        if any(tie.op == "argsort" for tie in truth.ties):
            return None
        base = undisturbed(derivative, inputs, dtype, truth)
        wanted = {path: node for path, node in derivative.partials.items() if node is not None}
        with base.domain.context():
            frozen = {k: base.values[k] for k in forward(derivative, base)} | weights(derivative, inputs, truth, base)
        run = evaluate(
            derivative.graph,
            tuple(wanted.values()),
            base.domain,
            inputs,
            precision=base.precision,
            decisions=dict(base.decisions),
            frozen=frozen,
        )
        found = {path: run.values[node] for path, node in wanted.items()}
        for path in derivative.partials:
            found.setdefault(path, lifted(np.zeros(shape_of(derivative, path))))
        with base.domain.context():
            return Range(
                lower={path: np.asarray(_lower(balls), dtype=np.float64) for path, balls in found.items()},
                upper={path: np.asarray(_upper(balls), dtype=np.float64) for path, balls in found.items()},
            )


def weights(derivative: Derivative, inputs: Leaves, truth: Truth, base: Evaluation) -> dict[int, NDArray[Any]]:
    """Return, by the node that a gate reads, its weights with balls where a tie decides.

    Two branches of a where have a weight each, and a ball knows nothing of their sum. So a comparison is left out where
    either branch gives the same.
    """
    users, found = consumers(derivative.graph), dict[int, NDArray[Any]]()
    for tie in truth.ties:
        if tie.op in COMPARISONS and not _matters(derivative, inputs, base, tie.node):
            continue
        choice = base.choices[tie.node]
        least = -1.0 if tie.op == "sign_weight" else 0.0
        for node, operand, flags in uses(base, users, tie.node, choice.tie | choice.open):
            if node.op == "gate":
                given = found.get(operand, lifted(np.asarray(base.values[operand], dtype=np.float64)))
                found[operand] = np.where(flags, _between(least), given)
    return found


def _matters(derivative: Derivative, inputs: Leaves, base: Evaluation, position: int) -> bool:
    """Return whether the other branch of a comparison has another gradient."""
    node, choice = derivative.graph.nodes[position], base.choices[position]
    other = base.decisions | {position: taken(node, choice, OTHER, base.values[node.args[0]])}
    first, second = (
        partials_of(derivative, inputs, base, table, forward(derivative, base)) for table in (base.decisions, other)
    )
    return any(not np.array_equal(first[path].nearest, second[path].nearest) for path in first)


def _between(least: float) -> Any:
    """Return a ball over least … 1."""
    return arb(least).union(arb(1))
