"""The primitives: shape rule and reverse rule, a row each.

A reverse rule is written in graph operations and uses only operations that have rules, so that a
gradient can be differentiated again. `g` is the adjoint of the result `y`. Where several forms of a
derivative are equal, the rule is the form that the frameworks compute: its rounding is theirs.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from harness.graph import build as b
from harness.graph.build import Ref
from harness.graph.node import Kind, Node, Shape, to_index
from harness.graph.registry import Signature, primitive

CONSTANTS: dict[str, float] = {
    "inf": math.inf,
    "-inf": -math.inf,
    "two_over_sqrt_pi": 2 / math.sqrt(math.pi),
    "sqrt_half": math.sqrt(0.5),
    "sqrt_two_over_pi": math.sqrt(2 / math.pi),
    "gelu_cubic": 0.044715,
}
"""Exact constants by name, with the nearest double; the ball domain computes them itself."""


# --------------------------------------------------------------------------- shape rules


def _same(kind: Kind = "real") -> Any:
    """Return the rule of an elementwise operation on operands of one shape."""

    def infer(*args: Node, **attrs: Any) -> Signature:
        shapes = {arg.shape for arg in args}
        if len(shapes) != 1:
            raise ValueError(f"elementwise operands must be broadcast first, got shapes {sorted(shapes)}")
        return args[0].shape, kind

    return infer


def _to(shape: Shape) -> Signature:
    return tuple(shape), "real"


def _keeping(args: tuple[Node, ...], shape: Shape) -> Signature:
    """Return `shape` with the kind of the first operand: moving data keeps what it is."""
    return tuple(int(n) for n in shape), args[0].kind


def _matmul_shape(a: Node, c: Node) -> Signature:
    if a.shape[-1] != c.shape[-2] or a.shape[:-2] != c.shape[:-2]:
        raise ValueError(f"matmul of shapes {a.shape} and {c.shape}: the inner sizes differ")
    return a.shape[:-1] + c.shape[-1:], "real"


def _concat_shape(*xs: Node, axis: int) -> Signature:
    shape = list(xs[0].shape)
    shape[axis] = sum(x.shape[axis] for x in xs)
    return _keeping(xs, tuple(shape))


# --------------------------------------------------------------------------- helpers of rules


def unbroadcast(g: Ref, shape: Shape) -> Ref:
    """Return g summed back to `shape`, the adjoint of a broadcast."""
    extra = g.ndim - len(shape)
    axes = [k for k in range(g.ndim) if k < extra or shape[k - extra] != g.shape[k]]
    return b.reshape(b.total(g, axes), shape)


def spread(g: Ref, shape: Shape, axes: tuple[int, ...]) -> Ref:
    """Return the adjoint of a reduction over `axes`, repeated along them."""
    return b.broadcast_to(b.reshape(g, b.reduced(shape, axes, True)), shape)


def _split(g: Ref, xs: tuple[Ref, ...], axis: int) -> tuple[Ref, ...]:
    parts, start = [], 0
    for x in xs:
        stop = start + x.shape[axis]
        parts.append(g[(slice(None),) * axis + (slice(start, stop),)])
        start = stop
    return tuple(parts)


# --------------------------------------------------------------------------- leaves

primitive("input", lambda path: ((), "real"))
primitive("constant", lambda value, exact=False: ((), "real"))
primitive("eye", lambda n: ((n, n), "real"))
primitive("arange", lambda n: ((n,), "int"))

# --------------------------------------------------------------------------- arithmetic and functions


def call(op: str) -> Any:
    """Return the function that applies primitive `op`."""
    return lambda *args, **attrs: b.call(op, *args, **attrs)


exp, log, sin, cos, sinh, cosh = map(call, ["exp", "log", "sin", "cos", "sinh", "cosh"])
sqrt, sigmoid = call("sqrt"), call("sigmoid")


def _pow_vjp(g: Ref, y: Ref, x: Ref, exponent: int | float, minus: int = 0) -> tuple[Ref | None]:
    """Reverse rule of x**(p − minus) for a literal p: g·(p − minus)·x^(p − minus − 1).

    A fractional p is rounded to the dtype before anything is taken from it, so p − 1 is not written as one number.
    """
    power = exponent - minus
    if power == 0:
        return (None,)
    if power == 1:
        return (g,)
    whole = float(exponent).is_integer()
    lower = {"exponent": power - 1} if whole else {"exponent": exponent, "minus": minus + 1}
    rest = x if power == 2 else b.call("pow", x, **lower)
    factor = power if whole or not minus else b.elementwise("subtract", x.builder.constant(exponent), minus)
    return (g * (factor * rest),)


def _atan2_vjp(g: Ref, y: Ref, a: Ref, c: Ref) -> tuple[Ref, Ref]:
    square = a * a + c * c
    return g * c / square, -(g * a / square)


primitive("add", _same(), lambda g, y, a, c: (g, g))
primitive("subtract", _same(), lambda g, y, a, c: (g, -g))
primitive("multiply", _same(), lambda g, y, a, c: (g * c, g * a))
primitive("divide", _same(), lambda g, y, a, c: (g / c, -(g * y / c)))
primitive("negative", _same(), lambda g, y, a: (-g,))
primitive("pow", lambda x, exponent, minus=0: (x.shape, "real"), _pow_vjp)
primitive(
    "power",
    _same(),
    lambda g, y, a, c: (g * c * b.call("power", a, b.elementwise("subtract", c, 1)), g * y * log(a)),
)
primitive("exp", _same(), lambda g, y, x: (g * y,))
primitive("expm1", _same(), lambda g, y, x: (g * (y + 1),))
primitive("log", _same(), lambda g, y, x: (g / x,))
primitive("log1p", _same(), lambda g, y, x: (g / (1 + x),))
primitive("sqrt", _same(), lambda g, y, x: (g * 0.5 / y,))
primitive("sin", _same(), lambda g, y, x: (g * cos(x),))
primitive("cos", _same(), lambda g, y, x: (-(g * sin(x)),))
primitive("tan", _same(), lambda g, y, x: (g * (1 + y * y),))
primitive("sinh", _same(), lambda g, y, x: (g * cosh(x),))
primitive("cosh", _same(), lambda g, y, x: (g * sinh(x),))
primitive("tanh", _same(), lambda g, y, x: (g * (1 - y * y),))
primitive("asin", _same(), lambda g, y, x: (g / sqrt(1 - x * x),))
primitive("acos", _same(), lambda g, y, x: (-(g / sqrt(1 - x * x)),))
primitive("atan", _same(), lambda g, y, x: (g / (1 + x * x),))
primitive("atan2", _same(), _atan2_vjp)
primitive("erf", _same(), lambda g, y, x: (g * exp(-(x * x)) * "two_over_sqrt_pi",))
primitive("erfc", _same(), lambda g, y, x: (-(g * exp(-(x * x)) * "two_over_sqrt_pi"),))
primitive("sigmoid", _same(), lambda g, y, x: (g * (y * (1 - y)),))
primitive("softplus", _same(), lambda g, y, x: (g * sigmoid(x),))
primitive("logaddexp", _same(), lambda g, y, a, c: (g * sigmoid(a - c), g * sigmoid(c - a)))
primitive("stop_gradient", _same(), lambda g, y, x: (None,))
primitive("backward_error", _same(), lambda g, y, x: (g,))

# --------------------------------------------------------------------------- decisions and what reads them

for _name in ("greater", "greater_equal", "less", "less_equal", "equal", "not_equal"):
    primitive(_name, _same("bool"), decision=True)
for _name in ("logical_and", "logical_or", "logical_not"):
    primitive(_name, _same("bool"), decision=True)
primitive("step", _same("weight"), decision=True)
primitive("sign_weight", _same("weight"), decision=True)
primitive("max_weight", lambda x, axes: (x.shape, "weight"), decision=True)
primitive("argsort", lambda x, axis, descending: (x.shape, "int"), decision=True)
primitive("pivots", lambda x: (x.shape[:-1], "int"), decision=True)
primitive("parity", lambda order: (order.shape[:-1], "weight"), decision=True)


def _where_shape(c: Node, a: Node, other: Node) -> Signature:
    return _same(a.kind)(c, a, other)  # type: ignore[no-any-return]


primitive("pick", _same(), lambda g, y, x, w: (b.gate(g, w), None))
primitive("gate", _same(), lambda g, y, x, w: (b.gate(g, w), None), adjoint_only=True)
primitive(
    "where",
    _where_shape,
    lambda g, y, c, a, d: (None, b.gate(g, c), b.gate(g, b.call("logical_not", c))),
)
primitive(
    "max_select",
    lambda x, w, axes, keepdims: _to(b.reduced(x.shape, axes, keepdims)),
    lambda g, y, x, w, axes, keepdims: (b.gate(spread(g, x.shape, axes), w), None),
)

# --------------------------------------------------------------------------- moving data

primitive(
    "reshape",
    lambda x, shape: _keeping((x,), shape),
    lambda g, y, x, shape: (b.reshape(g, x.shape),),
)
primitive(
    "permute_dims",
    lambda x, axes: _keeping((x,), tuple(x.shape[a] for a in axes)),
    lambda g, y, x, axes: (b.permute(g, tuple(int(k) for k in np.argsort(axes))),),
)
primitive(
    "broadcast_to",
    lambda x, shape: _keeping((x,), shape),
    lambda g, y, x, shape: (unbroadcast(g, x.shape),),
)
primitive(
    "index",
    lambda x, index: _keeping((x,), np.empty(x.shape, bool)[to_index(index)].shape),
    lambda g, y, x, index: (b.call("index_adjoint", g, index=index, shape=x.shape),),
)
primitive(
    "index_adjoint",
    lambda g, index, shape: _to(shape),
    lambda g, y, x, index, shape: (b.call("index", g, index=index),),
    adjoint_only=True,
)
primitive(
    "take",
    lambda x, i, axis: _keeping((x,), x.shape[:axis] + i.shape + x.shape[axis + 1 :]),
    lambda g, y, x, i, axis: (b.call("take_adjoint", g, i, axis=axis, shape=x.shape), None),
)
primitive(
    "take_adjoint",
    lambda g, i, axis, shape: _to(shape),
    lambda g, y, x, i, axis, shape: (b.call("take", g, i, axis=axis), None),
    adjoint_only=True,
)
primitive(
    "take_along_axis",
    lambda x, i, axis: _keeping((x,), i.shape),
    lambda g, y, x, i, axis: (b.call("take_along_axis_adjoint", g, i, axis=axis, shape=x.shape), None),
)
primitive(
    "take_along_axis_adjoint",
    lambda g, i, axis, shape: _to(shape),
    lambda g, y, x, i, axis, shape: (b.call("take_along_axis", g, i, axis=axis), None),
    adjoint_only=True,
)
primitive("concat", _concat_shape, lambda g, y, *xs, axis: _split(g, xs, axis))

# --------------------------------------------------------------------------- sums of products

primitive(
    "sum",
    lambda x, axes, keepdims: _to(b.reduced(x.shape, axes, keepdims)),
    lambda g, y, x, axes, keepdims: (spread(g, x.shape, axes),),
)
primitive(
    "matmul",
    _matmul_shape,
    lambda g, y, a, c: (b.matmul(g, b.transpose(c)), b.matmul(b.transpose(a), g)),
)
