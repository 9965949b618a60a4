"""Emit: a graph as ordinary source of a framework, in the words of its phrasebook.

The source is what an adapter runs, what a report shows and what `repro` prints.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from itertools import count

from harness.graph.calls import RESULTS, bound_by, call_of, kinds_of, named
from harness.graph.complexes import is_complex
from harness.graph.directions import directions
from harness.graph.literals import number
from harness.graph.node import Graph, Kind, Node
from harness.graph.phrase import ATOM, Call, Phrase, Phrasebook, Text, Unphrased, fill, frame_of, repeated
from harness.graph.program import program
from harness.graph.script import Script, imports, mentions
from harness.graph.surface import spoken, surface

__all__ = ["Call", "Phrase", "Phrasebook", "Script", "Unphrased", "emit", "program"]

WIDTH, PARENTHESES = 72, 6
"""Longest expression that is written into another, and its most parentheses: beyond, it gets a line and a name."""
RESERVED = {"dtype", "cost", "gradient", "value", "partials", "results", "tape", "data", "p", "np", "float", "print"}
"""Names of the scripts themselves."""
IDENTIFIER = re.compile(r"[^\W\d]\w*")
COMPLEX_PARTS = ("float64", "float32")
"""The dtypes that every framework makes complex numbers of."""


class NoSuchParts(Unphrased):
    """A framework has no complex numbers of a dtype."""

    def __init__(self, book: Phrasebook, dtype: str) -> None:
        Exception.__init__(
            self,
            f"no complex numbers of {dtype} in {book.name}'s phrasebook: only parts of {' or '.join(COMPLEX_PARTS)} "
            "are complex numbers in every framework",
        )


@lru_cache(maxsize=256)
def emit(graph: Graph, book: Phrasebook, *, dtype: str, variant: str = "eager", operator: str = "grad") -> Script:
    """Return the graph as source of the book's framework; raise Unphrased where it has no words.

    Unused data are no arguments; every param is one, used or not. A source is the same at every point: it is kept.
    """
    graph = spoken(graph, book)
    nodes = surface(graph, book)
    if dtype not in COMPLEX_PARTS and any(map(is_complex, nodes.values())):
        raise NoSuchParts(book, dtype)
    leaves = {path: k for path, k in graph.inputs.items() if k in nodes or path in graph.params}
    names = _names(graph, book, leaves, variant, operator)
    cost = _cost(graph, nodes, {k: names[path] for path, k in leaves.items()}, book)
    parts = [cost, *_around(graph, book, leaves, variant, operator, names)]
    body = "\n".join([book.prelude.format(dtype=dtype), *helpers(book, cost), *parts])
    return Script(
        imports=imports(book, body),
        body=body,
        binds=bound_by(operator),
        arguments=(*leaves, *directions(graph, operator)),
        params=graph.params,
        results=RESULTS.get(operator, graph.params),
        names=names,
        kinds=kinds_of(graph, leaves, operator),
    )


def _names(graph: Graph, book: Phrasebook, leaves: Mapping[str, int], variant: str, operator: str) -> dict[str, str]:
    """Return the name of each leaf and direction: none that the book's own lines use."""
    taken = RESERVED | book.helpers.keys() | set(map(_bound, book.imports.values()))
    names = named(graph, operator, leaves, taken)
    marked = {path: f"leaf_{k}_of_them" for k, path in enumerate(names)}
    own = IDENTIFIER.findall("".join(_around(graph, book, leaves, variant, operator, marked)))
    return named(graph, operator, leaves, taken | set(own)) if set(own) & set(names.values()) else names


def _around(
    graph: Graph,
    book: Phrasebook,
    leaves: Mapping[str, int],
    variant: str,
    operator: str,
    names: Mapping[str, str],
) -> list[str]:
    """Return the lines that differentiate the cost, if the book has any."""
    if book.differentiate is None:
        return []
    return [book.differentiate(call_of(graph, operator, variant, leaves, names))]


def helpers(book: Phrasebook, text: str) -> list[str]:
    """Return the definitions of the helpers that the text calls."""
    return [lines for name, lines in book.helpers.items() if mentions(text, name)]


def _bound(line: str) -> str:
    """Return the name that an import line binds."""
    return line.split()[-1].split(".")[0]


def _cost(graph: Graph, nodes: Mapping[int, Node], names: Mapping[int, str], book: Phrasebook) -> str:
    writer = _Writer(graph, nodes, names, book)
    for position in nodes:
        writer.write(position)
    result = ", ".join(writer.operand(position, tensor=True).text for position in graph.outputs)
    return "\n".join([f"def cost({', '.join(names.values())}):", *writer.lines, f"    return {result}", ""])


class _Writer:
    """Expressions of the nodes so far, and the lines of those that got a name."""

    def __init__(self, graph: Graph, nodes: Mapping[int, Node], names: Mapping[int, str], book: Phrasebook) -> None:
        self.nodes, self.names, self.book = nodes, names, book
        self.outputs = graph.outputs
        self.uses = Counter(k for node in nodes.values() for k in node.args) + Counter(graph.outputs)
        self.texts: dict[int, Text] = {}
        self.lines: list[str] = []
        self.fresh = (name for name in map("t{}".format, count(1)) if name not in names.values())

    def write(self, position: int) -> None:
        """Add the node's expression; give it a line of its own where it is used twice or too long."""
        node = self.nodes[position]
        if node.op == "constant":
            return
        self.texts[position] = Text(self.names[position]) if node.op == "input" else self.expression(node)
        if node.op != "input" and self.wants_line(position):
            self.hoist(position)

    def expression(self, node: Node) -> Text:
        """Return the node's expression, with the longest operands on lines of their own until it fits."""
        row = self.book.row(node.op)
        for k in repeated(row, node):
            self.hoist(node.args[k])
        while _unwieldy(text := fill(row, node, self.operands(row, node))):
            longest = self.longest(node)
            if longest is None:
                break
            self.hoist(longest)
        return text

    def wants_line(self, position: int) -> bool:
        """Return whether the node is used twice, or too long to be written into another."""
        last = position in self.outputs
        return self.uses[position] > 1 or (_unwieldy(self.texts[position]) and not last)

    def longest(self, node: Node) -> int | None:
        """Return the operand with the longest expression that is worth a line of its own."""
        worth = [k for k in node.args if k in self.texts and _compound(self.texts[k])]
        return max(worth, key=lambda k: len(self.texts[k].text), default=None)

    def hoist(self, position: int) -> None:
        """Give the node's expression a line and a name, unless it is a name or a number."""
        if position not in self.texts or self.texts[position].text.isidentifier():
            return
        name = next(self.fresh)
        self.lines.append(f"    {name} = {self.texts[position].text}")
        self.texts[position] = Text(name)

    def operands(self, row: Phrase, node: Node) -> list[Text]:
        """Return the operands' expressions: literals as numbers where the row takes them, else as arrays."""
        literal = [self.nodes[k].op == "constant" for k in node.args]
        whole = any(self.nodes[k].kind == "int" for k in node.args)
        arrays = _arrays(row, literal, [self.nodes[k].kind for k in node.args]) if node.op != "full" else set()
        return [self.operand(k, tensor=j in arrays, whole=whole) for j, k in enumerate(node.args)]

    def operand(self, position: int, *, tensor: bool, whole: bool = False) -> Text:
        """Return the expression of one operand; `tensor` makes an array of a literal."""
        node = self.nodes[position]
        if node.op != "constant":
            return self.texts[position]
        text = number(node.attrs["value"], whole=whole)
        return Text(self.book.leaves["real"].format(text)) if tensor else Text(text, frame_of(text).level)


def _arrays(row: Phrase, literal: list[bool], kinds: list[Kind]) -> set[int]:
    """Return the operands that must be arrays of the framework although they are literals.

    One at least, where all numeric operands are literals: the result would be a Python number, or
    of the framework's default dtype.
    """
    numeric = [k for k, kind in enumerate(kinds) if kind != "bool"]
    mixed = len(set(literal[1:])) > 1
    if row.numbers == "refused" or (row.numbers == "all or none" and mixed):
        return set(range(len(literal)))
    first = row.numbers != "welcome" or all(literal[k] for k in numeric)
    return {numeric[0]} if numeric and first else set()


def _unwieldy(text: Text) -> bool:
    return len(text.text) > WIDTH or text.text.count("(") > PARENTHESES


def _compound(text: Text) -> bool:
    """Return whether the expression computes something, so that a line of its own is worth it."""
    return text.level < ATOM or "(" in text.text
