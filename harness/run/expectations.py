"""Known differences as data: `expectations.toml` beside the cases, strict both ways."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from harness.declare import Case
from harness.judge import Class, Verdict
from harness.run.environment import PACKAGES
from harness.run.plan import below, plan
from harness.run.records import CellLine
from harness.run.source import everything

FILE = "expectations.toml"
_NOT_RUN = (Verdict.NOT_INSTALLED.word, Verdict.UNSUPPORTED.word, Verdict.NO_TRUTH.word)
"""Verdicts that say nothing of a known difference."""
ANOTHER = "The line for"
"""How the reason begins of a cell that fails otherwise than expected."""
_FAILING = {verdict.word for verdict in Verdict if verdict.cls is Class.FAIL}


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
    """Package → version for which it is known; other versions are judged as if nothing were expected.

    A version without a local part, 2.13.0, means every build of it, 2.13.0+cpu.
    """


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    expect: list[Expectation] = []


def read(folders: Iterable[Path]) -> list[Expectation]:
    """Return the expectations of every folder that has the file. Raises ExpectationError."""
    files = [folder / FILE for folder in dict.fromkeys(folders)]
    return [expectation for file in files if file.is_file() for expectation in _read(file)]


def _read(file: Path) -> list[Expectation]:
    try:
        found = msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), _Document).expect
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise ExpectationError(f"{file}: {error}; write [[expect]] with cell, verdict and reason") from error
    for expectation in found:
        _check_reason(expectation, file)
        _check_verdict(expectation.verdict, file)
        _check_packages(expectation.versions, file)
    return found


def _check_reason(given: Expectation, file: Path) -> None:
    """Raise ExpectationError where a difference is accepted without a reason: nobody could tell when it may go."""
    if not given.reason.strip():
        raise ExpectationError(f"{file}: the line for {given.cell!r} gives no reason; write why it is accepted")


def _check_verdict(given: str, file: Path) -> None:
    """Raise ExpectationError where a verdict is none, or one that nobody needs to expect."""
    word, diagnosis, _ = given.partition("{")
    classes = {verdict.word: verdict.cls for verdict in Verdict}
    if word not in classes:
        known = sorted(one for one, cls in classes.items() if cls is not Class.PASS)
        raise ExpectationError(f"{file}: there is no verdict {given!r}; one of {', '.join(known)}")
    if classes[word] is Class.PASS:
        raise ExpectationError(f"{file}: {word} passes, which needs no expectation; remove the line")
    if diagnosis:
        raise ExpectationError(f"{file}: {given!r} is a verdict with its diagnosis; write {word}")


def _check_packages(given: Iterable[str], file: Path) -> None:
    """Raise ExpectationError where a package is none whose version a run records: the line would never speak."""
    for package in given:
        if package not in PACKAGES:
            raise ExpectationError(f"{file}: versions of {package!r} are not recorded; one of {', '.join(PACKAGES)}")


def apply(cell: CellLine, expectations: Iterable[Expectation], versions: Mapping[str, str]) -> CellLine:
    """Return the cell with the expectation that speaks of it.

    A failing cell with the expected verdict is expected, and one with another is told what was expected. A cell that
    passes against an expectation fails: the difference has gone away, and the line must go too.
    """
    speaking = [expectation for expectation in expectations if _speaks_of(expectation, cell, versions)]
    for expectation in speaking:
        if cell.verdict == expectation.verdict:
            return msgspec.structs.replace(cell, expected=expectation.reason)
    if not speaking or cell.cls == Class.INCONCLUSIVE:
        return cell
    said = (_gone if cell.cls == Class.PASS else _another)(speaking[0], cell)
    return msgspec.structs.replace(cell, cls=str(Class.FAIL), reason=f"{said} {cell.reason}")


def _gone(expectation: Expectation, cell: CellLine) -> str:
    narrower = "" if expectation.cell == cell.id else ", or narrow it to the cells that still have it"
    return (
        f"The expected {expectation.verdict} has gone away: "
        f"remove the line for {expectation.cell!r} in {FILE}{narrower}."
    )


def _another(expectation: Expectation, cell: CellLine) -> str:
    return (
        f"{ANOTHER} {expectation.cell!r} in {FILE} expects {expectation.verdict}, and this is {cell.verdict}: "
        "look at it anew, and correct the line if it is known."
    )


def _speaks_of(expectation: Expectation, cell: CellLine, versions: Mapping[str, str]) -> bool:
    """Return whether the cell is below what is named, and ran with the versions for which the difference is known."""
    if not named(cell.id, expectation.cell):
        return False
    return all(
        package in versions and wanted in (versions[package], versions[package].partition("+")[0])
        for package, wanted in expectation.versions.items()
    )


def named(identity: str, cell: str) -> bool:
    """Return whether the id is what an expectation names, or below it; a part * stands for any one part."""
    parts, wanted = identity.split("/"), cell.split("/")
    if "*" not in wanted:
        return below(identity, cell)
    return len(wanted) <= len(parts) and all(one in ("*", part) for one, part in zip(wanted, parts, strict=False))


def unknown(expectations: Iterable[Expectation], cases: Sequence[Case], *, whole: bool) -> list[str]:
    """Return a sentence for each expectation of a cell that the cases could not even be asked for.

    Where they are not the `whole` of what the expectations stand beside, another case may be meant.
    """
    found = []
    for wanted in dict.fromkeys(expectation.cell for expectation in expectations):
        meant = [case for case in cases if named(case.id, wanted.split("/")[0])]
        cells = {cell.id for cell in plan(meant, everything())} if meant else {case.id for case in cases}
        if (meant or whole) and not any(named(one, wanted) for one in cells):
            found.append(f"{FILE} expects something of {wanted!r}, which there is not{_nearest(wanted, cells)}.")
    return found


def _nearest(wanted: str, cells: Iterable[str]) -> str:
    depth = wanted.count("/") + 1
    near = difflib.get_close_matches(wanted, {"/".join(one.split("/")[:depth]) for one in cells}, n=1, cutoff=0.4)
    return f"; did you mean {near[0]}? Else remove the line" if near else "; remove the line"


def stale(expectations: Iterable[Expectation], cells: Iterable[CellLine], versions: Mapping[str, str]) -> list[str]:
    """Return the expectations that spoke of cells that ran, and of which none has the verdict or fails unexpectedly.

    A cell that fails otherwise than expected says so itself: the line is not to be removed unseen. One that is for
    other `versions` than those of the run had nothing to say.
    """
    judged = [cell for cell in cells if cell.verdict not in _NOT_RUN]
    found = []
    for expectation in expectations:
        meant = [cell for cell in judged if _speaks_of(expectation, cell, versions)]
        if meant and not any(cell.verdict == expectation.verdict or fails_anew(cell) for cell in meant):
            found.append(expectation.cell)
    return found


def fails_anew(cell: CellLine) -> bool:
    """Return whether the cell fails as nobody expects."""
    return cell.verdict in _FAILING and not cell.expected
