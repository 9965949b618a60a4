"""A use or more of every function of complex values, of two real parameters `re` and `im` and what else it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Draw = Callable[[np.random.Generator], Any]


class ComplexUse(NamedTuple):
    """A function of real arrays by their names, whose result is real, and how each is drawn."""

    function: Callable[..., Any]
    leaves: dict[str, Draw]


def between(low: float, high: float, *shape: int) -> Draw:
    return lambda rng: rng.uniform(low, high, shape)


def seen(xp: Any, z: Any) -> Any:
    """Return both parts of a complex value in one real array, each weighed by the other's place."""
    return xp.concat([xp.reshape(part, (-1,)) for part in (xp.real(z), xp.imag(z))])


def one(function: Callable[..., Any], *shape: int, low: float = -1.5, high: float = 1.5) -> ComplexUse:
    """The function of one complex value."""
    drawn = {name: between(low, high, *(shape or (2, 3))) for name in ("re", "im")}
    return ComplexUse(lambda xp, re, im: seen(xp, function(xp, xp.complex(re, im))), drawn)


def two(function: Callable[..., Any], left: tuple[int, ...] = (2, 3), right: tuple[int, ...] = (2, 3)) -> ComplexUse:
    """The function of two complex values."""
    shapes = {"re": left, "im": left, "real": right, "imag": right}

    def of_parts(xp: Any, re: Any, im: Any, real: Any, imag: Any) -> Any:
        return seen(xp, function(xp, xp.complex(re, im), xp.complex(real, imag)))

    return ComplexUse(of_parts, {name: between(-1.5, 1.5, *shape) for name, shape in shapes.items()})


def mixed(function: Callable[..., Any]) -> ComplexUse:
    """The function of a complex value and a real array on a row of it."""
    leaves = {"re": between(-1.5, 1.5, 2, 3), "im": between(-1.5, 1.5, 2, 3), "x": between(0.3, 1.8, 3)}
    return ComplexUse(lambda xp, re, im, x: seen(xp, function(xp, xp.complex(re, im), x)), leaves)


COMPLEX_USES: dict[str, ComplexUse] = {
    "complex": one(lambda xp, z: z),
    "complex, of a number": ComplexUse(
        lambda xp, re: seen(xp, xp.complex(re, 0.5) * xp.complex(2.0, re)), {"re": between(-1.5, 1.5, 3)}
    ),
    "conj": one(lambda xp, z: xp.conj(z) * z * z),
    "real": ComplexUse(
        lambda xp, re, im: xp.real(xp.complex(re, im) * xp.complex(im, re * re)),
        {"re": between(-1.5, 1.5, 3), "im": between(-1.5, 1.5, 3)},
    ),
    "imag": ComplexUse(
        lambda xp, re, im: xp.imag(xp.complex(re, im) * xp.complex(im, re * re)),
        {"re": between(-1.5, 1.5, 3), "im": between(-1.5, 1.5, 3)},
    ),
    "abs, complex": one(lambda xp, z: z * xp.complex(xp.abs(z), xp.abs(z * z))),
    "exp, complex": one(lambda xp, z: xp.exp(z)),
    "sum, complex": one(lambda xp, z: xp.sum(z * z, axis=0, keepdims=True) * xp.sum(z, axis=1)[:, None] + xp.sum(z)),
    "add, complex": two(lambda xp, z, w: z + w * w + w[0] + 1 + 2j),
    "subtract, complex": two(lambda xp, z, w: (1 - z) - w * w - w[0] - 0.5),
    "multiply, complex": two(lambda xp, z, w: z * w * w[0, 0] * 3 * 1j),
    "divide, complex": two(lambda xp, z, w: z / w + 1 / w + 1j / z + z / 3),
    "negative, complex": two(lambda xp, z, w: -(z * w)),
    "complex, index": one(lambda xp, z: z[1] * z[0, None, ::2][0, 1] * z[..., -1][0]),
    "matmul, complex": two(lambda xp, z, w: z @ w, (2, 3), (3, 2)),
    "matmul, complex batch": two(lambda xp, z, w: xp.linalg.matmul(z, w), (2, 2, 3), (3, 2)),
    "matmul, complex vectors": two(lambda xp, z, w: z @ w[0] * (z[0] @ w[1])),
    "matmul, complex vector first": two(lambda xp, z, w: xp.matmul(z[0], w), (2, 3), (3, 2)),
    "add, mixed": mixed(lambda xp, z, x: x + z * x),
    "divide, mixed": mixed(lambda xp, z, x: z / x - x / z),
    "matmul, mixed": mixed(lambda xp, z, x: z @ x * (x @ z[0])),
}
