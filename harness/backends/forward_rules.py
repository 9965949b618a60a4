"""Whether the gradient rules that a user's function calls have forward mode: read off its code, no framework runs."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType, FunctionType, ModuleType
from typing import Any

from harness.spelling import MODULES, Function, code_of

FOREIGN = {*sys.stdlib_module_names, *MODULES, "keras", "flax", "optax"}
"""Packages whose own rules are not the user's."""
JAX = {"custom_jvp": True, "custom_vjp": False}
"""JAX's decorators → whether what they decorate has forward mode."""


@lru_cache(maxsize=512)
def forward_rules(function: Function) -> bool:
    """Return whether the function calls rules of the user's, and each of them can be taken in forward mode.

    That is JAX's `custom_jvp`, and an `autograd.Function` with a `jvp`. TensorFlow has no forward rule to write:
    its forward mode differentiates the operations inside.
    """
    found = list(_rules(function, set()))
    return bool(found) and all(found)


def _rules(thing: Any, seen: set[int]) -> Iterator[bool]:
    """Yield of each rule in reach whether it has forward mode."""
    if id(thing) in seen or not callable(thing) or _package(thing) in FOREIGN:
        return
    seen.add(id(thing))
    if type(thing).__name__ in JAX:
        yield JAX[type(thing).__name__]
    elif isinstance(thing, type):
        yield from _of_class(thing)
    elif (code := code_of(thing)) is not None:
        yield from _written(code)
        for named in _named(thing, code):
            yield from _rules(named, seen)


def _package(thing: Any) -> str:
    return str(getattr(thing, "__module__", None) or "").partition(".")[0]


def _of_class(made: type) -> Iterator[bool]:
    """Yield of an `autograd.Function` whether it has a `jvp` of its own."""
    own = [base for base in made.__mro__ if _package(base) not in {*FOREIGN, "builtins"}]
    if any(base.__module__ == "torch.autograd.function" for base in made.__mro__):
        yield any("jvp" in vars(base) for base in own)


def _written(code: CodeType) -> Iterator[bool]:
    """Yield of each rule that is made inside the code whether it has forward mode."""
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    defined = {one.co_name for one in inner}
    if {"forward", "backward"} <= defined or {"forward", "jvp"} <= defined:
        yield "jvp" in defined
    yield from (forward for word, forward in JAX.items() if word in code.co_names)
    for one in inner:
        yield from _written(one)


def _named(function: Function, code: CodeType) -> Iterator[Any]:
    """Yield what the names in a function's code stand for, and what they name in modules."""
    inside = inspect.unwrap(function)
    if not isinstance(inside, FunctionType):
        return
    words = set(_words(code))
    found = [inside.__globals__[word] for word in words & inside.__globals__.keys()]
    found += [cell.cell_contents for cell in inside.__closure__ or () if _filled(cell)]
    for thing in found:
        if not isinstance(thing, ModuleType):
            yield thing
        elif thing.__name__.partition(".")[0] not in FOREIGN:
            yield from (vars(thing)[word] for word in words & vars(thing).keys())


def _words(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _words(constant)


def _filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:  # a name that is bound later
        return False
