"""Which exact intermediates a dtype cannot hold."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.domains.evaluation import Evaluation
from harness.domains.structure import MOVES
from harness.graph.derive import Derivative
from harness.truth.enclose import digits_of

_lower = np.frompyfunc(lambda ball: float(ball.abs_lower()), 1, 1)
_upper = np.frompyfunc(lambda ball: float(ball.abs_upper()), 1, 1)
_finite = np.frompyfunc(lambda ball: ball.is_finite(), 1, 1)
_certain = np.frompyfunc(lambda ball: ball.is_finite() and ball.abs_lower() > 0, 1, 1)


class Beyond(NamedTuple):
    """An exact intermediate that a dtype cannot hold."""

    said: str = ""
    """Which one, and where the dtype ends or begins; "" where it holds all."""
    small: bool = False
    """It is too small, and none is too large."""


def beyond_range(derivative: Derivative, balls: Evaluation, bounds: Evaluation) -> Beyond:
    """Return the first forward or adjoint intermediate too large for the dtype, else the first too small.

    The float64 values of the bound run point at candidates; the balls decide. An exact ±inf is in every range.
    """
    precision = balls.precision
    nodes = derivative.graph.nodes
    real = {
        k: abs(value.value)
        for k, value in bounds.values.items()
        if nodes[k].kind == "real" and nodes[k].op not in MOVES  # what is moved was looked at where it came from
    }
    for position in (k for k, size in real.items() if not (size <= precision.greatest).all()):
        ball = _largest(balls.values[position])
        if ball is not None and float(ball.abs_lower()) > precision.greatest:
            return Beyond(f"{_place(derivative, position, ball)}; {precision.name} ends at {precision.greatest:.3g}")
    for position in (k for k, size in real.items() if (size < precision.least).any()):
        ball = _smallest(balls.values[position])
        if ball is not None and float(ball.abs_upper()) < precision.least:
            said = f"{_place(derivative, position, ball)}; {precision.name} begins at {precision.least:.3g}"
            return Beyond(said, small=True)
    return Beyond()


def _largest(balls: NDArray[Any]) -> Any:
    """Return the finite ball with the largest absolute value; None where there is none."""
    known = balls[np.asarray(_finite(balls), dtype=bool)]
    return known[np.argmax(np.asarray(_lower(known), dtype=np.float64))] if known.size else None


def _smallest(balls: NDArray[Any]) -> Any:
    """Return the ball with the smallest absolute value that is certainly not 0; None where there is none."""
    known = balls[np.asarray(_certain(balls), dtype=bool)]
    return known[np.argmin(np.asarray(_upper(known), dtype=np.float64))] if known.size else None


def _place(derivative: Derivative, position: int, ball: Any) -> str:
    """Return what the node computes, where the user wrote it, and how large it is."""
    node = derivative.graph.nodes[position]
    part = "adjoint" if position > derivative.value else "intermediate"
    line = f" at {PurePath(node.where[0]).name}:{node.where[1]}" if node.where else ""
    return f"the exact {part} {node.op}{line} is {digits_of(ball, 3)}"
