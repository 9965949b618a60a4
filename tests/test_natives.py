"""Natives: a framework's own words and hand-written gradients are judged like an engine, and the wrong are caught."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import harness
from harness import Case, DeclarationError, case, data, param
from harness.backends import load
from harness.collect import collect
from harness.graph.phrase import Call
from harness.measurement import Task
from harness.run.execute import Order, execute
from harness.run.lab import Inline
from harness.run.plan import Selection, plan
from harness.run.records import CellLine
from harness.run.source import find
from measured import printed, recorded

FRAMEWORKS = [pytest.param(name, marks=pytest.mark.needs(name)) for name in ("tensorflow", "torch", "jax")]
Native = Callable[..., Any]


def wave() -> Case:
    """Return J(w) = Σ w sin w, whose gradient has two paths."""

    @case(w=param(shape=3), points=[dict(w=["0.3", "-1.2", "2"])])
    def wave(xp: Any, w: Any) -> Any:
        s = xp.sin(w)
        return xp.sum(w * s)

    return wave


LINE = wave().line + 3
"""Where `w * s` stands."""


def judged(case: Case, backend: str, name: str, dtype: str = "float64") -> CellLine:
    found = harness.check(case, backends=(backend,), dtypes=(dtype,))
    (cell,) = (cell for cell in found.cells if cell.spelling == name)
    return cell


# --------------------------------------------------------------------------- gradients that are written by hand

Rule = Callable[[Any, Any, Any], Any]
"""(the framework's sin and cos, w, adjoint of the sum) → adjoint of w."""

RULES: dict[str, Rule] = {
    "right": lambda f, w, g: g * (f.sin(w) + w * f.cos(w)),
    "factor": lambda f, w, g: 2 * g * (f.sin(w) + w * f.cos(w)),
    "sign": lambda f, w, g: -g * (f.sin(w) + w * f.cos(w)),
    "path": lambda f, w, g: g * f.sin(w),
    "none": lambda f, w, g: None,
    "zeros": lambda f, w, g: 0 * w,
}


def by_hand_tensorflow(rule: Rule) -> Native:
    def native(tf: Any, w: Any) -> Any:
        @tf.custom_gradient
        def cost(w: Any) -> Any:
            return tf.reduce_sum(w * tf.sin(w)), lambda g: rule(tf, w, g)

        return cost(w)

    return native


def by_hand_torch(rule: Rule) -> Native:
    def native(torch: Any, w: Any) -> Any:
        class Cost(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, w: Any) -> Any:
                ctx.save_for_backward(w)
                return (w * torch.sin(w)).sum()

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                return rule(torch, *ctx.saved_tensors, g)

        return Cost.apply(w)

    return native


def by_hand_jax(rule: Rule) -> Native:
    def native(jax: Any, w: Any) -> Any:
        @jax.custom_vjp
        def cost(w: Any) -> Any:
            return (w * jax.numpy.sin(w)).sum()

        cost.defvjp(lambda w: (cost(w), w), lambda w, g: (rule(jax.numpy, w, g),))
        return cost(w)

    return native


BY_HAND = {"tensorflow": by_hand_tensorflow, "torch": by_hand_torch, "jax": by_hand_jax}


def with_rule(backend: str, rule: str) -> Case:
    made = wave()
    made.native(backend, spelling=rule)(BY_HAND[backend](RULES[rule]))
    return made


@pytest.mark.parametrize("backend", FRAMEWORKS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_right_gradient_by_hand_passes(backend: str, dtype: str) -> None:
    cell = judged(with_rule(backend, "right"), backend, "right", dtype)
    assert cell.cls == "pass", cell.reason
    assert cell.gradient["w"].size == 3


WRONG = {
    "factor": ("DISAGREE", "scaled by 2"),
    "sign": ("DISAGREE", "negated"),
    "path": ("DISAGREE", f"the path from s into line {LINE} is missing"),
    "none": ("DISCONNECTED", "is missing"),
    "zeros": ("DEAD-LEAF", "is missing"),
}


@pytest.mark.parametrize("backend", FRAMEWORKS)
@pytest.mark.parametrize("rule", WRONG)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_wrong_gradient_by_hand_is_caught_and_diagnosed(backend: str, rule: str, dtype: str) -> None:
    verdict, diagnosis = WRONG[rule]
    if (backend, rule) == ("jax", "none"):
        verdict = "DEAD-LEAF"  # JAX reads None as zeros
    cell = judged(with_rule(backend, rule), backend, rule, dtype)
    assert (cell.verdict, cell.cls) == (verdict, "fail"), cell.reason
    assert diagnosis in cell.diagnosis
    assert "Going backward, one wrong node explains it all, the " in cell.reason


STOPPED: dict[str, Native] = {
    "tensorflow": lambda tf, w: tf.reduce_sum(tf.stop_gradient(w) * tf.sin(w)),
    "torch": lambda torch, w: (w.detach() * torch.sin(w)).sum(),
    "jax": lambda jax, w: (jax.lax.stop_gradient(w) * jax.numpy.sin(w)).sum(),
}


@pytest.mark.parametrize("backend", FRAMEWORKS)
def test_a_stopped_path_is_named(backend: str) -> None:
    made = wave()
    made.native(backend, spelling="stopped")(STOPPED[backend])
    cell = judged(made, backend, "stopped")
    assert cell.verdict == "DISAGREE"
    assert cell.reason.endswith(
        f"one wrong node explains it all, the multiply in line {LINE}: "
        "the path from `w` into `return xp.sum(w * s)` is missing. "
        "Its gradient contradicts its own values: central differences of them say otherwise."
    )


CUT: dict[str, tuple[Native, str]] = {
    "stopped": (lambda torch, w, v: (torch.sin(w.detach()) * v).sum(), ""),
    "unused": (
        lambda torch, w, v: torch.sin(v).sum(),
        "Central differences of its own values by w are 0: look whether the function uses it, and rounds it nowhere.",
    ),
    "another": (
        lambda torch, w, v: (torch.sin(w.detach()) * (v + v.detach()) / 2).sum(),
        "What came back for v contradicts its own values, too.",
    ),
}


@pytest.mark.needs("torch")
@pytest.mark.parametrize("name", CUT)
def test_what_its_values_say_of_a_none_is_told_where_it_adds_something(name: str) -> None:
    """That no gradient contradicts a value which depends on the leaf is said already."""
    function, said = CUT[name]

    @case(w=param(shape=2), v=param(shape=2), points=[dict(w=[0.5, 1], v=[1, 2])])
    def cost(xp: Any, w: Any, v: Any) -> Any:
        return xp.sum(xp.sin(w) * v)

    cost.native("torch", spelling="mine")(function)
    cell = judged(cost, "torch", "mine")
    assert cell.verdict == "DISCONNECTED"
    assert "w: no gradient came back (None)" in cell.reason
    assert cell.reason.endswith(said)
    assert ("own values" in cell.reason) == bool(said)


# --------------------------------------------------------------------------- value first, layouts, nested inputs


@pytest.mark.parametrize("backend", FRAMEWORKS)
def test_another_function_is_caught_by_its_value(backend: str) -> None:
    made = wave()
    made.native(backend, spelling="other")(lambda f, w: 2 * (w * w).sum() if backend != "tensorflow" else f.norm(w))
    cell = judged(made, backend, "other")
    assert (cell.verdict, cell.cls) == ("VALUE-MISMATCH", "fail")


def linear() -> Case:
    @case(
        layer={"w": param(shape=(2, 2)), "b": param(shape=2)},
        x=data([[1.0, 2.0], [3.0, -1.0], [0.5, 0.5]]),
        points=[dict(layer={"w": [[1, 2], ["0.5", -1]], "b": ["0.1", "0.2"]})],
    )
    def linear(xp: Any, layer: Any, x: Any) -> Any:
        return xp.mean(xp.tanh(x @ layer["w"] + layer["b"]))

    return linear


def torch_linear(torch: Any, layer: Any, x: Any) -> Any:
    return torch.tanh(torch.nn.functional.linear(x, layer["w"], layer["b"])).mean()


@pytest.mark.needs("torch")
def test_a_layout_is_inside_the_differentiated_function() -> None:
    made = linear()
    made.native("torch", spelling="torch.nn.Linear", params={"layer": {"w": lambda w: w.T}})(torch_linear)
    cell = judged(made, "torch", "torch_nn_linear")
    assert cell.cls == "pass", cell.reason
    assert cell.gradient["layer.w"].shape == (2, 2)
    made.native("torch", spelling="no layout")(torch_linear)
    assert judged(made, "torch", "no_layout").verdict == "VALUE-MISMATCH"


@pytest.mark.needs("torch")
@pytest.mark.parametrize("layout", [lambda w: 2 * w.T, lambda w: w[:1], lambda w: w.T.repeat(2, 1)])
def test_a_layout_only_moves_entries(layout: Callable[[Any], Any]) -> None:
    made = linear()
    made.native("torch", params={"layer.w": layout})(torch_linear)
    cell = judged(made, "torch", "torch_linear")
    assert cell.verdict == "ERROR"
    assert "the layout of layer.w changes entries; only permute and reshape there" in cell.reason


@pytest.mark.parametrize("backend", FRAMEWORKS)
def test_the_framework_comes_first_unless_the_first_parameter_is_an_input(backend: str) -> None:
    made, seen = case(w=param(), points=[dict(w=3)])(lambda w: w * w), []

    @made.native(backend)
    def with_framework(anything: Any, w: Any) -> Any:
        seen.append(anything.__name__)
        return w * w

    @made.native(backend)
    def arrays_only(w: Any) -> Any:
        return w * w

    for name in ("with_framework", "arrays_only"):
        assert judged(made, backend, name).cls == "pass"
    assert set(seen) == {backend}


# --------------------------------------------------------------------------- declarations


def test_names_are_made_safe_and_kept_as_written() -> None:
    made = wave()
    made.native("torch", spelling="torch.nn.Linear")(torch_linear)
    made.native("tensorflow")(torch_linear)
    made.native("torch", spelling="Größe 2")(lambda w: w)
    assert [(one.name, one.written) for one in made.natives] == [
        ("torch_nn_linear", "torch.nn.Linear"),
        ("torch_linear", "torch_linear"),
        ("gr_e_2", "Größe 2"),
    ]


REFUSED: dict[str, tuple[Callable[[Case], Any], str]] = {
    "backend": (lambda c: c.native("pytorch")(torch_linear), "'pytorch'; did you mean torch? There are tensorflow"),
    "alias": (lambda c: c.native("tf")(torch_linear), "did you mean tensorflow?"),
    "engine": (lambda c: c.native("sympy")(torch_linear), "spellings are not written for 'sympy'"),
    "numpy": (lambda c: c.native("numpy")(torch_linear), "A gradient written by hand in NumPy is @case.backward."),
    "bare": (lambda c: c.native(torch_linear), "names its framework; write @"),
    "layout": (lambda c: c.native("torch", params={"W": np.transpose})(torch_linear), "'W', which is no input; did"),
    "name": (lambda c: c.native("torch", spelling="xp")(torch_linear), "'xp' cannot name a spelling"),
    "empty": (lambda c: c.native("torch", spelling="…")(torch_linear), "'…' cannot name a spelling"),
    "twice": (lambda c: [c.native("torch")(f) for f in (one(), another())], "two spellings on torch are named same"),
    "loop": (lambda c: [c.native("torch")(lambda w, k=k: w**k) for k in (1, 2)], "rename one, or write spelling="),
}


def one() -> Native:
    def same(torch: Any, w: Any) -> Any:
        return w.sum()

    return same


def another() -> Native:
    def same(torch: Any, w: Any) -> Any:
        return w.prod()

    return same


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_declaration_says_what_to_write(name: str) -> None:
    declare, sentence = REFUSED[name]
    with pytest.raises(DeclarationError) as refusal:
        declare(wave())
    assert sentence in str(refusal.value)
    assert "test_natives.wave" in str(refusal.value)


def test_a_line_that_runs_again_takes_its_place(tmp_path: Path) -> None:
    made, cells = wave(), []
    for _ in range(2):
        scope: dict[str, Any] = {}
        exec(compile("def f(torch, w):\n    return w.sum()\n", "cell.py", "exec"), scope)
        made.native("torch")(scope["f"])
        cells.append(scope["f"])
    assert [one.function for one in made.natives] == cells[1:]


# --------------------------------------------------------------------------- cells


def test_a_native_has_cells_beside_the_definition() -> None:
    made = with_rule("torch", "right")
    ids = [cell.id for cell in plan([made], Selection())]
    assert ids[1:3] == [
        "test_natives.wave/torch/xp/eager/grad/float64/p0",
        "test_natives.wave/torch/right/eager/grad/float64/p0",
    ]
    assert len(ids) == 2 * 6
    full = [cell for cell in plan([made], Selection(profile="full")) if cell.spelling == "right"]
    assert {cell.variant for cell in full if cell.operator == "grad"} == {"eager"}
    assert {cell.operator for cell in full} == {"grad", "hvp", "vjp"}, "a rule that is wrong twice is a finding too"
    assert not any("/numpy/" in identity for identity in ids)


@pytest.mark.needs("torch")
def test_a_cell_stands_where_its_native_does() -> None:
    run = execute(Order(cases=(with_rule("torch", "right"),), selection=Selection(backends=("torch",))), Inline())
    lines = {cell.spelling: cell.location.rpartition(":")[2] for cell in run.cells}
    assert lines["xp"] == str(wave().line)
    assert lines["right"] == str(by_hand_torch(RULES["right"]).__code__.co_firstlineno)
    (line,) = run.cases
    assert set(line.emitted) == {"torch", "torch/right"}
    assert "class Cost" in line.emitted["torch/right"]


def test_a_function_does_not_travel_but_its_address_does() -> None:
    call = with_rule("torch", "right").spelt("torch", "right")
    assert call is not None
    assert call.live is not None
    arrived = pickle.loads(pickle.dumps(call))
    assert (arrived.file, arrived.case, arrived.backend, arrived.name) == (
        __file__,
        "test_natives.wave",
        "torch",
        "right",
    )
    assert arrived.live is None


# --------------------------------------------------------------------------- sources and programs

FILE = '''"""Spellings that use what stands around them."""

from __future__ import annotations

import numpy as np
from harness import case, data, param

import beside

SCALE = 2.0
TABLE = np.ones(2)
TABLE[1] = SCALE
UNUSED = nothing = case


def squared(z: Unknown):
    return z**SCALE


class Half:
    share = 1 / SCALE


@case(w=param(shape=2), x=data([[1.0, 2.0]] * 12), points=[dict(w=["0.1", "-0.7"])])
def norm(xp, w, x):
    """Half of |x w|²."""
    return xp.sum((x @ w) ** 2.0) / 2


@norm.native("BACKEND", params={"w": lambda w: MODULE.reshape(w, (2, 1))})
def spelt(MODULE, w, x):
    return TOTAL(squared(x @ w)) * Half.share * beside.ONE * TABLE[0]


@norm.native("BACKEND")
def gradient(MODULE, w, x):
    return TOTAL((x @ w[:, None]) ** 2) / 2


def closed(k):
    @norm.native("BACKEND", spelling=f"closed {k}")
    def inner(MODULE, w, x):
        return TOTAL((x @ w[:, None]) ** k) / 2


closed(2)
'''
WORDS = {
    "tensorflow": ("tf", "tf.reduce_sum", "import tensorflow as tf\n"),
    "torch": ("torch", "torch.sum", "import torch\n"),
    "jax": ("jnp", "jnp.sum", "import jax.numpy as jnp\n"),
}
SPELLINGS = {"spelt": False, "gradient": False, "closed_2": True}
"""Name → whether its program needs its file, and with it the harness."""


@pytest.fixture(params=FRAMEWORKS)
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a case file of natives for one framework, from which commands are run."""
    module, total, line = WORDS[request.param]
    text = FILE.replace("BACKEND", request.param).replace("MODULE", module).replace("TOTAL", total)
    (tmp_path / "case_norm.py").write_text(text.replace("import beside\n", f"import beside\n{line}"))
    (tmp_path / "beside.py").write_text("ONE = 1.0\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "beside", raising=False)
    return tmp_path


def tasks(folder: Path) -> dict[str, tuple[str, Task]]:
    cases = collect([folder])
    (native, *_) = cases[0].natives
    return {name: (native.backend, find(f"norm.norm/{native.backend}/{name}", cases).task) for name in SPELLINGS}


def test_a_program_runs_by_itself_and_prints_the_recorded_numbers(folder: Path) -> None:
    for name, (backend, task) in tasks(folder).items():
        engine = load(backend)
        got, program = engine.measure(task), engine.reproduce(task)
        assert got.failure is None
        assert ("harness" in program) is SPELLINGS[name], program
        np.savez(folder / "inputs.npz", **task.inputs)
        path = str(Path(__file__).parent.parent) if SPELLINGS[name] else ""
        command = [sys.executable, *([] if path else ["-P"]), "-c", program]
        done = subprocess.run(
            command, capture_output=True, text=True, env={"PYTHONPATH": path}, timeout=120, check=False
        )
        assert done.returncode == 0, f"{program}\n{done.stderr}"
        assert printed(done.stdout) == [recorded(got)]


def test_a_source_is_the_users_text_inside_the_lines_of_emission(folder: Path) -> None:
    sources = {}
    for name, (backend, task) in tasks(folder).items():
        engine = load(backend)
        sources[name] = engine.measure(task).source
        assert engine.book.differentiate is not None
        assert sources[name].endswith(engine.book.differentiate(Call(("w", "x"), ("w",), task.variant, loose=True)))
    assert "UNUSED" not in sources["spelt"]
    assert "@norm" not in sources["spelt"]
    assert sources["spelt"].startswith("from __future__ import annotations\n")
    assert "layout_w = lambda w: " in sources["spelt"]
    assert "spelt(" in sources["spelt"].partition("def cost(w, x):")[2]
    assert "return native(" in sources["gradient"]
    assert "# closed 2 cannot stand alone: it closes over k. It is taken from its file" in sources["closed_2"]
    assert "#     def inner(" in sources["closed_2"]


def test_natives_travel_to_workers_and_every_command_knows_them(folder: Path) -> None:
    backend = collect([folder])[0].natives[0].backend
    env = {"PYTHONPATH": str(Path(__file__).parent.parent), "PATH": "", "HOME": str(folder)}

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "harness.cli", *arguments]
        return subprocess.run(words, capture_output=True, text=True, env=env, timeout=300, check=False)

    listed = command("list", "case_norm.py")
    assert f"spellings: xp, {backend}/spelt, {backend}/gradient, {backend}/closed_2 (closed 2)" in listed.stdout
    done = command("run", "case_norm.py", "--backend", backend, "--dtype", "float64", "--out", "out")
    assert done.returncode == 0, done.stdout + done.stderr
    cells = [f"norm.norm/{backend}/{name}" for name in ("xp", *SPELLINGS)]
    for cell in cells:
        shown = command("show", cell, "--run", "out")
        assert "AGREE" in shown.stdout or "EXACT" in shown.stdout, shown.stdout + shown.stderr
        assert "1 of 1 backend ran" in done.stdout
        assert "def cost(w, x)" in command("repro", cell, "case_norm.py").stdout


def test_listing_natives_imports_no_framework(tmp_path: Path) -> None:
    file = tmp_path / "case_lazy.py"
    file.write_text(FILE.replace("BACKEND", "torch").replace("import beside\n", "").replace("MODULE", "torch"))
    program = f"""import sys
from harness.collect import collect
from harness.graph.phrase import Call
from harness.run.plan import Selection, plan
assert len(plan(collect([{str(file)!r}]), Selection())) == 2 * 5 + 3 * 2
assert not {{"torch", "tensorflow", "jax"}} & sys.modules.keys()
"""
    env = {"PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
