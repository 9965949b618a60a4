"""What a cell is judged by, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass

from harness.graph.node import Graph
from harness.judge.compare import Comparison
from harness.judge.verdict import Verdict
from harness.measurement import Leaves, Measurement
from harness.statements import Place
from harness.truth import Tolerance, Truth


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """The definition and its point: what it takes to say which step of a user's gradient is wrong."""

    graph: Graph
    inputs: Leaves
    definition: Place
    """Where the function stands whose variables the graph's nodes are."""


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judgement:
    """A verdict with its reason and the comparisons that it rests on."""

    verdict: Verdict
    reason: str
    diagnosis: str = ""
    value: Comparison | None = None
    leaves: tuple[Comparison, ...] = ()
    """Comparisons of the differentiated leaves; empty where no numbers were looked at."""
