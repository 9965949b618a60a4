"""From the verdicts of an item's cells to what pytest says of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import pytest

if TYPE_CHECKING:
    from harness.pytest_plugin.items import CaseItem
    from harness.run.records import CellLine

Outcome = Literal["passed", "failed", "skipped", "xfailed"]

NOT_WRITTEN = "  `show` reads the run file that pytest writes with --agreement-jsonl run.jsonl"


class Disagreement(AssertionError):
    """A cell of the item fails; the text lists each."""


def of_cell(cell: CellLine, config: pytest.Config) -> Outcome:
    """Return what pytest says of the cell; an expectation counts for nothing under --runxfail."""
    if cell.expected and not config.getoption("runxfail"):
        return "xfailed"
    if cell.cls == "pass":
        return "passed"
    return "skipped" if cell.cls == "inconclusive" else "failed"


def conclude(item: CaseItem) -> None:
    """Return where a cell passed and all others are no worse than skipped; else raise what ends the item otherwise."""
    by_outcome: dict[Outcome, list[CellLine]] = {}
    for cell in item.judged:
        by_outcome.setdefault(of_cell(cell, item.config), []).append(cell)
    failed, expected = by_outcome.get("failed", []), by_outcome.get("xfailed", [])
    if failed:
        raise Disagreement("\n".join([f"{len(failed)} of {len(item.judged)} cells failed:", *map(_in_short, failed)]))
    if expected:
        pytest.xfail(_reasons(cell.expected for cell in expected))
    if "passed" not in by_outcome:
        pytest.skip(_reasons(cell.reason for cell in item.judged) or "no cell was judged")


def _reasons(sentences: Iterable[str]) -> str:
    return " ".join(dict.fromkeys(sentences))


def _in_short(cell: CellLine) -> str:
    from harness.report import names
    from harness.report.format import one_line

    return one_line(f"  {names.glyph(cell)} {names.word(cell)}  {cell.id}")


def message(item: CaseItem, cell: CellLine) -> str:
    """Return all there is to say of a failing cell."""
    from harness.report.terminal import failure

    written = item.config.getoption("agreement_jsonl")
    here = item.config.invocation_params.dir
    file = item.path.relative_to(here) if item.path.is_relative_to(here) else item.path
    show = ["--run", written or "run.jsonl"]
    repro = [str(file), *(show if written else ())]
    text = failure(cell, show=show, repro=repro).plain
    return text if written else f"{text}\n{NOT_WRITTEN}"
