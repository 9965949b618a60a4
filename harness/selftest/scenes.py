"""Where the campaign looks: kinds of points at which checkers are known to cry wolf."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from harness.declare import DOMAIN, Input

Array = NDArray[np.float64]
Scene = Callable[[np.random.Generator, Input], Array]
"""(random numbers, leaf) → its numbers at a point of this kind, inside its domain."""
GRID = 2.0**-10
"""Ordinary draws lie on this grid, so that every dtype but the half ones holds them as they are."""


def bounds(leaf: Input) -> tuple[float, float]:
    """Return the closed interval in which the leaf's numbers lie."""
    return leaf.domain or DOMAIN


def ordinary(rng: np.random.Generator, leaf: Input) -> Array:
    """Return uniform numbers of the domain, of its part within ±4 where that is much smaller."""
    low, high = bounds(leaf)
    if low < 4 < high and high > 100:
        low, high = max(low, -4.0), 4.0
    return np.asarray(np.clip(np.round(rng.uniform(low, high, leaf.shape) / GRID) * GRID, low, high))


def zero(rng: np.random.Generator, leaf: Input) -> Array:
    """Return zeros for what is differentiated: weights at their start."""
    low, high = bounds(leaf)
    return np.zeros(leaf.shape) if leaf.param and low <= 0 <= high else ordinary(rng, leaf)


def constant(rng: np.random.Generator, leaf: Input) -> Array:
    """Return columns of equal numbers, which round alike."""
    row = ordinary(rng, Input(shape=leaf.shape[-1:], domain=bounds(leaf)))
    if leaf.param:
        return np.full(leaf.shape, row.flat[0])
    return np.array(np.broadcast_to(row, leaf.shape) if len(leaf.shape) > 1 else np.full(leaf.shape, row.flat[0]))


def positive(rng: np.random.Generator, leaf: Input) -> Array:
    """Return numbers of one sign, whose sums do not cancel."""
    return np.asarray(np.clip(np.abs(ordinary(rng, leaf)), *bounds(leaf)))


def thousand(rng: np.random.Generator, leaf: Input) -> Array:
    """Return data near 1000 and weights of a thousandth; arguments near 1000 where their domain has it."""
    near = 1000 + ordinary(rng, Input(shape=leaf.shape))
    if not leaf.param:
        return np.asarray(near)
    low, high = bounds(leaf)
    return np.asarray(near if high > 1000 else np.clip(ordinary(rng, leaf) / 1024, low, high))


def dyadic(rng: np.random.Generator, leaf: Input) -> Array:
    """Return eighths: exact in every dtype, with exact zeros and equal entries among them."""
    low, high = bounds(leaf)
    return np.asarray(np.clip(np.round(ordinary(rng, leaf) * 8) / 8, low, high))


def small(rng: np.random.Generator, leaf: Input) -> Array:
    """Return what is differentiated near 0 or near the domain's lower end."""
    low, high = bounds(leaf)
    return np.asarray(np.clip(ordinary(rng, leaf) / 1024, low, high)) if leaf.param else ordinary(rng, leaf)


def wide(rng: np.random.Generator, leaf: Input) -> Array:
    """Return numbers of many sizes, from a thousandth of the domain to all of it."""
    low, high = bounds(leaf)
    sizes = np.exp(rng.uniform(np.log(1e-3), 0.0, leaf.shape)) * max(abs(low), abs(high))
    signs = rng.choice([-1.0, 1.0], leaf.shape) if low < 0 else 1.0
    return np.asarray(np.clip(sizes * signs, low, high))


def edges(rng: np.random.Generator, leaf: Input) -> Array:
    """Return −1, 0 and 1: bends are met exactly, and entries are equal."""
    return np.clip(rng.integers(-1, 2, leaf.shape).astype(np.float64), *bounds(leaf))


def beside(rng: np.random.Generator, leaf: Input) -> Array:
    """Return −1, 0 and 1, some of them off by 2⁻⁴⁰: float32 rounds these onto the bend, but not those beside 0."""
    return np.clip(edges(rng, leaf) + rng.integers(-1, 2, leaf.shape) * 2.0**-40, *bounds(leaf))


def tiny(rng: np.random.Generator, leaf: Input) -> Array:
    """Return numbers of 1e-30 for what is differentiated."""
    return np.clip(ordinary(rng, leaf) * 1e-30, *bounds(leaf)) if leaf.param else ordinary(rng, leaf)


def huge(rng: np.random.Generator, leaf: Input) -> Array:
    """Return numbers of 1e30 for what is differentiated, where its domain has them."""
    low, high = bounds(leaf)
    if not leaf.param or high < 1e20:
        return ordinary(rng, leaf)
    return np.clip(ordinary(rng, Input(shape=leaf.shape)) * 0.5e30, low, high)


def uneven(rng: np.random.Generator, leaf: Input) -> Array:
    """Return numbers between 1e-30 and 1e30, where the domain has them."""
    low, high = bounds(leaf)
    if not leaf.param or high < 1e20:
        return ordinary(rng, leaf)
    sizes = np.power(10.0, rng.uniform(-30, 30, leaf.shape))
    return np.asarray(np.clip(sizes * rng.choice([-1.0, 1.0], leaf.shape), low, high))


SMOOTH: tuple[Scene, ...] = (ordinary, zero, constant, positive, thousand, dyadic, small, wide)
BENT: tuple[Scene, ...] = (ordinary, positive, wide)
"""For functions with kinks: the others put arguments on them."""
TIED: tuple[Scene, ...] = (edges, zero, constant, beside, dyadic)
"""On the kinks of functions that are judged by conventions there."""
SCALED: tuple[Scene, ...] = (ordinary, tiny, huge, uneven, zero)
"""For functions that stay in range."""
