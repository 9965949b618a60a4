"""The file in which a user wrote a function, as text and tree."""

from __future__ import annotations

import ast
import copy
import linecache
import textwrap
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

from harness.spelling import Function, code_of
from harness.statements import first_line

REGISTERING = ("native", "backward")
"""Methods of a case that leave the function they decorate as it is."""


class Missing(Exception):
    """A text that is not to be had, or cannot stand alone; the message says why."""


class Piece(NamedTuple):
    """A text of the file, and the line on which it begins."""

    line: int
    text: str


class SourceFile:
    """The file of a function. Raises Missing where there is none."""

    def __init__(self, function: Function) -> None:
        file = written_code(function).co_filename
        self.folder = Path(file).parent
        self.rows = linecache.getlines(file)
        self.scope: Mapping[str, Any] = getattr(function, "__globals__", {})
        if not self.rows:
            raise Missing("its text is not to be had")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse("".join(self.rows))

    def piece(self, node: ast.stmt) -> Piece:
        """Return a statement with its decorators, but for those that register it with a case."""
        decorators: list[ast.expr] = getattr(node, "decorator_list", [])
        kept = [f"@{ast.unparse(one)}\n" for one in decorators if not self._registers(one)]
        own = "".join(self.rows[node.lineno - 1 : node.end_lineno])
        text = _outdented(own, node) if isinstance(node, ast.FunctionDef) and node.col_offset else own
        return Piece(node.lineno, "".join(kept) + text.rstrip("\n") + "\n")

    def definition(self, function: Function) -> Piece:
        """Return a function's definition, or the expression of a lambda."""
        code = written_code(function)
        if code.co_name == "<lambda>":
            return self._lambda(code)
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef) and _defines(node, code):
                return self.piece(node)
        raise Missing("its text has changed")

    def _lambda(self, code: CodeType) -> Piece:
        """Return the innermost lambda in whose body all instructions of the code stand.

        Python 3.12 gives a constant body no place: then it is the first one of the line that compiles to the same.
        """
        spots, lambdas = _spots(code), [node for node in ast.walk(self.tree) if isinstance(node, ast.Lambda)]
        if spots:
            around = [one for one in lambdas if _start(one.body) <= min(spots) and max(spots) <= _end(one.body)]
        else:
            around = [one for one in lambdas if one.lineno == code.co_firstlineno and _compiles_to(one, code)][:1]
        if not around:
            raise Missing("its text has changed")
        innermost = max(around, key=_start)
        return Piece(innermost.lineno, ast.unparse(innermost))

    def has_beside(self, module: str) -> bool:
        """Return whether a module stands in the folder of the file."""
        top = module.partition(".")[0]
        return (self.folder / f"{top}.py").is_file() or (self.folder / top / "__init__.py").is_file()

    def _registers(self, decorator: ast.expr) -> bool:
        """Return whether a decorator is a registering method of one of the harness's cases."""
        method = decorator.func if isinstance(decorator, ast.Call) else decorator
        if not (isinstance(method, ast.Attribute) and method.attr in REGISTERING):
            return False
        return type(self._value(method.value)).__module__.partition(".")[0] == "harness"

    def _value(self, expression: ast.expr) -> Any:
        """Return what a dotted name is bound to, None where it is not a name, or not bound."""
        if isinstance(expression, ast.Attribute):
            return getattr(self._value(expression.value), expression.attr, None)
        return self.scope.get(expression.id) if isinstance(expression, ast.Name) else None


def written_code(function: Function) -> CodeType:
    """Return the code of a function that is written in Python. Raises Missing."""
    code = code_of(function)
    if code is None:
        raise Missing("it is not written in Python")
    return code


def shown(path: Path) -> str:
    """Return the path relative to where the command is run, if it is below."""
    here = Path.cwd()
    return (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()


def _outdented(text: str, node: ast.FunctionDef) -> str:
    """Return an inner function's text at the left margin; written anew where that would change a text within it."""
    bare = copy.copy(node)
    bare.decorator_list = []
    moved = textwrap.dedent(text)
    return moved if ast.dump(ast.parse(moved).body[0]) == ast.dump(bare) else ast.unparse(bare)


def _defines(node: ast.FunctionDef, code: CodeType) -> bool:
    return (node.name, first_line(node)) == (code.co_name, code.co_firstlineno)


Spot = tuple[int, int]
"""Line and column."""


def _spots(code: CodeType) -> list[Spot]:
    """Return where the instructions of a code begin and end; those that stand for no text are left out."""
    found = list[Spot]()
    for line, end, column, stop in code.co_positions():
        if line is not None and end is not None and column is not None and stop is not None and (column or stop):
            found += [(line, column), (end, stop)]
    return found


def _compiles_to(node: ast.Lambda, code: CodeType) -> bool:
    """Return whether a lambda of the file is the same function, wherever it stands."""
    expression = compile(ast.Expression(node), "", "eval")
    *_, own = (constant for constant in expression.co_consts if isinstance(constant, CodeType))  # defaults stand first
    return (own.co_code, own.co_consts, own.co_varnames) == (code.co_code, code.co_consts, code.co_varnames)


def _start(node: ast.expr) -> Spot:
    return node.lineno, node.col_offset


def _end(node: ast.expr) -> Spot:
    return node.end_lineno or node.lineno, node.end_col_offset or 0
