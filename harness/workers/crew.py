"""The lab of a run: a worker process per backend, one for truths and one for tracing, all started together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from copy import copy
from dataclasses import replace
from types import TracebackType
from typing import Generic, TypeVar

from harness.backends import BY_HAND, available
from harness.backends.blackbox import Blackbox
from harness.declare import Case
from harness.graph.node import Graph
from harness.graph.operators import OPERATORS
from harness.measurement import Failure, Leaves, Measurement, Task, Trouble
from harness.run.lab import About, Established, Exact
from harness.truth import Kind, NoTruth, Question, Truth, refused, tolerance
from harness.workers import jobs
from harness.workers.jobs import Job, Reply
from harness.workers.limits import Limits
from harness.workers.room import Room
from harness.workers.watch import Watch

T = TypeVar("T")
TRUTH = "truth"
TRACING = "tracing"


class Answer(Generic[T]):
    """A pending reply, turned into what the lab promises."""

    output = ""

    def __init__(
        self, future: Future[Reply | Failure], read: Callable[[Reply], T], failed: Callable[[Failure], T]
    ) -> None:
        self._future, self._read, self._failed = future, read, failed

    def result(self) -> T:
        answer = self._future.result()
        if isinstance(answer, Failure):
            return self._failed(answer)
        self.output = answer.output
        if answer.error:
            return self._failed(Failure(trouble=Trouble.ERROR, sentence=answer.error))
        return self._read(answer)


class Crew:
    """A lab whose work is done in worker processes; use it in a `with` block, which ends them."""

    def __init__(self, backends: Iterable[str], limits: Limits = Limits()) -> None:  # noqa: B008 - a frozen value
        self._missing = {name: failure for name in backends if (failure := available(name)) is not None}
        names = [name for name in backends if name not in self._missing and name not in BY_HAND]
        own = {name: Room(name, "", limits) for name in (TRACING, TRUTH, *BY_HAND)}
        self._rooms = own | {name: Room(name, name, limits) for name in names}
        self._ahead = False
        self._watch = Watch(tuple(self._rooms.values()))
        for name in names:
            self._submit(name, jobs.About(backend=name))

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._watch.stop()
        for room in self._rooms.values():
            room.stop()
        for room in self._rooms.values():
            room.join()

    def ahead(self) -> Crew:
        """Return the same crew, whose jobs are done before those that wait."""
        other = copy(self)
        other._ahead = True
        return other

    def trace(self, case: Case) -> Answer[Graph | Failure]:
        future = self._submit(TRACING, jobs.Trace(file=case.file, case=case.id))
        return Answer(future, lambda reply: reply.result, lambda failure: _while_traced(case, failure))

    def establish(
        self, graph: Graph, inputs: Leaves, dtype: str, exact: Exact | None, operator: str = "grad"
    ) -> Answer[Established]:
        job = jobs.Establish(graph=graph, inputs=inputs, dtype=dtype, exact=exact, operator=operator)
        return Answer(
            self._submit(TRUTH, job),
            lambda reply: reply.result,
            lambda failure: _no_truth(graph, dtype, operator, failure),
        )

    def reconsider(
        self, graph: Graph, inputs: Leaves, dtype: str, truth: Truth, question: Question[T], operator: str = "grad"
    ) -> Answer[T | Failure]:
        job = jobs.Reconsider(
            graph=graph, inputs=inputs, dtype=dtype, truth=truth, question=question, operator=operator
        )
        future = self._submit(TRUTH, job, ahead=True)
        return Answer(future, lambda reply: reply.result, lambda failure: failure)

    def about(self, backend: str) -> Answer[About]:
        future = self._submit(backend, jobs.About(backend=backend))
        return Answer(future, lambda reply: reply.result, lambda failure: About(failure=failure))

    def measure(self, backend: str, task: Task) -> Answer[Measurement]:
        future = self._submit(backend, jobs.Measure(backend=backend, task=task))
        return Answer(future, _measured, lambda failure: Measurement(failure=failure))

    def probe(self, backend: str, task: Task) -> Answer[Blackbox | Failure]:
        future = self._submit(backend, jobs.Probe(backend=backend, task=task))
        return Answer(future, lambda reply: reply.result, lambda failure: failure)

    def pids(self) -> dict[str, int]:
        """Return the process of each room that has one."""
        return {name: room.pid for name, room in self._rooms.items() if room.pid}

    def _submit(self, room: str, job: Job, *, ahead: bool = False) -> Future[Reply | Failure]:
        if room in self._missing:
            missing: Future[Reply | Failure] = Future()
            missing.set_result(self._missing[room])
            return missing
        return self._rooms[room].submit(job, ahead=ahead or self._ahead)


def _while_traced(case: Case, failure: Failure) -> Failure:
    return replace(failure, sentence=f"{case.id}, while it was traced: {failure.sentence}")


def _measured(reply: Reply) -> Measurement:
    measurement: Measurement = reply.result
    return replace(measurement, output=reply.output)


def _no_truth(graph: Graph, dtype: str, operator: str, failure: Failure) -> Established:
    derivative = OPERATORS[operator](graph)
    truth = refused(derivative, NoTruth(kind=Kind.LIMIT, sentence=failure.sentence))
    return Established(truth=truth, tolerance=tolerance(derivative, {}, dtype, truth))
