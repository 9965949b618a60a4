"""What may be answered at an exact tie: the options of each decision, and the decision as an option takes it.

A decision is data. So a convention is a changed table: step 1/2 where relu′(0) is 1/2, weights (1/2, 1/2) where a tie
of two is split. A weight 1/k is written as the nearest float64 and taken as exactly 1/k (rows.py).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.domains import decide
from harness.domains.domain import Choice
from harness.domains.structure import rows, unrows
from harness.graph.node import Node

FIRST, SPLIT, LAST = "first", "split", "last"
"""Who gets the adjoint of entries that tie: the first, all in equal shares, the last. All of it to each of them is no
subgradient: where all grow together the value grows once."""

WRITTEN, OTHER = "as written", "the other branch"
"""Which branch a comparison takes at its threshold."""

KEPT, REVERSED = "kept", "reversed"
"""The order in which a sort leaves equal entries."""

COMPARISONS = ("greater", "greater_equal", "less", "less_equal", "equal", "not_equal")

OPTIONS: dict[str, tuple[str, ...]] = {
    "step": ("0", "1/2", "1"),
    "sign_weight": ("0", "-1", "1"),
    "max_weight": (FIRST, SPLIT, LAST),
    "argsort": (KEPT, REVERSED),
    **dict.fromkeys(COMPARISONS, (WRITTEN, OTHER)),
}
"""Decision → its options, first the one that an undisturbed ball run takes."""

NUMBERS = {"0": 0.0, "1/2": 0.5, "1": 1.0, "-1": -1.0}

Array = NDArray[Any]


def taken(node: Node, choice: Choice, option: str, operand: Array) -> Array:
    """Return the decision with its ties taken by the option; `operand` are the balls that it compares."""
    ties = choice.tie | choice.open
    if option in NUMBERS:
        return np.where(ties, NUMBERS[option], choice.taken)
    if node.op == "max_weight":
        return _shared(node, choice.taken, ties, option)
    if option == OTHER:
        return np.asarray(choice.taken ^ ties)
    return _reversed(choice.taken, ties, operand, node.attrs["axis"]) if option == REVERSED else choice.taken


def _shared(node: Node, weight: Array, ties: Array, option: str) -> Array:
    """Return the weights of a largest entry, shared among the tied ones of its line."""
    axes = node.attrs["axes"]
    given, tied = rows(weight, 0, axes), rows(ties, 0, axes)
    count = np.maximum(tied.sum(axis=-1, keepdims=True), 1)
    last = tied & (np.cumsum(tied, axis=-1) == count)
    share = {FIRST: given, SPLIT: 1 / count, LAST: last.astype(np.float64)}[option]
    return np.asarray(unrows(np.where(tied, share, given), weight.shape, axes))


def _reversed(order: Array, ties: Array, x: Array, axis: int) -> Array:
    """Return the order with every run of equal entries turned round."""
    lines, flags = np.moveaxis(order, axis, -1).copy(), np.moveaxis(ties, axis, -1)
    entries = np.moveaxis(x, axis, -1)
    for line in np.ndindex(lines.shape[:-1]):
        for run in _runs(entries[line][lines[line]], flags[line]):
            lines[line][run] = lines[line][run][::-1]
    return np.moveaxis(lines, -1, axis)


def _runs(ranked: Array, ties: Array) -> list[slice]:
    """Return the runs of two and more entries that cannot be told apart."""
    found, start = [], 0
    for k in range(1, len(ranked) + 1):
        tied = k < len(ranked) and ties[k] and ties[k - 1]
        if not tied or decide.compare_one(ranked[k - 1], ranked[k]) not in (decide.TIE, decide.OPEN):
            found.append(slice(start, k))
            start = k
    return [run for run in found if run.stop - run.start > 1]
