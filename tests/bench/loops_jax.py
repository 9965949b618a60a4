"""Gradients by hand in JAX, a function a case; its arguments are the case's inputs, in their order."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


def leaf(x: Any) -> Any:
    """Return a param as the loops take it: arrays are values."""
    return x


def gradient(*params: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the decorator of a function whose gradient by some of its arguments is compiled."""
    return lambda cost: jax.jit(jax.value_and_grad(cost, argnums=params))


@gradient(0)
def square(w: Any) -> Any:
    return w**2


@gradient(0)
def rosenbrock_10(x: Any) -> Any:
    return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def cross_entropy(z: Any, y: Any) -> Any:
    picked = jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], axis=1)
    return -jnp.mean(picked)


@gradient(0)
def softmax_cross_entropy(z: Any, y: Any) -> Any:
    return cross_entropy(z, y)


@gradient(0, 1)
def logistic_regression(w: Any, b: Any, x: Any, y: Any) -> Any:
    return jnp.mean(jax.nn.softplus(-y * (x @ w + b)))


@gradient(0, 1, 2, 3)
def xor(w1: Any, b1: Any, w2: Any, b2: Any, x: Any, y: Any) -> Any:
    h = jax.nn.sigmoid(x @ w1 + b1)
    return jnp.sum(jnp.square(jax.nn.sigmoid(h @ w2 + b2) - y)) / 2


@gradient(0, 1, 2, 3)
def iris_tanh(w1: Any, b1: Any, w2: Any, b2: Any, x: Any, y: Any) -> Any:
    return cross_entropy(jnp.tanh(x @ w1 + b1) @ w2 + b2, y)


@gradient(0, 1, 2)
def attention(q: Any, k: Any, v: Any, x: Any, y: Any, past: Any) -> Any:
    scores = (x @ q) @ (x @ k).T / jnp.sqrt(2)
    weights = jax.nn.softmax(jnp.where(past, scores, -jnp.inf))
    return jnp.mean(jnp.square(weights @ (x @ v) - y))
