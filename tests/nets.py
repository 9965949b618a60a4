"""Rectifier networks of whole numbers, which tie in many places, judged by three frameworks' gradients."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.backends.conventions import choices, conventions
from harness.domains.precision import round_to
from harness.graph import build as b
from harness.graph.build import Builder
from harness.graph.node import Graph
from harness.graph.operators import OPERATORS
from harness.judge import Evidence, Judgement, judge
from harness.measurement import Leaves, Measurement, Partial
from harness.run.lab import Inline
from harness.run.recourse import Recourse
from harness.truth import Tolerance, Truth, establish, tolerance
from measured import adapter, measured


def net() -> Graph:
    """Return the sum over relu(relu(x·w1)·w2)."""
    builder = Builder()
    x = builder.input("x", (3, 4))
    w1, w2 = builder.input("w1", (4, 5), param=True), builder.input("w2", (5, 2), param=True)
    hidden = b.call("relu", b.matmul(x, w1))
    return builder.freeze(b.total(b.call("relu", b.matmul(hidden, w2)), (0, 1)))


DEEP = {"x": (16, 6), "w1": (6, 10), "w2": (10, 10), "w3": (10, 10), "w4": (10, 2)}


def deep() -> Graph:
    """Return the sum over four rectified layers: in bfloat16 some of their signs are a matter of rounding."""
    builder = Builder()
    h = builder.input("x", DEEP["x"])
    for path in list(DEEP)[1:]:
        h = b.call("relu", b.matmul(h, builder.input(path, DEEP[path], param=True)))
    return builder.freeze(b.total(h, (0, 1)))


def drawn(seed: int, dtype: str) -> Leaves:
    """Return normal inputs of the deep network."""
    draw = np.random.default_rng(seed)
    return {path: round_to(draw.normal(size=shape), dtype) for path, shape in DEEP.items()}


def whole(seed: int) -> Leaves:
    """Return inputs of whole numbers from -2 to 2."""
    draw = np.random.default_rng(seed)
    return {path: draw.integers(-2, 3, shape).astype(float) for path, shape in SHAPES.items()}


SHAPES = {"x": (3, 4), "w1": (4, 5), "w2": (5, 2)}


class Court:
    """Truth, tolerance and recourse of a graph at a point, and verdicts on what backends say there."""

    def __init__(
        self,
        graph: Graph,
        inputs: Leaves,
        dtype: str = "float64",
        lab: Inline | None = None,
        operator: str = "grad",
    ) -> None:
        self.graph, self.inputs, self.dtype = graph, inputs, dtype
        derivative = OPERATORS[operator](graph)
        self.truth: Truth = establish(derivative, inputs, dtype)
        self.tolerance: Tolerance = tolerance(derivative, inputs, dtype, self.truth)
        self.recourse = Recourse(
            lab=lab or Inline(), graph=graph, inputs=inputs, dtype=dtype, truth=self.truth, operator=operator
        )

    def measured(self, name: str) -> Measurement:
        return measured(name, self.graph, self.inputs, dtype=self.dtype)

    def verdict(self, name: str, measurement: Measurement | None = None, *, asking: bool = True) -> Judgement:
        """Return the verdict on a measurement, or on what the backend says."""
        return judge(
            Evidence(
                measurement=measurement or self.measured(name),
                truth=self.truth,
                tolerance=self.tolerance,
                dtype=self.dtype,
                backend=name,
                own=own(name),
                recourse=self.recourse if asking else None,
            )
        )


OWN: dict[str, tuple[tuple[str, str], ...]] = {}


def own(name: str) -> tuple[tuple[str, str], ...]:
    """Return what a backend answers at ties, measured once; nothing is known of a nameless one."""
    if name and name not in OWN:
        OWN[name] = choices(conventions(adapter(name)))
    return OWN.get(name, ())


def faulty(measurement: Measurement, seed: int) -> Measurement:
    """Return the measurement with one entry g of a partial as 1.05·g + 0.0517."""
    draw = np.random.default_rng(seed)
    path = str(draw.choice(["w1", "w2"]))
    partial = measurement.partials[path]
    assert partial is not None
    values = partial.values.copy()
    at = int(draw.integers(values.size))
    values.flat[at] = 1.05 * values.flat[at] + 0.0517  # no whole number stays
    changed = Partial(values=values, dtype=partial.dtype)
    return replace(measurement, partials={**measurement.partials, path: changed})
