"""Running a plan: trace, establish, measure, judge, and hand each line on as soon as it is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby

from harness.backends import BACKENDS, describe
from harness.declare import Case, DeclarationError
from harness.domains.precision import round_to
from harness.graph.node import Graph
from harness.graph.ranges import index_problem
from harness.judge import Class, Evidence, Judgement, Verdict, judge, seconded
from harness.measurement import Leaves, Measurement, Task
from harness.points import Point, PointError
from harness.run import environment
from harness.run.expectations import Expectation, apply, stale
from harness.run.ideals import ideals
from harness.run.lab import About, Established, Lab, Pending
from harness.run.lines import case_line, cell_line, group_line
from harness.run.plan import Cell, Selection, plan
from harness.run.records import FORMAT, CellLine, HeaderLine, Line, Run
from harness.run.store import assemble
from harness.run.totals import control, totals

Sink = Callable[[Line], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to run, and what is already known about it."""

    cases: tuple[Case, ...]
    selection: Selection = field(default_factory=Selection)
    expectations: tuple[Expectation, ...] = ()
    command: str = ""


@dataclass(slots=True, kw_only=True)
class _Bench:
    """One run while it goes on."""

    order: Order
    lab: Lab
    sink: Sink
    header: HeaderLine
    cells: list[CellLine] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    control: tuple[Evidence, str] | None = None
    """Evidence of the first passing gradient that is not zero: the one that is planted wrong."""

    def write(self, line: Line) -> None:
        self.lines.append(line)
        if isinstance(line, CellLine):
            self.cells.append(line)
        self.sink(line)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """A case at one point in one dtype, under way."""

    case: Case
    graph: Graph
    cells: tuple[Cell, ...]
    inputs: Leaves
    established: Pending[Established]
    measured: tuple[Pending[Measurement], ...]


def execute(order: Order, lab: Lab, sink: Sink = lambda line: None) -> Run:
    """Return the finished run; every line also goes to `sink` as soon as it is known."""
    started = time.perf_counter()
    cells = plan(order.cases, order.selection)
    bench = _Bench(order=order, lab=lab, sink=sink, header=_header(order, lab, cells))
    bench.write(bench.header)
    for case, own in _by_case(order.cases, cells):
        _run_case(bench, case, own)
    seconds = time.perf_counter() - started
    bench.write(_totals(bench, len(cells), seconds))
    return _assembled(bench)


def _header(order: Order, lab: Lab, cells: Sequence[Cell]) -> HeaderLine:
    names = [name for name in BACKENDS if any(cell.backend == name for cell in cells)]
    pending = {name: lab.about(name) for name in names}
    about: dict[str, About] = {name: answer.result() for name, answer in pending.items()}
    found = environment.versions()
    return HeaderLine(
        format=FORMAT,
        version=found.get("gradharness", "0"),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        command=order.command,
        seed=order.selection.seed,
        platform=environment.machine(),
        versions=found | {key: text for one in about.values() for key, text in one.versions.items()},
        flags={key: text for one in about.values() for key, text in one.flags.items()},
        backends={name: "ran" if one.failure is None else one.failure.sentence for name, one in about.items()},
        mechanisms={name: describe(name).mechanism for name in names},
    )


def _by_case(cases: Sequence[Case], cells: Sequence[Cell]) -> Iterator[tuple[Case, list[Cell]]]:
    by_id = {case.id: case for case in cases}
    for identity, own in groupby(cells, key=lambda cell: cell.case):
        yield by_id[identity], list(own)


def _run_case(bench: _Bench, case: Case, cells: list[Cell]) -> None:
    graph = bench.lab.trace(case).result()
    if isinstance(graph, str):
        _fail_all(bench, case, cells, graph)
        return
    emitted: dict[str, str] = {}
    texts: dict[str, str] = {}
    groups = [_start(bench, case, graph, own) for own in _by_group(cells)]
    for group in groups:
        if isinstance(group, str):
            continue
        _finish(bench, group, emitted, texts)
    bench.write(case_line(case, graph, emitted, texts, texts.pop("mathml", "")))


def _by_group(cells: list[Cell]) -> Iterator[tuple[Cell, ...]]:
    for _, own in groupby(cells, key=lambda cell: cell.group):
        yield tuple(own)


def _fail_all(bench: _Bench, case: Case, cells: Sequence[Cell], sentence: str) -> None:
    """Write an ERROR for every cell of a case or group that could not even be started."""
    judgement = Judgement(verdict=Verdict.ERROR, reason=sentence)
    for cell in cells:
        _write_cell(bench, cell_line(cell, case, judgement, Measurement()))


def _start(bench: _Bench, case: Case, graph: Graph, cells: tuple[Cell, ...]) -> _Group | str:
    """Return the group with its work asked for; a sentence where its point cannot be used."""
    first = cells[0]
    point = next(point for point in case.points if point.label == first.point)
    exact = _numbers(case, graph, point, bench.order.selection.seed)
    if isinstance(exact, str):
        _fail_all(bench, case, cells, exact)
        return exact
    inputs = {path: round_to(x, first.dtype) if case.inputs[path].kind == "real" else x for path, x in exact.items()}
    tasks = [
        Task(graph=graph, inputs=inputs, dtype=cell.dtype, variant=cell.variant, operator=cell.operator) for cell in cells
    ]
    return _Group(
        case=case,
        graph=graph,
        cells=cells,
        inputs=inputs,
        established=bench.lab.establish(graph, inputs, first.dtype),
        measured=tuple(bench.lab.measure(cell.backend, task) for cell, task in zip(cells, tasks, strict=True)),
    )


def _numbers(case: Case, graph: Graph, point: Point, seed: int) -> Leaves | str:
    """Return the point's numbers; a sentence where they do not fit the case."""
    try:
        exact = case.numbers(point, seed)
    except (DeclarationError, PointError) as error:
        return str(error)
    return index_problem(graph, exact) or exact


def _finish(bench: _Bench, group: _Group, emitted: dict[str, str], texts: dict[str, str]) -> None:
    """Judge the group's cells and write their lines and the group's."""
    measured = [pending.result() for pending in group.measured]
    by_backend: dict[str, Measurement] = {}
    for cell, measurement in zip(group.cells, measured, strict=True):
        by_backend.setdefault(cell.backend, measurement)
    established = _seconded(group.established.result(), by_backend)
    for cell, measurement in zip(group.cells, measured, strict=True):
        evidence = _evidence(group, cell, established, measurement)
        judgement = judge(evidence)
        _remember(bench, cell, evidence, judgement)
        _write_cell(bench, cell_line(cell, group.case, judgement, measurement))
    for name, measurement in by_backend.items():
        if measurement.source:
            emitted.setdefault(name, measurement.source)
        texts.update({key: text for key, text in measurement.texts.items() if text})
    first = group.cells[0]
    point = next(point for point in group.case.points if point.label == first.point)
    ideal, ideal_point = ideals(group.case, group.graph, point, bench.order.selection.seed)
    bench.write(group_line(first, group.inputs, established.truth, ideal, ideal_point, by_backend))


def _seconded(established: Established, by_backend: dict[str, Measurement]) -> Established:
    """Return the truth with what the independent derivation says of its value."""
    opinion = by_backend.get("sympy")
    return established if opinion is None else replace(established, truth=seconded(established.truth, opinion))


def _evidence(group: _Group, cell: Cell, established: Established, measurement: Measurement) -> Evidence:
    sizes = {n for leaf in group.inputs.values() for n in leaf.shape}
    return Evidence(
        measurement=measurement,
        truth=established.truth,
        tolerance=established.tolerance,
        dtype=cell.dtype,
        sizes=tuple(sorted(sizes)),
    )


def _remember(bench: _Bench, cell: Cell, evidence: Evidence, judgement: Judgement) -> None:
    if bench.control is None and judgement.verdict.cls is Class.PASS:
        if any(leaf.truth.any() for leaf in judgement.leaves):
            bench.control = (evidence, cell.id)


def _write_cell(bench: _Bench, line: CellLine) -> None:
    bench.write(apply(line, bench.order.expectations, bench.header.versions))


def _totals(bench: _Bench, planned: int, seconds: float) -> Line:
    evidence, identity = bench.control or (None, "")
    return totals(
        bench.header,
        bench.cells,
        planned=planned,
        stale=stale(bench.order.expectations, bench.cells),
        seconds=seconds,
        control=control(evidence, identity)[1],
    )


def _assembled(bench: _Bench) -> Run:
    return assemble(bench.lines)
