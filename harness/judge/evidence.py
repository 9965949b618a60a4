"""What a cell is judged by, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from harness.graph.node import Graph
from harness.judge.compare import Comparison
from harness.judge.verdict import Verdict
from harness.measurement import Leaves, Measurement
from harness.statements import Place
from harness.truth import Question, Tolerance, Truth
from harness.truth.sides import Slopes

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """The definition and its point: what it takes to say which step of a user's gradient is wrong."""

    graph: Graph
    inputs: Leaves
    definition: Place
    """Where the function stands whose variables the graph's nodes are."""


class Recourse(Protocol):
    """Whom to ask once more before a backend is blamed."""

    def __call__(self, question: Question[T]) -> T | None:
        """Return the answer about the group's truth; None where it could not be found out."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """Everything that one cell is judged by."""

    measurement: Measurement
    truth: Truth
    tolerance: Tolerance
    dtype: str
    sizes: tuple[int, ...] = ()
    """Lengths of the inputs' axes."""
    scene: Scene | None = None
    """Given where the gradient is a user's own writing; None: the emitted source of the definition ran."""
    backend: str = ""
    """Whose measurement it is."""
    operator: str = "grad"
    """What was asked of the derivative."""
    recourse: Recourse | None = None
    """None: nothing more can be asked."""
    ops: frozenset[str] = frozenset()
    """The operations of the definition, which the backend was given; none where a user's own function ran."""
    own: tuple[tuple[str, str], ...] = ()
    """What this backend was measured to answer at ties: call and option (domains/ties.py)."""
    slopes: Slopes | None = None
    """Given where one-sided derivatives stand in for a gradient that is not finite."""
    elsewhere: Callable[[], Sequence[Leaves]] = tuple
    """Gives the other points of the case, where a user's function was called as well."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judgement:
    """A verdict with its reason and the comparisons that it rests on."""

    verdict: Verdict
    reason: str
    diagnosis: str = ""
    value: Comparison | None = None
    leaves: tuple[Comparison, ...] = ()
    """Comparisons of the differentiated leaves; empty where no numbers were looked at."""
    against: str = ""
    """What it was compared with where there is no truth, such as another port; "" for the truth."""
