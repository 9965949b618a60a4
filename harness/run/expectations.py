"""Known differences as data: `expectations.toml` beside the cases, strict both ways."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from harness.judge import Class, Verdict
from harness.run.plan import below
from harness.run.records import CellLine

FILE = "expectations.toml"
_NOT_RUN = (Verdict.NOT_INSTALLED.word, Verdict.NO_TRUTH.word)
"""Verdicts that say nothing of a known difference."""


class ExpectationError(Exception):
    """An expectations file that cannot be read."""


class Expectation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One known difference."""

    cell: str
    """Cell id or a prefix of whole parts; a part may be *, which stands for any."""
    verdict: str
    """The word of the verdict, such as VALUE-MISMATCH."""
    reason: str
    link: str = ""
    versions: dict[str, str] = {}
    """Package → version for which it is known; other versions are judged as if nothing were expected."""


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    expect: list[Expectation] = []


def read(folders: Iterable[Path]) -> list[Expectation]:
    """Return the expectations of every folder that has the file. Raises ExpectationError."""
    files = [folder / FILE for folder in dict.fromkeys(folders)]
    return [expectation for file in files if file.is_file() for expectation in _read(file)]


def _read(file: Path) -> list[Expectation]:
    words = {verdict.word for verdict in Verdict}
    try:
        found = msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), _Document).expect
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise ExpectationError(f"{file}: {error}; write [[expect]] with cell, verdict and reason") from error
    for expectation in found:
        if expectation.verdict not in words:
            raise ExpectationError(
                f"{file}: there is no verdict {expectation.verdict!r}; one of {', '.join(sorted(words))}"
            )
    return found


def apply(cell: CellLine, expectations: Iterable[Expectation], versions: dict[str, str]) -> CellLine:
    """Return the cell with the expectation that speaks of it.

    A failing cell with the expected verdict is expected. A cell that passes against an expectation
    fails: the difference has gone away, and the line must go too.
    """
    for expectation in expectations:
        if not _speaks_of(expectation, cell, versions):
            continue
        if cell.verdict == expectation.verdict:
            return msgspec.structs.replace(cell, expected=expectation.reason)
        if cell.cls == Class.PASS:
            gone = (
                f"The expected {expectation.verdict} has gone away: remove the line for {expectation.cell!r} in {FILE}."
            )
            return msgspec.structs.replace(cell, cls=str(Class.FAIL), reason=f"{gone} {cell.reason}")
    return cell


def _speaks_of(expectation: Expectation, cell: CellLine, versions: dict[str, str]) -> bool:
    if not _covers(expectation, cell):
        return False
    return all(versions.get(package) == version for package, version in expectation.versions.items())


def _covers(expectation: Expectation, cell: CellLine) -> bool:
    """Return whether the cell is named, or below what is named; a part * stands for any one part, such as a dtype."""
    parts, wanted = cell.id.split("/"), expectation.cell.split("/")
    if "*" not in wanted:
        return below(cell.id, expectation.cell)
    return len(wanted) <= len(parts) and all(one in ("*", part) for one, part in zip(wanted, parts, strict=False))


def stale(expectations: Iterable[Expectation], cells: Iterable[CellLine]) -> list[str]:
    """Return the expectations below which cells ran and none had the expected verdict."""
    judged = list(cells)
    found = []
    for expectation in expectations:
        below_it = [cell for cell in judged if _covers(expectation, cell) and cell.verdict not in _NOT_RUN]
        if below_it and not any(cell.verdict == expectation.verdict for cell in below_it):
            found.append(expectation.cell)
    return found
