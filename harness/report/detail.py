"""A case in full: its groups (a point in a dtype), and in each group what the engines said beside the truth."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from harness.report import names
from harness.report.format import Split, agreeing, entry, real, size, split
from harness.report.place import VALUE, Place, number_at, places
from harness.report.table import Row, severity
from harness.run.records import CaseLine, CellLine, GroupLine, Num, Run

SHOWN = 4
"""Entries of the gradient that a group shows; the rest is in run.jsonl."""

Key = tuple[str, str, str]
"""Point, dtype and operator."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Said:
    """One engine's number for one entry."""

    cell: CellLine
    got: Num
    hex: str
    split: Split
    digits: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entry:
    """The value or one entry of the gradient: the truth, and what each engine said."""

    name: str
    truth: Num
    hex: str
    ideal: str
    """The exact fraction at the decimal text of the point, "" where there is none."""
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Group:
    """An operator at a point in a dtype."""

    point: str
    dtype: str
    operator: str
    line: GroupLine | None
    """None where the run was cut short before it was written."""
    cells: tuple[CellLine, ...]
    entries: tuple[Entry, ...]
    hidden: int
    """How many entries of the gradient are not shown."""

    @property
    def worst(self) -> CellLine | None:
        """The worst cell of the group."""
        return min(self.cells, key=severity, default=None)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Detail:
    """A case with its groups."""

    row: Row
    groups: tuple[Group, ...]

    @property
    def line(self) -> CaseLine | None:
        """What the run says of the case itself."""
        return self.row.line


def details(run: Run, rows: Sequence[Row]) -> tuple[Detail, ...]:
    """Return each row's case in full, in the rows' order."""
    lines: defaultdict[str, dict[Key, GroupLine]] = defaultdict(dict)
    cells: defaultdict[str, defaultdict[Key, list[CellLine]]] = defaultdict(lambda: defaultdict(list))
    for line in run.groups:
        lines[line.case][line.point, line.dtype, line.operator] = line
    for cell in run.cells:
        cells[cell.case][cell.point, cell.dtype, cell.operator].append(cell)
    columns = names.backends(run)
    return tuple(Detail(row=row, groups=_groups(row.line, lines[row.case], cells[row.case], columns)) for row in rows)


def gather(line: GroupLine | None, cells: Sequence[CellLine], columns: Sequence[str]) -> Group:
    """Return the group of this line and these cells, the cells in the order of the columns."""
    ordered = tuple(sorted(cells, key=lambda cell: (columns.index(cell.backend), cell.spelling, cell.variant)))
    chosen = _shown(line, ordered)
    some = line or ordered[0]
    total = sum(map(size, line.gradient.values())) if line else len(chosen)
    return Group(
        point=some.point,
        dtype=some.dtype,
        operator=some.operator,
        line=line,
        cells=ordered,
        entries=tuple(_entry(line, ordered, place) for place in [VALUE, *chosen]),
        hidden=total - len(chosen),
    )


def _groups(
    case: CaseLine | None,
    lines: dict[Key, GroupLine],
    cells: defaultdict[Key, list[CellLine]],
    columns: Sequence[str],
) -> tuple[Group, ...]:
    """Return the groups of one case: points as declared, the wider dtype first, the gradient before the others."""
    keys = sorted(lines.keys() | cells.keys(), key=lambda key: _order(case, key))
    return tuple(gather(lines.get(key), cells[key], columns) for key in keys)


def _order(case: CaseLine | None, key: Key) -> tuple[int, str, int, str, int, str]:
    """Return the place of a group among the groups of its case."""
    point, dtype, operator = key
    among = ((point, case.points if case else ()), (dtype, names.DTYPES), (operator, tuple(names.OPERATORS)))
    first, second, third = (_rank(name, known) for name, known in among)
    return first, point, second, dtype, third, operator


def _rank(name: str, known: tuple[str, ...]) -> int:
    """Return the name's place among the known ones, else the place behind them."""
    return known.index(name) if name in known else len(known)


def _shown(line: GroupLine | None, cells: Sequence[CellLine]) -> list[Place]:
    """Return the entries to show: each engine's worst, then the first ones, in the order of the leaves."""
    worst = [(cell.worst.path, cell.worst.index) for cell in cells if cell.worst and cell.worst.path]
    known = cells[0].gradient if line and not line.gradient and cells else line.gradient if line else {}
    first = islice(places(known), SHOWN)
    leaves = tuple(line.gradient) if line else ()
    chosen = list(dict.fromkeys([*worst, *first]))[:SHOWN]
    return sorted(chosen, key=lambda place: (_rank(place[0], leaves), place))


def _entry(line: GroupLine | None, cells: Sequence[CellLine], place: Place) -> Entry:
    """Return the entry with the truth and what each engine said."""
    truth = _truth(line, cells, place)
    return Entry(
        name=entry(*place) if place == VALUE else names.partial((line or cells[0]).operator, entry(*place)),
        truth=truth,
        hex=_hex(truth),
        ideal=_ideal(line, place),
        said=tuple(_said(cell, place, truth) for cell in cells),
    )


def _truth(line: GroupLine | None, cells: Sequence[CellLine], place: Place) -> Num:
    """Return the truth of the entry: the group's, else what a cell recorded at its worst entry."""
    if line is not None and line.value == "":
        return ""
    held = "" if line is None else line.value if place == VALUE else number_at(line.gradient, place)[0]
    recorded = (cell.worst.truth for cell in cells if cell.worst and (cell.worst.path, cell.worst.index) == place)
    return held if held != "" else next(recorded, "")


def _ideal(line: GroupLine | None, place: Place) -> str:
    """Return the exact fraction of the value or of a scalar leaf."""
    path, index = place
    return "" if line is None or index else line.ideal.get(path or "value", "")


def _said(cell: CellLine, place: Place, truth: Num) -> Said:
    """Return the engine's number for the entry."""
    got, spelled = (cell.value, cell.value_hex) if place == VALUE else number_at(cell.gradient, place)
    if got == "" and cell.worst and (cell.worst.path, cell.worst.index) == place:
        got = cell.worst.got
    digits = 0 if got == "" else agreeing(got, truth)
    return Said(cell=cell, got=got, hex=spelled or _hex(got), split=split(got, truth), digits=digits)


def _hex(value: Num) -> str:
    """Return the hexadecimal text of a number, "" where it has none."""
    number = real(value)
    return number.hex() if math.isfinite(number) else ""
