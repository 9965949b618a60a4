"""A call that changes what is not its own, or answers otherwise the second time, fails, and harms nothing after it."""

from __future__ import annotations

import functools
import json
import math
import os
import random
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import bad_jobs
import harness
from bad_jobs import Bad
from harness import Case, case, param
from harness.backends.custody import Custody, Setting, Space, Watched
from harness.backends.interview import Answer, changed, differing, interview
from harness.conduct import Change, Conduct, Difference, Foreign
from harness.domains.beside import beside
from harness.graph.derive import gradient
from harness.judge import Class, Evidence, judge
from harness.judge.conduct import conduct
from harness.measurement import Measurement, Partial, Task
from harness.run.records import CellLine
from harness.truth import establish, tolerance
from harness.workers.limits import Limits
from harness.workers.room import Room
from measured import square

Native = Callable[..., Any]
FRAMEWORKS = [pytest.param(name, marks=pytest.mark.needs(name)) for name in ("tensorflow", "torch", "jax")]
QUICK = ("finite_difference",)


def wave(points: int = 1) -> Case:
    """Return J(w) = Σ w sin w."""

    @case(w=param(shape=3), points=[dict(w=["0.3", "-1.2", "2"]), dict(w=["0.5", "0.25", "1.5"])][:points])
    def wave(xp: Any, w: Any) -> Any:
        return xp.sum(w * xp.sin(w))

    return wave


def judged(backend: str, native: Native, *, points: int = 1, name: str = "spelt") -> list[CellLine]:
    """Return the cells of a native, after those of the definition, which must pass."""
    made = wave(points)
    if backend == "numpy":
        made.backward(native)
        found = harness.check(made, backends=(*QUICK, "numpy"))
        cells = [cell for cell in found.cells if cell.backend == "numpy"]
    else:
        made.native(backend, spelling=name)(native)
        found = harness.check(made, backends=(backend,))
        cells = [cell for cell in found.cells if cell.spelling == name]
    assert all(cell.cls == "pass" for cell in found.cells if cell.id not in {one.id for one in cells})
    return cells


# --------------------------------------------------------------------------- the frameworks


def values(f: Any, backend: str, w: Any) -> Any:
    return f.reduce_sum(w * f.sin(w)) if backend == "tensorflow" else (w * numeric(f, backend).sin(w)).sum()


def numeric(f: Any, backend: str) -> Any:
    return f.numpy if backend == "jax" else f


def after(backend: str, act: Callable[[Any], Any]) -> Native:
    """Return the right function that does something else as well."""

    def native(f: Any, w: Any) -> Any:
        value = values(f, backend, w)
        act(f)
        return value

    native.__signature__ = signature(backend)  # type: ignore[attr-defined]  # inspect reads it
    return native


def signature(backend: str) -> Any:
    import inspect

    first = {"tensorflow": "tf", "torch": "torch", "jax": "jax"}[backend]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Signature([inspect.Parameter(first, kind), inspect.Parameter("w", kind)])


def patch(name: str, other: str) -> Callable[[Any], Any]:
    def act(f: Any) -> None:
        *way, last = name.split(".")
        for part in way:
            f = getattr(f, part)
        setattr(f, last, getattr(f, other))

    return act


ACTS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "tensorflow/patch": (patch("math.exp", "sin"), "tf.math.exp"),
    "tensorflow/eagerly": (lambda tf: tf.config.run_functions_eagerly(True), "tf.config.functions_run_eagerly()"),
    "tensorflow/method": (lambda tf: setattr(tf.Tensor, "__add__", tf.Tensor.__sub__), "tf.Tensor.__add__"),
    "torch/patch": (patch("sum", "mean"), "torch.sum"),
    "torch/functional": (patch("nn.functional.relu", "gelu"), "torch.nn.functional.relu"),
    "torch/method": (lambda torch: setattr(torch.Tensor, "sin", torch.Tensor.cos), "torch.Tensor.sin"),
    "torch/gradients": (lambda torch: torch.set_grad_enabled(False), "torch.is_grad_enabled()"),
    "torch/dtype": (lambda torch: torch.set_default_dtype(torch.float16), "torch.get_default_dtype()"),
    "torch/threads": (lambda torch: torch.set_num_threads(2), "torch.get_num_threads()"),
    "torch/anomalies": (lambda torch: torch.autograd.set_detect_anomaly(True), "torch.is_anomaly_enabled()"),
    "torch/deterministic": (
        lambda torch: torch.use_deterministic_algorithms(True),
        "torch.get_deterministic_debug_mode()",
    ),
    "torch/inference": (lambda torch: KEPT.append(entered(torch.inference_mode())), "torch.is_grad_enabled()"),
    "torch/device": (lambda torch: torch.set_default_device("meta"), "torch.get_default_device()"),
    "torch/random": (lambda torch: torch.rand(2), "a random state"),
    "jax/patch": (patch("numpy.sum", "mean"), "jax.numpy.sum"),
    "jax/config": (lambda jax: jax.config.update("jax_debug_nans", True), "jax.config['jax_debug_nans']"),
    "jax/x64": (lambda jax: jax.config.update("jax_enable_x64", False), "jax.config['jax_enable_x64']"),
    "torch/seterr": (lambda f: np.seterr(over="raise"), "numpy.geterr()['over']"),
    "torch/numpy": (lambda f: setattr(np, "exp", np.sin), "numpy.exp"),
    "torch/warnings": (lambda f: warnings.simplefilter("ignore"), "warnings.filters"),
    "torch/environment": (lambda f: os.environ.__setitem__("PLANTED", "1"), "os.environ['PLANTED']"),
    "torch/folder": (lambda f: os.chdir("/"), "os.getcwd()"),
    "torch/recursion": (lambda f: sys.setrecursionlimit(5000), "sys.getrecursionlimit()"),
    "torch/builtin": (lambda f: setattr(math, "exp", math.sin), "math.exp"),
    "torch/python random": (lambda f: random.random(), "a random state"),
    "jax/numpy random": (lambda f: np.random.rand(), "a random state"),
    "tensorflow/numpy random": (lambda f: np.random.rand(), "a random state"),
}
KEPT: list[Any] = []


def entered(mode: Any) -> Any:
    mode.__enter__()
    return mode


def state() -> Any:
    """Return what this process's global state is, as far as the acts above change it."""
    loaded = [sys.modules[name] for name in ("torch", "tensorflow", "jax") if name in sys.modules]
    members = [(f.__name__, [getattr(f, name, None) for name in ("sum", "reduce_sum")]) for f in loaded]
    numpys = (np.geterr(), np.exp, np.random.get_state()[1].tolist(), math.exp)  # type: ignore[index]  # legacy tuple
    return members, numpys, list(warnings.filters), os.environ.get("PLANTED"), os.getcwd(), random.getstate()


@pytest.mark.parametrize("name", [pytest.param(one, marks=pytest.mark.needs(one.split("/")[0])) for one in ACTS])
def test_what_a_call_changes_is_told_and_put_back(name: str) -> None:
    backend = name.split("/")[0]
    act, told = ACTS[name]
    judged(backend, after(backend, lambda f: None), name="warm")
    before = state()
    (cell,) = judged(backend, after(backend, act))
    assert (cell.verdict, cell.cls) == ("MUTATED", "fail"), cell.reason
    assert told == cell.diagnosis
    assert state() == before
    (right,) = judged(backend, after(backend, lambda f: None), name="right")
    assert right.cls == "pass", right.reason


@pytest.mark.parametrize("backend", FRAMEWORKS)
def test_a_call_that_keeps_to_itself_passes(backend: str) -> None:
    def own(f: Any) -> None:
        np.random.default_rng(0).random()
        f.planted = 1
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")

    (cell,) = judged(backend, after(backend, own))
    assert cell.cls == "pass", cell.reason


@pytest.mark.needs("torch")
@pytest.mark.parametrize("seeded", [True, False])
def test_random_numbers_are_two_answers_unless_the_call_seeds_them(seeded: bool) -> None:
    def noisy(torch: Any, w: Any) -> Any:
        if seeded:
            torch.manual_seed(0)
        return values(torch, "torch", w) + 1e-3 * (torch.nn.functional.dropout(torch.ones(20), 0.5).sum() - 20) * seeded

    def dropping(torch: Any, w: Any) -> Any:
        return values(torch, "torch", torch.nn.functional.dropout(w, 0.5))

    (cell,) = judged("torch", noisy if seeded else dropping)
    assert cell.verdict == ("VALUE-MISMATCH" if seeded else "NONDETERMINISTIC"), cell.reason
    assert ("torch.random moved on" in cell.reason) is not seeded


@pytest.mark.needs("torch")
def test_one_coin_that_falls_alike_at_first_is_two_answers() -> None:
    fallen: list[float] = []

    def seldom(torch: Any, w: Any) -> Any:
        coin = torch.rand(()).item()
        fallen.append(coin)
        return values(torch, "torch", w) * (2 if len(fallen) > 6 else 1)

    (cell,) = judged("torch", seldom)
    assert (cell.verdict, cell.diagnosis) == ("NONDETERMINISTIC", "random numbers"), cell.reason


@pytest.mark.needs("torch")
def test_an_input_that_is_changed_in_place_is_named() -> None:
    def native(torch: Any, w: Any) -> Any:
        value = values(torch, "torch", w)
        w.data[1] += 1
        return value

    (cell,) = judged("torch", native)
    assert (cell.verdict, cell.diagnosis) == ("MUTATED", "an input")
    assert "w[1] was -1.2 and is -0.19999999999999996" in cell.reason


# --------------------------------------------------------------------------- what is kept


def keeping(backend: str, kept: dict[str, Any]) -> Native:
    """Return a function whose gradient is for ever the one of its first call."""

    def tensorflow(tf: Any, w: Any) -> Any:
        @tf.custom_gradient
        def cost(w: Any) -> Any:
            return values(tf, "tensorflow", w), lambda g: kept.setdefault("g", g * (tf.sin(w) + w * tf.cos(w)))

        return cost(w)

    def torch(torch: Any, w: Any) -> Any:
        class Cost(torch.autograd.Function):  # type: ignore[misc,name-defined]  # the module that was passed
            @staticmethod
            def forward(ctx: Any, w: Any) -> Any:
                ctx.save_for_backward(w)
                return values(torch, "torch", w)

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                (w,) = ctx.saved_tensors
                return kept.setdefault("g", g * (torch.sin(w) + w * torch.cos(w)))

        return Cost.apply(w)

    def jax(jax: Any, w: Any) -> Any:
        @jax.custom_vjp
        def cost(w: Any) -> Any:
            return values(jax, "jax", w)

        def backward(w: Any, g: Any) -> Any:
            like = jax.ShapeDtypeStruct(w.shape, w.dtype)
            right = g * (jax.numpy.sin(w) + w * jax.numpy.cos(w))
            return (jax.pure_callback(lambda x: kept.setdefault("g", np.array(x)), like, right),)

        cost.defvjp(lambda w: (cost(w), w), backward)
        return cost(w)

    natives: dict[str, Native] = {"tensorflow": tensorflow, "torch": torch, "jax": jax}
    return natives[backend]


@pytest.mark.parametrize("backend", FRAMEWORKS)
def test_a_gradient_that_is_kept_is_stale_at_every_point(backend: str) -> None:
    cells = judged(backend, keeping(backend, {}), points=2)
    assert [(cell.verdict, cell.cls) for cell in cells] == [("STALE", "fail")] * 2, cells[-1].reason
    assert "w: the same numbers came back, bit for bit, at a point beside" in cells[0].reason


@pytest.mark.needs("backend")
@pytest.mark.parametrize("backend", ["tensorflow", "torch"])
def test_a_value_that_is_kept_is_stale(backend: str) -> None:
    kept: dict[str, Any] = {}

    def native(f: Any, w: Any) -> Any:
        value = values(f, backend, w)
        return kept.setdefault("value", f.stop_gradient(value) if backend == "tensorflow" else value.detach()) + (
            0 * (f.reduce_sum(w) if backend == "tensorflow" else w.sum())
        )

    native.__signature__ = signature(backend)  # type: ignore[attr-defined]  # inspect reads it
    assert [cell.verdict for cell in judged(backend, native, points=2)] == ["STALE"] * 2


def test_what_is_right_to_be_constant_is_not_stale() -> None:
    """A linear function has one gradient; a rule that is wrong and constant is told by what it lacks."""

    def linear(xp: Any, w: Any) -> Any:
        return xp.sum(2 * w)

    def cells(backward: Native, function: Native) -> CellLine:
        found = harness.check(function, backward=backward, backends=QUICK, w=[1.0, 2.0])
        return next(cell for cell in found.cells if cell.backend == "numpy")

    assert cells(lambda w: [2.0, 2.0], linear).verdict == "EXACT"
    assert cells(lambda w: [math.exp(1), math.exp(2)], lambda xp, w: xp.sum(xp.exp(w))).cls == "pass"
    assert cells(lambda w: [1.0, 1.0], linear).verdict == "DISAGREE"
    assert cells(lambda w: [1.0, 1.0], lambda xp, w: xp.sum(xp.exp(w))).verdict == "DISAGREE"


# --------------------------------------------------------------------------- what came from elsewhere


def numpy_gradient(tf: Any, w: Any) -> Any:
    @tf.custom_gradient
    def cost(w: Any) -> Any:
        return values(tf, "tensorflow", w), lambda g: np.sin(w) + w.numpy() * np.cos(w)

    return cost(w)


FOREIGN: dict[str, tuple[Native, str]] = {
    "tensorflow/value": (lambda tf, w: np.sum(w * np.sin(w)), "spelt returned a numpy.float64"),
    "tensorflow/inside": (lambda tf, w: tf.reduce_sum(np.sin(w) * np.asarray(w)), "takes a tensor out of TensorFlow"),
    "tensorflow/gradient": (numpy_gradient, "w: a numpy.ndarray came back as the gradient"),
    "tensorflow/number": (lambda tf, w: float(values(tf, "tensorflow", w)), "spelt returned a float"),
    "torch/value": (lambda torch, w: np.float64((w * w).sum().item()), "spelt returned a numpy.float64"),
    "torch/array": (lambda torch, w: (w * w).sum().detach().numpy(), "spelt returned a numpy.ndarray"),
    "torch/nothing": (lambda torch, w: None, "spelt returned None"),
    "jax/number": (lambda jax, w: 3.0, "spelt returned a float"),
    "jax/value": (lambda jax, w: np.float64(3), "spelt returned a numpy.float64"),
}


@pytest.mark.parametrize("name", [pytest.param(one, marks=pytest.mark.needs(one.split("/")[0])) for one in FOREIGN])
def test_an_array_of_another_library_is_told(name: str) -> None:
    native, told = FOREIGN[name]
    (cell,) = judged(name.split("/")[0], native)
    assert (cell.verdict, cell.cls) == ("NOT-NATIVE", "fail"), cell.reason
    assert told in cell.reason


@pytest.mark.needs("tensorflow")
def test_a_cut_without_numpy_is_a_disconnected_input() -> None:
    (cell,) = judged("tensorflow", lambda tf, w: values(tf, "tensorflow", tf.stop_gradient(w)))
    assert cell.verdict == "DISCONNECTED"


# --------------------------------------------------------------------------- a gradient by hand


def right(w: Any) -> Any:
    return np.sin(w) + w * np.cos(w)


def overwriting(w: Any) -> Any:
    found = right(w)
    w *= 2
    return found


def by_hand(act: Callable[[], Any]) -> Native:
    def backward(w: Any) -> Any:
        act()
        return right(w)

    return backward


def noisy(w: Any) -> Any:
    return right(w) * (1 + np.random.random())


BY_HAND: dict[str, tuple[Callable[[], Native], str, str]] = {
    "overwriting": (lambda: overwriting, "MUTATED", "w[0] was 0.3 and is 0.6"),
    "random": (lambda: by_hand(np.random.random), "MUTATED", "moves on the random state of numpy.random"),
    "noisy": (lambda: noisy, "NONDETERMINISTIC", "The random state of numpy.random moved on"),
    "seterr": (lambda: by_hand(lambda: np.seterr(all="ignore")), "MUTATED", "numpy.geterr()['divide'] from "),
    "counting": (lambda: counting(), "NONDETERMINISTIC", "kept from call to call"),
    "kept": (lambda: kept_by_hand(), "STALE", "w: the same numbers came back"),
    "once": (lambda: once(), "NONDETERMINISTIC", "then ValueError: not again"),
    "written out": (lambda: lambda w: right(np.array([0.2625, -1.05, 1.75])), "STALE", "numbers that are written out"),
}


def counting() -> Native:
    calls: list[int] = []
    return lambda w: (calls.append(1), right(w) * len(calls))[1]


def kept_by_hand() -> Native:
    kept: dict[str, Any] = {}
    return lambda w: kept.setdefault("g", right(w))


def once() -> Native:
    calls: list[int] = []

    def backward(w: Any) -> Any:
        calls.append(1)
        if len(calls) > 2:
            raise ValueError("not again")
        return right(w)

    return backward


@pytest.mark.parametrize("name", BY_HAND)
def test_a_gradient_by_hand_is_held_to_the_same(name: str) -> None:
    make, verdict, told = BY_HAND[name]
    judged("numpy", right, name="warm")
    before = state()
    (cell,) = judged("numpy", make())
    assert (cell.verdict, cell.cls) == (verdict, "fail"), cell.reason
    assert told in cell.reason
    assert state() == before
    assert judged("numpy", right)[0].cls == "pass"


# --------------------------------------------------------------------------- parts


def test_custody_tells_what_could_not_be_put_back() -> None:
    held = {"a": 1}
    stuck = Setting(name="stuck", get=lambda: dict(held))
    failing = Setting(name="failing", get=lambda: held["gone"])
    custody = Custody(Watched(settings=(stuck, failing)))
    custody.inspect()
    assert not custody.changes
    held["a"] = 2
    custody.end()
    assert custody.changes["stuck['a']"] == Change(what="stuck['a']", before="1", after="2")
    assert custody.lasting


def test_custody_puts_functions_back_and_leaves_what_is_new() -> None:
    class Base:
        def kept(self) -> int:
            return 1

        def changed(self) -> int:
            return 1

    class Space_(Base):
        def own(self) -> int:
            return 1

    custody = Custody(Watched(settings=(), spaces=(Space("s", Space_),)))
    own = Space_.own
    Space_.own = Space_.changed = Space_.new = lambda self: 2  # type: ignore[assignment,method-assign,attr-defined]  # planted
    custody.end()
    assert set(custody.changes) == {"s.own", "s.changed"}
    assert (Space_.own, Space_().changed()) == (own, 1)
    assert Space_().new() == 2  # type: ignore[attr-defined]  # planted above
    assert not custody.lasting


def test_an_import_is_not_blamed_on_the_call() -> None:
    held, put = [1], list[int]()
    setting = Setting(name="s", get=lambda: held[0], put=put.append, imports=True)
    custody = Custody(Watched(settings=(setting,)))
    held[0], sys.modules["planted_for_custody"] = 2, math
    custody.inspect()
    del sys.modules["planted_for_custody"]
    assert (custody.changes, put) == ({}, [])
    held[0] = 3
    custody.end()
    assert (list(custody.changes), put) == (["s"], [2])


@pytest.mark.parametrize("imported", [True, False])
def test_a_function_that_an_import_wraps_is_not_blamed_on_the_call(imported: bool) -> None:
    """torch loads torch._dynamo itself when it maps a function by hand, which wraps torch.manual_seed."""
    space = SimpleNamespace(f=lambda: 1)
    custody = Custody(Watched(settings=(), spaces=(Space("s", space),)))
    space.f = functools.wraps(space.f)(lambda: 2)
    if imported:
        sys.modules["planted_for_custody"] = math
    custody.inspect()
    sys.modules.pop("planted_for_custody", None)
    custody.end()
    assert (set(custody.changes), space.f()) == ((set(), 2) if imported else ({"s.f"}, 1))


def test_answers_are_compared_bit_for_bit() -> None:
    def one(*numbers: float) -> Partial:
        return Partial(values=np.array(numbers), dtype="float64")

    assert differing({"w": one(1, np.nan)}, {"w": one(1, np.nan)}) is None
    assert differing({"w": None}, {"w": None}) is None
    assert differing({"w": one(1, 2)}, {"w": one(1, 2 + 2**-51)}) == Difference(
        path="w", index=(1,), first="2.0", second="2.0000000000000004"
    )
    assert differing({"w": one(1)}, {"w": None}) == Difference(path="w", first="shape (1,)", second="nothing")
    assert changed({"x": np.array([1.0, np.nan])}, {"x": np.array([1.0, np.nan])}) == ()
    assert changed({"n": np.array(3.0)}, {"n": np.array(2)}) == (Change(what="n", before="2.0", after="3.0"),)


def test_a_slow_call_is_not_made_again() -> None:
    graph, inputs = square()
    calls: list[float] = []

    def ask(seconds: float) -> Callable[[Any], Answer]:
        def answer(at: Any) -> Answer:
            calls.append(seconds)
            return Answer(partials={}, seconds=seconds)

        return answer

    task = Task(graph=graph, inputs=inputs, dtype="float64", variant="eager")
    for seconds in (0.01, 0.1):
        interview(task, ask(seconds), Custody(Watched(settings=())))
    assert calls == [0.01, 0.01, 0.1]


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_the_point_beside_is_another_point_of_the_dtype(dtype: str) -> None:
    there = beside({"w": np.array([0.0, 1.0, -3.0]), "n": np.array([1, 2])}, ("w",), dtype)
    assert there["w"].tolist() == [0.125, 0.875, -2.625]
    assert there["n"].tolist() == [1, 2]


FAULTY = {
    "foreign": (Conduct(foreign=(Foreign(said="f returned a float"),)), "NOT-NATIVE"),
    "input": (Conduct(inputs=(Change(what="w", before="1", after="2"),), random=("random",)), "MUTATED"),
    "two": (Conduct(difference=Difference(path="w", first="1", second="2"), random=("random",)), "NONDETERMINISTIC"),
    "setting": (Conduct(settings=(Change(what="s", before="1", after="2"),), lasting=True), "MUTATED"),
    "random": (Conduct(random=("random",)), "MUTATED"),
}


@pytest.mark.parametrize("name", FAULTY)
def test_conduct_comes_before_the_numbers(name: str) -> None:
    seen, verdict = FAULTY[name]
    graph, inputs = square()
    derivative = gradient(graph)
    truth = establish(derivative, inputs, "float64")
    allowed = tolerance(derivative, inputs, "float64", truth)

    def evidence(seen: Conduct) -> Evidence:
        values = {path: Partial(values=np.array(x), dtype="float64") for path, x in (("", 9.0), ("w", 6.0))}
        measurement = Measurement(value=values[""], partials={"w": values["w"]}, conduct=seen)
        return Evidence(measurement=measurement, truth=truth, tolerance=allowed, dtype="float64")

    found = judge(evidence(seen))
    assert (found.verdict.word, found.verdict.cls) == (verdict, Class.FAIL)
    assert conduct(evidence(Conduct())) is None
    assert conduct(evidence(Conduct(foreign=(Foreign(said="NumPy", inside=True),), alike=("w",)))) is None


# --------------------------------------------------------------------------- workers


def test_a_worker_that_is_changed_for_good_is_replaced() -> None:
    room = Room("numpy", "", Limits())
    try:
        jobs = [bad_jobs.answers, bad_jobs.changes_its_process, bad_jobs.answers, bad_jobs.answers]
        pids = [getattr(room.submit(Bad(job)).result(), "pid", 0) for job in jobs]
    finally:
        room.stop()
        room.join()
    assert (pids[0], pids[2]) == (pids[1], pids[3])
    assert pids[1] != pids[2]


FILE = '''"""Two cases: what the first one's native does to torch is not the second one's."""

from harness import case, param


@case(w=param(shape=3), points=[dict(w=["0.3", "-1.2", "2"])])
def first(xp, w):
    return xp.sum(w * xp.sin(w))


@first.native("torch")
def harming(torch, w):
    total = (w * torch.sin(w)).sum()
    torch.set_grad_enabled(False)
    torch.sum = torch.mean
    return total


@first.backward
def doubling(w):
    import numpy as np

    np.seterr(invalid="raise")
    gradient = np.sin(w) + w * np.cos(w)
    w *= 2
    return gradient


@case(w=param(shape=3), points=[dict(w=["0.3", "-1.2", "2"])])
def second(xp, w):
    return xp.sum(w * xp.sin(w))


@second.native("torch")
def right(torch, w):
    return torch.sum(w * torch.sin(w))


@second.backward
def by_hand(w):
    import numpy as np

    assert np.isnan(np.inf - np.float64(np.inf))
    return np.sin(w) + w * np.cos(w)
'''


@pytest.mark.needs("torch")
def test_a_cell_in_the_same_worker_is_not_harmed(tmp_path: Path) -> None:
    (tmp_path / "case_harm.py").write_text(FILE)
    words = ["run", "case_harm.py", "--backend", "torch,numpy", "--dtype", "float64", "--variant", "eager"]
    command = [sys.executable, "-m", "harness.cli", *words, "--out", "out"]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    lines = [json.loads(line) for line in (tmp_path / "out" / "run.jsonl").read_text().splitlines()]
    cells = {
        (line["case"], line["spelling"]): line for line in lines if line["line"] == "cell" and "/grad/" in line["id"]
    }
    wrong = {key: cell["verdict"] for key, cell in cells.items() if cell["class"] != "pass"}
    assert wrong == {("harm.first", "harming"): "MUTATED", ("harm.first", "doubling"): "MUTATED"}
    assert ("harm.second", "right") in cells
    assert ("harm.second", "by_hand") in cells
