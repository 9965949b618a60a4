"""The case × backend matrix: cells of a case on a backend, read as their worst."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from harness.report import names
from harness.report.format import real
from harness.run.records import CaseLine, CellLine, Run

ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tile:
    """What one backend said about one case, over all points and dtypes."""

    backend: str
    worst: CellLine | None
    """The cell that stands for all; None where there is none."""
    passed: int = 0
    total: int = 0
    absence: str = ""
    """Why there is no cell."""

    @property
    def status(self) -> str:
        """The class of the worst cell, or `absent`."""
        return names.status(self.worst) if self.worst else ABSENT

    @property
    def ramp(self) -> int:
        """0 to 4: the smaller the margin, the higher."""
        ratio = real(self.worst.margin) if self.worst else math.inf
        return sum(ratio < bound for bound in (1000, 20, 5, 2))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Row:
    """One case on all backends."""

    case: str
    line: CaseLine | None
    tiles: tuple[Tile, ...]

    @property
    def worst(self) -> CellLine | None:
        """The worst cell of the row, None where nothing ran."""
        return min((tile.worst for tile in self.tiles if tile.worst), key=severity, default=None)

    @property
    def status(self) -> str:
        """The class of the worst cell, or `absent`."""
        return names.status(self.worst) if self.worst else ABSENT

    @property
    def title(self) -> str:
        """First line of the case's docstring."""
        return self.line.title if self.line else ""


def severity(cell: CellLine) -> tuple[int, float, str]:
    """Return the order of cells: fail, inconclusive, pass; within a class the smallest margin, NaN before all."""
    ratio = real(cell.margin)
    return list(names.GLYPHS).index(names.status(cell)), -math.inf if math.isnan(ratio) else ratio, cell.id


def matrix(run: Run) -> tuple[Row, ...]:
    """Return a row per case, the worst first."""
    columns = names.backends(run)
    lines = {line.case: line for line in run.cases}
    cells = _by_case_and_backend(run.cells)
    cases = dict.fromkeys([*lines, *(cell.case for cell in run.cells)])
    rows = [
        Row(case=case, line=lines.get(case), tiles=tuple(_tile(run, name, cells[case, name]) for name in columns))
        for case in cases
    ]
    return tuple(sorted(rows, key=_row_order))


def _by_case_and_backend(cells: Iterable[CellLine]) -> defaultdict[tuple[str, str], list[CellLine]]:
    """Return the cells of each case on each backend."""
    grouped: defaultdict[tuple[str, str], list[CellLine]] = defaultdict(list)
    for cell in cells:
        grouped[cell.case, cell.backend].append(cell)
    return grouped


def _tile(run: Run, backend: str, cells: list[CellLine]) -> Tile:
    """Return the worst of the cells, with how many passed."""
    if not cells:
        return Tile(backend=backend, worst=None, absence=_absence(run, backend))
    passed = sum(names.status(cell) == "pass" for cell in cells)
    return Tile(backend=backend, worst=min(cells, key=severity), passed=passed, total=len(cells))


def _absence(run: Run, backend: str) -> str:
    """Return why the backend has no cell here."""
    said = run.header.backends.get(backend, names.RAN)
    if said != names.RAN:
        return said
    return "not planned" if run.totals else "the run was cut short before this cell"


def _row_order(row: Row) -> tuple[int, float, str]:
    """Return the order of rows: that of their worst cells, rows without cells after the inconclusive ones."""
    if row.worst is None:
        return list(names.GLYPHS).index("pass"), -math.inf, row.case
    rank, ratio, _ = severity(row.worst)
    return rank, ratio, row.case
