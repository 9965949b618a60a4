"""Convolutional networks: one on real digits, one on a small picture; data/README.md says where both data are from."""

import json
from pathlib import Path

import numpy as np

from harness import case, data, draw, param, point

DATA = Path(__file__).parent / "data"
WEIGHTS = json.loads((DATA / "weights.json").read_text())
DIGITS = np.loadtxt(DATA / "digits.csv", delimiter=",", skiprows=1)
PIXELS, NUMERALS = DIGITS[:, :64].reshape(6, 8, 8, 1) / 16, DIGITS[:, 64].astype(int)


def weights(network):
    """Return the labelled points of a network."""
    return [point(label, **values) for label, values in WEIGHTS[network].items()]


@case(
    kernel=param(shape=(3, 3, 1, 2)),
    b=param(shape=2),
    w=param(shape=(8, 3)),
    c=param(shape=3),
    x=data(np.pad(PIXELS, ((0, 0), (1, 1), (1, 1), (0, 0)))),
    y=data(NUMERALS),
    points=[*weights("digits"), draw()],
    source="Y. LeCun et al., Gradient-based learning applied to document recognition, 1998",
)
def digits(xp, kernel, b, w, c, x, y):
    """Mean cross-entropy of a convolution, relu, averages over windows and a dense layer on six digits in a margin."""
    h = xp.nn.relu(xp.nn.conv2d(x, kernel, strides=2, padding="VALID") + b)
    z = xp.reshape(xp.nn.avg_pool2d(h, window=2, strides=2), (6, 8)) @ w + c
    return -xp.mean(xp.take_along_axis(xp.nn.log_softmax(z, axis=1), y[:, None], axis=1))


@case(
    x=param(shape=(1, 4, 5, 2)),
    kernel=param(shape=(2, 3, 2, 2)),
    y=data([[0.5, -0.25], [1.0, -0.75]]),
    points=[*weights("max_pooled"), draw()],
    source="D. Scherer, A. Müller and S. Behnke, Evaluation of pooling operations in object recognition, 2010",
)
def max_pooled(xp, x, kernel, y):
    """Squared error of the greatest of a convolution's tanh in two windows, with respect to the picture too."""
    h = xp.tanh(xp.nn.conv2d(x, kernel, strides=(1, 2), padding="SAME"))
    return xp.sum(xp.square(xp.reshape(xp.nn.max_pool2d(h, window=(2, 3), strides=2), (2, 2)) - y))
