"""The command: the one room that knows exit codes and standard output."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from harness.cli import look, repro, run, selftest
from harness.cli.app import app, complain
from harness.cli.exits import Exit
from harness.collect import CollectionError
from harness.points import PointError
from harness.run.expectations import ExpectationError
from harness.run.plan import SelectionError
from harness.run.store import RunFileError
from harness.spelling import DeclarationError
from harness.told import message

__all__ = ["Exit", "look", "main", "repro", "run", "selftest"]


def main() -> NoReturn:
    """Run the command and leave with its exit code."""
    try:
        code = app(standalone_mode=False)
    except (CollectionError, DeclarationError, PointError, SelectionError, ExpectationError, RunFileError) as error:
        code = complain(message(error), Exit.USAGE)
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
