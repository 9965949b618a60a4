"""Negative controls: every lie is caught wherever it exceeds the tolerance, and the honest pass."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pytest

from harness.backends import load
from harness.collect import collect
from harness.domains.precision import round_to
from harness.graph.derive import gradient
from harness.judge import Class, Evidence, judge
from harness.measurement import Measurement, Task
from harness.truth import Tolerance, Truth, establish, tolerance
from liars import LIARS, Liar

FRAMEWORKS = ("tensorflow", "torch", "jax")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Group:
    name: str
    task: Task
    truth: Truth
    tolerance: Tolerance


@lru_cache
def groups(dtype: str) -> tuple[Group, ...]:
    """Return every case of the catalogue at its first point, with its truth."""
    found = []
    for case in collect():
        graph, point = case.graph(), case.points[0]
        inputs = {
            path: round_to(x, dtype) if case.inputs[path].kind == "real" else x
            for path, x in case.numbers(point).items()
        }
        derivative = gradient(graph)
        truth = establish(derivative, inputs, dtype)
        task = Task(graph=graph, inputs=inputs, dtype=dtype, variant="eager")
        allowed = tolerance(derivative, inputs, dtype, truth)
        found.append(Group(name=case.id, task=task, truth=truth, tolerance=allowed))
    return tuple(found)


def evidence(group: Group, measurement: Measurement) -> Evidence:
    return Evidence(measurement=measurement, truth=group.truth, tolerance=group.tolerance, dtype=group.task.dtype)


def exceeds(group: Group, measurement: Measurement) -> bool:
    """Return whether the answer differs from the truth by more than the tolerance, in whatever way.

    Computed here by itself, in plain comparisons, so that the judge is not asked about itself.
    """
    answers = [(measurement.value, group.truth.value, group.tolerance.value)]
    answers += [
        (measurement.partials[path], group.truth.partials[path], group.tolerance.partials[path])
        for path in group.truth.partials
    ]
    for partial, truth, terms in answers:
        if partial is None or partial.values.shape != truth.nearest.shape:
            return True
        if not np.all(np.abs(partial.values - truth.nearest) <= terms.total):
            return True
    return False


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("liar", LIARS, ids=lambda liar: liar.name.replace(" ", "_"))
def test_lies_are_caught(framework: str, liar: Liar) -> None:
    caught = 0
    for dtype in liar.dtypes:
        for group in groups(dtype):
            told = liar.lie(load(framework).measure, group.task)
            if told.failure is not None or not exceeds(group, told):
                continue
            found = judge(evidence(group, told))
            assert found.verdict.cls is Class.FAIL, f"{group.name} {dtype}: {liar.name} reads {found.verdict.word}"
            assert found.verdict.word in liar.verdicts, f"{group.name} {dtype}: {liar.name} reads {found.verdict.word}"
            assert found.reason
            caught += 1
    assert caught >= 10, f"{liar.name} in {framework} could be told apart on {caught} cells only"


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_honest_pass(framework: str) -> None:
    judged = 0
    for dtype in ("float64", "float32"):
        for group in groups(dtype):
            found = judge(evidence(group, load(framework).measure(group.task)))
            assert found.verdict.cls is not Class.FAIL, f"{group.name} {dtype}: {found.reason}"
            judged += found.verdict.cls is Class.PASS
    assert judged >= 2 * 27 * 0.9
