"""A cost for every phrase: an operation, its own leaves, weights that tell its entries apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from harness.graph import build as b
from harness.graph.build import Builder, Ref
from harness.graph.complexes import paired
from harness.graph.node import Graph
from harness.graph.primitives import CONSTANTS
from harness.measurement import Leaves

Operation = Callable[..., Ref]


def unary(op: str) -> Operation:
    return lambda x, **_: b.call(op, x)


def binary(op: str) -> Operation:
    return lambda x, y, **_: b.elementwise(op, x, y)


def literal(op: str) -> Operation:
    """An operand on either side that is a literal."""
    return lambda x, **_: b.elementwise(op, x, 0.75) * b.elementwise(op, 0.75, x)


def chosen(op: str) -> Operation:
    """A comparison read by `where`."""
    return lambda x, y, **_: b.elementwise("where", b.elementwise(op, x, y), 2 * x, y)


def joined(op: str) -> Operation:
    def operation(x: Ref, y: Ref, **_: Ref) -> Ref:
        low, high = b.elementwise("less", x, 0.5), b.elementwise("greater", x, y)
        return b.elementwise("where", b.call(op, low, high), x, y)

    return operation


def reduced(op: str, **attrs: Any) -> Operation:
    def operation(x: Ref, **_: Ref) -> Ref:
        kept = b.call(op, x, axes=(1,), keepdims=True, **attrs)
        whole = b.call(op, x, axes=(0, 1), keepdims=False, **attrs)
        return b.call(op, x, axes=(0,), keepdims=False, **attrs) * kept + whole

    return operation


def along(op: str) -> Operation:
    return lambda x, **_: b.call(op, x, axis=0) + 2 * b.call(op, x, axis=1)


def regular(x: Ref) -> Ref:
    """Return a matrix with an inverse, whose rows an elimination must exchange."""
    backwards = b.call("flip", x.builder.call("eye", n=3), axes=(0,))
    return b.matmul(b.transpose(x), x) + backwards


def definite(x: Ref) -> Ref:
    return b.matmul(b.transpose(x), x) + x.builder.call("eye", n=3)


def images(x: Ref, y: Ref) -> Ref:
    """Return two images of 2 by 3 pixels and two channels."""
    return b.call("stack", b.call("stack", x, y, axis=2), b.call("stack", y, x * x, axis=2), axis=0)


def convolved(padding: Any, mode: str) -> Operation:
    """Return a convolution with a kernel of 2 by 1 pixels, from two channels to one."""

    def operation(x: Ref, y: Ref, **_: Ref) -> Ref:
        kernel = b.reshape(x[0, 0:2] * y[0, 0:2], (1, 1, 2, 1))
        kernel = b.concat([kernel, b.reshape(x[1, 0:2], (1, 1, 2, 1))], 0)
        return b.call("conv2d", images(x, y), kernel, strides=(1, 2), padding=padding, mode=mode)

    return operation


def complex_z(x: Ref, y: Ref) -> Ref:
    return b.call("complex_of", x, y)


def complexly(op: str) -> Operation:
    """Return an operation on one complex value, whose parts are entries of the result."""
    return lambda x, y, **_: paired(b.call(op, complex_z(x, y)))


def complexly_two(op: str) -> Operation:
    """Return arithmetic of complex values, one of them broadcast, and of literals."""

    def operation(x: Ref, y: Ref, **_: Ref) -> Ref:
        z, w, two = complex_z(x, y), complex_z(y[0] + 1, x[1]), x.builder.constant(2)
        return paired(b.call(op, b.call(op, z, w), b.call(op, two, b.call(op, w, two))))

    return operation


def complex_product(op: str, left: tuple[int, ...], right: tuple[int, ...]) -> Operation:
    def operation(x: Ref, y: Ref, **_: Ref) -> Ref:
        z = complex_z(x, y)
        first, second = (complex_z(x, y) if shape == (2, 3) else _turned(z, x, y, shape) for shape in (left, right))
        return paired(b.call(op, first, second))

    return operation


def _turned(z: Ref, x: Ref, y: Ref, shape: tuple[int, ...]) -> Ref:
    """Return a complex value of another shape: transposed, or a row."""
    if len(shape) == 2:
        return complex_z(b.transpose(y), b.transpose(x))
    row = 0 if shape == (3,) else slice(None)
    return b.call("complex_index", z, index=b.normal_index((row,) if row == 0 else (row, 1), 2))


SMOOTH = "exp expm1 sqrt sin cos tan sinh cosh tanh asin acos atan erf erfc sigmoid softplus log log1p square negative "
SMOOTH += "silu logit"
PAIRS = "atan2 hypot logaddexp xlogy maximum minimum"
OPERATIONS: dict[str, Operation] = {
    **{op: unary(op) for op in f"{SMOOTH} relu abs".split()},
    **{op: binary(op) for op in f"{PAIRS} add subtract multiply divide power".split()},
    **{f"{op} of a literal": literal(op) for op in f"{PAIRS} add divide power".split()},
    **{op: chosen(op) for op in "greater greater_equal less less_equal equal not_equal".split()},
    **{op: joined(op) for op in "logical_and logical_or".split()},
    **{op: reduced(op) for op in "sum mean max min prod vector_norm logsumexp".split()},
    **{op: reduced(op, correction=0) for op in "var std".split()},
    **{f"{op}, correction 1": reduced(op, correction=1) for op in "var std".split()},
    **{op: along(op) for op in "softmax log_softmax cumulative_sum".split()},
    "sort": lambda x, **_: b.call("sort", x, axis=1, descending=True) * b.call("sort", x, axis=0, descending=False),
    "flip": lambda x, **_: b.call("flip", x, axes=(1,)) * b.call("flip", x, axes=(0, 1)),
    "roll": lambda x, **_: b.call("roll", x, shift=(1,), axes=(1,)) * b.call("roll", x, shift=(1, -1), axes=(0, 1)),
    "leaky_relu": lambda x, **_: b.call("leaky_relu", x - 0.53, negative_slope=0.25),
    "elu": lambda x, **_: b.call("elu", x - 0.53, alpha=1.0) * b.call("elu", x - 0.53, alpha=0.5),
    "one_hot": lambda x, k, **_: b.matmul(b.call("one_hot", k, n=2), x),
    "vecdot": lambda x, y, **_: b.call("vecdot", x, y, axis=1)[:, None] * b.call("vecdot", x, y, axis=0),
    "tensordot": lambda x, y, **_: (
        b.call("tensordot", x, y, left=(1,), right=(1,)) * b.call("tensordot", x, y, left=(0, 1), right=(0, 1))
    ),
    "diagonal": lambda x, **_: b.call("diagonal", x, offset=0) * b.call("diagonal", x, offset=1),
    "trace": lambda x, **_: b.call("trace", x, offset=0) * b.call("trace", x, offset=-1),
    "trace of a batch": lambda x, **_: (
        b.call("trace", images(x, x), offset=1) * b.call("trace", images(x, x), offset=0)
    ),
    "cholesky": lambda x, **_: b.call("cholesky", definite(x)),
    "solve": lambda x, y, **_: b.call("solve", regular(x), b.transpose(y)),
    **{op: lambda x, op=op, **_: b.call(op, regular(x)) * x[0, 0] for op in ("inv", "det", "logabsdet", "signdet")},
    "conv2d": convolved(((0, 0), (0, 0)), "VALID"),
    "conv2d of the same size": convolved(((0, 1), (0, 0)), "SAME"),
    "conv2d of one border": convolved(((1, 1), (2, 2)), "EXPLICIT"),
    "conv2d of borders": convolved(((1, 0), (0, 2)), "EXPLICIT"),
    "avg_pool2d": lambda x, y, **_: b.call("avg_pool2d", images(x, y), window=(2, 2), strides=(1, 1)),
    "max_pool2d": lambda x, y, **_: b.call("max_pool2d", images(x, y), window=(1, 2), strides=(2, 1)),
    "layer_norm": lambda x, y, **_: b.call("layer_norm", x, y[0], y[1], axes=(1,), eps=0.01),
    "layer_norm of two axes": lambda x, y, **_: b.call("layer_norm", x, y, x * y, axes=(0, 1), eps=0.01),
    **{f"gelu, {form}": lambda x, form=form, **_: b.call("gelu", x, approximate=form) for form in ("none", "tanh")},
    "sign": lambda x, **_: x * b.call("sign", x - 0.5),
    "stop_gradient": lambda x, **_: x * b.call("stop_gradient", x + 1),
    "logical_not": lambda x, m, **_: b.elementwise("where", b.call("logical_not", m), x, 0.5),
    "where": lambda x, m, **_: b.elementwise("where", m, 0.5, x) * b.elementwise("where", m, x, 0.25),
    "where of literals": lambda x, m, **_: x * b.elementwise("where", m, 1.0, 2.0),
    "pow": lambda x, **_: (
        b.call("pow", x, exponent=3) + b.call("pow", x, exponent=-0.5) + b.call("pow", x, exponent=-1)
    ),
    "clip": lambda x, y, **_: b.elementwise("clip", x, 0.3, 0.6) + b.elementwise("clip", x[0], y, 0.98),
    "clip of a literal": lambda x, y, **_: b.elementwise("clip", 0.5, x, 1 + y),
    "matmul": lambda x, y, **_: b.matmul(x, b.transpose(y)) + b.matmul(b.transpose(x), y)[0, 0],
    "matmul of a batch": lambda x, y, **_: b.matmul(b.reshape(x, (2, 3, 1)), y[0:1]) * x[0],
    "matvec": lambda x, y, **_: b.call("matvec", x, y[0]) + b.call("matvec", b.reshape(x, (1, 2, 3)), y[1]),
    "vecmat": lambda x, y, **_: b.call("vecmat", y[:, 0], x) + b.call("vecmat", y[:, 1], b.reshape(x, (1, 2, 3))),
    "dot": lambda x, y, **_: b.call("dot", x[0], y[1]),
    "reshape": lambda x, **_: b.reshape(x, (3, 2)) * b.reshape(b.reshape(x[0, 1], (1,)), ()),
    "broadcast_to": lambda x, y, **_: b.matmul(b.broadcast_to(x[0], (2, 2, 3)), b.broadcast_to(y[0, 0], (3, 1))),
    "permute_dims": lambda x, **_: b.permute(b.reshape(x, (1, 2, 3)), (2, 0, 1)) * b.transpose(x)[0:1],
    "concat": lambda x, y, **_: b.concat([x, y], 0) * b.concat([x, b.broadcast_to(x.builder.constant(2), (2, 3))], 0),
    "stack": lambda x, y, **_: b.call("stack", x, y, axis=1) * b.call("stack", y, x, axis=1)[:, 0:1],
    "index": lambda x, **_: x[1, 0:2] * x[0, ::2] + x[..., None, -1, None],
    "take": lambda x, i, **_: b.call("take", x, i, axis=1) * b.call("take", x, i[0], axis=1)[:, None] * x[0, 0],
    "take in rows": lambda x, i, **_: b.call("take", x, i, axis=0)[..., 0:2],
    "take_along_axis": lambda x, i, k, **_: (
        b.call("take_along_axis", x, k, axis=1) + b.call("take_along_axis", x, b.reshape(i[0:3], (1, 3)), axis=0)[0, 0]
    ),
    "take_along_axis off the last axis": lambda x, k, **_: b.call(
        "take_along_axis", b.reshape(x, (1, 3, 2)), b.reshape(k, (1, 2, 2)), axis=1
    ),
    "argsort": lambda x, **_: (
        b.call("take_along_axis", x, b.call("argsort", x, axis=1, descending=True), axis=1)
        * b.call("take_along_axis", x, b.call("argsort", x, axis=0, descending=False), axis=0)
    ),
    "eye": lambda x, **_: b.matmul(x, x.builder.call("eye", n=3)),
    "arange": lambda x, i, **_: b.elementwise(
        "where", b.elementwise("less", x.builder.call("arange", n=3), i[1]), x, 2
    ),
    "full": lambda x, **_: (
        b.concat([b.broadcast_to(x.builder.constant(v), (1, 3)) for v in (0, 1.0, 0.5)] + [x], 0) * 2
    ),
    "complex_of": lambda x, y, **_: paired(complex_z(x, y)),
    "complex_of of literals": lambda x, y, **_: paired(
        b.call("complex_multiply", complex_z(x, y), complex_z(x.builder.constant(0.5), x.builder.constant(2)))
    ),
    "as_complex": lambda x, **_: paired(b.call("complex_exp", b.call("as_complex", x))),
    **{op: complexly(op) for op in "conj real imag complex_abs complex_exp complex_negative".split()},
    **{f"complex_{op}": complexly_two(f"complex_{op}") for op in "add subtract multiply divide".split()},
    "complex_matmul": complex_product("complex_matmul", (2, 3), (3, 2)),
    "complex_matvec": complex_product("complex_matvec", (2, 3), (3,)),
    "complex_vecmat": complex_product("complex_vecmat", (2,), (2, 3)),
    "complex_dot": complex_product("complex_dot", (3,), (3,)),
    "complex_index": lambda x, y, **_: paired(
        b.call("complex_index", complex_z(x, y), index=b.normal_index((1, None, slice(0, 3, 2)), 2))
    ),
    "complex_sum": lambda x, y, **_: paired(
        b.call(
            "complex_multiply",
            b.call("complex_sum", complex_z(x, y), axes=(0,), keepdims=True),
            b.call("complex_sum", complex_z(y, x), axes=(0, 1), keepdims=False),
        )
    ),
    "constants": lambda x, **_: sum((x * name for name in CONSTANTS if "inf" not in name), x),
    "-inf": lambda x, **_: b.call(
        "softmax", b.concat([x, b.broadcast_to(x.builder.constant("-inf"), (1, 3))], 0), axis=0
    ),
    "literals alone": lambda x, **_: x * b.call("exp", x.builder.constant(0.5)),
    "comparison of integers": lambda x, k, **_: b.elementwise("where", b.elementwise("greater", k[:, 0:1], 0), x, 3),
}
DATA: Leaves = {
    "i": np.array([0, 1, 1, 0]),
    "k": np.array([[0, 1], [1, 0]]),
    "m": np.array([[True, False, True], [False, True, True]]),
}


def inputs_of(op: str) -> Leaves:
    draw = np.random.default_rng(sum(map(ord, op)))
    entries = [draw.permutation(0.01 + np.arange(1, 20) / 20)[:6].reshape(2, 3) for _ in "xy"]
    return {f"{op}.x": entries[0], f"{op}.y": entries[1]}


def add(builder: Builder, op: str, data: dict[str, Ref]) -> Ref:
    """Return Σ c·op(x, y) with its own leaves, every entry with another weight c."""
    x, y = (builder.input(path, (2, 3), param=True) for path in inputs_of(op))
    result = OPERATIONS[op](x=x, y=y, **data)
    weights = builder.input(f"{op}.c", result.shape)
    product = result * weights
    return b.total(product, range(product.ndim))


def graph_of(*operations: str) -> tuple[Graph, Leaves]:
    """Return the sum of operations, and its inputs."""
    builder = Builder()
    kinds = {"i": "int", "k": "int", "m": "bool"}
    data = {name: builder.input(name, DATA[name].shape, kinds[name]) for name in DATA}  # type: ignore[arg-type]
    terms = [add(builder, op, data) for op in operations]
    graph = builder.freeze(sum(terms[1:], terms[0]))
    inputs = dict(DATA)
    for op in operations:
        shape = graph.nodes[graph.inputs[f"{op}.c"]].shape
        inputs |= inputs_of(op) | {f"{op}.c": 1 + np.arange(np.prod(shape, dtype=int)).reshape(shape) / 8}
    return graph, inputs
