"""The vocabulary in TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np


def words(tf: Any) -> SimpleNamespace:
    """Return functions of tensors under the names of the array API, with those that a defect needs."""

    def along(function: Any) -> Callable[..., Any]:
        def reduced(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
            return function(x, axis=axis, keepdims=keepdims)

        return reduced

    return SimpleNamespace(
        **{name: getattr(tf, name) for name in "sin cos exp tanh sqrt abs sign square where maximum".split()},
        log=tf.math.log,
        nn=SimpleNamespace(relu=tf.nn.relu, sigmoid=tf.sigmoid, softplus=tf.nn.softplus, softmax=tf.nn.softmax),
        sum=along(tf.reduce_sum),
        mean=along(tf.reduce_mean),
        max=along(tf.reduce_max),
        matrix_transpose=tf.linalg.matrix_transpose,
        reshape=tf.reshape,
        take=lambda x, indices, axis: tf.gather(x, indices, axis=axis),
        sort=tf.sort,
        like=lambda numbers, x: tf.constant(numbers, x.dtype),
        flags=lambda numbers: tf.constant(numbers),
        cast=lambda x, dtype: tf.cast(x, dtype),
        dtype=lambda x: x.dtype.name,
        matmul=tf.matmul,
        add=lambda a, b: a + b,
        divide=lambda a, b: a / b,
        stop_gradient=tf.stop_gradient,
        outside=lambda function, x: tf.constant(function(x.numpy()), x.dtype),
        transformed=lambda x: not tf.executing_eagerly(),
        custom=lambda forward, backward: custom(tf, forward, backward),
        random=lambda: np.random.rand(),  # TensorFlow's own state cannot be read without a seed
        module=tf,
    )


def custom(tf: Any, forward: Callable[..., Any], backward: Callable[..., Any]) -> Any:
    """Return the function whose derivative is written by hand: backward(adjoint, result, *inputs) → adjoints."""

    def planted(*inputs: Any) -> Any:
        output = forward(*inputs)
        return output, lambda adjoint: backward(adjoint, output, *inputs)

    return tf.custom_gradient(planted)
