"""Functions of networks that every engine has as one call; what engines disagree on has no default."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.graph import build as b
from harness.xp.array import Array, real, wrap
from harness.xp.banned import finite
from harness.xp.reduce import Axis, axes_of
from harness.xp.refusal import refuse
from harness.xp.shape import indices as integers
from harness.xp.shape import one_axis

Pair = tuple[int, int]
FORMS = ("none", "tanh")
"""Forms of gelu: with erf, and the one that approximates it."""


def along_axis(op: str) -> Callable[..., Array]:
    """Return softmax or log_softmax along a named axis."""

    def function(x: Array, /, *, axis: int) -> Array:
        ref = real(x, f"xp.nn.{op}(x, axis=…)")
        return wrap(b.call(op, ref, axis=one_axis(axis, ref.ndim, f"xp.nn.{op}")))

    function.__name__ = function.__qualname__ = op
    return function


def leaky_relu(x: Array, /, *, negative_slope: float) -> Array:
    """Return x where it is positive and negative_slope·x elsewhere."""
    ref = real(x, "xp.nn.leaky_relu(x, negative_slope=…)")
    return wrap(b.call("leaky_relu", ref, negative_slope=finite(negative_slope)))


def elu(x: Array, /, *, alpha: float) -> Array:
    """Return x where it is positive and alpha·(exp(x) − 1) elsewhere."""
    return wrap(b.call("elu", real(x, "xp.nn.elu(x, alpha=…)"), alpha=finite(alpha)))


def gelu(x: Array, /, *, approximate: str) -> Array:
    """Return x·Φ(x) for "none", and the form with a hyperbolic tangent for "tanh"."""
    ref = real(x, 'xp.nn.gelu(x, approximate="none")')
    if approximate not in FORMS:
        raise refuse(f"xp.nn.gelu with approximate={approximate!r}", 'Write approximate="none" or approximate="tanh"')
    return wrap(b.call("gelu", ref, approximate=approximate))


def one_hot(indices_: Array, /, n: int) -> Array:
    """Return for each integer a row of n zeros with a one at its place."""
    ref = integers(indices_, "xp.nn.one_hot")
    if type(n) is not int or n < 1:
        raise refuse(f"xp.nn.one_hot with n={n!r}", "Give the number of classes as a Python integer")
    return wrap(b.call("one_hot", ref, n=n))


def layer_norm(x: Array, gamma: Array, beta: Array, /, *, axis: Axis, eps: float) -> Array:
    """Return x less its mean, over its standard deviation, along the last axes; gamma and beta have their shape."""
    call = "xp.nn.layer_norm"
    ref, scale, offset = (real(a, f"{call}(x, gamma, beta, axis=…, eps=…)") for a in (x, gamma, beta))
    axes = axes_of(axis, ref.ndim, call)
    if not axes or axes != tuple(range(axes[0], ref.ndim)):
        raise refuse(
            f"{call} with axis={axis!r} on {ref.ndim} dimensions", "Name the last axes: axis=-1, axis=(-2, -1)"
        )
    if not scale.shape == offset.shape == ref.shape[axes[0] :]:
        raise refuse(f"{call} with gamma {scale.shape} and beta {offset.shape}", f"Both have {ref.shape[axes[0] :]}")
    return wrap(b.call("layer_norm", ref, scale, offset, axes=axes, eps=finite(eps)))


# --------------------------------------------------------------------------- images


def conv2d(x: Array, w: Array, /, *, strides: Any, padding: Any) -> Array:
    """Return the cross-correlation of images (N, H, W, C) with a kernel (H, W, C, out)."""
    call = "xp.nn.conv2d"
    image, kernel = (real(a, f"{call}(x, w, strides=…, padding=…)") for a in (x, w))
    if image.ndim != 4 or kernel.ndim != 4 or image.shape[3] != kernel.shape[2]:
        shapes = f"{image.shape} and {kernel.shape}"
        raise refuse(f"{call} of shapes {shapes}", "Images are (N, H, W, C), kernels (height, width, C, out)")
    steps = pair(strides, f"{call}, strides")
    mode, borders = _borders(padding, image.shape[1:3], kernel.shape[:2], steps)
    padded = tuple(n + sum(border) for n, border in zip(image.shape[1:3], borders, strict=True))
    _fits(call, padded, kernel.shape[:2])
    return wrap(b.call("conv2d", image, kernel, strides=steps, padding=borders, mode=mode))


def pooling(op: str) -> Callable[..., Array]:
    """Return the reduction of windows of images that lie inside them."""

    def function(x: Array, /, *, window: Any, strides: Any) -> Array:
        call = f"xp.nn.{op}"
        image = real(x, f"{call}(x, window=…, strides=…)")
        if image.ndim != 4:
            raise refuse(f"{call} of shape {image.shape}", "Images are (N, H, W, C)")
        sizes = pair(window, f"{call}, window")
        _fits(call, image.shape[1:3], sizes)
        return wrap(b.call(op, image, window=sizes, strides=pair(strides, f"{call}, strides")))

    function.__name__ = function.__qualname__ = op
    return function


def pair(given: Any, call: str, least: int = 1) -> Pair:
    """Return two whole numbers, for height and width; one stands for both."""
    both = (given, given) if type(given) is int else given
    if not isinstance(both, tuple) or len(both) != 2 or any(type(n) is not int or n < least for n in both):
        raise refuse(f"{call}: {given!r}", f"Give an integer from {least} on, or two: (height, width)")
    return both


def _borders(padding: Any, sizes: Any, kernel: Any, strides: Any) -> tuple[str, tuple[Pair, ...]]:
    """Return the name of the padding, and how many rows and columns of zeros stand before and after."""
    if padding == "VALID":
        return padding, ((0, 0), (0, 0))
    if padding == "SAME":
        missing = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(sizes, kernel, strides, strict=True)]
        return padding, tuple((n // 2, n - n // 2) for n in missing)
    given = (padding, padding) if type(padding) is int else padding
    if not isinstance(given, tuple) or len(given) != 2:
        raise refuse(f"xp.nn.conv2d with padding={padding!r}", 'Write "VALID", "SAME", 1, (1, 2) or ((1, 0), (2, 2))')
    return "EXPLICIT", tuple(pair(border, "xp.nn.conv2d, padding", least=0) for border in given)


def _fits(call: str, sizes: Any, window: Any) -> None:
    if any(n < k for n, k in zip(sizes, window, strict=True)):
        raise refuse(f"{call} of a window {tuple(window)} on images of {tuple(sizes)}", "The window must fit inside")
