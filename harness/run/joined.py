"""Lines that speak of the same case or group, as one: of a run that was resumed, or of processes that shared one."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from harness.run.records import CaseLine, GroupLine


def joined_cases(lines: Iterable[CaseLine]) -> tuple[CaseLine, ...]:
    """Return a line per case: the last, with the sources of all and the formulas of the one that has them."""
    found: dict[str, CaseLine] = {}
    for line in lines:
        before = found.get(line.case, line)
        found[line.case] = msgspec.structs.replace(
            line,
            emitted=before.emitted | line.emitted,
            formula=line.formula or before.formula,
            derivatives=line.derivatives or before.derivatives,
            mathml=line.mathml or before.mathml,
        )
    return tuple(found.values())


def joined_groups(lines: Iterable[GroupLine]) -> tuple[GroupLine, ...]:
    """Return a line per group: the last, with what single backends add to it."""
    found: dict[tuple[str, str, str, str], GroupLine] = {}
    for line in lines:
        before = found.get(group_of(line), line)
        found[group_of(line)] = msgspec.structs.replace(
            line,
            second_opinion=line.second_opinion or before.second_opinion,
            curve=line.curve or before.curve,
            pairs=before.pairs | line.pairs,
        )
    return tuple(found.values())


def group_of(line: GroupLine) -> tuple[str, str, str, str]:
    """Return case, point, dtype and operator."""
    return line.case, line.point, line.dtype, line.operator
