"""`gradharness repro`: a cell as a script, and the first operation that differs as another."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer

from harness.cli import asked
from harness.cli.app import OUT, Memory, Paths, Seed, Timeout, app, complain, plain
from harness.cli.exits import Exit
from harness.cli.look import files, no_cell
from harness.declare import Case
from harness.gather import gather
from harness.measurement import Leaves
from harness.run.hints import ALIKE
from harness.run.records import FirstOp, Run
from harness.run.source import Found
from harness.run.store import RunFileError, load

SCRIPT, INPUTS = "repro.py", "inputs.npz"
FIRST_SCRIPT, FIRST_INPUTS = "first_operation.py", "first_operation.npz"
"""The files of a cell and of its first differing operation; a script of many numbers reads the one beside it."""


@app.command()
def repro(
    cell: Annotated[str, typer.Argument(help="Cell id, or the start of one.")],
    paths: Paths = None,
    seed: Seed = 0,
    of: Annotated[Path, typer.Option("--run", help="Run file or its folder.")] = OUT,
    out: Annotated[Path | None, typer.Option(help="Folder to write the scripts into; printed if not given.")] = None,
    timeout: Timeout = 60.0,
    memory: Memory = 6000.0,
) -> int:
    """Print a cell as a standalone script.

    It needs the cell's framework alone and prints the number that was judged. Of a cell that failed in the run, the
    first operation that differs follows as a second script, at its own inputs.
    """
    from harness.run.lab import loaded
    from harness.run.source import NoSuchCell, find, traced_by
    from harness.workers.crew import Crew
    from harness.xp import NotTraceable

    limits = asked.limits(timeout, memory)
    known = _run(of)
    gathered = gather(paths or _files_of(known, cell))
    try:
        with Crew((), limits) as crew:
            found = find(cell, gathered.cases, seed, traced_by(crew))
    except NoSuchCell as error:
        named = None if paths else known
        sentences = [*gathered.refused, _moved(known, cell) or _of_run(named, of, cell, gathered.cases) or str(error)]
        return complain("\n".join(sentences), Exit.USAGE)
    except NotTraceable as error:
        return complain(str(error), Exit.USAGE)
    if found.chosen:
        typer.echo(f"gradharness: {cell!r} is the start of several ids; this is {found.cell.id}", err=True)
    backend = loaded(found.cell.backend)
    if not hasattr(backend, "reproduce"):
        return complain(backend.sentence, Exit.NOTHING)
    script = backend.reproduce(found.task).rstrip("\n") + "\n"
    if f'"{INPUTS}"' in script:
        _store(found.task.inputs, out, INPUTS)
    _give(script, out, SCRIPT)
    first = None if known is None else next((c.first_op for c in known.cells if c.id == found.cell.id), None)
    if first is not None:
        _first(first, found, seed, out)
    return int(Exit.FINE)


def _moved(known: Run | None, cell: str) -> str:
    """Return a sentence where the run has the cell and its file is not here, "" otherwise."""
    lines = () if known is None else known.cases
    found = next((line.location.rpartition(":")[0] for line in lines if line.case == cell.split("/", 1)[0]), "")
    if not found or Path(found).is_file():
        return ""
    return f"the run found {cell} in {found}, which is not here; name the file: gradharness repro CELL FILE"


def _of_run(known: Run | None, of: Path, cell: str, cases: Sequence[Case]) -> str:
    """Return the sentence on a case that the run has not, "" where another is meant than one of the run's.

    `cases` were looked through instead. A run that is named is meant; the last run is, where its names are nearer.
    """
    wanted, own = cell.split("/", 1)[0], {line.case for line in known.cells} if known else set()
    if known is None or not own or wanted in own:
        return ""
    if of == OUT and not own & set(get_close_matches(wanted, own | {case.id for case in cases}, n=1, cutoff=ALIKE)):
        return ""
    return no_cell(cell, known, of)


def _first(first: FirstOp, found: Found, seed: int, out: Path | None) -> None:
    """Give the first differing operation, as the run recorded it."""
    at = f" ({first.location})" if first.location else ""
    if f'"{FIRST_INPUTS}"' in first.program:
        from harness.run.alone import inputs_again

        _store(inputs_again(found.task, found.cell, first, seed), out, FIRST_INPUTS)
    told = f"# The first operation that differs, alone at its own inputs: {plain(first.words)}{plain(at)}\n"
    _give(told + first.program, out, FIRST_SCRIPT)


def _give(script: str, out: Path | None, name: str) -> None:
    """Print a script, or write it into the folder."""
    if out is None:
        typer.echo(script, nl=False)
        return
    out.mkdir(parents=True, exist_ok=True)
    (out / name).write_text(script, encoding="utf-8")
    typer.echo(str(out / name))


def _store(inputs: Leaves, out: Path | None, name: str) -> None:
    """Write the inputs that are too many to stand in a script beside it, and say so."""
    import numpy as np

    folder = out or Path()
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / name, allow_pickle=False, **inputs)
    typer.echo(
        f"gradharness: the script reads {name}, which was written {'here' if out is None else 'there'}", err=True
    )


def _run(of: Path) -> Run | None:
    """Return the run that is looked into; None where there was none yet, which is no fault: a cell needs no run."""
    try:
        return load(of)
    except RunFileError:
        if of != OUT:
            raise
        return None


def _files_of(known: Run | None, cell: str) -> list[Path]:
    """Return the file that the run found the cell's case in; none where there is no such run."""
    return [] if known is None else files(known, {cell.split("/", 1)[0]})
