"""Running a plan: trace, establish, measure, judge, and hand each line on as soon as it is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import groupby

import msgspec

from harness.backends import BACKENDS, BY_HAND, describe
from harness.declare import Case
from harness.graph.node import Graph
from harness.judge import OF_TROUBLE, Class, Judgement, judge
from harness.judge.single import single
from harness.measurement import Failure, Measurement
from harness.run import environment, ports
from harness.run.accumulation import probed
from harness.run.expectations import Expectation, apply, stale
from harness.run.fingerprint import Surroundings, fingerprints
from harness.run.group import Group, evidences, of_definition, start, with_opinion
from harness.run.ideals import written
from harness.run.lab import About, Lab, Pending
from harness.run.lines import case_line, cell_line, group_line, ports_line
from harness.run.locate import Locator
from harness.run.plan import Cell, Selection, plan
from harness.run.ports import STATUS, Ports, by_own_values, heard
from harness.run.records import FORMAT, CellLine, HeaderLine, Line, Run, num, source_key
from harness.run.store import assemble
from harness.run.takeover import standing
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
    """An earlier run, cut short perhaps: cells that would be measured the same again are taken over from it."""


@dataclass(slots=True, kw_only=True)
class _Bench:
    """One run while it goes on."""

    order: Order
    lab: Lab
    sink: Sink
    header: HeaderLine
    locator: Locator
    surroundings: Surroundings
    fingerprints: dict[str, str] = field(default_factory=dict)
    """By the id of the cell."""
    cells: list[CellLine] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    control: tuple[Callable[[], Judgement | None], str] | None = None
    """The verdict on the first passing gradient that is not zero, were it planted wrong, and whose it is."""

    def write(self, line: Line) -> None:
        self.lines.append(line)
        if isinstance(line, CellLine):
            self.cells.append(line)
        self.sink(line)


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
    about = _about(lab, cells)
    bench = _Bench(
        order=order,
        lab=lab,
        sink=sink,
        header=_header(order, lab, cells, about),
        locator=Locator(lab=lab.ahead()),
        surroundings=Surroundings(seed=order.selection.seed, about=about),
    )
    bench.write(bench.header)
    traced = [(case, own, lab.trace(case)) for case, own in _by_case(order.cases, cells)]
    earlier = set() if order.known is None else _take_over(bench, order.known, traced)
    fresh = [(case, [cell for cell in own if cell.id not in earlier], graph) for case, own, graph in traced]
    for under_way in [_start_case(bench, case, own, graph) for case, own, graph in fresh]:
        _finish_case(bench, under_way)
    seconds = time.perf_counter() - started
    bench.write(_totals(bench, len(cells), seconds))
    return _assembled(bench)


def _about(lab: Lab, cells: Sequence[Cell]) -> dict[str, About]:
    names = [name for name in BACKENDS if any(cell.backend == name for cell in cells)]
    pending = {name: lab.about(name) for name in names}
    return {name: answer.result() for name, answer in pending.items()}


def _header(order: Order, lab: Lab, cells: Sequence[Cell], about: Mapping[str, About]) -> HeaderLine:
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
        mechanisms={name: describe(name).mechanism for name in (*about, *_by_hand(cells))},
        unread=order.unread,
        unknown=order.unknown,
    )


def _by_hand(cells: Sequence[Cell]) -> list[str]:
    return [name for name in BY_HAND if any(cell.backend == name for cell in cells)]


def _by_case(cases: Sequence[Case], cells: Sequence[Cell]) -> Iterator[tuple[Case, list[Cell]]]:
    by_id = {case.id: case for case in cases}
    for identity, own in groupby(cells, key=lambda cell: cell.case):
        yield by_id[identity], list(own)


def _take_over(
    bench: _Bench, known: Run, traced: Sequence[tuple[Case, list[Cell], Pending[Graph | Failure]]]
) -> set[str]:
    """Write the lines of an earlier run that would be the same again; return the ids of its cells."""
    for case, own, graph in traced:
        bench.fingerprints |= fingerprints(case, graph.result(), own, bench.surroundings)
    panels = {case.id for case, _, _ in traced if case.function is None}
    stands = standing(known, [cell for _, own, _ in traced for cell in own], bench.fingerprints, panels)
    lines: tuple[Line, ...] = (*stands.cases, *stands.groups)
    for line in lines:
        bench.write(line)
    for cell in stands.cells:
        _write_cell(bench, cell)
    return {cell.id for cell in stands.cells}


def _start_case(bench: _Bench, case: Case, cells: list[Cell], traced: Pending[Graph | Failure]) -> _Started:
    """Return the case with the work of all its groups asked for, so that the labs overlap across cases."""
    graph = traced.result()
    if bench.order.known is None:
        bench.fingerprints |= fingerprints(case, graph, cells, bench.surroundings)
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
    line = group_line(
        group.cells[0], group.inputs, established.truth, established.ideal, text, by_backend, single(found[0])
    )
    bench.write(line)


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
    line = msgspec.structs.replace(line, fingerprint=bench.fingerprints[line.id])
    bench.write(apply(line, bench.order.expectations, bench.header.versions))


def _totals(bench: _Bench, planned: int, seconds: float) -> Line:
    caught, sentence = _control(bench)
    return totals(
        bench.header,
        bench.cells,
        planned=planned,
        stale=stale(bench.order.expectations, bench.cells, bench.header.versions),
        seconds=seconds,
        caught=caught,
        control=sentence,
    )


def _control(bench: _Bench) -> tuple[bool, str]:
    """Return whether a planted wrong gradient was caught; of cells taken over also what their own run said."""
    planted, identity = bench.control or (lambda: None, "")
    now = control(planted(), identity)
    known = bench.order.known if any(cell.earlier for cell in bench.cells) else None
    if known is None:
        return now
    then = (True, "") if known.totals is None else (known.totals.caught, known.totals.control)
    return then if bench.control is None or not then[0] else now


def _assembled(bench: _Bench) -> Run:
    return assemble(bench.lines)
