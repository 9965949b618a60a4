"""The command: the one place that knows exit codes and standard output."""

from __future__ import annotations

import shlex
import sys
from enum import IntEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from harness.backends import BACKENDS, BY_HAND
from harness.collect import CollectionError, catalogue, collect
from harness.declare import Case, DeclarationError
from harness.domains.precision import PRECISIONS
from harness.points import PointError
from harness.run.execute import Order, execute
from harness.run.expectations import ExpectationError, read
from harness.run.plan import Selection, SelectionError, checked
from harness.run.records import CaseLine, CellLine, Line, Run
from harness.run.store import RunFileError, Writer, load
from harness.spelling import DEFINITION
from harness.workers.limits import Limits

OUT = Path("reports/latest")


class Exit(IntEnum):
    """What the exit code of the command means."""

    FINE = 0
    """Nothing failed beyond what is expected."""
    FAILED = 1
    """Some cell failed that was not expected, or an expected failure has gone away."""
    USAGE = 2
    """A wrong option, or a file that cannot be read."""
    NOTHING = 3
    """Nothing ran, or a required backend is missing."""
    HARNESS = 4
    """The harness itself failed: a certificate that does not hold, a verdict that is missing."""
    INTERRUPTED = 130
    """Ended by Ctrl-C, as shells count it."""


app = typer.Typer(
    name="gradharness",
    help="Judge the gradients of TensorFlow, PyTorch, JAX, SymPy and finite differences by an exact truth.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Paths = Annotated[list[Path] | None, typer.Argument(help="Case files or folders; the bundled catalogue if none.")]
Names = Annotated[list[str] | None, typer.Option()]


def main() -> NoReturn:
    """Run the command and leave with its exit code."""
    try:
        code = app(standalone_mode=False)
    except (CollectionError, DeclarationError, PointError, SelectionError, ExpectationError, RunFileError) as error:
        code = _complain(str(error), Exit.USAGE)
    except typer.Exit as stop:
        code = stop.exit_code
    except Exception as error:
        code = _usage(error)
    sys.exit(code if isinstance(code, int) else Exit.FINE)


def _usage(error: Exception) -> int:
    """Return the exit code of a wrong call; any other exception is the harness's own failure and shows its trace."""
    show = getattr(error, "show", None)
    if show is None:
        raise error
    show()
    return int(Exit.USAGE)


def _complain(sentence: str, code: Exit) -> int:
    typer.echo(f"gradharness: {sentence}", err=True)
    return int(code)


@app.command()
def run(
    paths: Paths = None,
    keyword: Annotated[str, typer.Option("-k", help="Words of the cell id joined by and, or, not.")] = "",
    backend: Annotated[list[str] | None, typer.Option(help="Only these backends; commas or repeated.")] = None,
    dtype: Annotated[list[str] | None, typer.Option(help="float64, float32 (the default: both).")] = None,
    variant: Annotated[list[str] | None, typer.Option(help="eager, function, xla, jit, …")] = None,
    point: Annotated[list[str] | None, typer.Option(help="Only points with these labels.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the drawn points.")] = 0,
    shard: Annotated[str, typer.Option(help="I/N: the I-th of N parts of the cases.")] = "1/1",
    require: Annotated[list[str] | None, typer.Option(help="Backends that must run.")] = None,
    strict: Annotated[bool, typer.Option(help="Inconclusive cells fail the run.")] = False,
    resume: Annotated[Path | None, typer.Option(help="A run that was cut short: its cells are taken over.")] = None,
    timeout: Annotated[float, typer.Option(help="Seconds that one cell may take.")] = 60.0,
    memory: Annotated[float, typer.Option(help="Megabytes that one worker may hold.")] = 6000.0,
    out: Annotated[Path, typer.Option(help="Folder of the run file and its reports.")] = OUT,
    formats: Annotated[str, typer.Option("--format", help="Reports to write, joined by commas.")] = "",
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Only the headline and failures.")] = False,
) -> int:
    """Evaluate cases, write the run and its reports, print a summary."""
    selection = Selection(
        backends=checked(_split(backend), (*BACKENDS, *BY_HAND), "backend"),
        dtypes=checked(_split(dtype), PRECISIONS, "dtype") or Selection().dtypes,
        variants=_split(variant),
        points=_split(point),
        keyword=keyword,
        seed=seed,
        shard=_shard(shard),
    )
    required = checked(_split(require), BACKENDS, "backend")
    limits = Limits(seconds=timeout, megabytes=memory)
    known = None if resume is None else load(resume)
    finished = _execute(_order(paths or [], selection, known), limits, out, quiet=quiet)
    _report(finished, out, formats)
    _print_summary(finished, quiet=quiet)
    return int(verdict_of(finished, required=required, strict=strict))


def _order(paths: list[Path], selection: Selection, known: Run | None) -> Order:
    folders = [path if path.is_dir() else path.parent for path in paths or [catalogue()]]
    return Order(
        cases=tuple(collect(paths)),
        selection=selection,
        expectations=tuple(read(folders)),
        command=shlex.join(["gradharness", *sys.argv[1:]]),
        known=known,
    )


def _execute(order: Order, limits: Limits, out: Path, *, quiet: bool) -> Run:
    from harness.workers.crew import Crew

    with Writer(out) as writer, _progress(len(order.cases), quiet=quiet) as advance:

        def sink(line: Line) -> None:
            writer.write(line)
            advance(line)

        try:
            with Crew(order.selection.backends or tuple(BACKENDS), limits) as crew:
                return execute(order, crew, sink)
        except KeyboardInterrupt:
            sentence = f"interrupted; {writer.path} holds what was measured: gradharness run --resume {writer.path}"
            raise typer.Exit(_complain(sentence, Exit.INTERRUPTED)) from None


class _progress:
    """A live bar on standard error that counts finished cases."""

    def __init__(self, cases: int, *, quiet: bool) -> None:
        from rich.console import Console
        from rich.progress import Progress

        console = Console(stderr=True)
        self._bar = Progress(console=console, transient=True, disable=quiet or not console.is_terminal)
        self._task = self._bar.add_task("cases", total=cases)

    def __enter__(self) -> _progress:
        self._bar.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        self._bar.stop()

    def __call__(self, line: Line) -> None:
        if isinstance(line, CellLine):
            self._bar.update(self._task, description=line.case)
        elif isinstance(line, CaseLine):
            self._bar.advance(self._task)


def _report(finished: Run, out: Path, formats: str) -> None:
    from harness.report import USUAL, write

    names = tuple(name.strip() for name in formats.split(",") if name.strip()) or USUAL
    for problem in write(finished, out, names):
        typer.echo(f"gradharness: warning: {problem}", err=True)


def _print_summary(finished: Run, *, quiet: bool) -> None:
    from harness.report import terminal

    terminal.put(terminal.summary(finished) if quiet else terminal.overview(finished))


def verdict_of(finished: Run, *, required: tuple[str, ...], strict: bool) -> Exit:
    """Return the exit code that a finished run deserves, the gravest first."""
    totals = finished.totals
    if totals is None or totals.planned != totals.judged or not totals.caught:
        return Exit.HARNESS
    if any(
        cell.verdict == "NO-TRUTH" and cell.diagnosis in ("certificate", "second opinion") for cell in finished.cells
    ):
        return Exit.HARNESS
    status = finished.header.backends
    ran = any(text == "ran" for text in status.values()) or any(cell.backend in BY_HAND for cell in finished.cells)
    if not ran or any(status.get(name) != "ran" for name in required):
        return Exit.NOTHING
    if any(cell.cls == "fail" and not cell.expected for cell in finished.cells) or totals.stale:
        return Exit.FAILED
    if strict and any(cell.cls == "inconclusive" and not cell.expected for cell in finished.cells):
        return Exit.FAILED
    return Exit.FINE


@app.command("list")
def list_(paths: Paths = None) -> int:
    """List cases with their points and spellings; no framework is imported."""
    cases = collect(paths or [])
    width = max((len(case.id) for case in cases), default=0)
    for case in cases:
        labels = " ".join(point.label for point in case.points)
        typer.echo(f"{_plain(case.id):{width}}  {_plain(case.title)}")
        typer.echo(f"{'':{width}}  spellings: {_plain(_spellings(case))}; points: {_plain(labels)}")
    typer.echo(f"{len(cases)} cases, {sum(len(case.points) for case in cases)} points")
    return int(Exit.FINE)


def _spellings(case: Case) -> str:
    """Return the spellings of a case as ids have them, with the name that was written where it is another."""
    named = [f"{one.backend}/{one.name}" for one in case.natives]
    written = [f" ({one.written})" if one.written != one.name else "" for one in case.natives]
    return ", ".join([DEFINITION, *map("".join, zip(named, written, strict=True))])


def _plain(text: str) -> str:
    """Return text with control characters made visible: a title must not move the cursor."""
    return "".join(ch if ch.isprintable() else ascii(ch)[1:-1] for ch in text)


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
        return _complain(_nearest(cell, [line.id for line in known.cells], str(of)), Exit.USAGE)
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
        return _complain(str(error), Exit.USAGE)
    if found.chosen:
        typer.echo(f"gradharness: {cell!r} is the start of several ids; this is {found.cell.id}", err=True)
    backend = loaded(found.cell.backend)
    if not hasattr(backend, "reproduce"):
        return _complain(backend.sentence, Exit.NOTHING)
    typer.echo(backend.reproduce(found.task).rstrip("\n"))
    return int(Exit.FINE)


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
    _report(finished, out or (of if of.is_dir() else of.parent), formats)
    _print_summary(finished, quiet=True)
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
        typer.echo(f"{name:20} {_plain(said)}")
        for flag, text in about.flags.items():
            typer.echo(f"{'':20} {flag} = {text}")
    return int(Exit.FINE if any(about.failure is None for about in found.values()) else Exit.NOTHING)


def _split(given: list[str] | None) -> tuple[str, ...]:
    return tuple(word.strip() for text in given or [] for word in text.split(",") if word.strip())


def _shard(text: str) -> tuple[int, int]:
    number, _, parts = text.partition("/")
    if number.isdigit() and parts.isdigit() and 1 <= int(number) <= int(parts):
        return int(number), int(parts)
    raise SelectionError(f"--shard {text!r} cannot be read; write 1/2 and 2/2 for two parts")


if __name__ == "__main__":
    main()
