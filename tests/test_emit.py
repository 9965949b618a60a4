"""The lines of a source."""

from __future__ import annotations

import numpy as np
import pytest

from direct import evaluate
from harness.backends.adapter import bind
from harness.backends.tf_tape import BOOK as TENSORFLOW
from harness.graph import build as b
from harness.graph.build import Builder
from harness.graph.emit import emit
from written import BOOKS, NUMPY, cost, leaves, returned


@pytest.mark.parametrize("book", BOOKS)
def test_lines_stay_short_and_long_arguments_get_their_own(book: str) -> None:
    builder = Builder()
    (x,) = leaves(builder, "x", shape=(3,))
    value = x
    for k in range(60):
        value = b.call("tanh", 0.5 * value + 0.1 * b.call("sin", value * (k + 1.25)))
    chain = cost(builder.freeze(b.total(value, (0,))), BOOKS[book])
    tree = [x]
    for _ in range(60):
        tree.append(b.call("exp", b.call("tanh", tree[-1])) / (1 + b.call("exp", x)))
    lines = chain + cost(builder.freeze(sum(tree[1:], tree[0])), BOOKS[book])
    assert max(map(len, lines)) <= 90
    assert max(line.count("(") for line in lines) <= 7


def test_single_uses_are_inlined() -> None:
    builder = Builder()
    (w,), (c,) = leaves(builder, "w", shape=(4, 2)), leaves(builder, "c", shape=(2,))
    x, t = builder.input("x", (5, 4)), builder.input("t", (5, 2))
    error = b.call("tanh", b.matmul(x, w) + c) - t
    graph = builder.freeze(b.call("mean", b.call("square", error), axes=(0, 1), keepdims=False))
    assert returned(graph, TENSORFLOW) == "tf.reduce_mean(tf.square(tf.tanh(x @ w + c) - t))"


@pytest.mark.parametrize(("book", "variant"), [("tensorflow", "xla"), ("torch", "eager"), ("jax", "jit")])
def test_differentiating_takes_at_most_six_lines(book: str, variant: str) -> None:
    builder = Builder()
    x, y = leaves(builder, "x", "y")
    lines = emit(builder.freeze(x * y), BOOKS[book], dtype="float64", variant=variant).source.splitlines()
    rest = lines[next(k for k, line in enumerate(lines) if line.startswith("    return ")) + 1 :]
    assert 1 <= len([line for line in rest if line]) <= 6


@pytest.mark.parametrize("book", BOOKS)
def test_an_import_is_printed_only_where_it_is_used(book: str) -> None:
    builder = Builder()
    (x,) = leaves(builder, "x")
    plain, special = (emit(builder.freeze(y), BOOKS[book], dtype="float64").source for y in (x * 2, x * "sqrt_half"))
    assert "import math\n" not in plain
    assert "import math\n" in special
    assert "jax.scipy" not in plain


def test_a_graph_of_five_thousand_nodes_is_emitted_without_nesting() -> None:
    builder = Builder()
    (x,) = leaves(builder, "x")
    value = x
    for _ in range(1000):
        value = b.call("tanh", 0.5 * value + 0.1 * b.call("sin", value))
    source = emit(builder.freeze(value), NUMPY, dtype="float64").source
    assert abs(bind(source, "cost")(0.5) - float(evaluate(builder.freeze(value), {"x": np.array(0.5)}))) <= 1e-300
