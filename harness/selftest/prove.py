"""The whole selftest: defects, campaign and peers, and what does not hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from harness.declare import Case
from harness.judge import Class
from harness.run.execute import Order, Sink, execute
from harness.run.expectations import read
from harness.run.lab import Lab
from harness.run.plan import Cell, Selection
from harness.run.records import CellLine, Run
from harness.selftest.campaign import FUNCTIONS, campaign
from harness.selftest.defects import BACKENDS, Defect
from harness.selftest.peers import Peers
from harness.selftest.sight import resolutions
from harness.selftest.trial import TIGHT, Outcome, Trial, cells_of, honest_cells, judged, planted

DTYPES = ("float64", "float32")
UNSEEN = {"float64": 5, "float32": 15}
"""How many numeric defects may be smaller than what can be seen."""
PASSING = {"float64": 0.97, "float32": 0.90}
"""Share of the campaign's draws that must pass: a wide tolerance is not a way out."""

FEW = 12
"""Functions of a quick campaign."""

Labs = Callable[[bool], AbstractContextManager[Lab]]
"""(for violent defects) → a lab; its processes may die."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """How much is looked at."""

    draws: int = 3600
    seed: int = 0
    kinds: tuple[str, ...] = ()
    """Only defects of these kinds; empty: all."""
    quick: bool = False
    """Few functions; every kind on one framework and in one dtype, none that ends its process."""

    @property
    def few(self) -> int | None:
        """Return how many functions the campaign draws from; None: all."""
        return FEW if self.quick else None

    def dtypes(self, defect: Defect) -> tuple[str, ...]:
        """Return the dtypes in which a defect is shown."""
        return defect.dtypes[:1] if self.quick else defect.dtypes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Proof:
    """What was found."""

    request: Request
    campaign: Run
    trials: tuple[Trial, ...]
    honest: tuple[CellLine, ...]
    """The right functions among the defects."""
    peers: Mapping[Defect, str] = field(default_factory=dict)
    """Defect → what its framework's own checker says; empty: they were not asked."""

    @property
    def alarms(self) -> tuple[CellLine, ...]:
        """Lines of right gradients that fail, and are not known."""
        lines = [*self.campaign.cells, *self.honest]
        return tuple(line for line in lines if line.cls == Class.FAIL and not line.expected)

    def count(self, outcome: Outcome, dtype: str = "") -> int:
        """Return how many trials came out so, in one dtype or in all."""
        return sum(1 for trial in self.trials if trial.outcome == outcome and dtype in ("", trial.dtype))

    def shares(self) -> dict[str, tuple[Counter[str], float]]:
        """Return by dtype the classes of the campaign's draws, and the share that passes; known differences apart."""
        found: dict[str, Counter[str]] = {}
        for line in self.campaign.cells:
            if not line.expected:
                found.setdefault(line.dtype, Counter())[line.cls] += 1
        return {dtype: (count, count["pass"] / count.total()) for dtype, count in found.items()}

    def problems(self) -> list[str]:
        """Return what does not hold, one sentence each."""
        alarms = (f"False alarm: {line.id}: {line.reason}" for line in self.alarms)
        return [*self._misses(), *self._blames(), *alarms, *self._shares()]

    def _misses(self) -> Iterator[str]:
        for trial in self.trials:
            if trial.outcome is Outcome.MISSED:
                wanted = " or ".join(sorted(trial.defect.verdicts))
                yield f"Missed: {trial.line.id} reads {trial.word}, not {wanted}: {trial.line.reason}"
        for dtype, most in UNSEEN.items():
            unseen = self.count(Outcome.UNDETECTABLE, dtype)
            if unseen > most:
                yield f"{unseen} defects are smaller than what can be seen in {dtype}; at most {most} may be."

    def _blames(self) -> Iterator[str]:
        """Yield the messages that blame another operation than the wrong one, and their absence."""
        for trial in self.trials:
            if trial.named is False:
                yield f"Blamed wrongly: {trial.line.id}: {trial.line.reason}"
        asked = [trial for trial in self.trials if trial.defect.operation]
        if asked and not any(trial.named for trial in asked):
            yield "No message names the operation that is wrong."

    def _shares(self) -> Iterator[str]:
        if not self.campaign.cells:
            yield "No draw was judged."
        for dtype, (count, share) in self.shares().items():
            if not share >= PASSING.get(dtype, 0.0):
                yield f"Only {share:.1%} of {count.total()} draws in {dtype} pass; {PASSING[dtype]:.0%} must."


def prove(request: Request, labs: Labs, *, peers: Sequence[str] = (), sink: Sink = lambda line: None) -> Proof:
    """Return the proof of what was asked for; the harness is judged by `Proof.problems`.

    `peers` are the frameworks whose own checkers are shown the same defects.
    """
    cases, defects = planted()
    chosen = tuple(_chosen(defects, request))
    asking: AbstractContextManager[Peers | None] = Peers(peers) if peers else nullcontext()
    with labs(False) as lab:
        drawn, cells = campaign(request.draws, request.seed, request.few)
        found = _run(lab, drawn, cells, request.seed, sink)
        run = _run(lab, cases.values(), _shown(cases, chosen, request), 0, sink)
        known = resolutions(lab, cases, chosen)
    violent = [cell for defect in chosen if defect.violent for cell in cells_of(defect)]
    lines = {line.id: line for line in run.cells}
    if violent:
        with labs(True) as lab:
            lines |= {line.id: line for line in _run(lab, cases.values(), violent, 0, sink).cells}
    with asking as checkers:
        asked = [checkers.ask(defect) for defect in chosen] if checkers is not None else []
        said = {one.defect: one.said() for one in asked if one is not None}
    return Proof(
        request=request,
        campaign=found,
        trials=tuple(_trials(chosen, lines, known, request)),
        honest=tuple(line for line in run.cells if line.spelling == "xp"),
        peers=said,
    )


def _chosen(defects: Iterable[Defect], request: Request) -> Iterator[Defect]:
    """Yield the defects that are shown."""
    kinds: dict[str, int] = {}
    for defect in defects:
        if request.kinds and defect.kind not in request.kinds:
            continue
        place = kinds.setdefault(defect.kind, len(kinds))
        if not request.quick or (not defect.violent and _turn(defect, place)):
            yield defect


def _turn(defect: Defect, place: int) -> bool:
    return defect.backend == BACKENDS[place % len(BACKENDS)]


def _shown(cases: Mapping[str, Case], defects: Sequence[Defect], request: Request) -> list[Cell]:
    """Return the cells of the right functions and of the defects that end nothing, in the order of a run."""
    used = {defect.case for defect in defects}
    dtypes, points = ((TIGHT,), 1) if request.quick else (DTYPES, 2)
    cells = [
        *honest_cells((case for name, case in cases.items() if name in used), dtypes, points),
        *(
            cell
            for defect in defects
            if not defect.violent
            for cell in cells_of(defect)
            if cell.dtype in request.dtypes(defect)
        ),
    ]
    order = {f"planted.{name}": k for k, name in enumerate(cases)}
    return sorted(cells, key=lambda cell: (order[cell.case], cell.dtype, cell.point))


def _run(lab: Lab, cases: Iterable[Case], cells: Sequence[Cell], seed: int, sink: Sink) -> Run:
    expected = tuple(read([FUNCTIONS]))
    order = Order(
        cases=tuple(cases),
        cells=tuple(cells),
        selection=Selection(seed=seed),
        expectations=expected,
        command="gradharness selftest",
    )
    return execute(order, lab, sink)


def _trials(
    defects: Sequence[Defect],
    lines: Mapping[str, CellLine],
    known: Mapping[tuple[Defect, str], float],
    request: Request,
) -> Iterator[Trial]:
    for defect in defects:
        for dtype in request.dtypes(defect):
            own = [lines[cell.id] for cell in cells_of(defect) if cell.dtype == dtype and cell.id in lines]
            if own:
                yield judged(defect, dtype, own, known.get((defect, dtype)))
