"""Starting a worker without running the parent's script again, and ending with it what it started."""

from __future__ import annotations

from multiprocessing import parent_process, process
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.popen_spawn_posix import Popen as SpawnPopen
from typing import Any

from harness import offspring


class _Popen(SpawnPopen):
    """A spawned process whose preparation does not name the parent's main module.

    multiprocessing imports that module in the child, which would run a script without a main guard again.
    """

    def _launch(self, process_obj: Any) -> None:
        from multiprocessing import spawn

        full = spawn.get_preparation_data

        def without_main(name: str) -> dict[str, Any]:
            return {key: value for key, value in full(name).items() if not key.startswith("init_main")}

        spawn.get_preparation_data = without_main
        try:
            super()._launch(process_obj)  # type: ignore[misc]  # typeshed does not list the hook
        finally:
            spawn.get_preparation_data = full

    def terminate(self) -> None:
        """Kill the process with all that it started; a loop in C would not hear SIGTERM."""
        if self.returncode is None:
            offspring.end(self.pid)


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
