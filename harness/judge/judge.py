"""The verdict on one measurement: rules in their order, the first that fits.

The truth decides; engines never vote, and a NaN can only fail.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from harness.domains.precision import round_to
from harness.judge import messages
from harness.judge.compare import Comparison, compare
from harness.judge.diagnose import FLOAT32_EXCESS, INACCURATE, diagnose
from harness.judge.evidence import Evidence, Judgement
from harness.judge.first_wrong import told
from harness.judge.verdict import OF_TROUBLE, Verdict
from harness.measurement import Partial

BLIND = 0.5
"""A tolerance of more than half the gradient could not have told right from wrong."""


Found = Callable[[Verdict, str, str], Judgement]


def judge(evidence: Evidence) -> Judgement:
    """Return the verdict on one measurement; of a user's own gradient that is wrong, with its first wrong node."""
    return told(evidence, _verdict(evidence))


def _verdict(evidence: Evidence) -> Judgement:
    """Return the verdict of the first rule that fits."""
    for rule in (_no_truth, _no_measurement, _undefined, _missing, _forms):
        found = rule(evidence)
        if found is not None:
            return found
    value = _value(evidence) if evidence.measurement.claims_value else None
    return _numbers(evidence, value, _leaves(evidence))


def _no_truth(evidence: Evidence) -> Judgement | None:
    refusal = evidence.truth.refusal
    if refusal is None:
        return None
    return Judgement(verdict=Verdict.NO_TRUTH, reason=refusal.sentence, diagnosis=refusal.kind.value)


def _no_measurement(evidence: Evidence) -> Judgement | None:
    failure = evidence.measurement.failure
    if failure is None:
        return None
    return Judgement(verdict=OF_TROUBLE[failure.trouble], reason=failure.sentence)


def _undefined(evidence: Evidence) -> Judgement | None:
    """An undefined point tells nothing of a backend, whatever it answers."""
    if not evidence.truth.undefined:
        return None
    return Judgement(
        verdict=Verdict.UNDEFINED,
        reason="The exact value or gradient is not finite at this point. Move the point, or declare a domain.",
    )


def _missing(evidence: Evidence) -> Judgement | None:
    """None, or zeros, where the value depends on the leaf: three different things with a true zero."""
    partials = evidence.measurement.partials
    for path, connected in evidence.truth.connected.items():
        if connected and partials.get(path) is None:
            return Judgement(verdict=Verdict.DISCONNECTED, reason=messages.disconnected(path))
    for path, partial in partials.items():
        if partial is not None and not evidence.truth.ties and _dead(evidence, path, partial):
            return Judgement(
                verdict=Verdict.DEAD_LEAF,
                reason=messages.dead(path, evidence.truth.partials[path].nearest),
                value=_value(evidence) if _has_form(evidence.measurement.value, ()) else None,
                leaves=_leaves(evidence) if _all_formed(evidence) else (),
            )
    return None


def _dead(evidence: Evidence, path: str, partial: Partial) -> bool:
    """Return whether every judged entry is exactly zero though some truth exceeds its tolerance."""
    truth = evidence.truth.partials[path]
    if partial.values.shape != truth.nearest.shape or not truth.nearest.size:
        return False
    comparison = compare(path, partial, truth, evidence.tolerance.partials[path])
    judged = comparison.judged
    alive = np.abs(comparison.truth) > comparison.tolerance
    return bool(judged.any() and np.all(comparison.got[judged] == 0) and np.any(alive[judged]))


def _forms(evidence: Evidence) -> Judgement | None:
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


def _value(evidence: Evidence) -> Comparison:
    assert evidence.measurement.value is not None, "a value without a form is judged SHAPE before"
    return compare("", evidence.measurement.value, evidence.truth.value, evidence.tolerance.value)


def _leaves(evidence: Evidence) -> tuple[Comparison, ...]:
    """Return a comparison per leaf; None for a leaf that nothing depends on counts as its true zeros."""
    found = []
    for path, truth in evidence.truth.partials.items():
        partial = evidence.measurement.partials.get(path)
        given = partial or Partial(values=np.zeros(truth.nearest.shape), dtype=evidence.dtype)
        found.append(compare(path, given, truth, evidence.tolerance.partials[path]))
    return tuple(found)


def _numbers(evidence: Evidence, value: Comparison | None, leaves: tuple[Comparison, ...]) -> Judgement:
    """Return the verdict on finite shape and dtype: value first, then gradient."""

    def found(verdict: Verdict, reason: str, diagnosis: str) -> Judgement:
        return Judgement(verdict=verdict, reason=reason, diagnosis=diagnosis, value=value, leaves=leaves)

    everything = leaves if value is None else (value, *leaves)
    strange = [one for one in everything if np.any(~np.isfinite(one.got) & one.judged)]
    if strange:
        beyond = evidence.truth.beyond_range
        verdict = Verdict.NONFINITE_RANGE if beyond else Verdict.NONFINITE
        return found(verdict, messages.nonfinite(strange[0], beyond), "")
    blind = [one for one in everything if np.any(~np.isfinite(one.tolerance) & one.judged)]
    if blind:
        return found(*_unbounded(evidence, blind[0]), "")
    if value is not None and value.wrong.any():
        return found(Verdict.VALUE_MISMATCH, messages.value_mismatch(value, leaves), _value_kind(value, evidence.dtype))
    if evidence.truth.ties:
        return found(Verdict.UNDEFINED, messages.tie(evidence.truth.ties[0]), "")
    return _gradient(evidence, leaves, found)


def _unbounded(evidence: Evidence, blind: Comparison) -> tuple[Verdict, str]:
    """No tolerance could be derived: finite differences without a step, or an error bound beyond all bounds."""
    partial = evidence.measurement.partials.get(blind.path) if blind.path else evidence.measurement.value
    if partial is not None and partial.bar is not None:
        return Verdict.NO_REFERENCE, messages.no_reference(blind)
    return Verdict.ILL_CONDITIONED, messages.unbounded(blind)


def _value_kind(value: Comparison, dtype: str) -> str:
    excess = float(value.excess)
    if excess <= INACCURATE:
        return "inaccurate"
    return "precision leak" if dtype == "float64" and excess <= FLOAT32_EXCESS else "another function"


def _gradient(evidence: Evidence, leaves: tuple[Comparison, ...], found: Found) -> Judgement:
    if any(leaf.wrong.any() for leaf in leaves):
        if evidence.truth.near:
            return found(Verdict.UNDEFINED, messages.near_tie(evidence.truth.near[0]), "")
        diagnosis = diagnose(leaves, evidence.sizes, evidence.dtype)
        return found(Verdict.DISAGREE, messages.disagree(leaves, diagnosis), diagnosis)
    if _exact(evidence, leaves):
        return found(Verdict.EXACT, messages.exact(leaves), "")
    unsure = [leaf for leaf in leaves if _could_not_tell(leaf)]
    if unsure:
        return found(Verdict.ILL_CONDITIONED, messages.ill_conditioned(unsure[0]), "")
    zero = all(not np.any(leaf.truth[leaf.judged]) for leaf in leaves)
    return found(Verdict.AGREE, messages.agree(leaves), "zero" if zero else "")


def _exact(evidence: Evidence, leaves: tuple[Comparison, ...]) -> bool:
    """Return whether every entry is the rounded truth; error bars and 50 digits are never exact."""
    given = [evidence.measurement.partials.get(leaf.path) for leaf in leaves]
    if any(partial is not None and (partial.bar is not None or partial.tail) for partial in given):
        return False
    return all(bool(np.all(leaf.got == round_to(leaf.truth, evidence.dtype))) for leaf in leaves)


def _could_not_tell(leaf: Comparison) -> bool:
    """Return whether ‖tolerance‖ exceeds half of ‖gradient‖ over the entries whose truth is not zero."""
    alive = leaf.judged & (leaf.truth != 0)
    if not alive.any():
        return False
    tolerance, truth = leaf.tolerance[alive], leaf.truth[alive]
    scale = float(np.max(np.abs(truth)))
    return not float(np.linalg.norm(tolerance / scale)) <= BLIND * float(np.linalg.norm(truth / scale))
