"""The source of a judged cell, written once more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.declare import Case
from harness.run.first_op import speaker
from harness.run.plan import Cell
from harness.run.records import CellLine, Run, source_key
from harness.run.source import Tracer, task_of


def own_source(run: Run, line: CellLine, cases: Sequence[Case], traced: Tracer = Case.graph) -> str:
    """Return the cell's source in its own dtype and variant; "" where the cases are not what they were.

    A run stores one source for all cells of a case on a backend. The cases are taken for what they were if one of
    these cells' sources, written once more, is that one.
    """
    stored = next((case.emitted.get(source_key(line), "") for case in run.cases if case.case == line.case), "")
    if not stored:
        return ""
    try:
        return _written(run, line, cases, traced) if stored in _all(run, line, cases, traced) else ""
    except (Exception, SystemExit):  # a file that has changed may raise anything; what was stored can still be shown
        return ""


def _all(run: Run, line: CellLine, cases: Sequence[Case], traced: Tracer) -> Iterator[str]:
    """Yield the sources of the cells that share the stored one, in the order of the run."""
    shared = (cell for cell in run.cells if (cell.case, source_key(cell)) == (line.case, source_key(line)))
    return (_written(run, cell, cases, traced) for cell in shared)


def _written(run: Run, line: CellLine, cases: Sequence[Case], traced: Tracer) -> str:
    """Return the source of a cell. Where the adapter's words alone make it, its framework is not imported."""
    cell = Cell(
        case=line.case,
        backend=line.backend,
        spelling=line.spelling,
        variant=line.variant,
        operator=line.operator,
        dtype=line.dtype,
        point=line.point,
    )
    return speaker(line.backend).script(task_of(cell, cases, run.header.seed, traced)).source
