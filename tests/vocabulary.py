"""A use or more of every public function of `xp`, each at a seeded point where it is well-conditioned."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from complex_uses import COMPLEX_USES
from harness.domains.precision import round_to
from harness.graph.build import Builder
from harness.graph.node import Graph
from harness.measurement import Leaves
from harness.xp.namespace import Namespace, make_namespace
from harness.xp.trace import Leaf, trace

Shape = tuple[int, ...]
Draw = Callable[[np.random.Generator], Any]


def between(low: float, high: float, *shape: int) -> Draw:
    return lambda rng: rng.uniform(low, high, shape)


def apart(*shape: int, by: float = 0.0) -> Draw:
    """Entries no two of which are near each other, or near those that are apart `by` another number."""
    return lambda rng: (rng.permutation(math.prod(shape)).reshape(shape) - math.prod(shape) / 2 + 0.3) / 3.7 + by


def symmetric(n: int) -> Draw:
    def draw(rng: np.random.Generator) -> Any:
        x = rng.uniform(-1, 1, (n, n))
        return (x + x.T) / 2 + n * np.eye(n)

    return draw


def regular(*shape: int) -> Draw:
    """Matrices whose rows must be exchanged, since the main diagonal is small."""
    return lambda rng: rng.uniform(-0.5, 0.5, shape) + 2 * np.eye(shape[-1])[::-1]


def given(values: Any) -> Draw:
    """These numbers."""
    return lambda rng: np.asarray(values)


class Use(NamedTuple):
    """A function of arrays, by their names, and how each is drawn; integers and booleans are data."""

    function: Callable[..., Any]
    leaves: dict[str, Draw]
    dtypes: tuple[str, ...] = ("float64", "float32")


X, Y, U = between(-1.5, 1.5, 2, 3), between(-1.5, 1.5, 2, 3), between(0.3, 1.8, 2, 3)
PLACES, OTHERS = apart(2, 3), apart(2, 3, by=0.13)
MATRIX, CUBE = between(-1.0, 1.0, 3, 2), between(-1.0, 1.0, 2, 3, 2)
IMAGE, KERNEL = between(-1.0, 1.0, 2, 5, 4, 2), between(-1.0, 1.0, 3, 2, 2, 3)
PICKS, BESIDE = given([2, 0, 1, 2]), given([[2, 0], [1, 1]])
M = given([[True, False, True], [False, True, True]])


def one(name: str, draw: Draw = X) -> Use:
    """The function of one array."""
    return Use(lambda xp, x: of(xp, name)(x), {"x": draw})


def two(name: str, first: Draw = X, second: Draw = Y) -> Use:
    """The function of two arrays, and of one that stands on a row of the other."""
    return Use(lambda xp, x, y: of(xp, name)(x, y) + of(xp, name)(x, y[0]), {"x": first, "y": second})


def chosen(name: str) -> Use:
    """A comparison, read by where."""
    return Use(lambda xp, x, y: xp.where(of(xp, name)(x, y), 2 * x, y * y), {"x": PLACES, "y": OTHERS})


def reduced(name: str, draw: Draw = CUBE, **options: Any) -> Use:
    """A reduction over one axis, over two, and over all."""

    def function(xp: Any, x: Any) -> Any:
        along = of(xp, name)
        kept = along(x, axis=1, keepdims=True, **options)
        return x * kept + along(x, axis=(0, 2), **options)[:, None] + along(x, **options)

    return Use(function, {"x": draw})


def along(name: str, draw: Draw = CUBE, **options: Any) -> Use:
    """A function along an axis, the last and another."""
    return Use(lambda xp, x: of(xp, name)(x, axis=-1, **options) * of(xp, name)(x, axis=1, **options), {"x": draw})


def of(xp: Any, name: str) -> Any:
    """Return a function by its dotted name."""
    for part in name.split("."):
        xp = getattr(xp, part)
    return xp


def joined(xp: Any, name: str, x: Any, y: Any) -> Any:
    return xp.where(of(xp, name)(x < 0.5, x > y), x, y * y)


def slogdet(xp: Any, x: Any) -> Any:
    sign, logarithm = xp.linalg.slogdet(x)
    return sign * logarithm * xp.ones((2,))


def normalised(xp: Any, x: Any, gamma: Any, beta: Any) -> Any:
    return xp.nn.layer_norm(x, gamma, beta, axis=-1, eps=1e-5)


NORMED = {"gamma": between(0.5, 1.5, 4), "beta": between(-1.0, 1.0, 4)}

USES: dict[str, Use] = {
    # functions of one array
    **{op: one(op) for op in "cos cosh exp expm1 negative sin sinh square tanh atan".split()},
    **{op: one(op, U) for op in "sqrt log log1p reciprocal".split()},
    **{op: one(op, between(-0.9, 0.9, 2, 3)) for op in "asin acos tan".split()},
    "abs": one("abs", PLACES),
    "sign": Use(lambda xp, x: xp.sign(x) * x * x, {"x": PLACES}),
    "stop_gradient": Use(lambda xp, x: xp.stop_gradient(x * x) * x, {"x": X}),
    **{f"special.{op}": one(f"special.{op}") for op in ("erf", "erfc")},
    "special.logit": one("special.logit", between(0.1, 0.9, 2, 3)),
    # of two
    **{op: two(op) for op in "add subtract multiply logaddexp hypot".split()},
    **{op: two(op, PLACES, OTHERS) for op in ("maximum", "minimum")},
    "divide": two("divide", X, U),
    "atan2": two("atan2", U, U),
    "pow": Use(lambda xp, x, y: xp.pow(x, 3) + xp.pow(x, y) + xp.pow(2, y), {"x": U, "y": Y}),
    "special.xlogy": two("special.xlogy", X, U),
    "special.xlogy, 0": Use(
        lambda xp, x, y: xp.special.xlogy(x, y) + xp.special.xlogy(2.0, y),
        {"x": given([1, 0, 3]), "y": between(0.3, 1.8, 3)},
    )._replace(function=lambda xp, x, y: xp.special.xlogy(xp.where(x > 0, y, 0.0), y) + xp.special.xlogy(2.0, y)),
    "clip": Use(lambda xp, x, y: xp.clip(x, -0.4, 0.4) + xp.clip(x, -1, y), {"x": PLACES, "y": U}),
    # decisions
    **{op: chosen(op) for op in "greater greater_equal less less_equal equal not_equal".split()},
    **{
        op: Use(lambda xp, x, y, op=op: joined(xp, op, x, y), {"x": PLACES, "y": OTHERS})
        for op in ("logical_and", "logical_or")
    },
    "logical_not": Use(lambda xp, x, m: xp.where(xp.logical_not(m), x * x, 0.5), {"x": X, "m": M}),
    "where": Use(lambda xp, x, y, m: xp.where(m, x * x, y) + xp.where(y > x, 1.0, x), {"x": X, "y": Y, "m": M}),
    # shapes
    "reshape": Use(lambda xp, x: xp.reshape(x, (3, -1)) ** 2, {"x": X}),
    "permute_dims": Use(lambda xp, x: xp.permute_dims(x, (2, 0, 1)) ** 2, {"x": CUBE}),
    "matrix_transpose": Use(lambda xp, x: xp.matrix_transpose(x) ** 2, {"x": CUBE}),
    "expand_dims": Use(lambda xp, x: xp.expand_dims(x, axis=1) * x, {"x": X}),
    "squeeze": Use(lambda xp, x: xp.squeeze(x[:, None], axis=1) ** 2, {"x": X}),
    "broadcast_to": Use(lambda xp, x, y: xp.broadcast_to(x, (2, 2, 3)) * y, {"x": X, "y": Y}),
    "concat": Use(lambda xp, x, y: xp.concat([x, y * y, xp.ones((2, 3))], axis=1) ** 2, {"x": X, "y": Y}),
    "stack": Use(lambda xp, x, y: xp.stack([x, y * y], axis=1) ** 2, {"x": X, "y": Y}),
    "unstack": Use(lambda xp, x: sum(row**k for k, row in enumerate(xp.unstack(x, axis=1), 1)), {"x": X}),
    "flip": Use(lambda xp, x: xp.flip(x, axis=1) * xp.flip(x) + xp.flip(x, axis=(0, 1)) ** 3, {"x": X}),
    "roll": Use(lambda xp, x: xp.roll(x, 1, axis=1) * xp.roll(x, 2) + xp.roll(x, (1, -1), axis=(0, 1)) ** 3, {"x": X}),
    "sort": Use(
        lambda xp, x: xp.sort(x) * xp.sort(x, axis=0, descending=True) ** 2 + xp.sort(x, descending=True) ** 3,
        {"x": apart(3, 3)},
    ),
    "take": Use(lambda xp, x, i: xp.take(x, i, axis=1) ** 2, {"x": X, "i": PICKS}),
    "take_along_axis": Use(lambda xp, x, k: xp.take_along_axis(x, k, axis=1) ** 2, {"x": X, "k": BESIDE}),
    # literals
    "zeros": Use(lambda xp, x: x * x + xp.zeros((2, 3)), {"x": X}),
    "ones": Use(lambda xp, x: x * x - xp.ones((2, 3)), {"x": X}),
    "full": Use(lambda xp, x: x * xp.full((2, 3), 0.7), {"x": X}),
    "eye": Use(lambda xp, x: x @ xp.eye(3) * x, {"x": X}),
    "zeros_like": Use(lambda xp, x: xp.concat([x * x, xp.zeros_like(x)]), {"x": X}),
    "ones_like": Use(lambda xp, x: x / (xp.ones_like(x) + x * x), {"x": X}),
    "full_like": Use(lambda xp, x: xp.maximum(x, xp.full_like(x, 0.21)), {"x": X}),
    # reductions
    **{op: reduced(op) for op in "sum mean prod".split()},
    **{op: reduced(op, apart(2, 3, 2)) for op in ("max", "min")},
    **{op: reduced(op, correction=0) for op in ("var", "std")},
    **{f"{op}, correction 1": reduced(op, correction=1) for op in ("var", "std")},
    "prod, zeros": Use(
        lambda xp, x: xp.prod(x, axis=1), {"x": given([[2.0, 0.0, 3.0], [0.0, 0.0, 1.5], [1.5, 2.5, 0.5]])}
    ),
    "cumulative_sum": along("cumulative_sum"),
    # products
    "matmul": Use(lambda xp, x, y: xp.matmul(x, y) + xp.matmul(y[:, 0], y), {"x": X, "y": MATRIX}),
    "linalg.matmul": Use(lambda xp, x, y: xp.linalg.matmul(x, y), {"x": X, "y": MATRIX}),
    "linalg.matrix_transpose": Use(lambda xp, x: xp.linalg.matrix_transpose(x) ** 2, {"x": CUBE}),
    **{
        f"{room}vecdot": Use(
            lambda xp, x, y, v=f"{room}vecdot": of(xp, v)(x, y) + of(xp, v)(x, y[0], axis=-1), {"x": X, "y": Y}
        )
        for room in ("", "linalg.")
    },
    "vecdot, axis": Use(lambda xp, x, y: xp.vecdot(x, y, axis=-2), {"x": CUBE, "y": MATRIX}),
    **{
        f"{room}tensordot": Use(
            lambda xp, x, y, t=f"{room}tensordot": of(xp, t)(x, y) + of(xp, t)(x, y[:, 0], axes=((1,), (0,))),
            {"x": CUBE, "y": MATRIX},
        )
        for room in ("", "linalg.")
    },
    # matrices
    "linalg.cholesky": Use(
        lambda xp, x: xp.linalg.cholesky(x) + xp.linalg.cholesky(x, upper=True), {"x": symmetric(3)}
    ),
    "linalg.cholesky, batch": Use(
        lambda xp, x: xp.linalg.cholesky(x @ x.mT + 2 * xp.eye(3)), {"x": between(-1.0, 1.0, 2, 3, 3)}
    ),
    "linalg.solve": Use(
        lambda xp, x, y: xp.linalg.solve(x, y[:, 0]) + xp.sum(xp.linalg.solve(x, y) ** 2),
        {"x": regular(3, 3), "y": MATRIX},
    ),
    "linalg.solve, batch": Use(lambda xp, x, y: xp.linalg.solve(x, y), {"x": regular(2, 3, 3), "y": MATRIX}),
    "linalg.inv": one("linalg.inv", regular(4, 4)),
    "linalg.det": one("linalg.det", regular(2, 3, 3)),
    "linalg.slogdet": Use(slogdet, {"x": regular(2, 5, 5)}),
    "linalg.diagonal": Use(
        lambda xp, x: xp.linalg.diagonal(x) ** 2 + xp.linalg.diagonal(x, offset=-1) ** 3, {"x": CUBE}
    ),
    "linalg.trace": Use(
        lambda xp, x: xp.linalg.trace(x) ** 2 + xp.linalg.trace(x[0], offset=1) + xp.linalg.trace(x[0] * x[0]),
        {"x": CUBE},
    ),
    "linalg.vector_norm": reduced("linalg.vector_norm"),
    # networks
    **{f"nn.{op}": one(f"nn.{op}") for op in "sigmoid softplus silu".split()},
    "nn.relu": one("nn.relu", PLACES),
    "nn.leaky_relu": Use(lambda xp, x: xp.nn.leaky_relu(x, negative_slope=0.2), {"x": PLACES}),
    "nn.elu": Use(lambda xp, x: xp.nn.elu(x, alpha=1.0) * xp.nn.elu(x, alpha=0.7), {"x": PLACES}),
    **{
        name: Use(lambda xp, x, form=form: xp.nn.gelu(x, approximate=form), {"x": X})
        for name, form in (("nn.gelu", "none"), ("nn.gelu, tanh", "tanh"))
    },
    **{f"nn.{op}": along(f"nn.{op}") for op in ("softmax", "log_softmax")},
    "nn.logsumexp": reduced("nn.logsumexp"),
    "nn.one_hot": Use(lambda xp, x, i: xp.nn.one_hot(i, 3) @ x, {"x": MATRIX, "i": PICKS}),
    "nn.conv2d": Use(lambda xp, x, w: xp.nn.conv2d(x, w, strides=1, padding="VALID"), {"x": IMAGE, "w": KERNEL}),
    "nn.conv2d, same": Use(
        lambda xp, x, w: xp.nn.conv2d(x, w, strides=(2, 1), padding="SAME"), {"x": IMAGE, "w": KERNEL}
    ),
    "nn.conv2d, one border": Use(lambda xp, x, w: xp.nn.conv2d(x, w, strides=2, padding=1), {"x": IMAGE, "w": KERNEL}),
    "nn.conv2d, borders": Use(
        lambda xp, x, w: xp.nn.conv2d(x, w, strides=(2, 1), padding=((1, 0), (1, 2))), {"x": IMAGE, "w": KERNEL}
    ),
    "nn.avg_pool2d": Use(lambda xp, x: xp.nn.avg_pool2d(x, window=(3, 2), strides=(1, 2)), {"x": IMAGE}),
    "nn.max_pool2d": Use(lambda xp, x: xp.nn.max_pool2d(x, window=2, strides=1), {"x": apart(2, 5, 4, 2)}),
    "nn.layer_norm": Use(normalised, {"x": between(-1.0, 1.0, 3, 4), **NORMED}),
    "nn.layer_norm, axes": Use(
        lambda xp, x, gamma: xp.nn.layer_norm(x, gamma, gamma * gamma, axis=(-2, -1), eps=0.01),
        {"x": CUBE, "gamma": MATRIX},
    ),
    # where an engine is known to lose digits
    "nn.softplus, above 20": one("nn.softplus", between(20.5, 24.0, 2, 3)),
    "log1p, on (-0.5, -0.3)": one("log1p", given([-0.41411036252975464])),
    "nn.layer_norm, at an offset": Use(normalised, {"x": between(1e6, 1e6 + 1, 32, 4), **NORMED}, ("float64",)),
    **{name: Use(function, leaves) for name, (function, leaves) in COMPLEX_USES.items()},
    "linalg.det, nearly singular": one("linalg.det", given([[0.625, -1.125], [0.46875, -0.84359771]])),
}


def public() -> set[str]:
    """Return the dotted names of all functions of `xp`."""
    xp = make_namespace(Builder())
    rooms = {"": xp} | {f"{name}.": room for name, room in vars(xp).items() if isinstance(room, Namespace)}
    return {
        f"{prefix}{name}"
        for prefix, room in rooms.items()
        for name, value in vars(room).items()
        if callable(value) and not name.startswith("_") and not isinstance(value, Namespace)
    }


def unused(uses: dict[str, Use]) -> set[str]:
    """Return the public functions that no use is named after."""
    return public() - {name.partition(",")[0] for name in uses}


def point(name: str) -> Leaves:
    """Return the inputs of a use, numbers that its dtypes hold, and weights `c` for the entries of its result."""
    use, rng = USES[name], np.random.default_rng(list(name.encode()))
    drawn = {path: np.asarray(draw(rng)) for path, draw in use.leaves.items()} | {"c": rng.uniform(0.5, 1.5, 400)}
    return {path: round_to(x, use.dtypes[-1]) if x.dtype.kind == "f" else x for path, x in drawn.items()}


@cache
def traced(name: str) -> Graph:
    """Return the graph of the weighed sum of a use's entries."""
    kinds: dict[str, Any] = {"f": "real", "i": "int", "b": "bool"}

    def cost(xp: Any, c: Any, **leaves: Any) -> Any:
        result = USES[name].function(xp, **leaves)
        return xp.sum(result * xp.reshape(c[: math.prod(result.shape)], result.shape))

    leaves = {
        path: Leaf(shape=x.shape, kind=kinds[x.dtype.kind], param=path != "c" and x.dtype.kind == "f")
        for path, x in point(name).items()
    }
    return trace(cost, leaves, name)
