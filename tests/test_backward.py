"""A gradient written by hand is judged like an engine's, and its first wrong node is named."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import harness
from harness import Case, DeclarationError, case, data, param
from harness.backends import BACKENDS
from harness.collect import collect
from harness.graph import build as b
from harness.graph.build import Builder
from harness.graph.derive import gradient, lower
from harness.graph.node import Graph
from harness.judge.edges import CHANGES, Change, _Trial, explain
from harness.measurement import Leaves
from harness.run.plan import Selection, plan
from harness.run.records import CellLine
from harness.spelling import code_of
from harness.statements import statement, variables

Backward = Callable[..., Any]
QUICK = ("finite_difference",)


def net(xp: Any, w: Any, b: Any, x: Any, y: Any) -> Any:
    """J(w, b) = (wx + b - y)²/2, the lesson's net."""
    c = w * x
    a = c + b
    d = a - y
    return d**2 / 2


FIRST = net.__code__.co_firstlineno + 2
"""The line of `c = w * x`."""
POINT = {"w": -2.0, "b": 8.0, "x": data(2.0), "y": data(1.0)}


def judged(backward: Backward, function: Callable[..., Any] | Case = net, **inputs: Any) -> CellLine:
    found = harness.check(function, backward=backward, backends=QUICK, **(inputs or POINT))
    (cell,) = (cell for cell in found.cells if cell.backend == "numpy")
    return cell


# --------------------------------------------------------------------------- what may come back

RIGHT: dict[str, Backward] = {
    "dictionary": lambda w, b, x, y: {"w": (w * x + b - y) * x, "b": w * x + b - y},
    "tuple": lambda w, b, x, y: ((w * x + b - y) * x, w * x + b - y),
    "list": lambda w, b, x, y: [(w * x + b - y) * x, w * x + b - y],
    "array": lambda w, b, x, y: np.array([(w * x + b - y) * x, w * x + b - y]),
    "integers": lambda w, b, x, y: (int((w * x + b - y) * x), int(w * x + b - y)),
    "order": lambda weight, bias, feature, target: (6.0, 3.0),
    "namespace": lambda np, w, b, x, y: {"b": np.add(w * x, b - y), "w": np.multiply(w * x + b - y, x)},
    "adjoints": lambda w, b, x, y: {"w": 6.0, "b": 3, "c": 3.0, "a": 3.0, "d": 3.0, "x": -6.0, "y": -3.0},
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_gradient_passes(name: str) -> None:
    cell = judged(RIGHT[name])
    assert (cell.verdict, cell.cls) == ("EXACT", "pass"), cell.reason
    assert cell.value == ""
    assert {path: got.values for path, got in cell.gradient.items()} == {"w": (6.0,), "b": (3.0,)}


MALFORMED: dict[str, tuple[Backward, str, str]] = {
    "none": (lambda w, b, x, y: None, "ERROR", "is None; give a dictionary, or a tuple of the partials w, b"),
    "one": (lambda w, b, x, y: 6.0, "ERROR", "is one float; give"),
    "three": (lambda w, b, x, y: (6.0, 3.0, 1.0), "ERROR", "is a tuple of 3; give"),
    "key": (lambda w, b, x, y: {"dw": 6.0, "db": 3.0}, "ERROR", "has 'dw', 'db' and no 'w'; give w, b"),
    "text": (lambda w, b, x, y: ("six", 3.0), "ERROR", "holds 'six', which is no real number"),
    "complex": (lambda w, b, x, y: (6 + 0j, 3.0), "ERROR", "which is no real number"),
    "raises": (lambda w, b, x, y: w / 0.0, "ERROR", "your own backward raised ZeroDivisionError"),
    "variable": (lambda w, b, x, y: {"w": 6.0, "b": 3.0, "cc": 3.0}, "ERROR", "no variable of the definition; did you"),
    "missing": (lambda w, b, x, y: {"w": None, "b": 3.0}, "DISCONNECTED", "w: no gradient came back (None)"),
    "shape": (lambda w, b, x, y: ([6.0], 3.0), "SHAPE", "w: shape (1,) came back, () is right"),
    "adjoint": (lambda w, b, x, y: {"w": 6, "b": 3, "c": [3]}, "SHAPE", "the adjoint of c: shape (1,) came back"),
    "dtype": (lambda w, b, x, y: (np.float32(6), 3.0), "DTYPE", "w: float32 came back in a float64 cell"),
    "nan": (lambda w, b, x, y: (math.nan, 3.0), "NONFINITE", "Look for a branch that where leaves out and"),
    "rounded": (lambda w, b, x, y: (6.0 * (1 + 1e-12), 3.0), "DISAGREE", "1 of 2 entries is wrong"),
    "swapped": (lambda w, b, x, y: (3.0, 6.0), "DISAGREE", "2 of 2 entries are wrong"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_right_gradient_has_its_sentence(name: str) -> None:
    backward, verdict, sentence = MALFORMED[name]
    cell = judged(backward)
    assert (cell.verdict, cell.cls) == (verdict, "fail"), cell.reason
    assert sentence in cell.reason


def test_one_array_for_several_params_is_no_partial_of_each() -> None:
    inputs = {"w": np.array([0.3, -0.2]), "x": np.eye(2)}

    def cost(xp: Any, w: Any, x: Any) -> Any:
        return xp.sum((x @ w) ** 2)

    alone = judged(lambda w, x: 2 * x.T @ (x @ w), cost, **inputs)
    assert (alone.verdict, alone.cls) == ("ERROR", "fail")
    assert "is one array of shape (2,) for the 2 partials w, x; give a tuple of them or a dictionary" in alone.reason
    assert judged(lambda w, x: (2 * x.T @ (x @ w), 2 * np.outer(x @ w, w)), cost, **inputs).cls == "pass"
    pair = {"w": [1.0, 2.0], "v": [3.0, 5.0]}
    assert judged(lambda w, v: np.array([v, w]), lambda xp, w, v: w @ v, **pair).cls == "pass"
    assert "one array of shape (1, 2)" in judged(lambda w, v: v[None], lambda xp, w, v: w @ v, **pair).reason


def test_numbers_are_python_floats_and_arrays_are_ones_own() -> None:
    seen: list[Any] = []

    def cost(xp: Any, w: Any, v: Any, x: Any, i: Any) -> Any:
        return w * xp.sum(xp.take(v, i, axis=0) * x)

    def mine(w: Any, v: Any, x: Any, i: Any) -> Any:
        seen.extend([w, v, x, i])
        dv = np.zeros_like(v)
        np.add.at(dv, i, w * x)
        dw = (v[i] * x).sum()
        return {"w": dw, "v": dv}

    inputs = {"w": 2.0, "v": [1.0, -1.0, 0.5], "x": data([0.5, 2.0]), "i": np.array([1, 1])}
    cell = judged(mine, cost, **inputs)
    assert cell.cls == "pass", cell.reason
    assert [type(one) for one in seen[:2]] == [float, np.ndarray]
    assert [one.dtype.name for one in seen[1:4]] == ["float64", "float64", "int64"]
    assert judged(mine, cost, **inputs).cls == "pass"


def test_one_param_needs_no_name_and_nested_ones_are_nested() -> None:
    assert judged(lambda w: 2 * w, lambda w: w**2, w=3.0).cls == "pass"
    assert judged(lambda w: (2 * w,), lambda w: w**2, w=3.0).cls == "pass"
    assert judged(lambda w: list(2 * w), lambda xp, w: xp.sum(w**2), w=[1.0, 2.0]).cls == "pass"
    assert judged(lambda w: 3 * w, lambda w: w**2, w=3.0).cls == "fail"

    def cost(xp: Any, layers: Any) -> Any:
        return xp.sum(layers["first"]["w"] * layers["b"])

    def mine(layers: Any) -> Any:
        return {"layers": {"first": {"w": layers["b"]}, "b": layers["first"]["w"]}}

    assert judged(mine, cost, layers={"first": {"w": [1.0, 2.0]}, "b": [0.5, 3.0]}).cls == "pass"


# --------------------------------------------------------------------------- where it goes wrong first


def walked(**wrong: Backward) -> Backward:
    """Return the lesson's backpropagation, edge by edge, with some of its steps done otherwise."""

    def mine(w: float, b: float, x: float, y: float) -> dict[str, float]:
        c = w * x
        a = c + b
        d = a - y
        steps: dict[str, Backward] = {
            "d": lambda: d,
            "a": lambda dd: dd,
            "c": lambda da: da,
            "b": lambda da: da,
            "w": lambda dc: dc * x,
        } | wrong
        dd = steps["d"]()
        da = steps["a"](dd)
        dc = steps["c"](da)
        return {"w": steps["w"](dc), "b": steps["b"](da), "c": dc, "a": da, "d": dd}

    return mine


FAULTS: dict[str, tuple[Backward, str, int, str, str]] = {
    "path to c": (walked(c=lambda da: 0.0), "add", 1, "`c` into `a = c + b` is missing", "c"),
    "path to w": (walked(w=lambda dc: 0.0), "multiply", 0, "`w` into `c = w * x` is missing", ""),
    "path to b": (walked(b=lambda da: 0.0), "add", 1, "`b` into `a = c + b` is missing", ""),
    "sign to a": (walked(a=lambda dd: -dd), "subtract", 2, "`a` into `d = a - y` has the wrong sign", "a"),
    "sign to c": (walked(c=lambda da: -da), "add", 1, "`c` into `a = c + b` has the wrong sign", "c"),
    "sign to w": (walked(w=lambda dc: -dc * 2.0), "multiply", 0, "`w` into `c = w * x` has the wrong sign", ""),
    "factor x": (walked(w=lambda dc: dc), "multiply", 0, "`w` into `c = w * x` lacks its local derivative", ""),
    "factor 2": (walked(b=lambda da: 2 * da), "add", 1, "`b` into `a = c + b` counts twice", ""),
    "factor 1/2": (walked(c=lambda da: da / 2), "add", 1, "`c` into `a = c + b` counts half", "c"),
    "the half": (walked(d=lambda: 6.0), "divide", 3, "the pow into `return d**2 / 2` lacks its local derivative", "d"),
}
ALL_ZERO = {"path to c", "path to w", "path to b"}
ALL_ALIKE = {"sign to a": "negated", "the half": "scaled by 2"}
"""Faults that change the whole gradient alike: that is the headline, and the node comes second."""


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("with_adjoints", [True, False])
def test_the_first_wrong_node_of_the_lessons_net_is_named(name: str, with_adjoints: bool) -> None:
    backward, operation, line, words, adjoint = FAULTS[name]

    def mine(**inputs: float) -> dict[str, float]:
        found: dict[str, float] = backward(**inputs)
        return found if with_adjoints else {path: found[path] for path in ("w", "b")}

    cell = judged(mine)
    assert (cell.verdict, cell.cls) == ("DEAD-LEAF" if name in ALL_ZERO else "DISAGREE", "fail")
    told = f"one wrong node explains it all, the {operation} in line {FIRST + line}: the path from {words}."
    unseen = {"sign to w": "`c` into", "path to w": "`c` into", "sign to a": "the pow into", "factor 1/2": "`w` into"}
    if not with_adjoints and name in unseen:
        assert unseen[name] in cell.reason.partition("explains it all")[2]  # another node gives the same gradient
    else:
        assert told in cell.reason
        assert name in ALL_ALIKE or str(FIRST + line) in cell.diagnosis
    assert (cell.diagnosis == ALL_ALIKE.get(name)) == (name in ALL_ALIKE)
    if with_adjoints and adjoint:
        at = FIRST + "cad".index(adjoint)
        assert f"the first wrong adjoint is dJ/d{adjoint} (line {at}, `{adjoint} = " in cell.reason


def test_a_wrong_adjoint_beside_right_partials_fails() -> None:
    cell = judged(lambda w, b, x, y: {"w": 6.0, "b": 3.0, "c": 3.0, "a": 2.0, "d": 3.0})
    assert (cell.verdict, cell.cls, cell.diagnosis) == ("DISAGREE", "fail", "the adjoint of a")
    assert f"dJ/da (line {FIRST + 1}, `a = c + b`): got 2.0, truth 3.0." in cell.reason
    assert "explains it all" not in cell.reason


def test_two_faults_are_blamed_on_no_single_node() -> None:
    cell = judged(walked(w=lambda dc: dc * 1.7, b=lambda da: 0.3 * da))
    assert cell.verdict == "DISAGREE"
    assert "explains it all" not in cell.reason


# --------------------------------------------------------------------------- every edge


def networks() -> dict[str, tuple[Graph, Leaves]]:
    """Return graphs with fan-out, decisions, broadcasts, matrix products, sums, gathers and composites."""
    draw = np.random.default_rng(1)
    made: dict[str, tuple[Graph, Leaves]] = {}
    builder = Builder()
    x, w, v = builder.input("x", (5, 3)), builder.input("w", (3, 2), param=True), builder.input("v", (2,), param=True)
    z = b.matmul(x, w) + v
    h = b.call("relu", z) * b.call("sigmoid", z)
    rows = builder.input("rows", (4,), "int")
    taken = b.call("take", h, rows, axis=0)
    graph = builder.freeze(b.call("mean", b.call("log_softmax", taken, axis=1) * 0.7, axes=(0, 1), keepdims=False))
    shapes = {"x": (5, 3), "w": (3, 2), "v": (2,)}
    inputs: Leaves = {path: draw.normal(size=shape) for path, shape in shapes.items()}
    made["network"] = graph, {**inputs, "rows": np.array([0, 2, 2, 4])}
    builder = Builder()
    s, t = builder.input("s", (), param=True), builder.input("t", (), param=True)
    power = b.call("pow", s, exponent=3)
    made["scalars"] = (
        builder.freeze(b.call("exp", power / t) - power * b.call("sin", s * t)),
        {
            "s": np.asarray(0.7),
            "t": np.asarray(-1.3),
        },
    )
    return made


def trial(graph: Graph, inputs: Leaves) -> _Trial:
    from harness.truth import establish

    decisions = establish(gradient(graph), inputs, "float64").decisions
    known = {node: taken for node, taken in decisions.items() if node < len(graph.nodes)}
    nothing = {path: np.zeros(graph.nodes[graph.inputs[path]].shape) for path in graph.params}
    return _Trial(graph=graph, inputs=inputs, decisions=known, dtype="float64", got=nothing)


@pytest.mark.parametrize("name", networks())
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_single_fault_is_explained(name: str, dtype: str) -> None:
    graph, inputs = networks()[name]
    graph = lower(graph)
    model = trial(graph, inputs)
    right, planted = model.partials(), 0
    for fault in model.faults((node,) for node in range(len(graph.nodes))):
        got = {path: one.value for path, one in model.partials(fault).items()}
        if all(np.allclose(got[path], one.value, rtol=1e-3, atol=1e-6) for path, one in right.items()):
            continue
        found = next(explain(graph, inputs, model.decisions, dtype, got), None)
        assert found is not None, fault
        again = model.partials(found)
        assert all(np.allclose(again[path].value, got[path], rtol=1e-5, atol=1e-7) for path in got)
        assert (len(found.nodes), CHANGES.index(found.change) <= CHANGES.index(fault.change)) == (1, True)
        planted += 1
    assert planted > 40


@pytest.mark.parametrize("name", networks())
def test_what_no_single_fault_gives_is_not_explained(name: str) -> None:
    graph, inputs = networks()[name]
    graph = lower(graph)
    model = trial(graph, inputs)
    right = {path: one.value for path, one in model.partials().items()}
    assert not [*explain(graph, inputs, model.decisions, "float64", right)]
    for factor in (1.01, -0.37, 3.3):
        got = {path: value * factor for path, value in right.items()}
        assert not [*explain(graph, inputs, model.decisions, "float64", got)]
    odd = {path: value + 0.1 * np.arange(1, value.size + 1).reshape(value.shape) for path, value in right.items()}
    assert not [*explain(graph, inputs, model.decisions, "float64", odd)]
    nan = {path: value * np.nan for path, value in right.items()}
    assert not [*explain(graph, inputs, model.decisions, "float64", nan)]


def test_a_fault_of_no_effect_is_never_an_explanation() -> None:
    graph, inputs = networks()["scalars"]
    model = trial(lower(graph), inputs)
    faults = [*model.faults((node,) for node in range(len(model.graph.nodes)))]
    assert faults
    assert not any(model.explains(fault._replace(change=Change(0.123, 0, ""))) for fault in faults)


# --------------------------------------------------------------------------- variables


def helper(x: Any) -> Any:
    z = x * 3
    return z + 1


def definition(xp: Any, w: Any, x: Any) -> Any:
    a = w * x
    c = xp.tanh(
        a + 1,
    )
    h = helper(w * 2)
    again = a + c
    again = again * h
    kept, other = w * 3, w * 4
    mask = w > 0
    w = w * 5
    for _ in range(2):
        loop = a * again
        again = loop + 1
    rows = [a * c, a][0]
    return loop + other + kept + xp.where(mask, rows, w)


def test_a_variable_is_the_node_of_its_last_operation() -> None:
    made = case(w=param(), x=data(2.0), points=[dict(w=1)])(definition)
    graph = made.graph()
    found = variables(graph, made.place)
    assert {name: graph.nodes[node].op for name, node in found.items()} == {
        "a": "multiply",
        "c": "tanh",
        "again": "add",
        "loop": "multiply",
    }
    loops = [k for k, node in enumerate(graph.nodes) if node.where == graph.nodes[found["loop"]].where]
    assert found["loop"] == max(loops)
    assert len(loops) == 2
    assert found["again"] > found["loop"]


def test_a_place_without_text_has_no_statement_and_no_variables() -> None:
    graph = Builder().freeze()
    assert statement(None) is None
    assert statement(("<nowhere>", 3)) is None
    assert variables(graph, ("<nowhere>", 3)) == {}
    code = code_of(definition)
    assert code is not None
    found = statement((code.co_filename, code.co_firstlineno + 3))
    assert found is not None
    assert (found.text, found.target) == ("c = xp.tanh( a + 1, )", "c")


# --------------------------------------------------------------------------- declarations, runs and programs


def declared() -> Case:
    return case(w=param(), b=param(), x=data(2.0), y=data(1.0), points=[dict(w=-2, b=8), dict(w="0.1", b="0.9")])(net)


def test_it_is_planned_in_float64_alone_and_only_where_there_is_one() -> None:
    made = declared()
    assert not [cell for cell in plan([made], Selection()) if cell.backend not in BACKENDS]
    made.backward(RIGHT["dictionary"])
    own = [cell.id for cell in plan([made], Selection()) if cell.backend not in BACKENDS]
    assert own == [f"test_backward.net/numpy/backward/eager/grad/float64/{point}" for point in ("p0", "p1")]
    assert "numpy" not in BACKENDS


def test_two_of_one_name_are_refused() -> None:
    made = declared()

    def mine(w: Any, b: Any, x: Any, y: Any) -> Any:
        return None

    made.backward(mine)

    def mine(w: Any, b: Any, x: Any, y: Any) -> Any:  # type: ignore[no-redef]
        return None

    with pytest.raises(DeclarationError, match="two spellings on numpy are named mine"):
        made.backward(mine)


def test_two_without_a_name_are_refused_with_what_can_be_done() -> None:
    """A gradient by hand has no other name than its function's."""
    made = declared()
    made.backward(lambda w, b, x, y: None)
    assert [one.written for one in made.natives] == ["backward"]
    with pytest.raises(DeclarationError, match=r"named backward, one at .*; give one a name of its own by def$"):
        made.backward(lambda w, b, x, y: 0)


ASSIGNMENT = """from harness import case, data, param


@case(w=param(), b=param(), x=data(2.0), y=data(1.0), points=[dict(w=-2, b=8), dict(w="0.1", b="0.9")])
def net(xp, w, b, x, y):
    c = w * x
    a = c + b
    d = a - y
    return d**2 / 2
"""
ANSWERS = {
    "adi": "from assignment import net\n\nHALF = 1 / 2\n\n\n@net.backward\ndef mine(w, b, x, y):\n"
    "    d = w * x + b - y\n    return {'w': 2 * HALF * d * x, 'b': d}\n",
    "budi": "import assignment\n\n\n@assignment.net.backward\ndef mine(w, b, x, y):\n"
    "    d = w * x + b - y\n    return -d * x, d\n",
    "citra": ASSIGNMENT + "\n\n@net.backward\ndef gradient(w, b, x, y):\n"
    "    d = w * x + b - y\n    return {'w': d, 'b': d, 'c': d}\n",
}


@pytest.fixture
def answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of learners' answers to one exercise."""
    (tmp_path / "answers").mkdir()
    (tmp_path / "answers" / "assignment.py").write_text(ASSIGNMENT)
    for learner, text in ANSWERS.items():
        (tmp_path / "answers" / f"{learner}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "assignment", raising=False)
    return tmp_path / "answers"


def command(*arguments: str, path: str = str(Path(__file__).parent.parent)) -> subprocess.CompletedProcess[str]:
    env = {"PYTHONPATH": path, "PATH": "", "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=env, timeout=300, check=False
    )


def test_a_learners_file_has_the_case_it_answers_under_its_own_name(answers: Path) -> None:
    for _ in range(2):
        found = {case.id: [one.name for one in case.natives] for case in collect([answers])}
        assert found == {"adi.net": ["mine"], "assignment.net": [], "budi.net": ["mine"], "citra.net": ["gradient"]}


def test_a_folder_of_answers_is_judged_in_one_run(answers: Path) -> None:
    done = command("-m", "harness.cli", "run", "answers", "--backend", "finite_difference,numpy", "--out", "out")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 of 1 backend ran" in done.stdout
    assert "finite differences and your own backward agree with the truth on 18 cells" in done.stdout
    assert "the path from c into line 7 has the wrong sign" in done.stdout
    assert "the path from w into line 6 lacks its local derivative" in done.stdout
    assert "answers/adi.py" not in done.stdout
    alone = command("-m", "harness.cli", "run", "answers/adi.py", "--backend", "numpy", "--out", "out")
    assert alone.returncode == 0, alone.stdout + alone.stderr
    assert "your own backward agrees with the truth on 2 cells" in alone.stdout
    assert " ran" not in alone.stdout.partition("known differences")[0].partition("agrees")[2]


def test_a_program_prints_what_came_back(answers: Path) -> None:
    shown = command("-m", "harness.cli", "repro", "adi.net/numpy/mine", "answers")
    assert shown.returncode == 0, shown.stderr
    assert "HALF = 1 / 2\n" in shown.stdout
    assert "harness" not in shown.stdout
    done = command("-c", shown.stdout, path="")
    assert done.stdout == "{'w': 6.0, 'b': 3.0}\n", done.stderr
