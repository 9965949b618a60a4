"""What comes back is kept as it came; what fails is told in a sentence; nothing is raised."""

from __future__ import annotations

import ast
import inspect
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import Command
from harness.backends import BACKENDS, OLDEST, available, describe
from harness.backends.said import first_line
from harness.graph import build as b
from harness.graph.build import Builder
from harness.measurement import Task, Trouble
from measured import NAMES, VARIANTS, adapter, measured, square


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_value_and_gradient_come_back_in_the_dtype_of_the_task(name: str, dtype: str) -> None:
    got = measured(name, *square(), dtype=dtype)
    assert got.value is not None
    assert got.partials["w"] is not None
    assert (got.value.dtype, float(got.value.values), got.value.values.shape) == (dtype, 9.0, ())
    assert (got.partials["w"].dtype, float(got.partials["w"].values)) == (dtype, 6.0)
    assert got.seconds > 0


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_a_repeated_row_of_a_gather_is_summed(name: str, variant: str) -> None:
    builder = Builder()
    table = builder.input("table", (4, 2), param=True)
    rows = builder.input("rows", (3,), "int")
    graph = builder.freeze(b.total(b.call("take", table, rows, axis=0), (0, 1)))
    got = measured(name, graph, {"table": np.ones((4, 2)), "rows": np.array([1, 3, 1])}, variant=variant)
    assert got.partials["table"] is not None, got.failure
    np.testing.assert_array_equal(got.partials["table"].values, [[0, 0], [2, 2], [0, 0], [1, 1]])


@pytest.mark.parametrize(("name", "answer"), [("tensorflow", None), ("torch", None), ("jax", 0.0)])
def test_what_is_not_connected_comes_back_as_the_framework_says_it(name: str, answer: float | None) -> None:
    builder = Builder()
    w, _ = (builder.input(path, (), param=True) for path in ("w", "unused"))
    got = measured(name, builder.freeze(w * w), {"w": np.array(2.0), "unused": np.array(1.0)})
    partial = got.partials["unused"]
    assert (None if partial is None else float(partial.values)) == answer


@pytest.mark.parametrize("name", NAMES)
def test_a_nonfinite_gradient_is_no_failure(name: str) -> None:
    builder = Builder()
    w = builder.input("w", (2,), param=True)
    got = measured(name, builder.freeze(b.total(b.call("sqrt", w), (0,))), {"w": np.array([0.0, -1.0])})
    assert got.failure is None
    assert got.partials["w"] is not None
    assert got.partials["w"].values[0] == np.inf
    assert np.isnan(got.partials["w"].values[1])


class Reshaping:
    """A differentiating function whose partial has lost its shape and its dtype."""

    def __init__(self, gradient: Callable[..., Any]) -> None:
        self.gradient = gradient

    def __call__(self, *native: Any) -> tuple[Any, list[Any]]:
        import torch

        value, (partial,) = self.gradient(*native)
        return value, [partial.reshape(-1, 1).to(torch.float32)]


def test_shape_and_dtype_are_kept_for_the_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    builder = Builder()
    w = builder.input("w", (2, 3), param=True)
    graph = builder.freeze(b.total(w * w, (0, 1)))
    bind = sys.modules["harness.backends.adapter"].bind
    monkeypatch.setattr("harness.backends.adapter.bind", lambda *given: Reshaping(bind(*given)))
    got = measured("torch", graph, {"w": np.full((2, 3), 0.1)})
    assert got.partials["w"] is not None
    assert (got.partials["w"].values.shape, got.partials["w"].dtype) == ((6, 1), "float32")


@pytest.mark.parametrize("name", NAMES)
def test_inputs_are_left_as_they_are_and_results_cannot_be_changed(name: str) -> None:
    graph, inputs = square()
    inputs["w"].flags.writeable = False
    got = measured(name, graph, inputs)
    assert got.partials["w"] is not None
    assert not got.partials["w"].values.flags.writeable


@pytest.mark.parametrize("name", NAMES)
def test_what_a_framework_refuses_is_a_failure_with_its_first_line(name: str) -> None:
    builder = Builder()
    w = builder.input("w", (3,), param=True)
    graph = builder.freeze(b.total(b.matmul(b.reshape(w, (1, 3)), b.reshape(w, (3, 1))), (0, 1)))
    got = measured(name, graph, {"w": np.ones(4)})
    assert got.failure is not None
    assert got.failure.trouble is Trouble.ERROR
    assert got.failure.sentence.startswith(f"{name} raised ")
    assert "\n" not in got.failure.sentence
    assert "while its source ran: " in got.failure.sentence
    assert "def cost(w)" in got.source


@pytest.mark.parametrize("name", NAMES)
def test_a_broken_task_is_a_failure(name: str) -> None:
    graph, _ = square()
    for inputs in ({}, {"w": np.array(["text"])}, {"w": np.array([object()])}, {"w": None}):
        got = measured(name, graph, inputs)  # type: ignore[arg-type]
        assert got.failure is not None
        assert got.failure.trouble is Trouble.ERROR


def test_an_array_that_memory_cannot_hold_is_told_apart() -> None:
    builder = Builder()
    w = builder.input("w", (), param=True)
    huge = b.call("exp", b.broadcast_to(w, (2_000_000, 2_000_000)))
    got = measured("torch", builder.freeze(b.total(huge, (0, 1))), {"w": np.array(1.0)})
    assert got.failure is not None
    assert got.failure.trouble is Trouble.OUT_OF_MEMORY


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (MemoryError(), Trouble.OUT_OF_MEMORY),
        (RuntimeError("OOM when allocating tensor with shape[2000000,2000000]"), Trouble.OUT_OF_MEMORY),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes."), Trouble.OUT_OF_MEMORY),
        (RuntimeError("zooming failed"), Trouble.ERROR),
    ],
)
def test_the_words_for_too_little_memory_are_known(error: Exception, trouble: Trouble) -> None:
    assert adapter("torch").failure(error, "while its source ran").trouble is trouble


def test_a_message_is_told_by_the_line_that_says_what_is_wrong() -> None:
    assert first_line("\n  Shapes differ.\nDetails") == "Shapes differ."
    assert (
        first_line("in user code:\n\n    File f, line 2\n\n    ValueError: Shapes differ.\n")
        == "ValueError: Shapes differ."
    )
    assert (
        first_line("{{function_node __wrapped__Add_device_/CPU:0}} Shapes differ. [Op:Add]")
        == "Shapes differ. [Op:Add]"
    )
    assert first_line("") == "no message"


@pytest.mark.parametrize("name", NAMES)
def test_a_part_that_is_missing_is_unsupported(name: str) -> None:
    graph, inputs = square()
    backend = adapter(name)
    task = Task(graph=graph, inputs=inputs, dtype="float64", variant=backend.variants[0])
    odd = {"dtype": "float128", "variant": "lazy", "operator": "grad2"}
    for field, value in odd.items():
        settings = {"dtype": task.dtype, "variant": task.variant, "operator": task.operator, field: value}
        failure = backend.measure(Task(graph=graph, inputs=inputs, **settings)).failure
        assert failure is not None
        assert failure.trouble is Trouble.UNSUPPORTED
        assert failure.sentence.startswith(f"{name} has no {field} {value}; choose one of ")


@pytest.mark.parametrize("name", NAMES)
def test_an_operation_without_a_phrase_is_unsupported(name: str) -> None:
    builder = Builder()
    x = builder.input("x", (3,), param=True)
    weights = b.call("step", x)
    got = measured(name, builder.freeze(b.total(b.call("pick", x, weights), (0,))), {"x": np.ones(3)})
    assert got.failure is not None
    assert got.failure.trouble is Trouble.UNSUPPORTED
    assert got.failure.sentence == f"no phrase for step in {describe(name).book.name}"


def test_a_long_graph_runs_eagerly_on_jax_and_says_so() -> None:
    builder = Builder()
    w = builder.input("w", (), param=True)
    value = w
    for _ in range(251):
        value = b.call("tanh", value * 0.5)
    got = measured("jax", builder.freeze(value), {"w": np.array(1.0)})
    assert got.failure is None
    assert [warning for warning in got.warnings if warning.startswith("ran eagerly, not by jit: 754 nodes")]
    assert "jax.jit" not in got.source


@pytest.mark.needs("tensorflow", "torch", "jax")
def test_a_missing_framework_is_named_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [available(name) for name in BACKENDS] == [None] * 5
    monkeypatch.setattr("importlib.util.find_spec", lambda package: None)
    failure = available("tensorflow")
    assert failure is not None
    assert failure.trouble is Trouble.NOT_INSTALLED
    assert failure.sentence == "tensorflow is not installed; install it with: pip install 'gradharness[tensorflow]'"


@pytest.mark.needs("name")
@pytest.mark.parametrize("name", NAMES)
def test_versions_and_flags_tell_what_a_number_depends_on(name: str, command: Command, root: Path) -> None:
    """In a process of its own: threads cannot be set once a framework has computed."""
    asked = f"from harness.backends import load; b = load({name!r}); print(b.versions()[{name!r}], b.flags())"
    version, _, text = command("python", "-c", asked, cwd=root).stdout.strip().splitlines()[-1].partition(" ")
    flags = ast.literal_eval(text)
    assert version[0].isdigit()
    assert all(key.startswith(f"{name}.") and isinstance(value, str) for key, value in flags.items())
    wanted = {"tensorflow": ("intra_op_threads", "1"), "torch": ("threads", "1"), "jax": ("x64", "True")}[name]
    assert flags[f"{name}.{wanted[0]}"] == wanted[1]


@pytest.mark.parametrize("name", NAMES)
def test_an_adapter_without_its_phrasebook_is_small(name: str) -> None:
    """What a new framework needs beside its words: conversions, flags, versions."""
    assert len(inspect.getsource(describe(name)).splitlines()) <= 60


@pytest.mark.parametrize("name", NAMES)
def test_the_differentiating_call_can_be_timed_alone(name: str) -> None:
    graph, inputs = square()
    backend = adapter(name)
    task = Task(graph=graph, inputs=inputs, dtype="float64", variant=backend.variants[0])
    value, partials = backend.compile(task)(*backend.to_native(task))
    assert [float(backend.partial(array).values) for array in (value, *partials)] == [9.0, 6.0]
    assert backend.compile(task) is backend.compile(task)


@pytest.mark.needs("torch")
@pytest.mark.parametrize(
    ("found", "runs"), [("2.5.1", False), ("1.13.1+cpu", False), ("2.6.0", True), ("2.13.0+cpu", True)]
)
def test_a_framework_that_is_too_old_says_so(found: str, runs: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.backends.version", lambda distribution: found)
    failure = available("torch")
    assert (failure is None) is runs
    if failure is not None:
        assert failure.trouble is Trouble.UNSUPPORTED
        assert f"torch {found} is older than 2.6" in failure.sentence
        assert "pip install -U 'gradharness[torch]'" in failure.sentence


def test_the_oldest_versions_are_those_of_the_extras(root: Path) -> None:
    extras = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for package, oldest in OLDEST.items():
        assert all(f">={oldest}" in line for line in extras[package])


@pytest.mark.parametrize(("name", "variant", "called"), [("jax", "jit", [-3.0, 3.0]), ("tensorflow", "eager", [3.0])])
def test_compiled_variants_are_traced_at_another_point(
    name: str, variant: str, called: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    backend, seen = adapter(name), list[float]()
    honest = type(backend)._compiled

    def recorded(self: Any, task: Task, script: Any) -> Any:
        gradient = honest(self, task, script)
        return lambda *native: (seen.append(float(native[0])), gradient(*native))[1]

    monkeypatch.setattr(type(backend), "_compiled", recorded)
    graph, inputs = square()
    got = backend.measure(Task(graph=graph, inputs=inputs, dtype="float64", variant=variant))
    assert seen[: len(called)] == called
    assert set(seen[len(called) :]) <= {3.0}  # the second call, of a source that is new and quick
    assert got.partials["w"] is not None
    assert float(got.partials["w"].values) == 6.0
