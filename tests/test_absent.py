"""Absent adjoints: an entry that no selected branch needs is missing, not 0, and is never multiplied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness.domains.ball import Ball
from harness.domains.bound import Bound
from harness.domains.evaluate import evaluate
from harness.graph import build as b
from harness.graph.build import Builder, Ref
from test_domains import DOMAINS, FLOAT64, Array, numbers, run_in


def gated(*shapes: tuple[int, ...]) -> tuple[Builder, list[Ref]]:
    """Return a builder with a gated adjoint of each shape: `g0` is absent where `s0` is not positive."""
    builder = Builder()
    refs = []
    for k, shape in enumerate(shapes):
        g, s = builder.input(f"g{k}", shape), builder.input(f"s{k}", shape)
        refs.append(b.gate(g, b.call("step", s)))
    return builder, refs


SIGNS = np.array([[1.0, -1.0, 1.0], [-1.0, -1.0, 1.0]])
OTHER_SIGNS = np.array([[1.0, -1.0, 1.0], [1.0, -1.0, -1.0]])
G = np.array([[1.0, np.nan, 3.0], [np.inf, 5.0, 6.0]])
RULES: dict[str, tuple[Callable[..., Ref], Any]] = {
    "add": (lambda g, h: g + h, [[False, True, False], [False, True, False]]),
    "subtract": (lambda g, h: g - h, [[False, True, False], [False, True, False]]),
    "multiply": (lambda g, h: g * h, [[False, True, False], [True, True, True]]),
    "divide": (lambda g, h: g / (2 + 0 * h.builder.at(h.node.args[0])), SIGNS <= 0),
    "negative": (lambda g, h: -g, SIGNS <= 0),
    "sum": (lambda g, h: b.total(g, (0,)), [False, True, False]),
    "index": (lambda g, h: g[0], [False, True, False]),
    "concat": (lambda g, h: b.concat([g, h], 0), np.concatenate([SIGNS, OTHER_SIGNS]) <= 0),
    "index_adjoint": (
        lambda g, h: b.call("index_adjoint", g, index=((0, 2, None),), shape=(3, 3)),
        np.concatenate([SIGNS <= 0, np.ones((1, 3), bool)]),
    ),
}


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("rule", RULES)
def test_absent_entries_combine(rule: str, domain: str) -> None:
    builder, (g, h) = gated((2, 3), (2, 3))
    function, expected = RULES[rule]
    graph = builder.freeze(function(g, h))
    inputs = {"g0": G, "s0": SIGNS, "g1": np.full((2, 3), 2.0), "s1": OTHER_SIGNS}
    run = run_in(DOMAINS[domain](), graph, inputs)
    mask = run.absent[graph.outputs[0]]
    assert mask is not None
    assert mask.tolist() == np.asarray(expected).tolist()
    assert (numbers(run, graph.outputs[0])[mask] == 0).all()
    assert not np.isnan(numbers(run, graph.outputs[0])).any()


def test_a_present_term_is_passed_on_with_no_rounding() -> None:
    builder, (g, h) = gated((2, 3), (2, 3))
    graph = builder.freeze(g + h)
    inputs = {"g0": np.full((2, 3), 0.1), "s0": SIGNS, "g1": np.full((2, 3), 0.2), "s1": OTHER_SIGNS}
    run = run_in(Bound(FLOAT64), graph, inputs)
    value, error = run.domain.parts(run.values[graph.outputs[0]])
    alone = (SIGNS > 0) ^ (OTHER_SIGNS > 0)
    assert (error[alone] == 0).all()
    assert set(value[alone]) == {0.1, 0.2}
    assert (error[(SIGNS > 0) & (OTHER_SIGNS > 0)] > 0).all()


def product(a: Array, has_a: Array, c: Array, has_c: Array) -> tuple[Array, Array]:
    """Return the matrix product over present pairs, entry by entry, and where there is none."""
    out, gone = np.zeros((a.shape[0], c.shape[1])), np.ones((a.shape[0], c.shape[1]), bool)
    for i, k, j in np.ndindex(a.shape[0], a.shape[1], c.shape[1]):
        if has_a[i, k] and has_c[k, j]:
            out[i, j] += a[i, k] * c[k, j]
            gone[i, j] = False
    return out, gone


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("seed", range(6))
def test_a_product_skips_absent_pairs_beside_nan_and_inf(seed: int, domain: str) -> None:
    rng = np.random.default_rng(seed)
    builder, (g, h) = gated((3, 4), (4, 5))
    graph = builder.freeze(b.matmul(g, h))
    inputs = {
        f"{leaf}{k}": rng.choice([-1.0, 1.0, 2.0], shape) for k, shape in ((0, (3, 4)), (1, (4, 5))) for leaf in "gs"
    }
    inputs["g0"][0, 1], inputs["g1"][2, 3], inputs["g1"][1, 0] = np.nan, np.inf, np.nan
    run = run_in(DOMAINS[domain](), graph, inputs)
    with np.errstate(invalid="ignore"):
        expected, gone = product(inputs["g0"], inputs["s0"] > 0, inputs["g1"], inputs["s1"] > 0)
    found, mask = numbers(run, graph.outputs[0]), run.absent[graph.outputs[0]]
    assert (mask if mask is not None else np.zeros_like(gone)).tolist() == gone.tolist()
    finite = np.isfinite(expected)
    assert (np.isfinite(found) == finite).all()
    assert (found[finite] == expected[finite]).all()


def test_a_pick_weighs_without_an_absent_entry_and_keeps_nan() -> None:
    builder = Builder()
    x, s = builder.input("x", (4,)), builder.input("s", (4,))
    graph = builder.freeze(b.call("pick", x, b.call("sign_weight", s)))
    run = run_in(Ball(50), graph, {"x": np.array([3.0, 3.0, 3.0, np.nan]), "s": np.array([-1.0, 0.0, 2.0, 0.0])})
    assert run.absent[graph.outputs[0]] is None
    assert numbers(run, graph.outputs[0])[:3].tolist() == [-3, 0, 3]
    assert np.isnan(numbers(run, graph.outputs[0])[3])


def test_a_weight_of_one_half_halves() -> None:
    builder = Builder()
    g, s = builder.input("g", (3,)), builder.input("s", (3,))
    graph = builder.freeze(b.gate(g, b.call("step", s)))
    for make in DOMAINS.values():
        run = evaluate(
            graph,
            graph.outputs,
            make(),
            {"g": np.full(3, 3.0), "s": np.zeros(3)},
            precision=FLOAT64,
            decisions={graph.nodes[graph.outputs[0]].args[1]: np.array([0.5, -1.0, 0.0])},
        )
        assert numbers(run, graph.outputs[0]).tolist() == [1.5, -3, 0]
        assert run.absent[graph.outputs[0]].tolist() == [False, False, True]
