"""The values of a graph's nodes in one number domain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.domains import structure
from harness.domains.absent import Mask
from harness.domains.domain import Choice, Domain, Flags, Literal, Value, literal_of
from harness.domains.precision import Precision
from harness.graph.node import Graph

Decisions = dict[int, NDArray[Any]]
"""What was decided at each decision node of a lowered graph, by node."""


@dataclass(slots=True, kw_only=True, eq=False)
class Evaluation:
    """The values of a graph's nodes in one domain; data of kind int, bool and weight are plain arrays."""

    graph: Graph
    domain: Domain
    precision: Precision
    inputs: Mapping[str, Any]
    decisions: Decisions
    values: dict[int, Value] = field(default_factory=dict)
    absent: dict[int, Mask] = field(default_factory=dict)
    """Which entries of an adjoint are absent; None where none is."""
    choices: dict[int, Choice] = field(default_factory=dict)
    """The decisions that were taken in this evaluation, with their margins."""

    def literal(self, position: int) -> Literal | None:
        """Return the literal that a node repeats, or None."""
        node = self.graph.nodes[position]
        while node.op in ("broadcast_to", "reshape"):
            node = self.graph.nodes[node.args[0]]
        return literal_of(node, self.precision) if node.op == "constant" else None

    def select(self, mask: Flags, a: Value, b: Value) -> Value:
        """Return a where `mask` holds, else b; the mask has no leading axis."""
        pairs = zip(self.domain.parts(a), self.domain.parts(b), strict=True)
        return self.domain.join([np.where(mask, p, q) for p, q in pairs])

    def blank(self, mask: Mask, value: Value) -> Value:
        """Return the value with exact zeros where `mask` holds."""
        return value if mask is None else self.select(mask, self.domain.exact(np.zeros(())), value)

    def move(self, op: str, value: Value, *others: NDArray[Any], **attrs: Any) -> Value:
        """Return the value with its data moved by a structural operation."""
        moved = (structure.MOVES[op](part, self.domain.lead, *others, **attrs) for part in self.domain.parts(value))
        return self.domain.join(list(moved))
