"""What every report says first: the headline, the counts, the control, what was not checked."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from harness.report import names
from harness.report.format import at_least, plural, real
from harness.report.table import severity
from harness.run.records import CellLine, GroupLine, Run
from harness.wording import verb

CAUGHT = "A planted wrong gradient was caught"
NOT_PLANTED = "No cell passed"
"""How the record's sentence on the planted wrong gradient begins."""


def headline(run: Run) -> str:
    """Return the run in one sentence; of a run that was cut short, that it was."""
    if run.totals:
        return run.totals.headline
    judged = plural(len(run.cells), "cell")
    return f"The run was cut short: {judged} judged; nothing is known of the others, and this is not a result."


def counts(run: Run) -> dict[str, int]:
    """Return how many cells are of each class, the worst class first."""
    found = Counter(map(names.status, run.cells))
    return {name: found[name] for name in names.GLYPHS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Whether the checker was seen to catch a planted wrong gradient."""

    status: str
    """pass, inconclusive or fail."""
    sentence: str


def control(run: Run) -> Control:
    """Return what the planted wrong gradient proved; whatever does not say that it was caught is distrusted."""
    said = run.totals.control if run.totals else ""
    if not said or said.startswith(NOT_PLANTED):
        return Control(status="inconclusive", sentence=said or "No wrong gradient was planted in this run.")
    if said.startswith(CAUGHT):
        return Control(status="pass", sentence=said)
    return Control(status="fail", sentence=f"This report is not to be trusted. {said}")


def failures(run: Run) -> list[CellLine]:
    """Return the cells that failed, the worst first."""
    return of_class(run, "fail")


def of_class(run: Run, name: str) -> list[CellLine]:
    """Return the cells of a class, the worst first."""
    return sorted((cell for cell in run.cells if names.status(cell) == name), key=severity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Cells that share a verdict and its sentence."""

    reason: str
    cells: tuple[CellLine, ...]

    @property
    def first(self) -> CellLine:
        """The first of the cells."""
        return self.cells[0]

    @property
    def whose(self) -> str:
        """Whose sentence it is: "12 cells of mine.cost", or the id of the only cell."""
        alone = len(self.cells) == 1
        return self.first.id if alone else f"{plural(len(self.cells), 'cell')} of {self.first.case}"


def reasons(cells: Iterable[CellLine]) -> list[Reason]:
    """Return the cells gathered by verdict and sentence, in the order in which these are met."""
    gathered: dict[tuple[str, str], list[CellLine]] = {}
    for cell in cells:
        gathered.setdefault((names.word(cell), cell.reason), []).append(cell)
    return [Reason(reason=reason, cells=tuple(group)) for (_, reason), group in gathered.items()]


def one_by_one(cells: Iterable[CellLine]) -> list[Reason]:
    """Return the cells as a list tells them: each by itself, but those of a case that have a sentence and no number.

    A case that is refused costs every engine its cells, and its sentence is worth telling once.
    """
    gathered: dict[tuple[str, ...], list[CellLine]] = {}
    for cell in cells:
        key = (cell.id,) if cell.worst else (cell.case, names.word(cell), cell.reason)
        gathered.setdefault(key, []).append(cell)
    return [Reason(reason=group[0].reason, cells=tuple(group)) for group in gathered.values()]


def families(cells: Iterable[CellLine]) -> list[Reason]:
    """Return the cells as a reader tells them apart: those of an engine that fail alike are one thing that is wrong."""
    gathered: dict[tuple[str, ...], list[CellLine]] = {}
    for cell in cells:
        whose = (cell.backend, cell.spelling, cell.operator) if cell.worst else (cell.reason,)
        gathered.setdefault((cell.case, names.word(cell), *whose), []).append(cell)
    return [Reason(reason=group[0].reason, cells=tuple(group)) for group in gathered.values()]


def at_tie(group: GroupLine) -> str:
    """Return what is to be known of the truth of a point that ties; "" where it does not."""
    if not group.tie:
        return ""
    if group.single:
        return f"{group.tie}: the kinks cancel, and the {names.result(group.operator)} is one all the same."
    if group.operator in ("grad", "jacobian"):
        return f"{group.tie}: the {names.result(group.operator)} is one of several, by a convention."
    return f"{group.tie}: the result is judged only where every choice at it gives the same."


def would_pass(cell: CellLine) -> str:
    """Return the smallest tolerance that the cell would have passed at; "" where it passes, or where there is none."""
    if cell.worst is None:
        return ""
    error, tolerance = real(cell.worst.error), real(cell.worst.tolerance)
    if not (error > tolerance > 0 and math.isfinite(error)):
        return ""
    return f"{at_least(error)}, {at_least(error / tolerance)} times this one"


def not_run(run: Run) -> dict[str, str]:
    """Return the backends that did not run, each with its sentence."""
    return {name: said for name, said in run.header.backends.items() if said != names.RAN}


def gaps(run: Run) -> list[str]:
    """Return a sentence for each way in which the run is less than it was planned to be."""
    if run.totals is None:
        return ["The run was cut short: its last line is missing, so there are no totals and cells are missing."]
    found = [f"A case file was not read, and its cases are missing: {said}" for said in run.header.unread]
    found += run.header.unknown
    found += [f"Expectation without a failing cell: {stale}. Remove this line." for stale in run.totals.stale]
    if run.totals.judged != run.totals.planned:
        judged = run.totals.judged
        found.append(f"{plural(judged, 'cell')} {verb(judged, 'was', 'were')} judged of {run.totals.planned} planned.")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """A verdict as it was used in this run."""

    verdict: str
    status: str
    rule: int
    count: int
    example: str
    """The sentence of the first cell that has it."""


def meanings(run: Run) -> list[Meaning]:
    """Return the verdicts of the run in the order of their rules, each with a sentence from a cell."""
    first = {cell.verdict: cell for cell in reversed(run.cells)}
    found = Counter(cell.verdict for cell in run.cells)
    lines = [
        Meaning(verdict=name, status=names.status(cell), rule=cell.rule, count=found[name], example=cell.reason)
        for name, cell in first.items()
    ]
    return sorted(lines, key=lambda line: (line.rule, line.verdict))
