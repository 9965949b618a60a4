"""What a planted defect is: a right function of a user with one thing wrong, and what must be said of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Native = Callable[..., Any]
Definition = Callable[..., Any]
BACKENDS = ("tensorflow", "torch", "jax")
WRONG = frozenset({"DISAGREE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One thing wrong in one function on one framework."""

    kind: str
    """What is wrong, as the name of a spelling: letters, digits and underscores."""
    case: str
    """The function that carries it, by its name in the case file."""
    backend: str
    native: Callable[[Definition], Native] = field(repr=False)
    """The definition → the function that a user would have written."""
    verdicts: frozenset[str] = WRONG
    """The verdicts that are right; a defect must get one of them."""
    diagnosis: tuple[str, ...] = ()
    """Words one of which must stand in the diagnosis; empty: any."""
    doubts: frozenset[str] = frozenset()
    """Inconclusive verdicts that are right as well: between the one-sided derivatives no rule calls a number wrong."""
    operation: str = ""
    """Of a step that is wrong: what a message that blames one operation must say, as a regular expression."""
    size: float | None = None
    """Greatest relative change of an entry, where it is small enough to ask whether it can be seen; None: gross."""
    leaf: str = ""
    """The input whose adjoint is changed, where the size is given."""
    rank: float | None = None
    """Which entry by size is changed, from 0 the smallest to 1 the largest; None: every entry."""
    numeric: bool = True
    """Only numbers are wrong: the form and the conduct are right."""
    dtypes: tuple[str, ...] = ("float64", "float32")
    variant: str = ""
    """The variant in which it shows; "" for the first."""
    operator: str = "grad"
    points: tuple[str, ...] = ("here",)
    """Where it is looked for; it must be found at one of them."""
    violent: bool = False
    """It takes its process down, or would for ever."""

    @property
    def name(self) -> str:
        """Return the name of its spelling."""
        return self.kind
