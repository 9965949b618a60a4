"""The lines of `run.jsonl`. Reports read these and nothing else.

Non-finite numbers are the strings "nan", "inf", "-inf"; a `Num` is written with the 17 digits that
give the same float64 back.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import msgspec

FORMAT = 1
OWN_SPELLING = "xp"
"""The spelling of the definition itself."""
Num = float | str


class Numbers(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An array, whole up to 1000 entries, else its first entries."""

    shape: tuple[int, ...]
    values: tuple[Num, ...]
    """Entries in C order; the first 100 where there are more than 1000."""
    hex: tuple[str, ...] = ()
    """The same entries as C99 hexadecimal floats."""
    size: int = 0
    """Number of entries of the whole array."""


class HeaderLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="run"):
    """The first line: what ran where."""

    format: int
    version: str
    """Version of gradharness."""
    started: str
    """UTC, ISO 8601."""
    command: str
    seed: int
    platform: dict[str, str]
    versions: dict[str, str]
    """Package → version."""
    flags: dict[str, str]
    backends: dict[str, str]
    """Backend → "ran", or the sentence that says why not."""
    conventions: dict[str, dict[str, tuple[Num, ...]]] = {}
    """Backend → what it answered at a tie, by the name of the probe, entry by entry."""
    mechanisms: dict[str, str] = {}
    """Backend → GradientTape, autograd, grad, diff, central differences."""
    unread: tuple[str, ...] = ()
    """A sentence for each case file that could not be read: its cases are missing here."""
    unknown: tuple[str, ...] = ()
    """A sentence for each expectation of a cell that there is not."""


class CaseLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="case"):
    """A case: where it stands, what it computes, how each framework says it."""

    case: str
    title: str
    """First line of the docstring."""
    location: str
    """file:line, relative to the repository where possible."""
    definition: str
    """The user's source text."""
    source: str = ""
    """Citation: paper or course note."""
    formula: str = ""
    """Plain text of the function, by SymPy, where it is short."""
    derivatives: dict[str, str] = {}
    """Leaf path → plain text of the partial, by SymPy, where it is short."""
    mathml: str = ""
    """Presentation MathML of the formula where it is short."""
    params: dict[str, tuple[int, ...]] = {}
    data: dict[str, tuple[int, ...]] = {}
    points: tuple[str, ...] = ()
    nodes: int = 0
    output: str = ""
    """What was printed while the case was traced."""
    emitted: dict[str, str] = {}
    """`source_key` of a cell → source that ran in its first dtype."""


class GroupLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="group"):
    """Case, point, dtype and operator: what is true there."""

    case: str
    point: str
    dtype: str
    operator: str = "grad"
    inputs: dict[str, Numbers]
    """The point, and the directions of the operator: `v.w` and `c`."""
    status: str
    """"established", the sentence of NO-TRUTH, or what stands in the place of a truth."""
    value: Num
    """"": there is no truth, as of ports without a definition."""
    value_digits: str
    """The exact value to 30 digits."""
    value_radius: Num
    gradient: dict[str, Numbers]
    """By leaf path; of an operator whose results are numbers, by their names."""
    radius: Num
    """Largest radius over the gradient's entries."""
    digits: int
    """Decimal digits of the ball run that established the truth."""
    certificate: dict[str, Num]
    """`residual`, `scale` and `orders` (how many powers of ten the residual is below the scale)."""
    second_opinion: str = ""
    """What SymPy's derivation said of the truth."""
    ideal: dict[str, str] = {}
    """`value` and leaf paths → exact fraction at the decimal text of the point, before rounding to the dtype."""
    ideal_point: dict[str, str] = {}
    curve: tuple[tuple[Num, Num], ...] = ()
    """Finite differences of the first entry: step size, change of the estimate from the step before."""
    pairs: dict[str, Num] = {}
    """"torch|jax" → greatest relative difference between the two gradients."""
    tie: str = ""
    """Where the point ties, so that the gradient above is one of several, by a convention; "" where it does not."""
    single: bool = False
    """At a tie: the gradient is one all the same, since the kinks cancel."""


class Worst(msgspec.Struct, frozen=True, kw_only=True):
    """The entry with the smallest margin."""

    path: str
    """Leaf path, or "" for the value."""
    index: tuple[int, ...]
    truth: Num
    got: Num
    error: Num
    tolerance: Num
    terms: dict[str, Num]
    resolution: Num
    ulp: Num
    sides: tuple[Num, Num] | None = None
    """The one-sided derivatives, where they tell another story than the truth by one convention."""


class FirstOp(msgspec.Struct, frozen=True, kw_only=True):
    """The first operation of a failing cell that differs when it is run alone, at its own exact inputs."""

    op: str
    words: str
    """What the framework is given: `tf.nn.leaky_relu`, `x @ w`."""
    location: str
    """file:line of the user's statement; "" where it is not known."""
    node: int
    """Its place in the graph as the framework writes it."""
    verdict: str
    part: str = ""
    """What differs in the program: the partial by this leaf; the one by the cotangent is the operation's value."""
    worst: Worst | None = None
    """The worst entry of that partial."""
    entry: tuple[int, ...] | None = None
    """The program is of this entry alone."""
    program: str = ""
    """The operation alone as a standalone script, which prints Σ f·cotangent and its partials."""


class CellLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="cell"):
    """One gradient, judged."""

    id: str
    case: str
    backend: str
    spelling: str
    variant: str
    operator: str
    dtype: str
    point: str
    verdict: str
    """AGREE, EXACT, DISAGREE, … (harness/judge/verdict.py)."""
    diagnosis: str = ""
    cls: str = msgspec.field(name="class")
    """pass, inconclusive or fail."""
    expected: str = ""
    """The reason of an expectation that this cell fulfils; "" where none is written."""
    reason: str
    """One sentence: what, where, by how much, why, and what to do."""
    rule: int
    location: str
    margin: Num
    """Tolerance over error at the worst entry; "inf" where the error is 0."""
    error: Num
    tolerance: Num
    terms: dict[str, Num]
    """Named terms that add up to `tolerance`."""
    resolution: Num
    """Greatest finite tolerance over gradient: the smallest relative fault that a pass could have hidden."""
    resolution_median: Num = 0.0
    ulp: Num
    worst: Worst | None = None
    value: Num = ""
    value_hex: str = ""
    value_error: Num = ""
    value_tolerance: Num = ""
    gradient: dict[str, Numbers] = {}
    truth: dict[str, Num] = {}
    """Worst entry's truth by leaf path."""
    truth_radius: Num = 0.0
    wrong: int = 0
    """How many entries lie outside the tolerance."""
    entries: int = 0
    """How many entries were judged."""
    unresolved: int = 0
    """How many entries have a resolution above 1/2."""
    first_op: FirstOp | None = None
    """None: the cell does not fail, or no operation differs alone."""
    against: str = ""
    """Whose numbers stand as `truth`: another port, or the port's own differences. "": the exact truth's."""
    seconds: float = 0.0
    output: str = ""
    """What was printed while the gradient was taken."""
    warnings: tuple[str, ...] = ()
    fingerprint: str = ""
    """Of what the answer depends on (harness/run/fingerprint.py); "": it was not recorded."""
    earlier: bool = False
    """Taken over from an earlier run: not measured in this one."""


class TotalsLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="totals"):
    """The last line: counts, and that the run came to its end."""

    planned: int
    judged: int
    classes: dict[str, int]
    verdicts: dict[str, int]
    backends: dict[str, dict[str, int]]
    """Backend → class → count."""
    expected: int
    stale: tuple[str, ...]
    """Expectations that no cell fulfilled."""
    seconds: float
    headline: str
    """The run in one sentence."""
    caught: bool = True
    """False: the planted wrong gradient was not caught, and nothing here is to be trusted."""
    control: str = ""
    """What happened to the planted wrong gradient; a run whose control was not caught is not to be trusted.

    "": cells were taken over, and none was measured in which one could be planted.
    """


Line = HeaderLine | CaseLine | GroupLine | CellLine | TotalsLine


class Spelled(Protocol):
    """A cell, planned or judged."""

    @property
    def backend(self) -> str: ...

    @property
    def spelling(self) -> str: ...

    @property
    def operator(self) -> str: ...

    @property
    def variant(self) -> str: ...


def source_key(cell: Spelled) -> str:
    """Return what a cell's source is recorded under: its backend, and the spelling where it is not the definition.

    Beyond the gradient each variant has a source of its own.
    """
    own = cell.backend if cell.spelling == OWN_SPELLING else f"{cell.backend}/{cell.spelling}"
    return own if cell.operator == "grad" else f"{own} {cell.operator} {cell.variant}"


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run, as reports take it."""

    header: HeaderLine
    cases: tuple[CaseLine, ...] = ()
    groups: tuple[GroupLine, ...] = ()
    cells: tuple[CellLine, ...] = ()
    totals: TotalsLine | None = None
    """None: the run was cut short."""


def num(value: float) -> Num:
    """Return the number as JSON can hold it: a non-finite one becomes a string."""
    value = float(value)
    return value if math.isfinite(value) else repr(value)


def to_float(value: Num | Any) -> float:
    """Return the float that `num` wrote."""
    return float(value)
