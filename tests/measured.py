"""Tasks and measurements that tests share."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from harness.backends import describe, load
from harness.backends.adapter import Adapter
from harness.graph import build as b
from harness.graph.build import Builder
from harness.graph.node import Graph
from harness.measurement import Leaves, Measurement, Task

NAMES = ["tensorflow", "torch", "jax"]
VARIANTS = [(name, variant) for name in NAMES for variant in describe(name).variants]


def adapter(name: str) -> Adapter:
    loaded = load(name)
    assert isinstance(loaded, Adapter)
    return loaded


def measured(name: str, graph: Graph, inputs: Leaves, *, dtype: str = "float64", variant: str = "") -> Measurement:
    """Return a measurement by the default variant, unless another is named."""
    backend = adapter(name)
    return backend.measure(Task(graph=graph, inputs=inputs, dtype=dtype, variant=variant or backend.variants[0]))


def square() -> tuple[Graph, Leaves]:
    builder = Builder()
    w = builder.input("w", (), param=True)
    return builder.freeze(b.call("pow", w, exponent=2)), {"w": np.array(3.0)}


def mlp() -> tuple[Graph, Leaves]:
    """Return a tanh MLP 4-16-3 with softmax cross-entropy on a batch of 150."""
    builder = Builder()
    shapes = {"w1": (4, 16), "b1": (16,), "w2": (16, 3), "b2": (3,)}
    w1, b1, w2, b2 = (builder.input(path, shape, param=True) for path, shape in shapes.items())
    x, y = builder.input("x", (150, 4)), builder.input("y", (150,), "int")
    logits = b.matmul(b.call("tanh", b.matmul(x, w1) + b1), w2) + b2
    picked = b.call("take_along_axis", b.call("log_softmax", logits, axis=1), y[:, None], axis=1)
    draw = np.random.default_rng(0)
    inputs: Leaves = {path: draw.normal(size=shape) for path, shape in shapes.items()}
    inputs |= {"x": draw.normal(size=(150, 4)), "y": draw.integers(0, 3, 150)}
    return builder.freeze(-b.call("mean", picked, axes=(0, 1), keepdims=False)), inputs


def run(program: str, folder: Path) -> str:
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def recorded(got: Measurement) -> tuple[float, list[Any]]:
    assert got.value is not None, got.failure
    return float(got.value.values), [None if p is None else p.values.tolist() for p in got.partials.values()]


def printed(output: str) -> list[tuple[float, list[Any]]]:
    """Return what lines of `value [partial, …]` say."""
    pairs = [line.partition(" ") for line in output.splitlines()]
    return [(float(value), ast.literal_eval(partials)) for value, _, partials in pairs]
