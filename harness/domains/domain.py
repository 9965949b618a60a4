"""What a number domain must give, so that the one evaluator can run any graph in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from harness.domains.precision import Precision, round_to
from harness.graph.node import Attrs, Node

Value = Any
"""An array of a domain's numbers; each domain has its own type."""
Parts = tuple[NDArray[Any], ...]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    """A number that stands in the user's text or in a rule."""

    given: int | float | str
    """As typed; a string names one of `primitives.CONSTANTS`."""
    rounded: int | float | str
    """As the dtype holds it; a count and a named constant are not rounded."""
    count: bool
    """The N of a mean: exact whatever the dtype."""
    held: bool
    """The dtype holds the number as given."""

    @property
    def power_of_two(self) -> float | None:
        """Return the number where multiplying and dividing by it are exact: ±2^k, with 2^-k in range as well."""
        if isinstance(self.rounded, str):
            return None
        fraction, exponent = np.frexp(float(self.rounded))
        return float(self.rounded) if abs(fraction) == 0.5 and abs(exponent) < 1000 else None


def literal_of(node: Node, precision: Precision) -> Literal:
    """Return the literal that a `constant` node holds in a cell of `precision`."""
    given, count = node.attrs["value"], bool(node.attrs.get("exact"))
    if isinstance(given, str):
        return Literal(given=given, rounded=given, count=False, held=given.endswith("inf"))
    nearest = round_to(np.asarray(float(given)), precision.name).item()
    return Literal(given=given, rounded=given if count else nearest, count=count, held=nearest == given)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choice:
    """A decision as it was taken, and how clear it was, per entry of the decision's result."""

    taken: NDArray[Any]
    margin: NDArray[np.float64]
    """Distance to the point where it would change; 0 where it cannot be told from a tie."""
    tie: Flags
    """The operands are exactly equal."""
    open: Flags
    """Undecided at this precision, taken as a tie."""


class Undecided(Exception):
    """A domain that replays decisions met one that the table does not hold."""


class Unevaluated(Exception):
    """An operation that the evaluator or a domain has no rule for."""


class Domain(Protocol):
    """Arithmetic, functions, sums and products on one kind of number; the rest is written once."""

    lead: int
    """How many axes of a part stand before the node's own (1 where samples run side by side)."""

    def context(self) -> AbstractContextManager[Any]:
        """Return the surroundings that the arithmetic needs; they are undone on leaving, also by an exception."""

    def parts(self, value: Value) -> Parts:
        """Return the arrays that a value is made of."""

    def join(self, parts: Sequence[Any]) -> Value:
        """Return the value made of these arrays."""

    def exact(self, numbers: NDArray[Any]) -> Value:
        """Return numbers that are held exactly; a value of this domain is passed on."""

    def literal(self, literal: Literal) -> Value:
        """Return a literal as a 0-d value."""

    def add(self, a: Value, b: Value) -> Value: ...
    def subtract(self, a: Value, b: Value) -> Value: ...
    def multiply(self, a: Value, b: Value) -> Value: ...
    def negative(self, a: Value) -> Value: ...

    def divide(self, a: Value, b: Value, *, roundings: float) -> Value:
        """Return a/b, which some framework computes with that many roundings."""

    def scale(self, a: Value, factor: float) -> Value:
        """Return a times ±2^k."""

    def function(self, op: str, args: Sequence[Value], attrs: Mapping[str, Any]) -> Value:
        """Return function primitive `op` of the arguments."""

    def disturb(self, a: Value) -> Value:
        """Return matrices as a library's elimination may take them: with a backward error."""

    def sum(self, a: Value, axes: tuple[int, ...], keepdims: bool) -> Value: ...

    def matmul(self, a: Value, b: Value) -> Value: ...

    def scatter_add(self, a: Value, landing: NDArray[np.intp], shape: tuple[int, ...]) -> Value:
        """Return zeros of `shape` with each entry of a added at the flat position that `landing` names."""

    def dropped(self, a: Value) -> Value:
        """Return the zeros that a decision puts in place of a, with what rounding may leave of them."""

    def finite(self, a: Value) -> Flags:
        """Return which entries are finite."""

    def unknown(self, a: Value) -> Flags:
        """Return which entries are not a number."""

    def decide(self, op: str, args: Sequence[Value], attrs: Attrs) -> Choice:
        """Return the decision that primitive `op` takes; raise `Undecided` where decisions are only replayed."""
