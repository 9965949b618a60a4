"""Partials that came back in each other's place, as those of a rule that returns them in the wrong order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.judge.compare import Comparison


def exchanges(wrong: Sequence[Comparison]) -> list[list[str]]:
    """Return the cycles of leaves of which each has the partial of the next, the last that of the first.

    Empty where that does not explain every one of the wrong leaves, or where it could be read in two ways.
    """
    owners = [_owners(one, wrong) for one in wrong]
    if any(len(found) != 1 for found in owners):
        return []
    next_of = {one.path: owner.path for one, (owner,) in zip(wrong, owners, strict=True)}
    return _cycles(next_of) if len(set(next_of.values())) == len(next_of) else []


def _owners(one: Comparison, others: Sequence[Comparison]) -> list[Comparison]:
    """Return the other leaves whose partial came back for this one."""
    return [other for other in others if other is not one and _told_apart(one, other) and _is_of(one, other)]


def _told_apart(one: Comparison, other: Comparison) -> bool:
    """Return whether two leaves have one shape, and truths that their tolerances keep apart."""
    if one.truth.shape != other.truth.shape:
        return False
    return bool(np.any(np.abs(one.truth - other.truth) > one.tolerance + other.tolerance))


def _is_of(one: Comparison, other: Comparison) -> bool:
    """Return whether what came back is the other leaf's truth, within the tolerance of that leaf."""
    with np.errstate(invalid="ignore"):
        close = np.abs(one.got - other.truth) <= other.tolerance
    return bool(one.judged.all() and close.all())


def _cycles(next_of: dict[str, str]) -> list[list[str]]:
    """Return a permutation's cycles, each from the leaf that comes first."""
    found: list[list[str]] = []
    for path in next_of:
        if not any(path in cycle for cycle in found):
            cycle = [path]
            while (following := next_of[cycle[-1]]) != path:
                cycle.append(following)
            found.append(cycle)
    return found
