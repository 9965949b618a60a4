"""The run as Markdown of at most 64 KiB, for the job summary of a CI service."""

from __future__ import annotations

import re
from collections import Counter
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

KNOWN_SHOWN = 50
"""Lines, one a known difference."""


class Summary:
    """The run as a page of Markdown."""

    file = "summary.md"

    def render(self, run: Run) -> str:
        """Return the headline, the failures, what is known, the matrix and what was not checked, cut at the limit."""
        told = [*_failures(run), *_known(run), *_matrix(run), *_unchecked(run), *_conventions(run)]
        return cut([*_head(run), *told])


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
    yield from (" · ".join([*_counted(run), names.how_many_ran(run.header)]), "")
    control = facts.control(run)
    yield from (f"{names.GLYPHS[control.status]} {text(control.sentence)}", "")
    for gap in facts.gaps(run):
        yield from (f"{names.GLYPHS['inconclusive']} {text(gap)}", "")


def _counted(run: Run) -> Iterator[str]:
    """Yield how many cells are of each class; those that are known are counted by themselves."""
    found = Counter(names.status(cell) for cell in run.cells if not cell.expected)
    yield from (f"{glyph} {found[name]} {name}" for name, glyph in names.GLYPHS.items())
    if known := sum(1 for cell in run.cells if cell.expected):
        yield plural(known, "known difference")


def _failures(run: Run) -> Iterator[str]:
    """Yield a bullet per failure that nobody expects."""
    failed = [cell for cell in facts.failures(run) if not cell.expected]
    told = facts.one_by_one(failed)
    if failed:
        yield from (f"### {plural(len(failed), 'failure')}", "", *map(_failure, told[:FAILURES_SHOWN]), "")
    if len(told) > FAILURES_SHOWN:
        yield from (f"{plural(len(told) - FAILURES_SHOWN, 'more failure')}: see report.html.", "")


def _failure(found: facts.Reason) -> str:
    """Return the failure on one line."""
    cell = found.first
    return f"* ✗ **{text(names.word(cell))}** {code(found.whose)}{_where(cell)}. {text(found.reason)}"


def _known(run: Run) -> Iterator[str]:
    """Yield a line for each known difference, with the reason that was written for it."""
    known = [cell for name in names.GLYPHS for cell in facts.of_class(run, name) if cell.expected]
    if known:
        lines = (
            f"* {names.glyph(cell)} {text(names.word(cell))} (expected) {code(cell.id)}: {text(cell.expected)}"
            for cell in known[:KNOWN_SHOWN]
        )
        yield from (f"### {plural(len(known), 'known difference')}", "", *lines, "")
    if len(known) > KNOWN_SHOWN:
        yield from (f"{plural(len(known) - KNOWN_SHOWN, 'more known difference')}: see report.html.", "")


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
    news = {(cell.case, cell.backend, names.status(cell)) for cell in run.cells if not cell.expected}
    yield from (_row(row, news) for row in matrix(run))
    yield ""


def _row(row: Row, news: set[tuple[str, str, str]]) -> str:
    """Return a row of the table; `news` are case, backend and class of the cells that nobody expects."""
    return f"| {code(row.case)} | {' | '.join(_tile(tile, news) for tile in row.tiles)} |"


def _tile(tile: Tile, news: set[tuple[str, str, str]]) -> str:
    """Return a cell of the table: sign, word, how many passed, margin; expected where all of its class are."""
    if tile.worst is None:
        return f"{NOTHING} {text(tile.absence)}"
    known = (tile.worst.case, tile.backend, tile.status) not in news
    word = text(names.word(tile.worst)) + (" (expected)" if known else "")
    return f"{names.glyph(tile.worst)} {word} {tile.passed}/{tile.total}, {margin(tile.worst.margin)}"


def _unchecked(run: Run) -> Iterator[str]:
    """Yield what did not run and what proves nothing, with the reasons."""
    missing = [f"* {text(names.backend(name))} did not run: {text(said)}" for name, said in facts.not_run(run).items()]
    doubts = [
        f"* ? {text(names.word(reason.first))}, {plural(len(reason.cells), 'cell')}, such as {code(reason.first.id)}: "
        f"{text(reason.reason)}"
        for reason in facts.reasons(cell for cell in facts.of_class(run, "inconclusive") if not cell.expected)
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
