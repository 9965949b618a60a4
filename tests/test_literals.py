"""Numbers and names in a source."""

from __future__ import annotations

import keyword
import math

import numpy as np
import pytest

from direct import evaluate
from harness.backends.adapter import bind
from harness.backends.tf_tape import BOOK as TENSORFLOW
from harness.backends.torch_autograd import BOOK as TORCH
from harness.graph import build as b
from harness.graph import literals
from harness.graph.build import Builder
from harness.graph.emit import emit
from harness.graph.primitives import CONSTANTS
from written import BOOKS, NUMPY, cost, leaves, returned


def test_exact_constants_are_spelt_and_mean_their_number() -> None:
    assert literals.NAMED.keys() == CONSTANTS.keys()
    assert {name: eval(text, {"math": math}) for name, text in literals.NAMED.items()} == CONSTANTS


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2, "2"),
        (2.0, "2.0"),
        (0.1, "0.1"),
        (-3, "-3"),
        (1e-300, "1e-300"),
        (math.inf, "math.inf"),
        (-math.inf, "-math.inf"),
    ],
)
def test_a_literal_is_printed_as_it_was_typed(value: float, text: str) -> None:
    builder = Builder()
    (x,) = leaves(builder, "x")
    assert returned(builder.freeze(x + value)) == f"x + {text}"


@pytest.mark.parametrize("book", BOOKS)
def test_a_literal_beside_integer_data_is_an_integer(book: str) -> None:
    builder = Builder()
    (x,) = leaves(builder, "x", shape=(2,))
    n = builder.input("n", (2,), "int")
    chosen = b.elementwise("where", b.elementwise("greater", n, 0.0), x, 0.5)
    assert "n > 0, x, 0.5)" in "".join(cost(builder.freeze(b.total(chosen, (0,))), BOOKS[book]))


@pytest.mark.parametrize(
    ("book", "text"),
    [
        ("tensorflow", "tf.maximum(x, 0.0)"),
        ("torch", "torch.maximum(x, torch.tensor(0.0, dtype=dtype))"),
        ("jax", "jnp.maximum(x, 0.0)"),
    ],
)
def test_a_literal_is_an_array_only_where_the_framework_asks_for_one(book: str, text: str) -> None:
    builder = Builder()
    (x,) = leaves(builder, "x")
    assert returned(builder.freeze(b.elementwise("maximum", x, 0.0)), BOOKS[book]) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0, 1, "torch.clamp(x, 0, 1)"),
        ("y", 1, "torch.clamp(x, y, torch.tensor(1, dtype=dtype))"),
        ("y", "y", "torch.clamp(x, y, y)"),
    ],
)
def test_the_bounds_of_a_clamp_are_all_numbers_or_all_arrays(low: int | str, high: int | str, text: str) -> None:
    builder = Builder()
    x, y = leaves(builder, "x", "y")
    low, high = (y if bound == "y" else bound for bound in (low, high))
    assert returned(builder.freeze(b.elementwise("clip", x, low, high)), TORCH) == text


def test_an_operation_on_literals_alone_is_done_in_the_dtype() -> None:
    builder = Builder()
    two = builder.constant(2.0)
    assert returned(builder.freeze(b.call("exp", two)), TENSORFLOW) == "tf.exp(tf.constant(2.0, dtype))"
    assert returned(builder.freeze(two * two), TORCH) == "torch.tensor(2.0, dtype=dtype) * 2.0"
    assert returned(builder.freeze(two), TORCH) == "torch.tensor(2.0, dtype=dtype)"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "tf.zeros((2,), dtype)"),
        (1, "tf.ones((2,), dtype)"),
        (-0.0, "tf.fill((2,), tf.constant(-0.0, dtype))"),
        ("-inf", "tf.fill((2,), tf.constant(-math.inf, dtype))"),
    ],
)
def test_a_broadcast_literal_is_made_whole(value: float | str, text: str) -> None:
    builder = Builder()
    assert returned(builder.freeze(b.broadcast_to(builder.constant(value), (2,))), TENSORFLOW) == text


@pytest.mark.parametrize(
    ("items", "text"),
    [
        ((0, slice(1, None)), "x[0, 1:]"),
        ((slice(None, None, 2), None, -1), "x[::2, None, -1]"),
        ((slice(None), slice(None, -1)), "x[:, :-1]"),
        ((...,), "x[...]"),
    ],
)
def test_an_index_is_written_as_users_write_it(items: tuple[object, ...], text: str) -> None:
    builder = Builder()
    (x,) = leaves(builder, "x", shape=(4, 5))
    assert returned(builder.freeze(b.index(x, items))) == text


def test_names_of_leaves_clash_with_nothing() -> None:
    paths = [
        "tf",
        "lambda",
        "t1",
        "value",
        "x_y",
        "x.y",
        "2nd",
        "tape",
        "cost",
        "x²",
        "ﬁ",
        "fi",
        "layers.0.w",
        "math",
        "p",
        "",
    ]
    builder = Builder()
    refs = [builder.input(path, (), param=True) for path in paths]
    shared = b.call("exp", refs[0] * refs[1])
    script = emit(builder.freeze(sum(refs[2:], shared * shared)), TENSORFLOW, dtype="float64", variant="eager")
    names = list(script.names.values())
    assert script.arguments == tuple(paths)
    assert len({*names}) == len(paths)
    assert all(name.isidentifier() and not keyword.iskeyword(name) for name in names)
    assert not {*names} & {"tf", "math", "value", "tape", "cost"}
    inputs = {path: np.array(0.1 * k) for k, path in enumerate(paths)}
    cost_ = bind(emit(builder.freeze(sum(refs[2:], shared * shared)), NUMPY, dtype="float64").source, "cost")
    assert cost_(*inputs.values()) == evaluate(builder.freeze(sum(refs[2:], shared * shared)), inputs)


def test_a_leaf_of_nested_inputs_is_named_by_its_path() -> None:
    assert literals.identifiers(["layers.first.w", "layers.1.w"], set()) == {
        "layers.first.w": "layers_first_w",
        "layers.1.w": "layers_1_w",
    }


def test_unused_data_is_no_argument_and_an_unused_param_is_one() -> None:
    builder = Builder()
    x, _ = leaves(builder, "x", "unused")
    builder.input("data", (3,))
    script = emit(builder.freeze(b.call("exp", x)), TORCH, dtype="float64", variant="eager")
    assert (script.arguments, script.params) == (("x", "unused"), ("x", "unused"))
