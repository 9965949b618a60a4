"""The functions that carry the defects, each a case whose spellings are natives with one thing wrong.

They are written in words that `xp` and the three vocabularies share.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.declare import Case, case, data, param
from harness.points import point
from harness.selftest import at_leaf, at_leaves, at_tie, conduct, endings, in_step
from harness.selftest.defects import Defect

RNG = np.random.default_rng(20260301)


def numbers(*shape: int, low: float = -1.5, high: float = 1.5) -> Any:
    """Return numbers of an interval that float32 holds, none of them 0."""
    return (np.floor(RNG.uniform(low, high, shape) * 1024) + 0.5) / 1024


def points(**leaves: Any) -> list[Any]:
    """Return two points, the second with all signs changed."""
    there = {path: -np.asarray(values) for path, values in leaves.items()}
    return [point("here", **leaves), point("there", **there)]


def signed(*shape: int) -> Any:
    """Return numbers whose first entry is positive: a region is told by it."""
    drawn = numbers(*shape)
    drawn.flat[0] = abs(drawn.flat[0])
    return drawn


@case(w=param(shape=6), points=points(w=signed(6)))
def wave(xp: Any, w: Any) -> Any:
    """Σ w sin w."""
    return xp.sum(w * xp.sin(w))


@case(
    w1=param(shape=(3, 4)),
    b1=param(shape=4),
    w2=param(shape=(4, 2)),
    b2=param(shape=2),
    x=data(numbers(8, 3)),
    y=data(numbers(8, 2)),
    points=points(w1=signed(3, 4), b1=signed(4), w2=signed(4, 2), b2=signed(2)),
)
def mlp(xp: Any, w1: Any, b1: Any, w2: Any, b2: Any, x: Any, y: Any) -> Any:
    """Mean squared error of a tanh layer."""
    return xp.mean(xp.square(xp.add(xp.tanh(xp.add(x @ w1, b1)) @ w2, b2) - y))


@case(
    w=param(shape=(4, 1)),
    b=param(shape=(1,)),
    x=data(numbers(32, 4)),
    y=data(np.sign(numbers(32, 1))),
    points=points(w=signed(4, 1), b=signed(1)),
)
def logistic(xp: Any, w: Any, b: Any, x: Any, y: Any) -> Any:
    """Mean logistic loss."""
    return xp.mean(xp.nn.softplus(-y * xp.add(x @ w, b)))


@case(
    w=param(shape=(4, 3)),
    b=param(shape=3),
    x=data(numbers(12, 4)),
    t=data(np.eye(3)[np.arange(12) % 3]),
    points=points(w=signed(4, 3), b=signed(3)),
)
def softmax_regression(xp: Any, w: Any, b: Any, x: Any, t: Any) -> Any:
    """Summed cross-entropy."""
    return -xp.sum(t * xp.log(xp.nn.softmax(xp.add(x @ w, b), axis=1))) / 12


@case(
    x=param(shape=(4, 6)),
    gamma=param(shape=6),
    beta=param(shape=6),
    y=data(numbers(4, 6)),
    points=points(x=signed(4, 6), gamma=signed(6), beta=signed(6)),
)
def layer_norm(xp: Any, x: Any, gamma: Any, beta: Any, y: Any) -> Any:
    """Mean squared error of a layer normalisation."""
    centred = x - xp.mean(x, axis=1, keepdims=True)
    spread = xp.sqrt(xp.mean(xp.square(centred), axis=1, keepdims=True) + 1e-5)
    return xp.mean(xp.square(xp.divide(centred, spread) * gamma + beta - y))


@case(
    w=param(shape=(2, 3)),
    u=param(shape=(3, 3)),
    b=param(shape=3),
    x=data(numbers(5, 1, 2)),
    points=points(w=signed(2, 3), u=signed(3, 3), b=signed(3)),
)
def elman(xp: Any, w: Any, u: Any, b: Any, x: Any) -> Any:
    """Mean square of the last state of a recurrence."""
    h = xp.tanh(x[0] @ w + b)
    for k in range(1, 5):
        h = xp.tanh(x[k] @ w + xp.matmul(h, u) + b)
    return xp.mean(xp.square(h - 0.5))


@case(
    q=param(shape=(3, 3)),
    k=param(shape=(3, 3)),
    v=param(shape=(3, 3)),
    x=data(numbers(4, 3)),
    y=data(numbers(4, 3)),
    points=points(q=signed(3, 3), k=signed(3, 3), v=signed(3, 3)),
)
def attention(xp: Any, q: Any, k: Any, v: Any, x: Any, y: Any) -> Any:
    """Mean squared error of one attention head."""
    scores = xp.matmul(x, q) @ xp.matrix_transpose(xp.matmul(x, k)) / 2
    return xp.mean(xp.square(xp.nn.softmax(scores, axis=1) @ xp.matmul(x, v) - y))


@case(a=param(shape=(3, 3)), p=data(numbers(5, 3)), q=data(numbers(5, 3)), points=points(a=signed(3, 3)))
def bilinear(xp: Any, a: Any, p: Any, q: Any) -> Any:
    """Σ pᵀAq and half the sum of squares of A."""
    return xp.sum((p @ a) * q) + xp.sum(xp.square(a)) / 2


@case(
    table=param(shape=(5, 3)),
    w=param(shape=(3, 2)),
    words=data(np.array([0, 2, 2, 4, 1, 3, 3, 0])),
    points=points(table=signed(5, 3), w=signed(3, 2)),
)
def embedding(xp: Any, table: Any, w: Any, words: Any) -> Any:
    """Mean square of word scores; some words are used twice."""
    return xp.mean(xp.square(xp.tanh(xp.take(table, words, axis=0) @ w) - 0.25))


@case(x=param(shape=(4, 5)), points=points(x=signed(4, 5)))
def mixture(xp: Any, x: Any) -> Any:
    """The sum of the rows' log-sum-exp, written out."""
    return xp.sum(xp.log(xp.sum(xp.exp(x), axis=1)))


@case(
    w1=param(shape=(3, 6)),
    b1=param(shape=6),
    w2=param(shape=(6, 1)),
    x=data(numbers(10, 3)),
    points=points(w1=signed(3, 6), b1=signed(6), w2=signed(6, 1)),
)
def relu_net(xp: Any, w1: Any, b1: Any, w2: Any, x: Any) -> Any:
    """Mean square of a relu network's scores."""
    return xp.mean(xp.square(xp.nn.relu(xp.add(x @ w1, b1)) @ w2 - 0.5))


@case(
    w1=param(shape=(3, 3)),
    w2=param(shape=(3, 3)),
    x=data(numbers(6, 3)),
    points=points(w1=signed(3, 3), w2=signed(3, 3)),
)
def residual(xp: Any, w1: Any, w2: Any, x: Any) -> Any:
    """Mean square of a gated residual block."""
    z = xp.matmul(x, w1)
    return xp.mean(xp.square(x + xp.matmul(z * xp.nn.sigmoid(z), w2)))


@case(x=param(shape=(4, 5)), points=points(x=signed(4, 5)))
def pool(xp: Any, x: Any) -> Any:
    """Squares of the rows' greatest entries, and a little of all."""
    return xp.sum(xp.square(xp.max(x, axis=1))) + xp.sum(xp.square(x)) / 8


@case(
    x=param(shape=5),
    y=param(shape=5),
    points=[point("here", x=numbers(5, low=0.5, high=3), y=numbers(5, low=0.5, high=3))],
)
def ratio(xp: Any, x: Any, y: Any) -> Any:
    """Σ √x / y + log x."""
    return xp.sum(xp.divide(xp.sqrt(x), y) + xp.log(x))


ON_A_BEND = (0.0, 0.0, 1.5, -0.75, 0.0, 0.25)
UNEVEN = (0.5, -1.25, 2.0, 0.125, 3.0, -0.75)


@case(w=param(shape=6), c=data(UNEVEN), points=[point("here", w=ON_A_BEND)])
def rectifier(xp: Any, w: Any, c: Any) -> Any:
    """Weighted relus, some at 0."""
    return xp.sum(xp.nn.relu(w) * c)


@case(w=param(shape=(3, 4)), x=data(numbers(8, 3)), c=data(numbers(8, 4)), points=[point("here", w=np.zeros((3, 4)))])
def dead_units(xp: Any, w: Any, x: Any, c: Any) -> Any:
    """Weighted relu units at zero weights."""
    return xp.sum(xp.nn.relu(x @ w) * c)


@case(w=param(shape=6), c=data(UNEVEN), points=[point("here", w=ON_A_BEND)])
def penalty(xp: Any, w: Any, c: Any) -> Any:
    """Squared error and an L1 penalty, some weights of which are 0."""
    return xp.sum(xp.square(w - c)) + xp.sum(xp.abs(w))


@case(x=param(shape=(2, 4)), points=[point("here", x=[[1, 0.5, 1, -1], [0.25, 2, 2, 2]])])
def level(xp: Any, x: Any) -> Any:
    """Squares of rows' greatest entries, which tie."""
    return xp.sum(xp.square(xp.max(x, axis=1)))


@case(x=param(shape=4), y=param(shape=4), points=[point("here", x=[1, 0.5, -1, 2], y=[1, 0.75, -1, -2])])
def upper(xp: Any, x: Any, y: Any) -> Any:
    """Squares of the greater of two, equal in some places."""
    return xp.sum(xp.square(xp.maximum(x, y)))


@case(x=param(shape=4), points=[point("here", x=[0, 0.5, -1, 0])])
def joint(xp: Any, x: Any) -> Any:
    """2x right of 0, 3x from 0 on to the left."""
    return xp.sum(xp.where(x > 0, 2 * x, 3 * x))


CASES: dict[str, Case] = {value.id.split(".")[1]: value for value in list(vars().values()) if isinstance(value, Case)}
DEFECTS: tuple[Defect, ...] = (
    *at_leaf.planted(),
    *at_leaves.planted(),
    *in_step.planted(),
    *at_tie.planted(),
    *conduct.planted(),
    *endings.planted(),
)

for defect in DEFECTS:
    carrier = CASES[defect.case]
    carrier.native(defect.backend, spelling=defect.name)(defect.native(carrier.function))  # type: ignore[arg-type]
