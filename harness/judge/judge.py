"""The verdict on one measurement: rules in their order, the first that fits.

The truth decides; engines never vote, and a NaN can only fail.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from harness.domains.precision import round_to
from harness.judge import messages
from harness.judge.compare import Comparison
from harness.judge.diagnose import FLOAT32_EXCESS, INACCURATE, diagnose
from harness.judge.evidence import Evidence, Judgement
from harness.judge.first_wrong import told
from harness.judge.forms import forms, leaves_of, missing, value_of
from harness.judge.verdict import OF_TROUBLE, Verdict

BLIND = 0.5
"""A tolerance of more than half the gradient could not have told right from wrong."""


Found = Callable[[Verdict, str, str], Judgement]


def judge(evidence: Evidence) -> Judgement:
    """Return the verdict on one measurement; of a user's own gradient that is wrong, with its first wrong node."""
    return told(evidence, _verdict(evidence))


def _verdict(evidence: Evidence) -> Judgement:
    """Return the verdict of the first rule that fits."""
    for rule in (_no_truth, _no_measurement, _undefined, missing, forms):
        found = rule(evidence)
        if found is not None:
            return found
    value = value_of(evidence) if evidence.measurement.claims_value else None
    return _numbers(evidence, value, leaves_of(evidence))


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
