"""The second opinion: a derivation that shares no rule with the truth must find the same value."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.judge.compare import SECOND_OPINION
from harness.measurement import Measurement
from harness.truth import Kind, NoTruth, Truth


def seconded(truth: Truth, opinion: Measurement) -> Truth:
    """Return the truth, refused where an independent value of many digits differs from it.

    A differing gradient is the independent derivation's own affair: its cell is judged like any other.
    """
    value = opinion.value
    if truth.refusal is not None or truth.undefined or value is None or not value.tail or value.values.shape != ():
        return truth
    distance = float(truth.value.distance(value.values, value.tail))
    allowed = SECOND_OPINION * float(np.abs(truth.value.nearest)) + 2 * float(truth.value.radius)
    if distance <= allowed or not np.isfinite(value.values):
        return truth
    sentence = (
        f"The exact value {truth.value_digits} and the second opinion {float(value.values)!r} differ by "
        f"{distance:.1e}, more than {allowed:.1e}: one of them is wrong. Report this."
    )
    return replace(truth, refusal=NoTruth(kind=Kind.SECOND_OPINION, sentence=sentence))
