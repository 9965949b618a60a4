"""Recurrent networks on one sequence of four steps, written out step by step."""

import json
from pathlib import Path

from harness import case, data, draw, param, point

WEIGHTS = json.loads((Path(__file__).parent / "data" / "weights.json").read_text())
SEQUENCE = [[0.5, -1.0], [1.5, 0.75], [-0.25, 1.25], [0.0, -0.5]]
TARGETS = [[0.5, -0.25], [-0.5, 0.75], [0.25, 0.5], [0.75, -0.5]]


def weights(network):
    """Return the labelled points of a network."""
    return [point(label, **values) for label, values in WEIGHTS[network].items()]


@case(
    w=param(shape=(2, 2)),
    u=param(shape=(2, 2)),
    b=param(shape=2),
    x=data(SEQUENCE),
    y=data(TARGETS),
    points=[*weights("elman"), draw()],
    source="J. L. Elman, Finding structure in time, 1990",
)
def elman(xp, w, u, b, x, y):
    """Squared error of a layer of tanh units that also see what they said one step before."""
    h, loss = xp.zeros(2), 0.0
    for k in range(4):
        h = xp.tanh(x[k] @ w + h @ u + b)
        loss = loss + xp.sum(xp.square(h - y[k])) / 2
    return loss


@case(
    w=param(shape=(2, 8)),
    u=param(shape=(2, 8)),
    b=param(shape=8),
    x=data(SEQUENCE),
    y=data(TARGETS),
    points=[*weights("lstm"), draw()],
    source="S. Hochreiter and J. Schmidhuber, 1997; F. Gers, J. Schmidhuber and F. Cummins, Learning to forget, 2000",
)
def lstm(xp, w, u, b, x, y):
    """Squared error of a long short-term memory: gates in the order input, forget, cell, output, and one bias."""
    h, memory, loss = xp.zeros(2), xp.zeros(2), 0.0
    for k in range(4):
        z = x[k] @ w + h @ u + b
        enter, keep, leave = xp.nn.sigmoid(z[:2]), xp.nn.sigmoid(z[2:4]), xp.nn.sigmoid(z[6:])
        memory = keep * memory + enter * xp.tanh(z[4:6])
        h = leave * xp.tanh(memory)
        loss = loss + xp.sum(xp.square(h - y[k])) / 2
    return loss


@case(
    w=param(shape=(2, 6)),
    u=param(shape=(2, 6)),
    b=param(shape=6),
    x=data(SEQUENCE),
    y=data(TARGETS),
    points=[*weights("gru"), draw()],
    source="K. Cho et al., Learning phrase representations using RNN encoder-decoder, 2014, equations 5 to 8",
)
def gru(xp, w, u, b, x, y):
    """Squared error of gated recurrent units with one bias: the state is reset before its product with u."""
    h, loss = xp.zeros(2), 0.0
    for k in range(4):
        z = x[k] @ w + b
        reset = xp.nn.sigmoid(z[:2] + h @ u[:, :2])
        update = xp.nn.sigmoid(z[2:4] + h @ u[:, 2:4])
        new = xp.tanh(z[4:] + (reset * h) @ u[:, 4:])
        h = update * h + (1 - update) * new
        loss = loss + xp.sum(xp.square(h - y[k])) / 2
    return loss


@case(
    w=param(shape=(2, 6)),
    u=param(shape=(2, 6)),
    b=param(shape=6),
    c=param(shape=2),
    x=data(SEQUENCE),
    y=data(TARGETS),
    points=[*weights("gru_reset_after"), draw()],
    source="J. Chung et al., Empirical evaluation of gated recurrent neural networks, 2014, in the form of cuDNN",
)
def gru_reset_after(xp, w, u, b, c, x, y):
    """Squared error of gated recurrent units whose reset scales the product with u, a second bias c inside it."""
    h, loss = xp.zeros(2), 0.0
    for k in range(4):
        z, past = x[k] @ w + b, h @ u
        reset = xp.nn.sigmoid(z[:2] + past[:2])
        update = xp.nn.sigmoid(z[2:4] + past[2:4])
        new = xp.tanh(z[4:] + reset * (past[4:] + c))
        h = update * h + (1 - update) * new
        loss = loss + xp.sum(xp.square(h - y[k])) / 2
    return loss
