"""Natives beyond the gradient: what is planned of them, and a forward rule or a second answer that is wrong."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from harness import case, param
from harness.backends.forward_rules import forward_rules
from harness.backends.said import trouble_of
from harness.measurement import Trouble
from harness.run.execute import Order, execute
from harness.run.lab import Inline
from harness.run.plan import OPERATORS, Selection, plan
from harness.run.records import CellLine
from test_natives import BY_HAND, RULES, wave

Native = Callable[..., Any]
Rule = Callable[[Any, Any, Any], Any]
"""(the framework's sin and cos, w, v) → the tangent of w sin w."""

FRAMEWORKS = [pytest.param(name, marks=pytest.mark.needs(name)) for name in ("tensorflow", "torch", "jax")]


def judged(backend: str, native: Native, *operators: str) -> dict[str, CellLine]:
    """Return the cells of a native in float64 by operator, those of the default profile where none is named."""
    made = wave()
    made.native(backend, spelling="own")(native)
    chosen = Selection(backends=(backend,), dtypes=("float64",), profile="default", operators=operators)
    cells = execute(Order(cases=(made,), selection=chosen), Inline()).cells
    assert all(cell.cls == "pass" for cell in cells if cell.spelling == "xp")
    return {cell.operator: cell for cell in cells if cell.spelling == "own"}


# --------------------------------------------------------------------------- forward rules


def right(f: Any, w: Any, v: Any) -> Any:
    return v * f.sin(w) + v * w * f.cos(w)


WRONG: dict[str, tuple[Rule, str]] = {
    "factor": (lambda f, w, v: 1.5 * right(f, w, v), "scaled by 3/2"),
    "sign": (lambda f, w, v: -right(f, w, v), "negated"),
    "term": (lambda f, w, v: v * f.sin(w), ""),
}


def in_torch(rule: Rule) -> Native:
    """Return an `autograd.Function` that is right backward, with a rule for its `jvp`."""

    def native(torch: Any, w: Any) -> Any:
        class Wave(torch.autograd.Function):  # type: ignore[misc,name-defined]  # the module that was passed
            @staticmethod
            def forward(ctx: Any, w: Any) -> Any:
                ctx.save_for_backward(w)
                ctx.save_for_forward(w)
                return w * torch.sin(w)

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                return right(torch, *ctx.saved_tensors, g)

            @staticmethod
            def jvp(ctx: Any, v: Any) -> Any:
                return rule(torch, *ctx.saved_tensors, v)

        return torch.sum(Wave.apply(w))

    return native


def in_jax(rule: Rule) -> Native:
    """Return a `custom_jvp` with a rule."""

    def native(jax: Any, w: Any) -> Any:
        made = jax.custom_jvp(lambda w: w * jax.numpy.sin(w))
        made.defjvps(lambda v, y, w: rule(jax.numpy, w, v))
        return made(w).sum()

    return native


FORWARD = {"torch": in_torch, "jax": in_jax}
ENGINES = [pytest.param(name, marks=pytest.mark.needs(name)) for name in FORWARD]


@pytest.mark.parametrize("backend", ENGINES)
def test_a_right_forward_rule_passes(backend: str) -> None:
    cells = judged(backend, FORWARD[backend](right))
    assert {operator: cell.cls for operator, cell in cells.items()} == dict.fromkeys(
        ("grad", "hvp", "jvp", "adjoint"), "pass"
    )


@pytest.mark.parametrize("rule", WRONG)
@pytest.mark.parametrize("backend", ENGINES)
def test_a_wrong_forward_rule_is_caught_by_the_default_profile(backend: str, rule: str) -> None:
    wrong, diagnosis = WRONG[rule]
    cells = judged(backend, FORWARD[backend](wrong))
    one_side = f"by jvp: {diagnosis}" if diagnosis and backend == "torch" else diagnosis  # JAX has one rule for both
    for operator, told in (("jvp", diagnosis), ("adjoint", one_side)):
        assert (cells[operator].verdict, cells[operator].diagnosis) == ("DISAGREE", told), cells[operator].reason
    assert cells["jvp"].reason.startswith("jvp: got ")
    if diagnosis:
        assert f"What came back is {diagnosis}." in cells["jvp"].reason
    by_reverse = {operator: cells[operator].cls for operator in ("grad", "hvp")}
    expected = "pass" if backend == "torch" else "fail"  # JAX transposes the forward rule, torch has two
    assert by_reverse == {"grad": expected, "hvp": expected}


@pytest.mark.parametrize("backend", FRAMEWORKS)
def test_a_rule_without_forward_mode_has_no_cell_that_asks_for_it(backend: str) -> None:
    cells = judged(backend, BY_HAND[backend](RULES["right"]))
    assert {operator: cell.cls for operator, cell in cells.items()} == dict.fromkeys(("grad", "hvp", "vjp"), "pass")


@pytest.mark.parametrize("backend", FRAMEWORKS)
def test_a_rule_that_forgets_its_adjoint_is_caught_by_the_vjp(backend: str) -> None:
    cells = judged(backend, BY_HAND[backend](lambda f, w, g: f.sin(w) + w * f.cos(w)))
    assert {operator: cell.cls for operator, cell in cells.items()} == {"grad": "pass", "hvp": "pass", "vjp": "fail"}
    assert cells["vjp"].verdict == "DISAGREE"


@pytest.mark.parametrize("backend", ENGINES)
def test_what_has_no_forward_mode_says_so_where_it_is_asked_for(backend: str) -> None:
    said = judged(backend, BY_HAND[backend](RULES["right"]), "jvp", "adjoint")
    assert {operator: cell.verdict for operator, cell in said.items()} == dict.fromkeys(
        ("jvp", "adjoint"), "UNSUPPORTED"
    )
    assert "forward" in said["jvp"].reason


def test_only_a_lack_is_unsupported() -> None:
    lack = TypeError("can't apply forward-mode autodiff (jvp) to a custom_vjp function.")
    assert trouble_of(lack) is Trouble.UNSUPPORTED
    assert trouble_of(TypeError("can't multiply sequence")) is Trouble.ERROR


def test_natives_have_their_operators_by_profile() -> None:
    made = wave()
    made.native("torch", spelling="both")(in_torch(right))
    made.native("torch", spelling="backward")(BY_HAND["torch"](RULES["right"]))

    def operators(spelling: str, **selection: Any) -> dict[str, set[str]]:
        cells = [cell for cell in plan([made], Selection(**selection)) if cell.spelling == spelling]
        return {dtype: {cell.operator for cell in cells if cell.dtype == dtype} for dtype in ("float64", "float32")}

    both, backward = {"grad", "hvp", "jvp", "adjoint"}, {"grad", "hvp", "vjp"}
    assert operators("both", profile="default") == {"float64": both, "float32": {"grad"}}
    assert operators("backward", profile="default") == {"float64": backward, "float32": {"grad"}}
    assert operators("both", profile="full") == {"float64": both, "float32": both}
    assert operators("backward", profile="quick") == {"float64": {"grad"}, "float32": {"grad"}}
    assert operators("backward", operators=OPERATORS) == {dtype: set(OPERATORS) for dtype in ("float64", "float32")}


# --------------------------------------------------------------------------- how they are found


class Function:
    """Stands for `torch.autograd.Function`: no framework is imported to find a rule."""

    def jvp(self) -> None: ...


Function.__module__ = "torch.autograd.function"


class Backward(Function):
    def backward(self) -> None: ...


class Both(Function):
    def backward(self) -> None: ...
    def jvp(self) -> None: ...


class Inherits(Both): ...


LIBRARY = ModuleType("some_library")
LIBRARY.both, LIBRARY.backward = Both, Backward  # type: ignore[attr-defined]  # a module of the user's


def closed(*things: Any) -> Native:
    first, second = things

    def native(w: Any) -> Any:
        return first, second

    return native


def custom(jax: Any, w: Any) -> Any:
    return jax.custom_jvp(lambda w: w)(w)


def mixed(jax: Any, w: Any) -> Any:
    return jax.custom_vjp(lambda w: w)(custom(jax, w))


@pytest.mark.parametrize(
    ("function", "forward"),
    [
        (lambda w: Both, True),
        (lambda w: Inherits, True),
        (lambda w: Backward, False),
        (lambda w: (Both, Backward), False),
        (lambda w: LIBRARY.both, True),
        (lambda w: LIBRARY.backward, False),
        (closed(Both, 1), True),
        (closed(Both, Backward), False),
        (custom, True),
        (lambda jax, w: custom(jax, w), True),
        (mixed, False),
        (lambda torch, w: torch.sum(w), False),
        (in_torch(right), True),
        (in_jax(right), True),
        (BY_HAND["torch"](RULES["right"]), False),
        (BY_HAND["jax"](RULES["right"]), False),
        (BY_HAND["tensorflow"](RULES["right"]), False),
        (functools.partial(custom, None), False),
        (np.sum, False),
    ],
)
def test_forward_rules_are_read_off_the_code(function: Native, forward: bool) -> None:
    assert forward_rules(function) is forward


@pytest.mark.needs("jax")
def test_rules_that_are_made_outside_of_the_function_are_found() -> None:
    import jax

    forward, backward = jax.custom_jvp(lambda w: w), jax.custom_vjp(lambda w: w)
    assert forward_rules(lambda jax, w: forward(w))
    assert forward_rules(lambda jax, w: jax.jit(lambda w: forward(w))(w))
    assert not forward_rules(lambda jax, w: backward(forward(w)))
    assert not forward_rules(lambda jax, w: jax.nn.relu(w)), "a rule of the framework's is no rule of the user's"


# --------------------------------------------------------------------------- what is kept


def keeping(backend: str, kept: dict[str, Any]) -> Native:
    """Return a function whose rules answer for ever what they did at first."""
    if backend == "torch":
        return in_torch(lambda f, w, v: kept.setdefault("v", right(f, w, v)))

    def native(tf: Any, w: Any) -> Any:
        @tf.custom_gradient
        def cost(w: Any) -> Any:
            return tf.reduce_sum(w * tf.sin(w)), lambda g: kept.setdefault("g", right(tf, w, g))

        return cost(w)

    return native


@pytest.mark.parametrize(
    ("backend", "operator"),
    [
        pytest.param("torch", "jvp", marks=pytest.mark.needs("torch")),
        pytest.param("tensorflow", "vjp", marks=pytest.mark.needs("tensorflow")),
    ],
)
def test_a_product_that_is_kept_is_stale(backend: str, operator: str) -> None:
    cell = judged(backend, keeping(backend, {}), operator)[operator]
    assert (cell.verdict, cell.cls) == ("STALE", "fail"), cell.reason


@pytest.mark.needs("torch")
def test_a_product_that_is_right_to_be_the_same_is_not_stale() -> None:
    @case(w=param(shape=3), points=[dict(w=[1, -2, 3])])
    def bowl(xp: Any, w: Any) -> Any:
        return xp.sum(w**2)

    bowl.native("torch", spelling="own")(lambda torch, w: torch.sum(w * w))
    chosen = Selection(backends=("torch",), dtypes=("float64",), operators=("hvp",))
    cells = execute(Order(cases=(bowl,), selection=chosen), Inline()).cells
    assert {cell.cls for cell in cells} == {"pass"}, "the Hessian of a bowl is the same everywhere"


@pytest.mark.needs("jax")
@pytest.mark.parametrize("operator", ["vjp", "jvp", "hvp", "jacobian"])
def test_every_route_of_jax_is_traced_at_another_point_first(operator: str) -> None:
    """A number of the first trace is in the compiled function: at the point of the cell it is wrong."""
    first: list[int] = []

    def native(jax: Any, w: Any) -> Any:
        first.append(len(first))
        return (w * jax.numpy.sin(w)).sum() + jax.pure_callback(kept, jax.ShapeDtypeStruct((), w.dtype)) * w.sum()

    seen: list[int] = []

    def kept() -> Any:
        seen.append(len(first))
        return np.zeros(())

    assert judged("jax", native, operator)[operator].cls == "pass"
    assert len(seen) % 4 == 0, "elsewhere, here, beside, here again"
    assert set(seen) == {seen[0]}, "it was traced once"
