"""Which cells a run has, and what a selection may say."""

from __future__ import annotations

from typing import Any

import pytest

from harness import case, param
from harness.backends import BACKENDS
from harness.run.plan import Selection, SelectionError, below, keyword_matcher, left_out, plan


@case(w=param(), points=[dict(w=3.0), dict(w=2.0)])
def one(xp: Any, w: Any) -> Any:
    return w**2


@case(w=param(), points=[dict(w=3.0)])
def two(xp: Any, w: Any) -> Any:
    return w**3


def test_a_plan_is_the_product_in_a_fixed_order() -> None:
    cells = plan([one, two], Selection())
    assert len(cells) == len(BACKENDS) * 2 * 3
    assert len({cell.id for cell in cells}) == len(cells)
    assert cells[0].id == "test_plan.one/tensorflow/xp/eager/grad/float64/p0"
    assert [cell.id for cell in plan([one, two], Selection())] == [cell.id for cell in cells]


def test_the_default_variant_is_the_adapters_first() -> None:
    variants = {cell.backend: cell.variant for cell in plan([one], Selection())}
    assert variants["jax"] == "jit"
    assert variants["torch"] == "eager"


def test_selections_narrow() -> None:
    assert {cell.backend for cell in plan([one], Selection(backends=("torch",)))} == {"torch"}
    assert {cell.point for cell in plan([one], Selection(points=("p1",)))} == {"p1"}
    assert {cell.variant for cell in plan([one], Selection(variants=("function",)))} == {"function"}
    prefix = "test_plan.one/torch/xp"
    assert all(cell.id.startswith(prefix) for cell in plan([one, two], Selection(prefix=prefix)))


@case(w=param(), points=[dict(w=3.0)])
def three(xp: Any, w: Any) -> Any:
    return w**3


@three.backward
def by_hand(w: float) -> float:
    return 3 * w**2


def test_gradients_by_hand_that_a_selection_leaves_out_are_told() -> None:
    hand = "test_plan.three/numpy/by_hand"
    assert left_out([one, three], Selection(backends=("torch",))) == (hand,)
    assert left_out([one, three], Selection()) == ()
    assert left_out([one, three], Selection(backends=("torch", "numpy"))) == ()
    assert left_out([one], Selection(backends=("torch",))) == ()
    assert left_out([one, three], Selection(dtypes=("float32",))) == (hand,), "they are judged in float64 alone"
    assert left_out([one, three], Selection(operators=("hvp",))) == (), "it has no second derivative to leave out"
    assert left_out([one, three], Selection(backends=("torch",), keyword="one")) == ()


def test_shards_are_a_partition() -> None:
    whole = {cell.id for cell in plan([one, two], Selection())}
    parts = [{cell.id for cell in plan([one, two], Selection(shard=(k, 2)))} for k in (1, 2)]
    assert parts[0] | parts[1] == whole
    assert not parts[0] & parts[1]
    assert all(parts)


@pytest.mark.parametrize(
    ("expression", "matches"),
    [
        ("one", True),
        ("two", False),
        ("one and torch", True),
        ("one and not torch", False),
        ("two or float64", True),
        ("test_plan.one", True),
        ("one/torch", True),
        ("'torch/xp'", True),
        ("", True),
    ],
)
def test_keywords(expression: str, matches: bool) -> None:
    assert keyword_matcher(expression)("test_plan.one/torch/xp/eager/grad/float64/p0") is matches


def test_a_keyword_that_cannot_be_read() -> None:
    with pytest.raises(SelectionError, match="write words joined by and, or, not"):
        keyword_matcher("one and")


@pytest.mark.parametrize(
    ("identity", "prefix", "holds"),
    [
        ("losses.huber/torch/xp", "losses.huber", True),
        ("losses.huber/torch/xp", "losses", True),
        ("losses.huber/torch/xp", "losses.hub", False),
        ("losses.huber/torch/xp", "losses.huber/torch/", True),
        ("losses.huber/torch/xp", "", True),
        ("losses.huber", "losses.huber/torch", False),
    ],
)
def test_prefixes_are_whole_parts(identity: str, prefix: str, holds: bool) -> None:
    assert below(identity, prefix) is holds
