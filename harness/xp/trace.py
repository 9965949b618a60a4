"""Tracing: a case's function becomes a graph."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.calling import call_with_namespace, misfit, nest
from harness.graph.build import Builder
from harness.graph.node import Graph, Kind, Shape
from harness.told import RAISED, told
from harness.xp.array import Array, wrap
from harness.xp.elsewhere import of_another_library, raised_at
from harness.xp.namespace import make_namespace
from harness.xp.refusal import Refused

LARGEST = 5000
"""Nodes; loops are unrolled, and beyond this the engines take minutes to compile."""


class NotTraceable(Exception):
    """The function is no cost that every engine could evaluate; the text says why and what to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """What tracing must know of one input."""

    shape: Shape
    kind: Kind
    param: bool


def trace(function: Callable[..., Any], leaves: Mapping[str, Leaf], name: str) -> Graph:
    """Return the graph of `function`, whose inputs are named by leaf path.

    Raises NotTraceable where the function refuses, is not a function of its inputs, or returns no cost.
    """
    first, second = _once(function, leaves, name), _once(function, leaves, name)
    if first.digest() != second.digest():
        raise NotTraceable(
            f"{name} gave two different graphs when it was traced twice: it depends on something that changes "
            "(random numbers, global state). Pass noise and counters as data."
        )
    return first


def _once(function: Callable[..., Any], leaves: Mapping[str, Leaf], name: str) -> Graph:
    builder = Builder()
    flat = {path: wrap(builder.input(path, leaf.shape, leaf.kind, param=leaf.param)) for path, leaf in leaves.items()}
    inputs = nest(flat)
    wrong = misfit(function, list(inputs))
    if wrong:
        raise NotTraceable(f"{name} cannot be called, so no engine can run it. {_defined(function)}it {wrong}.")
    try:
        result = call_with_namespace(function, make_namespace(builder), inputs)
    except RAISED as error:
        raise NotTraceable(_raised(error, function, name)) from error
    return _checked(result, builder, name)


def _raised(error: BaseException, function: Callable[..., Any], name: str) -> str:
    """Return why a function could not be traced, and where in the user's file."""
    elsewhere = _elsewhere(error, function)
    if isinstance(error, Refused) or elsewhere:
        return f"{name} cannot be traced, so no engine can run it. {elsewhere or error}"
    return f"{name}, while it was traced, raised {told(error)}{raised_at(error)}"


def _elsewhere(error: BaseException, function: Callable[..., Any]) -> str:
    try:
        return of_another_library(error, function)
    except Exception:  # it looks at other people's objects, which may raise at anything
        return ""


def _defined(function: Callable[..., Any]) -> str:
    """Return the place of a function's definition, where it has one."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return "" if code is None else f"{code.co_filename}:{code.co_firstlineno}: "


def _checked(result: Any, builder: Builder, name: str) -> Graph:
    """Return the finished graph of a cost: one real number that comes from the inputs."""
    if not isinstance(result, Array):
        raise NotTraceable(
            f"{name} returns {_described(result)}; a cost returns one array of the case with shape (). "
            "Compute it with xp from the inputs."
        )
    if result.shape != () or result._ref.kind != "real":
        raise NotTraceable(
            f"{name} returns {result!r}; a cost is one real number. Write xp.sum(…) or xp.mean(…) around it."
        )
    if result._ref.builder is not builder:
        raise NotTraceable(f"{name} returns an array of an earlier trace: it keeps state. Return what it computes.")
    if len(builder.nodes) > LARGEST:
        raise NotTraceable(
            f"{name} has {len(builder.nodes)} operations, more than {LARGEST}: loops are unrolled. Use fewer steps."
        )
    return builder.freeze(result._ref)


def _described(result: Any) -> str:
    return "None" if result is None else f"a {type(result).__name__}"
