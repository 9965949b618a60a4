"""What a worker is asked to do, and what it answers: plain data both ways.

Importing this module imports no framework; a worker imports its own when it is first asked.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from harness.backends.adapter import Adapter
from harness.declare import Case
from harness.graph.node import Graph
from harness.measurement import Failure, Leaves, Measurement, Task
from harness.run.lab import Exact, Inline
from harness.told import RAISED, told
from harness.truth import Question, Truth
from harness.workers.output import captured


class Job(Protocol):
    """Something to do in a worker."""

    def run(self, lab: Inline) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came out of a job."""

    result: Any = None
    error: str = ""
    """The exception in one line; "" where there was none."""
    output: str = ""
    """What was printed meanwhile."""
    pid: int = 0
    spent: bool = False
    """The job has changed its process for good: no other is to be done there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Import the backend; "" for a worker without one."""

    backend: str

    def run(self, lab: Inline) -> Any:
        return lab.about(self.backend).result() if self.backend else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Trace a case, which is found again by its file: functions do not travel."""

    file: str
    case: str

    def run(self, lab: Inline) -> Any:
        return lab.trace(_cases(self.file)[self.case]).result()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Establish:
    """Establish truth and tolerance of a group."""

    graph: Graph
    inputs: Leaves
    dtype: str
    exact: Exact | None
    operator: str = "grad"

    def run(self, lab: Inline) -> Any:
        return lab.establish(self.graph, self.inputs, self.dtype, self.exact, self.operator).result()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reconsider:
    """Answer a question about a truth that was established."""

    graph: Graph
    inputs: Leaves
    dtype: str
    truth: Truth
    question: Question[Any]
    operator: str = "grad"

    def run(self, lab: Inline) -> Any:
        return lab.reconsider(self.graph, self.inputs, self.dtype, self.truth, self.question, self.operator).result()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measure:
    """Take one gradient; a user's function is found again by its file."""

    backend: str
    task: Task

    def run(self, lab: Inline) -> Any:
        try:
            return lab.measure(self.backend, _with_function(self.task)).result()
        except BaseException as error:
            return Measurement(failure=_left(lab, self.backend, error, "while its source ran"))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Probe:
    """Estimate what can be known of a user's function that has no definition."""

    backend: str
    task: Task

    def run(self, lab: Inline) -> Any:
        try:
            return lab.probe(self.backend, _with_function(self.task)).result()
        except BaseException as error:
            return _left(lab, self.backend, error, "beside the point")


def _left(lab: Inline, name: str, error: BaseException, when: str) -> Failure:
    """Return the failure of a user's function that raised what ends a process; here nobody else presses Ctrl-C.

    Raises any other exception again: it is the harness's own.
    """
    backend = lab.backend(name)
    if isinstance(error, RAISED) or not isinstance(backend, Adapter):
        raise error
    return backend.failure(error, when)


def _with_function(task: Task) -> Task:
    """Return the task with the user's function that it means, if it means one."""
    meant = task.native
    if meant is None:
        return task
    return replace(task, native=_cases(meant.file)[meant.case].spelt(meant.backend, meant.name))


@lru_cache
def _cases(file: str) -> dict[str, Case]:
    """Return the cases of a file by id; it is collected once in a process."""
    from harness.collect import cases_of, load

    return {case.id: case for case in cases_of(load(Path(file)))}


def perform(job: Job) -> Reply:
    """Return the job's reply, whatever it raises; a process that the job forked off ends here."""
    here = os.getpid()
    result, error = None, ""
    with captured() as output:
        try:
            result = job.run(_lab())
        except BaseException as raised:
            error = told(raised)
        if os.getpid() != here:
            os._exit(0)
    spent = isinstance(result, Measurement) and result.conduct.lasting
    return Reply(result=result, error=error, output=output.text, pid=here, spent=spent)


@lru_cache
def _lab() -> Inline:
    """Return this worker's lab, made once."""
    sys.setrecursionlimit(10_000)
    return Inline()
