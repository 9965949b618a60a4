"""How a user's function is called: with a namespace or without, its arrays by name or in order."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Collection, Mapping
from typing import Any

from harness.told import fitting, message

NAMESPACE_ALIASES = ("xp", "tf", "torch", "jnp", "jax", "np")
"""Names of a first parameter that ask for the namespace."""


def call_with_namespace(function: Callable[..., Any], xp: Any, inputs: dict[str, Any]) -> Any:
    """Return function(xp, **inputs), or without xp where the function does not ask for it."""
    before, call = [xp] if asks_for_namespace(function) else [], contained(function)
    if takes_by_name(function, inputs, after=len(before)):
        return call(*before, **inputs)
    return call(*before, *inputs.values())


def contained(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function, out of which its own process alone comes: a copy that it made by a fork ends on the way.

    The copy would go on with whatever the caller has to do, and make the next copy there.
    """

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        process = os.getpid()
        try:
            return function(*args, **kwargs)
        finally:
            if os.getpid() != process:
                os._exit(0)

    return call


def takes_by_name(function: Callable[..., Any], names: Collection[str], *, after: int) -> bool:
    """Return whether the parameters after the first `after` have these names; else arrays are given in order.

    So they are to parameters before a `/`, which take nothing by name.
    """
    if not only_in_order(function, after=after).isdisjoint(names):
        return False
    return set(names) <= set(parameter_names(function)[after:]) or _takes_any(function)


def only_in_order(function: Callable[..., Any], *, after: int) -> set[str]:
    """Return the parameters after the first `after` that stand before a `/`."""
    before = [p for p in _parameters(function) if p.kind is inspect.Parameter.POSITIONAL_ONLY]
    return {parameter.name for parameter in before[after:]}


def misfit(function: Callable[..., Any], names: Collection[str], *, reserved: Collection[str] = ()) -> str:
    """Return why a function cannot be called with inputs of these names, and what to write; "" where it can.

    No input can have a `reserved` name.
    """
    before = parameter_names(function)[:1] if asks_for_namespace(function) else []
    by_name = takes_by_name(function, names, after=len(before))
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a function in C may not say what it takes
        return ""
    try:
        signature.bind(*before, **dict.fromkeys(names)) if by_name else signature.bind(*before, *names)
    except TypeError as error:
        taken, given = (", ".join(some) or "nothing" for some in (signature.parameters, [*before, *names]))
        hint = _hint(function, names, before, reserved)
        return f"takes {fitting(taken)}, is given {fitting(given)}: {fitting(message(error))}; {hint}"
    return ""


def _hint(
    function: Callable[..., Any], names: Collection[str], before: Collection[str], reserved: Collection[str]
) -> str:
    """Return what makes a function fit its inputs."""
    taken = [name for name in before if name in names]
    if taken:
        return f"rename {taken[0]}, since a first parameter of that name gets the namespace"
    lost = [name for name in reserved if name in parameter_names(function)]
    if lost:
        return f"rename {lost[0]}, which is no input here"
    if not only_in_order(function, after=len(before)).isdisjoint(names):
        return "what stands before a / is given in order; leave the / out"
    return late_namespace(function, names) or "give one input for each, and no other"


def late_namespace(function: Callable[..., Any], names: Collection[str]) -> str:
    """Return what to write where the namespace is asked for, but not first; "" where it is not so."""
    parameters = parameter_names(function)
    late = [name for name in parameters[1:] if name in NAMESPACE_ALIASES and name not in names]
    required = [p.name for p in _parameters(function) if p.default is inspect.Parameter.empty]
    if not late or late[0] not in required:
        return ""
    return f"write {late[0]} first: ({', '.join([late[0], *(name for name in parameters if name != late[0])])})"


def takes_the_rest(function: Callable[..., Any]) -> bool:
    """Return whether the function has `*args`, which take what is given in order beyond its parameters."""
    return any(parameter.kind is inspect.Parameter.VAR_POSITIONAL for parameter in _parameters(function))


def asks_for_namespace(function: Callable[..., Any]) -> bool:
    """Return whether the first parameter is named `xp` or as a framework is usually named."""
    names = parameter_names(function)
    return bool(names) and names[0] in NAMESPACE_ALIASES


def parameter_names(function: Callable[..., Any]) -> list[str]:
    """Return the names of the parameters that can be given by position or name."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [parameter.name for parameter in _parameters(function) if parameter.kind in kinds]


def _takes_any(function: Callable[..., Any]) -> bool:
    return any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in _parameters(function))


def _parameters(function: Callable[..., Any]) -> Collection[inspect.Parameter]:
    try:
        return inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return ()


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested dictionaries from leaf paths joined by dots."""
    tree: dict[str, Any] = {}
    for path, value in flat.items():
        *folders, last = path.split(".")
        place = tree
        for folder in folders:
            place = place.setdefault(folder, {})
        place[last] = value
    return tree


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a nested dictionary's leaves by path, parts joined by dots."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
