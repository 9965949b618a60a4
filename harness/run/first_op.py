"""One operation that differs, in the framework's words: its record, its sentence and its program."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import cast

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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fault:
    """An operation that is wrong alone, at its own exact inputs."""

    unit: Unit
    task: Task
    judgement: Judgement
    comparison: Comparison | None
    """What differs, with its worst entry; None where nothing came back that could be compared."""
    entry: tuple[int, ...] | None = None
    """The task is of this entry alone."""

    @property
    def of_value(self) -> bool:
        """Whether the operation's value differs; else one of its derivatives does."""
        by = "" if self.comparison is None else self.comparison.path
        return by == self.unit.cotangent and self.task.operator in OF_VALUE


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
        part=fault.comparison.path if fault.comparison is not None else "",
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
    return f"The first operation that differs: {words}{where}: {_difference(fault)}"


def _difference(fault: Fault) -> str:
    if fault.comparison is None:
        return fault.judgement.reason
    one, at = fault.comparison, fault.comparison.worst() if fault.entry is None else ()
    part = "its value" if fault.of_value else _part(one.path, fault.task.operator)
    place = messages.place(part, fault.entry or at)
    return (
        f"{place} is {messages.number(one.got[at])}, truth {messages.number(one.truth[at])}, "
        f"error {messages.short(one.error[at])}, tolerance {messages.short(one.tolerance[at])}."
    )


def _part(path: str, operator: str) -> str:
    """Return what differs in words: a partial, or the result of another operator."""
    if operator in OF_VALUE:
        return f"its partial by {path}"
    return f"its {operator}" if path == operator else f"its {operator} by {path}"
