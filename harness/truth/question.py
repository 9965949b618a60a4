"""What may be looked at once more before a backend is blamed."""

from __future__ import annotations

from typing import Protocol, TypeVar

from harness.graph.derive import Derivative
from harness.measurement import Leaves
from harness.truth.truth import Truth

T = TypeVar("T", covariant=True)


class Question(Protocol[T]):
    """A question about an established truth: plain data, since it is answered in another process."""

    def answer(self, derivative: Derivative, inputs: Leaves, dtype: str, truth: Truth) -> T:
        """Return the answer at the inputs of the truth."""
