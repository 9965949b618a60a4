"""Asking a lab once more about a group's truth, each question once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar

from harness.graph.node import Graph
from harness.measurement import Failure, Leaves
from harness.run.lab import Lab
from harness.truth import Question, Truth

T = TypeVar("T")


@dataclass(slots=True, kw_only=True, eq=False)
class Recourse:
    """The answers of one group so far."""

    lab: Lab
    graph: Graph
    inputs: Leaves
    dtype: str
    truth: Truth
    operator: str = "grad"
    _known: dict[Question[Any], Any] = field(default_factory=dict)

    def __call__(self, question: Question[T]) -> T | None:
        if question not in self._known:
            answer = self.lab.reconsider(
                self.graph, self.inputs, self.dtype, self.truth, question, self.operator
            ).result()
            self._known[question] = None if isinstance(answer, Failure) else answer
        found: T | None = self._known[question]
        return found
