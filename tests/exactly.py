"""Costs as tasks, and what balls say of them: the yardstick of the backends that know more digits or a bar."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import flint
import numpy as np
from flint import arb

from harness.domains.ball import Ball
from harness.domains.evaluate import evaluate
from harness.domains.precision import PRECISIONS, round_to
from harness.graph.derive import gradient
from harness.graph.node import Graph
from harness.measurement import Partial, Task
from harness.xp.trace import Leaf, trace

Cost = Callable[..., Any]
Inputs = Mapping[str, Any]
KINDS: dict[str, Any] = {"f": "real", "i": "int", "b": "bool"}


def traced(cost: Cost, params: Inputs, data: Inputs) -> Graph:
    """Return the graph of a cost, with the shapes and kinds of the arrays."""
    arrays = {path: np.asarray(x) for path, x in {**params, **data}.items()}
    leaves = {path: Leaf(shape=x.shape, kind=KINDS[x.dtype.kind], param=path in params) for path, x in arrays.items()}
    return trace(cost, leaves, "cost")


def task(cost: Cost, params: Inputs, data: Inputs | None = None, *, dtype: str = "float64", variant: str = "") -> Task:
    """Return the task of a cost at a point, which is rounded to the dtype."""
    given = {**params, **(data or {})}
    inputs = {
        path: round_to(np.asarray(x), dtype) if np.asarray(x).dtype.kind == "f" else x for path, x in given.items()
    }
    graph = traced(cost, params, data or {})
    return Task(graph=graph, inputs=inputs, dtype=dtype, variant=variant)


def exact(of: Task) -> dict[str, Any]:
    """Return the value, under "", and the partials by leaf path, as arrays of balls of 120 digits."""
    derivative = gradient(of.graph)
    precision = PRECISIONS[of.dtype]
    run = evaluate(derivative.graph, derivative.graph.outputs, Ball(120), of.inputs, precision=precision, decisions={})
    found = {"": run.values[derivative.value]}
    for path, node in derivative.partials.items():
        found[path] = np.full(np.shape(of.inputs[path]), arb(0)) if node is None else run.values[node]
    return found


def errors(partial: Partial | None, truth: Any) -> np.ndarray[Any, Any]:
    """Return upper bounds of |values + tail − truth|, entry by entry; NaN where one is not finite."""
    assert partial is not None
    assert partial.values.shape == truth.shape
    before, flint.ctx.prec = flint.ctx.prec, 500
    try:
        parts = [part.ravel() for part in (partial.values, *partial.tail)]
        sums = [sum((arb(float(part[k])) for part in parts), arb(0)) for k in range(truth.size)]
        bounds = [float((total - one).abs_upper()) for total, one in zip(sums, truth.ravel(), strict=True)]
    finally:
        flint.ctx.prec = before
    return np.array(bounds).reshape(truth.shape)


def size(truth: Any) -> float:
    """Return the greatest |truth|."""
    return max(float(abs(one).upper()) for one in truth.ravel())
