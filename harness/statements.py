"""Statements: the user's lines that nodes come from, and the variables that hold their values."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from harness.calling import NAMESPACE_ALIASES
from harness.graph.node import Graph

LONGEST = 60
"""Characters of a statement that are worth repeating in a sentence."""

Place = tuple[str, int]
"""File and line."""


class Statement(NamedTuple):
    """One statement of the user's."""

    line: int
    text: str
    target: str
    """The variable that it assigns, "" where it assigns none, or several."""


def statement(place: Place | None) -> Statement | None:
    """Return the statement that stands at a place, None where its file cannot be read."""
    source = "" if place is None else _source(place[0])
    there = [node for node in ast.walk(_tree(source)) if isinstance(node, ast.stmt) and _covers(node, place)]
    if not there:
        return None
    innermost = max(reversed(there), key=lambda node: node.lineno)
    simple = not hasattr(innermost, "body")
    whole = ast.get_source_segment(source, innermost) or ""
    words = " ".join((whole if simple else whole.partition("\n")[0]).split())
    target = next((name for name, value in _stores(innermost) if value is not None), "") if simple else ""
    return Statement(innermost.lineno, words if len(words) <= LONGEST else f"{words[:LONGEST]}…", target)


def variables(graph: Graph, definition: Place) -> dict[str, int]:
    """Return the local variables of the function that is defined there, each with the node of its last value.

    A variable counts where each of its assignments is an operation; what else a name may hold no graph shows.
    """
    function = _function(definition)
    if function is None:
        return {}
    last = {node.where[1]: k for k, node in enumerate(graph.nodes) if node.where and node.where[0] == definition[0]}
    arguments = [node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)]
    held: dict[str, list[int | None]] = {name: [None] for name in arguments}
    for name, value in _stores(function):
        operates = value is not None and _operates(value, arguments[0] if arguments else "")
        held.setdefault(name, []).append(_node(graph, value, last) if value is not None and operates else None)
    return {name: max(k for k in nodes if k is not None) for name, nodes in held.items() if None not in nodes}


def _node(graph: Graph, value: ast.expr, last: Mapping[int, int]) -> int | None:
    """Return the node that an operation on some lines makes: the last one; None where there is none, or no real one."""
    lines = range(value.lineno, (value.end_lineno or value.lineno) + 1)
    made = max((last[line] for line in lines if line in last), default=None)
    return made if made is not None and graph.nodes[made].kind == "real" else None


def _operates(value: ast.expr, namespace: str) -> bool:
    """Return whether an operation is outermost: an operator, a basic index, or a call of the namespace."""
    match value:
        case ast.BinOp() | ast.UnaryOp() | ast.Attribute(attr="T" | "mT") | ast.Subscript(value=ast.Name()):
            return True
        case ast.Call(func=ast.Attribute() as called):
            return namespace in NAMESPACE_ALIASES and _root(called) == namespace
    return False


def _root(called: ast.expr) -> str:
    while isinstance(called, ast.Attribute):
        called = called.value
    return called.id if isinstance(called, ast.Name) else ""


def _stores(tree: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    """Yield every name that is stored, with the expression where it is all that is assigned."""
    whole: dict[ast.expr, ast.expr | None] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name() as target], value=value) | ast.AnnAssign(target=target, value=value):
                whole[target] = value
            case ast.Name(ctx=ast.Store()):
                yield node.id, whole.get(node)


def _function(place: Place) -> ast.FunctionDef | None:
    tree = _tree(_source(place[0]))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return next((node for node in functions if first_line(node) == place[1]), None)


def first_line(node: ast.FunctionDef) -> int:
    """Return the line on which a definition begins, decorators included, as its code knows it."""
    return min([node.lineno, *(one.lineno for one in node.decorator_list)])


def _covers(node: ast.stmt, place: Place | None) -> bool:
    return place is not None and node.lineno <= place[1] <= (node.end_lineno or node.lineno)


def _source(file: str) -> str:
    return "".join(linecache.getlines(file))


@lru_cache(maxsize=64)
def _tree(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])
