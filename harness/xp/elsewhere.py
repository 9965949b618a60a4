"""Functions of other libraries that are given an array of a case: which one it was, and what xp has instead."""

from __future__ import annotations

import ast
import builtins
import inspect
import linecache
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import FrameType, ModuleType, TracebackType
from typing import Any

from harness.calling import asks_for_namespace
from harness.graph.build import Builder
from harness.told import message
from harness.xp.banned import Banned
from harness.xp.hints import METHODS, NAMES, NOT_OFFERED
from harness.xp.namespace import make_namespace
from harness.xp.refusal import BOUNDARY, Place, Refused, Whose, place_here, place_of, said, whose

SIZES = ("shape", "ndim", "dtype")
"""Attributes of an array that are none."""
ARRAY = "Array"
"""What a library calls an array of the case, whose class it does not know."""
AGAINST = "A case is written against xp: "


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """A function of another library, as the user called it."""

    written: str
    name: str
    library: str
    given: bool
    """Whether an array of the case is among what it was given."""


def raised_at(error: BaseException) -> str:
    """Return where an exception left the user's file, or at least where it was raised: ` (file:line)`."""
    steps = list(_steps(error))
    step = _users(steps) or (steps[-1] if steps else None)
    return "" if step is None else f" ({step.tb_frame.f_code.co_filename}:{step.tb_lineno})"


def of_another_library(error: BaseException, function: Callable[..., Any]) -> str:
    """Return the sentence on a library's function that was given an array of the case; "" where it was not that."""
    steps = list(_steps(error))
    mine = _users(steps)
    if mine is None:
        return _foreign(function, steps)
    place = place_of(mine.tb_frame, mine.tb_lasti, mine.tb_lineno)
    deeper = [step.tb_frame for step in steps[steps.index(mine) + 1 :]]
    libraries = [frame for frame in deeper if whose(frame.f_code.co_filename) is Whose.LIBRARY]
    call = _called(mine, error)
    if isinstance(error, Refused) and not libraries and (call is None or _told_by_array(call)):
        return ""
    if call is not None and (call.given or _among(libraries)):
        return said(place, f"{call.written} was given an array of the case", AGAINST + _instead(call.name, function))
    if call is None and _among(libraries):
        advice = "compute with functions of xp, and declare constants as inputs: name=data(array)"
        return said(place, f"an operation of {_module(libraries[0])} was given an array of the case", AGAINST + advice)
    return ""


def _told_by_array(call: _Call) -> bool:
    """Return whether the array itself was asked, and has said what to write."""
    known = _offered(call.name) or NAMES.get(call.name, call.name) in NOT_OFFERED
    return call.library == "builtins" or (call.library == "numpy" and bool(known))


def _steps(error: BaseException) -> Iterator[TracebackType]:
    """Yield what the exception came through inside the user's function, the outermost first."""
    trace, inside = error.__traceback__, False
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        inside = inside or file == BOUNDARY
        if inside and file != BOUNDARY:
            yield trace
        trace = trace.tb_next


def _users(steps: list[TracebackType]) -> TracebackType | None:
    """Return the innermost step in the user's own file."""
    own = (Whose.USER, Whose.HARNESS)
    return next((step for step in reversed(steps) if whose(step.tb_frame.f_code.co_filename) in own), None)


def _foreign(function: Callable[..., Any], steps: list[TracebackType]) -> str:
    """Return the sentence on a function that a library runs, none of which is the user's."""
    name = getattr(function, "__name__", type(function).__name__)
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is not None and whose(code.co_filename) is Whose.USER:
        place = Place(file=code.co_filename, line=code.co_firstlineno, start=None, stop=None)
        made = _library(type(function)) if not inspect.isroutine(function) or not steps else _module(steps[0].tb_frame)
        advice = f"write a plain function of xp and the inputs, without what {made} puts around it"
        return said(place, f"{name} is run by {made}, which takes no array of the case", AGAINST + advice)
    if asks_for_namespace(function):
        return ""  # an installed package of cases, which says itself what went wrong
    ours = _offered(name)
    advice = f"write lambda xp, w: xp.{ours}(w)" if ours else "write lambda xp, w: … with functions of xp"
    library = _library(function).replace("builtins", "Python")
    what = f"the function {name} of {library} takes no array of the case"
    place = place_here(inside=False)
    if whose(place.file) is Whose.USER:
        return said(place, what, AGAINST + advice)
    return f"T{what[1:]}. {AGAINST}{advice}."


def _module(frame: FrameType) -> str:
    """Return the package whose code a frame runs."""
    return str(frame.f_globals.get("__name__")).partition(".")[0]


def _called(step: TracebackType, error: BaseException) -> _Call | None:
    """Return the library's function that the user's line calls; None where that cannot be read, or is the user's."""
    tree = _expression(step)
    if not isinstance(tree, ast.Call):
        return None
    names = _names(step.tb_frame)
    function = _value(tree.func, names)
    first: ast.expr = tree.func
    while isinstance(first, ast.Attribute):
        first = first.value
    module = _value(first, names)
    library = module.__name__.partition(".")[0] if isinstance(module, ModuleType) else _library(function)
    named = function is not None or (isinstance(tree.func, ast.Attribute) and ARRAY in message(error))
    if not named or not _installed(library):
        return None
    name = tree.func.attr if isinstance(tree.func, ast.Attribute) else getattr(function, "__name__", "")
    arguments = [*tree.args, *(keyword.value for keyword in tree.keywords)]
    given = any(_holds(names.get(one)) for argument in arguments for one in _used(argument))
    return _Call(written=ast.unparse(tree.func), name=name, library=library, given=given)


def _expression(step: TracebackType) -> ast.expr | None:
    """Return the expression that a step is in the middle of, where its source is to be had."""
    positions = list(step.tb_frame.f_code.co_positions())[step.tb_lasti // 2]
    first, last, start, stop = positions
    if first is None or last is None or start is None or stop is None:
        return None
    lines = [linecache.getline(step.tb_frame.f_code.co_filename, line).encode() for line in range(first, last + 1)]
    lines[-1] = lines[-1][:stop]  # columns are counted in bytes
    lines[0] = lines[0][start:]
    try:
        return ast.parse(f"({b''.join(lines).decode()})", mode="eval").body
    except (SyntaxError, ValueError):
        return None


def _names(frame: FrameType) -> Mapping[str, Any]:
    return {**vars(builtins), **frame.f_globals, **frame.f_locals}


def _value(tree: ast.expr, names: Mapping[str, Any]) -> Any:
    """Return what a dotted name stands for; None where looking it up could run anything of the user's."""
    if isinstance(tree, ast.Name):
        return names.get(tree.id)
    owner = _value(tree.value, names) if isinstance(tree, ast.Attribute) else None
    if owner is None or isinstance(owner, Banned) or not _installed(_library(owner)):
        return None
    return getattr(owner, tree.attr, None) if isinstance(tree, ast.Attribute) else None


def _used(tree: ast.expr) -> Iterator[str]:
    """Yield the names in an expression, but those of which only the size is asked."""
    if isinstance(tree, ast.Attribute) and tree.attr in SIZES:
        return
    if isinstance(tree, ast.Name):
        yield tree.id
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.expr):
            yield from _used(child)


def _library(thing: Any) -> str:
    """Return the package that something comes from."""
    if isinstance(thing, ModuleType):
        return thing.__name__.partition(".")[0]
    plain = inspect.isroutine(thing) or isinstance(thing, type)
    owners = [thing, getattr(thing, "__self__", None)] if plain else []
    modules = [getattr(owner, "__module__", None) for owner in owners] + [type(thing).__module__]
    return str(next(module for module in modules if module)).partition(".")[0].removesuffix("lib")


def _installed(library: str) -> bool:
    """Return whether a package is Python's own or an installed one, and not the user's."""
    file = getattr(sys.modules.get(library), "__file__", None)
    return library != "__main__" and (file is None or whose(file) is Whose.LIBRARY)


def _among(frames: list[FrameType]) -> bool:
    """Return whether some function was given an array of the case."""
    return any(_holds(value) for frame in frames for value in frame.f_locals.values())


def _holds(value: Any) -> bool:
    parts = value.values() if type(value) is dict else value if type(value) in (list, tuple) else ()
    return isinstance(value, Banned) or any(isinstance(part, Banned) for part in parts)


def _offered(name: str) -> str:
    """Return the name in xp of what other libraries call so; "" where there is none."""
    ours = NAMES.get(name, name)
    place: Any = make_namespace(Builder())
    for part in ours.split("."):
        place = vars(place).get(part) if hasattr(place, "__dict__") else None
    return ours if callable(place) else ""


def _instead(name: str, function: Callable[..., Any]) -> str:
    """Return what to write in place of another library's function."""
    ours = _offered(name)
    if NAMES.get(name) == "data":
        return "leave it out, what it is given is an array already"
    if ours:
        return f"write xp.{ours}(…){'' if asks_for_namespace(function) else ', with xp as the first parameter'}"
    advice = NOT_OFFERED.get(NAMES.get(name, name)) or METHODS.get(name)
    return advice[:1].lower() + advice[1:] if advice else f"say it in functions of xp, which has no {name}"
