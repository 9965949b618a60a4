"""Starting a worker without running the parent's script again, and ending with it what it started."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from multiprocessing import parent_process, process, spawn
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.popen_spawn_posix import Popen as SpawnPopen
from typing import Any

from harness import offspring

_STARTING = threading.Lock()
"""One start at a time: each changes for its time what multiprocessing says to a child."""
_WHOSE_RUN_IS_OVER = """\
import sys
try:
    {program}
except (EOFError, FileNotFoundError, KeyboardInterrupt):
    sys.exit(1)
"""
"""What a child runs: one whose pipe or semaphores are gone has nobody left to tell, and writes no traceback.

Only the standard library is there: where the harness is found comes through the pipe.
"""


class _Popen(SpawnPopen):
    """A spawned process that is not told of the parent's main module, and that says nothing where it is not wanted.

    multiprocessing imports that module in the child, which would run a script without a main guard again.
    """

    def _launch(self, process_obj: Any) -> None:
        with _STARTING, _other_words():
            super()._launch(process_obj)  # type: ignore[misc]  # typeshed does not list the hook

    def terminate(self) -> None:
        """Kill the process with all that it started; a loop in C would not hear SIGTERM."""
        if self.returncode is None:
            offspring.end(self.pid)


@contextlib.contextmanager
def _other_words() -> Iterator[None]:
    """Change for the time of the block what a child is told, and what it runs."""
    data, command = spawn.get_preparation_data, spawn.get_command_line

    def without_main(name: str) -> dict[str, Any]:
        return {key: value for key, value in data(name).items() if not key.startswith("init_main")}

    def quiet(**handles: Any) -> list[str]:
        *options, program, sign = command(**handles)
        return [*options, _WHOSE_RUN_IS_OVER.format(program=program), sign]

    spawn.get_preparation_data, spawn.get_command_line = without_main, quiet
    try:
        yield
    finally:
        spawn.get_preparation_data, spawn.get_command_line = data, command


UNASKED = 256
"""Exit code of a worker that ended without an error; no process has it, and pebble takes 0 for an end it asked for."""


class _Process(SpawnProcess):
    @property
    def exitcode(self) -> int | None:
        """Return how the process ended: a signal as its negative, None while it lives."""
        code = super().exitcode
        return UNASKED if code == 0 else code

    @staticmethod
    def _Popen(process_obj: Any) -> Any:
        return _Popen(process_obj)


class Context(SpawnContext):
    """The spawn context of the workers."""

    Process = _Process


def context() -> Context:
    """Return the context in which workers are started."""
    assert process.current_process() is not None
    return Context()


def begin() -> None:
    """Make the worker in which this is called the head of its session, which does not outlive the run."""
    parent = parent_process()
    assert parent is not None, "a worker is started by a run"
    offspring.lead(parent.sentinel)
