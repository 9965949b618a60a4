"""What pytest collects: a file of cases, and a case on a backend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from harness.pytest_plugin import options, outcome
from harness.pytest_plugin.state import STATE

if TYPE_CHECKING:
    from harness.declare import Case
    from harness.run.plan import Cell
    from harness.run.records import CellLine


class CaseItem(pytest.Item):
    """A case on a backend."""

    def __init__(self, *, case: Case, backend: str, cells: Sequence[Cell], **details: Any) -> None:
        super().__init__(**details)
        self.case, self.backend, self.cells = case, backend, tuple(cells)
        self.judged: tuple[CellLine, ...] = ()
        """The cells once they are judged."""
        self.extra_keyword_matches.add(case.id)
        self.add_marker("agreement")
        self.add_marker(backend)

    def runtest(self) -> None:
        """Wait for the verdicts, and end as they say."""
        self.judged = self.config.stash[STATE].judged(self)
        outcome.conclude(self)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the message alone where a cell fails; a trace is the harness's own failure."""
        if isinstance(excinfo.value, outcome.Disagreement):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, int, str]:
        return self.path, self.case.line - 1, self.name

    def skipped(self, sentence: str) -> tuple[str, int, str]:
        """Return what a report says of a skip: where, and why."""
        return str(self.path), self.case.line, sentence


class CaseFile(pytest.File):
    """A file of cases."""

    def collect(self) -> Iterable[CaseItem]:
        """Return an item for each case and backend. Raises CollectError with one sentence where the file is bad."""
        from harness.run.plan import plan

        wanted = options.selection(self.config)
        for case in self._cases():
            cells = plan([case], wanted)
            for backend in dict.fromkeys(cell.backend for cell in cells):
                own = [cell for cell in cells if cell.backend == backend]
                yield CaseItem.from_parent(
                    self, name=f"{_name(case)}[{backend}]", case=case, backend=backend, cells=own
                )

    def _cases(self) -> list[Case]:
        from harness.collect import CollectionError, cases_of, load
        from harness.run.expectations import ExpectationError

        state = self.config.stash[STATE]
        try:
            state.check_fit(self.path)
            cases = cases_of(load(self.path))
            folders = [self.path.parent, *self.config.getini("agreement_paths")]
            state.register(self.path, cases, folders)
        except (CollectionError, ExpectationError) as error:
            raise self.CollectError(str(error)) from None
        return cases


def _name(case: Case) -> str:
    """Return the case's own name, printable and without the signs that take a node id apart."""
    own = case.id.partition(".")[2] or case.id
    return own.encode("unicode_escape").decode("ascii").replace("::", ":\\x3a")
