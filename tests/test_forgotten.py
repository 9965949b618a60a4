"""A rule that forgets the adjoint that it is given is told, and no node is blamed alone where another would do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import harness
from harness import Case, case, param
from harness.graph import build as b
from harness.graph.build import Builder
from harness.graph.derive import lower
from harness.judge.edges import CHANGES, RULES, Fault, _Trial, explain
from harness.measurement import Leaves
from harness.run.records import CellLine
from harness.selftest.words import words

FRAMEWORKS = [pytest.param(name, marks=pytest.mark.needs(name)) for name in ("tensorflow", "torch", "jax")]
Rule = Callable[..., Any]
"""(vocabulary, adjoint, result, *operands) → adjoints of the operands."""
(FORGETS,) = (change for change in CHANGES if change.alone)


def gated(xp: Any, w: Any, v: Any) -> Any:
    """J(w, v) of a product, a power, a gate and a norm."""
    z = w * v
    y = z**2
    s = xp.nn.sigmoid(y) * y
    n = xp.sum(s * s)
    return xp.sin(n) * xp.sum(w)


LINE = gated.__code__.co_firstlineno + 2
"""The line of the product."""
STEPS: dict[str, tuple[Callable[..., Any], Rule]] = {
    "product": (lambda f, w, v: w * v, lambda f, g, y, w, v: (g * v, g * w)),
    "power": (lambda f, x: x * x, lambda f, g, y, x: (2 * g * x,)),
    "gate": (lambda f, x: f.nn.sigmoid(x) * x, lambda f, g, y, x: (g * of_gate(f, x),)),
    "norm": (lambda f, x: f.sum(x * x), lambda f, g, y, x: (2 * g * x,)),
}


def of_gate(f: Any, x: Any) -> Any:
    s = f.nn.sigmoid(x)
    return s + x * s * (1 - s)


FORGETFUL: dict[str, tuple[str, Rule, str, str]] = {
    "both": ("product", lambda f, g, y, w, v: (v * 1, w * 1), f"the multiply in line {LINE}", "`z = w * v`"),
    "one": (
        "product",
        lambda f, g, y, w, v: (g * v, w * 1),
        f"the path from v into line {LINE}",
        "the path from `v` into `z = w * v`",
    ),
    "power": (
        "power",
        lambda f, g, y, x: (2 * x,),
        f"the path from z into line {LINE + 1}",
        "the path from `z` into `y = z**2`",
    ),
    "gate": (
        "gate",
        lambda f, g, y, x: (of_gate(f, x),),
        f"the multiply in line {LINE + 2}",
        "`s = xp.nn.sigmoid(y) * y`",
    ),
    "norm": (
        "norm",
        lambda f, g, y, x: (2 * x,),
        f"the path from the multiply into line {LINE + 3}",
        "the path from the multiply into `n = xp.sum(s * s)`",
    ),
}
"""The step that is written by hand, its wrong rule, and where the fault lies, in the diagnosis and in the sentence."""


def by_hand(backend: str, rules: dict[str, Rule]) -> Case:
    """Return the case, and a native of it whose steps have rules by hand, all right but for those given."""
    made = case(w=param(shape=3), v=param(shape=3), points=[dict(w=["0.3", "-1.2", "0.7"], v=["1.1", "0.4", "-0.6"])])(
        gated
    )

    @made.native(backend, spelling="ours")
    def ours(framework: Any, w: Any, v: Any) -> Any:
        f = words(backend, framework)

        def step(name: str) -> Callable[..., Any]:
            forward, right = STEPS[name]
            rule = rules.get(name, right)
            made: Rule = f.custom(lambda *xs: forward(f, *xs), lambda g, y, *xs: rule(f, g, y, *xs))
            return made

        return f.sin(step("norm")(step("gate")(step("power")(step("product")(w, v))))) * f.sum(w)

    return made


def judged(made: Case, backend: str, dtype: str = "float64") -> CellLine:
    cells = harness.check(made, backends=(backend,), dtypes=(dtype,)).cells
    (cell,) = (cell for cell in cells if cell.spelling == "ours" and cell.operator == "grad")
    return cell


@pytest.mark.parametrize("backend", FRAMEWORKS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_right_rules_pass(backend: str, dtype: str) -> None:
    cell = judged(by_hand(backend, {}), backend, dtype)
    assert cell.cls == "pass", cell.reason


@pytest.mark.parametrize("backend", FRAMEWORKS)
@pytest.mark.parametrize("name", FORGETFUL)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_rule_that_forgets_its_adjoint_is_told(backend: str, name: str, dtype: str) -> None:
    step, rule, place, subject = FORGETFUL[name]
    cell = judged(by_hand(backend, {step: rule}), backend, dtype)
    assert (cell.verdict, cell.cls) == ("DISAGREE", "fail"), cell.reason
    assert cell.diagnosis == f"{place} {FORGETS.words}"
    assert f": {subject} {FORGETS.words}." in cell.reason
    assert "as well" not in cell.reason


@pytest.mark.needs("torch")
def test_a_rule_that_is_wrong_in_another_way_forgets_nothing() -> None:
    wrong: dict[str, Rule] = {
        "power": lambda f, g, y, x: (g * x,),
        "product": lambda f, g, y, w, v: (g * v, -g * w),
        "gate": lambda f, g, y, x: (g * 1,),
        "norm": lambda f, g, y, x: (2 * x + g,),
    }
    for name, rule in wrong.items():
        cell = judged(by_hand("torch", {name: rule}), "torch")
        assert cell.verdict == "DISAGREE"
        assert ("explains it all" in cell.reason) == (name in ("power", "product")), cell.reason
        assert FORGETS.words not in cell.reason


# --------------------------------------------------------------------------- in a graph


def trial(*outputs: b.Ref, **inputs: Any) -> _Trial:
    """Return the trial of a function at its point, where nothing came back."""
    (output,) = outputs
    graph = lower(output.builder.freeze(output))
    leaves: Leaves = {path: np.asarray(value, float) for path, value in inputs.items()}
    got = {path: np.zeros(leaves[path].shape) for path in graph.params}
    taken = {k: np.greater(leaves["x"], 0) for k, node in enumerate(graph.nodes) if node.op == "greater"}
    return _Trial(graph=graph, inputs=leaves, decisions=taken, dtype="float64", got=got)


def told(model: _Trial, fault: Fault) -> list[Fault]:
    """Return what explains the gradient with this fault."""
    got = {path: one.value for path, one in model.partials(fault).items()}
    return [*explain(model.graph, model.inputs, model.decisions, "float64", got)]


def test_where_the_adjoint_is_one_nothing_is_forgotten() -> None:
    builder = Builder()
    w = builder.input("w", (), param=True)
    model = trial(b.call("exp", b.call("sin", w)), w=0.7)
    (last,) = (k for k, node in enumerate(model.graph.nodes) if node.op == "exp")
    assert not model.has(last, 0, "alone")
    assert model.has(last - 1, 0, "alone")


def test_below_a_mean_a_factor_is_likelier_than_a_forgotten_adjoint() -> None:
    builder = Builder()
    w = builder.input("w", (3,), param=True)
    model = trial(b.call("mean", b.call("sin", w), axes=(0,), keepdims=False), w=[0.7, -0.2, 1.3])
    (sin,) = (k for k, node in enumerate(model.graph.nodes) if node.op == "sin")
    first, *others = told(model, Fault((sin,), 0, FORGETS))
    assert first.change.words == "lacks its local derivative"
    assert Fault((sin,), 0, FORGETS) in others


def test_an_infinite_derivative_where_no_adjoint_flows_hides_no_fault() -> None:
    builder = Builder()
    w, x = builder.input("w", (2,), param=True), builder.input("x", (2,))
    root = b.call("sqrt", w * x)
    y = b.call("where", b.call("greater", x, b.broadcast_to(builder.constant(0), (2,))), root, b.call("sin", w))
    model = trial(b.total(y * w, (0,)), w=[0.7, 0.4], x=[2.0, 0.0])
    assert not np.isfinite(model.right["w"].value).all()
    model = model.fit()
    assert np.isfinite(model.right["w"].value).all()
    (sin,) = (k for k, node in enumerate(model.graph.nodes) if node.op == "sin")
    missing = Fault((sin,), 0, CHANGES[0])
    assert told(model, missing)[0].change == missing.change
    assert replace(model, rules=RULES).fit().rules is not RULES


# --------------------------------------------------------------------------- one of several


def chain(xp: Any, w: Any, v: Any) -> Any:
    a = xp.sin(w)
    c = xp.exp(a)
    return c * v


def test_a_node_is_not_blamed_alone_where_another_explains_the_same() -> None:
    def mine(w: float, v: float) -> tuple[float, float]:
        return -np.cos(w) * np.exp(np.sin(w)) * v, np.exp(np.sin(w))

    (cell,) = (
        cell
        for cell in harness.check(chain, backward=mine, backends=("finite_difference",), w=0.7, v=1.3).cells
        if cell.backend == "numpy"
    )
    line = chain.__code__.co_firstlineno
    assert f"one wrong node explains it all, the multiply in line {line + 3}: the path from `c` into" in cell.reason
    assert cell.reason.endswith(
        f"The exp in line {line + 2}, on the path from `a`, would explain it as well: look at both."
    )


def test_a_node_that_alone_explains_it_is_blamed_alone() -> None:
    def mine(w: float, v: float) -> tuple[float, float]:
        return np.cos(w) * np.exp(np.sin(w)) * v, -np.exp(np.sin(w))

    (cell,) = (
        cell
        for cell in harness.check(chain, backward=mine, backends=("finite_difference",), w=0.7, v=1.3).cells
        if cell.backend == "numpy"
    )
    assert "one wrong node explains it all, the multiply" in cell.reason
    assert "as well" not in cell.reason


def twice(xp: Any, w: Any, v: Any) -> Any:
    """J(w, v) of two layers with one activation."""
    a = xp.tanh(w * v)
    b = xp.tanh(a * v + 0.5)
    return xp.sum(b * b) + xp.sum(a)


FIRST = twice.__code__.co_firstlineno + 2
AT_BOTH: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "forgets": (lambda g, y: 1 - y * y, "forgets the adjoint that it is given"),
    "bare": (lambda g, y: g * 1, "lacks its local derivative"),
    "negated": (lambda g, y: -g * (1 - y * y), "has the wrong sign"),
    "twice": (lambda g, y: 2 * g * (1 - y * y), "counts twice"),
}


def by_rule(backend: str, rules: tuple[Callable[[Any, Any], Any], ...]) -> CellLine:
    """Return the cell of a framework whose activations have these rules, in their order."""
    made = case(w=param(shape=(2,)), v=param(shape=(2,)), points=[{"w": [0.3, 0.2], "v": [0.7, -0.4]}])(twice)

    @made.native(backend, spelling="ours")
    def ours(framework: Any, w: Any, v: Any) -> Any:
        f = words(backend, framework)
        first, second = (f.custom(f.tanh, lambda g, y, x, rule=rule: (rule(g, y),)) for rule in rules)
        a = first(w * v)
        b = second(a * v + 0.5)
        return f.sum(b * b) + f.sum(a)

    return judged(made, backend)


def right(g: Any, y: Any) -> Any:
    return g * (1 - y * y)


@pytest.mark.parametrize("backend", FRAMEWORKS)
@pytest.mark.parametrize("name", AT_BOTH)
def test_a_wrong_rule_that_is_used_at_several_places_is_one(backend: str, name: str) -> None:
    rule, how = AT_BOTH[name]
    both = by_rule(backend, (rule, rule))
    assert (both.verdict, both.diagnosis) == ("DISAGREE", f"every tanh {how}")
    assert f"one wrong rule explains it all, used in lines {FIRST} and {FIRST + 1}: every tanh {how}." in both.reason
    assert by_rule(backend, (right, right)).cls == "pass"
    for rules, line in (((rule, right), FIRST), ((right, rule), FIRST + 1)):
        one = by_rule(backend, rules)
        told = one.reason.partition("one wrong node explains it all, ")[2]  # the tanh, or what gives the same beside it
        assert (one.verdict, f"tanh in line {line}" in told or how in told) == ("DISAGREE", True), one.reason
        assert "every" not in one.diagnosis


@pytest.mark.parametrize("backend", FRAMEWORKS)
def test_where_any_rule_would_explain_it_none_is_blamed(backend: str) -> None:
    cell = by_rule(backend, (lambda g, y: 0 * g, lambda g, y: 0 * g))
    assert (cell.verdict, cell.diagnosis) == ("DEAD-LEAF", "")
    assert "explains it all" not in cell.reason


def test_arithmetic_that_stands_everywhere_is_no_rule_of_anybodys() -> None:
    """Adjoints let into both branches of a where are as if every product had forgotten its own."""

    @case(x=param(shape=(4,)), points=[{"x": [1.0, -2.0, 3.0, -4.0]}])
    def joint(xp: Any, x: Any) -> Any:
        return xp.sum(xp.where(x > 0, 3 * x, 2 * x))

    @joint.backward
    def by_hand(x: Any) -> Any:
        return np.full(4, 5.0)

    (cell,) = (cell for cell in harness.check(joint).cells if cell.backend == "numpy")
    assert cell.verdict == "DISAGREE"
    assert "one wrong rule" not in cell.reason
