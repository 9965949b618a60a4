"""The run as Markdown of at most 64 KiB, for the job summary of a CI service."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.report import conventions, facts, names
from harness.report.format import NOTHING, brief, entry, margin, one_line, plural
from harness.report.table import Row, Tile, matrix
from harness.run.records import CellLine, Run

LIMIT = 64 * 1024
"""Bytes. Hosts drop a whole summary above 1 MiB."""

ROOM = 256
"""Bytes kept for the line that says how much was cut."""

FAILURES_SHOWN = 50
"""More are counted, so that the matrix below them has its place."""


class Summary:
    """The run as a page of Markdown."""

    file = "summary.md"

    def render(self, run: Run) -> str:
        """Return the headline, the failures, the matrix and what was not checked, cut at the limit."""
        return cut([*_head(run), *_failures(run), *_matrix(run), *_unchecked(run), *_conventions(run)])


def cut(lines: list[str], limit: int = LIMIT) -> str:
    """Return the lines that fit into `limit` bytes, and how many more there are."""
    kept: list[str] = []
    room = limit - ROOM
    for at, line in enumerate(lines):
        room -= len(line.encode()) + 1
        if room < 0:
            return "\n".join([*kept, "", f"**{plural(len(lines) - at, 'more line')}**: see report.html.", ""])
        kept.append(line)
    return "\n".join([*kept, ""])


def text(words: str) -> str:
    """Return the words as Markdown prints them: each sign that could mean something as a character reference."""
    return re.sub(r"[^\w\s.,;/(){}=+×÷±°²³^'%∞–-]|_", _reference, one_line(words))


def code(words: str) -> str:
    """Return the words in the typewriter's font."""
    return f"<code>{text(words)}</code>"


def _reference(found: re.Match[str]) -> str:
    """Return the character as a numeric reference."""
    return f"&#{ord(found[0])};"


def _head(run: Run) -> Iterator[str]:
    """Yield the headline, the counts and the control."""
    yield from ("## Gradient agreement", "", f"**{text(facts.headline(run))}**", "")
    counted = (f"{names.GLYPHS[name]} {count} {name}" for name, count in facts.counts(run).items())
    yield from (" · ".join([*counted, names.how_many_ran(run.header)]), "")
    control = facts.control(run)
    yield from (f"{names.GLYPHS[control.status]} {text(control.sentence)}", "")
    for gap in facts.gaps(run):
        yield from (f"{names.GLYPHS['inconclusive']} {text(gap)}", "")


def _failures(run: Run) -> Iterator[str]:
    """Yield a bullet per failure."""
    failed = facts.failures(run)
    told = facts.one_by_one(failed)
    if failed:
        yield from (f"### {plural(len(failed), 'failure')}", "", *map(_failure, told[:FAILURES_SHOWN]), "")
    if len(told) > FAILURES_SHOWN:
        yield from (f"{plural(len(told) - FAILURES_SHOWN, 'more failure')}: see report.html.", "")


def _failure(found: facts.Reason) -> str:
    """Return the failure on one line."""
    cell = found.first
    return f"* ✗ **{text(names.word(cell))}** {code(found.whose)}{_where(cell)}. {text(found.reason)}"


def _where(cell: CellLine) -> str:
    """Return the worst entry with its error and tolerance."""
    worst = cell.worst
    if worst is None:
        return ""
    place = text(entry(worst.path, worst.index))
    return f" at {place}: error {brief(worst.error)}, tolerance {brief(worst.tolerance)}"


def _matrix(run: Run) -> Iterator[str]:
    """Yield the case × backend table, the worst row first."""
    columns = [text(names.backend(name)) for name in names.backends(run)]
    yield from ("### Cases", "", f"| case | {' | '.join(columns)} |", "|" + " --- |" * (len(columns) + 1))
    yield from map(_row, matrix(run))
    yield ""


def _row(row: Row) -> str:
    """Return a row of the table."""
    return f"| {code(row.case)} | {' | '.join(map(_tile, row.tiles))} |"


def _tile(tile: Tile) -> str:
    """Return a cell of the table: sign, word, how many passed, margin."""
    if tile.worst is None:
        return f"{NOTHING} {text(tile.absence)}"
    word = text(names.word(tile.worst))
    return f"{names.glyph(tile.worst)} {word} {tile.passed}/{tile.total}, {margin(tile.worst.margin)}"


def _unchecked(run: Run) -> Iterator[str]:
    """Yield what did not run and what proves nothing, with the reasons."""
    missing = [f"* {text(names.backend(name))} did not run: {text(said)}" for name, said in facts.not_run(run).items()]
    doubts = [
        f"* ? {text(names.word(reason.first))}, {plural(len(reason.cells), 'cell')}, such as {code(reason.first.id)}: "
        f"{text(reason.reason)}"
        for reason in facts.reasons(facts.of_class(run, "inconclusive"))
    ]
    if missing or doubts:
        yield from ("### Not checked", "", *missing, *doubts, "")


def _conventions(run: Run) -> Iterator[str]:
    """Yield what each framework answers at a tie."""
    answers = conventions.table(run)
    if answers:
        columns = [text(names.backend(name)) for name in conventions.backends(run)]
        yield from ("### At ties", "", f"| where | {' | '.join(columns)} |", "|" + " --- |" * (len(columns) + 1))
        yield from (f"| {text(line.probe)} | {' | '.join(map(text, line.answers))} |" for line in answers)
        yield ""
