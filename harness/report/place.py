"""Entries of arrays by leaf path and index."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from harness.run.records import Num, Numbers

Place = tuple[str, tuple[int, ...]]
"""Leaf path and index."""

VALUE: Place = ("", ())
"""The place of the value."""


def places(arrays: Mapping[str, Numbers]) -> Iterator[Place]:
    """Yield the entries that the arrays hold, leaf by leaf in C order."""
    for path, array in arrays.items():
        for at in range(len(array.values)):
            yield path, unravel(at, array.shape)


def number_at(arrays: Mapping[str, Numbers], place: Place) -> tuple[Num, str]:
    """Return the entry and its hexadecimal text; "" where the arrays do not hold them."""
    path, index = place
    if path not in arrays:
        return "", ""
    array = arrays[path]
    at = ravel(index, array.shape)
    return (
        array.values[at] if at < len(array.values) else "",
        array.hex[at] if at < len(array.hex) else "",
    )


def unravel(at: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the index of entry number `at` in C order."""
    index: list[int] = []
    for length in reversed(shape):
        at, here = divmod(at, length)
        index.append(here)
    return tuple(reversed(index))


def ravel(index: tuple[int, ...], shape: tuple[int, ...]) -> int:
    """Return the entry's number in C order; one past the end where index and shape do not fit."""
    if len(index) != len(shape) or any(here >= length for here, length in zip(index, shape, strict=True)):
        return math.prod(shape)
    at = 0
    for here, length in zip(index, shape, strict=True):
        at = at * length + here
    return at
