"""The command's application, and what its commands share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from harness.cli import asked
from harness.cli.exits import Exit
from harness.run.records import Run

app = typer.Typer(
    name="gradharness",
    help="Judge the gradients of TensorFlow, PyTorch, JAX, SymPy and finite differences by an exact truth.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

OUT = Path("reports/latest")
Keyword = Annotated[str, typer.Option("-k", help="Words of the cell id joined by and, or, not.")]
Seed = Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Seed of the drawn points.")]
Timeout = Annotated[float, typer.Option(help="Seconds that one cell may take.")]
Memory = Annotated[float, typer.Option(help="Megabytes that one worker may hold.")]
Paths = Annotated[list[Path] | None, typer.Argument(help="Case files or folders; the bundled catalogue if none.")]


def complain(sentence: str, code: Exit) -> int:
    """Print one sentence on standard error and return the exit code that goes with it."""
    said = "\n".join(map(plain, sentence.splitlines()))
    typer.echo(f"gradharness: {said}", err=True)
    return int(code)


def plain(text: str) -> str:
    """Return text with control characters made visible: a title must not move the cursor."""
    return "".join(ch if ch.isprintable() else ascii(ch)[1:-1] for ch in text)


def write_reports(finished: Run, out: Path, formats: str) -> None:
    """Write the reports that were asked for, the usual ones otherwise; what fails is a warning.

    Raises SelectionError where one is asked for that there is not.
    """
    from harness.report import write

    for problem in write(finished, out, asked.formats(formats)):
        typer.echo(f"gradharness: warning: {plain(problem)}", err=True)


def print_summary(finished: Run, out: Path, paths: Sequence[Path] = (), *, quiet: bool) -> None:
    """Print the matrix and the summary; quietly, the summary alone.

    Its commands are whole: they name the run where it is not the usual one, the case files, and the seed.
    """
    from harness.report import terminal
    from harness.report.lines import to_repeat

    show = [] if out == OUT else ["--run", str(out)]
    repro = [*to_repeat(finished.header, map(str, paths)), *show]
    said = terminal.summary if quiet else terminal.overview
    terminal.put(said(finished, show=show, repro=repro))
