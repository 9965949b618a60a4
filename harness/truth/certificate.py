"""The certificate: a gradient checked by a directional difference that uses no reverse rule.

(f(x + hv) − f(x − hv)) / 2h is held against ⟨g, v⟩ in balls, for a dyadic direction v and an h so small that a
right gradient leaves nothing. Decisions and stop_gradient nodes stay as they are at x, so margins are to be looked at
first: with its decisions frozen a tie always certifies. A wrong *forward* operation is not seen here.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import NDArray

from harness.domains.ball import Ball, lifted
from harness.domains.evaluate import Decisions, evaluate
from harness.domains.precision import Array, Precision
from harness.domains.structure import held
from harness.graph.derive import Derivative
from harness.graph.node import Graph
from harness.measurement import Leaves
from harness.truth.enclose import nearest

ORDERS = 20
"""Powers of ten by which h is smaller than the point's own scale: h² leaves ten orders above the resolution. It is the
power of two nearest to that, so that the difference quotient of a quadratic is exact."""

RESOLUTION = 30
"""Powers of ten by which the residual must fall below what it is held against."""

SPARE = 20
"""Digits beyond the 3·ORDERS that the difference of two values takes down to its h² term: what is left of that one."""

ATTEMPTS = 4
"""The digits are doubled three times at most where the radius stands in the way."""

DEEPER = 4
"""By how many times as many orders h is smaller where a residual stays: beside a bend that is narrower than h a right
gradient leaves one too."""

SEED = 2008
"""Of the random direction."""

EIGHTHS = 8
"""The entries of the direction are ±1/8 … ±1, held as how many eighths they are."""

Eighths = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What the directional difference said of the gradient."""

    accepted: bool
    residual: float
    """Upper bound of |(f(x+hv) − f(x−hv))/2h − ⟨g, v⟩|."""
    scale: float
    """What the residual is held against: the smallest |g·v| of an entry, with its rounding error over u."""
    orders: float
    """How many powers of ten the residual is below the scale; inf where it is exactly 0."""
    how: str
    """In words: by which rule it was accepted, or why not."""


BESIDE = "not finite beside the point"
"""The function is real on one side of the point only."""


RADIUS = "the radius stays in the way"
"""Nothing can be said at the digits that were tried."""


STAYS = "the residual stays where it is"
"""A smaller step leaves as much."""


def untried(why: str) -> Certificate:
    """Return the certificate of a gradient that was not tried."""
    return Certificate(accepted=False, residual=math.nan, scale=math.nan, orders=math.nan, how=why)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Probe:
    """The arguments of a certificate."""

    derivative: Derivative
    inputs: Leaves
    precision: Precision
    decisions: Decisions
    errors: Mapping[str, Array]
    """Worst-case rounding error of each partial: the natural scale where the gradient itself is 0."""
    silent: frozenset[str]
    """Leaves whose gradient is exactly 0 or None: nothing in ⟨g, v⟩ says how small their part should be."""
    known: Mapping[int, Any]
    """The values of the run that established the gradient, by node; `digits` are its digits."""
    digits: int
    spent: int
    """Digits that this run took beyond the first attempt: so many are lost on the way."""
    margin: float
    """The least distance of a decision from its threshold."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Residual:
    """A difference quotient less ⟨g, v⟩, and its scale."""

    ball: Any
    scale: Any


def certify(probe: Probe) -> Certificate:
    """Return the certificate of the gradient at the point.

    Accepted where the residual is at most 1e-30 of the smallest non-zero entry (of nothing but zeros: h at most, and
    the least number of the dtype), or where it is certainly not 0 and falls by 1e-30 with h² in place of h, as an odd
    higher-order term does and a wrong rule does not. Silent leaves are moved by themselves: beside others a small part
    that is missing would not be seen.
    """
    loud = [path for path in probe.derivative.partials if path not in probe.silent]
    found = [_certify(probe, moved) for moved in (loud, sorted(probe.silent)) if moved]
    rejected = [certificate for certificate in found if not certificate.accepted]
    return (rejected or found or [untried("no input is differentiated")])[0]


def _certify(probe: Probe, moved: Sequence[str]) -> Certificate:
    """Return the certificate of the leaves that are moved."""
    scale = point_scale(probe)
    least = 3 * ORDERS + SPARE + probe.spent + math.ceil(2 * -math.log10(scale))
    found = untried(RADIUS)
    for attempt in range(ATTEMPTS):
        found = _attempt(probe, moved, scale, ORDERS, least << attempt)
        if found.how == STAYS:
            deeper = DEEPER * ORDERS
            found = _attempt(probe, moved, scale, deeper, (least << attempt) + 4 * (deeper - ORDERS))
        if found.how != RADIUS:
            break
    return found


def _attempt(probe: Probe, moved: Sequence[str], scale: float, orders: int, digits: int) -> Certificate:
    """Return the certificate at a step and so many digits."""
    first = residual(probe, moved, scale, orders, digits)
    with Ball(digits).context():
        if not first.ball.is_finite():
            return _verdict(False, first, BESIDE)
        if first.ball == 0:
            return _verdict(True, first, "exact")
        if _below(first.ball, first.scale):
            return _verdict(True, first, "first difference")
        if not first.ball.abs_lower() > 0:
            return _verdict(False, first, RADIUS)
    return _second(probe, moved, scale, orders, digits, first)


def _second(probe: Probe, moved: Sequence[str], scale: float, orders: int, digits: int, first: Residual) -> Certificate:
    """Return the certificate that a residual at h² gives to one that is not 0 at h."""
    second = residual(probe, moved, scale, 2 * orders, digits + 4 * orders)
    with Ball(digits).context():
        accepted = _below(second.ball, first.ball.abs_lower())
    return _verdict(accepted, first, "second difference" if accepted else STAYS)


def _below(ball: Any, scale: Any) -> bool:
    """Return whether the ball is certainly at most 1e-30 of the scale; not finite is no."""
    return bool(ball.abs_upper() <= scale * arb(10) ** -RESOLUTION)


def _verdict(accepted: bool, found: Residual, how: str) -> Certificate:
    size, scale = found.ball.abs_upper(), found.scale
    return Certificate(
        accepted=accepted, residual=float(size), scale=float(scale), orders=_orders(scale, size), how=how
    )


def _orders(scale: Any, size: Any) -> float:
    """Return the decimal logarithm of scale over size."""
    if size == 0:
        return math.inf
    return float((scale / size).log() / arb(10).log())


def residual(probe: Probe, moved: Sequence[str], scale: float, orders: int, digits: int) -> Residual:
    """Return the residual along the leaves that are moved, for h = scale·10^−orders, at so many digits."""
    derivative, ball = probe.derivative, Ball(max(digits, probe.digits))
    base = probe.known if digits <= probe.digits else _run(probe, ball, probe.inputs, derivative.graph.outputs, {})
    stopped = {k: value for k, value in base.items() if derivative.graph.nodes[k].op == "stop_gradient"}
    with ball.context():
        step, along = arb(scale) * two_to(orders), direction(derivative.graph)
        slope, least = _slope(probe, moved, base, along)
        ahead, behind = (
            _run(probe, ball, moves, (derivative.value,), stopped)[derivative.value].item()
            for moves in shifted(probe, moved, base, along, step)
        )
        floor = min(step, arb(probe.precision.least) * arb(10) ** RESOLUTION)
        return Residual(ball=(ahead - behind) / (2 * step) - slope, scale=least if least > 0 else floor)


def two_to(orders: int) -> Any:
    """Return the power of two nearest to 10^−orders."""
    return arb(2) ** -round(orders * math.log2(10))


def _run(
    probe: Probe, ball: Ball, inputs: Mapping[str, Any], outputs: tuple[int, ...], frozen: Mapping[int, Any]
) -> dict[int, Any]:
    """Return the values of a ball run with the decisions of the point."""
    graph, known = probe.derivative.graph, dict(probe.decisions)
    return evaluate(graph, outputs, ball, inputs, precision=probe.precision, decisions=known, frozen=frozen).values


def _slope(
    probe: Probe, moved: Sequence[str], values: Mapping[int, Any], along: Mapping[str, Eighths]
) -> tuple[Any, Any]:
    """Return ⟨g, v⟩ and the smallest non-zero (|g| + error/u)·|v| of an entry, 0 where there is none."""
    partials = {path: node for path in moved if (node := probe.derivative.partials[path]) is not None}
    if not partials:
        return arb(0), arb(0)
    g, v, errors = (
        np.concatenate([leaf[path].ravel() for path in partials])
        for leaf in ({path: values[node] for path, node in partials.items()}, along, probe.errors)
    )
    slope = sum((k * total for k, total in sums(g, v)), arb(0)) / EIGHTHS
    natural = np.where(np.isfinite(errors), errors, 0) * (abs(v) / EIGHTHS) / probe.precision.unit
    return slope, least_size(g, v, natural, probe.precision)


def sums(g: NDArray[Any], v: Eighths) -> Iterator[tuple[int, Any]]:
    """Yield every number in v with the sum of the balls that stand beside it: so few are the products then."""
    order = np.argsort(v, kind="stable")
    numbers, first = np.unique(v[order], return_index=True)
    add: Any = np.add
    yield from zip(numbers.tolist(), add.reduceat(g[order], first).tolist(), strict=True)


def least_size(g: NDArray[Any], v: Eighths, natural: Array, precision: Precision) -> Any:
    """Return the smallest non-zero |g·v| + natural, 0 where there is none.

    Float64 points at candidates, the balls decide; their radii are far below u of an entry and η.
    """
    rough = abs(nearest(g) * v) / EIGHTHS + natural
    limit = rough.min(where=rough > 0, initial=np.inf) * (1 + 8 * precision.unit) + precision.least
    near = ~(rough > limit)
    sizes = (abs(x).upper() + size for x, size in zip(g[near] * v[near] / EIGHTHS, natural[near].tolist(), strict=True))
    return min((size for size in sizes if size > 0), default=arb(0))


@lru_cache(maxsize=4)
def direction(graph: Graph) -> Mapping[str, Eighths]:
    """Return a random dyadic direction with no zero entry, by leaf path of the differentiated inputs."""
    rng = np.random.default_rng(SEED)
    shapes = {path: graph.nodes[graph.inputs[path]].shape for path in graph.params}
    ends = list(accumulate(map(math.prod, shapes.values())))
    drawn = rng.integers(-EIGHTHS, EIGHTHS, ends[-1])
    drawn += drawn >= 0
    drawn.flags.writeable = False
    return {
        path: drawn[end - math.prod(shape) : end].reshape(shape)
        for (path, shape), end in zip(shapes.items(), ends, strict=True)
    }


def times(along: Eighths, step: Any) -> NDArray[Any]:
    """Return v·step: a direction has so few different numbers that each of them is multiplied once."""
    table = lifted(np.arange(-EIGHTHS, EIGHTHS + 1) / EIGHTHS) * step
    return held(table[along + EIGHTHS])


def shifted(
    probe: Probe, moved: Sequence[str], base: Mapping[int, Any], along: Mapping[str, Eighths], step: Any
) -> Iterator[dict[str, NDArray[Any]]]:
    """Yield the inputs with those in `moved` displaced by `step` along the direction, then against it."""
    place = probe.derivative.graph.inputs
    start = {
        path: base[place[path]] if place[path] in base else lifted(np.asarray(probe.inputs[path], float))
        for path in moved
    }
    strides = {path: times(along[path], step) for path in moved}
    for there in (operator.add, operator.sub):
        inputs = dict[str, NDArray[Any]](probe.inputs)
        yield inputs | {path: held(there(start[path], strides[path])) for path in moved}


def point_scale(probe: Probe) -> float:
    """Return min(1, least non-zero |x_j| of the differentiated inputs, margin of the decisions)."""
    sizes = [abs(np.asarray(probe.inputs[path], np.float64)).ravel() for path in probe.derivative.graph.params]
    entries = np.concatenate([*sizes, [1.0, probe.margin]])
    return float(entries[entries > 0].min())
