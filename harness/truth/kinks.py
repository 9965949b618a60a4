"""Which decisions a point leaves open, and whether the gradient depends on them.

An exact tie counts where the other choice would change the gradient (an adjoint passes a gate there) or the value (the
two branches differ). The largest entry that log_softmax subtracts may tie: nothing flows through its choice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.domains import decide, structure
from harness.domains.domain import Choice
from harness.domains.evaluation import Evaluation
from harness.graph.derive import Derivative
from harness.graph.node import Graph, Node
from harness.truth.enclose import is_zero
from harness.truth.origins import DESCENDING, origins

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tie:
    """A decision that this point leaves open: the derivative there is a convention."""

    node: int
    """Position in the derivative's graph."""
    op: str
    call: str
    """What the user called: relu, where `op` is its step."""
    where: tuple[str, int] | None
    """File and line of the user's call."""
    presumed: bool
    """Still undecided at the highest precision: taken as a tie, not proven to be one."""


def exact_ties(derivative: Derivative, balls: Evaluation) -> tuple[Tie, ...]:
    """Return the decisions that are ties at the point and that value or gradient depend on."""
    choices = balls.choices
    found = mattering(balls, {position: choice.tie | choice.open for position, choice in choices.items()})
    active = depending(derivative.graph) if found else set()
    chosen = [position for position in found if position in active]
    return _ties(derivative, chosen, {k for k in chosen if (choices[k].open & ~choices[k].tie).any()})


def near_ties(derivative: Derivative, balls: Evaluation, bounds: Evaluation) -> tuple[Tie, ...]:
    """Return the decisions that rounding may take the other way, exact ties left out."""
    flagged = {
        position: within_rounding(derivative.graph.nodes[position], choice, bounds)
        for position, choice in balls.choices.items()
        if not np.isinf(choice.margin).all()  # nothing depends on the order of the rows in an elimination
    }
    return _ties(derivative, mattering(balls, flagged), set())


def _ties(derivative: Derivative, positions: Sequence[int], presumed: Collection[int]) -> tuple[Tie, ...]:
    names, nodes = origins(derivative) if positions else [], derivative.graph.nodes
    return tuple(
        Tie(
            node=k,
            op=nodes[k].op,
            call=names[k].removesuffix(DESCENDING),
            where=nodes[k].where,
            presumed=k in presumed,
        )
        for k in positions
    )


def least_margin(balls: Evaluation) -> float:
    """Return the smallest distance of a decision from its threshold, ties left out; inf where there is none."""
    margins = [np.maximum(choice.margin, 5e-324)[~(choice.tie | choice.open)] for choice in balls.choices.values()]
    return min((float(margin.min()) for margin in margins if margin.size), default=np.inf)


def within_rounding(node: Node, choice: Choice, bounds: Evaluation) -> Flags:
    """Return which entries of a decision have a margin no larger than the rounding error of what they compare."""
    errors = [bounds.domain.parts(bounds.values[k])[1] for k in node.args if bounds.graph.nodes[k].kind == "real"]
    slack = np.asarray(sum(errors))
    if node.op == "max_weight":
        slack = slack + slack.max(axis=node.attrs["axes"], keepdims=True)
    elif node.op == "argsort":
        ranked = np.take_along_axis(slack, choice.taken, node.attrs["axis"])
        slack = ranked + ranked.max(axis=node.attrs["axis"], keepdims=True)
    return np.asarray((choice.margin <= slack) & (slack > 0) & ~(choice.tie | choice.open))


# --------------------------------------------------------------------------- whether it matters


def depending(graph: Graph) -> set[int]:
    """Return the nodes whose value depends on a differentiated input, in any way."""
    active = {graph.inputs[path] for path in graph.params}
    for position, node in enumerate(graph.nodes):
        if any(k in active for k in node.args):
            active.add(position)
    return active


def consumers(graph: Graph) -> dict[int, list[int]]:
    """Return for each node the nodes that it is an operand of."""
    users: dict[int, list[int]] = defaultdict(list)
    for position, node in enumerate(graph.nodes):
        for k in set(node.args):
            users[k].append(position)
    return users


def mattering(run: Evaluation, flagged: Mapping[int, Flags]) -> list[int]:
    """Return the decisions that are flagged somewhere and that the value or gradient depends on there."""
    raised = {position: flags for position, flags in flagged.items() if flags.any()}
    users = consumers(run.graph) if raised else {}
    return [position for position, flags in raised.items() if matters(run, users, position, flags)]


def matters(run: Evaluation, users: dict[int, list[int]], decision: int, flags: Flags) -> bool:
    """Return whether the value or gradient depends on the decision where it is flagged."""
    return any(
        _depends(run, run.graph.nodes[decision], node, operand, where)
        for node, operand, where in uses(run, users, decision, flags)
    )


def uses(run: Evaluation, users: dict[int, list[int]], source: int, flags: Flags) -> Iterator[tuple[Node, int, Flags]]:
    """Yield every evaluated real node that reads the decision, through which operand, and which entries are flagged."""
    for position in users[source]:
        node = run.graph.nodes[position]
        if position not in run.values:
            continue
        if node.kind == "real":
            yield node, source, flags
        else:
            yield from uses(run, users, position, _carried(run, node, flags))


def _carried(run: Evaluation, node: Node, flags: Flags) -> Flags:
    """Return the flags after an operation on decisions: moved with the data, kept by logic."""
    if node.op in structure.MOVES:
        others = [run.values[k] for k in node.args[1:]]
        return structure.MOVES[node.op](flags, 0, *others, **node.attrs)
    return np.broadcast_to(flags, node.shape) if flags.shape == node.shape else np.full(node.shape, bool(flags.any()))


def _depends(run: Evaluation, decision: Node, node: Node, operand: int, flags: Flags) -> bool:
    """Return whether a node would be another if the flagged entries were decided the other way."""
    x = run.values[node.args[0]]
    if node.op in ("gate", "take_along_axis_adjoint"):
        return bool((flags & ~is_zero(x)).any())
    if node.op == "where":
        _, a, b = (run.values[k] for k in node.args)
        return bool((flags & (decide.compare(a, b) != decide.TIE)).any())
    if node.op in ("pick", "max_select", "take_along_axis"):
        return node.args[0] not in decision.args
    return bool(flags.any())
