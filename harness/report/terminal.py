"""The run in a terminal: the headline and what failed, the matrix, and one cell in full.

Each function returns a rich `Text`; its `.plain` is the same without colour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from rich.text import Text

from harness.report import facts, names, table
from harness.report.cell import cell_text, worst
from harness.report.detail import Group, details
from harness.report.format import NOTHING, brief, entry, exact, known, margin, plural
from harness.report.lines import DIM, STYLES, aligned, block, command, judged, line, pairs, put, stack
from harness.report.place import Place, number_at, places
from harness.run.records import CellLine, GroupLine, Run

__all__ = ["agreement", "cell_text", "failure", "matrix", "overview", "put", "shown", "summary"]

Further = Sequence[str] | None
"""Further arguments of a printed command; None: there is no command."""

FAILURES_SHOWN = 20

KNOWN_SHOWN = 50
"""Lines, one a known difference."""

ALSO_SHOWN = 8

FEW = 6
"""So many groups are shown with their numbers, more as a table of cases."""


def summary(run: Run, *, show: Further = (), repro: Sequence[str] = ()) -> Text:
    """Return the headline, failures in full, known differences a line each, the inconclusive counted, and the gaps.

    `show` and `repro` are what the printed commands need beside the cell: where the run and the case file are. No
    command is printed where `show` is None: a function that was checked in a script is in no file of cases.
    """
    told = [*_failures(run, show, repro), *_known(run, show), *_inconclusive(run, show)]
    return stack([*_said_first(run), *told, *_lacking(run)])


def matrix(run: Run) -> Text:
    """Return each engine's numbers where there are few groups, else a table case × backend."""
    return stack([*_tables(run), *_lacking(run)])


def overview(run: Run, *, show: Further = (), repro: Sequence[str] = ()) -> Text:
    """Return the matrix and the summary below it, which tells why cells failed: what a run prints at its end."""
    return stack([*_tables(run, told=("pass", "fail")), Text(), summary(run, show=show, repro=repro)])


def agreement(run: Run) -> str:
    """Return the matrix as plain text: what `print(harness.check(…))` prints."""
    return matrix(run).plain


def shown(run: Run, cell: CellLine, source: str = "") -> Text:
    """Return one cell of the run in full, with its own source where it is given."""
    group = next((line for line in run.groups if _at(line) == _at(cell)), None)
    return cell_text(cell, group, next((line for line in run.cases if line.case == cell.case), None), source)


def _at(line: GroupLine | CellLine) -> tuple[str, str, str, str]:
    """Return the case, point, dtype and operator that the line speaks of."""
    return line.case, line.point, line.dtype, line.operator


def _said_first(run: Run) -> Iterator[Text]:
    """Yield the headline and the control."""
    yield line((facts.headline(run), "bold"))
    control = facts.control(run)
    yield line((f"{names.GLYPHS[control.status]} ", STYLES[control.status]), control.sentence)


def _failures(run: Run, show: Further, repro: Sequence[str]) -> Iterator[Text]:
    """Yield the failures that nobody expects, the worst first."""
    failed = facts.families(cell for cell in facts.failures(run) if not cell.expected)
    for found in failed[:FAILURES_SHOWN]:
        yield Text()
        alike = found.cells[1:] if found.first.worst else ()
        yield failure(found.first, "" if found.first.worst else found.whose, alike=alike, show=show, repro=repro)
    if len(failed) > FAILURES_SHOWN:
        yield Text()
        yield line((plural(len(failed) - FAILURES_SHOWN, "more failure") + ": see report.html.", STYLES["fail"]))


def _known(run: Run, show: Further) -> Iterator[Text]:
    """Yield a line for each known difference, with the reason that was written for it, and what shows one in full."""
    known = [cell for name in names.GLYPHS for cell in facts.of_class(run, name) if cell.expected]
    if not known:
        return
    yield Text()
    yield line((plural(len(known), "known difference") + ":", "bold"))
    yield from aligned([[judged(cell), line(cell.id), line(cell.expected)] for cell in known[:KNOWN_SHOWN]])
    if len(known) > KNOWN_SHOWN:
        yield line(f"  {len(known) - KNOWN_SHOWN} more: see report.html.")
    if show is not None:
        yield from pairs([("in full", line(command("show", known[0], *show)))])


def failure(
    cell: CellLine,
    whose: str = "",
    *,
    alike: Sequence[CellLine] = (),
    show: Further = (),
    repro: Sequence[str] = (),
) -> Text:
    """Return what failed, where, by how much, why, and the commands that show it, with their further arguments.

    `whose` names the cells where the cell stands for several; `alike` are those of its engine that fail as it does.
    """
    return stack(
        [
            judged(cell) + line("  ", (whose or cell.id, "bold")),
            block(cell.reason),
            *pairs(
                [
                    *worst(cell),
                    ("rule", line(str(cell.rule))),
                    ("expected", line(cell.expected)),
                    ("defined at", line(cell.location)),
                    ("differs at", line(_first(cell))),
                    ("also", line(_also(alike))),
                    *_commands(cell, show, repro),
                ]
            ),
        ]
    )


def _also(alike: Sequence[CellLine]) -> str:
    """Return the other cells with their errors, by what tells them from the one that is shown."""
    told = [f"{cell.variant}/{cell.dtype}/{cell.point} (error {brief(cell.error)})" for cell in alike[:ALSO_SHOWN]]
    more = [f"{len(alike) - ALSO_SHOWN} more: see report.html"] if len(alike) > ALSO_SHOWN else []
    return ", ".join(told + more)


def _first(cell: CellLine) -> str:
    """Return the first operation that differs, and where the user wrote it; "" where none was found."""
    found = cell.first_op
    return "" if found is None else f"{found.words}   {found.location}".rstrip()


def _commands(cell: CellLine, show: Further, repro: Sequence[str]) -> Iterator[tuple[str, Text]]:
    """Yield the commands that show the cell, where there are any."""
    if show is not None:
        yield "show", line(command("show", cell, *show))
        yield "reproduce", line(command("repro", cell, *repro))


def _inconclusive(run: Run, show: Further) -> Iterator[Text]:
    """Yield how many cells prove nothing, by verdict, and the command that says why of the first of each."""
    doubts = [cell for cell in facts.of_class(run, "inconclusive") if not cell.expected]
    if not doubts:
        return
    found = Counter(cell.verdict for cell in doubts).most_common()
    counted = ", ".join(f"{count} {verdict}" for verdict, count in found)
    yield Text()
    yield line((f"{names.GLYPHS['inconclusive']} {len(doubts)} inconclusive", STYLES["inconclusive"]), f": {counted}")
    firsts = ((verdict, next(cell for cell in doubts if cell.verdict == verdict)) for verdict, _ in found)
    yield from pairs((verdict, line(command("show", cell, *show))) for verdict, cell in firsts if show is not None)


def _lacking(run: Run) -> Iterator[Text]:
    """Yield the backends that did not run and the gaps of the run."""
    missing = (f"{names.backend(name)} did not run: {said}" for name, said in facts.not_run(run).items())
    for sentence in [*missing, *facts.gaps(run)]:
        yield line((f"{names.GLYPHS['inconclusive']} ", STYLES["inconclusive"]), sentence)


def _tables(run: Run, told: Collection[str] = ("pass",)) -> Iterator[Text]:
    """Yield a table of engines a group where there are few groups, else the table case × backend.

    Below the tables stand the reasons of cells, but for the classes whose reasons are `told` elsewhere.
    """
    rows = table.matrix(run)
    groups = [(detail.row.case, group) for detail in details(run, rows) for group in detail.groups]
    if len(groups) > FEW:
        return _tiles(run, rows)
    reasons = facts.one_by_one(cell for _, group in groups for cell in group.cells if names.status(cell) not in told)
    return _numbers(groups, {reason.first.id: reason for reason in reasons})


def _numbers(groups: Iterable[tuple[str, Group]], reasons: Mapping[str, facts.Reason]) -> Iterator[Text]:
    """Yield a table of the engines for each group, with the reasons whose first cell is in it."""
    for case, group in groups:
        yield line((f"{case}  {group.point}  {group.dtype}{names.beyond(group.operator)}", "bold"))
        if group.line and group.line.value == "":
            yield block(group.line.status)
        elif group.line:
            truth = ", ".join(_named(group.line, place) for place in list(places(group.line.gradient))[:FEW])
            yield line(("  truth  ", DIM), f"J = {exact(group.line.value)}, {truth}")
            yield from map(block, filter(None, [facts.at_tie(group.line)]))
        yield from _engines(group)
        yield from (_why(reasons[cell.id], group) for cell in group.cells if cell.id in reasons)


def _engines(group: Group) -> list[Text]:
    """Return the table of the engines; where all of them are refused alike, how many cells that are."""
    refused = facts.one_by_one(group.cells)
    if len(refused) == 1 and len(group.cells) > 1:
        return [line("  ") + judged(group.cells[0]) + line(f"  {plural(len(group.cells), 'cell')}")]
    return aligned([_titles(group.operator), *(_engine(cell, group.cells) for cell in group.cells)])


def _why(reason: facts.Reason, group: Group) -> Text:
    """Return the reason with the engine that it is about, or how many cells."""
    alone = len(reason.cells) == 1
    return block(f"{names.engine(reason.first, group.cells) if alone else reason.whose}: {reason.reason}")


def _named(group: GroupLine, place: Place) -> str:
    """Return the entry's truth with its name."""
    return f"{names.partial(group.operator, entry(*place))} = {known(number_at(group.gradient, place)[0])}"


def _titles(operator: str) -> list[Text]:
    """Return the head of the table of engines."""
    titles = ("engine", "value", names.result(operator), "error", "tolerance", "verdict")
    return [line((title, DIM)) for title in titles]


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
