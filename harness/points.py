"""Points: where a case is differentiated.

A number of a point is what its decimal text says; rounding to a dtype comes later.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.told import shown

LABEL = re.compile(r"[a-z0-9_]+")
FARTHEST = 400
"""Power of ten beyond which no dtype has a number: float64 ends at 1e308 and 5e-324."""
DIGITS = 2000
"""Most digits of a number: beyond, exact arithmetic with it takes ages."""
DEEPEST = 32
"""Most dimensions of an array that is given as nested lists."""
GRID = 1000
"""Draws lie on multiples of 1/GRID, so that a failing line can be retyped."""
MOST = 100_000
"""Points of a case."""
IN_DECIMALS = "write 1/3 as '0.333', or Fraction(1, 3) of the module fractions"
"""What to write for a number whose text is no decimal: a point is what its text says, never what it evaluates to."""
WIDEST = 1e15
"""Numbers beyond which no draw lies: a float64 does not hold their thousandths."""


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
    try:
        return _point_of(given, params, flatten)
    except RecursionError:
        raise PointError("the dictionary of a point holds itself; write dict(w=…)") from None


def _point_of(given: Any, params: Sequence[str], flatten: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Point:
    if isinstance(given, Draw):
        return Point(draw=0)
    if isinstance(given, Point):
        return replace(given, values=flatten(given.values))
    if isinstance(given, Mapping):
        return Point(values=flatten(given))
    if isinstance(given, str) and given == "zero":
        return Point(label="zero", values=dict.fromkeys(params, 0))
    raise PointError(f"{shown(given)} is not a point; write dict(w=…), point('label', w=…), draw() or 'zero'")


def listed(points: Any, case: str) -> list[Any]:
    """Return what a declaration lists as its points. Raises PointError where it is no list."""
    if isinstance(points, Iterable) and not isinstance(points, str | Mapping | Point):
        given = list(islice(points, MOST + 1))
        if len(given) > MOST:
            raise PointError(f"{case}: more than {MOST} points; write fewer")
        return given
    raise PointError(f"{case}: points={shown(points)} is no list of points; write points=[…]")


def label_points(points: Sequence[Point], case: str) -> tuple[Point, ...]:
    """Return the points with labels p0, p1, … and draw0, draw1, … where they have none."""
    labelled: list[Point] = []
    for given in points:
        if given.draw is not None:
            number = sum(1 for known in labelled if known.draw is not None)
            labelled.append(replace(given, draw=number, label=f"draw{number}"))
        else:
            labelled.append(given if given.label != "" else replace(given, label=f"p{_plain(labelled)}"))
    _check_labels([known.label for known in labelled], case)
    return tuple(labelled)


def _plain(points: Sequence[Point]) -> int:
    return sum(1 for known in points if re.fullmatch(r"p\d+", str(known.label)))


def _check_labels(labels: Sequence[Any], case: str) -> None:
    for position, label in enumerate(labels):
        if not isinstance(label, str) or not LABEL.fullmatch(label):
            raise PointError(f"{case}: the label {shown(label)} of a point; use lower-case letters, digits and _")
        if label in labels[:position]:
            raise PointError(f"{case}: two points are labelled {label!r}; give each its own label")


def as_fractions(given: Any, shape: tuple[int, ...], what: str) -> NDArray[np.object_]:
    """Return the exact numbers that decimal text, numbers or arrays mean, in `shape`.

    Raises PointError where a number is not finite or the shape differs.
    """
    numbers = np.array(_exact(given, what), dtype=object)
    if isinstance(given, np.ndarray) and given.size == 0:
        numbers = numbers.reshape(given.shape)  # a list has no axis after one of length 0
    if numbers.shape == () and shape != ():
        return np.full(shape, numbers.item(), dtype=object)
    if numbers.shape != shape:
        raise PointError(f"{what}: got shape {numbers.shape}, declared is {shape}; change one of the two")
    return numbers


def as_floats(given: Any, shape: tuple[int, ...], what: str) -> NDArray[np.float64]:
    """Return the nearest float64 of the numbers that decimal text, numbers or arrays mean, in `shape`.

    Raises PointError where a number is not finite or the shape differs.
    """
    plain = type(given) is np.ndarray and given.dtype in (np.float64, np.float32, np.float16)  # masked ones hold None
    if plain and given.shape == shape:
        floats: NDArray[np.float64] = given.astype(np.float64)
        if np.isfinite(floats).all():
            return floats
    exact = as_fractions(given, shape, what)
    return np.array([_nearest(number, what) for number in exact.flat], dtype=np.float64).reshape(shape)


def integers(given: Any, shape: tuple[int, ...], kind: str, what: str) -> NDArray[np.generic]:
    """Return integer or boolean data in `shape`. Raises PointError where the numbers are others or do not fit."""
    array = np.asarray(given)
    if array.dtype.kind not in ("b" if kind == "bool" else "iu"):
        raise PointError(f"{what}: {shown(given)} is not data of kind {kind}, as declared; change one of the two")
    if array.shape not in ((), shape):
        raise PointError(f"{what}: got shape {array.shape}, declared is {shape}; change one of the two")
    return np.broadcast_to(array, shape)


def _nearest(number: Any, what: str) -> float:
    try:
        return float(number)
    except OverflowError:
        raise PointError(f"{what}: the number is beyond the largest float64, 1.8e308; move the point") from None


def _exact(given: Any, what: str, depth: int = 0) -> Any:
    if depth > DEEPEST:
        raise PointError(f"{what}: lists in lists, more than {DEEPEST} deep; write as many as there are dimensions")
    if isinstance(given, np.ndarray):
        given = given.tolist()
    if isinstance(given, list | tuple):
        parts = [_exact(item, what, depth + 1) for item in given]
        if len({np.shape(np.array(part, dtype=object)) for part in parts}) > 1:
            raise PointError(f"{what}: rows of different lengths; make them equal")
        return parts
    return _fraction(given, what)


def _fraction(given: Any, what: str) -> Fraction:
    """Return the number's decimal text as a fraction: 3.01 means 301/100."""
    if isinstance(given, np.number):
        given = given.item()
    if isinstance(given, complex):
        raise PointError(f"{what}: {shown(given)} is not a real number; give two, and write xp.complex(re, im)")
    if isinstance(given, bool | np.bool_):
        raise PointError(f"{what}: {given} is not a real number; a mask or labels are data: write data([{given}, …])")
    ways = {"tolist": ".tolist()", "numpy": ".numpy().tolist()"}
    lists = next((text for way, text in ways.items() if hasattr(type(given), way)), "")
    if lists and not isinstance(given, np.generic):
        raise PointError(f"{what}: {shown(given)} is an array of another library; write its numbers, such as {lists}")
    if not isinstance(given, int | float | str | Fraction | Decimal | np.number):
        raise PointError(f"{what}: {shown(given)} is not a real number; write 3.01 or '3.01', or a list of such")
    if isinstance(given, int | Fraction):
        return _within(Fraction(given), what)
    try:
        number = Decimal(str(given))
    except InvalidOperation:
        raise PointError(f"{what}: {shown(given)} is no decimal text such as '3.01'; {IN_DECIMALS}") from None
    return _of_decimal(number, what)


def _of_decimal(number: Decimal, what: str) -> Fraction:
    """Return the decimal as a fraction; its exponent is looked at first, since 1e9999999 has ten million digits."""
    if not number.is_finite():
        raise PointError(f"{what}: {number} is not a finite number; move the point")
    if not number:
        return Fraction(0)
    if abs(number.adjusted()) > FARTHEST or len(number.as_tuple().digits) > DIGITS:
        raise PointError(f"{what}: {_beyond(number.adjusted())}")
    return Fraction(number)


def _within(number: Fraction, what: str) -> Fraction:
    """Return the fraction if some dtype has a number near it. Raises PointError."""
    above, below = (abs(part).bit_length() for part in (number.numerator, number.denominator))
    power = round((above - below) * math.log10(2))
    if number and (abs(power) > FARTHEST or max(above, below) > DIGITS * math.log2(10)):
        raise PointError(f"{what}: {_beyond(power)}")
    return number


def _beyond(power: int) -> str:
    if abs(power) > FARTHEST:
        return f"a number of about 1e{power}, which no dtype is near: float64 ends at 1e308 and 5e-324. Move the point."
    return f"a number of more than {DIGITS} digits; write fewer: float64 has 17"


def drawn(
    case: str, domains: Mapping[str, tuple[tuple[int, ...], tuple[float, float]]], seed: int, number: int
) -> dict[str, NDArray[np.object_]]:
    """Return seeded values on the decimal grid, strictly inside each leaf's domain."""
    key = hashlib.sha256(f"{case}/{seed}/{number}".encode()).digest()
    generator = np.random.default_rng(np.frombuffer(key, dtype=np.uint32))
    return {path: _uniform(generator, *leaf, f"{case}, input {path}") for path, leaf in domains.items()}


def _uniform(
    generator: np.random.Generator, shape: tuple[int, ...], domain: tuple[float, float], what: str
) -> NDArray[np.object_]:
    if not max(map(abs, domain)) <= WIDEST:
        raise PointError(f"{what}: nothing is drawn from so wide a domain as {domain}; narrow it, or give the values")
    low, high = math.floor(domain[0] * GRID) + 1, math.ceil(domain[1] * GRID) - 1
    if low > high:
        raise PointError(f"{what}: no multiple of 1/{GRID} lies inside the domain {domain}; give the values of a point")
    ticks = generator.integers(low, high, size=shape, endpoint=True)
    exact = np.empty(shape, dtype=object)
    for index in np.ndindex(shape):
        exact[index] = Fraction(int(ticks[index]), GRID)
    return exact
