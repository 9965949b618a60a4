"""Showing every defect to the harness, the way a user's native goes, and reading what it says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, cast

from harness.backends import describe
from harness.collect import load
from harness.declare import Case
from harness.run.plan import Cell
from harness.run.records import CellLine, to_float
from harness.selftest.defects import BACKENDS, Defect

PLANTED = Path(__file__).parent / "planted.py"
REACH = {"SUSPECT": 5.0}
"""How far above ρ a fault can be that was not blamed: tolerance and rounding, or four tolerances and rounding."""
NOT_RUN = frozenset({"UNSUPPORTED", "NOT-INSTALLED"})
TIGHT = "float64"
BLAME = re.compile("one wrong (?:node|rule) explains it all, (.*)", re.DOTALL)
"""What a message says that blames one operation."""


class Outcome(StrEnum):
    """What became of a defect in one dtype."""

    FOUND = "found"
    """A failing verdict of the right kind."""
    UNDETECTABLE = "undetectable"
    """It passed, and it is smaller than the printed resolution."""
    DOUBTED = "inconclusive"
    """It did not pass, and at a tie nothing more can be said."""
    NOT_RUN = "not run"
    """The framework or the operator is not there."""
    MISSED = "missed"
    """It passed, or got a verdict of another kind, and nothing excuses that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A defect in one dtype, and what was said of it."""

    defect: Defect
    dtype: str
    outcome: Outcome
    line: CellLine
    """The line that decided it."""
    resolution: float | None = None
    """ρ of the entry that is wrong, where its size is known."""

    @property
    def word(self) -> str:
        """Return verdict and diagnosis."""
        return f"{self.line.verdict}{{{self.line.diagnosis}}}" if self.line.diagnosis else self.line.verdict

    @property
    def named(self) -> bool | None:
        """Whether the message names the operation that is wrong; None where it blames none, or none is planted."""
        blame = BLAME.search(self.line.reason)
        if blame is None or not self.defect.operation or self.outcome is not Outcome.FOUND:
            return None
        return re.match(self.defect.operation, blame.group(1)) is not None


def planted() -> tuple[dict[str, Case], tuple[Defect, ...]]:
    """Return the functions that carry defects by name, and the defects."""
    module: Any = load(PLANTED)
    return cast(dict[str, Case], module.CASES), cast(tuple[Defect, ...], module.DEFECTS)


def cells_of(defect: Defect) -> list[Cell]:
    """Return the cells that a defect is shown in; none where nobody knows the operator."""
    known = describe(defect.backend)
    if defect.operator != "grad" and defect.operator not in known.routes:
        return []
    variants = known.variants if defect.operator == "grad" else known.routes[defect.operator]
    return [
        Cell(
            case=f"planted.{defect.case}",
            backend=defect.backend,
            spelling=defect.kind,
            variant=defect.variant or variants[0],
            dtype=dtype,
            point=point,
            operator=defect.operator,
        )
        for dtype in defect.dtypes
        for point in defect.points
    ]


def honest_cells(cases: Iterable[Case], dtypes: Sequence[str], points: int) -> list[Cell]:
    """Return the cells of the right functions at their first points: what a fixed tolerance compares with."""
    return [
        Cell(case=case.id, backend=backend, variant=describe(backend).variants[0], dtype=dtype, point=point.label)
        for case in cases
        for dtype in dtypes
        for point in case.points[:points]
        for backend in BACKENDS
    ]


def judged(defect: Defect, dtype: str, lines: Sequence[CellLine], resolution: float | None) -> Trial:
    """Return what became of a defect whose cells in the dtype are these."""

    def trial(outcome: Outcome, line: CellLine) -> Trial:
        return Trial(defect=defect, dtype=dtype, outcome=outcome, line=line, resolution=resolution)

    right = [line for line in lines if _right(defect, line)]
    if right:
        return trial(Outcome.FOUND, right[0])
    worst = min(lines, key=lambda line: ("fail", "inconclusive", "pass").index(line.cls))
    if all(line.verdict in NOT_RUN for line in lines):
        return trial(Outcome.NOT_RUN, worst)
    if all(line.verdict in defect.doubts for line in lines):
        return trial(Outcome.DOUBTED, worst)
    below = _below(defect, worst, resolution)
    return trial(Outcome.UNDETECTABLE if below else Outcome.MISSED, worst)


def _right(defect: Defect, line: CellLine) -> bool:
    """Return whether the line blames the defect for what it is; diagnoses are asked for where all digits are there."""
    if line.cls != "fail" or line.verdict not in defect.verdicts:
        return False
    told = line.dtype != TIGHT or not defect.diagnosis or line.verdict != "DISAGREE"
    return told or any(word in line.diagnosis for word in defect.diagnosis)


def _below(defect: Defect, line: CellLine, resolution: float | None) -> bool:
    if line.cls == "fail" or defect.size is None or resolution is None:
        return False
    return defect.size <= REACH.get(line.verdict, 2.0) * resolution


def numbers_of(line: CellLine) -> dict[str, list[float]]:
    """Return the gradient that a line holds, by leaf path."""
    return {path: [to_float(x) for x in one.values] for path, one in line.gradient.items()}
