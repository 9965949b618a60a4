"""From balls to numbers that need no ball arithmetic."""

from __future__ import annotations

from typing import Any

import flint
import numpy as np
from flint import arb
from numpy.typing import NDArray

from harness.domains.precision import Array
from harness.domains.structure import held
from harness.truth.enclosure import Enclosure

RADIUS_BITS = 64
"""What is left over is taken to so many: more would be lost in a float64."""

_size = np.frompyfunc(arb.abs_upper, 1, 1)
_zero = np.frompyfunc(lambda ball: ball == 0, 1, 1)


def nearest(balls: NDArray[Any]) -> Array:
    """Return the midpoints rounded to float64."""
    return np.asarray(balls, dtype=np.float64)


def is_zero(balls: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which balls are exactly 0."""
    return np.asarray(_zero(balls), dtype=bool)


def all_zero(balls: NDArray[Any]) -> bool:
    """Return whether every ball is exactly 0; the first that is not ends the search."""
    return all(ball == 0 for ball in balls.flat)


def enclose(balls: NDArray[Any]) -> Enclosure:
    """Return the balls as three float64 summands and a radius; call it at the precision of the balls."""
    with np.errstate(all="ignore"):
        high = nearest(balls)
        rest = held(balls - high)
        middle = nearest(rest)
        rest = held(rest - middle)
        low = nearest(rest)
        with flint.ctx.workprec(RADIUS_BITS):
            return Enclosure(parts=(high, middle, low), radius=radius(held(rest - low)))


def radius(balls: NDArray[Any]) -> Array:
    """Return an upper bound of the absolute values; 0 only for exact zeros, inf for what is not finite."""
    size = np.asarray(_size(balls), dtype=np.float64)
    above = np.where(np.isfinite(size), np.nextafter(size * (1 + 2.0**-52), np.inf), np.inf)
    return above if size.all() else np.where(is_zero(balls), 0.0, above)


def digits_of(ball: Any, digits: int = 30) -> str:
    """Return at most so many significant digits of the number in a ball, only certain ones, without trailing zeros."""
    mantissa, mark, exponent = ball.str(digits, radius=False).partition("e")
    short = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return "0" if short == "0" else short + mark + exponent
