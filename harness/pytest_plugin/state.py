"""What a session knows: the cases collected, the runs under way, the runs that workers delivered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.pytest_plugin import distribution, files, options
from harness.pytest_plugin.batch import Batch

if TYPE_CHECKING:
    from harness.declare import Case
    from harness.pytest_plugin.items import CaseItem
    from harness.run.execute import Order
    from harness.run.expectations import Expectation
    from harness.run.records import CellLine, Run
    from harness.workers.crew import Crew


@dataclass(slots=True, kw_only=True)
class State:
    """The plugin's own in one session."""

    cases: dict[str, Case] = field(default_factory=dict)
    """By id."""
    found: dict[Path, str | None] = field(default_factory=dict)
    """Case files that were asked for, with why one cannot be imported; "": it can, None: it was not tried yet."""
    expectations: dict[Path, list[Expectation]] = field(default_factory=dict)
    """By folder."""
    unknown: tuple[str, ...] | None = None
    """A sentence for each expectation of a cell that there is not; None: not looked for yet."""
    batches: dict[str, Batch] = field(default_factory=dict)
    crews: dict[str, Crew] = field(default_factory=dict)
    """By backend, where items come one by one: the framework is imported once."""
    delivered: list[Run] = field(default_factory=list)
    """What workers of xdist measured."""
    said: list[str] = field(default_factory=list)
    """Lines for the end of the session."""
    ending: ExitStack = field(default_factory=ExitStack)

    def check_fit(self, path: Path) -> None:
        """Raise CollectionError where the file would end or block the session; what was found is tried together."""
        from harness.collect import CollectionError
        from harness.gather import rehearse

        if self.found.get(path) is None:
            untried = [path, *(one for one, told in self.found.items() if told is None and one != path)]
            self.found |= dict.fromkeys(untried, "") | rehearse(untried)
        if told := self.found[path]:
            raise CollectionError(told)

    def register(self, path: Path, cases: Sequence[Case], folders: Iterable[Path]) -> None:
        """Take in the cases of a file, and the expectations in the folders.

        Raises CollectionError where an id is taken, ExpectationError where the expectations cannot be read.
        """
        from harness.collect import check_unique
        from harness.run.expectations import read

        check_unique([*(case for case in self.cases.values() if Path(case.file) != path), *cases])
        self.cases |= {case.id: case for case in cases}
        for folder in folders:
            if folder not in self.expectations:
                self.expectations[folder] = read([folder])

    def judged(self, item: CaseItem) -> tuple[CellLine, ...]:
        """Return the cells of an item; the first item of a batch starts the run of the whole batch."""
        key = distribution.batch(item)
        if key not in self.batches:
            self.batches[key] = self._start(item, _batch(item, key))
        return self.batches[key].judged([cell.id for cell in item.cells])

    def close(self) -> None:
        """End all runs and their worker processes."""
        for batch in self.batches.values():
            batch.close()
        self.ending.close()

    def runs(self) -> list[Run]:
        """Return what this process measured."""
        return [run for batch in self.batches.values() if (run := batch.run()) is not None]

    def _start(self, item: CaseItem, items: Sequence[CaseItem]) -> Batch:
        from harness.workers.crew import Crew

        order = self._order(item.config, items)
        backends = tuple(dict.fromkeys(cell.backend for cell in order.cells))
        limits = options.limits(item.config)
        if distribution.one_by_one(item.config):
            if item.backend not in self.crews:
                self.crews[item.backend] = self.ending.enter_context(Crew(backends, limits))
            return Batch(order, self.crews[item.backend], ExitStack())
        ending = ExitStack()
        return Batch(order, ending.enter_context(Crew(backends, limits)), ending)

    def _order(self, config: pytest.Config, items: Iterable[CaseItem]) -> Order:
        from harness.run.execute import Order
        from harness.run.plan import plan

        chosen = {(item.case.id, item.backend): item.case for item in items}
        cases = tuple(dict.fromkeys(chosen.values()))
        selection = options.selection(config)
        return Order(
            cases=cases,
            selection=selection,
            cells=tuple(cell for cell in plan(cases, selection) if (cell.case, cell.backend) in chosen),
            expectations=tuple(one for some in self.expectations.values() for one in some),
            unknown=self._unknown(config),
            command=options.command(config),
        )

    def _unknown(self, config: pytest.Config) -> tuple[str, ...]:
        from harness.run.expectations import unknown

        if self.unknown is None:
            bad = any(self.found.values())
            self.unknown = tuple(
                sentence
                for folder, some in self.expectations.items()
                for sentence in unknown(
                    some, list(self.cases.values()), whole=not bad and files.is_asked_for(folder, config)
                )
            )
        return self.unknown


def _batch(item: CaseItem, key: str) -> list[CaseItem]:
    """Return the selected items that are run together with this one."""
    cases = (one for one in item.session.items if isinstance(one, type(item)))
    return [one for one in cases if distribution.batch(one) == key]


STATE = pytest.StashKey[State]()
