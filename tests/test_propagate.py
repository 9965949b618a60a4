"""A function carries an error of its argument no further than its bound says, and the bound is near that."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.domains.ball import Ball
from harness.domains.propagate import carried

Array = NDArray[np.float64]

CENTRES: dict[str, tuple[Array, ...]] = {
    **dict.fromkeys(
        "exp expm1 sin cos tan sinh cosh tanh atan erf erfc sigmoid softplus".split(), (np.linspace(-3.3, 3.1, 60),)
    ),
    "log": (np.linspace(0.05, 4.0, 60),),
    "log1p": (np.linspace(-0.9, 4.0, 60),),
    "sqrt": (np.linspace(0.05, 4.0, 60),),
    "asin": (np.linspace(-0.95, 0.95, 60),),
    "acos": (np.linspace(-0.95, 0.95, 60),),
    "atan2": (np.linspace(-2.0, 2.0, 60), np.linspace(1.5, -1.7, 60) ** 3),
    "logaddexp": (np.linspace(-3.0, 3.0, 60), np.linspace(2.0, -2.0, 60) ** 3),
    "power": (np.linspace(0.2, 3.0, 60), np.linspace(-2.5, 2.5, 60)),
}
EXPONENTS = (2, 3, 5, -1, -2, 0.5, 1.5, -0.5)


def moved(
    op: str, centres: tuple[Array, ...], attrs: dict[str, float], error: float, rng: np.random.Generator
) -> Array:
    """Return how far f moves when its arguments move by up to `error`, in balls."""
    ball = Ball(40)
    with ball.context():
        at = [ball.exact(x) for x in centres]
        there = [x + ball.exact(error * rng.choice([-1.0, 1.0, 0.3], 60)) for x in at]
        return np.array([float(abs(d)) for d in ball.function(op, there, attrs) - ball.function(op, at, attrs)])


@pytest.mark.parametrize("error", [1e-12, 1e-4, 1e-2, 0.04])
@pytest.mark.parametrize(
    ("op", "attrs"), [(op, {}) for op in CENTRES] + [("pow", {"exponent": p, "minus": 0}) for p in EXPONENTS]
)
def test_a_function_carries_no_more_than_its_bound(op: str, attrs: dict[str, float], error: float) -> None:
    centres = CENTRES.get(op, (np.linspace(0.05, 3.0, 60),))
    with np.errstate(all="ignore"):
        bound = carried(op, [(x, np.full(60, error)) for x in centres], attrs)
    rng = np.random.default_rng(3)
    for _ in range(6):
        assert not (~(moved(op, centres, attrs, error, rng) <= bound * (1 + 1e-9))).any()
    if error == 1e-12:
        assert not (
            ~(bound <= 3 * np.maximum(np.max([moved(op, centres, attrs, error, rng) for _ in range(9)], 0), 1e-13))
        ).any()


@pytest.mark.parametrize(
    ("op", "value", "error"),
    [("log", 1e-3, 2e-3), ("sqrt", 1e-9, 1e-8), ("asin", 0.999, 0.01), ("log1p", -0.99, 0.02), ("tan", 1.57, 0.01)],
)
def test_an_argument_that_may_leave_the_domain_has_no_bound(op: str, value: float, error: float) -> None:
    with np.errstate(all="ignore"):
        assert carried(op, [(np.array([value]), np.array([error]))], {}) == [np.inf]
