"""The sentences of verdicts without a truth: each says that it rests on comparison and that its bars are estimated."""

from __future__ import annotations

from collections.abc import Sequence

from harness.judge.compare import Comparison
from harness.judge.held import ANOTHER
from harness.judge.messages import entry, number, place, short, worst_of
from harness.wording import verb

RESTS = "There is no definition, so no truth: this rests on comparison, with estimated bars."
WRITE = "Write the definition in xp to have it decided."


def listed(names: Sequence[str]) -> str:
    """Return names joined as a sentence joins them."""
    unique = list(dict.fromkeys(names))
    return unique[0] if len(unique) == 1 else f"{', '.join(unique[:-1])} and {unique[-1]}"


def _worst(leaves: Sequence[Comparison], reference: str) -> str:
    worst = worst_of(leaves)
    return f"{entry(worst, reference)} ({short(float(worst.excess[worst.worst()]))} bars)"


def agrees(leaves: Sequence[Comparison], nearest: str, friends: Sequence[str], foes: Sequence[str]) -> str:
    odd = f" {listed(foes)} {verb(len(set(foes)), 'differs', 'differ')}." if foes else ""
    return f"Agrees with {listed(friends)}. Worst {entry(worst_of(leaves), nearest)}.{odd} {RESTS}"


def ill_conditioned(leaf: Comparison) -> str:
    at = leaf.worst()
    return (
        f"{leaf.path or 'the value'}: nothing can be told, for the estimated bar ({short(leaf.tolerance[at])} at "
        f"{place(leaf.path, at)}) could hide any fault: the number there is {short(abs(leaf.truth[at]))}. {RESTS}"
    )


def odd(differing: Sequence[Comparison], nearest: str, others: Sequence[str], *, confirmed: bool) -> str:
    own = f" {ANOTHER}" if confirmed else ""
    return f"The odd one out: {listed(others)} agree with one another. {_worst(differing, nearest)}.{own} {RESTS}"


def odd_value(value: Comparison, nearest: str, others: Sequence[str], *, confirmed: bool) -> str:
    own = f" {ANOTHER}" if confirmed else ""
    return f"Another value than {listed(others)}, which agree: {entry(value, nearest)}.{own} {RESTS}"


def near(differing: Sequence[Comparison], nearest: str, others: Sequence[str]) -> str:
    return (
        f"{listed(others)} agree and this differs, but by less than estimated bars can blame: "
        f"{_worst(differing, nearest)}. {RESTS} {WRITE}"
    )


def kink(differing: Sequence[Comparison], nearest: str, others: Sequence[str]) -> str:
    return (
        f"{listed(others)} agree and this differs, {_worst(differing, nearest)}, but no port's own values have "
        f"a usable step there: a kink or a jump, where a derivative is a convention. {RESTS} Move the point."
    )


def tie(differing: Sequence[Comparison], nearest: str, *, camp: Sequence[str], others: Sequence[str]) -> str:
    values = [leaf for leaf in differing if not leaf.path]
    shown = f" Worst {_worst(differing, nearest)}." if differing else ""
    shown = f" They differ before any gradient, in {_worst(values, nearest)}." if values else shown
    against = f", {listed(others)} {verb(len(set(others)), 'says', 'say')} otherwise" if others else ""
    said = f"Not decided: {listed(camp)} {verb(len(set(camp)), 'says', 'say')} this{against}"
    return f"{said}, and more frameworks stand on no side.{shown} {RESTS} {WRITE}"


def alone(own: Sequence[Comparison], others: Sequence[str]) -> str:
    left = f"what {listed(others)} said cannot count" if others else "there is no port of another framework"
    said = (
        f"Its gradient fits central differences of its own values ({entry(worst_of(own), 'differences')})."
        if own
        else "Central differences of its own values had no usable step."
    )
    return f"Nothing to compare with: {left}. {said} {RESTS} {WRITE}"


def contradicts(wrong: Sequence[Comparison]) -> str:
    return f"Its gradient contradicts its own values: {_worst(wrong, 'their central differences')}. {RESTS}"


def agreed_against_values(wrong: Sequence[Comparison], others: Sequence[str]) -> str:
    return (
        f"Its gradient contradicts its own values, {_worst(wrong, 'their central differences')}, yet "
        f"{listed(others)} {verb(len(set(others)), 'says', 'say')} the same: a stopped gradient, or one fault twice. "
        f"{RESTS} {WRITE}"
    )


def nonfinite(path: str, at: tuple[int, ...], got: float, known: str) -> str:
    came = f"{place(path, at)}: {number(got)} came back"
    if known:
        return f"{came}, where {known} {verb(1 if known[:3] != 'its' else 2, 'has', 'have')} a finite number. {RESTS}"
    return f"{came}, and nothing finite is known there. Move the point, or declare a domain. {RESTS}"


def no_bar(why: str) -> str:
    return f"No error bar could be estimated, so nothing can be compared: {why} {RESTS}"
