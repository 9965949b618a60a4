"""Elementwise functions of the standard, comparisons and selection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.graph import build as b
from harness.xp import array as a
from harness.xp.array import Array, at_line, fit, operands, real, wrap
from harness.xp.refusal import refuse

UNARY = (
    "abs acos asin atan cos cosh exp expm1 log log1p negative sign sin sinh sqrt square tan tanh stop_gradient"
).split()
BINARY = "add subtract multiply divide maximum minimum atan2 hypot logaddexp".split()
SIGNS = {op: sign for sign, op in a.COMPARISONS.items()}


def unary(op: str, name: str = "") -> Callable[[Array], Array]:
    """Return the function of one real array that applies `op`."""
    call = f"xp.{name or op}(x)"

    def function(x: Array, /) -> Array:
        return wrap(b.call(op, real(x, call)))

    function.__name__ = function.__qualname__ = op
    return function


def binary(op: str, name: str = "") -> Callable[[Any, Any], Array]:
    """Return the function of two real operands, one of which may be a Python number."""
    call = f"xp.{name or op}(x, y)"

    def function(x: Any, y: Any, /) -> Array:
        return fit(call, op, *operands(call, x, y))

    function.__name__ = function.__qualname__ = op
    return function


def comparison(op: str) -> Callable[[Any, Any], Array]:
    """Return the comparison of two operands of one kind."""

    def function(x: Any, y: Any, /) -> Array:
        if not isinstance(x, Array) and not isinstance(y, Array):
            raise refuse(f"xp.{op}(x, y) takes at least one array", "Compare Python numbers with Python operators")
        return a.compare(SIGNS[op], x, y)

    function.__name__ = function.__qualname__ = op
    return function


def logical(op: str) -> Callable[..., Array]:
    """Return the logical operation on boolean arrays."""
    call = f"xp.{op}"

    def function(*given: Array) -> Array:
        expected = 1 if op == "logical_not" else 2
        if len(given) != expected:
            raise refuse(f"{call} of {len(given)} arrays", f"It takes {expected}")
        return fit(call, op, *(condition(x, call) for x in given))

    function.__name__ = function.__qualname__ = op
    return function


def condition(x: Any, call: str) -> b.Ref:
    """Return the handle of a boolean array."""
    if not isinstance(x, Array) or x._ref.kind != "bool":
        raise refuse(f"{call} takes boolean arrays", "Compare first, as in x > 0")
    return at_line(x)


def where(condition_: Array, x: Any, y: Any, /) -> Array:
    """Return x where the condition holds and y elsewhere; one of x and y may be a Python number."""
    chosen = condition(condition_, "xp.where")
    if not isinstance(x, Array) and not isinstance(y, Array):
        raise refuse("xp.where of two Python numbers", "Write xp.where(c, xp.ones(shape), 0.0)")
    return fit("xp.where(c, x, y)", "where", chosen, *operands("xp.where(c, x, y)", x, y))


def clip(x: Array, /, min: Any = None, max: Any = None) -> Array:
    """Return x limited to [min, max]; both bounds are required."""
    if min is None or max is None:
        raise refuse("xp.clip without both bounds", "Write xp.maximum(x, low) or xp.minimum(x, high)")
    return fit("xp.clip(x, min, max)", "clip", *operands("xp.clip(x, min, max)", x, min, max))


def pow(x: Any, y: Any, /) -> Array:
    """Return x ** y."""
    return a.power(x, y)


def reciprocal(x: Array, /) -> Array:
    """Return 1 / x."""
    return 1 / x


__all__ = ["BINARY", "SIGNS", "UNARY", "binary", "clip", "comparison", "logical", "pow", "unary", "where"]
