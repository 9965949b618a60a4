"""Where tracing, truths and measurements are made: plain data goes in, plain data comes out.

`Inline` makes them in this process, when they are asked for. The seam is the same for workers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Generic, Protocol, TypeVar

from harness.backends import Backend, available, load, made
from harness.backends.adapter import Adapter
from harness.backends.blackbox import Blackbox, probe
from harness.backends.conventions import Answers, conventions
from harness.declare import Case, Fractions
from harness.graph.derive import Derivative
from harness.graph.node import Graph
from harness.graph.operators import OPERATORS
from harness.measurement import Failure, Leaves, Measurement, Task, Trouble
from harness.told import RAISED, told
from harness.truth import Question, Tolerance, Truth, establish, ideal, tolerance
from harness.xp import NotTraceable

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Exact = dict[str, Fractions]
"""The real inputs of a point as the fractions that its text means, by leaf path."""


class Pending(Protocol[T_co]):
    """A result that may not be there yet."""

    output: str
    """What was printed meanwhile; known with the result."""

    def result(self) -> T_co:
        """Return the result; wait for it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Established:
    """The truth of one group and the tolerance around it."""

    truth: Truth
    tolerance: Tolerance
    ideal: dict[str, str] = field(default_factory=dict)
    """Exact fractions of the value and the partials at the decimal text of the point, where they are rational."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """A backend as it stands here: versions and flags, or why it cannot run."""

    versions: dict[str, str] = field(default_factory=dict)
    flags: dict[str, str] = field(default_factory=dict)
    conventions: Answers = field(default_factory=dict)
    """What it answers at ties."""
    failure: Failure | None = None


class Lab(Protocol):
    """What the orchestrator asks for; each answer is pending until its result is taken."""

    def ahead(self) -> Lab:
        """Return the same lab, whose work is done before what waits: for what is found out on the way."""

    def trace(self, case: Case) -> Pending[Graph | Failure]:
        """Return the case's graph, or why there is none."""

    def establish(
        self, graph: Graph, inputs: Leaves, dtype: str, exact: Exact | None, operator: str = "grad"
    ) -> Pending[Established]:
        """Return truth and tolerance of a group; with the point's exact numbers also the ideal."""

    def reconsider(
        self, graph: Graph, inputs: Leaves, dtype: str, truth: Truth, question: Question[T], operator: str = "grad"
    ) -> Pending[T | Failure]:
        """Return the answer to a question about a group's truth."""

    def about(self, backend: str) -> Pending[About]:
        """Return versions and flags of a backend."""

    def measure(self, backend: str, task: Task) -> Pending[Measurement]:
        """Return what a backend says about a task."""

    def probe(self, backend: str, task: Task) -> Pending[Blackbox | Failure]:
        """Return estimates around a user's function: its error bar, and differences of its own values."""


class Later(Generic[T]):
    """A result that is made when it is first asked for."""

    output = ""
    """What is printed in the own process is not caught."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make: Callable[[], T] | None = make

    def result(self) -> T:
        if self._make is not None:
            self._value, self._make = self._make(), None
        return self._value


class Inline:
    """A lab in the own process: nothing is contained, everything is quick."""

    def __init__(self, *, guest: bool = False) -> None:
        self._guest = guest
        """The process is somebody else's: its global flags are held only while something is measured."""
        self._backends: dict[str, Backend | Failure] = {}

    def ahead(self) -> Inline:
        return self

    def trace(self, case: Case) -> Later[Graph | Failure]:
        return Later(partial(_traced, case))

    def establish(
        self, graph: Graph, inputs: Leaves, dtype: str, exact: Exact | None, operator: str = "grad"
    ) -> Later[Established]:
        return Later(partial(self._establish, graph, inputs, dtype, exact, operator))

    def reconsider(
        self, graph: Graph, inputs: Leaves, dtype: str, truth: Truth, question: Question[T], operator: str = "grad"
    ) -> Later[T | Failure]:
        return Later(lambda: question.answer(derivative_of(graph, operator), inputs, dtype, truth))

    def about(self, backend: str) -> Later[About]:
        return Later(partial(self._about, backend))

    def measure(self, backend: str, task: Task) -> Later[Measurement]:
        return Later(partial(self._measure, backend, task))

    def probe(self, backend: str, task: Task) -> Later[Blackbox | Failure]:
        return Later(partial(self._probe, backend, task))

    def _establish(self, graph: Graph, inputs: Leaves, dtype: str, exact: Exact | None, operator: str) -> Established:
        derivative = derivative_of(graph, operator)
        truth = establish(derivative, inputs, dtype)
        allowed = tolerance(derivative, inputs, dtype, truth)
        found = None if exact is None else ideal(graph, exact)
        return Established(truth=truth, tolerance=allowed, ideal=found or {})

    def backend(self, name: str) -> Backend | Failure:
        """Return the backend, loaded once, or why it cannot be loaded."""
        if name not in self._backends:
            self._backends[name] = loaded(name, guest=self._guest)
        return self._backends[name]

    def _about(self, name: str) -> About:
        backend = self.backend(name)
        if isinstance(backend, Failure):
            return About(failure=backend)
        with backend.settings():
            versions, flags = backend.versions(), backend.flags()
        return About(versions=versions, flags=flags, conventions=_conventions(name))

    def _measure(self, name: str, task: Task) -> Measurement:
        backend = self.backend(name)
        return Measurement(failure=backend) if isinstance(backend, Failure) else backend.measure(task)

    def _probe(self, name: str, task: Task) -> Blackbox | Failure:
        backend = self.backend(name)
        if isinstance(backend, Failure):
            return backend
        assert isinstance(backend, Adapter), "only frameworks run users' functions"
        try:
            return probe(backend, task)
        except RAISED as error:
            return backend.failure(error, "beside the point")


@lru_cache(maxsize=256)
def derivative_of(graph: Graph, operator: str) -> Derivative:
    """Return what an operator makes of a function, the same at every point."""
    return OPERATORS[operator](graph)


def loaded(name: str, *, guest: bool = False) -> Backend | Failure:
    """Return the backend, or the failure that says why it is not there; an import that raises is a failure too."""
    missing = available(name)
    if missing is not None:
        return missing
    try:
        return made(name) if guest else load(name)
    except Exception as error:
        return Failure(
            trouble=Trouble.ERROR,
            sentence=f"{name} is installed but cannot be imported: {told(error)}. Reinstall it.",
        )


@lru_cache
def _conventions(name: str) -> Answers:
    """Return what a backend answers at ties, measured once in a process."""
    return conventions(made(name))


def _traced(case: Case) -> Graph | Failure:
    try:
        return case.graph()
    except NotTraceable as refusal:
        trouble = Trouble.UNSUPPORTED if case.function is None else Trouble.ERROR
        return Failure(trouble=trouble, sentence=str(refusal))
