"""A gradient held against central differences of its own function's values: a second function, or a wrong gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from harness.backends.blackbox import Blackbox
from harness.judge.compare import Comparison
from harness.judge.evidence import Judgement
from harness.judge.verdict import Class, Verdict
from harness.measurement import Array, Measurement, Partial
from harness.truth import Terms

ESTIMATE, SAFETY = "error estimate", 4.0
"""The term of the differences' own error, and how often it is taken: the noise that it rests on is an estimate too."""
ANOTHER = (
    "Its gradient is right for the function that it computes, by central differences of its own values: another "
    "function, not a wrong gradient. Look for a default parameter."
)
AGAINST = "Its gradient contradicts its own values: central differences of them say otherwise."
UNUSED = "look whether the function uses it, and rounds it nowhere."
ASKED = (Verdict.VALUE_MISMATCH, Verdict.DISAGREE, Verdict.DEAD_LEAF, Verdict.DISCONNECTED)
"""The verdicts on numbers; what fails by its form or its conduct needs no second sentence."""


def apart(path: str, got: Array, other: Array, terms: dict[str, Array], judged: Array | None = None) -> Comparison:
    """Return the comparison of two arrays of equal shape that are both estimates; a NaN on either side is infinite."""
    with np.errstate(invalid="ignore"):
        error = np.abs(got - other)
    return Comparison(
        path=path,
        got=got,
        truth=other,
        error=np.where(np.isnan(error), np.inf, error),
        radius=np.zeros(got.shape),
        terms=Terms(parts=terms),
        judged=np.ones(got.shape, bool) if judged is None else np.asarray(judged, bool),
    )


def held(measurement: Measurement, box: Blackbox) -> tuple[Comparison, ...]:
    """Return each leaf against the differences of its own function; judged are the entries with a usable step.

    A leaf that did not come back counts as zeros.
    """
    found = []
    for path, known in box.differences.items():
        partial = measurement.partials.get(path) or Partial(values=np.zeros(known.values.shape), dtype="float64")
        if known.bar is not None and partial.values.shape == known.values.shape:
            terms = box.terms.get(path, {}) | {ESTIMATE: SAFETY * known.bar}
            found.append(apart(path, partial.values, known.values, terms, np.isfinite(known.bar)))
    return tuple(found)


def contradictions(own: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Return the leaves whose own differences are further off than both error bars together."""
    return tuple(one for one in own if one.wrong.any())


def explains(own: Sequence[Comparison], wrong: Sequence[Comparison]) -> bool:
    """Return whether the differences confirm wrong entries so sharply that they cannot be wrong gradients.

    Every wrong entry that has a usable difference lies nearer to it than to what it was wrong by, and one has.
    """
    by_path, seen = {one.path: one for one in own}, False
    for leaf in wrong:
        one = by_path.get(leaf.path)
        asked = leaf.wrong & one.judged if one is not None else np.zeros(leaf.got.shape, bool)
        if one is not None and asked.any():
            seen = True
            if not bool(np.all(one.within[asked] & (one.tolerance[asked] < leaf.error[asked] / 2))):
                return False
    return seen


def second_sentence(judgement: Judgement, measurement: Measurement, ask: Callable[[], Blackbox | None]) -> Judgement:
    """Return a native's failing verdict with what its own values say of it; it lifts no verdict."""
    if judgement.verdict.cls is not Class.FAIL or judgement.verdict not in ASKED:
        return judgement
    box = ask()
    told = "" if box is None else _told(judgement, measurement, held(measurement, box))
    return replace(judgement, reason=f"{judgement.reason} {told}") if told else judgement


def _told(judgement: Judgement, measurement: Measurement, own: tuple[Comparison, ...]) -> str:
    if judgement.verdict is Verdict.DISCONNECTED:
        return _beside_none(measurement, own)
    if contradictions(own):
        return AGAINST
    wrong = [leaf for leaf in judgement.leaves if leaf.wrong.any()]
    return ANOTHER if explains(own, wrong) else ""


def _beside_none(measurement: Measurement, own: tuple[Comparison, ...]) -> str:
    """Return what the values add where a leaf got None: a contradiction of that goes without saying.

    That they do not change with the leaf is news, and so is a partial that did come back and is wrong.
    """
    cut = [one for one in own if measurement.partials.get(one.path) is None]
    unused = [one.path for one in cut if one.judged.any() and not one.truth[one.judged].any()]
    if unused:
        return f"Central differences of its own values by {' and '.join(unused)} are 0: {UNUSED}"
    wrong = [one.path for one in contradictions(own) if one not in cut]
    return f"What came back for {' and '.join(wrong)} contradicts its own values, too." if wrong else ""
