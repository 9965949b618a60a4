"""Cases, inputs and points: what fits is kept exactly, what does not fit has its sentence."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from harness import Case, DeclarationError, PointError, case, data, draw, param, point


def square(xp: Any, w: Any) -> Any:
    """J(w) = w²."""
    return w**2


def made(**options: Any) -> Case:
    return case(**({"w": param(), "points": [dict(w=3.0)]} | options))(square)


def test_a_case_knows_its_place_and_text() -> None:
    found = made()
    assert found.id == "test_declare.square"
    assert found.title == "J(w) = w²."
    assert found.file == __file__
    assert "return w**2" in found.definition


def test_points_are_labelled_in_order() -> None:
    found = made(points=[dict(w=3.0), point("at_two", w=2), draw(), dict(w=1), "zero", draw()])
    assert [p.label for p in found.points] == ["p0", "at_two", "draw0", "p1", "zero", "draw1"]


def test_decimal_text_is_exact() -> None:
    found = made(points=[dict(w="3.01"), dict(w=3.01)])
    assert [found.exact(p)["w"].item() for p in found.points] == [Fraction(301, 100)] * 2
    assert found.numbers(found.points[0])["w"] == 3.01


def test_draws_depend_on_case_and_seed_alone() -> None:
    shaped = case(w=param(shape=(4,), domain=(-1, 2)), points=[draw(), draw()])(square)
    first, second = (shaped.numbers(p)["w"] for p in shaped.points)
    again = shaped.numbers(shaped.points[0])["w"]
    other = shaped.numbers(shaped.points[0], seed=1)["w"]
    assert np.array_equal(first, again)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, other)
    assert np.all((first > -1) & (first < 2))
    assert all(Fraction(str(x)).denominator <= 1000 for x in first)


def test_a_number_fills_its_leaf_and_nested_inputs_have_paths() -> None:
    nested = case(
        layers={"first": {"w": param(shape=(2, 2)), "b": param(shape=2)}},
        x=data([[1.0, 2.0]]),
        points=[dict(layers={"first": {"w": [[1, 2], [3, 4]], "b": 0.5}})],
    )(square)
    assert list(nested.inputs) == ["layers.first.w", "layers.first.b", "x"]
    numbers = nested.numbers(nested.points[0])
    assert numbers["layers.first.b"].tolist() == [0.5, 0.5]
    assert numbers["layers.first.w"].tolist() == [[1, 2], [3, 4]]


def test_data_keeps_its_kind() -> None:
    given = {"i": data([0, 2]), "m": data([True, False]), "x": data([0.5, 1.0])}
    found = case(w=param(), **given, points=[dict(w=3.0)])(lambda w, i, m, x: w**2)
    assert [found.inputs[name].kind for name in "imx"] == ["int", "bool", "real"]
    assert found.numbers(found.points[0])["i"].dtype == np.int64
    value = found.inputs["x"].value
    assert value is not None
    assert not value.flags.writeable


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "id_of_spaces": ({"name": "my loss"}, "'my loss' cannot stand in an id"),
    "id_of_markup": ({"name": "</script>"}, "letters a-z, digits and _"),
    "id_of_marks": ({"name": "a\u202eb"}, "cannot stand in an id"),
    "id_of_emoji": ({"name": "\U0001f600"}, "cannot stand in an id"),
    "id_of_quotes": ({"name": "a'b"}, "cannot stand in an id"),
    "no_points": ({"points": []}, "has no points; write points=[dict(w=…)]"),
    "no_params": ({"w": data(1.0)}, "has no param() to differentiate"),
    "unknown_input": ({"points": [dict(v=1.0)]}, "there is no input v; inputs are w"),
    "missing_value": ({"points": [{}]}, "no value for w; write w=…"),
    "shape": ({"points": [dict(w=[1.0, 2.0])]}, "got shape (2,), declared is ()"),
    "ragged": ({"w": param(shape=(2, 2)), "points": [dict(w=[[1], [1, 2]])]}, "rows of different lengths"),
    "outside": ({"w": param(domain=(0, 1)), "points": [dict(w=3.0)]}, "w = 3.0 lies outside its domain (0, 1)"),
    "outside_entry": ({"w": param(shape=2, domain=(0, 1)), "points": [dict(w=[0, -1])]}, "w[1] = -1.0 lies outside"),
    "text": ({"points": [dict(w="three")]}, "'three' is no decimal text such as '3.01'"),
    "nan": ({"points": [dict(w=float("nan"))]}, "is not a finite number"),
    "nan_text": ({"points": [dict(w="nan")]}, "is not a finite number"),
    "infinite": ({"points": [dict(w=np.array(np.inf))]}, "is not a finite number"),
    "none": ({"points": [dict(w=None)]}, "no value for w"),
    "boolean": ({"points": [dict(w=True)]}, "is not a real number"),
    "mask": ({"w": param(shape=2), "points": [dict(w=[True, False])]}, "labels are data: write data([True, …])"),
    "label": ({"points": [point("at kink", w=1)]}, "use lower-case letters, digits and _"),
    "label_twice": ({"points": [point("a", w=1), point("a", w=2)]}, "two points are labelled 'a'"),
    "label_taken": ({"points": [point("p0", w=1), dict(w=2), dict(w=3), point("p2", w=1)]}, "two points are labelled"),
    "not_a_point": ({"points": ["one"]}, "'one' is not a point"),
    "not_an_input": ({"v": 3.0}, "write v=param(…) or v=data(…)"),
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_a_wrong_declaration_says_what_to_write(name: str) -> None:
    options, sentence = WRONG[name]
    with pytest.raises((DeclarationError, PointError)) as refusal:
        made(**options)
    assert sentence in str(refusal.value)


def test_a_case_of_no_domain_needs_no_bounds() -> None:
    assert made(points=[dict(w=1e300)]).numbers(made(points=[dict(w=1e300)]).points[0])["w"] == 1e300
