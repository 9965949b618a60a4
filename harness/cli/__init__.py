"""The command: the one room that knows exit codes and standard output."""

from __future__ import annotations

import contextlib
import errno
import io
import os
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
    _occupy()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a locale that cannot say π is no reason to fail
    try:
        code = app(standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except (CollectionError, DeclarationError, PointError, SelectionError, ExpectationError, RunFileError) as error:
        code = complain(message(error), Exit.USAGE)
    except typer.Exit as stop:
        code = stop.exit_code
    except SystemExit:  # typer and rich end so where the reader of their output has gone
        code = Exit.UNREAD
    except OSError as error:
        code = _unwritten(error)
    except Exception as error:
        code = _usage(error)
    if code in (Exit.UNREAD, Exit.USAGE):
        _let_go()
    sys.exit(code if isinstance(code, int) else Exit.FINE)


def _occupy() -> None:
    """Open nothing in the place of a standard stream that is closed, or the next file would be taken for it."""
    while (taken := os.open(os.devnull, os.O_RDWR)) < 3:
        pass
    os.close(taken)


def _let_go() -> None:
    """Send what could not be written to nowhere, or Python tries once more at its end and complains."""
    with contextlib.suppress(OSError, ValueError):
        if sys.stdout is not None:
            sys.stdout.flush()
        return
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _unwritten(error: OSError) -> int:
    """Return the exit code where standard output takes no more; any other OSError is the harness's own failure."""
    if isinstance(error, BrokenPipeError):
        return int(Exit.UNREAD)
    if error.errno != errno.ENOSPC:
        raise error
    return complain(f"the output cannot be written: {error.strerror}; free space, or send it elsewhere", Exit.USAGE)


def _usage(error: Exception) -> int:
    """Return the exit code of a wrong call; any other exception is the harness's own failure and shows its trace."""
    show = getattr(error, "show", None)
    if show is None:
        raise error
    show()
    return int(Exit.USAGE)
