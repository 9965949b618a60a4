"""Verdicts where the derivative is a matter of branches: the right answer passes, another one is caught."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.graph.build import Ref
from harness.graph.directions import drawn
from harness.judge import Judgement, messages
from harness.measurement import Measurement, Partial
from harness.run.lab import Inline
from measured import NAMES
from nets import Court, deep, faulty, net, whole
from nets import drawn as point_of
from test_kinks import huber
from test_truth import call, constant, graph_of, where_positive

Function = Callable[[Ref], Ref]


def court(function: Function, x: Any, dtype: str = "float64") -> Court:
    inputs = {"x": np.asarray(x, dtype=float)}
    return Court(graph_of(function, inputs), inputs, dtype)


def said(one: Court, gradient: Any, *, backend: str = "", asking: bool = True) -> Judgement:
    """Return the verdict on an answer with the right value."""
    values = np.asarray(gradient, dtype=float)
    value = Partial(values=np.asarray(one.truth.value.nearest), dtype=one.dtype)
    measurement = Measurement(value=value, partials={"x": Partial(values=values, dtype=one.dtype)})
    return one.verdict(backend, measurement, asking=asking)


def relu(x: Ref) -> Ref:
    return call("relu", x)


def identity(x: Ref) -> Ref:
    return call("relu", x) - call("relu", -x)


def norm(x: Ref) -> Ref:
    return call("vector_norm", x, axes=(0,), keepdims=False)


def std(x: Ref) -> Ref:
    return call("std", x, axes=(0,), keepdims=False, correction=0)


def largest(x: Ref) -> Ref:
    return call("max", x, axes=(0,), keepdims=False)


def root_squared(x: Ref) -> Ref:
    return call("sqrt", x) * call("sqrt", x)


def guarded(x: Ref) -> Ref:
    return where_positive(x, call("sqrt", x), constant(x, 0))


def jump(x: Ref) -> Ref:
    return where_positive(x, constant(x, 1), constant(x, 0)) + x


def sort_first(x: Ref) -> Ref:
    return call("sort", x, axis=0, descending=False)[:1]


# --------------------------------------------------------------------------- ties

TIED: dict[str, tuple[Function, Any, Any, str]] = {
    "relu 0": (relu, [0.0, 1.0], [0, 1], "SUBGRADIENT"),
    "relu 1/2": (relu, [0.0, 1.0], [0.5, 1], "SUBGRADIENT"),
    "relu 1": (relu, [0.0, 1.0], [1, 1], "SUBGRADIENT"),
    "relu between": (relu, [0.0, 1.0], [0.3, 1], "SUBGRADIENT(mixed)"),
    "relu two ways": (relu, [0.0, 0.0], [0, 1], "SUBGRADIENT(mixed)"),
    "relu outside": (relu, [0.0, 1.0], [1.1, 1], "DISAGREE"),
    "relu elsewhere": (relu, [0.0, 1.0], [0, 1.001], "DISAGREE"),
    "abs is no dead leaf": (lambda x: call("abs", x), 0.0, 0, "SUBGRADIENT"),
    "abs -1": (lambda x: call("abs", x), 0.0, -1, "SUBGRADIENT"),
    "abs outside": (lambda x: call("abs", x), 0.0, -1.01, "DISAGREE"),
    "max first": (largest, [1.0, 1.0, 0.0], [1, 0, 0], "SUBGRADIENT"),
    "max last": (largest, [1.0, 1.0, 0.0], [0, 1, 0], "SUBGRADIENT"),
    "max of three, split": (largest, [1.0, 1.0, 1.0], [1 / 3, 1 / 3, 1 / 3], "SUBGRADIENT"),
    "max of three, split wrongly": (largest, [1.0, 1.0, 1.0], [0.34, 0.33, 0.34], "SUBGRADIENT(mixed)"),
    "max of three, all of it to each": (largest, [1.0, 1.0, 1.0], [1, 1, 1], "SUBGRADIENT(mixed)"),
    "max of the smaller": (largest, [1.0, 1.0, 0.0], [0.5, 0.5, 0.1], "DISAGREE"),
    "sort": (sort_first, [1.0, 1.0, 2.0], [0, 1, 0], "SUBGRADIENT"),
    "sort outside": (sort_first, [1.0, 1.0, 2.0], [0, 1, 1], "DISAGREE"),
    "huber at its threshold": (huber, [0.5, 1.0], [0.5, 1], "AGREE"),
    "huber off at its threshold": (huber, [0.5, 1.0], [0.5, 1.1], "DISAGREE"),
    "dead by every convention": (
        lambda x: call("abs", x) * 0 + call("relu", x + 1) * 3,
        [-1.0, 1.0],
        [0, 0],
        "DEAD-LEAF",
    ),
    "artefact": (identity, 0.0, 0, "KINK-ARTEFACT"),
    "the derivative itself": (identity, 0.0, 1, "AGREE"),
    "outside of all": (identity, 0.0, 2.5, "DISAGREE"),
    "infinite on one side": (guarded, 0.0, 0, "UNDEFINED"),
    "not the selected branch": (guarded, -1.0, 0, "EXACT"),
    "not the selected branch, nan": (guarded, -1.0, np.nan, "NONFINITE"),
    "a jump": (jump, 0.0, 1, "UNDEFINED"),
    "norm at 0": (norm, [0.0, 0.0], [0, 0], "SUBGRADIENT"),
    "norm at 0, nan": (norm, [0.0, 0.0], [np.nan, np.nan], "NONFINITE"),
    "norm at 0, too steep": (norm, [0.0, 0.0], [1.5, 0], "DISAGREE"),
    "norm at 0, an end": (norm, [0.0, 0.0], [-1, 0], "SUBGRADIENT"),
    "norm at 0, nobody's convention": (norm, [0.0, 0.0], [0.37, 0], "SUBGRADIENT(mixed)"),
    "norm at 0, each entry by itself": (norm, [0.0, 0.0], [1, 1], "SUBGRADIENT(mixed)"),
    "norm at 0, each entry the other way": (norm, [0.0, 0.0], [1, -1], "SUBGRADIENT(mixed)"),
    "std of equal values": (std, [1.0, 1.0], [0, 0], "SUBGRADIENT"),
    "std of equal values, nan": (std, [1.0, 1.0], [np.nan, 0], "NONFINITE"),
    "std of equal values, too steep": (std, [1.0, 1.0], [-0.6, 0.6], "DISAGREE"),
    "one side, right": (root_squared, 0.0, 1, "EXACT"),
    "one side, nothing": (root_squared, 0.0, 0, "DEAD-LEAF"),
    "one side, nan": (root_squared, 0.0, np.nan, "NONFINITE"),
    "one side, wrong": (root_squared, 0.0, 1.001, "DISAGREE"),
    "one side, a power": (lambda x: call("pow", x, exponent=1.5), 0.0, 0, "EXACT"),
    "a root at 0": (lambda x: call("sqrt", x), 0.0, np.inf, "UNDEFINED"),
    "a pole": (lambda x: 1 / x, 0.0, 0, "UNDEFINED"),
    "x log x at 0": (lambda x: call("xlogy", x, x), 0.0, 0, "UNDEFINED"),
}


@pytest.mark.parametrize("name", TIED)
def test_an_answer_at_a_kink_has_its_verdict(name: str) -> None:
    function, x, gradient, word = TIED[name]
    found = said(court(function, x), gradient)
    assert found.verdict.word == word, found.reason


@pytest.mark.parametrize("name", ["relu 0", "norm at 0", "one side, right", "a jump"])
def test_where_nothing_can_be_asked_a_kink_is_undefined(name: str) -> None:
    function, x, gradient, _ = TIED[name]
    assert said(court(function, x), gradient, asking=False).verdict.word == "UNDEFINED"


def test_the_sentence_names_the_convention_and_whose_it_is() -> None:
    one = court(lambda x: call("abs", x), 0.0)
    assert "abs′(0) = 0, torch's own convention" in said(one, 0, backend="torch").reason
    assert "abs′(0) = 1, one of the conventions" in said(one, 1, backend="torch").reason
    assert "abs′(0) = 1, jax's own convention" in said(one, 1, backend="jax").reason


def test_an_undecidable_sign_is_presumed_a_tie() -> None:
    found = said(court(lambda x: call("relu", call("sqrt", x) * call("sqrt", x) - 2), 2.0), 0)
    assert found.verdict.word == "SUBGRADIENT"
    assert found.reason.startswith("A presumed tie")


def test_sentences_say_what_is_true() -> None:
    assert "but the derivative is 1.0" in said(court(identity, 0.0), 0).reason
    assert "one-sided derivatives are -1.0 and 1.0" in said(court(norm, [0.0, 0.0]), [np.nan, 0]).reason
    assert "jumps in x" in said(court(jump, 0.0), 1).reason
    assert "in x is not finite" in said(court(guarded, 0.0), 0).reason


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "function", [relu, lambda x: call("abs", x), largest, sort_first], ids="relu abs max sort".split()
)
def test_a_framework_is_known_by_its_own_convention(name: str, function: Function) -> None:
    found = court(function, [0.0, 0.0]).verdict(name)
    assert found.verdict.word == "SUBGRADIENT"
    assert f"{name}'s own convention" in found.reason


# --------------------------------------------------------------------------- decisions within rounding


def test_another_branch_within_rounding_is_told_with_its_node() -> None:
    one = court(lambda x: call("relu", (x + 1) - 1) * 3, 1e-17)
    assert said(one, 3).verdict.word == "EXACT"
    found = said(one, 0)
    assert found.verdict.word == "BRANCH-ROUNDING"
    assert "at relu" in found.reason
    assert said(one, 1).verdict.word == "DISAGREE"
    assert said(one, 0, asking=False).verdict.word != "BRANCH-ROUNDING"


NEAR: dict[str, tuple[Function, Any, Any, Any]] = {
    "abs": (lambda x: call("abs", (x + 1) - 1), [-1e-17, 2.0], [1, 1], [0.9, 1]),
    "max": (lambda x: largest(x / 3), [2.0, 2.0 + 2.0**-51, 1.0], [1 / 3, 0, 0], [0.25, 0, 0]),
    "sort": (lambda x: sort_first(x / 3), [2.0, 2.0 + 2.0**-51, 3.0], [0, 1 / 3, 0], [0, 0.25, 0]),
    "where": (lambda x: where_positive((x + 1) - 1, x, x * 2), [1e-17, 1.0], [2, 1], [3, 1]),
}


@pytest.mark.parametrize("name", NEAR)
def test_every_kind_of_decision_can_be_flipped(name: str) -> None:
    function, x, other, wrong = NEAR[name]
    one = court(function, x)
    assert said(one, other).verdict.word == "BRANCH-ROUNDING"
    assert said(one, wrong).verdict.word == "DISAGREE"


@pytest.mark.parametrize("seed", [12, 44])
def test_a_flip_explains_deep_nets_in_bfloat16_and_no_fault(seed: int) -> None:
    one = Court(deep(), point_of(seed, "bfloat16"), "bfloat16")
    answer = one.measured("torch")
    found = one.verdict("torch", answer)
    assert found.verdict.word == "BRANCH-ROUNDING", found.reason
    partial = answer.partials["w4"]
    assert partial is not None
    negated = replace(answer, partials={**answer.partials, "w4": replace(partial, values=-partial.values)})
    assert one.verdict("torch", negated).verdict.word == "DISAGREE"


# --------------------------------------------------------------------------- networks of whole numbers


def test_frameworks_match_a_convention_on_nets_of_whole_numbers_and_faults_do_not_pass() -> None:
    lab, right, caught, tied = Inline(), Counter[str](), Counter[str](), 0
    for seed in range(40):
        one = Court(net(), whole(seed), lab=lab)
        tied += bool(one.truth.ties)
        right.update(one.verdict(name).verdict.word for name in NAMES)
        found = one.verdict("torch", faulty(one.measured("torch"), seed))
        caught[f"{found.verdict.cls}"] += 1
    assert tied >= 20
    assert set(right) <= {"EXACT", "AGREE", "SUBGRADIENT", "KINK-ARTEFACT"}
    assert caught["pass"] == 0
    assert caught["fail"] >= 30


def test_what_is_wrong_at_a_tie_is_told_with_the_one_sided_derivatives() -> None:
    found = said(court(relu, [0.0, 1.0]), [1.1, 1])
    assert found.verdict.word == "DISAGREE"
    assert found.reason.startswith(
        "1 of 2 entries is wrong; worst x[0]: got 1.1, one-sided derivatives 0.0 and 1.0, error 0.1"
    )
    (leaf,) = found.leaves
    assert leaf.sided((0,)) == (0.0, 1.0)
    assert leaf.sided((1,)) is None
    assert np.isclose(leaf.error[0], 0.1)


def test_what_is_wrong_beside_a_tie_is_told_with_the_truth() -> None:
    found = said(court(relu, [0.0, 1.0]), [0.5, 1.5])
    assert "worst x[1]: got 1.5, truth 1.0, error 0.5" in found.reason


def test_an_artefact_is_told_with_the_derivative() -> None:
    found = said(court(identity, 0.0), 0)
    (leaf,) = found.leaves
    assert (leaf.truth, leaf.error, leaf.sided(())) == (1.0, 1.0, None)


@pytest.mark.parametrize(
    ("ops", "told"), [({"where", "log"}, messages.BRANCH), ((), messages.BRANCH), ({"exp", "divide"}, messages.SLOPE)]
)
def test_a_nan_is_laid_to_a_where_only_in_a_function_that_may_have_one(ops: Collection[str], told: str) -> None:
    (leaf,) = said(court(relu, [2.0, 1.0]), [np.nan, 1]).leaves
    sentence = messages.nonfinite(leaf, "", ops)
    assert sentence.endswith(told)
    assert messages.BRANCH not in messages.nonfinite(leaf, "the square", ops)


# --------------------------------------------------------------------------- operators at ties


def squared_relu(x: Ref) -> Ref:
    return call("relu", x) * x


def either_square(x: Ref) -> Ref:
    return where_positive(x, x * x, -(x * x))


@pytest.mark.parametrize(
    ("function", "operator", "steady"),
    [
        (relu, "hvp", True),
        (relu, "jvp", False),
        (relu, "adjoint", False),
        (squared_relu, "jvp", True),
        (squared_relu, "adjoint", True),
        (squared_relu, "hvp", False),
        (either_square, "vjp", True),
        (either_square, "adjoint", True),
        (either_square, "hvp", False),
        (sort_first, "jvp", False),
    ],
)
def test_an_operator_is_judged_at_a_tie_where_every_choice_gives_the_same(
    function: Function, operator: str, steady: bool
) -> None:
    inputs = {"x": np.array([0.0, 0.0, 2.0])}
    graph = graph_of(function, inputs)
    point = inputs | drawn(graph, operator, seed=0)
    court = Court(graph, point, operator=operator)
    assert court.truth.ties
    right = {path: Partial(values=exact.nearest, dtype="float64") for path, exact in court.truth.partials.items()}
    value = Partial(values=np.asarray(court.truth.value.nearest), dtype="float64")
    found = court.verdict("", Measurement(value=value, partials=dict(right)))
    assert found.verdict.cls == ("pass" if steady else "inconclusive"), found.reason
    wrong = {path: replace(partial, values=partial.values + 0.25) for path, partial in right.items()}
    found = court.verdict("", Measurement(value=value, partials=dict(wrong)))
    assert found.verdict.cls == ("fail" if steady else "inconclusive"), found.reason
