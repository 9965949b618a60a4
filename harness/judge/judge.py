"""The verdict on one measurement: rules in their order, the first that fits.

The truth decides; engines never vote, and a NaN can only fail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from harness.domains.precision import round_to
from harness.judge import kink_messages, messages
from harness.judge.blind import could_not_tell
from harness.judge.branches import (
    at_kinks,
    at_ties,
    beside,
    chosen,
    loosened,
    one_sided,
    rounded_branch,
    strays,
    undefined,
)
from harness.judge.compare import Comparison
from harness.judge.conduct import conduct
from harness.judge.diagnose import FLOAT32_EXCESS, INACCURATE
from harness.judge.doubt import diagnosis_of, doubted, half_sums
from harness.judge.evidence import Evidence, Judgement
from harness.judge.first_wrong import told
from harness.judge.forms import forms, leaves_of, missing, value_of
from harness.judge.verdict import OF_TROUBLE, Verdict

Found = Callable[[Verdict, str, str], Judgement]


def judge(evidence: Evidence) -> Judgement:
    """Return the verdict on one measurement; of a user's own gradient that is wrong, with its first wrong node."""
    return told(evidence, doubted(evidence, _verdict))


def _verdict(evidence: Evidence) -> Judgement:
    """Return the verdict of the first rule that fits."""
    for rule in (_no_truth, _no_measurement, conduct):
        found = rule(evidence)
        if found is not None:
            return found
    evidence = one_sided(loosened(evidence))
    for rule in (missing, forms, undefined):
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


def _numbers(evidence: Evidence, value: Comparison | None, leaves: tuple[Comparison, ...]) -> Judgement:
    """Return the verdict on finite shape and dtype: value first, then gradient."""

    leaves = beside(leaves, evidence.slopes)

    def found(verdict: Verdict, reason: str, diagnosis: str) -> Judgement:
        return Judgement(verdict=verdict, reason=reason, diagnosis=diagnosis, value=value, leaves=leaves)

    everything = leaves if value is None else (value, *leaves)
    strange = [one for one in everything if np.any(~np.isfinite(one.got) & one.judged)]
    if strange and _estimated(evidence, strange[0]) and evidence.slopes is not None:
        return found(Verdict.NO_REFERENCE, messages.no_reference(strange[0]), "")
    if strange:
        beyond = _beyond(evidence)
        verdict = Verdict.NONFINITE_RANGE if beyond else Verdict.NONFINITE
        return found(verdict, _strange(evidence, strange[0], beyond), "")
    blind = [one for one in everything if np.any(~np.isfinite(one.tolerance) & one.judged)]
    if blind:
        return found(*_unbounded(evidence, blind[0]), "")
    gradient = replace(_gradient(evidence, leaves, found), value=value)
    if value is not None and value.wrong.any():
        return found(
            Verdict.VALUE_MISMATCH,
            messages.value_mismatch(value, gradient, evidence.operator),
            _value_kind(evidence, value),
        )
    return gradient


def _beyond(evidence: Evidence) -> str:
    """Return what the dtype cannot hold of the function, "" where that does not explain an answer that is no number.

    A user's own spelling has other intermediates: where one of the definition's vanishes, as in a stable softmax, it
    need not divide by that.
    """
    user = evidence.scene is not None
    return "" if user and evidence.truth.underflow else evidence.truth.beyond_range


def _strange(evidence: Evidence, one: Comparison, beyond: str) -> str:
    """Return what is said of NaN or infinity."""
    if evidence.slopes is None or not one.path:
        return messages.nonfinite(one, beyond, evidence.ops, evidence.operator)
    return kink_messages.nonfinite(one, one.worst(), evidence.slopes)


def _unbounded(evidence: Evidence, blind: Comparison) -> tuple[Verdict, str]:
    """No tolerance could be derived: finite differences without a step, or an error bound beyond all bounds."""
    if _estimated(evidence, blind):
        return Verdict.NO_REFERENCE, messages.no_reference(blind)
    return Verdict.ILL_CONDITIONED, messages.unbounded(blind, evidence.truth.beyond_range)


def _estimated(evidence: Evidence, one: Comparison) -> bool:
    """Return whether the numbers have an error bar of their own."""
    partial = evidence.measurement.partials.get(one.path) if one.path else evidence.measurement.value
    return partial is not None and partial.bar is not None


def _value_kind(evidence: Evidence, value: Comparison) -> str:
    excess = float(value.excess)
    if half_sums(evidence, [value]):
        return messages.HALF
    if excess <= INACCURATE:
        return "inaccurate"
    return "precision leak" if evidence.dtype == "float64" and excess <= FLOAT32_EXCESS else "another function"


def _gradient(evidence: Evidence, leaves: tuple[Comparison, ...], found: Found) -> Judgement:
    branch = at_ties(evidence) if evidence.truth.ties else None
    if branch is not None:
        return branch
    if any(leaf.wrong.any() for leaf in leaves):
        branch = rounded_branch(evidence)
        if branch is not None:
            return branch
        diagnosis = diagnosis_of(evidence, leaves)
        leaves = at_kinks(evidence, leaves)
        return replace(found(Verdict.DISAGREE, messages.disagree(leaves, diagnosis), diagnosis), leaves=leaves)
    if said := chosen(evidence, leaves):
        if strays(evidence, leaves):
            return found(Verdict.SUBGRADIENT_MIXED, f"{said} {kink_messages.STRAYS}", "one-sided derivatives")
        return found(Verdict.SUBGRADIENT, said, "one-sided derivatives")
    if _exact(evidence, leaves):
        return found(Verdict.EXACT, messages.exact(leaves), "")
    unsure = [leaf for leaf in leaves if could_not_tell(leaf)]
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
