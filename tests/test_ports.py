"""Ports: one function in several frameworks, judged by its definition in xp."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import harness
from harness import DeclarationError, case, data, param

pytestmark = pytest.mark.needs("torch")
Port = Callable[..., Any]
POINT = {"w": [0.3, -1.2, 2.0], "x": data([1.0, 0.5, -1.0])}


def definition(xp: Any, w: Any, x: Any) -> Any:
    """J(w) = mean tanh(w x)."""
    return xp.mean(xp.tanh(w * x))


def in_tensorflow(tf: Any, w: Any, x: Any) -> Any:
    return tf.reduce_mean(tf.tanh(w * x))


def in_torch(torch: Any, w: Any, x: Any) -> Any:
    return torch.tanh(w * x).mean()


def in_jax(jnp: Any, w: Any, x: Any) -> Any:
    return jnp.tanh(w * x).mean()


PORTS = {"tensorflow": in_tensorflow, "torch": in_torch, "jax": in_jax}


@pytest.mark.needs("tensorflow", "jax")
def test_ports_are_judged_beside_their_definition() -> None:
    found = harness.assert_agree(PORTS, reference=definition, **POINT)
    spelt = {(cell.backend, cell.spelling): cell.cls for cell in found.cells}
    assert spelt == dict.fromkeys(
        [(name, spelling) for name, port in PORTS.items() for spelling in ("xp", port.__name__)]
        + [("sympy", "xp"), ("finite_difference", "xp")],
        "pass",
    )
    assert {cell.case for cell in found.cells} == {"check.definition"}


WRONG: dict[str, tuple[Port, str, str]] = {
    "sum": (lambda torch, w, x: torch.tanh(w * x).sum(), "VALUE-MISMATCH", "another function"),
    "leak": (lambda torch, w, x: torch.tanh((w * x).float()).mean().double(), "VALUE-MISMATCH", "precision leak"),
    "detached": (lambda torch, w, x: torch.tanh(w.detach() * x).mean() + 0 * w.sum(), "DEAD-LEAF", "is missing"),
    "half": (lambda torch, w, x: torch.tanh((w / 2 + w.detach() / 2) * x).mean(), "DISAGREE", "counts half"),
    "raises": (lambda torch, w, x: torch.no_such_thing(w), "ERROR", ""),
    "array": (lambda torch, w, x: torch.tanh(w * x), "ERROR", ""),
    "numpy": (lambda torch, w, x: np.tanh(w.detach().numpy() * x.numpy()).mean(), "ERROR", ""),
    "float": (lambda w, x: 1.0, "ERROR", ""),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_port_is_caught(name: str) -> None:
    port, verdict, diagnosis = WRONG[name]
    found = harness.check({"torch": port}, reference=definition, backends=("torch",), **POINT)
    own, cell = found.cells
    assert (own.spelling, own.cls) == ("xp", "pass")
    assert (cell.spelling, cell.verdict, cell.cls) == ("port", verdict, "fail"), cell.reason
    assert diagnosis in cell.diagnosis
    with pytest.raises(harness.Disagreement, match=verdict):
        harness.assert_agree({"torch": port}, reference=definition, backends=("torch",), **POINT)


CALLS: dict[str, Port] = {
    "alias": in_torch,
    "xp": lambda xp, w, x: xp.tanh(w * x).mean(),
    "arrays only": lambda w, x: (w * x).tanh().mean(),
    "in order": lambda weight, feature: (weight * feature).tanh().mean(),
    "anything": lambda **given: (given["w"] * given["x"]).tanh().mean(),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_port_is_called_as_it_asks(name: str) -> None:
    found = harness.check({"torch": CALLS[name]}, reference=definition, backends=("torch",), **POINT)
    assert [cell.cls for cell in found.cells] == ["pass", "pass"], found


@pytest.mark.needs("jax")
def test_jax_means_one_of_two_modules() -> None:
    both = {"jax": lambda jax, w, x: jax.numpy.tanh(w * x).mean()}
    found = harness.check(both, reference=definition, backends=("jax",), **POINT)
    assert [cell.cls for cell in found.cells] == ["pass", "pass"], found


def test_a_declared_case_may_be_the_reference_and_keeps_its_own_spellings() -> None:
    declared = case(w=param(shape=3), x=data([1.0, 0.5, -1.0]), points=[dict(w=["0.3", "-1.2", 2])])(definition)
    found = harness.check({"torch": in_torch}, reference=declared, backends=("torch",))
    assert [cell.spelling for cell in found.cells] == ["xp", "in_torch"]
    assert declared.natives == []
    beside = harness.check(declared, backward=lambda w, x: x / 3 / np.cosh(w * x) ** 2, backends=("torch",))
    assert [(cell.backend, cell.cls) for cell in beside.cells] == [("torch", "pass"), ("numpy", "pass")]
    assert declared.natives == []


def test_ports_without_a_definition_are_not_judged_and_never_green() -> None:
    found = harness.check({"torch": in_torch, "jax": in_jax}, **POINT)
    assert [(cell.backend, cell.verdict, cell.cls) for cell in found.cells] == [
        ("torch", "UNSUPPORTED", "inconclusive"),
        ("jax", "UNSUPPORTED", "inconclusive"),
    ]
    sentence = "ports are compared with a definition in xp, and none is given; write reference=…"
    assert {cell.reason for cell in found.cells} == {f"check.ports is not judged: {sentence}"}
    assert sentence in str(found)
    with pytest.raises(harness.Disagreement, match="write reference=…"):
        harness.assert_agree({"torch": in_torch, "jax": in_jax}, **POINT)


@pytest.mark.parametrize(
    ("given", "asked", "sentence"),
    [
        ({"pytorch": in_torch}, {"reference": definition}, "'pytorch'; did you mean torch?"),
        ({"numpy": in_torch}, {"reference": definition}, "spellings are not written for 'numpy'"),
        (definition, {"reference": definition}, "give them as {'torch': f, 'jax': g}"),
        ({}, {"reference": definition}, "give them as {'torch': f, 'jax': g}"),
        ({}, {}, "give them as {'torch': f, 'jax': g}"),
    ],
)
def test_what_is_no_dictionary_of_ports_has_its_sentence(given: Any, asked: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DeclarationError) as refusal:
        harness.check(given, **asked, **POINT)
    assert sentence in str(refusal.value)
