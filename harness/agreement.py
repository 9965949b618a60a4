"""Agreement: what the engines said of one function, and whether they agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.run.records import CellLine, Run
from harness.spelling import DEFINITION, FRAMEWORKS

SILENT = ("NOT-INSTALLED", "UNSUPPORTED")
"""Verdicts of a backend that cannot be asked here."""


class Disagreement(AssertionError):
    """Some engine's gradient is not the right one, or could not be judged; the text says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Agreement:
    """What the engines said of one function; prints as a table."""

    run: Run
    named: tuple[str, ...] = ()
    """The backends that were asked for by name."""

    @property
    def ok(self) -> bool:
        """Whether nothing fails, and nothing is left in doubt."""
        return not self.failed and not self.doubts

    @property
    def doubts(self) -> tuple[str, ...]:
        """What was not judged and would have to be, a sentence each.

        At each point and dtype some framework has to pass, if one could be asked, else another engine; and whatever
        was asked for by name or written by hand. What was written by hand for a framework that is not installed is
        left to where it is.
        """
        return tuple(self._untold()) or tuple(self._passing_nowhere())

    @property
    def complaint(self) -> str:
        """Why this is no agreement, in full; "" where it is one."""
        from harness.report import terminal

        if self.failed:
            return terminal.summary(self.run, show=None).plain
        return "\n".join([*self.doubts, str(self)]) if self.doubts else ""

    @property
    def cells(self) -> tuple[CellLine, ...]:
        """One judged gradient per backend and dtype."""
        return self.run.cells

    @property
    def failed(self) -> tuple[CellLine, ...]:
        """The cells that fail."""
        return tuple(cell for cell in self.cells if cell.cls == "fail")

    def _untold(self) -> Iterator[str]:
        """Yield a sentence for each point and dtype where none that counts was judged."""
        groups: dict[tuple[str, str, str], list[CellLine]] = {}
        for cell in self.cells:
            groups.setdefault((cell.case, cell.point, cell.dtype), []).append(cell)
        if not groups:
            yield "nothing was judged; name other backends or dtypes"
        for (case, point, dtype), cells in groups.items():
            asked = [cell for cell in cells if cell.verdict not in SILENT]
            frameworks = [cell for cell in asked if cell.backend in FRAMEWORKS]
            counting = frameworks or asked
            if all(cell.cls == "inconclusive" for cell in counting):
                who = "framework" if frameworks else "engine"
                said, hint = _said(counting or cells), _others(cells)
                yield f"{case} at {point} in {dtype}: no {who} could be judged ({said}); take another point{hint}"

    def _passing_nowhere(self) -> Iterator[str]:
        """Yield a sentence for each backend that was named, and each spelling by hand, of which no cell passes."""
        passing = {(cell.backend, cell.spelling) for cell in self.cells if cell.cls == "pass"}
        lacking = [name for name in self.named if name not in {backend for backend, _ in passing}]
        for name in lacking:
            yield f"{name} was named, and passes nowhere: {_said([c for c in self.cells if c.backend == name])}"
        by_hand: dict[tuple[str, str], list[CellLine]] = {}
        for cell in self.cells:
            if cell.spelling != DEFINITION and cell.verdict != "NOT-INSTALLED" and cell.backend not in lacking:
                by_hand.setdefault((cell.backend, cell.spelling), []).append(cell)
        for (backend, spelling), cells in by_hand.items():
            if (backend, spelling) not in passing:
                yield f"{spelling} on {backend} is written by hand, and passes nowhere: {_said(cells)}"

    def __str__(self) -> str:
        from harness.report import terminal

        return terminal.agreement(self.run)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from harness.report import notebook

        return notebook.strip(self.run)


def _said(cells: Sequence[CellLine]) -> str:
    """Return who reads what: "TensorFlow, PyTorch: UNDEFINED, JAX: SUSPECT"."""
    from harness.report import names

    read: dict[str, list[str]] = {}
    for cell in cells:
        read.setdefault(names.word(cell), []).append(names.engine(cell, cells))
    return ", ".join(f"{', '.join(dict.fromkeys(engines))}: {word}" for word, engines in read.items())


def _others(cells: Sequence[CellLine]) -> str:
    """Return what else can be done where engines that do not count pass."""
    passing = tuple(dict.fromkeys(cell.backend for cell in cells if cell.cls == "pass"))
    return f", or name those that suffice, backends={passing!r}" if passing else ", or see the reasons below"
