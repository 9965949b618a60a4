"""The probe of half accumulation: what the frameworks do, and that it sees what it looks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness.backends import describe
from harness.domains.precision import Array, round_to
from harness.measurement import Failure, Measurement, Partial, Task, Trouble
from harness.run.accumulation import SUMMAND, probed
from harness.run.lab import Inline, Later
from harness.run.plan import Cell
from harness.spelling import DEFINITION

SUMS = ("outer_sum", "adjoint_of_broadcast", "adjoint_of_gather")
NARROW = {
    ("tensorflow", "float16"): set(SUMS),
    ("tensorflow", "bfloat16"): {"adjoint_of_gather"},
    ("torch", "float16"): {"adjoint_of_gather"},
    ("torch", "bfloat16"): {"adjoint_of_gather"},
    ("jax", "float16"): {"adjoint_of_broadcast", "adjoint_of_gather"},
    ("jax", "bfloat16"): {"adjoint_of_broadcast", "adjoint_of_gather"},
}
"""Framework and dtype → the sums that it takes in the dtype itself, on CPUs."""


def cell(backend: str, dtype: str) -> Cell:
    variant = describe(backend).variants[0]
    return Cell(case="a.b", backend=backend, spelling=DEFINITION, variant=variant, dtype=dtype, point="p")


@pytest.mark.needs("backend")
@pytest.mark.parametrize(("backend", "dtype"), NARROW)
def test_what_a_framework_accumulates_in(backend: str, dtype: str) -> None:
    found = probed(Inline(guest=True), [cell(backend, dtype)])
    assert set(found) == {f"{backend}.{dtype}.{name}" for name in SUMS}
    narrow = {key.split(".")[2] for key, text in found.items() if text.startswith(f"{dtype}, off by ")}
    assert narrow == NARROW[backend, dtype]
    assert all(text == "float32" for key, text in found.items() if key.split(".")[2] not in narrow)


class Lab(Inline):
    """A lab whose backend adds up by a function of a column."""

    def __init__(self, add_up: Callable[[Array], Any]) -> None:
        super().__init__()
        self.add_up = add_up
        self.asked = 0

    def measure(self, backend: str, task: Task) -> Later[Measurement]:
        self.asked += 1
        column = np.asarray(task.inputs["c"], float).reshape(len(task.inputs["c"]), -1)[:, 0]
        total = self.add_up(column)
        if isinstance(total, Failure):
            return Later(lambda: Measurement(failure=total))
        one = Partial(values=np.asarray(float(total)), dtype=task.dtype)
        two = Partial(values=np.array([float(total), 0.0]), dtype=task.dtype)
        return Later(lambda: Measurement(value=one, partials=dict.fromkeys(task.graph.params, two)))


def narrowly(column: Array) -> float:
    total = 0.0
    for x in column:
        total = round_to(np.asarray(total + x), "float16").item()
    return total


@pytest.mark.parametrize(
    ("add_up", "narrow"),
    [
        (lambda column: round_to(column.sum(), "float16"), False),
        (lambda column: round_to(np.cumsum(column, dtype=np.float32)[-1:], "float16")[0], False),
        (lambda column: column.sum() * (1 + 2.0**-10), True),
        (narrowly, True),
        (lambda column: np.nan, True),
        (lambda column: 0.0, True),
    ],
    ids=["rounded", "one by one in float32", "two roundings", "one by one in float16", "nan", "zero"],
)
def test_the_probe_tells_float32_from_less(add_up: Callable[[Array], Any], narrow: bool) -> None:
    found = probed(Lab(add_up), [cell("torch", "float16")])
    assert len(found) == len(SUMS)
    assert {text.startswith("float16") for text in found.values()} == {narrow}


def test_a_sum_that_stalls_is_told_by_how_much() -> None:
    stalled = narrowly(np.full(10_000, round_to(np.asarray(SUMMAND), "float16")))
    assert stalled == 1024
    found = probed(Lab(narrowly), [cell("torch", "float16")])
    assert found["torch.float16.outer_sum"] == "float16, off by 0.66 over 10000 terms"


def test_wider_dtypes_cost_nothing() -> None:
    lab = Lab(np.sum)
    assert probed(lab, [cell("torch", "float64"), cell("jax", "float32")]) == {}
    assert lab.asked == 0
    probed(lab, [cell("torch", "float16"), cell("torch", "float16")])
    assert lab.asked == 4


def test_a_backend_that_cannot_run_says_nothing() -> None:
    missing = Failure(trouble=Trouble.NOT_INSTALLED, sentence="not here")
    assert probed(Lab(lambda column: missing), [cell("torch", "float16")]) == {}
