"""Second looks: at rules of one framework, at more samples, at sums in a half dtype; and what they do not excuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

import harness
from harness.backends import describe
from harness.domains.precision import PRECISIONS, round_to
from harness.graph import build as b
from harness.graph.build import Ref
from harness.graph.derive import Derivative, gradient, lower
from harness.graph.directions import drawn
from harness.graph.operators import OPERATORS
from harness.graph.own_rules import EXP_OF_DIFFERENCE, gradient_by
from harness.judge import Evidence, Judgement, Verdict, judge
from harness.judge.doubt import BAND
from harness.measurement import Array, Leaves, Measurement, Partial, Task
from harness.run.records import CellLine
from harness.truth import Tolerance, Truth, establish, tolerance
from harness.truth.assuming import Allowed, ByRules, HalfSums, Resampled
from harness.truth.tolerance import worst_case
from measured import adapter
from test_tolerance import deep
from test_truth import call, graph_of

ENGINES = ("tensorflow", "torch", "jax")


def said(function: Callable[..., Any], backend: str, dtype: str, **inputs: Any) -> CellLine:
    """Return the line of a whole run of one function on one backend."""
    (cell,) = harness.check(function, backends=(backend,), dtypes=(dtype,), **inputs).cells
    return cell


# --------------------------------------------------------------------------- more samples


@dataclass(slots=True, kw_only=True)
class Answers:
    """A recourse that answers here, and remembers what it was asked."""

    derivative: Derivative
    inputs: Leaves
    dtype: str
    truth: Truth
    asked: list[object] = field(default_factory=list)

    def __call__(self, question: Any) -> Any:
        self.asked.append(question)
        return question.answer(self.derivative, self.inputs, self.dtype, self.truth)


Scene = tuple[Derivative, Leaves, Truth, Tolerance]


@pytest.fixture(scope="module")
def scene() -> Scene:
    """Return a deep net in float32, whose worst case is vacuous."""
    derivative, inputs = deep(12, "float32")
    truth = establish(derivative, inputs, "float32")
    return derivative, inputs, truth, tolerance(derivative, inputs, "float32", truth)


def off_by(scene: Scene, error: Callable[[Array, Array], float], **more: Any) -> tuple[Judgement, list[object]]:
    """Return the judgement and the questions where one entry of w0 is off by a function of tolerance and worst case."""
    derivative, inputs, truth, allowed = scene
    at, values = (3, 5), {path: round_to(exact.nearest, "float32") for path, exact in truth.partials.items()}
    worst = worst_case(truth, PRECISIONS["float32"]).partials["w0"].total[at]
    values["w0"][at] = truth.partials["w0"].nearest[at] + error(allowed.partials["w0"].total[at], worst)
    measurement = Measurement(
        value=Partial(values=round_to(truth.value.nearest, "float32"), dtype="float32"),
        partials={path: Partial(values=array, dtype="float32") for path, array in values.items()},
    )
    answers = Answers(derivative=derivative, inputs=inputs, dtype="float32", truth=truth)
    evidence = Evidence(measurement=measurement, truth=truth, tolerance=allowed, dtype="float32", recourse=answers)
    return judge(replace(evidence, **more)), answers.asked


def test_an_entry_just_outside_is_suspect_after_more_samples(scene: Scene) -> None:
    judgement, asked = off_by(scene, lambda tol, worst: 2.5 * tol)
    assert judgement.verdict is Verdict.SUSPECT
    assert "after 256 samples" in judgement.reason
    assert asked == [Resampled()]


def test_far_outside_it_disagrees_by_the_statistics(scene: Scene) -> None:
    judgement, _ = off_by(scene, lambda tol, worst: 3 * BAND * tol)
    assert judgement.verdict is Verdict.DISAGREE
    assert judgement.reason.endswith("The worst-case bound would allow it, the statistics of rounding do not.")


def test_beyond_the_worst_case_nothing_more_is_asked(scene: Scene) -> None:
    judgement, asked = off_by(scene, lambda tol, worst: 2 * worst)
    assert judgement.verdict is Verdict.DISAGREE
    assert judgement.reason.endswith("The worst-case bound proves it: no rounding errs by so much.")
    assert asked == []


def test_what_more_samples_allow_agrees_and_says_so(scene: Scene) -> None:
    _, _, _, allowed = scene
    narrow = replace(
        allowed,
        partials={
            path: replace(terms, parts={name: part / 3 for name, part in terms.parts.items()})
            for path, terms in allowed.partials.items()
        },
    )
    judgement, asked = off_by(scene, lambda tol, worst: tol / 2, tolerance=narrow)
    assert judgement.verdict is Verdict.AGREE
    assert judgement.reason.endswith("inside it after 256 samples.")
    assert asked == [Resampled()]
    assert (judgement.leaves[0].tolerance > 2 * narrow.partials["w0"].total).any()


def test_without_more_samples_nothing_is_suspect(scene: Scene) -> None:
    judgement, _ = off_by(scene, lambda tol, worst: 2.5 * tol, recourse=None)
    assert judgement.verdict is Verdict.DISAGREE


def test_nan_is_never_suspect(scene: Scene) -> None:
    judgement, asked = off_by(scene, lambda tol, worst: np.nan)
    assert (judgement.verdict, asked) == (Verdict.NONFINITE, [])


def test_more_samples_are_others_and_give_nearly_the_same(scene: Scene) -> None:
    derivative, inputs, truth, allowed = scene
    more = Resampled().answer(derivative, inputs, "float32", truth)
    ratio = more.tolerance.partials["w0"].total / allowed.partials["w0"].total
    assert (ratio != 1).all()
    assert 0.8 < np.median(ratio) < 1.25


@pytest.mark.needs("tensorflow")
def test_the_known_hole_is_suspect() -> None:
    """One large term, then many just below half its last place, added one by one: each of them is lost."""
    column = np.full((30_001, 2), 0.999 * 2.0**-24)
    column[0] = 1
    function = lambda xp, b, c: xp.sum(c * b)  # noqa: E731 - a definition that is traced
    cell = said(function, "tensorflow", "float32", b=np.array([0.5, 0.5]), c=harness.data(column))
    assert cell.verdict == "SUSPECT", cell.reason


# --------------------------------------------------------------------------- rules of one framework

LARGE = np.array([1000, 1001.5, 999, 998.25, 1000.5])
OWN = {
    "torch": (lambda xp, x: xp.nn.logsumexp(x, axis=0), LARGE, "logsumexp by exp(x - y)"),
    "jax": (lambda xp, x: xp.sum(xp.nn.softplus(x)), np.array([30.0, 18.3]), "softplus by exp(x - y)"),
    "jax, two": (lambda xp, x: xp.logaddexp(x[0], x[1]), LARGE[:2], "logaddexp by exp(x - y)"),
}


@pytest.mark.needs("tensorflow", "torch", "jax")
@pytest.mark.parametrize("name", OWN)
def test_a_rule_of_one_framework_is_named_where_it_was_needed(name: str) -> None:
    function, x, told = OWN[name]
    backend = name.partition(",")[0]
    cell = said(function, backend, "float64", x=x)
    assert (cell.verdict, cell.diagnosis) == ("AGREE", told)
    assert f"Held to {backend}'s own reverse rule, {told}" in cell.reason


@pytest.mark.needs("tensorflow", "torch", "jax")
@pytest.mark.parametrize("name", OWN)
def test_it_is_no_rule_of_the_others(name: str) -> None:
    function, x, _ = OWN[name]
    for backend in set(ENGINES) - {name.partition(",")[0]}:
        cell = said(function, backend, "float64", x=np.minimum(x, 19) if "softplus" in OWN[name][2] else x)
        assert (cell.cls, cell.diagnosis) == ("pass", ""), cell.reason


@pytest.mark.needs("torch")
def test_it_is_not_named_where_it_was_not_needed() -> None:
    cell = said(lambda xp, x: xp.nn.logsumexp(x, axis=0), "torch", "float64", x=LARGE - 1000)
    assert (cell.cls, cell.diagnosis) == ("pass", "")


@pytest.mark.needs("tensorflow", "torch", "jax")
def test_another_framework_is_not_excused_by_it() -> None:
    """The numbers of torch near 1000 disagree where another framework gives them."""
    derivative, inputs, truth = logsumexp()
    got = harness.check(OWN["torch"][0], backends=("torch",), x=LARGE).cells[0].gradient["x"].values
    for backend, verdict in (("torch", Verdict.AGREE), ("tensorflow", Verdict.DISAGREE), ("", Verdict.DISAGREE)):
        assert held(derivative, inputs, truth, np.asarray(got, float), backend).verdict is verdict


def test_the_rule_does_not_excuse_a_fault() -> None:
    derivative, inputs, truth = logsumexp()
    judgement = held(derivative, inputs, truth, truth.partials["x"].nearest * (1 + 1e-9), "torch")
    assert judgement.verdict is Verdict.DISAGREE


def logsumexp() -> tuple[Derivative, Leaves, Truth]:
    inputs: Leaves = {"x": LARGE}
    derivative = gradient(graph_of(lambda x: call("logsumexp", x, axes=(0,), keepdims=False), inputs))
    return derivative, inputs, establish(derivative, inputs, "float64")


def held(derivative: Derivative, inputs: Leaves, truth: Truth, got: Array, backend: str) -> Judgement:
    """Return the judgement of a gradient of logsumexp as a backend's."""
    measurement = Measurement(
        value=Partial(values=truth.value.nearest, dtype="float64"), partials={"x": Partial(values=got, dtype="float64")}
    )
    answers = Answers(derivative=derivative, inputs=inputs, dtype="float64", truth=truth)
    allowed = tolerance(derivative, inputs, "float64", truth)
    return judge(
        Evidence(
            measurement=measurement, truth=truth, tolerance=allowed, dtype="float64", backend=backend, recourse=answers
        )
    )


def test_a_rule_derives_the_same_gradient_and_loosens() -> None:
    derivative, inputs, truth = logsumexp()
    assert derivative.function is not None
    own = gradient_by(derivative.function, {"logsumexp": EXP_OF_DIFFERENCE})
    exact = establish(own, inputs, "float64")
    assert (exact.partials["x"].nearest == truth.partials["x"].nearest).all()
    low = lower(derivative.function)
    assert own.graph.nodes[: len(low.nodes)] == derivative.graph.nodes[: len(low.nodes)] == low.nodes
    found = ByRules(rules=(("logsumexp", EXP_OF_DIFFERENCE), ("softplus", EXP_OF_DIFFERENCE)))
    allowed = found.answer(derivative, inputs, "float64", truth)
    assert isinstance(allowed, Allowed)
    assert allowed.rules == (("logsumexp", EXP_OF_DIFFERENCE),)
    usual = tolerance(derivative, inputs, "float64", truth).partials["x"].total
    assert (allowed.tolerance.partials["x"].total > 15 * usual).all()


SOFT: dict[str, tuple[Callable[[Ref], Ref], Array]] = {
    "torch": (lambda x: call("logsumexp", x, axes=(0,), keepdims=False), LARGE),
    "jax": (lambda x: call("softplus", x), np.array([30.0, 18.3])),
}


def of_operator(backend: str, operator: str, *, by: float = 0.0) -> Judgement:
    """Return the judgement of a backend's results of an operator, the first of them off by a factor."""
    function, x = SOFT[backend]
    graph = graph_of(function, {"x": x})
    inputs: Leaves = {"x": x} | drawn(graph, operator, 0)
    derivative, variant = OPERATORS[operator](graph), describe(backend).routes[operator][0]
    truth = establish(derivative, inputs, "float64")
    got = adapter(backend).measure(
        Task(graph=graph, inputs=inputs, dtype="float64", variant=variant, operator=operator)
    )
    path, first = next(iter(got.partials.items()))
    assert first is not None
    off = replace(got, partials={**got.partials, path: replace(first, values=first.values * (1 + by))})
    answers = Answers(derivative=derivative, inputs=inputs, dtype="float64", truth=truth)
    allowed = tolerance(derivative, inputs, "float64", truth)
    return judge(
        Evidence(measurement=off, truth=truth, tolerance=allowed, dtype="float64", backend=backend, recourse=answers)
    )


@pytest.mark.parametrize("operator", ["vjp", "jvp", "hvp", "adjoint", "jacobian"])
@pytest.mark.parametrize("backend", [pytest.param(name, marks=pytest.mark.needs(name)) for name in SOFT])
def test_a_rule_of_one_framework_holds_for_every_operator_and_excuses_no_fault(backend: str, operator: str) -> None:
    found = of_operator(backend, operator)
    assert found.verdict in (Verdict.AGREE, Verdict.EXACT), found.reason
    assert found.diagnosis in ("", "logsumexp by exp(x - y)", "softplus by exp(x - y)")
    assert found.diagnosis or (backend, operator) in (("torch", "jvp"), ("jax", "jvp"), ("jax", "adjoint"))
    fault = 1e-3 if (backend, operator) == ("jax", "hvp") else 1e-9  # 1 - exp(x - y) is 1e-8, and cancels
    assert of_operator(backend, operator, by=fault).verdict is Verdict.DISAGREE


def test_a_function_without_the_operation_has_no_rule() -> None:
    derivative, inputs = deep(1, "float64")
    truth = establish(derivative, inputs, "float64")
    rules = (("logsumexp", EXP_OF_DIFFERENCE),)
    assert ByRules(rules=rules).answer(derivative, inputs, "float64", truth) is None


@pytest.mark.needs("torch")
def test_softplus_of_torch_above_20_is_no_rule() -> None:
    assert said(lambda xp, x: xp.sum(xp.nn.softplus(x)), "torch", "float64", x=np.array([25.0])).cls == "fail"


# --------------------------------------------------------------------------- half accumulation

ROWS = 10_000


def shifted(xp: Any, b: Any, c: Any, x: Any, w: Any) -> Any:
    """The adjoint of b's broadcast is a sum of 10⁴ rows; the value is a product of matrices, which is exact enough."""
    return xp.sum(c @ (x + b) @ w)


def rows(backend: str, dtype: str, **changes: Any) -> CellLine:
    given = {
        "b": np.array([[0.5, -0.25]]),
        "c": harness.data(np.full((1, ROWS), 0.3 / 64)),
        "x": harness.data(np.zeros((ROWS, 2))),
        "w": harness.data(np.array([[1.0], [0.75]])),
    }
    return said(shifted, backend, dtype, **(given | changes))


@pytest.mark.needs("backend")
@pytest.mark.parametrize(("backend", "dtype"), [("tensorflow", "float16"), ("jax", "bfloat16"), ("jax", "float16")])
def test_a_sum_in_a_half_dtype_is_a_finding(backend: str, dtype: str) -> None:
    cell = rows(backend, dtype)
    assert (cell.verdict, cell.diagnosis) == ("DISAGREE", "half accumulation")
    assert f"Half accumulation: sums are taken in {dtype}." in cell.reason


@pytest.mark.needs("backend")
@pytest.mark.parametrize(
    ("backend", "dtype"), [("torch", "float16"), ("torch", "bfloat16"), ("tensorflow", "bfloat16")]
)
def test_a_sum_in_float32_passes(backend: str, dtype: str) -> None:
    assert rows(backend, dtype).cls == "pass"


@pytest.mark.needs("tensorflow")
def test_a_value_summed_in_a_half_dtype_says_so_too() -> None:
    column = harness.data(np.full((ROWS, 2), 0.3))
    cell = said(
        lambda xp, b, x: xp.sum(xp.sum(x * b, axis=0)), "tensorflow", "float16", b=np.array([0.5, -0.25]), x=column
    )
    assert (cell.verdict, cell.diagnosis) == ("VALUE-MISMATCH", "half accumulation")
    assert "Its gradient: DISAGREE{half accumulation}, error " in cell.reason


def test_half_sums_are_no_question_of_wider_dtypes() -> None:
    derivative, inputs = deep(1, "float32")
    truth = establish(derivative, inputs, "float32")
    assert HalfSums().answer(derivative, inputs, "float32", truth) is None


def test_another_fault_in_a_half_dtype_has_its_own_name() -> None:
    """Negated and zeroed gradients are told as such, though sums over 10⁴ rows would allow anything."""
    inputs: Leaves = {"b": np.array([0.5, -0.25])}
    graph = graph_of(lambda x: b.total(b.broadcast_to(x, (ROWS, 2)) * 0.3, (0, 1)), inputs)
    derivative = gradient(graph)
    truth = establish(derivative, inputs, "bfloat16")
    allowed = tolerance(derivative, inputs, "bfloat16", truth)
    answers = Answers(derivative=derivative, inputs=inputs, dtype="bfloat16", truth=truth)
    exact, value = (round_to(one.nearest, "bfloat16") for one in (truth.partials["b"], truth.value))
    for got, diagnosis in ((-exact, "negated"), (exact / 64, "half accumulation")):
        measurement = Measurement(
            value=Partial(values=value, dtype="bfloat16"), partials={"b": Partial(values=got, dtype="bfloat16")}
        )
        evidence = Evidence(measurement=measurement, truth=truth, tolerance=allowed, dtype="bfloat16", recourse=answers)
        assert judge(evidence).diagnosis == diagnosis
