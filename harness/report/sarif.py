"""The run as SARIF 2.1.0, for code scanning: what does not pass, the worst first, at the line that defines it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from harness.report import facts, names
from harness.report.format import brief, entry, exact, one_line
from harness.report.lines import command
from harness.report.origin import Origins, split
from harness.run.records import CellLine, Run

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {"fail": "error", "inconclusive": "note"}
"""By class."""


class Log:
    """One result per cell that does not pass, one for all that a case lost for one reason; one rule per verdict."""

    file = "run.sarif"

    def render(self, run: Run) -> str:
        """Return the log; known differences come last."""
        worst_first = [*facts.of_class(run, "fail"), *facts.of_class(run, "inconclusive")]
        cells = sorted(worst_first, key=lambda cell: bool(cell.expected))
        rules = list(dict.fromkeys(cell.verdict for cell in cells))
        log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(run, cells, rules)]}
        return json.dumps(log, ensure_ascii=False, indent=1) + "\n"


def _run(run: Run, cells: list[CellLine], rules: list[str]) -> dict[str, Any]:
    """Return the one run of the log."""
    first, origins = {cell.verdict: cell for cell in reversed(cells)}, Origins(run)
    driver = {
        "name": "gradharness",
        "version": one_line(run.header.version),
        "rules": [_rule(first[verdict]) for verdict in rules],
    }
    invocation = {
        "commandLine": one_line(run.header.command),
        "executionSuccessful": run.totals is not None,
        "toolExecutionNotifications": [{"level": "error", "message": _text(gap)} for gap in facts.gaps(run)],
    }
    return {
        "tool": {"driver": driver},
        "invocations": [invocation],
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(found, rules.index(found.first.verdict), origins.to_repeat(found.first))
            for found in facts.one_by_one(cells)
        ],
    }


def _rule(cell: CellLine) -> dict[str, Any]:
    """Return the rule that the cell's verdict stands for; its level is that of the worst cell."""
    return {
        "id": one_line(cell.verdict),
        "shortDescription": _text(f"{cell.verdict}: rule {cell.rule} of the verdicts"),
        "defaultConfiguration": {"level": LEVELS[names.status(cell)]},
    }


def _result(found: facts.Reason, rule: int, repeat: Sequence[str]) -> dict[str, Any]:
    """Return the cells of one reason as a result, with what repeats it; a known difference is suppressed."""
    cell = found.first
    result = {
        "ruleId": one_line(cell.verdict),
        "ruleIndex": rule,
        "level": LEVELS[names.status(cell)],
        "message": _text(_message(found, repeat)),
        "locations": [{"physicalLocation": _place(cell.location)}],
        "partialFingerprints": {"cell/v1": one_line(cell.id)},
        "properties": _numbers(cell),
    }
    if cell.expected:
        result["suppressions"] = [{"kind": "external", "justification": one_line(cell.expected)}]
    return result


def _message(found: facts.Reason, repeat: Sequence[str]) -> str:
    """Return verdict, cell, reason and the command that reproduces it, on one line."""
    again = command("repro", found.first, *repeat)
    return f"{names.word(found.first)} {found.whose}. {found.reason} Reproduce: {again}"


def _place(location: str) -> dict[str, Any]:
    """Return file and line; an absolute file as a file address, else relative to the root of the sources."""
    file, line = split(location)
    path = PurePath(file or location)
    uri = path.as_uri() if path.is_absolute() else quote(path.as_posix(), errors="replace")
    return {"artifactLocation": {"uri": uri}, "region": {"startLine": line or 1}}


def _numbers(cell: CellLine) -> dict[str, str]:
    """Return the numbers of the worst entry as text: JSON has no infinity."""
    found = {"margin": exact(cell.margin), "error": brief(cell.error), "tolerance": brief(cell.tolerance)}
    if cell.worst is not None:
        found["entry"] = one_line(entry(cell.worst.path, cell.worst.index))
        found |= {"truth": exact(cell.worst.truth), "got": exact(cell.worst.got)}
    return found | {"resolution": brief(cell.resolution)}


def _text(words: str) -> dict[str, str]:
    return {"text": one_line(words)}
