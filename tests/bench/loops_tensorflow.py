"""Gradients by hand in TensorFlow, a function a case; its arguments are the case's inputs, in their order."""

from typing import Any

import tensorflow as tf


def leaf(x: Any) -> Any:
    """Return a param as the loops take it: a tensor, which is quicker to read than a variable."""
    return x


def square(w: Any) -> Any:
    with tf.GradientTape() as tape:
        tape.watch(w)
        value = w**2
    return value, [tape.gradient(value, w)]


def rosenbrock_10(x: Any) -> Any:
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = tf.reduce_sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    return value, [tape.gradient(value, x)]


def softmax_cross_entropy(z: Any, y: Any) -> Any:
    with tf.GradientTape() as tape:
        tape.watch(z)
        value = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=z))
    return value, [tape.gradient(value, z)]


def logistic_regression(w: Any, b: Any, x: Any, y: Any) -> Any:
    with tf.GradientTape() as tape:
        tape.watch([w, b])
        value = tf.reduce_mean(tf.math.softplus(-y * (tf.linalg.matvec(x, w) + b)))
    return value, tape.gradient(value, [w, b])


def xor(w1: Any, b1: Any, w2: Any, b2: Any, x: Any, y: Any) -> Any:
    with tf.GradientTape() as tape:
        tape.watch([w1, b1, w2, b2])
        h = tf.sigmoid(x @ w1 + b1)
        value = tf.reduce_sum(tf.square(tf.sigmoid(tf.linalg.matvec(h, w2) + b2) - y)) / 2
    return value, tape.gradient(value, [w1, b1, w2, b2])


def iris_tanh(w1: Any, b1: Any, w2: Any, b2: Any, x: Any, y: Any) -> Any:
    with tf.GradientTape() as tape:
        tape.watch([w1, b1, w2, b2])
        z = tf.tanh(x @ w1 + b1) @ w2 + b2
        value = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=z))
    return value, tape.gradient(value, [w1, b1, w2, b2])


def attention(q: Any, k: Any, v: Any, x: Any, y: Any, past: Any) -> Any:
    with tf.GradientTape() as tape:
        tape.watch([q, k, v])
        scores = tf.matmul(x @ q, x @ k, transpose_b=True) / 2**0.5
        weights = tf.nn.softmax(tf.where(past, scores, float("-inf")))
        value = tf.reduce_mean(tf.square(weights @ (x @ v) - y))
    return value, tape.gradient(value, [q, k, v])
