"""What was seen of a call beside its answer: what it changed, and whether it gives the same answer again.

An observation knows nothing of the truth.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that a call left otherwise than it found it."""

    what: str
    """An entry of an input (`w[0, 1]`), a global setting or a function (`torch.sum`)."""
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """An array of another library where the backend's own was to come."""

    said: str
    """What came back for what, as a sentence without its stop."""
    inside: bool = False
    """It came up on the way to the value, which is the backend's own again: of importance where a gradient is cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first place at which a second call with the same inputs gave another answer."""

    path: str
    """Leaf path; "" for the value."""
    index: tuple[int, ...] = ()
    first: str
    second: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """How the backend behaved; the default is faultless."""

    foreign: tuple[Foreign, ...] = ()
    inputs: tuple[Change, ...] = ()
    settings: tuple[Change, ...] = ()
    """Global settings, and functions that were replaced; they were put back."""
    random: tuple[str, ...] = ()
    """The random states that a call moved on."""
    difference: Difference | None = None
    """None: a second call gave the same bits, or was not made."""
    alike: tuple[str, ...] = ()
    """Leaf paths, "" for the value: what came back bit for bit the same at a point beside (`domains/beside.py`)."""
    lasting: bool = False
    """Something could not be put back: the process is not to be used again."""


FAULTLESS = Conduct()
