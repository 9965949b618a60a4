"""How users' functions are given their inputs: by name or in order, and never some by one and some by the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness import Case, DeclarationError, case, data, param
from harness.spelling import port

Function = Callable[..., Any]
INPUTS: dict[str, Any] = {"w": param(), "x": data(2.0)}
NESTED: dict[str, Any] = {"layers": {"w": param(), "b": param()}, "x": data(2.0)}


def declared(function: Function, inputs: dict[str, Any] = INPUTS) -> Case:
    point = {"layers": {"w": 1.0, "b": 1.0}} if inputs is NESTED else {"w": 1.0}
    return case(**inputs, points=[point], name="cost")(function)


def native(function: Function, inputs: dict[str, Any] = INPUTS) -> Case:
    made = declared(lambda **given: given["x"], inputs)
    made.native("torch", spelling="mine")(function)
    return made


def backward(function: Function, inputs: dict[str, Any] = INPUTS) -> Case:
    made = declared(lambda **given: given["x"], inputs)
    made.backward(function)
    return made


def ported(function: Function, inputs: dict[str, Any] = INPUTS) -> Any:
    return port(function, "jax", owner="test_spelling.cost", inputs=declared(lambda **given: given["x"], inputs).inputs)


WAYS: dict[str, tuple[Callable[..., Any], str]] = {
    "case": (declared, "test_spelling.cost takes"),
    "native": (native, "test_spelling.cost: the spelling mine on torch takes"),
    "backward": (backward, "test_spelling.cost: the backward mixed takes"),
    "port": (ported, "test_spelling.cost: the port of jax takes"),
}
MIXED: dict[str, tuple[str, str]] = {
    "swapped": ("x, v", "x, v, is given w, x: some of one name and some not; no parameter is named w"),
    "renamed": ("w, v", "w, v, is given w, x: some of one name and some not; no parameter is named x"),
    "fewer": ("w", "w, is given w, x: some of one name and some not; no parameter is named x"),
    "default": ("v, x=1.0", "v, x, is given w, x: some of one name and some not; no parameter is named w"),
    "keyword": ("v, *, x=1.0", "v, x, is given w, x: some of one name"),
    "rest in another order": ("x, *rest", "x, is given w, x: some of one name and some not; no parameter is named w"),
}
IN_ORDER = ("a, b", "x, w", "w, x", "w, *rest", "*both", "**given", "w, x, p=2", "v, **x", "w, *, x")
"""Each is called without a mix-up, or fails aloud."""


def written(parameters: str, first: str) -> Function:
    scope: dict[str, Any] = {}
    text = f"def mixed({', '.join(filter(None, (first, parameters)))}): return 1.0"
    exec(compile(text, __file__, "exec"), scope)
    function: Function = scope["mixed"]
    return function


def module(way: str) -> str:
    """Return the module that such a function has first."""
    return {"case": "xp", "native": "torch", "backward": "np", "port": "jnp"}[way]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", MIXED)
def test_inputs_of_which_some_are_named_as_parameters_are_refused(way: str, name: str) -> None:
    declare, who = WAYS[way]
    parameters, sentence = MIXED[name]
    takes, given = sentence.split(" is given ")
    first = module(way)
    with pytest.raises(DeclarationError) as refusal:
        declare(written(parameters, first))
    assert f"{who} {first}, {takes} is given {first}, {given}" in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("way", WAYS)
def test_so_they_are_where_no_module_is_asked_for(way: str) -> None:
    declare, who = WAYS[way]
    with pytest.raises(DeclarationError, match="give the inputs and the parameters the same names") as refusal:
        declare(written("x, v", ""))
    assert f"{who} x, v, is given w, x: some of one name" in str(refusal.value)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("parameters", IN_ORDER)
def test_what_is_not_mixed_up_is_taken_as_before(way: str, parameters: str) -> None:
    WAYS[way][0](written(parameters, module(way)))


@pytest.mark.parametrize("way", WAYS)
def test_a_dictionary_is_given_by_its_own_name(way: str) -> None:
    declare, who = WAYS[way]
    for parameters in ("layers, x", "x, layers", "net, feature"):
        declare(written(parameters, module(way)), NESTED)
    with pytest.raises(DeclarationError, match=r"is given .*layers, x: .* no parameter is named layers") as refusal:
        declare(written("x, net", module(way)), NESTED)
    assert who in str(refusal.value)


def test_a_native_whose_first_parameter_is_no_input_gets_the_module_there() -> None:
    with pytest.raises(DeclarationError, match=r"takes weight, x, is given torch, w, x: .* no parameter is named w"):
        native(written("weight, x", ""))
    native(written("module, w, x", ""))


def test_an_input_that_is_named_as_a_module_is_told() -> None:
    inputs = {"np": param(), "w": data(1.0)}
    with pytest.raises(DeclarationError, match="a first parameter named np gets the module; rename that input"):
        case(**inputs, points=[{"np": 1.0}], name="cost")(lambda np, w: np * w)


def test_a_case_without_a_definition_has_no_parameters_to_name() -> None:
    def ported() -> None:
        """J(w) = w x."""

    assert declared(ported).function is None


def test_a_lambda_is_called_by_what_it_stands_for() -> None:
    made = declared(lambda w, x: w * x)
    made.native("torch")(lambda w, x: w * x)
    made.backward(lambda w, x: x)
    assert [(one.backend, one.name) for one in made.natives] == [("torch", "port"), ("numpy", "backward")]
    with pytest.raises(DeclarationError, match=r"cost: the backward takes w, v, is given w, x"):
        made.backward(lambda w, v: v)
