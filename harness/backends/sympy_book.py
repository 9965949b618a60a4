"""How SymPy says a graph of primitives: every scalar element has a name and a definition.

Only elements that are computed get a name; moving data moves names. Decisions are data: what is
not selected is not there, so that its derivative cannot be either. SymPy is imported inside.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.domains.structure import MOVES, concat, held, rows
from harness.graph.node import Graph, Node, Shape
from harness.graph.phrase import Phrasebook, Unphrased
from harness.graph.registry import attribute_key

Expression = Any
"""A SymPy expression; the package has no types of its own."""
Objects = NDArray[Any]
"""An array of expressions, or of weights, indices and truth values."""

MOVING = MOVES.keys() - {"stop_gradient"}
"""Operations that compute nothing: they move names about."""
TERMS = 16
"""Summands of one definition: a longer sum is a sum of sums, so that few definitions differ in shape."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One named scalar."""

    name: Expression
    expression: Expression
    """In names that were defined before."""
    frozen: bool = False
    """A stop_gradient: the value counts, its derivative does not."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Expansion:
    """A cost as scalar definitions."""

    leaves: dict[str, Objects]
    """Real leaf path → symbols."""
    definitions: tuple[Definition, ...]
    cost: Expression
    """The name, leaf or number that is the cost."""


PHRASES: dict[str, str] = {
    **{op: f"sp.{op}({{0}})" for op in "exp log sqrt sin cos tan sinh cosh tanh asin acos atan erf erfc".split()},
    "add": "{0} + {1}",
    "subtract": "{0} - {1}",
    "multiply": "{0} * {1}",
    "divide": "{0} / {1}",
    "negative": "-{0}",
    "power": "{0} ** {1}",
    "pow": "{0} ** sp.Rational({exponent})",
    "atan2": "sp.atan2({0}, {1})",
    "expm1": "expm1({0})",
    "log1p": "log1p({0})",
    "sigmoid": "1 / (1 + sp.exp(-{0}))",
    "softplus": "log1p(sp.exp({0}))",
    "logaddexp": "sp.log(sp.exp({0}) + sp.exp({1}))",
    "stop_gradient": "{0}",
    "backward_error": "{0}",
    "pick": "{0} * sp.Rational(float({1}))",
    "where": "{1} if {0} else {2}",
}
"""SymPy's words for every elementwise primitive, of one entry each."""

BOOK = Phrasebook(
    name="SymPy",
    phrases=PHRASES,
    leaves={"real": "sp.Rational({0})"},
    imports={
        "sp": "import sympy as sp",
        "expm1": "from sympy.codegen.cfunctions import expm1",
        "log1p": "from sympy.codegen.cfunctions import log1p",
    },
    prelude="",
)


@cache
def word(op: str, attrs: tuple[tuple[str, Any], ...]) -> Callable[..., Expression]:
    """Return the function of one entry that the phrase of `op` is; raise Unphrased where there is none."""
    import sympy as sp
    from sympy.codegen.cfunctions import expm1, log1p

    if op not in PHRASES:
        raise Unphrased(op, BOOK)
    names = [f"_{k}" for k in range(3) if f"{{{k}}}" in PHRASES[op]]
    text = PHRASES[op].format(*names, **dict(attrs))
    function = eval(f"lambda {', '.join(names)}: {text}", {"sp": sp, "expm1": expm1, "log1p": log1p})
    return function  # type: ignore[no-any-return]  # what a phrase gives has no static type


@cache
def constants() -> dict[str, Expression]:
    """Return the exact constants of the primitives by name."""
    import sympy as sp

    return {
        "inf": sp.oo,
        "-inf": -sp.oo,
        "two_over_sqrt_pi": 2 / sp.sqrt(sp.pi),
        "sqrt_half": 1 / sp.sqrt(2),
        "sqrt_two_over_pi": sp.sqrt(2 / sp.pi),
        "gelu_cubic": sp.Rational(44715, 1_000_000),
    }


def number(value: float | str) -> Expression:
    """Return a literal exactly: a float is the binary fraction that it holds."""
    import sympy as sp

    if isinstance(value, str):
        return constants()[value]
    return sp.Rational(value) if math.isfinite(value) else constants()[f"{value:g}"]


def symbols(name: str, shape: Shape) -> Objects:
    """Return real symbols that print as Python would index them: w, w[0], w[0, 1]."""
    import sympy as sp

    def called(index: tuple[int, ...]) -> str:
        return f"{name}[{', '.join(map(str, index))}]" if index else name

    return array_of([sp.Symbol(called(index), real=True) for index in np.ndindex(shape)], shape)


def array_of(elements: Sequence[Expression], shape: Shape) -> Objects:
    """Return a list of elements in C order as an array of objects."""
    array = np.empty(len(elements), dtype=object)
    array[:] = elements
    return array.reshape(shape)


def definitions_needed(graph: Graph) -> int:
    """Return how many scalar definitions the graph of primitives takes at most, without making them."""
    return sum(_definitions_of(graph, graph.nodes[k]) for k in graph.needed())


def _definitions_of(graph: Graph, node: Node) -> int:
    if not node.args or node.kind != "real" or node.op in MOVING | {"concat", "where"}:
        return 0
    size, operand = math.prod(node.shape), graph.nodes[node.args[0]].shape
    if node.op == "sum":
        return math.prod(operand) // (TERMS - 1) + size
    return size * (operand[-1] // (TERMS - 1) + 1) if node.op == "matmul" else size


def expand(graph: Graph, names: Mapping[str, str], data: Mapping[int, NDArray[Any]]) -> Expansion:
    """Return the scalar definitions of a graph of primitives.

    `names` gives the real leaves their identifiers by path; `data` holds the nodes of kind int, bool
    and weight. Raises Unphrased for a primitive that SymPy has no words for.
    """
    return Expander(graph, names, data).expansion()


class Expander:
    """The walk through the graph, which gives each computed scalar the next name."""

    def __init__(self, graph: Graph, names: Mapping[str, str], data: Mapping[int, NDArray[Any]]) -> None:
        self.graph, self.names, self.data = graph, names, data
        self.leaves: dict[str, Objects] = {}
        self.definitions: list[Definition] = []
        self.count = 0

    def expansion(self) -> Expansion:
        real = [k for path, k in self.graph.inputs.items() if path in self.names]
        values: dict[int, Objects] = {}
        for position in self.graph.needed((*self.graph.outputs, *real)):
            node = self.graph.nodes[position]
            values[position] = self.value(position, node, [values[k] for k in node.args])
        leaves = {path: self.leaves[path] for path in self.names}
        cost = values[self.graph.outputs[0]].item()
        return Expansion(leaves=leaves, definitions=tuple(self.definitions), cost=cost)

    def value(self, position: int, node: Node, operands: list[Objects]) -> Objects:
        if node.kind != "real":
            return self.data[position]
        if node.op in ARRAYS:
            return ARRAYS[node.op](self, node, operands)
        if node.op in MOVING:
            return MOVES[node.op](operands[0], 0, *operands[1:], **node.attrs)
        return self.each(node, operands)

    def leaf(self, node: Node) -> Objects:
        path = node.attrs["path"]
        self.leaves[path] = symbols(self.names[path], node.shape)
        return self.leaves[path]

    def each(self, node: Node, operands: list[Objects]) -> Objects:
        """Return an elementwise operation, a definition an element."""
        say, frozen = word(node.op, attribute_key(node.attrs)), node.op == "stop_gradient"
        entries = zip(*(operand.ravel() for operand in operands), strict=True)
        return array_of([self.define(say(*entry), frozen=frozen) for entry in entries], node.shape)

    def define(self, expression: Expression, *, frozen: bool = False) -> Expression:
        """Return a name for the expression; what is a name or a number already needs none."""
        import sympy as sp

        if (expression.is_Symbol and not frozen) or not expression.free_symbols:
            return expression
        name = sp.Symbol(self.fresh(), real=True)
        self.definitions.append(Definition(name=name, expression=expression, frozen=frozen))
        return name

    def fresh(self) -> str:
        """Return a name that no leaf has."""
        self.count += 1
        return self.fresh() if f"t{self.count}" in self.names.values() else f"t{self.count}"

    def total(self, terms: list[Expression]) -> Expression:
        """Return a name for the sum."""
        import sympy as sp

        while len(terms) > TERMS:
            terms = [self.define(sp.Add(*terms[k : k + TERMS])) for k in range(0, len(terms), TERMS)]
        return self.define(sp.Add(*terms))

    def totals(self, terms: Objects, shape: Shape) -> Objects:
        """Return the sums along the last axis."""
        flat = terms.reshape(math.prod(shape), terms.shape[-1])
        return array_of([self.total(list(row)) for row in flat], shape)

    def sum(self, node: Node, operands: list[Objects]) -> Objects:
        return self.totals(rows(operands[0], 0, node.attrs["axes"]), node.shape)

    def matmul(self, node: Node, operands: list[Objects]) -> Objects:
        a, c = operands
        return self.totals(a[..., :, None, :] * np.swapaxes(c, -1, -2)[..., None, :, :], node.shape)


def _eye(expander: Expander, node: Node, operands: list[Objects]) -> Objects:
    import sympy as sp

    return array_of([sp.Integer(int(i == j)) for i, j in np.ndindex(node.shape)], node.shape)


Rule = Callable[[Expander, Node, list[Objects]], Objects]
ARRAYS: dict[str, Rule] = {
    "input": lambda expander, node, operands: expander.leaf(node),
    "constant": lambda expander, node, operands: held(number(node.attrs["value"])),
    "eye": _eye,
    "sum": Expander.sum,
    "matmul": Expander.matmul,
    "concat": lambda expander, node, operands: concat(operands, 0, node.attrs["axis"]),
}
"""Operations that see whole arrays."""
