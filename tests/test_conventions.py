"""What frameworks answer at ties, as a run measures it."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from harness.backends.conventions import PROBES, choices, conventions
from harness.domains import ties
from harness.run.lab import Inline
from measured import NAMES, adapter

NAN = math.nan
LISTED: dict[str, tuple[float, float, float]] = {
    "maximum(x, 0) at 0": (1, 0.5, 0.5),
    "abs(0)": (0, 0, 1),
    "clip(x, 0, 1) at 0": (1, 1, 0.5),
    "clip(x, 0, 1) at 1": (1, 1, 0.5),
    "leaky_relu(0; 0.2)": (0.2, 0.2, 1),
    "selu(0)": (1.0507, 1.7581, 1.7581),
    "norm(0)": (NAN, 0, NAN),
    "xlogy(x, x) at 0": (0, NAN, NAN),
    "std of equal values": (NAN, 0, NAN),
    "where(x>0, sqrt(x), 0) at 0": (0, NAN, NAN),
    "max over an axis, tie": (0.5, 0.5, 0.5),
}
"""TensorFlow, PyTorch, JAX. PyTorch's phrase of a maximum over an axis is amax, which splits a tie."""


@pytest.fixture(scope="module")
def answers() -> dict[str, dict[str, tuple[float, ...]]]:
    return {name: conventions(adapter(name)) for name in NAMES}


@pytest.mark.parametrize("probe", LISTED)
def test_the_conventions_are_those_that_are_known(probe: str, answers: dict[str, dict[str, tuple[float, ...]]]) -> None:
    found = [answers[name][probe][0] for name in NAMES]
    assert np.allclose(found, LISTED[probe], rtol=1e-4, atol=0, equal_nan=True), found


def test_another_call_of_torch_picks_one_of_a_tie(answers: dict[str, dict[str, tuple[float, ...]]]) -> None:
    assert answers["torch"]["torch.max(dim=) of a tie"] == (1, 0)


@pytest.mark.parametrize("name", NAMES)
def test_every_probe_has_words_and_the_second_time_is_quick(name: str) -> None:
    start = time.perf_counter()
    assert {probe.name for probe in PROBES} <= set(conventions(adapter(name)))
    assert time.perf_counter() - start < 2.0


def test_answers_are_choices(answers: dict[str, dict[str, tuple[float, ...]]]) -> None:
    known = {name: dict(choices(answers[name])) for name in NAMES}
    assert [known[name]["abs"] for name in NAMES] == ["0", "0", "1"]
    assert [known[name]["maximum"] for name in NAMES] == [ties.FIRST, ties.SPLIT, ties.SPLIT]
    assert [known[name]["max"] for name in NAMES] == [ties.SPLIT] * 3
    assert [known[name]["leaky_relu"] for name in NAMES] == [ties.WRITTEN, ties.WRITTEN, ties.OTHER]
    assert [known[name]["sort descending"] for name in NAMES] == [ties.KEPT, ties.KEPT, ties.REVERSED]


def test_an_answer_that_is_no_choice_is_left_out() -> None:
    assert choices({"relu(0)": ("nan",), "abs(0)": (0.25,), "maximum of a tie": (0.3, 0.7)}) == ()


def test_what_is_no_framework_is_not_probed() -> None:
    about = Inline().about("finite_difference").result()
    assert about.failure is None
    assert about.conventions == {}
