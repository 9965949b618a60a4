"""Finite differences: an error bar that holds on everything tried, and none where there is no derivative."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exactly import Cost, errors, exact, task
from harness.backends import finite_difference
from harness.backends.finite_difference import FiniteDifference
from harness.backends.ladder import around, ladder
from harness.backends.noise import Noise, bounded, elements
from harness.graph.build import Builder
from harness.graph.derive import lower
from harness.measurement import Measurement, Task, Trouble

DIFFERENCES = FiniteDifference()
R = np.random.default_rng(3)
N = R.standard_normal
HILBERT = 1 / (np.arange(6)[:, None] + np.arange(6) + 1)


def measure(of: Task) -> Measurement:
    return DIFFERENCES.measure(replace(of, variant="richardson"))


def bar(got: Measurement, path: str = "x") -> np.ndarray[Any, Any]:
    partial = got.partials[path]
    assert partial is not None
    assert partial.bar is not None
    return partial.bar


def entropy(xp: Any, w: Any, b: Any, x: Any, y: Any) -> Any:
    return -xp.mean(xp.take_along_axis(xp.nn.log_softmax(x @ w + b, axis=1), y[:, None], axis=1))


def network(xp: Any, w1: Any, b1: Any, w2: Any, b2: Any, x: Any, y: Any) -> Any:
    return entropy(xp, w2, b2, xp.tanh(x @ w1 + b1), y)


def relu_network(xp: Any, w1: Any, b1: Any, w2: Any, x: Any, t: Any) -> Any:
    return xp.mean((xp.tanh(xp.nn.relu(x @ w1 + b1) @ w2) - t) ** 2)


def layer_norm(xp: Any, x: Any, gamma: Any, t: Any) -> Any:
    spread = xp.var(x, axis=-1, keepdims=True, correction=0)
    return xp.sum((x - xp.mean(x, axis=-1, keepdims=True)) / xp.sqrt(spread + 1e-5) * gamma * t)


def recurrent(xp: Any, w: Any, x: Any) -> Any:
    h = x
    for _ in range(30):
        h = xp.tanh(w * h + 0.1 * xp.sin(h))
    return xp.sum(h * h)


def rosenbrock(xp: Any, x: Any) -> Any:
    return xp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def expanded(xp: Any, x: Any) -> Any:
    return x**7 - 7 * x**6 + 21 * x**5 - 35 * x**4 + 35 * x**3 - 21 * x**2 + 7 * x - 1


def kinks(xp: Any, x: Any) -> Any:
    return xp.max(x) * xp.min(x) + xp.sum(xp.clip(x, -0.5, 0.5)) + xp.sum(xp.abs(x) * xp.maximum(x, 0.3))


LABELS = R.integers(0, 3, 5)
SMOOTH: dict[str, tuple[Cost, dict[str, Any], dict[str, Any]]] = {
    "square": (lambda xp, x: x**2, dict(x=3.0), {}),
    "identity": (lambda xp, x: x, dict(x=0.7), {}),
    "line": (lambda xp, x: 3 * x + 2, dict(x=0.7), {}),
    "constant": (lambda xp, x: 0 * x + 5, dict(x=0.7), {}),
    "square at its minimum": (lambda xp, x: (x - 1) ** 2, dict(x=1.0), {}),
    "square near its minimum": (lambda xp, x: (x - 1) ** 2, dict(x=1 + 1e-9), {}),
    "odd last bit": (lambda xp, x: 5 * (x - 1.999999999999) ** 2, dict(x=1.9999999999990001), {}),
    "Hilbert quadratic at its minimum": (
        lambda xp, x, h: xp.sum((h @ (x - 1)) * (x - 1)),
        dict(x=np.ones(6)),
        dict(h=HILBERT),
    ),
    "Rosenbrock": (rosenbrock, dict(x=N(10)), {}),
    "Rosenbrock at its minimum": (rosenbrock, dict(x=np.ones(10)), {}),
    "cube at 0": (lambda xp, x: x**3, dict(x=0.0), {}),
    "fourth power at 0": (lambda xp, x: x**4, dict(x=0.0), {}),
    "log-cosh": (lambda xp, x: xp.sum(xp.log(xp.cosh(x))), dict(x=np.array([0.0, 1e-8, 3.0, -200.0])), {}),
    "Styblinski-Tang": (lambda xp, x: xp.sum(x**4 - 16 * x**2 + 5 * x) / 2, dict(x=2 * N(8)), {}),
    "expanded near its root": (expanded, dict(x=1.01), {}),
    "expanded": (expanded, dict(x=1.1), {}),
    "fast sine": (lambda xp, x: xp.sin(1000 * x), dict(x=1.3), {}),
    "fast sine at 0": (lambda xp, x: xp.sin(1000 * x), dict(x=0.0), {}),
    "fast cosine at 0": (lambda xp, x: xp.cos(1000 * x), dict(x=0.0), {}),
    "sine far out": (lambda xp, x: xp.sin(x), dict(x=1e6), {}),
    "chirp": (lambda xp, x: xp.sin(x * x) * xp.exp(-x), dict(x=30.0), {}),
    "ripple": (lambda xp, x: xp.sin(x) + 1e-6 * xp.sin(1e6 * x), dict(x=0.4), {}),
    "log near 0": (lambda xp, x: xp.log(x), dict(x=1e-6), {}),
    "log very near 0": (lambda xp, x: xp.log(x), dict(x=1e-200), {}),
    "log near its border": (lambda xp, x: xp.log(x - 1), dict(x=1 + 1e-7), {}),
    "two borders": (lambda xp, x: xp.log1p(x) + xp.sqrt(1 - x), dict(x=-0.9999), {}),
    "x log x": (lambda xp, x: xp.sum(x * xp.log(x)), dict(x=np.array([1e-8, 0.3, 1.0])), {}),
    "pole": (lambda xp, x: 1 / x, dict(x=1e-3), {}),
    "double pole": (lambda xp, x: 1 / (x - 2) ** 2, dict(x=2.01), {}),
    "large exponential": (lambda xp, x: xp.exp(x), dict(x=300.0), {}),
    "small exponential": (lambda xp, x: xp.exp(-x * x), dict(x=20.0), {}),
    "essential singularity": (lambda xp, x: xp.exp(-1 / x**2), dict(x=0.05), {}),
    "steep": (lambda xp, x: xp.tanh(1e4 * (x - 0.5)), dict(x=0.50003), {}),
    "offset": (lambda xp, x: 1e8 + xp.sin(x), dict(x=0.7), {}),
    "cancellation": (lambda xp, x: (1 - xp.cos(x)) / x**2, dict(x=1e-3), {}),
    "more cancellation": (lambda xp, x: xp.exp(x) - 1 - x, dict(x=1e-4), {}),
    "log-sum-exp": (lambda xp, x: xp.nn.logsumexp(x), dict(x=np.array([1000.0, 1000.5, 990.0])), {}),
    "softplus far out": (lambda xp, x: xp.sum(xp.nn.softplus(x)), dict(x=np.array([-40.0, 3.0, 60.0])), {}),
    "Poisson": (lambda xp, x, y: xp.mean(xp.exp(x) - y * x), dict(x=3 * N(5)), dict(y=np.arange(5.0))),
    "softmax regression": (entropy, dict(w=N((4, 3)), b=N(3)), dict(x=N((5, 4)), y=LABELS)),
    "zero weights": (entropy, dict(w=np.zeros((4, 3)), b=np.zeros(3)), dict(x=N((5, 4)), y=LABELS)),
    "tanh network": (network, dict(w1=N((4, 5)), b1=N(5), w2=N((5, 3)), b2=N(3)), dict(x=N((5, 4)), y=LABELS)),
    "relu network": (relu_network, dict(w1=N((4, 5)), b1=N(5), w2=N((5, 2))), dict(x=N((3, 4)), t=N((3, 2)))),
    "layer norm": (layer_norm, dict(x=N((2, 6)), gamma=1 + N(6) / 9), dict(t=N((2, 6)))),
    "recurrence": (recurrent, dict(w=0.9, x=N(3)), {}),
    "kinks nearby": (kinks, dict(x=N(6)), {}),
    "relu near 0": (lambda xp, x: xp.sum(xp.nn.relu(x)), dict(x=np.array([1e-3, -1e-3, 1e-6, -0.5, 2.0])), {}),
    "abs near 0": (lambda xp, x: xp.sum(xp.abs(x)), dict(x=np.array([1e-5, -1e-9, 1.0])), {}),
    "jump nearby": (lambda xp, x: xp.where(x > 0, x + 1, 2 * x), dict(x=1e-4), {}),
    "dead zone": (lambda xp, x: xp.nn.relu(x - 1e-6) - xp.nn.relu(-x - 1e-6), dict(x=0.0), {}),
    "masked branch": (lambda xp, x: xp.sum(xp.where(x > 0, xp.sqrt(x), 0.0)), dict(x=np.array([-1.0, 4.0])), {}),
}
WEAK = {"expanded near its root", "cancellation", "log-cosh", "steep", "softplus far out"}
"""Rounding in the value leaves less than half of some entry: the bar says so."""


POINTS = [(name, dtype) for name in SMOOTH for dtype in ("float64", "float32")]
POINTS.remove(("log very near 0", "float32"))  # 1e-200 is 0 in float32


@pytest.mark.parametrize(("name", "dtype"), POINTS)
def test_the_true_error_is_below_the_bar(name: str, dtype: str) -> None:
    cost, params, data = SMOOTH[name]
    of = task(cost, params, data, dtype=dtype)
    got, truth = measure(of), exact(of)
    assert got.failure is None, got.failure
    assert got.warnings == ()
    assert got.value is not None
    assert np.all(errors(got.value, truth[""]) <= got.value.bar)
    for path in params:
        assert np.all(np.isfinite(bar(got, path)))
        assert np.all(errors(got.partials[path], truth[path]) <= bar(got, path))


@pytest.mark.parametrize("name", sorted(SMOOTH.keys() - WEAK))
def test_the_bar_leaves_digits(name: str) -> None:
    cost, params, data = SMOOTH[name]
    got = measure(task(cost, params, data))
    for path in params:
        partial = got.partials[path]
        assert partial is not None
        greatest = np.max(np.abs(partial.values))
        assert np.max(bar(got, path)) <= 1e-5 * max(greatest, 1e-3)


def test_a_bar_that_is_too_small_is_seen() -> None:
    of = task(expanded, dict(x=1.1))
    got, truth = measure(of), exact(of)
    assert not np.all(errors(got.partials["x"], truth["x"]) <= 1e-6 * bar(got))
    lost = replace(got.partials["x"], values=np.array(np.nan))  # type: ignore[type-var]  # a partial is there
    assert not np.all(errors(lost, truth["x"]) <= bar(got))


@pytest.mark.parametrize(
    ("cost", "point"),
    [
        (lambda xp, x: xp.nn.relu(x), 0.0),
        (lambda xp, x: xp.abs(x) + xp.sin(x), 0.0),
        (lambda xp, x: xp.maximum(x, 2 * x - 1) * x, 1.0),
        (lambda xp, x: xp.where(x > 0, x + 1, x), 0.0),
        (lambda xp, x: xp.where(x >= 0.5, x + 1e-6, x), 0.5),
        (lambda xp, x: xp.sqrt(xp.abs(x)), 0.0),
        (lambda xp, x: xp.sqrt(x) * x, 0.0),
        (lambda xp, x: 1 / x, 0.0),
    ],
)
def test_no_step_is_usable_at_a_kink_a_jump_or_a_border(cost: Cost, point: float) -> None:
    got = measure(task(cost, dict(x=point)))
    assert got.failure is None
    assert np.isposinf(bar(got))


def test_the_bar_is_at_least_as_wide_as_a_small_kink() -> None:
    assert bar(measure(task(lambda xp, x: xp.abs(x - 0.3) * 1e-3 + x**2, dict(x=0.3)))) >= 1e-3


def test_a_kink_in_one_entry_leaves_the_others_alone() -> None:
    got = measure(task(lambda xp, x: xp.sum(xp.abs(x) * xp.exp(x)), dict(x=np.array([0.0, 1.0, -1.0]))))
    assert np.isposinf(bar(got)).tolist() == [True, False, False]
    values = got.partials["x"].values  # type: ignore[union-attr]  # asserted by its use
    np.testing.assert_allclose(values[1:], [2 * np.e, 0], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("seed", range(200))
def test_a_kink_at_any_distance_is_never_a_small_bar_around_a_wrong_number(seed: int) -> None:
    """Distances from 1e-17 to 1; the values are right to the last place."""
    draw = np.random.default_rng(seed)
    a, c, x = draw.normal(size=3)
    d = draw.choice([-1, 1]) * 10 ** draw.uniform(-17, 0)
    kink, slope = [
        (lambda u: np.maximum(u, 0), float(d < 0)),
        (np.abs, -np.sign(d)),
        (lambda u: 1.0 * (u > 0), 0.0),
        (lambda u: np.where(u > 0, u + 1e-3, 2 * u), 1.0 if d < 0 else 2.0),
    ][seed % 4]
    for step in (2.0**-4, 2.0**-12, 2.0**-20, 2.0**-28, 2.0**-36):
        xs = around(x, step)
        estimate, width = ladder(xs, kink(xs - x - d) + a * np.sin(xs) + c * xs**2, 1e-14)
        assert not abs(estimate - (slope + a * np.cos(x) + 2 * c * x)) > width


def test_a_step_shrinks_where_the_function_ends() -> None:
    got = measure(task(lambda xp, x: xp.log(x - 2), dict(x=2 + 2.0**-30)))
    assert bar(got) <= 1e-9 * 2.0**30


def test_what_has_no_value_has_no_bar() -> None:
    got = measure(task(lambda xp, x: xp.log(x), dict(x=-1.0)))
    assert got.value is not None
    assert np.isnan(got.value.values)
    assert np.isposinf(got.value.bar)
    assert np.isposinf(bar(got))


def test_stop_gradient_is_frozen_at_the_point(tmp_path: Path) -> None:
    builder = Builder()
    x = builder.input("x", (3,), param=True)
    held = builder.call("stop_gradient", builder.call("exp", x) * 2)
    total = builder.call("sum", x * x * held, axes=(0,), keepdims=False)
    point = np.array([0.3, -1.0, 2.0])
    of = Task(graph=builder.freeze(total), inputs={"x": point}, dtype="float64", variant="richardson")
    got = measure(of)
    values = got.partials["x"].values  # type: ignore[union-attr]  # asserted by its use
    np.testing.assert_allclose(values, 4 * point * np.exp(point), rtol=1e-11)
    assert np.all(errors(got.partials["x"], exact(of)["x"]) <= bar(got))
    assert printed(DIFFERENCES.reproduce(of), tmp_path) == recorded(got)


def test_many_entries_are_sampled_and_it_says_so() -> None:
    of = task(network, dict(w1=N((40, 30)), b1=N(30), w2=N((30, 3)), b2=N(3)), dict(x=N((5, 40)), y=LABELS))
    got, truth = measure(of), exact(of)
    assert got.warnings == ("64 of 1323 entries were differentiated, drawn with seed 0",)
    count = 0
    for path, partial in got.partials.items():
        assert partial is not None
        assert partial.bar is not None
        chosen = np.ones(partial.values.shape, bool) if partial.sampled is None else partial.sampled
        assert np.all(errors(partial, truth[path])[chosen] <= partial.bar[chosen])
        assert np.all(np.isnan(partial.values[~chosen]))
        assert chosen.any()
        count += int(chosen.sum())
    assert count == finite_difference.SAMPLE
    again = measure(of)
    assert all(np.array_equal(got.partials[p].values, again.partials[p].values, equal_nan=True) for p in got.partials)  # type: ignore[union-attr]  # they are there


def test_small_leaves_are_sampled_whole() -> None:
    assert finite_difference._quotas({"w": 100_000, "b": 3, "c": 1000}) == {"b": 3, "c": 30, "w": 31}
    assert sum(finite_difference._quotas({str(k): 2000 for k in range(100)}).values()) <= finite_difference.SAMPLE


def test_500_entries_take_less_than_seconds() -> None:
    of = task(network, dict(w1=N((16, 16)), b1=N(16), w2=N((16, 13)), b2=N(13)), dict(x=N((8, 16)), y=np.arange(8)))
    start = time.perf_counter()
    got = measure(of)
    assert got.failure is None
    assert sum(partial.values.size for partial in got.partials.values() if partial is not None) == 493
    assert time.perf_counter() - start < 10


def test_a_large_graph_is_evaluated_in_parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The numbers are the same, to the bit, and the script says so."""
    of = task(network, dict(w1=N((4, 5)), b1=N(5), w2=N((5, 3)), b2=N(3)), dict(x=N((5, 4)), y=LABELS))
    whole = measure(of)
    for rows in (5, 1):
        monkeypatch.setattr(finite_difference, "NUMBERS", (rows + 1) * elements(of.graph))
        parts = measure(of)
        assert f"rows={rows})" in parts.source
        assert recorded(parts) == recorded(whole)


# --------------------------------------------------------------------------- noise


def test_noise_bounds_the_rounding_of_values_beside_the_point() -> None:
    of = task(expanded, dict(x=1.01))
    noise = Noise(of.graph, 1000)
    steps = np.array([0.125, 2.0**-10, 2.0**-20])
    bounds = noise.beside(of.inputs, [("x", ())] * 3, steps)
    for step, bound in zip(steps, bounds, strict=True):
        for x in (1.01 + step, 1.01 - step):
            there = replace(of, inputs={"x": np.array(x)})
            low = lower(of.graph)
            value = bounded(low, low.outputs, there.inputs)[0]
            assert float((exact(there)[""].item() - float(value.value)).abs_upper()) <= value.error <= bound


def test_noise_is_infinite_where_the_function_has_no_value() -> None:
    of = task(lambda xp, x: xp.log(x), dict(x=1.0))
    bounds = Noise(of.graph, 1000).beside(of.inputs, [("x", ()), ("x", ())], np.array([2.0, 0.5]))
    assert np.isinf(bounds).tolist() == [True, False]


def test_decisions_are_those_of_float64_at_each_point() -> None:
    builder = Builder()
    x = builder.input("x", (2, 3), param=True)
    order = builder.call("argsort", x, axis=1, descending=True)
    ranked = builder.call("take_along_axis", x, order, axis=1)
    top = builder.call("max", x, axes=(0, 1), keepdims=False)
    kinked = builder.call("sum", builder.call("relu", x) + builder.call("abs", x), axes=(0, 1), keepdims=False)
    total = builder.call("sum", ranked[:, 0], axes=(0,), keepdims=False) + top * kinked
    of = Task(graph=builder.freeze(total), inputs={"x": N((2, 3))}, dtype="float64", variant="richardson")
    got, truth = measure(of), exact(of)
    assert got.failure is None, got.failure
    assert np.all(errors(got.partials["x"], truth["x"]) <= bar(got))


# --------------------------------------------------------------------------- scripts and records


def recorded(got: Measurement) -> tuple[float, list[Any]]:
    assert got.value is not None
    return float(got.value.values), [None if p is None else p.values.tolist() for p in got.partials.values()]


def printed(program: str, folder: Path) -> tuple[float, list[Any]]:
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    value, _, partials = done.stdout.partition(" ")
    return float(value), ast.literal_eval(partials)


@pytest.mark.parametrize(
    "name", ["square", "log near its border", "tanh network", "kinks nearby", "expanded", "Poisson"]
)
def test_a_program_prints_the_recorded_numbers(name: str, tmp_path: Path) -> None:
    cost, params, data = SMOOTH[name]
    of = replace(task(cost, params, data, dtype="float32"), variant="richardson")
    program, got = DIFFERENCES.reproduce(of), measure(of)
    if "np.load" in program:
        np.savez(tmp_path / "inputs.npz", **of.inputs)
    heads = {
        line.split()[1].partition(".")[0] for line in program.splitlines() if line.startswith(("import ", "from "))
    }
    assert heads <= {"__future__", "math", "numpy", "scipy"}
    assert max(map(len, program.split("\nnp.seterr")[0].splitlines())) <= 120
    assert got.source.split("import numpy as np\n")[1] in program
    assert printed(program, tmp_path) == recorded(got)


def test_the_cost_reads_as_it_was_written() -> None:
    source = measure(task(lambda xp, w: w**2, dict(w=3.0))).source
    assert "def cost(w):\n    return w ** 2\n" in source


def test_literals_are_those_of_the_dtype() -> None:
    of = task(lambda xp, x: 0.1 * x**0.3, dict(x=2.0), dtype="float32")
    source = measure(of).source
    assert repr(float(np.float32(0.1))) in source
    assert repr(float(np.float32(0.3))) in source


def test_the_curve_falls_with_the_step_and_rises_again() -> None:
    got = measure(task(lambda xp, x: xp.sin(x), dict(x=1.0)))
    steps, changes = np.array(got.curve).T
    assert np.all(np.diff(steps) < 0)
    least = np.argmin(changes)
    assert 3 < least < len(changes) - 3
    assert changes[least] < 1e-10 < 1e-4 < changes[0]
    assert np.max(changes[least:]) > 1e-4


def test_what_it_is() -> None:
    assert DIFFERENCES.versions().keys() == {"numpy", "scipy"}
    assert (DIFFERENCES.name, DIFFERENCES.variants) == ("finite_difference", ("richardson",))
    refused = DIFFERENCES.measure(task(lambda xp, w: w**2, dict(w=3.0), variant="jit"))
    assert refused.failure is not None
    assert refused.failure.trouble is Trouble.UNSUPPORTED


def test_names_of_leaves_do_not_meet_those_of_the_script() -> None:
    names = ["steps", "noise", "ladder", "around", "grows", "derivatives", "evaluated", "np", "scipy", "rows", "cost"]
    builder = Builder()
    leaves = [builder.input(name, (), param=True) for name in names]
    total = leaves[0] * leaves[0]
    for leaf in leaves[1:]:
        total = total + leaf * builder.call("erf", leaf)
    inputs = {name: np.array(0.1 * (k + 1)) for k, name in enumerate(names)}
    of = Task(graph=builder.freeze(total), inputs=inputs, dtype="float64", variant="richardson")
    got, truth = measure(of), exact(of)
    assert got.failure is None, got.failure
    assert all(np.all(errors(got.partials[name], truth[name]) <= bar(got, name)) for name in names)
