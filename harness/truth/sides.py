"""One-sided derivatives by exact evaluations: the function at x and beside it, at steps that no dtype could hold.

No derivative rule is used and every decision is taken anew, so that a kink, a jump and the end of a domain are seen as
they are. Nothing is known of the function but its values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb

from harness.domains.ball import Ball, lifted
from harness.domains.evaluate import evaluate
from harness.domains.precision import PRECISIONS, Array
from harness.graph.derive import Derivative
from harness.measurement import Leaves
from harness.truth.truth import Truth

STEPS = (150, 250, 450)
"""Powers of two by which a step is smaller than the point's own scale; the third one where two do not settle it."""

SETTLED = 60
"""Bits to which two slopes must agree."""

DIGITS = 250
"""Beyond those of the truth: a difference over 2^−450 keeps 80 of them."""

FLOOR = 100
"""Bits by which a slope is 0 beside the size of the function over that of the point."""

MOST = 48
"""Entries along which one looks; of more, these many."""

SEED = 1991
"""Of the direction in which all inputs move."""

UNREAL, JUMP, STEEP = "not real", "jumps", "steep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What becomes of (f(x + h) − f(x))/h as h goes to 0 on one side."""

    slope: float = np.nan
    error: float = 0.0
    trouble: str = ""
    """Why there is no slope."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slopes:
    """Between what each partial must lie: the one-sided derivatives along its entry; NaN where one did not look."""

    lower: dict[str, Array]
    upper: dict[str, Array]
    error: dict[str, Array]
    """How far either may be off."""
    trouble: str = ""
    """Why there is no derivative, in a sentence; then nothing else is to be read."""
    reach: float = 0.0
    """How much the value changes, at most, when every input that was looked along changes by as much as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Asks for the one-sided derivatives."""

    def answer(self, derivative: Derivative, inputs: Leaves, dtype: str, truth: Truth) -> Slopes | None:
        """Return None for an operator whose results are no gradient."""
        if derivative.function is None:
            return None
        scene = _Scene(derivative, inputs, dtype, truth)
        with scene.ball.context():
            return scene.slopes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Along:
    """Asks for the one-sided derivatives in one direction."""

    direction: tuple[tuple[str, tuple[int, ...], bytes], ...]
    """Path, shape and bytes of what each input moves by: they can be compared."""

    def answer(self, derivative: Derivative, inputs: Leaves, dtype: str, truth: Truth) -> tuple[float, float] | None:
        """Return the lower and the upper one; None where either is not real or not finite."""
        scene = _Scene(derivative, inputs, dtype, truth)
        moved = {path: np.frombuffer(data).reshape(shape) for path, shape, data in self.direction}
        with scene.ball.context():
            ways = [scene.side(moved, sign) for sign in (1, -1)]
        slopes = sorted(way.slope for way in ways)
        return None if any(way.trouble for way in ways) else (slopes[0], slopes[1])


def along(direction: Mapping[str, Array]) -> Along:
    """Return the question for a direction."""
    return Along(direction=tuple((path, x.shape, np.asarray(x, np.float64).tobytes()) for path, x in direction.items()))


class _Scene:
    """The function around its point."""

    def __init__(self, derivative: Derivative, inputs: Leaves, dtype: str, truth: Truth) -> None:
        self.derivative, self.inputs, self.dtype, self.truth = derivative, inputs, dtype, truth
        self.paths = [path for path, node in derivative.partials.items() if node is not None]
        self.scale = self._scale()
        self.ball = Ball(truth.digits + DIGITS + round(2 * -np.log10(self.scale)))
        base = self._run(inputs, {})
        stopped = {k for k, node in enumerate(derivative.graph.nodes) if node.op == "stop_gradient"}
        self.stopped = {k: value for k, value in base.items() if k in stopped}
        self.value = base[derivative.value].item()
        with self.ball.context():
            self.floor = abs(self.value).upper() / arb(self.scale) * arb(2) ** -FLOOR

    def _scale(self) -> float:
        """Return min(1, the least non-zero |x|)."""
        sizes = [abs(np.asarray(self.inputs[path], np.float64)).ravel() for path in self.derivative.graph.params]
        entries = np.concatenate([*sizes, [1.0]])
        return float(entries[entries > 0].min())

    def _run(self, inputs: Mapping[str, Any], frozen: Mapping[int, Any]) -> dict[int, Any]:
        graph, precision = self.derivative.graph, PRECISIONS[self.dtype]
        outputs = (self.derivative.value,)
        return evaluate(graph, outputs, self.ball, inputs, precision=precision, decisions={}, frozen=frozen).values

    def slopes(self) -> Slopes:
        """Return the slopes along every entry, and along one direction that moves all, where only trouble counts."""
        shapes = {path: np.shape(self.inputs[path]) for path in self.derivative.partials}
        lower = {path: np.full(shape, np.nan if path in self.paths else 0.0) for path, shape in shapes.items()}
        upper, error = ({path: array.copy() for path, array in lower.items()} for _ in range(2))
        if not self.value.is_finite():
            return Slopes(lower=lower, upper=upper, error=error, trouble="The exact value is not finite at this point.")
        for path, k in self._entries():
            ahead, behind = (self.side(self._along(path, k), sign) for sign in (1, -1))
            trouble = _trouble(ahead, behind)
            if trouble:
                where = np.unravel_index(k, shapes[path])
                name = f"{path}[{', '.join(map(str, where))}]" if where else path
                return Slopes(lower=lower, upper=upper, error=error, trouble=trouble.format(f"in {name}"))
            real = [side for side in (ahead, behind) if not side.trouble]
            lower[path].flat[k] = min(side.slope for side in real)
            upper[path].flat[k] = max(side.slope for side in real)
            error[path].flat[k] = max(side.error for side in real)
        everything = {path: _direction(shapes[path]) for path in self.paths}
        all_ways = [self.side(everything, sign) for sign in (1, -1)]
        jump = any(side.trouble in (JUMP, STEEP) for side in all_ways)
        trouble = _trouble(*all_ways).format("where all inputs move together") if jump else ""
        return Slopes(lower=lower, upper=upper, error=error, trouble=trouble, reach=self._reach(lower, upper))

    def _reach(self, lower: dict[str, Array], upper: dict[str, Array]) -> float:
        total = 0.0
        for path in self.paths:
            slopes = np.maximum(abs(lower[path]), abs(upper[path]))
            total += float(np.nansum(slopes * abs(np.asarray(self.inputs[path], np.float64))))
        return total

    def _entries(self) -> list[tuple[str, int]]:
        """Return leaf and flat position of the entries to look along, first those of which the balls know nothing."""
        unknown, known = list[tuple[str, int]](), list[tuple[str, int]]()
        for path in self.paths:
            finite = np.isfinite(self.truth.partials[path].nearest).ravel()
            for k, sure in enumerate(finite):
                (known if sure else unknown).append((path, k))
        room = max(MOST - len(unknown), 0)
        stride = max(1, -(-len(known) // room)) if room else 1
        return (unknown + known[::stride])[:MOST]

    def _along(self, path: str, k: int) -> dict[str, Array]:
        unit = np.zeros(np.size(self.inputs[path]))
        unit[k] = 1
        return {path: unit.reshape(np.shape(self.inputs[path]))}

    def side(self, along: Mapping[str, Array], sign: int) -> Side:
        """Return the slope on one side, with how far it may be off."""
        found: list[tuple[Any, Any]] = []
        for power in STEPS:
            change = self._change(along, sign, power)
            if not change.is_finite():
                return Side(trouble=UNREAL)
            found.append((change, change * arb(2) ** power / (sign * arb(self.scale))))
            if len(found) > 1 and (settled := _settled([slope for _, slope in found], self.floor)):
                return settled
        return Side(trouble=JUMP if 2 * abs(found[1][0]) >= abs(found[0][0]) else STEEP)

    def _change(self, along: Mapping[str, Array], sign: int, power: int) -> Any:
        step = sign * arb(self.scale) * arb(2) ** -power
        moved = {
            path: lifted(np.asarray(self.inputs[path], np.float64)) + lifted(unit) * step
            for path, unit in along.items()
        }
        arrays = {path: np.asarray(balls, dtype=object) for path, balls in moved.items()}
        values = self._run({**self.inputs, **arrays}, self.stopped)
        return values[self.derivative.value].item() - self.value


def _settled(slopes: list[Any], floor: Any) -> Side | None:
    """Return the slope that the last two agree on, but for the floor; of three, also where they come together."""
    *before, last = slopes
    apart = abs(last - before[-1]).upper()
    near = apart <= floor + arb(2) ** -SETTLED * max(abs(last).upper(), abs(before[-1]).upper())
    together = len(before) > 1 and 2 * apart <= abs(before[-1] - before[-2]).upper()
    if not (near or together):
        return None
    slope, error = float(last), float(apart)
    return Side(slope=0.0 if abs(slope) <= 2 * error else slope, error=2 * error)


def _direction(shape: tuple[int, ...]) -> Array:
    """Return a dyadic direction with no zero entry."""
    rng = np.random.default_rng(SEED)
    return np.asarray(rng.integers(1, 9, shape) * rng.choice([-1, 1], shape) / 8)


def _trouble(ahead: Side, behind: Side) -> str:
    """Return why there is no derivative, with {} where the direction is named; one side is enough where one is real."""
    kinds = {ahead.trouble, behind.trouble}
    if JUMP in kinds:
        return "The value jumps {}: there is no derivative."
    if STEEP in kinds:
        return "The one-sided derivative {} is not finite."
    return "The function is real on neither side {}." if kinds == {UNREAL} else ""
