"""What goes to a backend and what comes back: plain data both ways.

A measurement knows nothing of the truth.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from harness.conduct import FAULTLESS, Conduct
from harness.graph.node import Graph
from harness.spelling import NativeCall

Array = NDArray[np.float64]
Leaves = dict[str, NDArray[np.generic]]
"""Inputs by leaf path: float64 arrays that the cell's dtype holds exactly, int64 or bool data."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Task:
    """One gradient to be taken."""

    graph: Graph
    inputs: Leaves
    dtype: str
    """float64, float32, bfloat16 or float16."""
    variant: str
    """eager, jit, function, … — one of the adapter's `variants`."""
    operator: str = "grad"
    native: NativeCall | None = None
    """The user's function that is differentiated instead; the graph is what it must equal. None: the graph itself."""


class Trouble(Enum):
    """Why a backend gave no gradient."""

    NOT_INSTALLED = "not installed"
    UNSUPPORTED = "unsupported"
    SHAPE = "no number"
    ERROR = "error"
    TIMEOUT = "time limit"
    OUT_OF_MEMORY = "memory limit"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """No gradient, and the sentence that says why and what to do."""

    trouble: Trouble
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Partial:
    """What a backend returned for one leaf."""

    values: Array
    """The entries as float64, which holds every entry of the narrower dtypes exactly."""
    dtype: str
    """The dtype that came back: float64, float32, …"""
    tail: tuple[Array, ...] = ()
    """Further summands of a result of more digits than a float64 holds (SymPy's 50 digits)."""
    bar: Array | None = None
    """The backend's own error estimate per entry (finite differences); None: none claimed."""
    sampled: NDArray[np.bool_] | None = None
    """Which entries were evaluated, where not all were; the others hold NaN and are not judged."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measurement:
    """What a backend said about one task: value and partials, or how it failed."""

    value: Partial | None = None
    partials: dict[str, Partial | None] = field(default_factory=dict)
    """By leaf path of the differentiated inputs; None where the backend returned None."""
    adjoints: dict[str, Partial] = field(default_factory=dict)
    """By name, adjoints of variables of the definition, where a gradient written by hand gives them."""
    claims_value: bool = True
    """False: only partials were asked for."""
    failure: Failure | None = None
    conduct: Conduct = FAULTLESS
    """What the call changed, and how it answered a second time."""
    source: str = ""
    """The source that ran, without the inputs."""
    seconds: float = 0.0
    """Wall time of the differentiating call, first call included."""
    warnings: tuple[str, ...] = ()
    output: str = ""
    """What was printed meanwhile."""
    curve: tuple[tuple[float, float], ...] = ()
    """Step size and change of the estimate, for finite differences along the first entry."""
    texts: dict[str, str] = field(default_factory=dict)
    """Short formulas where the backend has them (SymPy): the function under "", a partial under its leaf path
    (`2*w`), and the function as presentation MathML under "mathml"."""
