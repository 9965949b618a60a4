"""One-operation graphs, one or more for each primitive that the derivation can meet, each at a seeded point.

The functions return an array; `scalar` weighs its entries with fixed data, so that no cotangent is constant.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from harness.graph import build as b
from harness.graph.build import Builder, Ref
from harness.graph.node import Graph
from harness.measurement import Leaves

Shape = tuple[int, ...]


class Operation(NamedTuple):
    """A function of real arrays, the shapes of its arguments, and the interval their entries are drawn from."""

    function: Callable[..., Ref]
    shapes: tuple[Shape, ...] = ((2, 3),)
    low: float = -2.0
    high: float = 2.0


def each(op: str) -> Callable[..., Ref]:
    """Return the function that applies a primitive."""
    return lambda *xs, **attrs: b.call(op, *xs, **attrs)


def power(exponent: float) -> Callable[[Ref], Ref]:
    """Return the function x ** exponent for a literal exponent."""
    return lambda x: b.call("pow", x, exponent=exponent)


def squared(x: Ref) -> Ref:
    """Return x², after which an adjoint depends on what it came from."""
    return x * x


def where_positive(x: Ref, y: Ref) -> Ref:
    zero = b.broadcast_to(x.builder.constant(0), x.shape)
    return b.call("where", b.call("greater", x, zero), x * x, y * x)


def sort(x: Ref) -> Ref:
    return b.call("take_along_axis", x, b.call("argsort", x, axis=1, descending=True), axis=1)


def take(x: Ref) -> Ref:
    return b.call("take", x, x.builder.input("index", (4,), "int"), axis=1)


def frozen(x: Ref) -> Ref:
    return x * b.call("stop_gradient", x * x)


def definite(x: Ref) -> Ref:
    """Return a symmetric matrix with positive eigenvalues."""
    return b.matmul(b.transpose(x), x) + x.builder.call("eye", n=3)


TWO = ((2, 3), (2, 3))

OPERATIONS: dict[str, Operation] = {
    "add": Operation(lambda x, y: x + y * y, TWO),
    "subtract": Operation(lambda x, y: x * x - y, TWO),
    "multiply": Operation(lambda x, y: x * y, TWO),
    "divide": Operation(lambda x, y: x / y, TWO, 0.5, 2.0),
    "divide_literal": Operation(lambda x: x / 3 + 1 / x, low=0.5),
    "negative": Operation(lambda x: -(x * x)),
    "pow_2": Operation(power(2)),
    "pow_3": Operation(power(3)),
    "pow_-2": Operation(power(-2), low=0.5),
    "pow_0.5": Operation(power(0.5), low=0.5),
    "pow_0.1": Operation(power(0.1), low=0.5),
    "power": Operation(each("power"), TWO, 0.5, 2.0),
    **{op: Operation(each(op)) for op in "exp expm1 sin cos sinh cosh tanh atan erf erfc sigmoid softplus".split()},
    **{op: Operation(each(op), low=0.5) for op in ("log", "log1p", "sqrt")},
    "tan": Operation(each("tan"), low=-1.0, high=1.0),
    "asin": Operation(each("asin"), low=-0.8, high=0.8),
    "acos": Operation(each("acos"), low=-0.8, high=0.8),
    "atan2": Operation(each("atan2"), TWO, 0.5, 2.0),
    "logaddexp": Operation(each("logaddexp"), TWO),
    "stop_gradient": Operation(frozen),
    "backward_error": Operation(lambda x: squared(b.call("backward_error", squared(x)))),
    "relu": Operation(lambda x: b.call("relu", x) * x),
    "abs": Operation(lambda x: b.call("abs", x) * x),
    "sign": Operation(lambda x: b.call("sign", x) * x),
    "maximum": Operation(lambda x, y: b.call("maximum", x, y * y), TWO),
    "minimum": Operation(lambda x, y: b.call("minimum", x, y * y), TWO),
    "where": Operation(where_positive, TWO),
    "max": Operation(lambda x: b.call("max", x * x, axes=(1,), keepdims=True)),
    "sort": Operation(lambda x: squared(sort(x * x))),
    "reshape": Operation(lambda x: b.reshape(x * x, (3, 2))),
    "permute_dims": Operation(lambda x: b.permute(x * x, (1, 0))),
    "broadcast_to": Operation(lambda x: b.broadcast_to(x * x, (4, 2, 3))),
    "index": Operation(lambda x: squared((x * x)[:, None, 2:0:-1])),
    "take": Operation(lambda x: squared(take(x * x))),
    "concat": Operation(lambda x, y: b.concat([x * x, y], 1), TWO),
    "sum": Operation(lambda x: b.total(x * x, (0,), keepdims=True)),
    "mean": Operation(lambda x: b.call("mean", x * x, axes=(0, 1), keepdims=False)),
    "var": Operation(lambda x: b.call("var", x, axes=(1,), keepdims=False, correction=1)),
    "std": Operation(lambda x: b.call("std", x, axes=(1,), keepdims=False, correction=0)),
    "matmul": Operation(lambda x, y: b.matmul(x, b.transpose(y)), TWO),
    "matmul_batched": Operation(b.matmul, ((2, 3, 2), (2, 2, 3))),
    "eye": Operation(lambda x: b.matmul(x * x, x.builder.call("eye", n=3)) + x),
    "hypot": Operation(lambda x, y: b.call("hypot", x, y), TWO),
    "xlogy": Operation(lambda x, y: b.call("xlogy", x, y), TWO, 0.5, 2.0),
    "logit": Operation(lambda x: b.call("logit", x), low=0.1, high=0.9),
    "flip": Operation(lambda x: squared(b.call("flip", x, axes=(0, 1)))),
    "roll": Operation(lambda x: squared(b.call("roll", x, shift=(1, -1), axes=(1, 0)))),
    "cumulative_sum": Operation(lambda x: squared(b.call("cumulative_sum", x, axis=1))),
    "prod": Operation(lambda x: b.call("prod", x, axes=(1,), keepdims=True)),
    "vecdot": Operation(lambda x, y: b.call("vecdot", x, y, axis=1), TWO),
    "tensordot": Operation(lambda x, y: b.call("tensordot", x, y, left=(1,), right=(1,)), TWO),
    "diagonal": Operation(lambda x: squared(b.call("diagonal", x, offset=1))),
    "trace": Operation(lambda x: squared(b.call("trace", x, offset=0))),
    "vector_norm": Operation(lambda x: b.call("vector_norm", x, axes=(1,), keepdims=False)),
    "cholesky": Operation(lambda x: b.call("cholesky", definite(x))),
    "solve": Operation(lambda x, y: b.call("solve", definite(x), b.transpose(y)), TWO),
    **{
        op: Operation(lambda x, op=op: b.call(op, x - 3 * x.builder.call("eye", n=3)), ((3, 3),), -1.0, 1.0)
        for op in ("inv", "det", "logabsdet")
    },
    "leaky_relu": Operation(lambda x: b.call("leaky_relu", x, negative_slope=0.2) * x),
    "elu": Operation(lambda x: b.call("elu", x, alpha=0.5)),
    "silu": Operation(each("silu")),
    "gelu": Operation(lambda x: b.call("gelu", x, approximate="none")),
    "gelu_tanh": Operation(lambda x: b.call("gelu", x, approximate="tanh")),
    "conv2d": Operation(
        lambda x, w: b.call("conv2d", x, w, strides=(2, 1), padding=((1, 0), (0, 1)), mode="EXPLICIT"),
        ((1, 4, 3, 2), (2, 2, 2, 1)),
    ),
    "avg_pool2d": Operation(lambda x: squared(b.call("avg_pool2d", x, window=(2, 2), strides=(2, 1))), ((1, 4, 3, 1),)),
    "max_pool2d": Operation(lambda x: squared(b.call("max_pool2d", x, window=(2, 2), strides=(2, 1))), ((1, 4, 3, 1),)),
    "layer_norm": Operation(lambda x, y: b.call("layer_norm", x, y[0], y[1], axes=(1,), eps=0.1), TWO),
    "softmax": Operation(lambda x: b.call("softmax", x, axis=1)),
    "log_softmax": Operation(lambda x: b.call("log_softmax", x, axis=1)),
    "logsumexp": Operation(lambda x: b.call("logsumexp", x, axes=(1,), keepdims=False)),
}


def scalar(operation: Operation) -> Graph:
    """Return the graph of the sum of the operation's entries, each with a weight of its own (input `weight`)."""
    builder = Builder()
    leaves = [builder.input(f"x{k}", shape, param=True) for k, shape in enumerate(operation.shapes)]
    result = operation.function(*leaves)
    weighted = result * builder.input("weight", result.shape)
    return builder.freeze(b.total(weighted, range(weighted.ndim)))


def point(name: str, graph: Graph, *, draw: int = 0) -> Leaves:
    """Return seeded inputs of a graph made by `scalar`, rounded to float32 so that every wider dtype holds them."""
    operation = OPERATIONS[name]
    rng = np.random.default_rng([draw, *name.encode()])
    leaves: Leaves = {}
    for path, node in graph.inputs.items():
        shape = graph.nodes[node].shape
        if graph.nodes[node].kind == "int":
            leaves[path] = np.array([2, 0, 2, 1])
        elif path == "weight":
            leaves[path] = np.float64(np.float32(rng.uniform(0.5, 2.0, shape)))
        else:
            leaves[path] = np.float64(np.float32(rng.uniform(operation.low, operation.high, shape)))
    return leaves


def tangents(graph: Graph, inputs: Leaves) -> Leaves:
    """Return the inputs of the graph's HVP: those of the graph, and a direction beside each differentiated one."""
    rng = np.random.default_rng(7)
    return {**inputs, **{f"v.{path}": rng.integers(1, 9, inputs[path].shape) / 4 for path in graph.params}}
