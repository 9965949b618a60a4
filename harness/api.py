"""One function and a doubt: `check` and `assert_agree`, in a script or a notebook."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.calling import flatten
from harness.declare import Case, DeclarationError, Input, data, param, text_of
from harness.points import Point
from harness.run.plan import Selection
from harness.run.records import CellLine, Run
from harness.spelling import DEFINITION, OWN, add, port


class Disagreement(AssertionError):
    """Some engine's gradient is not the right one, or could not be judged; the text says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Agreement:
    """What the engines said of one function at one point; prints as a table."""

    run: Run
    named: tuple[str, ...] = ()
    """The backends that were asked for by name."""

    @property
    def ok(self) -> bool:
        """Whether some gradient passes, none fails, and whatever was asked for by name or written by hand passes.

        What was written by hand for a framework that is not installed is left to where it is.
        """
        passing = {(cell.backend, cell.spelling) for cell in self.cells if cell.cls == "pass"}
        by_hand = {
            (cell.backend, cell.spelling)
            for cell in self.cells
            if cell.spelling != DEFINITION and cell.verdict != "NOT-INSTALLED"
        }
        named = set(self.named) <= {backend for backend, _ in passing}
        return bool(passing) and not self.failed and by_hand <= passing and named

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


WIDEST = "float64"
"""In which NumPy computes."""

Function = Callable[..., Any]
Ports = Mapping[str, Function]
"""Backend → the same function in that framework."""


def check(
    function: Function | Case | Ports,
    /,
    *,
    reference: Function | Case | None = None,
    backward: Function | None = None,
    backends: Sequence[str] = (),
    dtypes: Sequence[str] = ("float64",),
    **inputs: Any,
) -> Agreement:
    """Return what every installed backend says of the gradient of `function` at `inputs`, judged by the truth.

    A number or list is differentiated; an integer or boolean array, or `data(…)`, is a constant. A first
    parameter named xp, or as a framework is usually named, gets the namespace. A dictionary of ports is judged by
    `reference`, their definition in xp. `backward` is a gradient by hand: a function of the inputs that returns the
    partials. Raises DeclarationError or PointError for inputs that do not fit.
    """
    from harness.run.execute import Order, execute
    from harness.run.lab import Inline

    if backward is not None and WIDEST not in dtypes:
        raise DeclarationError(f"a gradient by hand is judged in {WIDEST} alone; name it among the dtypes")
    case = _spelt(function, reference, backward, inputs)
    chosen = tuple(dict.fromkeys((*backends, OWN) if backends and backward is not None else backends))
    selection = Selection(backends=chosen, dtypes=tuple(dict.fromkeys(dtypes)))
    run = execute(Order(cases=(case,), selection=selection, command="harness.check"), Inline(guest=True))
    return Agreement(run=run, named=chosen)


def assert_agree(function: Function | Case | Ports, /, **asked: Any) -> Agreement:
    """Return what `check` returns where it is `.ok`; else raise Disagreement with the full message.

    Of what was written by hand, a port or a gradient, each must pass where its framework is installed: that the others
    are right says nothing of it.
    """
    from harness.report import terminal

    agreement = check(function, **asked)
    if not agreement.ok:
        raise Disagreement(terminal.summary(agreement.run, show=None).plain if agreement.failed else str(agreement))
    return agreement


def _spelt(
    function: Function | Case | Ports,
    reference: Function | Case | None,
    backward: Function | None,
    inputs: Mapping[str, Any],
) -> Case:
    """Return the case of a definition, with its ports and the gradient by hand among its spellings."""
    ports = function if isinstance(function, Mapping) else {}
    if not ports and (reference is not None or isinstance(function, Mapping)):
        raise DeclarationError("reference=… is the definition of ports; give them as {'torch': f, 'jax': g}")
    definition = reference if isinstance(function, Mapping) else function
    made = case_of(definition, inputs) if not isinstance(definition, Case) else definition
    case = replace(made, natives=list(made.natives))
    for backend, one in ports.items():
        add(case.natives, port(one, backend, owner=case.id), case.id)
    if backward is not None:
        case.backward(backward)
    return case


def case_of(function: Function | None, inputs: Mapping[str, Any]) -> Case:
    """Return the case that a bare function and its inputs stand for, with one point labelled `here`.

    Without a function it is the case of ports that have no definition.
    """
    given = flatten(inputs)
    leaves = {path: _input(value) for path, value in given.items()}
    values = {path: value for path, value in given.items() if leaves[path].param}
    made = Case(
        id=f"check.{_name(function)}",
        function=function,
        inputs=leaves,
        points=(Point(label="here", values=values),),
        title="" if function is None else (inspect.getdoc(function) or "").split("\n", 1)[0].strip(),
        file=getattr(getattr(function, "__code__", None), "co_filename", ""),
        line=getattr(getattr(function, "__code__", None), "co_firstlineno", 0),
        definition="" if function is None else text_of(function),
    )
    made.check()
    return made


def _input(value: Any) -> Input:
    if isinstance(value, Input):
        return value
    array = np.asarray(value)
    constant = isinstance(value, np.ndarray) and array.dtype.kind in "iub"
    return data(array) if constant else param(shape=array.shape)


def _name(function: Function | None) -> str:
    """Return the function's name where it has one that is safe in an id."""
    if function is None:
        return "ports"
    name = getattr(function, "__name__", "")
    return name.lower() if name.isidentifier() else "function"
