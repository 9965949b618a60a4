"""Excerpts: users' functions as text, with everything of their file that they use.

What a text uses is asked of Python's own symbol tables, and followed through the top level of the file.
"""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from harness.backends.source_file import Missing, Piece, SourceFile, shown, written_code
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
    top = TopLevel(_file_of(list(functions.values())))
    own, renamed = _definitions(functions, top.file)
    needed = top.needed_by("".join(piece.text for piece in own))
    pieces = [piece for piece in sorted({*own, *needed}) if piece.text.strip() not in above]
    return Excerpt(
        future=top.future,
        text=_spaced([*(piece.text for piece in pieces), *renamed]),
        names=frozenset(name for text in [*(piece.text for piece in pieces), *renamed] for name in binds(text)),
        used=frozenset(name for piece in pieces for name in top.uses(piece.text)),
    )


def _file_of(functions: list[Function]) -> SourceFile:
    """Return the one file of functions that stand by themselves. Raises Missing."""
    codes = [written_code(function) for function in functions]
    closed = [name for code in codes for name in code.co_freevars]
    if closed:
        raise Missing(f"it closes over {', '.join(closed)}")
    if len({code.co_filename for code in codes}) != 1:
        raise Missing("its layouts are written in another file")
    return SourceFile(functions[0])


def _definitions(functions: Mapping[str, Function], file: SourceFile) -> tuple[list[Piece], list[str]]:
    """Return what defines the functions, and the lines that give them other names than they have there."""
    pieces, renamed = [], []
    for name, function in functions.items():
        piece = file.definition(function)
        (defined,) = binds(piece.text) or {""}
        pieces.append(piece if defined else Piece(piece.line, f"{name} = {piece.text}\n"))
        if defined not in ("", name):
            renamed.append(f"\n{name} = {defined}\n")
    return pieces, renamed


def _spaced(texts: Iterable[str]) -> str:
    """Return the texts below each other, a blank line around those of more than one line."""
    wide = [f"\n{text}\n" if text.count("\n") > 1 else text for text in texts]
    return re.sub("\n{3,}", "\n\n", "".join(wide)).strip("\n") + "\n"


class TopLevel:
    """The statements of a file's top level, by what they bind and use."""

    def __init__(self, file: SourceFile) -> None:
        self.file = file

    @cached_property
    def binds(self) -> dict[ast.stmt, set[str]]:
        """Statement → the names that it binds, in the order of the file."""
        return {node: binds(ast.unparse(node)) for node in self.file.tree.body}

    @cached_property
    def future(self) -> str:
        return "".join(self.file.piece(node).text for node in self.binds if _imported(node) == ["__future__"])

    def uses(self, text: str) -> set[str]:
        """Return the names that statements of the file take from their surroundings."""
        tables = _tables(symtable.symtable(self.future + text, "<excerpt>", "exec"))
        used = {(table, symbol) for table in tables for symbol in table.get_symbols() if symbol.is_global()}
        return {symbol.get_name() for table, symbol in used if table.get_type() != "module" or symbol.is_referenced()}

    def needed_by(self, text: str) -> list[Piece]:
        """Return the statements that `text` uses, directly or through others. Raises Missing."""
        chosen: set[ast.stmt] = set()
        known = binds(text)
        wanted = self.uses(text) - known
        while wanted or not chosen >= self._changing(known):
            known = known | wanted
            chosen |= {node for name in sorted(wanted) for node in self._binding(name)} | self._changing(known)
            wanted = {name for node in chosen for name in self.uses(self.file.piece(node).text)} - known
        return [self._piece(node) for node in chosen]

    def _binding(self, name: str) -> set[ast.stmt]:
        """Return the statements that bind a name; a star may bind any."""
        found = {node for node, names in self.binds.items() if name in names}
        if any(module.partition(".")[0] == "harness" for node in found for module in _imported(node)):
            raise Missing(f"it uses {name}, which is of gradharness")
        if found or name in GIVEN:
            return found
        stars = {node for node in self.binds if _is_star(node)}
        if not stars:
            raise Missing(f"{name} is not bound in its file")
        return stars

    def _changing(self, known: Collection[str]) -> set[ast.stmt]:
        """Return the statements that change what known names hold."""
        return {node for node in self.binds if any(_root(place) in known for place in _changed(node))}

    def _piece(self, node: ast.stmt) -> Piece:
        """Return a statement; before the import of a module that stands beside the file, lines that find it."""
        line, text = self.file.piece(node)
        beside = [module for module in _imported(node) if self.file.has_beside(module)]
        path = f'import sys\nsys.path.insert(0, "{shown(self.file.folder)}")  # {beside[0]}.py\n' if beside else ""
        return Piece(line, path + text)


def _is_star(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.names[0].name == "*"


def _imported(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


def _changed(node: ast.stmt) -> list[ast.expr]:
    """Return what a statement changes without binding it: f in `f.defvjp(forward, reverse)`, t in `t[0] = 1`."""
    match node:
        case ast.Expr(value=ast.Call(func=place)) | ast.AugAssign(target=place):
            places = [place]
        case ast.Assign(targets=places):
            pass
        case _:
            return []
    return [place for place in places if isinstance(place, ast.Attribute | ast.Subscript)]


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
