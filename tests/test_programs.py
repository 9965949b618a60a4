"""Programs: complete, short, and printing the recorded numbers; a sixth backend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.backends.adapter import Adapter
from harness.backends.phrasebook import Call, Phrasebook, numpy_style
from harness.graph import build as b
from harness.graph.build import Builder
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
