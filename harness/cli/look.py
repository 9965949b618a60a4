"""The commands that look: list, show, repro, report, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.backends import BACKENDS
from harness.cli import asked
from harness.cli.app import OUT, Keyword, Paths, app, complain, plain, print_summary, write_reports
from harness.cli.exits import Exit
from harness.collect import CollectionError
from harness.declare import Case
from harness.gather import gather
from harness.run.plan import checked
from harness.run.records import Run
from harness.run.store import load
from harness.spelling import DEFINITION
from harness.wording import plural

FEW = 5
"""Cases that are named where a cell is not found."""


@app.command("list")
def list_(paths: Paths = None, keyword: Keyword = "") -> int:
    """List cases, points and spellings.

    No framework is imported.
    """
    found = gather(paths or [])
    cases, labelled = found.cases, asked.matching(found.cases, keyword)
    cases = tuple(case for case in cases if case.id in labelled)
    width = max((len(case.id) for case in cases), default=0)
    for case in cases:
        labels = " ".join(labelled[case.id])
        typer.echo(f"{plain(case.id):{width}}  {plain(case.title)}")
        typer.echo(f"{'':{width}}  spellings: {plain(_spellings(case))}; points: {plain(labels)}")
    points = sum(len(labels) for labels in labelled.values())
    typer.echo(f"{plural(len(cases), 'case')}, {plural(points, 'point')}")
    return complain("\n".join(found.refused), Exit.USAGE) if found.refused else int(Exit.FINE)


def _spellings(case: Case) -> str:
    """Return the spellings of a case as ids have them, with the name that was written where it is another."""
    named = [f"{one.backend}/{one.name}" for one in case.natives]
    written = [f" ({one.written})" if one.written != one.name else "" for one in case.natives]
    definition = [DEFINITION] if case.function is not None else []
    return ", ".join([*definition, *map("".join, zip(named, written, strict=True))])


@app.command()
def show(
    cell: Annotated[str, typer.Argument(help="Cell id, or the start of one.")],
    of: Annotated[Path, typer.Option("--run", help="Run file or its folder.")] = OUT,
) -> int:
    """Show one cell, or all below a prefix of its id, in full."""
    from harness.report import terminal
    from harness.run.plan import below
    from harness.run.rewrite import own_source
    from harness.run.source import traced_by
    from harness.workers.crew import Crew

    if not cell.strip("/ "):
        return complain("show which cell? Write its id, or the start of one; see: gradharness list", Exit.USAGE)
    known = load(of)
    chosen = [line for line in known.cells if below(line.id, cell)]
    if not chosen:
        return complain(no_cell(cell, known, of), Exit.USAGE)
    cases = _cases_of(known, {line.case for line in chosen})
    with Crew(()) as crew:
        traced = traced_by(crew)
        for line in chosen:
            terminal.put(terminal.shown(known, line, own_source(known, line, cases, traced)))
    return int(Exit.FINE)


def _cases_of(known: Run, wanted: set[str]) -> list[Case]:
    """Return the run's cases of these names that can still be collected."""
    try:
        return [case for case in gather(files(known, wanted)).cases if case.id in wanted]
    except CollectionError:
        return []


def no_cell(cell: str, known: Run, where: Path) -> str:
    """Return the sentence on a cell that a run has not, with the nearest that it has."""
    from harness.run.hints import nearest

    ids = [line.id for line in known.cells]
    begun = next((identity for identity in ids if identity.startswith(cell)), "")  # cut within a part: `…/finite`
    near = begun or nearest(cell, ids)
    there = list(dict.fromkeys(identity.split("/")[0] for identity in ids))
    more = f" and {plural(len(there) - FEW, 'more case')}" if len(there) > FEW else ""
    hint = f"did you mean {near}?" if near else f"it has cells of {', '.join(there[:FEW]) or 'no case'}{more}"
    return f"there is no cell {cell!r} in {where}; {hint}"


def files(known: Run, wanted: set[str]) -> list[Path]:
    """Return the files that a run found these cases in, as far as they are here; those of the catalogue are not."""
    files = (Path(line.location.rsplit(":", 1)[0]) for line in known.cases if line.case in wanted)
    return [file for file in dict.fromkeys(files) if file.is_file()]


@app.command()
def report(
    of: Annotated[Path, typer.Argument(metavar="RUN", help="Run file or its folder.")] = OUT,
    out: Annotated[Path | None, typer.Option(help="Folder of the reports; the run's own if not given.")] = None,
    formats: Annotated[str, typer.Option("--format", help="Reports to write, joined by commas.")] = "",
) -> int:
    """Render the reports of a run file again."""
    finished = load(of)
    write_reports(finished, out or (of if of.is_dir() else of.parent), formats)
    print_summary(finished, of, quiet=True)
    return int(Exit.FINE)


@app.command()
def doctor(
    charges: Annotated[bool, typer.Option("--charges", help="Measure how every function rounds again.")] = False,
    backend: Annotated[list[str] | None, typer.Option(help="Measure only these backends.")] = None,
) -> int:
    """Say what is installed and what is missing.

    Versions, flags, and the line that installs what is missing.
    """
    if charges:
        from harness.cli.charges import measure_again

        measure_again(checked(tuple(backend or ()), BACKENDS, "backend"))
        return int(Exit.FINE)
    from harness.run.environment import machine, versions
    from harness.workers.crew import Crew

    for name, text in (machine() | versions()).items():
        typer.echo(f"{name:20} {text}")
    with Crew(BACKENDS) as crew:
        pending = {name: crew.about(name) for name in BACKENDS}
        found = {name: answer.result() for name, answer in pending.items()}
    for name, about in found.items():
        said = "runs" if about.failure is None else about.failure.sentence
        typer.echo(f"{name:20} {plain(said)}")
        for flag, text in about.flags.items():
            typer.echo(f"{'':20} {flag} = {text}")
    return int(Exit.FINE if any(about.failure is None for about in found.values()) else Exit.NOTHING)
