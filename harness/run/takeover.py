"""Which cells of an earlier run stand: those that would be measured the same again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from harness.judge import Class, Verdict
from harness.run.expectations import ANOTHER
from harness.run.joined import group_of
from harness.run.plan import Cell
from harness.run.records import CaseLine, CellLine, GroupLine, Run, source_key
from harness.truth import Kind

LIMITED = {Verdict.TIMEOUT.word, Verdict.OUT_OF_MEMORY.word, Verdict.CRASHED.word}
"""Verdicts that another limit or a calmer machine may change."""
UNTOLD = Verdict.NO_TRUTH.word, Kind.LIMIT.value
"""The verdict and diagnosis where the truth ran into a limit."""
PASSES = {verdict.word for verdict in Verdict if verdict.cls is Class.PASS}

UNRECORDED = "the earlier run does not say what was measured there"
CHANGED = "the source, the point, a setting or a version has changed"
HURT = "it had ended at a limit or in a crash"
EXPECTED = "an expectation had its say in the reason"
BESIDE = "a port that it is compared with is measured again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What stands of an earlier run."""

    cells: tuple[CellLine, ...] = ()
    groups: tuple[GroupLine, ...] = ()
    cases: tuple[CaseLine, ...] = ()


def standing(known: Run, cells: Sequence[Cell], fingerprints: Mapping[str, str], panels: Collection[str]) -> Standing:
    """Return what stands for the planned cells; `panels` are the cases whose ports are judged by one another."""
    sound = {line.id: line for line in known.cells if not _objection(line, fingerprints.get(line.id, ""))}
    torn = {cell.group for cell in cells if cell.case in panels and cell.id not in sound}
    chosen = [cell for cell in cells if cell.id in sound and cell.group not in torn]
    lines = [msgspec.structs.replace(sound[cell.id], earlier=True, expected="") for cell in chosen]
    groups = {cell.group for cell in chosen}
    sources = {(line.case, source_key(line)) for line in lines}
    return Standing(
        cells=tuple(lines),
        groups=tuple(line for line in known.groups if group_of(line) in groups),
        cases=tuple(_with(line, sources) for line in known.cases if any(line.case == cell.case for cell in chosen)),
    )


def _with(line: CaseLine, sources: Collection[tuple[str, str]]) -> CaseLine:
    """Return the case with the sources of these cells alone."""
    return msgspec.structs.replace(
        line, emitted={key: source for key, source in line.emitted.items() if (line.case, key) in sources}
    )


def measured_again(known: Run, finished: Run) -> dict[str, int]:
    """Return why cells of an earlier run were measured again, and of how many that is so."""
    fresh = {line.id: line.fingerprint for line in finished.cells if not line.earlier}
    again = (line for line in known.cells if line.id in fresh)
    return dict(Counter(_objection(line, fresh[line.id]) or BESIDE for line in again))


def _objection(line: CellLine, fingerprint: str) -> str:
    """Return why an earlier cell does not stand, "" where it does; `fingerprint` is what it would have now."""
    if not line.fingerprint:
        return UNRECORDED
    if line.fingerprint != fingerprint:
        return CHANGED
    if line.verdict in LIMITED or (line.verdict, line.diagnosis) == UNTOLD:
        return HURT
    failed = line.cls == Class.FAIL
    return EXPECTED if failed and (line.verdict in PASSES or line.reason.startswith(ANOTHER)) else ""
