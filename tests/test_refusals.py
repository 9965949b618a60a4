"""Every wrong use has its sentence: file, line, marked column, and what to write instead."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness.graph.build import Builder
from harness.xp.array import Array
from harness.xp.namespace import make_namespace
from harness.xp.refusal import NoSuchName
from harness.xp.trace import Leaf, NotTraceable, trace

LEAVES = {
    "x": Leaf(shape=(3,), kind="real", param=True),
    "m": Leaf(shape=(2, 3), kind="real", param=True),
    "i": Leaf(shape=(3,), kind="int", param=False),
}
STATE: list[Array] = []


def _assign(xp: Any, x: Any, m: Any, i: Any) -> Any:
    x[0] = 1.0
    return xp.sum(x)


def _add_in_place(xp: Any, x: Any, m: Any, i: Any) -> Any:
    x += 1.0
    return xp.sum(x)


def _delete(xp: Any, x: Any, m: Any, i: Any) -> Any:
    del x[0]
    return xp.sum(x)


def _branch(xp: Any, x: Any, m: Any, i: Any) -> Any:
    if x[0] > 0:
        return xp.sum(x)
    return xp.sum(-x)


def _loop(xp: Any, x: Any, m: Any, i: Any) -> Any:
    total = 0.0
    for value in x:
        total = total + value
    return total


def _leak(xp: Any, x: Any, m: Any, i: Any) -> Any:
    STATE.append(xp.sum(x))
    return STATE[0]


def convolved(xp: Any, m: Any, *, padding: Any, strides: Any = 1, channels: int = 1, size: int = 2) -> Any:
    kernel = xp.ones((size, size, channels, 1))
    return xp.sum(xp.nn.conv2d(m[None, :, :, None], kernel, strides=strides, padding=padding))


def pooled(xp: Any, m: Any, *, window: Any) -> Any:
    return xp.sum(xp.nn.max_pool2d(m[None, :, :, None], window=window, strides=1))


WRONG: dict[str, tuple[Callable[..., Any], str]] = {
    "method": (lambda xp, x, m, i: x.sum(), "Write xp.sum(x"),
    "detach": (lambda xp, x, m, i: xp.sum(x.detach()), "Write xp.stop_gradient(x)"),
    "size": (lambda xp, x, m, i: xp.sum(x) / x.size, "Write math.prod(x.shape)"),
    "astype": (lambda xp, x, m, i: xp.sum(x.astype("float32")), "a case has one dtype"),
    "numpy_function": (lambda xp, x, m, i: xp.sum(np.sin(x)), "Write xp.sin"),
    "numpy_other_name": (lambda xp, x, m, i: xp.sum(np.arctan(x)), "Write xp.atan"),
    "numpy_array_function": (lambda xp, x, m, i: np.concatenate([x, x]), "Write xp.concat"),
    "numpy_conversion": (lambda xp, x, m, i: np.asarray(x).sum(), "Write the xp function"),
    "numpy_scalar": (lambda xp, x, m, i: xp.sum(x / np.sqrt(3.0)), "math.sqrt for np.sqrt"),
    "numpy_scalar_left": (lambda xp, x, m, i: xp.sum(np.float32(2) * x), "Write float(…)"),
    "numpy_array": (lambda xp, x, m, i: xp.sum(np.ones(3) * x), "name=data(array)"),
    "boolean_number": (lambda xp, x, m, i: xp.sum(x * True), "Write 1.0 or 0.0"),
    "complex_number": (lambda xp, x, m, i: xp.sum(x * 1j), "real and imaginary parts"),
    "not_a_number": (lambda xp, x, m, i: xp.sum(x * float("nan")), "Leave entries out with xp.where"),
    "beyond_floats": (lambda xp, x, m, i: xp.sum(x * 10**400), "Write a float, or rescale"),
    "infinite_exponent": (lambda xp, x, m, i: xp.sum(x**math.inf), "Write a finite number"),
    "infinite_slope": (lambda xp, x, m, i: xp.sum(xp.nn.leaky_relu(x, negative_slope=xp.inf)), "Write a finite number"),
    "string": (lambda xp, x, m, i: xp.sum(x + "1"), "Use arrays, int and float only"),
    "if": (_branch, "Write xp.where(condition, a, b)"),
    "chained": (lambda xp, x, m, i: xp.where(0 < x[0] < 1, x[0], x[1]), "xp.logical_and"),
    "max": (lambda xp, x, m, i: max(x[0], x[1]), "xp.maximum"),
    "float": (lambda xp, x, m, i: xp.sum(x) * float(x[0]), "Write the xp function"),
    "math": (lambda xp, x, m, i: math.sin(x[0]), "xp.sin(x)"),
    "int": (lambda xp, x, m, i: xp.sum(x[: int(x[0])]), "Take sizes from x.shape"),
    "index_by_array": (lambda xp, x, m, i: xp.sum(x[i]), "Write xp.take(x, indices"),
    "index_by_mask": (lambda xp, x, m, i: xp.sum(x[x > 0]), "xp.where"),
    "index_by_list": (lambda xp, x, m, i: xp.sum(x[[0, 1]]), "Write xp.take"),
    "index_by_float": (lambda xp, x, m, i: x[1.0], "Use integers, slices"),
    "index_out_of_range": (lambda xp, x, m, i: x[3], "out of bounds"),
    "too_many_indices": (lambda xp, x, m, i: x[0, 0], "Index at most once a dimension"),
    "negative_step": (lambda xp, x, m, i: xp.sum(x[::-1]), "Write xp.flip"),
    "assign": (_assign, "Write xp.where(condition, value, x)"),
    "delete": (_delete, "Write a slice"),
    "in_place": (_add_in_place, "Write x = x + …"),
    "iterate": (_loop, "xp.unstack(x, axis=0)"),
    "length": (lambda xp, x, m, i: xp.sum(x) / len(x), "Write x.shape[0]"),
    "contains": (lambda xp, x, m, i: 1.0 in x, "xp.where(x == value"),
    "format": (lambda xp, x, m, i: f"{x}", "Leave printing out"),
    "abs": (lambda xp, x, m, i: xp.sum(abs(x)), "Write xp.abs(x)"),
    "and": (lambda xp, x, m, i: xp.where((x > 0) & (x < 1), x, -x), "xp.logical_and"),
    "invert": (lambda xp, x, m, i: xp.where(~(x > 0), x, -x), "Write xp.logical_not"),
    "floor_division": (lambda xp, x, m, i: xp.sum(x // 2), "Write /"),
    "remainder": (lambda xp, x, m, i: xp.sum(x % 2), "leave rounding out"),
    "boolean_arithmetic": (lambda xp, x, m, i: xp.sum((x > 0) * x), "Write xp.where(condition, a, b)"),
    "integer_arithmetic": (lambda xp, x, m, i: xp.sum(x * i), "declare the data as real"),
    "integer_against_real": (lambda xp, x, m, i: xp.sum(xp.where(i > 0.5, x, -x)), "Compare integers with integers"),
    "transpose_of_vector": (lambda xp, x, m, i: x.T @ x, "Write xp.permute_dims"),
    "shapes": (lambda xp, x, m, i: xp.sum(x + m[:, :2]), "Make them broadcast"),
    "inner_sizes": (lambda xp, x, m, i: xp.sum(x @ m), "The inner sizes must be equal"),
    "reshape": (lambda xp, x, m, i: xp.sum(xp.reshape(m, (4, 2))), "number of entries"),
    "unknown_function": (lambda xp, x, m, i: xp.sun(x), "Did you mean sum?"),
    "likeness_of_chance": (lambda xp, x, m, i: xp.median_of(x), "There are: "),
    "steps": (lambda xp, x, m, i: xp.sum(xp.floor(x)), "array API standard has it. It has no derivative: compute it"),
    "constants": (lambda xp, x, m, i: xp.sum(x * xp.arange(3)), "declare them as an input: name=data(array)"),
    "numpy_steps": (
        lambda xp, x, m, i: xp.sum(np.floor(x)),
        "was called on an array of the case. It has no derivative",
    ),
    "inverse_of_numpy_name": (lambda xp, x, m, i: xp.sum(xp.arcsinh(x)), "Write xp.log(x + xp.sqrt(x**2 + 1))"),
    "logarithm": (lambda xp, x, m, i: xp.sum(xp.log2(x)), "Write xp.log(x) / math.log(2)"),
    "other_library": (lambda xp, x, m, i: xp.relu(x), "Write xp.nn.relu"),
    "asarray": (lambda xp, x, m, i: xp.asarray([1.0]), "Declare the numbers as an input"),
    "positional_axis": (lambda xp, x, m, i: xp.sum(m, 0), "The call is xp.sum(x, /, *, axis=None"),
    "axis_out_of_range": (lambda xp, x, m, i: xp.sum(x, axis=1), "Give an integer from -1 to 0"),
    "axis_twice": (lambda xp, x, m, i: xp.sum(m, axis=(0, 0)), "Name every axis once"),
    "no_default": (lambda xp, x, m, i: xp.var(x), "correction"),
    "softmax_axis": (lambda xp, x, m, i: xp.nn.softmax(x), "axis"),
    "roll_shifts": (lambda xp, x, m, i: xp.sum(xp.roll(m, (1, 2), axis=1)), "one for each axis"),
    "roll_by_array": (lambda xp, x, m, i: xp.sum(xp.roll(m, i, axis=1)), "Give an integer"),
    "flip_axis": (lambda xp, x, m, i: xp.sum(xp.flip(m, axis=2)), "Give an integer from -2 to 1"),
    "sort_axis": (lambda xp, x, m, i: xp.sum(xp.sort(m, axis=None)), "Give an integer from -2 to 1"),
    "sort_of_integers": (lambda xp, x, m, i: xp.sum(x) + xp.sort(i)[0], "declare the data as real"),
    "sum_without_axis": (lambda xp, x, m, i: xp.sum(xp.cumulative_sum(m)), "Write axis="),
    "product_of_nothing": (lambda xp, x, m, i: xp.prod(x[:0]), "Reduce an axis that has entries"),
    "order_of_nothing": (lambda xp, x, m, i: xp.sum(xp.sort(x[:0])), "Sort an axis that has entries"),
    "vecdot_axis": (lambda xp, x, m, i: xp.sum(xp.vecdot(m, x, axis=0)), "Count the axis from the end"),
    "vecdot_sizes": (lambda xp, x, m, i: xp.sum(xp.vecdot(m, x[:2])), "Make them equal along the axis"),
    "vecdot_shapes": (lambda xp, x, m, i: xp.sum(xp.vecdot(m, xp.ones((4, 3)))), "Make them broadcast"),
    "tensordot_sizes": (lambda xp, x, m, i: xp.sum(xp.tensordot(m, x, axes=((0,), (0,)))), "must be equal"),
    "tensordot_axes": (lambda xp, x, m, i: xp.sum(xp.tensordot(m, x, axes=((0, 1), (0,)))), "tuples of equal length"),
    "tensordot_many": (lambda xp, x, m, i: xp.sum(xp.tensordot(m, x)), "Give a number of axes"),
    "tensordot_twice": (lambda xp, x, m, i: xp.tensordot(m, m, axes=((0, 0), (0, 1))), "Name every axis once"),
    "einsum": (lambda xp, x, m, i: xp.einsum("i,i", x, x), "Write xp.tensordot"),
    "norm_order": (lambda xp, x, m, i: xp.linalg.vector_norm(x, ord=1), "Write xp.sum(xp.abs(x))"),
    "not_square": (lambda xp, x, m, i: xp.sum(xp.linalg.inv(m)), "must be square"),
    "no_matrix": (lambda xp, x, m, i: xp.linalg.det(x), "matrices in the last two axes"),
    "right_side": (lambda xp, x, m, i: xp.sum(xp.linalg.solve(m @ m.T, x)), "a row of y for each row of x"),
    "batches": (lambda xp, x, m, i: xp.sum(xp.linalg.solve(xp.ones((2, 3, 3)), xp.ones((4, 3, 1)))), "broadcast"),
    "offset": (lambda xp, x, m, i: xp.linalg.trace(m, offset=1.0), "Give an integer"),
    "eigenvalues": (lambda xp, x, m, i: xp.sum(xp.linalg.eigh(m)), "There are: cholesky, det"),
    "numpy_inverse": (lambda xp, x, m, i: xp.sum(np.linalg.inv(m @ m.T)), "Write xp.linalg.inv"),
    "no_slope": (lambda xp, x, m, i: xp.sum(xp.nn.leaky_relu(x)), "negative_slope"),
    "slope_by_position": (lambda xp, x, m, i: xp.sum(xp.nn.leaky_relu(x, 0.1)), "*, negative_slope)"),
    "slope_of_numpy": (lambda xp, x, m, i: xp.sum(xp.nn.leaky_relu(x, negative_slope=np.float64(0.1))), "Write float"),
    "no_alpha": (lambda xp, x, m, i: xp.sum(xp.nn.elu(x)), "alpha"),
    "no_form": (lambda xp, x, m, i: xp.sum(xp.nn.gelu(x)), "approximate"),
    "form_by_boolean": (lambda xp, x, m, i: xp.sum(xp.nn.gelu(x, approximate=True)), 'approximate="tanh"'),
    "one_hot_of_reals": (lambda xp, x, m, i: xp.sum(xp.nn.one_hot(x, 3)), "name=data([0, 2, 1])"),
    "one_hot_of_list": (lambda xp, x, m, i: xp.sum(x * xp.nn.one_hot([0, 1, 2], 3)), "name=data([0, 2, 1])"),
    "classes_not_static": (lambda xp, x, m, i: xp.sum(xp.nn.one_hot(i, x[0])), "a Python integer"),
    "no_classes": (lambda xp, x, m, i: xp.sum(xp.nn.one_hot(i)), "The call is xp.nn.one_hot(indices, /, n)"),
    "norm_axis": (lambda xp, x, m, i: xp.sum(xp.nn.layer_norm(m, x, x, axis=0, eps=1e-5)), "Name the last axes"),
    "norm_scale": (lambda xp, x, m, i: xp.sum(xp.nn.layer_norm(m, x[:2], x, axis=-1, eps=1e-5)), "Both have (3,)"),
    "norm_eps": (lambda xp, x, m, i: xp.sum(xp.nn.layer_norm(m, x, x, axis=-1)), "eps"),
    "no_image": (lambda xp, x, m, i: xp.sum(xp.nn.conv2d(m, m, strides=1, padding=0)), "Images are (N, H, W, C)"),
    "channels": (lambda xp, x, m, i: convolved(xp, m, padding=0, channels=2), "kernels (height, width, C, out)"),
    "padding_name": (lambda xp, x, m, i: convolved(xp, m, padding="same"), 'Write "VALID", "SAME"'),
    "padding_number": (lambda xp, x, m, i: convolved(xp, m, padding=0.5), 'Write "VALID", "SAME"'),
    "padding_negative": (lambda xp, x, m, i: convolved(xp, m, padding=(1, -1)), "Give an integer from 0 on"),
    "no_padding": (lambda xp, x, m, i: xp.nn.conv2d(m, m, strides=1), "padding"),
    "strides": (lambda xp, x, m, i: convolved(xp, m, padding=0, strides=(1, 0)), "Give an integer from 1 on"),
    "window_too_large": (lambda xp, x, m, i: convolved(xp, m, padding="VALID", size=5), "must fit inside"),
    "pool_window": (lambda xp, x, m, i: pooled(xp, m, window=(1, 2, 1)), "or two: (height, width)"),
    "pool_size": (lambda xp, x, m, i: pooled(xp, m, window=4), "must fit inside"),
    "pool_of_matrix": (lambda xp, x, m, i: xp.sum(xp.nn.avg_pool2d(m, window=1, strides=1)), "(N, H, W, C)"),
    "pool_strides": (lambda xp, x, m, i: xp.nn.max_pool2d(m, window=1), "strides"),
    "scalar_function": (lambda xp, x, m, i: xp.sum(x) * xp.exp(1.0), "Use math.*"),
    "where_of_numbers": (lambda xp, x, m, i: xp.where(x > 0, 1.0, 0.0), "xp.ones(shape)"),
    "where_of_reals": (lambda xp, x, m, i: xp.where(x, x, -x), "Compare first"),
    "real_indices": (lambda xp, x, m, i: xp.take(x, x, axis=0), "name=data([0, 2, 1])"),
    "dtype": (lambda xp, x, m, i: xp.sum(x + xp.zeros(3, dtype="float32")), "Leave dtype out"),
    "not_an_array": (lambda xp, x, m, i: 3.0, "a cost returns one array"),
    "none": (lambda xp, x, m, i: None, "returns None"),
    "vector": (lambda xp, x, m, i: x, "Write xp.sum(…) or xp.mean(…)"),
    "boolean_result": (lambda xp, x, m, i: x[0] > 0, "a cost is one real number"),
    "random": (lambda xp, x, m, i: xp.sum(x) * random.random(), "Pass noise and counters as data"),
    "state": (_leak, "earlier trace"),
    "raises": (lambda xp, x, m, i: 1 / 0, "ZeroDivisionError"),
    "too_long": (lambda xp, x, m, i: sum((x[0] * x[1] for _ in range(2000)), start=x[0]), "Use fewer steps"),
}


STANDARD = """
    arange asarray empty empty_like eye from_dlpack full full_like linspace meshgrid ones ones_like tril triu zeros
    zeros_like astype broadcast_arrays broadcast_to can_cast finfo iinfo isdtype result_type abs acos acosh add asin
    asinh atan atan2 atanh bitwise_and bitwise_left_shift bitwise_invert bitwise_or bitwise_right_shift bitwise_xor
    ceil clip conj copysign cos cosh divide equal exp expm1 floor floor_divide greater greater_equal hypot imag
    isfinite isinf isnan less less_equal log log1p log2 log10 logaddexp logical_and logical_not logical_or logical_xor
    maximum minimum multiply negative nextafter not_equal positive pow real reciprocal remainder round sign signbit
    sin sinh square sqrt subtract tan tanh trunc take take_along_axis matmul matrix_transpose tensordot vecdot concat
    expand_dims flip moveaxis permute_dims repeat reshape roll squeeze stack tile unstack argmax argmin count_nonzero
    nonzero searchsorted where unique_all unique_counts unique_inverse unique_values argsort sort cumulative_prod
    cumulative_sum max mean min prod std sum var all any diff e inf nan newaxis pi linalg fft
"""
"""The names of the array API standard 2024.12 but for its dtypes."""


def test_what_the_standard_has_is_offered_or_refused_with_what_to_write() -> None:
    xp = make_namespace(Builder())
    for name in STANDARD.split():
        if name not in vars(xp):
            with pytest.raises(NoSuchName, match=r"\. (Write|Declare|Compute|Leave|It has no|NaN is|Multiply)"):
                getattr(xp, name)


@pytest.mark.parametrize("name", sorted(WRONG))
def test_wrong_use_is_refused_with_what_to_write(name: str) -> None:
    function, advice = WRONG[name]
    STATE.clear()
    with pytest.raises(NotTraceable) as refusal:
        trace(function, LEAVES, f"case_x.{name}")
    assert advice in str(refusal.value)
    assert f"case_x.{name}" in str(refusal.value)


def test_refusal_names_file_line_and_column() -> None:
    with pytest.raises(NotTraceable) as refusal:
        trace(_assign, LEAVES, "case_x.assign")
    text = str(refusal.value)
    line = _assign.__code__.co_firstlineno + 1
    assert f"test_refusals.py:{line}:5: " in text
    shown, marks = text.splitlines()[-2:]
    assert shown[marks.index("^") : marks.rindex("^") + 1] == "x[0]"


def test_columns_are_right_after_wide_characters() -> None:
    def wide(xp: Any, x: Any, m: Any, i: Any) -> Any:
        return xp.sum({"ééé→": x}["ééé→"].item())

    with pytest.raises(NotTraceable) as refusal:
        trace(wide, LEAVES, "case_x.wide")
    shown, marks = str(refusal.value).splitlines()[-2:]
    assert shown[marks.index("^") : marks.rindex("^") + 1] == '{"ééé→": x}["ééé→"].item'
    assert f":{wide.__code__.co_firstlineno + 1}:23: " in str(refusal.value)


RIGHT: dict[str, Callable[..., Any]] = {
    "operators": lambda xp, x, m, i: xp.sum((2 - x) / (1 + x**2) - (-x) * 3.0 + 2**x),
    "transpose": lambda xp, x, m, i: xp.sum(m.T @ m) + xp.sum(m.mT),
    "vectors": lambda xp, x, m, i: x @ x + xp.sum(m @ x) + xp.sum(x @ m.T),
    "index": lambda xp, x, m, i: x[-1] + xp.sum(m[:, None, 1:]) + xp.sum(m[..., 0]) + xp.sum(x[::2]),
    "pick": lambda xp, x, m, i: xp.sum(xp.take(m, i[:2], axis=1)) + xp.sum(xp.take_along_axis(x, i, axis=0)),
    "select": lambda xp, x, m, i: xp.sum(xp.where(xp.logical_and(x > 0, i == 1), x, 0.0)),
    "python_sum": lambda xp, x, m, i: sum(xp.unstack(x)),
    "dtype": lambda xp, x, m, i: xp.sum(x * xp.ones(3, dtype=x.dtype)),
    "equal": lambda xp, x, m, i: xp.sum(xp.where(x == 0, x, -x)),
    "no_namespace": lambda x, m, i: x[0] * m[0, 0],
    "images": lambda xp, x, m, i: convolved(xp, m, padding=(1, (0, 2)), strides=(2, 1)) + pooled(xp, m, window=(1, 3)),
    "matrices": lambda xp, x, m, i: xp.linalg.solve(m @ m.T, m[:, 0])[0] + xp.linalg.slogdet(m @ m.T).logabsdet + x[0],
    "norm of no axes": lambda xp, x, m, i: xp.sum(xp.linalg.vector_norm(x, axis=()) + xp.nn.one_hot(i, n=3)[0] * m[0]),
    "integers in another order": lambda xp, x, m, i: xp.sum(xp.take(x, xp.flip(xp.roll(i, 1)), axis=0) * m),
}


@pytest.mark.parametrize("name", sorted(RIGHT))
def test_right_use_is_traced(name: str) -> None:
    graph = trace(RIGHT[name], LEAVES, name)
    assert graph.nodes[graph.outputs[0]].shape == ()
    assert set(graph.inputs) == {"x", "m", "i"}


def test_unknown_attribute_is_an_attribute_error_too() -> None:
    asked: list[bool] = []

    def probe(xp: Any, x: Any, m: Any, i: Any) -> Any:
        asked.append(hasattr(x, "numpy"))
        return xp.sum(x)

    trace(probe, LEAVES, "probe")
    assert asked == [False, False]
    assert issubclass(NoSuchName, AttributeError)


def test_every_wrong_use_runs_in_some_engine() -> None:
    """The refusals are not for what Python itself refuses: NumPy accepts many of them, which is the danger."""
    x, m, i = np.array([0.5, 1.5, 2.5]), np.ones((2, 3)), np.array([0, 1, 2])
    for name in ("method", "numpy_function", "index_by_mask", "float", "max", "assign"):
        value = WRONG[name][0](np, x.copy(), m, i)
        assert np.isfinite(np.sum(value)), name
