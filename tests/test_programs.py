"""Programs: complete, short, and printing the recorded numbers; a sixth backend."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.backends import describe
from harness.backends.adapter import Adapter
from harness.backends.phrasebook import Call, Phrasebook, numpy_style
from harness.graph import build as b
from harness.graph.build import Builder
from harness.graph.directions import drawn
from harness.graph.emit import emit
from harness.graph.node import Graph
from harness.measurement import Leaves, Measurement, Task
from measured import NAMES, adapter, measured, mlp, printed, recorded, run, square


@pytest.mark.parametrize("name", NAMES)
def test_the_program_of_the_square_takes_fifteen_lines(name: str) -> None:
    graph, inputs = square()
    backend = adapter(name)
    program = backend.reproduce(Task(graph=graph, inputs=inputs, dtype="float64", variant=backend.variants[0]))
    assert len(program.splitlines()) <= 15
    assert max(map(len, program.splitlines())) <= 120
    assert program.startswith(measured(name, graph, inputs).source)


@pytest.mark.parametrize("name", NAMES)
def test_a_program_prints_the_recorded_numbers(name: str, tmp_path: Path) -> None:
    """Both ways to give inputs, three dtypes, a non-finite input and a partial that is None, in two processes."""
    builder = Builder()
    x, y, unused = (builder.input(path, (3,), param=True) for path in ("layer.x", "y", "unused"))
    k = builder.input("k", (2,), "int")
    small = builder.freeze(b.call("logsumexp", b.call("take", x / 3 - y, k, axis=0), axes=(0,), keepdims=False))
    inputs: Leaves = {"layer.x": np.array([0.1, 0.7, np.inf]), "y": np.array([1 / 3, -0.0, 1]), "k": np.array([0, 1])}
    inputs |= {"unused": np.zeros(unused.shape)}
    backend = adapter(name)
    blocks, expected = [], []
    for dtype in ("float64", "float32", "bfloat16"):
        exact = {path: rounded(values, dtype) for path, values in inputs.items()}
        task = Task(graph=small, inputs=exact, dtype=dtype, variant=backend.variants[0])
        blocks.append(backend.reproduce(task))
        expected.append(recorded(backend.measure(task)))
    assert printed(run("".join(blocks), tmp_path)) == expected

    graph, large = mlp()
    task = Task(graph=graph, inputs=large, dtype="float64", variant=backend.variants[0])
    np.savez(tmp_path / "inputs.npz", **large)
    program = backend.reproduce(task)
    assert 'np.load("inputs.npz")' in program
    assert printed(run(program, tmp_path)) == [recorded(backend.measure(task))]


def rounded(values: np.ndarray[Any, Any], dtype: str) -> np.ndarray[Any, Any]:
    """Return real values that the dtype holds exactly; bfloat16 keeps the upper half of a float32."""
    if values.dtype.kind != "f" or dtype == "float64":
        return values
    single = values.astype(np.float32)
    if dtype == "bfloat16":
        single = (single.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
    return single.astype(float)


def test_a_program_prints_none_where_the_framework_says_none(tmp_path: Path) -> None:
    builder = Builder()
    w, _ = (builder.input(path, (), param=True) for path in ("w", "unused"))
    graph = builder.freeze(w * w)
    task = Task(graph=graph, inputs={"w": np.array(0.1), "unused": np.array(1.0)}, dtype="float64", variant="eager")
    assert printed(run(adapter("torch").reproduce(task), tmp_path)) == [(0.1 * 0.1, [0.2, None])]


ROUTES = {name: [("grad", describe(name).variants), *describe(name).routes.items()] for name in NAMES}
"""Backend → each operator with its variants."""


def network() -> tuple[Graph, Leaves]:
    """Return a layer whose bias is summed over rows, with numbers that every dtype holds."""
    builder = Builder()
    w, bias = builder.input("w", (2, 2), param=True), builder.input("bias", (2,), param=True)
    x = builder.input("x", (3, 2))
    h = b.call("softplus", b.matmul(x, w) + bias)
    inputs: Leaves = {"w": np.array([[0.5, -1.25], [0.75, 2.0]]), "bias": np.array([0.125, -0.5])}
    return builder.freeze(b.call("mean", h * b.call("tanh", h), axes=(0, 1), keepdims=False)), inputs | {
        "x": np.array([[1.0, 0.5], [-0.25, 3.0], [0.75, -2.0]])
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_variant_and_operator_prints_the_recorded_number_bit_for_bit(name: str, tmp_path: Path) -> None:
    """In a process of its own, in float32 and bfloat16; where a framework has no such call, nothing is printed."""
    graph, inputs = network()
    backend, blocks, expected = adapter(name), [], []
    for operator, variants in ROUTES[name]:
        for variant in variants:
            for dtype in ("float32", "bfloat16") if operator == "grad" else ("bfloat16",):
                given = inputs | drawn(graph, operator, 0)
                task = Task(graph=graph, inputs=given, dtype=dtype, variant=variant, operator=operator)
                got = backend.measure(task)
                if got.failure is None:
                    blocks.append(backend.reproduce(task))
                    expected.append(recorded(got))
    assert len(blocks) >= 2 * len(backend.variants) + 3
    for said, known in zip(printed(run("".join(blocks), tmp_path)), expected, strict=True):
        assert hexadecimal(said) == hexadecimal(known)


def hexadecimal(numbers: Any) -> Any:
    """Return nested numbers as hexadecimal texts, which tell -0 from 0."""
    if isinstance(numbers, list | tuple):
        return [hexadecimal(one) for one in numbers]
    return None if numbers is None else float(numbers).hex()


@pytest.mark.parametrize("name", NAMES)
def test_a_small_graph_takes_fifteen_lines(name: str) -> None:
    """Twelve nodes and twenty numbers, in every variant of the gradient."""
    builder = Builder()
    leaves = [builder.input(path, (4,), param=True) for path in ("first", "second", "third", "fourth", "fifth")]
    h = b.call("tanh", leaves[0] * leaves[1] + leaves[2])
    y = b.call("square", h - leaves[3]) * leaves[4]
    graph = builder.freeze(b.call("sum", y, axes=(0,), keepdims=False))
    assert len(graph.nodes) == 12
    backend = adapter(name)
    inputs: Leaves = {path: np.linspace(0.1, 0.7, 4) for path in graph.params}
    for variant in backend.variants:
        program = backend.reproduce(Task(graph=graph, inputs=inputs, dtype="float64", variant=variant))
        assert len(program.splitlines()) <= 15, program


@pytest.mark.parametrize("name", ["tensorflow", "torch", "jax"])
def test_a_leaf_may_be_called_as_anything_in_the_lines_around_the_cost(name: str) -> None:
    backend = adapter(name)
    ways = [("grad", variant) for variant in backend.variants]
    ways += [(operator, route) for operator, routes in backend.routes.items() for route in routes]
    for operator, variant in ways:
        source = emit(sum_of_squares(["w"]), backend.book, dtype="float64", variant=variant, operator=operator).body
        words = sorted({word for word in re.findall(r"[a-z_]+", source) if word.isidentifier()})
        graph = sum_of_squares(words)
        inputs: Leaves = {path: np.array(0.5 + k / 8) for k, path in enumerate(words)}
        given = inputs | (drawn(graph, operator, 0) if operator != "grad" else {})
        got = backend.measure(Task(graph=graph, inputs=given, dtype="float64", variant=variant, operator=operator))
        assert got.failure is None, (operator, variant, got.failure)
        if operator in ("grad", "jacobian"):
            assert [entry(got, path) for path in words] == [2 * float(x) for x in inputs.values()]


def sum_of_squares(paths: list[str]) -> Graph:
    builder = Builder()
    squares = [b.call("square", builder.input(path, (), param=True)) for path in paths]
    return builder.freeze(sum(squares[1:], squares[0]))


COMPLEX = Phrasebook(
    name="complex steps",
    imports={"math": "import math", "np": "import numpy as np"},
    prelude="dtype = np.{dtype}\n",
    differentiate=lambda call: (
        f"""def gradient({", ".join(call.arguments)}):
    value, step = cost({", ".join(call.arguments)}), 1e-200j
    return value, [cost(*bumped).imag / 1e-200 for bumped in (({"), (".join(bumps(call))}),)]
"""
    ),
    leaves={"real": "np.asarray({0}, dtype)", "int": "np.asarray({0})", "bool": "np.asarray({0})"},
    phrases=numpy_style("np"),
    show="float({0})",
)
"""Squire and Trapp, Using complex variables to estimate derivatives of real functions, 1998; scalars only."""


def bumps(call: Call) -> list[str]:
    return [", ".join(f"{name} + step" if name == param else name for name in call.arguments) for param in call.params]


class ComplexStep(Adapter):
    name, mechanism, package, dtypes, book = "complex_step", "complex steps", "numpy", ("float64",), COMPLEX

    def native(self, values: np.ndarray[Any, Any], dtype: str) -> Any:
        return values

    def numpy(self, array: Any) -> tuple[np.ndarray[Any, Any], str]:
        return np.asarray(array), str(np.asarray(array).dtype)


def test_a_sixth_backend_is_a_phrasebook_and_two_conversions(tmp_path: Path) -> None:
    builder = Builder()
    v, w = (builder.input(path, (), param=True) for path in ("v", "w"))
    graph = builder.freeze(b.call("exp", v * w) / (1 + b.call("square", b.call("sin", v))))
    inputs: Leaves = {"v": np.array(0.3), "w": np.array(-1.1)}
    task = Task(graph=graph, inputs=inputs, dtype="float64", variant="eager")
    got, torch = ComplexStep().measure(task), measured("torch", graph, inputs)
    for path in ("v", "w"):
        assert abs(entry(got, path) - entry(torch, path)) <= 1e-15
    assert printed(run(ComplexStep().reproduce(task), tmp_path)) == [recorded(got)]


def entry(got: Measurement, path: str) -> float:
    partial = got.partials[path]
    assert partial is not None, got.failure
    return float(partial.values)
