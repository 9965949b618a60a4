"""Running a plan: trace, establish, measure, judge, and hand each line on as soon as it is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import groupby

from harness.backends import BACKENDS, BY_HAND, describe
from harness.declare import Case
from harness.graph.node import Graph
from harness.judge import OF_TROUBLE, Class, Judgement, judge
from harness.measurement import Failure, Measurement
from harness.run import environment, ports
from harness.run.accumulation import probed
from harness.run.expectations import Expectation, apply, stale
from harness.run.group import Group, evidences, of_definition, start, with_opinion
from harness.run.ideals import written
from harness.run.lab import About, Lab, Pending
from harness.run.lines import case_line, cell_line, group_line, ports_line
from harness.run.locate import Locator
from harness.run.plan import Cell, Selection, plan
from harness.run.ports import STATUS, Ports, by_own_values, heard
from harness.run.records import FORMAT, CaseLine, CellLine, GroupLine, HeaderLine, Line, Run, num, source_key
from harness.run.store import assemble
from harness.run.totals import control, planted, totals

Sink = Callable[[Line], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to run, and what is already known about it."""

    cases: tuple[Case, ...]
    selection: Selection = field(default_factory=Selection)
    cells: tuple[Cell, ...] = ()
    """Of the selection only these, in the order of the plan; empty: all."""
    expectations: tuple[Expectation, ...] = ()
    unknown: tuple[str, ...] = ()
    """A sentence for each expectation of a cell that there is not."""
    unread: tuple[str, ...] = ()
    """A sentence for each case file that could not be read."""
    command: str = ""
    known: Run | None = None
    """An earlier run, cut short perhaps: its cells are taken over and not measured again."""


@dataclass(slots=True, kw_only=True)
class _Bench:
    """One run while it goes on."""

    order: Order
    lab: Lab
    sink: Sink
    header: HeaderLine
    locator: Locator
    cells: list[CellLine] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    control: tuple[Callable[[], Judgement | None], str] | None = None
    """The verdict on the first passing gradient that is not zero, were it planted wrong, and whose it is."""

    def write(self, line: Line) -> None:
        self.lines.append(line)
        if isinstance(line, CellLine):
            self.cells.append(line)
        self.sink(line)


def _known_cells(order: Order) -> dict[str, CellLine]:
    return {} if order.known is None else {cell.id: cell for cell in order.known.cells}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Started:
    """A case under way; without a graph it could not be traced."""

    case: Case
    output: str = ""
    graph: Graph | None = None
    groups: tuple[Group | Ports, ...] = ()


def execute(order: Order, lab: Lab, sink: Sink = lambda line: None) -> Run:
    """Return the finished run; every line also goes to `sink` as soon as it is known."""
    started = time.perf_counter()
    cells = list(order.cells) or plan(order.cases, order.selection)
    known = _known_cells(order)
    locator = Locator(lab=lab.ahead())
    bench = _Bench(order=order, lab=lab, sink=sink, header=_header(order, lab, cells), locator=locator)
    bench.write(bench.header)
    _take_over(bench, {cell.id for cell in cells})
    fresh = [cell for cell in cells if cell.id not in known]
    traced = [(case, own, lab.trace(case)) for case, own in _by_case(order.cases, fresh)]
    for under_way in [_start_case(bench, case, own, graph) for case, own, graph in traced]:
        _finish_case(bench, under_way)
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
        flags={key: text for one in about.values() for key, text in one.flags.items()} | probed(lab, cells),
        backends={name: "ran" if one.failure is None else one.failure.sentence for name, one in about.items()},
        conventions={
            name: {probe: tuple(map(num, answer)) for probe, answer in one.conventions.items()}
            for name, one in about.items()
            if one.conventions
        },
        mechanisms={name: describe(name).mechanism for name in (*names, *_by_hand(cells))},
        unread=order.unread,
        unknown=order.unknown,
    )


def _by_hand(cells: Sequence[Cell]) -> list[str]:
    return [name for name in BY_HAND if any(cell.backend == name for cell in cells)]


def _by_case(cases: Sequence[Case], cells: Sequence[Cell]) -> Iterator[tuple[Case, list[Cell]]]:
    by_id = {case.id: case for case in cases}
    for identity, own in groupby(cells, key=lambda cell: cell.case):
        yield by_id[identity], list(own)


def _take_over(bench: _Bench, planned: set[str]) -> None:
    """Write the lines of an earlier run that the plan still asks for."""
    known = bench.order.known
    if known is None:
        return
    cells = [cell for cell in known.cells if cell.id in planned]
    cases = {cell.case for cell in cells}
    old: list[CellLine | GroupLine | CaseLine] = [*cells, *known.groups, *known.cases]
    for line in old:
        if line.case in cases:
            bench.write(line)


def _start_case(bench: _Bench, case: Case, cells: list[Cell], traced: Pending[Graph | Failure]) -> _Started:
    """Return the case with the work of all its groups asked for, so that the labs overlap across cases."""
    graph = traced.result()
    if isinstance(graph, Failure):
        _fail_all(bench, case, cells, graph)
        return _Started(case=case, output=traced.output)
    groups = [_start(bench, case, graph, own) for own in _by_group(cells)]
    return _Started(
        case=case, output=traced.output, graph=graph, groups=tuple(group for group in groups if group is not None)
    )


def _finish_case(bench: _Bench, started: _Started) -> None:
    emitted: dict[str, str] = {}
    texts: dict[str, str] = {}
    for group in started.groups:
        _finish(bench, group, emitted, texts)
    bench.write(case_line(started.case, started.graph, emitted, texts, started.output))


def _by_group(cells: list[Cell]) -> Iterator[tuple[Cell, ...]]:
    for _, own in groupby(cells, key=lambda cell: cell.group):
        yield tuple(own)


def _fail_all(bench: _Bench, case: Case, cells: Sequence[Cell], failure: Failure) -> None:
    """Write the failure of every cell of a case or group that could not even be started."""
    judgement = Judgement(verdict=OF_TROUBLE[failure.trouble], reason=failure.sentence)
    for cell in cells:
        _write_cell(bench, cell_line(cell, case, judgement, Measurement()))


def _start(bench: _Bench, case: Case, graph: Graph, cells: tuple[Cell, ...]) -> Group | Ports | None:
    """Return the group with its work asked for; None where its point cannot be used, which its cells then say."""
    begin = start if case.function is not None else ports.start
    group = begin(bench.lab, case, graph, cells, bench.order.selection.seed)
    if isinstance(group, Failure):
        _fail_all(bench, case, cells, group)
        return None
    return group


def _finish(bench: _Bench, group: Group | Ports, emitted: dict[str, str], texts: dict[str, str]) -> None:
    """Judge the group's cells and write their lines and the group's."""
    if isinstance(group, Ports):
        return _finish_ports(bench, group, emitted)
    measured = [pending.result() for pending in group.measured]
    by_backend = of_definition(group, measured)
    established = with_opinion(group.established.result(), by_backend)
    found = evidences(group, established, measured, bench.lab, bench.header.conventions)
    for cell, evidence in zip(group.cells, found, strict=True):
        judgement = judge(evidence)
        _remember(bench, cell, partial(planted, evidence), judgement)
        judgement = by_own_values(bench.lab, group, cell, judgement, evidence.measurement)
        judgement, first = bench.locator.located(group, cell, judgement, evidence)
        _write_cell(bench, cell_line(cell, group.case, judgement, evidence.measurement, first))
        if evidence.measurement.source:
            emitted.setdefault(source_key(cell), evidence.measurement.source)
    for measurement in by_backend.values():
        texts.update({key: text for key, text in measurement.texts.items() if text})
    text = {} if group.exact is None or not established.ideal else written(group.exact)
    bench.write(group_line(group.cells[0], group.inputs, established.truth, established.ideal, text, by_backend))


def _finish_ports(bench: _Bench, group: Ports, emitted: dict[str, str]) -> None:
    """Judge ports by one another, and write their lines and the group's."""
    found = heard(bench.lab, group)
    for k, (cell, judgement) in enumerate(zip(group.cells, found.judgements, strict=True)):
        measurement = found.measurements[k]
        _remember(bench, cell, partial(found.planted, k), judgement)
        _write_cell(bench, cell_line(cell, group.case, judgement, measurement))
        if measurement.source:
            emitted.setdefault(source_key(cell), measurement.source)
    bench.write(ports_line(group.cells[0], group.inputs, STATUS))


def _remember(bench: _Bench, cell: Cell, planted: Callable[[], Judgement | None], judgement: Judgement) -> None:
    passes = judgement.verdict.cls is Class.PASS and any(leaf.truth.any() for leaf in judgement.leaves)
    if bench.control is None and passes:
        bench.control = (planted, cell.id)


def _write_cell(bench: _Bench, line: CellLine) -> None:
    bench.write(apply(line, bench.order.expectations, bench.header.versions))


def _totals(bench: _Bench, planned: int, seconds: float) -> Line:
    planted, identity = bench.control or (lambda: None, "")
    caught, sentence = control(planted(), identity)
    return totals(
        bench.header,
        bench.cells,
        planned=planned,
        stale=stale(bench.order.expectations, bench.cells),
        seconds=seconds,
        caught=caught,
        control=sentence,
    )


def _assembled(bench: _Bench) -> Run:
    return assemble(bench.lines)
