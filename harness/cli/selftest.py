"""`gradharness selftest`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from harness.backends import available
from harness.cli.app import app, complain, plain
from harness.cli.exits import Exit
from harness.run.lab import Lab
from harness.workers.limits import Limits

REPORT = Path("reports/selftest.md")
VIOLENT = Limits(seconds=10.0, megabytes=1500.0)
"""For defects that hang and eat: what others may take for an answer would be long to wait for."""

PATIENT = Limits(seconds=600.0)
"""For all others: a machine with other work to do is no defect."""


@contextmanager
def crew(violent: bool) -> Iterator[Lab]:
    """Return a lab of worker processes, with tight limits where defects hang and eat."""
    from harness.selftest.defects import BACKENDS
    from harness.workers.crew import Crew

    with Crew(BACKENDS, VIOLENT if violent else PATIENT) as workers:
        yield workers


@app.command()
def selftest(
    quick: Annotated[
        bool,
        typer.Option(help="A tenth of the draws, most defects once, no other checkers."),
    ] = False,
    draws: Annotated[int, typer.Option(help="Draws of the campaign for false alarms; 0: 3600, quickly 330.")] = 0,
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 0,
    out: Annotated[Path, typer.Option(help="Where the table is written.")] = REPORT,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Only what does not hold.")] = False,
) -> int:
    """Prove that the harness can fail: planted defects, a campaign for false alarms, other checkers beside it."""
    from harness.cli.progress import Progress
    from harness.selftest.campaign import campaign
    from harness.selftest.defects import BACKENDS
    from harness.selftest.prove import Request, prove
    from harness.selftest.table import table
    from harness.selftest.trial import planted

    there = [name for name in BACKENDS if available(name) is None]
    if not there:
        return complain("none of TensorFlow, PyTorch and JAX is installed; gradharness doctor says how", Exit.NOTHING)
    request = Request(draws=draws or (330 if quick else 3600), seed=seed, quick=quick)
    cases = len(campaign(request.draws, seed, request.few)[0]) + len(planted()[0])
    with Progress(cases, quiet=quiet) as advance:
        proof = prove(request, crew, peers=() if quick else there, sink=advance)
    out = out / REPORT.name if out.is_dir() else out
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(table(proof), encoding="utf-8")
    problems = proof.problems()
    for problem in problems:
        typer.echo(plain(problem), err=True)
    if not quiet:
        typer.echo(table(proof).split("\n## ", 1)[0].strip())
        typer.echo(f"\nThe table is {out}.")
    return int(Exit.HARNESS if problems else Exit.FINE)
