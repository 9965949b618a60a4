"""Phrases: how a framework says an operation, a row each.

A row is a template of one Python expression. `{0}`, `{1}`, … are the operands, `{all}` is all of
them, and every attribute of the node is there by its name: `"tf.nn.softmax({0}, axis={axis})"`.
Where an operand needs parentheses is asked of Python's own parser, so a row may be any expression.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from harness.graph.literals import subscript
from harness.graph.node import Kind, Node, to_index

ATOM, COMPARISON, LOOSEST = 16, 6, 0
LEVELS: dict[type[ast.AST], int] = {
    ast.Pow: 14,
    ast.USub: 13,
    ast.Invert: 13,
    ast.Mult: 12,
    ast.Div: 12,
    ast.MatMult: 12,
    ast.Add: 11,
    ast.Sub: 11,
    ast.BitAnd: 9,
    ast.BitXor: 8,
    ast.BitOr: 7,
}
"""How tightly an operator binds (Python Language Reference, section 6.17)."""


def anything(attrs: Mapping[str, Any]) -> bool:
    """Return True: a call that has all attributes."""
    return True


class Unphrased(Exception):
    """A framework has no words for an operation."""

    def __init__(self, op: str, book: Phrasebook) -> None:
        super().__init__(f"no phrase for {op} in {book.name}")


class Text(NamedTuple):
    """An expression and how tightly it holds together."""

    text: str
    level: int = ATOM

    def within(self, least: int) -> str:
        """Return the text, in parentheses where the place asks for a tighter expression."""
        return self.text if self.level >= least else f"({self.text})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """A row that needs more than a template."""

    words: str | Callable[[Node], str]
    """The template, or a function of the node that returns it."""
    numbers: Literal["welcome", "refused", "all or none", "not first"] = "welcome"
    """Which literals may stay Python numbers; the others become arrays of the framework.

    `all or none`: all operands after the first are numbers, or none of them is.
    """
    broadcasts: Literal["all", "none", "not first"] = "all"
    """Which operands the framework broadcasts by itself, where the operation is elementwise."""
    covers: Callable[[Mapping[str, Any]], bool] = anything
    """Whether the framework's call has these attributes; a composite is written by its definition where not."""


class Call(NamedTuple):
    """The call of the cost function that the differentiating lines stand around."""

    arguments: tuple[str, ...]
    params: tuple[str, ...]
    """The arguments that are differentiated."""
    variant: str
    operator: str = "grad"
    tangents: tuple[str, ...] = ()
    """The arguments that hold the direction, in the order of the params."""
    cotangent: str = ""
    loose: bool = False
    """The value may depend on none of the params, which some frameworks have to be told."""

    @property
    def signature(self) -> tuple[str, ...]:
        """All arguments of the differentiating function."""
        return (*self.arguments, *self.tangents, *filter(None, [self.cotangent]))

    @property
    def positions(self) -> tuple[int, ...]:
        return tuple(self.arguments.index(param) for param in self.params)

    @property
    def batch(self) -> tuple[int | None, ...]:
        """The axis along which each argument is batched: data is the same for every point."""
        return tuple(0 if name in self.params else None for name in self.arguments)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Phrasebook:
    """How one framework writes a graph: a row an operation, and the lines around them."""

    name: str
    """As its users write it: TensorFlow."""
    phrases: Mapping[str, str | Phrase]
    """Operation → row. Beside the operations of a graph: `full` (a literal broadcast to `{shape}`) and,
    where a product has flags for it, `matmul_transposed` (`{transpose_a}`, `{transpose_b}`)."""
    leaves: Mapping[Kind, str]
    """Kind → template that makes an array of the framework of a literal or a NumPy array."""
    imports: Mapping[str, str]
    """What must occur in the text → the line that imports it."""
    prelude: str
    """The line that binds `dtype`, from `{dtype}`, and what else must run first."""
    differentiate: Callable[[Call], str] | None = None
    """The differentiating lines, which bind `gradient`; None: the source ends with `cost`."""
    helpers: Mapping[str, str] = field(default_factory=dict)
    """Name → definition of a function of several lines, printed above where it is used."""
    value: str = "float(value)"
    """Expression that makes a Python number of `value`."""
    show: str = "{0}.tolist()"
    """Template that makes nested lists of a partial `{0}`."""
    setup: str = ""
    """Lines that a program with large inputs needs to give the same bits: threads."""
    own_rules: Mapping[str, str] = field(default_factory=dict)
    """Operation → the reverse rule that this framework alone has (graph/own_rules.py), where it rounds more."""

    def row(self, op: str) -> Phrase:
        """Return the row of `op`; raise Unphrased where there is none."""
        row = self.phrases.get(op)
        if row is None:
            raise Unphrased(op, self)
        return Phrase(words=row) if isinstance(row, str) else row

    def keeps(self, node: Node) -> bool:
        """Return whether the node is written by a row of its own."""
        return node.op in self.phrases and self.row(node.op).covers(node.attrs)


def fill(row: Phrase, node: Node, operands: Sequence[Text]) -> Text:
    """Return the row's expression with the operands in their places."""
    words = row.words if isinstance(row.words, str) else row.words(node)
    attrs = node.attrs | ({"index": subscript(to_index(node.attrs["index"]))} if "index" in node.attrs else {})
    frame = frame_of(_insert(words, attrs, [f"_{k}" for k in range(len(operands))]))
    inside = [operand.within(frame.least.get(f"_{k}", LOOSEST)) for k, operand in enumerate(operands)]
    return Text(_insert(words, attrs, inside), frame.level)


def repeated(row: Phrase, node: Node) -> list[int]:
    """Return the operands that the row says more than once; they must be names, or they would be computed again."""
    words = row.words if isinstance(row.words, str) else row.words(node)
    return [k for k in range(len(node.args)) if words.count(f"{{{k}}}") > 1]


def _insert(words: str, attrs: Mapping[str, Any], operands: Sequence[str]) -> str:
    return words.format(*operands, all=", ".join(operands), **attrs)


class Frame(NamedTuple):
    """How tightly an expression holds together, and how tightly each name in it must."""

    level: int
    least: dict[str, int]


@lru_cache(maxsize=4096)
def frame_of(text: str) -> Frame:
    """Return the frame of an expression in which names stand for operands."""
    body = ast.parse(text, mode="eval").body
    least: Counter[str] = Counter()
    for parent in ast.walk(body):
        for child, level in _children(parent):
            if isinstance(child, ast.Name):
                least[child.id] = max(least[child.id], level)
    if isinstance(body, ast.Name):
        least[body.id] = ATOM
    return Frame(_level(body), dict(least))


def _level(node: ast.expr) -> int:
    """Return how tightly an expression holds together."""
    if isinstance(node, ast.BinOp | ast.UnaryOp):
        return LEVELS.get(type(node.op), LOOSEST)
    if isinstance(node, ast.Compare):
        return COMPARISON
    return ATOM if isinstance(node, ast.Name | ast.Constant | ast.Call | ast.Attribute | ast.Subscript) else LOOSEST


def _children(node: ast.AST) -> list[tuple[ast.expr, int]]:
    """Return the parts of an expression, each with the least level that it needs in its place."""
    match node:
        case ast.BinOp(left=left, op=ast.Pow() as op, right=right):
            return [(left, LEVELS[type(op)] + 1), (right, LEVELS[ast.USub])]
        case ast.BinOp(
            left=left, op=ast.MatMult(), right=right
        ):  # tighter than Python asks: a reader of a * b @ c asks
            return [(left, LEVELS[ast.USub]), (right, LEVELS[ast.USub])]
        case ast.BinOp(left=left, op=op, right=right):
            return [(left, LEVELS.get(type(op), ATOM)), (right, LEVELS.get(type(op), ATOM) + 1)]
        case ast.UnaryOp(op=op, operand=operand):
            return [(operand, LEVELS.get(type(op), ATOM) + 1)]
        case ast.Compare(left=left, comparators=comparators):
            return [(part, COMPARISON + 1) for part in (left, *comparators)]
        case ast.Attribute(value=value) | ast.Subscript(value=value) | ast.Call(func=value):
            return [(value, ATOM)]
    return []
