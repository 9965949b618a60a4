"""The run in a terminal: the headline and what failed, the matrix, and one cell in full.

Each function returns a rich `Text`; its `.plain` is the same without colour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from rich.text import Text

from harness.report import facts, names, table
from harness.report.cell import cell_text, worst
from harness.report.detail import Group, details
from harness.report.format import NOTHING, brief, entry, exact, margin, plural
from harness.report.lines import DIM, STYLES, aligned, block, command, judged, line, pairs, put, stack
from harness.report.place import Place, number_at, places
from harness.run.records import CellLine, GroupLine, Run

__all__ = ["agreement", "cell_text", "failure", "matrix", "overview", "put", "shown", "summary"]

FAILURES_SHOWN = 20

FEW = 6
"""So many groups are shown with their numbers, more as a table of cases."""


def summary(run: Run, *, show: Sequence[str] = (), repro: Sequence[str] = ()) -> Text:
    """Return the headline, each failure in full, the inconclusive counted, and what the run lacks.

    `show` and `repro` are what the printed commands need beside the cell: where the run and the case file are.
    """
    return stack([*_said_first(run), *_failures(run, show, repro), *_inconclusive(run), *_lacking(run)])


def matrix(run: Run) -> Text:
    """Return each engine's numbers where there are few groups, else a table case × backend."""
    return stack([*_tables(run), *_lacking(run)])


def overview(run: Run, *, show: Sequence[str] = (), repro: Sequence[str] = ()) -> Text:
    """Return the matrix and the summary below it: what a run prints at its end."""
    return stack([*_tables(run), Text(), summary(run, show=show, repro=repro)])


def agreement(run: Run) -> str:
    """Return the matrix as plain text: what `print(harness.check(…))` prints."""
    return matrix(run).plain


def shown(run: Run, cell: CellLine) -> Text:
    """Return one cell of the run in full."""
    group = next((line for line in run.groups if _at(line) == _at(cell)), None)
    return cell_text(cell, group, next((line for line in run.cases if line.case == cell.case), None))


def _at(line: GroupLine | CellLine) -> tuple[str, str, str]:
    """Return the case, point and dtype that the line speaks of."""
    return line.case, line.point, line.dtype


def _said_first(run: Run) -> Iterator[Text]:
    """Yield the headline and the control."""
    yield line((facts.headline(run), "bold"))
    control = facts.control(run)
    yield line((f"{names.GLYPHS[control.status]} ", STYLES[control.status]), control.sentence)


def _failures(run: Run, show: Sequence[str], repro: Sequence[str]) -> Iterator[Text]:
    """Yield the failures, the worst first."""
    failed = facts.failures(run)
    for cell in failed[:FAILURES_SHOWN]:
        yield Text()
        yield failure(cell, show=show, repro=repro)
    if len(failed) > FAILURES_SHOWN:
        yield Text()
        yield line((plural(len(failed) - FAILURES_SHOWN, "more failure") + ": see report.html.", STYLES["fail"]))


def failure(cell: CellLine, *, show: Sequence[str] = (), repro: Sequence[str] = ()) -> Text:
    """Return what failed, where, by how much, why, and the commands that show it, with their further arguments."""
    return stack(
        [
            judged(cell) + line("  ", (cell.id, "bold")),
            block(cell.reason),
            *pairs(
                [
                    *worst(cell),
                    ("rule", line(str(cell.rule))),
                    ("expected", line(cell.expected)),
                    ("defined at", line(cell.location)),
                    *_commands(cell, show, repro),
                ]
            ),
        ]
    )


def _commands(cell: CellLine, show: Sequence[str], repro: Sequence[str]) -> Iterator[tuple[str, Text]]:
    """Yield the commands that show the cell; a function that was checked in a script is in no file of cases."""
    if not cell.case.startswith("check."):
        yield "show", line(command("show", cell, *show))
        yield "reproduce", line(command("repro", cell, *repro))


def _inconclusive(run: Run) -> Iterator[Text]:
    """Yield how many cells prove nothing, by verdict."""
    doubts = facts.of_class(run, "inconclusive")
    if not doubts:
        return
    found = Counter(cell.verdict for cell in doubts).most_common()
    counted = ", ".join(f"{count} {verdict}" for verdict, count in found)
    yield Text()
    yield line((f"{names.GLYPHS['inconclusive']} {len(doubts)} inconclusive", STYLES["inconclusive"]), f": {counted}")


def _lacking(run: Run) -> Iterator[Text]:
    """Yield the backends that did not run and the gaps of the run."""
    missing = (f"{names.backend(name)} did not run: {said}" for name, said in facts.not_run(run).items())
    for sentence in [*missing, *facts.gaps(run)]:
        yield line((f"{names.GLYPHS['inconclusive']} ", STYLES["inconclusive"]), sentence)


def _tables(run: Run) -> Iterator[Text]:
    """Yield a table of engines a group where there are few groups, else the table case × backend."""
    rows = table.matrix(run)
    groups = [(detail.row.case, group) for detail in details(run, rows) for group in detail.groups]
    return _numbers(groups) if len(groups) <= FEW else _tiles(run, rows)


def _numbers(groups: Iterable[tuple[str, Group]]) -> Iterator[Text]:
    """Yield a table of the engines for each group."""
    for case, group in groups:
        yield line((f"{case}  {group.point}  {group.dtype}", "bold"))
        if group.line:
            truth = ", ".join(_named(group.line, place) for place in list(places(group.line.gradient))[:FEW])
            yield line(("  truth  ", DIM), f"J = {exact(group.line.value)}, {truth}")
        yield from aligned([_titles(), *(_engine(cell, group.cells) for cell in group.cells)])
        yield from _why(group)


def _why(group: Group) -> Iterator[Text]:
    """Yield the reason of each cell that does not pass."""
    for cell in group.cells:
        if names.status(cell) != "pass":
            yield block(f"{names.engine(cell, group.cells)}: {cell.reason}")


def _named(group: GroupLine, place: Place) -> str:
    """Return the entry's truth with its name."""
    return f"∂J/∂{entry(*place)} = {exact(number_at(group.gradient, place)[0])}"


def _titles() -> list[Text]:
    """Return the head of the table of engines."""
    return [line((title, DIM)) for title in ("engine", "value", "gradient", "error", "tolerance", "verdict")]


def _engine(cell: CellLine, beside: Sequence[CellLine]) -> list[Text]:
    """Return one engine's row."""
    got = [exact(value) for array in cell.gradient.values() for value in array.values]
    shown = ", ".join(got[:2]) + (f", … {len(got) - 2} more" if len(got) > 2 else "")
    numbers = (brief(cell.error), brief(cell.tolerance)) if cell.worst else (NOTHING, NOTHING)
    return [*map(line, (names.engine(cell, beside), exact(cell.value), shown or NOTHING, *numbers)), judged(cell)]


def _tiles(run: Run, rows: Iterable[table.Row]) -> Iterator[Text]:
    """Yield the table case × backend."""
    head = [line((title, DIM)) for title in ("case", *map(names.backend, names.backends(run)))]
    yield from aligned([head, *([line(row.case), *map(_tile, row.tiles)] for row in rows)], indent="")


def _tile(tile: table.Tile) -> Text:
    """Return sign, verdict, how many passed, and the margin."""
    if tile.worst is None:
        return line((NOTHING, DIM))
    style = STYLES[tile.status]
    said = f"{names.glyph(tile.worst)} {names.word(tile.worst)}"
    return line((said, style), f" {tile.passed}/{tile.total} {margin(tile.worst.margin)}")
