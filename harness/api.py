"""One function and a doubt: `check` and `assert_agree`, in a script or a notebook."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.declare import Case, Input, data, flatten, param, text_of
from harness.points import Point
from harness.run.plan import Selection
from harness.run.records import CellLine, Run


class Disagreement(AssertionError):
    """Some engine's gradient is not the right one, or could not be judged; the text says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Agreement:
    """What the engines said of one function at one point; prints as a table."""

    run: Run

    @property
    def cells(self) -> tuple[CellLine, ...]:
        """One judged gradient per backend and dtype."""
        return self.run.cells

    @property
    def failed(self) -> tuple[CellLine, ...]:
        """The cells that fail."""
        return tuple(cell for cell in self.cells if cell.cls == "fail")

    def __str__(self) -> str:
        from harness.report import terminal

        return terminal.agreement(self.run)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from harness.report import notebook

        return notebook.strip(self.run)


def check(
    function: Callable[..., Any] | Case,
    /,
    *,
    backends: Sequence[str] = (),
    dtypes: Sequence[str] = ("float64",),
    **inputs: Any,
) -> Agreement:
    """Return what every installed backend says of the gradient of `function` at `inputs`, judged by the truth.

    A number or list is differentiated; an integer or boolean array, or `data(…)`, is a constant. A first
    parameter named xp gets the namespace. Raises DeclarationError or PointError for inputs that do not fit.
    """
    from harness.run.execute import Order, execute
    from harness.run.lab import Inline

    case = function if isinstance(function, Case) else case_of(function, inputs)
    selection = Selection(backends=tuple(backends), dtypes=tuple(dtypes))
    run = execute(Order(cases=(case,), selection=selection, command="harness.check"), Inline())
    return Agreement(run=run)


def assert_agree(function: Callable[..., Any] | Case, /, **inputs: Any) -> Agreement:
    """Return what `check` returns; raise Disagreement with the full message where any backend fails or none passes."""
    from harness.report import terminal

    agreement = check(function, **inputs)
    if agreement.failed or not any(cell.cls == "pass" for cell in agreement.cells):
        raise Disagreement(terminal.summary(agreement.run).plain)
    return agreement


def case_of(function: Callable[..., Any], inputs: Mapping[str, Any]) -> Case:
    """Return the case that a bare function and its inputs stand for, with one point labelled `here`."""
    given = flatten(inputs)
    leaves = {path: _input(value) for path, value in given.items()}
    values = {path: value for path, value in given.items() if leaves[path].param}
    made = Case(
        id=f"check.{_name(function)}",
        function=function,
        inputs=leaves,
        points=(Point(label="here", values=values),),
        title=(inspect.getdoc(function) or "").split("\n", 1)[0].strip(),
        file=getattr(getattr(function, "__code__", None), "co_filename", ""),
        line=getattr(getattr(function, "__code__", None), "co_firstlineno", 0),
        definition=text_of(function),
    )
    made.check()
    return made


def _input(value: Any) -> Input:
    if isinstance(value, Input):
        return value
    array = np.asarray(value)
    constant = isinstance(value, np.ndarray) and array.dtype.kind in "iub"
    return data(array) if constant else param(shape=array.shape)


def _name(function: Callable[..., Any]) -> str:
    """Return the function's name where it has one that is safe in an id."""
    name = getattr(function, "__name__", "")
    return name.lower() if name.isidentifier() else "function"
