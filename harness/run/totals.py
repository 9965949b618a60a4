"""Counts of a run, its headline, and its negative control."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from harness.judge import Class, Evidence, Judgement, judge
from harness.measurement import Partial
from harness.run.records import CellLine, HeaderLine, TotalsLine
from harness.wording import plural, verb

DISPLAY = {
    "tensorflow": "TensorFlow",
    "torch": "PyTorch",
    "jax": "JAX",
    "sympy": "SymPy",
    "finite_difference": "finite differences",
    "numpy": "your own backward",
}
"""How backends are called in sentences."""


def totals(
    header: HeaderLine,
    cells: Sequence[CellLine],
    *,
    planned: int,
    stale: Sequence[str],
    seconds: float,
    caught: bool,
    control: str,
) -> TotalsLine:
    """Return the last line of a run."""
    backends: dict[str, Counter[str]] = {}
    for cell in cells:
        backends.setdefault(cell.backend, Counter())[cell.cls] += 1
    return TotalsLine(
        planned=planned,
        judged=len(cells),
        classes={str(cls): sum(1 for cell in cells if cell.cls == cls) for cls in Class},
        verdicts=dict(Counter(cell.verdict for cell in cells)),
        backends={name: dict(count) for name, count in backends.items()},
        expected=sum(1 for cell in cells if cell.expected),
        stale=tuple(stale),
        seconds=seconds,
        headline=headline(header, cells),
        control=control,
        caught=caught,
    )


def headline(header: HeaderLine, cells: Sequence[CellLine]) -> str:
    """Return the run in one sentence: who agrees on how much, how tightly, who did not run, what differs."""
    ran = [name for name, status in header.backends.items() if status == "ran"]
    asked = ran + [name for name in DISPLAY if name in {cell.backend for cell in cells} - header.backends.keys()]
    count = Counter(cell.cls for cell in cells if not cell.expected)
    expected = sum(1 for cell in cells if cell.expected)
    compared = sum(1 for cell in cells if cell.against and cell.cls == Class.PASS and not cell.expected)
    parts = [_agreement(asked, count[Class.PASS] - compared, all(cell.against for cell in cells))]
    if compared:
        agree = verb(compared, "agrees", "agree")
        parts.append(f"{plural(compared, 'cell')} of ports without a definition {agree} with one another, by estimates")
    tight = _tightest(cells)
    if tight is not None:
        parts.append(f"tightest margin {_cut(float(tight.margin))}× at {tight.id}")
    if count[Class.FAIL]:
        parts.append(f"{plural(count[Class.FAIL], 'cell')} {verb(count[Class.FAIL], 'fails', 'fail')}")
    if (doubts := count[Class.INCONCLUSIVE]) > 0:
        parts.append(f"{plural(doubts, 'cell')} {verb(doubts, 'is', 'are')} inconclusive")
    if header.backends:
        parts.append(f"{len(ran)} of {plural(len(header.backends), 'backend')} ran")
    parts.append(plural(expected, "known difference"))
    return "; ".join(parts) + "."


def _agreement(asked: Sequence[str], passed: int, truthless: bool) -> str:
    """Return who agrees with the truth on how much, or that there was none."""
    if not asked:
        return "Nothing ran"
    if truthless:
        return f"{_names(asked)} {verb(len(asked), 'was', 'were')} compared without a truth"
    if not passed:
        return f"No gradient of {_names(asked)} agrees with the truth"
    return f"{_names(asked)} {verb(len(asked), 'agrees', 'agree')} with the truth on {plural(passed, 'cell')}"


def _cut(margin: float) -> str:
    """Return the margin cut to two digits, never rounded up."""
    digits = 1 - math.floor(math.log10(margin)) if margin > 0 else 0
    scale = 10.0**digits
    return f"{math.floor(margin * scale) / scale:.2g}"


def _names(names: Sequence[str]) -> str:
    said = [DISPLAY.get(name, name) for name in names]
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"


def _tightest(cells: Iterable[CellLine]) -> CellLine | None:
    """Return the passing cell with the least finite margin; of equal ones the first by name, whatever ran first."""
    finite = [cell for cell in cells if cell.cls == Class.PASS and np.isfinite(float(cell.margin))]
    return min(finite, key=lambda cell: (float(cell.margin), cell.id), default=None)


def plant(evidence: Evidence) -> Evidence | None:
    """Return the evidence with its gradient negated, or None where that would change nothing that is judged."""
    partials: dict[str, Partial | None] = {}
    for path, partial in evidence.measurement.partials.items():
        partials[path] = None if partial is None else _negated(partial)
    if not any(np.any(truth.nearest != 0) for truth in evidence.truth.partials.values()):
        return None
    return replace(evidence, measurement=replace(evidence.measurement, partials=partials))


def _negated(partial: Partial) -> Partial:
    return replace(partial, values=-partial.values, tail=tuple(-part for part in partial.tail))


def planted(evidence: Evidence) -> Judgement | None:
    """Return the verdict on the evidence were its gradient negated, or None where that would change nothing."""
    wrong = plant(evidence)
    return None if wrong is None else judge(wrong)


def control(found: Judgement | None, identity: str) -> tuple[bool, str]:
    """Return whether a planted wrong gradient was caught, and the sentence that says so."""
    if found is None:
        return True, "No cell passed with a gradient that is not zero, so none could be planted wrong."
    told = f"{found.verdict.word}{{{found.diagnosis}}}" if found.diagnosis else found.verdict.word
    if found.verdict.cls is Class.FAIL:
        return True, f"A planted wrong gradient was caught: {identity} negated reads {told}."
    return False, f"A planted wrong gradient was NOT caught: {identity} negated reads {told}. Do not trust this run."
