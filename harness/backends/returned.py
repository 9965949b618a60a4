"""What a user's function returns: one number as its framework has it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from harness.conduct import Foreign
from harness.spelling import Spelling

HOMES = {"tensorflow": ("tensorflow", "keras"), "torch": ("torch",), "jax": ("jax", "jaxlib")}
"""Backend → the packages whose arrays it differentiates."""


class NotATensor(TypeError):
    """What came back is nothing that the framework differentiates; the text says what it is."""


class NotOneNumber(TypeError):
    """An array came back where one number was to come; the text says of which shape.

    PyTorch and JAX refuse to differentiate it, each in its own words; TensorFlow differentiates the sum.
    """


@lru_cache(maxsize=512)
def checked(live: Spelling) -> Spelling:
    """Return the spelling with a function that raises NotATensor or NotOneNumber where the user's returns no number."""

    @functools.wraps(live.function)
    def function(*args: Any, **kwargs: Any) -> Any:
        result = live.function(*args, **kwargs)
        check_tensor(result, live)
        check_number(result, live)
        return result

    return replace(live, function=function)


def unwrapped(error: BaseException) -> BaseException:
    """Return what was raised of a function's result where it made a framework raise its own, as AutoGraph does."""
    inner: BaseException | None = error
    while inner is not None and not isinstance(inner, NotATensor | NotOneNumber):
        inner = inner.__context__
    return inner or error


def check_tensor(result: Any, live: Spelling) -> None:
    """Raise NotATensor where the result is no array of the spelling's framework."""
    homes = {base.__module__.partition(".")[0] for base in type(result).__mro__}
    if isinstance(result, tuple) or not hasattr(result, "shape") or not homes.intersection(HOMES[live.backend]):
        raise NotATensor(
            f"{live.written} returned {described(result)}; it must return one number as a {live.backend} tensor"
        )


def check_number(result: Any, live: Spelling) -> None:
    """Raise NotOneNumber where the tensor has a dimension."""
    if shape := _shape(result):
        raise NotOneNumber(
            f"{live.written} returned shape {shape}; one number, of shape (), is right. Look for a missing sum."
        )


def _shape(result: Any) -> tuple[int | None, ...]:
    """Return the shape of a tensor; () where TensorFlow does not know it before the function has run."""
    try:
        return tuple(result.shape)
    except ValueError:
        return ()


def described(result: Any) -> str:
    """Return what something is, with its article."""
    if isinstance(result, tuple | list):
        return f"a {type(result).__name__} of {len(result)}"
    if result is None:
        return "None"
    home = type(result).__module__
    return f"a {type(result).__name__}" if home == "builtins" else f"a {home.partition('.')[0]}.{type(result).__name__}"


def foreigners(returned: Mapping[str, Any], arrays: tuple[type, ...]) -> tuple[Foreign, ...]:
    """Return the gradients that are no arrays of these classes; None is no array of anybody's."""
    return tuple(
        Foreign(said=f"{path}: {described(one)} came back as the gradient")
        for path, one in returned.items()
        if not (one is None or isinstance(one, arrays))
    )
