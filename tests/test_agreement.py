"""What is agreement: nothing fails, and what counts was judged at each point and dtype."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import msgspec
import pytest

import harness
from harness import Agreement
from harness.run.records import CellLine

FRAMEWORKS = ("tensorflow", "torch", "jax")


def cancelling(xp: Any, w: Any) -> Any:
    """J(w) = (exp w - 1)/w, of which nothing is left in float64 near 0."""
    return (xp.exp(w) - 1) / w


@cache
def passed() -> CellLine:
    (cell,) = harness.check(lambda w: w**2, backends=("sympy",), w=3.0).cells
    return cell


@cache
def judged() -> Agreement:
    return harness.check(lambda w: w**2, backends=("sympy",), w=3.0)


def agreement(*read: str, named: tuple[str, ...] = (), spelling: str = "xp") -> Agreement:
    """Return the agreement of cells that are written "backend verdict", or "backend verdict point dtype"."""
    cells = []
    for one in read:
        backend, verdict, point, dtype = (*one.split(), *("here", "float64")[len(one.split()) - 2 :])
        cls = {"AGREE": "pass", "DISAGREE": "fail"}.get(verdict, "inconclusive")
        change = {"backend": backend, "verdict": verdict, "cls": cls, "point": point, "dtype": dtype}
        cells.append(msgspec.structs.replace(passed(), **change, spelling=spelling, id="/".join(one.split())))
    return replace(judged(), run=msgspec.structs.replace(judged().run, cells=tuple(cells)), named=named)


@pytest.mark.needs("tensorflow", "torch", "jax")
def test_engines_that_could_not_be_judged_do_not_agree() -> None:
    with pytest.raises(harness.Disagreement) as raised:
        harness.assert_agree(cancelling, w=1e-12)
    sentence, *table = str(raised.value).splitlines()
    assert sentence == (
        "check.cancelling at here in float64: no framework could be judged (TensorFlow, PyTorch, JAX: "
        "ILL-CONDITIONED); take another point, or name those that suffice, backends=('sympy', 'finite_difference')"
    )
    assert "nothing can be told in this dtype" in "\n".join(table)
    assert harness.assert_agree(cancelling, w=0.5).ok


def test_where_engines_that_suffice_are_named_no_other_is_missed() -> None:
    assert harness.assert_agree(cancelling, backends=("sympy", "finite_difference"), w=1e-12).doubts == ()


AGREE = {
    "all": ("tensorflow AGREE", "torch AGREE", "jax AGREE", "sympy AGREE", "finite_difference AGREE"),
    "one of three": ("tensorflow ILL-CONDITIONED", "torch AGREE", "jax SUSPECT", "sympy AGREE"),
    "no framework is installed": (*(f"{name} NOT-INSTALLED" for name in FRAMEWORKS), "sympy AGREE"),
    "no framework can say it": (*(f"{name} UNSUPPORTED" for name in FRAMEWORKS), "sympy AGREE"),
    "neither": ("tensorflow NOT-INSTALLED", "torch UNSUPPORTED", "finite_difference AGREE", "sympy UNSUPPORTED"),
    "no reference beside a framework": ("jax AGREE", "sympy UNSUPPORTED", "finite_difference NO-REFERENCE"),
    "one of the others": ("sympy UNDEFINED", "finite_difference AGREE"),
    "each point by another": ("torch AGREE a", "jax SUSPECT a", "torch SUSPECT b", "jax AGREE b"),
}


@pytest.mark.parametrize("name", AGREE)
def test_what_is_judged_where_it_counts_is_agreement(name: str) -> None:
    found = agreement(*AGREE[name])
    assert (found.ok, found.doubts, found.complaint) == (True, (), "")


OTHERS = "take another point, or name those that suffice, backends=('sympy',)"
DOUBTFUL = {
    "all frameworks": (
        (*(f"{name} ILL-CONDITIONED" for name in FRAMEWORKS), "sympy AGREE"),
        f"no framework could be judged (TensorFlow, PyTorch, JAX: ILL-CONDITIONED); {OTHERS}",
    ),
    "the one that is installed": (
        ("tensorflow NOT-INSTALLED", "torch SUBGRADIENT(mixed)", "jax UNSUPPORTED", "sympy AGREE"),
        f"no framework could be judged (PyTorch: SUBGRADIENT(mixed)); {OTHERS}",
    ),
    "for two reasons": (
        ("tensorflow SUSPECT", "torch KINK-ARTEFACT", "jax SUSPECT", "sympy AGREE"),
        "(TensorFlow, JAX: SUSPECT, PyTorch: KINK-ARTEFACT)",
    ),
    "nobody": (
        ("torch NO-TRUTH", "sympy NO-TRUTH"),
        "no framework could be judged (PyTorch: NO-TRUTH); take another point, or see the reasons below",
    ),
    "none is there": (
        ("torch NOT-INSTALLED", "sympy UNSUPPORTED", "finite_difference NO-REFERENCE"),
        "no engine could be judged (finite differences: NO-REFERENCE); take another point",
    ),
    "none at all": (("torch NOT-INSTALLED",), "no engine could be judged (PyTorch: NOT-INSTALLED)"),
    "one point of two": (
        ("torch AGREE a", "sympy AGREE a", "torch SUSPECT b", "sympy AGREE b"),
        "check.function at b in float64: no framework could be judged (PyTorch: SUSPECT)",
    ),
    "one dtype of two": (
        ("torch AGREE here float64", "torch ILL-CONDITIONED here bfloat16"),
        "check.function at here in bfloat16: no framework could be judged (PyTorch: ILL-CONDITIONED)",
    ),
    "no cells": ((), "nothing was judged; name other backends or dtypes"),
}


@pytest.mark.parametrize("name", DOUBTFUL)
def test_what_was_not_judged_is_told_in_one_sentence(name: str) -> None:
    read, sentence = DOUBTFUL[name]
    found = agreement(*read)
    (doubt,) = found.doubts
    assert not found.ok
    assert sentence in doubt
    assert found.complaint.splitlines()[0] == doubt


def test_a_failure_is_told_and_no_doubt_beside_it_hides_it() -> None:
    found = agreement("tensorflow ILL-CONDITIONED", "torch DISAGREE", "sympy AGREE")
    assert (found.ok, found.doubts) == (False, ())
    assert "✗ DISAGREE" in found.complaint
    elsewhere = agreement("torch SUSPECT a", "torch DISAGREE b")
    assert not elsewhere.ok
    assert "✗ DISAGREE" in elsewhere.complaint


def test_what_is_named_or_written_by_hand_has_to_pass_itself() -> None:
    beside = agreement("torch AGREE", "jax SUSPECT", named=("torch", "jax"))
    assert beside.doubts == ("jax was named, and passes nowhere: JAX: SUSPECT",)
    missing = agreement("torch AGREE", "jax NOT-INSTALLED", named=("torch", "jax"))
    assert missing.doubts == ("jax was named, and passes nowhere: JAX: NOT-INSTALLED",)
    ported = agreement("torch AGREE", "jax SUSPECT", spelling="mine")
    assert ported.doubts == ("mine on jax is written by hand, and passes nowhere: JAX mine: SUSPECT",)
    assert agreement("torch AGREE", "jax NOT-INSTALLED", spelling="mine").ok
    assert not agreement("torch AGREE", "jax UNSUPPORTED", spelling="mine").ok
