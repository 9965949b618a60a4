"""What a measurement came to, and the bar that it is held against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A row of the table."""

    name: str
    measured: tuple[float, ...] = ()
    """What the repetitions gave; the figure is their median. Empty where nothing could be measured."""
    unit: str = ""
    """"" for a ratio."""
    bar: float | None = None
    """The greatest figure that is good enough; None for a row that only explains another."""
    note: str = ""

    @property
    def median(self) -> float:
        return float(np.median(self.measured))

    @property
    def verdict(self) -> str:
        """Holds, or by how much it misses; a figure that is no number misses."""
        if not self.measured:
            return "not measured"
        if self.bar is None:
            return ""
        return "holds" if self.median <= self.bar else f"misses by {amount(self.median - self.bar, self.unit)}"

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as text: name, figure, bar, verdict, least and greatest, note."""
        figure = amount(self.median, self.unit) if self.measured else "–"
        bar = "" if self.bar is None else f"≤ {amount(self.bar, self.unit)}"
        spread = f"{min(self.measured):.3g} … {max(self.measured):.3g}" if len(self.measured) > 1 else ""
        return self.name, figure, bar, self.verdict, spread, self.note


def amount(number: float, unit: str) -> str:
    """Return a number to three digits, with its unit."""
    text = f"{number:.3g}" if abs(number) < 1000 else f"{number:.0f}"
    return f"{text} {unit}".rstrip()
