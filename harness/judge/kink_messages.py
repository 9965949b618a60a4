"""Sentences about branches: what a tie may answer, and what one did."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from harness.judge.compare import Comparison
from harness.judge.messages import number, place
from harness.truth import Tie
from harness.truth.sides import Slopes
from harness.wording import result


def undefined(trouble: str) -> str:
    said = trouble or "The exact value or gradient is not finite at this point."
    return f"{said} Move the point, or declare a domain."


def tie(at: Tie) -> str:
    return f"{_a_tie(at)}: what is chosen there decides, and no choice is more right. Move the point off the tie."


def near_tie(at: Tie) -> str:
    return f"A decision within rounding of its threshold at {_node(at)}, and no other branch was looked at. Move it."


def _node(at: Tie) -> str:
    return f"{at.call} ({PurePath(at.where[0]).name}:{at.where[1]})" if at.where else at.call


def _a_tie(at: Tie) -> str:
    return f"{'A presumed' if at.presumed else 'An exact'} tie at {_node(at)}"


def ties_of(ties: Sequence[Tie]) -> str:
    """Return where a point ties: "An exact tie at step (case_mine.py:5) and 2 more"; "" where it does not."""
    if not ties:
        return ""
    more = f" and {len(ties) - 1} more" if len(ties) > 1 else ""
    return f"{_a_tie(ties[0])}{more}"


def convention(ties: Sequence[Tie], words: str, whose: str) -> str:
    return f"{ties_of(ties)}: {words}, {whose}; it lies between the one-sided derivatives."


def between(leaf: Comparison, at: tuple[int, ...], lower: float, upper: float) -> str:
    return (
        f"{place(leaf.path, at)}: {number(leaf.got[at])} lies between the one-sided derivatives {number(lower)} and "
        f"{number(upper)}, which exact evaluations give."
    )


STRAYS = (
    "But no convention gives it, or in its own direction the value changes otherwise than it says, as it may where "
    "several kinks meet. Move the point."
)


def nonfinite(leaf: Comparison, at: tuple[int, ...], slopes: Slopes) -> str:
    sides = [number(float(side[leaf.path][at])) for side in (slopes.lower, slopes.upper)]
    true = "derivative is " + sides[0] if sides[0] == sides[1] else f"derivatives are {sides[0]} and {sides[1]}"
    return (
        f"{place(leaf.path, at)}: {number(leaf.got[at])} came back, but the one-sided {true}: the engine's rule is not "
        "safe at this point."
    )


def artefact(leaf: Comparison, at: tuple[int, ...], slopes: Slopes, words: str) -> str:
    lower, upper = (float(side[leaf.path][at]) for side in (slopes.lower, slopes.upper))
    true = (
        f"the derivative is {number(upper)}"
        if abs(upper - lower) <= leaf.tolerance[at]
        else f"the one-sided derivatives are {number(lower)} and {number(upper)}"
    )
    given = f" by the convention {words}" if words else ""
    return (
        f"{place(leaf.path, at)}: {number(leaf.got[at])} came back{given}, but {true}: several kinks meet here, and "
        "what is chosen at each does not add up. Move the point, or write the function with one kink."
    )


def mixed(ties: Sequence[Tie], operator: str = "grad") -> str:
    return (
        f"{ties_of(ties)}: no uniform convention gives this {result(operator)}, though no entry is outside of what "
        "some choice at the ties gives it. Move the point off the tie."
    )


def other_branch(ties: Sequence[Tie], count: int) -> str:
    nodes = ", ".join(_node(at) for at in ties[:3])
    decisions = "A decision" if count == 1 else f"{count} decisions"
    return (
        f"{decisions} within rounding of the threshold went the other way at {nodes}: with that branch every entry is "
        "right. Judge it in a wider dtype, or move the point."
    )
