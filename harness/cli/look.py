"""The commands that look: list, show, repro, report, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.backends import BACKENDS
from harness.cli.app import OUT, Paths, app, complain, plain, print_summary, write_reports
from harness.cli.exits import Exit
from harness.collect import collect
from harness.declare import Case
from harness.measurement import Task
from harness.run.store import RunFileError, load
from harness.spelling import DEFINITION

INPUTS = "inputs.npz"
"""What a script reads that has more input numbers than can be read as literals."""


@app.command("list")
def list_(paths: Paths = None) -> int:
    """List cases with their points and spellings; no framework is imported."""
    cases = collect(paths or [])
    width = max((len(case.id) for case in cases), default=0)
    for case in cases:
        labels = " ".join(point.label for point in case.points)
        typer.echo(f"{plain(case.id):{width}}  {plain(case.title)}")
        typer.echo(f"{'':{width}}  spellings: {plain(_spellings(case))}; points: {plain(labels)}")
    typer.echo(f"{len(cases)} cases, {sum(len(case.points) for case in cases)} points")
    return int(Exit.FINE)


def _spellings(case: Case) -> str:
    """Return the spellings of a case as ids have them, with the name that was written where it is another."""
    named = [f"{one.backend}/{one.name}" for one in case.natives]
    written = [f" ({one.written})" if one.written != one.name else "" for one in case.natives]
    return ", ".join([DEFINITION, *map("".join, zip(named, written, strict=True))])


@app.command()
def show(
    cell: Annotated[str, typer.Argument(help="Cell id, or the start of one.")],
    of: Annotated[Path, typer.Option("--run", help="Run file or its folder.")] = OUT,
) -> int:
    """Show one cell, or all below a prefix of its id, in full."""
    from harness.report import terminal
    from harness.run.plan import below

    known = load(of)
    chosen = [line for line in known.cells if below(line.id, cell)]
    if not chosen:
        return complain(_nearest(cell, [line.id for line in known.cells], str(of)), Exit.USAGE)
    for line in chosen:
        terminal.put(terminal.shown(known, line))
    return int(Exit.FINE)


def _nearest(cell: str, known: list[str], where: str) -> str:
    import difflib

    near = difflib.get_close_matches(cell, known, n=1, cutoff=0.3)
    return f"there is no cell {cell!r} in {where}" + (f"; did you mean {near[0]}?" if near else "")


@app.command()
def repro(
    cell: Annotated[str, typer.Argument(help="Cell id, or the start of one.")],
    paths: Paths = None,
    seed: Annotated[int, typer.Option(help="Seed of the drawn points.")] = 0,
) -> int:
    """Print a standalone script that prints the cell's number and needs only that framework."""
    from harness.run.lab import loaded
    from harness.run.source import NoSuchCell, find
    from harness.xp import NotTraceable

    try:
        found = find(cell, collect(paths or _files_of(cell)), seed)
    except (NoSuchCell, NotTraceable) as error:
        return complain(str(error), Exit.USAGE)
    if found.chosen:
        typer.echo(f"gradharness: {cell!r} is the start of several ids; this is {found.cell.id}", err=True)
    backend = loaded(found.cell.backend)
    if not hasattr(backend, "reproduce"):
        return complain(backend.sentence, Exit.NOTHING)
    script = backend.reproduce(found.task).rstrip("\n")
    if INPUTS in script:
        _store_inputs(found.task)
    typer.echo(script)
    return int(Exit.FINE)


def _store_inputs(task: Task) -> None:
    """Write the inputs that are too many to stand in a script beside it, and say so."""
    import numpy as np

    np.savez(INPUTS, allow_pickle=False, **task.inputs)
    typer.echo(f"gradharness: the script reads {INPUTS}, which was written here", err=True)


def _files_of(cell: str) -> list[Path]:
    """Return the file that the last run found the cell's case in; none where there is no such run."""
    try:
        known = load(OUT)
    except RunFileError:
        return []
    identity = cell.split("/", 1)[0]
    files = [Path(line.location.rsplit(":", 1)[0]) for line in known.cases if line.case == identity]
    return [file for file in files if file.is_file()]


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
def doctor() -> int:
    """Say what is installed, in which versions and with which flags, and what installs what is missing."""
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
