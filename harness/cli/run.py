"""`gradharness run`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from harness.backends import BACKENDS, BY_HAND
from harness.cli import asked
from harness.cli.app import OUT, Keyword, Memory, Paths, Seed, Timeout, app, complain, print_summary, write_reports
from harness.cli.exits import Exit, verdict_of
from harness.collect import catalogue
from harness.domains.precision import PRECISIONS
from harness.gather import gather
from harness.run.execute import Order, execute
from harness.run.expectations import read, unknown
from harness.run.plan import OPERATORS, PROFILES, Selection, checked, left_out
from harness.run.records import Line, Run
from harness.run.source import everything
from harness.run.store import Writer, load
from harness.run.takeover import measured_again
from harness.wording import plural, verb
from harness.workers.limits import Limits


@app.command()
def run(
    paths: Paths = None,
    keyword: Keyword = "",
    backend: Annotated[list[str] | None, typer.Option(help="Only these backends; commas or repeated.")] = None,
    dtype: Annotated[list[str] | None, typer.Option(help="float64, float32 (the default: both).")] = None,
    variant: Annotated[list[str] | None, typer.Option(help="eager, function, xla, jit, …")] = None,
    operator: Annotated[
        list[str] | None, typer.Option(help="grad, vjp, jvp, jacobian, hvp, adjoint: only these, at every point.")
    ] = None,
    point: Annotated[list[str] | None, typer.Option(help="Only points with these labels.")] = None,
    profile: Annotated[str, typer.Option(help="quick, default or full: how many variants and operators.")] = "default",
    seed: Seed = 0,
    shard: Annotated[str, typer.Option(help="I/N: the I-th of N parts of the cases.")] = "1/1",
    require: Annotated[list[str] | None, typer.Option(help="Backends that must run.")] = None,
    strict: Annotated[bool, typer.Option(help="Inconclusive cells fail the run.")] = False,
    resume: Annotated[Path | None, typer.Option(help="A run that was cut short: its cells are taken over.")] = None,
    timeout: Timeout = 60.0,
    memory: Memory = 6000.0,
    out: Annotated[Path, typer.Option(help="Folder of the run file and its reports.")] = OUT,
    formats: Annotated[str, typer.Option("--format", help="Reports to write, joined by commas.")] = "",
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Only the headline and failures.")] = False,
) -> int:
    """Evaluate cases, write the run and its reports, print a summary."""
    selection = Selection(
        backends=checked(asked.split(backend), (*BACKENDS, *BY_HAND), "backend"),
        dtypes=checked(asked.split(dtype), PRECISIONS, "dtype") or Selection().dtypes,
        variants=checked(asked.split(variant), everything().variants, "variant"),
        operators=checked(asked.split(operator), OPERATORS, "operator"),
        points=asked.split(point),
        keyword=asked.keyword(keyword),
        profile=checked((profile,), PROFILES, "profile")[0],
        seed=seed,
        shard=asked.shard(shard),
    )
    required = checked(asked.split(require), BACKENDS, "backend")
    limits = asked.limits(timeout, memory)
    asked.formats(formats)
    known = None if resume is None else load(resume)
    order = _order(paths or [], selection, known)
    asked.check_points(selection.points, order.cases)
    asked.check_matched(order)
    finished = _execute(order, limits, out, quiet=quiet)
    write_reports(finished, out, formats)
    print_summary(finished, out, paths or [], quiet=quiet)
    if known is not None:
        _say_taken_over(known, finished, str(resume))
    _say_left_out(order)
    _say_missing(required, finished)
    if empty := asked.emptiness(order):
        complain(empty, Exit.NOTHING)
    return int(verdict_of(finished, required=required, strict=strict))


def _order(paths: list[Path], selection: Selection, known: Run | None) -> Order:
    found = gather(paths)
    folders = [path for path in paths or [catalogue()] if path.is_dir()]
    beside = [path.parent for path in paths if path.is_file() and path.parent not in folders]
    of_folders, of_files = read(folders), read(beside)
    return Order(
        cases=found.cases,
        selection=selection,
        expectations=(*of_folders, *of_files),
        unknown=(
            *unknown(of_folders, found.cases, whole=not found.refused),
            *unknown(of_files, found.cases, whole=False),
        ),
        unread=found.refused,
        command=shlex.join(["gradharness", *sys.argv[1:]]),
        known=known,
    )


def _execute(order: Order, limits: Limits, out: Path, *, quiet: bool) -> Run:
    from harness.cli.progress import Progress
    from harness.workers.crew import Crew

    with Writer(out) as writer, Progress(len(order.cases), quiet=quiet) as advance:

        def sink(line: Line) -> None:
            writer.write(line)
            advance(line)

        try:
            with Crew(order.selection.backends or tuple(BACKENDS), limits) as crew:
                return execute(order, crew, sink)
        except KeyboardInterrupt:
            raise typer.Exit(complain(_interrupted(order, writer), Exit.INTERRUPTED)) from None


def _interrupted(order: Order, writer: Writer) -> str:
    """Return what a run leaves that was interrupted, and how it goes on."""
    if writer.in_place:
        go_on = f"{order.command} --resume {shlex.quote(str(writer.path))}"
        return f"interrupted; {writer.path} holds what was measured: {go_on}"
    left = f"; {writer.path} is as it was" if writer.path.exists() else ""
    return f"interrupted before a cell was measured{left}: {order.command}"


def _say_missing(required: tuple[str, ...], finished: Run) -> None:
    """Print which required backends did not run."""
    for name in required:
        status = finished.header.backends.get(name, "no cell of this run is on it")
        if status != "ran":
            complain(f"{name} is required and did not run: {status}", Exit.NOTHING)


def _say_taken_over(known: Run, finished: Run, name: str) -> None:
    """Print how many cells stand of an earlier run, and why others were measured again."""
    stand = sum(cell.earlier for cell in finished.cells)
    typer.echo(f"{plural(stand, 'cell')} {verb(stand, 'was', 'were')} taken over from {name}")
    for why, count in measured_again(known, finished).items():
        typer.echo(f"{plural(count, 'cell')} {verb(count, 'was', 'were')} measured again: {why}")


def _say_left_out(order: Order) -> None:
    """Print how many gradients by hand the options left out, and which options bring them in."""
    left, asked = left_out(order.cases, order.selection), order.selection
    if not left:
        return
    said = f"{plural(len(left), 'gradient')} by hand {verb(len(left), 'was', 'were')} left out, such as {left[0]}"
    options = [f"--backend {','.join(dict.fromkeys((*asked.backends, *BY_HAND)))}"] if asked.backends else []
    options += ["--dtype float64"] if "float64" not in asked.dtypes else []
    typer.echo(f"? {said}; with {verb(len(left), 'it', 'them')}: {' '.join(options)}")
