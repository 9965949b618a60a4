"""The value and gradient as exact fractions, where the function has them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.domains.domain import Undecided, Unevaluated
from harness.domains.evaluate import evaluate
from harness.domains.precision import PRECISIONS
from harness.domains.rational import Rational
from harness.graph.derive import gradient
from harness.graph.node import Graph


def ideal(graph: Graph, inputs: dict[str, NDArray[Any]]) -> dict[str, str] | None:
    """Return the exact fractions of the value ("value") and of the partials by leaf path, None where it has none.

    Inputs are object arrays of `Fraction`, exact at the decimal text of the point, and integer or boolean data;
    literals are the decimals that were typed. An array reads as nested lists: "[1/2, 3]".
    """
    derivative, precision = gradient(graph), PRECISIONS["float64"]
    low, outputs = derivative.graph, derivative.graph.outputs
    try:
        run = evaluate(low, outputs, Rational(), inputs, precision=precision, decisions={})
    except (Unevaluated, Undecided, ZeroDivisionError):
        return None
    texts = {"value": _text(run.values[derivative.value])}
    for path, node in derivative.partials.items():
        shape = derivative.graph.nodes[derivative.graph.inputs[path]].shape
        texts[path] = _text(np.zeros(shape, dtype=int) if node is None else run.values[node])
    return texts


def _text(numbers: NDArray[Any]) -> str:
    """Return the numbers as text, nested like the array."""
    if numbers.ndim == 0:
        return str(numbers.item())
    return "[" + ", ".join(_text(np.asarray(row)) for row in numbers) + "]"
