"""The lesson strip: J(w) = w² at w = 3, nudged, differentiated by algebra, and by five engines."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from harness.report import names
from harness.report.format import Split, agreeing, plural, real, split
from harness.run.records import CaseLine, CellLine, GroupLine, Num, Run

CASE = "lesson.square"
PLACE = Decimal(3)
STEPS = tuple(map(Decimal, ("0.01", "0.002", "0.001")))
TAPE = "tensorflow"
WORDS = dict(enumerate(("one", "two", "three", "four", "five"), 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Nudge:
    """One step: what it does to J(w) = w², in exact decimal arithmetic."""

    step: Decimal
    place: Decimal
    cost: Decimal
    rise: Decimal
    slope: Decimal
    """Rise over step: 6 + step, exactly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one engine said."""

    backend: str
    mechanism: str
    got: Num
    """The gradient, "" where there is none."""
    split: Split
    digits: int
    missing: str = ""
    """Why there is no gradient."""
    passed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Strip:
    """All that the strip shows."""

    nudges: tuple[Nudge, ...]
    algebra: str
    """SymPy's derivative: `2*w`."""
    truth: Num
    ideal: str
    """The derivative as an exact fraction, "" where the run has none."""
    source: str
    """What ran on the tape."""
    answers: tuple[Answer, ...]
    tape: Answer | None

    @property
    def engines(self) -> str:
        """How many engines the run asked, in words."""
        count = len(self.answers)
        return plural(count, "engine").replace(str(count), WORDS.get(count, str(count)))

    @property
    def one(self) -> bool:
        """Whether each of them gave the derivative."""
        return all(answer.passed for answer in self.answers)


def strip(run: Run) -> Strip | None:
    """Return the strip; None where the run does not hold w² at 3 in float64."""
    case = next((line for line in run.cases if line.case == CASE), None)
    group = next((line for line in run.groups if _is_the_place(line)), None)
    if case is None or group is None or not group.gradient:
        return None
    return _filled(run, case, group)


def nudge(step: Decimal) -> Nudge:
    """Return J before and after w goes from 3 to 3 + step."""
    cost = (PLACE + step) ** 2
    rise = cost - PLACE**2
    return Nudge(step=step, place=PLACE + step, cost=cost, rise=rise, slope=rise / step)


def _is_the_place(group: GroupLine) -> bool:
    """Whether this is w² at w = 3 in float64."""
    inputs = [real(value) for array in group.inputs.values() for value in array.values]
    return group.case == CASE and group.dtype == "float64" and group.operator == "grad" and inputs == [float(PLACE)]


def _filled(run: Run, case: CaseLine, group: GroupLine) -> Strip:
    """Return the strip of this group."""
    path, array = next(iter(group.gradient.items()))
    truth = array.values[0]
    cells = {cell.backend: cell for cell in reversed(run.cells) if _belongs(cell, group)}
    answers = tuple(_answer(run, name, cells.get(name), path, truth) for name in names.backends(run))
    return Strip(
        nudges=tuple(map(nudge, STEPS)),
        algebra=case.derivatives.get(path, ""),
        truth=truth,
        ideal=group.ideal.get(path, ""),
        source=case.emitted.get(TAPE, ""),
        answers=answers,
        tape=next((answer for answer in answers if answer.backend == TAPE), None),
    )


def _belongs(cell: CellLine, group: GroupLine) -> bool:
    """Whether the cell was judged at this case, point, dtype and operator."""
    mine, theirs = ((one.case, one.point, one.dtype, one.operator) for one in (cell, group))
    return mine == theirs


def _answer(run: Run, name: str, cell: CellLine | None, path: str, truth: Num) -> Answer:
    """Return the engine's number and how many digits agree, or why there is none."""
    mechanism = names.mechanism(run.header, name)
    if cell is None or path not in cell.gradient:
        said = run.header.backends.get(name, names.RAN)
        missing = cell.reason if cell else "not run at this point" if said == names.RAN else said
        return Answer(backend=name, mechanism=mechanism, got="", split=split("", truth), digits=0, missing=missing)
    got = cell.gradient[path].values[0]
    passed = names.status(cell) == "pass"
    return Answer(
        backend=name,
        mechanism=mechanism,
        got=got,
        split=split(got, truth),
        digits=agreeing(got, truth),
        passed=passed,
    )
