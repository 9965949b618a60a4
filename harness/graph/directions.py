"""Directions: what a product of a derivative takes beside the point, a tangent per leaf or a cotangent."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from harness.graph.node import Graph, Shape

TANGENTS = ("jvp", "hvp", "adjoint")
"""Operators that go along v, which has the shapes of the differentiated leaves."""
COTANGENTS = ("vjp", "adjoint")
"""Operators that weigh the function by c, a number."""


def tangents(graph: Graph) -> dict[str, str]:
    """Return differentiated leaf path → path of its tangent: `v.w`, or `vv.w` where a leaf is named so."""
    prefix = _free("v", graph.inputs)
    return {path: f"{prefix}.{path}" for path in graph.params}


def cotangent(graph: Graph) -> str:
    """Return the path of the cotangent: `c`, or `cc` where a leaf is named so."""
    return _free("c", graph.inputs)


def _free(letter: str, taken: Mapping[str, int]) -> str:
    name = letter
    while any(path == name or path.startswith(f"{name}.") for path in taken):
        name += letter
    return name


def directions(graph: Graph, operator: str) -> dict[str, Shape]:
    """Return the inputs that an operator takes beside the graph's own: path → shape."""
    along = {tangent: graph.nodes[graph.inputs[path]].shape for path, tangent in tangents(graph).items()}
    return (along if operator in TANGENTS else {}) | ({cotangent(graph): ()} if operator in COTANGENTS else {})


def drawn(graph: Graph, operator: str, seed: int) -> dict[str, NDArray[np.float64]]:
    """Return random directions: eighths between 1/4 and 2 in absolute value, none of them 1, exact in every dtype.

    Where a matrix is factored by Cholesky, those of square leaves are symmetric: beside the symmetric matrices the
    function is a convention.
    """
    draw = np.random.default_rng(seed)
    eighths = np.array([k for k in range(2, 17) if k != 8]) / 8
    symmetric = any(node.op == "cholesky" for node in graph.nodes)
    found = {}
    for path, shape in directions(graph, operator).items():
        v = np.asarray(draw.choice(eighths, shape) * draw.choice([-1.0, 1.0], shape))
        square = symmetric and v.ndim >= 2 and shape[-1] == shape[-2]
        found[path] = np.tril(v) + np.tril(v, -1).swapaxes(-1, -2) if square else v
    return found
