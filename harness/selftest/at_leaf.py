"""Defects in what comes back for one input: the last step of a gradient by hand, done wrongly."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.selftest.defects import BACKENDS, Defect, Definition, Native
from harness.selftest.words import words

Change = Callable[[Any, Any, Any], Any]
"""(vocabulary, adjoint, leaf) → wrong adjoint."""


def tampered(backend: str, leaf: str, change: Change) -> Callable[[Definition], Native]:
    """Return what makes the native of a definition whose adjoint of one leaf is changed on its way out."""

    def make(definition: Definition) -> Native:
        def native(framework: Any, **leaves: Any) -> Any:
            f = words(backend, framework)
            passed = f.custom(lambda x: x * 1, lambda g, y, x: (change(f, g, x),))
            return definition(f, **leaves | {leaf: passed(leaves[leaf])})

        return native

    return make


# --------------------------------------------------------------------------- which entries


def length(g: Any) -> int:
    """Return the number of entries."""
    return math.prod(int(n) for n in g.shape)


def of_rank(share: float) -> Callable[[Any, Any], Any]:
    """Return the mask of the entry of a rank by size: 0 the smallest, 1 the largest."""

    def mask(f: Any, g: Any) -> Any:
        sizes = f.sort(f.reshape(f.abs(g), (length(g),)))
        return f.abs(g) == sizes[round(share * (length(g) - 1))]

    return mask


LARGEST, MEDIAN, SMALLEST = of_rank(1.0), of_rank(0.5), of_rank(0.0)


def block(f: Any, g: Any) -> Any:
    """Return the mask of the first half of the entries."""
    return f.flags((np.arange(length(g)) < max(1, length(g) // 2)).reshape([int(n) for n in g.shape]))


def moved(order: Callable[[int], Any]) -> Change:
    """Return the change that brings the entries, read in a row, into another order."""

    def change(f: Any, g: Any, x: Any) -> Any:
        row = f.reshape(g, (length(g),))
        return f.reshape(f.take(row, f.flags(np.asarray(order(length(g)))), axis=0), tuple(int(n) for n in g.shape))

    return change


def exchanged(n: int) -> list[int]:
    """Return the order in which the first entry and the last have changed places."""
    return [n - 1, *range(1, n - 1), 0]


def at(mask: Callable[[Any, Any], Any], entry: Callable[[Any, Any], Any]) -> Change:
    """Return the change of the masked entries alone."""
    return lambda f, g, x: f.where(mask(f, g), entry(f, g), g)


def scaled(factor: float) -> Change:
    """Return the change of every entry by a factor, rounded once."""
    return lambda f, g, x: g * f.like(factor, g)


def scaled_at(mask: Callable[[Any, Any], Any], factor: float) -> Change:
    """Return the change of the masked entries by a factor."""
    return at(mask, lambda f, g: g * f.like(factor, g))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A change, what it does to the numbers, and the leaves that show it."""

    kind: str
    change: Change
    diagnosis: tuple[str, ...] = ()
    size: float | None = None
    verdicts: frozenset[str] = frozenset({"DISAGREE"})
    only: tuple[str, ...] = ()
    """Leaves that can carry it; empty: those by turns."""
    rank: float | None = None
    """Of a change of one entry: which by size."""
    dtypes: tuple[str, ...] = ("float64", "float32")


def _nonfinite(kind: str, mask: Callable[[Any, Any], Any] | None, number: float) -> Fault:
    change: Change = scaled(number) if mask is None else at(mask, lambda f, g: g * f.like(number, g))
    return Fault(kind=kind, change=change, verdicts=frozenset({"NONFINITE"}))


def _near(kind: str, excess: float) -> list[Fault]:
    """Return the faults of a factor near 1: on every entry, and on the median one alone."""
    return [
        Fault(kind=f"all_by_{kind}", change=scaled(1 + excess), size=excess),
        Fault(kind=f"median_by_{kind}", change=scaled_at(MEDIAN, 1 + excess), size=excess, rank=0.5),
    ]


FAULTS: tuple[Fault, ...] = (
    Fault(kind="all_negated", change=scaled(-1), diagnosis=("wrong sign", "negated")),
    Fault(kind="one_negated", change=scaled_at(LARGEST, -1), diagnosis=("wrong sign", "negated")),
    Fault(kind="median_negated", change=scaled_at(MEDIAN, -1), diagnosis=("wrong sign", "negated")),
    Fault(kind="block_negated", change=scaled_at(block, -1), diagnosis=("wrong sign", "negated")),
    Fault(
        kind="absolute",
        change=lambda f, g, x: f.abs(g),
        diagnosis=("wrong sign", "negated"),
        only=("wave.w", "mlp.w1", "attention.q", "elman.u"),
    ),
    Fault(kind="doubled", change=scaled(2), diagnosis=("counts twice", "scaled by 2")),
    Fault(kind="halved", change=scaled(0.5), diagnosis=("1/2", "counts half")),
    Fault(kind="over_n", change=scaled(1 / 32), diagnosis=("1/32", "0.03125")),
    Fault(kind="times_n", change=scaled(32), diagnosis=("32",)),
    Fault(kind="one_doubled", change=scaled_at(LARGEST, 2)),
    *_near("1e_3", 1e-3),
    *_near("1e_6", 1e-6),
    *_near("1e_9", 1e-9),
    Fault(kind="largest_zeroed", change=scaled_at(LARGEST, 0), diagnosis=("zero", "missing")),
    Fault(kind="median_zeroed", change=scaled_at(MEDIAN, 0), diagnosis=("zero", "missing"), size=1.0, rank=0.5),
    Fault(kind="smallest_zeroed", change=scaled_at(SMALLEST, 0), diagnosis=("zero", "missing"), size=1.0, rank=0.0),
    Fault(kind="block_zeroed", change=scaled_at(block, 0), diagnosis=("zero", "missing")),
    Fault(kind="swapped", change=moved(exchanged), diagnosis=("swapped",)),
    Fault(kind="reversed", change=moved(lambda n: list(range(n - 1, -1, -1)))),
    Fault(kind="shifted_by_one", change=moved(lambda n: [n - 1, *range(n - 1)])),
    Fault(
        kind="transposed",
        change=lambda f, g, x: f.matrix_transpose(g),
        diagnosis=("transposed",),
        only=("bilinear.a", "elman.u", "attention.q", "residual.w1"),
    ),
    Fault(
        kind="read_by_columns",
        change=lambda f, g, x: f.reshape(f.matrix_transpose(g), tuple(int(n) for n in g.shape)),
        only=("mlp.w1", "softmax_regression.w", "embedding.table"),
    ),
    Fault(kind="clipped", change=lambda f, g, x: -f.maximum(-g, -f.max(f.abs(g)) / 2 + 0 * g)),
    Fault(kind="sign_only", change=lambda f, g, x: f.sign(g)),
    Fault(kind="normalised", change=lambda f, g, x: g / f.sqrt(f.sum(f.square(g)))),
    Fault(kind="weight_decay", change=lambda f, g, x: g + 0.01 * x),
    Fault(kind="offset", change=lambda f, g, x: g + 1e-4),
    Fault(kind="as_the_leaf", change=lambda f, g, x: x * 1),
    Fault(kind="squared", change=lambda f, g, x: f.square(g)),
    Fault(
        kind="float32_inside",
        change=lambda f, g, x: f.cast(f.cast(g, "float32"), f.dtype(g)),
        diagnosis=("precision leak",),
        dtypes=("float64",),
        size=2.0**-26,
    ),
    Fault(kind="float16_inside", change=lambda f, g, x: f.cast(f.cast(g, "float16"), f.dtype(g)), size=2.0**-13),
    Fault(kind="all_zero", change=scaled(0), verdicts=frozenset({"DEAD-LEAF"})),
    _nonfinite("nan_in_one", LARGEST, math.nan),
    _nonfinite("nan_in_all", None, math.nan),
    _nonfinite("inf_in_one", MEDIAN, math.inf),
)

LEAVES = (
    "wave.w",
    "mlp.w1",
    "softmax_regression.w",
    "logistic.w",
    "layer_norm.x",
    "elman.u",
    "attention.q",
    "bilinear.a",
    "embedding.table",
    "mixture.x",
    "relu_net.w1",
    "residual.w1",
    "mlp.w2",
    "pool.x",
)
"""Where the faults are planted by turns."""


def planted() -> list[Defect]:
    """Return every fault on every framework, each time in another function."""
    found = []
    for number, fault in enumerate(FAULTS):
        places = fault.only or LEAVES
        for turn, backend in enumerate(BACKENDS):
            case, leaf = places[(number + 5 * turn) % len(places)].split(".")
            found.append(
                Defect(
                    kind=fault.kind,
                    case=case,
                    backend=backend,
                    native=tampered(backend, leaf, fault.change),
                    verdicts=fault.verdicts,
                    diagnosis=fault.diagnosis,
                    size=fault.size,
                    leaf=leaf,
                    rank=fault.rank,
                    numeric=fault.verdicts == frozenset({"DISAGREE"}),
                    dtypes=fault.dtypes,
                )
            )
    return found
