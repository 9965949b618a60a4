"""Excerpts: users' functions as text, with everything of their file that they use.

What a text uses is asked of Python's own symbol tables, and followed through the top level of the file.
"""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from harness.backends.source_file import Missing, SourceFile, shown, written_code
from harness.spelling import Function

GIVEN = {*dir(builtins), "__name__", "__file__", "__doc__"}
"""Names that every program has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """Text that binds some functions, in the order of the file that it is from."""

    future: str = ""
    """The file's `from __future__` lines, which stand first in a program."""
    text: str
    names: frozenset[str] = frozenset()
    """What the text binds."""
    used: frozenset[str] = frozenset()
    """The names that its functions look up when they are called."""


def excerpt(functions: Mapping[str, Function], above: Collection[str] = ()) -> Excerpt:
    """Return the text that binds the functions under these names, without the lines that stand `above` it already.

    Raises Missing where it could not run by itself.
    """
    files = {_alone(function) for function in functions.values()}
    if len(files) != 1:
        raise Missing("its layouts are written in other files")
    top = TopLevel(SourceFile(files.pop()))
    definitions = {name: top.file.definition(function) for name, function in functions.items()}
    own = "".join(_bound(name, text) for name, text in definitions.items())
    needed = [node for node in top.needed_by(own, known=binds(own)) if top.file.text(node).strip() not in above]
    texts = [*map(top.text, needed), own]
    return Excerpt(
        future=top.future,
        text=_spaced(texts),
        names=frozenset(name for text in texts for name in binds(text)),
        used=frozenset(name for text in [*texts[:-1], *definitions.values()] for name in top.uses(text)),
    )


def _alone(function: Function) -> str:
    """Return the file of a function that stands by itself. Raises Missing."""
    code = written_code(function)
    if code.co_freevars:
        raise Missing(f"it closes over {', '.join(code.co_freevars)}")
    return code.co_filename


def _bound(name: str, text: str) -> str:
    """Return text that binds a function under a name: a definition, renamed if need be, or an expression."""
    (defined,) = binds(text) or {""}
    return f"{name} = {text}\n" if not defined else text if defined == name else f"{text}\n{name} = {defined}\n"


def _spaced(texts: Sequence[str]) -> str:
    """Return the texts below each other, a blank line around those of more than one line."""
    wide = [f"\n{text}\n" if text.count("\n") > 1 else text for text in texts]
    return re.sub("\n{3,}", "\n\n", "".join(wide)).strip("\n") + "\n"


class TopLevel:
    """The statements of a file's top level, by what they bind."""

    def __init__(self, file: SourceFile) -> None:
        self.file = file

    @cached_property
    def binds(self) -> dict[ast.stmt, set[str]]:
        """Statement → the names that it binds, in the order of the file."""
        return {node: binds(ast.unparse(node)) for node in self.file.tree.body}

    @cached_property
    def future(self) -> str:
        return "".join(self.file.text(node) for node in self.binds if _imported(node) == ["__future__"])

    def uses(self, text: str) -> set[str]:
        """Return the names that statements of the file take from their surroundings."""
        tables = _tables(symtable.symtable(self.future + text, "<excerpt>", "exec"))
        used = {(table, symbol) for table in tables for symbol in table.get_symbols() if symbol.is_global()}
        return {symbol.get_name() for table, symbol in used if table.get_type() != "module" or symbol.is_referenced()}

    def needed_by(self, text: str, known: set[str]) -> list[ast.stmt]:
        """Return the statements that `text` uses, directly or through others, in the order of the file."""
        chosen: set[ast.stmt] = set()
        wanted = self.uses(text) - known
        while wanted:
            for name in wanted:
                chosen |= self._binding(name)
            known = known | wanted
            chosen |= {node for node in self.binds if _changes(node, known)}
            wanted = {name for node in chosen for name in self.uses(self.file.text(node))} - known
        return [node for node in self.binds if node in chosen]

    def _binding(self, name: str) -> set[ast.stmt]:
        """Return the statements that bind a name; a star may bind any."""
        found = {node for node, names in self.binds.items() if name in names}
        stars: set[ast.stmt] = {node for node in self.binds if _is_star(node)}
        if not found and not stars and name not in GIVEN:
            raise Missing(f"{name} is not bound in its file")
        if any(module.partition(".")[0] == "harness" for node in found for module in _imported(node)):
            raise Missing(f"it uses {name}, which is of gradharness")
        return found or (stars if name not in GIVEN else set())

    def text(self, node: ast.stmt) -> str:
        """Return the lines of a statement; before the import of a module beside the file those that find it."""
        beside = [module for module in _imported(node) if self.file.has_beside(module)]
        path = f'import sys\nsys.path.insert(0, "{shown(self.file.folder)}")  # {beside[0]}.py\n' if beside else ""
        return path + self.file.text(node)


def _is_star(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.names[0].name == "*"


def _imported(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


def _changes(node: ast.stmt, known: Collection[str]) -> bool:
    """Return whether a statement changes what a known name holds: `f.defvjp(forward, reverse)`, `table[0] = 1`."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        places = [node.value.func]
    elif isinstance(node, ast.Assign | ast.AugAssign):
        places = node.targets if isinstance(node, ast.Assign) else [node.target]
    else:
        return False
    return any(isinstance(place, ast.Attribute | ast.Subscript) and _root(place) in known for place in places)


def _root(place: ast.expr) -> str:
    """Return the name at the head of attributes and subscripts, "" where there is another expression."""
    while isinstance(place, ast.Attribute | ast.Subscript):
        place = place.value
    return place.id if isinstance(place, ast.Name) else ""


def binds(text: str) -> set[str]:
    """Return the names that statements bind at their top level."""
    symbols = symtable.symtable(text, "<excerpt>", "exec").get_symbols()
    return {symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported()}


def _tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for inner in table.get_children():
        yield from _tables(inner)
