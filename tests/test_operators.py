"""Operators beyond the gradient: the right ones pass in every framework and mode, the wrong ones are caught."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import case, param
from harness.backends import describe
from harness.graph import build as b
from harness.graph import derive
from harness.graph.build import Builder, Ref
from harness.graph.directions import cotangent, directions, drawn, tangents
from harness.graph.node import Graph
from harness.graph.operators import BY_JVP, BY_VJP, OPERATORS
from harness.graph.registry import PRIMITIVES
from harness.judge import Class, Evidence, judge
from harness.judge.verdict import Verdict
from harness.measurement import Leaves, Measurement, Partial, Task
from harness.run.plan import Selection, plan
from harness.spelling import NativeCall, Spelling
from harness.truth import Kind, Tolerance, Truth, establish, tolerance
from measured import NAMES, adapter, printed, recorded, run

BEYOND = [operator for operator in OPERATORS if operator != "grad"]
ROUTES = [(name, operator, v) for name in NAMES for operator in BEYOND for v in describe(name).routes[operator]]

# --------------------------------------------------------------------------- functions


def of(cost: Callable[..., Ref], **inputs: Any) -> tuple[Graph, Leaves]:
    """Return the graph of a cost of reals (float arrays, differentiated) and data (integer arrays), and its point."""
    builder = Builder()
    leaves = {}
    for path, x in inputs.items():
        whole = np.asarray(x).dtype.kind == "i"
        leaves[path] = builder.input(path, np.shape(x), "int" if whole else "real", param=not whole)
    return builder.freeze(cost(**leaves)), {path: np.asarray(x) for path, x in inputs.items()}


def total(x: Ref) -> Ref:
    return b.total(x, range(x.ndim))


def elementwise(x: Ref, y: Ref) -> Ref:
    return total(b.call("exp", x) * b.call("sin", y) + x * x * y)


def mlp(w1: Ref, b1: Ref, w2: Ref, x: Ref) -> Ref:
    hidden = b.call("tanh", b.matmul(x, w1) + b1)
    return total(b.call("softplus", b.matmul(hidden, w2)))


def logsumexp(x: Ref) -> Ref:
    return total(b.call("logsumexp", x, axes=(1,), keepdims=False))


def ordered(x: Ref, k: Ref) -> Ref:
    picked = b.call("take", b.call("sort", x, axis=0, descending=False), k, axis=0)
    return total(picked * picked * picked)


def convolved(x: Ref, w: Ref) -> Ref:
    y = b.call("conv2d", x, w, strides=(1, 1), padding=((0, 0), (0, 0)), mode="VALID")
    return total(b.call("tanh", y))


DRAW = np.random.default_rng(4)


def some(*shape: int) -> Any:
    return DRAW.normal(size=shape).round(2)


FUNCTIONS = {
    "elementwise": of(elementwise, x=some(3), y=some(3)),
    "mlp": of(mlp, w1=some(2, 3), b1=some(3), w2=some(3, 1), x=some(4, 2)),
    "logsumexp": of(logsumexp, x=some(3, 4)),
    "sorted": of(ordered, x=np.array([0.5, -1.25, 2.0, 0.75]), k=np.array([2, 0, 2])),
    "convolution": of(convolved, x=some(1, 4, 4, 2), w=some(2, 2, 2, 1)),
}


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Asked:
    """An operator of a function at a point, with its truth."""

    task: Task
    truth: Truth
    tolerance: Tolerance

    def verdict(self, measurement: Measurement) -> Verdict:
        evidence = Evidence(measurement=measurement, truth=self.truth, tolerance=self.tolerance, dtype=self.task.dtype)
        return judge(evidence).verdict


@lru_cache
def asked(function: str, operator: str, dtype: str = "float64") -> Asked:
    graph, inputs = FUNCTIONS[function]
    derivative = OPERATORS[operator](graph)
    if dtype != "float64":
        inputs = {path: x.astype(dtype).astype(x.dtype) if x.dtype.kind == "f" else x for path, x in inputs.items()}
    inputs = inputs | drawn(graph, operator, 0)
    truth = establish(derivative, inputs, dtype)
    allowed = tolerance(derivative, inputs, dtype, truth)
    task = Task(graph=graph, inputs=inputs, dtype=dtype, variant="", operator=operator)
    return Asked(task=task, truth=truth, tolerance=allowed)


def measured(name: str, of: Asked, variant: str, **changes: Any) -> Measurement:
    return adapter(name).measure(dataclasses.replace(of.task, variant=variant, **changes))


# --------------------------------------------------------------------------- what is right passes


@pytest.mark.parametrize(("name", "operator", "variant"), ROUTES)
def test_right_ones_pass(name: str, operator: str, variant: str) -> None:
    for function in FUNCTIONS:
        of = asked(function, operator)
        assert of.truth.refusal is None, of.truth.refusal
        assert of.truth.certificate.accepted
        got = measured(name, of, variant)
        assert got.failure is None, (function, got.failure)
        assert of.verdict(got).cls is Class.PASS, function


@pytest.mark.parametrize("operator", BEYOND)
@pytest.mark.parametrize("name", NAMES)
def test_right_ones_pass_in_float32(name: str, operator: str) -> None:
    of = asked("mlp", operator, "float32")
    got = measured(name, of, describe(name).routes[operator][0])
    assert of.verdict(got).cls is Class.PASS


@pytest.mark.parametrize(("name", "operator", "variant"), [(n, o, v) for n, o, v in ROUTES if n != "jax"][::2])
def test_programs_print_the_recorded_numbers(name: str, operator: str, variant: str, tmp_path: Path) -> None:
    task = dataclasses.replace(asked("elementwise", operator).task, variant=variant)
    program = adapter(name).reproduce(task)
    assert "harness" not in program
    assert printed(run(program, tmp_path)) == [recorded(adapter(name).measure(task))]


def test_a_program_of_jax_prints_the_recorded_number(tmp_path: Path) -> None:
    task = dataclasses.replace(asked("elementwise", "hvp").task, variant="reverse-reverse")
    program = adapter("jax").reproduce(task)
    assert printed(run(program, tmp_path)) == [recorded(adapter("jax").measure(task))]


# --------------------------------------------------------------------------- what is wrong is caught


def off(measurement: Measurement, path: str, by: float) -> Measurement:
    """Return the measurement with one entry of a result scaled."""
    partial = measurement.partials[path]
    assert partial is not None
    values = partial.values.copy()
    values.flat[int(np.argmax(abs(values)))] *= 1 + by
    lie = Partial(values=values, dtype=partial.dtype)
    return dataclasses.replace(measurement, partials={**measurement.partials, path: lie})


@pytest.mark.parametrize("operator", BEYOND)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_changed_entry_is_caught(function: str, operator: str) -> None:
    of = asked(function, operator)
    honest = measured("torch", of, describe("torch").routes[operator][0])
    for path in of.truth.partials:
        for by in (1e-9, -2.0):
            assert of.verdict(off(honest, path, by)).cls is Class.FAIL, (path, by)


def test_a_direction_that_is_forgotten_is_caught() -> None:
    for operator in ("jvp", "hvp", "vjp", "adjoint"):
        of = asked("elementwise", operator)
        ones = {path: np.ones(shape) for path, shape in directions(of.task.graph, operator).items()}
        got = measured("torch", of, describe("torch").routes[operator][0], inputs=of.task.inputs | ones)
        assert of.verdict(got).cls is Class.FAIL, operator


def spelt(backend: str, module: str, function: Callable[..., Any]) -> NativeCall:
    """Return a function as a user's spelling on a backend."""
    live = Spelling(backend=backend, name="own", written="own", function=function, module=module)
    return NativeCall(file="nowhere.py", case="own", backend=backend, name="own", live=live)


def cubes() -> tuple[Graph, Leaves]:
    return of(lambda x: total(x * x * x), x=np.array([0.5, -1.25, 2.0]))


FUNCTIONS["cubes"] = cubes()


def in_torch(torch: Any, x: Any, second: float, forward: float) -> Any:
    """Return Σx³ by rules of its own: right at first order, the second and the forward rule scaled."""

    class Slope(torch.autograd.Function):  # type: ignore[misc, name-defined]  # torch is Any here
        generate_vmap_rule = True

        @staticmethod
        def forward(x: Any) -> Any:
            return 3 * x**2

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return second * 6 * ctx.saved_tensors[0] * g

        @staticmethod
        def jvp(ctx: Any, v: Any) -> Any:
            return second * 6 * ctx.saved_tensors[0] * v

    class Cube(torch.autograd.Function):  # type: ignore[misc, name-defined]  # torch is Any here
        generate_vmap_rule = True

        @staticmethod
        def forward(x: Any) -> Any:
            return x**3

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return Slope.apply(ctx.saved_tensors[0]) * g

        @staticmethod
        def jvp(ctx: Any, v: Any) -> Any:
            return forward * 3 * ctx.saved_tensors[0] ** 2 * v

    return torch.sum(Cube.apply(x))


def in_jax(jax: Any, x: Any, second: float, forward: float) -> Any:
    """Return Σx³ by rules of its own: the forward rule scaled, and the rule of its slope."""

    @jax.custom_jvp
    def slope(x: Any) -> Any:
        return 3 * x**2

    slope.defjvps(lambda v, y, x: second * 6 * x * v)

    @jax.custom_jvp
    def cube(x: Any) -> Any:
        return x**3

    cube.defjvps(lambda v, y, x: forward * slope(x) * v)
    return jax.numpy.sum(cube(x))


def in_tensorflow(tf: Any, x: Any, second: float, forward: float) -> Any:
    """Return Σx³ by rules of its own: right at first order, the second scaled."""

    @tf.custom_gradient
    def slope(x: Any) -> Any:
        return 3 * x**2, lambda g: second * 6 * x * g

    @tf.custom_gradient
    def cube(x: Any) -> Any:
        return x**3, lambda g: forward * slope(x) * g

    return tf.reduce_sum(cube(x))


OWN = {"torch": ("torch", in_torch), "jax": ("jax", in_jax), "tensorflow": ("tf", in_tensorflow)}


def native(name: str, second: float = 1.0, forward: float = 1.0) -> NativeCall:
    module, function = OWN[name]

    def own(namespace: Any, x: Any) -> Any:
        return function(namespace, x, second, forward)

    return spelt(name, module, own)


def routes(name: str, operator: str) -> Iterator[str]:
    yield from describe(name).routes[operator]


@pytest.mark.parametrize("name", NAMES)
def test_rules_of_ones_own_that_are_right_pass(name: str) -> None:
    if name == "torch":  # the first Function under torch.func imports this, which wraps torch.manual_seed
        importlib.import_module("torch._dynamo")
    for operator in BEYOND:
        of = asked("cubes", operator)
        for variant in routes(name, operator):
            got = measured(name, of, variant, native=native(name))
            assert got.failure is None, (operator, variant, got.failure)
            assert of.verdict(got).cls is Class.PASS, (operator, variant)


@pytest.mark.parametrize("name", NAMES)
def test_a_rule_that_is_wrong_only_in_the_second_derivative_is_caught(name: str) -> None:
    wrong = native(name, second=1 + 1e-6)
    gradient, product = asked("cubes", "jacobian"), asked("cubes", "hvp")
    assert gradient.verdict(measured(name, gradient, "reverse", native=wrong)).cls is Class.PASS
    usual, *_ = routes(name, "hvp")
    assert product.verdict(measured(name, product, usual, native=wrong)) is Verdict.DISAGREE


def test_forward_mode_of_tensorflow_goes_past_a_rule_and_its_usual_route_does_not() -> None:
    of, wrong = asked("cubes", "hvp"), native("tensorflow", second=2.0)
    found = {
        route: of.verdict(measured("tensorflow", of, route, native=wrong)) for route in routes("tensorflow", "hvp")
    }
    assert found == {
        "reverse-reverse": Verdict.DISAGREE,
        "forward-reverse": Verdict.EXACT,
        "reverse-forward": Verdict.EXACT,
    }
    assert next(routes("tensorflow", "hvp")) == "reverse-reverse"


@pytest.mark.parametrize("operator", ["jvp", "adjoint"])
@pytest.mark.parametrize("name", ["torch", "jax"])
def test_a_wrong_forward_rule_is_caught(name: str, operator: str) -> None:
    of, wrong = asked("cubes", operator), native(name, forward=1 + 1e-6)
    for variant in routes(name, operator):
        assert of.verdict(measured(name, of, variant, native=wrong)).cls is Class.FAIL


def test_the_adjoint_identity_tells_which_side_is_wrong() -> None:
    of = asked("cubes", "adjoint")
    got = measured("torch", of, "func", native=native("torch", forward=1.5))
    evidence = Evidence(measurement=got, truth=of.truth, tolerance=of.tolerance, dtype="float64")
    assert [leaf.path for leaf in judge(evidence).leaves if leaf.wrong.any()] == [BY_JVP]
    assert judge(evidence).diagnosis == "by jvp: scaled by 3/2"


# --------------------------------------------------------------------------- truths


def test_both_sides_of_the_identity_are_the_scalar_product() -> None:
    graph, inputs = FUNCTIONS["mlp"]
    v, c = tangents(graph), cotangent(graph)
    of = asked("mlp", "adjoint")
    gradient = establish(derive.gradient(graph), inputs, "float64")
    slope = sum(float(np.sum(g.nearest * of.task.inputs[v[path]])) for path, g in gradient.partials.items())
    for side in (BY_JVP, BY_VJP):
        assert float(of.truth.partials[side].nearest) == pytest.approx(float(of.task.inputs[c]) * slope, rel=1e-13)


def test_a_hessian_of_a_polynomial_is_exact() -> None:
    of = asked("cubes", "hvp")
    x, v = of.task.inputs["x"], of.task.inputs["v.x"]
    assert (of.truth.partials["x"].nearest == 6 * x.astype(float) * v).all()


@pytest.mark.parametrize("rule", ["multiply", "exp", "sin", "cos"])
def test_a_wrong_second_sweep_fails_the_certificate(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = PRIMITIVES[rule].vjp
    assert honest is not None

    def vjp(*args: Any, **attrs: Any) -> tuple[Ref | None, ...]:
        return tuple(None if part is None else part * (1 + 1e-6) for part in honest(*args, **attrs))

    mutated = {**PRIMITIVES, rule: dataclasses.replace(PRIMITIVES[rule], vjp=vjp)}
    second = derive.second
    monkeypatch.setattr("harness.graph.operators.second", lambda first: second(first, mutated))
    graph, inputs = FUNCTIONS["elementwise"]
    truth = establish(OPERATORS["hvp"](graph), inputs | drawn(graph, "hvp", 0), "float64")
    assert truth.refusal is not None
    assert truth.refusal.kind is Kind.CERTIFICATE


@pytest.mark.parametrize("operator", ["vjp", "jvp", "hvp", "adjoint"])
def test_a_wrong_first_sweep_fails_the_certificate(operator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = PRIMITIVES["exp"].vjp
    assert honest is not None
    wrong = dataclasses.replace(PRIMITIVES["exp"], vjp=lambda *a, **k: tuple(-p for p in honest(*a, **k) if p))
    monkeypatch.setitem(PRIMITIVES, "exp", wrong)
    graph, inputs = FUNCTIONS["elementwise"]
    truth = establish(OPERATORS[operator](graph), inputs | drawn(graph, operator, 0), "float64")
    assert truth.refusal is not None
    assert truth.refusal.kind is Kind.CERTIFICATE


def test_a_wrong_transpose_fails_the_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.graph import operators

    honest = operators._transposed
    monkeypatch.setattr(operators, "_transposed", lambda builder, linear, seed: honest(builder, linear, seed) * 1.5)
    graph, inputs = FUNCTIONS["elementwise"]
    truth = establish(OPERATORS["jvp"](graph), inputs | drawn(graph, "jvp", 0), "float64")
    assert truth.refusal is not None
    assert truth.certificate.how == "two derivations of one number differ"


# --------------------------------------------------------------------------- directions


def test_directions_are_exact_in_every_dtype_and_follow_the_seed() -> None:
    graph, _ = FUNCTIONS["mlp"]
    first, again, other = (drawn(graph, "adjoint", seed) for seed in (0, 0, 1))
    assert all((first[path] == again[path]).all() for path in first)
    assert any((first[path] != other[path]).any() for path in first)
    for values in first.values():
        assert (np.abs(values) >= 0.25).all()
        assert (values * 8 == np.round(values * 8)).all()
        assert (np.abs(values) <= 2).all()
        assert (values.astype(np.float16) == values).all()
    assert abs(first[cotangent(graph)]) != 1


def test_directions_get_names_that_no_leaf_has() -> None:
    graph, inputs = of(lambda c, v: total(c * v * v), c=np.array([1.5]), v=np.array([0.5]))
    given = inputs | drawn(graph, "adjoint", 0)
    assert set(given) == {"c", "v", "vv.c", "vv.v", "cc"}
    truth = establish(OPERATORS["adjoint"](graph), given, "float64")
    assert truth.refusal is None
    got = adapter("torch").measure(Task(graph=graph, inputs=given, dtype="float64", variant="func", operator="adjoint"))
    assert got.failure is None
    assert float(truth.partials[BY_JVP].nearest) == recorded(got)[1][0]


# --------------------------------------------------------------------------- the plan


@case(w=param(), points=[dict(w=3.0), dict(w=2.0)])
def planned(xp: Any, w: Any) -> Any:
    return w**2


def ids(**selection: Any) -> set[tuple[str, str, str, str]]:
    cells = plan([planned], Selection(backends=("torch",), **selection))
    return {(cell.operator, cell.variant, cell.dtype, cell.point) for cell in cells}


def test_the_default_profile_plans_some_at_one_point() -> None:
    beyond = {one for one in ids(profile="default") if one[0] != "grad"}
    assert beyond == {("hvp", "reverse-reverse", "float64", "p0"), ("adjoint", "dual", "float64", "p0")}
    assert {one[0] for one in ids(profile="quick")} == {"grad"}


def test_the_full_profile_plans_all_everywhere() -> None:
    everything = ids(profile="full")
    for operator in BEYOND:
        for variant in describe("torch").routes[operator]:
            for dtype in ("float64", "float32"):
                assert {(operator, variant, dtype, "p0"), (operator, variant, dtype, "p1")} <= everything


def test_named_operators_are_planned_at_every_point_in_every_way() -> None:
    variants = describe("torch").routes["hvp"]
    assert ids(operators=("hvp",), dtypes=("float64",)) == {
        ("hvp", variant, "float64", point) for variant in variants for point in ("p0", "p1")
    }
