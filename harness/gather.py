"""The case files of a command: one whose import ends, blocks or fills its process costs itself alone.

Such a file would end the command, with whatever exit code it likes. So the files of users are imported in a process of
their own first, all in one; those of the bundled catalogue are not.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

import psutil

from harness import offspring
from harness.collect import CollectionError, cases_of, catalogue, check_unique, files_at, load
from harness.declare import Case

SECONDS, MEGABYTES, PROCESSES = 60.0, 6000.0, 256
"""What the import of one file may take, and how many processes it may start."""
LOOK = 0.05
"""Seconds between two looks at the process."""
DONE = 86
"""Exit code of the process where the files let it come to its end."""
CHILD = """
import json, sys
sys.path[:], files, log, sign = json.load(sys.stdin)
from harness.gather import perform
perform(files, log, sign)
"""
ADVICE = "A case file only declares cases: take that out of it, or put it into a function."


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The cases that can be read, and a sentence for each file that cannot."""

    cases: tuple[Case, ...]
    refused: tuple[str, ...] = ()


def gather(paths: Iterable[str | Path] = ()) -> Gathered:
    """Return the cases of the given files and folders, of the catalogue where none are given.

    Raises CollectionError where a path leads to no case file.
    """
    files = files_at(paths)
    unfit = rehearse(files)
    cases: list[Case] = []
    refused: list[str] = []
    for file in files:
        try:
            cases += _cases(file, unfit, cases)
        except CollectionError as error:
            refused.append(str(error))
    return Gathered(cases=tuple(cases), refused=tuple(refused))


def _cases(file: Path, unfit: dict[Path, str], before: Sequence[Case]) -> list[Case]:
    if file in unfit:
        raise CollectionError(unfit[file])
    own = cases_of(load(file))
    check_unique([*before, *own])
    return own


def rehearse(files: Iterable[Path]) -> dict[Path, str]:
    """Return a sentence for each file whose import does not let a process come to its own end."""
    unfit: dict[Path, str] = {}
    own = [file for file in files if not Path(os.path.realpath(file)).is_relative_to(catalogue())]
    while rest := [file for file in own if file not in unfit]:
        ended = _rehearsed(rest)
        if ended is None or ended.number < 0:
            break
        if ended.number == len(rest) > 1:  # all were imported, and one left behind what ends the process
            return unfit | {file: told for one in rest for file, told in rehearse([one]).items()}
        file = rest[min(ended.number, len(rest) - 1)]
        unfit[file] = f"{_place(file, ended.trace)}: importing the file {ended.how}. {ADVICE}"
    return unfit


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """How a process ended that should have come to another end."""

    number: int
    """Of the file that was being imported; -1: none was, the number of files: all were."""
    how: str
    trace: str


def _rehearsed(files: Sequence[Path]) -> _Ended | None:
    """Import the files in a process; return how it ended, None where it came to its end."""
    with tempfile.TemporaryFile() as log, tempfile.TemporaryFile() as asked, _pipe() as sign:
        paths = [os.path.realpath(file) for file in files]
        asked.write(json.dumps([sys.path, paths, log.fileno(), sign]).encode())
        asked.seek(0)
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", CHILD],
            stdin=asked,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[log.fileno(), sign],
        )
        try:
            how = _watched(process, log)
        finally:
            _end(process)
        number, trace = _read(log)
        return _Ended(number=number, how=how, trace=trace) if how else None


@contextlib.contextmanager
def _pipe() -> Iterator[int]:
    """Return a context with the reading end of a pipe that is closed for writing when this process is gone."""
    reading, writing = os.pipe()
    try:
        yield reading
    finally:
        os.close(reading)
        os.close(writing)


def _watched(process: subprocess.Popen[bytes], log: IO[bytes]) -> str:
    """Wait for the process; return how it ended, "" where it came to its end. One beyond its limits is aborted."""
    number, since = -1, time.monotonic()
    while process.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LOOK)
        if (now := _read(log)[0]) != number:
            number, since = now, time.monotonic()
        if time.monotonic() - since > SECONDS:
            return f"took more than {SECONDS:g} s"
        with contextlib.suppress(psutil.Error):
            if psutil.Process(process.pid).memory_info().rss > MEGABYTES * 1e6:
                return f"took more than {MEGABYTES:g} MB"
        if offspring.sizes()[process.pid] - 1 > PROCESSES:
            return f"started more than {PROCESSES} processes"
    code = process.returncode
    if code < 0:
        return f"ended its process by {signal.Signals(-code).name}"
    return "" if code == DONE else f"ended its process with exit code {code}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process that goes on, where SIGABRT has it write down where it is, and what any has started."""
    if process.poll() is None:
        process.send_signal(signal.SIGABRT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)
    if process.poll() is None:
        offspring.end(process.pid)
        process.wait()
    offspring.end_session(process.pid)


def _read(log: IO[bytes]) -> tuple[int, str]:
    """Return the number of the file that was begun last, and what was written down since."""
    text = os.pread(log.fileno(), os.fstat(log.fileno()).st_size, 0).decode(errors="replace")
    begun = list(re.finditer(r"^#(\d+)$", text, re.MULTILINE))
    return (int(begun[-1][1]), text[begun[-1].end() :]) if begun else (-1, text)


def _place(file: Path, trace: str) -> str:
    """Return the file, with the line where the trace has one."""
    line = re.search(rf'File "{re.escape(os.path.realpath(file))}", line (\d+)', trace)
    return f"{file}:{line[1]}" if line else str(file)


# ----------------------------------------------------------------- in the process


def perform(files: Sequence[str], log: int, sign: int) -> NoReturn:
    """Import the files one after the other, write down which one is begun, and leave with DONE."""
    offspring.lead(sign)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    faulthandler.enable(log)
    _write_down_exits(log)
    for number, file in enumerate(files):
        os.write(log, f"#{number}\n".encode())
        with contextlib.suppress(CollectionError):  # the command imports the file too, and says why it cannot be read
            load(Path(file))
    os.write(log, f"#{len(files)}\n".encode())
    raise SystemExit(DONE)


def _write_down_exits(log: int) -> None:
    """Have `os._exit` write down where it was called."""
    leave = os._exit

    def told(status: int) -> NoReturn:
        faulthandler.dump_traceback(log)
        leave(status)

    os._exit = told
