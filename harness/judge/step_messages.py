"""The sentences about a user's own gradient: its adjoints, and the node that is wrong."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from harness.judge import messages

if TYPE_CHECKING:
    from harness.judge.compare import Comparison
    from harness.statements import Statement


class Step(NamedTuple):
    """One edge of a backward pass in the user's words."""

    operation: str
    operand: str
    """Empty where the rule of the whole operation is meant."""
    line: Statement | None
    how: str
    lines: tuple[int, ...] | None = None
    """Of a rule that is used at several places: the lines of those, in order."""


def no_such_variable(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}."
    return f"An adjoint of {name!r} came back, which is no input and no variable of the definition; {hint}"


def wrong_adjoint(one: Comparison, line: Statement | None) -> str:
    at = one.worst()
    made = f" (line {line.line}, `{line.text}`)" if line else ""
    return (
        f"Going backward, the first wrong adjoint is dJ/d{messages.place(one.path, at)}{made}: "
        f"got {messages.number(one.got[at])}, truth {messages.number(one.truth[at])}."
    )


def fault(step: Step, other: Step | None = None) -> str:
    """Return what is said of the fault that explains a gradient; `other` is another that would."""
    if step.lines is not None:
        used = f"one wrong rule explains it all, used {_places(step.lines)}"
        return f"Going backward, {used}: {_everywhere(step)} {step.how}."
    into = f"`{step.line.text}`" if step.line else "it"
    path = f"the path from {step.operand} into {into}" if step.operand else into
    said = f"Going backward, one wrong node explains it all, the {_place(step)}: {path} {step.how}."
    if other is None:
        return said
    end = f", on the path from {other.operand}," if other.operand else ""
    return f"{said} The {_place(other)}{end} would explain it as well: look at both."


def short_fault(step: Step) -> str:
    if step.lines is not None:
        return f"{_everywhere(step)} {step.how}"
    if not step.operand:
        return f"the {_place(step)} {step.how}"
    where = f"line {step.line.line}" if step.line else f"the {step.operation}"
    return f"the path from {step.operand.replace('`', '')} into {where} {step.how}"


def _place(step: Step) -> str:
    return f"{step.operation} in line {step.line.line}" if step.line else step.operation


def _everywhere(step: Step) -> str:
    """Return what a rule that is used at several places is called: by its operation and operand."""
    return f"the path from {step.operand} of every {step.operation}" if step.operand else f"every {step.operation}"


def _places(lines: Sequence[int]) -> str:
    *first, last = lines or ("?",)
    return f"in lines {', '.join(map(str, first))} and {last}" if first else f"more than once in line {last}"
