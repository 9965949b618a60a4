"""The dtypes that frameworks compute in: unit roundoff, least and greatest number, and rounding to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """What a dtype can hold, in the symbols of the rounding rules."""

    name: str
    """float64, float32, bfloat16 or float16."""
    unit: float
    """Unit roundoff u: the greatest relative error of one correctly rounded operation."""
    least: float
    """η: the least number that every framework keeps. TensorFlow and JAX flush subnormals of float64, float32 and
    bfloat16 to zero, so it is the least normal number there; float16 keeps its subnormals in all frameworks."""
    greatest: float
    """The greatest finite number."""
    half: bool
    """Two bytes: sums accumulate in float32, and literals may be used unrounded."""
    half_sums: bool = False
    """An assumption about a half dtype: sums, but not products of matrices, accumulate in it."""

    @property
    def accumulation(self) -> float:
        """Return the unit roundoff of sums and matrix products."""
        return 2.0**-24 if self.half else self.unit

    @property
    def addition(self) -> float:
        """Return the unit roundoff of sums."""
        return self.unit if self.half_sums else self.accumulation

    @property
    def least_sum(self) -> float:
        """Return η for additions: 0 where gradual underflow makes them exact."""
        return 0.0 if self.name == "float16" else self.least


PRECISIONS: dict[str, Precision] = {
    precision.name: precision
    for precision in (
        Precision(name="float64", unit=2.0**-53, least=2.0**-1022, greatest=(2 - 2.0**-52) * 2.0**1023, half=False),
        Precision(name="float32", unit=2.0**-24, least=2.0**-126, greatest=(2 - 2.0**-23) * 2.0**127, half=False),
        Precision(name="bfloat16", unit=2.0**-8, least=2.0**-126, greatest=(2 - 2.0**-7) * 2.0**127, half=True),
        Precision(name="float16", unit=2.0**-11, least=2.0**-24, greatest=65504.0, half=True),
    )
}


def round_to(x: NDArray[Any], dtype: str) -> Array:
    """Return x rounded to the nearest number of `dtype`, ties to even, as float64; beyond the range ±inf."""
    exact = np.array(x, dtype=np.float64)
    if dtype == "float64":
        return exact
    if dtype == "bfloat16":
        return _round_to_bfloat16(exact)
    with np.errstate(over="ignore"):
        return np.asarray(exact.astype(PRECISIONS[dtype].name), dtype=np.float64)


def _round_to_bfloat16(x: Array) -> Array:
    """Return x rounded to bfloat16: the upper half of a float32.

    The first step rounds to odd, so that rounding twice (float64 → float32 → bfloat16) equals rounding once.
    """
    with np.errstate(over="ignore"):
        single = x.astype(np.float32)
    odd = _to_odd(x, single)
    bits = odd.view(np.uint32).astype(np.uint64)
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)
    return np.where(np.isnan(x), np.nan, rounded.astype(np.float64))


def _to_odd(x: Array, nearest: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the float32 neighbour of x with an odd last bit where x is not a float32 itself."""
    wide = nearest.astype(np.float64)
    toward = np.nextafter(nearest, np.where(wide > x, np.float32(-np.inf), np.float32(np.inf)))
    even = (nearest.view(np.uint32) & 1) == 0
    inexact = np.isfinite(x) & (wide != x)
    return np.where(inexact & even, toward, nearest)
