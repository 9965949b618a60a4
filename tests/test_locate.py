"""The first operation that differs: named, at its own inputs, with its own program; and nothing where none does."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import harness
from conftest import Command
from harness.api import case_of
from harness.backends.torch_autograd import TorchAutograd
from harness.graph.node import Graph
from harness.graph.script import Script
from harness.measurement import Leaves, Measurement, Task
from harness.report import terminal
from harness.run import locate
from harness.run.alone import inputs_again
from harness.run.execute import Order, execute
from harness.run.lab import Established, Exact, Inline, Later
from harness.run.plan import Selection
from harness.run.records import CellLine, Run
from harness.run.source import find
from harness.run.store import dumps, loads
from measured import printed, run

LINES = 15


def leaky(xp: Any, w: Any, v: Any) -> Any:
    h = xp.tanh(w * 2)
    h = xp.nn.leaky_relu(h - 0.1, negative_slope=0.2)
    return xp.sum(xp.exp(h) * v)


def soft(xp: Any, w: Any) -> Any:
    return xp.sum(xp.sin(xp.nn.softplus(w * 3) / 7))


def logarithm(xp: Any, w: Any) -> Any:
    return xp.sum(xp.exp(xp.log1p(w * 1.0)) * w)


def first_line(function: Callable[..., Any]) -> int:
    return function.__code__.co_firstlineno


def judged(function: Callable[..., Any], backend: str, dtype: str = "float64", **inputs: Any) -> CellLine:
    (cell,) = harness.check(function, backends=(backend,), dtypes=(dtype,), **inputs).cells
    return cell


WRONG = {
    "tensorflow": (leaky, dict(w=[0.3, -0.5, 0.7], v=[1.0, 2.0, -1.0]), "tf.nn.leaky_relu", 2, (1,)),
    "torch": (soft, dict(w=[8.0, 0.3, 7.0]), "F.softplus", 1, (2,)),
    "jax": (logarithm, dict(w=[-0.414, 0.2]), "jnp.log1p", 1, (0,)),
}


@pytest.mark.parametrize("backend", [pytest.param(name, marks=pytest.mark.needs(name)) for name in WRONG])
def test_the_wrong_operation_of_a_framework_is_named(backend: str, tmp_path: Path) -> None:
    """Its number, alone at its own inputs, is what its program of at most 15 lines prints, bit for bit."""
    function, inputs, words, line, entry = WRONG[backend]
    cell = judged(function, backend, **inputs)
    found = cell.first_op
    assert found is not None, cell.reason
    assert (cell.verdict, found.words, found.part, found.entry) == ("VALUE-MISMATCH", words, "cotangent", entry)
    assert found.location.endswith(f"test_locate.py:{first_line(function) + line}")
    assert f"The first operation that differs: {words} (line {first_line(function) + line}): its value[" in cell.reason
    assert len(found.program.splitlines()) <= LINES
    assert max(map(len, found.program.splitlines())) <= 120
    [(_, partials)] = printed(run(found.program, tmp_path))
    assert found.worst is not None
    assert partials[-1].hex() == float(found.worst.got).hex()
    assert partials[-1] != found.worst.truth


# --------------------------------------------------------------------------- a liar


class Liar(TorchAutograd):
    """PyTorch, whose tanh is right forward and off by 1e-6 backward."""

    def script(self, task: Task) -> Script:
        honest = super().script(task)
        body = honest.body.replace("torch.tanh(", "Tanh.apply(")
        return replace(honest, body=TANH + body)


TANH = """class Tanh(torch.autograd.Function):
    generate_vmap_rule = True
    @staticmethod
    def forward(x):
        return torch.tanh(x)
    @staticmethod
    def setup_context(context, inputs, y):
        context.save_for_backward(y)
    @staticmethod
    def backward(context, g):
        (y,) = context.saved_tensors
        return g * (1 - y * y) * (1 + 1e-6)
"""


class Counting(Inline):
    """A lab that counts what it is asked, with PyTorch replaced."""

    def __init__(self, backend: Any = None) -> None:
        super().__init__(guest=True)
        self.measured: list[Task] = []
        self.asked = 0
        if backend is not None:
            self._backends["torch"] = backend

    def measure(self, backend: str, task: Task) -> Later[Measurement]:
        self.measured.append(task)
        return super().measure(backend, task)

    def establish(
        self, graph: Graph, inputs: Leaves, dtype: str, exact: Exact | None, operator: str = "grad"
    ) -> Later[Established]:
        self.asked += 1
        return super().establish(graph, inputs, dtype, exact, operator)


def layers(xp: Any, w: Any, u: Any) -> Any:
    h = xp.sin(xp.exp(w) @ u)
    h = xp.tanh(h * 2)
    return xp.mean(xp.sqrt(1 + h * h))


POINT = dict(w=[[0.3, -0.5], [0.2, 0.9], [0.4, 0.1]], u=[1.0, -0.6])


def lied(lab: Inline, operators: tuple[str, ...] = ()) -> Run:
    selection = Selection(backends=("torch",), dtypes=("float64",), operators=operators)
    return execute(Order(cases=(case_of(layers, POINT),), selection=selection), lab)


@pytest.mark.needs("torch")
@pytest.mark.parametrize("operator", ["grad", "vjp", "jacobian", "hvp"])
def test_an_operation_that_is_wrong_backward_alone_is_named(operator: str) -> None:
    cells = [cell for cell in lied(Counting(Liar()), operators=(operator,)).cells if cell.verdict == "DISAGREE"]
    assert cells  # in reverse mode; without `jvp` it has no forward mode
    for cell in cells:
        assert cell.first_op is not None, cell.reason
        assert cell.first_op.words == "torch.tanh"
        assert cell.first_op.part != "cotangent" or operator == "hvp"
        assert cell.first_op.location.endswith(f"test_locate.py:{first_line(layers) + 2}")


@pytest.mark.needs("torch")
def test_a_right_cell_costs_nothing() -> None:
    lab = Counting()
    (cell,) = lied(lab).cells
    assert cell.cls == "pass"
    assert cell.first_op is None
    assert (len(lab.measured), lab.asked) == (1, 1)


@pytest.mark.needs("torch")
def test_a_search_that_ends_at_its_budget_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locate._Purse, "__init__", lambda self: _poor(self))
    lab = Counting(Liar())
    (cell,) = lied(lab).cells
    assert cell.verdict == "DISAGREE"
    assert cell.first_op is None
    assert "2 were run alone, and none differs: the search ends at its budget." in cell.reason
    assert len(lab.measured) == 3


def _poor(purse: Any) -> None:
    purse.operations, purse.seconds, purse.hint = 2, 100.0, None


# --------------------------------------------------------------------------- what is no number


def masked(xp: Any, w: Any) -> Any:
    return xp.sum(xp.where(w > 0, xp.sqrt(w), 0 * w))


def away(xp: Any, w: Any) -> Any:
    return xp.sum(xp.where(w > 1, xp.sqrt(w), 0 * w))


def sinc(xp: Any, w: Any) -> Any:
    return xp.sum(xp.where(w > 0, xp.sin(w) / w, 1 + 0 * w))


def squared(xp: Any, w: Any) -> Any:
    return xp.sum(xp.where(w > 0, xp.log(w) ** 2, 0 * w))


def harmless(xp: Any, w: Any) -> Any:
    inner = xp.where(w > 1, xp.sin(w) / w, 0 * w)
    return xp.sum(xp.where(w > -1, inner, xp.log(w - 2)))


def length(xp: Any, w: Any) -> Any:
    return 3 * xp.sqrt(xp.sum(w * w))


def ratio(xp: Any, w: Any) -> Any:
    return xp.sum(w) / xp.sum(w * w)


SLOPE = "with the adjoint 0.0, its partial by {} is nan{}: 0 times a slope that is not finite."
LOST: dict[str, tuple[Callable[..., Any], float, str, str, str, str]] = {
    "masked": (masked, 0, "UNDEFINED", "gives no number", "jnp.sqrt", f"at w[0] = 0.0, {SLOPE.format('w[0]', '')}"),
    "away": (away, 0, "NONFINITE", "differs", "jnp.sqrt", f"at w[0] = 0.0, {SLOPE.format('w[0]', ', truth 0.0')}"),
    "0/0": (
        sinc,
        0,
        "NONFINITE",
        "gives no number",
        "x / w",
        f"at x[0] = 0.0 and w[0] = 0.0, {SLOPE.format('x[0]', '')}",
    ),
    "value": (squared, -1, "NONFINITE", "gives no number", "jnp.log", "at w[0] = -1.0, its value[0] is nan."),
    "length": (
        length,
        0,
        "NONFINITE",
        "gives no number",
        "jnp.sqrt",
        "at x = 0.0, with the adjoint 3.0, its partial by x is inf.",
    ),
    "ratio": (ratio, 0, "UNDEFINED", "gives no number", "x / y", "at x = 0.0 and y = 0.0, its value is nan."),
    "harmless": (
        harmless,
        0,
        "NONFINITE",
        "gives no number",
        "x / w",
        f"at x[0] = 0.0 and w[0] = 0.0, {SLOPE.format('x[0]', '')}",
    ),
}


@pytest.mark.needs("jax")
@pytest.mark.parametrize("name", LOST)
def test_the_operation_at_which_a_gradient_ceases_to_be_a_number_is_named(name: str, tmp_path: Path) -> None:
    """With the numbers that explain it; a value that is none and that nothing depends on is passed over."""
    function, at, verdict, does, words, said = LOST[name]
    cell = judged(function, "jax", w=[at, at] if name in ("length", "ratio") else [at, 4.0])
    assert cell.verdict == verdict, cell.reason
    where = f"(line {first_line(function) + 1})"
    assert cell.reason.endswith(f"The first operation that {does}: {words} {where}: {said}")
    assert (cell.first_op is None) == (verdict == "UNDEFINED")
    if cell.first_op is not None:
        assert re.search("nan|inf", run(cell.first_op.program, tmp_path))


@pytest.mark.needs("tensorflow")
def test_where_no_number_is_missing_nothing_is_named() -> None:
    """TensorFlow's sqrt takes 0 times its infinite slope for 0."""
    cell = judged(masked, "tensorflow", w=[0.0, 4.0])
    assert (cell.verdict, cell.gradient["w"].values[0]) == ("UNDEFINED", 0.0)
    assert "operation" not in cell.reason


@pytest.mark.needs("jax")
@pytest.mark.parametrize(("factor", "adjoint"), [(1, ""), (2, "with the adjoint 2.0, ")])
def test_at_a_kink_an_operation_is_held_to_its_one_sided_derivatives(factor: int, adjoint: str) -> None:
    """The truth by one convention is a number that nobody can relate to."""
    cell = judged(lambda xp, w: factor * xp.linalg.vector_norm(w), "jax", w=[0.0, 0.0])
    assert cell.verdict == "NONFINITE"
    assert cell.reason.endswith(
        f"): {adjoint}its partial by w[0] is nan, one-sided derivatives -{factor}.0 and {factor}.0."
    )


@pytest.mark.needs("torch")
def test_the_adjoint_that_scales_a_partial_is_told() -> None:
    """Torch's tanh lies; its partial holds the adjoint, which is no part of its derivative."""
    case = case_of(lambda xp, w: 3 * xp.tanh(w), dict(w=0.5))
    selection = Selection(backends=("torch",), dtypes=("float64",))
    (cell,) = execute(Order(cases=(case,), selection=selection), Counting(Liar())).cells
    assert "torch.tanh (line " in cell.reason
    assert "): with the adjoint 3.0, its partial by w is 2.35" in cell.reason
    assert ", error " in cell.reason.partition("torch.tanh")[2]


# --------------------------------------------------------------------------- the record and the reports


@pytest.mark.needs("torch")
def test_the_operation_travels_with_the_run_and_is_shown() -> None:
    run = harness.check(soft, backends=("torch",), w=[8.0, 0.3, 7.0]).run
    again = loads(dumps(run))
    found = again.cells[0].first_op
    assert found == run.cells[0].first_op
    assert found is not None
    shown = terminal.shown(again, again.cells[0]).plain
    assert f"the first operation that differs, alone at its own inputs: {found.words}, {found.location}" in shown
    assert "F.softplus(x) * cotangent" in shown


def spread(xp: Any, w: Any) -> Any:
    return xp.sum(xp.square(xp.nn.softmax(w * 2, axis=1)))


SOFTMAX = """class Softmax(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        y = torch.softmax(x, 1)
        context.save_for_backward(y)
        return y
    @staticmethod
    def backward(context, g):
        (y,) = context.saved_tensors
        return y * (g - (y * g).mean(1, keepdim=True))
"""


class Mean(TorchAutograd):
    """PyTorch, whose softmax takes a mean for a sum backward."""

    def script(self, task: Task) -> Script:
        honest = super().script(task)
        body = honest.body.replace("torch.softmax(", "Softmax.apply(").replace(", dim=1)", ")")
        return replace(honest, body=SOFTMAX + body)


@pytest.mark.needs("torch")
def test_an_operation_on_many_numbers_reads_them_from_a_file(tmp_path: Path) -> None:
    """The file is made again from the case: the run holds no arrays of operations."""
    case = case_of(spread, dict(w=np.linspace(-1, 1, 32).reshape(4, 8)))
    selection = Selection(backends=("torch",), dtypes=("float64",))
    line = execute(Order(cases=(case,), selection=selection), Counting(Mean())).cells[0]
    first = line.first_op
    assert first is not None, line.reason
    assert first.words == "torch.softmax"
    assert first.entry is None
    assert len(first.program.splitlines()) <= LINES
    found = find(line.id, [case])
    np.savez(tmp_path / "first_operation.npz", **inputs_again(found.task, found.cell, first, 0))
    [(_, partials)] = printed(run(first.program, tmp_path))  # the honest framework's
    assert first.worst is not None
    said = np.array(partials[0])[first.worst.index]
    assert abs(said - float(first.worst.truth)) <= float(first.worst.tolerance) < abs(said - float(first.worst.got))


@pytest.mark.needs("torch")
def test_repro_prints_or_writes_both_scripts(tmp_path: Path, command: Command, root: Path) -> None:
    source = "\n".join(
        [
            "from harness import case, param",
            "@case(w=param(shape=3), points=[dict(w=[8.0, 0.3, 7.0])])",
            "def soft(xp, w):",
            "    return xp.sum(xp.sin(xp.nn.softplus(w * 3) / 7))",
        ]
    )
    (tmp_path / "case_mine.py").write_text(source)
    gradharness = ("python", "-m", "harness.cli")
    (tmp_path / "harness").symlink_to(root / "harness")
    (tmp_path / "cases").symlink_to(root / "cases")
    done = command(*gradharness, *"run case_mine.py --backend torch --dtype float64 --out there".split(), cwd=tmp_path)
    assert done.returncode == 1, done.stdout
    assert "differs at   F.softplus   case_mine.py:4" in done.stdout
    (asked,) = {
        row.split("reproduce ")[1].strip()
        for row in done.stdout.splitlines()
        if "xp/eager/grad" in row and "reproduce" in row
    }
    arguments = asked.split()[1:]
    text = command(*gradharness, *arguments, cwd=tmp_path).stdout
    told = "# The first operation that differs, alone at its own inputs: F.softplus (case_mine.py:4)"
    assert text.count(told) == 1
    both = printed(run(text, tmp_path))
    assert both[1][1][-1] == 21.0
    command(*gradharness, *arguments, "--out", "kept", cwd=tmp_path)
    kept = tmp_path / "kept"
    alone = [printed(run((kept / name).read_text(), kept)) for name in ("repro.py", "first_operation.py")]
    assert [*alone[0], *alone[1]] == both
