"""One operation that differs, in the framework's words: its record, its sentence and its program."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from harness.backends import describe, made
from harness.backends.adapter import Adapter
from harness.graph.emit import emit
from harness.graph.phrase import Phrasebook
from harness.graph.unit import Unit
from harness.judge import Judgement, messages
from harness.judge.compare import Comparison
from harness.measurement import Task
from harness.run.lines import relative, worst_entry
from harness.run.records import FirstOp

INPUTS, OWN_INPUTS = '"inputs.npz"', '"first_operation.npz"'
"""What a program of many numbers reads: a cell's, and that of its first differing operation."""

OF_VALUE = ("grad", "jacobian")
"""The operators whose result by the cotangent is the operation's value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray:
    """A result that is no number where no truth says what it should be: sqrt's partial at 0, or 0/0."""

    path: str
    index: tuple[int, ...]
    got: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fault:
    """An operation that is wrong alone, or gives no number, at its own exact inputs."""

    unit: Unit
    task: Task
    judgement: Judgement
    comparison: Comparison | None
    """What differs, with its worst entry; None where nothing came back that could be compared."""
    stray: Stray | None = None
    """Given where it is no number, and nothing is said of what it should have been."""
    entry: tuple[int, ...] | None = None
    """The task is of this entry alone."""

    @property
    def part(self) -> str:
        """What differs: the partial by this leaf; "" where nothing came back that could be compared."""
        found = self.comparison or self.stray
        return "" if found is None else found.path

    @property
    def at(self) -> tuple[int, ...] | None:
        """The index of what differs most; None where nothing came back that could be compared."""
        if self.stray is not None:
            return self.stray.index
        return None if self.comparison is None else self.comparison.worst()

    @property
    def lost(self) -> bool:
        """Whether what came back is no number."""
        return self.stray is not None or (
            self.comparison is not None and not bool(np.isfinite(self.comparison.got[self.comparison.worst()]))
        )

    @property
    def of_value(self) -> bool:
        """Whether the operation's value differs; else one of its derivatives does."""
        return self.part == self.unit.cotangent and self.task.operator in OF_VALUE


def record(fault: Fault, backend: str) -> FirstOp:
    """Return the record of a fault, with the program of the operation alone."""
    where = fault.unit.node.where
    worst = None if fault.comparison is None else worst_entry(fault.comparison, fault.task.dtype)
    return FirstOp(
        op=fault.unit.node.op,
        words=name_of(expression(fault.unit, describe(backend).book, fault.task.dtype)),
        location=relative(*where) if where else "",
        node=fault.unit.position,
        entry=fault.entry,
        part=fault.part,
        verdict=fault.judgement.verdict.word,
        worst=worst,
        program=speaker(backend).reproduce(fault.task).replace(INPUTS, OWN_INPUTS),
    )


def speaker(backend: str) -> Adapter:
    """Return an adapter that can write; its constructor, which imports its framework, is run only where it must be."""
    kind = cast(type[Adapter], describe(backend))
    return kind.__new__(kind) if speaks(backend) else cast(Adapter, made(backend))


def speaks(backend: str) -> bool:
    """Return whether the backend's sources are written from its phrasebook alone."""
    return cast(type[Adapter], describe(backend)).script is Adapter.script


def expression(unit: Unit, book: Phrasebook, dtype: str) -> str:
    """Return the expression that the framework is given for the operation."""
    source = emit(unit.alone, replace(book, differentiate=None), dtype=dtype).body
    return source.rstrip().splitlines()[-1].strip().removeprefix("return ")


def name_of(expression: str) -> str:
    """Return what an expression calls, `tf.nn.leaky_relu`; of an operator the whole of it, `x @ w`."""
    body = ast.parse(expression, mode="eval").body
    return ast.unparse(body.func) if isinstance(body, ast.Call) else expression


def sentence(fault: Fault, words: str) -> str:
    """Return the sentence that names the operation, with its numbers."""
    where = f" (line {fault.unit.node.where[1]})" if fault.unit.node.where else ""
    does = "differs" if fault.stray is None else "gives no number"
    return f"The first operation that {does}: {words}{where}: {_difference(fault)}"


def _difference(fault: Fault) -> str:
    if fault.at is None:
        return fault.judgement.reason
    place = f"{_given(fault)}{messages.place(_part(fault), fault.entry or fault.at)}"
    if fault.stray is not None:
        return f"{place} is {messages.number(fault.stray.got)}{_why(fault)}."
    assert fault.comparison is not None, "what has an index was compared"
    one, at = fault.comparison, fault.at
    said = f"{place} is {messages.number(one.got[at])}, {_true(one, at)}"
    if fault.lost:
        return f"{said}{_why(fault)}."
    return f"{said}, error {messages.short(one.error[at])}, tolerance {messages.short(one.tolerance[at])}."


def _true(one: Comparison, at: tuple[int, ...]) -> str:
    """Return what is true of an entry; at a kink, where the truth is one of several, its one-sided derivatives."""
    sides = one.sided(at)
    return f"truth {messages.number(one.truth[at])}" if sides is None else messages.one_sided(*sides)


def _given(fault: Fault) -> str:
    """Return the numbers that decide, where they are single ones: "at x[0] = 0.0, with the adjoint 2.0, "."""
    adjoint = np.asarray(fault.task.inputs[fault.unit.cotangent])
    known = _at(fault) if fault.lost else []
    if not fault.of_value and adjoint.size == 1 and adjoint.item() != 1:
        known.append(f"with the adjoint {messages.number(adjoint.item())}")
    return f"{', '.join(known)}, " if known else ""


def _at(fault: Fault) -> list[str]:
    """Return the operands of an operation on single numbers, in words; nothing where they are more."""
    given = {path: np.asarray(fault.task.inputs[path]) for path in fault.unit.graph.params}
    operands = {path: leaf for path, leaf in given.items() if path != fault.unit.cotangent}
    if any(leaf.size != 1 for leaf in operands.values()):
        return []
    at = fault.entry or ()
    told = (f"{messages.place(path, at)} = {messages.number(leaf.item())}" for path, leaf in operands.items())
    return [f"at {' and '.join(told)}"]


def _why(fault: Fault) -> str:
    """Return why a partial is no number where its adjoint says so."""
    adjoint = np.asarray(fault.task.inputs[fault.unit.cotangent])
    partial = not fault.of_value and fault.task.operator in OF_VALUE
    return ": 0 times a slope that is not finite" if partial and not adjoint.any() else ""


def _part(fault: Fault) -> str:
    """Return what differs in words: the value, a partial, or the result of another operator."""
    path, operator = fault.part, fault.task.operator
    if fault.of_value:
        return "its value"
    if operator in OF_VALUE:
        return f"its partial by {path}"
    return f"its {operator}" if path == operator else f"its {operator} by {path}"
