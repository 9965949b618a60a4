"""Real-valued primitives, a row each: value and absent mask of a node from those of its operands."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.domains import charges, structure
from harness.domains.absent import Mask, both, either, full, landed, meets, noted
from harness.domains.domain import Value, literal_of
from harness.domains.evaluation import Evaluation
from harness.domains.precision import round_to
from harness.graph.node import Node

Row = Callable[[Evaluation, Node], tuple[Value, Mask]]


def operands(run: Evaluation, node: Node) -> list[Value]:
    """Return the values of a node's operands."""
    return [run.values[k] for k in node.args]


def masks(run: Evaluation, node: Node) -> list[Mask]:
    """Return the absent masks of a node's operands."""
    return [run.absent[k] for k in node.args]


def function(run: Evaluation, node: Node) -> tuple[Value, Mask]:
    """Return a function of its operands: it is never an adjoint, so nothing is absent."""
    return run.domain.function(node.op, operands(run, node), node.attrs), None


# --------------------------------------------------------------------------- leaves


def _input(run: Evaluation, node: Node) -> tuple[Value, Mask]:
    return run.domain.exact(run.inputs[node.attrs["path"]]), None


def _constant(run: Evaluation, node: Node) -> tuple[Value, Mask]:
    return run.domain.literal(literal_of(node, run.precision)), None


def _eye(run: Evaluation, node: Node) -> tuple[Value, Mask]:
    return run.domain.exact(np.eye(node.attrs["n"])), None


# --------------------------------------------------------------------------- arithmetic


def _add(run: Evaluation, node: Node) -> tuple[Value, Mask]:
    """Where one term is absent the other is passed on, with no rounding."""
    (a, b), (without_a, without_b) = operands(run, node), masks(run, node)
    minus = node.op == "subtract"
    value = run.domain.subtract(a, b) if minus else run.domain.add(a, b)
    if without_a is not None:
        value = run.select(without_a, run.domain.negative(b) if minus else b, value)
    if without_b is not None:
        value = run.select(without_b, a, value)
    return value, both(without_a, without_b)


def _multiply(run: Evaluation, node: Node) -> tuple[Value, Mask]:
    a, b = operands(run, node)
    absent = either(*masks(run, node))
    for literal, other in ((run.literal(node.args[0]), b), (run.literal(node.args[1]), a)):
        if literal is not None and (factor := literal.power_of_two) is not None:
            return run.blank(absent, run.domain.scale(other, factor)), absent
    return run.blank(absent, run.domain.multiply(a, b)), absent


def _divide(run: Evaluation, node: Node) -> tuple[Value, Mask]:
    (a, b), absent = operands(run, node), run.absent[node.args[0]]
    above, below = (run.literal(k) for k in node.args)
    if below is not None and (factor := below.power_of_two) is not None:
        return run.blank(absent, run.domain.scale(a, 1 / factor)), absent
    value = run.domain.divide(a, b, roundings=charges.division(above, below, run.precision))
    return run.blank(absent, value), absent


def _negative(run: Evaluation, node: Node) -> tuple[Value, Mask]:
    return run.domain.negative(run.values[node.args[0]]), run.absent[node.args[0]]


def _pow(run: Evaluation, node: Node) -> tuple[Value, Mask]:
    """The exponent is a literal like any other: rounded to the dtype before anything is taken from it.

    It is loose where some framework rounds it otherwise: torch keeps the given one, all round p − 1 once more.
    """
    given, minus, dtype = float(node.attrs["exponent"]), node.attrs.get("minus", 0), run.precision.name
    exponent, lower = round_to(np.asarray([given, given - minus]), dtype).tolist()
    loose = exponent != given or lower + minus != given
    return run.domain.function("pow", operands(run, node), {"exponent": exponent, "minus": minus, "loose": loose}), None


def _backward_error(run: Evaluation, node: Node) -> tuple[Value, Mask]:
    return run.domain.disturb(run.values[node.args[0]]), None


# --------------------------------------------------------------------------- decisions that weigh


def weighed(run: Evaluation, x: Value, weight: NDArray[Any]) -> Value:
    """Return x times a decision weight in {0, ±1}: a selection, without rounding; or ±1/k, the share in a tie of k.

    Weights that are numbers of the domain are multiplied: balls over all that a tie may answer.
    """
    if weight.dtype == object:
        return run.domain.multiply(x, weight)
    w = np.asarray(weight, dtype=np.float64)
    value = run.select(w < 0, run.domain.negative(x), x) if (w < 0).any() else x
    if (abs(w) == 0.5).any():
        value = run.select(abs(w) == 0.5, run.domain.scale(value, 0.5), value)
    if (share := (abs(w) > 0) & (abs(w) < 0.5)).any():
        parts = run.domain.exact(np.where(share, np.rint(1 / np.where(share, abs(w), 1.0)), 1.0))
        value = run.select(share, run.domain.divide(value, parts, roundings=2), value)
    return run.blank(noted(w == 0), value)


def _pick(run: Evaluation, node: Node) -> tuple[Value, Mask]:
    """A primal: what is not picked is 0, and NaN stays NaN."""
    x, weight = operands(run, node)
    value, unknown, dropped = weighed(run, x, weight), run.domain.unknown(x), np.asarray(weight == 0)
    if dropped.any():
        value = run.select(dropped, run.domain.dropped(x), value)
    return (run.select(unknown, x, value) if unknown.any() else value), run.absent[node.args[0]]


def _gate(run: Evaluation, node: Node) -> tuple[Value, Mask]:
    """An adjoint: what is not let through is absent."""
    g, weight = operands(run, node)
    return weighed(run, g, weight), either(run.absent[node.args[0]], noted(np.asarray(weight == 0, dtype=bool)))


def _where(run: Evaluation, node: Node) -> tuple[Value, Mask]:
    condition, a, b = operands(run, node)
    _, without_a, without_b = masks(run, node)
    absent = None
    if without_a is not None or without_b is not None:
        absent = noted(np.where(condition, full(without_a, node.shape), full(without_b, node.shape)))
    return run.select(condition, a, b), absent


# --------------------------------------------------------------------------- moving data


def _move(run: Evaluation, node: Node) -> tuple[Value, Mask]:
    x, *others = operands(run, node)
    absent = run.absent[node.args[0]]
    moved = None if absent is None else noted(structure.MOVES[node.op](absent, 0, *others, **node.attrs))
    return run.move(node.op, x, *others, **node.attrs), moved


def _stop_gradient(run: Evaluation, node: Node) -> tuple[Value, Mask]:
    return run.values[node.args[0]], run.absent[node.args[0]]


def _concat(run: Evaluation, node: Node) -> tuple[Value, Mask]:
    axis, domain = node.attrs["axis"], run.domain
    columns = zip(*(domain.parts(x) for x in operands(run, node)), strict=True)
    value = domain.join([structure.concat(column, domain.lead, axis) for column in columns])
    known = masks(run, node)
    if all(mask is None for mask in known):
        return value, None
    shapes = (run.graph.nodes[k].shape for k in node.args)
    return value, noted(np.concatenate([full(mask, shape) for mask, shape in zip(known, shapes, strict=True)], axis))


def _scatter(run: Evaluation, node: Node) -> tuple[Value, Mask]:
    """The adjoint of a selection: absent where nothing present lands."""
    g, *indices = operands(run, node)
    landing = structure.landing(node.op, indices, node.attrs)
    return run.domain.scatter_add(g, landing, node.shape), landed(run.absent[node.args[0]], landing, node.shape)


# --------------------------------------------------------------------------- sums of products


def _sum(run: Evaluation, node: Node) -> tuple[Value, Mask]:
    axes, keepdims = node.attrs["axes"], node.attrs["keepdims"]
    absent = run.absent[node.args[0]]
    gone = None if absent is None else noted(np.asarray(absent.all(axis=axes, keepdims=keepdims)))
    return run.domain.sum(run.values[node.args[0]], axes, keepdims), gone


def _matmul(run: Evaluation, node: Node) -> tuple[Value, Mask]:
    """Absent pairs are left out, also beside NaN and inf; an entry without a present pair is absent."""
    (a, b), (without_a, without_b) = operands(run, node), masks(run, node)
    if without_a is None and without_b is None:
        return run.domain.matmul(a, b), None
    has_a, has_b = (
        ~full(mask, run.graph.nodes[k].shape) for mask, k in zip((without_a, without_b), node.args, strict=True)
    )
    wild_a, wild_b = ~run.domain.finite(a), ~run.domain.finite(b)
    value = run.domain.matmul(run.blank(noted(wild_a), a), run.blank(noted(wild_b), b))
    if wild_a.any() or wild_b.any():
        spoilt = meets(wild_a & has_a, has_b) | meets(has_a, wild_b & has_b)
        value = run.select(spoilt, run.domain.exact(np.asarray(math.nan)), value)
    gone = noted(~meets(has_a, has_b))
    return run.blank(gone, value), gone


ROWS: dict[str, Row] = {
    "input": _input,
    "constant": _constant,
    "eye": _eye,
    "add": _add,
    "subtract": _add,
    "multiply": _multiply,
    "divide": _divide,
    "negative": _negative,
    "pow": _pow,
    "backward_error": _backward_error,
    "pick": _pick,
    "gate": _gate,
    "where": _where,
    "stop_gradient": _stop_gradient,
    "concat": _concat,
    "sum": _sum,
    "matmul": _matmul,
    **dict.fromkeys("reshape permute_dims broadcast_to index take take_along_axis max_select".split(), _move),
    **dict.fromkeys(structure.ADJOINTS, _scatter),
}
"""Everything else is a function of real numbers."""
