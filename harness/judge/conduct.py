"""How a backend behaved, whatever its numbers are: rules 2 and 3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

import numpy as np

from harness.judge import messages
from harness.judge.compare import compare
from harness.judge.conventions import ask
from harness.judge.evidence import Evidence, Judgement
from harness.judge.verdict import Verdict
from harness.measurement import Array, Measurement, Partial
from harness.truth import Beside, Enclosure, Terms, There, Where, at
from harness.truth.sides import Sides

WHERE: tuple[Where, ...] = ("there", "mirrored", "beside")


def conduct(evidence: Evidence) -> Judgement | None:
    """Return the verdict on what came back from whom, on what the call changed, and on its second answers.

    A call that draws random numbers changes a random state as well as its answer. The answer is what its user must
    know of, so two answers come before a state that was moved on.
    """
    return behaviour(evidence.measurement, evidence.truth.connected) or _stale(evidence)


def behaviour(measurement: Measurement, connected: Mapping[str, bool]) -> Judgement | None:
    """Return the verdict on all of it that needs no truth; `connected` are the leaves that the value depends on."""
    found = _not_native(measurement, connected)
    for rule in (_changed_input, _two_answers, _changed_state):
        found = found or rule(measurement)
    return found


def _not_native(measurement: Measurement, connected: Mapping[str, bool]) -> Judgement | None:
    """NumPy on the way to a value is of importance only where it has cut a gradient."""
    cut = any(connected.get(path) and partial is None for path, partial in measurement.partials.items())
    for foreign in measurement.conduct.foreign:
        if cut or not foreign.inside:
            return Judgement(verdict=Verdict.NOT_NATIVE, reason=messages.not_native(foreign))
    return None


def _changed_input(measurement: Measurement) -> Judgement | None:
    for change in measurement.conduct.inputs:
        return Judgement(verdict=Verdict.MUTATED, reason=messages.changed_input(change), diagnosis="an input")
    return None


def _two_answers(measurement: Measurement) -> Judgement | None:
    seen = measurement.conduct
    if seen.difference is None:
        return None
    reason = messages.two_answers(seen.difference, seen.random)
    return Judgement(verdict=Verdict.NONDETERMINISTIC, reason=reason, diagnosis="random numbers" if seen.random else "")


def _changed_state(measurement: Measurement) -> Judgement | None:
    seen = measurement.conduct
    if seen.settings:
        diagnosis, reason = seen.settings[0].what, messages.changed_settings(seen)
    elif seen.random:
        diagnosis, reason = "a random state", messages.changed_random(seen.random)
    else:
        return None
    return Judgement(verdict=Verdict.MUTATED, reason=reason, diagnosis=diagnosis)


def _stale(evidence: Evidence) -> Judgement | None:
    """The same bits at two points whose truths differ by more than both tolerances.

    A wrong rule may be constant as well, and is told better by what it lacks. So the value must be among what is kept,
    or what is kept must be right at one of the points at which the function was called.
    """
    alike = [path for path in evidence.measurement.conduct.alike if _formed(evidence, path)]
    there = evidence.recourse(Beside()) if alike and evidence.recourse is not None else None
    if there is None or there.truth.refusal is not None or there.truth.undefined or evidence.truth.undefined:
        return None
    apart = [path for path in alike if _apart(evidence, there, path)]
    kept = next((path for path in apart if not path or _right_somewhere(evidence, there, path)), None)
    return None if kept is None else Judgement(verdict=Verdict.STALE, reason=messages.stale(kept))


def _output(evidence: Evidence, path: str) -> Partial | None:
    return evidence.measurement.partials.get(path) if path else evidence.measurement.value


def _formed(evidence: Evidence, path: str) -> bool:
    """Return whether an output has a truth of its shape to be compared with."""
    output = _output(evidence, path)
    if output is None or (path and path not in evidence.truth.partials):
        return False
    truth = evidence.truth.partials[path] if path else evidence.truth.value
    return output.values.shape == truth.nearest.shape


def _side(there: There, path: str) -> tuple[Enclosure, Terms]:
    """Return truth and tolerance of an output at a point."""
    if not path:
        return there.truth.value, there.tolerance.value
    return there.truth.partials[path], there.tolerance.partials[path]


def _apart(evidence: Evidence, there: There, path: str) -> bool:
    """Return whether no answer is right at both points; at a tie all between the one-sided derivatives are."""
    here, allowed = _side(There(truth=evidence.truth, tolerance=evidence.tolerance), path)
    other, allowed_there = _side(there, path)
    lower, upper = _range(evidence, path, here)
    with np.errstate(invalid="ignore"):
        off = np.maximum(np.maximum(lower - other.nearest, other.nearest - upper), 0)
        least = off - here.radius - other.radius
        return bool(np.any(least > allowed.total + allowed_there.total))


def _range(evidence: Evidence, path: str, here: Enclosure) -> tuple[Array, Array]:
    """Return between what an output lies at the point: its truth, at a tie also the one-sided derivatives."""
    slopes = ask(evidence, Sides()) if path and evidence.truth.ties else None
    if slopes is None or slopes.trouble:
        return here.nearest, here.nearest
    return np.fmin(here.nearest, slopes.lower[path]), np.fmax(here.nearest, slopes.upper[path])


def _right_somewhere(evidence: Evidence, there: There, path: str) -> bool:
    """Return whether an output is the truth at the point, beside, or at another point of the case.

    A gradient by hand may be numbers that its writer worked out for this very point.
    """
    here = [There(truth=evidence.truth, tolerance=evidence.tolerance)] if evidence.measurement.claims_value else []
    if not here and _right(evidence, There(truth=evidence.truth, tolerance=evidence.tolerance), path):
        return False
    return any(_right(evidence, place, path) for place in chain(here, [there], _others(evidence)))


def _others(evidence: Evidence) -> Iterator[There]:
    """Yield what is true at the mirror image of the point, at the case's other points, and at and beside theirs."""
    here = () if evidence.scene is None else (evidence.scene.inputs,)
    for point in (*here, *evidence.elsewhere()):
        for where in WHERE:
            found = None if evidence.recourse is None else evidence.recourse(at(point, where))
            if found is not None and found.truth.refusal is None and not found.truth.undefined:
                yield found


def _right(evidence: Evidence, there: There, path: str) -> bool:
    output = _output(evidence, path)
    assert output is not None, "only what came back is looked at"
    truth, allowed = _side(there, path)
    return bool(np.all(compare(path, output, truth, allowed).within))
