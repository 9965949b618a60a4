"""The sentences of verdicts: what, where, by how much, why, and what to do."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from harness.conduct import Change, Conduct, Difference, Foreign
from harness.measurement import Array
from harness.wording import result, verb

if TYPE_CHECKING:
    from harness.judge.compare import Comparison
    from harness.judge.evidence import Judgement


HALF = "half accumulation"
"""The diagnosis of sums that accumulate in a half dtype."""
BRANCH = (
    "Look for a branch that where leaves out and that is not finite: 0 times its infinite slope is NaN, so guard its "
    "argument."
)
SLOPE = (
    "Look for a step that is infinite in this dtype, by value or by slope, and meets a 0 or another infinity, as exp "
    "of a large number or sqrt at 0, and write the function without it."
)
CONJUGATED = "conjugated"
"""The diagnosis of partials by imaginary parts whose sign is wrong."""


def number(x: float) -> str:
    """Return a number with the digits that give it back."""
    return repr(float(x))


def short(x: float) -> str:
    """Return a number with three digits, for sizes of errors."""
    return f"{float(x):.3g}"


def place(path: str, index: tuple[int, ...]) -> str:
    """Return the name of an entry, such as `layers.w[0, 1]`; the value has no path."""
    name = path or "the value"
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def entry(comparison: Comparison, reference: str = "truth") -> str:
    """Return the worst entry in full: what came back, what is true, the error, and the tolerance with its terms.

    Where there is no truth, `reference` is who says the other number.
    """
    at = comparison.worst()
    terms = " + ".join(f"{short(part[at])} ({name})" for name, part in comparison.terms.parts.items())
    sides = comparison.sided(at)
    true = f"{reference} {number(comparison.truth[at])}" if sides is None else one_sided(*sides)
    return (
        f"{place(comparison.path, at)}: got {number(comparison.got[at])}, {true}, "
        f"error {short(comparison.error[at])}, tolerance {short(comparison.tolerance[at])} = {terms}"
    )


def one_sided(lower: float, upper: float) -> str:
    """Return what is true of an entry at a kink: "one-sided derivatives 0.0 and 1.0"."""
    if lower == upper:
        return f"derivative {number(upper)}"
    return f"one-sided derivatives {number(lower)} and {number(upper)}"


def worst_of(comparisons: Sequence[Comparison]) -> Comparison:
    """Return the comparison that holds the greatest excess."""
    return max(comparisons, key=lambda one: float(one.excess[one.worst()]) if one.judged.any() else -1.0)


def disconnected(path: str, operator: str = "grad") -> str:
    return (
        f"{path}: no {result(operator)} came back (None), though the value depends on it. Look for an operation that "
        "leaves the engine, an integer, or a stopped gradient on the way."
    )


def dead(path: str, truth: Array) -> str:
    largest = float(np.max(np.abs(truth)))
    return f"{path}: every entry came back as 0, though the truth reaches {number(largest)}. Look for a stopped path."


def shape(path: str, got: tuple[int, ...] | None, wanted: tuple[int, ...]) -> str:
    return f"{path or 'the value'}: shape {got} came back, {wanted} is right. Look for a missing sum or a transpose."


def dtype(path: str, got: str, wanted: str) -> str:
    return f"{path or 'the value'}: {got} came back in a {wanted} cell. Look for a cast or a default dtype."


def nonfinite(comparison: Comparison, beyond: str, ops: Collection[str] = (), operator: str = "grad") -> str:
    """Return what is said of NaN or infinity; `ops` are the operations of the function, none where they are unknown."""
    at = comparison.worst()
    said = (
        f"{place(comparison.path, at)}: {number(comparison.got[at])} came back, truth {number(comparison.truth[at])}."
    )
    if beyond:
        return f"{said} Out of range: {beyond}. Use a wider dtype, or rescale."
    look = BRANCH if "where" in ops or not ops else SLOPE
    return f"{said} The exact value and {result(operator)} are finite: the engine's formula is not safe here. {look}"


def unbounded(comparison: Comparison, beyond: str = "") -> str:
    advice = (
        f"Out of range: {beyond}. Use a wider dtype, or rescale."
        if beyond
        else "Move the point away from where the function is not differentiable."
    )
    return f"{comparison.path or 'the value'}: no finite tolerance could be derived, so nothing can be told. {advice}"


def no_reference(comparison: Comparison) -> str:
    return (
        f"{comparison.path or 'the value'}: no step gave a usable difference (a jump or kink nearby, or noise). "
        "The other backends are judged by the truth all the same."
    )


def value_mismatch(value: Comparison, found: Judgement, operator: str = "grad") -> str:
    return f"Another value: {entry(value)}. {result_of_another(found, result(operator))}"


def result_of_another(gradient: Judgement, noun: str) -> str:
    """Return what is said of the gradient of a wrong value: it lifts no verdict."""
    if gradient.verdict.cls == "pass":
        return f"Its {noun} is right."
    kind = f"{{{gradient.diagnosis}}}" if gradient.diagnosis else ""
    worst = worst_of(gradient.leaves)
    at = worst.worst()
    size = f"error {short(worst.error[at])} at {place(worst.path, at)}, tolerance {short(worst.tolerance[at])}"
    return f"Its {noun}: {gradient.verdict.word}{kind}, {size}."


def disagree(leaves: Sequence[Comparison], diagnosis: str) -> str:
    wrong = sum(int(leaf.wrong.sum()) for leaf in leaves)
    judged = sum(int(leaf.judged.sum()) for leaf in leaves)
    worst = worst_of(leaves)
    excess = float(worst.excess[worst.worst()])
    count = f"{wrong} of {judged} entries {verb(wrong, 'is', 'are')} wrong; worst " if judged > 1 else ""
    return f"{count}{entry(worst)} ({short(excess)} tolerances).{_kind(diagnosis, leaves)}"


def _kind(diagnosis: str, leaves: Sequence[Comparison]) -> str:
    """Return what is said of a diagnosis beside the numbers."""
    if not diagnosis or diagnosis == HALF:
        return ""
    if is_exchange(diagnosis):
        return f" {diagnosis[0].upper()}{diagnosis[1:]}: return each in the place of its own input."
    paths = {leaf.path for leaf in leaves}
    told = [part.partition(": ") for part in diagnosis.split("; ")]
    if all(path in paths for path, _, _ in told):
        return f" What came back for {', and for '.join(f'{path} is {text}' for path, _, text in told)}."
    return f" What came back is {diagnosis}."


def exchanged(cycles: Sequence[Sequence[str]]) -> str:
    """Return the diagnosis of partials that are one another's."""
    return f"the partials of {', and of '.join(_listed(cycle) for cycle in cycles)} are exchanged"


def is_exchange(diagnosis: str) -> bool:
    return diagnosis.endswith(" are exchanged")


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}"


def exact(leaves: Sequence[Comparison]) -> str:
    judged = sum(int(leaf.judged.sum()) for leaf in leaves)
    return (
        f"All {judged} entries are the truth rounded to the dtype."
        if judged > 1
        else "The truth, rounded to the dtype."
    )


def agree(leaves: Sequence[Comparison]) -> str:
    judged = sum(int(leaf.judged.sum()) for leaf in leaves)
    count = f"{judged} of {judged} entries within tolerance; worst" if judged > 1 else "Within tolerance:"
    return f"{count} {entry(worst_of(leaves))}."


def ill_conditioned(leaf: Comparison) -> str:
    at = leaf.worst()
    return (
        f"{leaf.path}: within tolerance, but the tolerance ({short(leaf.tolerance[at])} at {place(leaf.path, at)}) is "
        f"more than half of the gradient ({short(abs(leaf.truth[at]))}): nothing can be told in this dtype."
    )


# --------------------------------------------------------------------------- second looks


def after_samples(samples: int) -> str:
    return f"Outside the tolerance of the first samples, inside it after {samples} samples."


def own_rules(backend: str, rules: str) -> str:
    return f"Held to {backend}'s own reverse rule, {rules}, whose rounding is larger than that of the neutral one."


def suspect(wrong: Sequence[Comparison], samples: int) -> str:
    worst = worst_of(wrong)
    excess = float(worst.excess[worst.worst()])
    return (
        f"Just outside: {entry(worst)} ({short(excess)} tolerances, after {samples} samples), but inside the "
        "worst-case bound. Judge it in a wider dtype, or at another point."
    )


def proof(proven: bool) -> str:
    if proven:
        return "The worst-case bound proves it: no rounding errs by so much."
    return "The worst-case bound would allow it, the statistics of rounding do not."


SPELT = (
    "Outside the rounding of the definition's own steps, inside that of a formula of one's own: four roundings of an "
    "entry, and one of the largest."
)
ITS_OWN = (
    "No rounding of the definition's own steps errs by so much; a formula of one's own would that loses digits, as by "
    "the difference of large numbers."
)


def half(dtype: str) -> str:
    return f"Half accumulation: sums are taken in {dtype}. Cast to float32 before them, or sum in parts."


# --------------------------------------------------------------------------- how a call behaved


def not_native(foreign: Foreign) -> str:
    return f"{foreign.said}. Compute all of it with the backend's own functions: no other library's can be followed."


def changed_input(change: Change) -> str:
    return (
        f"The call changed its input: {change.what} was {change.before} and is {change.after}. Work on a copy, or "
        "write x = x + 1 instead of changing x in place."
    )


def two_answers(difference: Difference, random: Sequence[str]) -> str:
    at = f"{place(difference.path, difference.index)}: " if difference.path or difference.index else ""
    advice = (
        f"The random state of {' and '.join(random)} moved on: draw the numbers outside (a new layer draws its "
        "weights: make it outside), or seed in the function."
        if random
        else "Look for random numbers, or for something that is kept from call to call."
    )
    return f"{at}first {difference.first}, then {difference.second} for the same inputs. {advice}"


def changed_settings(conduct: Conduct) -> str:
    first, *more = conduct.settings
    others = f" (and {len(more)} more: {', '.join(change.what for change in more[:3])})" if more else ""
    end = "and cannot be put back" if conduct.lasting else "which was put back"
    return (
        f"The call changed {first.what} from {first.before} to {first.after}{others}, {end}. Change it outside of the "
        "function, or restore it before returning."
    )


def changed_random(random: Sequence[str]) -> str:
    return (
        f"Every call moves on the random state of {' and '.join(random)}, though its answer stays the same. Draw "
        "outside of the function (a new layer draws its weights: make it outside), or from a generator of its own."
    )


def stale(path: str) -> str:
    name = path or "the value"
    return (
        f"{name}: the same numbers came back, bit for bit, at a point beside, where the truth is another. Look for "
        "something that is kept from an earlier call: a cache, a global, a closure, numbers that are written out."
    )
