"""How a user's function is called: with a namespace or without, its arrays by name or in order."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Collection, Mapping
from typing import Any

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
    """Return whether the parameters after the first `after` have these names; else arrays are given in order."""
    return set(names) <= set(parameter_names(function)[after:]) or _takes_any(function)


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
