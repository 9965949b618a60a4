"""From results to the lines of a run."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from harness.collect import relative as relative
from harness.declare import Case
from harness.graph.node import Graph
from harness.judge import Judgement
from harness.judge.compare import Comparison, ulps
from harness.judge.kink_messages import ties_of
from harness.judge.messages import worst_of
from harness.measurement import Array, Leaves, Measurement, Partial
from harness.run.plan import Cell
from harness.run.records import CaseLine, CellLine, FirstOp, GroupLine, Num, Numbers, Worst, num
from harness.truth import Truth

WHOLE = 1000
"""Arrays up to this size are written whole."""
EXCERPT = 100
"""Entries that are written of a larger one."""


def numbers(array: Array) -> Numbers:
    """Return the array as a record."""
    flat = np.asarray(array, dtype=np.float64).ravel()
    shown = flat if flat.size <= WHOLE else flat[:EXCERPT]
    return Numbers(
        shape=tuple(int(n) for n in np.shape(array)),
        values=tuple(num(x) for x in shown),
        hex=tuple(float(x).hex() for x in shown),
        size=int(flat.size),
    )


def location(case: Case, cell: Cell | None = None) -> str:
    """Return file:line of the case, or of a cell's own spelling, relative to where the run or the catalogue is."""
    spelt = None if cell is None else case.spelt(cell.backend, cell.spelling)
    own = spelt.live.place if spelt is not None and spelt.live is not None else ("", 0)
    return relative(*own) if own[0] else relative(case.file, case.line)


def case_line(
    case: Case, graph: Graph | None, emitted: Mapping[str, str], texts: Mapping[str, str], output: str
) -> CaseLine:
    """Return the line of a case; `texts` are a measurement's formulas, `output` is what tracing printed."""
    return CaseLine(
        case=case.id,
        title=case.title,
        location=location(case),
        definition=case.definition,
        source=case.source,
        formula=texts.get("", ""),
        derivatives={path: text for path, text in texts.items() if path in case.params and text},
        mathml=texts.get("mathml", ""),
        params={path: leaf.shape for path, leaf in case.inputs.items() if leaf.param},
        data={path: leaf.shape for path, leaf in case.inputs.items() if not leaf.param},
        points=tuple(point.label for point in case.points),
        nodes=0 if graph is None else len(graph.nodes),
        output=output,
        emitted=dict(emitted),
    )


def group_line(
    cell: Cell,
    inputs: Leaves,
    truth: Truth,
    ideal: Mapping[str, str],
    ideal_point: Mapping[str, str],
    measurements: Mapping[str, Measurement],
    single: Mapping[str, Array] | None = None,
) -> GroupLine:
    """Return the line of a group; `cell` is any of its cells, `measurements` are by backend.

    `single` is the gradient at a tie where it is one all the same.
    """
    certificate = truth.certificate
    known = {path: exact.nearest for path, exact in truth.partials.items()} if single is None else single
    return GroupLine(
        case=cell.case,
        point=cell.point,
        dtype=cell.dtype,
        operator=cell.operator,
        inputs={path: numbers(np.asarray(x, np.float64)) for path, x in inputs.items()},
        status="established" if truth.refusal is None else truth.refusal.sentence,
        value=num(float(truth.value.nearest)),
        value_digits=truth.value_digits,
        value_radius=num(float(truth.value.radius)),
        gradient={path: numbers(partial) for path, partial in known.items()},
        radius=num(max((float(np.max(exact.radius, initial=0.0)) for exact in truth.partials.values()), default=0.0)),
        digits=truth.digits,
        certificate={
            "residual": num(certificate.residual),
            "scale": num(certificate.scale),
            "orders": num(certificate.orders),
        },
        second_opinion=_second_opinion(measurements.get("sympy"), truth),
        ideal={path: text for path, text in ideal.items() if path == "value" or not truth.ties},
        ideal_point=dict(ideal_point),
        curve=_curve(measurements.get("finite_difference")),
        pairs=_pairs(measurements),
        tie=ties_of(truth.ties),
        single=single is not None,
    )


def ports_line(cell: Cell, inputs: Leaves, status: str) -> GroupLine:
    """Return the line of a group without a truth; `cell` is any of its cells."""
    return GroupLine(
        case=cell.case,
        point=cell.point,
        dtype=cell.dtype,
        operator=cell.operator,
        inputs={path: numbers(np.asarray(x, np.float64)) for path, x in inputs.items()},
        status=status,
        value="",
        value_digits="",
        value_radius="",
        gradient={},
        radius="",
        digits=0,
        certificate={},
        ideal={},
    )


def _second_opinion(sympy: Measurement | None, truth: Truth) -> str:
    if sympy is None or sympy.value is None:
        return ""
    distance = float(truth.value.distance(sympy.value.values, sympy.value.tail))
    return f"SymPy's value at 50 digits lies {distance:.1e} from the balls' value."


def _curve(measurement: Measurement | None) -> tuple[tuple[Num, Num], ...]:
    if measurement is None:
        return ()
    return tuple((num(step), num(error)) for step, error in measurement.curve)


def _pairs(measurements: Mapping[str, Measurement]) -> dict[str, Num]:
    """Return the greatest relative difference of each two gradients that can be compared."""
    names = list(measurements)
    return {
        f"{first}|{second}": num(_apart(measurements[first], measurements[second]))
        for position, first in enumerate(names)
        for second in names[position + 1 :]
        if measurements[first].failure is None and measurements[second].failure is None
    }


def _apart(first: Measurement, second: Measurement) -> float:
    """Return max |a - b| / max(|a|, |b|) over all entries; 0 / 0 is 0, and what cannot be compared is nan."""
    worst = 0.0
    for path, one in first.partials.items():
        other = second.partials.get(path)
        if one is None and other is None:
            continue
        if one is None or other is None or one.values.shape != other.values.shape:
            return float("nan")
        worst = max(worst, _relative(one, other))
    return worst


def _relative(one: Partial, other: Partial) -> float:
    evaluated = np.ones(one.values.shape, bool)
    for partial in (one, other):
        evaluated &= True if partial.sampled is None else partial.sampled
    a, c = one.values[evaluated], other.values[evaluated]
    scale = np.maximum(np.abs(a), np.abs(c))
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(a == c, 0.0, np.abs(a - c) / scale)
    return float(np.max(ratio, initial=0.0))


def cell_line(
    cell: Cell, case: Case, judgement: Judgement, measurement: Measurement, first_op: FirstOp | None = None
) -> CellLine:
    """Return the line of a judged cell; `first_op` is the operation that it fails by."""
    compared = (judgement.value, *judgement.leaves) if judgement.value is not None else judgement.leaves
    blamed = [one for one in judgement.leaves if one.judged.any()] or [one for one in compared if one.judged.any()]
    if judgement.verdict.word == "VALUE-MISMATCH" and judgement.value is not None:
        blamed = [judgement.value]
    worst = worst_entry(worst_of(blamed), cell.dtype) if blamed else None
    resolutions = _resolutions(judgement.leaves)
    value = judgement.value
    return CellLine(
        id=cell.id,
        case=cell.case,
        backend=cell.backend,
        spelling=cell.spelling,
        variant=cell.variant,
        operator=cell.operator,
        dtype=cell.dtype,
        point=cell.point,
        verdict=judgement.verdict.word,
        diagnosis=judgement.diagnosis,
        cls=str(judgement.verdict.cls),
        reason=judgement.reason,
        rule=judgement.verdict.rule,
        location=location(case, cell),
        margin=_margin(worst),
        error=worst.error if worst else "nan",
        tolerance=worst.tolerance if worst else "nan",
        terms=worst.terms if worst else {},
        resolution=num(float(np.max(resolutions))) if resolutions.size else "nan",
        resolution_median=num(float(np.median(resolutions))) if resolutions.size else "nan",
        ulp=worst.ulp if worst else "nan",
        worst=worst,
        value="" if measurement.value is None else _scalar(measurement.value.values),
        value_hex=""
        if measurement.value is None or measurement.value.values.size != 1
        else _hex(measurement.value.values),
        value_error="" if value is None else num(float(np.max(value.error))),
        value_tolerance="" if value is None else num(float(np.max(value.tolerance))),
        gradient={path: numbers(one.values) for path, one in measurement.partials.items() if one is not None},
        truth={leaf.path: num(float(leaf.truth[leaf.worst()])) for leaf in judgement.leaves if leaf.truth.size},
        truth_radius=num(max((float(np.max(one.radius, initial=0.0)) for one in judgement.leaves), default=0.0)),
        wrong=sum(int(one.wrong.sum()) for one in judgement.leaves),
        entries=sum(int(one.judged.sum()) for one in judgement.leaves),
        unresolved=int(np.sum(resolutions > 0.5)),
        against=judgement.against,
        first_op=first_op,
        seconds=measurement.seconds,
        output=measurement.output,
        warnings=measurement.warnings,
    )


def _scalar(values: Array) -> Num:
    return num(float(values.item())) if values.size == 1 else str(values.shape)


def _hex(values: Array) -> str:
    return float(values.item()).hex()


def _margin(worst: Worst | None) -> Num:
    if worst is None:
        return "nan"
    error, tolerance = float(worst.error), float(worst.tolerance)
    if error == 0:
        return "inf"
    return num(tolerance / error) if np.isfinite(error) else 0.0


def worst_entry(comparison: Comparison, dtype: str) -> Worst:
    """Return the record of the comparison's worst entry."""
    at = comparison.worst()
    sides = comparison.sided(at)
    return Worst(
        path=comparison.path,
        index=at,
        truth=num(comparison.truth[at]),
        got=num(comparison.got[at]),
        error=num(comparison.error[at]),
        tolerance=num(comparison.tolerance[at]),
        terms={name: num(part[at]) for name, part in comparison.terms.parts.items()},
        resolution=num(comparison.resolution[at]),
        ulp=num(ulps(comparison.error, comparison.truth, dtype)[at]),
        sides=None if sides is None else (num(sides[0]), num(sides[1])),
    )


def _resolutions(leaves: tuple[Comparison, ...]) -> Array:
    """Return tolerance over |truth| of the judged entries; where all truths are 0, the absolute tolerances."""
    judged = [(leaf.resolution[leaf.judged], leaf.tolerance[leaf.judged]) for leaf in leaves]
    relative = np.concatenate([ratio[np.isfinite(ratio)] for ratio, _ in judged]) if judged else np.empty(0)
    if relative.size:
        return relative
    return np.concatenate([absolute for _, absolute in judged]) if judged else np.empty(0)
