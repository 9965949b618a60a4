"""The call of a user's function as source, with the text that binds what it calls."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.backends.excerpt import Excerpt, excerpt
from harness.backends.source_file import Missing, SourceFile, shown
from harness.calling import contained, nest, takes_by_name
from harness.graph.literals import identifiers
from harness.measurement import Task
from harness.spelling import Function, NativeCall, Spelling


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UserCall:
    """A user's function and its layouts under the names that a source calls them by."""

    live: Spelling
    name: str
    layouts: dict[str, str]
    """Leaf path → name of the function that changes its layout."""
    text: Excerpt
    """What binds the names in a program."""

    @property
    def given(self) -> tuple[tuple[str, Function], ...]:
        """The functions themselves by name: they run, with all that they close over."""
        own = _contained(self.live)
        return ((self.name, own.function), *((name, own.layouts[path]) for path, name in self.layouts.items()))

    def source(self, leaves: Mapping[str, str]) -> str:
        """Return the call with the leaves under these names: `linear(torch, w=layout_w(w), x=x)`."""
        laid = {
            path: f"{self.layouts[path]}({leaf})" if path in self.layouts else leaf for path, leaf in leaves.items()
        }
        before, given = [self.live.module] if self.live.module else [], nest(laid)
        by_name = takes_by_name(self.live.function, given, after=len(before))
        arguments = [f"{key}={_dictionary(tree)}" if by_name else _dictionary(tree) for key, tree in given.items()]
        return f"{self.name}({', '.join([*before, *arguments])})"


@lru_cache(maxsize=512)
def _contained(live: Spelling) -> Spelling:
    """Return the spelling as it is called; kept, since a source is compiled for the very functions that it is given."""
    layouts = {path: contained(layout) for path, layout in live.layouts.items()}
    return replace(live, function=contained(live.function), layouts=layouts)


def _dictionary(tree: Any) -> str:
    """Return nested dictionaries of names as source."""
    if isinstance(tree, str):
        return tree
    items = (f"{json.dumps(key, ensure_ascii=False)}: {_dictionary(leaf)}" for key, leaf in tree.items())
    return f"{{{', '.join(items)}}}"


def live_of(task: Task) -> Spelling:
    """Return the spelling of a task whose function is at hand."""
    assert task.native is not None, "the task is the graph's own"
    assert task.native.live is not None, "a function that has travelled is found again before it is measured"
    return task.native.live


def user_call(native: NativeCall, live: Spelling, reserved: Collection[str], above: Collection[str] = ()) -> UserCall:
    """Return the call of a spelling; none of its names is a reserved one, and `above` are lines that stand first.

    Where the text cannot stand alone the program takes the function from the user's file, and says why.
    """
    return _user_call(native.file, native.case, live, frozenset(reserved), tuple(above))


@lru_cache(maxsize=512)
def _user_call(file: str, case: str, live: Spelling, reserved: frozenset[str], above: tuple[str, ...]) -> UserCall:
    own = getattr(live.function, "__name__", "")
    name = own if own.isidentifier() and own not in reserved else "native"
    named = identifiers([f"layout_{path}" for path in live.layouts], {*reserved, name})
    layouts = {path: named[f"layout_{path}"] for path in live.layouts}
    functions = {name: live.function} | {layouts[path]: layout for path, layout in live.layouts.items()}
    try:
        text = excerpt(functions, above)
        if taken := sorted(text.names & text.used & reserved):
            raise Missing(f"its file binds {taken[0]}, a name of this script")
    except Missing as why:
        text = _from_file(file, case, live, functions, str(why))
    return UserCall(live=live, name=name, layouts=layouts, text=text)


def _from_file(file: str, case: str, live: Spelling, functions: Mapping[str, Function], why: str) -> Excerpt:
    """Return lines that take the functions from the user's file, below their text as comments."""
    name, *layouts = functions
    comment = textwrap.indent(_definition(live.function), "#     ", lambda line: True)
    if not Path(file).is_file():
        return Excerpt(text=f'{comment}raise SystemExit("{live.written} cannot be written out: {why}")\n')
    spelt = f'case.spelt("{live.backend}", "{live.name}").live'
    laid = [f'{one} = {spelt}.layouts["{path}"]\n' for one, path in zip(layouts, live.layouts, strict=True)]
    text = (
        f"# {live.written} cannot stand alone: {why}. It is taken from its file, which needs gradharness.\n{comment}"
        f'from harness.collect import collect\n\n(case,) = (one for one in collect(["{shown(Path(file))}"]) '
        f'if one.id == "{case}")\n{name} = {spelt}.function\n{"".join(laid)}'
    )
    return Excerpt(text=text, names=frozenset({"collect", "case", *functions}))


def _definition(function: Function) -> str:
    try:
        return SourceFile(function).definition(function).text
    except Missing:
        return ""
