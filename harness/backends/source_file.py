"""The file in which a user wrote a function, as text and tree."""

from __future__ import annotations

import ast
import linecache
import textwrap
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import CodeType
from typing import Any

from harness.spelling import Function, code_of
from harness.statements import first_line


class Missing(Exception):
    """A text that is not to be had, or cannot stand alone; the message says why."""


class SourceFile:
    """A file of Python source. Raises Missing where there is none."""

    def __init__(self, file: str) -> None:
        self.folder = Path(file).parent
        self.rows = linecache.getlines(file)
        if not self.rows:
            raise Missing("its text is not to be had")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse("".join(self.rows))

    def text(self, node: ast.stmt) -> str:
        """Return the lines of a statement, its decorators included."""
        decorators: list[ast.expr] = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(one.lineno for one in decorators)])
        return "".join(self.rows[first - 1 : node.end_lineno])

    def definition(self, function: Function) -> str:
        """Return a function's definition without the harness's decorators, or the expression of a lambda."""
        code = written_code(function)
        if code.co_name == "<lambda>":
            return self._lambda(code)
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef) and _defines(node, code):
                scope = getattr(function, "__globals__", {})
                kept = [f"@{ast.unparse(one)}\n" for one in node.decorator_list if not _of_harness(one, scope)]
                return "".join(kept) + textwrap.dedent("".join(self.rows[node.lineno - 1 : node.end_lineno]))
        raise Missing("its text has changed")

    def _lambda(self, code: CodeType) -> str:
        """Return the innermost lambda in whose body all instructions of the code stand."""
        first, last = _extent(code)
        lambdas = [node for node in ast.walk(self.tree) if isinstance(node, ast.Lambda)]
        around = [node for node in lambdas if _start(node.body) <= first and last <= _end(node.body)]
        if not around:
            raise Missing("its text has changed")
        return ast.unparse(max(around, key=_start))

    def has_beside(self, module: str) -> bool:
        """Return whether a module stands in the folder of the file."""
        top = module.partition(".")[0]
        return (self.folder / f"{top}.py").is_file() or (self.folder / top / "__init__.py").is_file()


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


def _defines(node: ast.FunctionDef, code: CodeType) -> bool:
    return (node.name, first_line(node)) == (code.co_name, code.co_firstlineno)


Spot = tuple[int, int]
"""Line and column."""


def _extent(code: CodeType) -> tuple[Spot, Spot]:
    """Return where the instructions of a code begin and end; those that stand for no text are left out."""
    spans = [span for span in code.co_positions() if None not in span and span[2:] != (0, 0)]
    starts, ends = zip(*(((line, column), (end, stop)) for line, end, column, stop in spans), strict=True)
    return min(starts), max(ends)


def _start(node: ast.expr) -> Spot:
    return node.lineno, node.col_offset


def _end(node: ast.expr) -> Spot:
    return node.end_lineno or node.lineno, node.end_col_offset or 0


def _of_harness(decorator: ast.expr, scope: Mapping[str, Any]) -> bool:
    """Return whether a decorator is something of the harness: a function, or a method of one of its cases."""
    if isinstance(decorator, ast.Call):
        return _of_harness(decorator.func, scope)
    if isinstance(decorator, ast.Attribute) and _of_harness(decorator.value, scope):
        return True
    value = _value(decorator, scope)
    home = getattr(value, "__module__", None) or getattr(value, "__name__", "")
    return str(home).partition(".")[0] == "harness"


def _value(expression: ast.expr, scope: Mapping[str, Any]) -> Any:
    """Return what a dotted name is bound to, None where it is not a name or not bound."""
    if isinstance(expression, ast.Attribute):
        return getattr(_value(expression.value, scope), expression.attr, None)
    return scope.get(expression.id) if isinstance(expression, ast.Name) else None
