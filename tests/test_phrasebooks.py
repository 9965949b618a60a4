"""Every phrase runs in every framework, eager and compiled, and means what the graph means."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

import numpy as np
import pytest

from direct import evaluate
from harness.backends import describe
from harness.graph import build as b
from harness.graph.build import Builder
from harness.graph.registry import COMPOSITES, PRIMITIVES
from harness.measurement import Measurement, Task
from measured import NAMES, VARIANTS, adapter, measured
from phrased import OPERATIONS, graph_of

INACCURATE = {"gelu, none": 1e-7, "gelu, tanh": 1e-7}
"""Operations that TensorFlow has no more than float32 digits of, in float64 too: a finding of test_xp_functions.py."""


@cache
def alone(op: str, name: str) -> Measurement:
    return measured(name, *graph_of(op))


@pytest.mark.parametrize("op", OPERATIONS)
@pytest.mark.parametrize("name", NAMES)
def test_a_phrase_gives_the_value_of_the_graph_and_the_gradient_of_the_others(name: str, op: str) -> None:
    graph, inputs = graph_of(op)
    got, other = alone(op, name), alone(op, NAMES[NAMES.index(name) - 1])
    assert got.failure is None, got.failure
    assert got.value is not None
    np.testing.assert_allclose(got.value.values, evaluate(graph, inputs), rtol=INACCURATE.get(op, 1e-12), atol=0)
    assert got.partials.keys() == {f"{op}.x", f"{op}.y"}
    for path, partial in got.partials.items():
        agrees(partial, other.partials[path], INACCURATE.get(op, 1e-11))
    assert any(np.any(present(partial)) for partial in got.partials.values())


def agrees(one: Any, other: Any, tolerance: float = 1e-11) -> None:
    assert present(one).shape == present(other).shape == (2, 3)
    assert np.all(np.isfinite(present(one)))
    np.testing.assert_allclose(present(one), present(other), rtol=tolerance, atol=1e-14)


def present(partial: Any) -> np.ndarray[Any, Any]:
    """Return the entries of a partial; None, which TensorFlow and torch say, reads as the zeros that JAX says."""
    return np.zeros((2, 3)) if partial is None else partial.values


@pytest.mark.parametrize(("name", "variant"), [pair for pair in VARIANTS if pair[1] != describe(pair[0]).variants[0]])
def test_every_phrase_gives_the_same_in_the_other_variants(name: str, variant: str) -> None:
    for operations in chunks(GAPS.get((name, variant), {})):
        got = measured(name, *graph_of(*operations), variant=variant)
        assert got.failure is None, got.failure
        assert got.warnings == ()
        for op in operations:
            for leaf in ("x", "y"):
                agrees(got.partials[f"{op}.{leaf}"], alone(op, name).partials[f"{op}.{leaf}"])


GAPS: dict[tuple[str, str], dict[str, str]] = {
    ("tensorflow", "xla"): dict.fromkeys(("det", "logabsdet", "signdet"), "Detected unsupported operations"),
    ("tensorflow", "vmap"): dict.fromkeys(
        ("conv2d of borders", "conv2d of one border"), "explicit_paddings attribute must contain 8 values, but got: 0"
    ),
    ("torch", "vmap"): {"conj": "Batching rule not implemented for aten::_neg_view"},
}
"""Variants in which a framework has no words for an operation, or loses some of them, and what it says then."""


@pytest.mark.parametrize(("name", "variant"), GAPS)
def test_what_a_variant_lacks_is_told(name: str, variant: str) -> None:
    for op, words in GAPS[name, variant].items():
        failure = measured(name, *graph_of(op), variant=variant).failure
        assert failure is not None, op
        assert words in failure.sentence


def chunks(without: Collection[str] = ()) -> list[list[str]]:
    """Return the operations in parts that compile at once."""
    operations = [op for op in OPERATIONS if op not in without]
    return [operations[start : start + 20] for start in range(0, len(operations), 20)]


@pytest.mark.parametrize("name", NAMES)
def test_every_phrase_keeps_float32(name: str) -> None:
    for operations in chunks():
        graph, inputs = graph_of(*operations)
        single = {path: x.astype(np.float32).astype(float) if x.dtype.kind == "f" else x for path, x in inputs.items()}
        got = measured(name, graph, single, dtype="float32")
        assert got.failure is None, got.failure
        assert got.value is not None
        assert got.value.dtype == "float32"
        assert {path for path, partial in got.partials.items() if partial and partial.dtype != "float32"} == set()


DECISIONS = {"step", "sign_weight", "max_weight", "pick", "max_select", "pivots", "parity", "backward_error"}
"""Written by the composites that end in them."""
LEAVES = {"input", "constant"}


@pytest.mark.parametrize("name", NAMES)
def test_a_phrasebook_has_every_operation_that_users_can_reach(name: str) -> None:
    book = describe(name).book
    primitives = {op for op, row in PRIMITIVES.items() if not row.adjoint_only} - DECISIONS - LEAVES
    assert primitives - book.phrases.keys() == set()
    assert book.phrases.keys() - PRIMITIVES.keys() - COMPOSITES.keys() <= {"full", "matmul_transposed"}


def test_every_row_and_every_composite_is_run() -> None:
    rows = {op for name in NAMES for op in describe(name).book.phrases} | COMPOSITES.keys()
    run = {name.split(",")[0].split(" of ")[0] for name in OPERATIONS} | {"matmul_transposed"}
    assert rows - run == set()


LACKING = {"tensorflow": {"hypot", "layer_norm", "logit", "vecdot"}, "torch": set(), "jax": {"layer_norm"}}
"""What a framework has no call for: it runs the definition."""


def test_the_phrasebooks_stay_apart_by_the_words_of_the_frameworks_alone() -> None:
    rows = {name: describe(name).book.phrases.keys() - {"matmul_transposed"} for name in NAMES}
    every = set().union(*rows.values())
    assert {name: every - said for name, said in rows.items()} == LACKING


@pytest.mark.parametrize(
    ("op", "attrs", "words"),
    [
        ("max", {"axes": (0,), "keepdims": False}, ["tf.reduce_max", "torch.amax", "jnp.max"]),
        ("relu", {}, ["tf.nn.relu", "torch.relu", "jax.nn.relu"]),
        ("abs", {}, ["tf.abs", "torch.abs", "jnp.abs"]),
        ("sign", {}, ["tf.sign", "torch.sign", "jnp.sign"]),
    ],
)
def test_the_calls_whose_kinks_differ_are_these(op: str, attrs: dict[str, Any], words: list[str]) -> None:
    builder = Builder()
    graph = builder.freeze(
        b.total(b.call(op, builder.input("x", (3,), param=True), **attrs), range(1 - len(attrs) // 2))
    )
    for name, word in zip(NAMES, words, strict=True):
        assert (
            f"{word}(x" in adapter(name).script(Task(graph=graph, inputs={}, dtype="float64", variant="eager")).source
        )
