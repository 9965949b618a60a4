"""Points where kinks cancel, as in relu(w) − relu(−w): every step has several derivatives there, and the whole one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from harness.domains.precision import PRECISIONS, Array
from harness.judge import messages
from harness.judge.compare import CLOSE
from harness.judge.conventions import ask
from harness.judge.evidence import Evidence, Judgement
from harness.judge.forms import leaves_of
from harness.judge.verdict import Verdict
from harness.truth import Enclosure, Terms
from harness.truth.sides import Sides, Slopes, along

ESTIMATED = 64.0
"""Roundings of the largest entry that are allowed where the derived gradient, and so its bound, is of no use."""

DIRECTIONS, SEED = 2, 1847
"""Random directions in which the value must change as the entries say: |x + y| − |x − y| has slope 0 along either."""


def single(evidence: Evidence) -> dict[str, Array] | None:
    """Return the gradient at a tie where it is one all the same, by leaf path; None where it is not, or not known."""
    slopes = ask(evidence, Sides()) if evidence.truth.ties else None
    if slopes is None or slopes.trouble or evidence.truth.undefined:
        return None
    for path in slopes.lower:
        lower, upper, slack = slopes.lower[path], slopes.upper[path], slack_of(slopes, path)
        if not np.all(upper - lower <= 2 * slack):  # NaN where one did not look
            return None
    return dict(slopes.upper) if _linear(evidence, slopes.upper, slopes) else None


def right(evidence: Evidence) -> Judgement | None:
    """Return the verdict on an answer that is the one gradient at a tie; None where it is not, or there are several."""
    gradient = single(evidence)
    leaves = () if gradient is None else leaves_of(_with(evidence, gradient))
    if not leaves or any(leaf.wrong.any() for leaf in leaves):
        return None
    return Judgement(verdict=Verdict.AGREE, reason=messages.agree(leaves), leaves=leaves)


def _with(evidence: Evidence, gradient: Mapping[str, Array]) -> Evidence:
    """Return the evidence with the gradient as its truth, which no bound was derived for."""
    precision, slopes = PRECISIONS[evidence.dtype], ask(evidence, Sides())
    assert slopes is not None, "the gradient comes from them"
    scale = max((float(np.max(abs(partial), initial=0)) for partial in gradient.values()), default=0.0)
    allowed = ESTIMATED * precision.unit * scale + precision.least
    partials = {path: _exact(partial, slack_of(slopes, path)) for path, partial in gradient.items()}
    terms = {path: Terms(parts={"estimated": np.full(partial.shape, allowed)}) for path, partial in gradient.items()}
    tolerance = replace(evidence.tolerance, partials=terms)
    return replace(evidence, truth=replace(evidence.truth, partials=partials), tolerance=tolerance)


def _exact(partial: Array, slack: Array) -> Enclosure:
    zero = np.zeros(partial.shape)
    return Enclosure(parts=(partial, zero, zero), radius=slack)


def _linear(evidence: Evidence, gradient: Mapping[str, Array], slopes: Slopes) -> bool:
    """Return whether the value changes as the gradient says in directions that move everything."""
    draw = np.random.default_rng(SEED)
    for _ in range(DIRECTIONS):
        v = {path: np.asarray(draw.integers(1, 9, partial.shape) / 8.0) for path, partial in gradient.items()}
        v = {path: np.asarray(x * draw.choice([-1.0, 1.0], x.shape)) for path, x in v.items()}
        found = ask(evidence, along(v))
        slope = sum(float(np.sum(partial * v[path])) for path, partial in gradient.items())
        slack = sum(float(np.sum(slack_of(slopes, path) * abs(v[path]))) for path in gradient)
        size = sum(float(np.sum(abs(partial * v[path]))) for path, partial in gradient.items())
        if found is None or max(abs(side - slope) for side in found) > slack + CLOSE * size:
            return False
    return True


def slack_of(slopes: Slopes, path: str) -> Array:
    """Return how far a number may lie from a one-sided derivative that it is."""
    return np.asarray(slopes.error[path] + CLOSE * np.maximum(abs(slopes.lower[path]), abs(slopes.upper[path])))
