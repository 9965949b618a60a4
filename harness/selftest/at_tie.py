"""Defects at ties: what comes back on a kink is no convention, or is that of the wrong branch."""

from __future__ import annotations

from typing import Any

from harness.selftest.defects import BACKENDS, Defect
from harness.selftest.in_step import Slip


def _at_0(weight: float) -> Any:
    """Return the rule of relu whose derivative at 0 is the weight."""
    return lambda f, g, y, x: (f.where(x > 0, g, f.where(x < 0, 0 * g, weight * g)),)


def _sign_at_0(weight: float) -> Any:
    """Return the rule of |x| whose derivative at 0 is the weight."""
    return lambda f, g, y, x: (f.where(x < 0, -g, f.where(x > 0, g, weight * g)),)


def _to_each(share: float) -> Any:
    """Return the rule of max along the last axis that gives every greatest entry the same share."""
    return lambda f, g, y, x, axis: (f.where(x < f.reshape(y, (-1, 1)), 0 * x, share * f.reshape(g, (-1, 1)) + 0 * x),)


MIXED, ARTEFACT = "SUBGRADIENT(mixed)", "KINK-ARTEFACT"
"""Between the one-sided derivatives, or beside them where kinks meet: no pass, and no proof of a fault."""

SLIPS: tuple[Slip, ...] = (
    Slip(
        kind="relu_at_0_by_037",
        op="relu",
        rule=_at_0(0.37),
        cases=("rectifier", "dead_units"),
        doubts=frozenset({MIXED, ARTEFACT}),
    ),
    Slip(kind="relu_at_0_doubled", op="relu", rule=_at_0(2.0), cases=("dead_units", "rectifier")),
    Slip(kind="relu_at_0_negated", op="relu", rule=_at_0(-1.0), cases=("rectifier", "dead_units")),
    Slip(kind="abs_at_0_by_037", op="abs", rule=_sign_at_0(0.37), cases=("penalty",), doubts=frozenset({MIXED})),
    Slip(kind="abs_at_0_doubled", op="abs", rule=_sign_at_0(2.0), cases=("penalty",)),
    Slip(kind="tie_to_each", op="max", rule=_to_each(1.0), cases=("level",), doubts=frozenset({MIXED})),
    Slip(kind="tie_doubled", op="max", rule=_to_each(2.0), cases=("level",)),
    Slip(
        kind="tie_to_none",
        op="max",
        rule=_to_each(0.0),
        cases=("level",),
        verdicts=frozenset({"DISAGREE", "DEAD-LEAF"}),
        blame="the (max|sum) ",  # one chain: a path that is missing is missing anywhere on it
    ),
    Slip(
        kind="tie_to_both",
        op="maximum",
        rule=lambda f, g, y, a, b: (f.where(a < b, 0 * g, g), f.where(b < a, 0 * g, g)),
        cases=("upper",),
        doubts=frozenset({MIXED}),
    ),
    Slip(
        kind="wrong_branch_of_a_maximum",
        op="maximum",
        rule=lambda f, g, y, a, b: (f.where(a < b, g, 0 * g), f.where(a < b, 0 * g, g)),
        cases=("upper",),
    ),
    Slip(
        kind="wrong_branch_of_a_where",
        op="where",
        rule=lambda f, g, y, chosen, a, b: (None, f.where(chosen, 0 * g, g), f.where(chosen, g, 0 * g)),
        cases=("joint",),
    ),
    Slip(
        kind="both_branches_of_a_where",
        op="where",
        rule=lambda f, g, y, chosen, a, b: (None, g * 1, g * 1),
        cases=("joint",),
    ),
)
"""Each in a function that ties where it is looked at."""


def planted() -> list[Defect]:
    """Return every slip at a tie on every framework."""
    return [slip.planted(backend, turn) for slip in SLIPS for turn, backend in enumerate(BACKENDS)]
