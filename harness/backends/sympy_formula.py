"""Formulas for readers: a cost and its derivatives as text and as MathML, where they are short."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from harness.backends.sympy_book import Expander, Expression, Objects, array_of, definitions_needed, number
from harness.domains.structure import held, rows
from harness.graph.build import Builder
from harness.graph.derive import lower, rebuild
from harness.graph.literals import identifiers
from harness.graph.node import Graph, Node, Shape, decode, encode

LONGEST = 200
"""Characters of a formula that is still read."""
CASES = 4
"""Entries of a maximum: its derivative is written case by case."""
LARGEST = 50
"""Scalar definitions of a cost that may have a short formula."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """A cost as mathematics; empty where it is long or cannot be said without numbers."""

    text: str = ""
    """As SymPy prints it: w**2."""
    derivatives: dict[str, str] = field(default_factory=dict)
    """Leaf path → the partial, or the list of partials."""
    mathml: str = ""
    """Presentation MathML of the cost, without the element `math`."""


def formula(graph: Graph) -> Formula:
    """Return the cost's formula and those of its partials, literals as they were typed."""
    return _formula(encode(graph))


@lru_cache(maxsize=256)
def _formula(encoded: bytes) -> Formula:
    graph = decode(encoded)
    if definitions_needed(lower(graph)) > LARGEST:
        return Formula()
    names = identifiers([path for path, k in graph.inputs.items() if graph.nodes[k].kind == "real"], ())
    shown = rebuild(graph, Builder(keep=lambda op: op in COMPOSITES))
    try:
        expansion = _Shown(shown, names, {}).expansion()
        cost = expansion.cost
        partials = {path: _partials(cost, expansion.leaves[path]) for path in graph.params}
    except Exception:  # whatever SymPy finds no form for: a formula is for reading only
        return Formula()
    text = _short(str(cost))
    return Formula(text=text, derivatives=partials, mathml=_mathml(cost) if text else "")


class Untold(Exception):
    """The formula needs numbers of a point, or is too long to be read."""


class _Shown(Expander):
    """An expansion that names nothing and keeps what a reader knows by name: max, abs, cases."""

    def leaf(self, node: Node) -> Objects:
        import sympy as sp

        path = node.attrs["path"]
        called = [sp.Symbol(_subscripted(self.names[path], index), real=True) for index in np.ndindex(node.shape)]
        self.leaves[path] = array_of(called, node.shape)
        return self.leaves[path]

    def define(self, expression: Expression, *, frozen: bool = False) -> Expression:
        if frozen or expression.count_ops() > LONGEST:
            raise Untold
        return expression

    def value(self, position: int, node: Node, operands: list[Objects]) -> Objects:
        if node.op in COMPOSITES:
            return COMPOSITES[node.op](node, operands)
        if node.op in RELATIONS:
            return _each(RELATIONS[node.op], node.shape, operands)
        if node.op == "where":
            return _each(_cases, node.shape, operands)
        if node.op == "constant":
            return held(_typed(node.attrs["value"]))
        if node.op == "pow":
            return _each(lambda x: x ** _typed(node.attrs["exponent"]), node.shape, operands)
        if node.kind != "real":
            raise Untold
        return super().value(position, node, operands)


def _subscripted(name: str, index: tuple[int, ...]) -> str:
    """Return the name with its index as SymPy typesets it, counted from 0."""
    if len(index) > 1 and max(index) > 9:
        raise Untold
    return f"{name}_{''.join(map(str, index))}" if index else name


def _typed(value: float | str) -> Expression:
    """Return a literal as a reader expects it: 1/2 and π, and other floats by their decimals."""
    import sympy as sp

    if isinstance(value, str | int) or not math.isfinite(value):
        return number(value)
    if value == math.pi:
        return sp.pi
    simple = sp.Rational(repr(value))
    return simple if simple.q <= 1000 else sp.Float(repr(value))


def _each(word: Any, shape: Shape, operands: list[Objects]) -> Objects:
    entries = zip(*(operand.ravel() for operand in operands), strict=True)
    return array_of([word(*entry) for entry in entries], shape)


def _cases(condition: Expression, x: Expression, y: Expression) -> Expression:
    import sympy as sp

    return sp.Piecewise((x, condition), (y, True))


def _relation(name: str) -> Any:
    """Return SymPy's relation or connective of that name."""

    def relation(*operands: Expression) -> Expression:
        import sympy as sp

        return getattr(sp, name)(*operands)

    return relation


RELATIONS = {
    "greater": _relation("Gt"),
    "greater_equal": _relation("Ge"),
    "less": _relation("Lt"),
    "less_equal": _relation("Le"),
    "equal": _relation("Eq"),
    "not_equal": _relation("Ne"),
    "logical_and": _relation("And"),
    "logical_or": _relation("Or"),
    "logical_not": _relation("Not"),
}


def _elementwise(name: str) -> Any:
    return lambda node, operands: _each(_relation(name), node.shape, operands)


def _along(name: str) -> Any:
    """Return Max or Min over a node's axes."""

    def reduce(node: Node, operands: list[Objects]) -> Objects:
        import sympy as sp

        joined = rows(operands[0], 0, node.attrs["axes"])
        if joined.shape[-1] > CASES:
            raise Untold
        return array_of([getattr(sp, name)(*row) for row in joined.reshape(-1, joined.shape[-1])], node.shape)

    return reduce


def _log_sums(x: Objects, axes: tuple[int, ...]) -> Objects:
    """Return log Σ exp(x) over `axes`, which stay with length 1."""
    import sympy as sp

    joined = rows(x, 0, axes)
    kept = tuple(1 if k in axes else n for k, n in enumerate(x.shape))
    sums = [sp.log(sp.Add(*map(sp.exp, row))) for row in joined.reshape(-1, joined.shape[-1])]
    return array_of(sums, kept)


def _softmax(node: Node, operands: list[Objects]) -> Objects:
    import sympy as sp

    x = operands[0]
    total = np.broadcast_to(_log_sums(x, (node.attrs["axis"],)), x.shape)
    return _each(lambda entry, logarithm: sp.exp(entry) / logarithm.args[0], x.shape, [x, total])


def _relu(node: Node, operands: list[Objects]) -> Objects:
    import sympy as sp

    return _each(lambda x: sp.Max(x, 0), node.shape, operands)


COMPOSITES: dict[str, Callable[[Node, list[Objects]], Objects]] = {
    "relu": _relu,
    "abs": _elementwise("Abs"),
    "sign": _elementwise("sign"),
    "maximum": _elementwise("Max"),
    "minimum": _elementwise("Min"),
    "max": _along("Max"),
    "min": _along("Min"),
    "softmax": _softmax,
    "log_softmax": lambda node, operands: operands[0] - _log_sums(operands[0], (node.attrs["axis"],)),
    "logsumexp": lambda node, operands: _log_sums(operands[0], node.attrs["axes"]).reshape(node.shape),
}
"""What a reader knows by name; the definitions would show decisions and shifts."""


def _partials(cost: Expression, leaf: Objects) -> str:
    """Return the text of a leaf's partials; "" where it is long or says more than a formula can."""
    import sympy as sp

    by_cases = cost.replace(lambda e: isinstance(e, sp.Max | sp.Min), lambda e: e.rewrite(sp.Piecewise))
    texts = [str(sp.diff(by_cases, symbol)) for symbol in leaf.ravel()]
    joined = _short(texts[0] if leaf.ndim == 0 else f"[{', '.join(texts)}]")
    return "" if re.search("Heaviside|DiracDelta|Derivative|Subs|ITE", joined) else joined


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else ""


def _mathml(expression: Expression) -> str:
    """Return presentation MathML; "" for a definition by cases, which SymPy does not typeset."""
    import sympy as sp

    return "" if expression.has(sp.Piecewise) else sp.mathml(expression, printer="presentation")
