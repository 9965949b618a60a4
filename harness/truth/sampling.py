"""The standard deviation of the rounding error of a value and its partials, by Monte-Carlo rounding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from harness.domains.evaluate import evaluate
from harness.domains.noise import SAMPLING_UNIT, Noise, sampled
from harness.domains.precision import PRECISIONS, Array
from harness.graph.derive import Derivative
from harness.measurement import Leaves
from harness.truth.enclosure import Enclosure
from harness.truth.truth import Rounding, Truth

SAMPLES = 32
"""How many gradients are sampled: over six seeds σ then varies by a median factor of 1.3."""

SEED = 123

NUMBERS = 2**18
"""Samples run side by side as long as the largest array holds no more numbers than this: they stay in the cache."""

FEWEST = 4
"""Samples that run side by side however large the arrays are."""

UNITS = (SAMPLING_UNIT, 2.0**-40, 2.0**-46)
"""At which float64 is sampled: at the first one, and at a finer one where the next does not bear it out."""

BEND = 4.0
"""How much more the deviations of a straight function may be at the next unit, both scaled to float64's: they are
random."""

Sample = Callable[[float, int], Rounding]
"""Unit and number of samples → the deviations, scaled to the dtype's unit."""


def deviations(
    derivative: Derivative, inputs: Leaves, dtype: str, truth: Truth, *, samples: int = SAMPLES, seed: int = SEED
) -> Rounding:
    """Return σ of the value and of each partial: the root mean square of sample − truth.

    It is inf where a sample is NaN, and where a function bends so much within the rounding of float64's samples that
    their deviations cannot be scaled: what has wrapped around, or is saturated, deviates no further.
    """
    sample = partial(_scaled, derivative, inputs, dtype, truth, seed)
    return _straight(sample, truth, UNITS, samples) if dtype == "float64" else sample(SAMPLING_UNIT, samples)


def _straight(sample: Sample, truth: Truth, units: Sequence[float], samples: int) -> Rounding:
    """Return the deviations at the first unit that the next one bears out, entry by entry; inf where none is."""
    if len(units) == 1:
        return Rounding(
            value=np.asarray(np.inf),
            partials={path: np.full(exact.nearest.shape, np.inf) for path, exact in truth.partials.items()},
        )
    found, fine = sample(units[0], samples), sample(units[1], max(FEWEST, samples // 4))
    value = _borne_out(found.value, fine.value, truth.value)
    partials = {
        path: _borne_out(one, fine.partials[path], truth.partials[path]) for path, one in found.partials.items()
    }
    if value.all() and all(one.all() for one in partials.values()):
        return found
    finer = _straight(sample, truth, units[1:], samples)
    return Rounding(
        value=np.where(value, found.value, finer.value),
        partials={path: np.where(one, found.partials[path], finer.partials[path]) for path, one in partials.items()},
    )


def _borne_out(deviation: Array, fine: Array, exact: Enclosure) -> NDArray[np.bool_]:
    """Return where the deviations are those of a straight function; below a rounding of the result it is no matter."""
    unit = PRECISIONS["float64"].unit
    return np.asarray(np.isinf(deviation) | (fine <= BEND * deviation + unit * abs(exact.nearest)))


def _scaled(
    derivative: Derivative, inputs: Leaves, dtype: str, truth: Truth, seed: int, unit: float, samples: int
) -> Rounding:
    """Return the deviations of samples that round float64 at `unit`, as they would be at its own."""
    wanted = {path: node for path, node in derivative.partials.items() if node is not None}
    outputs = [derivative.value, *wanted.values()]
    exact = [truth.value.nearest, *(truth.partials[path].nearest for path in wanted)]
    runs = list(_samples(derivative, inputs, dtype, truth, outputs, samples, seed, unit))
    stretch = sampled(PRECISIONS[dtype], unit)[1]
    value, *partials = (
        stretch * root_mean_square(np.concatenate([run[k] for run in runs]) - mean) for k, mean in enumerate(exact)
    )
    unconnected = {path: np.zeros(e.nearest.shape) for path, e in truth.partials.items() if path not in wanted}
    return Rounding(value=value, partials={**dict(zip(wanted, partials, strict=True)), **unconnected})


def _samples(
    derivative: Derivative,
    inputs: Leaves,
    dtype: str,
    truth: Truth,
    outputs: list[int],
    samples: int,
    seed: int,
    unit: float,
) -> Iterator[list[Array]]:
    """Yield the samples of the outputs, a chunk at a time."""
    graph, precision = derivative.graph, PRECISIONS[dtype]
    largest = max(int(np.prod(node.shape)) for node in graph.nodes)
    chunk = min(samples, max(FEWEST, NUMBERS // largest))
    for start in range(0, samples, chunk):
        count = min(chunk, samples - start)
        noise = Noise(precision, samples=count, seed=seed + start, unit=unit)
        run = evaluate(graph, outputs, noise, inputs, precision=precision, decisions=dict(truth.decisions))
        yield [_all(run.values[k], count) for k in outputs]


def _all(value: Array, count: int) -> Array:
    return np.broadcast_to(value, (count, *value.shape[1:]))


def root_mean_square(deviation: Array) -> Array:
    """Return √mean(d²) over the first axis, scaled so that small ones do not underflow; inf where one is NaN."""
    with np.errstate(all="ignore"):
        largest = abs(deviation).max(axis=0)
        scale = np.where(largest > 0, largest, 1)
        found = largest * np.sqrt(np.mean((deviation / scale) ** 2, axis=0))
    return np.where(np.isfinite(found), found, np.inf)
