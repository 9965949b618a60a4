"""Whether what came back has the form of a gradient: something for every leaf, of its shape, of the cell's dtype."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.judge import messages
from harness.judge.compare import Comparison, compare
from harness.judge.conventions import assumptions, flips
from harness.judge.evidence import Evidence, Judgement
from harness.judge.verdict import Verdict
from harness.measurement import Partial


def missing(evidence: Evidence) -> Judgement | None:
    """None, or zeros, where the value depends on the leaf: three different things with a true zero."""
    partials = evidence.measurement.partials
    for path, connected in evidence.truth.connected.items():
        if connected and partials.get(path) is None:
            return Judgement(verdict=Verdict.DISCONNECTED, reason=messages.disconnected(path, evidence.operator))
    if evidence.truth.undefined or _overflown(evidence):
        return None
    for path, partial in partials.items():
        if partial is not None and _dead(evidence, path, partial) and _dead_by_all(evidence, path, partial):
            return Judgement(
                verdict=Verdict.DEAD_LEAF,
                reason=messages.dead(path, evidence.truth.partials[path].nearest),
                value=value_of(evidence) if _has_form(evidence.measurement.value, ()) else None,
                leaves=leaves_of(evidence) if _all_formed(evidence) else (),
            )
    return None


def _overflown(evidence: Evidence) -> bool:
    """Return whether something came back that is no number where the dtype's range explains it: x/inf is 0 then."""
    if not evidence.truth.beyond_range:
        return False
    given = [evidence.measurement.value, *evidence.measurement.partials.values()]
    return any(one is not None and bool(np.any(~np.isfinite(one.values) & _judged(one))) for one in given)


def _judged(partial: Partial) -> NDArray[np.bool_]:
    return np.ones(partial.values.shape, bool) if partial.sampled is None else partial.sampled


def _dead(evidence: Evidence, path: str, partial: Partial) -> bool:
    """Return whether every judged entry is exactly zero though some truth exceeds its tolerance."""
    truth = evidence.truth.partials[path]
    if partial.values.shape != truth.nearest.shape or not truth.nearest.size:
        return False
    judged = _judged(partial)
    if not judged.any() or np.any(partial.values[judged] != 0):
        return False
    comparison = compare(path, partial, truth, evidence.tolerance.partials[path])
    return bool(np.any((np.abs(comparison.truth) > comparison.tolerance)[judged]))


def _dead_by_all(evidence: Evidence, path: str, partial: Partial) -> bool:
    """Return whether zeros are dead under every convention and in every branch; not where nothing is known of them."""
    truth = evidence.truth
    ties = [assumed.evidence for assumed in assumptions(evidence)] if truth.ties else [evidence]
    near = list(flips(evidence)) if truth.near else [evidence]
    return bool(ties and near) and all(_dead(assumed, path, partial) for assumed in (*ties, *near))


def forms(evidence: Evidence) -> Judgement | None:
    """Shape and dtype, before any number is looked at."""
    partials = {path: truth.nearest.shape for path, truth in evidence.truth.partials.items()}
    wanted = {"": (), **partials} if evidence.measurement.claims_value else partials
    for path, shape in wanted.items():
        partial = evidence.measurement.partials.get(path) if path else evidence.measurement.value
        if partial is None and path:
            continue
        if partial is None or partial.values.shape != shape:
            got = None if partial is None else partial.values.shape
            return Judgement(verdict=Verdict.SHAPE, reason=messages.shape(path, got, shape))
        if partial.bar is None and not partial.tail and partial.dtype != evidence.dtype:
            return Judgement(verdict=Verdict.DTYPE, reason=messages.dtype(path, partial.dtype, evidence.dtype))
    return None


def _has_form(partial: Partial | None, shape: tuple[int, ...]) -> bool:
    return partial is not None and partial.values.shape == shape


def _all_formed(evidence: Evidence) -> bool:
    partials, truths = evidence.measurement.partials, evidence.truth.partials
    return all(partials.get(path) is None or _has_form(partials[path], truths[path].nearest.shape) for path in truths)


def value_of(evidence: Evidence) -> Comparison:
    assert evidence.measurement.value is not None, "a value without a form is judged SHAPE before"
    return compare("", evidence.measurement.value, evidence.truth.value, evidence.tolerance.value)


def leaves_of(evidence: Evidence) -> tuple[Comparison, ...]:
    """Return a comparison per leaf; None for a leaf that nothing depends on counts as its true zeros."""
    found = []
    for path, truth in evidence.truth.partials.items():
        partial = evidence.measurement.partials.get(path)
        given = partial or Partial(values=np.zeros(truth.nearest.shape), dtype=evidence.dtype)
        found.append(compare(path, given, truth, evidence.tolerance.partials[path]))
    return tuple(found)
