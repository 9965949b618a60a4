"""Small networks: dense, convolutional, normalised, attending."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.declare import data, param
from harness.selftest.pointless import drawn

WEIGHTS = (-1, 1)
LABELS = np.arange(12) % 3
WORDS = np.arange(24).reshape(8, 3) * 5 % 7


@drawn(
    w1=param(shape=(3, 5), domain=WEIGHTS),
    b1=param(shape=5, domain=WEIGHTS),
    w2=param(shape=(5, 2), domain=WEIGHTS),
    b2=param(shape=2, domain=WEIGHTS),
    x=data(shape=(16, 3)),
    y=data(shape=(16, 2)),
)
def mlp_tanh(xp: Any, w1: Any, b1: Any, w2: Any, b2: Any, x: Any, y: Any) -> Any:
    """Mean squared error of a network with a tanh layer."""
    return xp.mean(xp.square(xp.tanh(x @ w1 + b1) @ w2 + b2 - y))


@drawn(
    w1=param(shape=(4, 16), domain=WEIGHTS),
    w2=param(shape=(16, 16), domain=(-0.5, 0.5)),
    w3=param(shape=(16, 16), domain=(-0.5, 0.5)),
    w4=param(shape=(16, 1), domain=WEIGHTS),
    b=param(shape=16, domain=WEIGHTS),
    x=data(shape=(32, 4)),
)
def mlp_deep(xp: Any, w1: Any, w2: Any, w3: Any, w4: Any, b: Any, x: Any) -> Any:
    """Mean logistic output of a network with three hidden layers."""
    h = xp.tanh(x @ w1 + b)
    h = xp.nn.sigmoid(h @ w2 + b)
    h = xp.tanh(h @ w3 + b)
    return xp.mean(xp.nn.softplus(h @ w4))


@drawn(
    w1=param(shape=(3, 6), domain=WEIGHTS),
    b1=param(shape=6, domain=WEIGHTS),
    w2=param(shape=(6, 1), domain=WEIGHTS),
    x=data(shape=(16, 3)),
    y=data(shape=(16, 1)),
)
def mlp_relu(xp: Any, w1: Any, b1: Any, w2: Any, x: Any, y: Any) -> Any:
    """Mean squared error of a network with a relu layer."""
    return xp.mean(xp.square(xp.nn.relu(x @ w1 + b1) @ w2 - y))


@drawn(w=param(shape=(4, 3), domain=WEIGHTS), b=param(shape=3), x=data(shape=(12, 4)), y=data(LABELS))
def softmax_regression(xp: Any, w: Any, b: Any, x: Any, y: Any) -> Any:
    """Mean cross-entropy."""
    z = x @ w + b
    return -xp.mean(xp.take_along_axis(xp.nn.log_softmax(z, axis=1), y[:, None], axis=1))


@drawn(table=param(shape=(7, 3)), w=param(shape=(3, 2)), words=data(WORDS))
def embedding(xp: Any, table: Any, w: Any, words: Any) -> Any:
    """Squared scores of mean word vectors; every word is used several times."""
    return xp.mean(xp.square(xp.tanh(xp.mean(xp.take(table, words, axis=0), axis=1) @ w) - 0.5))


@drawn(x=param(shape=(4, 6)), gamma=param(shape=6), beta=param(shape=6), y=data(shape=(4, 6)))
def layer_norm(xp: Any, x: Any, gamma: Any, beta: Any, y: Any) -> Any:
    """Mean squared error of a layer normalisation written out."""
    centred = x - xp.mean(x, axis=1, keepdims=True)
    spread = xp.sqrt(xp.var(x, axis=1, keepdims=True, correction=0) + 1e-5)
    return xp.mean(xp.square(centred / spread * gamma + beta - y))


@drawn(x=param(shape=(4, 6)), gamma=param(shape=6), beta=param(shape=6), y=data(shape=(4, 6)))
def layer_norm_fused(xp: Any, x: Any, gamma: Any, beta: Any, y: Any) -> Any:
    """Mean squared error of the frameworks' own layer normalisation."""
    return xp.mean(xp.square(xp.nn.layer_norm(x, gamma, beta, axis=1, eps=1e-5) - y))


@drawn(
    w=param(shape=(4, 3), domain=WEIGHTS),
    gamma=param(shape=3),
    beta=param(shape=3),
    x=data(shape=(24, 4)),
    y=data(shape=(24, 3)),
)
def batch_norm(xp: Any, w: Any, gamma: Any, beta: Any, x: Any, y: Any) -> Any:
    """Mean squared error of scores that are normalised over a batch."""
    z = x @ w
    spread = xp.sqrt(xp.var(z, axis=0, correction=0) + 1e-3)
    return xp.mean(xp.square((z - xp.mean(z, axis=0)) / spread * gamma + beta - y))


@drawn(
    q=param(shape=(3, 2), domain=WEIGHTS),
    k=param(shape=(3, 2), domain=WEIGHTS),
    v=param(shape=(3, 2), domain=WEIGHTS),
    x=data(shape=(5, 3)),
    y=data(shape=(5, 2)),
)
def attention(xp: Any, q: Any, k: Any, v: Any, x: Any, y: Any) -> Any:
    """Mean squared error of one attention head."""
    shares = xp.nn.softmax((x @ q) @ (x @ k).T / 2**0.5, axis=1)
    return xp.mean(xp.square(shares @ (x @ v) - y))


@drawn(
    w=param(shape=(3, 3, 1, 4), domain=WEIGHTS),
    v=param(shape=(4, 2), domain=WEIGHTS),
    x=data(shape=(2, 6, 6, 1)),
)
def convolution(xp: Any, w: Any, v: Any, x: Any) -> Any:
    """Mean squared scores of a convolution, averaged over each image."""
    h = xp.tanh(xp.nn.conv2d(x, w, strides=1, padding="SAME"))
    return xp.mean(xp.square(xp.mean(h, axis=(1, 2)) @ v - 1))


@drawn(w=param(shape=(2, 2, 2, 3), domain=WEIGHTS), x=data(shape=(2, 5, 5, 2)))
def strided_convolution(xp: Any, w: Any, x: Any) -> Any:
    """Mean squares of a strided convolution, pooled."""
    h = xp.nn.silu(xp.nn.conv2d(x, w, strides=1, padding="VALID"))
    return xp.mean(xp.square(xp.nn.avg_pool2d(h, window=2, strides=2) - 0.25))


@drawn(w1=param(shape=(4, 2), domain=WEIGHTS), w2=param(shape=(2, 4), domain=WEIGHTS), x=data(shape=(8, 4)))
def residual(xp: Any, w1: Any, w2: Any, x: Any) -> Any:
    """Mean squares of a residual block with gelu written out."""
    z = x @ w1
    h = z * (1 + xp.special.erf(z / 2**0.5)) / 2
    return xp.mean(xp.square(x + h @ w2))
