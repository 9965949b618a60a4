"""`check` and `assert_agree`: one function and a doubt, in a script or a notebook."""

from __future__ import annotations

import functools
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import harness

QUICK = ("sympy", "finite_difference")


@pytest.mark.needs("tensorflow", "torch", "jax")
def test_a_lambda_is_judged_on_every_engine() -> None:
    agreement = harness.check(lambda w: w**2, w=3.0)
    assert [cell.backend for cell in agreement.cells] == ["tensorflow", "torch", "jax", "sympy", "finite_difference"]
    assert {cell.cls for cell in agreement.cells} == {"pass"}
    gradients = [cell.gradient["w"].values[0] for cell in agreement.cells]
    assert gradients[:4] == [6.0] * 4
    assert str(gradients[4]).startswith(("6.0", "5.99999999"))
    rows = [line for line in str(agreement).splitlines() if "AGREE" in line or "EXACT" in line]
    assert len(rows) == 5


def test_a_namespace_and_nested_inputs() -> None:
    def cost(xp: Any, layers: Any, x: Any, i: Any) -> Any:
        return xp.sum(xp.tanh(xp.take(x, i, axis=0) @ layers["w"]))

    found = harness.check(
        cost, backends=QUICK, layers={"w": [1.0, 2.0]}, x=harness.data([[0.5, 1.0], [1.0, -1.0]]), i=np.array([1, 1, 0])
    )
    assert {cell.cls for cell in found.cells} == {"pass"}
    assert set(found.cells[0].gradient) == {"layers.w"}


def test_a_python_integer_is_differentiated() -> None:
    assert harness.check(lambda w: w**3, backends=QUICK, w=2).cells[0].gradient["w"].values == (12.0,)


def test_a_declared_case_is_judged_at_its_points() -> None:
    case = harness.case(w=harness.param(), points=[dict(w=3.0), dict(w=2.0)])(lambda xp, w: xp.exp(w))
    assert len(harness.check(case, backends=QUICK).cells) == 4


def test_assert_agree_says_everything() -> None:
    assert harness.assert_agree(lambda w: w**2, backends=QUICK, w=3.0).cells
    with pytest.raises(harness.Disagreement, match=r"Write xp\.where\(condition, a, b\)"):
        harness.assert_agree(lambda w: w if w > 0 else -w, backends=QUICK, w=3.0)


def test_assert_agree_is_not_green_where_nothing_could_be_told() -> None:
    with pytest.raises(harness.Disagreement, match="UNDEFINED"):
        harness.assert_agree(lambda xp, w: xp.log(w), backends=QUICK, w=0.0)


def test_ok_is_what_agrees_and_nothing_less() -> None:
    assert harness.check(lambda w: w**2, backends=QUICK, w=3.0).ok
    assert not harness.check(lambda xp, w: xp.log(w), backends=QUICK, w=0.0).ok
    by_hand = harness.check(lambda w: w**2, backends=QUICK, backward=lambda w: 2 * w, w=3.0)
    assert by_hand.ok
    assert not harness.check(lambda w: w**2, backends=QUICK, backward=lambda w: 3 * w, w=3.0).ok
    first, *others = by_hand.cells
    silent = msgspec.structs.replace(first, cls="inconclusive", verdict="NOT-INSTALLED")
    missing = msgspec.structs.replace(by_hand.run, cells=(silent, *others))
    assert not replace(by_hand, run=missing).ok
    assert replace(by_hand, run=missing, named=()).ok
    assert not replace(by_hand, run=msgspec.structs.replace(by_hand.run, cells=()), named=()).ok


def test_a_gradient_by_hand_is_not_left_out_by_a_dtype() -> None:
    def wrong(w: Any) -> Any:
        return 2 * np.asarray(w)

    with pytest.raises(harness.DeclarationError, match="float64 alone"):
        harness.check(lambda w: w**3, backward=wrong, backends=QUICK, dtypes=["float32"], w=2.0)
    found = harness.check(lambda w: w**3, backward=wrong, backends=QUICK, dtypes=["float64", "float32"], w=2.0)
    assert [cell.verdict for cell in found.failed] == ["DISAGREE"]


@pytest.mark.needs("tensorflow", "torch", "jax")
def test_a_function_that_leaves_the_process_leaves_no_green_script() -> None:
    def leaves(*inputs: Any) -> Any:
        sys.exit(0)

    with pytest.raises(harness.Disagreement, match="SystemExit"):
        harness.assert_agree(leaves, backends=QUICK, w=2.0)
    with pytest.raises(harness.Disagreement, match="SystemExit"):
        harness.assert_agree(lambda w: w**3, backward=leaves, backends=QUICK, w=2.0)
    with pytest.raises(harness.Disagreement, match="SystemExit"):
        harness.assert_agree({"torch": leaves}, reference=lambda w: w**3, backends=["torch"], w=2.0)
    assert harness.assert_agree(lambda w: w**3, backends=QUICK, w=2.0).cells


def test_a_wrong_gradient_where_a_rule_is_not_finite_is_told_without_a_warning() -> None:
    found = harness.check(
        lambda xp, w: xp.sqrt(xp.sum(w * w)), backward=lambda w: np.array([1.4, 0.0]), backends=QUICK[:1], w=[0.0, 0.0]
    )
    assert [cell.verdict for cell in found.cells if cell.backend == "numpy"] == ["DISAGREE"]


def test_assert_agree_is_not_green_where_nothing_could_be_told_of_what_is_written_by_hand() -> None:
    def asserted(gradient: float) -> harness.Agreement:
        return harness.assert_agree(
            lambda xp, w: xp.maximum(w, 0.0), backward=lambda w: gradient, backends=QUICK[:1], w=0.0
        )

    assert {cell.cls for cell in asserted(0.0).cells} == {"pass"}
    with pytest.raises(harness.Disagreement, match=r"SUBGRADIENT\(mixed\)"):
        asserted(0.3)


def test_what_is_named_twice_is_judged_once() -> None:
    backends, dtypes = ["numpy", "sympy", "sympy"], ["float64", "float64"]
    found = harness.check(lambda w: w**3, backward=lambda w: 3 * w**2, backends=backends, dtypes=dtypes, w=2.0)
    assert sorted(cell.backend for cell in found.cells) == ["numpy", "sympy"]


def test_a_number_where_nothing_is_right_is_told_without_a_warning() -> None:
    found = harness.check(lambda w: 0 * w, backward=lambda w: 1e10, backends=QUICK[:1], w=2.0)
    assert [cell.verdict for cell in found.failed] == ["DISAGREE"]


def total(xp: Any, w: Any) -> Any:
    return xp.sum(w * w)


class Unwilling:
    """An array that cannot be had."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise RuntimeError("Can't call numpy() on it")


DECLARED = harness.case(w=harness.param(), points=[dict(w=3.0)])(lambda w: w**2)
ITSELF: dict[str, Any] = {}
ITSELF["w"] = ITSELF
NOT_CHECKED: dict[str, tuple[Any, dict[str, Any], str]] = {
    "backend": (total, {"w": 3.0, "backends": ("tourch",)}, "no backend 'tourch'; did you mean torch?"),
    "text of backends": (total, {"w": 3.0, "backends": "torch"}, "is no list of names; write backends=('torch',)"),
    "no backends": (total, {"w": 3.0, "backends": None}, "backends=None is no list of names"),
    "numbers as backends": (total, {"w": 3.0, "backends": [[5]]}, "backends=[[5]] is no list of names"),
    "backend without a gradient": (total, {"w": 3.0, "backends": ["numpy"]}, "backward=… is what it would be"),
    "dtype": (total, {"w": 3.0, "dtypes": ["float46"]}, "no dtype 'float46'; did you mean float64?"),
    "class as dtype": (total, {"w": 3.0, "dtypes": [np.float64]}, "write dtypes=('float64',)"),
    "no dtypes": (total, {"w": 3.0, "dtypes": []}, "names no dtype"),
    "rows": (total, {"w": [[1], [2, 3]]}, "rows of different lengths; make them equal"),
    "rows of arrays": (total, {"w": [np.ones(2), np.ones(3)]}, "rows of different lengths"),
    "unwilling": (total, {"w": Unwilling()}, "is not a real number"),
    "unwilling rows": (total, {"w": [[1.0], Unwilling()]}, "is not a real number"),
    "nothing": (total, {"w": None}, "no value for w"),
    "objects": (total, {"w": np.array([object(), 1.0])}, "is not a real number; write 3.01"),
    "set": (total, {"w": {1, 2}}, "is not a real number"),
    "complex": (total, {"w": 1 + 2j}, "give two, and write xp.complex(re, im)"),
    "complex array": (total, {"w": np.array([1j], np.complex64)}, "write xp.complex(re, im)"),
    "complex number": (total, {"w": np.complex64(1j)}, "write xp.complex(re, im)"),
    "masked": (total, {"w": np.ma.array([1.0, 2.0], mask=[False, True])}, "None is not a real number"),
    "text": (total, {"w": "three"}, "'three' is no decimal text such as '3.01'"),
    "not finite": (total, {"w": [float("nan"), 1.0]}, "not a finite number"),
    "dotted": (total, {"w": {"a.b": 1.0}}, "an input cannot be named 'a.b'"),
    "itself": (total, {"w": ITSELF}, "more than 32 deep"),
    "param": (total, {"w": harness.param()}, "has no number; write it itself"),
    "data without values": (total, {"w": harness.data(shape=2)}, "has no number; write it itself"),
    "constants alone": (total, {"w": np.array([1, 2])}, "no param() to differentiate"),
    "missing": (lambda xp, w, b: w, {"w": 3.0}, "takes xp, w, b, is given xp, w: missing a required argument: 'b'"),
    "names mixed": (
        lambda a, b: a**2 * b,
        {"y": 2.0, "a": 3.0},
        "takes a, b, is given y, a: some of one name and some not; no parameter is named y; give the inputs and the",
    ),
    "names mixed beside the rest": (
        lambda xp, w, *rest: w * rest[0],
        {"b": 2.0, "w": 3.0},
        "takes xp, w, is given xp, b, w",
    ),
    "names mixed in a backward": (
        lambda a, b: a**2 * b,
        {"a": 3.0, "b": 2.0, "backward": lambda b, y: (2 * b * y, b**2)},
        "check.function: the backward takes b, y, is given a, b: some of one name",
    ),
    "names mixed in a port": (
        {"torch": lambda b, y: b**2 * y},
        {"a": 3.0, "b": 2.0, "reference": lambda a, b: a**2 * b},
        "the port of torch takes b, y, is given a, b: some of one name",
    ),
    "mask": (
        lambda xp, s, mask: xp.sum(s),
        {"s": [1.0, 2.0], "mask": [True, False]},
        "input mask: True is not a real number; a mask or labels are data: write data([True, …])",
    ),
    "mask of NumPy's": (total, {"w": [np.True_, np.False_]}, "write data([True, …])"),
    "surplus": (total, {"w": 3.0, "b": 1.0}, "is given xp, w, b: too many positional arguments; give one input for"),
    "no inputs": (total, {}, "is given xp: missing a required argument: 'w'"),
    "namespace": (lambda xp: xp, {"xp": 3.0}, "is given xp, xp: too many positional arguments; rename xp"),
    "option": (lambda dtypes: dtypes, {"dtypes": ["float64"]}, "rename dtypes, which is no input here"),
    "no function": (5, {"w": 3.0}, "what is to be checked is 5, which is no function"),
    "None": (None, {"w": 3.0}, "what is to be checked is None"),
    "no port": ({"torch": None}, {"w": 3.0}, "the port of torch is None, which is no function"),
    "no ports": ({}, {"w": 3.0}, "there are no ports"),
    "no reference": ({"torch": total}, {"w": 3.0, "reference": 5}, "reference is 5, which is no function"),
    "no backward": (total, {"w": 3.0, "backward": 5}, "backward is 5, which is no function"),
    "case and inputs": (DECLARED, {"w": 3.0}, "has inputs and points of its own; leave w out"),
}


@pytest.mark.parametrize("name", NOT_CHECKED)
def test_what_cannot_be_checked_is_refused_in_one_sentence(name: str) -> None:
    function, asked, sentence = NOT_CHECKED[name]
    with pytest.raises((harness.DeclarationError, harness.PointError)) as refusal:
        harness.check(function, **({"backends": QUICK} | asked))
    assert sentence in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_what_is_called_in_another_way_is_checked_as_before() -> None:
    powers = functools.partial(lambda w, p: w**p, p=2)
    for function, inputs in [
        (lambda v: v**2, {"w": 3.0}),
        (lambda a, b: a**2 * b, {"y": 2.0, "z": 3.0}),
        (lambda a, b: a**2 * b, {"b": 2.0, "a": 3.0}),
        (lambda xp, s, mask: xp.sum(xp.where(mask, s, 0.0)), {"s": [1.0, 2.0], "mask": harness.data([True, False])}),
        (lambda backends: backends**2, {"w": 3.0}),
        (lambda xp, w, *rest: w * rest[0], {"w": 3.0, "b": 2.0}),
        (lambda xp, *both: xp.sum(both[0] * both[1]), {"w": 3.0, "b": 2.0}),
        (lambda **all_: all_["w"] * all_["np"], {"w": 3.0, "np": 2.0}),
        (lambda xp, w, p=2: w**p, {"w": 3.0}),
        (powers, {"w": 3.0}),
        (total, {"w": ["0.1", Fraction(1, 3), Decimal("2")]}),
        (total, {"w": np.ma.array([1.0, 2.0])}),
    ]:
        assert harness.check(function, backends=list(QUICK), dtypes=("float64",), **inputs).ok


def test_a_notebook_shows_a_fragment_without_scripts() -> None:
    html = harness.check(lambda w: w**2, backends=QUICK, w=3.0)._repr_html_()
    assert "<table" in html
    assert "<script" not in html


FLAGS = """
import jax, torch
before = jax.config.jax_enable_x64, torch.get_num_threads(), jax.numpy.asarray(1.5).dtype
import harness
print(harness.check(lambda w: w**2, w=3.0, backends=("torch", "jax")))
assert (jax.config.jax_enable_x64, torch.get_num_threads(), jax.numpy.asarray(1.5).dtype) == before, "flags changed"
again = harness.check(lambda w: w**2, w=3.0, backends=("torch", "jax"))
assert [cell.cls for cell in again.cells] == ["pass", "pass"]
"""


@pytest.mark.needs("tensorflow", "torch", "jax")
def test_global_flags_stay_as_they_were(tmp_path: Path) -> None:
    root = Path(__file__).parent.parent
    command = [sys.executable, "-c", FLAGS]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr


def test_a_script_without_a_main_guard_runs(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import harness\nprint(harness.check(lambda w: w**2, w=3.0, backends=('sympy',)))\n")
    env = {"PYTHONPATH": str(Path(__file__).parent.parent), "PATH": ""}
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False, env=env, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "6.0000000000000000" in done.stdout


@pytest.mark.needs("tensorflow", "torch", "jax")
def test_a_loop_of_a_hundred_steps_is_unrolled_and_judged_on_every_engine() -> None:
    def descent(xp: Any, w: Any) -> Any:
        for _ in range(100):
            w = w - 0.01 * xp.sin(w)
        return w * w

    assert {cell.cls for cell in harness.check(descent, w=2.0).cells} == {"pass"}


def test_an_entry_too_small_for_the_certificate_is_no_fault_of_a_rule() -> None:
    found = harness.check(lambda xp, x: xp.nn.logsumexp(x, axis=0), backends=("finite_difference",), x=[1e20, 5e19])
    assert [(cell.verdict, cell.diagnosis, cell.cls) for cell in found.cells] == [
        ("NO-TRUTH", "precision", "inconclusive")
    ]
    assert "nothing can be told of that one" in found.cells[0].reason
    assert not found.ok
