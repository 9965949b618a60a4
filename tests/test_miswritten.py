"""What is slightly miswritten in a declaration or a call is told with what to write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness import assert_agree, case, check, data, param
from harness.api import OPTIONS
from harness.cli.asked import check_matched, emptiness
from harness.declare import Case, DeclarationError
from harness.points import PointError
from harness.run.execute import Order
from harness.run.plan import Selection, SelectionError
from harness.xp.trace import Leaf, NotTraceable, trace

LEAF = Leaf(shape=(), kind="real", param=True)


def _cost() -> Case:
    @case(w=param(), points=[{"w": 3.0}])
    def cost(xp: Any, w: Any) -> Any:
        return w**2

    return cost


def _plain(w: Any) -> Any:
    return 2 * w


def _late(w: Any, xp: Any) -> Any:
    return xp.sum(w)


BRACKETS: dict[str, tuple[Callable[[], Any], str]] = {
    "case": (lambda: case(_plain), r"write @case\(w=param\(\), points="),
    "native": (lambda: _cost().native(_plain), r"write @cost\.native\('torch'\)"),  # type: ignore[arg-type]
    "backward": (lambda: _cost().backward()(_plain), r"write @cost\.backward without brackets"),  # type: ignore[misc]
    "backward of a name": (lambda: _cost().backward("numpy"), r"@cost\.backward without brackets"),  # type: ignore[type-var]
    "backward with options": (lambda: _cost().backward(_plain, spelling="a"), r"without options"),
    "late namespace": (lambda: case(w=param(), points=[{"w": 1}])(_late), r"write xp first: \(xp, w\)"),
    "late module": (lambda: _cost().native("torch")(lambda w, torch: w), r"write torch first: \(torch, w\)"),
    "checked": (lambda: check(_late, w=3.0), r"write xp first: \(xp, w\)"),
}


@pytest.mark.parametrize("use", BRACKETS)
def test_brackets_and_the_first_parameter(use: str) -> None:
    written, advice = BRACKETS[use]
    with pytest.raises(DeclarationError, match=advice):
        written()


def test_the_same_as_it_is_meant() -> None:
    cost = _cost()
    assert cost.backward(_plain) is _plain
    assert cost.native("torch")(_plain) is _plain


def test_what_cannot_be_called_is_told_at_its_definition() -> None:
    with pytest.raises(NotTraceable, match=rf"{__file__}:\d+: it takes xp, is given xp, w: .* give one input for each"):
        trace(lambda xp: xp.pi, {"w": LEAF}, "here")
    with pytest.raises(NotTraceable, match="rename xp, since a first parameter of that name gets the namespace"):
        trace(lambda xp: xp**2, {"xp": LEAF}, "here")


ORDERED: dict[str, tuple[Any, dict[str, Any]]] = {
    "one": (lambda w, /: w**2, {"w": 3.0}),
    "some": (lambda xp, w, /, b: xp.exp(w) * b, {"w": 3.0, "b": 2.0}),
    "port": ({"torch": lambda w, b, /: w**2 * b}, {"reference": lambda w, b: w**2 * b, "w": 3.0, "b": 2.0}),
    "backward": (lambda w, b: w**2 * b, {"backward": lambda w, b, /: (2 * w * b, w**2), "w": 3.0, "b": 2.0}),
}


@pytest.mark.parametrize("use", ORDERED)
def test_parameters_before_a_slash_are_given_in_order(use: str) -> None:
    function, asked = ORDERED[use]
    if use == "port":
        pytest.importorskip("torch")
    assert_agree(function, **asked)


@pytest.mark.parametrize("function", [lambda w, b, /: w**2 * b, lambda b, /, *, w: w**2 * b])
def test_parameters_before_a_slash_are_not_mixed_up(function: Any) -> None:
    with pytest.raises(DeclarationError, match="leave the / out"):
        check(function, b=2.0, w=3.0)
    with pytest.raises(DeclarationError, match="leave the / out"):
        case(b=param(), w=param(), points=[{"b": 2.0, "w": 3.0}], name="slash")(function)


@pytest.mark.parametrize("name", ["dtype", "backend", "profile", "seed", "timeout", "points", "refernce"])
def test_an_option_that_there_is_not(name: str) -> None:
    meant = {"dtype": "did you mean dtypes", "backend": "did you mean backends", "refernce": "did you mean reference"}
    sentence = f"check has no option {name}; {meant.get(name, 'it belongs to `case` or `gradharness run`')}"
    for function in (lambda w: w**2, {"torch": lambda w: w**2}):
        with pytest.raises(DeclarationError, match=sentence) as caught:
            check(function, w=3.0, **{name: "float32"})
        assert str(caught.value).endswith(", ".join(OPTIONS))


def test_an_input_has_the_name_of_an_option_where_a_parameter_has() -> None:
    assert_agree(lambda w, seed: w**2 * seed, w=3.0, seed=2.0)


class Foreign:
    """An array of another library."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.ones(2)

    def __repr__(self) -> str:
        return "tensor([1., 1.])"

    def numpy(self) -> Any:
        return np.ones(2)


class Listing(Foreign):
    """One that can be made a list."""

    def tolist(self) -> list[float]:
        return [1.0, 1.0]


@pytest.mark.parametrize(("given", "advice"), [(Foreign(), r"\.numpy\(\)\.tolist\(\)"), (Listing(), r"as \.tolist")])
def test_arrays_of_other_libraries_are_no_points(given: Any, advice: str) -> None:
    with pytest.raises(PointError, match=rf"tensor\(\[1., 1.\]\) is an array of another library; .*{advice}"):
        check(lambda w: w[0] * w[1], w=given)
    assert_agree(lambda w: w[0] * w[1], w=Listing().tolist())


def test_integers_beyond_int64() -> None:
    for value in (2**70, -(2**70)):
        with pytest.raises(DeclarationError, match=rf"data with the integer {value}, which is beyond int64"):
            data([1, value])
    with pytest.raises(DeclarationError, match="data of dtype object"):
        data([None])
    assert data([1, 2**62]).kind == "int"


def test_a_part_of_the_cases_that_holds_nothing_says_so() -> None:
    def order(shard: tuple[int, int], keyword: str = "") -> Order:
        return Order(cases=(_cost(), replace(_cost(), id="a.zeta")), selection=Selection(shard=shard, keyword=keyword))

    assert emptiness(order((2, 2))) == ""
    said = "--shard 3/3 holds no case: there are 2 cases, dealt out in turn; ask for at most 2 parts"
    assert emptiness(order((3, 3))) == said
    assert emptiness(order((1, 2), "zeta")) == "--shard 1/2 holds no cell that has -k zeta; the other parts do"
    check_matched(order((3, 3)))
    check_matched(order((1, 2), "zeta"))
    for shard in ((1, 1), (1, 2), (3, 3)):
        with pytest.raises(SelectionError, match="nothing matched: no cell of 2 cases has -k nosuch"):
            check_matched(order(shard, "nosuch"))
