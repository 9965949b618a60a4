"""The inputs of a case: what is differentiated, and what is data."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.graph.node import Kind, Shape
from harness.spelling import DeclarationError
from harness.told import first_line, fitting, message, shown

DEEPEST = 32
"""Dimensions of an input, and dictionaries in dictionaries."""
LARGEST = 10**7
"""Entries of one input: beyond, its exact numbers do not fit into memory."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Input:
    """One leaf of a case's inputs."""

    shape: Shape = ()
    kind: Kind = "real"
    param: bool = True
    """Differentiated; otherwise data."""
    domain: tuple[float, float] | None = None
    """Closed interval in which every entry of every point must lie; draws are taken inside it."""
    value: NDArray[np.generic] | None = None
    """The numbers of data that is the same at every point; None: each point gives them."""


def param(*, shape: int | Sequence[int] = (), domain: tuple[float, float] | None = None) -> Input:
    """Return a differentiated input of the given shape. Raises DeclarationError."""
    return Input(shape=_shape(shape), domain=_domain(domain))


def data(values: Any = None, *, shape: int | Sequence[int] | None = None) -> Input:
    """Return a constant input: real data is cast to the cell's dtype, integers and booleans stay what they are.

    Without values each point gives them; `shape` is then required and the data is real. Raises DeclarationError.
    """
    if values is None:
        if shape is None:
            raise DeclarationError("data() needs the values, or shape=… where each point gives them")
        return Input(shape=_shape(shape), param=False)
    array = _array(values)
    if shape is not None and _shape(shape) != array.shape:
        raise DeclarationError(f"data of shape {array.shape} with shape={shown(shape)}; leave shape=… out")
    kind: Kind = {"f": "real", "b": "bool"}.get(array.dtype.kind, "int")  # type: ignore[assignment]  # closed mapping
    stored: NDArray[np.generic] = array.astype({"real": np.float64, "int": np.int64, "bool": np.bool_}[kind])
    stored.setflags(write=False)
    return Input(shape=array.shape, kind=kind, param=False, value=stored)


def _array(values: Any) -> NDArray[np.generic]:
    """Return the values as an array of real, integer or boolean numbers."""
    try:
        array: NDArray[np.generic] = np.asarray(values)
    except Exception as error:
        raise DeclarationError(f"data that makes no array: {fitting(first_line(message(error)))}") from None
    large = [] if array.dtype.kind != "O" else [number for number in array.flat if _beyond(number)]
    if large:
        raise DeclarationError(f"data with the integer {shown(large[0])}, which is beyond int64; write it as a float")
    if array.dtype.kind not in "fiub":
        raise DeclarationError(f"data of dtype {array.dtype}; give real, integer or boolean numbers")
    if array.size > LARGEST:
        raise DeclarationError(f"data of shape {array.shape}: more than {LARGEST} entries; make the case smaller")
    if array.dtype.kind == "u" and array.size and int(array.max()) > np.iinfo(np.int64).max:
        raise DeclarationError(f"data with the integer {int(array.max())}; the largest is {np.iinfo(np.int64).max}")
    return array


def _beyond(number: Any) -> bool:
    return type(number) is int and not np.iinfo(np.int64).min <= number <= np.iinfo(np.int64).max


def _shape(given: Any) -> Shape:
    try:
        lengths = (given,) if hasattr(given, "__index__") else islice(given, DEEPEST + 1)
        shape = tuple(map(operator.index, lengths))
    except Exception:
        raise DeclarationError(f"shape={shown(given)}; write a whole number, or a tuple of them") from None
    if len(shape) > DEEPEST:
        raise DeclarationError(f"shape={shown(given)} has more than {DEEPEST} dimensions; reshape inside the function")
    if any(length < 0 for length in shape):
        raise DeclarationError(f"shape={shown(given)}; a length is 0 or more")
    if math.prod(shape) > LARGEST:
        raise DeclarationError(f"shape={shown(given)}: more than {LARGEST} entries; make the case smaller")
    return shape


def _domain(given: Any) -> tuple[float, float] | None:
    if given is None:
        return None
    try:
        low, high = (number + 0 for number in given)
        holds = float(low) <= float(high)
    except Exception:
        raise DeclarationError(f"domain={shown(given)}; write two numbers, domain=(low, high)") from None
    if not holds:
        raise DeclarationError(f"domain={shown(given)} is empty; write the lower end first")
    return low, high


def check_paths(tree: Mapping[Any, Any], identity: str, depth: int = 0) -> None:
    """Raise DeclarationError where the name of an input, or a part of it, cannot stand in a leaf path."""
    if depth > DEEPEST:
        raise DeclarationError(f"{identity}: dictionaries of inputs, more than {DEEPEST} deep; write them flat")
    for key, value in tree.items():
        if not isinstance(key, str) or not key or "." in key or not key.isprintable():
            raise DeclarationError(f"{identity}: an input cannot be named {shown(key)}; use text without dots")
        if isinstance(value, Mapping):
            check_paths(value, identity, depth + 1)
