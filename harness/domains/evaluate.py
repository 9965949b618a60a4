"""The evaluator: any graph of primitives, in any number domain.

What only moves data is written once (structure.py), and so are the rules of absent adjoints (absent.py);
a domain brings arithmetic, functions, sums, products and scatter-add.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.domains import structure
from harness.domains.absent import Mask
from harness.domains.domain import Domain, Unevaluated, Value
from harness.domains.evaluation import Decisions, Evaluation
from harness.domains.pivot import parity
from harness.domains.precision import Precision
from harness.domains.rows import ROWS, function
from harness.graph.node import Graph, Node
from harness.graph.registry import PRIMITIVES
from harness.measurement import Leaves

__all__ = ["Decisions", "Evaluation", "Unevaluated", "evaluate", "needed"]


def evaluate(
    graph: Graph,
    outputs: Sequence[int],
    domain: Domain,
    inputs: Leaves | Mapping[str, Any],
    *,
    precision: Precision,
    decisions: Decisions,
    frozen: Mapping[int, Value] | None = None,
) -> Evaluation:
    """Return the values of all nodes that `outputs` need.

    `decisions` is read, and filled where the domain can decide; `frozen` nodes keep the value given.
    Inputs may be numbers of the domain already.
    """
    run = Evaluation(graph=graph, domain=domain, precision=precision, inputs=inputs, decisions=decisions)
    run.values.update(frozen or {})
    run.absent.update(dict.fromkeys(run.values))
    with domain.context():
        for position in needed(graph, outputs, run.values):
            run.values[position], run.absent[position] = _node(run, position)
    return run


def needed(graph: Graph, outputs: Sequence[int], known: Mapping[int, Value]) -> list[int]:
    """Return the ascending nodes that `outputs` depend on, not looking beyond known ones."""
    seen: set[int] = set()
    stack = list(outputs)
    while stack:
        position = stack.pop()
        if position not in seen and position not in known:
            seen.add(position)
            stack += graph.nodes[position].args
    return sorted(seen)


def _node(run: Evaluation, position: int) -> tuple[Value, Mask]:
    """Return value and absent mask of one node."""
    node = run.graph.nodes[position]
    if node.op not in PRIMITIVES:
        raise Unevaluated(f"{node.op} is not a primitive: lower the graph first")
    if PRIMITIVES[node.op].decision:
        return _decision(run, position, node), None
    if node.kind != "real":
        return _plain(run, node), None
    return ROWS.get(node.op, function)(run, node)


# --------------------------------------------------------------------------- data and decisions

LOGIC: dict[str, Callable[..., NDArray[Any]]] = {
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "equal": np.equal,
    "not_equal": np.not_equal,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_not": np.logical_not,
    "parity": parity,
}


def _decision(run: Evaluation, position: int, node: Node) -> NDArray[Any]:
    """Return the decision from the table; the domain takes those about real numbers that are missing there."""
    operands = [run.graph.nodes[k] for k in node.args]
    if all(operand.kind != "real" for operand in operands):
        run.decisions[position] = LOGIC[node.op](*(run.values[k] for k in node.args))
    elif position not in run.decisions:
        numbers = [_number(run, k) for k in node.args]
        run.choices[position] = choice = run.domain.decide(node.op, numbers, node.attrs)
        run.decisions[position] = choice.taken
    return run.decisions[position]


def _number(run: Evaluation, position: int) -> Value:
    """Return a node as numbers of the domain; data may be compared with them."""
    value = run.values[position]
    return value if run.graph.nodes[position].kind == "real" else run.domain.exact(value)


def _plain(run: Evaluation, node: Node) -> NDArray[Any]:
    """Return a node of kind int, bool or weight: data, moved."""
    args = [run.values[k] for k in node.args]
    if node.op == "input":
        return np.asarray(run.inputs[node.attrs["path"]])
    if node.op == "arange":
        return np.arange(node.attrs["n"])
    if node.op == "where":
        return np.asarray(np.where(*args))
    if node.op == "concat":
        return structure.concat(args, 0, node.attrs["axis"])
    return structure.MOVES[node.op](args[0], 0, *args[1:], **node.attrs)
