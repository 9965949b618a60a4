"""One run in a thread of its own, whose cells can be waited for."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable
from contextlib import ExitStack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.run.execute import Order
    from harness.run.lab import Lab
    from harness.run.records import CellLine, Line, Run


class Stopped(Exception):
    """The session ended before the run did."""


class Batch:
    """A run that goes on while pytest waits for its verdicts."""

    def __init__(self, order: Order, lab: Lab, ending: ExitStack) -> None:
        self._order, self._lab, self._ending = order, lab, ending
        self._lines: list[Line] = []
        self._cells: dict[str, CellLine] = {}
        self._changed = threading.Condition()
        self._ended = self._stopped = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="gradient agreement", daemon=True)
        self._thread.start()

    def judged(self, ids: Collection[str]) -> tuple[CellLine, ...]:
        """Return the cells of these ids; wait for them. Raises what the run raised."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._has(ids))
        if not self._has(ids):
            raise RuntimeError("the run broke off: the harness itself failed") from self._error
        return tuple(self._cells[identity] for identity in ids)

    def close(self) -> None:
        """Wait for the last lines where all cells are judged; else end the run now, and its worker processes."""
        if not self._has([cell.id for cell in self._order.cells]):
            self._stopped = True
            self._ending.close()
        self._thread.join(timeout=10 if self._stopped else None)

    def run(self) -> Run | None:
        """Return what there is of the run, None where it had not begun."""
        from harness.run.store import assemble

        return assemble(self._lines) if self._lines else None

    def _has(self, ids: Iterable[str]) -> bool:
        return all(identity in self._cells for identity in ids)

    def _run(self) -> None:
        from harness.run.execute import execute

        try:
            execute(self._order, self._lab, self._take)
        except BaseException as error:  # whoever waits raises it
            self._error = error
        finally:
            self._ending.close()
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _take(self, line: Line) -> None:
        from harness.run.records import CellLine

        if self._stopped:
            raise Stopped
        with self._changed:
            self._lines.append(line)
            if isinstance(line, CellLine):
                self._cells[line.id] = line
            self._changed.notify_all()
