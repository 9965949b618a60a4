"""Second looks before a backend is blamed for its rounding.

What lies outside the tolerance is held to the backend's own reverse rules; of a user's own formula to a few roundings
more, since its steps are not the definition's; then to more samples with another seed. What is then still outside by
little, and inside the worst case, is SUSPECT (rule 15).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from harness.backends import BACKENDS, describe
from harness.domains.precision import PRECISIONS
from harness.graph.complexes import imaginary_parts
from harness.judge import messages
from harness.judge.compare import Comparison
from harness.judge.diagnose import INACCURATE, diagnose
from harness.judge.evidence import Evidence, Judgement
from harness.judge.verdict import Verdict
from harness.measurement import Array
from harness.truth import Tolerance
from harness.truth.assuming import MORE_SAMPLES, Allowed, ByRules, HalfSums, Own, Resampled
from harness.truth.tolerance import spelt, worst_case

BAND = 4.0
"""Tolerances within which an error that the worst case allows is suspect only."""

BLAME = (Verdict.DISAGREE, Verdict.VALUE_MISMATCH)
"""The verdicts that rest on a tolerance."""

Judge = Callable[[Evidence], Judgement]


def doubted(evidence: Evidence, judge: Judge) -> Judgement:
    """Return the judge's verdict; where it blames, the one after second looks at the tolerance."""
    first = judge(evidence)
    if first.verdict not in BLAME or not _rounds(evidence):
        return first
    ruled = _by_rules(evidence)
    if ruled is not None:
        second = judge(replace(evidence, tolerance=ruled.tolerance))
        if second.verdict not in BLAME:
            return _named(second, evidence.backend, ruled.rules)
    own = _by_hand(evidence, ruled, judge)
    if own is not None:
        return own
    worst = worst_case(evidence.truth, PRECISIONS[evidence.dtype]) if ruled is None else ruled.worst
    return _proven(evidence, first, worst) or _resampled(evidence, first, ruled, judge)


def _rounds(evidence: Evidence) -> bool:
    """Return whether the backend computes in the cell's dtype: an error bar of its own is not doubted."""
    given = [evidence.measurement.value, *evidence.measurement.partials.values()]
    return not any(one is not None and (one.bar is not None or one.tail) for one in given)


def _by_rules(evidence: Evidence) -> Allowed | None:
    """Return what the backend's own reverse rules allow; None where the function needs none of them."""
    rules = describe(evidence.backend).book.own_rules if evidence.backend in BACKENDS else {}
    return evidence.recourse(ByRules(rules=tuple(sorted(rules.items())))) if evidence.recourse and rules else None


def _by_hand(evidence: Evidence, ruled: Allowed | None, judge: Judge) -> Judgement | None:
    """Return the verdict on a user's own formula that rounds a little otherwise than the definition, else None."""
    if evidence.scene is None:
        return None
    before = evidence.tolerance if ruled is None else ruled.tolerance
    found = judge(replace(evidence, tolerance=spelt(before, evidence.truth, PRECISIONS[evidence.dtype])))
    return None if found.verdict in BLAME else replace(found, reason=f"{found.reason} {messages.SPELT}")


def _resampled(evidence: Evidence, first: Judgement, ruled: Allowed | None, judge: Judge) -> Judgement:
    """Return the verdict after more samples, on what the worst case would allow."""
    more = evidence.recourse(Resampled(rules=ruled.rules if ruled else ())) if evidence.recourse else None
    if more is None:
        return first
    last = judge(replace(evidence, tolerance=more.tolerance))
    if last.verdict not in BLAME:
        last = _named(last, evidence.backend, ruled.rules) if ruled else last
        return replace(last, reason=f"{last.reason} {messages.after_samples(MORE_SAMPLES)}")
    return _suspect(last, more.worst) or _told(evidence, last, proven=False)


def _wrong(judgement: Judgement) -> list[Comparison]:
    compared = judgement.leaves if judgement.value is None else (judgement.value, *judgement.leaves)
    return [one for one in compared if one.wrong.any()]


def _named(judgement: Judgement, backend: str, rules: Own) -> Judgement:
    """Return a judgement that rests on rules of one framework, which it names."""
    told = ", ".join(f"{op} by {rule}" for op, rule in rules)
    return replace(judgement, reason=f"{judgement.reason} {messages.own_rules(backend, told)}", diagnosis=told)


def _limits(judgement: Judgement, worst: Tolerance) -> list[tuple[Comparison, Array]]:
    """Return what is wrong, each with its worst case."""
    return [(one, _limit(worst, one)) for one in _wrong(judgement)]


def _limit(tolerance: Tolerance, one: Comparison) -> Array:
    return (tolerance.partials[one.path] if one.path else tolerance.value).total


def _suspect(judgement: Judgement, worst: Tolerance) -> Judgement | None:
    """Return SUSPECT where every wrong entry is within the band, else None."""
    limits = _limits(judgement, worst)
    if any(bool(np.any(~(one.error <= np.minimum(limit, BAND * one.tolerance)) & one.wrong)) for one, limit in limits):
        return None
    sentence = messages.suspect([one for one, _ in limits], MORE_SAMPLES)
    return replace(judgement, verdict=Verdict.SUSPECT, reason=sentence, diagnosis="")


def _proven(evidence: Evidence, judgement: Judgement, worst: Tolerance) -> Judgement | None:
    """Return the blame that the worst case proves, else None."""
    proven = any(bool(np.any(~(one.error <= limit) & one.wrong)) for one, limit in _limits(judgement, worst))
    return _told(evidence, judgement, proven=True) if proven else None


def _told(evidence: Evidence, judgement: Judgement, *, proven: bool) -> Judgement:
    """Return the blame with what it rests on; a formula of a user's own may round where the definition does not."""
    half = [messages.half(evidence.dtype)] if judgement.diagnosis == messages.HALF else []
    inexact = evidence.scene is not None and all(_is_close(one) for one in _wrong(judgement))
    rests = messages.ITS_OWN if inexact else messages.proof(proven)
    return replace(judgement, reason=" ".join([judgement.reason, *half, rests]))


def _is_close(one: Comparison) -> bool:
    """Return whether a wrong result is no further off than what loses digits is."""
    return bool(np.all(one.excess[one.wrong] <= INACCURATE))


# --------------------------------------------------------------------------- half accumulation


FITTED = re.compile(r"scaled by [^;]*[./]")
"""A factor that was fitted: in a half dtype almost any result is some multiple of the truth."""


def diagnosis_of(evidence: Evidence, leaves: tuple[Comparison, ...]) -> str:
    """Return what kind of wrong a gradient is; sums in a half dtype come before a factor that happens to fit."""
    told = _conjugated(evidence, leaves) or diagnose(leaves, evidence.sizes, evidence.dtype)
    return messages.HALF if (not told or FITTED.search(told)) and half_sums(evidence, leaves) else told


def _conjugated(evidence: Evidence, leaves: Iterable[Comparison]) -> str:
    """Return "conjugated" where all that is wrong is the sign of the partials by imaginary parts."""
    wrong = [leaf for leaf in leaves if leaf.wrong.any()]
    parts = set() if evidence.scene is None else imaginary_parts(evidence.scene.graph)
    negated = diagnose(wrong, (), evidence.dtype) == "negated"
    return messages.CONJUGATED if negated and {leaf.path for leaf in wrong} <= parts else ""


def half_sums(evidence: Evidence, compared: Iterable[Comparison]) -> bool:
    """Return whether sums that accumulate in the half dtype itself, and nothing less, explain every wrong entry."""
    if not PRECISIONS[evidence.dtype].half or evidence.recourse is None or not _rounds(evidence):
        return False
    found = evidence.recourse(HalfSums())
    return found is not None and all(_explains(_limit(found, one), one, evidence) for one in compared)


def _explains(limit: Array, one: Comparison, evidence: Evidence) -> bool:
    usual = _limit(worst_case(evidence.truth, PRECISIONS[evidence.dtype]), one)
    return bool(np.all(~one.wrong | ((one.error <= limit) & (limit > usual))))
