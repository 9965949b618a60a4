"""What depends on no leaf: a cost that does not, and a function that leaves its framework on the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import harness
from harness import data
from harness.backends import describe
from harness.graph.directions import drawn
from harness.measurement import Measurement, Task
from harness.run.records import CellLine
from harness.xp.trace import Leaf, trace
from measured import NAMES, adapter, printed, recorded, run
from test_forward_rules import judged
from test_natives import wave

Native = Callable[..., Any]
TORCH = pytest.mark.needs("torch")


def fixed(xp: Any, w: Any, v: Any) -> Any:
    return xp.sum(xp.full(2, 1.5))


def stopped(xp: Any, w: Any, v: Any) -> Any:
    return xp.sum(xp.stop_gradient(w)) * xp.stop_gradient(v)


def asked(cost: Native, operator: str, variant: str) -> Task:
    shapes: dict[str, tuple[int, ...]] = {"w": (2,), "v": ()}
    graph = trace(cost, {path: Leaf(shape=shape, kind="real", param=True) for path, shape in shapes.items()}, "cost")
    inputs = {"w": np.array([1.0, 2.0]), "v": np.array(3.0)} | drawn(graph, operator, 0)
    return Task(graph=graph, inputs=inputs, dtype="float64", variant=variant, operator=operator)


ROUTES = [
    pytest.param(name, operator, variant, marks=pytest.mark.needs(name))
    for name in NAMES
    for operator in describe(name).operators()
    for variant in (describe(name).variants if operator == "grad" else describe(name).routes[operator])
]


def nothing(found: Measurement) -> bool:
    """Return whether each result is None or zeros."""
    return all(one is None or not one.values.any() for one in found.partials.values())


@pytest.mark.parametrize(("name", "operator", "variant"), ROUTES)
def test_every_route_answers_of_a_cost_that_depends_on_nothing(name: str, operator: str, variant: str) -> None:
    for cost, value in ((fixed, 3.0), (stopped, 9.0)):
        found = adapter(name).measure(asked(cost, operator, variant))
        assert found.failure is None, (cost.__name__, found.failure)
        assert found.value is not None
        assert float(found.value.values) == value
        assert nothing(found), cost.__name__


@TORCH
@pytest.mark.parametrize("operator", ["grad", "vjp"])
def test_torch_has_no_path_and_its_program_prints_so(operator: str, tmp_path: Path) -> None:
    task = asked(fixed, operator, "eager")
    found = adapter("torch").measure(task)
    assert found.partials == {"w": None, "v": None}
    assert printed(run(adapter("torch").reproduce(task), tmp_path)) == [recorded(found)]


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.needs(name)) for name in NAMES])
def test_a_cost_that_depends_on_nothing_is_judged_alike(name: str) -> None:
    (cell,) = harness.check(lambda xp, w: xp.sum(xp.full(2, 1.0)), w=1.0, backends=(name,)).cells
    assert cell.cls == "pass", cell.reason


# --------------------------------------------------------------------------- functions that leave their framework


def unrecorded(torch: Any, w: Any) -> Any:
    with torch.no_grad():
        return (w * torch.sin(w)).sum()


def inferred(torch: Any, w: Any) -> Any:
    with torch.inference_mode():
        return (w * torch.sin(w)).sum()


DETACHED: dict[str, tuple[str, Native]] = {
    "detach": ("torch", lambda torch, w: (w * torch.sin(w)).sum().detach()),
    "item": ("torch", lambda torch, w: torch.tensor((w * torch.sin(w)).sum().item(), dtype=w.dtype)),
    "no_grad": ("torch", unrecorded),
    "stop_gradient": ("tensorflow", lambda tf, w: tf.stop_gradient(tf.reduce_sum(w * tf.sin(w)))),
    "float": ("tensorflow", lambda tf, w: tf.constant(float(tf.reduce_sum(w * tf.sin(w))), w.dtype)),
}


def cell_of(backend: str, native: Native, operator: str = "grad") -> CellLine:
    return judged(backend, native, operator)[operator]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.needs(backend)) for name, (backend, _) in DETACHED.items()]
)
def test_what_is_wholly_detached_is_disconnected(name: str) -> None:
    cell = cell_of(*DETACHED[name])
    assert (cell.verdict, cell.cls) == ("DISCONNECTED", "fail"), cell.reason
    assert "no gradient came back (None), though the value depends on it" in cell.reason


@TORCH
def test_a_port_that_is_wholly_detached_is_disconnected() -> None:
    point: dict[str, Any] = {"w": [0.3, -1.2], "x": data([1.0, 0.5])}
    ports = {"torch": lambda torch, w, x: torch.tanh(w.detach() * x).mean()}
    found = harness.check(ports, reference=lambda xp, w, x: xp.mean(xp.tanh(w * x)), **point)
    assert [(cell.backend, cell.verdict) for cell in found.failed] == [("torch", "DISCONNECTED")]


SAID: dict[str, tuple[str, Native, str]] = {
    "numpy": ("torch", lambda torch, w: torch.tensor((w.numpy() * 2).sum()), "; keep to torch operations: what NumPy"),
    "inference": ("torch", inferred, "; take torch.inference_mode() away: what is computed in it leaves the graph"),
    "float": ("jax", lambda jax, w: jax.numpy.asarray(float(w.sum())), "; keep to jax.numpy operations: float()"),
    "array": ("jax", lambda jax, w: jax.numpy.asarray(np.sin(w).sum()), "; write jax.numpy in NumPy's place"),
    "if": ("jax", lambda jax, w: w.sum() if w[0] > 0 else -w.sum(), "; write jax.numpy.where or jax.lax.cond"),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.needs(backend)) for name, (backend, *_) in SAID.items()]
)
def test_where_a_framework_raises_it_is_said_what_to_do(name: str) -> None:
    backend, native, advice = SAID[name]
    cell = cell_of(backend, native)
    assert cell.verdict == "ERROR"
    assert advice in cell.reason
    assert "Use tensor.detach()" not in cell.reason, "who follows that has no gradient"


@pytest.mark.needs("tensorflow")
@pytest.mark.parametrize("number", [lambda w: w.numpy().sum(), lambda w: np.sum(w), lambda w: float(w[0])])
def test_a_traced_function_of_tensorflow_is_told_the_same(number: Native) -> None:
    made = wave()
    made.native("tensorflow", spelling="own")(lambda tf, w: tf.constant(number(w), w.dtype))
    selection = harness.run.plan.Selection(backends=("tensorflow",), dtypes=("float64",), variants=("function",))
    order = harness.run.execute.Order(cases=(made,), selection=selection)
    cells = harness.run.execute.execute(order, harness.run.lab.Inline()).cells
    (cell,) = (cell for cell in cells if cell.spelling == "own")
    assert cell.verdict == "ERROR"
    assert "; keep to tf operations: " in cell.reason


# --------------------------------------------------------------------------- differentiable once


def by_hand(once: bool, outside: Native) -> Native:
    """Return Σ w sin w by a rule of its own, which is marked where `once`, inside another function."""

    def native(torch: Any, w: Any) -> Any:
        mark = torch.autograd.function.once_differentiable if once else lambda rule: rule

        class Wave(torch.autograd.Function):  # type: ignore[misc]  # torch is Any here
            @staticmethod
            def forward(ctx: Any, w: Any) -> Any:
                ctx.save_for_backward(w)
                return (w * torch.sin(w)).sum()

            @staticmethod
            @mark  # type: ignore[untyped-decorator]  # torch is Any here
            def backward(ctx: Any, g: Any) -> Any:
                (w,) = ctx.saved_tensors
                return g * (torch.sin(w) + w * torch.cos(w))

        return outside(torch, Wave.apply(w))

    return native


OUTSIDE: dict[str, Native] = {
    "alone": lambda torch, y: y,
    "inside another": lambda torch, y: torch.exp(torch.log(y)),
    "beside a path that is whole": lambda torch, y: (y + y * y) / (1 + y),
}


@TORCH
@pytest.mark.parametrize("outside", OUTSIDE)
def test_a_backward_that_is_declared_once_has_no_second_derivative_and_that_is_told(outside: str) -> None:
    once = by_hand(True, OUTSIDE[outside])
    assert cell_of("torch", once).cls == "pass"
    cell = cell_of("torch", once, "hvp")
    assert (cell.verdict, cell.cls) == ("UNSUPPORTED", "inconclusive")
    assert cell.reason == "the backward of Wave is declared to be differentiable once (@once_differentiable)"


@TORCH
def test_without_the_mark_a_second_derivative_is_judged() -> None:
    assert cell_of("torch", by_hand(False, lambda torch, y: y), "hvp").cls == "pass"
    stopping = by_hand(False, lambda torch, y: y.detach())
    assert cell_of("torch", stopping, "hvp").verdict == "DEAD-LEAF", "zeros without the mark are a stopped path"
