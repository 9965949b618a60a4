"""The live bar of a run."""

from __future__ import annotations

from rich.console import Console
from rich.progress import Progress as Bar

from harness.run.records import CaseLine, CellLine, Line


class Progress:
    """A live bar on standard error that counts finished cases."""

    def __init__(self, cases: int, *, quiet: bool) -> None:
        console = Console(stderr=True)
        self._bar = Bar(console=console, transient=True, disable=quiet or not console.is_terminal)
        self._task = self._bar.add_task("cases", total=cases)

    def __enter__(self) -> Progress:
        self._bar.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        self._bar.stop()

    def __call__(self, line: Line) -> None:
        if isinstance(line, CellLine):
            self._bar.update(self._task, description=line.case)
        elif isinstance(line, CaseLine):
            self._bar.advance(self._task)
