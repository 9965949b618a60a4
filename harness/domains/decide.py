"""Decisions about balls: a comparison is certain, an exact tie, or open at this precision.

What is open counts as a tie (step and sign 0, the first of the largest); `Choice.open` says so, and more
digits may settle it. Comparisons with infinities are exact; whatever touches NaN is open.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import NDArray

from harness.domains.domain import Choice
from harness.domains.pivot import pivots
from harness.domains.structure import held, rows, unrows
from harness.graph.node import Shape

LESS, TIE, GREATER, OPEN = -1, 0, 1, 2
"""Outcomes of a comparison."""

Codes = NDArray[np.int8]


def compare_one(a: Any, b: Any) -> int:
    """Return how ball a compares with ball b."""
    if a > b:
        return GREATER
    if a < b:
        return LESS
    return TIE if a == b else OPEN


_compare = np.frompyfunc(compare_one, 2, 1)
_gap = np.frompyfunc(lambda a, b: float((a - b).abs_lower()), 2, 1)
_unknown = np.frompyfunc(arb.is_nan, 1, 1)


def compare(a: NDArray[Any], b: NDArray[Any]) -> Codes:
    """Return the outcome of each comparison of a with b."""
    return np.asarray(_compare(a, b), dtype=np.int8)


def gap(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """Return a lower bound of |a − b|, 0 where it is unknown."""
    least = np.asarray(_gap(a, b), dtype=np.float64)
    return np.where(np.isnan(least), 0.0, least)


def _relation(holds: Callable[[Codes], NDArray[np.bool_]]) -> Callable[..., Choice]:
    """Return the rule of a comparison that holds for certain outcomes."""

    def rule(a: NDArray[Any], b: NDArray[Any]) -> Choice:
        codes = compare(a, b)
        return Choice(taken=holds(_settled(codes)), margin=gap(a, b), tie=codes == TIE, open=codes == OPEN)

    return rule


def _settled(codes: Codes) -> Codes:
    """Return the outcomes with what is open taken as a tie."""
    return np.where(codes == OPEN, np.int8(TIE), codes)


def _sign(x: NDArray[Any], taken: Callable[[Codes], NDArray[Any]]) -> Choice:
    zero = held(arb(0))
    codes = compare(x, zero)
    return Choice(taken=taken(_settled(codes)), margin=gap(x, zero), tie=codes == TIE, open=codes == OPEN)


def max_weight(x: NDArray[Any], axes: Shape) -> Choice:
    """Return weight 1 at the first of the largest entries along `axes`."""
    lines = rows(x, 0, axes)
    best, top = _largest(lines)
    weight = np.where(np.arange(lines.shape[-1]) == best[..., None], 1.0, 0.0)
    codes, margin = compare(lines, top), gap(lines, top)
    others = np.where(weight == 1, np.inf, margin)
    margin = np.where(weight == 1, others.min(axis=-1, keepdims=True), margin)
    rivals = weight == 0
    tied, open_ = rivals & (codes == TIE), rivals & (codes >= GREATER)
    back = functools.partial(unrows, shape=x.shape, axes=axes)
    tie, undecided = _with_winner(tied, weight), _with_winner(open_, weight)
    return Choice(taken=back(weight), margin=back(margin), tie=back(tie), open=back(undecided))


def _with_winner(rivals: NDArray[np.bool_], weight: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the flags with the winner flagged beside any rival."""
    return np.asarray(rivals | ((weight == 1) & rivals.any(axis=-1, keepdims=True)))


def _largest(lines: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """Return position and value (last axis kept) of the first largest entry of each line; NaN is larger than all."""
    best, top = np.zeros(lines.shape[:-1], dtype=np.intp), lines[..., 0]
    for k in range(1, lines.shape[-1]):
        rival = lines[..., k]
        wins = (compare(rival, top) == GREATER) | (_nan(rival) & ~_nan(top))
        best, top = np.where(wins, k, best), np.where(wins, rival, top)
    return best, held(top)[..., None]


def _nan(x: Any) -> NDArray[np.bool_]:
    return np.asarray(_unknown(x), dtype=bool)


def argsort(x: NDArray[Any], axis: int, descending: bool) -> Choice:
    """Return the stable order along `axis`; flags and margins stand at the sorted positions."""
    lines = np.moveaxis(x, axis, -1)
    order = np.empty(lines.shape, dtype=np.int64)
    for line in np.ndindex(lines.shape[:-1]):
        order[line] = _order(lines[line], descending)
    ranked = np.take_along_axis(lines, order, -1)
    codes, margins = compare(ranked[..., 1:], ranked[..., :-1]), gap(ranked[..., 1:], ranked[..., :-1])
    back = functools.partial(np.moveaxis, source=-1, destination=axis)
    return Choice(
        taken=back(order),
        margin=back(np.minimum(*_neighbours(margins, np.inf))),
        tie=back(np.logical_or(*_neighbours(codes == TIE, False))),
        open=back(np.logical_or(*_neighbours(codes == OPEN, False))),
    )


def _order(line: NDArray[Any], descending: bool) -> list[int]:
    """Return the positions of the entries in order; equal and open pairs keep theirs."""
    direction = -1 if descending else 1

    def before(i: int, j: int) -> int:
        code = compare_one(line[i], line[j])
        return 0 if code == OPEN else direction * code

    return sorted(range(len(line)), key=functools.cmp_to_key(before))


def _neighbours(between: NDArray[Any], end: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return, for each position, what lies between it and the one before, and the one after."""
    edge = np.full((*between.shape[:-1], 1), end, dtype=between.dtype)
    return np.concatenate([edge, between], -1), np.concatenate([between, edge], -1)


def rows_by_pivots(x: NDArray[Any]) -> Choice:
    """Return the order of the rows in an elimination: no tie and no margin, since nothing depends on it."""
    order = pivots(x)
    never = np.zeros(order.shape, dtype=bool)
    return Choice(taken=order, margin=np.full(order.shape, np.inf), tie=never, open=never)


RULES: dict[str, Callable[..., Choice]] = {
    "greater": _relation(lambda codes: codes == GREATER),
    "greater_equal": _relation(lambda codes: codes != LESS),
    "less": _relation(lambda codes: codes == LESS),
    "less_equal": _relation(lambda codes: codes != GREATER),
    "equal": _relation(lambda codes: codes == TIE),
    "not_equal": _relation(lambda codes: codes != TIE),
    "step": lambda x: _sign(x, lambda codes: np.where(codes == GREATER, 1.0, 0.0)),
    "sign_weight": lambda x: _sign(x, lambda codes: codes.astype(np.float64)),
    "max_weight": max_weight,
    "argsort": argsort,
    "pivots": rows_by_pivots,
}
