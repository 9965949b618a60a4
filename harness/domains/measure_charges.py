"""Measuring how far each function of each framework is from the truth, in units of u.

The figures that came out stand in charges.py as committed data; `gradharness doctor --charges` measures again and
reports an excess as a finding. Nothing here changes a charge, and no framework is imported before one is measured.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from harness.domains import charges
from harness.domains.ball import Ball, lifted
from harness.domains.precision import PRECISIONS, Array, round_to

Draw = Callable[[np.random.Generator, int], Array]


def linear(low: float, high: float) -> Draw:
    """Return a draw of numbers evenly spread over an interval."""
    return lambda rng, n: rng.uniform(low, high, n)


def decades(low: float, high: float, *, sign: bool = False, around: float = 0.0) -> Draw:
    """Return a draw of numbers whose distance from `around` is evenly spread over powers of ten; `sign`: both sides."""

    def draw(rng: np.random.Generator, n: int) -> Array:
        size = np.exp(rng.uniform(np.log(low), np.log(high), n))
        return np.asarray(around + size * (rng.choice([-1.0, 1.0], n) if sign else 1.0))

    return draw


SMALL = decades(1e-4, 0.9, sign=True)
POSITIVE = decades(1e-6, 1e6)

BANDS: dict[str, tuple[tuple[Draw, ...], ...]] = {
    "exp": ((linear(-80, 80),), (SMALL,)),
    "expm1": ((linear(-5, 20),), (SMALL,)),
    "log": ((POSITIVE,), (decades(1e-4, 0.5, sign=True, around=1.0),)),
    "log1p": ((linear(-0.3, 50),), (linear(-0.99, -0.5),), (decades(1e-4, 0.3, sign=True),)),
    "sqrt": ((POSITIVE,),),
    "sin": ((linear(-50, 50),), (SMALL,)),
    "cos": ((linear(-50, 50),), (SMALL,)),
    "tan": ((linear(-50, 50),), (SMALL,)),
    "sinh": ((linear(-30, 30),), (SMALL,)),
    "cosh": ((linear(-30, 30),), (SMALL,)),
    "tanh": ((linear(-9, 9),), (SMALL,)),
    "asin": ((linear(-1, 1),), (SMALL,)),
    "acos": ((linear(-1, 1),), (SMALL,)),
    "atan": ((linear(-20, 20),), (SMALL,)),
    "atan2": ((linear(-5, 5), linear(-5, 5)), (decades(1e-3, 1e3, sign=True), decades(1e-3, 1e3, sign=True))),
    "erf": ((linear(-4, 4),), (SMALL,)),
    "erfc": ((linear(-4, 4),), (linear(4, 8),), (SMALL,)),
    "sigmoid": ((linear(-30, 30),), (SMALL,)),
    "softplus": ((linear(-30, 19),), (SMALL,)),
    "logaddexp": ((linear(-20, 20), linear(-20, 20)), (linear(-1, 1), linear(-1, 1))),
    "pow": ((decades(1e-3, 1e3),),),
    "power": ((decades(1e-2, 1e2), linear(-3, 3)),),
}
"""Where each function is drawn from: bands, each a draw per argument. Left out are JAX's float64 log1p on (-0.5, -0.3)
and torch's softplus above 20: findings, not rounding."""

EXPONENTS = (0.5, 1.5, -0.5, 0.25, 2.75, -1.25)
"""Literal exponents of `pow` that every dtype holds; integer ones are bounded by their multiplications."""


class Engine(Protocol):
    """A framework whose functions are measured."""

    name: str
    functions: dict[str, Callable[..., Any]]
    """Function primitive → the framework's call; what a framework does not have is left out."""

    def apply(self, op: str, dtype: str, args: Sequence[Array], *literals: float) -> Array:
        """Return the function of numbers that `dtype` holds, computed in it."""


class TensorFlow:
    """tf.math, eager."""

    name = "tensorflow"

    def __init__(self) -> None:
        self.tf = importlib.import_module("tensorflow")
        self.functions = _own(self.tf.math, power=self.tf.math.pow, logaddexp=self._logaddexp)

    def _logaddexp(self, a: Any, b: Any) -> Any:
        return self.tf.math.reduce_logsumexp(self.tf.stack([a, b]), axis=0)

    def apply(self, op: str, dtype: str, args: Sequence[Array], *literals: float) -> Array:
        native = [self.tf.constant(arg, dtype=getattr(self.tf, dtype)) for arg in args]
        return np.asarray(self.tf.cast(self.functions[op](*native, *literals), self.tf.float64).numpy())


class Torch:
    """torch, eager, on one thread as in every cell."""

    name = "torch"

    def __init__(self) -> None:
        self.torch = importlib.import_module("torch")
        self.torch.set_num_threads(1)
        functional = self.torch.nn.functional
        self.functions = _own(self.torch, softplus=functional.softplus, power=self.torch.pow)

    def apply(self, op: str, dtype: str, args: Sequence[Array], *literals: float) -> Array:
        native = [self.torch.tensor(arg, dtype=getattr(self.torch, dtype)) for arg in args]
        return np.asarray(self.functions[op](*native, *literals).double().numpy())


class Jax:
    """jax.numpy under XLA, with 64 bits switched on for the call."""

    name = "jax"

    def __init__(self) -> None:
        self.jax = importlib.import_module("jax")
        self.numpy = importlib.import_module("jax.numpy")
        special, nn = importlib.import_module("jax.scipy.special"), self.jax.nn
        self.functions = _own(self.numpy, erf=special.erf, erfc=special.erfc, sigmoid=nn.sigmoid, softplus=nn.softplus)

    def apply(self, op: str, dtype: str, args: Sequence[Array], *literals: float) -> Array:
        with self.jax.enable_x64(True):
            native = [self.numpy.asarray(arg, dtype=dtype) for arg in args]
            return np.asarray(self.functions[op](*native, *literals)).astype(np.float64)


def _own(namespace: Any, **others: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    """Return the functions that a namespace has under our names, and `others`."""
    return {op: getattr(namespace, op) for op in BANDS if hasattr(namespace, op)} | others


ENGINES: dict[str, Callable[[], Engine]] = {"tensorflow": TensorFlow, "torch": Torch, "jax": Jax}
"""By the name of the backend; making one imports the framework."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worst:
    """The worst error of one function in one framework and dtype."""

    op: str
    dtype: str
    engine: str
    error: float
    """In units of u·`charges.magnitude`."""
    at: tuple[float, ...]
    """The arguments there, then the literal exponent of a power."""

    @property
    def charged(self) -> float:
        """Return what is charged for it."""
        return charges.factor(self.op, PRECISIONS[self.dtype], {"exponent": 0.5, "minus": 0})

    @property
    def share(self) -> float:
        """Return the error as a share of the charge; a NaN is beyond all of it."""
        return self.error / self.charged if self.error >= 0 else np.inf

    @property
    def finding(self) -> str:
        """Return the sentence that says by how much the charge is exceeded; "" where it is not."""
        return "" if self.share <= 1 else f"{self}; {self.charged:g} u are charged"

    def __str__(self) -> str:
        return f"{self.engine} {self.op} in {self.dtype} errs by {self.error:.3g} u at {self.at}"


def measure(
    engine: Engine, *, ops: Sequence[str] = tuple(BANDS), dtypes: Sequence[str] = tuple(PRECISIONS), n: int = 4000
) -> Iterator[Worst]:
    """Yield the worst error of every function that the framework has, by dtype; `n` draws a band."""
    for op in ops:
        if op in engine.functions:
            for dtype in dtypes:
                yield worst(engine, op, dtype, n)


def worst(engine: Engine, op: str, dtype: str, n: int) -> Worst:
    """Return the worst error of one function over its bands."""
    rng = np.random.default_rng([*op.encode(), *dtype.encode()])
    found = Worst(op=op, dtype=dtype, engine=engine.name, error=0.0, at=())
    for band in BANDS[op]:
        args = [round_to(draw(rng, n), dtype) for draw in band]
        for literals in [(p,) for p in EXPONENTS] if op == "pow" else [()]:
            errors = _errors(engine, op, dtype, args, literals)
            k = int(np.argmax(errors))
            if not errors[k] <= found.error:
                at = (*(float(arg[k]) for arg in args), *literals)
                found = Worst(op=op, dtype=dtype, engine=engine.name, error=float(errors[k]), at=at)
    return found


def _errors(engine: Engine, op: str, dtype: str, args: Sequence[Array], literals: tuple[float, ...]) -> Array:
    """Return the error of each entry in units of u; 0 where the result leaves the dtype's normal range."""
    precision = PRECISIONS[dtype]
    got = engine.apply(op, dtype, args, *literals)
    ball = Ball(40)
    with ball.context():
        exact = ball.function(op, [lifted(arg) for arg in args], dict(zip(("exponent",), literals, strict=False)))
        gap = np.array([float(abs(x - y)) for x, y in zip(lifted(got), exact, strict=True)])
    scale = charges.magnitude(op, abs(np.array([float(y) for y in exact])), args)
    inside = (scale > 4 * precision.least / precision.unit) & (scale < precision.greatest / 2)
    return np.where(inside, gap / np.where(inside, scale, 1) / precision.unit, 0.0)
