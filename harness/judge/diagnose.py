"""What kind of wrong a wrong gradient is.

Each hypothesis is simple, and counts only if it explains the whole difference within tolerance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from harness.judge import messages
from harness.judge.compare import Comparison
from harness.judge.exchange import exchanges
from harness.measurement import Array

FLOAT32_EXCESS = 2.0**30
"""float32's unit over float64's, doubled: how far a float32 result may lie outside a float64 tolerance."""
INACCURATE = 2.0**18
"""Tolerances within which a wrong result is merely inaccurate: a float32 result lies further off."""
MOST = 0.5
"""Share of the entries that a wrong dtype spoils: one that is off alone is off for another reason."""
SIMPLE = tuple(Fraction(text) for text in "2 3 4 5 10 1/2 1/3 1/4 1/5 1/10 3/2 2/3 4/3 3/4".split())
"""Factors that people forget or write twice; the sizes of the inputs come to them."""


def diagnose(comparisons: Iterable[Comparison], sizes: Iterable[int], dtype: str) -> str:
    """Return the hypothesis that explains every wrong leaf, or "" where none does.

    `sizes` are lengths of the inputs' axes: N and 1/N are factors that a mean forgets.
    """
    every = list(comparisons)
    wrong = [comparison for comparison in every if comparison.wrong.any()]
    factors = tuple(dict.fromkeys((*SIMPLE, *(f for n in sizes if n > 1 for f in (Fraction(n), Fraction(1, n))))))
    hypotheses = (_negated, _scaled_by(factors), _zero, _swapped, _transposed, _scaled, _float32(dtype))
    told = [[hypothesis(comparison) for hypothesis in hypotheses] for comparison in wrong]
    shared = [list(words) for words in zip(*told, strict=True) if all(words)]
    alike = next((words[0] for words in shared if len(set(words)) == 1), "")
    if cycles := [] if alike else exchanges(wrong):
        return messages.exchanged(cycles)
    if shared:
        return _joined(wrong, shared[0], whole=len(wrong) == len(every))
    first = [next(filter(None, one), "") for one in told]
    return _joined(wrong, first, whole=len(wrong) == len(every)) if first and all(first) else ""


def _joined(wrong: list[Comparison], told: list[str], *, whole: bool) -> str:
    """Return the words of every wrong leaf; without the leaves' names where they are said of the `whole` gradient."""
    if len(set(told)) == 1 and whole:
        return told[0]
    return "; ".join(f"{comparison.path}: {text}" for comparison, text in zip(wrong, told, strict=True))


def _explains(comparison: Comparison, hypothesis: Array, stretch: float = 1.0) -> bool:
    """Return whether the hypothesis gives what came back, within the tolerance of the truth."""
    with np.errstate(invalid="ignore"):
        close = np.abs(comparison.got - hypothesis) <= comparison.tolerance * max(1.0, stretch)
    return bool(np.all(close | ~comparison.judged))


def _negated(comparison: Comparison) -> str:
    """The sign of a whole leaf, or of the entries that are wrong."""
    turned = np.where(comparison.wrong, -comparison.truth, comparison.truth)
    if not _explains(comparison, turned):
        return ""
    alive = comparison.judged & (comparison.truth != 0)
    return "negated" if comparison.wrong[alive].all() else f"negated at {_places(comparison.wrong)}"


def _scaled_by(factors: tuple[Fraction, ...]) -> Callable[[Comparison], str]:
    def hypothesis(comparison: Comparison) -> str:
        for factor in factors:
            if _explains(comparison, float(factor) * comparison.truth, float(factor)):
                return f"scaled by {factor}"
        return ""

    return hypothesis


def _zero(comparison: Comparison) -> str:
    """Zeros where the truth is not zero, or what rounding leaves of them; the other entries are right."""
    size = np.abs(comparison.got[comparison.wrong])
    if not np.all(size <= comparison.tolerance[comparison.wrong]):
        return ""
    word = "zero up to rounding" if size.any() else "zero"
    places = _places(comparison.wrong)
    return f"{word} at {places}" if places else word


def _swapped(comparison: Comparison) -> str:
    places = np.argwhere(comparison.wrong)
    if len(places) != 2:
        return ""
    first, second = (tuple(int(k) for k in place) for place in places)
    exchanged = comparison.truth.copy()
    exchanged[first], exchanged[second] = comparison.truth[second], comparison.truth[first]
    stretch = comparison.tolerance[[first[0], second[0]]] if comparison.truth.ndim == 1 else comparison.tolerance
    loosest = float(np.max(stretch) / max(float(np.min(comparison.tolerance)), np.finfo(float).tiny))
    return f"entries {list(first)} and {list(second)} swapped" if _explains(comparison, exchanged, loosest) else ""


def _transposed(comparison: Comparison) -> str:
    shape = comparison.truth.shape
    if len(shape) != 2 or shape[0] != shape[1]:
        return ""
    loosest = np.maximum(comparison.tolerance, comparison.tolerance.T)
    with np.errstate(invalid="ignore"):
        close = np.abs(comparison.got - comparison.truth.T) <= loosest
    return "transposed" if bool(np.all(close)) else ""


def _scaled(comparison: Comparison) -> str:
    """One factor for the whole leaf, found by least squares over the judged entries."""
    got, truth = comparison.got[comparison.judged], comparison.truth[comparison.judged]
    norm = float(truth @ truth) if truth.size > 1 else 0.0
    factor = float(got @ truth) / norm if norm > 0 else 0.0
    if not np.isfinite(factor) or factor == 0:
        return ""
    return f"scaled by {_factor(factor)}" if _explains(comparison, factor * comparison.truth, abs(factor)) else ""


def _factor(factor: float) -> str:
    """Return a factor as the fraction that it is, or so that one close to 1 can be told from 1."""
    fraction = Fraction(factor).limit_denominator(99)
    if fraction != 1 and abs(float(fraction) - factor) <= 1e-9 * abs(factor):
        return str(fraction)
    excess = factor - 1
    return f"1 {'-' if excess < 0 else '+'} {abs(excess):.2g}" if abs(excess) < 1e-3 else f"{factor:.6g}"


def _float32(dtype: str) -> Callable[[Comparison], str]:
    """Return the look for float32 in float64: what comes out of it is off nearly everywhere, or is a float32."""

    def hypothesis(comparison: Comparison) -> str:
        near = dtype == "float64" and _explains(comparison, comparison.truth, FLOAT32_EXCESS)
        far = float(np.max(np.where(comparison.judged, comparison.excess, 0.0), initial=0.0)) > INACCURATE
        return "precision leak: only float32-accurate" if near and far and _coarse(comparison) else ""

    def _coarse(comparison: Comparison) -> bool:
        got = comparison.got[comparison.wrong]
        alive = comparison.judged & (comparison.truth != 0)
        most = alive.any() and np.mean(comparison.wrong[alive]) > MOST
        return bool(most or np.all(got == got.astype(np.float32)))

    return hypothesis


def _places(mask: NDArray[np.bool_]) -> str:
    """Return the places of a mask in words, "" for the one place of a scalar."""
    if mask.ndim == 0:
        return ""
    where = [list(map(int, place)) for place in np.argwhere(mask)]
    if len(where) == mask.size:
        return "every entry"
    shown = ", ".join(map(str, where[:3]))
    return shown + (f" and {len(where) - 3} more" if len(where) > 3 else "")
