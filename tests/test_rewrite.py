"""The source that is shown of a cell is the one that ran in it; of a case that has changed none is made up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness import case, param
from harness.backends import describe
from harness.declare import Case
from harness.measurement import Measurement, Task
from harness.run.execute import Order, execute
from harness.run.lab import Inline, Later
from harness.run.plan import Selection
from harness.run.records import CellLine, Run
from harness.run.rewrite import own_source


class Noting(Inline):
    """A lab that keeps the source of each measurement."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []

    def measure(self, backend: str, task: Task) -> Later[Measurement]:
        measured = super().measure(backend, task)

        def result() -> Measurement:
            self.sources.append(measured.result().source)
            return measured.result()

        return Later(result)


def declared(cost: Callable[[Any, Any], Any] = lambda xp, w: xp.abs(w) * xp.sin(w)) -> Case:
    made = case(w=param(), points=[dict(w=3.0), dict(w=-3.0)], name="cost")(cost)

    def ours(torch: Any, w: Any) -> Any:
        return torch.abs(w) * torch.sin(w)

    made.native("torch")(ours)
    made.backward(by_hand)
    return made


def by_hand(w: float) -> float:
    return w


def ran(made: Case, *backends: str, **selection: Any) -> tuple[Run, list[str]]:
    """Return the run of a case, and the source of each of its cells as it ran."""
    lab = Noting()
    return execute(Order(cases=(made,), selection=Selection(backends=backends, **selection)), lab), lab.sources


@pytest.mark.needs("backend")
@pytest.mark.parametrize(("backend", "written"), [("torch", 5), ("sympy", 2), ("finite_difference", 1), ("numpy", 1)])
def test_a_cells_own_source_is_shown(backend: str, written: int) -> None:
    """In its dtype and variant and at its point: torch has two dtypes, three variants and a spelling."""
    made = declared()
    run, sources = ran(made, backend, profile="full")
    assert [own_source(run, cell, [made]) for cell in run.cells] == sources
    assert len(set(sources)) >= written


def test_no_framework_is_imported_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    made = declared()
    run, sources = ran(made, "torch")

    def imported(self: object) -> None:
        raise AssertionError("the constructor imports the framework")

    monkeypatch.setattr(describe("torch"), "__init__", imported)
    assert [own_source(run, cell, [made]) for cell in run.cells] == sources


def test_a_case_that_has_changed_is_not_written_again() -> None:
    run, _ = ran(declared(), "torch")
    for other in (declared(lambda xp, w: xp.sin(w)), declared(refused), declared(leaving)):
        assert [own_source(run, cell, [other]) for cell in definition(run)] == [""] * len(definition(run))
    assert own_source(run, run.cells[0], []) == ""


def definition(run: Run) -> list[CellLine]:
    return [cell for cell in run.cells if cell.spelling == "xp"]


def refused(xp: Any, w: Any) -> Any:
    return w.mean()


def leaving(xp: Any, w: Any) -> Any:
    raise SystemExit(3)


def test_a_cell_without_a_source_is_not_traced() -> None:
    """What hung in the run would hang again."""
    made = declared(refused)
    run, _ = ran(made, "finite_difference")
    assert {own_source(run, cell, [made]) for cell in run.cells} == {""}
    traced: list[str] = []
    watched = declared(lambda xp, w: traced.append("traced") or xp.sin(w))
    assert own_source(run, run.cells[0], [watched]) == ""
    assert traced == []
