"""Rows of phrasebooks that several frameworks share, and makers of rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from harness.graph.node import Node
from harness.graph.phrase import Call, Phrase, Phrasebook, Unphrased, anything

__all__ = [
    "OPERATORS",
    "Call",
    "Phrase",
    "Phrasebook",
    "Unphrased",
    "calls",
    "few",
    "full",
    "numpy_style",
    "population",
    "reduction",
    "swapped",
]

Row = str | Phrase
Rows = dict[str, Row]

OPERATORS: Rows = {
    "add": "{0} + {1}",
    "subtract": "{0} - {1}",
    "multiply": "{0} * {1}",
    "divide": "{0} / {1}",
    "negative": "-{0}",
    "pow": "{0} ** {exponent}",
    "power": "{0} ** {1}",
    "matmul": "{0} @ {1}",
    "greater": "{0} > {1}",
    "greater_equal": "{0} >= {1}",
    "less": "{0} < {1}",
    "less_equal": "{0} <= {1}",
    "equal": "{0} == {1}",
    "not_equal": "{0} != {1}",
    "logical_and": "{0} & {1}",
    "logical_or": "{0} | {1}",
    "logical_not": "~{0}",
    "index": "{0}[{index}]",
}
"""What every framework writes with Python's operators."""


def calls(module: str, names: str) -> Rows:
    """Return rows of functions of one operand: `calls("np", "exp sinh")`."""
    return {name: f"{module}.{name}({{0}})" for name in names.split()}


def reduction(
    function: str,
    *,
    axis: str = "axis",
    keepdims: str = "keepdims",
    more: str = "",
    always: bool = False,
    covers: Callable[[Mapping[str, Any]], bool] = anything,
) -> Phrase:
    """Return the row of a reduction; the axis is left out over all axes unless `always`, `more` adds arguments.

    Over no axes at all it has no words: torch would reduce all of them.
    """

    def words(node: Node) -> str:
        axes, kept = node.attrs["axes"], node.attrs["keepdims"]
        rank = len(node.shape) + (0 if kept else len(axes))
        where = f", {axis}={axes[0] if len(axes) == 1 else axes}"
        named = always or kept or len(axes) < rank
        return f"{function}({{0}}{where if named else ''}{more}{f', {keepdims}=True' if kept else ''})"

    return Phrase(words=words, covers=lambda attrs: bool(attrs["axes"]) and covers(attrs))


def swapped(last_two: str, general: str) -> Callable[[Node], str]:
    """Return the words of a permutation: those for an exchange of the last two axes, and those for any other."""

    def words(node: Node) -> str:
        n = len(node.shape)
        return last_two if node.attrs["axes"] == (*range(n - 2), n - 1, n - 2) else general

    return words


def full(module: str, dtype: str, other: str = "{module}.full({{shape}}, {{0}}, {dtype})") -> Phrase:
    """Return the row of a literal broadcast to `{shape}`: zeros, ones, or `other`; `dtype` is the argument's text."""

    def words(node: Node) -> str:
        value = node.attrs["value"]
        plain = {0: "zeros", 1: "ones"}.get(value) if math.copysign(1, _size(value)) > 0 else None
        return f"{module}.{plain}({{shape}}, {dtype})" if plain else other.format(module=module, dtype=dtype)

    return Phrase(words=words)


def _size(value: int | float | str) -> float:
    """Return the number; of a named constant, which is neither 0 nor 1, something negative."""
    return -1.0 if isinstance(value, str) else float(value)


def descent(node: Node) -> str:
    """Return the operand of a stable argsort that only ascends."""
    return "-{0}" if node.attrs["descending"] else "{0}"


def population(attrs: Mapping[str, Any]) -> bool:
    """Return whether a variance divides by N: the only form that some frameworks have."""
    return bool(attrs["correction"] == 0)


def few(attrs: Mapping[str, Any]) -> bool:
    """Return whether a norm is over two axes at most: of more, some frameworks have none."""
    return len(attrs["axes"]) <= 2


def numpy_style(module: str) -> Rows:
    """Return the rows that NumPy, JAX and their like share, with `module` for the namespace."""
    m = module
    unary = "exp expm1 log log1p sqrt sin cos tan sinh cosh tanh square abs sign"
    inverse = {"asin": "arcsin", "acos": "arccos", "atan": "arctan"}
    return {
        **OPERATORS,
        **calls(m, unary),
        **{op: f"{m}.{name}({{0}})" for op, name in inverse.items()},
        **{op: reduction(f"{m}.{op}") for op in ("sum", "mean", "max", "min", "prod")},
        **{op: reduction(f"{m}.{op}", more=", correction={correction}") for op in ("var", "std")},
        **calls(f"{m}.linalg", "inv det"),
        "vector_norm": reduction(f"{m}.linalg.vector_norm"),
        "diagonal": f"{m}.linalg.diagonal({{0}}, offset={{offset}})",
        "trace": f"{m}.linalg.trace({{0}}, offset={{offset}})",
        "vecdot": f"{m}.linalg.vecdot({{0}}, {{1}}, axis={{axis}})",
        "tensordot": f"{m}.tensordot({{0}}, {{1}}, axes=({{left}}, {{right}}))",
        "solve": f"{m}.linalg.solve({{0}}, {{1}})",
        "logabsdet": f"{m}.linalg.slogdet({{0}})[1]",
        "signdet": f"{m}.linalg.slogdet({{0}})[0]",
        "cumulative_sum": f"{m}.cumulative_sum({{0}}, axis={{axis}})",
        "flip": f"{m}.flip({{0}}, axis={{axes}})",
        "roll": f"{m}.roll({{0}}, {{shift}}, axis={{axes}})",
        "atan2": f"{m}.arctan2({{0}}, {{1}})",
        "hypot": f"{m}.hypot({{0}}, {{1}})",
        "logaddexp": f"{m}.logaddexp({{0}}, {{1}})",
        "maximum": f"{m}.maximum({{0}}, {{1}})",
        "minimum": f"{m}.minimum({{0}}, {{1}})",
        "clip": f"{m}.clip({{0}}, {{1}}, {{2}})",
        "where": f"{m}.where({{0}}, {{1}}, {{2}})",
        "matvec": "{0} @ {1}",
        "vecmat": "{0} @ {1}",
        "dot": "{0} @ {1}",
        "reshape": f"{m}.reshape({{0}}, {{shape}})",
        "broadcast_to": f"{m}.broadcast_to({{0}}, {{shape}})",
        "permute_dims": Phrase(words=swapped("{0}.mT", f"{m}.transpose({{0}}, {{axes}})")),
        "concat": f"{m}.concatenate([{{all}}], axis={{axis}})",
        "stack": f"{m}.stack([{{all}}], axis={{axis}})",
        "take": f"{m}.take({{0}}, {{1}}, axis={{axis}})",
        "take_along_axis": f"{m}.take_along_axis({{0}}, {{1}}, axis={{axis}})",
        "argsort": Phrase(words=lambda node: f"{m}.argsort({descent(node)}, axis={{axis}}, stable=True)"),
        "eye": f"{m}.eye({{n}}, dtype=dtype)",
        "arange": f"{m}.arange({{n}})",
        "full": full(m, "dtype"),
    }
