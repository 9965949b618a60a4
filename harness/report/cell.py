"""One cell in full, as text."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rich.text import Text

from harness.report import facts, format, names
from harness.report.format import NOTHING, brief, entry, exact, margin, plural, terms
from harness.report.lines import DIM, aligned, block, judged, line, pairs, stack
from harness.report.place import Place, number_at, places
from harness.run.records import CaseLine, CellLine, GroupLine, Worst, source_key
from harness.wording import verb

ENTRIES_SHOWN = 12

STORED = "source as the run stored it, of the dtype and variant that ran first: the case's file is not here as it was"


def cell_text(cell: CellLine, group: GroupLine | None, case: CaseLine | None, source: str = "") -> Text:
    """Return one cell in full: numbers beside the truth, the tolerance with its terms, verdict, reason, source.

    `source` is the cell's own; "": not known, and the one that the run stored is shown.
    """
    return stack(
        [
            line((cell.id, "bold")),
            judged(cell) + line(f"  rule {cell.rule}"),
            block(cell.reason),
            *pairs([*_about(cell, case), *_truth(group), *worst(cell), *_rest(cell)]),
            *_gradient(cell, group),
            *_source(cell, case, source),
            *_alone(cell),
        ]
    )


def worst(cell: CellLine) -> Iterator[tuple[str, Text]]:
    """Yield the worst entry: which, of how many, truth, got, error, tolerance, resolution."""
    found = cell.worst
    if found is None:
        return
    yield "worst entry", line(entry(found.path, found.index), (f"   {_outside(cell)}", DIM))
    yield _true(cell, found)
    yield "got", line(exact(found.got))
    yield "error", line(f"{brief(found.error)}   {brief(found.ulp)} ulp   margin {margin(cell.margin)}")
    yield "tolerance", line(f"{brief(found.tolerance)} = {terms(found.terms or cell.terms)}")
    yield "would pass", line(facts.would_pass(cell))
    yield "resolution", line(_resolution(found))


def _true(cell: CellLine, found: Worst) -> tuple[str, Text]:
    """Return what the worst entry was to be."""
    if found.sides is None:
        return cell.against or "truth", line(exact(found.truth))
    lower, upper = map(exact, found.sides)
    return ("derivative", line(upper)) if lower == upper else ("one-sided", line(f"{lower} and {upper}"))


def _resolution(found: Worst) -> str:
    if not math.isfinite(format.real(found.resolution)):
        return "none   the truth is 0 here, so the tolerance is absolute"
    return f"{brief(found.resolution)}   the smallest relative fault that a pass could have hidden"


def _outside(cell: CellLine) -> str:
    """Return how many entries lie outside the tolerance; of a single one, whether it does."""
    if cell.worst and not cell.worst.path:
        of = f"of the {names.result(cell.operator)} {cell.wrong} of {plural(cell.entries, 'entry', 'entries')}"
        beside = f"; {of}" if cell.wrong else ""
        inside = format.real(cell.worst.error) <= format.real(cell.worst.tolerance)
        return f"{'within' if inside else 'outside'} the tolerance{beside}"
    if cell.entries == 1:
        return f"{'outside' if cell.wrong else 'within'} the tolerance"
    return f"{cell.wrong} of {cell.entries} entries outside the tolerance"


def _about(cell: CellLine, case: CaseLine | None) -> Iterator[tuple[str, Text]]:
    """Yield what the cell is."""
    spelled = " ".join(filter(None, (cell.spelling, cell.variant, cell.operator, cell.dtype)))
    yield "case", line(f"{cell.case}   {case.title if case else ''}".rstrip())
    yield "engine", line(f"{names.backend(cell.backend)}   {spelled}, point {cell.point}")
    yield "defined at", line(cell.location)


def _truth(group: GroupLine | None) -> Iterator[tuple[str, Text]]:
    """Yield the inputs and how the truth was established."""
    if group is None:
        return
    inputs = ", ".join(f"{path} = {format.numbers(array)}" for path, array in group.inputs.items())
    yield "inputs", line(inputs)
    if group.value == "":
        yield "truth is", line(group.status)
        return
    yield "exact value", line(f"{group.value_digits or NOTHING} ± {brief(group.value_radius)}")
    yield "ideal", line(", ".join(f"{path} = {fraction}" for path, fraction in group.ideal.items()))
    reach = format.reach(group.radius, names.result(group.operator))
    yield "truth is", line(f"{group.status}, {reach}, {group.digits} digits carried")
    yield "tie", line(facts.at_tie(group))


def _rest(cell: CellLine) -> Iterator[tuple[str, Text]]:
    """Yield the value, the expectation and the warnings."""
    if cell.value != "":
        off = f"error {brief(cell.value_error)}, tolerance {brief(cell.value_tolerance)}"
        yield "value", line(f"{exact(cell.value)}   {cell.value_hex}   {off}")
    yield "expected", line(cell.expected)
    yield from (("warning", line(warning)) for warning in cell.warnings)


def _gradient(cell: CellLine, group: GroupLine | None) -> Iterator[Text]:
    """Yield the gradient's first entries beside the truth."""
    found = list(places(cell.gradient))
    if not found:
        return
    yield line((f"  {names.result(cell.operator)}", DIM))
    yield from aligned([_beside(cell, group, place) for place in found[:ENTRIES_SHOWN]], indent="    ")
    hidden = sum(map(format.size, cell.gradient.values())) - min(len(found), ENTRIES_SHOWN)
    if hidden:
        yield line((f"    {plural(hidden, 'more entry', 'more entries')}: in run.jsonl", DIM))


def _beside(cell: CellLine, group: GroupLine | None, place: Place) -> list[Text]:
    """Return one entry: its name, what the engine said, and the truth with the digits that agree."""
    got, spelled = number_at(cell.gradient, place)
    truth = number_at(group.gradient, place)[0] if group else ""
    parts = format.split(got, truth)
    said = line(parts.same, (parts.differing, "underline"), parts.exponent)
    tie = group is not None and group.tie
    agree = "" if truth in ("", "nan") or tie else _agreement(format.agreeing(got, truth))
    beside = f"{'by convention' if tie else 'truth'} {format.known(truth)}" if truth != "" else ""
    return [line(entry(*place)), said, line((spelled, DIM)), line(beside), line((agree, DIM))]


def _agreement(digits: int) -> str:
    """Return "1 digit agrees", "9 digits agree"."""
    return f"{plural(digits, 'digit')} {verb(digits, 'agrees', 'agree')}"


def _alone(cell: CellLine) -> Iterator[Text]:
    """Yield the program of the first operation that differs."""
    if cell.first_op is not None:
        at = f", {cell.first_op.location}" if cell.first_op.location else ""
        yield line((f"  the first operation that differs, alone at its own inputs: {cell.first_op.words}{at}", DIM))
        yield block(cell.first_op.program, indent="    ")


def _source(cell: CellLine, case: CaseLine | None, own: str) -> Iterator[Text]:
    """Yield the cell's own source; where that is not to be had, the one that was stored."""
    stored = case.emitted.get(source_key(cell), "") if case else ""
    if own or stored:
        yield line(("  source" if own else f"  {STORED}", DIM))
        yield block(own or stored, indent="    ")
