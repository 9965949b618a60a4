"""The gradient at an exact tie under conventions: what a framework is known to answer, and what one might.

A convention chooses an option for every call that ties (domains/ties.py). The value is the same under all of them, so
only the way backward is run again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice, product

from harness.domains import ties
from harness.domains.ball import Ball
from harness.domains.evaluate import Decisions, Evaluation, evaluate
from harness.domains.precision import PRECISIONS
from harness.graph.derive import Derivative
from harness.measurement import Leaves
from harness.truth.assuming import bounded
from harness.truth.enclose import enclose
from harness.truth.enclosure import Enclosure, exact_zero
from harness.truth.origins import DESCENDING, origins
from harness.truth.tolerance import Tolerance, tolerance
from harness.truth.truth import Truth

MOST = 81
"""Uniform conventions that are tried at most: three options for each of four calls."""

Taken = tuple[tuple[str, str], ...]
"""Call and option."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidate:
    """The gradient under one convention, and the tolerance around it."""

    taken: Taken
    partials: dict[str, Enclosure]
    tolerance: Tolerance

    @property
    def words(self) -> str:
        """Return the convention: "abs′(0) = 0"."""
        return ", ".join(told(call, option) for call, option in self.taken)


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """Asks for the gradient under a framework's own conventions; other calls go as in the ball run."""

    own: Taken

    def answer(self, derivative: Derivative, inputs: Leaves, dtype: str, truth: Truth) -> Candidate | None:
        if derivative.function is None or not truth.ties:
            return None
        base, known = undisturbed(derivative, inputs, dtype, truth), dict(self.own)
        calls = tied(derivative, truth)
        taken = {call: known.get(call, ties.OPTIONS[op][0]) for call, (op, _) in calls.items()}
        fitting = {call: option for call, option in taken.items() if option in ties.OPTIONS[calls[call][0]]}
        return candidate(derivative, inputs, dtype, truth, base, tuple(fitting.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Uniform:
    """Asks for the gradients under uniform conventions: every call takes one option wherever it ties."""

    def answer(self, derivative: Derivative, inputs: Leaves, dtype: str, truth: Truth) -> tuple[Candidate, ...]:
        """Return the gradients that differ, first that of the ball run."""
        if derivative.function is None or not truth.ties:
            return ()
        base = undisturbed(derivative, inputs, dtype, truth)
        found: dict[bytes, Candidate] = {}
        for taken in islice(_conventions(derivative, truth), MOST):
            partials = gradient_under(derivative, inputs, truth, base, taken)
            key = b"".join(exact.nearest.tobytes() for exact in partials.values())
            if key not in found:
                found[key] = candidate(derivative, inputs, dtype, truth, base, taken)
        return tuple(found.values())


def _conventions(derivative: Derivative, truth: Truth) -> Iterator[Taken]:
    calls = tied(derivative, truth)
    for options in product(*(ties.OPTIONS[op] for op, _ in calls.values())):
        yield tuple(zip(calls, options, strict=True))


def tied(derivative: Derivative, truth: Truth) -> dict[str, tuple[str, list[int]]]:
    """Return by call the decision that ties and its nodes."""
    found: dict[str, tuple[str, list[int]]] = {}
    names = origins(derivative)
    for tie in truth.ties:
        found.setdefault(names[tie.node], (tie.op, []))[1].append(tie.node)
    return found


def undisturbed(derivative: Derivative, inputs: Leaves, dtype: str, truth: Truth) -> Evaluation:
    """Return the ball run that established the truth, with its choices."""
    graph = derivative.graph
    return evaluate(graph, graph.outputs, Ball(truth.digits), inputs, precision=PRECISIONS[dtype], decisions={})


def decided(derivative: Derivative, truth: Truth, base: Evaluation, taken: Taken) -> Decisions:
    """Return the table of decisions under a convention."""
    table, calls = dict(base.decisions), tied(derivative, truth)
    for call, option in taken:
        for position in calls[call][1] if call in calls else ():
            node = derivative.graph.nodes[position]
            table[position] = ties.taken(node, base.choices[position], option, base.values[node.args[0]])
    return table


def gradient_under(
    derivative: Derivative, inputs: Leaves, truth: Truth, base: Evaluation, taken: Taken
) -> dict[str, Enclosure]:
    """Return the partials under a convention; values on the way forward are those of the base run."""
    return partials_of(derivative, inputs, base, decided(derivative, truth, base, taken), forward(derivative, base))


def forward(derivative: Derivative, base: Evaluation) -> list[int]:
    """Return the real nodes on the way forward: no convention changes them."""
    nodes = derivative.graph.nodes
    return [k for k in base.values if k <= derivative.value and nodes[k].kind == "real"]


def partials_of(
    derivative: Derivative, inputs: Leaves, base: Evaluation, decisions: Decisions, kept: Iterable[int]
) -> dict[str, Enclosure]:
    """Return the partials by a table of decisions, the kept nodes as in the base run."""
    wanted = {path: node for path, node in derivative.partials.items() if node is not None}
    run = evaluate(
        derivative.graph,
        tuple(wanted.values()),
        base.domain,
        inputs,
        precision=base.precision,
        decisions=dict(decisions),
        frozen={k: base.values[k] for k in kept},
    )
    shapes = {path: shape_of(derivative, path) for path in derivative.partials}
    with base.domain.context():
        return {
            path: enclose(run.values[wanted[path]]) if path in wanted else exact_zero(shape)
            for path, shape in shapes.items()
        }


def shape_of(derivative: Derivative, path: str) -> tuple[int, ...]:
    """Return the shape of a partial, which is its leaf's; a result that belongs to no leaf is a number."""
    leaf = derivative.graph.inputs.get(path)
    return () if leaf is None else derivative.graph.nodes[leaf].shape


def candidate(
    derivative: Derivative, inputs: Leaves, dtype: str, truth: Truth, base: Evaluation, taken: Taken
) -> Candidate:
    """Return the gradient under a convention, with its own tolerance."""
    partials = gradient_under(derivative, inputs, truth, base, taken)
    decisions = decided(derivative, truth, base, taken)
    return Candidate(
        taken=taken,
        partials=partials,
        tolerance=tolerance_of(derivative, inputs, dtype, truth, partials, decisions),
    )


def tolerance_of(
    derivative: Derivative,
    inputs: Leaves,
    dtype: str,
    truth: Truth,
    partials: dict[str, Enclosure],
    decisions: Decisions,
) -> Tolerance:
    """Return the tolerance of partials that a table of decisions gives."""
    assumed = replace(truth, partials=partials, decisions=decisions)
    return tolerance(derivative, inputs, dtype, bounded(derivative, inputs, PRECISIONS[dtype], assumed))


def told(call: str, option: str) -> str:
    """Return a choice in words: "relu′(0) = 1/2", "max: ties split"."""
    name = call.removesuffix(DESCENDING)
    if option in ties.NUMBERS:
        return f"{name}′(0) = {option}"
    if option in (ties.KEPT, ties.REVERSED):
        return f"{call}: equal entries in order {option}"
    if option in (ties.WRITTEN, ties.OTHER):
        return f"{name} at its threshold: {option}"
    return f"{name} of a tie: {option}"
