"""What is true of a function at a point, or why that could not be established."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from harness.domains.evaluate import Decisions
from harness.domains.precision import Array
from harness.truth.certificate import Certificate
from harness.truth.enclosure import Enclosure
from harness.truth.kinks import Tie


class Kind(Enum):
    """What stood in the way of a truth."""

    CERTIFICATE = "certificate"
    SECOND_OPINION = "second opinion"
    PRECISION = "precision"
    LIMIT = "limit"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoTruth:
    """Why there is no truth, and the sentence that says so."""

    kind: Kind
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rounding:
    """Worst-case rounding error of the function and of each partial in the cell's dtype (domain bound)."""

    value: Array
    partials: dict[str, Array]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Truth:
    """Exact value and partials at one point in one dtype."""

    refusal: NoTruth | None
    """None: established. The other fields are still what was found on the way."""
    value: Enclosure
    partials: dict[str, Enclosure]
    """By leaf path; exact zeros where the function does not depend on the leaf."""
    connected: dict[str, bool]
    """Whether the function depends on the leaf."""
    undefined: bool
    """The value or a partial is not finite, or the function is real on one side of the point only."""
    beyond_range: str
    """The first exact intermediate or adjoint that is too large for the dtype, else the first too small; "" where it
    holds all. It explains a non-finite answer and means nothing beside a finite one."""
    underflow: bool
    """What is beyond the range is too small, and nothing is too large."""
    ties: tuple[Tie, ...]
    """Exact ties at decisions that the value or gradient depends on."""
    near: tuple[Tie, ...]
    """Decisions that rounding in this dtype may take the other way, exact ties left out."""
    decisions: Decisions
    digits: int
    """Decimal digits of the ball run that established the truth."""
    value_digits: str
    """The value to 30 digits."""
    certificate: Certificate
    rounding: Rounding = field(repr=False)
    """What `tolerance` is made of."""
