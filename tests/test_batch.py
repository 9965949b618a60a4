"""The batched graph, written out in NumPy, gives row by row the bits of the unbatched one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from exactly import Cost, traced
from harness.backends.numpy_book import BOOK
from harness.graph.batch import batch
from harness.graph.build import Builder
from harness.graph.derive import gradient, lower
from harness.graph.emit import emit
from harness.graph.node import Graph

ROWS = 7


def evaluated(graph: Graph, inputs: dict[str, Any]) -> Any:
    """Return what the NumPy source of the graph computes."""
    script = emit(graph, BOOK, dtype="float64")
    namespace: dict[str, Any] = {}
    exec(script.source, namespace)
    with np.errstate(all="ignore"):
        return namespace["cost"](*(inputs[path] for path in script.arguments))


def points(params: dict[str, Any], rows: int) -> dict[str, Any]:
    """Return `rows` points around params, as contiguous arrays."""
    draw = np.random.default_rng(5)
    return {path: np.asarray(x) * (1 + 0.3 * draw.standard_normal((rows, *np.shape(x)))) for path, x in params.items()}


def bits(x: Any) -> bytes:
    return np.asarray(x, dtype=np.float64).tobytes()


R = np.random.default_rng(3)
A, B, V, W = R.standard_normal((4, 3)), R.standard_normal((3, 5)), R.standard_normal(3), R.standard_normal(4)
T = R.standard_normal((2, 4, 3))
POSITIVE = np.abs(R.standard_normal((4, 3))) + 0.5
LABELS = np.array([0, 2, 1, 1])
SQUARE = R.standard_normal((3, 3)) + 4 * np.eye(3)[::-1]


def softmax_regression(xp: Any, w: Any, b: Any, x: Any, y: Any) -> Any:
    return -xp.mean(xp.take_along_axis(xp.nn.log_softmax(x @ w + b, axis=1), y[:, None], axis=1))


def attention(xp: Any, q: Any, k: Any, v: Any, causal: Any) -> Any:
    scores = q @ k.mT / 3**0.5
    return xp.mean((xp.nn.softmax(xp.where(causal, scores, -1e9), axis=-1) @ v) ** 2)


def recurrent(xp: Any, w: Any, x: Any) -> Any:
    h = x
    for _ in range(20):
        h = xp.tanh(w * h + 0.1 * xp.sin(h))
    return xp.sum(h * h)


COSTS: dict[str, tuple[Cost, dict[str, Any], dict[str, Any]]] = {
    "square": (lambda xp, w: w**2, dict(w=3.0), {}),
    "affine square": (lambda xp, w: (2 + 3 * w) ** 2, dict(w=0.1), {}),
    "powers": (lambda xp, w: xp.sum(w**3 + w**0.5 + 1 / w + w**-2), dict(w=POSITIVE), {}),
    "scalar powers": (lambda xp, w: w**3 - 2 * w**5 + w**0.5 / (1 + w) ** 2.5, dict(w=1.7), {}),
    "constant": (lambda xp, w: xp.sum(xp.ones((2, 3))) + 0 * w, dict(w=1.5), {}),
    "data only": (lambda xp, w, x: xp.sum(x * x), dict(w=1.5), dict(x=A)),
    "reshape": (lambda xp, w: xp.sum(xp.sin(xp.reshape(w, (2, 6))) @ xp.ones((6, 2))), dict(w=A), {}),
    "permute": (lambda xp, t: xp.sum(xp.permute_dims(t, (2, 0, 1))[0] * t[:, :, 1] ** 2), dict(t=T), {}),
    "transpose": (lambda xp, a: xp.sum((a.T @ a) ** 2), dict(a=A), {}),
    "broadcast": (lambda xp, v, a: xp.sum(xp.exp(v + a)), dict(v=V), dict(a=A)),
    "broadcast back": (lambda xp, v, t: xp.sum(xp.broadcast_to(v, (2, 4, 3)) * t), dict(v=V), dict(t=T)),
    "broadcast both": (lambda xp, u, v: xp.sum(xp.tanh(u[:, None] * v)), dict(u=W, v=V), {}),
    "basic index": (lambda xp, t: xp.sum(t[0, ::2, None, 1:] * t[1, :2, None, :2]), dict(t=T), {}),
    "take": (lambda xp, a, i: xp.sum(xp.tanh(xp.take(a, i, axis=0))), dict(a=A), dict(i=np.array([3, 0, 3]))),
    "take columns": (lambda xp, t, i: xp.sum(xp.take(t, i, axis=1) ** 3), dict(t=T), dict(i=np.array([3, 1]))),
    "take_along_axis": (
        lambda xp, a, i: xp.sum(xp.exp(xp.take_along_axis(a, i, axis=1))),
        dict(a=A),
        dict(i=LABELS[:, None]),
    ),
    "picked data": (
        lambda xp, w, x, i: xp.sum(w * xp.take_along_axis(x, i, axis=1)[:, 0]),
        dict(w=W),
        dict(x=A, i=LABELS[:, None]),
    ),
    "concat": (lambda xp, a, v: xp.sum(xp.concat([a, v[None, :]], axis=0) ** 2 * 0.3), dict(a=A), dict(v=V)),
    "stack": (lambda xp, u, v: xp.sum(xp.stack([u, v, u * v], axis=1) ** 2), dict(u=V), dict(v=V + 1)),
    "matmul": (lambda xp, a, c: xp.sum(xp.tanh(a @ c)), dict(a=A, c=B), {}),
    "matmul of data": (lambda xp, c, a: xp.sum(xp.tanh(a @ c)), dict(c=B), dict(a=A)),
    "batched matmul": (lambda xp, a, t: xp.sum((t @ a.T) ** 2), dict(a=A), dict(t=T)),
    "matvec": (lambda xp, v, a: xp.sum(xp.sin(a @ v)), dict(v=V), dict(a=A)),
    "matvec of params": (lambda xp, v, a: xp.sum(xp.sin(a @ v)), dict(v=V, a=A), {}),
    "vecmat": (lambda xp, w, a: xp.sum(xp.sin(w @ a)), dict(w=W), dict(a=A)),
    "dot": (lambda xp, v, u: (v @ u) ** 2 + v @ v, dict(v=V), dict(u=V + 2)),
    "sums": (
        lambda xp, t: xp.sum(xp.sum(t, axis=(0, 2)) ** 2) + xp.sum(xp.sum(t, axis=1, keepdims=True) * t),
        dict(t=T),
        {},
    ),
    "long sum": (lambda xp, x: xp.sum(x) ** 2 + xp.mean(x), dict(x=R.standard_normal(1000)), {}),
    "long table": (
        lambda xp, x: xp.sum(x * x) + xp.sum(xp.mean(x, axis=0) ** 2),
        dict(x=R.standard_normal((150, 40))),
        {},
    ),
    "mean, var, std": (
        lambda xp, a: xp.mean(a) * xp.sum(xp.var(a, axis=0, correction=1)) + xp.std(a, correction=0),
        dict(a=A),
        {},
    ),
    "max and min": (
        lambda xp, t: xp.max(t) * xp.min(t) + xp.sum(xp.max(t, axis=1) - xp.min(t, axis=2)[0, 0]),
        dict(t=T),
        {},
    ),
    "kinks": (
        lambda xp, a: xp.sum(xp.nn.relu(a) + xp.abs(a) * xp.maximum(a, 0.3) + xp.clip(a, -0.5, 0.5)),
        dict(a=A),
        {},
    ),
    "where": (
        lambda xp, a, m: xp.sum(xp.where(xp.logical_and(m, a > 0), xp.sqrt(a), a * a)),
        dict(a=A),
        dict(m=A > -0.5),
    ),
    "functions": (
        lambda xp, a: xp.sum(
            xp.expm1(a) * xp.log1p(a * a) + xp.exp(xp.sin(a)) / (2.0 + xp.cos(a)) - xp.special.erf(a) + xp.nn.sigmoid(a)
        ),
        dict(a=A),
        {},
    ),
    "more functions": (
        lambda xp, a: xp.sum(
            xp.nn.softplus(a) + xp.tan(a) * xp.atan(a) + xp.atan2(a, 1 + a * a) + xp.logaddexp(a, 2 * a)
        ),
        dict(a=A),
        {},
    ),
    "powers of arrays": (lambda xp, a, c: xp.sum(a**c), dict(a=POSITIVE), dict(c=A)),
    "logsumexp": (lambda xp, a: xp.sum(xp.nn.logsumexp(a, axis=1)) + xp.nn.logsumexp(a), dict(a=A), {}),
    "other orders": (
        lambda xp, a: xp.sum(xp.flip(a) * xp.roll(a, 1, axis=0) * xp.sort(a, axis=0) * xp.sort(a, descending=True)),
        dict(a=A),
        {},
    ),
    "running sum": (lambda xp, a: xp.sum(xp.cumulative_sum(a, axis=0) * xp.cumulative_sum(a, axis=1)), dict(a=A), {}),
    "products": (
        lambda xp, t: xp.prod(t) + xp.sum(xp.prod(t, axis=(0, 2))) + xp.sum(xp.prod(t, axis=1)),
        dict(t=T),
        {},
    ),
    "inner products": (
        lambda xp, a, v: xp.sum(xp.vecdot(a, v)) * xp.tensordot(a, a) + xp.sum(xp.tensordot(a, a, axes=((0,), (0,)))),
        dict(a=A, v=V),
        {},
    ),
    "norms": (lambda xp, a: xp.linalg.vector_norm(a) + xp.sum(xp.linalg.vector_norm(a, axis=1)), dict(a=A), {}),
    "diagonals": (lambda xp, t: xp.sum(xp.linalg.diagonal(t, offset=1)) * xp.sum(xp.linalg.trace(t)), dict(t=T), {}),
    "elimination": (
        lambda xp, s, v: xp.sum(xp.linalg.solve(s, v)) + xp.linalg.det(s) * xp.sum(xp.linalg.inv(s) ** 2),
        dict(s=SQUARE, v=V),
        {},
    ),
    "cholesky": (
        lambda xp, s: xp.sum(xp.linalg.cholesky(s @ s.T)) + xp.linalg.slogdet(s).logabsdet,
        dict(s=SQUARE),
        {},
    ),
    "activations": (
        lambda xp, a: xp.sum(
            xp.nn.silu(a)
            + xp.nn.leaky_relu(a, negative_slope=0.1) * xp.nn.elu(a, alpha=0.5)
            + xp.nn.gelu(a, approximate="tanh")
            + xp.hypot(a, 2.0)
            + xp.special.xlogy(a, a * a)
        ),
        dict(a=A),
        {},
    ),
    "one hot": (lambda xp, a, y: xp.sum((xp.nn.one_hot(y, 4) @ a) ** 2), dict(a=A), dict(y=LABELS)),
    "images": (
        lambda xp, x, w: (
            xp.sum(xp.nn.max_pool2d(xp.nn.conv2d(x, w, strides=1, padding="SAME"), window=2, strides=1))
            * xp.sum(xp.nn.avg_pool2d(x, window=(2, 1), strides=2))
        ),
        dict(x=R.standard_normal((2, 4, 3, 2)), w=R.standard_normal((2, 2, 2, 2))),
        {},
    ),
    "one pixel": (
        lambda xp, x, w: xp.sum(xp.nn.conv2d(x, w, strides=1, padding=0) ** 3),
        dict(x=np.ones((1, 1, 1, 1)), w=np.ones((1, 1, 1, 1))),
        {},
    ),
    "layer norm": (
        lambda xp, a, gamma, beta: xp.sum(xp.nn.layer_norm(a, gamma, beta, axis=-1, eps=1e-5) ** 3),
        dict(a=A, gamma=V + 3, beta=V),
        {},
    ),
    "softmax regression": (
        softmax_regression,
        dict(w=R.standard_normal((5, 3)), b=V),
        dict(x=R.standard_normal((4, 5)), y=LABELS),
    ),
    "attention": (attention, dict(q=T, k=T + 1, v=T), dict(causal=np.tril(np.ones((4, 4), bool)))),
    "recurrence": (recurrent, dict(w=0.9, x=V), {}),
}


@pytest.mark.parametrize("name", COSTS)
def test_every_row_has_the_bits_of_the_unbatched_source(name: str) -> None:
    cost, params, data = COSTS[name]
    graph = traced(cost, params, data)
    many = points(params, ROWS)
    together = evaluated(batch(graph, ROWS), many | data)
    assert together.shape == (ROWS,)
    assert np.isfinite(together).all()
    for row in range(ROWS):
        alone = evaluated(graph, {path: np.ascontiguousarray(x[row]) for path, x in many.items()} | data)
        assert bits(alone) == bits(together[row])


@pytest.mark.parametrize("name", COSTS)
def test_the_primitives_alone_give_the_same_rows(name: str) -> None:
    cost, params, data = COSTS[name]
    graph = traced(cost, params, data)
    many = points(params, ROWS)
    together = evaluated(batch(graph, ROWS), many | data)
    lowered = evaluated(batch(lower(graph), ROWS), many | data)
    assert np.max(np.abs(together - lowered) / np.maximum(1, np.abs(together))) <= 1e-13


def test_an_index_that_differs_from_row_to_row() -> None:
    builder = Builder()
    x = builder.input("x", (2, 5, 3), param=True)
    order = builder.call("argsort", x, axis=1, descending=True)
    place = builder.call("reshape", order[0, :2, :], shape=(6,))
    table = builder.call("reshape", x, shape=(2, 15))
    taken = builder.call("take", table, place, axis=1)
    sort = builder.call("take_along_axis", x, order, axis=1)
    total = builder.call("sum", taken * taken, axes=(0, 1), keepdims=False)
    graph = builder.freeze(total + builder.call("sum", sort[:, 0, :], axes=(0, 1), keepdims=False))
    many = points(dict(x=R.standard_normal((2, 5, 3))), ROWS)
    together = evaluated(batch(graph, ROWS), many)
    alone = [evaluated(graph, {"x": np.ascontiguousarray(row)}) for row in many["x"]]
    assert np.allclose(together, alone, rtol=1e-15, atol=0)


def test_inputs_and_outputs_are_told_apart() -> None:
    graph = traced(
        softmax_regression, dict(w=R.standard_normal((5, 3)), b=V), dict(x=R.standard_normal((4, 5)), y=LABELS)
    )
    many = batch(graph, ROWS)
    shapes = {path: many.nodes[k].shape for path, k in many.inputs.items()}
    assert shapes == {"w": (ROWS, 5, 3), "b": (ROWS, 3), "x": (4, 5), "y": (4,)}
    assert many.params == graph.params
    assert [many.nodes[k].shape for k in many.outputs] == [(ROWS,)]


def test_a_wrong_axis_is_seen() -> None:
    """The comparison of bits can fail: a batched graph with one axis left in its place does."""
    graph = traced(lambda xp, t: xp.sum(xp.tanh(xp.sum(t, axis=0)) ** 2), dict(t=np.ones((4, 4))), {})
    many = batch(graph, 4)
    wrong = replace(
        many,
        nodes=tuple(
            replace(n, attrs=n.attrs | {"axes": (0,)}) if n.attrs.get("axes") == (1,) and len(n.shape) == 2 else n
            for n in many.nodes
        ),
    )
    inputs = points(dict(t=np.ones((4, 4))), 4)
    assert bits(evaluated(many, inputs)) != bits(evaluated(wrong, inputs))


def test_reverse_only_operations_are_refused() -> None:
    derivative = gradient(traced(lambda xp, x: xp.sum(x[1:] ** 2), dict(x=V), {}))
    with pytest.raises(ValueError, match="index_adjoint"):
        batch(derivative.graph, ROWS)
