"""A port: one framework's spelling of a function that has no definition, with what could be found out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from harness.backends.blackbox import Blackbox
from harness.graph.node import Shape
from harness.judge.compare import Comparison
from harness.judge.held import apart, held
from harness.measurement import Array, Failure, Measurement, Partial


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Port:
    """What one port said, and what could be found out of it."""

    name: str
    """As sentences say it: torch/loss."""
    framework: str
    measurement: Measurement
    box: Blackbox | Failure

    @property
    def terms(self) -> dict[str, dict[str, Array]]:
        """The terms of its error bars, by leaf path and "" for the value."""
        return {} if isinstance(self.box, Failure) else self.box.terms

    @property
    def own(self) -> tuple[Comparison, ...]:
        """Its leaves against central differences of its own values."""
        return () if isinstance(self.box, Failure) else held(self.measurement, self.box)

    def outputs(self, shapes: Mapping[str, Shape]) -> dict[str, Array]:
        """Return the value, if it claims one, and the partials; a leaf that did not come back counts as zeros."""
        value, partials = self.measurement.value, self.measurement.partials
        found = {"": value.values} if value is not None and self.measurement.claims_value else {}
        return found | {path: _values(partials.get(path), shape) for path, shape in shapes.items()}


def _values(partial: Partial | None, shape: Shape) -> Array:
    return np.zeros(shape) if partial is None else partial.values


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pair:
    """Two ports side by side, each output at the sum of the two error bars."""

    value: Comparison | None
    leaves: tuple[Comparison, ...]

    @property
    def differing(self) -> tuple[Comparison, ...]:
        """The outputs that are further apart than the bars."""
        return tuple(one for one in (self.value, *self.leaves) if one is not None and one.wrong.any())


def bar(port: Port, path: str) -> Array:
    return np.asarray(sum(port.terms.get(path, {}).values()))


def _sum(one: Port, other: Port, path: str, values: Array) -> dict[str, Array]:
    """Return the terms of two bars, added by name."""
    mine, theirs = one.terms.get(path, {}), other.terms.get(path, {})
    nothing = np.zeros(values.shape)
    return {name: mine.get(name, nothing) + theirs.get(name, nothing) for name in {**mine, **theirs}}


def pair(one: Port, other: Port, shapes: Mapping[str, Shape]) -> Pair:
    """Return two ports' outputs at the sum of their error bars."""
    mine, theirs = one.outputs(shapes), other.outputs(shapes)
    found = {
        path: apart(path, mine[path], theirs[path], _sum(one, other, path, mine[path]))
        for path in mine
        if path in theirs
    }
    return Pair(value=found.pop("", None), leaves=tuple(found.values()))
