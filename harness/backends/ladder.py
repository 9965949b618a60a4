"""Central differences at halved steps, extrapolated to step 0, with an error bar per entry.

The functions below are what finite differences run and what their scripts print.
Source: Richardson, Phil. Trans. A 210 (1911); Ridders, Adv. Eng. Software 4 (1982), for the bar from the table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from harness.measurement import Array

Flags = NDArray[np.bool_]


def derivatives(
    cost: Callable[..., Array], params: Sequence[Array], steps: Sequence[Array], noise: Sequence[Array], rows: int = 25
) -> tuple[float, list[tuple[Array, Array]]]:
    """Return the value, and for each param its partials and their error bars; NaN where the first step is NaN.

    `cost` takes params with a leading axis of `rows` points; `noise` bounds the error of its values.
    """
    points = [np.repeat(param[np.newaxis], 25, axis=0) for param in params]
    value, found = float(evaluated(cost, points, rows)[0]), []
    for own, step, error in zip(points, steps, noise, strict=True):
        partials, bars = np.full(step.shape, np.nan), np.full(step.shape, np.nan)
        for index in map(tuple, np.argwhere(~np.isnan(step))):
            entry = own[:, *index]
            x = entry[0]
            entry[:] = around(x, step[index])
            partials[index], bars[index] = ladder(entry, evaluated(cost, points, rows), error[index])
            entry[:] = x
        found.append((partials, bars))
    return value, found


def evaluated(cost: Callable[..., Array], points: Sequence[Array], rows: int) -> Array:
    """Return the values at 25 points, `rows` at a time."""
    return np.concatenate([cost(*(p[k : k + rows] for p in points)) for k in range(0, 25, rows)])


def around(x: float, step: float) -> Array:
    """Return 25 points: x, then x + step·2⁻ᵏ, then x − step·2⁻ᵏ, for k = 0 … 11."""
    halves = 0.5 ** np.arange(12)
    return x + step * np.concatenate([[0], halves, -halves])


def ladder(xs: Array, values: Array, noise: float) -> tuple[float, float]:
    """Return the derivative at xs[0] and its error bar, inf where no step is usable.

    What is not smooth shows as differences that grow while the step shrinks; the steps from there up are left out.
    """
    x, above, below = xs[0], xs[1:13], xs[13:]
    step, shift = (above - below) / 2, (above + below) / 2 - x
    slope = (values[1:13] - values[13:]) / (above - below)
    bend = abs((values[1:13] - values[0]) / (above - x) - (values[0] - values[13:]) / (x - below))
    change = np.concatenate([[np.inf], abs(np.diff(slope))])
    wild = ~np.isfinite(bend) | grows(bend, 4 * noise / step) | grows(change, 2 * noise / step)
    first = 12 - np.argmax(wild[::-1]) if wild.any() else 0
    doubt = (4 if first else 1) * noise / step + abs(shift) * bend / step
    return extrapolated(slope[first:], doubt[first:]) if first < 10 else (slope[-1], np.inf)


def grows(differences: Array, floor: Array) -> Flags:
    """Return where differences above their floor do not shrink from a step to its half."""
    before = np.concatenate([[np.inf], differences[:-1]])
    return np.asarray((differences > floor) & (differences > 0.75 * before))


def extrapolated(slopes: Array, doubt: Array) -> tuple[float, float]:
    """Return the entry of Richardson's table with the least bar: its change against its neighbours, or the noise.

    A plain difference at a smaller step that contradicts the entry widens its bar.
    """
    best, bar, last = slopes[-1], np.inf, len(slopes)
    table, spread = slopes, doubt
    for order in range(1, min(6, len(slopes))):
        weight = 4.0**order
        finer, coarser = table[1:], table[:-1]
        table = (weight * finer - coarser) / (weight - 1)
        spread = (weight * spread[1:] + spread[:-1]) / (weight - 1)
        bars = np.max([abs(table - finer), abs(table - coarser), spread], axis=0)
        k = int(np.argmin(np.where(np.isnan(bars), np.inf, bars)))
        best, bar, last = (table[k], bars[k], k + order) if bars[k] < bar else (best, bar, last)
    known = 2 * (abs(np.diff(slopes)) + doubt[1:])
    against = np.max((abs(best - slopes[1:]) - known)[last:], initial=0.0)
    return best, max(bar, against) + 2.0**-51 * abs(best)
