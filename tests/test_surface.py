"""What is written at all: broadcasts left to the framework, composites as one call or by their definition."""

from __future__ import annotations

import pytest

from harness.backends.phrasebook import Phrasebook, numpy_style
from harness.backends.tf_tape import BOOK as TENSORFLOW
from harness.backends.torch_autograd import BOOK as TORCH
from harness.graph import build as b
from harness.graph.build import Builder
from harness.graph.emit import Unphrased, emit
from written import NUMPY, cost, leaves, returned


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda x, c: x * c + 1.0, "c * x + 1.0"),
        (lambda x, c: b.broadcast_to(x, (2, 3)) * 2, "tf.broadcast_to(x, (2, 3)) * 2"),
        (lambda x, c: b.broadcast_to(c, (2, 3)) * b.broadcast_to(x, (2, 3)), "tf.broadcast_to(c, (2, 3)) * x"),
        (lambda x, c: b.broadcast_to(b.broadcast_to(c, (3,)), (2, 3)), "tf.broadcast_to(c, (2, 3))"),
    ],
)
def test_broadcasts_are_left_to_the_framework_where_the_shape_survives(build, text) -> None:  # type: ignore[no-untyped-def]
    builder = Builder()
    (x,), (c,) = leaves(builder, "x", shape=(3,)), leaves(builder, "c")
    graph = builder.freeze(build(x, c) if "c * x" not in text else c * x + 1.0)
    assert returned(graph, TENSORFLOW) == text


def test_a_stack_of_a_broadcast_keeps_it() -> None:
    builder = Builder()
    (x,), (c,) = leaves(builder, "x", shape=(3,)), leaves(builder, "c")
    assert returned(builder.freeze(b.call("stack", x, b.broadcast_to(c, (3,)), axis=0)), TORCH) == (
        "torch.stack([x, torch.broadcast_to(c, (3,))], dim=0)"
    )


def test_a_product_of_transposed_matrices_uses_flags_on_tensorflow() -> None:
    builder = Builder()
    x, y = leaves(builder, "x", "y", shape=(3, 3))
    graph = builder.freeze(b.matmul(b.transpose(x), b.transpose(y)))
    assert returned(graph, TENSORFLOW) == "tf.matmul(x, y, transpose_a=True, transpose_b=True)"
    assert returned(graph, TORCH) == "x.mT @ y.mT"
    assert returned(builder.freeze(b.matmul(x, b.transpose(y))), TENSORFLOW) == "tf.matmul(x, y, transpose_b=True)"
    assert returned(builder.freeze(b.matmul(x, y)), TENSORFLOW) == "x @ y"


def test_a_batch_of_matrices_is_broadcast_by_the_product() -> None:
    builder = Builder()
    (x,), (y,) = leaves(builder, "x", shape=(5, 2, 3)), leaves(builder, "y", shape=(3, 4))
    assert returned(builder.freeze(b.matmul(x, y)), TORCH) == "x @ y"


def test_what_the_user_wrote_twice_is_emitted_twice() -> None:
    builder = Builder()
    (x,) = leaves(builder, "x")
    assert returned(builder.freeze(b.call("exp", x) + b.call("exp", x))) == "np.exp(x) + np.exp(x)"
    once = b.call("exp", x)
    assert cost(builder.freeze(once + once), NUMPY) == ["def cost(x):", "t1 = np.exp(x)", "return t1 + t1"]


def test_a_composite_is_one_call_where_the_book_has_it_and_its_definition_where_not() -> None:
    builder = Builder()
    (x,) = leaves(builder, "x", shape=(3,))
    graph = builder.freeze(b.call("softmax", x, axis=0))
    assert returned(graph, TORCH) == "torch.softmax(x, dim=0)"
    assert [line for line in cost(graph, NUMPY) if "softmax" in line] == []


def test_a_composite_is_written_out_for_attributes_that_the_call_does_not_have() -> None:
    builder = Builder()
    (x,) = leaves(builder, "x", shape=(3,))
    one, zero = (b.call("var", x, axes=(0,), keepdims=False, correction=correction) for correction in (1, 0))
    assert returned(builder.freeze(zero), TENSORFLOW) == "tf.math.reduce_variance(x)"
    assert "reduce_variance" not in "".join(cost(builder.freeze(one), TENSORFLOW))
    assert returned(builder.freeze(one), TORCH) == "torch.var(x, correction=1)"


def test_a_spread_over_no_axes_is_written_out() -> None:
    builder = Builder()
    (x,) = leaves(builder, "x", shape=(3,))
    lines = cost(builder.freeze(b.call("var", x, axes=(), keepdims=False, correction=0)), TORCH)
    assert lines[1:] == ["t1 = x - x / 1", "return t1 * t1 / 1"]


def test_a_row_that_says_an_operand_twice_computes_it_once() -> None:
    builder = Builder()
    (x,) = leaves(builder, "x")
    phrases = numpy_style("np") | {"sigmoid": "np.exp({0}) / (1 + np.exp({0}))"}
    book = Phrasebook(name="T", imports={}, prelude="", leaves={}, phrases=phrases)
    assert cost(builder.freeze(b.call("sigmoid", x * x)), book)[1:] == [
        "t1 = x * x",
        "return np.exp(t1) / (1 + np.exp(t1))",
    ]


def test_an_operation_without_words_is_named() -> None:
    builder = Builder()
    (x,) = leaves(builder, "x")
    with pytest.raises(Unphrased, match=r"^no phrase for erf in NumPy$"):
        emit(builder.freeze(b.call("erf", x)), NUMPY, dtype="float64")
