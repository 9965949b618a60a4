"""Defects in what comes back for several inputs of one shape: right partials in each other's place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.selftest.defects import BACKENDS, Defect, Definition, Native
from harness.selftest.words import words


def misplaced(backend: str, paths: tuple[str, ...]) -> Callable[[Definition], Native]:
    """Return what makes the native of a definition in which each of some leaves gets the adjoint of the next."""

    def make(definition: Definition) -> Native:
        def native(framework: Any, **leaves: Any) -> Any:
            f = words(backend, framework)

            def forward(*xs: Any) -> Any:
                return stacked(f, xs)

            def backward(g: Any, y: Any, *xs: Any) -> Any:
                return tuple(g[(k + 1) % len(xs)] for k in range(len(xs)))

            passed = f.custom(forward, backward)(*(leaves[path] for path in paths))
            return definition(f, **leaves | {path: passed[k] for k, path in enumerate(paths)})

        return native

    return make


def stacked(f: Any, xs: tuple[Any, ...]) -> Any:
    """Return arrays of one shape along a new first axis: each is picked, so that no number changes."""
    found, ones = xs[-1], [1] * len(xs[0].shape)
    for k in range(len(xs) - 1):
        chosen = np.reshape(np.arange(len(xs)) == k, (len(xs), *ones))
        found = f.where(f.flags(chosen), xs[k], found)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """Partials that are returned in the wrong order, and the leaves that they belong to, by their functions."""

    kind: str
    places: tuple[tuple[str, tuple[str, ...]], ...]

    def planted(self, backend: str, turn: int) -> Defect:
        """Return the exchange on a framework, in the function whose turn it is."""
        case, paths = self.places[turn % len(self.places)]
        return Defect(
            kind=self.kind,
            case=case,
            backend=backend,
            native=misplaced(backend, paths),
            diagnosis=(f"the partials of {', '.join(paths[:-1])} and {paths[-1]} are exchanged",),
        )


EXCHANGES: tuple[Exchange, ...] = (
    Exchange(
        kind="partials_exchanged",
        places=(("ratio", ("x", "y")), ("residual", ("w1", "w2")), ("layer_norm", ("gamma", "beta"))),
    ),
    Exchange(kind="queries_and_keys_exchanged", places=(("attention", ("q", "k")),)),
    Exchange(kind="partials_moved_on", places=(("attention", ("q", "k", "v")),)),
)


def planted() -> list[Defect]:
    """Return every exchange on every framework."""
    return [exchange.planted(backend, turn) for exchange in EXCHANGES for turn, backend in enumerate(BACKENDS)]
