"""Points: where a case is differentiated.

A number of a point is what its decimal text says; rounding to a dtype comes later.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

LABEL = re.compile(r"[a-z0-9_]+")
GRID = 1000
"""Draws lie on multiples of 1/GRID, so that a failing line can be retyped."""


class PointError(ValueError):
    """A point that does not fit; the text says which and what to write."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Point:
    """Values of the inputs by leaf path, with a label."""

    label: str = ""
    """Lower-case letters, digits and underscores; empty until the case numbers its points."""
    values: dict[str, Any] = field(default_factory=dict)
    """Numbers, decimal text, or nested lists or arrays of them; a single number fills its leaf."""
    draw: int | None = None
    """Number of the seeded draw that this point is; None: the values are given."""


@dataclass(frozen=True, slots=True)
class Draw:
    """A request for a seeded draw from the declared domains."""


def draw() -> Draw:
    """Return a request for a point drawn from the domains; it depends on case and seed alone."""
    return Draw()


def point(label: str, **values: Any) -> Point:
    """Return a labelled point; nested inputs are given as nested dictionaries."""
    return Point(label=label, values=values)


def point_of(given: Any, params: Sequence[str], flatten: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Point:
    """Return what a declaration lists as a point, with its values by leaf path."""
    if isinstance(given, Draw):
        return Point(draw=0)
    if isinstance(given, Point):
        return replace(given, values=flatten(given.values))
    if isinstance(given, Mapping):
        return Point(values=flatten(given))
    if given == "zero":
        return Point(label="zero", values=dict.fromkeys(params, 0))
    raise PointError(f"{given!r} is not a point; write dict(w=…), point('label', w=…), draw() or 'zero'")


def label_points(points: Sequence[Point], case: str) -> tuple[Point, ...]:
    """Return the points with labels p0, p1, … and draw0, draw1, … where they have none."""
    labelled: list[Point] = []
    for given in points:
        if given.draw is not None:
            number = sum(1 for known in labelled if known.draw is not None)
            labelled.append(replace(given, draw=number, label=f"draw{number}"))
        else:
            labelled.append(given if given.label else replace(given, label=f"p{_plain(labelled)}"))
    _check_labels([known.label for known in labelled], case)
    return tuple(labelled)


def _plain(points: Sequence[Point]) -> int:
    return sum(1 for known in points if re.fullmatch(r"p\d+", known.label))


def _check_labels(labels: Sequence[str], case: str) -> None:
    for position, label in enumerate(labels):
        if not LABEL.fullmatch(label):
            raise PointError(f"{case}: the label {label!r} of a point; use lower-case letters, digits and _")
        if label in labels[:position]:
            raise PointError(f"{case}: two points are labelled {label!r}; give each its own label")


def as_fractions(given: Any, shape: tuple[int, ...], what: str) -> NDArray[np.object_]:
    """Return the exact numbers that decimal text, numbers or arrays mean, in `shape`.

    Raises PointError where a number is not finite or the shape differs.
    """
    numbers = np.array(_exact(given, what), dtype=object)
    if numbers.shape == () and shape != ():
        return np.full(shape, numbers.item(), dtype=object)
    if numbers.shape != shape:
        raise PointError(f"{what}: got shape {numbers.shape}, declared is {shape}; change one of the two")
    return numbers


def as_floats(given: Any, shape: tuple[int, ...], what: str) -> NDArray[np.float64]:
    """Return the nearest float64 of the numbers that decimal text, numbers or arrays mean, in `shape`.

    Raises PointError where a number is not finite or the shape differs.
    """
    if isinstance(given, np.ndarray) and given.dtype.kind == "f" and given.shape == shape and np.isfinite(given).all():
        return given.astype(np.float64)
    exact = as_fractions(given, shape, what)
    return np.array([float(number) for number in exact.flat], dtype=np.float64).reshape(shape)


def _exact(given: Any, what: str) -> Any:
    if isinstance(given, np.ndarray):
        given = given.tolist()
    if isinstance(given, list | tuple):
        parts = [_exact(item, what) for item in given]
        if len({np.shape(np.array(part, dtype=object)) for part in parts}) > 1:
            raise PointError(f"{what}: rows of different lengths; make them equal")
        return parts
    return _fraction(given, what)


def _fraction(given: Any, what: str) -> Fraction:
    """Return the number's decimal text as a fraction: 3.01 means 301/100."""
    if isinstance(given, bool) or not isinstance(given, int | float | str | Fraction | np.number):
        raise PointError(f"{what}: {given!r} is not a real number; write it as 3.01 or '3.01'")
    if isinstance(given, np.number):
        given = given.item()
    try:
        number = Fraction(given) if isinstance(given, int | Fraction) else Fraction(Decimal(str(given)))
    except (ValueError, ArithmeticError, OverflowError):
        raise PointError(f"{what}: {given!r} is not a finite number; write it as 3.01 or '3.01'") from None
    return number


def drawn(
    case: str, domains: Mapping[str, tuple[tuple[int, ...], tuple[float, float]]], seed: int, number: int
) -> dict[str, NDArray[np.object_]]:
    """Return seeded values on the decimal grid, strictly inside each leaf's domain."""
    key = hashlib.sha256(f"{case}/{seed}/{number}".encode()).digest()
    generator = np.random.default_rng(np.frombuffer(key, dtype=np.uint32))
    return {path: _uniform(generator, shape, domain) for path, (shape, domain) in domains.items()}


def _uniform(
    generator: np.random.Generator, shape: tuple[int, ...], domain: tuple[float, float]
) -> NDArray[np.object_]:
    low, high = math.floor(domain[0] * GRID) + 1, math.ceil(domain[1] * GRID) - 1
    ticks = generator.integers(low, high, size=shape, endpoint=True)
    exact = np.empty(shape, dtype=object)
    for index in np.ndindex(shape):
        exact[index] = Fraction(int(ticks[index]), GRID)
    return exact
