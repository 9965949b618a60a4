"""Runs joined into one: what different processes measured of the same cases in one environment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from harness.backends import BACKENDS
from harness.run.expectations import fails_anew, named
from harness.run.joined import joined_cases, joined_groups
from harness.run.records import CellLine, HeaderLine, Run, TotalsLine
from harness.run.totals import totals

NOT_PLANTED = "No cell passed"
"""How the sentence on the planted wrong gradient begins where there was none to plant."""


def merged(runs: Sequence[Run]) -> Run:
    """Return the runs, at least one, as one; without totals where one of them was cut short.

    The same cell measured twice counts once, the first time. Differences between two backends that no single
    run measured together are not in it.
    """
    header = _header([run.header for run in runs])
    cells = _cells(cell for run in runs for cell in run.cells)
    return Run(
        header=header,
        cases=joined_cases(line for run in runs for line in run.cases),
        groups=joined_groups(line for run in runs for line in run.groups),
        cells=cells,
        totals=_totals(header, cells, [run.totals for run in runs]),
    )


def _header(headers: Sequence[HeaderLine]) -> HeaderLine:
    """Return the first header with the versions, flags and backends of all."""
    backends = {key: text for one in headers for key, text in one.backends.items()}
    return msgspec.structs.replace(
        headers[0],
        versions={key: text for one in headers for key, text in one.versions.items()},
        flags={key: text for one in headers for key, text in one.flags.items()},
        backends={name: backends[name] for name in sorted(backends, key=[*BACKENDS, *backends].index)},
        mechanisms={key: text for one in headers for key, text in one.mechanisms.items()},
        unread=tuple(dict.fromkeys(said for one in headers for said in one.unread)),
        unknown=tuple(dict.fromkeys(said for one in headers for said in one.unknown)),
    )


def _cells(lines: Iterable[CellLine]) -> tuple[CellLine, ...]:
    """Return each cell once, in the order of the ids: which process was first does not show."""
    found: dict[str, CellLine] = {}
    for line in lines:
        found.setdefault(line.id, line)
    return tuple(found[identity] for identity in sorted(found))


def _totals(header: HeaderLine, cells: Sequence[CellLine], parts: Sequence[TotalsLine | None]) -> TotalsLine | None:
    whole = [part for part in parts if part is not None]
    if len(whole) < len(parts):
        return None
    told = min(whole, key=lambda part: (part.caught, not part.control or part.control.startswith(NOT_PLANTED)))
    return totals(
        header,
        cells,
        planned=len(cells) + sum(part.planned - part.judged for part in whole),
        stale=[expected for expected in _distinct(whole) if not _met(expected, cells)],
        seconds=max(part.seconds for part in whole),
        caught=told.caught,
        control=told.control,
    )


def _distinct(parts: Iterable[TotalsLine]) -> dict[str, None]:
    """Return the expectations that a part calls stale, each once."""
    return dict.fromkeys(expected for part in parts for expected in part.stale)


def _met(expected: str, cells: Iterable[CellLine]) -> bool:
    """Return whether a cell of another part has what is expected, or fails anew, so that the line is not stale."""
    return any((cell.expected or fails_anew(cell)) and named(cell.id, expected) for cell in cells)
