"""`check` and `assert_agree`: one function and a doubt, in a script or a notebook."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
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


def test_inputs_that_do_not_fit_are_refused() -> None:
    with pytest.raises(harness.DeclarationError, match="no param"):
        harness.check(lambda x: x[0], backends=QUICK, x=np.array([1, 2]))
    with pytest.raises(harness.PointError, match="not a finite number"):
        harness.check(lambda x: x[0], backends=QUICK, x=[float("nan"), 1.0])


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
