"""A cell as a subtest of its item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from harness.pytest_plugin import outcome

if TYPE_CHECKING:
    from harness.pytest_plugin.items import CaseItem
    from harness.run.records import CellLine


def subtest(item: CaseItem, call: pytest.CallInfo[None], cell: CellLine) -> pytest.SubtestReport:
    """Return the report of one cell."""
    from _pytest.subtests import SubtestContext  # pytest exports the report, but not its context

    from harness.report import names

    result = outcome.of_cell(cell, item.config)
    report = cast(pytest.SubtestReport, pytest.SubtestReport.from_item_and_call(item, call))
    report.context = SubtestContext(msg=names.label(cell), kwargs={})
    report.outcome = "skipped" if result == "xfailed" else result
    report.longrepr = _longrepr(item, cell, result)
    report.sections, report.duration = [], cell.seconds
    if result == "xfailed":
        report.wasxfail = cell.expected
    return report


def _longrepr(item: CaseItem, cell: CellLine, result: str) -> Any:
    if result == "failed":
        return outcome.message(item, cell)
    return item.skipped(f"Skipped: {cell.reason}") if result == "skipped" else None
