"""Ports without a truth: a framework votes once, a tie decides nothing, own values convict, a NaN can only fail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from harness.backends.blackbox import NARROW, OWN, SPREAD, Blackbox
from harness.judge import Class, Judgement
from harness.judge.panel import Panel
from harness.judge.port import Port
from harness.measurement import Failure, Measurement, Partial, Trouble

BAR, NAN = 1e-12, float("nan")
RIGHT = [1.0, -2.0, 0.5]
OTHER = [1.0, -2.0, 0.75]


def terms(values: Any, bar: float) -> dict[str, Any]:
    part = np.full(np.shape(values), bar / 4)
    return {SPREAD: 2 * part, NARROW: part, OWN: part}


def port(
    name: str,
    gradient: Any = RIGHT,
    *,
    value: Any = 3.0,
    own: Any = None,
    bar: float = BAR,
    own_bar: float = 1e-9,
    dtype: str = "float64",
    failure: Failure | None = None,
    box: Failure | None = None,
) -> Port:
    """Return a port of w; its own differences confirm its gradient unless `own` is others, or False for none."""
    framework = name.partition("/")[0]
    if failure is not None:
        return Port(name=name, framework=framework, measurement=Measurement(failure=failure), box=failure)
    partial = None if gradient is None else Partial(values=np.array(gradient, float), dtype=dtype)
    known: Mapping[str, Partial] = {}
    if own is not False:
        slopes = np.array(RIGHT if gradient is None else gradient, float) if own is None else np.array(own, float)
        known = {"w": Partial(values=slopes, dtype="float64", bar=np.where(np.isnan(slopes), np.inf, own_bar))}
    found = Blackbox(
        terms={"": terms(value, bar)} | ({} if gradient is None else {"w": terms(gradient, bar)}),
        differences=dict(known),
    )
    measurement = Measurement(value=Partial(values=np.array(value, float), dtype=dtype), partials={"w": partial})
    return Port(name=name, framework=framework, measurement=measurement, box=box or found)


def heard(*ports: Port, dtype: str = "float64") -> list[Judgement]:
    return Panel(ports=ports, shapes={"w": (3,)}, dtype=dtype).judgements()


def words(*ports: Port, dtype: str = "float64") -> list[str]:
    found = heard(*ports, dtype=dtype)
    assert all("estimated" in one.reason or one.verdict.rule < 7 for one in found), [one.reason for one in found]
    return [f"{one.verdict.word}{{{one.diagnosis}}}" if one.diagnosis else one.verdict.word for one in found]


ALONE = "contradicts its own values"


@pytest.mark.parametrize(
    ("ports", "wanted"),
    [
        ([port("tf"), port("torch"), port("jax")], ["AGREE"] * 3),
        ([port("torch"), port("jax")], ["AGREE"] * 2),
        ([port("torch", [0, 0, 0]), port("jax", [0, 0, 0])], ["AGREE{zero}"] * 2),
        # one of three
        ([port("tf"), port("torch", OTHER), port("jax")], ["AGREE", "DISAGREE{odd one out}", "AGREE"]),
        ([port("tf"), port("torch", OTHER, own=RIGHT), port("jax")], ["AGREE", f"DISAGREE{{{ALONE}}}", "AGREE"]),
        ([port("tf"), port("torch", value=4.0), port("jax")], ["AGREE", "VALUE-MISMATCH{another function}", "AGREE"]),
        ([port("tf"), port("torch", value=3 + 1e-8), port("jax")], ["AGREE", "VALUE-MISMATCH{inaccurate}", "AGREE"]),
        (
            [port("tf"), port("torch", value=3 + 1e-5), port("jax")],
            ["AGREE", "VALUE-MISMATCH{precision leak}", "AGREE"],
        ),
        # ties
        ([port("torch", OTHER), port("jax")], ["UNDECIDED"] * 2),
        ([port("torch", value=4.0), port("jax")], ["UNDECIDED"] * 2),
        ([port("tf", OTHER), port("torch", [0, 0, 1]), port("jax")], ["UNDECIDED"] * 3),
        ([port("tf"), port("torch", OTHER), port("jax"), port("numpy", OTHER)], ["UNDECIDED"] * 4),
        # a framework counts once
        ([port("torch/a"), port("torch/b")], ["UNDECIDED"] * 2),
        ([port("jax/eager", OTHER), port("jax/jit", OTHER), port("torch")], ["UNDECIDED"] * 3),
        ([port("torch/a", OTHER), port("torch/b"), port("jax")], ["DISAGREE{odd one out}", "AGREE", "AGREE"]),
        ([port("torch/a"), port("torch/b"), port("jax")], ["AGREE"] * 3),
        # two ports, one against its own values
        ([port("torch", OTHER, own=RIGHT), port("jax")], [f"DISAGREE{{{ALONE}}}", "UNDECIDED"]),
        # the same fault twice, or a stopped gradient: nobody passes, nobody is blamed
        ([port("torch", OTHER, own=RIGHT), port("jax", OTHER, own=RIGHT)], ["UNDECIDED"] * 2),
        ([port("tf", OTHER, own=RIGHT), port("torch", OTHER, own=RIGHT), port("jax")], ["UNDECIDED"] * 3),
        # one port
        ([port("torch")], ["UNDECIDED"]),
        ([port("torch", own=False)], ["UNDECIDED"]),
        ([port("torch", OTHER, own=RIGHT)], [f"DISAGREE{{{ALONE}}}"]),
    ],
)
def test_the_panel_decides(ports: list[Port], wanted: list[str]) -> None:
    assert words(*ports) == wanted
    assert words(*reversed(ports)) == wanted[::-1]


def test_the_odd_one_is_named_and_what_it_rests_on() -> None:
    _, odd, right = heard(port("tf"), port("torch", OTHER), port("jax"))
    assert odd.reason.startswith("The odd one out: tf and jax agree with one another. w[2]: got 0.75, ")
    assert "another function, not a wrong gradient" in odd.reason
    assert "no truth" in odd.reason
    assert "torch differs" in right.reason
    assert (odd.against, right.against) == ("tf", "tf")


def test_a_tie_of_two_values_says_so_before_the_gradient() -> None:
    said = heard(port("torch", OTHER, value=3 + 1e-8), port("jax"))[0].reason
    assert "They differ before any gradient, in the value: got 3.00000001, jax 3.0" in said
    assert "w[2]" not in said


def test_of_borderline_ports_only_the_middle_one_passes() -> None:
    near, far = [1.0 + 1.5 * BAR, -2.0, 0.5], [1.0 + 3 * BAR, -2.0, 0.5]
    assert words(port("tf"), port("torch", near), port("jax", far)) == ["UNDECIDED", "AGREE", "UNDECIDED"]


def test_bars_add_up_by_name_and_every_pass_has_a_finite_resolution() -> None:
    for found in heard(port("torch"), port("jax", bar=3 * BAR)):
        (leaf,) = found.leaves
        assert list(leaf.terms.parts) == [SPREAD, NARROW, OWN]
        assert np.allclose(leaf.terms.total, 4 * BAR, rtol=1e-15)
        assert np.isfinite(leaf.resolution).all()


@pytest.mark.parametrize("bar", [float("inf"), NAN, 10.0])
def test_a_bar_that_could_not_tell_is_no_pass(bar: float) -> None:
    found = heard(port("torch", bar=bar, own=False), port("jax", own=False))
    assert {one.verdict.cls for one in found} == {Class.INCONCLUSIVE}, [one.reason for one in found]
    blind = port("numpy", bar=bar, own=False)
    assert words(port("tf"), port("torch", OTHER), port("jax"), blind)[:3] == [
        "AGREE",
        "DISAGREE{odd one out}",
        "AGREE",
    ]
    assert words(port("tf"), port("torch", OTHER), blind)[:2] == ["UNDECIDED"] * 2


@pytest.mark.parametrize("bad", [NAN, float("inf"), -float("inf")])
def test_what_is_not_finite_can_only_fail(bad: float) -> None:
    broken = [1.0, bad, 0.5]
    assert words(port("tf"), port("torch", broken, own=RIGHT), port("jax")) == ["AGREE", "NONFINITE", "AGREE"]
    assert words(port("torch", broken, own=False), port("jax")) == ["NONFINITE", "UNDECIDED"]
    assert words(port("torch", broken, own=RIGHT)) == ["NONFINITE"]
    assert words(port("torch", value=bad), port("jax")) == ["NONFINITE", "UNDECIDED"]
    everywhere = [port("torch", broken, own=False), port("jax", broken, own=False)]
    assert words(*everywhere) == ["UNDEFINED"] * 2
    slopes = port("torch", RIGHT, own=[1.0, NAN, 0.5])
    assert words(slopes, port("jax")) == ["AGREE"] * 2


def test_forms_come_before_numbers() -> None:
    assert words(port("torch", [1.0, 2.0], own=False), port("tf"), port("jax")) == ["SHAPE", "AGREE", "AGREE"]
    assert words(port("torch", dtype="float32"), port("tf"), port("jax")) == ["DTYPE", "AGREE", "AGREE"]
    assert words(port("torch", value=[3.0]), port("tf"), port("jax")) == ["SHAPE", "AGREE", "AGREE"]


def test_a_leaf_that_did_not_come_back_is_disconnected_where_it_matters() -> None:
    assert words(port("torch", None, own=False), port("jax")) == ["DISCONNECTED", "UNDECIDED"]
    assert words(port("torch", None)) == ["DISCONNECTED"]
    zero = [port("torch", None, own=[0, 0, 0]), port("jax", [0, 0, 0])]
    assert words(*zero) == ["AGREE{zero}"] * 2


@pytest.mark.parametrize(
    ("trouble", "word", "cls"),
    [(Trouble.TIMEOUT, "TIMEOUT", "fail"), (Trouble.NOT_INSTALLED, "NOT-INSTALLED", "inconclusive")],
)
def test_a_port_without_a_gradient_does_not_count(trouble: Trouble, word: str, cls: str) -> None:
    gone = port("tf", failure=Failure(trouble=trouble, sentence="Gone, with estimated hope."))
    found = heard(gone, port("torch", OTHER), port("jax"))
    assert [one.verdict.word for one in found] == [word, "UNDECIDED", "UNDECIDED"]
    assert found[0].verdict.cls == cls
    assert words(gone, port("torch"), port("jax"))[1:] == ["AGREE", "AGREE"]


def test_without_an_error_bar_nothing_is_compared() -> None:
    slow = port("torch", box=Failure(trouble=Trouble.TIMEOUT, sentence="No answer within 60 s."))
    assert words(slow, port("jax")) == ["UNDECIDED", "UNDECIDED"]
    assert words(slow, port("tf"), port("jax")) == ["UNDECIDED", "AGREE", "AGREE"]


def test_what_lies_just_outside_of_estimated_bars_is_not_blamed() -> None:
    def beside(bars: float) -> list[str]:
        return words(port("tf"), port("torch", [1.0 + 2 * bars * BAR, -2.0, 0.5]), port("jax"))

    assert beside(0.9) == ["AGREE"] * 3
    assert beside(3.9) == ["AGREE", "UNDECIDED", "AGREE"]
    assert beside(4.1) == ["AGREE", "DISAGREE{odd one out}", "AGREE"]
    by_value = [port("tf"), port("torch", value=3 + 6 * BAR), port("jax")]
    assert words(*by_value) == ["AGREE", "UNDECIDED", "AGREE"]


def test_at_a_kink_the_odd_one_is_not_blamed() -> None:
    lost = [NAN, -2.0, 0.5]
    kinked = [port("tf", own=lost), port("torch", [0.0, -2.0, 0.5], own=lost), port("jax", own=lost)]
    found = heard(*kinked)
    assert [one.verdict.word for one in found] == ["AGREE", "UNDECIDED", "AGREE"]
    assert "a kink or a jump" in found[1].reason
    known = [port("tf"), port("torch", [0.0, -2.0, 0.5], own=lost), port("jax", own=lost)]
    assert words(*known)[1] == "DISAGREE{odd one out}"
