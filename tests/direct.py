"""Graphs evaluated directly: a NumPy function for each primitive, no source and no phrasebook in between."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.linalg
import scipy.special

from harness.graph.derive import lower
from harness.graph.node import Graph, Node, to_index
from harness.graph.primitives import CONSTANTS

Array = np.ndarray[Any, Any]
Rule = Callable[..., Any]

PLAIN: dict[str, Rule] = {
    **{op: getattr(np, op) for op in "exp expm1 log log1p sqrt sin cos tan sinh cosh tanh logaddexp where".split()},
    **{op: getattr(np, op) for op in "logical_and logical_or logical_not".split()},
    **{op: getattr(scipy.special, op) for op in "erf erfc".split()},
    "sigmoid": scipy.special.expit,
    "softplus": lambda x: np.logaddexp(x, 0),
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "negative": operator.neg,
    "power": operator.pow,
    "matmul": operator.matmul,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "less": operator.lt,
    "less_equal": operator.le,
    "equal": operator.eq,
    "not_equal": operator.ne,
    "step": lambda x: np.where(x > 0, 1.0, 0.0),
    "sign_weight": np.sign,
    "pick": operator.mul,
    "stop_gradient": lambda x: x,
    "backward_error": lambda x: x,
    "pivots": lambda x: np.argsort(scipy.linalg.lu(x, p_indices=True)[0], axis=-1),
    "parity": lambda order: np.linalg.det(np.eye(order.shape[-1])[order]),
}
"""Primitives without attributes."""

WITH_ATTRIBUTES: dict[str, Rule] = {
    "pow": lambda x, exponent: x**exponent,
    "eye": lambda n: np.eye(n),
    "arange": lambda n: np.arange(n),
    "reshape": lambda x, shape: np.reshape(x, shape),
    "permute_dims": lambda x, axes: np.transpose(x, axes),
    "broadcast_to": lambda x, shape: np.broadcast_to(x, shape),
    "index": lambda x, index: x[to_index(index)],
    "take": lambda x, i, axis: np.take(x, i, axis=axis),
    "take_along_axis": lambda x, i, axis: np.take_along_axis(x, i, axis=axis),
    "concat": lambda *xs, axis: np.concatenate(xs, axis=axis),
    "sum": lambda x, axes, keepdims: np.sum(x, axis=axes, keepdims=keepdims),
    "max_weight": lambda x, axes: x == np.max(x, axis=axes, keepdims=True),
    "max_select": lambda x, w, axes, keepdims: np.max(x, axis=axes, keepdims=keepdims),
    "argsort": lambda x, axis, descending: np.argsort(-x if descending else x, axis=axis, stable=True),
}


def evaluate(graph: Graph, inputs: Mapping[str, Array]) -> Array:
    """Return the graph's first output in float64."""
    low = lower(graph)
    values: list[Any] = []
    for node in low.nodes:
        values.append(_value(node, [values[k] for k in node.args], inputs))
    return np.asarray(values[low.outputs[0]])


def _value(node: Node, operands: list[Any], inputs: Mapping[str, Array]) -> Any:
    if node.op == "input":
        return np.asarray(inputs[node.attrs["path"]])
    if node.op == "constant":
        value = node.attrs["value"]
        return np.float64(CONSTANTS[value] if isinstance(value, str) else value)
    if node.op in PLAIN:
        return PLAIN[node.op](*operands)
    return WITH_ATTRIBUTES[node.op](*operands, **node.attrs)


def finite(values: Array) -> bool:
    """Return whether all entries are finite."""
    return all(map(math.isfinite, np.ravel(values)))
