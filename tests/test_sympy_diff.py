"""SymPy: 50 digits that agree with the balls, decisions as data, scripts that print what was recorded."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp

from exactly import Cost, errors, exact, size, task
from harness.backends import sympy_diff
from harness.backends.sympy_book import definitions_needed
from harness.backends.sympy_diff import SympyDiff, formula, parts_of
from harness.backends.sympy_script import printed
from harness.graph import build as b
from harness.graph.build import Builder
from harness.graph.derive import lower
from harness.measurement import Measurement, Task, Trouble

SYMPY = SympyDiff()
R = np.random.default_rng(3)
N = R.standard_normal


def measure(of: Task) -> Measurement:
    return SYMPY.measure(replace(of, variant="symbolic"))


def entropy(xp: Any, w: Any, b: Any, x: Any, y: Any) -> Any:
    return -xp.mean(xp.take_along_axis(xp.nn.log_softmax(x @ w + b, axis=1), y[:, None], axis=1))


def network(xp: Any, w1: Any, b1: Any, w2: Any, b2: Any, x: Any, y: Any) -> Any:
    return entropy(xp, w2, b2, xp.tanh(x @ w1 + b1), y)


def relu_network(xp: Any, w1: Any, b1: Any, w2: Any, x: Any, t: Any) -> Any:
    return xp.mean((xp.tanh(xp.nn.relu(x @ w1 + b1) @ w2) - t) ** 2)


def layer_norm(xp: Any, x: Any, gamma: Any, beta: Any, t: Any) -> Any:
    spread = xp.var(x, axis=-1, keepdims=True, correction=0)
    return xp.sum((x - xp.mean(x, axis=-1, keepdims=True)) / xp.sqrt(spread + 1e-5) * gamma * t + beta)


def attention(xp: Any, q: Any, k: Any, v: Any, causal: Any) -> Any:
    scores = q @ k.mT / 3**0.5
    return xp.mean((xp.nn.softmax(xp.where(causal, scores, -1e9), axis=-1) @ v) ** 2)


def recurrent(xp: Any, w: Any, x: Any) -> Any:
    h = x
    for _ in range(30):
        h = xp.tanh(w * h + 0.1 * xp.sin(h))
    return xp.sum(h * h)


def functions(xp: Any, x: Any) -> Any:
    return xp.sum(
        xp.expm1(x) * xp.log1p(x * x)
        + xp.exp(xp.sin(x)) / (2.0 + xp.cos(x))
        - xp.special.erf(x) * xp.nn.sigmoid(x)
        + xp.log(2.0 + x) * xp.sqrt(1.0 + x**2)
        - (-x) ** 3
        - (1.0 - (x - 3.0)) / x
    )


def more_functions(xp: Any, x: Any) -> Any:
    return xp.sum(
        xp.tan(x) + xp.sinh(x) * xp.cosh(x) + xp.asin(x) * xp.acos(x) + xp.atan(x) + xp.atan2(x, 1 - x)
        + xp.logaddexp(x, 2 * x) + xp.special.erfc(x)
    )  # fmt: skip


def kinks(xp: Any, x: Any) -> Any:
    return xp.max(x) * xp.min(x) + xp.sum(xp.clip(x, -0.5, 0.5)) + xp.sum(xp.abs(x) * xp.maximum(x, 0.3))


def expanded(xp: Any, x: Any) -> Any:
    return x**7 - 7 * x**6 + 21 * x**5 - 35 * x**4 + 35 * x**3 - 21 * x**2 + 7 * x - 1


LABELS = R.integers(0, 3, 5)
COSTS: dict[str, tuple[Cost, dict[str, Any], dict[str, Any]]] = {
    "square": (lambda xp, w: w**2, dict(w=3.0), {}),
    "affine square": (lambda xp, w: (2 + 3 * w) ** 2, dict(w=0.1), {}),
    "literals": (lambda xp, w: 0.1 * w**2 - xp.pi * w / 0.3 + w**0.3, dict(w=0.7), {}),
    "Rosenbrock": (lambda xp, x: xp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2), dict(x=N(10)), {}),
    "softmax regression": (entropy, dict(w=N((4, 3)), b=N(3)), dict(x=N((5, 4)), y=LABELS)),
    "zero weights": (entropy, dict(w=np.zeros((4, 3)), b=np.zeros(3)), dict(x=N((5, 4)), y=LABELS)),
    "tanh network": (network, dict(w1=N((4, 5)), b1=N(5), w2=N((5, 3)), b2=N(3)), dict(x=N((5, 4)), y=LABELS)),
    "relu network": (relu_network, dict(w1=N((4, 5)), b1=N(5), w2=N((5, 2))), dict(x=N((3, 4)), t=N((3, 2)))),
    "layer norm": (layer_norm, dict(x=N((2, 6)), gamma=1 + N(6) / 9, beta=N(6) / 9), dict(t=N((2, 6)))),
    "attention": (attention, dict(q=N((4, 3)), k=N((4, 3)), v=N((4, 3))), dict(causal=np.tril(np.ones((4, 4), bool)))),
    "embedding": (
        lambda xp, e, w, i: xp.mean(xp.tanh(xp.take(e, i, axis=0) @ w)),
        dict(e=N((6, 4)), w=N((4, 3))),
        dict(i=np.array([[0, 2, 2], [5, 0, 2]])),
    ),
    "masked branch": (lambda xp, x: xp.sum(xp.where(x > 0, xp.sqrt(x), 0.0)), dict(x=np.array([-1.0, 4.0])), {}),
    "recurrence": (recurrent, dict(w=0.9, x=N(3)), {}),
    "functions": (functions, dict(x=np.array([0.3, 1.2, -0.7])), {}),
    "more functions": (more_functions, dict(x=np.array([0.1, -0.3, 0.7])), {}),
    "softplus far out": (lambda xp, x: xp.sum(xp.nn.softplus(x)), dict(x=np.array([-40.0, 3.0, 60.0])), {}),
    "tiny": (lambda xp, x: xp.log1p(x) * xp.expm1(x) + xp.tanh(x), dict(x=1e-20), {}),
    "powers": (lambda xp, x, y: xp.sum(x**y), dict(x=np.array([0.3, 2.0]), y=np.array([2.5, -1.0])), {}),
    "kinks": (kinks, dict(x=N(6)), {}),
    "expanded": (expanded, dict(x=1.01), {}),
    "std and var": (lambda xp, x: xp.std(x, correction=1) + xp.var(x, correction=0), dict(x=N(9)), {}),
    "stack and concat": (
        lambda xp, u, v: xp.sum(xp.stack([u, v], axis=1).T @ xp.concat([u, v])[:3] ** 2),
        dict(u=N(3), v=N(3)),
        {},
    ),
    "long sum": (lambda xp, x: xp.sum(xp.exp(x)) ** 2 + xp.mean(x), dict(x=N(100)), {}),
}


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize("name", COSTS)
def test_fifty_digits_agree_with_the_balls(name: str, dtype: str) -> None:
    cost, params, data = COSTS[name]
    of = task(cost, params, data, dtype=dtype)
    got, truth = measure(of), exact(of)
    assert got.failure is None, got.failure
    assert got.warnings == ()
    assert got.partials.keys() == set(params)
    for path, wanted in truth.items():
        found = got.partials[path] if path else got.value
        assert np.all(errors(found, wanted) <= 1e-40 * size(wanted))


def sorted_cost() -> Task:
    """Return Σ c·sort(x)², which needs an order that the point decides."""
    builder = Builder()
    x = builder.input("x", (2, 4), param=True)
    order = builder.call("argsort", x, axis=1, descending=True)
    ranked = builder.call("take_along_axis", x, order, axis=1)
    total = builder.call("sum", ranked * ranked * ranked[:, 0:1], axes=(0, 1), keepdims=False)
    return Task(graph=builder.freeze(total), inputs={"x": N((2, 4))}, dtype="float64", variant="")


def test_an_order_is_data_of_the_point() -> None:
    of = sorted_cost()
    got, truth = measure(of), exact(of)
    assert np.all(errors(got.partials["x"], truth["x"]) <= 1e-40 * size(truth["x"]))


def test_a_wrong_digit_is_seen() -> None:
    """The comparison can fail: a derivative wrong in the 39th digit does, and so does NaN."""
    of = task(recurrent, dict(w=0.9, x=N(3)))
    got, truth = measure(of).partials["x"], exact(of)["x"]
    assert got is not None
    shifted = replace(got, tail=(*got.tail, 1e-38 * np.abs(got.values)))
    lost = replace(got, values=np.full(3, np.nan))
    assert not np.any(errors(shifted, truth) <= 1e-40 * size(truth))
    assert not np.any(errors(lost, truth) <= 1e-40 * size(truth))


def stopped() -> Task:
    builder = Builder()
    x = builder.input("x", (3,), param=True)
    held = builder.call("stop_gradient", builder.call("exp", x) * 2)
    total = builder.call("sum", x * x * held, axes=(0,), keepdims=False)
    return Task(graph=builder.freeze(total), inputs={"x": np.array([0.3, -1.0, 2.0])}, dtype="float64", variant="")


def test_stop_gradient_has_a_value_and_no_derivative() -> None:
    of = stopped()
    got = measure(of)
    x = of.inputs["x"]
    np.testing.assert_allclose(got.partials["x"].values, 4 * x * np.exp(x), rtol=1e-15)  # type: ignore[union-attr]  # asserted by its use
    assert "frozen=True" in got.source
    assert np.all(errors(got.partials["x"], exact(of)["x"]) <= 1e-40 * size(exact(of)["x"]))


def test_one_derivation_serves_all_points_with_the_same_decisions() -> None:
    first, second, third = (
        task(lambda xp, x: xp.sum(xp.nn.relu(x) ** 3), dict(x=x)) for x in (1 + N(3) ** 2, 2 + N(3) ** 2, -(N(3) ** 2))
    )
    assert SYMPY.script(first) is SYMPY.script(second)
    assert SYMPY.script(first) is not SYMPY.script(third)
    assert np.all(measure(third).partials["x"].values == 0)  # type: ignore[union-attr]  # asserted by its use


def test_min_max_and_abs_are_decided_not_differentiated() -> None:
    source = measure(task(kinks, dict(x=N(6)))).source
    assert sympy_diff.NOTE in source
    assert not any(word in source for word in ("Heaviside", "Max", "Min", "Abs", "sign", "Piecewise"))


@pytest.mark.parametrize("x", [0.0, -1.0])
def test_what_is_no_real_number_is_nan(x: float) -> None:
    """√x has no slope at 0 and no value at −1, whole or by definitions."""
    for cost in (lambda xp, x: xp.sqrt(x), lambda xp, x: xp.sqrt(x) + xp.sum(xp.exp(x * xp.ones(60)))):
        got = measure(task(cost, dict(x=x)))
        assert got.failure is None
        assert got.value is not None
        assert np.isnan(got.value.values) == (x < 0)
        assert not np.isfinite(got.partials["x"].values)  # type: ignore[union-attr]  # asserted by its use


def test_infinite_data_is_not_read_as_a_number() -> None:
    """`Rational(inf)` is 0 in SymPy."""
    got = measure(task(lambda xp, x, m: xp.sum(xp.exp(x + m)), dict(x=N(2)), dict(m=np.array([0.0, -np.inf]))))
    assert got.partials["x"].values[1] == 0  # type: ignore[union-attr]  # asserted by its use
    assert got.partials["x"].values[0] != 0  # type: ignore[union-attr]  # asserted by its use


def test_a_graph_of_too_many_definitions_is_unsupported() -> None:
    of = task(
        network, dict(w1=N((4, 16)), b1=N(16), w2=N((16, 3)), b2=N(3)), dict(x=N((150, 4)), y=R.integers(0, 3, 150))
    )
    assert definitions_needed(lower(of.graph)) > sympy_diff.LARGEST
    got = measure(of)
    assert got.failure is not None
    assert got.failure.trouble is Trouble.UNSUPPORTED
    assert "scalar definitions, more than 5000" in got.failure.sentence


def test_an_operation_without_words_is_unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sympy_diff.BOOK.phrases, "tan")  # type: ignore[arg-type]  # a phrasebook holds a dictionary
    sympy_diff_word = sys.modules["harness.backends.sympy_book"].word
    sympy_diff_word.cache_clear()
    got = measure(task(lambda xp, x: xp.tan(x) * 1.25, dict(x=1.0)))
    sympy_diff_word.cache_clear()
    assert got.failure is not None
    assert (got.failure.trouble, got.failure.sentence) == (Trouble.UNSUPPORTED, "no phrase for tan in SymPy")


def test_the_precision_of_mpmath_is_left_as_it_was() -> None:
    before = mpmath.mp.dps
    measure(task(recurrent, dict(w=0.9, x=N(3))))
    measure(task(lambda xp, w: w**2, dict(w=3.0)))
    assert mpmath.mp.dps == before


# --------------------------------------------------------------------------- scripts


def run(program: str) -> list[str]:
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_program_of_the_square_is_short_and_readable() -> None:
    of = task(lambda xp, w: w**2, dict(w=3.0))
    program = SYMPY.reproduce(of)
    lines = program.splitlines()
    assert len(lines) <= 15
    assert lines[0] == "import sympy as sp"
    assert 'w = sp.Symbol("w", real=True)' in lines
    assert "J = w**2" in lines
    assert any("sp.diff(J, x)" in line for line in lines)
    assert program.startswith(measure(of).source)
    assert [float(word) for word in run(program)] == [9, 6]


@pytest.mark.parametrize("name", ["literals", "Rosenbrock", "tanh network", "kinks", "tiny", "embedding", "functions"])
def test_a_program_needs_sympy_alone_and_prints_the_recorded_numbers(name: str) -> None:
    cost, params, data = COSTS[name]
    of = task(cost, params, data, dtype="float32")
    program, got = SYMPY.reproduce(of), measure(of)
    assert {line.split()[1] for line in program.splitlines() if line.startswith(("import ", "from "))} <= {
        "sympy", "sympy.codegen.cfunctions", "mpmath", "functools", "itertools",
    }  # fmt: skip
    assert max(map(len, program.splitlines())) <= 120
    entries = [parts_of(sp.Float(word, 50)) for word in run(program)]
    recorded = [got.value, *got.partials.values()]
    assert all(partial is not None for partial in recorded)
    flat = np.concatenate([np.stack([p.values, *p.tail], axis=-1).reshape(-1, 3) for p in recorded if p is not None])
    printed_parts = np.array(entries)
    assert np.array_equal(printed_parts[:, 0], flat[:, 0])
    assert np.all(np.abs((printed_parts - flat)[:, 1:].sum(axis=1)) <= 1e-47 * np.abs(flat[:, 0]))


EXPRESSIONS = (
    """
x*tenth; tenth/x; -x/3; x**third; (x + y)**-tenth; sp.sqrt(x + sp.sqrt(y)); 1/sp.sqrt(x); sp.exp(-x)/2
(x + tenth)*third; x**(y + third); sp.Rational(0.3) - sp.Rational(0.1); sp.oo; -sp.oo; sp.pi*x; sp.E*y; sp.zoo; sp.I*x
sp.atan2(x, -y); -(x**2); (-x)**3; sp.log(x*third)**2; x - (y - third); x/(y/third); x**-2; -x**third; sp.nan
""".replace(";", "\n")
    .strip()
    .splitlines()
)


def test_an_expression_is_printed_as_source_that_gives_it_back() -> None:
    x, y = sp.symbols("x y", real=True)
    names = {"sp": sp, "x": x, "y": y, "third": sp.Rational(1, 3), "tenth": sp.Rational(0.1)}
    for text in EXPRESSIONS:
        expression = eval(text, names)
        assert eval(printed(expression), {"sp": sp, "x": x, "y": y}) == expression


def test_numbers_become_sums_of_three_floats() -> None:
    third = sp.Rational(1, 3)
    assert sum(sp.Rational(part) for part in parts_of(sp.N(third, 50))) - third < 1e-48
    assert parts_of(sp.Integer(6)) == (6, 0, 0)
    assert parts_of(sp.oo)[0] == np.inf
    assert parts_of(sp.Float("1e400", 50))[0] == np.inf
    assert all(np.isnan(parts_of(strange)[0]) for strange in (sp.nan, sp.zoo, sp.I))


def test_names_of_leaves_do_not_meet_those_of_the_script() -> None:
    params = {
        name: 0.5 + k / 7 for k, name in enumerate(["J", "sp", "t1", "chain", "zip", "a.b", "a_b", "lambda", "point"])
    }
    builder = Builder()
    leaves = [builder.input(path, (), param=True) for path in params]
    total = builder.constant(1)
    for leaf in leaves:
        total = total * builder.call("exp", leaf * leaf)
    wide = builder.call("sum", b.broadcast_to(total, (60,)), axes=(0,), keepdims=False)
    for output in (total, wide * builder.call("sin", total)):
        of = Task(
            graph=builder.freeze(output),
            inputs={k: np.asarray(x) for k, x in params.items()},
            dtype="float64",
            variant="",
        )
        got, truth = measure(of), exact(of)
        assert got.failure is None, got.failure
        assert all(np.all(errors(got.partials[path], truth[path]) <= 1e-40 * size(truth[path])) for path in params)


# --------------------------------------------------------------------------- formulas


def test_a_short_cost_has_a_formula() -> None:
    got = measure(task(lambda xp, w: w**2, dict(w=3.0)))
    assert got.texts == {"": "w**2", "w": "2*w", "mathml": "<msup><mi>w</mi><mn>2</mn></msup>"}


@pytest.mark.parametrize(
    ("cost", "params", "text", "derivatives"),
    [
        (lambda xp, w: (2 + 3 * w) ** 2, dict(w=0.1), "(3*w + 2)**2", {"w": "18*w + 12"}),
        (lambda xp, x: xp.sum(x**2) / 2, dict(x=N(3)), "x_0**2/2 + x_1**2/2 + x_2**2/2", {"x": "[x_0, x_1, x_2]"}),
        (lambda xp, x: xp.abs(x), dict(x=1.0), "Abs(x)", {"x": "sign(x)"}),
        (lambda xp, x: xp.nn.relu(x), dict(x=1.0), "Max(0, x)", {"x": "Piecewise((0, x <= 0), (1, True))"}),
        (lambda xp, x, y: xp.nn.logsumexp(xp.stack([x, y])), dict(x=1.0, y=2.0), "log(exp(x) + exp(y))", None),
        (lambda xp, x: xp.pi * x + 0.1, dict(x=1.0), "pi*x + 1/10", {"x": "pi"}),
    ],
)  # fmt: skip
def test_formulas(cost: Cost, params: dict[str, Any], text: str, derivatives: dict[str, str] | None) -> None:
    short = formula(task(cost, params).graph)
    assert short.text == text
    assert short.derivatives == (derivatives or {"x": "exp(x)/(exp(x) + exp(y))", "y": "exp(y)/(exp(x) + exp(y))"})
    assert short.mathml.startswith("<m")


def test_a_long_cost_has_none() -> None:
    short = formula(task(entropy, dict(w=N((4, 3)), b=N(3)), dict(x=N((5, 4)), y=LABELS)).graph)
    assert (short.text, short.derivatives, short.mathml) == ("", {}, "")


def test_a_formula_says_nothing_that_only_a_point_decides() -> None:
    assert formula(sorted_cost().graph).text == ""
    assert formula(stopped().graph).text == ""


def test_what_it_is() -> None:
    assert SYMPY.versions().keys() == {"sympy", "mpmath"}
    assert (SYMPY.name, SYMPY.mechanism, SYMPY.variants) == ("sympy", "diff", ("symbolic",))
    refused = SYMPY.measure(task(lambda xp, w: w**2, dict(w=3.0), variant="jit"))
    assert refused.failure is not None
    assert refused.failure.trouble is Trouble.UNSUPPORTED


def test_importing_it_does_not_import_sympy() -> None:
    modules = "sympy_book sympy_diff sympy_formula sympy_script finite_difference ladder noise numpy_book".split()
    names = [f"harness.backends.{module}" for module in modules]
    check = f"import sys, {', '.join(names)}\nassert not {{'sympy', 'mpmath', 'scipy', 'flint'}} & sys.modules.keys()\n"
    seen = "import sys, sympy\nassert not {'sympy'} & sys.modules.keys()\n"
    for program, code in ((check, 0), (seen, 1)):
        assert subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60).returncode == code
