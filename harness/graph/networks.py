"""Composites of networks: activations, convolution, pooling, normalisation.

Images are (batch, height, width, channel), kernels (height, width, in, out). A decision at a kink is the comparison
that the frameworks write: two branches with one rounding each.
"""

from __future__ import annotations

from itertools import product

from harness.graph import build as b
from harness.graph.build import Ref
from harness.graph.registry import composite

Pair = tuple[int, int]


def _positive(x: Ref, value: Ref, other: Ref) -> Ref:
    return b.elementwise("where", b.elementwise("greater", x, 0), value, other)


@composite("leaky_relu")
def leaky_relu(x: Ref, negative_slope: float) -> Ref:
    return _positive(x, x, negative_slope * x)


@composite("elu")
def elu(x: Ref, alpha: float) -> Ref:
    return _positive(x, x, alpha * b.call("expm1", x))


@composite("silu")
def silu(x: Ref) -> Ref:
    return x * b.call("sigmoid", x)


@composite("gelu")
def gelu(x: Ref, approximate: str) -> Ref:
    """x·Φ(x), and the form with tanh (Hendrycks and Gimpel, Gaussian Error Linear Units, 2016, section 2)."""
    if approximate == "none":
        return 0.5 * x * (1 + b.call("erf", x * "sqrt_half"))
    inner = (x + b.call("pow", x, exponent=3) * "gelu_cubic") * "sqrt_two_over_pi"
    return 0.5 * x * (1 + b.call("tanh", inner))


@composite("one_hot")
def one_hot(indices: Ref, n: int) -> Ref:
    """Integers as rows of an identity matrix: data, which nothing flows through."""
    shape = (*indices.shape, n)
    place = b.broadcast_to(indices.builder.call("arange", n=n), shape)
    hit = b.call("equal", b.broadcast_to(b.expand(indices, indices.ndim), shape), place)
    one, zero = (b.broadcast_to(indices.builder.constant(value), shape) for value in (1, 0))
    return b.call("where", hit, one, zero)


# --------------------------------------------------------------------------- windows over images


def _windows(x: Ref, window: Pair, strides: Pair) -> list[Ref]:
    """Return for each place of the window the entries under it as it moves over the image, row by row."""
    counts = [(n - size) // step + 1 for n, size, step in zip(x.shape[1:3], window, strides, strict=True)]
    reach = [step * (count - 1) + 1 for step, count in zip(strides, counts, strict=True)]
    return [
        x[:, i : i + reach[0] : strides[0], j : j + reach[1] : strides[1]]
        for i, j in product(range(window[0]), range(window[1]))
    ]


def _padded(x: Ref, padding: tuple[Pair, Pair]) -> Ref:
    """Return the image between rows and columns of zeros."""
    for axis, (before, after) in enumerate(padding, 1):
        x = b.concat([*_zeros(x, axis, before), x, *_zeros(x, axis, after)], axis)
    return x


def _zeros(x: Ref, axis: int, count: int) -> list[Ref]:
    """Return a block of zeros that fits x along an axis; nothing where it would be empty."""
    shape = (*x.shape[:axis], count, *x.shape[axis + 1 :])
    return [b.broadcast_to(x.builder.constant(0), shape)] if count else []


@composite("conv2d")
def conv2d(x: Ref, w: Ref, strides: Pair, padding: tuple[Pair, Pair], mode: str) -> Ref:
    """One matrix product of all patches with the kernel, whose sums may be taken in any order; `mode` is their name."""
    patches = b.concat(_windows(_padded(x, padding), (w.shape[0], w.shape[1]), strides), 3)
    *places, count = patches.shape
    table = b.reshape(patches, (-1, count))
    return b.reshape(b.matmul(table, b.reshape(w, (count, w.shape[3]))), (*places, w.shape[3]))


@composite("avg_pool2d")
def avg_pool2d(x: Ref, window: Pair, strides: Pair) -> Ref:
    return b.call("mean", b.call("stack", *_windows(x, window, strides), axis=0), axes=(0,), keepdims=False)


@composite("max_pool2d")
def max_pool2d(x: Ref, window: Pair, strides: Pair) -> Ref:
    return b.call("max", b.call("stack", *_windows(x, window, strides), axis=0), axes=(0,), keepdims=False)


@composite("layer_norm")
def layer_norm(x: Ref, gamma: Ref, beta: Ref, axes: tuple[int, ...], eps: float) -> Ref:
    """Deviations over their standard deviation along the last axes, scaled by gamma and moved by beta."""
    deviation = x - b.call("mean", x, axes=axes, keepdims=True)
    variance = b.call("var", x, axes=axes, keepdims=True, correction=0)
    return deviation / b.call("sqrt", variance + eps) * gamma + beta
