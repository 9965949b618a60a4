"""The end of a session: one run, its reports, and whether the session fails for want of results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.pytest_plugin import options
from harness.pytest_plugin.state import State

if TYPE_CHECKING:
    from harness.run.records import Run


def finish(config: pytest.Config, state: State) -> list[str]:
    """Return why the session fails whatever its items say; write what was asked for, and leave lines to be shown."""
    run = _whole(config, state)
    wrong = [*_missing(run, options.required(config) if config.getoption("agreement_require") else ())]
    if run is not None:
        wrong += _doubts(run)
        state.said += _summary(run)
    state.said += [*(f"✗ {sentence}" for sentence in wrong), *_written(config, run)]
    return wrong


def _whole(config: pytest.Config, state: State) -> Run | None:
    """Return the session's run, of all its processes; None where no case ran."""
    runs = [*state.runs(), *state.delivered]
    if not runs:
        return None
    from msgspec.structs import replace

    from harness.run.merge import merged

    run = runs[0] if len(runs) == 1 else merged(runs)
    return replace(run, header=replace(run.header, command=options.command(config)))


def _missing(run: Run | None, required: tuple[str, ...]) -> Iterator[str]:
    """Yield a sentence for each backend that must run and did not, and where none did at all."""
    status = run.header.backends if run is not None else {}
    if run is not None and not _anything_ran(run):
        yield "No backend ran, so nothing was shown: the session fails."
    for name in required:
        if status.get(name) != "ran":
            yield f"{name} is required and did not run: {status.get(name, 'none of the selected items is on it')}."


def _anything_ran(run: Run) -> bool:
    from harness.backends import BY_HAND

    return "ran" in run.header.backends.values() or any(cell.backend in BY_HAND for cell in run.cells)


def _doubts(run: Run) -> Iterator[str]:
    """Yield why the run is not to be trusted."""
    from harness.report import facts

    yield from run.header.unknown
    control = facts.control(run)
    if control.status == "fail":
        yield control.sentence
    for cell in run.cells:
        if cell.verdict == "NO-TRUTH" and cell.diagnosis in ("certificate", "second opinion"):
            yield f"The truth of {cell.id} does not hold: {cell.reason}"


def _summary(run: Run) -> Iterator[str]:
    from harness.report import facts, names
    from harness.report.format import one_line

    yield one_line(facts.headline(run))
    for name, sentence in facts.not_run(run).items():
        yield one_line(f"{names.GLYPHS['inconclusive']} {names.backend(name)} did not run: {sentence}")
    if run.totals is not None:
        gaps = (gap for gap in facts.gaps(run) if gap not in run.header.unknown)  # these stand among what is wrong
        yield from (one_line(f"{names.GLYPHS['inconclusive']} {gap}") for gap in gaps)


def _written(config: pytest.Config, run: Run | None) -> Iterator[str]:
    """Write the reports that were asked for; yield a warning for each that was not written."""
    for name, write in {"html": _write_html, "jsonl": _write_lines}.items():
        path = options.target(config, name)
        if path is not None:
            problem = "no case ran" if run is None else write(run, path)
            yield f"{path} was not written: {problem}" if problem else f"wrote {path}"


def _write_html(run: Run, path: Path) -> str:
    from harness.report import write_one

    return write_one(run, path.parent, "html", path.name)


def _write_lines(run: Run, path: Path) -> str:
    from harness.report import put
    from harness.run.store import dumps

    try:
        put(path, dumps(run))
    except OSError as error:
        return f"{error.strerror}; choose another place with --agreement-jsonl"
    return ""
