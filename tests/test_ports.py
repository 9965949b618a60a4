"""Ports: one function in several frameworks, judged by its definition in xp, or by one another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import harness
from harness import Case, DeclarationError, case, data, param, report
from harness.collect import collect
from harness.run.execute import Order, execute
from harness.run.plan import Selection
from harness.run.records import CellLine
from harness.workers.crew import Crew
from harness.workers.limits import Limits

pytestmark = pytest.mark.needs("torch")
Port = Callable[..., Any]
POINT = {"w": [0.3, -1.2, 2.0], "x": data([1.0, 0.5, -1.0])}


def definition(xp: Any, w: Any, x: Any) -> Any:
    """J(w) = mean tanh(w x)."""
    return xp.mean(xp.tanh(w * x))


def in_tensorflow(tf: Any, w: Any, x: Any) -> Any:
    return tf.reduce_mean(tf.tanh(w * x))


def in_torch(torch: Any, w: Any, x: Any) -> Any:
    return torch.tanh(w * x).mean()


def in_jax(jnp: Any, w: Any, x: Any) -> Any:
    return jnp.tanh(w * x).mean()


PORTS = {"tensorflow": in_tensorflow, "torch": in_torch, "jax": in_jax}


@pytest.mark.needs("tensorflow", "jax")
def test_ports_are_judged_beside_their_definition() -> None:
    found = harness.assert_agree(PORTS, reference=definition, **POINT)
    spelt = {(cell.backend, cell.spelling): cell.cls for cell in found.cells}
    assert spelt == dict.fromkeys(
        [(name, spelling) for name, port in PORTS.items() for spelling in ("xp", port.__name__)]
        + [("sympy", "xp"), ("finite_difference", "xp")],
        "pass",
    )
    assert {cell.case for cell in found.cells} == {"check.definition"}


WRONG: dict[str, tuple[Port, str, str]] = {
    "sum": (lambda torch, w, x: torch.tanh(w * x).sum(), "VALUE-MISMATCH", "another function"),
    "leak": (lambda torch, w, x: torch.tanh((w * x).float()).mean().double(), "VALUE-MISMATCH", "precision leak"),
    "detached": (lambda torch, w, x: torch.tanh(w.detach() * x).mean() + 0 * w.sum(), "DEAD-LEAF", "is missing"),
    "half": (lambda torch, w, x: torch.tanh((w / 2 + w.detach() / 2) * x).mean(), "DISAGREE", "scaled by 1/2"),
    "raises": (lambda torch, w, x: torch.no_such_thing(w), "ERROR", ""),
    "array": (lambda torch, w, x: torch.tanh(w * x), "SHAPE", ""),
    "numpy": (lambda torch, w, x: np.tanh(w.detach().numpy() * x.numpy()).mean(), "NOT-NATIVE", ""),
    "float": (lambda w, x: 1.0, "NOT-NATIVE", ""),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_port_is_caught(name: str) -> None:
    port, verdict, diagnosis = WRONG[name]
    found = harness.check({"torch": port}, reference=definition, backends=("torch",), **POINT)
    own, cell = found.cells
    assert (own.spelling, own.cls) == ("xp", "pass")
    assert (cell.spelling, cell.verdict, cell.cls) == ("port", verdict, "fail"), cell.reason
    assert diagnosis in cell.diagnosis
    with pytest.raises(harness.Disagreement, match=verdict):
        harness.assert_agree({"torch": port}, reference=definition, backends=("torch",), **POINT)


CALLS: dict[str, Port] = {
    "alias": in_torch,
    "xp": lambda xp, w, x: xp.tanh(w * x).mean(),
    "arrays only": lambda w, x: (w * x).tanh().mean(),
    "in order": lambda weight, feature: (weight * feature).tanh().mean(),
    "anything": lambda **given: (given["w"] * given["x"]).tanh().mean(),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_port_is_called_as_it_asks(name: str) -> None:
    found = harness.check({"torch": CALLS[name]}, reference=definition, backends=("torch",), **POINT)
    assert [cell.cls for cell in found.cells] == ["pass", "pass"], found


@pytest.mark.needs("jax")
def test_jax_means_one_of_two_modules() -> None:
    both = {"jax": lambda jax, w, x: jax.numpy.tanh(w * x).mean()}
    found = harness.check(both, reference=definition, backends=("jax",), **POINT)
    assert [cell.cls for cell in found.cells] == ["pass", "pass"], found


def test_a_declared_case_may_be_the_reference_and_keeps_its_own_spellings() -> None:
    declared = case(w=param(shape=3), x=data([1.0, 0.5, -1.0]), points=[dict(w=["0.3", "-1.2", 2])])(definition)
    found = harness.check({"torch": in_torch}, reference=declared, backends=("torch",))
    assert [cell.spelling for cell in found.cells] == ["xp", "in_torch"]
    assert declared.natives == []
    beside = harness.check(declared, backward=lambda w, x: x / 3 / np.cosh(w * x) ** 2, backends=("torch",))
    assert [(cell.backend, cell.cls) for cell in beside.cells] == [("torch", "pass"), ("numpy", "pass")]
    assert declared.natives == []


# --------------------------------------------------------------------------- without a definition


def judged(ports: dict[str, Port], dtype: str = "float64", **point: Any) -> dict[str, CellLine]:
    """Return the cells of ports that have no definition, by backend."""
    found = harness.check(ports, dtypes=(dtype,), **(point or POINT))
    return {cell.backend: cell for cell in found.cells}


def told(cells: dict[str, CellLine]) -> dict[str, str]:
    return {name: f"{cell.verdict} {cell.diagnosis}".strip() for name, cell in cells.items()}


@pytest.mark.needs("tensorflow", "jax")
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_ports_that_agree_pass_by_comparison(dtype: str) -> None:
    cells = judged(PORTS, dtype)
    assert set(told(cells).values()) == {"AGREE"}
    for cell in cells.values():
        assert "There is no definition, so no truth: this rests on comparison, with estimated bars." in cell.reason
        assert 0 < float(cell.resolution) < (0.5 if dtype == "bfloat16" else 1e-5)
        assert list(cell.terms) == ["spread of 16 runs", "float32 difference", "result"]
        assert sum(map(float, cell.terms.values())) == pytest.approx(float(cell.tolerance), rel=1e-12)
        assert cell.against in PORTS.keys() - {cell.backend}


@pytest.mark.needs("jax")
def test_a_run_of_ports_speaks_of_no_truth() -> None:
    found = harness.assert_agree({"torch": in_torch, "jax": in_jax}, **POINT)
    (group,) = found.run.groups
    assert group.status.startswith("no definition, so no truth")
    assert (group.value, group.gradient) == ("", {})
    assert found.run.totals is not None
    assert found.run.totals.headline.startswith(
        "PyTorch and JAX were compared without a truth; 2 cells of ports without a definition agree with one another"
    )
    assert "with the truth" not in found.run.totals.headline
    assert found.run.totals.control.endswith("negated reads DISAGREE{contradicts its own values}.")


def another(torch: Any, w: Any, x: Any) -> Any:
    return torch.tanh(2 * w * x).mean()


def stopped(torch: Any, w: Any, x: Any) -> Any:
    return torch.tanh((w / 2 + w.detach() / 2) * x).mean()


WRONG_OF_THREE: dict[str, tuple[Port, str, str]] = {
    "function": (another, "VALUE-MISMATCH another function", "another function, not a wrong gradient"),
    "stopped": (stopped, "DISAGREE contradicts its own values", "Its gradient contradicts its own values"),
    "leak": (WRONG["leak"][0], "VALUE-MISMATCH precision leak", "Another value than tensorflow and jax, which agree"),
    "raises": (WRONG["raises"][0], "ERROR", "no_such_thing"),
    "nan": (lambda torch, w, x: torch.tanh(w * x).mean() * float("nan"), "NONFINITE", "nan came back"),
    "cut": (lambda torch, w, x: torch.tanh(w.detach() * x).mean(), "DISCONNECTED", "no gradient came back (None)"),
    "random": (lambda torch, w, x: torch.tanh(w * x).mean() * torch.rand(()).double(), "NONDETERMINISTIC", ""),
    "float32": (lambda torch, w, x: torch.tanh(w * x).mean().float(), "DTYPE", "float32 came back"),
}


@pytest.mark.needs("tensorflow", "jax")
@pytest.mark.parametrize("name", WRONG_OF_THREE)
def test_the_wrong_port_of_three_is_named(name: str) -> None:
    port, verdict, sentence = WRONG_OF_THREE[name]
    found = harness.check(PORTS | {"torch": port}, **POINT)
    cells = {cell.backend: cell for cell in found.cells}
    assert {name: told(cells)[name].partition(" ")[0] for name in cells} == {
        "tensorflow": "AGREE",
        "torch": verdict.partition(" ")[0],
        "jax": "AGREE",
    }, cells["torch"].reason
    assert told(cells)["torch"].startswith(verdict)
    assert sentence in cells["torch"].reason
    assert [cell.backend for cell in found.failed] == ["torch"]


@pytest.mark.needs("jax")
def test_two_ports_that_differ_are_undecided_unless_one_contradicts_itself() -> None:
    assert told(judged({"torch": another, "jax": in_jax})) == {"torch": "UNDECIDED", "jax": "UNDECIDED"}
    assert told(judged({"torch": stopped, "jax": in_jax})) == {
        "torch": "DISAGREE contradicts its own values",
        "jax": "UNDECIDED",
    }


def test_one_port_is_held_against_its_own_values_and_never_passes() -> None:
    (right,) = judged({"torch": in_torch}).values()
    assert (right.verdict, right.cls) == ("UNDECIDED", "inconclusive")
    assert "Its gradient fits central differences of its own values" in right.reason
    assert told(judged({"torch": stopped})) == {"torch": "DISAGREE contradicts its own values"}
    with pytest.raises(harness.Disagreement, match="Write the definition in xp"):
        harness.assert_agree({"torch": in_torch}, **POINT)


@pytest.mark.needs("jax")
def test_a_gradient_that_is_stopped_everywhere_passes_nowhere() -> None:
    both = {"torch": stopped, "jax": lambda jax, w, x: jax.numpy.tanh((w + jax.lax.stop_gradient(w)) / 2 * x).mean()}
    cells = judged(both)
    assert told(cells) == {"torch": "UNDECIDED", "jax": "UNDECIDED"}
    assert "a stopped gradient, or one fault twice" in cells["jax"].reason


@pytest.mark.needs("tensorflow", "jax")
def test_at_a_kink_conventions_are_not_blamed() -> None:
    size = {
        "tensorflow": lambda tf, w: tf.reduce_sum(tf.abs(w)),
        "torch": lambda torch, w: torch.abs(w).sum(),
        "jax": lambda jnp, w: jnp.abs(w).sum(),
    }
    assert told(judged(size, w=[0.0, 1.5])) == {"tensorflow": "AGREE", "torch": "AGREE", "jax": "UNDECIDED"}
    assert set(told(judged(size, w=[0.5, 1.5])).values()) == {"AGREE"}


def ported() -> Case:
    """Return a case that has ports alone."""

    @case(w=param(shape=3), x=data([1.0, 0.5, -1.0]), points=[dict(w=["0.3", "-1.2", 2])])
    def ported() -> None:
        """J(w) = mean tanh(w x)."""

    return ported


def test_a_function_without_parameters_defines_nothing() -> None:
    assert ported().function is None
    assert ported().title == "J(w) = mean tanh(w x)."
    assert case(w=param(), points=[dict(w=1)])(lambda: 1).function is not None
    assert case(w=param(), points=[dict(w=1)])(lambda w: w).function is not None


@pytest.mark.needs("jax")
def test_spellings_of_one_framework_are_one_voice() -> None:
    made = ported()
    made.native("torch", spelling="one")(in_torch)
    made.native("torch", spelling="two")(lambda torch, w, x: torch.tanh(w * x).sum() / 3)
    alone = harness.check(made)
    assert [(cell.spelling, cell.verdict) for cell in alone.cells] == [("one", "UNDECIDED"), ("two", "UNDECIDED")]
    made.native("torch", spelling="odd")(another)
    made.native("jax")(in_jax)
    assert [(cell.spelling, cell.verdict) for cell in harness.check(made).cells] == [
        ("one", "AGREE"),
        ("two", "AGREE"),
        ("odd", "VALUE-MISMATCH"),
        ("in_jax", "AGREE"),
    ]


FILE = """
from harness import case, data, param

@case(w=param(shape=3), x=data([1.0, 0.5, -1.0]), points=[dict(w=["0.3", "-1.2", 2])])
def ported():
    "J(w) = mean tanh(w x)."

@ported.native("torch")
def right(torch, w, x):
    return torch.tanh(w * x).mean()

@ported.native("jax")
def here(jnp, w, x):
    return jnp.tanh(w * x).mean()

@ported.native("torch")
def {name}(torch, w, x):
    {line}
"""


@pytest.mark.needs("jax")
@pytest.mark.parametrize(
    ("name", "line", "verdict"),
    [("hangs", "while True: pass", "TIMEOUT"), ("dies", "import os; os._exit(3)", "CRASHED")],
)
def test_what_hangs_or_dies_in_its_worker_does_not_count(name: str, line: str, verdict: str, tmp_path: Path) -> None:
    file = tmp_path / "case_ported.py"
    file.write_text(FILE.format(name=name, line=line))
    cases = tuple(collect([file]))
    with Crew(("torch", "jax"), Limits(seconds=10)) as crew:
        run = execute(Order(cases=cases, selection=Selection(dtypes=("float64",))), crew)
    assert {cell.spelling: cell.verdict for cell in run.cells} == {"right": "AGREE", "here": "AGREE", name: verdict}


@pytest.mark.needs("jax")
def test_reports_of_ports_are_rendered(tmp_path: Path) -> None:
    run = harness.check({"torch": another, "jax": in_jax}, **POINT).run
    report.write(run, tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert "no definition, so no truth" in page
    assert "no truth</td>" in page
    assert page.count("UNDECIDED") >= 2
    assert "UNDECIDED" in (tmp_path / "summary.md").read_text()
    assert (tmp_path / "junit.xml").read_text().count("<skipped") == 2


# --------------------------------------------------------------------------- natives that fail


def wrong_rule(torch: Any, w: Any) -> Any:
    """Return Huber's cost with a gradient by hand that forgets where the slope ends."""

    class Cost(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, w: Any) -> Any:
            ctx.save_for_backward(w)
            return torch.nn.functional.huber_loss(w, torch.zeros_like(w), reduction="sum", delta=2.0)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * ctx.saved_tensors[0]

    return Cost.apply(w)


@pytest.mark.needs("tensorflow")
def test_a_default_parameter_is_another_function_and_a_wrong_rule_is_not() -> None:
    points = [dict(w=["-1.5", "0.25", "3"])]

    @case(w=param(shape=3), points=points)
    def leaky(xp: Any, w: Any) -> Any:
        return xp.sum(xp.nn.leaky_relu(w, negative_slope=0.01))

    @case(w=param(shape=3), points=points)
    def huber(xp: Any, w: Any) -> Any:
        return xp.sum(xp.where(xp.abs(w) < 2, w**2 / 2, 2 * (xp.abs(w) - 1)))

    def torch_huber(torch: Any, w: Any) -> Any:
        return torch.nn.functional.huber_loss(w, torch.zeros_like(w), reduction="sum", delta=2.0)

    leaky.native("tensorflow", spelling="slope")(lambda tf, w: tf.reduce_sum(tf.nn.leaky_relu(w)))
    leaky.native("torch", spelling="same")(lambda torch, w: torch.nn.functional.leaky_relu(w).sum())
    huber.native("torch", spelling="default")(lambda torch, w: 3 * torch.nn.functional.huber_loss(w, 0 * w))
    huber.native("torch", spelling="right")(torch_huber)
    huber.native("torch", spelling="rule")(wrong_rule)
    natives = [cell for made in (leaky, huber) for cell in harness.check(made, backends=("tensorflow", "torch")).cells]
    cells = {cell.spelling: cell for cell in natives if cell.spelling != "xp"}
    assert {name: cell.verdict for name, cell in cells.items()} == {
        "slope": "VALUE-MISMATCH",
        "same": "EXACT",
        "default": "VALUE-MISMATCH",
        "right": "EXACT",
        "rule": "DISAGREE",
    }
    for name in ("slope", "default"):
        assert cells[name].reason.endswith("another function, not a wrong gradient. Look for a default parameter.")
    assert cells["rule"].reason.endswith(
        "Its gradient contradicts its own values: central differences of them say otherwise."
    )


@pytest.mark.parametrize(
    ("given", "asked", "sentence"),
    [
        ({"pytorch": in_torch}, {"reference": definition}, "'pytorch'; did you mean torch?"),
        ({"numpy": in_torch}, {"reference": definition}, "spellings are not written for 'numpy'"),
        (definition, {"reference": definition}, "give them as {'torch': f, 'jax': g}"),
        ({}, {"reference": definition}, "give them as {'torch': f, 'jax': g}"),
        ({}, {}, "give them as {'torch': f, 'jax': g}"),
    ],
)
def test_what_is_no_dictionary_of_ports_has_its_sentence(given: Any, asked: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DeclarationError) as refusal:
        harness.check(given, **asked, **POINT)
    assert sentence in str(refusal.value)
