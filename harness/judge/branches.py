"""Points where the derivative is a matter of branches: rules 6, 9, 13 and 14.

An exact tie is judged by conventions and by the one-sided derivatives, a decision within rounding by its other branch.
Where the derived gradient is not finite the one-sided derivatives are the truth, if they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from harness.domains.precision import PRECISIONS, Array
from harness.judge import kink_messages as messages
from harness.judge.compare import CLOSE, Comparison
from harness.judge.conventions import Assumed, ask, assumptions, under
from harness.judge.evidence import Evidence, Judgement
from harness.judge.forms import leaves_of
from harness.judge.messages import agree
from harness.judge.single import ESTIMATED, right, single, slack_of
from harness.judge.verdict import Verdict
from harness.truth import Enclosure, Terms
from harness.truth.choices import Choices
from harness.truth.flips import Flips
from harness.truth.sides import Sides, Slopes, along
from harness.truth.tolerance import worst_case

WIDE = 2.0**-24
"""How much wider than the range of all choices its balls may be: their radii are short numbers."""


def undefined(evidence: Evidence) -> Judgement | None:
    """Return UNDEFINED where the function or a one-sided derivative is not finite: it tells nothing of a backend."""
    truth = evidence.truth
    if not truth.undefined and not truth.ties:
        return None
    slopes = ask(evidence, Sides())
    if truth.undefined or (slopes is not None and slopes.trouble):
        reason = messages.undefined(slopes.trouble if slopes is not None else "")
    elif slopes is None and not _steady(evidence):
        reason = messages.tie(truth.ties[0])
    else:
        return None
    return Judgement(verdict=Verdict.UNDEFINED, reason=reason)


def _steady(evidence: Evidence) -> bool:
    """Return whether an operator's result is the same by every choice at its ties, as the second derivative of a relu.

    It has no one-sided derivatives that would tell more.
    """
    span = ask(evidence, Choices())
    return span is not None and span.steady


def loosened(evidence: Evidence) -> Evidence:
    """Return the evidence with the worst case as tolerance of the value, where rounding may take another branch.

    Samples of its rounding take the branches of the truth.
    """
    if not (evidence.truth.near or evidence.truth.ties):
        return evidence
    value = worst_case(evidence.truth, PRECISIONS[evidence.dtype]).value
    return replace(evidence, tolerance=replace(evidence.tolerance, value=value))


# --------------------------------------------------------------------------- no derived gradient


def one_sided(evidence: Evidence) -> Evidence:
    """Return the evidence with one-sided derivatives in place of what is not finite in the derived gradient.

    Between two that differ each answer is held to the nearest: all of them are subgradients. Where a derivative is not
    finite the evidence stays as it is, undefined.
    """
    if not evidence.truth.undefined:
        return evidence
    slopes = ask(evidence, Sides())
    if slopes is None or slopes.trouble:
        return evidence
    filled = {path: _filled(evidence, slopes, path) for path in evidence.truth.partials}
    if any(one is None for one in filled.values()):
        return evidence
    known = {path: one for path, one in filled.items() if one is not None}
    truth = replace(
        evidence.truth, undefined=False, ties=(), near=(), partials={path: exact for path, (exact, _) in known.items()}
    )
    tolerance = replace(
        evidence.tolerance,
        value=_value_terms(evidence, slopes),
        partials={path: terms for path, (_, terms) in known.items()},
    )
    return replace(evidence, truth=truth, tolerance=tolerance, slopes=slopes)


def _filled(evidence: Evidence, slopes: Slopes, path: str) -> tuple[Enclosure, Terms] | None:
    """Return a leaf and its tolerance with the one-sided derivatives filled in; None where they are not known."""
    exact, terms = evidence.truth.partials[path], evidence.tolerance.partials[path]
    lower, upper = slopes.lower[path], slopes.upper[path]
    slack = slack_of(slopes, path)
    known = np.isfinite(exact.nearest) & np.isfinite(exact.radius) & np.isfinite(terms.total)
    beyond = known & ~np.isnan(lower) & ~_between(exact.nearest, lower, upper, slack + np.where(known, terms.total, 0))
    if np.isnan(lower[~known]).any() or beyond.any():
        return None
    size, precision = np.maximum(abs(lower), abs(upper)), PRECISIONS[evidence.dtype]
    scale = float(np.max(size[np.isfinite(size)], initial=0.0))
    estimated = np.full(lower.shape, ESTIMATED * precision.unit * scale + precision.least) + slack
    parts = _nearest(evidence, path, lower, upper, slack)
    kept = {name: np.where(known, part, 0.0) for name, part in terms.parts.items()}
    return (
        Enclosure(
            parts=tuple(np.where(known, one, other) for one, other in zip(exact.parts, parts, strict=True)),
            radius=np.where(known, exact.radius, 0.0),
        ),
        Terms(parts={**kept, "estimated": np.where(known, 0.0, estimated)}),
    )


def _value_terms(evidence: Evidence, slopes: Slopes) -> Terms:
    """Return the tolerance of the value; where none is derived, what a rounding of every input would change."""
    terms, precision = evidence.tolerance.value, PRECISIONS[evidence.dtype]
    if np.isfinite(terms.total).all():
        return terms
    return Terms(parts={"estimated": np.asarray(ESTIMATED * precision.unit * slopes.reach + precision.least)})


def _nearest(evidence: Evidence, path: str, lower: Array, upper: Array, slack: Array) -> tuple[Array, Array, Array]:
    """Return the numbers between the one-sided derivatives that are nearest to what came back, in three parts."""
    given = evidence.measurement.partials.get(path)
    zero = np.zeros(lower.shape)
    if given is None or given.values.shape != lower.shape:
        return lower, zero, zero
    inside = _between(given.values, lower, upper, slack)
    bound = np.where(np.isnan(given.values), lower, np.clip(given.values, lower, upper))
    tail = [np.where(inside, part, 0.0) for part in given.tail[:2]]
    first, second = [*tail, zero, zero][:2]
    return np.where(inside, given.values, bound), first, second


def chosen(evidence: Evidence, leaves: Sequence[Comparison]) -> str:
    """Return the sentence of an answer between one-sided derivatives that differ; "" where none differ."""
    slopes = evidence.slopes
    if slopes is None:
        return ""
    for leaf in leaves:
        lower, upper = slopes.lower[leaf.path], slopes.upper[leaf.path]
        apart = leaf.judged & (upper - lower > 2 * (leaf.tolerance + slack_of(slopes, leaf.path)))
        if apart.any():
            at = tuple(int(k) for k in np.argwhere(apart)[0])
            return messages.between(leaf, at, float(lower[at]), float(upper[at]))
    return ""


def strays(evidence: Evidence, leaves: Sequence[Comparison]) -> bool:
    """Return whether a gradient says otherwise than the one-sided derivatives in its own direction.

    Each entry by itself may lie between its own: (1, 1) is no subgradient of a norm at 0. An entry that is neither an
    end nor the middle of its own is nobody's convention: 0.3 for a norm at 0, as for a relu.
    """
    if any(bool(np.any(_nowhere(evidence, leaf))) for leaf in leaves):
        return True
    if not all(leaf.judged.all() for leaf in leaves):
        return False
    found = ask(evidence, along({leaf.path: leaf.got for leaf in leaves}))
    if found is None:
        return False
    slope = sum(float(np.sum(leaf.got**2)) for leaf in leaves)
    slack = sum(float(np.sum(leaf.tolerance * abs(leaf.got))) for leaf in leaves) + CLOSE * slope
    return slope < found[0] - slack or slope > found[1] + slack


def _nowhere(evidence: Evidence, leaf: Comparison) -> Array:
    """Return which judged entries lie at neither end of their one-sided derivatives, nor in the middle, nor at 0."""
    slopes = evidence.slopes
    if slopes is None:
        return np.zeros(leaf.got.shape)
    lower, upper = slopes.lower[leaf.path], slopes.upper[leaf.path]
    slack = leaf.tolerance + slack_of(slopes, leaf.path)
    met = [abs(leaf.got - choice) <= slack for choice in (lower, upper, (lower + upper) / 2, np.zeros(lower.shape))]
    apart = leaf.judged & (upper - lower > 2 * slack)
    return np.asarray(apart & ~np.logical_or.reduce(met), dtype=np.float64)


# --------------------------------------------------------------------------- ties


def at_ties(evidence: Evidence) -> Judgement | None:
    """Return the verdict on a gradient at exact ties; None where nothing that a tie may answer explains it."""
    slopes = ask(evidence, Sides())
    if slopes is None:
        return None
    for assumed in assumptions(evidence):
        leaves = beside(leaves_of(assumed.evidence), slopes)
        if not any(leaf.wrong.any() for leaf in leaves):
            return _conventional(evidence, assumed, leaves, slopes)
    return right(evidence) or _mixed(evidence, slopes)


def beside(leaves: Sequence[Comparison], slopes: Slopes | None) -> tuple[Comparison, ...]:
    """Return the comparisons with the one-sided derivatives of their entries."""
    if slopes is None:
        return tuple(leaves)
    return tuple(replace(leaf, sides=(slopes.lower[leaf.path], slopes.upper[leaf.path])) for leaf in leaves)


def at_kinks(evidence: Evidence, leaves: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Return the comparisons as they are to be told: at a tie the error is that to the nearest one-sided derivative."""
    leaves = beside(leaves, ask(evidence, Sides()) if evidence.truth.ties else evidence.slopes)
    nearer = tuple(map(_nearer, leaves))
    return nearer if any(leaf.wrong.any() for leaf in nearer) else leaves


def _nearer(leaf: Comparison) -> Comparison:
    if leaf.sides is None:
        return leaf
    lower, upper = leaf.sides
    apart = upper - lower > 2 * (leaf.tolerance + leaf.radius)
    off = np.maximum(np.maximum(lower - leaf.got, leaf.got - upper), 0)
    error = np.where(apart & np.isfinite(off), np.minimum(off + leaf.radius, leaf.error), leaf.error)
    return replace(leaf, error=error)


def _off(leaf: Comparison) -> Comparison:
    """Return the comparison with the nearest one-sided derivative as the truth, which no convention's number is."""
    if leaf.sides is None:
        return leaf
    lower, upper = leaf.sides
    near = np.where(np.isnan(lower), leaf.truth, np.clip(leaf.got, lower, upper))
    return replace(leaf, truth=near, error=np.where(np.isnan(lower), leaf.error, abs(leaf.got - near) + leaf.radius))


def _conventional(evidence: Evidence, assumed: Assumed, leaves: tuple[Comparison, ...], slopes: Slopes) -> Judgement:
    outside = _outside(leaves, slopes)
    whose = f"{evidence.backend}'s own convention" if assumed.own else "one of the conventions"
    if outside is not None:
        reason = messages.artefact(outside[0], outside[1], slopes, assumed.words)
        off = tuple(map(_off, leaves))
        return Judgement(verdict=Verdict.KINK_ARTEFACT, reason=reason, diagnosis=assumed.words, leaves=off)
    if single(evidence) is not None:
        return Judgement(verdict=Verdict.AGREE, reason=agree(leaves), leaves=leaves)
    reason = messages.convention(evidence.truth.ties, assumed.words, whose)
    return Judgement(verdict=Verdict.SUBGRADIENT, reason=reason, diagnosis=assumed.words, leaves=leaves)


def _mixed(evidence: Evidence, slopes: Slopes) -> Judgement | None:
    """Return the verdict on a gradient that no uniform convention gives, but some choice at every tie."""
    span, leaves = ask(evidence, Choices()), beside(leaves_of(evidence), slopes)
    for leaf in leaves:
        lower, upper = (slopes.lower, slopes.upper) if span is None else (span.lower, span.upper)
        low, high = lower[leaf.path], upper[leaf.path]
        slack = leaf.tolerance + (WIDE * np.maximum(abs(low), abs(high)) if span is not None else 0)
        inside = _between(leaf.got, low, high, np.where(high > low, slack, leaf.tolerance))
        if np.any(~inside & leaf.judged & leaf.wrong):
            return None
    outside = _outside(leaves, slopes)
    if outside is not None:
        reason = messages.artefact(outside[0], outside[1], slopes, "")
        return Judgement(verdict=Verdict.KINK_ARTEFACT, reason=reason, leaves=tuple(map(_off, leaves)))
    reason = messages.mixed(evidence.truth.ties, evidence.operator)
    return Judgement(verdict=Verdict.SUBGRADIENT_MIXED, reason=reason, leaves=leaves)


def _outside(leaves: Sequence[Comparison], slopes: Slopes) -> tuple[Comparison, tuple[int, ...]] | None:
    """Return the first entry that is not between its one-sided derivatives; None where all that were seen are."""
    for leaf in leaves:
        lower, upper = slopes.lower[leaf.path], slopes.upper[leaf.path]
        slack = leaf.tolerance + slack_of(slopes, leaf.path)
        out = leaf.judged & ~np.isnan(lower) & ~_between(leaf.got, lower, upper, slack)
        if out.any():
            return leaf, tuple(int(k) for k in np.argwhere(out)[0])
    return None


def _between(x: Array, lower: Array, upper: Array, slack: Array) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return where x lies between the bounds, within the slack; NaN bounds are none."""
    below, above = x < lower - slack, x > upper + slack
    return np.asarray(~(below | above) & ~np.isnan(x))


# --------------------------------------------------------------------------- decisions within rounding


def rounded_branch(evidence: Evidence) -> Judgement | None:
    """Return BRANCH-ROUNDING where a decision within rounding explains a wrong gradient by its other branch."""
    if not evidence.truth.near:
        return None
    flips = ask(evidence, Flips(own=evidence.own))
    if flips is None:
        return Judgement(verdict=Verdict.UNDEFINED, reason=messages.near_tie(evidence.truth.near[0]))
    for flipped in flips:
        leaves = leaves_of(under(evidence, flipped.candidate))
        if not any(leaf.wrong.any() for leaf in leaves):
            reason = messages.other_branch(flipped.ties, flipped.count)
            return Judgement(verdict=Verdict.BRANCH_ROUNDING, reason=reason, leaves=leaves)
    return None
