"""Sources that tests look at: the books, and the lines of a cost function."""

from __future__ import annotations

from collections.abc import Iterator

from harness.backends.jax_grad import BOOK as JAX
from harness.backends.phrasebook import Phrasebook, numpy_style
from harness.backends.tf_tape import BOOK as TENSORFLOW
from harness.backends.torch_autograd import BOOK as TORCH
from harness.graph.build import Builder, Ref
from harness.graph.emit import emit
from harness.graph.node import Graph

NUMPY = Phrasebook(
    name="NumPy",
    imports={"math": "import math", "np": "import numpy as np"},
    prelude="dtype = np.{dtype}\n",
    leaves={"real": "np.asarray({0}, dtype)", "int": "np.asarray({0})", "bool": "np.asarray({0})"},
    phrases=numpy_style("np") | {"stop_gradient": "{0}"},
)
BOOKS = {"tensorflow": TENSORFLOW, "torch": TORCH, "jax": JAX, "numpy": NUMPY}


def cost(graph: Graph, book: Phrasebook) -> list[str]:
    """Return the lines of the cost function, without indentation."""
    lines = emit(graph, book, dtype="float64", variant="eager").source.splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith("def cost("))
    stop = next(k for k, line in enumerate(lines) if k > start and line.startswith("    return "))
    return [line.strip() for line in lines[start : stop + 1]]


def returned(graph: Graph, book: Phrasebook = NUMPY) -> str:
    """Return the expression of a cost function of one line."""
    _, line = cost(graph, book)
    return line.removeprefix("return ")


def leaves(builder: Builder, *names: str, shape: tuple[int, ...] = ()) -> Iterator[Ref]:
    return (builder.input(name, shape, param=True) for name in names)
