"""Integers that index outside an array are told before any engine runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness.graph.ranges import index_problem
from harness.xp.trace import Leaf, trace

LEAVES = {
    "m": Leaf(shape=(2, 3), kind="real", param=True),
    "i": Leaf(shape=(3,), kind="int", param=False),
    "k": Leaf(shape=(2, 1), kind="int", param=False),
}
PICKS: dict[str, Callable[..., Any]] = {
    "take": lambda xp, m, i, k: xp.take(m, i, axis=1),
    "take_along_axis": lambda xp, m, i, k: xp.take_along_axis(m, k, axis=1),
    "nn.one_hot": lambda xp, m, i, k: m * xp.nn.one_hot(i[:2], 3),
    "take, moved": lambda xp, m, i, k: xp.take(m, xp.flip(xp.roll(xp.stack([i, i]), 1)), axis=1),
    "take, joined": lambda xp, m, i, k: xp.take(m, xp.concat([i[1:], i[:1]]), axis=1),
    "take_along_axis, shaped": lambda xp, m, i, k: xp.take_along_axis(m, xp.permute_dims(k.T, (1, 0)), axis=1),
}


def said(name: str, i: list[int], k: list[int]) -> str:
    graph = trace(lambda xp, **leaves: xp.sum(PICKS[name](xp, **leaves)), LEAVES, name)
    return index_problem(graph, {"m": np.ones((2, 3)), "i": np.array(i), "k": np.array(k)[:, None]})


@pytest.mark.parametrize("name", PICKS)
def test_an_index_inside_is_no_problem(name: str) -> None:
    assert said(name, [0, 2, 1], [2, 0]) == ""


@pytest.mark.parametrize("outside", [3, -1])
@pytest.mark.parametrize("name", PICKS)
def test_an_index_outside_is_told(name: str, outside: int) -> None:
    problem = said(name, [0, outside, 1], [2, outside])
    assert problem.startswith(f"xp.{name.partition(',')[0]} (line ")
    assert problem.endswith(f"index {outside} lies outside 0 … 2; mend the integer data.")


def test_an_order_of_its_own_is_inside() -> None:
    graph = trace(lambda xp, m, i, k: xp.sum(xp.sort(m) + xp.linalg.det(m[:, :2])), LEAVES, "sort")
    assert index_problem(graph, {"m": np.ones((2, 3)), "i": np.array([9, 9, 9]), "k": np.array([[9], [9]])}) == ""
