"""A domain of plain NumPy numbers in float64 or float32: what a framework without faults would answer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.domains.bound import FUNCTIONS
from harness.domains.domain import Choice, Literal
from harness.graph.primitives import CONSTANTS

Numbers = NDArray[Any]


class Plain:
    """Arithmetic as NumPy does it, one rounding an operation, sums one after the other."""

    lead = 0

    def __init__(self, dtype: str) -> None:
        self.dtype = np.dtype(dtype)

    def context(self) -> AbstractContextManager[Any]:
        return np.errstate(all="ignore")

    def parts(self, value: Numbers) -> tuple[Numbers, ...]:
        return (value,)

    def join(self, parts: Sequence[Any]) -> Numbers:
        return np.asarray(parts[0], dtype=self.dtype)

    def exact(self, numbers: Numbers) -> Numbers:
        return np.asarray(numbers, dtype=self.dtype)

    def literal(self, literal: Literal) -> Numbers:
        value = literal.rounded
        return self.exact(np.asarray(CONSTANTS[value] if isinstance(value, str) else value))

    def add(self, a: Numbers, b: Numbers) -> Numbers:
        return np.asarray(a + b)

    def subtract(self, a: Numbers, b: Numbers) -> Numbers:
        return np.asarray(a - b)

    def multiply(self, a: Numbers, b: Numbers) -> Numbers:
        return np.asarray(a * b)

    def divide(self, a: Numbers, b: Numbers, *, roundings: float) -> Numbers:
        return np.asarray(a / b if roundings == 1 else a * (self.dtype.type(1) / b))

    def negative(self, a: Numbers) -> Numbers:
        return np.asarray(-a)

    def scale(self, a: Numbers, factor: float) -> Numbers:
        return np.asarray(a * self.dtype.type(factor))

    def function(self, op: str, args: Sequence[Numbers], attrs: Mapping[str, Any]) -> Numbers:
        if op == "pow":
            return np.asarray(np.power(args[0], self.dtype.type(attrs["exponent"] - attrs["minus"])))
        return np.asarray(FUNCTIONS[op](*args), dtype=self.dtype)

    def disturb(self, a: Numbers) -> Numbers:
        return a

    def sum(self, a: Numbers, axes: tuple[int, ...], keepdims: bool) -> Numbers:
        return np.asarray(np.sum(a, axis=axes, keepdims=keepdims, dtype=self.dtype))

    def matmul(self, a: Numbers, b: Numbers) -> Numbers:
        total = np.zeros(a.shape[:-1] + b.shape[-1:], self.dtype)
        for k in range(a.shape[-1]):
            total += a[..., :, k, None] * b[..., None, k, :]
        return total

    def scatter_add(self, a: Numbers, landing: NDArray[np.intp], shape: tuple[int, ...]) -> Numbers:
        out = np.zeros(math.prod(shape), self.dtype)
        np.add.at(out, landing.ravel(), a.ravel())
        return out.reshape(shape)

    def dropped(self, a: Numbers) -> Numbers:
        return self.exact(np.zeros(()))

    def finite(self, a: Numbers) -> NDArray[np.bool_]:
        return np.isfinite(a)

    def unknown(self, a: Numbers) -> NDArray[np.bool_]:
        return np.isnan(a)

    def decide(self, op: str, args: Sequence[Numbers], attrs: Any) -> Choice:
        raise AssertionError("decisions are replayed")
