"""The run as JUnit XML, in the strict form that CI services read (xunit 2: only suites have properties)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from harness.report import facts, names
from harness.report.format import one_line, real, shortest, visible
from harness.report.origin import Origins
from harness.report.terminal import failure
from harness.run.records import CellLine, Num, Run

NO_GRADIENT = 1
"""The rule of the verdicts on a backend that gave no gradient: their failures are errors."""

NUMBERS = ("value", "error", "tolerance", "margin", "resolution", "ulp")
"""The fields of a cell that become properties."""


class Suites:
    """A suite per case and backend, a test per cell."""

    file = "junit.xml"

    def render(self, run: Run) -> bytes:
        """Return the document, in the order of the run."""
        origins = Origins(run)
        suites = [
            _suite(f"{case}[{backend}]", cells, run.header.started, origins)
            for (case, backend), cells in _suites(run).items()
        ]
        root = Element("testsuites", name="gradient agreement")
        root.extend([*suites, *_session(run)])
        indent(root)
        return bytes(tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def outcome(cell: CellLine) -> str:
    """Return passed, skipped, failure or error."""
    status = names.status(cell)
    if cell.expected or status == "inconclusive":
        return "skipped"
    if status == "fail":
        return "error" if cell.rule == NO_GRADIENT else "failure"
    return "passed"


def _suites(run: Run) -> dict[tuple[str, str], list[CellLine]]:
    """Return the cells by case and backend."""
    found: dict[tuple[str, str], list[CellLine]] = {}
    for cell in run.cells:
        found.setdefault((cell.case, cell.backend), []).append(cell)
    return found


def _counts(cells: Iterable[CellLine]) -> dict[str, str]:
    """Return the attributes that count the cells."""
    found = [outcome(cell) for cell in cells]
    counted = {"tests": len(found), "failures": found.count("failure"), "errors": found.count("error")}
    return {key: str(count) for key, count in counted.items()}


def _suite(name: str, cells: list[CellLine], started: str, origins: Origins) -> Element:
    """Return the suite: the numbers of all its cells, then the cells."""
    attributes = {
        "name": one_line(name),
        **_counts(cells),
        "skipped": str(sum(outcome(cell) == "skipped" for cell in cells)),
        "time": _seconds(sum(cell.seconds for cell in cells)),
        "timestamp": one_line(started),
    }
    suite = Element("testsuite", attributes)
    properties = SubElement(suite, "properties")
    for cell in cells:
        for key, value in _properties(cell):
            SubElement(properties, "property", name=one_line(f"{names.label(cell)} {key}"), value=one_line(value))
    suite.extend(_test(cell, origins) for cell in cells)
    return suite


def _properties(cell: CellLine) -> Iterator[tuple[str, str]]:
    """Yield the verdict and the numbers that the cell has."""
    yield "verdict", names.word(cell)
    for key in NUMBERS:
        value: Num = getattr(cell, key)
        if value != "":
            yield key, shortest(value)


def _test(cell: CellLine, origins: Origins) -> Element:
    """Return the cell as a test; what it is short of passing stands in an element of its own."""
    name, home = one_line(names.label(cell)), one_line(f"{cell.case}.{cell.backend}")
    test = Element("testcase", name=name, classname=home, time=_seconds(cell.seconds))
    kind = outcome(cell)
    if kind != "passed":
        why = SubElement(test, kind, type=one_line(names.word(cell)), message=one_line(cell.expected or cell.reason))
        why.text = visible(failure(cell, repro=origins.to_repeat(cell)).plain)
    return test


def _session(run: Run) -> Iterator[Element]:
    """Yield a suite with an error where the run is not to be trusted or was cut short."""
    control = facts.control(run)
    said = [*([control.sentence] if control.status == "fail" else []), *facts.gaps(run)]
    if not said:
        return
    suite = Element("testsuite", name="run", tests=str(len(said)), failures="0", errors=str(len(said)), time="0.000")
    for at, sentence in enumerate(said):
        test = SubElement(suite, "testcase", name=f"run {at}", classname="run", time="0.000")
        SubElement(test, "error", type="run", message=one_line(sentence))
    yield suite


def _seconds(value: float) -> str:
    """Return the time in the schema's form: at most three decimals, no exponent, no NaN."""
    known = real(value)
    return f"{known if known >= 0 else 0:.3f}"
